"""Canaries on record, and the gaps that they show. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, select, update

from monitor.canary import Canary, Doubt, Route, doubts
from monitor.store.engine import Store, add, chunks, clean
from monitor.store.hearing import CANARY
from monitor.store.tables import ARRIVALS, CANARIES, CURSORS, GAPS, SIGHTINGS
from probes.contract import Receipt

COLUMNS = tuple(CANARIES.c[one.name] for one in fields(Canary))

CLOSED_BY_HAND = "closed by "
"""How the record of a gap that a person closed goes on."""


def canaries(store: Store, channel: str | None = None) -> list[Canary]:
    """Every canary (of one channel), oldest first."""
    with store.read() as connection:
        return _canaries(connection, channel)


def _canaries(connection: Connection, channel: str | None) -> list[Canary]:
    query = select(*COLUMNS).order_by(CANARIES.c.id)
    if channel is not None:
        query = query.where(CANARIES.c.channel == channel)
    return [Canary(**row) for row in connection.execute(query).mappings()]


def by_message_id(store: Store, ids: Collection[str]) -> dict[str, Canary]:
    """Canaries by their Message-ID (lower case, without brackets), those of `ids` that exist."""
    found: dict[str, Canary] = {}
    with store.read() as connection:
        for some in chunks(sorted(f"<{clean(one)}>" for one in ids if one)):
            rows = connection.execute(select(*COLUMNS).where(CANARIES.c.message_id.in_(some))).mappings()
            found |= {row["message_id"].strip("<>"): Canary(**row) for row in rows}
    return found


def is_used(connection: Connection, address: str) -> bool:
    """Whether a canary went to this address, which therefore is no probe's. Ready mailboxes serve both."""
    fresh = CANARIES.c.proves != CANARIES.c.address
    return bool(connection.scalar(select(exists().where(CANARIES.c.address == address, fresh))))


def put_on_record(
    store: Store, *, channel: str, scheme: str, route: Route, sender: str, message_id: str, now: datetime
) -> int:
    """A canary that is about to be handed over, committed before the wire is touched; returns its id."""
    values = {
        "channel": channel, "scheme": scheme, "proves": route.proves, "sender": sender, "address": route.address,
        "message_id": message_id.lower(), "state": "planned", "sent_at": now, "junk": False, "why": "",
    }  # fmt: skip
    with store.write() as connection:
        return add(connection, CANARIES, values)


def record_receipt(store: Store, canary: int, receipt: Receipt) -> None:
    """What became of handing it over; the clock of its patience starts with the receipt."""
    why = "" if receipt.state == "sent" else clean(receipt.reason)
    values = {"state": receipt.state, "sent_at": receipt.at, "why": why}
    with store.write() as connection:
        connection.execute(update(CANARIES).where(CANARIES.c.id == canary).values(values))


def record_failure(store: Store, canary: int, why: str, now: datetime) -> None:
    """It did not come home in time; one that came home meanwhile has not failed."""
    mine = (CANARIES.c.id == canary, CANARIES.c.heard_at.is_(None), CANARIES.c.failed_at.is_(None))
    with store.write() as connection:
        connection.execute(update(CANARIES).where(*mine).values(failed_at=now, why=clean(why)))


def come_home(connection: Connection, canary: int, arrival: int) -> None:
    """An arrival turned out to be this canary; the first time counts. Inside a transaction that is open."""
    at = select(ARRIVALS.c.at).where(ARRIVALS.c.id == arrival).scalar_subquery()
    junk = select(SIGHTINGS.c.junk).where(SIGHTINGS.c.arrival_id == arrival).order_by(SIGHTINGS.c.id).limit(1)
    where = (CANARIES.c.id == canary, CANARIES.c.heard_at.is_(None))
    values = {"arrival_id": arrival, "heard_at": at, "junk": func.coalesce(junk.scalar_subquery(), False)}
    connection.execute(update(CANARIES).where(*where).values(values))


def heard_until(store: Store, channel: str) -> datetime | None:
    """The moment up to which every place of a channel has been heard; None while one has not been."""
    query = select(CURSORS.c.heard_until).where(CURSORS.c.channel == channel, CURSORS.c.retired_at.is_(None))
    with store.read() as connection:
        moments = connection.scalars(query).all()
    return None if not moments or None in moments else min(moment for moment in moments if moment is not None)


def sync_gaps(store: Store, channel: str, now: datetime) -> list[Doubt]:
    """Make the gaps on record those that the canaries of a channel show; returns the doubts that still go on.

    A gap is known by its pattern and its beginning. What a person closed stays closed.
    """
    with store.write() as connection:
        begun = connection.scalar(select(func.min(CURSORS.c.heard_from)).where(CURSORS.c.channel == channel))
        open_still: list[Doubt] = []
        for doubt in doubts(_canaries(connection, channel), begun):
            same = (
                GAPS.c.channel == channel, GAPS.c.mailbox == doubt.proves, GAPS.c.found_by == CANARY,
                GAPS.c.since == doubt.since,
            )  # fmt: skip
            known = connection.execute(select(GAPS).where(*same)).mappings().first()
            closed_at = now if doubt.home_after_all and doubt.until is not None else None
            if known is None:
                values = {
                    "channel": channel, "mailbox": doubt.proves, "since": doubt.since, "until": doubt.until,
                    "closed_at": closed_at, "why": doubt.why, "found_by": CANARY,
                }  # fmt: skip
                connection.execute(insert(GAPS).values(values))
            elif known["closed_at"] is None:
                values = {"until": doubt.until, "closed_at": closed_at, "why": doubt.why}
                connection.execute(update(GAPS).where(GAPS.c.id == known["id"]).values(values))
            else:
                continue
            if doubt.until is None:
                open_still.append(doubt)
    return open_still
