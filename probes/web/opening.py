"""Opens a page to be read: a saved file with the network off, or an address through the caller's proxy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from probes.contract import ProbeError
from probes.web.browser import clean_context

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route
    from playwright.sync_api import Page as BrowserPage

MOST_BYTES = 30_000_000
LOADED = 3_000
"""How long a page may go on loading after its text is there, in milliseconds."""
SETTLED = 250
"""How long its scripts may then go on building, in milliseconds."""


class Unreadable(ProbeError):  # noqa: N818 - named by what happened
    """This page cannot be read; others may."""


@contextmanager
def saved(browser: Browser, path: Path, *, timeout: int, scripts: bool = True) -> Iterator[BrowserPage]:
    """A saved page, whatever its name ends with. Its scripts run (`scripts`), what they ask for does not leave here.

    `timeout` in milliseconds. Raises Unreadable.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})", permanent=True) from error
    if len(body) > MOST_BYTES:
        raise Unreadable(f"is larger than {MOST_BYTES // 1_000_000} MB", permanent=True)
    url = path.resolve().as_uri()
    kind = content_type(body)
    given = False

    def serve(route: Route) -> None:
        nonlocal given
        if not given:  # the first that is asked for is the page itself, however the browser writes its address
            given = True
            route.fulfill(body=body, content_type=kind)
        else:
            route.abort("aborted")  # an aborted navigation leaves the page as it is; any other failure replaces it

    context = clean_context(browser, offline=True, java_script_enabled=scripts)
    try:
        context.route("**/*", serve)
        context.route_web_socket("**/*", lambda socket: socket.close())
        yield _open(context, url, timeout)
    finally:
        _close(context)


def content_type(body: bytes) -> str:
    """How a saved page is to be decoded: many are saved as UTF-8 whatever their mark-up still says."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "text/html"
    return "text/html" if text.isascii() else "text/html; charset=utf-8"


@contextmanager
def live(browser: Browser, url: str, *, timeout: int) -> Iterator[BrowserPage]:
    """A page of the web, as the browser's proxy lets it through. `timeout` in milliseconds. Raises Unreadable."""
    context = clean_context(browser)
    try:
        yield _open(context, url, timeout)
    finally:
        _close(context)


def _open(context: BrowserContext, url: str, timeout: int) -> BrowserPage:
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as TookTooLong

    page = context.new_page()
    page.set_default_timeout(timeout)
    context.on("page", lambda other: other.close() if other is not page else None)
    try:
        response = page.goto(url, wait_until="commit", timeout=timeout)
    except TookTooLong as error:
        raise Unreadable(f"did not open within {timeout / 1000:g} seconds") from error
    except Error as error:
        if "ERR_HTTP_RESPONSE_CODE_FAILURE" in str(error):
            raise Unreadable("cannot be opened: the server answers with an error and no page") from error
        raise Unreadable(f"cannot be opened ({_first_line(error)})") from error
    if response is not None and response.status >= 400:
        raise Unreadable(f"cannot be opened: the server answers {response.status}", permanent=response.status < 500)
    with suppress(TookTooLong):  # a page that never ends loading, or tries to leave meanwhile, is read as far as it is
        page.wait_for_load_state("domcontentloaded", timeout=timeout / 2)
    with suppress(TookTooLong):
        page.wait_for_load_state("load", timeout=LOADED)
    page.wait_for_timeout(SETTLED)
    return page


def _close(context: BrowserContext) -> None:
    from playwright.sync_api import Error

    with suppress(Error):  # the browser is gone already: there is nothing left to close
        context.close()


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
