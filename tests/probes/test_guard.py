from __future__ import annotations

import socket
from typing import Any

import pytest

from probes import guard
from probes.contract import TargetRefused


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What each host name resolves to; a name is asked for once in a connection."""
    known: dict[str, list[str]] = {}

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host.replace(".", "").isdigit() or ":" in host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (host, port))]
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        ips = known.pop(host)  # a second question would get another answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_in_all_its_spellings_is_this_machine(ip: str) -> None:
    assert guard.is_loopback(ip)


@pytest.mark.parametrize(
    "ip",
    ["192.0.2.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::", "fe80::1%eth0", "::ffff:10.0.0.1"],
)
def test_everything_else_is_not_even_a_private_network(ip: str) -> None:
    assert not guard.is_loopback(ip)


def test_a_name_that_leads_out_is_refused_unless_live(names: dict[str, list[str]]) -> None:
    names["mail.example.org"] = ["192.0.2.1"]
    with pytest.raises(TargetRefused, match=r"mail\.example\.org \(192\.0\.2\.1\) port 25 .*`live = true`") as caught:
        guard.targets("mail.example.org", 25, live=False)
    assert caught.value.permanent
    names["mail.example.org"] = ["192.0.2.1"]
    assert guard.targets("mail.example.org", 25, live=True)[0].ip == "192.0.2.1"


def test_one_address_outside_is_enough_to_refuse_a_name(names: dict[str, list[str]]) -> None:
    names["both.example"] = ["127.0.0.1", "192.0.2.1"]
    with pytest.raises(TargetRefused):
        guard.targets("both.example", 25, live=False)


def test_what_was_judged_is_what_is_connected_to(names: dict[str, list[str]]) -> None:
    """A name that changes its mind between the two questions finds no second question."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        names["turncoat.example"] = ["127.0.0.1"]
        port = server.getsockname()[1]
        sock, target = guard.connect("turncoat.example", port, live=False, timeout=5)
        with sock:
            assert sock.getpeername() == ("127.0.0.1", port)
    assert (target.ip, target.host) == ("127.0.0.1", "turncoat.example")


def test_no_socket_is_made_for_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(TargetRefused):
        guard.connect("192.0.2.1", 25, live=False, timeout=1)


def test_what_must_stay_on_this_machine_does_so_even_when_live() -> None:
    with pytest.raises(TargetRefused, match="no TLS"):
        guard.targets("192.0.2.1", 25, live=True, needs_loopback="no TLS")
    assert guard.targets("127.0.0.1", 25, live=True, needs_loopback="no TLS")


def test_the_next_address_is_tried_when_one_does_not_take_the_connection(names: dict[str, list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        names["two.example"] = ["::1", "127.0.0.1"]
        sock, target = guard.connect("two.example", server.getsockname()[1], live=False, timeout=5)
        sock.close()
    assert target.ip == "127.0.0.1"


def test_a_name_without_an_address_is_named(names: dict[str, list[str]]) -> None:
    with pytest.raises(guard.Unresolved, match=r"nowhere\.example") as caught:
        guard.targets("nowhere.example", 25, live=False)
    assert caught.value.permanent


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", "x\0y"])
def test_what_is_no_host_is_no_traceback(host: str) -> None:
    with pytest.raises(guard.Unresolved):
        guard.targets(host, 25, live=False)
