"""A clock that stands still until it is told to jump: what depends on it is exact on any machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class SteppedClock:
    """Called, it gives the present of the sandbox, aware and in UTC. Many threads may read it; one moves it.

    It only ever stands on whole seconds, because a mailbox stamps what arrives (INTERNALDATE) in whole seconds: a
    mail must not seem to have come before the enquiry that it answers.
    """

    def __init__(self, start: datetime) -> None:
        self._lock = Lock()
        self._now = whole_second(start)

    def __call__(self) -> datetime:
        with self._lock:
            return self._now

    def jump(self, moment: datetime) -> datetime:
        """Go to `moment`, or to the next whole second after it; returns where it stands. Never goes back."""
        with self._lock:
            self._now = max(self._now, whole_second(moment))
            return self._now


def whole_second(moment: datetime) -> datetime:
    """`moment` in UTC, rounded up to a whole second. Raises ValueError on a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    moment = moment.astimezone(UTC)
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return moment
