"""Everything on record that concerns one probe, as rows: what a bundle of evidence is made from. Reads only."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from monitor.store.engine import Store
from monitor.store.exhibits import Kept, exhibits
from monitor.store.pushed import reported
from monitor.store.tables import (
    ARRIVALS,
    ATTESTATIONS,
    BUSINESSES,
    CANARIES,
    CONTACTS,
    CURSORS,
    ENDPOINTS,
    GAPS,
    MATCHES,
    PROBES,
    RAW,
    RECEIPTS,
    REVIEWS,
    SIGHTINGS,
    STUDY_VERSIONS,
    VERDICTS,
)
from probes.contract import Report

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalEvidence:
    """One arrival: its rows, and its bytes, None where they were erased."""

    arrival: Row
    raw: bytes | None
    erased_at: Any
    sightings: Sequence[Row]
    matches: Sequence[Row]
    verdicts: Sequence[Row]
    reviews: Sequence[Row]
    attestations: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One probe with all that belongs to it, all of one moment. `arrivals` in the order of time; `reports` are what
    providers said of its receipts, without bytes where they were erased."""

    probe: Row
    business: Row
    endpoint: Row
    version: Row
    contacts: Sequence[Row]
    receipts: Sequence[Row]
    exhibits: Sequence[Kept]
    reports: Sequence[Report]
    arrivals: Sequence[ArrivalEvidence]
    places: Sequence[Row]
    gaps: Sequence[Row]
    canaries: Sequence[Row]


def probe_ids(store: Store) -> list[str]:
    """Every probe."""
    with store.read() as connection:
        return list(connection.scalars(select(PROBES.c.id).order_by(PROBES.c.id)))


def evidence(store: Store, probe: str) -> Evidence | None:
    """Everything on record of one probe; None when there is no such probe.

    An arrival belongs to it when a rule matched it or a person named the probe at any time. Gaps and canaries are those
    of the time from its enquiry on.
    """
    with store.read() as connection:
        found = _rows(connection, select(PROBES).where(PROBES.c.id == probe))
        if not found:
            return None
        one = found[0]
        contacts = _rows(connection, select(CONTACTS).where(CONTACTS.c.probe_id == probe).order_by(CONTACTS.c.id))
        ids = [contact["id"] for contact in contacts]
        since = min((contact["started_at"] for contact in contacts if contact["started_at"]), default=None)
        receipts = _rows(connection, select(RECEIPTS).where(RECEIPTS.c.contact_id.in_(ids)).order_by(RECEIPTS.c.id))
        told = reported(connection, one["channel"], [row["provider_id"] for row in receipts if row["provider_id"]])
        gaps = select(GAPS).order_by(GAPS.c.id)
        canaries = select(CANARIES).order_by(CANARIES.c.id)
        return Evidence(
            probe=one,
            business=_rows(connection, select(BUSINESSES).where(BUSINESSES.c.id == one["business_id"]))[0],
            endpoint=_rows(connection, select(ENDPOINTS).where(ENDPOINTS.c.id == one["endpoint_id"]))[0],
            version=_rows(connection, select(STUDY_VERSIONS).where(STUDY_VERSIONS.c.id == one["version_id"]))[0],
            contacts=contacts,
            receipts=receipts,
            exhibits=exhibits(connection, probe),
            reports=[report for _, reports in sorted(told.items()) for report in reports],
            arrivals=[_arrival(connection, number) for number in _arrivals(connection, probe)],
            places=_rows(connection, select(CURSORS).order_by(CURSORS.c.id)),
            gaps=[]
            if since is None
            else _rows(connection, gaps.where(or_(GAPS.c.until.is_(None), GAPS.c.until >= since))),
            canaries=[] if since is None else _rows(connection, canaries.where(CANARIES.c.sent_at >= since)),
        )


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _arrivals(connection: Connection, probe: str) -> list[int]:
    matched = select(MATCHES.c.arrival_id).where(MATCHES.c.probe_id == probe)
    named = select(REVIEWS.c.arrival_id).where(REVIEWS.c.probe_id == probe)
    query = select(ARRIVALS.c.id).where(or_(ARRIVALS.c.id.in_(matched), ARRIVALS.c.id.in_(named)))
    return list(connection.scalars(query.order_by(ARRIVALS.c.at, ARRIVALS.c.id)))


def _arrival(connection: Connection, number: int) -> ArrivalEvidence:
    arrival = _rows(connection, select(ARRIVALS).where(ARRIVALS.c.id == number))[0]
    raw = _rows(connection, select(RAW).where(RAW.c.sha256 == arrival["sha256"]))[0]

    def of(table: Any) -> list[Row]:
        return _rows(connection, select(table).where(table.c.arrival_id == number).order_by(table.c.id))

    return ArrivalEvidence(
        arrival=arrival,
        raw=None if raw["erased_at"] is not None else zlib.decompress(raw["data"]),
        erased_at=raw["erased_at"],
        sightings=of(SIGHTINGS),
        matches=of(MATCHES),
        verdicts=of(VERDICTS),
        reviews=of(REVIEWS),
        attestations=of(ATTESTATIONS),
    )
