"""Where a browser may be led: nowhere but this machine, or nowhere private; what robots.txt says."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from probes.contract import ProbeError, TargetRefused
from probes.web.proxy import ForwardProxy
from probes.web.reach import Reach, is_public
from probes.web.robots import AGENT, Fetched, Robots, fetch_through, judge

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
    "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1", "ff02::1", "198.18.0.1", "240.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("ip", PRIVATE)
def test_no_private_address_is_public(ip: str) -> None:
    assert not is_public(ip)
    with pytest.raises(TargetRefused, match="private"):
        Reach(live=True).addresses("shop.example", 80, lambda host, port: [ip])


def test_a_public_address_is_reached_only_when_live() -> None:
    found = Reach(live=True).addresses("shop.example", 80, lambda host, port: ["93.184.216.34", "2606:4700::1111"])
    assert found == (("93.184.216.34", 80), ("2606:4700::1111", 80))
    with pytest.raises(TargetRefused, match="live = true"):
        Reach(live=False).addresses("93.184.216.34", 80)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(TargetRefused):
        Reach(live=True).addresses("shop.example", 80, lambda host, port: ["93.184.216.34", "10.0.0.1"])


def test_a_config_that_is_not_live_asks_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **more: object) -> None:
        raise AssertionError("a name server was asked")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    reach = Reach(live=False, routes={"*.shop.example": "127.0.0.1:8080", "out.example": "192.0.2.1:80"})
    assert reach.why_not("elsewhere.example", 80)
    assert reach.why_not("out.example", 80)
    assert reach.why_not("shop.example", 80)
    assert reach.addresses("a.b.shop.example", 80) == (("127.0.0.1", 8080),)
    assert reach.addresses("localhost", 80) == (("127.0.0.1", 80),)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "017700000001", "[::1]", "localhost.", "a.localhost"]
)
def test_this_machine_is_recognised_in_every_spelling_of_a_browser(host: str) -> None:
    assert Reach(live=False).why_not(host, 80) is None
    with pytest.raises(TargetRefused):
        Reach(live=True).addresses(host, 80)


def test_a_name_that_changes_its_mind_is_refused_the_second_time() -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    def lookup(host: str, port: int) -> Sequence[str]:
        return next(answers)

    reach = Reach(live=True)
    assert reach.addresses("shop.example", 80, lookup)
    with pytest.raises(TargetRefused):
        reach.addresses("shop.example", 80, lookup)


def test_the_proxy_connects_to_what_was_judged_and_to_nothing_that_was_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        port = server.getsockname()[1]
        with ForwardProxy(Reach(live=True), lookup=lambda host, at: ["127.0.0.1"]) as proxy:
            for head in (f"GET http://shop.example:{port}/ HTTP/1.1", f"CONNECT shop.example:{port} HTTP/1.1"):
                with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
                    line.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
                    assert line.recv(1000).startswith(b"HTTP/1.1 403 ")
            assert "private" in proxy.traffic.refused["shop.example"]
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "head", ["GET /x HTTP/1.1", "GET file:/x HTTP/1.1", "CONNECT nonsense HTTP/1.1", "GET http:// HTTP/1.1", "x\r\n"]
)
def test_the_proxy_survives_nonsense(head: str) -> None:
    with ForwardProxy(Reach(live=False)) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
            line.sendall(f"{head}\r\n\r\n".encode())
            assert line.recv(1000)[:12] in (b"HTTP/1.1 400", b"")
        assert fetch_through(f"127.0.0.1:{proxy.port}", timeout=5)("http://shop.example/robots.txt").status == 403


def test_robots_txt_is_asked_once_a_host_and_names_us() -> None:
    asked: list[str] = []

    def fetch(url: str) -> Fetched:
        asked.append(url)
        return Fetched(200, f"User-agent: *\nAllow: /\n\nUser-agent: {AGENT}\nDisallow: /contact\n")

    robots = Robots(fetch, elapsed=lambda: 0.0)
    assert robots.refusal("http://shop.example/contact?x=1") == "http://shop.example/robots.txt disallows /contact"
    assert robots.refusal("http://shop.example/other") is None
    assert asked == ["http://shop.example/robots.txt"]


@pytest.mark.parametrize(
    ("status", "allowed"), [(404, True), (401, True), (500, False), (503, False), (429, False), (0, False)]
)
def test_a_robots_txt_that_is_not_there_allows_and_one_that_fails_does_not(status: int, allowed: bool) -> None:
    assert isinstance(judge("http://shop.example", Fetched(status, fault="cut")), str) is not allowed


def test_every_refusal_is_an_error_of_ours() -> None:
    with pytest.raises(ProbeError):
        Reach(live=True).addresses("", 80, lambda host, port: [])
