"""Whom we may contact: businesses, their endpoints, and those who are never to be contacted again.

The rest of the store's reads and writes stand beside this file by meaning: planning (what is to be sent), sending
(what became of it), hearing (what came in), understanding (what it means), scoring (what a probe counts as), looking
(what pages and `status` show). Each function is one transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from monitor.addresses import spellings as every_spelling
from monitor.businesses import BusinessRow, EndpointRow
from monitor.domains import is_freemail, registrable
from monitor.facts import Target
from monitor.policy import Suppressed
from monitor.store.codes import read_salt
from monitor.store.engine import Store, add, add_missing, add_unless_there
from monitor.store.tables import BUSINESS_DOMAINS, BUSINESSES, CONTACTS, ENDPOINTS, PROBES, SUPPRESSIONS

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters of published codes: none that looks like another."""

DIGEST = "digest"
"""Suppression of somebody forgotten: its value is the keyed hash of an address."""

OPEN_STATES = ("planned", "deferred")
"""States of a contact that is still to be sent."""


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """What an import changed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    endpoints_added: int = 0
    endpoints_retired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What a stop request did: whether it was new, the businesses it covers (keys), the contacts it held back."""

    new: bool
    businesses: tuple[str, ...]
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionEntry:
    """`what` is address, scope, business or digest; `value` an address, a scope (mail domain), the key of a business,
    or the keyed hash of an address that was forgotten."""

    what: str
    value: str
    why: str
    at: datetime


# --------------------------------------------------------------------------- businesses and endpoints
def import_businesses(store: Store, rows: Iterable[BusinessRow], now: datetime) -> ImportResult:
    """Add or update businesses by key, all or none.

    A business's addresses on the channels that its row names replace those it had there: the old ones are retired,
    with what was still to be sent to them, and come back when a later row names them again. Its addresses on other
    channels stay. The published code is drawn once and never changes. An address that was forgotten is left out.
    """
    done = ImportResult()
    with store.write() as connection:
        gone = read_suppressed(connection)
        for given in rows:
            row = replace(given, endpoints=tuple(one for one in given.endpoints if not gone.forgot(one.address)))
            known = connection.execute(select(BUSINESSES).where(BUSINESSES.c.key == row.key)).mappings().first()
            values = _values(row)
            if known is None:
                values |= {"key": row.key, "code": _fresh_code(connection), "imported_at": now}
                business = add(connection, BUSINESSES, values)
                done.added += 1
            else:
                business = known["id"]
                changed = {name: value for name, value in values.items() if known[name] != value}
                if changed:
                    where = BUSINESSES.c.id == business
                    connection.execute(update(BUSINESSES).where(where).values(changed | {"imported_at": now}))
            touched = _endpoints(connection, business, row.endpoints, now, done)
            _domains(connection, business, row)
            if known is not None:
                if changed or touched:
                    done.changed += 1
                else:
                    done.unchanged += 1
    return done


def _values(row: BusinessRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "sector": row.sector,
        "country": row.country,
        "language": row.language,
        "timezone": row.timezone,
        "group": row.group,
        "basis": row.basis,
        "basis_proof": row.basis_proof,
        "own_domains": list(row.own_domains),
        "partner_domains": list(row.partner_domains),
        "fields": dict(row.fields),
    }


def _fresh_code(connection: Connection) -> str:
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(6))
        if not connection.scalar(select(exists().where(BUSINESSES.c.code == code))):
            return code


def _endpoints(
    connection: Connection, business: int, rows: Sequence[EndpointRow], now: datetime, done: ImportResult
) -> bool:
    where = ENDPOINTS.c.business_id == business
    known = {(row.channel, row.address): row for row in connection.execute(select(ENDPOINTS).where(where))}
    touched = False
    for row in rows:
        before = known.get((row.channel, row.address))
        values = {"scope": row.scope, "control": row.control, "retired_at": None}
        if before is None:
            named = {"business_id": business, "channel": row.channel, "address": row.address}
            connection.execute(insert(ENDPOINTS).values(values | named))
            done.endpoints_added += 1
            touched = True
        elif any(getattr(before, name) != value for name, value in values.items()):
            connection.execute(update(ENDPOINTS).where(ENDPOINTS.c.id == before.id).values(values))
            touched = True
    named_now = {(row.channel, row.address) for row in rows}
    channels = {row.channel for row in rows}
    for key, before in known.items():
        if key not in named_now and before.channel in channels and before.retired_at is None:
            connection.execute(update(ENDPOINTS).where(ENDPOINTS.c.id == before.id).values(retired_at=now))
            _drop_open(connection, before.id, now)
            done.endpoints_retired += 1
            touched = True
    return touched


def _domains(connection: Connection, business: int, row: BusinessRow) -> None:
    addresses = [endpoint.address for endpoint in row.endpoints if "@" in endpoint.address and not endpoint.control]
    names = {registrable(name) for name in (*row.own_domains, *(one.rpartition("@")[2] for one in addresses))}
    wanted = {name for name in names if name and not is_freemail(name)}
    where = BUSINESS_DOMAINS.c.business_id == business
    known = set(connection.scalars(select(BUSINESS_DOMAINS.c.domain).where(where)))
    if known - wanted:
        connection.execute(delete(BUSINESS_DOMAINS).where(where, BUSINESS_DOMAINS.c.domain.in_(known - wanted)))
    add_missing(
        connection, BUSINESS_DOMAINS, [{"domain": name, "business_id": business} for name in sorted(wanted - known)]
    )


def _drop_open(connection: Connection, endpoint: int, now: datetime) -> None:
    probes = select(PROBES.c.id).where(PROBES.c.endpoint_id == endpoint)
    where = (CONTACTS.c.probe_id.in_(probes), CONTACTS.c.state.in_(OPEN_STATES))
    values = {"state": "suppressed", "settled_at": now, "reason": "an import put another address in its place"}
    connection.execute(update(CONTACTS).where(*where).values(values))


TARGET_COLUMNS = (
    ENDPOINTS.c.id.label("endpoint_id"),
    BUSINESSES.c.id.label("business_id"),
    BUSINESSES.c.key.label("business"),
    BUSINESSES.c.name,
    ENDPOINTS.c.channel,
    ENDPOINTS.c.address,
    ENDPOINTS.c.scope,
    BUSINESSES.c.group,
    BUSINESSES.c.sector,
    BUSINESSES.c.country,
    BUSINESSES.c.language,
    BUSINESSES.c.timezone,
    BUSINESSES.c.basis,
    BUSINESSES.c.basis_proof,
    ENDPOINTS.c.control,
    BUSINESSES.c.fields,
)
"""Columns that make a Target, under the names of its fields."""


def targets(store: Store, channels: Collection[str]) -> list[Target]:
    """Every endpoint in use on these channels, by business key, channel and address."""
    query = (
        select(*TARGET_COLUMNS)
        .join_from(ENDPOINTS, BUSINESSES, ENDPOINTS.c.business_id == BUSINESSES.c.id)
        .where(ENDPOINTS.c.channel.in_(tuple(channels)), ENDPOINTS.c.retired_at.is_(None))
        .order_by(BUSINESSES.c.key, ENDPOINTS.c.channel, ENDPOINTS.c.address)
    )
    with store.read() as connection:
        return [Target(**row) for row in connection.execute(query).mappings()]


def reachable(store: Store, channel: str) -> set[str]:
    """Keys of the businesses that have, or had, an address on this channel: those forgotten are none without one."""
    query = select(BUSINESSES.c.key).join_from(ENDPOINTS, BUSINESSES, ENDPOINTS.c.business_id == BUSINESSES.c.id)
    with store.read() as connection:
        return set(connection.scalars(query.where(ENDPOINTS.c.channel == channel)))


# --------------------------------------------------------------------------- never again
def suppressed(store: Store) -> Suppressed:
    """Everybody who is never to be contacted again, for policy."""
    with store.read() as connection:
        return read_suppressed(connection)


def suppressions(store: Store) -> list[SuppressionEntry]:
    """The same as a list, oldest first."""
    columns = (SUPPRESSIONS.c.what, SUPPRESSIONS.c.value, SUPPRESSIONS.c.why, SUPPRESSIONS.c.at)
    with store.read() as connection:
        rows = connection.execute(select(*columns).order_by(SUPPRESSIONS.c.id)).mappings()
        return [SuppressionEntry(**row) for row in rows]


def stop(store: Store, spellings: Collection[str], why: str, now: datetime) -> Stopped:
    """Never contact an address again, on any channel, nor any business that it belongs to.

    `spellings`: the address as each channel would store it. One that is a scope (a mail domain) stops the whole scope,
    also where nobody has an address there yet: what cannot be told from a scope counts as one too.
    Contacts that have not been sent yet become `suppressed` at once.
    """
    with store.write() as connection:
        return stop_within(connection, spellings, why, now)


def stop_within(
    connection: Connection, spellings: Collection[str], why: str, now: datetime, arrival_id: int | None = None
) -> Stopped:
    """stop() inside a transaction that is already open: a reply that asks us to stop."""
    names = tuple(sorted({name for one in spellings for name in (one.strip(), *every_spelling(one)) if name}))
    owners = (
        select(BUSINESSES.c.id, BUSINESSES.c.key)
        .join_from(ENDPOINTS, BUSINESSES, ENDPOINTS.c.business_id == BUSINESSES.c.id)
        .distinct()
    )
    by_address = connection.execute(owners.where(ENDPOINTS.c.address.in_(names))).all()
    scopes = connection.scalars(select(ENDPOINTS.c.scope).where(ENDPOINTS.c.scope.in_(names)).distinct()).all()
    entries = [("scope", name) for name in names if name in scopes or "@" not in name]
    gone = read_suppressed(connection)
    entries += [("address", name) for name in names if name not in scopes and not gone.forgot(name)]
    entries += [("business", row.key) for row in by_address]
    new = False
    for what, value in entries:
        values = {"what": what, "value": value, "why": why, "arrival_id": arrival_id, "at": now}
        new |= add_unless_there(connection, SUPPRESSIONS, values)
    held = hold_back(connection, why, now)
    return Stopped(new=new, businesses=tuple(sorted(row.key for row in by_address)), contacts=held)


def hold_back(connection: Connection, why: str, now: datetime) -> int:
    """Make every contact still to be sent to somebody suppressed `suppressed`; returns how many."""
    waiting = (
        select(CONTACTS.c.id)
        .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .join(BUSINESSES, PROBES.c.business_id == BUSINESSES.c.id)
        .where(CONTACTS.c.state.in_(OPEN_STATES), IS_SUPPRESSED)
    )
    values = {"state": "suppressed", "settled_at": now, "reason": why}
    return connection.execute(update(CONTACTS).where(CONTACTS.c.id.in_(waiting)).values(values)).rowcount


IS_SUPPRESSED = or_(
    exists().where(SUPPRESSIONS.c.what == "address", SUPPRESSIONS.c.value == ENDPOINTS.c.address),
    exists().where(
        SUPPRESSIONS.c.what == "scope",
        or_(ENDPOINTS.c.scope == SUPPRESSIONS.c.value, ENDPOINTS.c.scope.like("%." + SUPPRESSIONS.c.value)),
    ),
    exists().where(SUPPRESSIONS.c.what == "business", SUPPRESSIONS.c.value == BUSINESSES.c.key),
)
"""Whether the joined endpoint or business is suppressed."""


def read_suppressed(connection: Connection) -> Suppressed:
    """suppressed() inside a transaction that is already open."""
    found: dict[str, set[str]] = {"address": set(), "scope": set(), "business": set(), DIGEST: set()}
    for what, value in connection.execute(select(SUPPRESSIONS.c.what, SUPPRESSIONS.c.value)):
        found.setdefault(what, set()).add(value)
    return Suppressed(
        addresses=frozenset(found["address"]),
        scopes=frozenset(found["scope"]),
        businesses=frozenset(found["business"]),
        digests=frozenset(found[DIGEST]),
        key=read_salt(connection) if found[DIGEST] else b"",
    )
