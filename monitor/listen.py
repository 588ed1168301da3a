"""One listening pass: takes in what has come on every channel that hears, then understands what is not understood.

Taking in stores bytes and moves cursors; understanding classifies, finds the probe and stores the verdict. They are
separate transactions: what cannot be understood, or not yet, is stored all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError

from monitor.canary import Canary
from monitor.clock import Clock
from monitor.facts import OWN_COPY, Keys, Match, SentProbe, Verdict
from monitor.forgotten import placeholder
from monitor.naming import of_sender
from monitor.redact import redact
from monitor.store.canaries import by_message_id
from monitor.store.candidates import candidates
from monitor.store.codes import salt
from monitor.store.engine import Store
from monitor.store.hearing import TakenIn, cursors, open_gap, retire_places, take_in
from monitor.store.records import suppressed
from monitor.store.understanding import Change, Understood, Unread, not_understood, store_understood
from probes import loader
from probes.contract import Batch, Listens, OpenChannel, ProbeError, Reading, Reads
from probes.mail.mime import Mail

log = logging.getLogger(__name__)

AT_A_TIME = 200
"""Arrivals that are understood in one transaction."""

Progress = Callable[[int], None]
"""Called with how many arrivals were taken in, or understood, since it was last called."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What understands an arrival: reads its bytes, finds its keys, matches and classifies it. All pure."""

    parse: Callable[[bytes], Mail]
    keys: Callable[[Mail], Keys]
    match: Callable[[Mail, Keys, Sequence[SentProbe], datetime], tuple[Match, ...]]
    classify: Callable[[Mail, datetime], Verdict]
    version: str


@dataclass(slots=True, kw_only=True)
class ListenSummary:
    """What a pass heard. `deaf`: channels that could not be heard, with the reason."""

    new: int = 0
    repeats: int = 0
    understood: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    unmatched: int = 0
    erased: int = 0
    deaf: dict[str, str] = field(default_factory=dict)


def todays_rules() -> Rules:
    """The rules of this version."""
    from monitor.classify.decide import RULES, classify
    from monitor.match import keys, match
    from probes.mail.mime import parse

    return Rules(parse=parse, keys=keys, match=match, classify=classify, version=RULES)


def listen_pass(
    store: Store,
    channels: Mapping[str, OpenChannel],
    now: Clock,
    *,
    rules: Rules | None = None,
    progress: Progress | None = None,
) -> ListenSummary:
    """Hear every channel once and understand all that is not understood yet.

    A channel that cannot be heard leaves a gap on record and stops no other. Raises StoreError only.
    """
    summary = ListenSummary()
    for name, channel in channels.items():
        if isinstance(channel.wire, Listens):
            hear(store, name, channel.wire, now, summary, progress=progress)
    understand(store, now, rules=rules, summary=summary, progress=progress)
    return summary


# --------------------------------------------------------------------------- taking in
def hear(
    store: Store, name: str, wire: Listens, now: Clock, summary: ListenSummary, *, progress: Progress | None = None
) -> bool:
    """Take in what has come on one channel; False, and a gap on record, when a mailbox was not heard to the end."""
    read: set[tuple[str, str]] = set()
    for ear in wire.ears():
        known = cursors(store, name, ear.mailbox)
        try:
            for batch in of_the_wire(partial(ear.listen, known, now)):
                _count(summary, take_in(store, name, batch, now()), progress)
                read.add((batch.mailbox, batch.cursor.place))
                del batch
        except ProbeError as error:
            log.warning("%s cannot be heard: %s", name, error)
            summary.deaf[name] = f"{summary.deaf[name]}; {error}" if name in summary.deaf else str(error)
            open_gap(store, name, ear.mailbox, str(error), now())
    if name in summary.deaf:
        return False
    retire_places(store, name, read, now())
    return True


def of_the_wire(begin: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    """Its batches; whatever breaks in the channel itself is a ProbeError, so that it stops nothing else."""
    batches: Iterator[Batch] | None = None
    while True:
        try:
            batches = batches or begin()
            batch = next(batches)
        except StopIteration:
            return
        except ProbeError:
            raise
        except Exception as error:
            log.exception("the channel broke while listening")
            raise ProbeError(f"the channel broke while listening: {type(error).__name__}: {error}") from error
        yield batch
        del batch  # it may be large: not kept while the next one is fetched


def _count(summary: ListenSummary, taken: TakenIn, progress: Progress | None) -> None:
    summary.new += len(taken.new)
    summary.repeats += taken.repeats
    if progress and taken.new:
        progress(len(taken.new))


# --------------------------------------------------------------------------- understanding
def understand(
    store: Store,
    now: Clock,
    *,
    rules: Rules | None = None,
    summary: ListenSummary | None = None,
    progress: Progress | None = None,
) -> ListenSummary:
    """Give every arrival that has none its verdict and its matches, a few hundred in a transaction."""
    rules = rules or todays_rules()
    summary = summary or ListenSummary()
    while batch := not_understood(store, AT_A_TIME):
        for change in understand_batch(store, batch, rules, now()):
            summary.understood += 1
            kind = change.after.verdict.kind
            summary.kinds[kind] = summary.kinds.get(kind, 0) + 1
            summary.unmatched += not change.after.matches and change.after.canary is None
            summary.erased += change.after.erase
        if progress:
            progress(len(batch))
        batch.clear()  # not kept while the next ones are loaded
    if summary.erased:
        store.scrub(whole=False)
    return summary


def understand_batch(store: Store, batch: Sequence[Unread], rules: Rules, at: datetime) -> list[Change]:
    """Understand these arrivals and store what they are; returns what that changed. One transaction, or, where one of
    them cannot be stored as it was understood, one for each."""
    understood = _without_the_forgotten(store, batch, judge(store, batch, rules), rules)
    try:
        return store_understood(store, understood, at)
    except IntegrityError:
        log.warning("a batch of %d arrivals cannot be stored together; storing them one by one", len(batch))
    changes: list[Change] = []
    for item in understood:
        try:
            changes += store_understood(store, [item], at)
        except IntegrityError as error:
            log.exception("arrival %d cannot be stored as it was understood", item.arrival)
            verdict = _unclear(f"could not be stored as it was understood: {error.orig}", rules)
            changes += store_understood(store, [Understood(arrival=item.arrival, matches=(), verdict=verdict)], at)
    return changes


def _without_the_forgotten(
    store: Store, batch: Sequence[Unread], understood: Sequence[Understood], rules: Rules
) -> list[Understood]:
    """What came from somebody who was forgotten keeps what was decided about it, and loses its bytes and its words."""
    gone = suppressed(store)
    if not gone.digests:
        return list(understood)
    kept: list[Understood] = []
    for one, item in zip(batch, understood, strict=True):
        addresses, people = _from(_read(one, rules)[0])
        if any(gone.forgot(address) for address in addresses):
            item = _blanked(item, partial(redact, people=people))
            recipient = item.verdict.bounced_recipient
            if recipient and gone.forgot(recipient):
                hidden = placeholder(salt(store), recipient)  # as its endpoint is called now
                item = replace(item, verdict=replace(item.verdict, bounced_recipient=hidden))
        kept.append(item)
    return kept


def _from(content: Mail | Reading | None) -> tuple[list[str], list[str]]:
    """The addresses or the number that this came from, and the names that its sender goes by."""
    if content is None:
        return [], []
    if isinstance(content, Reading):
        return [content.other] if content.other else [], []
    senders = (content.sender, content.reply_to)
    addresses = [sender.address for sender in senders if sender.address]
    people = [name for sender in senders for name in of_sender(sender.name, sender.address)]
    return [*addresses, *([content.envelope_sender] if content.envelope_sender else [])], people


def _blanked(item: Understood, blank: Callable[[str], str]) -> Understood:
    verdict = item.verdict
    promise = verdict.promise
    verdict = replace(
        verdict,
        new_text=blank(verdict.new_text),
        reasons=tuple(blank(reason) for reason in verdict.reasons),
        promise=promise and replace(promise, text=blank(promise.text)),
    )
    matches = tuple(replace(match, reason=blank(match.reason)) for match in item.matches)
    return replace(item, verdict=verdict, matches=matches, erase=True)


def judge(store: Store, batch: Sequence[Unread], rules: Rules) -> list[Understood]:
    """What these arrivals are by `rules`; reads the store and writes nothing. Never raises for what a mail holds."""
    read = [_read(one, rules) for one in batch]
    found = candidates(store, [(keys, one.at) for one, (_, keys, _) in zip(batch, read, strict=True)])
    canaries = by_message_id(store, {keys.message_id for _, keys, _ in read})
    return [
        _canary(one, keys, canaries, rules) or _judge(one, content, keys, error, probes, rules)
        for one, (content, keys, error), probes in zip(batch, read, found, strict=True)
    ]


def _canary(one: Unread, keys: Keys, canaries: Mapping[str, Canary], rules: Rules) -> Understood | None:
    """The arrival as a canary of ours that came home: by its Message-ID and its sender."""
    canary = canaries.get(keys.message_id)
    if canary is None or keys.sender != canary.sender:
        return None
    reason = f"it is our own canary to {canary.address}: mail to that address arrives"
    verdict = Verdict(kind="delivery_receipt", automated=True, reasons=(reason,), rules=rules.version, delivered=True)
    return Understood(arrival=one.arrival, matches=(), verdict=verdict, canary=canary.id)


def _read(one: Unread, rules: Rules) -> tuple[Mail | Reading | None, Keys, str]:
    try:
        if one.reader:
            from monitor.reading import reading_keys

            kind = loader.load(one.reader)
            if not isinstance(kind, Reads):
                raise ProbeError(f"{one.reader} cannot read it", permanent=True)
            reading = kind.read(one.raw)
            return reading, reading_keys(reading), ""
        mail = rules.parse(one.raw)
        return mail, rules.keys(mail), ""
    except Exception as error:
        log.exception("arrival %d cannot be read", one.arrival)
        return None, Keys(), f"could not be read: {type(error).__name__}: {error}"


def _judge(
    one: Unread, content: Mail | Reading | None, keys: Keys, error: str, probes: Sequence[SentProbe], rules: Rules
) -> Understood:
    matches: tuple[Match, ...] = ()
    stops: tuple[str, ...] = ()
    if content is None:
        return Understood(arrival=one.arrival, matches=matches, verdict=_unclear(error, rules))
    try:
        if isinstance(content, Reading):
            from monitor.reading import judge_reading, match_reading

            matches = match_reading(content, probes, one.at)
            verdict = judge_reading(content, one.at)
            stops = (content.told.asks_to_stop,) if content.told and content.told.asks_to_stop else ()
        else:
            matches = rules.match(content, keys, probes, one.at)
            verdict = _our_own(matches, rules) or rules.classify(content, one.at)
    except Exception as broken:
        log.exception("arrival %d cannot be judged", one.arrival)
        verdict = _unclear(f"could not be judged: {type(broken).__name__}: {broken}", rules)
    return Understood(arrival=one.arrival, matches=matches, verdict=verdict, stops=stops)


def _our_own(matches: Sequence[Match], rules: Rules) -> Verdict | None:
    """The verdict on a copy of our own enquiry: it proves where the enquiry arrived, and answers nothing."""
    if not any(match.key == OWN_COPY for match in matches):
        return None
    reason = "it is our own enquiry, as it arrived"
    return Verdict(kind="delivery_receipt", automated=True, reasons=(reason,), rules=rules.version, delivered=True)


def _unclear(reason: str, rules: Rules) -> Verdict:
    return Verdict(kind="unclear", automated=None, reasons=(reason,), rules=rules.version)
