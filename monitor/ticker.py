"""Ticks, and the arithmetic of schedules. It owns no schedule: what is due lives in the store.

A schedule is "once" or five cron fields, read on the wall clock of its zone. A time that a spring change skips is
taken at the moment of the change, one that an autumn change repeats at its first occurrence: a daily schedule has
exactly one slot on each day.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.cron import CronTrigger

from monitor.clock import system_clock
from monitor.zones import instant, zone

ONCE = "once"
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ("minute", "hour", "day", "month")
_ADVICE = 'write five cron fields (minute hour day month weekday), such as "0 9 * * mon-fri", or "once"'
_PART = re.compile(r"(?P<first>\*|[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?(?:/(?P<step>[1-9]\d?))?", re.ASCII)
_LOOK_AHEAD = timedelta(days=366 * 8 + 1)  # a 29 February comes at least this often

log = logging.getLogger(__name__)


# --------------------------------------------------------------------------- schedules
def check(schedule: str) -> None:
    """Raises ValueError, saying what would be right, unless `schedule` is "once" or cron fields that come true."""
    if schedule.strip().lower() == ONCE:
        return
    begin = datetime(2024, 1, 1)  # noqa: DTZ001 - wall clock
    if next(_walls(schedule, begin, begin + _LOOK_AHEAD), None) is None:
        raise ValueError(f"{schedule!r} names a day that never comes; {_ADVICE}")


def shortest_gap(schedule: str) -> timedelta | None:
    """The shortest time between two neighbouring slots, on the wall clock; None where there is only one slot.

    Looks at the first 400 slots, which holds every gap of a schedule that is regular.
    """
    if schedule.strip().lower() == ONCE:
        return None
    begin = datetime(2024, 1, 1)  # noqa: DTZ001 - wall clock
    walls = list(itertools.islice(_walls(schedule, begin, begin + 3 * _LOOK_AHEAD), 400))
    return min((later - earlier for earlier, later in itertools.pairwise(walls)), default=None)


def slots(schedule: str, zone_name: str, after: datetime, until: datetime) -> list[datetime]:
    """The slots of `schedule` in [after, until), aware UTC, ascending; "once" is one slot at `after`.

    Raises ValueError on a schedule that `check` refuses.
    """
    if until <= after:
        return []
    if schedule.strip().lower() == ONCE:
        return [after.astimezone(UTC)]
    where = zone(zone_name)
    # A day more on both sides: a wall-clock time can lie on the other side of a change.
    begin = (after.astimezone(where) - timedelta(days=1)).replace(tzinfo=None)
    end = (until.astimezone(where) + timedelta(days=1)).replace(tzinfo=None)
    found = {instant(wall.date(), wall.time(), where) for wall in _walls(schedule, begin, end)}
    return sorted(slot for slot in found if after <= slot < until)


def slots_of(
    schedule: str, zone_name: str, *, start: datetime, end: datetime | None, now: datetime, until: datetime
) -> list[datetime]:
    """What a plan needs of a study's slots: the last one at or before `now`, and those after it up to `until`.

    Slots lie in [start, end); `until` itself counts.
    """
    stop = until + timedelta(microseconds=1)
    if end is not None:
        stop = min(stop, end)
    if schedule.strip().lower() == ONCE:
        return slots(schedule, zone_name, start, stop)
    past: list[datetime] = []
    reach, upper = timedelta(days=2), min(now + timedelta(microseconds=1), stop)
    lower = upper
    while not past and lower > start:
        lower = max(start, upper - reach)
        past = slots(schedule, zone_name, lower, upper)
        reach *= 8
    return past[-1:] + slots(schedule, zone_name, max(start, now + timedelta(microseconds=1)), stop)


def _walls(schedule: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Wall-clock times (naive) of cron fields in [begin, end]."""
    # Reckoned as if the wall clock were UTC: the trigger's own handling of changes skips or repeats slots.
    trigger = _trigger(schedule, end.replace(tzinfo=UTC))
    at, last = begin.replace(tzinfo=UTC), None
    while (found := trigger.get_next_fire_time(last, at)) is not None:
        yield found.replace(tzinfo=None)
        last, at = found, found + timedelta(microseconds=1)


def _trigger(schedule: str, end: datetime) -> Any:
    fields = schedule.lower().split()
    if len(fields) != 5:
        raise ValueError(f"{schedule!r} is not a schedule; {_ADVICE}")
    *texts, weekday = fields
    if texts[2] != "*" and weekday != "*":
        raise ValueError(
            f"{schedule!r} names days of the month and of the week, which cron programs read in different ways; "
            "leave one of the two at *"
        )
    for name, text in zip(_FIELDS, texts, strict=False):
        try:
            CronTrigger(**{name: text}, timezone=UTC)
        except (ValueError, TypeError):
            words = "day of the month" if name == "day" else name
            raise ValueError(f"{schedule!r}: {text!r} is not right for the {words}; {_ADVICE}") from None
    named = dict(zip(_FIELDS, texts, strict=False))
    return CronTrigger(**named, day_of_week=_weekdays(schedule, weekday), second=0, timezone=UTC, end_date=end)


def _weekdays(schedule: str, text: str) -> str:
    """Days of the week by name: cron counts them from Sunday (0 or 7), the trigger from Monday."""
    chosen: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        first, last = (_weekday(found["first"]), _weekday(found["last"])) if found else (None, None)
        if found is None or first is None or (found["last"] and (last is None or found["first"] == "*")):
            raise ValueError(f"{schedule!r}: {text!r} is not right for the day of the week; {_ADVICE}")
        step = int(found["step"] or 1)
        if found["first"] == "*":
            span = 7
        elif found["last"]:
            span = 7 if (first, found["last"]) == (0, "7") else (int(last or 0) - first) % 7 + 1
        else:
            span = 7 - first if found["step"] else 1
        chosen.update((first + offset) % 7 for offset in range(0, span, step))
    return ",".join(_DAYS[number] for number in sorted(chosen))


def _weekday(text: str | None) -> int | None:
    if text == "*":
        return 0
    if text in _DAYS:
        return _DAYS.index(text)
    return int(text) % 7 if text is not None and re.fullmatch(r"[0-7]", text) else None


# --------------------------------------------------------------------------- the ticker
class Ticker:
    """Calls jobs at intervals, each by itself: never twice at a time, late ones once, a failed one again next time."""

    def __init__(self, *, workers: int = 10) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.jobstores.memory import MemoryJobStore
        from apscheduler.schedulers.background import BackgroundScheduler

        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(workers)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def every(self, interval: timedelta, name: str, job: Callable[[], object]) -> None:
        """Call `job` every `interval`, the first time at once. A job that raises is logged and called again."""
        self._scheduler.add_job(
            self._guarded,
            "interval",
            (name, job),
            seconds=interval.total_seconds(),
            id=name,
            next_run_time=system_clock(),
        )

    def start(self) -> None:
        """Begin to tick, in threads of its own."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start nothing more and return when what is running has ended."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    @staticmethod
    def _guarded(name: str, job: Callable[[], object]) -> None:
        try:
            job()
        except Exception:
            log.exception("%s failed and will be tried at its next turn", name)
