"""One sending pass: what is due now goes out, once.

    settle what a crash left > plan > policy > put on record > take > hand over > record the receipt

A contact is taken, and that is on disk, before the wire is touched; whatever happens then, it is never sent again
unless the other side refused it for now in so many words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import get_args

from monitor import plan as planner
from monitor import policy, ticker
from monitor.clock import Clock
from monitor.config import Config
from monitor.facts import Allowed, Contacted, Due, Refused
from monitor.listen import Rules, understand
from monitor.obstacles import Obstacles
from monitor.policy import Suppressed
from monitor.store.codes import salt
from monitor.store.engine import Store, chunks
from monitor.store.exhibits import patterns
from monitor.store.planning import (
    Frozen,
    Taken,
    Waiting,
    contacted,
    count_waiting,
    on_record,
    record,
    waiting,
)
from monitor.store.records import suppressed, targets
from monitor.store.sending import claim, give_up, record_receipt, stale, unknown
from monitor.store.understanding import not_understood
from monitor.studies import StudySettings, digest, frozen
from probes.contract import ContactState, Cost, Costs, Enquiry, OpenChannel, Receipt, Sends, Settles

log = logging.getLogger(__name__)

AT_A_TIME = 200
ASKED_FOR = timedelta(days=30)
"""How long after its try a contact whose fate is unknown is still asked about."""

LOST_CHANNEL = timedelta(hours=1)
"""After this a contact of a channel that is no longer configured counts as unknown."""

Progress = Callable[[int, int], None]
"""Called with (contacts done, contacts in all) of a pass."""


@dataclass(slots=True, kw_only=True)
class SendSummary:
    """What a pass did. Counts are of contacts; `refused` holds what policy let wait, `problems` what a person must see.

    `given_up`: contacts that an earlier pass left in the middle and that are `unknown` now (or settled by asking).
    """

    given_up: int = 0
    settled: int = 0
    planned: int = 0
    suppressed: int = 0
    sent: int = 0
    deferred: int = 0
    not_sent: int = 0
    blocked: int = 0
    unknown: int = 0
    refused: list[Refused] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many contacts were handed to a wire."""
        return self.sent + self.deferred + self.not_sent + self.blocked + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What would be sent until some moment and what would not, by due; nothing was written. `on_record`: probes
    among them that are planned already. `costs`: by probe, where its channel says what it costs."""

    decisions: tuple[Allowed | Refused, ...]
    on_record: frozenset[str]
    costs: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def allowed(self) -> list[Due]:
        return [answer.due for answer in self.decisions if isinstance(answer, Allowed)]

    @property
    def refused(self) -> list[Refused]:
        return [answer for answer in self.decisions if isinstance(answer, Refused)]


def send_pass(
    store: Store,
    config: Config,
    channels: Mapping[str, OpenChannel],
    now: Clock,
    *,
    progress: Progress | None = None,
    going_on: Callable[[], bool] = lambda: True,
    rules: Rules | None = None,
) -> SendSummary:
    """Send what is due now. Takes no lock: a command that wants to be alone holds `pass_lock`.

    One bad enquiry stops nothing: what breaks in a channel is `unknown`, with the error in words. `going_on` is asked
    before each contact; when it says no, the pass ends there. Raises ConfigError when a study cannot be planned
    (nothing is sent then) and StoreError when the store cannot be written (nothing more is sent then).
    """
    run = _Pass(store, config, channels, now)
    run.settle()
    run.heed(rules)
    run.put_on_record()
    run.send_waiting(progress, going_on)
    return run.summary


def plan_view(
    store: Store, config: Config, channels: Mapping[str, OpenChannel], now: Clock, until: datetime | None = None
) -> PlanView:
    """What a pass would send until `until` (None: now) and what policy would refuse; writes nothing."""
    moment = now()
    until = max(moment, until or moment)
    run = _Pass(store, config, channels, now)
    known = [item.due for item in waiting(store, until) if run.obstacles.configured(item.due) is None]
    new = [due for due in run.plan(moment, until, ahead=False) if due.due <= until]
    dues = sorted([*known, *new], key=lambda due: (due.due, due.probe))
    history = contacted(store, dues, moment, planning=True)
    decisions = run.decide(moment)(dues, history, suppressed(store))
    costs: dict[str, Cost] = {}
    for due in (answer.due for answer in decisions if isinstance(answer, Allowed)):
        wire = channels[due.target.channel].wire if due.target.channel in channels else None
        if isinstance(wire, Costs):
            costs[due.probe] = wire.cost(enquiry(due))
    return PlanView(decisions=tuple(decisions), on_record=frozenset(due.probe for due in known), costs=costs)


class _Pass:
    """The parts of a pass, which share what the config says."""

    def __init__(self, store: Store, config: Config, channels: Mapping[str, OpenChannel], now: Clock) -> None:
        self.store, self.config, self.channels, self.now = store, config, channels, now
        self.summary = SendSummary()
        self.wires = {name: channel.wire for name, channel in channels.items() if isinstance(channel.wire, Sends)}
        self.bases = {name: channel.kind.description.bases for name, channel in channels.items()}
        self.caps = {
            name: channel.kind.description.daily_cap
            for name, channel in channels.items()
            if channel.kind.description.daily_cap is not None
        }
        self.ends = {study.id: study.ends_at for study in config.studies.values()}
        self.obstacles = Obstacles(store, config, channels, now)

    # ------------------------------------------------------------------ after a crash
    def settle(self) -> None:
        """Ask what became of contacts that nobody will report on any more; `unknown` where that cannot be told."""
        limits = {name: channel.kind.description.time_limit for name, channel in self.channels.items()}
        left = stale(self.store, limits, self.now(), LOST_CHANNEL)
        able = [name for name, channel in self.channels.items() if isinstance(channel.wire, Settles)]
        doubtful = unknown(self.store, able, self.now() - ASKED_FOR)
        for item in [*left, *doubtful]:
            wire = self.channels[item.channel].wire if item.channel in self.channels else None
            receipt: Receipt | None = None
            if isinstance(wire, Settles):
                try:
                    receipt = wire.settle(item.enquiry, item.started_at, self.now)
                except Exception:
                    log.exception("probe %s: asking what became of it failed", item.probe)
            if receipt is not None:
                retry_after = self.channels[item.channel].kind.description.retry_after
                record_receipt(self.store, item.contact, item.attempt, _sane(receipt, self.now), retry_after)
                self.summary.settled += 1
            elif item in left:
                reason = "the pass that was sending it broke off; it may have been accepted, so it is not sent again"
                self.summary.given_up += give_up(self.store, item.contact, item.attempt, reason, self.now())

    def heed(self, rules: Rules | None = None) -> None:
        """Understand what a listening pass took in and left: it may ask us to stop."""
        if not_understood(self.store, 1):
            understand(self.store, self.now, rules=rules)

    # ------------------------------------------------------------------ plan > policy > on record
    def plan(self, now: datetime, until: datetime, *, ahead: bool) -> list[Due]:
        """New probes of all studies by due. `ahead`: those of slots that have come, however late they fall due."""
        found: list[Due] = []
        for study in self.config.studies.values():
            names = [name for name in study.channels if name in self.wires]
            slots = ticker.slots_of(
                study.schedule, study.timezone, start=study.starts_at, end=study.ends_at, now=now, until=until
            )
            found += planner.plan(
                study,
                targets(self.store, names),
                scenarios=self.config.scenarios,
                personas=self.config.personas,
                addresses=self.config.addresses,
                slots=slots,
                on_record=on_record(self.store, study.id),
                now=now,
                until=until + study.spread if ahead else until,
                taken=Taken(self.store),
                secret=salt(self.store).hex(),
            )
        return sorted(found, key=lambda due: (due.due, due.probe))

    def put_on_record(self) -> None:
        """Plan every slot that has come and put on record what policy says, `frozen` with its study.

        A probe whose share of the spread lies ahead is on record from its slot on: a newer slot does not undo it.
        """
        moment = self.now()
        dues = self.plan(moment, moment, ahead=True)
        studies = {study.id: self._frozen(study) for study in self.config.studies.values()}
        for some in chunks(dues):
            done = record(self.store, some, self.decide(moment), studies, moment)
            self.summary.planned += len(done.planned)
            self.summary.suppressed += len(done.suppressed)
            self.summary.refused += [*done.suppressed, *done.waiting]
            self.summary.problems += [
                f"probe {due.probe} of {due.study}: {due.reply_address} serves another probe; it was not planned"
                for due in done.address_taken
            ]

    def _frozen(self, study: StudySettings) -> Frozen:
        content = frozen(study, self.config.scenarios, self.config.personas)
        return Frozen(study=study.id, content=content, sha256=digest(content))

    def decide(
        self, moment: datetime
    ) -> Callable[[Sequence[Due], Sequence[Contacted], Suppressed], Sequence[Allowed | Refused]]:
        """Policy, with everything that the config says about it."""

        def decided(
            dues: Sequence[Due], history: Sequence[Contacted], stopped: Suppressed
        ) -> Sequence[Allowed | Refused]:
            return policy.decide(
                dues,
                settings=self.config.policy,
                bases=self.bases,
                contacted=history,
                suppressed=stopped,
                now=moment,
                ends=self.ends,
                caps=self.caps,
            )

        return decided

    # ------------------------------------------------------------------ take > hand over > receipt
    def send_waiting(self, progress: Progress | None, going_on: Callable[[], bool]) -> None:
        """Send every contact that is due, in order; each is looked at once."""
        start = self.now()
        total, done = count_waiting(self.store, start), 0
        last: Waiting | None = None
        while page := waiting(self.store, start, after=last, limit=AT_A_TIME):
            last = page[-1]
            possible = self._possible(page)
            for item, answer in zip(possible, self._foreseen(possible), strict=True):
                if not going_on():
                    return
                if isinstance(answer, Refused) and answer.until is not None:
                    self.summary.refused.append(answer)
                elif not self._hindered(self.obstacles.refusing(item.due.target.channel)):
                    self._send(item)
                done += 1
                if progress:
                    progress(done, total)
            done += len(page) - len(possible)

    def _foreseen(self, items: Sequence[Waiting]) -> Sequence[Allowed | Refused]:
        """Policy about many at once: those that must wait need not be taken one by one to find that out."""
        moment, dues = self.now(), [item.due for item in items]
        return self.decide(moment)(dues, contacted(self.store, dues, moment), suppressed(self.store))

    def _possible(self, items: Sequence[Waiting]) -> list[Waiting]:
        return [item for item in items if not self._hindered(self.obstacles.of(item.due))]

    def _hindered(self, obstacle: str | None) -> bool:
        """Whether there is an obstacle; it is told once."""
        if obstacle is not None and obstacle not in self.summary.problems:
            self.summary.problems.append(obstacle)
        return obstacle is not None

    def _send(self, item: Waiting) -> None:
        moment = self.now()
        taken = claim(self.store, item, self.decide(moment), moment)
        if taken.answer is not None:
            self.summary.refused.append(taken.answer)
            self.summary.suppressed += taken.answer.until is None
        if taken.result != "claimed":
            return
        due, attempt = item.due, item.tries + 1
        description = self.channels[due.target.channel].kind.description
        try:
            receipt = _sane(self.wires[due.target.channel].send(self._enquiry(due), self.now), self.now)
        except Exception as error:
            log.exception("probe %s: the channel %s broke while sending", due.probe, due.target.channel)
            # Not its repr: that of a UnicodeError holds the whole text at fault, and that may be a secret.
            what = f"{type(error).__name__}: {error}"
            self.summary.problems.append(f"probe {due.probe}: the channel {due.target.channel} broke: {what}")
            receipt = self._broke(error)
        except BaseException as error:  # a stop from outside: what was on the wire may have been accepted
            record_receipt(self.store, item.contact, attempt, self._broke(error))
            raise
        state = record_receipt(self.store, item.contact, attempt, receipt, description.retry_after)
        self.obstacles.note(due.target.channel, receipt)
        if _is_ours(receipt) and receipt.reason not in self.summary.problems:
            self.summary.problems.append(receipt.reason)
        setattr(self.summary, state, getattr(self.summary, state) + 1)

    def _enquiry(self, due: Due) -> Enquiry:
        target = due.target
        known = patterns(self.store, target.channel, target.scope, before=due.probe)
        return replace(enquiry(due), proven=known) if known else enquiry(due)

    def _broke(self, error: BaseException) -> Receipt:
        reason = f"broke off while sending, so it may have been accepted: {type(error).__name__}: {error}"
        return Receipt(state="unknown", at=self.now(), reason=reason)


def enquiry(due: Due) -> Enquiry:
    """What is handed over for a probe."""
    return Enquiry(
        probe=due.probe,
        to=due.target.address,
        reply_to=due.reply_address,
        sender_name=due.persona.name,
        subject=due.subject,
        body=due.body,
        language=due.scenario.language,
        message_id=due.message_id,
        intent=due.scenario.intent,
        number=due.number,
    )


def _is_ours(receipt: Receipt) -> bool:
    """Whether a try failed on our side, as far as can be told: no server said anything, or our own relay refused for
    good (so also a log-in, which is tried again). What one recipient's server refuses is no problem of ours yet."""
    if receipt.state not in ("deferred", "not_sent"):
        return False
    relay = receipt.accepted_by == "relay" and (receipt.code or "").startswith("5")
    return receipt.code is None or receipt.our_side or relay


def _sane(receipt: Receipt, now: Clock) -> Receipt:
    """A receipt that can be stored, whoever wrote the channel."""
    if receipt.state not in get_args(ContactState):
        reason = f"the channel gave a receipt with a state that does not exist ({receipt.state}): {receipt.reason}"
        receipt = replace(receipt, state="unknown", reason=reason)
    return receipt if receipt.at.tzinfo is not None else replace(receipt, at=now())
