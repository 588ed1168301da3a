"""Asks the name servers: who takes mail for a domain, what a domain publishes, which name an address has.

One resolver for a channel: the machine's own, or the servers of the config. While the config is not live only servers
on this machine are asked, so that no test and no trial says a word outside.
"""

from __future__ import annotations

import ipaddress
import re

import dns.exception
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY.TXT import TXT

from probes import guard
from probes.contract import ProbeError, TargetRefused
from probes.mail import exchange

_SERVER = re.compile(r"(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+|[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*)(?::(?P<port>\d{1,5}))?")
_LIFETIME = 10.0
_KINDS = {4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}


class Unanswerable(ProbeError):  # noqa: N818 - named by what happened
    """The name servers did not answer; it says nothing of what they would have said."""


def name_servers(values: tuple[str, ...]) -> tuple[str, ...]:
    """Checks that each is an IP address with or without a port. Raises ValueError."""
    for value in values:
        _server(value)
    return values


def _server(value: str) -> tuple[str, int]:
    found = _SERVER.fullmatch(value)
    try:
        ip = ipaddress.ip_address(found["ip"].strip("[]")) if found else None
    except ValueError:
        ip = None
    port = int(found["port"] or 53) if found else 0
    if ip is None or not 0 < port < 65536:
        raise ValueError(f'{value!r} is not a name server; write its IP address, such as "9.9.9.9" or "127.0.0.1:5353"')
    return str(ip), port


class Names:
    """Questions to the name servers. Each raises TargetRefused while none may be asked, Unanswerable when none does."""

    def __init__(self, servers: tuple[str, ...] = (), *, live: bool) -> None:
        self._servers = [_server(one) for one in servers]
        self.own = bool(servers)
        """Whether name servers of one's own choice are asked."""
        self.may_ask = live or (bool(self._servers) and all(guard.is_loopback(ip) for ip, _ in self._servers))
        self._made: dns.resolver.Resolver | None = None

    def exchanges(self, domain: str) -> tuple[tuple[int, str], ...]:
        """MX records as (preference, host); () when the domain has none. Raises exchange.NoExchange as well."""
        return exchange.lookup(domain, self._resolver())

    def txt(self, name: str) -> tuple[bytes, ...]:
        """The TXT records of a name, each joined from its parts; () when there is none."""
        answer = self._ask(name, dns.rdatatype.TXT)
        return tuple(b"".join(record.strings) for record in answer or () if isinstance(record, TXT))

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name as text."""
        return tuple(one.decode("utf-8", "backslashreplace") for one in self.txt(name))

    def addresses(self, name: str, version: int | None = None) -> tuple[str, ...]:
        """The IP addresses of a name (of version 4 or 6; None: both); () when there is none."""
        found: list[str] = []
        for kind in [kind for number, kind in _KINDS.items() if version in (None, number)]:
            found += [record.to_text() for record in self._ask(name, kind) or ()]
        return tuple(found)

    def pointers(self, ip: str) -> tuple[str, ...]:
        """The names that an IP address has (PTR); () when there is none."""
        return self.names_at(dns.reversename.from_address(ip).to_text())

    def names_at(self, name: str) -> tuple[str, ...]:
        """What the PTR records of a name ("1.2.0.192.in-addr.arpa") point to; () when there is none."""
        return tuple(record.to_text().rstrip(".").lower() for record in self._ask(name, dns.rdatatype.PTR) or ())

    def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer | None:
        try:
            return self._resolver().resolve(name.rstrip(".") + ".", kind, lifetime=_LIFETIME, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.exception.DNSException, UnicodeError, OSError) as error:
            raise Unanswerable(f"the name servers do not answer about {name} ({error})") from error

    def _resolver(self) -> dns.resolver.Resolver:
        if not self.may_ask:
            raise TargetRefused("the name servers are not asked: set `live = true` in the config to reach the world")
        if self._made is None:
            self._made = made = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [ip for ip, _ in self._servers]
                made.nameserver_ports = dict(self._servers)
                if len({ip for ip, _ in self._servers}) == 1:
                    made.port = self._servers[0][1]
        return self._made
