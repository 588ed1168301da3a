"""A probe as a line: it grows to the right from "sent" on the common time axis until something ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.charts.axis import num, place
from reports.charts.marks import use

HEIGHT = 22
ENDLESS = frozenset({"silence", "deaf"})
"""Ends that have no time: the line runs off the right edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One probe. Times are microseconds after sending.

    `end`: the mark that ends the line (person, refusal, bounce, waiting, unclear: at `at`; silence: an arrow off the
    right edge; deaf: hatched from `at` to the right edge; ours: may or may not have been taken; unsent: there is no
    line). `stops`: marks on the way. `label` says the same in words.
    """

    end: str
    at: int = 0
    stops: Sequence[tuple[int, str]] = ()
    label: str = ""


def timeline(track: Track) -> Markup:
    """The line of one probe, as wide as its place; the hairlines of the axis are the style sheet's (axis.rules)."""
    middle = str(HEIGHT // 2)
    parts: list[str] = []
    if track.end == "unsent":
        parts.append(use("unsent", "4", middle))
    else:
        end = "100" if track.end in ENDLESS else num(place(track.at))
        line = num(place(track.at)) if track.end == "deaf" else end
        parts.append('<path class="from" d="M0 6v10"/>')
        parts.append(f'<line class="{track.end}" x2="{line}%" y1="{middle}" y2="{middle}"/>')
        if track.end == "deaf":
            width = num(100 - place(track.at))
            parts.append(f'<rect x="{line}%" y="5" width="{width}%" height="12" fill="url(#hatch)"/>')
        parts += [use(mark, f"{num(place(at))}%", middle) for at, mark in track.stops]
        if track.end != "deaf":
            parts.append(use(track.end, f"{end}%", middle))
    return Markup('<svg class="tl" width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        HEIGHT,
        track.label,
        Markup("".join(parts)),  # noqa: S704
    )
