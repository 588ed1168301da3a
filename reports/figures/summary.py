"""All figures of a set of probes, and of each business in it. Only rows of role `recipient` count.

Several businesses: clustered by `group`, else business, shown from MIN_CLUSTERS clusters on. One business: its
probes, shown from MIN_PROBES on. Facts (counts, dispositions) are always there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import polars as pl

from reports.figures import rates
from reports.figures.model import DAY, HOUR, DispositionCount, Figures, Rate, WindowFigures
from reports.figures.rows import Rows, contactable, medians, rows, waits
from reports.figures.survival import pooled_curve, unit_curves
from reports.outcomes import DISPOSITIONS, IN_DENOMINATOR

WITHIN = {"1 h": HOUR, "4 h": 4 * HOUR, "24 h": DAY, "3 d": 3 * DAY, "7 d": 7 * DAY}
"""Names and lengths of the thresholds of "answered within"."""

_Making: TypeAlias = Callable[[int, str], Rate]
"""(which of rates.RATES, what to call it) -> the rate."""

_AT = {name: at for at, name in enumerate(rates.RATES)}
_ANSWERED = _AT["answered"]
_PARTS = ("machine only: acknowledged", "machine only: bot", "machine only: other automatic reply")


def figures(frame: pl.DataFrame, *, name: str, windows: Sequence[int], headline: int, now: int) -> Figures:
    """All figures of the probes in `frame` (an outcome table that check() accepts), as of `now`.

    `windows` and `headline` (one of them) in microseconds. `per_business` is left empty: see per_business().
    """
    of = _rows(frame, windows, headline, now)
    made = _each(of, [name], windows, headline)[0] if len(of.businesses) == 1 else _pooled(of, name, windows, headline)
    return made if _judged(of) else _unjudged(made)


def per_business(frame: pl.DataFrame, *, windows: Sequence[int], headline: int, now: int) -> tuple[Figures, ...]:
    """The figures of each business, in the order of their keys; `name` is the key."""
    of = _rows(frame, windows, headline, now)
    made = _each(of, of.businesses, windows, headline)
    return tuple(made if _judged(of) else map(_unjudged, made))


NOT_JUDGED = "nobody has judged whether a reply answers the questions"


def _judged(of: Rows) -> bool:
    return bool(of.frame["questions_answered"].is_not_null().any())


def _unjudged(made: Figures) -> Figures:
    """The same without the rate of answered questions: what nobody has judged is not a rate of nothing."""
    return replace(
        made,
        windows=tuple(
            replace(
                window,
                answered_question=replace(
                    window.answered_question, count=0, n=0, clusters=0, value=None, interval=None, hidden=NOT_JUDGED
                ),
            )
            for window in made.windows
        ),
    )


def _rows(frame: pl.DataFrame, windows: Sequence[int], headline: int, now: int) -> Rows:
    if headline not in windows:
        raise ValueError(f"the headline window {headline} is none of the windows {list(windows)}")
    return rows(frame, windows={*windows, *WITHIN.values()}, now=now)


def _window(window: int, table: list[list[int]], planned: int, rate: _Making) -> WindowFigures:
    """`table`: closed and open probes by disposition, of which `planned` were not begun."""

    def called(name: str, also: str = "") -> Rate:
        return rate(_AT[name], also or name)

    counts = [
        DispositionCount(disposition=name, closed=closed, open=opened, in_denominator=name in IN_DENOMINATOR)
        for name, (closed, opened) in zip(DISPOSITIONS, table, strict=True)
    ]
    begun = [
        closed + opened for name, (closed, opened) in zip(DISPOSITIONS, table, strict=True) if name not in _UNTRIED
    ]
    doubt = called("undetermined")
    return WindowFigures(
        window=window,
        attempted=sum(begun) - planned,
        dispositions=tuple(counts),
        no_human=called("no human answer"),
        worst=called("no human answer, worst case", "worst case"),
        best=called("no human answer, best case", "best case"),
        no_human_their_side=called("no human answer for any reason on the business's side"),
        any_reply=called("any reply"),
        machine_only=called("machine only"),
        machine_parts=tuple(called(part) for part in _PARTS),
        refused_after_accepting=called("refused after accepting"),
        mailbox_full=called("refused after accepting: mailbox full"),
        answered_question=called("answered every question"),
        undetermined_share=doubt.count / doubt.n if doubt.n else 0.0,
        opt_out=called("asked to stop"),
    )


_UNTRIED = ("not_contactable", "suppressed")


def _pooled(of: Rows, name: str, windows: Sequence[int], headline: int) -> Figures:
    tallies = {window: rates.tally(of.cluster, of.clusters, cells) for window, cells in of.cells.items()}
    counted = {window: rates.counted(counts) for window, counts in tallies.items()}

    def making(window: int) -> _Making:
        yes, n = counted[window]
        return lambda which, called: rates.pooled(called, yes[:, which], n[:, which])

    def whole(window: int) -> WindowFigures:
        counts = tallies[window].sum(axis=0, keepdims=True)
        return _window(window, rates.tables(counts)[0].tolist(), int(rates.planned(counts)[0]), making(window))

    offered, asked = contactable(of, of.cluster, of.clusters)
    waited = waits(of)
    cluster = waited["_cluster"].to_numpy()
    human, any_ = (
        pooled_curve(kind, waited[f"{kind}_time"].to_numpy(), waited[kind].to_numpy(), cluster)
        for kind in ("human", "any")
    )
    within = {window: making(window)(_ANSWERED, called) for called, window in WITHIN.items()}
    shown = making(headline)(_ANSWERED, "").value is not None
    return Figures(
        name=name,
        businesses=len(of.businesses),
        probes=of.frame.height,
        groups=of.clusters,
        now=of.now,
        contactability=tuple(rates.pooled(name, offered[:, i], asked[:, i]) for i, name in enumerate(of.channels)),
        windows=tuple(whole(window) for window in windows),
        headline=list(windows).index(headline),
        within=tuple(within.values()),
        human=human,
        any=any_,
        median_of_answered=medians(of, np.zeros_like(of.cluster), 1, headline)[0] if shown else None,
    )


def _each(of: Rows, names: Sequence[str], windows: Sequence[int], headline: int) -> list[Figures]:
    unit, units = of.business, len(of.businesses)
    tallies = {window: rates.tally(unit, units, cells) for window, cells in of.cells.items()}
    rate_at = {window: rates.by_unit(*rates.counted(counts)) for window, counts in tallies.items()}
    tables = {window: rates.tables(tallies[window]).tolist() for window in windows}
    planned = rates.planned(tallies[headline]).tolist()
    contact = contactable(of, unit, units)
    offers, asked = rates.by_unit(*contact, of="businesses"), contact[1].tolist()
    probes = np.bincount(unit, minlength=units).tolist()
    groups = np.bincount(
        np.unique(unit * (of.clusters + 1) + of.cluster) // (of.clusters + 1), minlength=units
    ).tolist()
    middle = medians(of, unit, units, headline)
    waited = waits(of)
    mine = waited["_business"].to_numpy()
    human, any_ = (
        unit_curves(kind, mine, units, waited[f"{kind}_time"].to_numpy(), waited[kind].to_numpy())
        for kind in ("human", "any")
    )

    def one_of(one: int, name: str) -> Figures:
        def making(window: int) -> _Making:
            rate = rate_at[window]
            return lambda which, called: rate(one, which, called)

        within = tuple(rate_at[window](one, _ANSWERED, called) for called, window in WITHIN.items())
        shown = rate_at[headline](one, _ANSWERED, "").value is not None
        return Figures(
            name=name,
            businesses=1,
            probes=probes[one],
            groups=groups[one],
            now=of.now,
            contactability=tuple(offers(one, i, channel) for i, channel in enumerate(of.channels) if asked[one][i]),
            windows=tuple(_window(w, tables[w][one], planned[one], making(w)) for w in windows),
            headline=list(windows).index(headline),
            within=within,
            human=human[one],
            any=any_[one],
            median_of_answered=middle[one] if shown else None,
        )

    return [one_of(one, name) for one, name in enumerate(names)]
