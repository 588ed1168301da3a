"""Reading a mail that may be broken: `parse(raw)` gives a `Mail` and never raises, whatever the bytes.

Parsed as compat32 does (it keeps what the sender wrote); every header is decoded only when asked for. Work is
bounded: a mail is read up to RAW_LIMIT bytes, PARTS_LIMIT parts and TEXT_LIMIT characters of text, and attachments are
never opened.
"""

from __future__ import annotations

import re
from email.message import Message
from email.policy import compat32
from functools import cached_property

from probes.mail.decode import header_text, html_text, surrogates
from probes.mail.fields import ADDRESSES_LIMIT, TEXT_LIMIT, Address, Fields, addresses, blocks, ids, mailbox
from probes.mail.reader import read
from probes.mail.tree import (
    NOTIFICATION,
    PARTS_LIMIT,
    RETURNED,
    STATUS,
    Part,
    fields_of,
    parameter,
    raw_headers,
    type_of,
    walk,
)

__all__ = ["Address", "Fields", "Mail", "Part", "addresses", "blocks", "ids", "mailbox", "parse"]

RAW_LIMIT = 4_000_000
NESTING_LIMIT = 60
LINES_LIMIT = 100_000

_LEADING = re.compile(rb"\A(?:\xef\xbb\xbf)?[\r\n]*(?:>?From [^\r\n]*(?:\r\n|\n|\r))?")
_NEST = re.compile(rb"multipart/|message/")
_BOUNDARY_LINES = 20_000
_FOR = re.compile(r"\bfor\s+<?([^\s<>;()]{1,128}@[^\s<>;()]{1,255})")
_MENTIONED_ID = re.compile(r"message-?id\s{0,3}:?\s{0,9}<?([^\s<>\"]{1,250}@[^\s<>\"]{1,250})", re.I)
_ID_IN_HTML = re.compile(r"message(?:-|<[^<>]{0,200}>|&[^\s;&]{1,10};){0,5}id")

RECIPIENT_HEADERS = (
    "to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to",
    "apparently-to", "resent-to", "x-forwarded-to",
)  # fmt: skip


def _tidy(raw: bytes) -> bytes:
    """Undo what mail stores do to a mail, and cut what would cost too much: the parser asks each line at each level."""
    raw = raw[:RAW_LIMIT]
    raw = raw[_LEADING.match(raw).end() :]  # type: ignore[union-attr]  # can match the empty string
    if b"\r\r\n" in raw:
        raw = raw.replace(b"\r\r\n", b"\r\n")
    if b"\x00" in raw:
        raw = raw.replace(b"\x00", b"")
    for count, nest in enumerate(_NEST.finditer(raw.lower())):
        if count >= NESTING_LIMIT:
            raw = raw[: nest.start()]
            break
    if raw.count(b"\n") + raw.count(b"\r") > 2 * LINES_LIMIT:
        raw = b"\n".join(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n", LINES_LIMIT)[:LINES_LIMIT])
    if raw.count(b"\n--") > _BOUNDARY_LINES:
        return b"\n--".join(raw.split(b"\n--", _BOUNDARY_LINES)[:_BOUNDARY_LINES])
    return raw


def parse(raw: bytes) -> Mail:
    """Read a mail. Any bytes give a Mail; what cannot be read is empty in it."""
    try:
        message = read(_tidy(raw))
    except Exception:  # RecursionError and whatever else hostile bytes find in the parser
        message = Message(policy=compat32)
        head, _, body = _tidy(raw).partition(b"\n\n")
        for line in head.decode("ascii", "surrogateescape").splitlines()[:1000]:
            name, colon, value = line.partition(":")
            if colon and name.isascii() and name.strip() and " " not in name.strip():
                message[name.strip()] = value.strip()
        del message["content-type"]
        message.set_payload(body[:TEXT_LIMIT].decode("ascii", "surrogateescape"))
    return Mail(raw, message)


class Mail:
    """One mail, read lazily. Every attribute works on any bytes; nothing here raises."""

    def __init__(self, raw: bytes, message: Message) -> None:
        self.raw = raw
        self.message = message

    def __repr__(self) -> str:
        return f"Mail({len(self.raw)} bytes, subject={self.subject[:60]!r})"

    # ------------------------------------------------------------------------------------------- headers
    @cached_property
    def _headers(self) -> dict[str, list[str]]:
        return raw_headers(self.message)

    def has(self, name: str) -> bool:
        """Whether a header of this (lower case) name stands there, even empty."""
        return name in self._headers

    def header(self, name: str) -> str:
        """The first header of this (lower case) name, decoded to one line; "" when absent."""
        values = self._headers.get(name)
        return header_text(values[0]) if values else ""

    def headers(self, name: str) -> tuple[str, ...]:
        """All headers of this (lower case) name, decoded, from the top."""
        return tuple(header_text(value) for value in self._headers.get(name, ()))

    @cached_property
    def subject(self) -> str:
        return self.header("subject")

    @cached_property
    def message_id(self) -> str:
        """Its own Message-ID, lower case, without brackets."""
        found = ids(self._joined("message-id"))
        return found[0] if found else ""

    @cached_property
    def in_reply_to(self) -> tuple[str, ...]:
        return ids(self._joined("in-reply-to"))

    @cached_property
    def references(self) -> tuple[str, ...]:
        return ids(self._joined("references"))[-50:]

    def _joined(self, name: str) -> str:
        values = self._headers.get(name)
        return surrogates(" ".join(values)) if values else ""

    @cached_property
    def sender(self) -> Address:
        """Who wrote: From, else Sender, else the envelope sender."""
        for name in ("from", "sender", "return-path"):
            found = mailbox(self.header(name))
            if found.address:
                return found
        return mailbox(self.header("from"))

    @cached_property
    def reply_to(self) -> Address:
        return mailbox(self.header("reply-to"))

    @cached_property
    def envelope_sender(self) -> str | None:
        """What Return-Path says, lower case; "" is the null sender; None when no such header stands there."""
        values = self._headers.get("return-path")
        if not values:
            return None
        value = header_text(values[0])
        found = addresses(value)
        if found:
            return found[0]
        return "" if value.replace(" ", "") in {"<>", ""} else value.strip("<> ").lower()

    @cached_property
    def recipients(self) -> tuple[str, ...]:
        """Every address it was addressed or delivered to, lower case, without repeats."""
        found: dict[str, None] = {}
        for name in RECIPIENT_HEADERS:
            for value in self._headers.get(name, ()):
                for address in addresses(header_text(value)):
                    found[address] = None
        for value in self._headers.get("received", ()):
            for hit in _FOR.finditer(surrogates(value)):
                found[hit[1].lower()] = None
        return tuple(found)[:ADDRESSES_LIMIT]

    # ------------------------------------------------------------------------------------------- body
    @cached_property
    def type(self) -> str:
        """The content type of the whole mail, lower case."""
        return type_of(self.message)

    @cached_property
    def report_type(self) -> str:
        """The report-type of a multipart/report ("delivery-status", "feedback-report", ...), else ""."""
        stated = self._headers.get("content-type", ("",))[0].lower()
        return parameter(self.message, "report-type").lower() if "report-type" in stated else ""

    @cached_property
    def _tree(self) -> tuple[tuple[Part | Message, str], ...]:
        """The mail's own leaves and the mails inside it, each with the type it stands under."""
        return tuple(walk(self.message))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part, _ in self._tree if isinstance(part, Part))

    @cached_property
    def plain(self) -> str:
        """The plain text parts that are not attachments, joined."""
        return self._joined_text(html=False)

    @cached_property
    def html(self) -> str:
        """The HTML parts that are not attachments, as source."""
        return self._joined_text(html=True)

    def _joined_text(self, *, html: bool) -> str:
        out: list[str] = []
        size = 0
        for part in self.parts:
            if part.disposition == "attachment" or not part.type.startswith("text/") or part.type in RETURNED:
                continue
            if (part.type == "text/html") is not html or part.type == "text/calendar":
                continue
            text = part.text
            out.append(text)
            size += len(text)
            if size > TEXT_LIMIT:
                break
        return "\n".join(out)[:TEXT_LIMIT]

    @cached_property
    def text(self) -> str:
        """What a reader sees: the plain text, or the HTML's text where there is no plain text."""
        plain = self.plain
        if plain.strip():
            # Some send HTML source under text/plain.
            return html_text(plain) if plain.lstrip()[:15].lower().startswith(("<html", "<!doctype html")) else plain
        return html_text(self.html)

    @cached_property
    def attachments(self) -> tuple[str, ...]:
        """Types of the parts that are not text and not part of a report."""
        return tuple(
            part.type
            for part in self.parts
            if part.disposition == "attachment" or not part.type.startswith(("text/", "message/"))
        )

    @cached_property
    def statuses(self) -> tuple[Fields, ...]:
        """The blocks of fields in its delivery-status parts: for the whole message and for each recipient."""
        return self._blocks(STATUS)

    @cached_property
    def notifications(self) -> tuple[Fields, ...]:
        """The blocks of fields in its disposition notifications (read receipts)."""
        return self._blocks(NOTIFICATION)

    @cached_property
    def feedback(self) -> tuple[Fields, ...]:
        """The blocks of fields in its feedback reports (complaints)."""
        return self._blocks(frozenset({"message/feedback-report"}))

    def _blocks(self, types: frozenset[str]) -> tuple[Fields, ...]:
        out: list[Fields] = []
        for part in self.parts:
            if part.type in types:
                out += blocks(part.text or surrogates(part.payload))
        return tuple(out[:PARTS_LIMIT])

    @cached_property
    def returned(self) -> tuple[Fields, ...]:
        """The headers of the mails inside it (returned, forwarded)."""
        out: list[Fields] = []
        for item, _ in self._tree:
            if isinstance(item, Message):
                out.append(fields_of(item))
            elif item.type in RETURNED:
                block = next(iter(blocks(item.text or surrogates(item.payload))), None)
                if block:
                    out.append(block)
        return tuple(block for block in out if block.items)

    @cached_property
    def mentioned_ids(self) -> tuple[str, ...]:
        """Message-IDs of other mails that it carries outside its own headers, the surest first.

        In order: returned headers, delivery-status fields, and lines of its text that say "Message-ID: ...".
        """
        found: dict[str, None] = {}
        for block in self.returned:
            for value in block.all("message-id"):
                found.update(dict.fromkeys(ids(value)))
        for block in self.statuses + self.feedback + self.notifications:
            for name in ("original-message-id", "x-original-message-id", "message-id"):
                for value in block.all(name):
                    found.update(dict.fromkeys(ids(value)))
        for part in self.parts:
            if part.type.startswith(("text/", "message/")) and len(found) < PARTS_LIMIT:
                text = part.text
                if part.type == "text/html":
                    named = "message" in text and "@" in text and _ID_IN_HTML.search(text.lower())
                    text = html_text(text) if named else ""
                for hit in _MENTIONED_ID.finditer(text):
                    found.update(dict.fromkeys(ids(hit[1])))
        return tuple(found)[:PARTS_LIMIT]
