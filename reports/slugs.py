"""File names made from the keys of businesses and studies: safe on every file system, and the same in every edition."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_SAFE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MARKED = re.compile(r".*-[0-9a-f]{12}")
_RESERVED = re.compile(
    r"con|prn|aux|nul|com\d|lpt\d|index"
)  # names that a file system or a web server takes for its own
LENGTH = 60


def slug(key: str) -> str:
    """A file name (without suffix) for this key, depending on nothing else.

    A key that is a plain lower-case slug stays as it is; any other is folded to one and marked with 12 hex digits of
    its SHA-256, so that two keys never share a file and no key leads out of its folder.
    """
    if len(key) <= LENGTH and _SAFE.fullmatch(key) and not _MARKED.fullmatch(key) and not _RESERVED.fullmatch(key):
        return key
    plain = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode().lower()
    folded = re.sub(r"[^a-z0-9]+", "-", plain)[:LENGTH].strip("-")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{folded or 'x'}-{digest}"
