"""Which addresses a browser of ours may be led to: decided on the address that is then connected to.

Not live: this machine only, and no name server is asked. Live: public addresses only, unless the config says
`allow_private = true`. A name is resolved once a connection; if any of its addresses is refused, the name is, so that
one that changes its mind between two look-ups leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from probes.contract import ProbeError, TargetRefused
from probes.guard import Unresolved, is_loopback

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Lookup = Callable[[str, int], Sequence[str]]
"""Host and port to IP addresses. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What may be reached. `routes`: host, "*.domain" or "*" to a fixed "ip:port", for a sandbox and for tests."""

    live: bool
    allow_private: bool = False
    routes: Mapping[str, str] = field(default_factory=dict)

    def route(self, host: str) -> tuple[str, int] | None:
        """The fixed address of a host, if one is configured: IP address and port."""
        host = host.lower().rstrip(".")
        keys = [host, *(f"*.{tail}" for tail in _tails(host)), "*"]
        found = next((self.routes[key] for key in keys if key in self.routes), None)
        if found is None:
            return None
        ip, _, port = found.rpartition(":")
        return ip.strip("[]"), int(port)

    def refusal(self, ip: str, host: str) -> str | None:
        """Why an IP address that `host` has may not be connected to; None when it may."""
        named = host if host == ip else f"{host} ({ip})"
        if not self.live:
            if is_loopback(ip):
                return None
            return f"{named} is not on this machine; set `live = true` in the config to reach the world"
        if self.allow_private or is_public(ip):
            return None
        return f"{named} is a private address; a browser of ours is not led into a private network"

    def addresses(self, host: str, port: int, lookup: Lookup | None = None) -> tuple[tuple[str, int], ...]:
        """What to connect to for `host` and `port`: IP addresses and ports, in the resolver's order.

        Raises TargetRefused saying why not, or Unresolved when there is no address.
        """
        routed = self.route(host)
        if routed is not None:
            found = [routed]
        elif (literal := _literal(host)) is not None:
            found = [(literal, port)]
        elif not self.live and not _is_local(host):
            raise TargetRefused(f"{host} is not on this machine; set `live = true` in the config to reach the world")
        else:
            found = [(ip, port) for ip in _resolved(host, port, lookup or _ask)]
        for ip, _ in found:
            reason = self.refusal(ip, host)
            if reason is not None:
                raise TargetRefused(reason)
        return tuple(found)

    def why_not(self, host: str, port: int) -> str | None:
        """Why nothing may be handed over at `host` while the config is not live; None when it may. Asks nobody."""
        if self.live:
            return None
        try:
            self.addresses(host, port, _loopback)
        except ProbeError as error:
            return str(error)
        return None


def is_public(ip: str) -> bool:
    """Whether an IP address belongs to the public internet, IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) included."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    inside: list[ipaddress.IPv4Address | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return _global(address.ipv4_mapped)
    return _global(address) and all(_global(one) for one in inside if one is not None)


def _global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _tails(host: str) -> list[str]:
    parts = host.split(".")
    return [".".join(parts[n:]) for n in range(1, len(parts))]


def _literal(host: str) -> str | None:
    """An IP address in any spelling that a browser takes for one ("127.1", "0x7f000001"), as text; None: a name."""
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if bare and bare[0].isdigit() and bare.rpartition(".")[2][:1].isdigit():
        try:
            return socket.inet_ntoa(socket.inet_aton(bare))
        except OSError:
            return None
    return None


def _is_local(host: str) -> bool:
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _loopback(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - a Lookup
    return ("127.0.0.1",)


def _ask(host: str, port: int) -> Sequence[str]:
    if _is_local(host):
        return ("127.0.0.1",)
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _resolved(host: str, port: int, lookup: Lookup) -> list[str]:
    try:
        found = list(dict.fromkeys(lookup(host, port)))
    except socket.gaierror as error:
        gone = error.errno == socket.EAI_NONAME
        raise Unresolved(f"{host} cannot be resolved ({error.strerror})", permanent=gone) from error
    except (OSError, UnicodeError, ValueError) as error:
        raise Unresolved(f"{host!r} cannot be resolved ({error})", permanent=True) from error
    if not found:
        raise Unresolved(f"{host} has no address", permanent=True)
    return found
