"""The field of marks: one mark for each business (or enquiry), ordered by what happened, so that the share is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.charts.axis import num
from reports.charts.marks import use

CELL = 14
MOST = 1_000
"""With more marks than this each stands for several."""
WIDEST = 2.7
"""How far the field is blown up at most, pixels per unit."""
NAMED = 300
"""Up to this many marks each one is a link that tells its name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One business or enquiry: its mark, and what hovering or focusing tells; `href` may be empty."""

    mark: str
    label: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Cells of one kind. A group that is `apart` stands after a gap: it is in no denominator."""

    cells: Sequence[Cell]
    apart: bool = False


def scale(groups: Sequence[Group]) -> int:
    """How many each mark stands for: 1, or the smallest 2, 5, 10, 20, ... that keeps the field under `MOST` marks."""
    total = sum(len(group.cells) for group in groups)
    each = 1
    for step in range(60):
        each = (1, 2, 5)[step % 3] * 10 ** (step // 3)
        if total <= MOST * each:
            break
    return each


def field(groups: Sequence[Group], title: str, desc: str, ident: str = "field") -> Markup:
    """Marks in columns from left to right, group after group; groups apart begin a column of their own after a gap.

    A group of the many is never rounded away: it keeps one mark as long as it has one cell.
    """
    each = scale(groups)
    inside = [cell for group in groups if not group.apart for cell in _thin(group.cells, each)]
    outside = [cell for group in groups if group.apart for cell in _thin(group.cells, each)]
    total = len(inside) + len(outside)
    rows = max(1, round(math.sqrt(total / (4 if total < 400 else 3.2))))
    named = each == 1 and total <= NAMED
    columns = math.ceil(len(inside) / rows)
    gap = CELL * 0.8 if inside and outside else 0.0
    width = (columns + math.ceil(len(outside) / rows)) * CELL + gap
    tip = _Tip(width, rows * CELL) if named else None
    drawn = _cells(inside, rows, 0.0, tip) + _cells(outside, rows, columns * CELL + gap, tip)
    return Markup(
        '<svg class="field" viewBox="0 0 {w} {h}" style="max-width:{most}px;--tip:{tip}px" role="{role}"'
        ' aria-labelledby="{i}-t {i}-d">'
        '<title id="{i}-t">{title}</title><desc id="{i}-d">{desc}</desc>{drawn}</svg>'
    ).format(
        w=num(max(width, CELL)),
        h=rows * CELL,
        most=round(max(width, CELL) * WIDEST),
        i=ident,
        tip=num(tip.size) if tip else 0,
        role="group" if named else "img",
        title=title,
        desc=desc,
        drawn=Markup(drawn),  # noqa: S704
    )


def _thin(cells: Sequence[Cell], each: int) -> Sequence[Cell]:
    return cells if each == 1 else cells[: math.ceil(len(cells) / each)]


class _Tip:
    """The line under the field that names the mark hovered or focused: about 14 px high, never wider than the field."""

    def __init__(self, width: float, height: float) -> None:
        self.size = 14 / min(WIDEST, 720 / max(width, 1))
        self.most = max(12, int(width / (self.size * 0.54)))
        self.y = height + self.size

    def text(self, label: str) -> Markup:
        short = label if len(label) <= self.most else label[: self.most - 1].rstrip() + "\u2026"
        return Markup('<text y="{}">{}</text>').format(num(self.y), short)


def _cells(cells: Sequence[Cell], rows: int, left: float, tip: _Tip | None) -> str:
    parts = []
    for place, cell in enumerate(cells):
        drawn = use(cell.mark, num(left + CELL * (place // rows + 0.5)), num(CELL * (place % rows + 0.5)))
        if tip and cell.label:
            name = tip.text(cell.label)
            drawn = (
                f'<a href="{escape(cell.href)}" aria-label="{escape(cell.label)}">{drawn}{name}</a>'
                if cell.href
                else f"<g>{drawn}{name}</g>"
            )
        parts.append(drawn)
    return "".join(parts)
