"""What is no mail: to whom it belongs, what it is, and a door that was shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.facts import SentProbe
from monitor.reading import judge_reading, match_reading
from monitor.store.hearing import gaps, note_open
from probes.contract import Reading
from tests.monitor.factories import fresh_store
from tests.monitor.making import TUESDAY

OURS, THEIRS = "+12025550100", "+12125550100"
PROBE = SentProbe(
    probe="one", study="s", business="firm-1", business_name="Firm 1", channel="texts", endpoint_address=THEIRS,
    own_domains=(), partner_domains=(), reply_address="", message_ids=(), subject="", body="", sent_at=TUESDAY,
    window_until=TUESDAY + timedelta(days=30), number=OURS, provider_ids=("SM1",),
)  # fmt: skip
CAME = Reading(number=OURS, other=THEIRS, text="Yes, on Saturday")
HOUR = timedelta(hours=1)


def keys(reading: Reading, *probes: SentProbe, at: timedelta = HOUR) -> list[tuple[str, str, bool]]:
    return [(one.probe, one.key, one.strong) for one in match_reading(reading, probes, TUESDAY + at)]


def test_the_pair_of_numbers_within_the_window_is_sure_when_it_is_the_only_one() -> None:
    assert keys(CAME, PROBE) == [("one", "number_pair", True)]


def test_two_probes_of_one_pair_are_each_weak() -> None:
    assert keys(CAME, PROBE, replace(PROBE, probe="two")) == [
        ("one", "number_pair", False), ("two", "number_pair", False),
    ]  # fmt: skip


def test_another_number_of_the_business_counts_and_a_strangers_does_not() -> None:
    other = replace(CAME, other="+12125550177")
    assert keys(other, PROBE) == []
    assert keys(other, replace(PROBE, numbers=("+12125550177",))) == [("one", "number_pair", True)]


@pytest.mark.parametrize("at", [-HOUR, timedelta(days=31)])
def test_outside_the_window_a_pair_says_nothing(at: timedelta) -> None:
    assert keys(CAME, PROBE, at=at) == []


def test_another_number_of_ours_and_a_withheld_one_of_theirs_say_nothing() -> None:
    assert keys(replace(CAME, number="+12025550199"), PROBE) == []
    assert keys(replace(CAME, other=""), PROBE) == []


def test_what_is_about_a_contact_belongs_to_it_whatever_else_there_is() -> None:
    about = replace(CAME, about=("SM1",))
    assert keys(about, PROBE, replace(PROBE, probe="two", provider_ids=("SM2",))) == [("one", "provider_id", True)]
    assert keys(about, PROBE, at=timedelta(days=90)) == [("one", "provider_id", True)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Yes, we are open from nine on that Saturday. Jo", "human"),
        ("35 pounds, any day", "human"),
        ("Thank you. We have received your enquiry and will reply within 2 days.", "auto_acknowledgement"),
        ("This is an automated message. Please do not reply to this number.", "auto_reply"),
        ("???", "unclear"),
        ("", "unclear"),
    ],
)  # fmt: skip
def test_a_short_message_is_judged_by_its_words(text: str, kind: str) -> None:
    assert judge_reading(replace(CAME, text=text), TUESDAY).kind == kind


def test_a_door_that_was_shut_is_a_gap_for_good(tmp_path: Path) -> None:
    minutes = timedelta(minutes=5)
    with fresh_store(tmp_path) as store:
        assert note_open(store, "mails", "inbox", TUESDAY, minutes)
        assert note_open(store, "mails", "inbox", TUESDAY + timedelta(minutes=1), minutes)
        assert not note_open(store, "mails", "inbox", TUESDAY + HOUR, minutes)
        assert note_open(store, "mails", "inbox", TUESDAY + HOUR + timedelta(minutes=1), minutes)
        (gap,) = gaps(store, unclosed=True)
        assert (gap.since, gap.until, gap.found_by) == (TUESDAY + timedelta(minutes=1), TUESDAY + HOUR, "door")
        assert gap.is_over
