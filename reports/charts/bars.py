"""Intervals on the one axis from 0 to 100 % that all rows share: the bar is the interval, the tick in it the value."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.axis import num
from reports.figures.model import Interval
from reports.words import interval, percent


def scale() -> Markup:
    """The labels of the shared axis, to stand over the bars."""
    labels = "".join(
        f'<text x="{at}%" y="12" class="{side}">{at}{"&#8239;%" if at == 100 else ""}</text>'
        for at, side in ((0, "start"), (50, "mid"), (100, "end"))
    )
    return Markup(f'<svg class="ax" width="100%" height="16" aria-hidden="true">{labels}</svg>')  # noqa: S704


def bar(value: float | None, between: Interval | None, colour: str = "silence", height: int = 20) -> Markup:
    """One rate as a bar. `colour` names the class: person, machine, silence, ours. Without a value an empty track."""
    middle = height // 2
    drawn = [f'<line class="track" x2="100%" y1="{middle}" y2="{middle}"/>']
    label = "no rate"
    if value is not None:
        label = percent(value)
        if between is not None:
            label += f", {interval(between)}"
            drawn.append(
                f'<rect class="band" x="{num(100 * between.low)}%" y="{middle - 5}" height="10"'
                f' width="{num(100 * max(between.high - between.low, 0.004))}%" rx="2"/>'
            )
        drawn.append(
            f'<line class="at" x1="{num(100 * value)}%" x2="{num(100 * value)}%" y1="{middle - 8}" y2="{middle + 8}"/>'
        )
    return Markup('<svg class="bar {}" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        colour,
        height,
        label,
        Markup("".join(drawn)),  # noqa: S704
    )
