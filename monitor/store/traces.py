"""What must be read so that somebody can be forgotten: whose the address is, all mails, and where they lie still."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from monitor.domains import is_freemail, registrable
from monitor.forgotten import digest
from monitor.store.codes import salt
from monitor.store.engine import Store, chunks
from monitor.store.tables import (
    ARRIVALS,
    BUSINESS_DOMAINS,
    BUSINESSES,
    CANARIES,
    CONTACTS,
    ENDPOINTS,
    EXHIBITS,
    MATCHES,
    PROBES,
    RAW,
    RECEIPTS,
    REPORTS,
    SIGHTINGS,
    TOMBSTONES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A business that an address to be forgotten reaches: then it is forgotten as a whole."""

    id: int
    key: str
    code: str
    name: str
    addresses: tuple[str, ...]
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tomb:
    """When somebody was forgotten, and what was erased."""

    at: datetime
    why: str
    erased: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A mail that lies in a mailbox still: the tool erases nothing there."""

    mailbox: str
    place: str
    position: str


def tombstone(store: Store, address: str) -> Tomb | None:
    """The latest tombstone of an address; None when nobody of that address was forgotten."""
    mine = TOMBSTONES.c.digest == digest(salt(store), address)
    query = select(TOMBSTONES.c.at, TOMBSTONES.c.why, TOMBSTONES.c.erased).where(mine).order_by(TOMBSTONES.c.id.desc())
    with store.read() as connection:
        row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else Tomb(**row)


def is_ours(store: Store, addresses: Collection[str]) -> bool:
    """Whether one of the addresses is a private reply address, a number that we ask from or a canary's: our own,
    and no person's."""
    spelt = tuple(one.lower() for one in addresses)
    ours = or_(PROBES.c.reply_address.in_(spelt), PROBES.c.number.in_(spelt))
    probes = select(PROBES.c.id).where(ours).limit(1)
    canaries = select(CANARIES.c.id).where(or_(CANARIES.c.address.in_(spelt), CANARIES.c.sender.in_(spelt))).limit(1)
    with store.read() as connection:
        return connection.scalar(probes) is not None or connection.scalar(canaries) is not None


def owners(store: Store, addresses: Collection[str]) -> tuple[Owner, ...]:
    """The businesses that these addresses reach, with all their addresses and their own domains."""
    with store.read() as connection:
        ids = set(connection.scalars(select(ENDPOINTS.c.business_id).where(ENDPOINTS.c.address.in_(tuple(addresses)))))
        found: list[Owner] = []
        for some in chunks(sorted(ids)):
            for row in connection.execute(select(BUSINESSES).where(BUSINESSES.c.id.in_(some))):
                reached = connection.scalars(select(ENDPOINTS.c.address).where(ENDPOINTS.c.business_id == row.id)).all()
                mine = select(BUSINESS_DOMAINS.c.domain).where(BUSINESS_DOMAINS.c.business_id == row.id)
                domains = {*connection.scalars(mine), *(registrable(one) for one in row.own_domains)}
                found.append(
                    Owner(
                        id=row.id,
                        key=row.key,
                        code=row.code,
                        name=row.name,
                        addresses=tuple(reached),
                        domains=tuple(sorted(one for one in domains if one and not is_freemail(one))),
                    )
                )
    return tuple(found)


def raws(store: Store, only: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The bytes of every mail that is not erased (or of these hashes), by hash, in bounded memory."""
    last = ""
    wanted = None if only is None else sorted(only)
    while True:
        query = select(RAW.c.sha256, RAW.c.size).where(RAW.c.erased_at.is_(None)).order_by(RAW.c.sha256).limit(200)
        if wanted is not None:
            if not wanted:
                return
            some, wanted = wanted[:200], wanted[200:]
            query = query.where(RAW.c.sha256.in_(some))
        else:
            query = query.where(RAW.c.sha256 > last)
        with store.read() as connection:
            rows = connection.execute(query).all()
        if not rows and wanted is None:
            return
        for sha256, _size in rows:  # one at a time: a mail may be large
            with store.read() as connection:
                data = connection.scalar(select(RAW.c.data).where(RAW.c.sha256 == sha256)) or b""
            with contextlib.suppress(zlib.error):
                yield sha256, zlib.decompress(data)
            last = sha256


def of_businesses(store: Store, shas: Collection[str]) -> frozenset[str]:
    """Hashes of all mails that belong to the businesses to which these mails belong."""
    with store.read() as connection:
        asked: set[int] = set()
        for some in chunks(sorted(shas)):
            asked |= set(
                connection.scalars(
                    select(PROBES.c.business_id)
                    .join_from(ARRIVALS, MATCHES, MATCHES.c.arrival_id == ARRIVALS.c.id)
                    .join(PROBES, PROBES.c.id == MATCHES.c.probe_id)
                    .where(ARRIVALS.c.sha256.in_(some))
                )
            )
        return _mails_of(connection, asked)


def mails_of(store: Store, businesses: Collection[int]) -> frozenset[str]:
    """Hashes of all mails that belong to probes of these businesses."""
    with store.read() as connection:
        return _mails_of(connection, businesses)


def _mails_of(connection: Connection, businesses: Collection[int]) -> frozenset[str]:
    found: set[str] = set()
    for some in chunks(sorted(businesses)):
        found |= set(
            connection.scalars(
                select(ARRIVALS.c.sha256)
                .join_from(ARRIVALS, MATCHES, MATCHES.c.arrival_id == ARRIVALS.c.id)
                .join(PROBES, PROBES.c.id == MATCHES.c.probe_id)
                .where(PROBES.c.business_id.in_(some))
            )
        )
    return frozenset(found)


def left_in_mailboxes(store: Store, shas: Collection[str]) -> list[Left]:
    """Where these mails were seen: they lie there still, unless somebody took them away."""
    found: list[Left] = []
    with store.read() as connection:
        for some in chunks(sorted(shas)):
            rows = connection.execute(
                select(ARRIVALS.c.mailbox, SIGHTINGS.c.place, SIGHTINGS.c.position)
                .join_from(ARRIVALS, SIGHTINGS, SIGHTINGS.c.arrival_id == ARRIVALS.c.id)
                .where(ARRIVALS.c.sha256.in_(some))
            )
            found += [Left(mailbox=row.mailbox, place=row.place, position=row.position) for row in rows]
    return sorted(found, key=lambda one: (one.mailbox, one.place, one.position))


def no_mails(store: Store) -> frozenset[str]:
    """Hashes of what came in and is no mail."""
    with store.read() as connection:
        return frozenset(connection.scalars(select(ARRIVALS.c.sha256).where(ARRIVALS.c.reader != "")))


def reports(store: Store) -> Iterator[tuple[int, bytes]]:
    """The bytes of every report of a provider, by its number, in bounded memory."""
    last = 0
    while True:
        query = select(REPORTS.c.id, REPORTS.c.raw).where(REPORTS.c.id > last).order_by(REPORTS.c.id).limit(500)
        with store.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        for number, data in rows:
            with contextlib.suppress(zlib.error):
                if raw := zlib.decompress(data):
                    yield number, raw
            last = number


def reports_of(store: Store, businesses: Collection[int]) -> frozenset[int]:
    """The reports of what we handed over to these businesses."""
    query = (
        select(REPORTS.c.id)
        .join_from(REPORTS, RECEIPTS, REPORTS.c.provider_id == RECEIPTS.c.provider_id)
        .join(CONTACTS, CONTACTS.c.id == RECEIPTS.c.contact_id)
        .join(PROBES, and_(PROBES.c.id == CONTACTS.c.probe_id, PROBES.c.channel == REPORTS.c.channel))
    )
    with store.read() as connection:
        return frozenset(
            number
            for some in chunks(sorted(businesses))
            for number in connection.scalars(query.where(PROBES.c.business_id.in_(some)))
        )


def exhibits_of(store: Store, businesses: Collection[int]) -> frozenset[int]:
    """The exhibits with bytes of what we handed over to these businesses."""
    query = (
        select(EXHIBITS.c.id)
        .join_from(EXHIBITS, CONTACTS, CONTACTS.c.id == EXHIBITS.c.contact_id)
        .join(PROBES, PROBES.c.id == CONTACTS.c.probe_id)
        .where(EXHIBITS.c.sha256.is_not(None))
    )
    with store.read() as connection:
        return frozenset(
            number
            for some in chunks(sorted(businesses))
            for number in connection.scalars(query.where(PROBES.c.business_id.in_(some)))
        )


def count_exhibits(store: Store) -> int:
    """How many exhibits have bytes: pictures, which cannot be searched."""
    with store.read() as connection:
        return connection.scalar(select(func.count()).where(EXHIBITS.c.sha256.is_not(None))) or 0


def count_erased(store: Store) -> int:
    """How many arrivals have lost their bytes because somebody was forgotten."""
    query = select(func.count()).select_from(ARRIVALS.join(RAW, RAW.c.sha256 == ARRIVALS.c.sha256))
    with store.read() as connection:
        return connection.scalar(query.where(RAW.c.erased_at.is_not(None))) or 0
