"""Looks at pages as a probe of a form would, and goes no further: reads, decides, never fills or submits.

A saved page is looked at by itself. From an address without a contact form the likeliest links of the same site are
followed, as a probe follows them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.errors import UsageError
from probes.web import contact, reading, refusal
from probes.web.answers import Choice, Inspection, Published
from probes.web.proxy import ForwardProxy
from probes.web.reach import Reach
from probes.web.robots import Robots, fetch_through

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
    targets: Iterable[str], *, browser: str | None = None, live: bool = False, timeout: int = reading.PAGE
) -> Iterator[Inspected]:
    """Looks at saved pages and addresses, in order; addresses as a probe would, through the forward proxy and by leave
    of robots.txt: without `live` those of this machine only, with it public ones only.

    Raises UsageError for an address that is none or is out of reach, NoBrowser.
    """
    targets = list(targets)
    reach = Reach(live=live)
    for target in targets:
        if reading.is_address(target):
            _within_reach(target, reach)
        elif "://" in target:
            raise UsageError(f"{target}: only http and https can be opened")
        elif not Path(target).is_file():
            raise UsageError(f"{target}: there is no such file")
    with ExitStack() as stack:
        led = _Led(stack.enter_context(ForwardProxy(reach))) if any(map(reading.is_address, targets)) else None
        allowed = [target for target in targets if led is None or led.refusal(target) is None]
        read = reading.read(allowed, configured=browser, proxy=led.proxy if led else None, timeout=timeout)
        for target in targets:
            if led is not None and (why := led.refusal(target)) is not None:
                yield _disallowed(target, why)
                continue
            one = next(read)
            if one.page is None:
                yield Inspected(target=one.target, problem=one.problem)
                continue
            found = Inspected(
                target=one.target, inspection=refusal.inspect(one.page), published=contact.published(one.page)
            )
            if led is not None and reading.is_address(one.target):
                found = _followed(found, led, browser=browser, timeout=timeout)
            yield found


class _Led:
    """How addresses are reached: through which proxy, and whether robots.txt lets us."""

    def __init__(self, proxy: ForwardProxy) -> None:
        where = f"127.0.0.1:{proxy.port}"
        self.proxy = f"http://{where}"
        self._robots = Robots(fetch_through(where, timeout=15), elapsed=time.monotonic)

    def refusal(self, target: str) -> str | None:
        """Why robots.txt keeps us from it; None when it does not, or for a file."""
        return self._robots.refusal(target) if reading.is_address(target) else None


def _within_reach(url: str, reach: Reach) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from error
    if not parts.hostname:
        raise UsageError(f"{url}: names no host")
    why = reach.why_not(parts.hostname, port)
    if why is not None:
        raise UsageError(f"{url}: {why}")


def _disallowed(url: str, why: str) -> Inspected:
    choice = Choice(forms=(), chosen=None, reasons=())
    found = Inspection(page=url, choice=choice, fields={}, captcha=None, verdict="blocked", reasons=(why,))
    return Inspected(target=url, inspection=found)


def _followed(found: Inspected, led: _Led, *, browser: str | None, timeout: int) -> Inspected:
    """The first page behind the likeliest links that has a contact form; the page itself when none has."""
    first = found.inspection
    if first is None or first.verdict != "no_form":
        return found
    urls = [link.href for link in found.published.links[:FOLLOWED] if led.refusal(link.href) is None]
    for one in reading.read(urls, configured=browser, proxy=led.proxy, timeout=timeout):
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
