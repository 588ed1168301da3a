"""Forms filled and judged a minute, with one and with two workers, beside a bare Playwright loop on the same pages.

The bare loop opens a page, fills the three fields and clicks, in a fresh context each, and looks at nothing. Pauses
are off on both sides. With `-n N` so many forms are sent in a row by one worker, and what is left of memory and
processes is told.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import sync_playwright

from probes.web import browser as browsers
from probes.web.children import descendants
from tests.wire.forming import THANKS, Pages, channel, form, pages, sent

FORMS = 15
BAR = 0.6
URL = "http://shop.example/contact"


def bare(site: Pages, count: int) -> float:
    """Forms a minute of the bare loop."""
    with sync_playwright() as playwright:
        browser = browsers.launch(playwright, browsers.find())
        began = 0.0
        for number in range(count + 1):
            if number == 1:
                began = time.perf_counter()
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{site.port}/contact")
            page.fill("[name=name]", "Anna Berger")
            page.fill("[name=email]", "anna@inbox.example")
            page.fill("[name=message]", "Are you open on Monday?")
            with page.expect_navigation():
                page.click("button")
            context.close()
        took = time.perf_counter() - began
        browser.close()
    return 60 * count / took


def ours(site: Pages, count: int, workers: int) -> float:
    """Forms a minute through the channel."""
    with channel(site.port) as wire, ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda _: sent(wire, URL), range(workers * 2)))  # browsers are up
        began = time.perf_counter()
        states = [one.state for one in pool.map(lambda _: sent(wire, URL), range(count * workers))]
        took = time.perf_counter() - began
    assert states == ["sent"] * (count * workers), states
    return 60 * count * workers / took


def memory(pids: list[int]) -> int:
    """Resident bytes of these processes."""
    pages_held = 0
    for pid in pids:
        try:
            pages_held += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages_held * os.sysconf("SC_PAGE_SIZE")


def in_a_row(count: int) -> None:
    """Many forms by one worker: how memory and processes go."""
    with pages(contact=form(), send=THANKS) as site, channel(site.port) as wire:
        held: list[int] = []
        most = 0
        states: list[str] = []
        for number in range(count):
            states.append(sent(wire, URL).state)
            below = descendants(os.getpid())
            most = max(most, len(below))
            if number % 10 == 9:
                held.append(memory([os.getpid(), *below]))
    left = descendants(os.getpid())
    first, last = statistics.median(held[:5]), statistics.median(held[-5:])
    print(
        f"{count} forms in a row: {states.count('sent')} sent, {len(site.posts)} posts; memory {first / 1e6:.0f} MB at "
        f"first, {last / 1e6:.0f} MB at last; {most} processes at most, {len(left)} left behind"
    )


def main() -> None:
    """Print the ratios, or what many in a row cost."""
    if sys.argv[1:2] == ["-n"]:
        in_a_row(int(sys.argv[2]))
        return
    with pages(contact=form(), send=THANKS) as site:
        for workers in (1, 2):
            floors, found = [], []
            for _ in range(3):
                with ThreadPoolExecutor(workers) as pool:
                    floors.append(sum(pool.map(lambda _: bare(site, FORMS), range(workers))))
                found.append(ours(site, FORMS, workers))
            ratio = statistics.median(a / b for a, b in zip(found, floors, strict=True))
            print(
                f"forms, {workers} workers: {statistics.median(found):.0f} a minute, a bare loop "
                f"{statistics.median(floors):.0f}: {ratio:.2f} (bar: at least {BAR})"
            )


if __name__ == "__main__":
    main()
