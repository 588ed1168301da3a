"""The one time axis: logarithmic, the same ticks on every chart, positions in per cent of the width.

Charts are fluid: they carry no viewBox and place everything in per cent, so text and marks keep their size from a
phone to a wide screen while time stretches.
"""

from __future__ import annotations

import math

from markupsafe import Markup

from reports.figures.model import DAY, HOUR

LOW = HOUR // 360
"""Where the axis begins, 10 s after sending: anything faster stands at its left edge."""
HIGH = 45 * DAY
"""Where the axis ends: anything slower stands at its right edge."""
TICKS: tuple[tuple[int, str], ...] = (
    (HOUR // 60, "1 min"), (HOUR // 6, "10 min"), (HOUR, "1 h"), (8 * HOUR, "8 h"),
    (DAY, "1 d"), (3 * DAY, "3 d"), (7 * DAY, "7 d"), (30 * DAY, "30 d"),
)  # fmt: skip
"""Times after sending (microseconds) and their labels."""

_SPAN = math.log(HIGH / LOW)


def place(t: int) -> float:
    """Where a time after sending stands, in per cent of the width (0..100)."""
    return round(100 * math.log(min(max(t, LOW), HIGH) / LOW) / _SPAN, 2)


def num(value: float) -> str:
    """A coordinate in as few characters as it takes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def head(note: str = "") -> Markup:
    """The labels of the axis as a row of their own, to stand over probe lines. `note` is the label of its left end."""
    parts = [f'<text x="0" y="12">{Markup.escape(note or "sent")}</text>']
    parts += [f'<text x="{num(place(t))}%" y="12" class="mid">{label}</text>' for t, label in TICKS]
    return Markup('<svg class="ax" width="100%" height="16" aria-hidden="true">{}</svg>').format(Markup("".join(parts)))  # noqa: S704


def rules(window: int) -> str:
    """The ticks as CSS backgrounds, the window drawn stronger: one rule for all rows instead of lines in each.

    The value of a `background` property: hairlines in the colours --rule and --window.
    """
    layers = [_hairline("--window", place(window))] if window else []
    layers += [_hairline("--rule", place(t)) for t, _ in TICKS if t != window]
    return ",".join(layers)


def _hairline(colour: str, at: float) -> str:
    return f"linear-gradient(var({colour}),var({colour})) {num(at)}% 0/1px 100% no-repeat"
