"""The parts of a study's page that are made of its figures alone: legend, ledger, rates, curve and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import words
from reports.charts import curve as curves
from reports.charts.marks import MARK_OF
from reports.edition import Study
from reports.figures.model import Curve
from reports.figures.summary import NOT_JUDGED
from reports.pages.terms import DISPOSITIONS, IN_RATE
from reports.pages.told import Told

DOUBT = 0.05
"""A share of undetermined probes above this is told on top of the page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A count with its name; `total`: the sum of what stands above, or what is left of it."""

    title: str
    count: str
    mark: str = ""
    total: bool = False


def doubt(told: Told, index: int) -> Markup:
    """A warning where many enquiries are undetermined: how many, beside how many in the rate; else nothing."""
    window = told.figures.windows[index]
    if window.undetermined_share <= DOUBT:
        return Markup()
    place, found = next((i, d) for i, d in enumerate(window.dispositions) if d.disposition == "undetermined")
    many = told.count(f"windows.{index}.dispositions.{place}.closed")
    said = many + (" enquiry is undetermined" if found.closed == 1 else " enquiries are undetermined")
    if not window.no_human.n:
        return said + " and none is in the rate: there is a worst and a best case, and nothing between them."
    beside, share = told.count(f"windows.{index}.no_human.n"), told.share(f"windows.{index}.undetermined_share")
    return said + Markup(
        " beside the {} in the rate, {} of both together: read the rate together with its worst and best case."
    ).format(beside, share)


def deaf(told: Told, index: int) -> Markup:
    """A warning where much was not heard, or sent with an unknown fate: how many, and that it is our fault."""
    window = told.figures.windows[index]
    found = {d.disposition: (place, d.closed) for place, d in enumerate(window.dispositions)}
    unheard, unknown = (found.get(word, (0, 0))[1] for word in ("not_heard", "unknown"))
    if unheard + unknown <= DOUBT * (window.no_human.n + unheard + unknown):
        return Markup()
    said = [
        told.count(f"windows.{index}.dispositions.{found[word][0]}.closed") + words_for
        for word, many, words_for in (
            ("not_heard", unheard, " because we may have been deaf"),
            ("unknown", unknown, " because nobody knows whether they were accepted"),
        )
        if many
    ]
    return Markup("Part of this is our own failure, and no silence of theirs. Left out of the rate: {}.").format(
        Markup(" and ").join(said)
    )


def controls(told: Told) -> tuple[Markup, bool]:
    """Whether our mail arrives, by mailboxes of our own; True where it falls short and must stand on top."""
    found = told.figures.controls
    if found is None or not found.sent:
        return Markup("No mailbox of our own was written to, so nobody can say how much of our mail arrives."), False
    sent, arrived = told.count("controls.sent"), told.count("controls.arrived")
    mails = " test mail" if found.sent == 1 else " test mails"
    said = Markup("Of {} to mailboxes of our own, sent like the enquiries, {} arrived within a day").format(
        sent + mails, arrived
    )
    if found.junk:
        said += Markup(", {} of them in a junk folder").format(told.count("controls.junk"))
    if found.arrived == found.sent and not found.junk:
        return said + ".", False
    return said + ": part of the silence below may be ours, and none of theirs.", True


def came_back(told: Told, index: int) -> Markup:
    """How many enquiries were refused after they had been accepted, and what they count in; nothing where none was."""
    head = f"windows.{index}"
    back, full = (told.at(f"{head}.{name}").count for name in ("refused_after_accepting", "mailbox_full"))
    if not back:
        return Markup()
    said = told.count(f"{head}.refused_after_accepting.count") + (" enquiry was" if back == 1 else " enquiries were")
    said += " refused after being accepted"
    if full and full == back:
        said += ", because the mailbox was full"
    elif full:
        said += Markup(", {} of them because the mailbox was full").format(told.count(f"{head}.mailbox_full.count"))
    return said + Markup(
        ". That is no silence, so it stays out of the rate; counting every reason on the business\u2019s side, "
        "no person answered {}."
    ).format(told.counts(f"{head}.no_human_their_side"))


def by_hand(told: Told) -> Markup:
    """How many enquiries a person decided about."""
    if not told.figures.by_hand:
        return Markup("A person decided about none of these enquiries: every verdict is the rules\u2019.")
    many = told.count("by_hand") + (" enquiry" if told.figures.by_hand == 1 else " enquiries")
    return Markup("A person decided about {} of {}.").format(many, told.count("probes"))


def legend(told: Told, index: int) -> list[Line]:
    """What is in the rate, counted."""
    found = {d.disposition: place for place, d in enumerate(told.figures.windows[index].dispositions)}
    return [
        Line(DISPOSITIONS[word].title, told.count(f"windows.{index}.dispositions.{found[word]}.closed"), MARK_OF[word])
        for word in IN_RATE
        if word in found
    ]


def ledger(told: Told, index: int) -> list[Line]:
    """From everything planned to what is in the rate: the sums, and between them what is left out and why."""
    window = told.figures.windows[index]
    found = {d.disposition: (place, d) for place, d in enumerate(window.dispositions)}
    never = sum(d.closed + d.open for word, (_, d) in found.items() if word in _NEVER)
    planned = told.figures.probes - never - window.attempted
    lines: list[Line] = []

    def line(word: str) -> None:
        place, d = found[word]
        term, path = DISPOSITIONS[word], f"windows.{index}.dispositions.{place}"
        if word in IN_RATE:
            if d.open:
                title = f"{_SHORT[word]}, not closed"
                lines.append(Line(title, told.count(f"{path}.open"), term.mark))
        elif word == "pending" and planned:
            if d.closed + d.open > planned:
                lines.append(Line(term.title, words.count(d.closed + d.open - planned), term.mark))
        elif d.closed or d.open:
            amount = [told.count(f"{path}.{part}") for part in ("closed", "open") if getattr(d, part)]
            lines.append(Line(term.title, Markup(" + ").join(amount) + (" open" if len(amount) > 1 else ""), term.mark))

    if never or planned:
        lines.append(Line("In the study", told.count("probes"), total=True))
    for word in _NEVER:
        if word in found:
            line(word)
    if planned:
        lines.append(Line("Not sent yet", words.count(planned), "unsent"))
    lines.append(Line("Attempted", told.count(f"windows.{index}.attempted"), total=True))
    for word in DISPOSITIONS:
        if word in found and word not in _NEVER:
            line(word)
    lines.append(Line("In the rate", told.count(f"windows.{index}.no_human.n"), total=True))
    return lines


_SHORT = {"answered": "Answered", "machine_only": "Machine only", "unanswered": "Nobody"}
_NEVER = ("not_contactable", "suppressed")
"""Dispositions of enquiries that were never attempted."""


def rates(told: Told, study: Study) -> list[dict[str, Any]]:
    """Every rate as a row: where it stands, what it is called, its colour, and what it counts in words."""
    index = told.figures.headline
    head = f"windows.{index}"
    rows: list[dict[str, Any]] = [
        {
            "path": f"windows.{place}.no_human",
            "title": f"No person within {words.long(window)}",
            "colour": "silence",
            "means": "machine only or nobody, of those and the answered, window closed",
            "strong": place == index,
        }
        for place, window in enumerate(study.windows)
    ]
    rows += [
        {"path": f"{head}.{name}", "title": title, "colour": colour, "means": means, "strong": False}
        for name, title, colour, means in (
            ("no_human_their_side", "No person, any reason on their side", "silence", "refusals and bounces count too"),
            ("worst", "Worst case", "ours", "every unclear, unheard or unknown one counted as silent"),
            ("best", "Best case", "ours", "\u2026 and as answered"),
            ("machine_only", "Only a machine", "machine", "an automatic reply and no person"),
            ("any_reply", "Any reply at all", "machine", "a person or a machine"),
            ("answered_question", "Every question answered", "person", "of those that asked something"),
            (
                "refused_after_accepting",
                "Came back after being accepted",
                "ours",
                "of those in the rate and those that came back",
            ),
            ("mailbox_full", "\u2026 because the mailbox was full", "ours", "of the same"),
        )
    ]
    judged = told.figures.windows[index].answered_question.hidden != NOT_JUDGED
    return [row for row in rows if judged or not row["path"].endswith("answered_question")]


def within(told: Told) -> list[dict[str, Any]]:
    """Answered by a person within each of the fixed times: rows as those of rates()."""
    return [
        {"path": f"within.{place}", "title": f"Within {rate.name}", "colour": "person", "means": "", "strong": False}
        for place, rate in enumerate(told.figures.within)
    ]


def curve(told: Told, windows: Sequence[int], headline: int, ident: str) -> Markup:
    """The curve, or nothing where it says nothing."""
    human, either = told.figures.human, told.figures.any
    if human.hidden or not human.n:
        return Markup()
    after = [(window, curves.at(human, window)) for window in windows]
    said = [
        f"{words.percent(human.share[step]) if step >= 0 else 'nobody'} after {words.long(window)}"
        if curves.known(human, window)
        else f"not known after {words.long(window)}"
        for window, step in after
    ]
    return curves.curve(
        human,
        either,
        windows,
        headline,
        ident,
        "Share answered by a person within a time after sending",
        f"Of {human.n} enquiries: {words.listing(said)}. The dashed line is any reply, by a person or a machine.",
    )


def steps(told: Told) -> list[dict[str, Any]]:
    """The curve as a table: at each tick of the axis, the shares that hold there; none where nobody was followed."""
    human, either = told.figures.human, told.figures.any
    rows = []
    for place, (t, _) in enumerate(human.risk):
        step = curves.at(human, t)
        rows.append(
            {
                "after": words.long(t),
                "waiting": told.count(f"human.risk.{place}.1"),
                "share": _share(told, "human", human, t),
                "band": told.tag(f"human.low.{step}", words.ends(human.low[step], 0)[0])
                + words.DASH
                + told.tag(f"human.high.{step}", words.percent(human.high[step]))
                if step >= 0 and curves.known(human, t)
                else "",
                "either": _share(told, "any", either, t),
            }
        )
    return rows


def _share(told: Told, path: str, line: Curve, t: int) -> str:
    if not curves.known(line, t):
        return words.DASH
    step = curves.at(line, t)
    return told.share(f"{path}.share.{step}") if step >= 0 else words.percent(0)


def table(told: Told) -> list[dict[str, Any]]:
    """The disposition table: a row for each disposition that occurs, counts for every window."""
    rows = []
    for word, term in DISPOSITIONS.items():
        cells = []
        for place, window in enumerate(told.figures.windows):
            found = next((i for i, d in enumerate(window.dispositions) if d.disposition == word), None)
            path = f"windows.{place}.dispositions.{found}"
            cells.append(
                (told.count(f"{path}.closed"), told.count(f"{path}.open")) if found is not None else ("0", "0")
            )
        if any(d.disposition == word and d.closed + d.open for w in told.figures.windows for d in w.dispositions):
            rows.append({"term": term, "cells": cells, "counts": word in IN_RATE})
    return rows


def contactable(told: Told) -> list[dict[str, Any]]:
    """How many can be reached at all, channel by channel."""
    return [
        {"channel": rate.name, "path": f"contactability.{place}"}
        for place, rate in enumerate(told.figures.contactability)
    ]
