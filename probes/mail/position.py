"""Where reading a folder stands, and what it stumbles over."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from imapclient.exceptions import IMAPClientError

from probes.mail.imap import Place

PRINT_BYTES = 2048
"""How much of a message is looked at to know it again: its headers, which name it."""

_SPOILT_WAIT = 600.0
_MARK = re.compile(r"(\d{1,19}):(\d{1,19})(?::(\d{4}-\d\d-\d\d))?(?:~([0-9a-f]{12}))?", re.ASCII)


def imprint(begin: bytes) -> str:
    """By what a message is known again, from the first PRINT_BYTES of it."""
    return hashlib.sha256(begin[:PRINT_BYTES]).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Mark:
    """A cursor's position, read: everything in this folder up to `uid` is delivered; on `day` it was all.

    `imprint`: of message `uid`, "" when it is not known.
    """

    validity: int
    uid: int
    day: date | None
    imprint: str = ""

    @classmethod
    def read(cls, text: str) -> Mark:
        """Reads what `__str__` wrote. What cannot be read stands for a folder nothing is known of: all is read."""
        found = _MARK.fullmatch(text)
        if found is None:
            return cls(0, 0, None)
        try:
            day = date.fromisoformat(found[3]) if found[3] else None
        except ValueError:
            day = None
        return cls(int(found[1]), int(found[2]), day, found[4] or "")

    def __str__(self) -> str:
        day = f":{self.day.isoformat()}" if self.day else ""
        return f"{self.validity}:{self.uid}{day}" + (f"~{self.imprint}" if self.imprint else "")


class Known(dict[str, str]):
    """Positions by folder. `beginning`: nothing has been heard in this mailbox yet, so every folder begins now; else
    one without a position is read from `since` on (None: from its first message)."""

    def __init__(self, cursors: Mapping[str, str]) -> None:
        super().__init__(cursors)
        self.beginning = not cursors
        self.since: date | None = None

    def late_first(self, found: Iterable[Place]) -> list[Place]:
        """The folders, those without a position first: the others say until when nothing was missed."""
        found = list(found)
        positions = [self[place.name] for place in found if place.name in self] or list(self.values())
        days = [day for position in positions if (day := Mark.read(position).day)]
        self.since = min(days, default=None)
        return sorted(found, key=lambda place: place.name in self)


class Spoilt:
    """Messages at which a server breaks off the connection, as Dovecot does when it cannot read a file of its own.

    Those asked for when that happened are asked for alone next time; one that breaks off again is left out for a while.
    So it keeps nothing else back, and is not forgotten either; and one that was under way when a line broke is not
    blamed for it. UIDs are known by folder and UIDVALIDITY.
    """

    def __init__(self) -> None:
        self.count = 0
        self._alone: dict[tuple[str, int], set[int]] = {}
        self._until: dict[tuple[str, int, int], float] = {}

    @contextmanager
    def watching(self, place: str, validity: int, uids: Sequence[int]) -> Iterator[None]:
        """Around a FETCH of `uids`."""
        alone = self._alone.setdefault((place, validity), set())
        try:
            yield
        except (IMAPClientError, OSError, ValueError):
            self.count += 1
            again = len(uids) == 1 and uids[0] in alone
            alone.update(uids)
            if again:
                self._until[place, validity, uids[0]] = time.monotonic() + _SPOILT_WAIT
            raise
        alone.difference_update(uids)

    def alone(self, place: str, validity: int) -> frozenset[int]:
        return frozenset(self._alone.get((place, validity), ()))

    def resting(self, place: str, validity: int, uids: Sequence[int]) -> frozenset[int]:
        """Which of `uids` are left out for now."""
        present = time.monotonic()
        return frozenset(uid for uid in uids if self._until.get((place, validity, uid), 0) > present)
