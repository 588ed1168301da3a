"""Reading a mail that may be broken: `parse(raw)` gives a `Mail` and never raises, whatever the bytes.

Parsed with compat32 (fast, and it keeps what the sender wrote); every header is decoded only when asked for. Work is
bounded: a mail is read up to RAW_LIMIT bytes, PARTS_LIMIT parts and TEXT_LIMIT characters of text, and attachments are
never opened.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.policy import compat32
from functools import cached_property

from probes.mail.decode import body_bytes, clean, header_text, html_text, surrogates, text_of

RAW_LIMIT = 4_000_000
PARTS_LIMIT = 200
NESTING_LIMIT = 100
TEXT_LIMIT = 200_000
HEADER_LIMIT = 100_000
ADDRESSES_LIMIT = 500

_LEADING = re.compile(rb"\A(?:\xef\xbb\xbf)?[\r\n]*(?:>?From [^\r\n]*(?:\r\n|\n|\r))?")
_NEST = re.compile(rb"multipart/|message/", re.I)
_BOUNDARY_LINES = 20_000
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'\\@]{1,128}@[^\s<>()\[\],;:\"'\\@]{1,255}")
_ANGLE = re.compile(r"<([^<>]{1,500})>")
_BARE_ID = re.compile(r"[^\s<>\"(),;]{1,250}@[^\s<>\"(),;]{1,250}")
_FOR = re.compile(r"\bfor\s+<?([^\s<>;()]{1,128}@[^\s<>;()]{1,255})")
_MENTIONED_ID = re.compile(r"message-?id\s{0,3}:?\s{0,9}<?([^\s<>\"]{1,250}@[^\s<>\"]{1,250})", re.I)

RECIPIENT_HEADERS = (
    "to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to",
    "apparently-to", "resent-to", "x-forwarded-to",
)  # fmt: skip
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
                       "text/rfc822", "message/global-headers", "message/partial"})  # fmt: skip
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_NOTIFICATION = frozenset({"message/disposition-notification", "message/global-disposition-notification"})


@dataclass(frozen=True, slots=True)
class Fields:
    """A block of header-like fields: names lower case, values decoded to one line, in order."""

    items: tuple[tuple[str, str], ...]

    def get(self, *names: str) -> str:
        """The first value of the first of `names` that is there, else the empty string."""
        for name in names:
            for key, value in self.items:
                if key == name and value:
                    return value
        return ""

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.items if key == name)


@dataclass(frozen=True, slots=True)
class Address:
    """`address` is lower case, "" when there is none; `name` is what stands beside it."""

    address: str = ""
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the mail itself (never of a mail inside it). `text` is decoded only for text parts."""

    type: str
    charset: str
    encoding: str
    disposition: str
    filename: str
    payload: str = field(repr=False)

    @property
    def text(self) -> str:
        """The part's text; empty for a part that is not text."""
        if not self.type.startswith("text/") and self.type not in _STATUS | _NOTIFICATION | _RETURNED:
            return ""
        return text_of(body_bytes(self.payload, self.encoding, TEXT_LIMIT * 2), self.charset)[:TEXT_LIMIT]


def _tidy(raw: bytes) -> bytes:
    """Undo what mail stores do to a mail, and cut what would cost too much to read."""
    raw = raw[:RAW_LIMIT]
    raw = raw[_LEADING.match(raw).end() :]  # type: ignore[union-attr]  # can match the empty string
    if b"\r\r\n" in raw:
        raw = raw.replace(b"\r\r\n", b"\r\n")
    if b"\x00" in raw:
        raw = raw.replace(b"\x00", b"")
    for count, nest in enumerate(_NEST.finditer(raw)):
        if count >= NESTING_LIMIT:
            return raw[: nest.start()]
    if raw.count(b"\n--") > _BOUNDARY_LINES:
        return b"\n--".join(raw.split(b"\n--", _BOUNDARY_LINES)[:_BOUNDARY_LINES])
    return raw


def parse(raw: bytes) -> Mail:
    """Read a mail. Any bytes give a Mail; what cannot be read is empty in it."""
    try:
        message = email.message_from_bytes(_tidy(raw), policy=compat32)
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
        return _raw_headers(self.message)

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
        return _type(self.message)

    @cached_property
    def report_type(self) -> str:
        """The report-type of a multipart/report ("delivery-status", "feedback-report", ...), else ""."""
        return _parameter(self.message, "report-type").lower()

    @cached_property
    def _tree(self) -> tuple[tuple[Part | Message, str], ...]:
        """The mail's own leaves and the mails inside it, each with the type it stands under."""
        return tuple(_walk(self.message))

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
            if part.disposition == "attachment" or not part.type.startswith("text/") or part.type in _RETURNED:
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
        return self._blocks(_STATUS)

    @cached_property
    def notifications(self) -> tuple[Fields, ...]:
        """The blocks of fields in its disposition notifications (read receipts)."""
        return self._blocks(_NOTIFICATION)

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
                out.append(_fields(item))
            elif item.type in _RETURNED:
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
                text = part.text if part.type != "text/html" else html_text(part.text)
                for hit in _MENTIONED_ID.finditer(text):
                    found.update(dict.fromkeys(ids(hit[1])))
        return tuple(found)[:PARTS_LIMIT]


# ----------------------------------------------------------------------------------------------- small readers
def ids(value: str) -> tuple[str, ...]:
    """Message-IDs in a header value, lower case, without brackets and white space, in order, without repeats."""
    value = value[:HEADER_LIMIT]
    found = [re.sub(r"\s+", "", hit[1]).lower() for hit in _ANGLE.finditer(value)]
    if not found:
        found = [hit[0].lower() for hit in _BARE_ID.finditer(value)]
    return tuple(dict.fromkeys(one for one in found if one))


def addresses(value: str) -> tuple[str, ...]:
    """Mail addresses in a decoded header value or a text, lower case, in order, without repeats."""
    found = (hit[0].lower().strip(".") for hit in _ADDRESS.finditer(value[:HEADER_LIMIT]))
    return tuple(dict.fromkeys(found))[:ADDRESSES_LIMIT]


def mailbox(value: str) -> Address:
    """The first mailbox of a decoded header value: its address and the name beside it."""
    value = value[:HEADER_LIMIT]
    angle = [hit for hit in _ANGLE.finditer(value) if "@" in hit[1]]
    if angle:
        found = addresses(angle[0][1])
        name = value[: angle[0].start()].strip(" \"'")
        return Address(found[0] if found else angle[0][1].strip().lower(), name)
    found = addresses(value)
    if not found:
        return Address("", value.strip(" \"'<>"))
    rest = value.replace("(", " ").replace(")", " ")
    name = re.sub(re.escape(found[0]), " ", rest, count=1, flags=re.I).strip(" \"'<>,;")
    return Address(found[0], name)


def blocks(text: str) -> list[Fields]:
    """Header-like fields in blocks parted by blank lines; folded lines are joined, other lines skipped."""
    out: list[Fields] = []
    current: list[tuple[str, str]] = []
    for line in [*clean(text[:TEXT_LIMIT]).split("\n")[:5000], ""]:
        if not line.strip():
            if current:
                out.append(Fields(tuple((name, header_text(value)) for name, value in current)))
                current = []
        elif line[0] in " \t":
            if current and len(current[-1][1]) < HEADER_LIMIT:
                current[-1] = (current[-1][0], current[-1][1] + " " + line.strip())
        else:
            name, colon, value = line.partition(":")
            if colon and name and " " not in name.strip() and len(name) < 80:
                current.append((name.strip().lower(), value.strip()))
        if len(out) >= PARTS_LIMIT:
            break
    return out


def _raw_headers(message: Message) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name, value in list(message.raw_items())[:2000]:
        out.setdefault(str(name).strip().lower(), []).append(str(value)[:HEADER_LIMIT])
    return out


def _fields(message: Message) -> Fields:
    return Fields(
        tuple((name, header_text(value)) for name, values in _raw_headers(message).items() for value in values)
    )


def _type(message: Message) -> str:
    try:
        return str(message.get_content_type())
    except Exception:
        return "text/plain"


def _parameter(message: Message, name: str, header: str = "content-type") -> str:
    try:
        value = message.get_param(name, header=header)
    except Exception:
        return ""
    if isinstance(value, tuple):
        value = value[2]
    return surrogates(value)[:500] if isinstance(value, str) else ""


def _header(message: Message, name: str) -> str:
    try:
        return header_text(str(message.get(name, "") or ""))
    except Exception:
        return ""


def _walk(message: Message) -> Iterator[tuple[Part | Message, str]]:
    """Leaves and inner mails in the order of the text, without recursion."""
    todo: list[tuple[Message, str]] = [(message, "")]
    count = 0
    while todo and count < PARTS_LIMIT:
        current, under = todo.pop()
        count += 1
        kind = _type(current)
        payload = current.get_payload()
        if isinstance(payload, list):
            children = [child for child in payload if isinstance(child, Message)]
            if kind.startswith("message/"):
                if kind in _RETURNED and current is not message:
                    for child in children[:1]:
                        yield child, kind
                elif kind in _RETURNED:
                    todo += [(child, kind) for child in children[:1]]  # a mail wrapped in nothing but a mail
                else:
                    yield _leaf(current, kind, "\n\n".join(_flat(child) for child in children)), under
            else:
                todo += [(child, kind) for child in reversed(children)]
        else:
            # A multipart whose boundary never comes is text: better its source than nothing.
            read_as = "text/plain" if kind.startswith("multipart/") else kind
            yield _leaf(current, read_as, payload if isinstance(payload, str) else ""), under


def _flat(message: Message) -> str:
    """A block of a report as text again: compat32 reads each block as a message."""
    lines = [f"{name}: {value}" for name, value in _raw_headers_in_order(message)]
    payload = message.get_payload()
    if isinstance(payload, str) and payload.strip():
        lines += ["", payload]
    return "\n".join(lines)


def _raw_headers_in_order(message: Message) -> list[tuple[str, str]]:
    return [(str(name), str(value)[:HEADER_LIMIT]) for name, value in list(message.raw_items())[:2000]]


def _leaf(message: Message, kind: str, payload: str) -> Part:
    disposition = _header(message, "content-disposition").partition(";")[0].strip().lower()
    filename = _parameter(message, "filename", "content-disposition") or _parameter(message, "name")
    encoding = _header(message, "content-transfer-encoding")
    return Part(kind, _parameter(message, "charset"), encoding, disposition, filename, payload)
