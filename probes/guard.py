"""Keeps everything on this machine until the config says `live = true`.

A host is resolved once; what was judged is what is connected to, so a name that changes its mind between the two
cannot lead out. Every channel that opens a socket goes through `targets` or `connect`.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from probes.contract import ProbeError, TargetRefused


@dataclass(frozen=True, slots=True)
class Target:
    """One address to connect to: IP address as text, port, and the name it was resolved from."""

    ip: str
    port: int
    host: str

    def __str__(self) -> str:
        return self.host if self.host == self.ip else f"{self.host} ({self.ip})"


class Unresolved(ProbeError):  # noqa: N818 - named by what happened
    """A host name has no address. `permanent` when the name does not exist."""


def is_loopback(ip: str) -> bool:
    """Whether an IP address is this machine's own loopback, IPv4 written as IPv6 included."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def targets(host: str, port: int, *, live: bool, needs_loopback: str = "") -> tuple[Target, ...]:
    """Resolves `host` once and returns the addresses that may be connected to, in the resolver's order.

    With `live` unset, all of them must be loopback. `needs_loopback` is a reason for which they must be even when
    `live` is set (a connection without TLS). Raises TargetRefused, or Unresolved when there is no address.
    """
    found = _resolve(host, port)
    outside = [target for target in found if not is_loopback(target.ip)]
    if outside and not live:
        raise TargetRefused(
            f"{outside[0]} port {port} is not on this machine; set `live = true` in the config to reach the world"
        )
    if outside and needs_loopback:
        raise TargetRefused(f"{outside[0]} port {port} is not on this machine: {needs_loopback}")
    return found


def connect(
    host: str, port: int, *, live: bool, timeout: float, needs_loopback: str = ""
) -> tuple[socket.socket, Target]:
    """Connects to the first address of `host` that takes the connection; `timeout` in seconds for each.

    Raises TargetRefused before any socket is made, Unresolved, or OSError of the last address tried.
    """
    return connect_any(targets(host, port, live=live, needs_loopback=needs_loopback), timeout=timeout)


def connect_any(found: tuple[Target, ...], *, timeout: float) -> tuple[socket.socket, Target]:
    """Connects to the first of `found` (from `targets`) that takes the connection. Raises OSError of the last."""
    last: OSError | None = None
    for target in found:
        try:
            sock = socket.create_connection((target.ip, target.port), timeout=timeout)
            # Commands are small and wait for their answer: Nagle's delay would cost 40 ms at many of them.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock, target
        except OSError as error:
            last = error
    raise last if last is not None else OSError("no address to connect to")


def _resolve(host: str, port: int) -> tuple[Target, ...]:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        rows = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        gone = error.errno == socket.EAI_NONAME
        advice = "check its spelling" if gone else "is the name server reachable? Try again later"
        raise Unresolved(f"{host} cannot be resolved ({error.strerror}); {advice}", permanent=gone) from error
    except (UnicodeError, ValueError, OverflowError) as error:
        raise Unresolved(f"{host!r} port {port} is not a host and port ({error})", permanent=True) from error
    found = dict.fromkeys(Target(ip=str(row[4][0]), port=port, host=host) for row in rows)
    if not found:
        raise Unresolved(f"{host} has no address", permanent=True)
    return tuple(found)
