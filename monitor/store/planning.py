"""What is to be sent: slots on record, earlier contacts, and putting probes on record with the version of their study.

Deciding and recording are one transaction: two passes at once see each other's probes, so a cap holds for both.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, func, insert, select

from monitor.facts import Allowed, Contacted, Due, Persona, Question, Refused, Scenario, Target
from monitor.policy import Suppressed
from monitor.store.canaries import is_used
from monitor.store.engine import Store, add, chunks
from monitor.store.records import OPEN_STATES, TARGET_COLUMNS, read_suppressed
from monitor.store.tables import BUSINESSES, CONTACTS, ENDPOINTS, PROBES, STUDY_VERSIONS

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
MAY_HAVE_REACHED = ("sending", "sent", "unknown", "deferred")
"""States that count as a contact when something is about to go out. A deferred one was refused for now, but is to be
tried again: it keeps its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A study as it stands: its content as JSON and the sha256 of that."""

    study: str
    content: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A contact on record that is still to be sent. `tries`: how many were made."""

    contact: int
    tries: int
    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What planning put on record: probes to send, probes refused for good; and what it did not.

    `waiting`: refused for now. `known`: somebody else put the slot on record meanwhile. `address_taken`: the reply
    address serves another probe.
    """

    planned: tuple[Due, ...]
    suppressed: tuple[Refused, ...]
    waiting: tuple[Refused, ...]
    address_taken: tuple[Due, ...]
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A frozen version of a study."""

    id: int
    study: str
    version: int
    sha256: str
    content: Mapping[str, Any]
    frozen_at: datetime


Decide = Callable[[Sequence[Due], Sequence[Contacted], Suppressed], Sequence[Allowed | Refused]]


# --------------------------------------------------------------------------- what plan and policy must know
def on_record(store: Store, study: str) -> dict[int, list[datetime]]:
    """Slots of a study that have a probe, per endpoint id, ascending."""
    found: dict[int, list[datetime]] = {}
    query = select(PROBES.c.endpoint_id, PROBES.c.slot).where(PROBES.c.study == study)
    with store.read() as connection:
        for endpoint, slot in connection.execute(query.order_by(PROBES.c.endpoint_id, PROBES.c.slot)):
            found.setdefault(endpoint, []).append(slot)
    return found


class Taken(Container[str]):
    """Reply addresses that serve or have served a probe or canary: asked one by one, so a large store costs nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, address: object) -> bool:
        with self._store.read() as connection:
            return _serves(connection, str(address))


def contacted(store: Store, dues: Sequence[Due], now: datetime, *, planning: bool = False) -> list[Contacted]:
    """Earlier contacts that policy must know to decide about `dues`: those of the UTC days on which they fall, over
    all studies, and those to their addresses from 365 days ago on. The contacts of `dues` themselves are left out.

    Counted is what was or may have been accepted, at the time its latest try began. With `planning`, also what is on
    record to go out, at the time it is due: what is planned later must find its own place. When something goes out
    now, plans do not hold it back.
    """
    with store.read() as connection:
        return read_contacted(connection, dues, now, planning=planning)


def read_contacted(
    connection: Connection, dues: Sequence[Due], now: datetime, *, planning: bool = False
) -> list[Contacted]:
    """contacted() inside a transaction that is already open."""
    moments = [max(now, due.due) for due in dues] or [now]
    first, last = _midnight(min(moments)), _midnight(max(moments)) + DAY
    counted = (*MAY_HAVE_REACHED, "planned") if planning else MAY_HAVE_REACHED
    columns = (
        PROBES.c.id, ENDPOINTS.c.address, ENDPOINTS.c.scope, BUSINESSES.c.group, PROBES.c.study, CONTACTS.c.state,
        CONTACTS.c.started_at, CONTACTS.c.due, PROBES.c.channel,
    )  # fmt: skip
    query = (
        select(*columns)
        .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .join(BUSINESSES, PROBES.c.business_id == BUSINESSES.c.id)
    )
    # States are looked at below: asked for here, they tempt the database to read all that was ever sent.
    queries = [query.where(CONTACTS.c.started_at >= first, CONTACTS.c.started_at < last)]
    if planning:
        queries.append(query.where(CONTACTS.c.state == "planned", CONTACTS.c.due >= first, CONTACTS.c.due < last))
    for some in chunks(sorted({due.target.address for due in dues})):
        queries.append(query.where(ENDPOINTS.c.address.in_(some)))
    own = {due.probe for due in dues}
    found: dict[str, Contacted] = {}
    for one in queries:
        for probe, address, scope, group, study, state, started_at, due_at, channel in connection.execute(one):
            at = started_at or due_at
            if state in counted and probe not in own and at >= now - YEAR:
                found[probe] = Contacted(address=address, scope=scope, group=group, study=study, at=at, channel=channel)
    return sorted(found.values(), key=lambda contact: (contact.at, contact.address, contact.study))


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def count_waiting(store: Store, now: datetime) -> int:
    """How many contacts waiting() would give in all."""
    query = select(func.count()).where(CONTACTS.c.state.in_(OPEN_STATES), CONTACTS.c.due <= now)
    with store.read() as connection:
        return connection.scalar(query) or 0


def waiting(store: Store, now: datetime, *, after: Waiting | None = None, limit: int | None = None) -> list[Waiting]:
    """Contacts on record that are due and not sent: planned ones, and deferred ones whose next try has come.

    In the order in which they fell due; with `after`, those behind that one. Their Due is the one that was planned,
    its target as it is today.
    """
    query = (
        select(
            CONTACTS.c.id.label("contact"), CONTACTS.c.tries, CONTACTS.c.message_id, CONTACTS.c.due.label("next"),
            PROBES.c.id.label("probe"), PROBES.c.study, PROBES.c.version_id, PROBES.c.slot, PROBES.c.scenario,
            PROBES.c.intent, PROBES.c.language.label("scenario_language"), PROBES.c.persona, PROBES.c.sender_name,
            PROBES.c.pair, PROBES.c.reply_address, PROBES.c.subject, PROBES.c.body, PROBES.c.questions, PROBES.c.number,
            *TARGET_COLUMNS,
        )
        .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .join(BUSINESSES, PROBES.c.business_id == BUSINESSES.c.id)
        .where(CONTACTS.c.state.in_(OPEN_STATES), CONTACTS.c.due <= now)
        .order_by(CONTACTS.c.due, CONTACTS.c.id)
        .limit(limit)
    )  # fmt: skip
    if after is not None:
        behind = CONTACTS.c.due > after.due.due
        query = query.where(behind | ((CONTACTS.c.due == after.due.due) & (CONTACTS.c.id > after.contact)))
    with store.read() as connection:
        return [
            Waiting(contact=row["contact"], tries=row["tries"], due=_due(row)) for row in _mappings(connection, query)
        ]


def _mappings(connection: Connection, query: Select[Any]) -> Iterable[RowMapping]:
    return connection.execute(query).mappings()


def _due(row: RowMapping) -> Due:
    """A probe on record as the plan once made it. Its texts are filled: placeholders are no longer known here."""
    questions = tuple(Question(id=q["id"], text=q["text"], hints=tuple(q["hints"])) for q in row["questions"])
    return Due(
        probe=row["probe"],
        study=row["study"],
        slot=row["slot"],
        due=row["next"],
        target=Target(**{column.key: row[column.key] for column in TARGET_COLUMNS}),
        scenario=Scenario(
            id=row["scenario"],
            intent=row["intent"],
            language=row["scenario_language"],
            subject=row["subject"],
            body=row["body"],
            questions=questions,
        ),
        persona=Persona(id=row["persona"], name=row["sender_name"], addresses=""),
        reply_address=row["reply_address"],
        message_id=row["message_id"],
        subject=row["subject"],
        body=row["body"],
        pair=row["pair"],
        number=row["number"],
    )


# --------------------------------------------------------------------------- putting on record
def record(store: Store, dues: Sequence[Due], decide: Decide, studies: Mapping[str, Frozen], now: datetime) -> Recorded:
    """Let policy decide about new `dues` and put on record what it said: one transaction, alone with the store.

    Allowed: a probe with a planned contact, its study frozen with the first. Refused for good: a suppressed probe.
    Refused for now: nothing. `studies` must hold the study of every due.
    """
    planned: list[Due] = []
    suppressed: list[Refused] = []
    later: list[Refused] = []
    taken: list[Due] = []
    known = 0
    with store.write() as connection:
        history = read_contacted(connection, dues, now, planning=True)
        for answer in decide(dues, history, read_suppressed(connection)):
            due = answer.due
            if isinstance(answer, Refused) and answer.until is not None:
                later.append(answer)
            elif _is_known(connection, due):
                known += 1
            elif isinstance(answer, Refused):
                _add(connection, due, studies, now, refused=answer)
                suppressed.append(answer)
            elif _address_is_taken(connection, due):
                taken.append(due)
            else:
                _add(connection, due, studies, now)
                planned.append(due)
    return Recorded(
        planned=tuple(planned),
        suppressed=tuple(suppressed),
        waiting=tuple(later),
        address_taken=tuple(taken),
        known=known,
    )


def add_probe(store: Store, due: Due, study: Frozen, now: datetime) -> bool:
    """Put one probe and its planned contact on record; False, and nothing done, when its slot has one already."""
    with store.write() as connection:
        return not _is_known(connection, due) and bool(_add(connection, due, {study.study: study}, now))


def add_suppressed(store: Store, refused: Refused, study: Frozen, now: datetime) -> bool:
    """Put a probe on record that policy refused for good; False when its slot has one already."""
    due, studies = refused.due, {study.study: study}
    with store.write() as connection:
        return not _is_known(connection, due) and bool(_add(connection, due, studies, now, refused=refused))


def _is_known(connection: Connection, due: Due) -> bool:
    same = (PROBES.c.study == due.study, PROBES.c.endpoint_id == due.target.endpoint_id, PROBES.c.slot == due.slot)
    return any(connection.scalar(select(exists().where(*where))) for where in (same, (PROBES.c.id == due.probe,)))


def _add(
    connection: Connection, due: Due, studies: Mapping[str, Frozen], now: datetime, refused: Refused | None = None
) -> int:
    scenario = due.scenario
    probe = {
        "id": due.probe,
        "study": due.study,
        "version_id": freeze(connection, studies[due.study], now),
        "business_id": due.target.business_id,
        "endpoint_id": due.target.endpoint_id,
        "channel": due.target.channel,
        "slot": due.slot,
        "due": due.due,
        "scenario": scenario.id,
        "intent": scenario.intent,
        "language": scenario.language,
        "persona": due.persona.id,
        "pair": due.pair,
        "reply_address": None if refused else due.reply_address.lower(),
        "number": due.number,
        "sender_name": due.persona.name,
        "subject": due.subject,
        "body": due.body,
        "questions": [{"id": q.id, "text": q.text, "hints": list(q.hints)} for q in scenario.questions],
        "suppressed_reason": refused.reason if refused else None,
        "planned_at": now,
    }
    connection.execute(insert(PROBES).values(probe))
    contact = {
        "probe_id": due.probe,
        "kind": "enquiry",
        "state": "suppressed" if refused else "planned",
        "message_id": due.message_id.lower(),
        "due": due.due,
        "tries": 0,
        "settled_at": now if refused else None,
        "reason": refused.reason if refused else "",
    }
    return add(connection, CONTACTS, contact)


def freeze(connection: Connection, study: Frozen, now: datetime) -> int:
    """The id of the version of a study with this content; made, with the next number, when there is none."""
    versions = STUDY_VERSIONS.c
    same = select(versions.id).where(versions.study == study.study, versions.sha256 == study.sha256)
    known: int | None = connection.scalar(same)
    if known is None:
        last = connection.scalar(select(func.max(versions.version)).where(versions.study == study.study)) or 0
        values = {
            "study": study.study,
            "version": last + 1,
            "sha256": study.sha256,
            "content": dict(study.content),
            "frozen_at": now,
        }
        known = add(connection, STUDY_VERSIONS, values)
    return known


def versions(store: Store, study: str | None = None) -> list[Version]:
    """Every frozen version, by study and number."""
    query = select(STUDY_VERSIONS).order_by(STUDY_VERSIONS.c.study, STUDY_VERSIONS.c.version)
    if study is not None:
        query = query.where(STUDY_VERSIONS.c.study == study)
    with store.read() as connection:
        return [Version(**row) for row in connection.execute(query).mappings()]


def _address_is_taken(connection: Connection, due: Due) -> bool:
    return _serves(connection, due.reply_address)


def _serves(connection: Connection, address: str) -> bool:
    """Whether an address is, or was, that of a probe or of a canary."""
    spelt = address.lower()
    return bool(connection.scalar(select(exists().where(PROBES.c.reply_address == spelt)))) or is_used(
        connection, spelt
    )
