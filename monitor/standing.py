"""How it stands: what `status` shows, from the store and the outcomes decided anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from monitor.app import App
from monitor.clock import MICROSECOND, micros
from monitor.report import read, refresh
from monitor.store.looking import Counts, counts
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything `status` shows. `heard_until`: the earliest moment up to which every place was heard."""

    live: bool
    studies: tuple[StudyStanding, ...]
    counts: Counts
    heard_until: datetime | None
    undetermined: int


def standing(app: App) -> Standing:
    """How every study stands now."""
    refresh(app)
    now = app.clock()
    frame = read(app.store).filter(pl.col("role") == "recipient")
    found = counts(app.store, now)
    studies = []
    undetermined = 0
    for study in app.config.studies.values():
        window = study.windows[min(1, len(study.windows) - 1)]
        mine = frame.filter(pl.col("study") == study.id)
        decided = disposition(mine, window=window // MICROSECOND, now=micros(now))["disposition"].to_list()
        states = {state: n for (of, _, state), n in found.states.items() if of == study.id}
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
    )
