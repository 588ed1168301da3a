"""What waits for a person's eye, and what a person decided. Each function is one transaction.

Decisions are appended: the newest row of an arrival counts, one of kind `withdrawn` gives it back to the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from monitor.store.engine import Store, chunks, clean
from monitor.store.hearing import CANARY
from monitor.store.records import Stopped, stop_within
from monitor.store.scoring import NOBODY, WITHDRAWN
from monitor.store.tables import (
    ARRIVALS,
    BUSINESSES,
    CANARIES,
    ENDPOINTS,
    GAPS,
    MATCHES,
    OUTCOMES,
    PROBES,
    RAW,
    REVIEWS,
    VERDICTS,
)

ANSWERS = ("human", "opt_out", "bot", "auto_acknowledgement", "out_of_office", "auto_reply", "challenge", "unclear")
"""Kinds that would count for something if it were sure whom they belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An arrival that a person should look at, with one of its matches (or none). `why`: what makes it doubtful."""

    arrival: int
    at: datetime
    kind: str
    reason: str
    text: str
    erased: bool
    probe: str | None
    business: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person said of an arrival, as it stands on record."""

    kind: str
    probe: str | None
    who: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A decision that counts, beside what the rules say: `kind`, and the `probes` that they find."""

    arrival: int
    said: Decision
    kind: str
    probes: tuple[str, ...]

    @property
    def agreed(self) -> bool:
        """Whether the rules say the same by now."""
        if self.said.kind == NOBODY:
            return not self.probes
        return self.said.kind == self.kind and self.said.probe in (None, *self.probes)


def waiting(store: Store) -> list[Waiting]:
    """Arrivals that no rule is sure about and nobody has looked at, oldest first.

    Undetermined (`unclear`), weakly matched, from a stranger, a bounce that is disputed, or nobody's. What is disputed
    is read from the outcomes, which must have been decided before.
    """
    newest = select(func.max(VERDICTS.c.id)).group_by(VERDICTS.c.arrival_id)
    last = select(func.max(REVIEWS.c.id)).group_by(REVIEWS.c.arrival_id)
    seen = select(REVIEWS.c.arrival_id).where(REVIEWS.c.id.in_(last), REVIEWS.c.kind != WITHDRAWN)
    home = select(CANARIES.c.arrival_id).where(CANARIES.c.arrival_id.is_not(None))
    disputed = MATCHES.c.probe_id.in_(select(OUTCOMES.c.probe).where(OUTCOMES.c.disputed.is_(True)))
    counts = VERDICTS.c.kind.in_(ANSWERS)
    doubtful = or_(
        and_(MATCHES.c.id.is_(None), counts),
        and_(MATCHES.c.id.is_not(None), VERDICTS.c.kind == "unclear"),
        and_(MATCHES.c.strong.is_(False), or_(counts, VERDICTS.c.kind == "bounce")),
        and_(MATCHES.c.standing == "stranger", counts),
        and_(VERDICTS.c.kind == "bounce", disputed),
    )
    query = (
        select(
            ARRIVALS.c.id, ARRIVALS.c.at, VERDICTS.c.kind, VERDICTS.c.reasons, VERDICTS.c.new_text, MATCHES.c.probe_id,
            MATCHES.c.strong, MATCHES.c.standing, MATCHES.c.reason, BUSINESSES.c.name,
            RAW.c.erased_at.is_not(None).label("erased"),
        )
        .join_from(ARRIVALS, VERDICTS, (VERDICTS.c.arrival_id == ARRIVALS.c.id) & VERDICTS.c.id.in_(newest))
        .join(RAW, RAW.c.sha256 == ARRIVALS.c.sha256)
        .outerjoin(MATCHES, MATCHES.c.arrival_id == ARRIVALS.c.id)
        .outerjoin(PROBES, PROBES.c.id == MATCHES.c.probe_id)
        .outerjoin(BUSINESSES, BUSINESSES.c.id == PROBES.c.business_id)
        .where(ARRIVALS.c.id.not_in(seen), ARRIVALS.c.id.not_in(home), doubtful)
        .order_by(ARRIVALS.c.at, ARRIVALS.c.id, MATCHES.c.id)
    )  # fmt: skip
    with store.read() as connection:
        return [
            Waiting(
                arrival=row.id,
                at=row.at,
                kind=row.kind,
                reason=row.reasons[0] if row.reasons else "",
                text=row.new_text,
                erased=row.erased,
                probe=row.probe_id,
                business=row.name,
                why=_why(row.kind, row.probe_id, strong=row.strong, standing=row.standing, reason=row.reason),
            )
            for row in connection.execute(query)
        ]


def _why(kind: str, probe: str | None, *, strong: bool | None, standing: str | None, reason: str | None) -> str:
    if probe is None:
        return "it belongs to no enquiry that we know of"
    if not strong:
        return f"weakly matched: {reason}"
    if kind == "bounce":
        return "disputed: it says not delivered, and something else speaks against that"
    return f"from a stranger: {reason}" if standing == "stranger" else "no rule is sure what it is"


def exists_arrival(store: Store, arrival: int) -> bool:
    with store.read() as connection:
        return connection.scalar(select(ARRIVALS.c.id).where(ARRIVALS.c.id == arrival)) is not None


def is_canary(store: Store, arrival: int) -> bool:
    """Whether an arrival is a mail of our own, about which there is nothing to decide."""
    with store.read() as connection:
        return connection.scalar(select(CANARIES.c.id).where(CANARIES.c.arrival_id == arrival)) is not None


def exists_probe(store: Store, probe: str) -> bool:
    with store.read() as connection:
        return connection.scalar(select(PROBES.c.id).where(PROBES.c.id == probe)) is not None


def last_words(store: Store, arrival: int) -> str:
    """The new text of an arrival as its newest verdict has it."""
    query = select(VERDICTS.c.new_text).where(VERDICTS.c.arrival_id == arrival).order_by(VERDICTS.c.id.desc())
    with store.read() as connection:
        return connection.scalar(query.limit(1)) or ""


def decisions(store: Store, arrival: int) -> list[Decision]:
    """What people said of an arrival, oldest first."""
    columns = (REVIEWS.c.kind, REVIEWS.c.probe_id.label("probe"), REVIEWS.c.who, REVIEWS.c.why, REVIEWS.c.at)
    query = select(*columns).where(REVIEWS.c.arrival_id == arrival).order_by(REVIEWS.c.id)
    with store.read() as connection:
        return [Decision(**row) for row in connection.execute(query).mappings()]


def decide(
    store: Store, arrivals: Sequence[int], *, kind: str, probe: str | None, who: str, why: str, now: datetime
) -> list[Stopped | None]:
    """Append a person's decision about each of `arrivals`, and say whom each stops; all in one transaction.

    One of kind opt_out stops the business that was asked.
    """
    values = {"kind": kind, "probe_id": probe, "who": clean(who), "why": clean(why), "at": now}
    with store.write() as connection:
        connection.execute(insert(REVIEWS), [values | {"arrival_id": arrival} for arrival in arrivals])
        if kind != "opt_out":
            return [None] * len(arrivals)
        return [_stop(connection, arrival, probe, f"{clean(who)}: {clean(why)}", now) for arrival in arrivals]


def _stop(connection: Connection, arrival: int, probe: str | None, why: str, now: datetime) -> Stopped | None:
    query = select(ENDPOINTS.c.address).join_from(PROBES, ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
    mine = select(MATCHES.c.probe_id).where(MATCHES.c.arrival_id == arrival)
    asked = PROBES.c.id == probe if probe is not None else PROBES.c.id.in_(mine)
    addresses = set(connection.scalars(query.where(asked)))
    return stop_within(connection, addresses, why, now, arrival_id=arrival) if addresses else None


def in_force(store: Store, arrivals: Sequence[int] | None = None) -> dict[int, Held]:
    """Every decision that counts (or those about `arrivals`), by arrival, with what the rules say of the same."""
    later, verdicts = REVIEWS.alias(), VERDICTS.alias()
    last = select(func.max(later.c.id)).where(later.c.arrival_id == REVIEWS.c.arrival_id).scalar_subquery()
    newest = select(func.max(verdicts.c.id)).where(verdicts.c.arrival_id == REVIEWS.c.arrival_id).scalar_subquery()
    columns = (
        REVIEWS.c.arrival_id, REVIEWS.c.kind, REVIEWS.c.probe_id, REVIEWS.c.who, REVIEWS.c.why, REVIEWS.c.at,
        VERDICTS.c.kind.label("rules"), MATCHES.c.probe_id.label("matched"),
    )  # fmt: skip
    query = (
        select(*columns)
        .join_from(REVIEWS, VERDICTS, VERDICTS.c.id == newest)
        .outerjoin(MATCHES, MATCHES.c.arrival_id == REVIEWS.c.arrival_id)
        .where(REVIEWS.c.id == last, REVIEWS.c.kind != WITHDRAWN)
        .order_by(REVIEWS.c.arrival_id, MATCHES.c.probe_id)
    )
    parts = [query] if arrivals is None else [query.where(REVIEWS.c.arrival_id.in_(some)) for some in chunks(arrivals)]
    found: dict[int, Held] = {}
    with store.read() as connection:
        for row in (row for part in parts for row in connection.execute(part)):
            said = Decision(kind=row.kind, probe=row.probe_id, who=row.who, why=row.why, at=row.at)
            before = found.get(row.arrival_id)
            probes = (*(before.probes if before else ()), *((row.matched,) if row.matched else ()))
            found[row.arrival_id] = Held(arrival=row.arrival_id, said=said, kind=row.rules, probes=probes)
    return found


def close_gap(store: Store, gap: int, *, who: str, why: str, now: datetime) -> bool:
    """A person says that nothing was lost in a gap that a canary showed; False when there is no such gap, when it is
    closed, or when it still goes on: nobody can know yet, and if it were closed nothing would open it again."""
    mine = (GAPS.c.id == gap, GAPS.c.closed_at.is_(None), GAPS.c.until.is_not(None), GAPS.c.found_by == CANARY)
    with store.write() as connection:
        said = connection.scalar(select(GAPS.c.why).where(*mine))
        if said is None:
            return False
        values = {"closed_at": now, "why": f"{said} (closed by {clean(who)}: {clean(why)})"}
        connection.execute(update(GAPS).where(*mine).values(values))
    return True
