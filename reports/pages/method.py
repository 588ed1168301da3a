"""The method page: every formula, window and denominator, taken from the code that computes them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import Any

from markupsafe import Markup

from reports import outcomes
from reports.edition import Edition
from reports.figures import intervals, rates, survival
from reports.pages.terms import DISPOSITIONS, KEYS

FORMULAS = (
    ("What an enquiry counts as at a window", outcomes.facts_at),
    ("Interval of the rate of one business", intervals.wilson),
    ("Interval of the rate of several businesses", intervals.clustered),
    ("Curve: what is on it", survival.waits),
    ("Curve: share answered within a time", survival.kaplan_meier),
    ("Curve: several businesses together", survival.pooled_curve),
    ("Curve: median and nine in ten", survival.quantile),
    ("Curve: variance where a business has several enquiries", survival.infinitesimal_jackknife),
    ("Curve: its band", survival.band),
)
"""Title, and the function whose docstring states it."""

MINIMUM = {"probes": intervals.MIN_PROBES, "clusters": intervals.MIN_CLUSTERS}
"""Closed enquiries that a rate of one business needs; independent businesses that a rate of several needs."""

_CONTENTS = (
    ("principles", "Principles"),
    ("dispositions", "What an enquiry counts as"),
    ("rates", "Rates"),
    ("formulas", "Formulas"),
    ("keys", "How a reply finds its enquiry"),
)
_PARTS = {
    "not_sent:theirs": "refused for good by their own server",
    "not_sent:ours": "not refused by their own server",
    "unknown:silent": "no person wrote",
    "unknown:human": "a person wrote",
    "answered:questions": "every question in it",
    "answered:other": "not every question in it",
    "machine_only:other": "neither a bot nor an acknowledgement",
    "machine_only:ack": "an acknowledgement, no bot",
    "machine_only:bot": "a bot among them",
    "answered:opt_out": "who asks us to stop",
    "not_delivered:full": "the mailbox was full",
    "not_delivered:other": "for another reason",
    "pending:planned": "not begun",
}
"""A part of a disposition (rates.PARTS) in words."""
_STANDING = {rates.OPEN: "window open", rates.CLOSED: "window closed", rates.LOST: "window over, a deaf gap in it"}


def page(edition: Edition) -> dict[str, Any]:
    """What the template method.html needs."""
    studies = [(f"study-{place + 1}", study.title) for place, study in enumerate(edition.studies)]
    return {
        "contents": [*_CONTENTS, *studies, ("not-measured", "What is not measured"), ("data", "Data")],
        "terms": [DISPOSITIONS[word] for word in outcomes.DISPOSITIONS],
        "keys": list(KEYS.values()),
        "definitions": [(name, spell(counted), spell(of)) for name, (counted, of) in rates.RATES.items()],
        "formulas": [
            {"title": title, "name": f"{thing.__module__}.{thing.__name__}", "text": prose(inspect.getdoc(thing) or "")}
            for title, thing in FORMULAS
        ],
    }


def prose(text: str) -> Markup:
    """A docstring as HTML: paragraphs, lists of "- " items, `code`; a line that begins with "Source" stands alone."""
    made: list[Markup] = []
    for block in re.split(r"\n\s*\n|\n(?=Source)", text.strip()):
        lines = re.split(r"\n(?=- )", block)
        if all(line.startswith("- ") for line in lines):
            made.append(
                Markup("<ul>{}</ul>").format(
                    Markup().join(Markup("<li>{}</li>").format(_code(line[2:])) for line in lines)
                )
            )
        else:
            made.append(Markup("<p>{}</p>").format(_code(block)))
    return Markup().join(made)


def _code(text: str) -> Markup:
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return Markup().join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def spell(cells: Collection[int]) -> str:
    """A set of cells (rates.cells) in words: the dispositions in it, and where only some of their enquiries are."""
    parts: dict[tuple[str, ...], list[str]] = {}
    for part in rates.PARTS:
        every = {(a, s) for a in (0, 1) for s in _STANDING if rates.cell(part, a, s) in cells}
        if not every:
            continue
        limits = []
        standing = {s for _, s in every}
        if standing != {rates.CLOSED}:
            limits.append(" or ".join(_STANDING[s] for s in sorted(standing)))
        if {a for a, _ in every} == {1}:
            limits.append("that asked a question")
        parts.setdefault(tuple(limits), []).append(part)
    said = []
    for limited, names in parts.items():
        said.append(", ".join(_whole(names)) + (f" ({'; '.join(limited)})" if limited else ""))
    return "; ".join(said)


def _whole(names: list[str]) -> list[str]:
    """Parts by the name of their disposition where all of its parts are there."""
    found: list[str] = []
    for name in names:
        whole, _, rest = name.partition(":")
        siblings = [part for part in rates.PARTS if part.partition(":")[0] == whole]
        title = DISPOSITIONS[whole].title.lower()
        said = title if not rest or all(part in names for part in siblings) else f"{title} ({_PARTS[name]})"
        if said not in found:
            found.append(said)
    return found
