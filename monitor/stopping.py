"""Somebody asks to be left alone, told by hand: what was written is understood before anything counts as done."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.addresses import spellings as every_spelling
from monitor.app import App
from monitor.errors import UsageError
from monitor.store.records import stop as stop_spellings
from monitor.store.records import targets

DOMAIN = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedByHand:
    """`new`: not on the list before; `businesses`: keys of those it keeps us from; `held_back`: planned contacts."""

    what: str
    new: bool
    businesses: tuple[str, ...]
    held_back: int


def stop(app: App, written: str, why: str) -> StoppedByHand:
    """Never contact `written` again: an address of any configured channel, or a mail domain with all below it.

    Raises UsageError when it is neither: a slip of the pen must not look as if somebody were left alone.
    """
    named = re.fullmatch(r"[^<>]*<([^<>]+)>", written.strip())  # as a mail program copies it: Jo <jo@shop.example>
    text = (named[1] if named else written).strip().removeprefix("@").rstrip(".")
    reasons = []
    for channel in app.config.channels.values():
        try:
            channel.kind.normalise(text)
        except ValueError as error:
            reasons.append(str(error))
    if len(reasons) == len(app.config.channels) and not DOMAIN.fullmatch(text):
        raise UsageError(
            f"nothing was stopped: {'; '.join(dict.fromkeys(reasons))}. Write an address or a mail domain, such as "
            "info@shop.example or shop.example"
        )
    done = stop_spellings(app.store, app.spellings(text), why, app.clock())
    domains = tuple(one for one in every_spelling(text) if "@" not in one)
    within = {
        target.business
        for target in targets(app.store, app.config.channels)
        if target.scope in domains or target.scope.endswith(tuple(f".{domain}" for domain in domains))
    }
    return StoppedByHand(
        what=text, new=done.new, businesses=tuple(sorted({*done.businesses, *within})), held_back=done.contacts
    )
