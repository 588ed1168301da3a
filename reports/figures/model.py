"""What figures are: plain data that pages, terminal and `verify` share. Times and durations are int microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

HOUR = 3_600_000_000
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % confidence interval, both ends in 0..1, and the method that made it."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`count` of `n`. `value` and `interval` are None where the sample is too small to say; `hidden` says why."""

    name: str
    count: int
    n: int
    clusters: int
    value: float | None
    interval: Interval | None
    hidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A quantile of a waiting time: `at` is None when the curve never gets there ("not reached")."""

    q: float
    at: int | None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Share answered within t (one minus Kaplan-Meier), a step at each time in `times` (from sent, ascending).

    Above survival.STEPS steps that many are kept, evenly spread over the share; what is kept is exact.
    `low` and `high` are the pointwise 95 % band. `risk` is (t, still waiting) at the times of the common axis.
    """

    name: str
    n: int
    events: int
    times: tuple[int, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    risk: tuple[tuple[int, int], ...]
    median: Quantile
    p90: Quantile
    hidden: str = ""  # why nothing but n and events is said


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionCount:
    """Probes with one disposition at one window; `closed`: the window was over and heard through, `open`: not yet."""

    disposition: str
    closed: int
    open: int
    in_denominator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFigures:
    """Everything said about one window."""

    window: int
    attempted: int
    dispositions: tuple[DispositionCount, ...]
    no_human: Rate  # the headline: no human answer, closed windows
    worst: Rate  # bounds: every undetermined, unknown, not heard probe counted as unanswered ...
    best: Rate  # ... and as answered
    no_human_their_side: Rate  # no human answer for any reason on the business's side: refusals and bounces count
    any_reply: Rate
    machine_only: Rate
    machine_parts: tuple[Rate, ...]  # acknowledged, bot, other automatic: shares of the same denominator
    refused_after_accepting: Rate
    mailbox_full: Rate  # of the same denominator: refused after accepting because the mailbox was full
    answered_question: Rate
    undetermined_share: float
    opt_out: Rate | None = None  # among the answered: a person who asked not to be written to again


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Enquiries to mailboxes of our own: `sent` and watched for a day, `arrived` in it, `junk` of them as junk."""

    sent: int
    arrived: int
    junk: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of one set of probes: a study, a stratum or one business."""

    name: str
    businesses: int
    probes: int
    groups: int
    now: int
    contactability: tuple[Rate, ...]  # one per channel
    windows: tuple[WindowFigures, ...]
    headline: int  # index into windows
    within: tuple[Rate, ...]  # share answered by a person within 1 h, 4 h, 24 h, 3 d, 7 d
    human: Curve
    any: Curve
    median_of_answered: int | None  # conditional: among those answered only
    by_hand: int | None = None  # of a study: probes about which a person decided
    controls: Controls | None = None  # of a study
    per_business: tuple[Figures, ...] = field(default=())
