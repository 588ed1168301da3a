"""How it stands: what `status` shows, from the store and the outcomes decided anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from monitor.app import App
from monitor.canary import Canary
from monitor.clock import MICROSECOND, micros
from monitor.report import read, refresh
from monitor.store.canaries import canaries, heard_until
from monitor.store.engine import Store
from monitor.store.looking import Counts, counts
from monitor.terminal import lasting, local
from probes.contract import Canaries, Listens, OpenChannel, ProvesHearing
from reports.outcomes import disposition

PARTS = {
    "person": ("answered",),
    "machine": ("machine_only",),
    "nobody": ("unanswered",),
    "waiting": ("pending",),
    "ours": ("unknown", "not_heard", "undetermined", "not_sent", "blocked", "suppressed", "not_delivered"),
}
"""What a reader tells apart at a glance, and the dispositions in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStanding:
    """One study: contacts by state, and probes by what happened, at the headline window, open windows included."""

    study: str
    title: str
    window: timedelta
    waiting: int
    sent: int
    parts: dict[str, int]


HEARD_WITHIN = timedelta(hours=1)
"""A channel that listens and has not been heard through for so long is not heard: nobody listens, or it cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One channel that listens: `until` when it was heard (None: not begun, or a place not yet), and its canaries."""

    channel: str
    until: datetime | None
    rhythm: Canaries | None
    canaries: tuple[Canary, ...] = ()

    @property
    def home(self) -> Canary | None:
        """The canary that came home last."""
        return max((one for one in self.canaries if one.heard_at), key=lambda one: one.sent_at, default=None)

    @property
    def lost(self) -> tuple[Canary, ...]:
        """Those that were given up and have not come home since, oldest first."""
        return tuple(one for one in self.canaries if one.failed_at is not None and one.heard_at is None)

    def troubles(self, now: datetime) -> Iterator[str]:
        """Why its hearing is not to be trusted now, in words."""
        if self.until is not None and now - self.until > HEARD_WITHIN:
            yield (
                f"{self.channel}: not heard since {local(self.until)} ({lasting(now - self.until)} ago); "
                "is `unanswered run` or `listen` at work?"
            )
        if self.rhythm is not None and self.canaries:
            since = self.home.sent_at if self.home else self.canaries[0].sent_at
            if now - since > 2 * self.rhythm.every + self.rhythm.patience:
                yield (
                    f"{self.channel}: no canary has come home since {local(since)} ({lasting(now - since)} ago); "
                    "`unanswered doctor` looks for the reason"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything `status` shows. `heard_until`: the earliest moment up to which every place was heard. `awaited`:
    something is still to be sent, or an answer to something may still come or has not been heard through."""

    live: bool
    studies: tuple[StudyStanding, ...]
    counts: Counts
    heard_until: datetime | None
    undetermined: int
    hearing: tuple[Hearing, ...] = ()
    awaited: bool = False

    def troubles(self, now: datetime) -> list[str]:
        """Why what is awaited may not be heard; nothing where nothing is."""
        return [trouble for one in self.hearing for trouble in one.troubles(now)] if self.awaited else []


def standing(app: App) -> Standing:
    """How every study stands now."""
    refresh(app)
    now = app.clock()
    frame = read(app.store).filter(pl.col("role") == "recipient")
    found = counts(app.store, now)
    studies = []
    undetermined = 0
    awaited = False
    for study in app.config.studies.values():
        window = study.windows[min(1, len(study.windows) - 1)]
        mine = frame.filter(pl.col("study") == study.id)
        decided = disposition(mine, window=window // MICROSECOND, now=micros(now))["disposition"].to_list()
        states = {state: n for (of, _, state), n in found.states.items() if of == study.id}
        last = disposition(mine, window=study.windows[-1] // MICROSECOND, now=micros(now))["disposition"]
        awaited = awaited or "pending" in last.to_list()
        undetermined += decided.count("undetermined")
        studies.append(
            StudyStanding(
                study=study.id,
                title=study.title,
                window=window,
                waiting=sum(
                    n
                    for (of, _, state), n in found.states.items()
                    if of == study.id and state in ("planned", "deferred")
                ),
                sent=states.get("sent", 0),
                parts={part: sum(decided.count(word) for word in words) for part, words in PARTS.items()},
            )
        )
    heard = [place.heard_until for place in found.places if not place.retired]
    return Standing(
        live=app.config.live,
        studies=tuple(studies),
        counts=found,
        heard_until=min((at for at in heard if at is not None), default=None) if None not in heard else None,
        undetermined=undetermined,
        hearing=tuple(hearing(app.store, app.channels)),
        awaited=awaited,
    )


def hearing(store: Store, channels: Mapping[str, OpenChannel]) -> Iterator[Hearing]:
    """Every channel that listens, as far as it was heard."""
    for name, channel in channels.items():
        wire = channel.wire
        if isinstance(wire, Listens) and wire.ears():
            yield Hearing(
                channel=name,
                until=heard_until(store, name),
                rhythm=wire.canaries() if isinstance(wire, ProvesHearing) else None,
                canaries=tuple(canaries(store, name)),
            )
