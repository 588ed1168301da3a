"""Where somebody's address stands in a mail, however it is packed, and which names go with it there. Pure.

Looked at: the bytes as they came, every header of every part with its encoded words decoded, every part with base64 and
quoted-printable undone and HTML entities resolved. Not looked into: archives, images and documents that are packed once
more by their own format.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses
from urllib.parse import unquote_plus

from monitor.naming import is_person
from probes.mail.decode import body_bytes, header_text, text_of
from probes.mail.mime import RAW_LIMIT, parse

_NAMING_HEADERS = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "x-original-from"})
_DIGITS = re.compile(r"\+?\d[\d\s().\-/\u00a0]{5,30}\d")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_FEWEST = 8
"""Digits that a number has at least when it is written without its country code."""
_GROUPS = 16
PARTS = 400


@dataclass(frozen=True)
class Sought:
    """Addresses (mail addresses, numbers) put together once, to be looked for in many texts."""

    addresses: frozenset[str]
    pattern: re.Pattern[str] | None
    numbers: frozenset[str]

    @classmethod
    def of(cls, addresses: Iterable[str]) -> Sought:
        known = frozenset(one.lower() for one in addresses if one.strip())
        forms: list[str] = []
        for one in sorted(known):
            local, at, domain = one.rpartition("@")
            if at:
                ends = rf"{re.escape(domain)}(?![\w\-]|\.\w)"
                forms.append(rf"(?<![\w.+\-]){re.escape(local)}@{ends}")
                # As return paths and links carry it: "bounces+anna=shop.example@", "?to=anna%40shop.example"
                forms.append(rf"(?<!\w){re.escape(local)}(?:=|%40|=40|&#64;|\s?[(\[]\s?at\s?[)\]]\s?){ends}")
            elif not _number(one):
                forms.append(rf"(?<![\w.\-]){re.escape(one)}(?![\w\-])")
        numbers = frozenset(re.sub(r"\D", "", one).lstrip("0") for one in known if _number(one))
        return cls(known, re.compile("|".join(forms), re.I) if forms else None, numbers)

    def stands_in(self, text: str) -> bool:
        if self.pattern is not None and self.pattern.search(text):
            return True
        return bool(self.numbers) and any(self._is_number(hit[0]) for hit in _DIGITS.finditer(text))

    def blanked(self, text: str, blank: str = "[address]") -> str:
        """`text` with these addresses made unreadable."""
        if self.pattern is not None:
            text = self.pattern.sub(blank, text)
        if self.numbers:
            text = _DIGITS.sub(lambda hit: "[number]" if self._is_number(hit[0]) else hit[0], text)
        return text

    def _is_number(self, said: str) -> bool:
        """Whether one of the numbers is in this run of digits, with or without its country code; others may stand
        before and after it. Our own number may differ in its area code alone: fewer digits would find it too."""
        groups = re.findall(r"\d+", said)[:_GROUPS]
        runs = ("".join(groups[i:j]).lstrip("0") for i in range(len(groups)) for j in range(i + 1, len(groups) + 1))
        return any(len(run) >= _FEWEST and known.endswith(run) for run in runs for known in self.numbers)


def _number(text: str) -> bool:
    return re.fullmatch(r"\+?\d{7,20}", text) is not None


@dataclass(frozen=True, slots=True)
class Trace:
    """Whether the addresses stand in a mail, and the display names that go with them in its headers."""

    stands: bool
    names: frozenset[str] = frozenset()


def trace(raw: bytes, sought: Sought) -> Trace:
    """Look for the addresses in a mail. Never raises, whatever the bytes."""
    stands = sought.stands_in(raw.decode("utf-8", "replace"))
    names: set[str] = set()
    for name, text in texts(raw):
        if not sought.stands_in(text):
            continue
        stands = True
        if name in _NAMING_HEADERS:
            names |= {
                " ".join(display.split())
                for display, address in getaddresses([text])
                if display and sought.stands_in(address)
            }
    return Trace(stands, frozenset(_turned(names)))


def stands_in_told(raw: bytes, sought: Sought) -> bool:
    """Whether the addresses stand in what a provider told: a form body, JSON, or any text. Never raises."""
    text = raw.decode("utf-8", "replace")
    return any(sought.stands_in(one) for one in {text, unquote_plus(text), _ESCAPED.sub(_unescaped, text)})


def told_says(raw: bytes, names: Iterable[str]) -> bool:
    """Whether one of these names stands in what a provider told, as a whole."""
    pattern = _as_a_whole(names)
    text = raw.decode("utf-8", "replace")
    return pattern is not None and any(
        pattern.search(one) for one in (text, unquote_plus(text), _ESCAPED.sub(_unescaped, text))
    )


def _unescaped(hit: re.Match[str]) -> str:
    return chr(int(hit[1], 16))


def _as_a_whole(names: Iterable[str]) -> re.Pattern[str] | None:
    wanted = [re.sub(r"\s+", r"\\s+", re.escape(name).replace(r"\ ", " ")) for name in names if is_person(name)]
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.I) if wanted else None


def says(raw: bytes, names: Iterable[str]) -> bool:
    """Whether one of these names stands in a mail as a whole, in the sender's case or in capitals."""
    pattern = _as_a_whole(names)
    if pattern is None:
        return False
    return pattern.search(raw.decode("utf-8", "replace")) is not None or any(
        pattern.search(text) for _, text in texts(raw)
    )


def texts(raw: bytes) -> Iterator[tuple[str, str]]:
    """Every text of a mail, decoded, with the (lower case) name of its header, or "" for a body."""
    if len(raw) > RAW_LIMIT:
        yield "", raw[RAW_LIMIT:].decode("utf-8", "replace")
    todo: list[object] = [parse(raw).message]
    for _ in range(PARTS):
        if not todo:
            return
        part = todo.pop()
        if not isinstance(part, Message):
            continue
        for name, value in part.raw_items():
            yield str(name).strip().lower(), header_text(str(value))
        payload = vars(part).get("_payload")
        if isinstance(payload, list):
            todo += payload
        elif isinstance(payload, str):
            encoding = header_text(str(part.get("content-transfer-encoding", "")))
            text = text_of(body_bytes(payload, encoding, RAW_LIMIT), str(part.get_content_charset("") or ""))
            yield "", html.unescape(text) if "&" in text else text


def _turned(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        last, comma, first = name.partition(",")
        if comma and first.strip():
            yield f"{first.strip()} {last.strip()}"
