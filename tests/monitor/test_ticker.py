"""Slots of a schedule across daylight saving, and the ticker."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import ticker
from monitor.zones import instant

ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kathmandu",
]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("clock", ["0 0", "30 0", "0 1", "15 2", "30 2", "45 2", "0 3", "59 23"])
def test_a_daily_schedule_has_exactly_one_slot_on_each_day_of_a_year(name: str, clock: str) -> None:
    zone = ZoneInfo(name)
    first, last = date(2026, 1, 1), date(2027, 1, 1)
    found = ticker.slots(f"{clock} * * *", name, instant(first, time(0), zone), instant(last, time(0), zone))
    days = [slot.astimezone(zone).date() for slot in found]
    assert days == [first + timedelta(days=n) for n in range(365)]


@pytest.mark.parametrize(
    ("name", "cron", "day", "expected"),
    [
        # spring: 02:30 does not exist; the slot is the moment of the change
        ("Europe/Paris", "30 2 * * *", date(2026, 3, 29), utc(2026, 3, 29, 1, 0)),
        ("America/New_York", "30 2 * * *", date(2026, 3, 8), utc(2026, 3, 8, 7, 0)),
        ("Australia/Lord_Howe", "15 2 * * *", date(2026, 10, 4), utc(2026, 10, 3, 15, 30)),
        # ... and a time just after the change is itself
        ("Australia/Lord_Howe", "45 2 * * *", date(2026, 10, 4), utc(2026, 10, 3, 15, 45)),
        ("Europe/Paris", "0 3 * * *", date(2026, 3, 29), utc(2026, 3, 29, 1, 0)),
        # autumn: the time comes twice; the first occurrence counts
        ("Europe/Paris", "30 2 * * *", date(2026, 10, 25), utc(2026, 10, 25, 0, 30)),
        ("America/New_York", "30 1 * * *", date(2026, 11, 1), utc(2026, 11, 1, 5, 30)),
        ("Australia/Lord_Howe", "45 1 * * *", date(2026, 4, 5), utc(2026, 4, 4, 14, 45)),
        # midnight itself is skipped
        ("Africa/Cairo", "0 0 * * *", date(2026, 4, 24), utc(2026, 4, 23, 22, 0)),
    ],
)
def test_a_time_that_a_change_of_clocks_moves(name: str, cron: str, day: date, expected: datetime) -> None:
    zone = ZoneInfo(name)
    begin, end = instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)
    assert ticker.slots(cron, name, begin, end) == [expected]


def test_an_hourly_schedule_has_one_slot_for_each_hour_that_the_wall_clock_names() -> None:
    spring = ticker.slots("0 * * * *", "Europe/Paris", utc(2026, 3, 28, 23), utc(2026, 3, 29, 22))
    autumn = ticker.slots("0 * * * *", "Europe/Paris", utc(2026, 10, 24, 22), utc(2026, 10, 25, 23))
    assert len(spring) == 23
    assert len(autumn) == 24
    assert spring == sorted(set(spring))
    assert autumn == sorted(set(autumn))


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [
        ("mon-fri", "mon tue wed thu fri"),
        ("1-5", "mon tue wed thu fri"),
        ("0", "sun"),
        ("7", "sun"),
        ("5-7", "sun fri sat"),
        ("fri-mon", "sun mon fri sat"),
        ("sat,sun", "sun sat"),
        ("*/3", "sun wed sat"),
        ("mon-fri/2", "mon wed fri"),
        ("0-7", "sun mon tue wed thu fri sat"),
        ("sun-sat", "sun mon tue wed thu fri sat"),
    ],
)
def test_days_of_the_week_are_counted_as_cron_does_from_sunday(weekday: str, expected: str) -> None:
    found = ticker.slots(f"0 12 * * {weekday}", "UTC", utc(2026, 11, 1), utc(2026, 11, 8))  # a Sunday
    assert [slot.strftime("%a").lower() for slot in found] == expected.split()


def test_both_ends_the_first_counts_and_the_last_does_not() -> None:
    assert ticker.slots("0 9 * * *", "UTC", utc(2026, 1, 1, 9), utc(2026, 1, 2, 9)) == [utc(2026, 1, 1, 9)]


def test_once_is_one_slot_at_the_beginning() -> None:
    assert ticker.slots("once", "Europe/Paris", utc(2026, 1, 1), utc(2026, 6, 1)) == [utc(2026, 1, 1)]
    assert ticker.slots("once", "Europe/Paris", utc(2026, 1, 1), utc(2026, 1, 1)) == []


@pytest.mark.parametrize(
    ("schedule", "word"),
    [
        ("0 9 * *", "five cron fields"),
        ("0 25 * * *", "'25' is not right for the hour"),
        ("60 9 * * *", "'60' is not right for the minute"),
        ("0 9 32 * *", "day of the month"),
        ("0 9 * foo *", "month"),
        ("0 9 * * 8", "day of the week"),
        ("0 9 * * mon-", "day of the week"),
        ("0 9 * * *-fri", "day of the week"),
        ("0 9 1 * mon", "different ways"),
        ("0 9 30 2 *", "never comes"),
        ("", "five cron fields"),
        ("@daily", "five cron fields"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused_in_words(schedule: str, word: str) -> None:
    with pytest.raises(ValueError, match=word.replace("*", r"\*")):
        ticker.check(schedule)


def test_a_29_february_is_a_day_that_comes() -> None:
    ticker.check("0 9 29 2 *")


@lru_cache
def every_slot(schedule: str, start: datetime, end: datetime) -> list[datetime]:
    return ticker.slots(schedule, "Europe/Paris", start, end)


@given(
    now=st.integers(0, 730 * 1440).map(lambda minutes: utc(2026, 1, 1) + timedelta(minutes=minutes)),
    schedule=st.sampled_from(["0 9 * * *", "30 2 1 * *", "0 0 1 1 *", "0 * * * *", "0 12 * * sun", "0 9 29 2 *"]),
    ahead=st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_a_plan_is_given_the_latest_slot_that_is_past_and_all_that_come(
    now: datetime, schedule: str, ahead: int
) -> None:
    start, end = utc(2026, 3, 10), utc(2027, 9, 1)
    until = now + timedelta(days=ahead) / 10
    found = ticker.slots_of(schedule, "Europe/Paris", start=start, end=end, now=now, until=until)
    every = every_slot(schedule, start, end)
    past = [slot for slot in every if slot <= now]
    assert found == past[-1:] + [slot for slot in every if now < slot <= until]


def test_slots_before_the_start_and_from_the_end_on_do_not_exist() -> None:
    found = ticker.slots_of(
        "0 9 * * *", "UTC", start=utc(2026, 1, 5), end=utc(2026, 1, 7), now=utc(2026, 1, 1), until=utc(2026, 2, 1)
    )
    assert found == [utc(2026, 1, 5, 9), utc(2026, 1, 6, 9)]


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [("once", None), ("0 9 * * *", timedelta(days=1)), ("0 9 * * mon-fri", timedelta(days=1)),
     ("0 9,15 * * *", timedelta(hours=6)), ("0 9 1 * *", timedelta(days=28)), ("*/5 * * * *", timedelta(minutes=5))],
)  # fmt: skip
def test_the_shortest_gap_between_slots(schedule: str, gap: timedelta | None) -> None:
    assert ticker.shortest_gap(schedule) == gap


# --------------------------------------------------------------------------- ticking
def test_a_job_is_called_at_once_and_again_and_one_that_fails_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls, enough = [], threading.Event()

    def job() -> None:
        calls.append(1)
        if len(calls) == 3:
            enough.set()
        raise RuntimeError("this pass failed")

    clock = ticker.Ticker()
    clock.every(timedelta(milliseconds=20), "pass", job)
    clock.start()
    try:
        assert enough.wait(10)
    finally:
        clock.stop()
    assert "pass failed and will be tried at its next turn" in caplog.text


def test_a_slow_job_never_runs_twice_at_a_time_and_stop_waits_for_it() -> None:
    running, worst, ended = [0], [0], [0]
    entered, release = threading.Event(), threading.Event()

    def slow() -> None:
        running[0] += 1
        worst[0] = max(worst[0], running[0])
        entered.set()
        release.wait(10)
        running[0] -= 1
        ended[0] += 1

    beats = threading.Semaphore(0)
    clock = ticker.Ticker()
    clock.every(timedelta(milliseconds=10), "slow", slow)
    clock.every(timedelta(milliseconds=10), "beat", beats.release)
    clock.start()
    assert entered.wait(10)
    for _ in range(5):  # the slow job has been due five times meanwhile
        assert beats.acquire(timeout=10)
    stopper = threading.Thread(target=clock.stop)
    stopper.start()
    stopper.join(0.3)
    assert stopper.is_alive(), "stop did not wait for the job"
    release.set()
    stopper.join(10)
    assert not stopper.is_alive()
    assert worst == [1]
    assert ended[0] >= 1
    assert running == [0]


def test_stopping_a_ticker_that_never_started_is_nothing() -> None:
    ticker.Ticker().stop()
