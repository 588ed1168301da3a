"""The command that inspects forms, with a real browser, on files and on a site of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from probes.web import browser

pytestmark = pytest.mark.wire

FORM = (
    "<form method=post action=/contact><label>Name <input name=name></label><label>E-mail <input name=email></label>"
    "<label>Message <textarea name=message></textarea></label><button>Send</button></form>"
)


@pytest.fixture(scope="module", autouse=True)
def _needs_a_browser() -> None:
    if browser.find() is None:
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail("no Chromium is installed (Debian: apt-get install chromium)")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")


class Site:
    """A site on loopback: path to HTML; `asked` is what was asked of it."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(f"{self.command} {self.path}")
                found = pages.get(self.path)
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(("" if self.path == "/empty" else found or "not here").encode())

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    opened = Site(
        {
            "/": "<a href=/about>About us</a><a href=/contact>Contact us</a><p>Write to info@firm.example</p>"
            "<form role=search><input name=q></form>",
            "/contact": FORM + "<p>Call +44 20 7946 0000</p>",
            "/about": "<p>Nothing here</p>",
        }
    )
    yield opened
    opened.close()


def form(*args: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, objects and problems of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "form", *args], capture_output=True, text=True, timeout=300, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()] if "--json" in args else []
    return done.returncode, lines, done.stderr + ("" if "--json" in args else done.stdout)


def test_every_file_gives_one_object_with_the_promised_keys(tmp_path: Path) -> None:
    for name in ("one.html", "two.htm", "three"):
        (tmp_path / name).write_text(FORM, encoding="utf-8")
    code, lines, said = form("--json", *(str(tmp_path / name) for name in ("one.html", "two.htm", "three")))
    assert (code, said) == (0, "")
    assert [Path(line["page"]).name for line in lines] == ["one.html", "two.htm", "three"]
    for line in lines:
        assert {"page", "forms", "chosen", "fields", "captcha", "verdict", "reasons"} <= line.keys()
        assert (line["chosen"], line["captcha"], line["verdict"]) == (0, None, "fillable")
        assert line["forms"][0] | {"score": 0, "reasons": 0} == {
            "index": 0,
            "type": "contact",
            "score": 0,
            "reasons": 0,
        }
        assert line["fields"] == {"name": "name", "email": "email", "message": "message", "@3": "submit"}


def test_a_file_is_read_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder" / "100% [new] #1"
    folder.mkdir(parents=True)
    (folder / "our página~'.html").write_text(FORM, encoding="utf-8")
    (tmp_path / "link.html").symlink_to(folder / "our página~'.html")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))
    paths = ("our página~'.html", "../100% [new] #1/our página~'.html", "../../link.html")
    code, lines, said = form("--json", *paths)
    assert (code, said) == (0, "")
    assert [(line["page"], line["verdict"]) for line in lines] == [(path, "fillable") for path in paths]


def test_a_page_that_cannot_be_read_is_named_and_the_others_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(FORM, encoding="utf-8")
    (tmp_path / "huge.html").write_bytes(b" " * 31_000_000)
    code, lines, said = form("--json", str(tmp_path / "huge.html"), str(tmp_path / "good.html"))
    assert code == 1
    assert [Path(line["page"]).name for line in lines] == ["good.html"]
    assert "huge.html: is larger than" in said


def test_from_a_home_page_the_contact_page_is_followed_and_nothing_is_submitted(site: Site) -> None:
    code, lines, _ = form("--json", f"{site.url}/")
    assert code == 0
    assert (lines[0]["verdict"], lines[0]["via"]) == ("fillable", f"{site.url}/contact")
    assert lines[0]["mails"] == ["info@firm.example"]
    assert lines[0]["numbers"] == ["+442079460000"]
    assert not [one for one in site.asked if one.startswith("POST")]
    assert "GET /about" not in site.asked


def test_a_person_is_told_what_was_found_and_why(site: Site) -> None:
    code, _, said = form(f"{site.url}/contact")
    assert code == 0
    assert "fillable" in said
    assert "message    message" in said
    assert "it asks for a message" in said


def test_a_page_that_leads_away_from_this_machine_is_not_followed(site: Site, tmp_path: Path) -> None:
    away = Site({"/": "<script>location='http://192.0.2.1/contact'</script>" + FORM})
    try:
        code, lines, _ = form("--json", f"{away.url}/")
    finally:
        away.close()
    assert code in (0, 1)
    assert all("192.0.2.1" not in str(line["via"]) for line in lines)


def test_a_page_that_robots_txt_keeps_us_from_is_never_asked_for() -> None:
    private = Site({"/robots.txt": "User-agent: *\nDisallow: /contact", "/contact": FORM, "/": "<p>hello</p>"})
    try:
        code, lines, _ = form("--json", f"{private.url}/contact", f"{private.url}/")
    finally:
        private.close()
    assert code == 0
    assert [line["verdict"] for line in lines] == ["blocked", "no_form"]
    assert "robots.txt disallows /contact" in lines[0]["reasons"][0]
    assert "GET /contact" not in private.asked


def test_a_link_that_robots_txt_keeps_us_from_is_not_followed() -> None:
    shy = Site({"/robots.txt": "User-agent: *\nDisallow: /contact", "/": "<a href=/contact>Contact us</a>",
                "/contact": FORM})  # fmt: skip
    try:
        _, lines, _ = form("--json", f"{shy.url}/")
    finally:
        shy.close()
    assert (lines[0]["verdict"], lines[0]["via"]) == ("no_form", None)
    assert "GET /contact" not in shy.asked


def test_a_live_config_leads_nobody_into_a_private_network(site: Site, tmp_path: Path) -> None:
    assert (
        subprocess.run([sys.executable, "-m", "monitor.cli", "init", str(tmp_path / "work")], check=False).returncode
        == 0
    )
    config = tmp_path / "work" / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("live = false", "live = true"), encoding="utf-8")
    code, lines, said = form("--json", "--config", str(config), f"{site.url}/contact")
    assert site.asked == []
    assert code in (0, 1)
    assert all(line["verdict"] == "blocked" for line in lines), said


def test_an_address_that_answers_with_an_error_is_named(site: Site) -> None:
    code, lines, said = form("--json", f"{site.url}/gone")
    assert (code, lines) == (1, [])
    assert "the server answers 404" in said
    assert "answers with an error and no page" in form("--json", f"{site.url}/empty")[2]
