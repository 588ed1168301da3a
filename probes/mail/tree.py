"""The parts of a parsed mail: its own leaves, and the mails inside it, without recursion and within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property

from probes.mail.decode import body_bytes, clean, header_text, surrogates, text_of
from probes.mail.fields import HEADER_LIMIT, TEXT_LIMIT, Fields

PARTS_LIMIT = 200
HEADERS_LIMIT = 2000

RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
                       "text/rfc822", "message/global-headers", "message/partial"})  # fmt: skip
STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
NOTIFICATION = frozenset({"message/disposition-notification", "message/global-disposition-notification"})


@dataclass(frozen=True)
class Part:
    """A leaf of the mail itself (never of a mail inside it). `text` is decoded only for text parts."""

    type: str
    charset: str
    encoding: str
    disposition: str
    filename: str
    payload: str = field(repr=False)

    @cached_property
    def text(self) -> str:
        """The part's text; empty for a part that is not text."""
        if not self.type.startswith("text/") and self.type not in STATUS | NOTIFICATION | RETURNED:
            return ""
        return text_of(body_bytes(self.payload, self.encoding, TEXT_LIMIT * 2), self.charset)[:TEXT_LIMIT]


def raw_headers(message: Message) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name, value in list(message.raw_items())[:HEADERS_LIMIT]:
        out.setdefault(str(name).strip().lower(), []).append(str(value)[:HEADER_LIMIT])
    return out


_TELLING = frozenset({"message-id", "from", "to", "cc", "subject", "date", "x-original-to", "delivered-to", "reply-to"})


def fields_of(message: Message) -> Fields:
    """The headers of an inner mail that tell which mail it is."""
    return Fields(
        tuple(
            (name, header_text(value))
            for name, values in raw_headers(message).items()
            if name in _TELLING
            for value in values
        )
    )


def _content(message: Message) -> dict[str, str]:
    """The headers that describe a part, raw, by lower case name: the first of each."""
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        if name[:8].lower() == "content-":
            found.setdefault(name.lower(), value)
    return found


def type_of(message: Message, content: Mapping[str, str] | None = None) -> str:
    """The content type, lower case; `content` saves looking for the header."""
    value = None if content is None else content.get("content-type")
    if value is not None and value.isascii():
        kind = clean(value.partition(";")[0]).strip().lower()
        return kind if kind.count("/") == 1 else "text/plain"
    try:
        return clean(str(message.get_content_type()))
    except Exception:
        return "text/plain"


def parameter(message: Message, name: str, header: str = "content-type") -> str:
    """A parameter of a header, decoded; "" when it is not there."""
    try:
        value = message.get_param(name, header=header)
    except Exception:
        return ""
    if isinstance(value, tuple):
        value = value[2]
    return surrogates(value)[:500] if isinstance(value, str) else ""


def _header(message: Message, content: Mapping[str, str], name: str) -> str:
    value = content.get(name, "")
    if value.isascii():
        return header_text(value)
    try:
        return header_text(str(message.get(name, "") or ""))
    except Exception:
        return ""


def _named(message: Message, content: Mapping[str, str], name: str, header: str = "content-type") -> str:
    """A parameter; a header that does not hold its name is not taken apart."""
    return parameter(message, name, header) if name in content.get(header, "").lower() else ""


def walk(message: Message) -> Iterator[tuple[Part | Message, str]]:
    """Leaves and inner mails in the order of the text, without recursion."""
    todo: list[tuple[Message, str]] = [(message, "")]
    count = 0
    while todo and count < PARTS_LIMIT:
        current, under = todo.pop()
        count += 1
        content = _content(current)
        kind = type_of(current, content)
        payload = _payload(current)
        if isinstance(payload, list):
            children = [child for child in payload if isinstance(child, Message)]
            if kind.startswith("message/"):
                if kind in RETURNED and current is not message:
                    for child in children[:1]:
                        yield child, kind
                elif kind in RETURNED:
                    todo += [(child, kind) for child in children[:1]]  # a mail wrapped in nothing but a mail
                else:
                    text = "\n\n".join(_flat(child) for child in children)
                    yield _leaf(current, content, kind, text), under
            else:
                todo += [(child, kind) for child in reversed(children)]
        else:
            # A multipart whose boundary never comes is text: better its source than nothing.
            read_as = "text/plain" if kind.startswith("multipart/") else kind
            yield _leaf(current, content, read_as, payload if isinstance(payload, str) else ""), under


def _payload(message: Message) -> object:
    """The payload as parsed. get_payload() would decode raw bytes by the stated charset and lose them."""
    return vars(message).get("_payload")


def _flat(message: Message) -> str:
    """A block of a report as text again: compat32 reads each block as a message."""
    lines = [f"{name}: {value}" for name, value in _raw_headers_in_order(message)]
    payload = _payload(message)
    if isinstance(payload, str) and payload.strip():
        lines += ["", payload]
    return "\n".join(lines)


def _raw_headers_in_order(message: Message) -> list[tuple[str, str]]:
    return [(str(name), str(value)[:HEADER_LIMIT]) for name, value in list(message.raw_items())[:HEADERS_LIMIT]]


def _leaf(message: Message, content: Mapping[str, str], kind: str, payload: str) -> Part:
    disposition = _header(message, content, "content-disposition").partition(";")[0].strip().lower()
    filename = _named(message, content, "filename", "content-disposition") or _named(message, content, "name")
    encoding = _header(message, content, "content-transfer-encoding")
    return Part(kind, _named(message, content, "charset"), encoding, disposition, filename, payload)
