"""Private reply addresses: one for each probe, shaped so that nobody can tell it from a customer's.

Three schemes: `catch_all` invents a local part from the persona's name, `plus` appends a token to one mailbox,
`list` hands out ready mailboxes. Everything random comes from the caller's `draw`: same draws, same address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import idna

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Draw = Callable[[int], int]
"""draw(n): the next number in 0..n-1."""


@dataclass(frozen=True, slots=True)
class MailboxList:
    """Ready mailboxes, in the order of their file."""

    path: Path
    mailboxes: tuple[str, ...]


# --------------------------------------------------------------------------- what an address must be
def check_domain(text: str) -> str:
    """`text` as a domain in lower case and ASCII (IDNA). Raises ValueError saying what is wrong."""
    name = text.strip().rstrip(".").lower()
    if "@" in name:
        raise ValueError(f'{text!r} is an address; write the domain alone, such as "inbox.example.org"')
    try:
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        ascii_name = ""
    labels = ascii_name.split(".")
    if len(ascii_name) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f'{text!r} is not a domain; write one such as "inbox.example.org"')
    return ascii_name


def check_mailbox(text: str) -> str:
    """`text` as a mail address, its domain in lower case and ASCII. Raises ValueError saying what is wrong."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > 64:
        raise ValueError(f'{text!r} is not a mail address; write one such as "audit@example.org"')
    try:
        return f"{local}@{check_domain(domain)}"
    except ValueError:
        raise ValueError(f'{text!r} is not a mail address; write one such as "audit@example.org"') from None


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
def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a name as they stand in a mail address: "Zoë Đặng-Müller" -> ("zoe", "dang", "mueller").

    Empty when the name has no Latin letters.
    """
    spelled = name.casefold().translate(_SPELLINGS)
    plain = unicodedata.normalize("NFKD", spelled)
    return tuple(re.findall(r"[a-z]+", "".join(c for c in plain if not unicodedata.combining(c))))


_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "đ": "d", "ø": "o", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l",
     "ı": "i", "ð": "d", "þ": "th", "'": "", "\u2019": ""}
)  # fmt: skip
