"""Forgetting somebody: erasing in one transaction. Facts, times and kinds stay.

Text columns are found by the tables themselves, so that a column that is new is not forgotten about. What stays as it
is: keys, hashes, and the frozen content of studies.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, String, Table, delete, insert, select, update

from monitor.forgotten import digest, placeholder
from monitor.store.codes import salt
from monitor.store.engine import Store, add_unless_there, chunks
from monitor.store.records import DIGEST, OPEN_STATES
from monitor.store.tables import (
    ARRIVALS,
    ATTESTATIONS,
    BUSINESS_DOMAINS,
    BUSINESSES,
    CONTACTS,
    ENDPOINTS,
    EXHIBIT_DATA,
    EXHIBITS,
    MATCHES,
    PROBES,
    RAW,
    RECEIPTS,
    REPORTS,
    REVIEWS,
    SUPPRESSIONS,
    TOMBSTONES,
    VERDICTS,
    metadata,
)
from monitor.store.traces import Owner

LEFT_ALONE = frozenset({"meta", "raw", "arrivals", "study_versions", "sightings", "cursors", "tombstones", "outcomes"})
"""Tables without a person's words, with frozen content, or made anew afterwards."""

SAID = ((VERDICTS, ("new_text", "reasons", "promise")), (MATCHES, ("reason",)), (REVIEWS, ("why",)))
"""Where the words of an arrival stand once it is understood."""

SAID_ON_THE_WAY = ("reason", "transcript", "host", "provider_id", "details", "signs")
NOTHING = zlib.compress(b"")
"""The bytes of a report that was erased."""

Blank = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is to be erased. `everywhere` blanks the addresses and names in any text, `thoroughly` whatever may tell of
    a person in the words of the arrivals concerned; `owners` are businesses to be forgotten as a whole; `reports` and
    `exhibits` lose their bytes."""

    address: str
    others: frozenset[str]
    shas: frozenset[str]
    reports: frozenset[int]
    exhibits: frozenset[int]
    owners: tuple[Owner, ...]
    everywhere: Blank
    thoroughly: Blank
    why: str


# --------------------------------------------------------------------------- erasing
def erase(store: Store, what: Erasure, now: datetime) -> dict[str, int]:
    """Erase and put up a tombstone: one transaction, all or nothing. Returns what was erased, how many of each."""
    key = salt(store)
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        done = {"mails": _erase_raw(connection, what.shas, now)}
        done["reports"] = _erase_reports(connection, what.reports)
        done["exhibits"] = _erase_exhibits(connection, what.exhibits)
        arrivals = _arrivals(connection, what.shas)
        for some in chunks(arrivals):  # they name domains, and without the bytes they prove nothing
            connection.execute(delete(ATTESTATIONS).where(ATTESTATIONS.c.arrival_id.in_(some)))
        for owner in what.owners:
            _forget_business(connection, owner, key, now)
        _never_again(connection, key, what, now)
        done["businesses"] = len(what.owners)
        done["texts"] = _thoroughly(connection, arrivals, what.thoroughly)
        done["texts"] += _of_owners(connection, [owner.id for owner in what.owners], what.thoroughly)
        exact = {one.lower(): placeholder(key, one) for one in {what.address, *what.others}}
        done["texts"] += _everywhere(connection, exact, what.everywhere)
        values = {"digest": digest(key, what.address), "why": what.thoroughly(what.why), "erased": done, "at": now}
        connection.execute(insert(TOMBSTONES).values(values))
    return done


def erase_raw(connection: Connection, arrivals: Collection[int], now: datetime) -> None:
    """Erase the bytes of these arrivals, of somebody forgotten, inside a transaction that is already open."""
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    for some in chunks(sorted(arrivals)):
        shas = connection.scalars(select(ARRIVALS.c.sha256).where(ARRIVALS.c.id.in_(some))).all()
        _erase_raw(connection, shas, now)


def _erase_raw(connection: Connection, shas: Collection[str], now: datetime) -> int:
    erased = 0
    for some in chunks(sorted(shas)):
        mine = (RAW.c.sha256.in_(some), RAW.c.erased_at.is_(None))
        erased += connection.execute(update(RAW).where(*mine).values(data=b"", erased_at=now)).rowcount
    return erased


def _erase_reports(connection: Connection, reports: Collection[int]) -> int:
    erased = 0
    for some in chunks(sorted(reports)):
        mine = (REPORTS.c.id.in_(some), REPORTS.c.raw != NOTHING)
        erased += connection.execute(update(REPORTS).where(*mine).values(raw=NOTHING)).rowcount
    return erased


def _erase_exhibits(connection: Connection, exhibits: Collection[int]) -> int:
    """Name, type and size stay. Bytes that an exhibit of somebody else shares stay for that one."""
    erased = 0
    for some in chunks(sorted(exhibits)):
        mine = (EXHIBITS.c.id.in_(some), EXHIBITS.c.sha256.is_not(None))
        erased += connection.execute(update(EXHIBITS).where(*mine).values(sha256=None)).rowcount
    used = select(EXHIBITS.c.sha256).where(EXHIBITS.c.sha256.is_not(None))
    connection.execute(delete(EXHIBIT_DATA).where(EXHIBIT_DATA.c.sha256.not_in(used)))
    return erased


def _arrivals(connection: Connection, shas: Collection[str]) -> list[int]:
    found: list[int] = []
    for some in chunks(sorted(shas)):
        found += connection.scalars(select(ARRIVALS.c.id).where(ARRIVALS.c.sha256.in_(some)))
    return found


def _forget_business(connection: Connection, owner: Owner, key: bytes, now: datetime) -> None:
    """The business as a code, its addresses as hashes, never to be contacted again; its probes and figures stay."""
    named = f"forgotten-{owner.code.lower()}"
    mine = BUSINESSES.c.id == owner.id
    proof, group = connection.execute(select(BUSINESSES.c.basis_proof, BUSINESSES.c.group).where(mine)).one()
    others = select(BUSINESSES.c.id).where(BUSINESSES.c.group == group, BUSINESSES.c.id != owner.id).limit(1)
    values: dict[str, Any] = {
        "key": named, "name": named, "basis_proof": proof and "[forgotten]", "own_domains": [], "partner_domains": [],
        "fields": {}, "group": group if connection.scalar(others) is not None else None,
    }  # fmt: skip
    connection.execute(update(BUSINESSES).where(mine).values(values))
    connection.execute(delete(BUSINESS_DOMAINS).where(BUSINESS_DOMAINS.c.business_id == owner.id))
    for row in connection.execute(select(ENDPOINTS).where(ENDPOINTS.c.business_id == owner.id)).all():
        hidden = placeholder(key, row.address)
        values = {"address": hidden, "scope": hidden, "retired_at": row.retired_at or now}
        connection.execute(update(ENDPOINTS).where(ENDPOINTS.c.id == row.id).values(values))
    probes = select(PROBES.c.id).where(PROBES.c.business_id == owner.id)
    waiting = (CONTACTS.c.probe_id.in_(probes), CONTACTS.c.state.in_(OPEN_STATES))
    stopped = {"state": "suppressed", "settled_at": now, "reason": "it asked to be forgotten"}
    connection.execute(update(CONTACTS).where(*waiting).values(stopped))
    old = (SUPPRESSIONS.c.what == "business", SUPPRESSIONS.c.value == owner.key)
    connection.execute(delete(SUPPRESSIONS).where(*old))
    add_unless_there(
        connection, SUPPRESSIONS, {"what": "business", "value": named, "why": "it asked to be forgotten", "at": now}
    )


def _never_again(connection: Connection, key: bytes, what: Erasure, now: datetime) -> None:
    """Stop requests by hash: those on record give up their addresses, and nobody forgotten is ever asked again."""
    gone = {what.address, *what.others}
    gone |= {one for owner in what.owners for one in owner.domains}
    kinds = ("address", "scope")
    for row in connection.execute(select(SUPPRESSIONS).where(SUPPRESSIONS.c.what.in_(kinds))).all():
        if row.value.lower() in gone:
            connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.id == row.id))
            values = {"what": DIGEST, "value": digest(key, row.value), "why": what.everywhere(row.why), "at": row.at}
            add_unless_there(connection, SUPPRESSIONS, values | {"arrival_id": row.arrival_id})
    for one in sorted({what.address, *what.others}):
        values = {"what": DIGEST, "value": digest(key, one), "why": "it asked to be forgotten", "at": now}
        add_unless_there(connection, SUPPRESSIONS, values)


# --------------------------------------------------------------------------- texts
def _thoroughly(connection: Connection, arrivals: Sequence[int], blank: Blank) -> int:
    changed = 0
    for table, names in SAID:
        for some in chunks(arrivals):
            rows = connection.execute(select(table).where(table.c.arrival_id.in_(some))).mappings().all()
            changed += _rewrite(connection, table, names, rows, blank)
    return changed


def _of_owners(connection: Connection, businesses: Sequence[int], blank: Blank) -> int:
    """Blank what we wrote to these businesses and what was said on the way."""
    changed = 0
    for some in chunks(businesses):
        probes = select(PROBES.c.id).where(PROBES.c.business_id.in_(some))
        contacts = select(CONTACTS.c.id).where(CONTACTS.c.probe_id.in_(probes))
        for table, names, where in (
            (PROBES, ("subject", "body", "suppressed_reason"), PROBES.c.business_id.in_(some)),
            (CONTACTS, ("reason",), CONTACTS.c.probe_id.in_(probes)),
            (RECEIPTS, SAID_ON_THE_WAY, RECEIPTS.c.contact_id.in_(contacts)),
            (EXHIBITS, ("name",), EXHIBITS.c.contact_id.in_(contacts)),
        ):
            rows = connection.execute(select(table).where(where)).mappings().all()
            changed += _rewrite(connection, table, names, rows, blank)
    return changed


def _everywhere(connection: Connection, exact: dict[str, str], blank: Blank) -> int:
    def blanked(text: str) -> str:
        return exact.get(text.strip().lower()) or blank(text)

    changed = 0
    for table in metadata.sorted_tables:
        if table.name in LEFT_ALONE or "id" not in table.c:
            continue
        names = _wordy(table)
        last: Any = None
        while True:
            query = select(table).order_by(table.c.id).limit(500)
            rows = connection.execute(query if last is None else query.where(table.c.id > last)).mappings().all()
            if not rows:
                break
            changed += _rewrite(connection, table, names, rows, blanked)
            last = rows[-1]["id"]
    return changed


def _wordy(table: Table) -> list[str]:
    """The columns of a table that may hold somebody's words."""
    return [
        column.name
        for column in table.columns
        if isinstance(getattr(column.type, "impl", column.type), String | JSON)  # SQLModel's text is wrapped once more
        if not (column.primary_key or column.unique or column.foreign_keys)
    ]


def _rewrite(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Any], blank: Blank) -> int:
    """Blank what these columns of these rows say; returns how many rows said something."""
    changed = 0
    for row in rows:
        values = {}
        for name in names:
            after = _blanked(row[name], blank)
            if after != row[name]:
                values[name] = after
        if values:
            connection.execute(update(table).where(table.c.id == row["id"]).values(values))
            changed += 1
    return changed


def _blanked(value: Any, blank: Blank) -> Any:
    if isinstance(value, str):
        return blank(value)
    if isinstance(value, list):
        return [_blanked(one, blank) for one in value]
    if isinstance(value, dict):
        return {blank(name): one if name == "due" else _blanked(one, blank) for name, one in value.items()}
    return value
