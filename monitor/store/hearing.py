"""What came in: raw bytes, arrivals, sightings and cursors, a batch in one transaction; and when we were deaf."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, insert, literal, select, update

from monitor.store.blobs import compressed, put
from monitor.store.engine import Store, add_missing, chunks
from monitor.store.tables import ARRIVALS, CURSORS, GAPS, MATCHES, RAW, SIGHTINGS, VERDICTS
from probes.contract import Arrival, Batch, Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What a batch brought: ids of new arrivals, and how many were here already (seen again at most)."""

    new: tuple[int, ...]
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEntry:
    """A time in which we may have been deaf. `until`: the last moment at which we knew that we were."""

    id: int
    channel: str
    mailbox: str
    since: datetime
    until: datetime | None
    closed_at: datetime | None
    why: str
    found_by: str

    @property
    def is_over(self) -> bool:
        """Whether we hear again: then it concerns the past only. A lost line is over when it has been caught up."""
        return self.closed_at is not None or (self.found_by in (CANARY, DOOR) and self.until is not None)


LINE = "line"
"""A gap found because the line was lost; it closes when everything that came in it has been read."""

DOOR = "door"
"""A gap in which the door was shut, of what hears by it alone; also the place that is heard by it."""

CANARY = "canary"
"""A gap found because a canary did not come home; reading on does not close it."""


# --------------------------------------------------------------------------- taking in
def take_in(store: Store, channel: str, batch: Batch, now: datetime) -> TakenIn:
    """Store a batch and the cursor that is true after it: one transaction, all or nothing.

    An arrival that is here already gains a sighting at most, and the earlier of the two times. Where `heard_until`
    reaches past a gap in every place of the mailbox, the gap is closed: what came in it has been read.
    """
    prepared = [(hashlib.sha256(arrival.raw).hexdigest(), arrival) for arrival in batch.arrivals]
    data = {digest: compressed(arrival.raw) for digest, arrival in prepared}
    with store.write() as connection:
        new: list[int] = []
        if prepared:
            new = store_arrivals(connection, channel, batch.mailbox, prepared, data, now)
        _move_cursor(connection, channel, batch, now)
        if batch.heard_until is not None:
            _close_gaps(connection, channel, batch.mailbox, now)
    return TakenIn(new=tuple(new), repeats=len(prepared) - len(new))


def store_arrivals(
    connection: Connection,
    channel: str,
    mailbox: str,
    prepared: Sequence[tuple[str, Arrival]],
    data: Mapping[str, bytes],
    now: datetime,
) -> list[int]:
    """Store what is not here yet, inside a transaction that is open; returns the ids of what is new.

    `prepared`: (sha256, arrival); `data`: the compressed bytes by sha256.
    """
    here = (ARRIVALS.c.channel == channel, ARRIVALS.c.mailbox == mailbox)
    by_digest, by_provider = _known(connection, channel, mailbox, prepared)
    fresh: dict[str, Arrival] = {}
    for digest, arrival in prepared:
        if arrival.provider_id in by_provider or digest in by_digest:
            continue
        if arrival.provider_id is not None and any(arrival.provider_id == one.provider_id for one in fresh.values()):
            continue
        fresh.setdefault(digest, arrival)
    put(connection, {digest: data[digest] for digest in fresh}, {digest: len(one.raw) for digest, one in fresh.items()})
    if fresh:
        rows = [
            {
                "channel": channel,
                "mailbox": mailbox,
                "sha256": digest,
                "provider_id": arrival.provider_id,
                "at": arrival.at,
                "stored_at": now,
                "understood": False,
                "reader": arrival.reader,
            }
            for digest, arrival in fresh.items()
        ]
        for row in connection.execute(_NEW, rows):
            one = fresh[row.sha256]
            by_digest[row.sha256] = (row.id, one.at)
            if one.provider_id is not None:
                by_provider[one.provider_id] = (row.id, one.at)
        _as_before(connection, {digest: by_digest[digest][0] for digest in fresh})
    sightings = []
    earliest: dict[int, datetime] = {}
    for digest, arrival in prepared:
        known = by_provider.get(arrival.provider_id) if arrival.provider_id is not None else None
        key, at = known or by_digest[digest]
        sightings.append(
            {
                "arrival_id": key,
                "place": arrival.place,
                "position": arrival.position,
                "at": arrival.at,
                "junk": arrival.junk,
                "seen_at": now,
            }
        )
        if arrival.at < min(at, earliest.get(key, at)):
            earliest[key] = arrival.at
    add_missing(connection, SIGHTINGS, sightings)
    for key, at in earliest.items():
        connection.execute(update(ARRIVALS).where(*here, ARRIVALS.c.id == key, ARRIVALS.c.at > at).values(at=at))
    return sorted(by_digest[digest][0] for digest in fresh)


def _as_before(connection: Connection, made: Mapping[str, int]) -> None:
    """A mail whose bytes were erased is seen in one more mailbox: what was decided about it holds there too."""
    for some in chunks(sorted(made)):
        for digest in connection.scalars(_ERASED, {"some": some}).all():
            one = made[digest]
            twin = connection.scalar(
                select(func.min(ARRIVALS.c.id)).where(
                    ARRIVALS.c.sha256 == digest, ARRIVALS.c.id != one, ARRIVALS.c.understood.is_(True)
                )
            )
            if twin is None:
                continue
            newest = select(func.max(VERDICTS.c.id)).where(VERDICTS.c.arrival_id == twin).scalar_subquery()
            for table, where in ((VERDICTS, VERDICTS.c.id == newest), (MATCHES, MATCHES.c.arrival_id == twin)):
                names = [column.name for column in table.columns if column.name not in ("id", "arrival_id")]
                known = select(literal(one), *(table.c[name] for name in names)).where(where)
                connection.execute(insert(table).from_select(["arrival_id", *names], known))
            connection.execute(update(ARRIVALS).where(ARRIVALS.c.id == one).values(understood=True))


Known = dict[str, tuple[int, datetime]]

# Made once: building them costs more than running them, which tells where requests come one by one.
_HERE = select(ARRIVALS.c.id, ARRIVALS.c.at, ARRIVALS.c.sha256, ARRIVALS.c.provider_id).where(
    ARRIVALS.c.channel == bindparam("in_channel"), ARRIVALS.c.mailbox == bindparam("in_mailbox")
)
_BY_DIGEST = _HERE.where(ARRIVALS.c.sha256.in_(bindparam("some", expanding=True)))
_BY_PROVIDER = _HERE.where(ARRIVALS.c.provider_id.in_(bindparam("some", expanding=True)))
_ERASED = select(RAW.c.sha256).where(RAW.c.sha256.in_(bindparam("some", expanding=True)), RAW.c.erased_at.is_not(None))
_NEW = insert(ARRIVALS).returning(ARRIVALS.c.id, ARRIVALS.c.sha256)


def _known(
    connection: Connection, channel: str, mailbox: str, prepared: Sequence[tuple[str, Arrival]]
) -> tuple[Known, Known]:
    """Arrivals on record: id and time, by sha256 and by the provider's id."""
    by_digest: Known = {}
    by_provider: Known = {}
    digests = sorted({digest for digest, _ in prepared})
    providers = sorted({one.provider_id for _, one in prepared if one.provider_id is not None})
    for query, values in ((_BY_DIGEST, digests), (_BY_PROVIDER, providers)):
        for some in chunks(values):
            asked = {"in_channel": channel, "in_mailbox": mailbox, "some": list(some)}
            for row in connection.execute(query, asked):
                by_digest[row.sha256] = (row.id, row.at)
                if row.provider_id is not None:
                    by_provider[row.provider_id] = (row.id, row.at)
    return by_digest, by_provider


# --------------------------------------------------------------------------- cursors
def cursors(store: Store, channel: str, mailbox: str) -> dict[str, str]:
    """Where listening to a mailbox resumes: place -> position. One left out for a while resumes where it was left."""
    query = select(CURSORS.c.place, CURSORS.c.position).where(
        CURSORS.c.channel == channel, CURSORS.c.mailbox == mailbox
    )
    with store.read() as connection:
        return {row.place: row.position for row in connection.execute(query)}


def has_heard(store: Store, channel: str, mailbox: str) -> bool:
    """Whether hearing has begun in this mailbox: what came in before that is lost to us."""
    query = select(CURSORS.c.id).where(
        CURSORS.c.channel == channel, CURSORS.c.mailbox == mailbox, CURSORS.c.heard_from.is_not(None)
    )
    with store.read() as connection:
        return connection.scalar(query.limit(1)) is not None


def _move_cursor(connection: Connection, channel: str, batch: Batch, now: datetime) -> None:
    place = batch.cursor.place
    same = and_(CURSORS.c.channel == channel, CURSORS.c.mailbox == batch.mailbox, CURSORS.c.place == place)
    before = connection.execute(select(CURSORS).where(same)).mappings().first()
    values = {"position": batch.cursor.position, "updated_at": now, "retired_at": None}
    if before is None:
        key = {"channel": channel, "mailbox": batch.mailbox, "place": place}
        values |= {"heard_from": batch.heard_until or now, "heard_until": batch.heard_until}
        connection.execute(insert(CURSORS).values(key | values))
        return
    heard = [moment for moment in (before["heard_until"], batch.heard_until) if moment is not None]
    values["heard_until"] = max(heard, default=None)
    connection.execute(update(CURSORS).where(same).values(values))


def retire_places(store: Store, channel: str, read: set[tuple[str, str]], now: datetime) -> int:
    """After a complete pass over a channel: places that it no longer reads hold back no probe; returns how many.

    `read`: (mailbox, place) of every batch of the pass, of all mailboxes. A gap of a mailbox that is not read any more
    stays on record.
    """
    with store.write() as connection:
        active = (CURSORS.c.channel == channel, CURSORS.c.retired_at.is_(None))
        gone = [
            row.id
            for row in connection.execute(select(CURSORS.c.id, CURSORS.c.mailbox, CURSORS.c.place).where(*active))
            if (row.mailbox, row.place) not in read
        ]
        if gone:
            connection.execute(update(CURSORS).where(CURSORS.c.id.in_(gone)).values(retired_at=now))
    return len(gone)


# --------------------------------------------------------------------------- being deaf
def open_gap(store: Store, channel: str, mailbox: str, why: str, now: datetime) -> bool:
    """Put on record that a mailbox cannot be heard now; False when it was never heard: hearing has not begun.

    The gap goes back to the last moment up to which the mailbox was heard; one that is open already is kept and
    reaches until now.
    """
    with store.write() as connection:
        heard = select(func.count(), func.min(CURSORS.c.heard_until), func.min(CURSORS.c.heard_from)).where(
            CURSORS.c.channel == channel, CURSORS.c.mailbox == mailbox, CURSORS.c.retired_at.is_(None)
        )
        places, until, begun = connection.execute(heard).one()
        if not places:
            return False
        same = and_(
            GAPS.c.channel == channel, GAPS.c.mailbox == mailbox, GAPS.c.closed_at.is_(None), GAPS.c.found_by == LINE
        )
        if not connection.execute(update(GAPS).where(same).values(until=now)).rowcount:
            since = until or begun or now
            values = {
                "channel": channel, "mailbox": mailbox, "since": since, "until": now, "why": why, "found_by": LINE
            }  # fmt: skip
            connection.execute(insert(GAPS).values(values))
    return True


def note_open(store: Store, channel: str, mailbox: str, now: datetime, patience: timedelta) -> bool:
    """The door of a mailbox that hears by it alone is open now; False where it was shut: that is a gap for good.

    What a provider could not bring it may bring again or not: nobody can tell, so the time counts as not heard.
    """
    same = (CURSORS.c.channel == channel, CURSORS.c.mailbox == mailbox, CURSORS.c.place == DOOR)
    with store.write() as connection:
        until = connection.scalar(select(CURSORS.c.heard_until).where(*same))
        shut = until is not None and now - until > patience
        if shut:
            why = "the door was shut"
            values = {
                "channel": channel, "mailbox": mailbox, "since": until, "until": now, "why": why, "found_by": DOOR
            }  # fmt: skip
            connection.execute(insert(GAPS).values(values))
        cursor = Cursor(place=DOOR, position="")
        _move_cursor(connection, channel, Batch(mailbox=mailbox, arrivals=(), cursor=cursor, heard_until=now), now)
    return not shut


def gaps(store: Store, *, unclosed: bool = False) -> list[GapEntry]:
    """Gaps on record, oldest first."""
    with store.read() as connection:
        return read_gaps(connection, unclosed=unclosed)


def read_gaps(connection: Connection, *, unclosed: bool = False) -> list[GapEntry]:
    """gaps() inside a transaction that is already open."""
    query = select(*(GAPS.c[one.name] for one in fields(GapEntry))).order_by(GAPS.c.since, GAPS.c.id)
    if unclosed:
        query = query.where(GAPS.c.closed_at.is_(None))
    return [GapEntry(**row) for row in connection.execute(query).mappings()]


def _close_gaps(connection: Connection, channel: str, mailbox: str, now: datetime) -> None:
    """Close the gaps of a lost line that every place of the mailbox has now been heard past."""
    here = (CURSORS.c.channel == channel, CURSORS.c.mailbox == mailbox, CURSORS.c.retired_at.is_(None))
    places = connection.scalars(select(CURSORS.c.heard_until).where(*here)).all()
    if any(moment is None for moment in places):
        return
    least = min(moment for moment in places if moment is not None)
    where = (
        GAPS.c.channel == channel, GAPS.c.mailbox == mailbox, GAPS.c.closed_at.is_(None), GAPS.c.until <= least,
        GAPS.c.found_by == LINE,
    )  # fmt: skip
    connection.execute(update(GAPS).where(*where).values(closed_at=now))
