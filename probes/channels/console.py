"""Writes what it would send to a file or the screen; for a first look without an account anywhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from probes.contract import Clock, Description, Enquiry, Receipt
from probes.settings import FilePath, Table


class Settings(Table):
    """`out`: the file to append to; standard output where it is left out."""

    out: FilePath = None


@dataclass(frozen=True, slots=True)
class Console:
    """Prints. What was printed reached nobody, so its receipt is `not_sent` and no figure counts it."""

    out: Path | None

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        text = _text(enquiry)
        try:
            if self.out is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                with self.out.open("a", encoding="utf-8") as stream:
                    stream.write(text)
        except (OSError, UnicodeError) as error:
            return Receipt(state="not_sent", at=now(), reason=f"{self.out or 'standard output'}: {error}")
        return Receipt(state="not_sent", at=now(), reason="printed, not sent: this channel reaches nobody")


class ConsoleKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="prints what it would send; reaches nobody",
        bases=frozenset({"own", "consented", "public_enquiry", "authority"}),
        columns=("console",),
        time_limit=timedelta(minutes=1),
        answerable=False,
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """The address with its white space folded. Raises ValueError when nothing is left."""
        folded = " ".join(address.split())
        if not folded or not folded.isprintable():
            raise ValueError(f"{address!r} is not an address: nothing that can be printed is left of it")
        return folded

    def scope(self, address: str) -> str:
        """What follows the last "@", or the whole address."""
        return address.rpartition("@")[2].lower()

    def open(self, name: str, settings: Settings, *, live: bool) -> Console:  # noqa: ARG002 - the same for every channel
        return Console(out=settings.out)


def _text(enquiry: Enquiry) -> str:
    head = f"To: {enquiry.to}\nFrom: {enquiry.sender_name} <{enquiry.reply_to}>\nSubject: {enquiry.subject}\n"
    return f"{head}\n{enquiry.body.rstrip()}\n{'-' * 72}\n"


channel = ConsoleKind()
