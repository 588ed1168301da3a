"""What was brought to the door: stored by one transaction for many requests; and what was reported of our contacts."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from monitor.store.blobs import compressed
from monitor.store.engine import Store, add_missing, chunks, clean
from monitor.store.hearing import store_arrivals
from monitor.store.tables import BUSINESSES, CONTACTS, PROBES, RECEIPTS, REPORTS
from probes.contract import Arrival, Received, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a batch of requests brought that was not here yet."""

    arrivals: int
    reports: int


def take_pushed(store: Store, brought: Sequence[tuple[str, Received]], now: datetime) -> Pushed:
    """Store what requests brought, each with the name of its channel: one transaction, durable when it returns.

    What is here already changes nothing (an arrival seen at another place gains a sighting). No cursor moves: only a
    listing says that everything up to some moment has been heard.
    """
    arrivals: dict[tuple[str, str], list[Arrival]] = {}
    reports: list[tuple[str, Report]] = []
    for channel, one in brought:
        for arrival in one.arrivals:
            arrivals.setdefault((channel, arrival.mailbox), []).append(arrival)
        reports += [(channel, report) for report in one.reports]
    prepared = {
        place: [(hashlib.sha256(arrival.raw).hexdigest(), arrival) for arrival in found]
        for place, found in arrivals.items()
    }
    data = {digest: compressed(arrival.raw) for found in prepared.values() for digest, arrival in found}
    new = 0
    with store.write() as connection:
        for (channel, mailbox), found in prepared.items():
            new += len(store_arrivals(connection, channel, mailbox, found, data, now))
        told = _store_reports(connection, reports, now) if reports else 0
    return Pushed(arrivals=new, reports=told)


def _store_reports(connection: Connection, reports: Sequence[tuple[str, Report]], now: datetime) -> int:
    """Those that are not here yet; returns how many."""
    before = connection.scalar(select(func.coalesce(func.max(REPORTS.c.id), 0))) or 0
    gone = _forgotten(connection, {report.provider_id for _, report in reports})
    rows = [
        _row(channel, replace(report, raw=b"") if report.provider_id in gone else report, now)
        for channel, report in reports
    ]
    add_missing(connection, REPORTS, rows)
    return connection.scalar(select(func.count()).where(REPORTS.c.id > before)) or 0


def _forgotten(connection: Connection, provider_ids: Collection[str]) -> frozenset[str]:
    """Which of these are of contacts with a business that was forgotten: its number is not stored again."""
    query = (
        select(RECEIPTS.c.provider_id)
        .join_from(RECEIPTS, CONTACTS, CONTACTS.c.id == RECEIPTS.c.contact_id)
        .join(PROBES, PROBES.c.id == CONTACTS.c.probe_id)
        .join(BUSINESSES, BUSINESSES.c.id == PROBES.c.business_id)
        .where(BUSINESSES.c.key.startswith("forgotten-"))
    )
    return frozenset(
        number
        for some in chunks(sorted(provider_ids))
        for number in connection.scalars(query.where(RECEIPTS.c.provider_id.in_(some)))
    )


def _row(channel: str, report: Report, now: datetime) -> dict[str, object]:
    return {
        "channel": channel,
        "provider_id": report.provider_id,
        "status": clean(report.status),
        "rank": report.rank,
        "at": report.at,
        "code": report.code,
        "meaning": clean(report.meaning),
        "raw": compressed(report.raw),
        "stored_at": now,
    }


def reported(reading: Store | Connection, channel: str, provider_ids: Sequence[str]) -> dict[str, list[Report]]:
    """What was reported of these contacts, by the provider's id, in the order of rank: the last one counts. A report
    whose bytes were erased has none: b""."""
    found: dict[str, list[Report]] = {}
    columns = (
        REPORTS.c.provider_id, REPORTS.c.status, REPORTS.c.rank, REPORTS.c.at, REPORTS.c.code, REPORTS.c.meaning,
        REPORTS.c.raw,
    )  # fmt: skip
    query = select(*columns).where(REPORTS.c.channel == channel).order_by(REPORTS.c.rank, REPORTS.c.at)
    with reading.read() if isinstance(reading, Store) else nullcontext(reading) as connection:
        for some in chunks(sorted(set(provider_ids))):
            for row in connection.execute(query.where(REPORTS.c.provider_id.in_(some))).mappings():
                report = Report(**{**row, "raw": zlib.decompress(row["raw"])})
                found.setdefault(report.provider_id, []).append(report)
    return found
