"""Private reply addresses: one for each probe, shaped so that nobody can tell it from a customer's.

Three schemes: `catch_all` invents a local part from the persona's name, `plus` appends a token to one mailbox,
`list` hands out ready mailboxes. Everything random comes from the caller's `draw`: same draws, same address.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from probes.mail.address import ascii_domain, normalise

Draw = Callable[[int], int]
"""draw(n): the next number in 0..n-1."""


@dataclass(frozen=True, slots=True)
class MailboxList:
    """Ready mailboxes, in the order of their file."""

    path: Path
    mailboxes: tuple[str, ...]


# --------------------------------------------------------------------------- what an address must be
def spellings(text: str) -> frozenset[str]:
    """The spellings under which what somebody wrote for an address or a mail domain may be stored: as it is, and with
    the domain in ASCII (IDNA); both in lower case, without a final dot or an "@" before a domain."""
    bare = text.strip().lower().removeprefix("@").rstrip(".")
    local, at, domain = bare.rpartition("@")
    try:
        return frozenset({bare, f"{local}{at}{ascii_domain(domain)}"})
    except ValueError:
        return frozenset({bare})


def check_domain(text: str) -> str:
    """`text` as a domain in lower case and ASCII (IDNA). Raises ValueError saying what is wrong."""
    if "@" in text:
        raise ValueError(f'{text!r} is an address; write the domain alone, such as "inbox.example.org"')
    try:
        return ascii_domain(text)
    except ValueError:
        raise ValueError(f'{text!r} is not a domain; write one such as "inbox.example.org"') from None


def check_mailbox(text: str) -> str:
    """`text` as a mail address in lower case and ASCII. Raises ValueError saying what is wrong."""
    try:
        address = normalise(text)
    except ValueError:
        address = ""
    if not address or not address.isascii():
        raise ValueError(f'{text!r} is not a mail address of ours; write one such as "audit@example.org"')
    return address


def read_mailboxes(path: Path) -> MailboxList:
    """Ready mailboxes from a file: one address a line, "#" begins a comment. Raises ValueError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read ({reason}); write one mail address a line in it") from None
    mailboxes: list[str] = []
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        try:
            mailbox = check_mailbox(entry).lower()
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if mailbox in mailboxes:
            raise ValueError(f"{path}, line {number}: {mailbox} stands there twice; write each mailbox once")
        mailboxes.append(mailbox)
    if not mailboxes:
        raise ValueError(f"{path} holds no address; write one mail address a line in it")
    return MailboxList(path, tuple(mailboxes))


# --------------------------------------------------------------------------- giving one to a probe
_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "đ": "d", "ø": "o", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l",
     "ı": "i", "ð": "d", "þ": "th", "'": "", "\u2019": ""}
)  # fmt: skip
_PLUS_LETTERS = "bcdfghjkmnpqrstvwxz23456789"  # no vowels, so no words; nothing that is read as something else
_PLUS_LENGTH = 8
_TRIES = 200  # the shapes give some 100,000 addresses to a name of two parts; when they are used up numbers grow


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a name as they stand in a mail address: "Zoë Đặng-Müller" -> ("zoe", "dang", "mueller").

    Empty when the name has no Latin letters.
    """
    # Composed first, so that a letter with its mark is found in the table however it was typed.
    spelled = unicodedata.normalize("NFC", name.casefold()).translate(_SPELLINGS)
    plain = unicodedata.normalize("NFKD", spelled)
    return tuple(re.findall(r"[a-z]+", "".join(c for c in plain if not unicodedata.combining(c)).translate(_SPELLINGS)))


def shaped(name: str, domain: str, draw: Draw, taken: Container[str]) -> str:
    """An address at `domain` that looks like one `name` would choose, and that is not in `taken`.

    Raises ValueError when the name has no Latin letters.
    """
    parts = name_parts(name)
    if not parts:
        raise ValueError(f"{name!r} has no Latin letters to make a mail address from")
    for attempt in itertools.count():
        local = _local(parts, draw, wide=attempt // _TRIES)
        address = f"{local}@{domain}"
        if address not in taken:
            return address
    raise AssertionError("unreachable")


def plus(mailbox: str, draw: Draw, taken: Container[str]) -> str:
    """`mailbox` with a token of its own: audit+token@..., not in `taken`."""
    local, _, domain = mailbox.rpartition("@")
    while True:
        token = "".join(_PLUS_LETTERS[draw(len(_PLUS_LETTERS))] for _ in range(_PLUS_LENGTH))
        address = f"{local}+{token}@{domain}"
        if address not in taken:
            return address


def ready(mailboxes: Sequence[str], draw: Draw, taken: Container[str]) -> str | None:
    """One of `mailboxes` that is not in `taken`; None when none is free."""
    free = [mailbox for mailbox in mailboxes if mailbox not in taken]
    return free[draw(len(free))] if free else None


def _local(parts: Sequence[str], draw: Draw, *, wide: int) -> str:
    """What people make of their names: some order of the parts, a separator, a year, a number or an initial."""
    first, last = parts[0][:24], "".join(parts[1:])[:28]
    dot = ("", ".", ".", ".", "_", "-")[draw(6)]
    if not last:
        bodies = [first, first]
    else:
        initial = "abcdefghijklmnoprstvw"[draw(21)]
        bodies = [
            f"{first}{dot}{last}",
            f"{first}{dot}{last}",
            f"{first[0]}{dot}{last}",
            f"{last}{dot}{first}",
            f"{first}{dot}{initial}{dot}{last}",
            f"{first}{dot}{last[0]}",
            f"{last}{dot}{first[0]}",
        ]
    body = bodies[draw(len(bodies))]
    year = 1956 + draw(51)
    if wide:
        return f"{body}{draw(10 ** (3 + wide))}"
    tails = [str(year), f"{year % 100:02d}", f"{dot}{year % 100:02d}", str(1 + draw(99)), f"{dot}{1 + draw(999)}"]
    return f"{body}{tails[draw(len(tails))]}"
