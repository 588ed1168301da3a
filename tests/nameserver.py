"""A real name server on a free loopback port (UDP, dnspython on the wire) that knows what a test tells it.

    with NameServer() as zone:
        zone.mx("inbox.example", 10, "mx.inbox.example").null_mx("shop.example")
        zone.txt("inbox.example", "v=spf1 -all").a("mx.inbox.example", "127.0.0.1")
        zone.forgets("inbox.example")    # all that it knew of the name
        zone.servers                     # ("127.0.0.1:port",), as the config names it

A name that is known, or that has a known name below it, exists (NOERROR without a record); any other is NXDOMAIN.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class NameServer:
    """See the module."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def servers(self) -> tuple[str, ...]:
        """As `nameservers` of a channel names it."""
        return (f"127.0.0.1:{self.port}",)

    # ------------------------------------------------------------------ verbs
    def mx(self, name: str, preference: int, host: str) -> Self:
        return self._add(name, "MX", f"{preference} {_full(host)}")

    def null_mx(self, name: str) -> Self:
        """It takes no mail, by its own word (RFC 7505)."""
        return self._add(name, "MX", "0 .")

    def txt(self, name: str, text: str) -> Self:
        return self._add(name, "TXT", f'"{text}"')

    def a(self, name: str, ip: str) -> Self:
        return self._add(name, "A", ip)

    def forgets(self, name: str) -> Self:
        self._known.pop(_full(name), None)
        return self

    def _add(self, name: str, kind: str, record: str) -> Self:
        self._known[_full(name)].setdefault(kind, []).append(record)
        return self

    # ------------------------------------------------------------------ answering
    def _serve(self) -> None:
        while True:
            data, caller = self._socket.recvfrom(4096)
            if not data:  # the word that it is over: nobody else sends an empty datagram
                return
            try:
                said = self._answer(dns.message.from_wire(data))
            except dns.exception.DNSException:
                continue
            self._socket.sendto(said.to_wire(), caller)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name = question.name.to_text().lower()
        said = dns.message.make_response(query)
        said.flags |= dns.flags.AA | dns.flags.RA
        if not any(known == name or known.endswith(f".{name}") for known in self._known):
            said.set_rcode(dns.rcode.NXDOMAIN)
            return said
        records = self._known.get(name, {}).get(dns.rdatatype.to_text(question.rdtype), [])
        if records:
            said.answer.append(dns.rrset.from_text_list(question.name, 60, dns.rdataclass.IN, question.rdtype, records))
        return said

    # ------------------------------------------------------------------ coming and going
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


def _full(name: str) -> str:
    return name.rstrip(".").lower() + "."
