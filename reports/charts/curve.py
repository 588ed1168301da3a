"""Share answered within t: steps on the common time axis, with band, windows and the numbers still waiting."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from reports.charts.axis import HIGH, TICKS, num, place
from reports.figures.model import Curve
from reports.words import THIN, count, percent, short

PLOT = 260
"""Height of the plot, pixels."""
GRID = 1000
"""Steps are drawn on a grid of this many points each way: finer is not seen, and a curve of many steps stays small."""


def curve(
    human: Curve, either: Curve, windows: Sequence[int], headline: int, ident: str, title: str, desc: str
) -> Markup:
    """The line "by a person" with its band, the dashed line "any reply", windows as verticals, the risk table below."""
    parts = [_frame(windows, headline)]
    parts.append(
        f'<svg width="100%" height="{PLOT}" viewBox="0 0 {GRID} {GRID}" preserveAspectRatio="none" overflow="visible">'
    )
    if human.times:
        until = _until(human)
        upper, lower = _points(human.times, human.high, until), _points(human.times, human.low, until)
        parts.append(f'<path class="band" d="{_steps(upper)}{_back(lower)}z"/>')
    for line, name in ((either, "either"), (human, "human")):
        if line.n:
            parts.append(f'<path class="{name}" d="{_steps(_points(line.times, line.share, _until(line)))}"/>')
    parts.append("</svg>")
    parts.append(_ends(human, either, headline))
    parts.append(_risk(human))
    return Markup(
        '<svg class="curve" width="100%" height="{h}" role="img" aria-labelledby="{i}-t {i}-d">'
        '<title id="{i}-t">{title}</title><desc id="{i}-d">{desc}</desc>{drawn}</svg>'
    ).format(h=PLOT + 62, i=ident, title=title, desc=desc, drawn=Markup("".join(parts)))  # noqa: S704


def _ends(human: Curve, either: Curve, window: int) -> str:
    """What both lines say at the headline window, told beside them: the upper above its line, the lower below."""
    x, parts = num(place(window)), []
    for line, name, down in ((either, "either", -8), (human, "human", 18)):
        step = at(line, window)
        if line.n and _until(line) >= window:
            share = line.share[step] if step >= 0 else 0.0
            y = num(PLOT - PLOT * share)
            lift = down if PLOT * share > 24 or down < 0 else -8
            parts.append(f'<circle cx="{x}%" cy="{y}" r="3.5" class="{name}-dot"/>')
            parts.append(f'<text x="{x}%" y="{y}" dx="7" dy="{lift}" class="{name}-at">{percent(share)}</text>')
    return "".join(parts)


def at(line: Curve, t: int) -> int:
    """Which step of the curve holds at that time: an index into its arrays, -1 before the first step."""
    found = -1
    for place_, time in enumerate(line.times):
        if time > t:
            break
        found = place_
    return found


def known(line: Curve, t: int) -> bool:
    """Whether the curve says anything of that time: somebody was followed so far, or nobody was left to follow."""
    followed = any(tick >= t and waiting for tick, waiting in line.risk)
    return followed or (bool(line.times) and (line.times[-1] >= t or line.share[-1] == 1))


def _frame(windows: Sequence[int], headline: int) -> str:
    parts = []
    for share in (0, 25, 50, 75, 100):
        y = num(PLOT - PLOT * share / 100)
        unit = f"{THIN}%" if share == 100 else ""
        parts.append(f'<line class="{"base" if share == 0 else "grid"}" x2="100%" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="-8" y="{y}" dy="4" class="end">{share}{unit}</text>')
    for window in windows:
        x, chosen = f"{num(place(window))}%", window == headline
        parts.append(f'<line class="{"chosen" if chosen else "window"}" x1="{x}" x2="{x}" y1="0" y2="{PLOT}"/>')
        if chosen:
            parts.append(f'<text x="{x}" y="-8" class="mid strong">{short(window)}</text>')
    parts += [f'<text x="{num(place(t))}%" y="{PLOT + 18}" class="mid">{label}</text>' for t, label in TICKS]
    return "".join(parts)


def _risk(line: Curve) -> str:
    cells = "".join(
        f'<text x="{num(place(t))}%" y="{PLOT + 56}" class="mid{" crowded" if place_ % 2 and waiting > 999 else ""}">'
        f"{count(waiting)}</text>"
        for place_, (t, waiting) in enumerate(line.risk)
    )
    return f'<text x="-8" y="{PLOT + 39}" class="soft">Still waiting for a person</text>{cells}'


def _until(line: Curve) -> int:
    watched = max((t for t, waiting in line.risk if waiting), default=0)
    return min(max(watched, line.times[-1] if line.times else 0), HIGH)


def _points(times: Sequence[int], shares: Sequence[float], until: int) -> list[tuple[int, int]]:
    """Corners on the grid, one for each visible step; the last at `until`."""
    corners = [(0, GRID)]
    for t, share in zip(times, shares, strict=True):
        x, y = round(place(t) * GRID / 100), round(GRID - GRID * share)
        if corners[-1][0] == x:
            corners[-1] = (x, y)
        elif corners[-1][1] != y:
            corners.append((x, y))
    end = round(place(until) * GRID / 100)
    if end > corners[-1][0]:
        corners.append((end, corners[-1][1]))
    return corners


def _steps(corners: Sequence[tuple[int, int]]) -> str:
    """The corners as a path of relative horizontal and vertical moves."""
    moves = [f"M{corners[0][0]} {corners[0][1]}"]
    for (x0, y0), (x1, y1) in pairwise(corners):
        moves.append(f"h{x1 - x0}" + (f"v{y1 - y0}" if y1 != y0 else ""))
    return "".join(moves)


def _back(corners: Sequence[tuple[int, int]]) -> str:
    """The same steps from the last corner to the first, to close a band."""
    moves = [f"V{corners[-1][1]}"]
    for (x0, y0), (x1, y1) in pairwise(reversed(corners)):
        moves.append((f"v{y1 - y0}" if y1 != y0 else "") + f"h{x1 - x0}")
    return "".join(moves)
