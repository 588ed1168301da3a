"""Writes the mail that goes out, byte for byte: what a person's mail program would write, and no header more.

Nothing of an enquiry can add a header: names and subjects are folded into one line, addresses and ids that are not
plain are refused. Python's own header classes are not used for addresses and ids, because they fold long ones.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from probes.contract import Enquiry
from probes.mail import address

_MESSAGE_ID = re.compile(r"<[!#$%&'*+/=?^_`{|}~.\w-]+@[\w.\[\]:-]+>", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_NOT_IN_7BIT = re.compile(rb"[^\t\n\x20-\x7e]")
_NOT_IN_8BIT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')
_LINE = 998
_HEADER_LINE = 76


@dataclass(frozen=True, slots=True)
class Letter:
    """An enquiry whose addresses and id were judged fit for the wire; domains in ASCII."""

    sender: str
    recipient: str
    enquiry: Enquiry

    @property
    def needs_utf8(self) -> bool:
        """Whether an address needs SMTPUTF8 (RFC 6531): letters beyond ASCII before the @."""
        return not (self.sender + self.recipient).isascii()


def letter(enquiry: Enquiry) -> Letter:
    """Judges an enquiry fit for the wire. Raises ValueError saying what is wrong with it."""
    if len(enquiry.message_id) > 250 or not _MESSAGE_ID.fullmatch(enquiry.message_id):
        raise ValueError(f"{enquiry.message_id!r} is not a Message-ID; it looks like <name@example.org>")
    for text in (enquiry.subject, enquiry.body, enquiry.sender_name):
        try:
            text.encode()
        except UnicodeError:
            raise ValueError("the text holds half a character (a lone surrogate) and cannot be written") from None
    return Letter(sender=address.normalise(enquiry.reply_to), recipient=address.normalise(enquiry.to), enquiry=enquiry)


def compose(written: Letter, at: datetime, *, eight_bit: bool) -> bytes:
    """The whole mail with CRLF line ends, not yet dot-stuffed. `at` becomes the Date; `eight_bit`: 8BITMIME is offered.

    Names and subject are RFC 2047 words where they are not ASCII; addresses stand as they are (UTF-8 under SMTPUTF8).
    """
    enquiry = written.enquiry
    encoding, body = _body(enquiry.body, eight_bit=eight_bit)
    headers = [
        f"From: {_phrase(enquiry.sender_name)}<{written.sender}>",
        f"To: {written.recipient}",
        f"Subject: {_unstructured(enquiry.subject, 'Subject')}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: {enquiry.message_id}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    if _LANGUAGE.fullmatch(enquiry.language):
        headers.append(f"Content-Language: {enquiry.language}")
    head = "\r\n".join(headers).encode()
    return head + b"\r\n\r\n" + body.replace(b"\n", b"\r\n")


def one_line(text: str) -> str:
    """`text` with every run of white space and control characters turned into one space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _unstructured(text: str, name: str) -> str:
    line = one_line(text)
    plain = line.isascii() and "=?" not in line and all(len(word) < _LINE - len(name) - 2 for word in line.split())
    charset = "us-ascii" if plain else "utf-8"
    return Header(line, charset, header_name=name, maxlinelen=_HEADER_LINE).encode(linesep="\r\n")


def _phrase(name: str) -> str:
    """A display name and the space after it: bare, quoted or as RFC 2047 words; "" for no name."""
    line = one_line(name)
    if not line:
        return ""
    if not line.isascii() or "=?" in line or len(line) > _HEADER_LINE:
        return Header(line, "utf-8", header_name="From", maxlinelen=_HEADER_LINE).encode(linesep="\r\n") + " "
    if _SPECIALS.search(line):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" '
    return f"{line} "


def _body(text: str, *, eight_bit: bool) -> tuple[str, bytes]:
    """The transfer encoding and the encoded body, lines ending in LF."""
    data = (re.sub(r"\r\n?|\n", "\n", text).rstrip("\n") + "\n").encode()
    short = all(len(line) <= _LINE for line in data.split(b"\n"))
    if short and not _NOT_IN_7BIT.search(data):
        return "7bit", data
    if short and eight_bit and not _NOT_IN_8BIT.search(data):
        return "8bit", data
    return "quoted-printable", binascii.b2a_qp(data, istext=True)
