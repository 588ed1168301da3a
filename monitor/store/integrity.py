"""Whether the store says nothing that cannot be: every hash, every reference, every state. Reads only.

Each rule is one line of `doctor --deep`: what was looked at, how many, and the first that break it. A rule is a query
that finds what is wrong, so that a store of any size is checked in bounded memory.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, null, select, text

from monitor.facts import KINDS
from monitor.store.engine import Store
from monitor.store.records import read_suppressed
from monitor.store.scoring import NOBODY, WITHDRAWN
from monitor.store.tables import ENDPOINTS, EXHIBIT_DATA, RAW, STUDY_VERSIONS, SUPPRESSIONS

NAMED = 5
"""How many of the rows that break a rule are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one rule: `looked` rows were looked at, `broken` of them break it, the first few named."""

    rule: str
    looked: int
    broken: int
    named: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.broken


def integrity(store: Store) -> Iterator[Finding]:
    """Every rule, one finding each, all of one moment. Raises StoreError when the file cannot be read."""
    with store.read() as connection:
        yield _pages(connection)
        yield _references(connection)
        yield _raw(connection)
        yield _exhibits(connection)
        yield _versions(connection)
        yield _forgotten(connection)
        for rule, table, query in RULES:
            yield _query(connection, rule, table, query)


def _pages(connection: Connection) -> Finding:
    said = [str(line) for line in connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars()]
    faults = [] if said == ["ok"] else said
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return Finding(
        rule="every page of the file is sound", looked=pages, broken=len(faults), named=tuple(faults[:NAMED])
    )


def _references(connection: Connection) -> Finding:
    faults = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE type = 'table'").scalar_one()
    named = tuple(
        f"{table} row {row} points to a row of {parent} that is not there" for table, row, parent, _ in faults
    )
    return Finding(rule="every reference leads somewhere", looked=tables, broken=len(faults), named=named[:NAMED])


def _raw(connection: Connection) -> Finding:
    """The bytes of every arrival are those that came: hash and size; what was erased holds nothing."""
    query = select(RAW.c.sha256, RAW.c.size, RAW.c.data, RAW.c.erased_at)
    return _hashed(connection, "every raw mail has the hash it is stored under", query)


def _exhibits(connection: Connection) -> Finding:
    """The bytes of every exhibit are those that were handed in."""
    query = select(EXHIBIT_DATA.c.sha256, EXHIBIT_DATA.c.size, EXHIBIT_DATA.c.data, null())
    return _hashed(connection, "every exhibit has the hash it is stored under", query)


def _hashed(connection: Connection, rule: str, query: Select[Any]) -> Finding:
    looked, broken, named = 0, 0, list[str]()
    rows = connection.execution_options(yield_per=20).execute(query)
    for digest, size, data, erased_at in rows:
        looked += 1
        fault = _raw_fault(digest, size, data, erased=erased_at is not None)
        if fault:
            broken += 1
            if len(named) < NAMED:
                named.append(f"{digest[:16]}: {fault}")
    return Finding(rule=rule, looked=looked, broken=broken, named=tuple(named))


def _raw_fault(digest: str, size: int, data: bytes, *, erased: bool) -> str:
    if erased:
        return "erased, and yet it holds bytes" if data else ""
    if not data:
        return "holds no bytes, and yet it is not erased"
    reader, hashed, length = zlib.decompressobj(), hashlib.sha256(), 0
    try:
        pending = data
        while pending or not reader.eof:
            piece = reader.decompress(pending, 1 << 20)  # flat memory, whatever the size
            pending = reader.unconsumed_tail
            hashed.update(piece)
            length += len(piece)
            if not piece and not pending:
                break
    except zlib.error as error:
        return f"cannot be unpacked ({error})"
    if not reader.eof:
        return "is cut short"
    if hashed.hexdigest() != digest:
        return "its bytes have another hash"
    if reader.unused_data:
        return "has bytes after its end"
    return "" if length == size else f"holds {length} bytes, not {size}"


def _versions(connection: Connection) -> Finding:
    """Studies are as they were frozen: the content has the hash that is shown on the page."""
    looked, named = 0, list[str]()
    columns = (STUDY_VERSIONS.c.study, STUDY_VERSIONS.c.version, STUDY_VERSIONS.c.sha256, STUDY_VERSIONS.c.content)
    for study, version, sha256, content in connection.execute(select(*columns)):
        looked += 1
        spelt = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        if hashlib.sha256(spelt.encode()).hexdigest() != sha256:
            named.append(f"{study} version {version}")
    rule = "every study is as it was frozen"
    return Finding(rule=rule, looked=looked, broken=len(named), named=tuple(named[:NAMED]))


def _forgotten(connection: Connection) -> Finding:
    """No address of somebody forgotten is to be contacted, or stands on record as one to be left alone."""
    gone = read_suppressed(connection)
    asked = select(ENDPOINTS.c.address).where(ENDPOINTS.c.retired_at.is_(None))
    left_alone = select(SUPPRESSIONS.c.value).where(SUPPRESSIONS.c.what == "address")
    looked, broken = 0, list[str]()
    for what, query in (("endpoint", asked), ("suppression", left_alone)):
        for number, address in enumerate(connection.scalars(query), start=1):
            looked += 1
            if gone.forgot(address):
                broken.append(f"the {number}. {what}")  # the address itself is not to be said
    return Finding(
        rule="no address that was forgotten is kept", looked=looked, broken=len(broken), named=tuple(broken[:NAMED])
    )


def _query(connection: Connection, rule: str, table: str, query: str) -> Finding:
    looked = connection.scalar(select(func.count()).select_from(text(f'"{table}"'))) or 0
    broken, named = 0, list[str]()
    for row in connection.execution_options(yield_per=500).execute(text(query)):
        broken += 1
        if len(named) < NAMED:
            named.append(str(row[0]))
    return Finding(rule=rule, looked=looked, broken=broken, named=tuple(named))


STATES = "'planned', 'sending', 'deferred', 'sent', 'not_sent', 'blocked', 'unknown', 'suppressed'"

DECIDED = ", ".join(f"'{kind}'" for kind in (*KINDS, NOBODY, WITHDRAWN))

_LAST = "LEFT JOIN receipts r ON r.contact_id = c.id AND r.attempt = c.tries"


def _contacts(where: str, join: str = "") -> str:
    return f"SELECT 'probe ' || c.probe_id || ', ' || c.state FROM contacts c {join} WHERE {where}"  # noqa: S608 - ours


RULES: tuple[tuple[str, str, str], ...] = (
    (
        "every arrival has its bytes and was seen somewhere, never before its own time",
        "arrivals",
        "SELECT 'arrival ' || a.id FROM arrivals a LEFT JOIN raw w ON w.sha256 = a.sha256 WHERE w.sha256 IS NULL"
        " OR NOT EXISTS (SELECT 1 FROM sightings s WHERE s.arrival_id = a.id)"
        " OR EXISTS (SELECT 1 FROM sightings s WHERE s.arrival_id = a.id AND s.at < a.at)",
    ),
    (
        "an arrival has a verdict exactly when it is understood",
        "arrivals",
        "SELECT 'arrival ' || a.id FROM arrivals a"
        " WHERE a.understood <> EXISTS (SELECT 1 FROM verdicts v WHERE v.arrival_id = a.id)",
    ),
    (
        "no bytes are kept that nothing came with",
        "raw",
        "SELECT substr(w.sha256, 1, 16) FROM raw w"
        " WHERE NOT EXISTS (SELECT 1 FROM arrivals a WHERE a.sha256 = w.sha256)",
    ),
    (
        "what is matched was understood",
        "matches",
        "SELECT 'arrival ' || m.arrival_id FROM matches m JOIN arrivals a ON a.id = m.arrival_id"
        " WHERE NOT a.understood",
    ),
    (
        "every probe has exactly one enquiry",
        "probes",
        "SELECT 'probe ' || p.id FROM probes p"
        " WHERE (SELECT count(*) FROM contacts c WHERE c.probe_id = p.id AND c.kind = 'enquiry') <> 1",
    ),
    (
        "every probe belongs to its endpoint's business and its version's study",
        "probes",
        "SELECT 'probe ' || p.id FROM probes p JOIN endpoints e ON e.id = p.endpoint_id"
        " JOIN study_versions v ON v.id = p.version_id"
        " WHERE p.business_id <> e.business_id OR p.channel <> e.channel OR p.study <> v.study",
    ),
    ("every contact is in a state that exists", "contacts", _contacts(f"c.state NOT IN ({STATES})")),
    (
        "what is planned was never begun",
        "contacts",
        _contacts("c.state = 'planned' AND (c.tries <> 0 OR c.started_at IS NOT NULL OR c.settled_at IS NOT NULL)"),
    ),
    (
        "what was begun says when and at which try",
        "contacts",
        _contacts(
            "c.state IN ('sending', 'deferred', 'sent', 'not_sent', 'blocked', 'unknown')"
            " AND (c.tries < 1 OR c.started_at IS NULL)"
        ),
    ),
    (
        "what is settled says when, and what is not says nothing",
        "contacts",
        _contacts(
            "(c.state IN ('sent', 'not_sent', 'blocked', 'unknown', 'suppressed')) <> (c.settled_at IS NOT NULL)"
            " AND c.state <> 'sending'"
        ),
    ),
    (
        "what was sent, refused or put off has the receipt of its last try",
        "contacts",
        _contacts(
            "(c.state IN ('sent', 'blocked', 'deferred') AND r.state IS NOT c.state)"
            " OR (c.state = 'not_sent' AND coalesce(r.state, '') NOT IN ('not_sent', 'deferred'))",
            _LAST,
        ),
    ),
    (
        "what is on the wire or unknown was never reported as sent",
        "contacts",
        _contacts("c.state IN ('sending', 'unknown') AND r.state IS NOT NULL AND r.state <> 'unknown'", _LAST),
    ),
    (
        "nothing that may have been accepted was tried again",
        "receipts",
        "SELECT 'probe ' || c.probe_id FROM contacts c WHERE EXISTS (SELECT 1 FROM receipts r WHERE r.contact_id = c.id"
        " AND r.state <> 'deferred' AND r.attempt < c.tries)",
    ),
    (
        "no receipt is of a try that was not made",
        "receipts",
        "SELECT 'probe ' || c.probe_id FROM receipts r JOIN contacts c ON c.id = r.contact_id"
        " WHERE r.attempt < 1 OR r.attempt > c.tries",
    ),
    (
        "every exhibit is of a try that has its receipt, and its bytes are of its size",
        "exhibits",
        "SELECT 'exhibit ' || x.id FROM exhibits x LEFT JOIN exhibit_data d ON d.sha256 = x.sha256"
        " WHERE NOT EXISTS (SELECT 1 FROM receipts r WHERE r.contact_id = x.contact_id AND r.attempt = x.attempt)"
        " OR (x.sha256 IS NOT NULL AND x.size IS NOT d.size)",
    ),
    (
        "a probe that policy refused was never sent",
        "probes",
        "SELECT 'probe ' || p.id FROM probes p JOIN contacts c ON c.probe_id = p.id"
        " WHERE p.suppressed_reason IS NOT NULL AND c.state <> 'suppressed'",
    ),
    (
        "nothing is still to be sent to somebody who asked to be left alone",
        "suppressions",
        "SELECT 'probe ' || p.id FROM contacts c JOIN probes p ON p.id = c.probe_id"
        " JOIN endpoints e ON e.id = p.endpoint_id JOIN businesses b ON b.id = p.business_id"
        " JOIN suppressions s ON (s.what = 'address' AND s.value = e.address)"
        " OR (s.what = 'business' AND s.value = b.key) OR (s.what = 'scope' AND s.value = e.scope)"
        " WHERE c.state IN ('planned', 'deferred')",
    ),
    (
        "every decision by hand says who, why and what, and what is nobody's names no probe",
        "reviews",
        f"SELECT 'arrival ' || arrival_id FROM reviews WHERE trim(who) = '' OR trim(why) = ''"  # noqa: S608 - ours
        f" OR kind NOT IN ({DECIDED}) OR (kind = 'nobody' AND probe_id IS NOT NULL)",
    ),
    (
        "what was erased was understood before",
        "raw",
        "SELECT 'arrival ' || a.id FROM arrivals a JOIN raw w ON w.sha256 = a.sha256"
        " WHERE w.erased_at IS NOT NULL AND NOT a.understood",
    ),
    (
        "nothing was erased before somebody asked to be forgotten",
        "raw",
        "SELECT substr(w.sha256, 1, 16) FROM raw w WHERE w.erased_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.at <= w.erased_at)",
    ),
    (
        "everybody who was forgotten is left alone, and stands on record by a hash only",
        "tombstones",
        "SELECT 'tombstone ' || t.id FROM tombstones t WHERE length(t.digest) <> 32 OR t.digest GLOB '*[^0-9a-f]*'"
        " OR NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.what = 'digest' AND s.value = t.digest)",
    ),
    (
        "hearing goes forward",
        "cursors",
        "SELECT mailbox || ' ' || place FROM cursors WHERE heard_until < heard_from",
    ),
    (
        "every gap ends after it begins, and closes after it ends",
        "gaps",
        "SELECT 'gap ' || id FROM gaps WHERE until < since OR closed_at < since "
        "OR found_by NOT IN ('line', 'canary', 'door')",
    ),
    (
        "a canary that was heard has its arrival, and one that was not has none",
        "canaries",
        "SELECT 'canary ' || id FROM canaries WHERE (arrival_id IS NULL) <> (heard_at IS NULL)"
        " OR (failed_at IS NOT NULL AND failed_at < sent_at)",
    ),
    (
        "every attested arrival says when its keys were fetched",
        "attestations",
        "SELECT 'arrival ' || t.arrival_id FROM attestations t JOIN arrivals a ON a.id = t.arrival_id"
        " WHERE a.attested_at IS NULL",
    ),
    (
        "no signature passed without the key that it passed with",
        "attestations",
        "SELECT 'arrival ' || arrival_id FROM attestations WHERE result NOT IN"
        " ('pass', 'fail', 'none', 'permerror', 'temperror') OR method NOT IN ('dkim', 'arc')"
        " OR (result = 'pass' AND (key IS NULL OR key_name = ''))",
    ),
)
"""What must hold, the table it is about, and the query that names what breaks it."""
