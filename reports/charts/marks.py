"""The marks: one shape for each thing that can become of an enquiry. Shapes differ, so colour is never needed.

Every page carries `sprite()` once; charts refer to it. A mark is drawn around its own origin, 5 units to each side.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

SHAPES: dict[str, str] = {
    "person": '<circle r="4.5" fill="var(--person)"/>',
    "refusal": '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z" fill="var(--person)"/>',
    "machine": '<circle r="3.8" fill="var(--paper)" stroke="var(--machine)" stroke-width="2"/>',
    "silence": '<path d="M-5 0H3.6M.6-3.6 4.4 0 .6 3.6" fill="none" stroke="var(--silence)" stroke-width="2"/>',
    "bounce": '<path d="M-3.6-3.6 3.6 3.6M-3.6 3.6 3.6-3.6" fill="none" stroke="var(--bounce)" stroke-width="2.2"/>',
    "waiting": '<path d="M-4.5 0H0M0-4.5V4.5" fill="none" stroke="var(--waiting)" stroke-width="2"/>',
    "unclear": '<path d="M0-4.2 4.2 0 0 4.2-4.2 0z" fill="var(--paper)" stroke="var(--ours)" stroke-width="1.6"/>',
    "deaf": '<path d="M-4.5 4.5 4.5-4.5M-4.5 0 0-4.5M0 4.5 4.5 0" fill="none" stroke="var(--ours)"'
    ' stroke-width="1.5"/>',
    "ours": '<rect x="-3.8" y="-3.8" width="7.6" height="7.6" fill="none" stroke="var(--ours)" stroke-width="1.8"/>',
    "unsent": '<path d="M-4.5 0H4.5" fill="none" stroke="var(--ours)" stroke-width="2"/>',
}
"""Name to drawing; GRAMMAR says what each means."""

MARK_OF: dict[str, str] = {
    "answered": "person", "machine_only": "machine", "unanswered": "silence", "not_delivered": "bounce",
    "undetermined": "unclear", "pending": "waiting", "not_heard": "deaf", "unknown": "ours", "not_sent": "unsent",
    "blocked": "unsent", "suppressed": "unsent", "not_contactable": "unsent",
}  # fmt: skip
"""The mark of each disposition."""


def sprite() -> Markup:
    """All marks as symbols, once a page, with the hatch of deaf stretches."""
    shapes = "".join(f'<g id="m-{name}">{drawing}</g>' for name, drawing in SHAPES.items())
    hatch = (
        '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M1 0V6" stroke="var(--ours)" stroke-width="1.6"/></pattern>'
    )
    return Markup(f'<svg class="sprite" width="0" height="0" aria-hidden="true"><defs>{hatch}{shapes}</defs></svg>')  # noqa: S704


def use(name: str, x: str, y: str) -> str:
    """A mark at a place (SVG lengths)."""
    return f'<use href="#m-{name}" x="{x}" y="{y}"/>'


def glyph(name: str) -> Markup:
    """One mark by itself, for a legend or beside a word that says the same."""
    return Markup(f'<svg class="gl" width="14" height="14" aria-hidden="true">{use(name, "7", "7")}</svg>')  # noqa: S704


STRIP = 40
"""A strip shows the last this many marks."""


def strip(names: Iterable[str], label: str, most: int = STRIP) -> Markup:
    """Marks in a row, oldest first; of more than `most` the last ones. `label` says the same in words."""
    shown = tuple(names)[-most:]
    drawn = "".join(use(name, str(7 + 13 * place), "8") for place, name in enumerate(shown))
    return Markup(
        '<svg class="strip" width="{w}" height="16" viewBox="0 0 {w} 16" role="img" aria-label="{}">{}</svg>'
    ).format(
        label,
        Markup(drawn),  # noqa: S704
        w=13 * len(shown) + 1,
    )


def brand() -> Markup:
    """The sign of the product: an enquiry that runs off into nothing."""
    return Markup(
        '<svg width="34" height="14" viewBox="0 0 34 14" aria-hidden="true">'
        '<path d="M1.2 1v12" stroke="var(--ink)" stroke-width="2.4"/>'
        '<path d="M2 7H31M26 2 31.5 7 26 12" fill="none" stroke="var(--silence)" stroke-width="2.4"/></svg>'
    )


GRAMMAR: tuple[tuple[str, str], ...] = (
    ("person", "a person answered"),
    ("refusal", "a person asked us to stop"),
    ("machine", "a machine replied; the line goes on"),
    ("silence", "nobody, window closed"),
    ("bounce", "came back"),
    ("waiting", "still waiting"),
    ("unclear", "unclear"),
    ("deaf", "we were deaf"),
    ("ours", "may not have arrived"),
    ("unsent", "not sent"),
)
"""What each mark says, as a legend lists it."""
