"""Waiting times: equal to scipy, to formulas written out slowly, and right about who is on a curve."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from reports.figures.intervals import Z, t_quantile
from reports.figures.model import DAY, HOUR, Curve
from reports.figures.survival import (
    AXIS,
    STEPS,
    band,
    infinitesimal_jackknife,
    kaplan_meier,
    pooled_curve,
    unit_curves,
    waits,
)
from reports.outcomes import frame
from tests.reports.making import row

data = st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=1, max_size=40)
"""(wait, answered): few distinct waits, so ties are common."""


def columns(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t for t, _ in pairs], np.int64), np.array([e for _, e in pairs], bool)


def steps(time: np.ndarray, event: np.ndarray) -> pl.DataFrame:
    return kaplan_meier(pl.DataFrame({"unit": np.zeros(len(time), np.int64), "time": time, "event": event}))


@given(data)
def test_the_curve_equals_scipy(pairs: list[tuple[int, bool]]) -> None:
    time, event = columns(pairs)
    found = steps(time, event)
    theirs = ecdf(CensoredData(uncensored=time[event], right=time[~event])).sf
    for at, silent in zip(found["time"], found["silent"], strict=True):
        assert abs(silent - theirs.evaluate(at)) < 1e-9


@given(data)
def test_the_band_equals_scipy_wherever_it_has_one(pairs: list[tuple[int, bool]]) -> None:
    time, event = columns(pairs)
    found = steps(time, event).filter(pl.col("silent") > 0)
    if found.is_empty():
        return
    low, high = band(found["silent"].to_numpy(), found["spread"].to_numpy(), Z, np.zeros(found.height, np.int64))
    sf = ecdf(CensoredData(uncensored=time[event], right=time[~event])).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the step where S is 0, which is not compared
        theirs = sf.confidence_interval(0.95, method="log-log")
    for at, mine_low, mine_high in zip(found["time"], low, high, strict=True):
        assert abs(1 - mine_high - theirs.low.evaluate(at)) < 1e-9
        assert abs(1 - mine_low - theirs.high.evaluate(at)) < 1e-9


def test_where_everybody_was_answered_the_band_ends_at_1_and_keeps_the_lower_limit_before() -> None:
    found = steps(np.array([1, 2, 3]), np.array([True, True, True]))
    low, high = band(found["silent"].to_numpy(), found["spread"].to_numpy(), Z, np.zeros(3, np.int64))
    assert high[2] == 1.0
    assert low[2] == low[1] > 0
    alone = steps(np.array([1, 1]), np.array([True, True]))
    low, high = band(alone["silent"].to_numpy(), alone["spread"].to_numpy(), Z, np.zeros(1, np.int64))
    assert (low[0], high[0]) == (0.0, 1.0)


def log_silent(time: np.ndarray, event: np.ndarray, weight: np.ndarray, until: int) -> float:
    """log S(until), each wait counted `weight` times, written out."""
    total = 0.0
    for at in sorted({int(t) for t, e in zip(time, event, strict=True) if e and t <= until}):
        total += math.log(1 - weight[(time == at) & event].sum() / weight[time >= at].sum())
    return total


clustered_data = st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 5)), min_size=8, max_size=30)


@settings(max_examples=50)
@given(clustered_data)
def test_the_variance_by_cluster_is_that_of_the_derivatives_by_weight(triples: list[tuple[int, bool, int]]) -> None:
    time, event = columns([(t, e) for t, e, _ in triples])
    _, cluster = np.unique([c for _, _, c in triples], return_inverse=True)
    groups, found = int(cluster.max()) + 1, steps(time, event)
    if groups < 2 or found.is_empty():
        return
    at = found["time"].to_numpy()
    variance = infinitesimal_jackknife(cluster, groups, time, event, found, at)
    tiny = 1e-6
    for place, until in enumerate(at):
        if found["silent"][place] == 0:
            assert math.isinf(variance[place])
            continue
        slopes = []
        for group in range(groups):
            more, less = np.ones(len(time)), np.ones(len(time))
            more[cluster == group] += tiny
            less[cluster == group] -= tiny
            slopes.append((log_silent(time, event, more, until) - log_silent(time, event, less, until)) / (2 * tiny))
        wanted = groups / (groups - 1) * sum(slope**2 for slope in slopes)
        assert variance[place] == pytest.approx(max(wanted, found["spread"][place]), rel=1e-5, abs=1e-8)


@given(data.filter(lambda pairs: len(pairs) > 1))
def test_one_wait_in_each_cluster_gives_greenwoods_variance(pairs: list[tuple[int, bool]]) -> None:
    time, event = columns(pairs)
    found = steps(time, event).filter(pl.col("silent") > 0)
    n = len(time)
    if found.is_empty():
        return
    variance = infinitesimal_jackknife(np.arange(n), n, time, event, found, found["time"].to_numpy())
    assert variance == pytest.approx(n / (n - 1) * found["spread"].to_numpy(), abs=1e-9)


def test_each_wait_said_twice_by_the_same_business_gives_no_narrower_band() -> None:
    draw = np.random.default_rng(5)
    time, event = draw.integers(0, 1000, 60), draw.random(60) < 0.7
    once = pooled_curve("human", time, event, np.arange(60))
    twice = pooled_curve("human", np.tile(time, 2), np.tile(event, 2), np.tile(np.arange(60), 2))
    assert twice.share == pytest.approx(once.share)
    assert all(two >= one - 1e-12 for one, two in zip(once.high, twice.high, strict=True))
    assert all(two <= one + 1e-12 for one, two in zip(once.low, twice.low, strict=True))
    independent = pooled_curve("human", np.tile(time, 2), np.tile(event, 2), np.arange(120))
    assert independent.high[20] - independent.low[20] < 0.8 * (twice.high[20] - twice.low[20])


def test_a_few_clusters_are_judged_by_t_and_not_by_the_normal_curve() -> None:
    time, event, cluster = np.arange(40), np.ones(40, bool), np.arange(40) % 10
    found = pooled_curve("human", time, event, cluster)
    variance = infinitesimal_jackknife(cluster, 10, time, event, steps(time, event), np.array([19]))[0]
    wide = t_quantile(9) * math.sqrt(variance) / math.log(0.5)
    assert found.low[19] == pytest.approx(1 - 0.5 ** math.exp(wide))


# --------------------------------------------------------------------------- what is read off a curve
def first(times: tuple[int, ...], ends: tuple[float, ...], q: float) -> int | None:
    return next((t for t, end in zip(times, ends, strict=True) if end >= q - 1e-12), None)


@given(st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=10, max_size=40))
def test_quantiles_are_the_first_times_at_which_the_curve_or_its_band_gets_there(
    pairs: list[tuple[int, bool]],
) -> None:
    time, event = columns(pairs)
    found = pooled_curve("human", time, event, np.arange(len(time)))
    for quantile in (found.median, found.p90):
        assert quantile.at == first(found.times, found.share, quantile.q)
        assert quantile.low == first(found.times, found.high, quantile.q)
        assert quantile.high == first(found.times, found.low, quantile.q)


def test_a_median_that_half_the_waits_reach_exactly_is_reached() -> None:
    # 10 waits, 5 answered, each drop multiplied up: 1 - S must count as 0.5 whatever the last digit
    found = pooled_curve("human", np.array([1, 2, 3, 4, 5, 9, 9, 9, 9, 9]), np.arange(10) < 5, np.arange(10))
    assert found.median.at == 5
    assert found.p90.at is None


@given(st.lists(st.tuples(st.sampled_from([0, *AXIS, *(t + 1 for t in AXIS)]), st.booleans()), min_size=10))
def test_the_risk_table_counts_who_still_waits_at_each_tick(pairs: list[tuple[int, bool]]) -> None:
    time, event = columns(pairs)
    wanted = tuple((tick, int((time >= tick).sum())) for tick in AXIS)
    assert pooled_curve("human", time, event, np.arange(len(time))).risk == wanted
    assert unit_curves("human", np.zeros(len(time), np.int64), 1, time, event)[0].risk == wanted


@given(st.lists(st.tuples(st.integers(0, 15), st.booleans(), st.integers(0, 3)), min_size=1, max_size=60))
def test_curves_of_units_are_those_of_each_unit_alone(triples: list[tuple[int, bool, int]]) -> None:
    time, event = columns([(t, e) for t, e, _ in triples])
    unit = np.array([u for _, _, u in triples])
    found = unit_curves("human", unit, 5, time, event)
    assert len(found) == 5
    for at in range(5):
        mine = unit == at
        alone = unit_curves("human", np.zeros(int(mine.sum()), np.int64), 1, time[mine], event[mine])
        assert found[at] == alone[0]


def test_the_band_of_a_unit_does_not_borrow_from_the_unit_before() -> None:
    unit, time = np.repeat([0, 1], 6), np.array([1, 2, 3, 4, 5, 6] + [7] * 6)
    both = unit_curves("human", unit, 2, time, np.ones(12, bool))
    assert (both[1].share, both[1].low, both[1].high) == ((1.0,), (0.0,), (1.0,))
    assert both[0].low[-1] == both[0].low[-2] > 0


def long(clusters: int) -> tuple[Curve, Curve, pl.DataFrame]:
    draw = np.random.default_rng(6)
    time, event = draw.permutation(20_000)[:9_000], draw.random(9_000) < 0.8
    unit = np.zeros(9_000, np.int64)
    return (
        pooled_curve("human", time, event, np.arange(9_000) % clusters),
        unit_curves("human", unit, 1, time, event)[0],
        steps(time, event),
    )


@pytest.mark.parametrize("clusters", [100, 9_000])
def test_a_long_curve_is_thinned_to_few_steps_that_are_exact(clusters: int) -> None:
    pooled, single, whole = long(clusters)
    full = dict(zip(whole["time"].to_list(), (1 - whole["silent"]).to_list(), strict=True))
    for found in (pooled, single):
        assert 300 < len(found.times) <= STEPS
        assert (found.times[0], found.times[-1]) == (whole["time"][0], whole["time"][-1])
        assert all(full[t] == pytest.approx(share) for t, share in zip(found.times, found.share, strict=True))
        assert max(b - a for a, b in zip(found.share, found.share[1:], strict=False)) < 0.01
        for quantile in (found.median, found.p90):
            exact = next(t for t, share in full.items() if share >= quantile.q)
            assert quantile.at == exact
            assert quantile.low is not None
            assert quantile.high is not None
            assert quantile.low < exact < quantile.high


def test_few_clusters_and_few_waits_give_no_curve_but_their_counts() -> None:
    time, event = np.arange(9), np.ones(9, bool)
    few = pooled_curve("human", time, event, np.arange(9))
    assert (few.times, few.n, few.events, few.median.at) == ((), 9, 9, None)
    assert few.hidden == "fewer than 10 independent businesses"
    four = unit_curves("human", np.zeros(4, np.int64), 2, time[:4], event[:4])
    assert [(one.n, one.events, one.times, one.hidden) for one in four] == [
        (4, 4, (), "fewer than 5 probes"),
        (0, 0, (), "no probes delivered"),
    ]


def test_a_curve_that_nobody_answered_is_there_and_flat() -> None:
    found = pooled_curve("human", np.full(20, DAY), np.zeros(20, bool), np.arange(20) % 10)
    assert (found.n, found.events, found.times, found.hidden) == (20, 0, (), "")
    assert found.median.at is None


# --------------------------------------------------------------------------- who is on the curve, and until when
def waited(now: int = 10 * DAY, **facts: Any) -> tuple[int, bool, int, bool] | None:
    found = waits(frame([row("p", "b", **facts)]), now=now)
    return None if found.is_empty() else found.select("human_time", "human", "any_time", "any").row(0)


def test_silence_is_censored_where_we_stopped_hearing() -> None:
    assert waited() == (10 * DAY, False, 10 * DAY, False)
    assert waited(sent_at=DAY) == (9 * DAY, False, 9 * DAY, False)
    assert waited(observed_until=3 * DAY) == (3 * DAY, False, 3 * DAY, False)
    assert waited(now=2 * DAY) == (2 * DAY, False, 2 * DAY, False)
    assert waited(gap_from=4 * DAY) == (4 * DAY, False, 4 * DAY, False)
    assert waited(sent_at=DAY, observed_until=None) == (0, False, 0, False)
    assert waited(sent_at=DAY, observed_until=0) == (0, False, 0, False)


def test_the_first_person_and_the_first_of_anything_have_waits_of_their_own() -> None:
    assert waited(first_ack_at=HOUR, first_human_at=DAY) == (DAY, True, HOUR, True)
    assert waited(first_ack_at=HOUR) == (10 * DAY, False, HOUR, True)


def test_a_reply_stamped_before_the_receipt_is_a_wait_of_0() -> None:
    assert waited(sent_at=DAY, first_human_at=HOUR) == (0, True, 0, True)


def test_a_reply_after_we_stopped_hearing_does_not_count() -> None:
    assert waited(observed_until=DAY, first_human_at=2 * DAY) == (DAY, False, DAY, False)
    assert waited(observed_until=DAY, first_human_at=DAY) == (DAY, True, DAY, True)


def test_an_unclear_arrival_ends_what_we_know_unless_a_person_answered() -> None:
    assert waited(first_unclear_at=DAY) == (DAY, False, DAY, False)
    assert waited(first_unclear_at=DAY, first_human_at=2 * DAY) == (2 * DAY, True, 2 * DAY, True)
    assert waited(sent_at=DAY, first_unclear_at=HOUR) == (0, False, 0, False)
    assert waited(first_unclear_at=DAY, first_ack_at=HOUR) == (DAY, False, HOUR, True)


def test_what_was_not_delivered_is_on_no_curve() -> None:
    assert waited(bounced_at=HOUR) is None
    assert waited(bounced_at=HOUR, first_human_at=DAY) == (DAY, True, DAY, True)


def test_a_bounce_that_decides_nothing_ends_what_we_know() -> None:
    assert waited(bounced_at=HOUR, disputed=True) == (HOUR, False, HOUR, False)
    assert waited(bounced_at=6 * DAY) == (6 * DAY, False, 6 * DAY, False)


@pytest.mark.parametrize("state", ["planned", "sending", "deferred", "not_sent", "blocked", "unknown", "suppressed"])
def test_what_was_not_surely_sent_is_on_no_curve(state: str) -> None:
    assert waited(state=state, first_human_at=DAY) is None


def test_what_is_sent_after_the_moment_asked_about_is_on_no_curve() -> None:
    assert waited(sent_at=5 * DAY, now=4 * DAY) is None
