"""95 % confidence intervals of rates, over arrays. Every function names its formula and source."""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from reports.figures.model import Interval

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

ALPHA = 0.05
Z = NormalDist().inv_cdf(1 - ALPHA / 2)

WILSON = "Wilson"
CLUSTERED = "ratio of clusters, jackknife, t on the logit scale"
EXACT = "Clopper-Pearson on clusters"

MIN_PROBES = 5
MIN_CLUSTERS = 10


@cache
def t_quantile(df: int) -> float:
    """The 97.5 % quantile of Student's t with `df` degrees of freedom."""
    from scipy.special import stdtrit  # costs an import of its own: only where a cluster is counted

    return float(stdtrit(df, 1 - ALPHA / 2))


def wilson(count: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Wilson's score interval of count/n, elementwise; nan where n is 0.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Source: E. B. Wilson, JASA 22 (1927) 209-212; equals scipy's binomtest(...).proportion_ci(method="wilson").
    """
    k, m = np.asarray(count, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / m
        middle = p + Z * Z / (2 * m)
        half = Z * np.sqrt(p * (1 - p) / m + Z * Z / (4 * m * m))
        low, high = (middle - half) / (1 + Z * Z / m), (middle + half) / (1 + Z * Z / m)
    low, high = np.where(k == 0, 0.0, low), np.where(k == m, 1.0, high)
    nothing: Any = m == 0
    return np.where(nothing, np.nan, np.clip(low, 0, 1)), np.where(nothing, np.nan, np.clip(high, 0, 1))


def clustered(count: Ints, n: Ints) -> Interval:
    """Interval of sum(count)/sum(n) where each element is one cluster; at least two clusters with n > 0.

    r = Y/N; delete-one jackknife v = (G-1)/G sum((Y - y_g)/(N - n_g) - r)^2 (Wolter, Introduction to Variance
    Estimation, 2007, ch. 4), never below r(1-r)/N: as many independent probes would not say more (Korn & Graubard,
    Survey Methodology 24 (1998) 193-201). On the logit scale: logit(r) -+ t(G-1) sqrt(v) / (r(1-r)).
    At r = 0 or 1 the data hold no variance: every cluster counts as one probe, Clopper-Pearson (Biometrika 26 (1934)
    404-413), whose free end is 1 - (alpha/2)^(1/G) away; right whatever the correlation within clusters of like size.
    """
    y, m = count[n > 0].astype(np.float64), n[n > 0].astype(np.float64)
    groups, total, yes = len(m), m.sum(), y.sum()
    r = float(yes / total)
    if yes in (0, total):
        reach = 1 - (ALPHA / 2) ** (1 / groups)
        return (
            Interval(low=0.0, high=reach, method=EXACT) if yes == 0 else Interval(low=1 - reach, high=1.0, method=EXACT)
        )
    without = (yes - y) / (total - m)
    variance = max((groups - 1) / groups * float(((without - r) ** 2).sum()), r * (1 - r) / float(total))
    middle, half = np.log(r / (1 - r)), t_quantile(groups - 1) * np.sqrt(variance) / (r * (1 - r))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (middle - half, middle + half))
    return Interval(low=low, high=high, method=CLUSTERED)
