"""Whether a due probe may be sent. Pure: no store, clock or wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.facts import Allowed, Contacted, Due, Refused
from monitor.studies import PolicySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """Who said stop: addresses, scopes and business keys never to be contacted again, on any channel."""

    addresses: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    businesses: frozenset[str] = frozenset()


def decide(
    dues: Sequence[Due],
    *,
    settings: PolicySettings,
    bases: Mapping[str, frozenset[str]],
    contacted: Iterable[Contacted],
    suppressed: Suppressed,
    now: datetime,
    ends: Mapping[str, datetime | None] | None = None,
) -> list[Allowed | Refused]:
    """One decision a due, in the order given; each Allowed counts against the caps of those after it. In the making."""
    raise NotImplementedError
