"""Time zones: found by name, and wall-clock times turned into moments across daylight saving."""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone called `name` ("Europe/Paris"). Raises ValueError naming the nearest one that exists."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = _near(name)
        advice = f"did you mean {near}?" if near else 'write one of the IANA zones, such as "Europe/Paris"'
        raise ValueError(f"{name!r} is not a time zone; {advice}") from None


def _near(name: str) -> str | None:
    """The zone that was meant: the one of that city, or the one spelled nearly so."""
    # Abbreviations such as EST are left out: they have no daylight saving, and nobody means that.
    known = sorted(known for known in available_timezones() if "/" in known and not known.startswith("Etc/"))
    city = [one for one in known if one.rpartition("/")[2].casefold() == name.strip().replace(" ", "_").casefold()]
    near = city or difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return near[0] if near else None


def instant(day: date, at: time, where: ZoneInfo) -> datetime:
    """The first moment (aware UTC) at which the wall clock in `where` shows `at` on `day`.

    A time that comes twice (autumn) is its first occurrence; one that is skipped (spring) is the moment of the change.
    """
    early = _utc(datetime.combine(day, at, tzinfo=where))
    if early.astimezone(where).replace(tzinfo=None) == datetime.combine(day, at):
        return early
    # A skipped time: read with the offset after the change it lies before the change, and the other way round.
    before = _utc(datetime.combine(day, at, tzinfo=where).replace(fold=1))
    after, offset = early, before.astimezone(where).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(where).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
