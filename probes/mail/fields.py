"""Small readers of decoded header values: addresses, Message-IDs, blocks of fields. Linear, and never an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probes.mail.decode import clean, header_text

HEADER_LIMIT = 100_000
ADDRESSES_LIMIT = 500
BLOCKS_LIMIT = 200
TEXT_LIMIT = 200_000

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'\\@]{1,128}@[^\s<>()\[\],;:\"'\\@]{1,255}")
_ANGLE = re.compile(r"<([^<>]{1,500})>")
_BARE_ID = re.compile(r"[^\s<>\"(),;]{1,250}@[^\s<>\"(),;]{1,250}")


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


def ids(value: str) -> tuple[str, ...]:
    """Message-IDs in a header value, lower case, without brackets and white space, in order, without repeats."""
    value = value[:HEADER_LIMIT]
    found = [re.sub(r"\s+", "", hit[1]).lower() for hit in _ANGLE.finditer(value)]
    if not found:
        found = [hit[0].lower() for hit in _BARE_ID.finditer(value)]
    return tuple(dict.fromkeys(one for one in found if one))


def addresses(value: str) -> tuple[str, ...]:
    """Mail addresses in a decoded header value or a text, lower case, in order, without repeats."""
    if "@" not in value:
        return ()
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
    at = rest.lower().find(found[0])
    name = f"{rest[:at]} {rest[at + len(found[0]) :]}" if at >= 0 else rest
    return Address(found[0], name.strip(" \"'<>,;"))


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
        if len(out) >= BLOCKS_LIMIT:
            break
    return out
