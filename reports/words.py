"""Numbers in words: percentages, durations, dates and counts as a reader should see them.

Times and durations are int microseconds, as in the outcome table. Nothing here rounds to a false certainty: a share
that is not quite 0 or 1 is never printed as "0 %" or "100 %".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from reports.figures.model import DAY, HOUR, Interval

MINUTE = HOUR // 60
SECOND = MINUTE // 60

THIN = "\u202f"  # narrow no-break space: keeps a number and its unit on one line
DASH = "\u2013"

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# --------------------------------------------------------------------------- counts and shares
def count(n: int) -> str:
    """A whole number with thousands apart: 12,040."""
    return f"{n:,}"


def plural(n: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 business", "30 businesses". `many` defaults to `one` + "s"."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share (0..1) as a percentage: whole numbers, one decimal only near the two ends."""
    return f"{_percent(share)}{THIN}%"


def _percent(share: float) -> str:
    if share in {0.0, 1.0}:
        return f"{share * 100:.0f}"
    if share <= 0.0005:
        return "<0.1"
    if share >= 0.9995:
        return ">99.9"
    if share < 0.0095 or share > 0.9905:
        return f"{share * 100:.1f}"
    return f"{share * 100:.0f}"


def interval(between: Interval) -> str:
    """Both ends of an interval: "38-58 %" (with an en dash)."""
    return span(between.low, between.high)


def span(low: float, high: float) -> str:
    """Two shares as a range, one when both print alike."""
    first, last = ends(low, high)
    return f"{first}{THIN}%" if first == last else f"{first}{DASH}{last}{THIN}%"


def ends(low: float, high: float) -> tuple[str, str]:
    """Both ends of a range of shares as percentages without the sign."""
    return _percent(low), _percent(high)


def listing(items: Sequence[str], last: str = "and") -> str:
    """Items as a sentence lists them: "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


# --------------------------------------------------------------------------- durations
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def duration(span: int) -> str:
    """A waiting time with its two largest units: "3 h 20 min", "2 d 4 h", "45 s". Rounded down, as a clock shows it."""
    if span < 0:
        return f"{DASH}{duration(-span)}"
    if span < SECOND:
        return f"under 1{THIN}s"
    for place, (size, unit) in enumerate(_UNITS):
        if span >= size:
            whole, rest = divmod(span, size)
            text = f"{count(whole)}{THIN}{unit}"
            if place + 1 < len(_UNITS) and size > SECOND and not (unit == "d" and whole >= 10):
                below, name = _UNITS[place + 1]
                part = rest // below
                if part and not (unit == "min" and whole >= 2):
                    text += f" {part}{THIN}{name}"
            return text
    raise AssertionError("unreachable: the smallest unit was tested above")


def short(window: int) -> str:
    """A window as an axis or a table head names it: "24 h", "7 d", "30 min"."""
    if window % DAY == 0 and window != DAY:
        return f"{window // DAY}{THIN}d"
    for size, unit in _UNITS[1:]:
        if window % size == 0:
            return f"{count(window // size)}{THIN}{unit}"
    return duration(window)


def long(window: int) -> str:
    """A window in a sentence: "24 hours", "7 days", "30 minutes"."""
    if window % DAY == 0 and window != DAY:
        return _joined(window // DAY, "day")
    for size, unit in ((HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")):
        if window % size == 0:
            return _joined(window // size, unit)
    return duration(window)


def _joined(n: int, unit: str) -> str:
    return plural(n, unit).replace(" ", "\u00a0")  # a line never ends between a number and its unit


# --------------------------------------------------------------------------- dates
@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ValueError that names it when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known; use a name such as Europe/Paris or UTC") from error


def when(at: int, timezone: str) -> datetime:
    """The moment as an aware datetime in that zone."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone(timezone))


def day(at: int, timezone: str) -> str:
    """A date: "3 Dec 2026"."""
    local = when(at, timezone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def moment(at: int, timezone: str) -> str:
    """A date, a time and the zone it is told in: "3 Dec 2026, 10:14 CET"."""
    local = when(at, timezone)
    return f"{day(at, timezone)}, {local:%H:%M} {local.tzname()}"


def stamp(at: int) -> str:
    """The moment for machines: ISO 8601, UTC."""
    return f"{when(at, 'UTC'):%Y-%m-%dT%H:%M:%SZ}"


def period(first: int, last: int, timezone: str) -> str:
    """When something went on: "on 3 Dec 2026", "between 3 and 5 Dec 2026", "between 30 Nov and 5 Dec 2026"."""
    start, end = when(first, timezone), when(last, timezone)
    if start.date() == end.date():
        return f"on {day(first, timezone)}"
    if (start.year, start.month) == (end.year, end.month):
        return f"between {start.day} and {day(last, timezone)}"
    if start.year == end.year:
        return f"between {start.day} {MONTHS[start.month - 1]} and {day(last, timezone)}"
    return f"between {day(first, timezone)} and {day(last, timezone)}"
