"""One row for one probe: what counts, what waits for a person, and which bounces stand."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import micros
from monitor.facts import KINDS, Match, ProbeFacts, Reply, Verdict
from monitor.outcome import outcome, reporter_trusted
from reports.outcomes import COLUMNS, REQUIRED

SENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def came(kind: str, after: timedelta = DAY, **change: Any) -> Reply:
    given: dict[str, Any] = {"at": SENT + after, "kind": kind, "strong": True, "standing": "own_domain"}
    if kind == "bounce":
        given |= {"standing": "stranger", "reporter_trusted": True}
    return Reply(**(given | change))


def facts(*replies: Reply, **change: Any) -> ProbeFacts:
    given: dict[str, Any] = {
        "probe": "p1",
        "study": "sector",
        "version": 1,
        "business": "velo-nord",
        "group": None,
        "channel": "post",
        "scenario": "presale-en",
        "intent": "presale",
        "language": "en",
        "persona": "anna",
        "pair": None,
        "control": False,
        "state": "sent",
        "reason": "",
        "accepted_by": "recipient_mx",
        "sent_at": SENT,
        "endpoint_address": "info@velo-nord.example",
        "questions_asked": 2,
        "heard_until": SENT + 40 * DAY,
        "gap_from": None,
        "replies": replies,
    }
    return ProbeFacts(**(given | change))


def row(*replies: Reply, **change: Any) -> dict[str, Any]:
    return outcome(facts(*replies, **change))


def at(after: timedelta) -> int:
    return micros(SENT + after)


# --------------------------------------------------------------------------------------------- the row itself
def test_a_row_has_exactly_the_columns_of_the_outcome_table() -> None:
    found = row(came("human"), came("bounce"))
    assert list(found) == list(COLUMNS)
    frame = pl.DataFrame([found], schema=COLUMNS, strict=True)
    assert frame.schema == pl.Schema(COLUMNS)


def test_silence_leaves_every_time_of_a_reply_empty() -> None:
    found = row()
    assert found["sent_at"] == micros(SENT)
    assert found["observed_until"] == at(40 * DAY)
    assert [name for name in COLUMNS if name.startswith("first_") and found[name] is not None] == []
    assert (found["bounced_at"], found["disputed"], found["mailbox_full"]) == (None, False, None)
    assert (found["noreply"], found["junk"], found["by_hand"], found["questions_answered"]) == (None, None, False, None)


def test_a_control_endpoint_has_its_own_role() -> None:
    assert (row()["role"], row(control=True)["role"]) == ("recipient", "control")


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("human", "first_human_at"),
        ("opt_out", "first_human_at"),
        ("auto_acknowledgement", "first_ack_at"),
        ("bot", "first_bot_at"),
        ("out_of_office", "first_auto_at"),
        ("auto_reply", "first_auto_at"),
        ("challenge", "first_auto_at"),
        ("unclear", "first_unclear_at"),
        ("bounce", "bounced_at"),
    ],
)
def test_each_kind_sets_its_own_time(kind: str, column: str) -> None:
    found = row(came(kind, 3 * HOUR), came(kind, 5 * HOUR))
    assert found[column] == at(3 * HOUR)
    others = {"first_human_at", "first_ack_at", "first_bot_at", "first_auto_at", "first_unclear_at", "bounced_at"} - {
        column
    }
    assert {name for name in others if found[name] is not None} == set()
    assert (found["first_reply_at"] is None) == (kind in {"unclear", "bounce"})


@pytest.mark.parametrize("kind", ["marketing", "complaint_report", "delivery_receipt", "read_receipt", "delay_notice"])
def test_what_is_ignored_sets_no_time(kind: str) -> None:
    assert row(came(kind)) | {"delayed_at": None} == row()


def test_a_delay_notice_says_when_delivery_was_first_late() -> None:
    late, later = came("delay_notice", DAY / 6), came("delay_notice", DAY / 3)
    assert row(later, late)["delayed_at"] == micros(late.at)
    assert row(came("delay_notice", strong=False))["delayed_at"] is None


def test_only_a_sure_proof_says_that_it_came_into_the_mailbox() -> None:
    assert row(came("delivery_receipt", delivered=False))["delivered_at"] is None, "passed on, not delivered"
    assert row(came("delivery_receipt", delivered=True, strong=False))["delivered_at"] is None
    assert row(came("delivery_receipt", delivered=True, bounced_recipient="x@else.example"))["delivered_at"] is None
    proof = came("delivery_receipt", delivered=True, bounced_recipient=facts().endpoint_address)
    assert row(proof)["delivered_at"] == micros(proof.at)
    copy = row(came("delivery_receipt", delivered=True, own_copy=True, junk=True))
    assert copy["delivered_junk"] is True
    assert copy["first_reply_at"] is None, "our own enquiry answers nothing"


@pytest.mark.parametrize("hard", [True, False, None])
def test_a_bounce_says_whether_it_is_for_good(hard: bool | None) -> None:
    assert row(came("bounce", hard=hard))["bounce_hard"] is hard


def test_the_first_human_kind_is_that_of_the_first() -> None:
    assert row(came("opt_out", DAY), came("human", 2 * DAY))["first_human_kind"] == "opt_out"
    assert row(came("opt_out", DAY), came("human", DAY))["first_human_kind"] == "human"


def test_a_reply_stamped_before_the_enquiry_counts_from_the_enquiry() -> None:
    assert row(came("human", -HOUR))["first_human_at"] == micros(SENT)


# --------------------------------------------------------------------------------------------- what waits for a person
@pytest.mark.parametrize("kind", ["human", "opt_out", "auto_acknowledgement", "bot", "out_of_office", "bounce"])
def test_a_weak_match_only_makes_it_unclear(kind: str) -> None:
    found = row(came(kind, strong=False))
    assert found["first_unclear_at"] == at(DAY)
    assert (found["first_reply_at"], found["first_human_at"], found["bounced_at"]) == (None, None, None)


@pytest.mark.parametrize("kind", ["human", "opt_out", "auto_acknowledgement", "challenge"])
def test_a_stranger_s_mail_only_makes_it_unclear(kind: str) -> None:
    found = row(came(kind, standing="stranger"))
    assert (found["first_unclear_at"], found["first_reply_at"]) == (at(DAY), None)


@pytest.mark.parametrize("standing", ["known_partner", "quotes_the_enquiry"])
def test_who_answers_for_the_business_counts(standing: str) -> None:
    assert row(came("human", standing=standing))["first_human_at"] == at(DAY)


def test_what_a_person_decided_counts_whatever_the_match() -> None:
    found = row(came("human", strong=False, standing="stranger", by_hand=True))
    assert (found["first_human_at"], found["by_hand"]) == (at(DAY), True)


# --------------------------------------------------------------------------------------------- bounces
def test_a_trusted_bounce_alone_stands() -> None:
    found = row(came("bounce", HOUR))
    assert (found["bounced_at"], found["disputed"]) == (at(HOUR), False)


def test_a_bounce_after_delay_notices_stands() -> None:
    assert row(came("delay_notice", HOUR), came("bounce", 4 * DAY))["disputed"] is False


def test_a_bounce_after_exactly_five_days_stands_and_later_is_disputed() -> None:
    assert row(came("bounce", 5 * DAY))["disputed"] is False
    assert row(came("bounce", 5 * DAY + timedelta(microseconds=1)))["disputed"] is True


@pytest.mark.parametrize(
    "kind", ["human", "opt_out", "auto_acknowledgement", "out_of_office", "bot", "unclear", "read_receipt"]
)
@pytest.mark.parametrize("after", [HOUR, 2 * DAY])
def test_a_bounce_beside_anything_else_is_disputed(kind: str, after: timedelta) -> None:
    assert row(came("bounce", DAY), came(kind, after))["disputed"] is True


@pytest.mark.parametrize("kind", ["marketing", "complaint_report", "delivery_receipt"])
def test_a_bounce_beside_what_is_ignored_stands(kind: str) -> None:
    assert row(came("bounce", DAY), came(kind, HOUR))["disputed"] is False


def test_a_bounce_from_an_untrusted_reporter_is_disputed() -> None:
    assert row(came("bounce", HOUR, reporter_trusted=False))["disputed"] is True


def test_a_second_bounce_neither_disputes_nor_saves_time() -> None:
    assert row(came("bounce", HOUR), came("bounce", 9 * DAY))["disputed"] is False
    assert row(came("bounce", HOUR, reporter_trusted=False), came("bounce", 2 * HOUR))["disputed"] is False


def test_a_bounce_of_what_was_never_known_to_be_sent_is_disputed() -> None:
    assert row(came("bounce"), sent_at=None, state="unknown")["disputed"] is True


def test_a_full_mailbox_is_told_from_other_failures() -> None:
    assert row(came("bounce", status="5.2.2"))["mailbox_full"] is True
    assert row(came("bounce", status="5.1.1"))["mailbox_full"] is False


def trusted(**change: Any) -> bool:
    verdict = Verdict(
        kind="bounce", automated=True, reasons=("x",), rules="1", bounced_recipient="Info@velo-nord.example"
    )
    match = Match(probe="p1", key="private_address", strong=True, standing="stranger", reason="x")
    return reporter_trusted(
        replace(match, **{name: value for name, value in change.items() if name in {"key", "strong"}}),
        replace(verdict, **{name: value for name, value in change.items() if name in {"kind", "bounced_recipient"}}),
        "info@velo-nord.example",
    )


def test_a_bounce_that_came_home_and_names_the_address_asked_is_trusted() -> None:
    assert trusted()


@pytest.mark.parametrize(
    "change",
    [
        {"key": "bounced_message_id"},
        {"strong": False},
        {"bounced_recipient": "boss@elsewhere.example"},
        {"bounced_recipient": None},
        {"kind": "delay_notice"},
    ],
)
def test_any_other_bounce_is_not_trusted(change: dict[str, Any]) -> None:
    assert not trusted(**change)


# --------------------------------------------------------------------------------------------- facts beside the times
def test_the_first_promise_of_a_machine_is_kept_with_its_deadline() -> None:
    due = SENT + 2 * DAY
    found = row(
        came("human", HOUR, promised=True, promise_due=SENT),
        came("auto_acknowledgement", 2 * HOUR),
        came("auto_acknowledgement", 3 * HOUR, promised=True, promise_due=due),
        came("bot", 4 * HOUR, promised=True),
    )
    assert (found["promised_at"], found["promise_due_at"]) == (at(3 * HOUR), micros(due))


def test_noreply_and_junk_are_facts_of_the_replies_that_count() -> None:
    assert row(came("auto_acknowledgement", noreply=True))["noreply"] is True
    assert row(came("human"), came("marketing", noreply=True))["noreply"] is False
    assert row(came("human", DAY, junk=True), came("human", 2 * DAY))["junk"] is True
    assert row(came("auto_reply", DAY, junk=True))["junk"] is None


def test_questions_answered_are_the_most_one_person_answered() -> None:
    found = row(
        came("human", questions_answered=1),
        came("human", 2 * DAY, questions_answered=9),
        came("bot", questions_answered=2),
    )
    assert found["questions_answered"] == 2
    assert row(came("human"))["questions_answered"] is None, "what no rule has judged is not nothing answered"


# --------------------------------------------------------------------------------------------- always
REPLIES = st.lists(
    st.builds(
        Reply,
        at=st.integers(-100, 2000).map(lambda hours: SENT + hours * HOUR),
        kind=st.sampled_from((*KINDS, "something new")),
        strong=st.booleans(),
        standing=st.sampled_from(("own_domain", "known_partner", "quotes_the_enquiry", "stranger")),
        junk=st.booleans(),
        noreply=st.booleans(),
        promise_due=st.none() | st.just(SENT + 3 * DAY),
        promised=st.booleans(),
        status=st.none() | st.sampled_from(("5.1.1", "4.2.2", "")),
        hard=st.none() | st.booleans(),
        bounced_recipient=st.none(),
        reporter_trusted=st.booleans(),
        questions_answered=st.integers(0, 5),
        by_hand=st.booleans(),
    ),
    max_size=7,
)
FACTS = st.builds(
    lambda replies, state, sent: facts(*replies, state=state, sent_at=sent),
    REPLIES,
    st.sampled_from(("planned", "sent", "unknown", "not_sent", "blocked", "suppressed", "something new")),
    st.none() | st.just(SENT),
)
FIRSTS = (*(name for name in COLUMNS if name.startswith("first_")), "bounced_at")


@given(FACTS)
def test_any_facts_give_one_sound_row(known: ProbeFacts) -> None:
    found = outcome(known)
    assert list(found) == list(COLUMNS)
    assert all(found[name] is not None for name in REQUIRED)
    pl.DataFrame([found], schema=COLUMNS, strict=True)
    assert outcome(known) == found
    assert (found["first_human_at"] is None) == (found["first_human_kind"] is None)
    if found["disputed"]:
        assert found["bounced_at"] is not None


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_replies_never_matters(known: ProbeFacts, dice: random.Random) -> None:
    shuffled = list(known.replies)
    dice.shuffle(shuffled)
    assert outcome(replace(known, replies=tuple(shuffled))) == outcome(known)


@given(FACTS)
def test_marketing_changes_nothing(known: ProbeFacts) -> None:
    more = replace(known, replies=(*known.replies, came("marketing", HOUR, noreply=True, junk=True)))
    assert outcome(more) == outcome(known)


@given(FACTS, REPLIES)
def test_later_arrivals_never_take_an_earlier_time_away(known: ProbeFacts, more: list[Reply]) -> None:
    last = max((reply.at for reply in known.replies), default=SENT)
    later = [replace(reply, at=last + HOUR + (reply.at - SENT) + 100 * HOUR) for reply in more]
    before, after = outcome(known), outcome(replace(known, replies=(*known.replies, *later)))
    for name in FIRSTS:
        if before[name] is not None:
            assert after[name] == before[name]
    if before["disputed"]:
        assert known.sent_at is None or after["bounced_at"] == before["bounced_at"]
