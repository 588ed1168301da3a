"""Simulated businesses that are reached by number, and what a correct measurement of them must find."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

from probes.sandbox.behaviours import Truth, time_of, truth_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What it does `after` it was contacted: a message, or a call where `text` is None."""

    after: timedelta
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One business with a number; `channel` is its name in the demo's config. `planted` says in words what it does."""

    key: str
    name: str
    channel: str
    number: str
    planted: str
    truth: Truth
    fate: str = "delivered"
    picks_up: str = "human"
    says: tuple[Saying, ...] = ()
    country: str = "GB"
    language: str = "en"
    timezone: str = "Europe/London"

    @property
    def takes(self) -> int:
        """How many contacts the provider makes when all goes well."""
        return 1


def callers() -> tuple[Caller, ...]:
    """All of them. Raises TypeError or ValueError when `callers.toml` says something else."""
    text = files("probes.sandbox").joinpath("callers.toml").read_text(encoding="utf-8")
    return tuple(_caller(row) for row in tomllib.loads(text)["caller"])


def _caller(row: Mapping[str, Any]) -> Caller:
    known = dict(row)
    says = tuple(Saying(after=time_of(one["after"]), text=one.get("text")) for one in known.pop("says", ()))
    return Caller(truth=truth_of(known.pop("truth")), says=says, **known)
