"""The only place where the present is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact. Raises ValueError on a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    """The aware UTC datetime of `micros` microseconds since 1970-01-01."""
    return EPOCH + timedelta(microseconds=micros)
