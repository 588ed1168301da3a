"""Mail addresses: one spelling for each, so that the same mailbox is never taken for two."""

from __future__ import annotations

import re
import unicodedata

import idna

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LOCAL_MAX, _TOTAL_MAX, _DOMAIN_MAX = 64, 254, 253


def normalise(address: str) -> str:
    """The one spelling of a mail address: lower case throughout, the domain in ASCII (IDNA 2008 A-labels).

    RFC 5321 lets a server tell `Info@` from `info@`; hardly any does, and taking them for two would write to one
    person twice and miss a stop request. So the local part is lowered too (NFC for letters beyond ASCII).
    Raises ValueError saying what is wrong with it.
    """
    text = unicodedata.normalize("NFC", address).strip()
    if text.lower().startswith("mailto:"):
        text = text[7:].partition("?")[0]
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if not text:
        raise ValueError("the mail address is empty")
    if any(not char.isprintable() for char in text):
        raise ValueError(f"{address!r} is not a mail address: it holds a character that cannot be seen")
    if text.count("@") > 1 and re.search(r"[,;\s]", text):
        raise ValueError(f"{address!r} is more than one mail address; write one")
    if re.search(r"[\s<>,;:\"()\[\]\\]", text):
        raise ValueError(f"{address!r} is not a mail address: write it bare, such as info@example.org")
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise ValueError(f'{address!r} is not a mail address: it needs a name, an "@" and a domain')
    return f"{_local(local, address)}@{ascii_domain(domain)}"


def domain_of(address: str) -> str:
    """What follows the last "@" of a normalised address."""
    return address.rpartition("@")[2]


def ascii_domain(domain: str) -> str:
    """A domain name in lower-case ASCII, without a final dot. Raises ValueError saying what is wrong with it."""
    bare = domain.strip().removesuffix(".")
    try:
        # An A-label is kept as it stands: older registrations (emoji) are not in IDNA 2008 and yet exist.
        name = bare.lower() if bare.isascii() else idna.encode(bare, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"{domain!r} is not a domain name: {error}") from None
    labels = name.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label) or not _decodes(label):
            raise ValueError(f"{domain!r} is not a domain name: {label!r} cannot be a part of one")
    if len(labels) < 2 or labels[-1].isdigit() or len(name) > _DOMAIN_MAX:
        raise ValueError(f"{domain!r} is not a domain name; it looks like example.org")
    return name


def _local(local: str, address: str) -> str:
    lowered = local
    while (again := unicodedata.normalize("NFC", lowered.lower())) != lowered:  # once for nearly every script
        lowered = again
    if not all(_ATOM.fullmatch(atom) for atom in lowered.split(".")):
        raise ValueError(f"{address!r} is not a mail address: {local!r} cannot stand before the @")
    size = len(lowered.encode())
    if size > _LOCAL_MAX or size + len(address) - len(local) > _TOTAL_MAX:
        raise ValueError(f"{address!r} is longer than a mail address can be (RFC 5321: {_LOCAL_MAX} before the @)")
    return lowered


def _decodes(label: str) -> bool:
    if not label.startswith("xn--"):
        return True
    try:
        return bool(label[4:].encode("ascii").decode("punycode"))
    except (UnicodeError, ValueError):
        return False
