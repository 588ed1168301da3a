"""The way a mail came, as the servers on it wrote it down: its Received fields (RFC 5321, 4.4).

Whoever hands a mail over can write such fields below his own: only those of servers one trusts are proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from probes.mail.mime import Mail

HOPS_LIMIT = 100
_VALUE_LIMIT = 2_000
_PART = re.compile(r"(?:^|\s)(from|by|with|id|for)\s+(?!(?:from|by|with|id|for)\s)([^\s;()]{1,255})", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One server's note: who gave it the mail (`sender`), its own name (`by`), how, and when; `text` as it stands."""

    sender: str
    by: str
    how: str
    at: datetime | None
    text: str


def chain(mail: Mail) -> tuple[Hop, ...]:
    """The hops of a mail, the first server first, so in the order of time; at most HOPS_LIMIT, the latest."""
    return tuple(_hop(value) for value in reversed(mail.headers("received")[:HOPS_LIMIT]))


def _hop(value: str) -> Hop:
    text = re.sub(r"\s+", " ", value[:_VALUE_LIMIT]).strip()
    said, _, stamp = text.rpartition(";")
    found: dict[str, str] = {}
    for part in _PART.finditer(said or text):
        found.setdefault(part[1].lower(), part[2])
    return Hop(
        sender=found.get("from", ""), by=found.get("by", ""), how=found.get("with", ""), at=_moment(stamp), text=text
    )


def _moment(stamp: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(re.sub(r"\([^()]*\)", "", stamp).strip())
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
