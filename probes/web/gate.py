"""Lets an enquiry out of the browser once for each time that we press the button, whatever the page does.

A page may post twice, fall back from one way to another, save drafts while we type or load itself again. Every request
that carries the message needs a ticket; `open` gives one, the first such request uses it up, the rest are held.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from probes.web.judge import Call

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request, Response, Route
    from playwright.sync_api import Page as Tab

_NOT_LETTERS = re.compile(r"[\W_]+")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_MARK = 40
_BODY = 20_000
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def mark_of(message: str) -> str:
    """What to recognise a message by, however it is encoded: the letters of its longest line."""
    lines = [_letters(line) for line in message.splitlines()]
    return max(lines, key=len, default="")[:_MARK]


def carries(mark: str, *texts: str) -> bool:
    """Whether one of these texts (an address, a body) holds the message, as it is or as a form or JSON encodes it."""
    if not mark:
        return False
    for text in texts:
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        if any(mark in _letters(one) for one in {text, plain, unquote_plus(text), unquote(plain)}):
            return True
    return False


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold()


class Gate:
    """Watches every request of a context. `calls`: those that carried the message and were let out, with answers."""

    def __init__(self, context: BrowserContext, message: str, leaving: Callable[[], None]) -> None:
        """`leaving` is called just before the message is let out."""
        self._context, self._mark, self._leaving = context, mark_of(message), leaving
        self._main: Tab | None = None
        self._tickets, self.typed = 0, False
        self._out: list[Request] = []
        self._arrived = False
        self.held = 0
        self.pending = 0
        context.on("request", self._began)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)

    def typing(self) -> None:
        """From now on what is sent may hold what we typed: before, no request is worth a look."""
        self.typed = True
        self._context.route("**/*", self._route)

    def only_from(self, tab: Tab) -> None:
        """What another tab sends (one that the page opened) is held in any case."""
        self._main = tab

    def open(self) -> None:
        """Let the message out once."""
        self._tickets = 1

    def close(self) -> None:
        self._tickets = 0

    @property
    def is_open(self) -> bool:
        return self._tickets > 0

    @property
    def used(self) -> bool:
        """Whether the message has gone out."""
        return bool(self._out)

    @property
    def landed(self) -> bool:
        """Whether what went out was a page load that has brought its page."""
        return bool(self._out) and all(one.is_navigation_request() for one in self._out) and self._arrived

    def calls(self) -> list[Call]:
        """What went out and how it was answered."""
        return [_call(request) for request in self._out]

    def _route(self, route: Route) -> None:
        request = route.request
        try:
            if not self._needs_ticket(request):
                route.continue_()
            elif self._tickets and request.frame.page is self._main:
                self._tickets -= 1
                self._out.append(request)
                self._leaving()
                route.continue_()
            else:
                self.held += 1
                route.abort("blockedbyclient")
        except Exception:  # the page is gone: so is its request
            with suppress(Exception):
                route.abort()

    def _needs_ticket(self, request: Request) -> bool:
        if request.method in _READS:
            return carries(self._mark, request.url)
        body = request.post_data_buffer
        if body is None:  # what it holds cannot be seen
            return True
        return request.is_navigation_request() or carries(self._mark, request.url, body.decode("utf-8", "replace"))

    def _began(self, _: Request) -> None:
        self.pending += 1

    def _ended(self, request: Request) -> None:
        self._arrived = self._arrived or (self.used and request.is_navigation_request() and request.failure is None)
        self.pending = max(0, self.pending - 1)


def _call(request: Request) -> Call:
    last = request
    while last.redirected_to is not None:
        last = last.redirected_to
    response: Response | None = None
    with suppress(Exception):
        response = last.response() if last.failure is None else None
    if response is None:
        return Call(
            method=request.method, url=request.url, kind=request.resource_type, fault=last.failure or "no answer"
        )
    body = ""
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not request.is_navigation_request():
        with suppress(Exception):
            body = response.text()[:_BODY]
    return Call(
        method=request.method, url=request.url, kind=request.resource_type, status=response.status,
        media_type=media_type, body=body,
    )  # fmt: skip
