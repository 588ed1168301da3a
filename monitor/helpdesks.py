"""Help desks that send for many businesses from one domain: which one a domain is, and whose desk. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class HelpDesk:
    """One provider; `shows` says how the business shows in its mail (see helpdesks.toml)."""

    name: str
    domains: tuple[str, ...]
    shows: frozenset[str]
    places: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desk:
    """One domain of a help desk. `tenant`: what stands before the provider's own domain, without its places."""

    provider: HelpDesk
    tenant: str


SHOWS = frozenset({"subdomain", "local_part", "name", "reply_to"})


def desk_of(domain: str) -> Desk | None:
    """The help desk that a domain belongs to; None for all others, also where its name only stands inside."""
    known = _known()
    labels = domain.strip().strip(".").lower().split(".")
    for start in range(len(labels) - 1):  # the longest first: "inbox.desk.example" before "desk.example"
        provider = known.get(".".join(labels[start:]))
        if provider is not None:
            before = labels[:start]
            while before and before[-1] in provider.places:
                before.pop()
            return Desk(provider, ".".join(before))
    return None


@cache
def _known() -> dict[str, HelpDesk]:
    tables = tomllib.loads(resources.files("monitor").joinpath("helpdesks.toml").read_text("utf-8"))["desk"]
    desks = [
        HelpDesk(one["name"], tuple(one["domains"]), frozenset(one["shows"]), frozenset(one.get("places", ())))
        for one in tables
    ]
    return {domain: desk for desk in desks for domain in desk.domains}
