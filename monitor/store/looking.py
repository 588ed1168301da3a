"""What `status`, pages and evidence show. Reads only; decides nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from monitor.facts import OWN_COPY
from monitor.store.engine import Store
from monitor.store.hearing import GapEntry, gaps
from monitor.store.planning import Version
from monitor.store.records import OPEN_STATES
from monitor.store.scoring import PROBES_AT_A_TIME, Heard, heard
from monitor.store.tables import (
    ARRIVALS,
    BUSINESS_DOMAINS,
    BUSINESSES,
    CANARIES,
    CONTACTS,
    CURSORS,
    ENDPOINTS,
    MATCHES,
    PROBES,
    RAW,
    RECEIPTS,
    REVIEWS,
    SIGHTINGS,
    STUDY_VERSIONS,
    VERDICTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where we listen, and until when everything there has been heard. `retired`: no longer read."""

    channel: str
    mailbox: str
    place: str
    heard_from: datetime | None
    heard_until: datetime | None
    retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The state of the store. `states`: (study, channel, state) -> contacts. `due`: those that could go out now."""

    businesses: int
    states: dict[tuple[str, str, str], int]
    due: int
    next_due: datetime | None
    arrivals: int
    not_understood: int
    unmatched: int
    kinds: dict[str, int]
    places: tuple[Place, ...]
    open_gaps: tuple[GapEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessEntry:
    """A business as pages need it: `code` stands for it where names are off. `domains`: registered, its own."""

    key: str
    code: str
    name: str
    sector: str | None
    country: str | None
    group: str | None
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRecord:
    """Everything on record of one probe, as plain rows: what evidence is made from."""

    probe: dict[str, Any]
    business: dict[str, Any]
    endpoint: dict[str, Any]
    version: Version
    contacts: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    heard: list[Heard]
    sightings: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)


def counts(store: Store, now: datetime) -> Counts:
    """What `status` tells."""
    by_state = (
        select(PROBES.c.study, PROBES.c.channel, CONTACTS.c.state, func.count())
        .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .group_by(PROBES.c.study, PROBES.c.channel, CONTACTS.c.state)
    )
    waiting = CONTACTS.c.state.in_(OPEN_STATES)
    newest = select(func.max(VERDICTS.c.id)).group_by(VERDICTS.c.arrival_id)
    home = select(CANARIES.c.arrival_id).where(CANARIES.c.arrival_id.is_not(None))
    unmatched = (
        select(func.count())
        .select_from(ARRIVALS.outerjoin(MATCHES, MATCHES.c.arrival_id == ARRIVALS.c.id))
        .where(ARRIVALS.c.understood.is_(True), MATCHES.c.id.is_(None), ARRIVALS.c.id.not_in(home))
    )
    unread = select(func.count()).select_from(ARRIVALS).where(ARRIVALS.c.understood.is_(False))
    with store.read() as connection:
        kinds = connection.execute(
            select(VERDICTS.c.kind, func.count()).where(VERDICTS.c.id.in_(newest)).group_by(VERDICTS.c.kind)
        )
        found = {
            "businesses": connection.scalar(select(func.count()).select_from(BUSINESSES)) or 0,
            "states": {(row[0], row[1], row[2]): row[3] for row in connection.execute(by_state)},
            "due": connection.scalar(select(func.count()).where(waiting, CONTACTS.c.due <= now)) or 0,
            "next_due": connection.scalar(select(func.min(CONTACTS.c.due)).where(waiting, CONTACTS.c.due > now)),
            "arrivals": connection.scalar(select(func.count()).select_from(ARRIVALS)) or 0,
            "not_understood": connection.scalar(unread) or 0,
            "unmatched": connection.scalar(unmatched) or 0,
            "kinds": {row[0]: row[1] for row in kinds},
        }
    return Counts(**found, places=tuple(places(store)), open_gaps=tuple(gaps(store, unclosed=True)))


def places(store: Store) -> list[Place]:
    """Every place we listen or have listened in."""
    columns = (CURSORS.c.channel, CURSORS.c.mailbox, CURSORS.c.place, CURSORS.c.heard_from, CURSORS.c.heard_until)
    query = select(*columns, CURSORS.c.retired_at.is_not(None).label("retired")).order_by(CURSORS.c.id)
    with store.read() as connection:
        return [Place(**row) for row in connection.execute(query).mappings()]


def businesses(store: Store) -> list[BusinessEntry]:
    """Every business, by key."""
    columns = (
        BUSINESSES.c.id, BUSINESSES.c.key, BUSINESSES.c.code, BUSINESSES.c.name, BUSINESSES.c.sector,
        BUSINESSES.c.country, BUSINESSES.c.group,
    )  # fmt: skip
    with store.read() as connection:
        domains: dict[int, list[str]] = {}
        for row in connection.execute(select(BUSINESS_DOMAINS).order_by(BUSINESS_DOMAINS.c.domain)):
            domains.setdefault(row.business_id, []).append(row.domain)
        return [
            BusinessEntry(
                **{name: row[name] for name in row if name != "id"}, domains=tuple(domains.get(row["id"], ()))
            )
            for row in connection.execute(select(*columns).order_by(BUSINESSES.c.key)).mappings()
        ]


def events(store: Store, study: str | None = None) -> Iterator[tuple[str, list[Heard]]]:
    """What came in for each probe that something came in for: (probe, arrivals by time), by probe id."""
    last = ""
    while True:
        query = select(PROBES.c.id).where(PROBES.c.id > last).order_by(PROBES.c.id).limit(PROBES_AT_A_TIME)
        if study is not None:
            query = query.where(PROBES.c.study == study)
        with store.read() as connection:
            ids = connection.scalars(query).all()
        if not ids:
            return
        yield from sorted(heard(store, ids).items())
        last = ids[-1]


def newest_own_copy(store: Store, channel: str, domain: str) -> bytes | None:
    """The newest enquiry by a channel from an address at `domain` that came to a mailbox of our own, byte for byte."""
    query = (
        select(RAW.c.data)
        .join(ARRIVALS, ARRIVALS.c.sha256 == RAW.c.sha256)
        .join(MATCHES, MATCHES.c.arrival_id == ARRIVALS.c.id)
        .join(PROBES, PROBES.c.id == MATCHES.c.probe_id)
        .where(
            MATCHES.c.key == OWN_COPY, PROBES.c.channel == channel, PROBES.c.reply_address.endswith(f"@{domain}"),
        )
        .order_by(ARRIVALS.c.at.desc(), ARRIVALS.c.id.desc())
        .limit(1)
    )  # fmt: skip
    with store.read() as connection:
        data = connection.scalar(query)
    return None if data is None else zlib.decompress(data)


def probe_record(store: Store, probe: str) -> ProbeRecord | None:
    """Everything on record of one probe; None when there is no such probe."""
    with store.read() as connection:

        def rows(query: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(query).mappings()]

        found = rows(select(PROBES).where(PROBES.c.id == probe))
        if not found:
            return None
        one = found[0]
        contacts = rows(select(CONTACTS).where(CONTACTS.c.probe_id == probe).order_by(CONTACTS.c.id))
        ids = [contact["id"] for contact in contacts]
        given = connection.scalars(select(MATCHES.c.arrival_id).where(MATCHES.c.probe_id == probe))
        # What a person took from this probe is told too, with the decision that took it.
        arrivals = sorted({*given, *(entry.arrival for entry in heard(store, [probe]).get(probe, []))})

        def of_arrivals(table: Any) -> list[dict[str, Any]]:
            return rows(select(table).where(table.c.arrival_id.in_(arrivals)).order_by(table.c.id))

        return ProbeRecord(
            probe=one,
            business=rows(select(BUSINESSES).where(BUSINESSES.c.id == one["business_id"]))[0],
            endpoint=rows(select(ENDPOINTS).where(ENDPOINTS.c.id == one["endpoint_id"]))[0],
            version=Version(**rows(select(STUDY_VERSIONS).where(STUDY_VERSIONS.c.id == one["version_id"]))[0]),
            contacts=contacts,
            receipts=rows(select(RECEIPTS).where(RECEIPTS.c.contact_id.in_(ids)).order_by(RECEIPTS.c.id)),
            heard=heard(store, [probe]).get(probe, []),
            sightings=of_arrivals(SIGHTINGS),
            verdicts=of_arrivals(VERDICTS),
            reviews=of_arrivals(REVIEWS),
        )
