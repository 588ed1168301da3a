"""What a probe counts as: the facts that its outcome is decided on, and the outcome rows, a cache made from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from monitor.canary import covers
from monitor.facts import OWN_COPY, Match, Outcome, ProbeFacts, Reply, Verdict
from monitor.outcome import reporter_trusted
from monitor.store.engine import Store, chunks
from monitor.store.hearing import CANARY, GapEntry, read_gaps
from monitor.store.tables import (
    ARRIVALS,
    BUSINESSES,
    CONTACTS,
    CURSORS,
    ENDPOINTS,
    MATCHES,
    OUTCOMES,
    PROBES,
    RECEIPTS,
    REVIEWS,
    SIGHTINGS,
    STUDY_VERSIONS,
    VERDICTS,
)
from monitor.store.understanding import read_verdict

WITHDRAWN = "withdrawn"
"""Kind of a review by which a person gives an arrival back to the rules."""

NOBODY = "nobody"
"""Kind of a review by which a person says that an arrival belongs to no probe: it then counts for none."""

PROBES_AT_A_TIME = 500
ROWS_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One arrival of one probe, with what was decided about it. `key` is "review" where a person named the probe."""

    arrival: int
    at: datetime
    junk: bool
    match: Match
    verdict: Verdict
    kind: str
    by_hand: bool


# --------------------------------------------------------------------------- hearing, as a probe sees it
@dataclass(frozen=True, slots=True)
class _Hearing:
    """When a channel was listened to. `least`: the earliest of the moments up to which its places were heard."""

    begun: datetime | None
    least: datetime | None
    gaps: tuple[GapEntry, ...]

    def gap_from(self, sent_at: datetime | None, reply_address: str | None) -> datetime | None:
        """Where the first time begins in which an answer to this probe may have come and was not heard.

        What a canary showed concerns the addresses that it stood for, a lost line every address.
        """
        if sent_at is None or self.begun is None:
            return None
        if sent_at < self.begun:
            return sent_at
        begins = [
            max(gap.since, sent_at)
            for gap in self.gaps
            if (gap.until is None or gap.until > sent_at)
            and (gap.found_by != CANARY or covers(gap.mailbox, reply_address or ""))
        ]
        return min(begins, default=None)


def _hearing(connection: Connection) -> dict[tuple[str, str], _Hearing]:
    """By (channel, ""); under ("", mailbox) how one mailbox is heard, under ("", "") all channels together.

    Mailboxes of controls count for their controls only: no answer comes in there. Where arrivals are stored but not
    understood, hearing ends before the first of them: nobody has read it yet.
    """
    columns = (CURSORS.c.channel, CURSORS.c.mailbox, CURSORS.c.heard_from, CURSORS.c.heard_until, CURSORS.c.retired_at)
    places = connection.execute(select(*columns)).all()
    gaps = read_gaps(connection, unclosed=True)
    first = select(ARRIVALS.c.channel, ARRIVALS.c.mailbox, func.min(ARRIVALS.c.at).label("first")).group_by(
        ARRIVALS.c.channel, ARRIVALS.c.mailbox
    )
    unread = connection.execute(first.where(ARRIVALS.c.understood.is_(False))).all()
    controls = set(connection.scalars(select(ENDPOINTS.c.address).where(ENDPOINTS.c.control.is_(True))))
    if all(place.mailbox in controls for place in places):
        controls = set()  # the mailbox of the answers is its own control
    found: dict[tuple[str, str], _Hearing] = {}
    wanted = {("", ""), *((one.channel, "") for one in places), *(("", one.mailbox) for one in places)}
    for channel, mailbox in wanted:

        def is_here(one: Any, channel: str = channel, mailbox: str = mailbox) -> bool:
            here = one.mailbox == mailbox if mailbox else one.mailbox not in controls
            return channel in ("", one.channel) and here

        mine = [place for place in places if is_here(place)]
        moments = [place.heard_until for place in mine if place.retired_at is None]
        moments += [one.first for one in unread if is_here(one)]
        found[channel, mailbox] = _Hearing(
            begun=min((place.heard_from for place in mine if place.heard_from is not None), default=None),
            least=min(moments) if moments and None not in moments else None,
            gaps=tuple(gap for gap in gaps if is_here(gap)),
        )
    return found


def _of_probe(hearing: Mapping[tuple[str, str], _Hearing], row: Mapping[str, Any]) -> _Hearing:
    """How the places are heard in which something about this probe could come in: those of its channel, or of all
    where that one hears nothing itself; of a control, the mailbox that it was sent to."""
    everywhere = hearing["", ""]
    if row["control"]:
        return hearing.get(("", row["address"]), everywhere)
    return hearing.get((row["channel"], ""), everywhere)


# --------------------------------------------------------------------------- facts
def probe_facts(store: Store, *, study: str | None = None, probes: Sequence[str] | None = None) -> Iterator[ProbeFacts]:
    """What is known of each probe (of one study, or of these probes), by id, read a few hundred at a time.

    All is of one moment. `heard_until` is the least of what was heard in the places where an answer could come in:
    those of the probe's channel, or of all channels when that one hears nothing itself; of a control, its own mailbox.
    """
    with store.read() as connection:
        hearing = _hearing(connection)
        for rows in _probe_rows(connection, study, probes):
            ids = [row["id"] for row in rows]
            arrived, aside = _heard(connection, ids), _set_aside(connection, ids)
            for row in rows:
                known = _facts(row, _of_probe(hearing, row), arrived.get(row["id"], []))
                yield replace(known, set_aside=row["id"] in aside)


def _probe_rows(
    connection: Connection, study: str | None, probes: Sequence[str] | None
) -> Iterator[list[Mapping[str, Any]]]:
    last_receipt = (RECEIPTS.c.contact_id == CONTACTS.c.id) & (RECEIPTS.c.attempt == CONTACTS.c.tries)
    query = (
        select(
            PROBES.c.id, PROBES.c.study, STUDY_VERSIONS.c.version, BUSINESSES.c.key.label("business"),
            BUSINESSES.c.group, PROBES.c.channel, PROBES.c.scenario, PROBES.c.intent, PROBES.c.language,
            PROBES.c.persona, PROBES.c.pair, ENDPOINTS.c.control, ENDPOINTS.c.address, PROBES.c.questions,
            PROBES.c.reply_address, CONTACTS.c.state, CONTACTS.c.reason, CONTACTS.c.started_at,
            RECEIPTS.c.at.label("settled_at"), RECEIPTS.c.accepted_by,
        )
        .join_from(PROBES, CONTACTS, (CONTACTS.c.probe_id == PROBES.c.id) & (CONTACTS.c.kind == "enquiry"))
        .join(STUDY_VERSIONS, PROBES.c.version_id == STUDY_VERSIONS.c.id)
        .join(BUSINESSES, PROBES.c.business_id == BUSINESSES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .outerjoin(RECEIPTS, last_receipt)
        .order_by(PROBES.c.id)
    )  # fmt: skip
    if probes is not None:
        for some in chunks(sorted(set(probes))):
            yield [dict(row) for row in connection.execute(query.where(PROBES.c.id.in_(some))).mappings()]
        return
    if study is not None:
        query = query.where(PROBES.c.study == study)
    last = ""
    while rows := connection.execute(query.where(PROBES.c.id > last).limit(PROBES_AT_A_TIME)).mappings().all():
        yield [dict(row) for row in rows]
        last = rows[-1]["id"]


def _facts(row: Mapping[str, Any], hearing: _Hearing, heard: Sequence[Heard]) -> ProbeFacts:
    sent_at = None
    if row["state"] == "sent":
        sent_at = row["settled_at"]
    elif row["state"] in ("unknown", "sending"):
        sent_at = row["started_at"]
    elif row["state"] == "not_sent" and row["accepted_by"] is not None:
        sent_at = row["settled_at"]  # when a server refused it: it counts, like silence, once its window is over
    names = ("study", "version", "business", "group", "channel", "scenario", "intent", "language", "persona", "pair")
    return ProbeFacts(
        **{name: row[name] for name in (*names, "control", "state", "accepted_by")},
        probe=row["id"],
        reason="" if row["state"] == "sent" else row["reason"],
        sent_at=sent_at,
        endpoint_address=row["address"],
        questions_asked=len(row["questions"]),
        heard_until=hearing.least,
        gap_from=hearing.gap_from(sent_at, row["reply_address"]),
        replies=tuple(_reply(one, row["address"]) for one in heard),
    )


def _reply(heard: Heard, endpoint_address: str) -> Reply:
    verdict, promise = heard.verdict, heard.verdict.promise
    return Reply(
        at=heard.at,
        kind=heard.kind,
        strong=heard.match.strong,
        standing=heard.match.standing,
        junk=heard.junk,
        noreply=verdict.noreply_sender,
        promise_due=promise.due if promise else None,
        promised=promise is not None,
        status=verdict.status,
        hard=verdict.hard,
        bounced_recipient=verdict.bounced_recipient,
        reporter_trusted=reporter_trusted(heard.match, verdict, endpoint_address),
        questions_answered=len(verdict.questions_answered),
        by_hand=heard.by_hand,
        delivered=verdict.delivered,
        own_copy=heard.match.key == OWN_COPY,
    )


def heard(store: Store, probes: Sequence[str]) -> dict[str, list[Heard]]:
    """What came in for these probes, by probe, in the order of time."""
    with store.read() as connection:
        return _heard(connection, probes)


def _heard(connection: Connection, probes: Sequence[str]) -> dict[str, list[Heard]]:
    matches: dict[int, list[Match]] = {}
    for some in chunks(probes):
        for row in connection.execute(select(MATCHES).where(MATCHES.c.probe_id.in_(some)).order_by(MATCHES.c.id)):
            match = Match(probe=row.probe_id, key=row.key, strong=row.strong, standing=row.standing, reason=row.reason)
            matches.setdefault(row.arrival_id, []).append(match)
        named = select(REVIEWS.c.arrival_id).where(REVIEWS.c.probe_id.in_(some))
        for arrival in connection.scalars(named):
            matches.setdefault(arrival, [])
    arrivals = sorted(matches)
    reviews: dict[int, Any] = {}
    times: dict[int, datetime] = {}
    junk: dict[int, bool] = {}
    verdicts: dict[int, Verdict] = {}
    for part in chunks(arrivals):
        for row in connection.execute(select(REVIEWS).where(REVIEWS.c.arrival_id.in_(part)).order_by(REVIEWS.c.id)):
            reviews[row.arrival_id] = row if row.kind != WITHDRAWN else None
        for row in connection.execute(select(ARRIVALS.c.id, ARRIVALS.c.at).where(ARRIVALS.c.id.in_(part))):
            times[row.id] = row.at
        first = (
            select(func.min(SIGHTINGS.c.id)).where(SIGHTINGS.c.arrival_id.in_(part)).group_by(SIGHTINGS.c.arrival_id)
        )
        for row in connection.execute(
            select(SIGHTINGS.c.arrival_id, SIGHTINGS.c.junk).where(SIGHTINGS.c.id.in_(first))
        ):
            junk[row.arrival_id] = row.junk
        newest = select(func.max(VERDICTS.c.id)).where(VERDICTS.c.arrival_id.in_(part)).group_by(VERDICTS.c.arrival_id)
        for one in connection.execute(select(VERDICTS).where(VERDICTS.c.id.in_(newest))).mappings():
            verdicts[one["arrival_id"]] = read_verdict(one)
    wanted = set(probes)
    found: dict[str, list[Heard]] = {}
    for arrival in arrivals:
        verdict, review = verdicts.get(arrival), reviews.get(arrival)
        if verdict is None:
            continue
        for match in _believed(matches[arrival], review):
            if match.probe in wanted:
                found.setdefault(match.probe, []).append(
                    Heard(
                        arrival=arrival,
                        at=times[arrival],
                        junk=junk.get(arrival, False),
                        match=match,
                        verdict=verdict,
                        kind=review.kind if review else verdict.kind,
                        by_hand=review is not None,
                    )
                )
    for several in found.values():
        several.sort(key=lambda one: (one.at, one.arrival))
    return found


def _believed(matches: Sequence[Match], review: Any) -> Sequence[Match]:
    """The matches that count: those of the rules, or the one probe that a person named instead, or none."""
    if review is not None and review.kind == NOBODY:
        return ()
    if review is None or review.probe_id is None:
        return matches
    by_rules = [match for match in matches if match.probe == review.probe_id]
    named = Match(
        probe=review.probe_id, key="review", strong=True, standing="stranger", reason=f"{review.who}: {review.why}"
    )
    return by_rules or [named]


def _set_aside(connection: Connection, probes: Sequence[str]) -> set[str]:
    """Those of `probes` that a person took an arrival from which the rules had given them."""
    later = REVIEWS.alias()
    last = select(func.max(later.c.id)).where(later.c.arrival_id == MATCHES.c.arrival_id).scalar_subquery()
    elsewhere = or_(REVIEWS.c.kind == NOBODY, REVIEWS.c.probe_id != MATCHES.c.probe_id)
    query = (
        select(MATCHES.c.probe_id)
        .join_from(MATCHES, REVIEWS, REVIEWS.c.arrival_id == MATCHES.c.arrival_id)
        .where(REVIEWS.c.id == last, REVIEWS.c.kind != WITHDRAWN, elsewhere)
    )
    found: set[str] = set()
    for some in chunks(probes):
        found.update(connection.scalars(query.where(MATCHES.c.probe_id.in_(some))))
    return found


# --------------------------------------------------------------------------- outcomes
def write_outcomes(store: Store, rows: Iterable[Outcome], *, study: str | None = None) -> int:
    """Put `rows` in the place of all outcome rows (or of those of one study), in one transaction; returns how many."""
    written = 0
    with store.write() as connection:
        connection.execute(delete(OUTCOMES) if study is None else delete(OUTCOMES).where(OUTCOMES.c.study == study))
        part: list[Outcome] = []
        for row in rows:
            part.append(row)
            if len(part) == ROWS_AT_A_TIME:
                connection.execute(insert(OUTCOMES), part)
                written += len(part)
                part = []
        if part:
            connection.execute(insert(OUTCOMES), part)
            written += len(part)
    return written
