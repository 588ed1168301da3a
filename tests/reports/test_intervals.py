"""Intervals: equal to scipy where it has them, worked by hand where it has not, honest where data say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from reports.figures.intervals import CLUSTERED, EXACT, clustered, t_quantile, wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
clusters = st.lists(
    st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=40
)


@given(st.lists(counts, min_size=1, max_size=20))
def test_wilson_equals_scipy(pairs: list[tuple[int, int]]) -> None:
    low, high = wilson([k for k, _ in pairs], [n for _, n in pairs])
    for at, (k, n) in enumerate(pairs):
        theirs = binomtest(k, n).proportion_ci(method="wilson")
        assert abs(low[at] - theirs.low) < 1e-9
        assert abs(high[at] - theirs.high) < 1e-9


def test_wilson_of_nothing_is_nothing() -> None:
    low, high = wilson([0, 1], [0, 2])
    assert math.isnan(low[0])
    assert math.isnan(high[0])
    assert 0 < low[1] < high[1] < 1


@pytest.mark.parametrize("df", [1, 9, 30, 10_000])
def test_t_quantiles_equal_scipy(df: int) -> None:
    assert abs(t_quantile(df) - t.ppf(0.975, df)) < 1e-9


def test_the_clustered_interval_of_a_set_worked_by_hand() -> None:
    # 11 clusters: three (0 of 1), seven (1 of 1), one (2 of 2); r = 9/12 = 0.75
    # leaving one out: 9/11, 8/11, 7/10; minus r: 0.06818182, -0.02272727, -0.05
    # jackknife: 10/11 (3 x 0.00464876 + 7 x 0.00051653 + 0.0025) = 0.01823817, above r(1-r)/12 = 0.015625
    # half on the logit scale: t(10) 2.22813885 x 0.13504877 / 0.1875 = 1.60484
    # 1.09861229 -+ 1.60484 back from the logit: 0.37608, 0.93723
    found = clustered(np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2]), np.array([1] * 10 + [2]))
    assert found.method == CLUSTERED
    assert found.low == pytest.approx(0.37608, abs=5e-6)
    assert found.high == pytest.approx(0.93723, abs=5e-6)


def test_clusters_of_one_probe_have_the_variance_of_independent_probes() -> None:
    # jackknife of a mean: s^2 / n = r(1-r)/(n-1)
    n, k = 50, 20
    found = clustered(np.array([1] * k + [0] * (n - k)), np.ones(n, np.int64))
    r = k / n
    half = t.ppf(0.975, n - 1) * math.sqrt(r * (1 - r) / (n - 1)) / (r * (1 - r))
    assert found.low == pytest.approx(1 / (1 + math.exp(-(math.log(r / (1 - r)) - half))), abs=1e-9)


def test_clusters_that_agree_within_widen_the_interval() -> None:
    alike = clustered(np.array([10] * 10 + [0] * 10), np.full(20, 10))
    mixed = clustered(np.array([5] * 20), np.full(20, 10))
    assert alike.high - alike.low > 2 * (mixed.high - mixed.low)


def test_equal_shares_in_every_cluster_do_not_make_the_interval_vanish() -> None:
    found = clustered(np.full(10, 1), np.full(10, 2))
    as_if_independent = t.ppf(0.975, 9) * math.sqrt(0.25 / 20) / 0.25
    assert found.high == pytest.approx(1 / (1 + math.exp(-as_if_independent)), abs=1e-9)


@pytest.mark.parametrize("groups", [10, 200])
def test_all_or_none_is_exact_over_clusters_however_many_probes_each_has(groups: int) -> None:
    exact = binomtest(0, groups).proportion_ci(method="exact")
    for size in (1, 50):
        none = clustered(np.zeros(groups, np.int64), np.full(groups, size))
        every = clustered(np.full(groups, size), np.full(groups, size))
        assert (none.low, every.high, none.method) == (0.0, 1.0, EXACT)
        assert abs(none.high - exact.high) < 1e-9
        assert abs(1 - every.low - exact.high) < 1e-9


@given(clusters)
def test_an_interval_holds_its_rate_and_stays_between_0_and_1(pairs: list[tuple[int, int]]) -> None:
    y, n = np.array([k for k, _ in pairs]), np.array([m for _, m in pairs])
    found = clustered(y, n)
    assert 0 <= found.low <= y.sum() / n.sum() <= found.high <= 1
    assert found.high - found.low > 0


@given(clusters)
def test_the_mirror_image_of_a_rate_has_the_mirror_image_of_its_interval(pairs: list[tuple[int, int]]) -> None:
    y, n = np.array([k for k, _ in pairs]), np.array([m for _, m in pairs])
    found, mirrored = clustered(y, n), clustered(n - y, n)
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-9)
    assert mirrored.high == pytest.approx(1 - found.low, abs=1e-9)


@given(clusters)
def test_clusters_without_closed_probes_do_not_count(pairs: list[tuple[int, int]]) -> None:
    y, n = np.array([k for k, _ in pairs]), np.array([m for _, m in pairs])
    assert clustered(np.append(y, [0, 0]), np.append(n, [0, 0])) == clustered(y, n)
