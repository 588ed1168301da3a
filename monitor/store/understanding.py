"""What an arrival means: its bytes to be read, its matches and its verdicts.

Matches are rewritten, verdicts appended: the newest counts. A person's review lies above both and is never touched.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from monitor.errors import Erased
from monitor.facts import Match, Promise, Verdict
from monitor.store.blobs import PIECE_BYTES, get
from monitor.store.canaries import come_home
from monitor.store.engine import Store, chunks, clean
from monitor.store.forgetting import erase_raw
from monitor.store.records import stop_within
from monitor.store.tables import ARRIVALS, ENDPOINTS, MATCHES, PROBES, RAW, REVIEWS, VERDICTS

VERDICT = tuple(one.name for one in fields(Verdict))

HEAD_BYTES = 16 * 1024
"""Packed bytes of a mail in which its headers are looked for."""

LOADED_BYTES = 32 * 1024 * 1024
"""How much raw mail is in memory at a time; a single larger one is read all the same."""

LOADED = (
    ARRIVALS.c.id, ARRIVALS.c.channel, ARRIVALS.c.mailbox, ARRIVALS.c.at, ARRIVALS.c.sha256, ARRIVALS.c.reader,
    RAW.c.size,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An arrival as it came in, to be understood."""

    arrival: int
    channel: str
    mailbox: str
    at: datetime
    raw: bytes
    reader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What an arrival turned out to be, and where it belongs; `canary`: the one that it is; `erase`: it came from
    somebody who was forgotten, so that its bytes go once this is stored; `stops`: who asks by it, surely, never to be
    contacted again, whether or not a probe of ours is open."""

    arrival: int
    matches: tuple[Match, ...]
    verdict: Verdict
    canary: int | None = None
    erase: bool = False
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What understanding an arrival again has changed; `before` is None where nothing was known of it."""

    arrival: int
    before: Understood | None
    after: Understood


# --------------------------------------------------------------------------- arrivals, with their bytes
def not_understood(store: Store, limit: int = 200) -> list[Unread]:
    """Arrivals that have no verdict yet, in the order in which they came; at most `limit` and 32 MB, at least one."""
    query = (
        select(*LOADED)
        .join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
        .where(ARRIVALS.c.understood.is_(False), RAW.c.erased_at.is_(None))
        .order_by(ARRIVALS.c.channel, ARRIVALS.c.at)
        .limit(limit)
    )
    return next(_loaded(store, query), [])


def stored_arrivals(store: Store, limit: int = 200) -> Iterator[list[Unread]]:
    """Every stored arrival that can be read again, in the order of storing, in batches of at most `limit` and 32 MB.

    One whose bytes were erased keeps what was understood of it.
    """
    last = 0
    while True:
        query = (
            select(*LOADED)
            .join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
            .where(ARRIVALS.c.id > last, RAW.c.erased_at.is_(None))
            .order_by(ARRIVALS.c.id)
            .limit(limit)
        )
        batch = next(_loaded(store, query), [])
        if not batch:
            return
        yield batch
        last = batch[-1].arrival


def count_arrivals(store: Store) -> int:
    """How many arrivals are stored."""
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(ARRIVALS)) or 0


def raw(store: Store, arrival: int) -> bytes:
    """The bytes of one arrival, as they came. Raises Erased when a person in it was forgotten."""
    query = select(RAW.c.sha256, RAW.c.erased_at).join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
    with store.read() as connection:
        row = connection.execute(query.where(ARRIVALS.c.id == arrival)).one()
        if row.erased_at is None:
            return get(connection, row.sha256)
    raise Erased(f"arrival {arrival}: its bytes were erased on {row.erased_at:%Y-%m-%d}, on request of a person")


def heads(store: Store, arrivals: Sequence[int]) -> dict[int, bytes]:
    """The beginnings of these arrivals, their headers as a rule; nothing of those that are erased."""
    found: dict[int, bytes] = {}
    query = select(ARRIVALS.c.id, func.substr(RAW.c.data, 1, HEAD_BYTES).label("data")).join_from(
        ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256
    )
    with store.read() as connection:
        for some in chunks(arrivals):
            for row in connection.execute(query.where(ARRIVALS.c.id.in_(some), RAW.c.erased_at.is_(None))):
                found[row.id] = zlib.decompressobj().decompress(row.data, 4 * HEAD_BYTES).partition(b"\r\n\r\n")[0]
    return found


def _loaded(store: Store, query: Select[Any]) -> Iterator[list[Unread]]:
    with store.read() as connection:
        rows = connection.execute(query).all()
        size = 0
        some: list[Any] = []
        for row in rows:
            if some and size + row.size > LOADED_BYTES:
                break
            size += row.size
            some.append(row)
        small = [row.sha256 for row in some if row.size <= PIECE_BYTES]
        raws = {
            digest: zlib.decompress(blob)
            for part in chunks(small)
            for digest, blob in connection.execute(select(RAW.c.sha256, RAW.c.data).where(RAW.c.sha256.in_(part)))
        }
        raws |= {row.sha256: get(connection, row.sha256) for row in some if row.sha256 not in raws}
    if some:
        yield [
            Unread(
                arrival=row.id,
                channel=row.channel,
                mailbox=row.mailbox,
                at=row.at,
                raw=raws[row.sha256],
                reader=row.reader,
            )
            for row in some
        ]


# --------------------------------------------------------------------------- what was understood
def store_understood(store: Store, items: Sequence[Understood], now: datetime) -> list[Change]:
    """Record matches and verdicts and mark their arrivals understood: one transaction. Returns what changed.

    Matches are rewritten and a verdict is appended only where they differ from what is there (the version of the rules
    alone is no difference). A stop request holds back its business and its address in the same transaction, unless a
    person has said that it is none or it comes from a stranger by a weak key.
    """
    items = [_clean(item) for item in items]
    ids = [item.arrival for item in items]
    changes: list[Change] = []
    with store.write() as connection:
        before = _before(connection, ids)
        verdicts: list[dict[str, Any]] = []
        matches: list[dict[str, Any]] = []
        rewritten: list[int] = []
        for item in items:
            known = before.get(item.arrival)
            if known is None or _differ(known.verdict, item.verdict):
                verdicts.append(_verdict_row(item, now))
            same = known is not None and set(known.matches) == set(item.matches)
            if not same:
                rewritten.append(item.arrival)
                matches += [{"arrival_id": item.arrival, "probe_id": m.probe} | _match_row(m) for m in item.matches]
            if known is None or not same or _differ(known.verdict, item.verdict):
                changes.append(Change(arrival=item.arrival, before=known, after=item))
        for some in chunks(rewritten):
            connection.execute(delete(MATCHES).where(MATCHES.c.arrival_id.in_(some)))
        if matches:
            connection.execute(insert(MATCHES), matches)
        if verdicts:
            connection.execute(insert(VERDICTS), verdicts)
        for some in chunks(ids):
            connection.execute(update(ARRIVALS).where(ARRIVALS.c.id.in_(some)).values(understood=True))
        for item in items:
            if item.canary is not None:
                come_home(connection, item.canary, item.arrival)
        if gone := [item.arrival for item in items if item.erase]:
            erase_raw(connection, gone, now)
        for item in items:
            if item.verdict.kind == "opt_out":
                _stop(connection, item, now)
    return changes


def _stop(connection: Connection, item: Understood, now: datetime) -> None:
    review = select(REVIEWS.c.kind).where(REVIEWS.c.arrival_id == item.arrival).order_by(REVIEWS.c.id.desc()).limit(1)
    if (connection.scalar(review) or "opt_out") not in ("opt_out", "withdrawn"):
        return
    believed = [match.probe for match in item.matches if match.strong or match.standing != "stranger"]
    query = select(ENDPOINTS.c.address).join_from(PROBES, ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
    addresses = {*connection.scalars(query.where(PROBES.c.id.in_(believed))), *item.stops}
    if addresses:
        stop_within(connection, addresses, "a reply asked us to stop", now, arrival_id=item.arrival)


def _before(connection: Connection, ids: Sequence[int]) -> dict[int, Understood]:
    """What is on record of these arrivals: the newest verdict and the matches."""
    found: dict[int, Understood] = {}
    for some in chunks(ids):
        newest = select(func.max(VERDICTS.c.id)).where(VERDICTS.c.arrival_id.in_(some)).group_by(VERDICTS.c.arrival_id)
        rows = connection.execute(select(VERDICTS).where(VERDICTS.c.id.in_(newest))).mappings()
        verdicts = {row["arrival_id"]: read_verdict(row) for row in rows}
        matches: dict[int, list[Match]] = {}
        for row in connection.execute(select(MATCHES).where(MATCHES.c.arrival_id.in_(some)).order_by(MATCHES.c.id)):
            matches.setdefault(row.arrival_id, []).append(
                Match(probe=row.probe_id, key=row.key, strong=row.strong, standing=row.standing, reason=row.reason)
            )
        for arrival, verdict in verdicts.items():
            found[arrival] = Understood(arrival=arrival, matches=tuple(matches.get(arrival, ())), verdict=verdict)
    return found


def _differ(before: Verdict, after: Verdict) -> bool:
    return replace(before, rules="") != replace(after, rules="")


def _match_row(match: Match) -> dict[str, Any]:
    return {"key": match.key, "strong": match.strong, "standing": match.standing, "reason": match.reason}


def _verdict_row(item: Understood, now: datetime) -> dict[str, Any]:
    row = {name: getattr(item.verdict, name) for name in VERDICT}
    promise = item.verdict.promise
    if promise is not None:
        row["promise"] = asdict(promise) | {"due": promise.due.isoformat() if promise.due else None}
    row["reasons"] = list(item.verdict.reasons)
    row["questions_answered"] = list(item.verdict.questions_answered)
    return row | {"arrival_id": item.arrival, "decided_at": now}


def read_verdict(row: Mapping[Any, Any]) -> Verdict:
    """A verdict from its row (any mapping that has the columns of `verdicts`)."""
    values = {name: row[name] for name in VERDICT}
    if row["promise"] is not None:
        due = row["promise"]["due"]
        values["promise"] = Promise(**row["promise"] | {"due": datetime.fromisoformat(due) if due else None})
    values["reasons"] = tuple(row["reasons"])
    values["questions_answered"] = tuple(row["questions_answered"])
    return Verdict(**values)


def _clean(item: Understood) -> Understood:
    def scrub(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        return tuple(scrub(one) for one in value) if isinstance(value, tuple) else value

    verdict = item.verdict
    values = {name: scrub(getattr(verdict, name)) for name in VERDICT}
    if verdict.promise is not None:
        values["promise"] = replace(verdict.promise, text=clean(verdict.promise.text))
    matches = tuple(replace(match, reason=clean(match.reason)) for match in item.matches)
    return replace(item, matches=matches, verdict=Verdict(**values))
