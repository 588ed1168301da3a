"""The page of a business: every enquiry as a line, what came in and what it was taken for, and its own curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import words
from reports.edition import Edition, Study
from reports.pages import panels
from reports.pages.probes import Probe, eligible, grammar
from reports.pages.told import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one study knows of the business."""

    study: Study
    repeated: bool
    href: str
    told: Told
    probes: Sequence[Probe]

    @property
    def head(self) -> str:
        return f"windows.{self.told.figures.headline}"

    @property
    def window(self) -> int:
        return self.study.headline

    @property
    def channels(self) -> list[tuple[str, list[Probe]]]:
        """Probes channel by channel, oldest first."""
        made: dict[str, list[Probe]] = {}
        for probe in self.probes:
            made.setdefault(probe.channel, []).append(probe)
        return sorted(made.items())

    @property
    def story(self) -> str:
        """One sentence for a business that is too small for a rate."""
        if len(self.probes) == 1:
            probe = self.probes[0]
            sent = f"One enquiry, sent on {probe.moment}" if probe.moment else "One enquiry"
            return f"{sent}. {probe.says[:1].upper()}{probe.says[1:]}."
        closed = eligible(self.probes)
        sent = words.plural(len(self.probes), "enquiry", "enquiries")
        return f"{sent}, {closed or 'none'} of them in the rate: too few to give one."

    @property
    def curve(self) -> Markup:
        return panels.curve(self.told, self.study.windows, self.window, f"curve-{self.told.root.replace('.', '-')}")

    @property
    def doubt(self) -> Markup:
        return panels.doubt(self.told, self.told.figures.headline)

    @property
    def came_back(self) -> Markup:
        return panels.came_back(self.told, self.told.figures.headline)

    @property
    def grammar(self) -> list[tuple[str, str]]:
        return grammar(self.probes)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return panels.steps(self.told)


def page(key: str, parts: Sequence[Part], edition: Edition) -> dict[str, Any]:
    """What the template business.html needs."""
    known = edition.units.get(key)
    facts = [known.sector, known.country, known.group] if known else []
    return {
        "key": key,
        "name": (known.name if known else "") or key,
        "facts": [fact for fact in facts if fact],
        "parts_of": parts,
    }
