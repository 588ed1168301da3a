"""Finds a browser and starts it: the one of the config, the system's Chromium or Chrome, else Playwright's own.

Nothing else in this package knows where a browser lies or with what it is started.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.contract import ProbeError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--disable-breakpad",
    "--no-default-browser-check", "--no-pings",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)  # fmt: skip
NOWHERE = "http://127.0.0.1:1"
"""A proxy that is none: what goes through it does not arrive."""
START = 60_000
"""How long a browser may take to start, in milliseconds."""


class NoBrowser(ProbeError):  # noqa: N818 - named by what happened
    """No browser can be started; it says what to install."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def find(configured: str | Path | None = None) -> str | None:
    """Path of the browser to start; None when only Playwright's own may be there. Raises NoBrowser."""
    if configured:
        found = shutil.which(str(configured))
        if found is None:
            raise NoBrowser(f"{configured} is not a program; give the path of a Chromium or Chrome")
        return found
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def flags() -> list[str]:
    """What a browser is started with; root cannot have its sandbox."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*FLAGS, *(["--no-sandbox"] if root else [])]


@contextmanager
def playing() -> Iterator[Playwright]:
    """Playwright, ended afterwards. Raises NoBrowser when it is not installed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright is not installed: pip install 'unanswered[browser]'") from error
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def started(configured: str | Path | None = None, *, proxy: str | None = None) -> Iterator[Browser]:
    """A headless browser, closed afterwards; `proxy`: where all its traffic goes ("http://127.0.0.1:PORT").

    A proxy is used for loopback addresses as well; without one the browser reaches nothing but this machine.
    Raises NoBrowser.
    """
    found = find(configured)
    with playing() as playwright:
        browser = launch(playwright, found, proxy=proxy)
        try:
            yield browser
        finally:
            try:
                browser.close()
            except Exception as error:
                if not _gone(error):
                    raise


def launch(playwright: Playwright, executable: str | None, *, proxy: str | None = None) -> Browser:
    """Starts the browser at this path (None: Playwright's own). Raises NoBrowser."""
    from playwright.sync_api import Error

    options: dict[str, Any] = {"proxy": {"server": NOWHERE, "bypass": "127.0.0.1,[::1],localhost"}}
    if proxy:
        options["proxy"] = {"server": proxy, "bypass": "<-loopback>"}
    try:
        return playwright.chromium.launch(executable_path=executable, args=flags(), timeout=START, **options)
    except Error as error:
        what = executable or "a browser"
        raise NoBrowser(
            f"{what} cannot be started ({_first_line(error)}); install Chromium (Debian: apt-get install chromium), "
            "or run: playwright install chromium"
        ) from error


def clean_context(browser: Browser, **options: Any) -> BrowserContext:
    """A context with nothing in it: no service workers, downloads or permissions; dialogs are sent away."""
    context = browser.new_context(
        service_workers="block",
        accept_downloads=False,
        permissions=[],
        viewport={"width": 1280, "height": 900},
        **options,
    )
    context.on("dialog", lambda dialog: dialog.dismiss())
    return context


def _gone(error: Exception) -> bool:
    return "closed" in str(error).lower()


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
