"""The page of a study: the first screen, the curve, the rates, what became of every enquiry, the businesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import words
from reports.charts.field import Cell, Group, field, scale
from reports.charts.marks import MARK_OF, strip
from reports.edition import Edition, Study
from reports.figures.model import Figures, Rate
from reports.pages import panels
from reports.pages.probes import Probe, grammar, mark_words
from reports.pages.terms import DISPOSITIONS, IN_RATE
from reports.pages.told import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One business in one study: its probes, oldest first, and its figures."""

    key: str
    name: str
    href: str
    probes: Sequence[Probe]
    told: Told
    group: str | None = None

    @property
    def strip(self) -> Markup:
        return strip((probe.mark for probe in self.probes), mark_words(self.probes))

    @property
    def fate(self) -> tuple[str, str]:
        """Mark and words of what became of its one enquiry."""
        for probe in self.probes:
            if probe.closed and probe.disposition in IN_RATE:
                return MARK_OF[probe.disposition], DISPOSITIONS[probe.disposition].title
        return "ours", "Not in the rate"

    @property
    def rate(self) -> Rate:
        found: Rate = self.told.at(f"windows.{self.told.figures.headline}.no_human")
        return found


def unit(key: str, edition: Edition, href: str, probes: Sequence[Probe], told: Told) -> Unit:
    """The business as its study shows it; one that the edition does not name goes by its key."""
    known = edition.units.get(key)
    name = (known.name if known else "") or key
    return Unit(key=key, name=name, href=href, probes=probes, told=told, group=known.group if known else None)


def order(one: Unit) -> tuple[Any, ...]:
    """Sorts businesses by what is sure about them: those with a rate by the far end of its interval (the share of
    silence that cannot be ruled out), then those too small for a rate by what happened, then those in no rate."""
    rate = one.rate
    if rate.interval is not None and rate.value is not None:
        return (0, rate.interval.high, rate.value, one.name.casefold(), one.key)
    first = min((probe.wait for probe in one.probes if probe.wait is not None), default=1 << 62)
    what = min((_RANK[probe.disposition] for probe in one.probes), default=len(_RANK))
    if rate.n:
        return (1, rate.count / rate.n, what, first, one.name.casefold(), one.key)
    return (2, what, first, one.name.casefold(), one.key)


_RANK = {word: place for place, word in enumerate((*IN_RATE, *(word for word in DISPOSITIONS if word not in IN_RATE)))}


def page(study: Study, told: Told, units: Sequence[Unit], edition: Edition, up: str) -> dict[str, Any]:
    """What the template study.html needs. `units` in the order shown; `up` leads from the page to the top."""
    figures = told.figures
    index = figures.headline
    now = figures.windows[index]
    single = figures.probes <= figures.businesses
    nouns = ("business", "businesses") if single else ("enquiry", "enquiries")
    window = study.headline
    most = max((len(one.probes) for one in units), default=0)
    groups = _groups(units, up)
    shown = [group for group in groups if group.cells]
    arrival, short = panels.controls(told)
    return {
        "study": study,
        "told": told,
        "head": f"windows.{index}",
        "figures": figures,
        "now": now,
        "single": single,
        "one": nouns[0],
        "many": nouns[1],
        "window": window,
        "lead": _lead(study, units, told, edition),
        "scope": _scope(study, figures),
        "field": field(shown, f"One mark for each {nouns[0]}", _in_words(told, index)) if shown else "",
        "each": scale(shown),
        "legend": panels.legend(told, index),
        "ledger": panels.ledger(told, index),
        "warnings": [
            one for one in (arrival if short else "", panels.doubt(told, index), panels.deaf(told, index)) if one
        ],
        "quiet": [*([] if short else [arrival]), panels.by_hand(told)],
        "rates": panels.rates(told, study),
        "within": panels.within(told),
        "table": panels.table(told),
        "contactable": panels.contactable(told),
        "curve": panels.curve(told, study.windows, study.headline, "curve"),
        "steps": panels.steps(told),
        "most": most,
        "stories": most <= 1,
        "units": units,
        "grammar": grammar([probe for one in units for probe in one.probes]),
    }


def _lead(study: Study, units: Sequence[Unit], told: Told, edition: Edition) -> Markup:
    """What was done to whom, when, how: plain words."""
    figures = told.figures
    sent = [probe.sent_at for one in units for probe in one.probes if probe.sent_at is not None]
    question = Markup("{}. ").format(study.question.strip().rstrip("."))
    if not sent:
        return question + "Nobody has been written to yet."
    many = told.count(f"windows.{figures.headline}.attempted")
    over, when = words.listing(study.channels), words.period(min(sent), max(sent), edition.timezone)
    one = figures.windows[figures.headline].attempted == 1
    if figures.probes <= figures.businesses:
        each = many + " business" if one else "each of " + many + " businesses"
        done = Markup("An enquiry to {} was attempted ({}), {}.").format(each, over, when)
    else:
        tried = many + (" enquiry was" if one else " enquiries were")
        firms = told.count("businesses") + (" business" if figures.businesses == 1 else " businesses")
        done = Markup("{} attempted in a study of {} ({}), {}.").format(tried, firms, over, when)
    wait = words.long(study.headline)
    return question + done + f" If no person had written back after {wait}, it counts as not answered."


def _scope(study: Study, figures: Figures) -> str:
    """Whom the figures speak of: never more than the frame allows."""
    if not study.frame_list:
        few = {0: "Speaks of no business yet.", 1: "Speaks of this one business only."}
        return few.get(figures.businesses, f"Speaks of these {words.count(figures.businesses)} businesses only.")
    drawn = {"all": "all of them", "random": "drawn at random", "convenience": "not drawn at random"}
    how = drawn.get(study.frame_drawn or "", study.frame_drawn or "")
    return f"Drawn from: {study.frame_list}{f' ({how})' if how else ''}."


def clip(name: str, most: int = 60) -> str:
    """A name short enough for a tip."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "\u2026"


def _groups(units: Sequence[Unit], up: str) -> list[Group]:
    """The field: those in the rate by what happened, then, apart, those that are not."""
    inside: dict[str, list[tuple[int, Cell]]] = {word: [] for word in IN_RATE}
    outside: dict[str, list[tuple[int, Cell]]] = {word: [] for word in DISPOSITIONS}
    for one in units:
        for probe in one.probes:
            which = inside if probe.closed and probe.disposition in IN_RATE else outside
            cell = Cell(probe.mark, f"\u2068{clip(one.name)}\u2069: {probe.says}", up + one.href)
            which[probe.disposition].append((probe.wait if probe.wait is not None else 1 << 62, cell))
    made = []
    for which, apart in ((inside, False), (outside, True)):
        for cells in which.values():
            made.append(Group([cell for _, cell in sorted(cells, key=lambda pair: pair[0])], apart))
    return made


def _in_words(told: Told, index: int) -> str:
    window = told.figures.windows[index]
    counts = {d.disposition: d for d in window.dispositions}
    said = [f"{counts[word].closed} {DISPOSITIONS[word].title.lower()}" for word in IN_RATE if word in counts]
    outside = sum(d.closed + d.open for d in window.dispositions) - window.no_human.n
    return f"{words.listing(said)}; {outside} not in the rate, standing apart."
