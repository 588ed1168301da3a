"""All figures of a set of probes, and of each business in it. Only rows of role `recipient` count.

Several businesses: clustered by `group`, else business, shown from 10 clusters on. One business: its probes, shown
from 5 on. Facts (counts, dispositions) are always there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from reports.figures import rates, survival
from reports.figures.intervals import Ints
from reports.figures.model import DAY, HOUR, DispositionCount, Figures, Rate, WindowFigures
from reports.outcomes import DISPOSITIONS, IN_DENOMINATOR

WITHIN = {"1 h": HOUR, "4 h": 4 * HOUR, "24 h": DAY, "3 d": 3 * DAY, "7 d": 7 * DAY}
"""Names and lengths of the thresholds of "answered within"."""

_NAMES = list(rates.RATES)
_THEIRS = "no human answer for any reason on the business's side"
_PARTS = ("machine only: acknowledged", "machine only: bot", "machine only: other automatic reply")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that count, with integer keys: `business`, `cluster` and `channel` index the sorted names."""

    frame: pl.DataFrame
    businesses: list[str]
    channels: list[str]
    business: Ints
    cluster: Ints
    clusters: int
    channel: Ints


def figures(frame: pl.DataFrame, *, name: str, windows: Sequence[int], headline: int, now: int) -> Figures:
    """All figures of the probes in `frame` (an outcome table that check() accepts), as of `now`.

    `windows` and `headline` (one of them) in microseconds. `per_business` is left empty: see per_business().
    """
    _same(windows, headline)
    rows = _rows(frame)
    if len(rows.businesses) == 1:
        return _each(rows, [name], windows, headline, now)[0]
    return _pooled(rows, name, windows, headline, now)


def per_business(frame: pl.DataFrame, *, windows: Sequence[int], headline: int, now: int) -> tuple[Figures, ...]:
    """The figures of each business, in the order of their keys; `name` is the key."""
    _same(windows, headline)
    rows = _rows(frame)
    return tuple(_each(rows, rows.businesses, windows, headline, now))


def _same(windows: Sequence[int], headline: int) -> None:
    if headline not in windows:
        raise ValueError(f"the headline window {headline} is none of the windows {list(windows)}")


def _index(column: pl.Series) -> tuple[list[str], Ints]:
    """Distinct values, sorted, and where each row's is among them."""
    names = column.unique().sort()
    at = pl.DataFrame({"v": column}).join(
        pl.DataFrame({"v": names, "i": np.arange(len(names))}), on="v", how="left", maintain_order="left"
    )
    return names.to_list(), at["i"].to_numpy().astype(np.int64)


def _rows(frame: pl.DataFrame) -> _Rows:
    mine = frame.filter(pl.col("role") == "recipient")
    businesses, business = _index(mine["business"])
    channels, channel = _index(mine["channel"])
    owner = mine.select(
        pl.when(pl.col("group").is_null()).then("b:" + pl.col("business")).otherwise("g:" + pl.col("group"))
    )
    clusters, cluster = _index(owner.to_series())
    return _Rows(mine, businesses, channels, business, cluster, len(clusters), channel)


def _tally(rows: _Rows, unit: Ints, units: int, window: int, now: int) -> Ints:
    found = rows.frame.select(rates.cell_of(window=window, now=now).alias("cell"))["cell"].to_numpy().astype(np.int64)
    return rates.tally(unit, units, found)


def _contactable(rows: _Rows, unit: Ints, units: int) -> tuple[Ints, Ints]:
    """Per unit and channel: businesses asked there that offer it, and businesses asked there."""
    offers = (rows.frame["state"] != "not_contactable").to_numpy()
    channels = max(len(rows.channels), 1)
    pairs, first = np.unique(rows.business * channels + rows.channel, return_index=True)
    offered = np.bincount(rows.business * channels + rows.channel, weights=offers, minlength=1)[pairs] > 0
    place = unit[first] * channels + pairs % channels
    shape = (units, channels)
    asked = np.bincount(place, minlength=units * channels).reshape(shape)
    yes = np.bincount(place, weights=offered, minlength=units * channels).astype(np.int64).reshape(shape)
    return yes, asked


def _window(window: int, counts: Ints, rate: Callable[[str, str], Rate]) -> WindowFigures:
    """`counts`: cells of this unit; `rate`: a rate of rates.RATES under a name of its own."""
    table = _table(counts)
    doubt = rate("undetermined", "undetermined")
    return WindowFigures(
        window=window,
        attempted=int(counts.sum()) - sum(d.closed + d.open for d in table[:2]) - _planned(counts),
        dispositions=table,
        no_human=rate("no human answer", "no human answer"),
        worst=rate("no human answer, worst case", "worst case"),
        best=rate("no human answer, best case", "best case"),
        no_human_their_side=rate(_THEIRS, _THEIRS),
        any_reply=rate("any reply", "any reply"),
        machine_only=rate("machine only", "machine only"),
        machine_parts=tuple(rate(part, part) for part in _PARTS),
        refused_after_accepting=rate("refused after accepting", "refused after accepting"),
        answered_question=rate("answered every question", "answered every question"),
        opt_out=rate("asked to stop", "asked to stop"),
        undetermined_share=doubt.count / doubt.n if doubt.n else 0.0,
    )  # fmt: skip


def _table(counts: Ints) -> tuple[DispositionCount, ...]:
    by_part = counts.reshape(len(rates.PARTS), 2, 3).sum(axis=1)
    table = []
    for name in DISPOSITIONS:
        mine = [at for at, part in enumerate(rates.PARTS) if part.partition(":")[0] == name]
        closed, every = int(by_part[mine, rates.CLOSED].sum()), int(by_part[mine].sum())
        table.append(
            DispositionCount(
                disposition=name, closed=closed, open=every - closed, in_denominator=name in IN_DENOMINATOR
            )
        )
    return tuple(table)


def _planned(counts: Ints) -> int:
    return int(counts.reshape(len(rates.PARTS), 6)[rates.PARTS.index("pending:planned")].sum())


def _median(rows: _Rows, unit: Ints, units: int, headline: int, now: int) -> list[int | None]:
    """Per unit: the median wait of those answered within the closed headline window; None when nobody was."""
    answered = sorted(rates.cells("answered"))
    wait = pl.max_horizontal(pl.col("first_human_at") - pl.col("sent_at"), 0)
    found = (
        rows.frame.select(wait=wait, cell=rates.cell_of(window=headline, now=now), unit=pl.Series(unit))
        .filter(pl.col("cell").is_in(answered))
        .group_by("unit")
        .agg(pl.col("wait").median())
    )
    medians: list[int | None] = [None] * units
    for at, wait_of in found.iter_rows():
        medians[at] = round(wait_of)
    return medians


def _waits(rows: _Rows, now: int) -> pl.DataFrame:
    keys = pl.DataFrame({"_business": rows.business, "_cluster": rows.cluster})
    return survival.waits(rows.frame.hstack(keys), now=now)


def _pooled(rows: _Rows, name: str, windows: Sequence[int], headline: int, now: int) -> Figures:
    unit, units = rows.cluster, rows.clusters

    def at(window: int) -> tuple[Ints, Callable[[str, str], Rate]]:
        counts = _tally(rows, unit, units, window, now)
        yes, n = rates.counted(counts)

        def rate(which: str, called: str) -> Rate:
            column = _NAMES.index(which)
            return rates.pooled(called, yes[:, column], n[:, column])

        return counts.sum(axis=0), rate

    made = {window: at(window) for window in {*windows, *WITHIN.values()}}
    yes, asked = _contactable(rows, unit, units)
    shown = made[headline][1]("answered", "answered").value is not None
    waits = _waits(rows, now)
    cluster = waits["_cluster"].to_numpy()
    human, any_ = (
        survival.pooled_curve(kind, waits[f"{kind}_time"].to_numpy(), waits[kind].to_numpy(), cluster)
        for kind in ("human", "any")
    )
    return Figures(
        name=name,
        businesses=len(rows.businesses),
        probes=rows.frame.height,
        groups=rows.clusters,
        now=now,
        contactability=tuple(rates.pooled(channel, yes[:, i], asked[:, i]) for i, channel in enumerate(rows.channels)),
        windows=tuple(_window(window, *made[window]) for window in windows),
        headline=list(windows).index(headline),
        within=tuple(made[window][1]("answered", called) for called, window in WITHIN.items()),
        human=human,
        any=any_,
        median_of_answered=_median(rows, np.zeros_like(unit), 1, headline, now)[0] if shown else None,
    )


def _each(rows: _Rows, names: Sequence[str], windows: Sequence[int], headline: int, now: int) -> list[Figures]:
    unit, units = rows.business, len(rows.businesses)
    tallies = {window: _tally(rows, unit, units, window, now) for window in {*windows, *WITHIN.values()}}
    rate_at = {window: rates.by_unit(*rates.counted(counts)) for window, counts in tallies.items()}
    contact = rates.by_unit(*_contactable(rows, unit, units))
    asked = _contactable(rows, unit, units)[1]
    probes = np.bincount(unit, minlength=units)
    pairs = np.unique(unit * max(rows.clusters, 1) + rows.cluster) // max(rows.clusters, 1)
    groups = np.bincount(pairs, minlength=units)
    medians = _median(rows, unit, units, headline, now)
    waits = _waits(rows, now)
    mine = waits["_business"].to_numpy()
    curves = {
        kind: survival.unit_curves(kind, mine, units, waits[f"{kind}_time"].to_numpy(), waits[kind].to_numpy())
        for kind in ("human", "any")
    }

    def rates_for(one: int, window: int) -> Callable[[str, str], Rate]:
        return lambda which, called: rate_at[window](one, _NAMES.index(which), called)

    made = []
    for one, name in enumerate(names):
        shown = rates_for(one, headline)("answered", "answered").value is not None
        made.append(
            Figures(
                name=name,
                businesses=1,
                probes=int(probes[one]),
                groups=int(groups[one]),
                now=now,
                contactability=tuple(
                    contact(one, i, channel) for i, channel in enumerate(rows.channels) if asked[one, i]
                ),
                windows=tuple(_window(window, tallies[window][one], rates_for(one, window)) for window in windows),
                headline=list(windows).index(headline),
                within=tuple(rates_for(one, window)("answered", called) for called, window in WITHIN.items()),
                human=curves["human"][one],
                any=curves["any"][one],
                median_of_answered=medians[one] if shown else None,
            )
        )
    return made
