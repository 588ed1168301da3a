"""Makes the bytes of a mail from a hand-written template and the enquiry it replies to.

A template (`replies/NAME.eml`) is a whole raw mail in UTF-8, headers and MIME parts as we wrote them, with
    {{name}}             replaced by a value of `values()`; a name that does not exist is an error
    %%base64 CHARSET     the lines up to %%end encoded in CHARSET, then base64
    %%qp CHARSET         ... quoted-printable
    %%raw CHARSET        ... bytes as they are
so that each mail keeps the shape its sender's program would have given it, broken ones included.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import format_datetime, parseaddr
from html import escape
from importlib.resources import files
from zoneinfo import ZoneInfo

_NAME = re.compile(r"\{\{(\w+)\}\}")
_BLOCK = re.compile(r"^%%(base64|qp|raw) (\S+)\n(.*?)^%%end\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Enquiry:
    """An enquiry as the business's mail server took it: envelope, bytes and when."""

    sender: str
    recipient: str
    raw: bytes
    at: datetime


def template(name: str) -> str:
    """The text of `replies/NAME.eml`."""
    return files("probes.sandbox").joinpath("replies", f"{name}.eml").read_text(encoding="utf-8")


def values(enquiry: Enquiry, at: datetime, timezone: str, token: str) -> dict[str, str]:
    """What a template may refer to; `token` makes Message-IDs, boundaries and queue ids unique.

    `subject` and the `original_*` values are raw header text, `subject_plain` and the quotes are decoded.
    """
    mail = message_from_bytes(enquiry.raw)
    local = at.astimezone(ZoneInfo(timezone))
    name, address = parseaddr(_plain(mail, "Reply-To") or _plain(mail, "From"))
    name = name or parseaddr(_plain(mail, "From"))[0]
    body = _body(mail)
    head = enquiry.raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n")
    return {
        "token": token,
        "date": format_datetime(local),
        "day": local.strftime("%d/%m/%Y"),
        "to": address,
        "to_name": name,
        "first_name": name.split(" ", maxsplit=1)[0],
        "business": enquiry.recipient,
        "domain": enquiry.recipient.rpartition("@")[2],
        "sender": enquiry.sender,
        "message_id": _raw(mail, "Message-ID"),
        "subject": _raw(mail, "Subject"),
        "subject_plain": _plain(mail, "Subject"),
        "original_date": _raw(mail, "Date"),
        "original_from": _raw(mail, "From"),
        "received": format_datetime(enquiry.at),
        "received_day": enquiry.at.astimezone(ZoneInfo(timezone)).strftime("%a, %b %d, %Y"),
        "received_time": enquiry.at.astimezone(ZoneInfo(timezone)).strftime("%H:%M"),
        "quote": "\n".join(f"> {line}".rstrip() for line in body.splitlines()),
        "body": body,
        "quote_html": "<br>\n".join(escape(line) for line in body.splitlines()),
        "original_headers": head,
        "original": head + "\n\n" + body,
    }


def compose(text: str, known: Mapping[str, str]) -> bytes:
    """The bytes of the mail, lines ended by CRLF. Raises KeyError naming a value that does not exist."""
    filled = _NAME.sub(lambda found: known[found[1]], text)
    parts: list[bytes] = []
    end = 0
    for block in _BLOCK.finditer(filled):
        parts.append(_crlf(filled[end : block.start()].encode()))
        parts.append(_encoded(block[1], block[3].encode(block[2], "replace")))
        end = block.end()
    parts.append(_crlf(filled[end:].encode()))
    return b"".join(parts)


def _encoded(how: str, data: bytes) -> bytes:
    if how == "base64":
        data = base64.encodebytes(data.replace(b"\n", b"\r\n"))
    elif how == "qp":
        data = quopri.encodestring(data)
    return _crlf(data)


def _crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _raw(mail: Message, header: str) -> str:
    return " ".join(str(mail.get(header, "")).split())


def _plain(mail: Message, header: str) -> str:
    return str(make_header(decode_header(_raw(mail, header))))


def _body(mail: Message) -> str:
    """The first text part, decoded: the enquiry is ours, so it can be."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n").strip()
    return ""
