"""The pages in a real browser: on a phone and a desk, by day and by night; nothing is asked of anybody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Route, sync_playwright

from reports import site
from tests.reports import sample

pytestmark = pytest.mark.wire

PHONE, DESK = 360, 1440
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGES = (
    "sector/index.html", "sector/method.html", "sector/business/velo-linden.html", "sector/business/markup.html",
    "sector/business/rtl.html", "sector/business/long.html", "sector/business/deaf.html",
    "sector/business/branch-amber.html", "both/index.html", "both/study/branches.html",
    "both/business/branch-juniper.html", "many/index.html", "many/study/sector/2.html", "none/index.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail("no Chromium is installed (Debian: apt-get install chromium)")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sites side by side: one study, two, hundreds of businesses, none."""
    out = tmp_path_factory.mktemp("sites")
    site.build(*sample.sector(), out / "sector")
    site.build(*sample.both(), out / "both")
    rows = [row | {"probe": f"M{n}", "business": f"firm-{n}"} for n, row in enumerate(sample.sector_rows() * 8)]
    site.build(sample.outcomes(rows), sample.edition(sample.study(), rows=rows, units={}), out / "many")
    site.build(sample.outcomes([]), sample.edition(rows=[], units={}), out / "none")
    return out


class Visit:
    """A page opened from disk, and everything that went wrong with it."""

    def __init__(self, browser: Browser, path: Path, width: int, scheme: Any) -> None:
        self.wrong: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        self.page.on("request", self._request)
        self.page.route(lambda url: not url.startswith(("file:", "data:")), self._refuse)
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.wrong.append(f"request: {request.url}")

    def _refuse(self, route: Route) -> None:
        route.abort()

    def change(self, width: int, scheme: Any) -> None:
        """The same page on another screen."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical. It reads the style sheet of the page, not again from the disk."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
        return [
            f"{one['id']}: {node['html'][:160]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]

    def open_all(self) -> None:
        """Open everything that can be opened."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    def overflowing(self) -> list[str]:
        """Elements that stick out of the page to the right or left, but inside tables that scroll by themselves."""
        found: list[str] = self.page.evaluate(
            """() => {
              const wide = document.documentElement.scrollWidth > window.innerWidth ? ['the page itself'] : []
              const out = [...document.body.querySelectorAll('*')].filter(one => {
                if (one.closest('.wide, .hide, .sprite, .skip, defs')) return false
                const box = one.getBoundingClientRect()
                return box.width > 0 && (box.right > window.innerWidth + 1 || box.left < -1)
              })
              const name = one => `${one.tagName}.${one.getAttribute('class')} ${one.textContent.slice(0, 40)}`
              return wide.concat(out.map(name))
            }"""
        )
        return found


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_sound_on_a_phone_and_a_desk_by_day_and_by_night(
    browser: Browser, sites: Path, path: str
) -> None:
    with Visit(browser, sites / path, DESK, "light") as visit:
        for width, scheme in ((DESK, "light"), (DESK, "dark"), (PHONE, "dark"), (PHONE, "light")):
            visit.change(width, scheme)
            assert visit.overflowing() == []
            visit.open_all()
            assert visit.overflowing() == []
            assert visit.wrong == []
            assert visit.barriers() == []


def test_a_request_to_somebody_else_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<!doctype html><title>t</title><img src='http://127.0.0.1:9/x.png'><p style='width: 3000px'>x")
    with Visit(browser, page, PHONE, "light") as visit:
        visit.page.wait_for_load_state()
        assert "request: http://127.0.0.1:9/x.png" in visit.wrong
        assert visit.overflowing() != []


def test_script_in_a_reply_or_a_name_is_shown_and_never_run(browser: Browser, sites: Path) -> None:
    with Visit(browser, sites / "sector/business/velo-linden.html", DESK, "light") as visit:
        visit.open_all()
        assert visit.page.inner_text("blockquote") == sample.HOSTILE_REPLY
        assert "owned" not in visit.page.title()
        assert visit.page.locator("script").count() == 0
        assert visit.wrong == []
    with Visit(browser, sites / "sector/business/markup.html", DESK, "light") as visit:
        assert visit.page.inner_text("h1") == sample.MARKUP
        assert visit.wrong == []


def test_a_script_that_got_in_all_the_same_would_be_stopped_by_the_page_itself(
    browser: Browser, sites: Path, tmp_path: Path
) -> None:
    raw = (sites / "sector/index.html").read_text("utf-8")
    broken = tmp_path / "index.html"
    broken.write_text(raw.replace("<main", "<script>document.title = 'owned'</script><main", 1), "utf-8")
    with Visit(browser, broken, DESK, "light") as visit:
        assert visit.page.title() != "owned"
        assert any("Content Security Policy" in line for line in visit.wrong)


def test_a_mark_of_the_field_tells_its_name_on_focus_and_leads_to_the_business(browser: Browser, sites: Path) -> None:
    with Visit(browser, sites / "sector/index.html", DESK, "light") as visit:
        mark = visit.page.locator(".field a").nth(3)
        name = mark.locator("text")
        assert not name.is_visible()
        mark.focus()
        assert name.is_visible()
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/business/*.html")
        assert visit.page.inner_text("h1") in name_of(sites, 3)


def name_of(sites: Path, place: int) -> str:
    """What the field of the sample says of the mark at this place."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser((sites / "sector/index.html").read_text("utf-8"))
    return tree.css(".field a")[place].attributes["aria-label"] or ""


def test_an_enquiry_opens_without_script(browser: Browser, sites: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((sites / "both/business/branch-juniper.html").as_uri())
    evidence = page.locator(".evidence").first
    assert not evidence.is_visible()
    page.locator(".probe summary").first.click()
    assert evidence.is_visible()
    context.close()


def test_shapes_stay_apart_in_print(browser: Browser, sites: Path) -> None:
    with Visit(browser, sites / "sector/index.html", DESK, "dark") as visit:
        visit.page.emulate_media(media="print")
        colours: list[str] = visit.page.evaluate(
            """() => ['--person', '--machine', '--silence', '--bounce', '--paper'].map(
                 name => getComputedStyle(document.documentElement).getPropertyValue(name).trim())"""
        )
        assert colours == ["#000", "#000", "#000", "#000", "#fff"]
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
