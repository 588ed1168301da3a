"""Who was forgotten, told by a keyed hash: an address can be asked about and nobody can be read from it. Pure."""

from __future__ import annotations

import hashlib
import re

from monitor.addresses import spellings

_NUMBER = re.compile(r"\+?[\d\s().\-/]{6,30}")


def normal(address: str) -> str:
    """The one spelling of an address that is hashed: lower case, its domain in ASCII, a number as its digits."""
    bare = address.strip()
    if _NUMBER.fullmatch(bare):
        return "+" * bare.startswith("+") + re.sub(r"\D", "", bare)
    return min(spellings(bare), key=lambda one: (not one.isascii(), one))


def digest(key: bytes, address: str) -> str:
    """The keyed hash of an address. Without `key`, the store's own secret, nobody can try addresses against it."""
    return hashlib.blake2s(normal(address).encode("utf-8", "replace"), key=key, digest_size=16).hexdigest()


def placeholder(key: bytes, address: str) -> str:
    """What stands in the place of an address where two places must still be seen to be the same."""
    return f"forgotten-{digest(key, address)[:12]}"
