"""What a probe counts as: every combination of facts gives exactly one word, and the right one."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.figures.model import DAY, HOUR
from reports.outcomes import COLUMNS, DISPOSITIONS, STATES, disposition, frame
from tests.reports.making import row


def decide(row: dict[str, Any], window: int, now: int) -> tuple[str, bool]:
    """The table of the design, row by row, in its own words: disposition, and whether the window is closed.

    One departure from it: deafness is decided before machines and unclear arrivals, because an acknowledgement heard
    before we went deaf does not show that no person answered after.
    """
    state, sent = row["state"], row["sent_at"]
    if state in ("not_contactable", "suppressed", "blocked"):
        return state, True
    if state == "not_sent":
        return state, sent is None or sent + window <= now
    if state not in ("sent", "unknown"):
        return "pending", False
    if sent is None or sent > now:
        return ("unknown" if state == "unknown" else "pending"), False
    end = sent + window

    def came(name: str, by: int) -> bool:
        at = row[name]
        return at is not None and max(at, sent) <= min(by, now)

    deaf = row["gap_from"] is not None and row["gap_from"] < end
    heard_through = row["observed_until"] is not None and end <= min(row["observed_until"], now) and not deaf
    if state == "unknown":
        return "unknown", heard_through
    if came("first_human_at", end):
        return "answered", heard_through
    soon = came("bounced_at", sent + 5 * DAY)
    if soon and not row["disputed"]:
        return "not_delivered", heard_through
    if deaf:
        return "not_heard", end <= now
    if any(came(name, end) for name in ("first_reply_at", "first_ack_at", "first_bot_at", "first_auto_at")):
        return "machine_only", heard_through
    if came("first_unclear_at", end) or soon or came("bounced_at", end):
        return "undetermined", heard_through
    return ("unanswered", True) if heard_through else ("pending", False)


TIMES = ("first_reply_at", "first_ack_at", "first_bot_at", "first_auto_at", "first_unclear_at", "first_human_at",
         "bounced_at", "observed_until", "gap_from")  # fmt: skip
moment = st.builds(lambda days, off: max(days * DAY + off, 0), st.integers(0, 12), st.sampled_from([-1, 0, 0, 0, 1]))
any_row = st.fixed_dictionaries(
    {
        "probe": st.just("p"),
        "state": st.sampled_from(["sent"] * 20 + list(STATES) + ["a state of tomorrow"]),
        "sent_at": st.one_of(moment, moment, moment, st.none()),
        "first_human_kind": st.sampled_from([None, "human", "opt_out"]),
        "disputed": st.booleans(),
        "accepted_by": st.sampled_from([None, "recipient_mx", "relay"]),
        **{name: st.one_of(st.none(), st.none(), moment) for name in TIMES},
    }
)


@settings(max_examples=300)
@given(st.lists(any_row, min_size=1, max_size=60), st.integers(0, 8), moment)
def test_every_combination_has_exactly_one_disposition_and_it_is_the_designs(
    rows: list[dict[str, Any]], days: int, now: int
) -> None:
    made = pl.DataFrame([dict.fromkeys(COLUMNS) | one for one in rows], schema=COLUMNS)
    found = disposition(made, window=days * DAY, now=now)
    assert found.drop("disposition", "closed").equals(made)
    said = list(zip(found["disposition"].to_list(), found["closed"].to_list(), strict=True))
    assert said == [decide(one, days * DAY, now) for one in rows]
    assert {word for word, _ in said} <= set(DISPOSITIONS)


def at(window: int = 7 * DAY, now: int = 10 * DAY, **facts: Any) -> tuple[str, bool]:
    found = disposition(frame([row("p", "b", **facts)]), window=window, now=now)
    return found["disposition"][0], found["closed"][0]


def test_nothing_within_a_closed_window_is_unanswered() -> None:
    assert at() == ("unanswered", True)


def test_a_window_is_closed_at_its_very_end_and_not_before() -> None:
    assert at(observed_until=7 * DAY) == ("unanswered", True)
    assert at(observed_until=7 * DAY - 1) == ("pending", False)
    assert at(now=7 * DAY) == ("unanswered", True)
    assert at(now=7 * DAY - 1) == ("pending", False)


def test_a_reply_counts_at_the_very_end_of_the_window_and_not_after() -> None:
    assert at(first_human_at=7 * DAY) == ("answered", True)
    assert at(first_human_at=7 * DAY + 1) == ("unanswered", True)
    assert at(window=8 * DAY, first_human_at=7 * DAY + 1) == ("answered", True)


def test_a_reply_stamped_before_the_receipt_is_a_reply() -> None:
    assert at(window=0, sent_at=HOUR, first_human_at=0) == ("answered", True)


def test_what_came_after_the_moment_asked_about_does_not_count() -> None:
    assert at(now=2 * DAY, first_human_at=3 * DAY) == ("pending", False)


def test_a_request_to_stop_is_an_answer_of_a_person() -> None:
    assert at(first_human_at=DAY, first_human_kind="opt_out") == ("answered", True)


def test_an_answer_in_an_open_window_is_an_answer_but_not_closed() -> None:
    assert at(observed_until=2 * DAY, first_human_at=DAY) == ("answered", False)


@pytest.mark.parametrize("machine", ["first_ack_at", "first_bot_at", "first_auto_at"])
def test_machines_alone_are_machine_only(machine: str) -> None:
    assert at(**{machine: HOUR}) == ("machine_only", True)


def test_a_bounce_within_five_days_is_not_delivered_whatever_the_window() -> None:
    assert at(window=HOUR, bounced_at=5 * DAY) == ("not_delivered", True)
    assert at(bounced_at=5 * DAY) == ("not_delivered", True)


def test_a_disputed_bounce_leaves_the_probe_undetermined_whatever_the_window() -> None:
    assert at(bounced_at=DAY, disputed=True) == ("undetermined", True)
    assert at(window=HOUR, bounced_at=DAY, disputed=True) == ("undetermined", True)


def test_a_disputed_bounce_yields_to_a_person_and_to_a_machine() -> None:
    assert at(bounced_at=HOUR, disputed=True, first_human_at=2 * HOUR) == ("answered", True)
    assert at(bounced_at=HOUR, disputed=True, first_ack_at=2 * HOUR) == ("machine_only", True)


def test_a_bounce_after_five_days_counts_only_inside_the_window_and_proves_nothing() -> None:
    assert at(bounced_at=5 * DAY + 1) == ("undetermined", True)
    assert at(window=5 * DAY, bounced_at=5 * DAY + 1) == ("unanswered", True)


def test_a_deaf_gap_in_the_window_is_not_heard_even_after_an_acknowledgement() -> None:
    assert at(gap_from=DAY) == ("not_heard", True)
    assert at(gap_from=DAY, first_ack_at=HOUR) == ("not_heard", True)
    assert at(gap_from=DAY, first_unclear_at=HOUR) == ("not_heard", True)


def test_a_deaf_gap_from_the_end_of_the_window_on_does_not_matter() -> None:
    assert at(gap_from=7 * DAY) == ("unanswered", True)


def test_an_answer_before_a_deaf_gap_stands_but_its_window_was_not_heard_through() -> None:
    # else the answered would enter the rate, and the silent of the same days would not
    assert at(gap_from=2 * DAY, first_human_at=DAY) == ("answered", False)


def test_unknown_stays_unknown_whatever_comes_back() -> None:
    assert at(state="unknown") == ("unknown", True)
    assert at(state="unknown", first_human_at=DAY) == ("unknown", True)
    assert at(state="unknown", bounced_at=DAY) == ("unknown", True)


@pytest.mark.parametrize("state", ["planned", "sending", "deferred"])
def test_what_is_not_sent_yet_is_pending(state: str) -> None:
    assert at(state=state, sent_at=None) == ("pending", False)
    assert at(state=state, sent_at=0, first_human_at=DAY) == ("pending", False)


@pytest.mark.parametrize("state", ["not_contactable", "suppressed", "blocked", "not_sent"])
def test_what_was_never_sent_waits_for_nothing(state: str) -> None:
    assert at(state=state, sent_at=None, observed_until=None) == (state, True)
