"""Pages read in a real browser: what is computed rather than written, frames, shadow roots, and hostile pages."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from probes.web import browser as browsers
from probes.web import opening, reading, refusal, take
from probes.web.snapshot import NO_FORM, Control, Page, Ref, from_json, to_json

pytestmark = pytest.mark.wire

CONTACT = (
    '<form action="/contact" id="f"><label>Your name <input name="name"></label>'
    '<label for="e">E-mail</label><input id="e" name="email" type="email" required>'
    '<textarea name="message" placeholder="Message"></textarea>{more}<button>Send</button></form>'
)
Look = Callable[[str], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if browsers.find() is None:
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail("no Chromium is installed (Debian: apt-get install chromium)")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with browsers.started() as started:
        yield started


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Look:
    """Reads a page that is given as HTML."""

    def look(html: str) -> Page:
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><html lang=en><body>{html}", encoding="utf-8")
        with opening.saved(browser, path, timeout=20_000) as page:
            return take.take(page).page

    return look


def control(page: Page, key: str, index: int = 0) -> Control:
    form = page.form(index)
    assert form is not None
    found = form.control(key)
    assert found is not None, [one.key for one in form.controls]
    return found


def test_controls_are_read_with_all_that_is_said_of_them(look: Look) -> None:
    page = look(
        CONTACT.format(
            more='<select name="topic" aria-label="Subject"><option value="">Choose'
            "<option value=a selected>Sales</select><fieldset><legend>Reach me by</legend>"
            "<input type=radio name=by id=by1 value=mail><label for=by1>mail</label>"
            "<input type=radio name=by id=by2 value=phone> phone</fieldset><p>Telephone <input name=tel></p>"
            '<input name=fax autocomplete="tel" maxlength=9 pattern="[0-9]+" disabled value="030" inputmode=tel>'
        )
    )
    assert control(page, "name").label == "Your name"
    email = control(page, "email")
    assert (email.label, email.type, email.must, email.id) == ("E-mail", "email", True, "e")
    assert (email.visible, email.focusable, email.width > 20) == (True, True, True)
    assert control(page, "message").placeholder == "Message"
    topic = control(page, "topic")
    assert topic.aria == "Subject"
    assert [(one.value, one.text, one.selected) for one in topic.options] == [
        ("", "Choose", False),
        ("a", "Sales", True),
    ]
    assert (control(page, "#by1").label, control(page, "#by1").group) == ("mail", "Reach me by")
    assert control(page, "#by2").near == "phone"
    assert control(page, "tel").near == "Telephone"
    fax = control(page, "fax")
    assert (fax.autocomplete, fax.maxlength, fax.pattern, fax.disabled, fax.value) == ("tel", 9, "[0-9]+", True, "030")
    assert [one.order for one in page.forms[0].controls] == list(range(len(page.forms[0].controls)))
    assert from_json(to_json(page)) == page


def test_keys_are_names_ids_or_places(look: Look) -> None:
    page = look(
        "<form><input type=hidden name=token><input name=a><input name=b id=b1><input name=b id=b2><input name=b>"
        "<input id=c><input><button>Go</button></form>"
    )
    assert [one.key for one in page.forms[0].controls] == ["token", "a", "#b1", "#b2", "@3", "#c", "@5", "@6"]


@pytest.mark.parametrize(
    ("style", "how"),
    [
        ("display:none", "display"), ("visibility:hidden", "visibility"), ("opacity:0", "opacity"),
        ("position:absolute;left:-9999px", "off_screen"), ("width:1px;height:1px;padding:0;border:0", "size"),
        ("position:absolute;clip:rect(0,0,0,0)", "clip"), ("clip-path:inset(100%)", "clip"), ("transform:scale(0)",
        "size"),
    ],
)  # fmt: skip
def test_what_a_style_hides_is_seen_to_be_hidden_whoever_wrote_it(look: Look, style: str, how: str) -> None:
    extra = '<input name="phone" id="p">'
    by_sheet = look(f"<style>#p{{{style}}}</style>" + CONTACT.format(more=extra))
    by_script = look(
        CONTACT.format(more=extra) + f"<script>document.getElementById('p').style.cssText='{style}'</script>"
    )
    late = look(CONTACT.format(more=extra) + f"<script>setTimeout(()=>{{p.style.cssText='{style}'}},50)</script>")
    for page in (by_sheet, by_script, late):
        found = control(page, "phone")
        assert (found.visible, found.hidden_by) == (False, how)
        assert refusal.inspect(page).fields["phone"] == "honeypot"


@pytest.mark.parametrize(
    "wrap",
    [
        '<div style="height:0;overflow:hidden">{}</div>', '<div style="opacity:0">{}</div>', "<div hidden>{}</div>",
        '<div style="position:absolute;left:-5000px">{}</div>', "<details><summary>more</summary>{}</details>",
    ],
)  # fmt: skip
def test_what_lies_in_something_hidden_is_hidden(look: Look, wrap: str) -> None:
    page = look(CONTACT.format(more=wrap.format('<input name="phone">')))
    assert not control(page, "phone").visible
    assert control(page, "name").visible


def test_a_page_is_not_changed_by_being_read(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(CONTACT.format(more=""), encoding="utf-8")
    with opening.saved(browser, path, timeout=20_000) as page:
        before = page.content()
        page.evaluate("() => { window.changes = 0; new MutationObserver(m => { window.changes += m.length })"
                      ".observe(document, {subtree: true, childList: true, attributes: true}) }")  # fmt: skip
        take.take(page)
        assert page.content() == before
        assert page.evaluate("() => window.changes") == 0


def test_a_form_in_an_open_shadow_root_is_found_and_its_controls_found_again(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    html = CONTACT.format(more="").replace("'", "&quot;")
    path.write_text(
        f"<form><input type=search name=q></form><div id=host></div><script>const r=host.attachShadow({{mode:'open'}});"
        f"r.innerHTML='<section>{html}</section>'</script>",
        encoding="utf-8",
    )
    with opening.saved(browser, path, timeout=20_000) as page:
        taken = take.take(page)
        found = refusal.inspect(taken.page)
        assert (found.choice.chosen, found.verdict) == (1, "fillable")
        assert taken.page.form(1).shadow  # type: ignore[union-attr]
        ref = control(taken.page, "email", 1).ref
        assert len(ref.path) == 2
        taken.element(ref).fill("a@firm.example")
        again = take.locate(page, ref)
        assert again is not None
        assert again.input_value() == "a@firm.example"
        assert take.locate(page, Ref(path=("nothing",))) is None


def test_a_form_in_a_frame_is_found_and_its_controls_found_again(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    inner = CONTACT.format(more="").replace('"', "&quot;")
    path.write_text(
        f'<form><input name=q></form><iframe width=600 height=600 srcdoc="{inner}"></iframe>', encoding="utf-8"
    )
    with opening.saved(browser, path, timeout=20_000) as page:
        taken = take.take(page)
        found = refusal.inspect(taken.page)
        assert (found.choice.chosen, found.verdict) == (1, "fillable")
        ref = control(taken.page, "message", 1).ref
        assert ref.frame == (0,)
        taken.element(ref).fill("hello")
        assert take.locate(page, ref).input_value() == "hello"  # type: ignore[union-attr]


def test_a_form_in_a_frame_that_cannot_be_seen_is_not_to_be_seen(look: Look) -> None:
    inner = CONTACT.format(more="").replace('"', "&quot;")
    page = look(f'<iframe style="display:none" srcdoc="{inner}"></iframe>')
    assert [one.visible for one in page.forms] == [False]


def test_controls_outside_any_form_are_one_form_of_their_own(look: Look) -> None:
    page = look(
        "<form role=search><input name=q></form><div><input placeholder='Your name'><input placeholder='E-mail'>"
        "<textarea placeholder='Message'></textarea><button>Send</button></div>"
    )
    found = refusal.inspect(page)
    assert (found.choice.chosen, found.verdict) == (NO_FORM, "fillable")
    assert found.fields == {"@0": "name", "@1": "email", "@2": "message", "@3": "submit"}


def test_a_form_that_scripts_build_is_read_as_built(look: Look) -> None:
    html = CONTACT.format(more="").replace("'", "&quot;")
    page = look(f"<div id=app></div><script>setTimeout(()=>{{app.innerHTML='{html}'}},20)</script>")
    assert refusal.inspect(page).verdict == "fillable"


def test_labels_in_table_cells_and_before_line_breaks_are_found(look: Look) -> None:
    page = look(
        "<form><table><tr><td>Your name<td><input name=f1><tr><td>E-mail<td><input name=f2></table>"
        "Telephone:<br><input name=f3><br>Message:<br><textarea name=f4></textarea>"
        "<input type=submit value=Send></form>"
    )
    assert list(refusal.inspect(page).fields.values()) == ["name", "email", "phone", "message", "submit"]


def test_captcha_widgets_are_seen(look: Look) -> None:
    widget = '<div class="cf-turnstile" data-sitekey="0x4AAA"></div>'
    assert refusal.inspect(look(CONTACT.format(more=widget))).captcha == "turnstile"
    assert refusal.inspect(look(CONTACT.format(more=""))).captcha is None


def test_what_stands_in_noscript_is_read_with_its_form(look: Look) -> None:
    guarded = "<noscript><label>What is 3 + 4? <input name=sum></label></noscript>"
    page = look(CONTACT.format(more=guarded))
    assert "What is 3 + 4?" in page.forms[0].noscript
    assert refusal.inspect(page).verdict == "blocked"
    assert page.forms[0].control("sum") is None


def test_the_words_before_a_group_of_radio_buttons_are_its_name(look: Look) -> None:
    page = look(
        CONTACT.format(
            more="<b>Subject:</b><br><input type=radio name=k id=k1><label for=k1>Prices</label><br>"
            "<input type=radio name=k id=k2><label for=k2>Something else</label>"
        )
    )
    fields = refusal.inspect(page).fields
    assert (fields["#k1"], fields["#k2"]) == ("topic", "topic")


def test_nothing_leaves_this_machine_while_a_saved_page_is_read(browser: Browser, tmp_path: Path) -> None:
    asked: list[str] = []

    class Witness(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Witness)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    path = tmp_path / "page.html"
    path.write_text(
        f"<link rel=stylesheet href={base}/css><img src={base}/img><script src={base}/js></script>"
        f"<iframe src={base}/frame></iframe><meta http-equiv=refresh content='0;url={base}/refresh'>"
        + CONTACT.format(more="")
        + f"<script>fetch('{base}/fetch').catch(()=>0);navigator.sendBeacon('{base}/beacon');new WebSocket('ws"
        + f"{base[4:]}/ws');document.getElementById('f').action='{base}/submit';setTimeout(()=>f.submit(),10);"
        f"setTimeout(()=>location='{base}/go',30);window.open('{base}/open')</script>",
        encoding="utf-8",
    )
    try:
        with opening.saved(browser, path, timeout=20_000) as page:
            assert refusal.inspect(take.take(page).page).verdict == "fillable"
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


@pytest.mark.parametrize("declared", ["windows-1251", "iso-8859-1", ""])
def test_a_page_saved_as_utf8_is_read_as_utf8_whatever_it_says(look: Look, declared: str) -> None:
    page = look(f'<meta charset="{declared}"><form><label>Ваше имя <input name=a></label></form>')
    assert control(page, "a").label == "Ваше имя"


def test_hostile_pages_cost_bounded_time_and_no_other_page(tmp_path: Path) -> None:
    pages = {
        "good": CONTACT.format(more=""),
        "loop": CONTACT.format(more="") + "<script>for(;;){}</script>",
        "late loop": CONTACT.format(more="") + "<script>setTimeout(()=>{for(;;){}},100)</script>",
        "dialogs": CONTACT.format(more="") + "<script>for(;;)alert(1)</script>",
        "leaving": CONTACT.format(more="")
        + "<script>onbeforeunload=()=>'stay';setInterval(()=>location.reload(),1)</script>",
        "deep": "<div>" * 20_000 + CONTACT.format(more=""),
        "last": CONTACT.format(more=""),
    }
    for name, html in pages.items():
        (tmp_path / f"{name}.html").write_text(html, encoding="utf-8")
    targets = [str(tmp_path / f"{name}.html") for name in pages] + [str(tmp_path / "missing.html")]
    found = {Path(one.target).stem: one for one in reading.read(targets, timeout=4_000, patience=4.0)}
    assert list(found) == [*pages, "missing"]
    for name in ("good", "last", "loop", "late loop", "dialogs"):
        page = found[name].page
        assert page is not None, (name, found[name].problem)
        assert refusal.inspect(page).verdict == "fillable", name
    assert "scripts" in found["loop"].page.problems[0]  # type: ignore[union-attr]
    assert found["good"].page.problems == ()  # type: ignore[union-attr]
    for one in found.values():
        assert (one.page is None) == bool(one.problem)
    assert "No such file" in found["missing"].problem


def test_a_browser_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(browsers.NoBrowser, match="is not a program"):
        next(reading.read([str(tmp_path / "a.html")], configured=str(tmp_path / "no-such-browser")))
