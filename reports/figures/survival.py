"""Waiting times: Kaplan-Meier curves of "answered within t", whole or per unit, and what is read off them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from reports.figures.intervals import MIN_CLUSTERS, MIN_PROBES, Floats, Ints, Z, t_quantile
from reports.figures.model import DAY, HOUR, Curve, Quantile
from reports.outcomes import BOUNCE_LIMIT

Flags: TypeAlias = npt.NDArray[np.bool_]

AXIS = (HOUR // 60, HOUR // 6, HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY)
"""Ticks of the one time axis: 1 min, 10 min, 1 h, 8 h, 1 d, 3 d, 7 d, 30 d."""

STEPS = 400
"""A curve with more steps is published at this many of them, evenly spread over its share; values stay exact."""

_SAME = 1e-12


def waits(frame: pl.DataFrame, *, now: int) -> pl.DataFrame:
    """One row per probe on the curves: `human_time`, `human` (event), `any_time`, `any`; times in microseconds.

    On the curves: sent probes, but those with an undisputed bounce within BOUNCE_LIMIT and no person's reply. A wait
    starts at sent_at and ends with the reply; it is censored where we stopped hearing (the first of observed_until,
    gap_from and now), or at an unclear arrival or a bounce that decides nothing, when the reply that the line is of (a
    person's, or any) did not come: from then on nobody knows. A reply stamped before the receipt is a wait of 0; one
    after we stopped hearing does not count.
    Columns of `frame` that begin with an underscore stay.
    """
    c = pl.col
    sent = c("sent_at")
    heard = pl.max_horizontal(pl.min_horizontal("observed_until", "gap_from", pl.lit(now)), sent)
    heard = pl.when(c("observed_until").is_null()).then(sent).otherwise(heard)

    def reply(name: str) -> pl.Expr:
        at = pl.max_horizontal(name, sent)
        return pl.when(c(name).is_not_null() & (at <= c("_heard"))).then(at)

    doubt = pl.min_horizontal("first_unclear_at", "bounced_at")
    doubt = pl.when(doubt <= c("_heard")).then(pl.max_horizontal(doubt, sent))
    gone = (~c("disputed") & (c("bounced_at") <= pl.min_horizontal(sent + BOUNCE_LIMIT, pl.lit(now)))).fill_null(
        value=False
    )
    kept = [name for name in frame.columns if name.startswith("_")]
    return (
        frame.lazy()
        .filter((c("state") == "sent") & (sent <= now))
        .with_columns(_heard=heard)
        .with_columns(_human=reply("first_human_at"), _any=reply("first_reply_at"), _doubt=doubt)
        .filter(~gone | c("_human").is_not_null())
        .select(
            *kept,
            human_time=pl.coalesce("_human", "_doubt", "_heard") - sent,
            human=c("_human").is_not_null(),
            any_time=pl.coalesce("_any", "_doubt", "_heard") - sent,
            any=c("_any").is_not_null(),
        )
        .collect()
    )


def kaplan_meier(frame: pl.DataFrame) -> pl.DataFrame:
    """Kaplan-Meier per unit, from columns `unit`, `time`, `event`: one row per unit and time with an event.

    `risk` still waiting just before, `events`, `silent` = S(t) = prod(1 - d/n), `spread` = Greenwood's
    sum(d / (n (n - d))), infinite where S is 0. A wait censored at t counts as waiting at t.
    Sources: Kaplan & Meier, JASA 53 (1958) 457-481; Greenwood (1926).
    """
    step = pl.col("events") / pl.col("risk")
    return (
        frame.group_by("unit", "time")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("event").sum().cast(pl.Int64).alias("events"))
        .sort("unit", "time")
        .with_columns(risk=pl.col("n").cum_sum(reverse=True).over("unit"))
        .filter(pl.col("events") > 0)
        .with_columns(
            silent=(1 - step).cum_prod().over("unit"),  # exactly 0 where all that wait are answered
            spread=(step / (pl.col("risk") - pl.col("events"))).cum_sum().over("unit"),
        )
        .select("unit", "time", "risk", "events", "silent", "spread")
    )


def infinitesimal_jackknife(
    cluster: Ints, clusters: int, time: Ints, event: Flags, steps: pl.DataFrame, at: Ints
) -> Floats:
    """Variance of log S at the times `at` when waits come in clusters; infinite where S is 0.

    Each wait's influence on log S(t) is U(t) = A(min(T, t)) - [event and T <= t] / (Y(T) - d(T)), where
    A(t) = sum over s <= t of d / (Y (Y - d)); the variance is G/(G-1) sum over clusters of (sum of U)^2, and never
    below Greenwood's: as many independent waits would not say more. With one wait per cluster and without the factor
    it is Greenwood's.
    Source: T. Therneau & P. Grambsch, Modeling Survival Data (2000), ch. 2 and 7 (grouped jackknife).
    """
    when, drift = steps["time"].to_numpy(), steps["spread"].to_numpy()
    left = (steps["risk"] - steps["events"]).to_numpy().astype(np.float64)
    known: Any = left > 0  # but for a last step at which all that wait are answered: log S is not finite there
    drift, jumps = np.where(known, drift, 0.0), np.where(known, 1 / np.where(known, left, 1.0), 0.0)
    step = np.searchsorted(when, time, side="right") - 1  # the last step not after each wait's end
    own = np.where(step >= 0, drift[step] - event * jumps[step], 0.0)
    slot = np.searchsorted(at, time, side="left")  # the first published time that knows the wait is over
    width = len(at) + 1
    place = cluster * width + slot
    size = clusters * width
    ended = np.bincount(place, weights=own, minlength=size).reshape(clusters, width)
    over = np.bincount(place, minlength=size).reshape(clusters, width)
    waiting = over.sum(axis=1, keepdims=True) - over.cumsum(axis=1)
    at_step = np.searchsorted(when, at, side="right") - 1
    influence = ended.cumsum(axis=1)[:, :-1] + waiting[:, :-1] * drift[at_step]
    variance = clusters / (clusters - 1) * (influence**2).sum(axis=0)
    return np.where(known[at_step], np.maximum(variance, drift[at_step]), np.inf)


def band(silent: Floats, variance: Floats, z: float, unit: Ints) -> tuple[Floats, Floats]:
    """95 % band of the share answered, 1 - S, on the log-log scale: S^exp(-+ z sqrt(v) / log S).

    Where S is 0 its variance is not known: the share reaches up to 1, and down to the band of the step before (0 when
    the unit has none). Source: Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data (2002), 1.4.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = z * np.sqrt(variance) / np.log(silent)
        low, high = 1 - silent ** np.exp(wide), 1 - silent ** np.exp(-wide)
    ended: Any = silent <= 0  # the last step of its unit, if any
    before = np.concatenate([[0.0], low[:-1]])[: len(low)]
    alone = np.concatenate([[True], unit[1:] != unit[:-1]])[: len(low)]
    low = np.where(ended, np.where(alone, 0.0, before), low)
    return np.clip(low, 0, 1), np.clip(np.where(ended, 1.0, high), 0, 1)


def _thin(share: Floats) -> Ints:
    """Which steps to publish: all, or STEPS evenly spread over the share, with first, last and the quantiles."""
    if len(share) <= STEPS:
        return np.arange(len(share))
    wanted = np.concatenate([np.linspace(share[0], share[-1], STEPS - 2), [0.5 - _SAME, 0.9 - _SAME]])
    return np.unique(np.clip(np.searchsorted(share, wanted), 0, len(share) - 1))


def quantile(q: float, times: list[int], bands: tuple[list[float], ...], *, whole: bool) -> Quantile:
    """A quantile of the wait: the first time at which the share reaches q; "not reached" where it never does.

    Its limits are the first times at which the upper, then the lower end of the band reaches q.
    Source: Brookmeyer & Crowley, Biometrics 38 (1982) 29-41.
    """
    share, low, high = (next((at for at, end in enumerate(ends) if end >= q - _SAME), None) for ends in bands)
    if high is not None and not whole:
        high = max(high - 1, 0)  # between two published steps: the earlier one, to be sure
    return Quantile(
        q=q,
        at=None if share is None else times[share],
        low=None if high is None else times[high],
        high=None if low is None else times[low],
    )


def _hidden(name: str, n: int, events: int, why: str) -> Curve:
    none = (Quantile(q=0.5, at=None), Quantile(q=0.9, at=None))
    return Curve(
        name=name, n=n, events=events, times=(), share=(), low=(), high=(), risk=(), median=none[0], p90=none[1],
        hidden=why,
    )  # fmt: skip


def _curve(
    name: str, n: int, events: int, times: list[int], bands: tuple[list[float], ...], risk: list[int], *, whole: bool
) -> Curve:
    """`bands`: share, low and high at each of `times`; `whole`: no step was left out."""
    return Curve(
        name=name,
        n=n,
        events=events,
        times=tuple(times),
        share=tuple(bands[0]),
        low=tuple(bands[1]),
        high=tuple(bands[2]),
        risk=tuple(zip(AXIS, risk, strict=True)),
        median=quantile(0.5, times, bands, whole=whole),
        p90=quantile(0.9, times, bands, whole=whole),
    )


def pooled_curve(name: str, time: Ints, event: Flags, cluster: Ints) -> Curve:
    """One curve over several businesses, from ten clusters on.

    Where a cluster has more than one wait, the variance of log S is by cluster, and z of the band is the 97.5 %
    quantile of Student's t with G - 1 degrees of freedom; else it is Greenwood's, with z of the normal distribution.
    So is that of one business, from five waits on. Of more than 400 steps that many are published, their values exact.
    """
    sizes = np.bincount(cluster) if len(cluster) else np.zeros(0, np.int64)
    place, sizes = np.cumsum(sizes > 0) - 1, sizes[sizes > 0]
    events = int(event.sum())
    if len(sizes) < MIN_CLUSTERS:
        why = f"fewer than {MIN_CLUSTERS} independent businesses" if len(time) else "no probes delivered"
        return _hidden(name, len(time), events, why)
    steps = kaplan_meier(pl.DataFrame({"unit": np.zeros(len(time), np.int64), "time": time, "event": event}))
    keep = _thin(1 - steps["silent"].to_numpy())
    times = steps["time"].to_numpy()[keep]
    if sizes.max() > 1 and steps.height:
        variance = infinitesimal_jackknife(place[cluster], len(sizes), time, event, steps, times)
        z = t_quantile(len(sizes) - 1)
    else:
        variance, z = steps["spread"].to_numpy()[keep], Z
    silent = steps["silent"].to_numpy()[keep]
    low, high = band(silent, variance, z, np.zeros(len(keep), np.int64))
    risk = len(time) - np.searchsorted(np.sort(time), AXIS, side="left")
    bands = ((1 - silent).tolist(), low.tolist(), high.tolist())
    return _curve(name, len(time), events, times.tolist(), bands, risk.tolist(), whole=len(keep) == steps.height)


def unit_curves(name: str, unit: Ints, units: int, time: Ints, event: Flags) -> list[Curve]:
    """A curve for each single unit, Greenwood; under MIN_PROBES waits it is not shown."""
    n = np.bincount(unit, minlength=units).tolist()
    events = np.bincount(unit, weights=event, minlength=units).astype(np.int64).tolist()
    steps = kaplan_meier(pl.DataFrame({"unit": unit, "time": time, "event": event}))
    of, silent = steps["unit"].to_numpy(), steps["silent"].to_numpy()
    low, high = band(silent, steps["spread"].to_numpy(), Z, of)
    columns = (1 - silent, low, high)
    times, bands = steps["time"].to_list(), [column.tolist() for column in columns]
    ends = np.searchsorted(of, np.arange(units + 1)).tolist()
    slots = len(AXIS) + 1
    slot = np.searchsorted(AXIS, time, side="right")  # so many ticks are not after the end of the wait
    waiting = np.bincount(unit * slots + slot, minlength=units * slots).reshape(units, slots)
    risk = waiting[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].tolist()
    curves = []
    for one, (start, end) in enumerate(pairwise(ends)):
        if n[one] < MIN_PROBES:
            why = f"fewer than {MIN_PROBES} probes" if n[one] else "no probes delivered"
            curves.append(_hidden(name, n[one], events[one], why))
        elif end - start <= STEPS:
            mine = tuple(column[start:end] for column in bands)
            curves.append(_curve(name, n[one], events[one], times[start:end], mine, risk[one], whole=True))
        else:
            keep = _thin(columns[0][start:end]) + start
            mine = tuple(column[keep].tolist() for column in columns)
            at = steps["time"].to_numpy()[keep].tolist()
            curves.append(_curve(name, n[one], events[one], at, mine, risk[one], whole=False))
    return curves
