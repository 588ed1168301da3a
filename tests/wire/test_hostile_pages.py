"""Pages that mean no good, in a real browser: each ends clearly, is handed in once at most, and leads nowhere else."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.contract import ProbeError, TargetRefused
from probes.testing import SAMPLE
from probes.web import browser as browsers
from probes.web import children
from probes.web.children import descendants
from probes.web.gate import carries, mark_of
from probes.web.proxy import ForwardProxy
from probes.web.reach import Reach
from tests.wire.forming import THANKS, Answer, Pages, Request, channel, form, pages, sent

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("chromium")]

URL = "http://shop.example/contact"


@pytest.fixture(scope="module")
def site() -> Iterator[Pages]:
    with pages() as made:
        yield made


@pytest.fixture(scope="module")
def forms(site: Pages) -> Iterator[Any]:
    with channel(site.port, routes={"shop.example": f"127.0.0.1:{site.port}"}) as wire:
        yield wire


@pytest.fixture
def shop(site: Pages) -> Pages:
    """The site, as if nothing had happened: a contact form that takes what it gets."""
    site.requests.clear()
    site.pages = {"/robots.txt": Answer(404), "/contact": form(), "/send": THANKS}
    return site


def messages(shop: Pages) -> list[Request]:
    """Requests that brought the message."""
    mark = mark_of(SAMPLE.body)
    return [one for one in shop.requests if carries(mark, one.body, one.path)]


# --------------------------------------------------------------------------- nothing is handed in
def test_endless_redirects_end(shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = Answer(302, headers={"Location": "/contact"})
    receipt = sent(forms, URL)
    assert (receipt.state, shop.posts) == ("blocked", [])
    assert "REDIRECTS" in receipt.reason


@pytest.mark.parametrize("script", ["while (true) alert('hello')", "setInterval(() => prompt('name?'), 1)"])
def test_a_page_that_opens_dialogs_without_end_ends(script: str, shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = form(script=script)
    receipt = sent(forms, URL)
    assert receipt.state in ("blocked", "deferred", "unknown")
    assert receipt.reason
    assert len(messages(shop)) <= (receipt.state == "unknown")


def test_a_page_of_50_mb_is_not_loaded(shop: Pages) -> None:
    shop.pages["/contact"] = form() + "<p>" + "x" * 50_000_000
    with channel(shop.port, page_bytes=1_000_000) as wire:
        receipt = sent(wire, URL)
    assert (receipt.state, shop.posts) == ("blocked", [])
    assert "bytes" in receipt.reason


def test_a_page_that_never_loads_is_left_and_may_be_tried_again(shop: Pages) -> None:
    stop = threading.Event()
    shop.pages["/contact"] = lambda request: (stop.wait(30), None)[1]
    with channel(shop.port, page_timeout="2s") as wire:
        receipt = sent(wire, URL)
    stop.set()
    assert (receipt.state, shop.posts) == ("deferred", [])
    assert "did not load in 2 s" in receipt.reason


def test_a_page_that_computes_for_ever_is_killed_and_the_next_one_goes_on(shop: Pages) -> None:
    shop.pages["/contact"] = form(script="setTimeout(() => { while (true); }, 300)")
    with channel(shop.port, time_limit="6s") as wire:
        assert sent(wire, URL).state in ("deferred", "unknown")
        assert not messages(shop)
        shop.pages["/contact"] = form()
        assert sent(wire, URL).state == "sent"


def test_a_download_instead_of_a_page_is_no_form(shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = Answer(body="x", headers={"Content-Disposition": "attachment; filename=a.exe"})
    assert sent(forms, URL).state == "blocked"


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "file:/etc/passwd", "mailto:a@shop.example", "data:text/html,x"]
)
def test_a_form_that_is_sent_to_no_web_address_is_not_filled(target: str, shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = form(action=target)
    receipt = sent(forms, URL)
    assert (receipt.state, messages(shop)) == ("blocked", [])
    assert "no web address" in receipt.reason


@pytest.mark.parametrize(
    "script",
    [
        "f.email.oninput = () => { f.innerHTML = '<textarea name=other></textarea><button>Send</button>'; }",
        "f.message.oninput = () => { f.message.value = 'buy my pills'; }",
        "f.message.oninput = () => { f.message.remove(); }",
        "f.email.oninput = () => { f.message.disabled = true; }",
    ],
)
def test_a_page_that_rewrites_the_form_while_it_is_filled_gets_nothing(script: str, shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = form(script=script)
    receipt = sent(forms, URL)
    assert (receipt.state, messages(shop)) == ("blocked", [])
    assert receipt.reason


def test_an_address_that_the_form_refuses_is_told_before_anything_is_sent(shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = form().replace('type="email"', 'type="text" pattern="[a-z@.]+"')
    receipt = sent(forms, URL, reply_to="anna+x1@inbox.example")
    assert (receipt.state, messages(shop)) == ("blocked", [])
    assert "does not take our address (anna+x1@inbox.example)" in receipt.reason


def test_a_message_that_is_too_long_for_the_form_is_not_cut(shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = form().replace("<textarea", '<textarea maxlength="10"')
    assert (sent(forms, URL).state, messages(shop)) == ("blocked", [])


def test_a_server_error_for_robots_counts_as_a_refusal_and_a_missing_one_does_not(shop: Pages) -> None:
    for status, state in ((503, "blocked"), (404, "sent")):
        shop.pages["/robots.txt"] = Answer(status)
        with channel(shop.port) as wire:
            assert sent(wire, URL).state == state


# --------------------------------------------------------------------------- handed in once
@pytest.mark.parametrize(
    "script",
    [
        "f.onsubmit = () => { for (let i = 0; i < 3; i++) fetch('/send', { method: 'POST', body: new FormData(f) }); }",
        "f.onsubmit = (e) => { e.preventDefault(); f.submit(); f.submit(); setTimeout(() => f.submit(), 50); }",
        "f.onsubmit = () => { navigator.sendBeacon('/draft', new URLSearchParams(new FormData(f))); }",
        "f.message.oninput = () => { fetch('/draft', { method: 'POST', body: new FormData(f) }); }",
        "f.onsubmit = () => { setTimeout(() => { throw new Error('x'); }); }",
        "f.onsubmit = () => { window.open('/send?message=' + encodeURIComponent(f.message.value)); }",
        "f.onsubmit = () => confirm('Really send?')",
    ],
)
def test_whatever_a_page_does_the_message_leaves_once(script: str, shop: Pages, forms: Any) -> None:
    shop.pages |= {"/contact": form(script=script), "/draft": "{}"}
    receipt = sent(forms, URL)
    assert receipt.state in ("sent", "unknown"), receipt.reason
    # A page that sends again at once may call its own first request off before it has left.
    called_off = script.count("f.submit()") > 1 and receipt.state == "unknown"
    assert len(messages(shop)) in ((0, 1) if called_off else (1,))


def test_an_answer_that_loads_itself_again_hands_in_once(shop: Pages, forms: Any) -> None:
    shop.pages["/send"] = THANKS + "<script>setTimeout(() => location.reload(), 10)</script>"
    receipt = sent(forms, URL)
    assert len(messages(shop)) == 1
    assert receipt.state in ("sent", "unknown")


def test_a_line_that_is_cut_after_the_form_left_is_unknown_and_nothing_is_repeated(shop: Pages, forms: Any) -> None:
    shop.pages["/send"] = lambda request: None
    receipt = sent(forms, URL)
    assert (receipt.state, len(messages(shop))) == ("unknown", 1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(500, "<h1>Thank you, your message has been sent</h1>"), "unknown"),
        (Answer(200, "<h1>Welcome</h1>"), "unknown"),
        (Answer(200, ""), "unknown"),
        (Answer(body=b"x", headers={"Content-Disposition": "attachment; filename=a.exe"}), "unknown"),
        (Answer(200, form() + "<p>Please enter a valid e-mail address.</p>"), "not_sent"),
        (Answer(403, "<h1>Forbidden</h1>"), "not_sent"),
    ],
)
def test_status_200_alone_is_nothing_and_an_error_is_no_thanks(
    answer: Answer, state: str, shop: Pages, forms: Any
) -> None:
    shop.pages["/send"] = answer
    receipt = sent(forms, URL)
    assert (receipt.state, len(messages(shop))) == (state, 1), receipt.reason


def test_how_a_site_behaves_is_learnt_from_an_earlier_answer_and_never_from_itself(shop: Pages, forms: Any) -> None:
    shop.pages["/send"] = "<h1>Welcome</h1>"
    first = sent(forms, URL)
    assert (first.state, sent(forms, URL).state) == ("unknown", "unknown")
    assert first.pattern
    taught = sent(forms, URL, proven=frozenset({first.pattern}))
    assert taught.state == "sent"
    assert "answered" in taught.reason
    shop.pages["/send"] = Answer(500, "<h1>Welcome</h1>")
    assert sent(forms, URL, proven=frozenset({first.pattern})).state == "unknown"


def test_a_browser_that_is_killed_in_the_middle_is_unknown_and_the_next_one_goes_on(shop: Pages) -> None:
    others = set(descendants(os.getpid()))
    with channel(shop.port) as wire:

        def kill(request: Request) -> str | None:
            for pid in set(descendants(os.getpid())) - others:
                if "chrom" in Path(f"/proc/{pid}/comm").read_text():
                    os.kill(pid, signal.SIGKILL)
            return None

        shop.pages["/send"] = kill
        killed = sent(wire, URL)
        shop.pages["/send"] = THANKS
        assert (killed.state, len(messages(shop))) == ("unknown", 1), killed.reason
        assert sent(wire, URL).state == "sent"
        assert len(messages(shop)) == 2


def test_a_browser_that_died_while_it_was_idle_costs_no_probe(shop: Pages) -> None:
    others = set(descendants(os.getpid()))
    with channel(shop.port) as wire:
        assert sent(wire, URL).state == "sent"
        for pid in set(descendants(os.getpid())) - others:
            if "chrom" in Path(f"/proc/{pid}/comm").read_text():
                os.kill(pid, signal.SIGKILL)
        assert sent(wire, URL).state == "sent"
        assert len(messages(shop)) == 2


# --------------------------------------------------------------------------- nothing gets out
def test_a_redirect_out_is_refused_and_what_a_page_loads_from_elsewhere_is_left_out(shop: Pages, forms: Any) -> None:
    shop.pages["/contact"] = Answer(302, headers={"Location": "http://192.0.2.7/contact"})
    receipt = sent(forms, URL)
    assert receipt.state == "blocked", receipt.reason
    assert "192.0.2.7 is not on this machine" in receipt.reason
    shop.pages["/contact"] = form(extra='<img src="http://10.0.0.7/x.png">')
    receipt = sent(forms, URL)
    assert receipt.state == "sent"
    assert "not reached: 10.0.0.7" in receipt.transcript


class OnlyShop(Reach):
    """Leads shop.example to one port of this machine and everything else nowhere."""

    def addresses(self, host: str, port: int, lookup: Any = None) -> tuple[tuple[str, int], ...]:
        if host == "shop.example":
            return super().addresses(host, port, lookup)
        raise TargetRefused(f"{host} is not for us")


def test_nothing_goes_round_the_proxy_not_even_to_this_machine(shop: Pages) -> None:
    with pages() as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun:
        stun.bind(("127.0.0.1", 0))
        stun.settimeout(1)
        places = [f"{host}:{other.port}" for host in ("127.0.0.1", "localhost", "[::1]", "x.localhost")]
        tries = "".join(
            f"""fetch('http://{place}/f', {{ mode: 'no-cors' }}).catch(() => 0); new Image().src = 'http://{place}/i';
            try {{ new WebSocket('ws://{place}/w'); }} catch {{}}
            navigator.sendBeacon('http://{place}/b', 'x'); document.write(
            '<link rel=preconnect href=http://{place}><link rel=dns-prefetch href=http://{place}>' +
            '<link rel=prefetch href=http://{place}/p><iframe src=http://{place}/n></iframe>');"""
            for place in places
        )
        stuns = f"stun:127.0.0.1:{stun.getsockname()[1]}"
        rtc = f"""const c = new RTCPeerConnection({{ iceServers: [{{ urls: '{stuns}' }}] }});
            c.createDataChannel('x'); c.createOffer().then((o) => c.setLocalDescription(o));"""
        worker = "try { navigator.serviceWorker.register('/sw.js').catch(() => 0); } catch {}"
        shop.pages["/contact"] = form(script=tries + rtc + worker)
        shop.pages["/sw.js"] = Answer(body="", media_type="text/javascript")
        reach = OnlyShop(live=False, routes={"shop.example": f"127.0.0.1:{shop.port}"})
        with ForwardProxy(reach) as proxy, browsers.started(proxy=f"http://127.0.0.1:{proxy.port}") as browser:
            context = browsers.clean_context(browser)
            page = context.new_page()
            page.goto(URL)
            page.wait_for_timeout(1500)
            refused = dict(proxy.traffic.refused)
            context.close()
        assert other.requests == []
        assert {"127.0.0.1", "localhost", "::1"} <= set(refused)
        with pytest.raises(TimeoutError):
            stun.recv(100)


# --------------------------------------------------------------------------- nothing is left behind
def test_children_are_replaced_and_none_is_left_behind(shop: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "JOBS", 2)
    before = set(descendants(os.getpid()))
    with channel(shop.port) as wire:
        assert [sent(wire, URL).state for _ in range(5)] == ["sent"] * 5
        assert len(set(descendants(os.getpid())) - before) < 20
    assert set(descendants(os.getpid())) <= before


def test_a_browser_that_is_not_there_is_told_and_uses_up_nothing(shop: Pages, tmp_path: Path) -> None:
    fake = tmp_path / "browser"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    with channel(shop.port, browser=str(fake)) as wire:
        receipt = sent(wire, URL)
        (line,) = [one for one in wire.check(None) if one.name == "browser"]
    assert (receipt.state, shop.posts) == ("not_sent", [])
    assert receipt.our_side
    assert not line.ok
    assert "Chromium" in line.advice
    with pytest.raises(ProbeError):
        browsers.find(str(tmp_path / "nothing"))
