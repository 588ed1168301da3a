"""Figures as pages tell them: every number carries the path under which `data/figures.json` holds it.

`<span data-figure="studies.0.figures.windows.1.no_human.count" data-value="17">17</span>`: the value is exact (JSON),
the text rounded. So `verify` compares what a page shows with the published data, number by number.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from reports import words
from reports.figures.model import Figures, Interval, Rate


def study_root(study: int) -> str:
    """Where figures.json holds the figures of the study at this place in the edition."""
    return f"studies.{study}.figures"


def business_root(study: int, business: int) -> str:
    """Where it holds those of a business: its place among the study's businesses, in the order of their keys."""
    return f"{study_root(study)}.per_business.{business}"


class Told:
    """Tells the figures that stand under `root`; paths are relative: "windows.1.no_human"."""

    def __init__(self, root: str, figures: Figures) -> None:
        self.root, self.figures = root, figures

    def at(self, path: str) -> Any:
        """The value at a path of attributes and indices."""
        found: Any = self.figures
        for part in path.split("."):
            found = found[int(part)] if part.isdigit() else getattr(found, part)
        return found

    def tag(self, path: str, text: str) -> Markup:
        """That text, marked as what this figure says."""
        return Markup('<span data-figure="{}" data-value="{}">{}</span>').format(
            f"{self.root}.{path}", _exact(self.at(path)), text
        )

    def count(self, path: str) -> Markup:
        return self.tag(path, words.count(self.at(path)))

    def share(self, path: str) -> Markup:
        """A share that stands alone in figures.json (no interval of its own)."""
        return self.tag(path, words.percent(self.at(path)))

    def wait(self, path: str) -> Markup:
        """A duration, or "not reached"."""
        at = self.at(path)
        return self.tag(path, "not reached" if at is None else words.duration(at))

    def counts(self, path: str) -> Markup:
        """ "17 of 29"."""
        return self.count(f"{path}.count") + " of " + self.count(f"{path}.n")

    def value(self, path: str) -> Markup:
        """ "59 %", or "no rate"."""
        rate: Rate = self.at(path)
        return Markup("no rate") if rate.value is None else self.tag(f"{path}.value", words.percent(rate.value))

    def ends(self, path: str, between: str = words.DASH) -> Markup:
        """ "41-74 %" of the interval at this path; `between` stands between its ends."""
        interval: Interval = self.at(path)
        low, high = words.ends(interval.low, interval.high)
        return self.tag(f"{path}.low", low) + between + self.tag(f"{path}.high", high) + f"{words.THIN}%"

    def rate(self, path: str, noun: str = "") -> Markup:
        """A rate as it must be read: "17 of 29 businesses, 59 % (41-74 %)"; without a value the counts and why."""
        rate: Rate = self.at(path)
        said = self.counts(path) + (f" {noun}" if noun else "")
        if rate.value is None:
            return said
        said += ", " + self.value(path)
        return said + (" (" + self.ends(f"{path}.interval") + ")" if rate.interval is not None else "")


def _exact(value: Any) -> str:
    """A value as JSON writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
