"""Looks at pages as a probe of a form would, and goes no further: reads, decides, never fills or submits.

A saved page is looked at by itself. From an address without a contact form the likeliest links of the same site are
followed, as a probe follows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.errors import UsageError
from probes import guard
from probes.contract import ProbeError
from probes.web import contact, reading, refusal
from probes.web.answers import Inspection, Published

FOLLOWED = 3
"""Links that are followed from a page without a contact form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found at one target; `problem` when it could not be read. `via`: the contact page that a link led to."""

    target: str
    inspection: Inspection | None = None
    published: Published = field(default_factory=Published)
    via: str | None = None
    problem: str = ""

    def plain(self) -> dict[str, Any]:
        """The object that the command line prints for it."""
        assert self.inspection is not None
        found = self.inspection
        return {
            "page": self.target,
            "forms": [
                {"index": one.index, "type": one.type, "score": one.score, "reasons": list(one.reasons)}
                for one in found.choice.forms
            ],
            "chosen": found.choice.chosen,
            "fields": dict(found.fields),
            "captcha": found.captcha,
            "verdict": found.verdict,
            "reasons": list(found.reasons),
            "via": self.via,
            "mails": list(self.published.mails),
            "numbers": list(self.published.numbers),
        }


def inspect(
    targets: Iterable[str],
    *,
    browser: str | None = None,
    live: bool = False,
    proxy: str | None = None,
    timeout: int = reading.PAGE,
) -> Iterator[Inspected]:
    """Looks at saved pages and addresses, in order. `proxy`: through which addresses outside this machine are fetched.

    Raises UsageError for an address that is none or is out of reach, NoBrowser.
    """
    targets = list(targets)
    for target in targets:
        if reading.is_address(target):
            _within_reach(target, live=live and proxy is not None)
        elif "://" in target:
            raise UsageError(f"{target}: only http and https can be opened")
        elif not Path(target).is_file():
            raise UsageError(f"{target}: there is no such file")
    for one in reading.read(targets, configured=browser, proxy=proxy, timeout=timeout):
        if one.page is None:
            yield Inspected(target=one.target, problem=one.problem)
            continue
        found = Inspected(
            target=one.target, inspection=refusal.inspect(one.page), published=contact.published(one.page)
        )
        if reading.is_address(one.target):
            found = _followed(found, browser=browser, proxy=proxy, timeout=timeout)
        yield found


def _within_reach(url: str, *, live: bool) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
        guard.targets(parts.hostname or "", port, live=live)
    except (ValueError, ProbeError) as error:
        raise UsageError(f"{url}: {error}") from error


def _followed(found: Inspected, *, browser: str | None, proxy: str | None, timeout: int) -> Inspected:
    """The first page behind the likeliest links that has a contact form; the page itself when none has."""
    first = found.inspection
    if first is None or first.verdict != "no_form":
        return found
    urls = [link.href for link in found.published.links[:FOLLOWED]]
    for one in reading.read(urls, configured=browser, proxy=proxy, timeout=timeout):
        if one.page is None:
            continue
        inspection = refusal.inspect(one.page)
        there = contact.published(one.page)
        found = Inspected(target=found.target, inspection=found.inspection, published=_together(found.published, there))
        if inspection.verdict != "no_form":
            return Inspected(target=found.target, inspection=inspection, published=found.published, via=one.target)
    return found


def _together(one: Published, other: Published) -> Published:
    return Published(
        mails=tuple(dict.fromkeys((*one.mails, *other.mails))),
        numbers=tuple(dict.fromkeys((*one.numbers, *other.numbers))),
        links=one.links,
    )
