"""A real name server on a free loopback port (UDP, dnspython on the wire) that knows what a test tells it.

    with NameServer() as zone:
        zone.txt("inbox.example", "v=spf1 ip4:192.0.2.1 -all")    # a long one is cut into strings of 255, as they are
        zone.mx("inbox.example", 10, "mx.inbox.example").null_mx("shop.example")
        zone.a("mx.inbox.example", "192.0.2.1").aaaa("mx.inbox.example", "2001:db8::1").ptr("192.0.2.1", "mx.example")
        zone.alias("s1._domainkey.inbox.example", "s1.provider.example")
        zone.forgets("inbox.example")                             # all that it knew of the name
        zone.publishes("s1._domainkey.inbox.example", "v=DKIM1")  # TXT records in the place of those it had
        zone.fails("broken.example")                              # SERVFAIL, whatever is asked of the name
        zone.breaks()                                             # SERVFAIL about everything, until zone.recovers()
        zone.silent("lost.example")                               # never answers
        Names(zone.servers, live=False)                           # "127.0.0.1:port", as the config would name it
        zone.asked                                                # (name, kind) of each question, in order

A name that is known, or that has a known name below it, exists (NOERROR without a record); any other is NXDOMAIN.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT


class NameServer:
    """See the module."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._known: dict[str, dict[dns.rdatatype.RdataType, list[dns.rdata.Rdata]]] = defaultdict(dict)
        self._fails: set[str] = set()
        self._silent: set[str] = set()
        self._broken = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def servers(self) -> tuple[str, ...]:
        """As `nameservers` of a channel names it."""
        return (f"127.0.0.1:{self.port}",)

    # ------------------------------------------------------------------ verbs
    def txt(self, name: str, text: str | bytes) -> Self:
        """One TXT record; several of a name are several records."""
        raw = text.encode() if isinstance(text, str) else text
        strings = [raw[start : start + 255] for start in range(0, len(raw), 255)] or [b""]
        return self._put(name, dns.rdatatype.TXT, TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings))

    def a(self, name: str, *ips: str) -> Self:
        return self._add(name, "A", *ips)

    def aaaa(self, name: str, *ips: str) -> Self:
        return self._add(name, "AAAA", *ips)

    def mx(self, name: str, preference: int, host: str) -> Self:
        return self._add(name, "MX", f"{preference} {_full(host)}")

    def null_mx(self, name: str) -> Self:
        """It takes no mail, by its own word (RFC 7505)."""
        return self._add(name, "MX", "0 .")

    def ptr(self, ip: str, *names: str) -> Self:
        return self._add(dns.reversename.from_address(ip).to_text(), "PTR", *map(_full, names))

    def alias(self, name: str, to: str) -> Self:
        """A CNAME; what is known of `to` goes with the answer."""
        return self._add(name, "CNAME", _full(to))

    def forgets(self, name: str) -> Self:
        self._known.pop(_full(name), None)
        return self

    def publishes(self, name: str, *texts: str | bytes) -> Self:
        """TXT records of a name, in the place of all that was known of it."""
        self.forgets(name)
        for text in texts:
            self.txt(name, text)
        return self

    def breaks(self) -> Self:
        """SERVFAIL about everything: as good as silence, and quicker."""
        self._broken = True
        return self

    def recovers(self) -> Self:
        self._broken = False
        return self

    def fails(self, name: str) -> Self:
        self._fails.add(_full(name))
        return self

    def silent(self, name: str) -> Self:
        self._silent.add(_full(name))
        return self

    def _add(self, name: str, kind: str, *records: str) -> Self:
        found = dns.rdatatype.from_text(kind)
        return self._put(name, found, *(dns.rdata.from_text(dns.rdataclass.IN, found, record) for record in records))

    def _put(self, name: str, kind: dns.rdatatype.RdataType, *records: dns.rdata.Rdata) -> Self:
        self._known[_full(name)].setdefault(kind, []).extend(records)
        return self

    # ------------------------------------------------------------------ answering
    def _serve(self) -> None:
        while True:
            try:
                data, caller = self._socket.recvfrom(4096)
            except OSError:
                return
            if not data:  # the word that it is over: nobody else sends an empty datagram
                return
            try:
                said = self._answer(dns.message.from_wire(data))
            except dns.exception.DNSException:
                continue
            if said is not None:
                self._socket.sendto(said.to_wire(max_size=65535), caller)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        (question,) = query.question
        name = question.name.to_text().lower()
        self.asked.append((name.rstrip("."), dns.rdatatype.to_text(question.rdtype)))
        if name in self._silent:
            return None
        said = dns.message.make_response(query)
        said.flags |= dns.flags.AA | dns.flags.RA
        if self._broken or name in self._fails:
            said.set_rcode(dns.rcode.SERVFAIL)
            return said
        if not any(known == name or known.endswith(f".{name}") for known in self._known):
            said.set_rcode(dns.rcode.NXDOMAIN)
            return said
        for _ in range(8):
            there = self._known.get(name, {})
            alias = there.get(dns.rdatatype.CNAME)
            records = there.get(question.rdtype) or alias
            if not records:
                break
            said.answer.append(dns.rrset.from_rdata_list(dns.name.from_text(name), 60, records))
            if records is not alias:
                break
            name = records[0].to_text().lower()
        return said

    # ------------------------------------------------------------------ coming and going
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


def _full(name: str) -> str:
    return name.rstrip(".").lower() + "."
