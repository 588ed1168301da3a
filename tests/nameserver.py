"""A name server on loopback, over real UDP: it publishes, withdraws, stays silent and counts what it was asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers for every name: the TXT records that were published, NXDOMAIN for names it does not know."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._texts: dict[str, list[str]] = {}
        self._silent: set[str] = set()
        self._broken = False
        self.asked: list[str] = []
        self._thread = Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """As `nameservers` in the config wants it."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def publishes(self, name: str, *texts: str) -> None:
        """TXT records of a name, in the place of those it had."""
        self._texts[name.lower()] = list(texts)

    def withdraws(self, name: str) -> None:
        self._texts.pop(name.lower(), None)

    def refuses(self, *, refusing: bool = True) -> None:
        """Answers every question with SERVFAIL, which says nothing of the name: as good as silence, and quicker."""
        self._broken = refusing

    def refuses_about(self, name: str) -> None:
        self._silent.add(name.lower())

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, peer = self._socket.recvfrom(4096)
            if not wire:
                return
            self._socket.sendto(self._answer(wire), peer)

    def _answer(self, wire: bytes) -> bytes:
        question = dns.message.from_wire(wire)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        asked = question.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if self._broken or name in self._silent:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self._texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.TXT:
            for text in self._texts[name]:
                parts = " ".join(f'"{_quoted(text[at : at + 200])}"' for at in range(0, max(len(text), 1), 200))
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "TXT", parts))
        return answer.to_wire()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace(";", "\\;")


@contextmanager
def nameserver() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running
