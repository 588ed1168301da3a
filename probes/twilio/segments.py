"""How many segments a text message takes: GSM-7 (3GPP TS 23.038) or UCS-2."""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class Segments:
    """`encoding` is GSM-7 or UCS-2, `length` in its units (septets, or 16-bit units)."""

    encoding: str
    length: int
    count: int


def segments(text: str) -> Segments:
    """What `text` takes. A unit that takes two places is never split between two segments."""
    if all(char in _BASIC or char in _EXTENDED for char in text):
        return _count("GSM-7", [2 if char in _EXTENDED else 1 for char in text], alone=160, each=153)
    return _count("UCS-2", [2 if ord(char) > 0xFFFF else 1 for char in text], alone=70, each=67)


def _count(encoding: str, widths: list[int], *, alone: int, each: int) -> Segments:
    length = sum(widths)
    if length <= alone:
        return Segments(encoding, length, 1)
    count, room = 1, each
    for width in widths:
        if width > room:
            count, room = count + 1, each
        room -= width
    return Segments(encoding, length, count)
