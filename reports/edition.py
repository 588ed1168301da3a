"""What a page needs beside the outcome table: words about the study, and what was heard, already redacted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One exact text that was sent, placeholders unfilled."""

    scenario: str
    language: str
    subject: str
    body: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A business as the page may show it: `name` is its code where names are off."""

    key: str
    name: str
    sector: str | None = None
    country: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One arrival of a probe: what it was taken for and why. `text` is redacted, and hostile all the same."""

    at: int
    kind: str
    standing: str
    key: str
    strong: bool
    reasons: tuple[str, ...]
    text: str
    junk: bool = False
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A frozen study in words. Durations are int microseconds; `headline` is one of `windows`."""

    id: str
    version: int
    sha256: str
    frozen_at: int
    title: str
    question: str
    channels: tuple[str, ...]
    windows: tuple[int, ...]
    headline: int
    design: str
    schedule: str
    frame_list: str | None
    frame_drawn: str | None
    texts: tuple[Text, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Everything one site is made from, beside the outcome table. `now` is the moment the figures are of."""

    id: str
    now: int
    studies: tuple[Study, ...]
    units: Mapping[str, Unit]
    events: Mapping[str, tuple[Event, ...]]
    names: bool
    timezone: str = "UTC"
    language: str = "en"
    contact: str = ""
    note: str = ""  # shown on top of every page: a sandbox says so
    rules: str = ""
    software: str = ""
    warnings: tuple[str, ...] = field(default=())
