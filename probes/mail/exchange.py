"""Which servers take mail for a domain: the MX lookup of RFC 5321 section 5.1."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from probes.contract import ProbeError

Lookup: TypeAlias = Callable[[str], tuple[tuple[int, str], ...]]
"""Gives (preference, host) of each MX record of an ASCII domain; () when the domain exists without any."""

_LIFETIME = 20.0


class NoExchange(ProbeError):  # noqa: N818 - named by what happened
    """No server is known to take mail for a domain; `permanent` when there is none by its own word."""


def lookup(domain: str, resolver: dns.resolver.Resolver | None = None) -> tuple[tuple[int, str], ...]:
    """Asks the machine's name servers (or `resolver`) for the MX records of `domain`. Raises NoExchange."""
    try:
        resolver = resolver or dns.resolver.Resolver()
        answer = resolver.resolve(domain + ".", dns.rdatatype.MX, lifetime=_LIFETIME, search=False)
    except dns.resolver.NXDOMAIN as error:
        raise NoExchange(f"the domain {domain} does not exist", permanent=True) from error
    except dns.resolver.NoAnswer:
        return ()
    except dns.exception.DNSException as error:
        raise NoExchange(f"the name servers do not say who takes mail for {domain} ({error})") from error
    records = [record for record in answer if isinstance(record, MX)]
    return tuple((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in records)


def exchanges(domain: str, ask: Lookup, seed: str) -> tuple[str, ...]:
    """Hosts that take mail for an ASCII domain, best first; the domain itself when it has no MX.

    Equal preferences are ordered by `seed`: spread over the servers, and each try of one mail goes to the same one,
    which is what greylisting wants. Raises NoExchange, permanent for a null MX (RFC 7505) and for no such domain.
    """
    records = ask(domain)
    if any(host in {"", "."} for _, host in records):
        raise NoExchange(f"{domain} says that it takes no mail (null MX, RFC 7505)", permanent=True)
    if not records:
        return (domain,)

    def rank(record: tuple[int, str]) -> tuple[int, bytes]:
        return record[0], hashlib.sha256(f"{seed} {record[1]}".encode()).digest()

    return tuple(dict.fromkeys(host for _, host in sorted(records, key=rank)))
