"""What the demo found: planted truth beside what was measured, business by business, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.terminal import Terminal, lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of one business: planted, or measured.

    `dispositions` has one word for each window; `first_answer` is the time from acceptance to the first answer of a
    person; `taken` is how often the business's server took the enquiry.
    """

    dispositions: tuple[str, ...]
    first_reply: str | None
    first_answer: timedelta | None
    marks: tuple[str, ...]
    taken: int

    def __str__(self) -> str:
        """ "unanswered > answered > answered; human; 3 d 04:18:30"."""
        steps = self.dispositions if len(set(self.dispositions)) > 1 else self.dispositions[:1]
        parts = [" > ".join(steps), self.first_reply, to_the_second(self.first_answer), *self.marks]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One business: what was planted beside what was measured; `measured` is None when nothing was."""

    key: str
    name: str
    behaviour: str
    windows: tuple[timedelta, ...]
    planted: Found
    measured: Found | None

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs, each in words; empty when all is as planted."""
        if self.measured is None:
            return ("nothing was measured",)
        pairs: list[tuple[str, object, object]] = [
            (f"after {lasting(window)}", planted, measured)
            for window, planted, measured in zip(
                self.windows, self.planted.dispositions, self.measured.dispositions, strict=True
            )
        ]
        pairs += [
            ("first reply", self.planted.first_reply, self.measured.first_reply),
            ("first answer", to_the_second(self.planted.first_answer), to_the_second(self.measured.first_answer)),
            ("on record", ", ".join(self.planted.marks), ", ".join(self.measured.marks)),
            ("enquiries taken", self.planted.taken, self.measured.taken),
        ]
        return tuple(
            f"{what}: planted {_word(planted)}, measured {_word(measured)}"
            for what, planted, measured in pairs
            if planted != measured
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The headline at one window: (no answer of a person, of how many businesses), planted and published."""

    window: timedelta
    planted: tuple[int, int]
    published: tuple[int, int]

    @property
    def same(self) -> bool:
        return self.planted == self.published

    def __str__(self) -> str:
        planted, published = (f"{silent} of {asked}" for silent, asked in (self.planted, self.published))
        return f"no person answered within {lasting(self.window)}: planted {planted}, published {published}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo found. `problems` concern no single business: what `verify` says, what could not be heard.

    `since` and `until`: the time that was simulated; `mails`: how many came back in it. `notes`: what was left out.
    """

    page: Path
    lines: tuple[Line, ...]
    headlines: tuple[Headline, ...]
    problems: tuple[str, ...]
    since: datetime
    until: datetime
    mails: int
    notes: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[Line, ...]:
        """The businesses that were not measured as planted."""
        return tuple(line for line in self.lines if line.differences)

    @property
    def exit_code(self) -> int:
        """0: all is as planted; 1: something differs."""
        same = all(headline.same for headline in self.headlines) and not self.differing
        return 0 if same and not self.problems else 1


def show(result: DemoResult, terminal: Terminal) -> None:
    """Print planted beside measured, then what differs and where the page is; with --json, one object a business."""
    for line in result.lines:
        terminal.record(_record(line))
    terminal.table(
        "Planted truth beside what was measured (after 24 h > 7 d > 30 d; first reply; time to a person's answer)",
        ("business", "what it does", "planted", "measured", "same"),
        [
            (line.name, line.behaviour, str(line.planted), str(line.measured or "nothing"), _same(line))
            for line in result.lines
        ],
        styles=_style,
    )
    for line in result.differing:
        terminal.warn(f"{line.key} differs: {'; '.join(line.differences)}")
    for problem in result.problems:
        terminal.warn(problem)
    for note in result.notes:
        terminal.warn(note)
    for headline in result.headlines:
        (terminal.say if headline.same else terminal.warn)(f"{str(headline).capitalize()}.")
    same = len(result.lines) - len(result.differing)
    terminal.say(
        f"{same} of {len(result.lines)} businesses were measured as planted. "
        f"{result.mails} mails came back in {(result.until - result.since).days} simulated days."
    )
    terminal.say(f"The scorecard: {result.page}")
    terminal.record(
        {
            "businesses": len(result.lines),
            "as_planted": same,
            "headlines": [
                {"window_seconds": one.window.total_seconds(), "planted": one.planted, "published": one.published}
                for one in result.headlines
            ],
            "problems": list(result.problems),
            "notes": list(result.notes),
            "page": result.page,
            "since": result.since,
            "until": result.until,
        }
    )


def to_the_second(span: timedelta | None) -> str:
    """ "3 d 04:18:30"; empty for None."""
    if span is None:
        return ""
    hours, rest = divmod(int(span.total_seconds()) % 86400, 3600)
    clock = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    part = f".{span.microseconds:06}" if span.microseconds else ""
    return f"{span.days} d {clock}{part}" if span.days else clock + part


def _word(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def _same(line: Line) -> str:
    return "no" if line.differences else "yes"


def _style(row: Sequence[object]) -> str | None:
    return None if row[-1] == "yes" else "bold red"


def _record(line: Line) -> dict[str, Any]:
    return {
        "business": line.key,
        "name": line.name,
        "behaviour": line.behaviour,
        "planted": _plain(line.planted),
        "measured": None if line.measured is None else _plain(line.measured),
        "differences": list(line.differences),
    }


def _plain(found: Found) -> dict[str, Any]:
    return {
        "dispositions": list(found.dispositions),
        "first_reply": found.first_reply,
        "first_answer_seconds": None if found.first_answer is None else found.first_answer.total_seconds(),
        "marks": list(found.marks),
        "taken": found.taken,
    }
