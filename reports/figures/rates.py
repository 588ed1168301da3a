"""What each probe counts as at a window, tallied per unit, and the rates made from the tally.

A cell is (part, whether questions were asked, standing): `part` is a disposition, split where a figure needs it;
`standing` is `open`, `closed`, or `lost`: the window is over but a deaf gap lies in it. Every rate is two sets of
cells, so each says exactly what it counts and what it divides by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from reports.figures.intervals import MIN_CLUSTERS, MIN_PROBES, WILSON, Ints, clustered, wilson
from reports.figures.model import Interval, Rate
from reports.outcomes import DISPOSITIONS, facts_at

PARTS = (
    "not_contactable", "suppressed", "blocked", "not_sent:ours", "not_sent:theirs", "unknown:silent", "unknown:human",
    "answered:questions", "answered:other", "answered:opt_out", "not_delivered:full", "not_delivered:other",
    "not_heard", "machine_only:bot", "machine_only:ack", "machine_only:other", "undetermined", "pending:planned",
    "pending", "unanswered",
)  # fmt: skip
OPEN, CLOSED, LOST = range(3)
CELLS = len(PARTS) * 2 * 3


def cell(part: str, asked: int, standing: int) -> int:
    return (PARTS.index(part) * 2 + asked) * 3 + standing


def cells(*words: str, standing: Iterable[int] = (CLOSED,), asked: Iterable[int] = (0, 1)) -> frozenset[int]:
    """The cells of every part whose disposition, or full name, is among `words`."""
    parts = [part for part in PARTS if part in words or part.partition(":")[0] in words]
    return frozenset(cell(part, a, s) for part in parts for a in asked for s in standing)


_ANSWERED = cells("answered")
_NOBODY = cells("machine_only", "unanswered")
_ELIGIBLE = _ANSWERED | _NOBODY
_IN_DOUBT = cells("undetermined", "not_heard") | cells("unknown:silent", standing=(CLOSED, LOST))
_BOUNDED = _ELIGIBLE | _IN_DOUBT | cells("unknown:human", standing=(CLOSED, LOST)) | cells("answered", standing=(LOST,))
_THEIRS = _NOBODY | cells("not_delivered", "not_sent:theirs")
_ASKED = cells("answered", "machine_only", "unanswered", asked=(1,))

RATES: dict[str, tuple[frozenset[int], frozenset[int]]] = {
    # the headline: closed windows only, whatever came back
    "no human answer": (_NOBODY, _ELIGIBLE),
    # bounds: everything undetermined, unknown or not heard as unanswered, then as answered; what an unknown probe or
    # one before a deaf gap got from a person counts as the answer it is, in both
    "no human answer, worst case": (_NOBODY | _IN_DOUBT, _BOUNDED),
    "no human answer, best case": (_NOBODY, _BOUNDED),
    "no human answer for any reason on the business's side": (_THEIRS, _THEIRS | _ANSWERED),
    "any reply": (_ANSWERED | cells("machine_only"), _ELIGIBLE),
    "machine only": (cells("machine_only"), _ELIGIBLE),
    # the strongest machine, in this order
    "machine only: bot": (cells("machine_only:bot"), _ELIGIBLE),
    "machine only: acknowledged": (cells("machine_only:ack"), _ELIGIBLE),
    "machine only: other automatic reply": (cells("machine_only:other"), _ELIGIBLE),
    "refused after accepting": (cells("not_delivered"), cells("not_delivered") | _ELIGIBLE),
    "refused after accepting: mailbox full": (cells("not_delivered:full"), cells("not_delivered") | _ELIGIBLE),
    # answered within the window, and every question asked was answered by then or later
    "answered every question": (cells("answered:questions", asked=(1,)), _ASKED),
    "asked to stop": (cells("answered:opt_out"), _ELIGIBLE),
    "answered": (_ANSWERED, _ELIGIBLE),
    "undetermined": (cells("undetermined"), cells("undetermined") | _ELIGIBLE),
}
"""Name -> (cells counted, cells divided by).

"For any reason on the business's side" counts silence, machines, undisputed bounces, and of the probes not sent only
those that the recipient's own server refused for good (accepted_by is recipient_mx or form). What we failed to send,
what a relay of ours refused, and what nobody knows the refuser of, is not theirs; neither is what was blocked,
suppressed or not contactable. A probe refused at a known time waits for the end of its window like those accepted at
that time.
"Answered every question" has no time of its own: the answers may have come in a later reply than the first.
The worst case can lie below the headline when unknown probes were answered: it is the worst case of more probes.
"""

_NUMERATORS = np.array([[c in counted for counted, _ in RATES.values()] for c in range(CELLS)], dtype=np.int64)
_DENOMINATORS = np.array([[c in of for _, of in RATES.values()] for c in range(CELLS)], dtype=np.int64)


def cell_of(*, window: int, now: int) -> pl.Expr:
    """The cell of each row at one window, as an expression."""
    c, at = pl.col, facts_at(window=window, now=now)
    code, human = at["code"], at["human"]

    def is_(name: str) -> pl.Expr:
        return code == DISPOSITIONS.index(name)

    def part(name: str) -> pl.Expr:
        return pl.lit(PARTS.index(name), pl.UInt8)

    whole = [d for d in DISPOSITIONS if d in PARTS]
    plain = code.replace_strict(
        [DISPOSITIONS.index(d) for d in whole], [PARTS.index(d) for d in whole], default=0, return_dtype=pl.UInt8
    )
    which = (
        pl.when(is_("answered"))
        .then(
            pl.when(c("first_human_kind") == "opt_out")
            .then(part("answered:opt_out"))
            .when((c("questions_asked") > 0) & (c("questions_answered") >= c("questions_asked")))
            .then(part("answered:questions"))
            .otherwise(part("answered:other"))
        )
        .when(is_("machine_only"))
        .then(
            pl.when(at["bot"])
            .then(part("machine_only:bot"))
            .when(at["ack"])
            .then(part("machine_only:ack"))
            .otherwise(part("machine_only:other"))
        )
        .when(is_("not_delivered"))
        .then(
            pl.when(c("mailbox_full").fill_null(value=False))
            .then(part("not_delivered:full"))
            .otherwise(part("not_delivered:other"))
        )
        .when(is_("unknown"))
        .then(pl.when(human).then(part("unknown:human")).otherwise(part("unknown:silent")))
        .when(is_("not_sent"))
        .then(
            pl.when(c("accepted_by").is_in(["recipient_mx", "form"]))
            .then(part("not_sent:theirs"))
            .otherwise(part("not_sent:ours"))
        )
        .when(c("state") == "planned")
        .then(part("pending:planned"))
        .otherwise(plain)
    )
    standing = (
        pl.when(at["closed"])
        .then(pl.lit(CLOSED, pl.UInt8))
        .when(at["deaf"])
        .then(pl.lit(LOST, pl.UInt8))
        .otherwise(pl.lit(OPEN, pl.UInt8))
    )
    asked = (c("questions_asked") > 0).cast(pl.UInt8)
    return (which * 2 + asked) * 3 + standing


_TABLE = np.zeros((CELLS, 2 * len(DISPOSITIONS)), dtype=np.int64)
for _at in range(CELLS):
    _whole = DISPOSITIONS.index(PARTS[_at // 6].partition(":")[0])
    _TABLE[_at, 2 * _whole + (_at % 3 != CLOSED)] = 1


def tally(unit: Ints, units: int, cell: Ints) -> Ints:
    """How many rows of each unit fall in each cell: (units, CELLS)."""
    return np.bincount(unit * CELLS + cell, minlength=units * CELLS).reshape(units, CELLS)


def counted(counts: Ints) -> tuple[Ints, Ints]:
    """Numerators and denominators of RATES from a tally: (units, rates) each."""
    return counts @ _NUMERATORS, counts @ _DENOMINATORS


def tables(counts: Ints) -> Ints:
    """The disposition table of each unit from a tally: (units, DISPOSITIONS, closed and open)."""
    return (counts @ _TABLE).reshape(len(counts), len(DISPOSITIONS), 2)


def planned(counts: Ints) -> Ints:
    """Probes of each unit that are planned and were not begun."""
    at = [cell("pending:planned", asked, standing) for asked in (0, 1) for standing in (OPEN, CLOSED, LOST)]
    made: Ints = counts[:, at].sum(axis=1)
    return made


def pooled(name: str, count: Ints, n: Ints) -> Rate:
    """One rate over several businesses; each element is one cluster. See intervals.clustered()."""
    yes, total, clusters = int(count.sum()), int(n.sum()), int((n > 0).sum())
    value, interval, hidden = None, None, ""
    if total == 0:
        hidden = "no closed probes"
    elif clusters < MIN_CLUSTERS:
        hidden = f"fewer than {MIN_CLUSTERS} independent businesses"
    else:
        value, interval = yes / total, clustered(count, n)
    return Rate(name=name, count=yes, n=total, clusters=clusters, value=value, interval=interval, hidden=hidden)


def by_unit(count: Ints, n: Ints, *, of: str = "closed probes") -> Callable[[int, int, str], Rate]:
    """Rates of single units from (units, rates) arrays, Wilson: a function of (unit, which rate, name)."""
    low, high = (ends.tolist() for ends in wilson(count, n))
    yes, total = count.tolist(), n.tolist()

    def rate(unit: int, which: int, name: str) -> Rate:
        k, m = yes[unit][which], total[unit][which]
        if m >= MIN_PROBES:
            interval = Interval(low=low[unit][which], high=high[unit][which], method=WILSON)
            return Rate(name=name, count=k, n=m, clusters=1, value=k / m, interval=interval)
        hidden = f"fewer than {MIN_PROBES} {of}" if m else f"no {of}"
        return Rate(name=name, count=k, n=m, clusters=min(m, 1), value=None, interval=None, hidden=hidden)

    return rate
