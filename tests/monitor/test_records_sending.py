"""One contact from planned to its fate: taken once, settled once, never twice on the wire."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import policy
from monitor.facts import Allowed, Contacted, Due, Refused
from monitor.policy import Suppressed
from monitor.store import planning, sending
from monitor.store.planning import Waiting
from monitor.store.records import stop, targets
from probes.contract import Receipt
from tests.monitor.factories import CHANNEL, World, frozen_study, rows
from tests.monitor.making import ALL_BASES, TUESDAY, due
from tests.monitor.making import policy as settings

HOUR = timedelta(hours=1)
LIMITS = {CHANNEL: timedelta(minutes=20)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, firms=2)


@pytest.fixture
def item(world: World) -> Waiting:
    """A contact that is due."""
    one = due(1, target=targets(world.store, [CHANNEL])[0])
    planning.add_probe(world.store, one, frozen_study(), world.now())
    return planning.waiting(world.store, world.now())[0]


def allow(dues: Sequence[Due], _history: Sequence[Contacted], _stopped: Suppressed) -> list[Allowed | Refused]:
    return [Allowed(due=one) for one in dues]


def claim(world: World, item: Waiting) -> str:
    return sending.claim(world.store, item, allow, world.now()).result


def settle(world: World, item: Waiting, state: str, attempt: int = 1, **more: Any) -> str:
    waits = more.pop("retry_after", (HOUR, 2 * HOUR))
    receipt = Receipt(state=state, at=world.now(), **more)  # type: ignore[arg-type]
    return sending.record_receipt(world.store, item.contact, attempt, receipt, waits)


def contact(world: World) -> dict[str, Any]:
    return rows(world.store, "contacts")[0]


# --------------------------------------------------------------------------- taking
def test_a_contact_is_taken_once(world: World, item: Waiting) -> None:
    assert [claim(world, item), claim(world, item)] == ["claimed", "gone"]
    assert (contact(world)["state"], contact(world)["tries"], contact(world)["started_at"]) == ("sending", 1, TUESDAY)


def test_of_many_that_take_a_contact_at_once_one_has_it(world: World, item: Waiting) -> None:
    got: list[str] = []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait()
        got.append(claim(world, item))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["claimed"] + ["gone"] * 7


def test_a_contact_that_is_not_due_cannot_be_taken(world: World, item: Waiting) -> None:
    assert sending.claim(world.store, item, allow, TUESDAY - HOUR).result == "gone"
    assert contact(world)["state"] == "planned"


def test_a_stop_between_reading_and_taking_is_seen(world: World, item: Waiting) -> None:
    stop(world.store, ["info@firm1.example"], "they asked", world.now())
    assert claim(world, item) == "gone"
    assert contact(world)["state"] == "suppressed"


def test_policy_is_asked_at_the_moment_of_taking_with_what_is_true_then(world: World, item: Waiting) -> None:
    stop(world.store, ["info@firm2.example"], "they asked", world.now())
    told: list[Any] = []

    def refuse(dues: Sequence[Due], history: Sequence[Contacted], stopped: Suppressed) -> list[Allowed | Refused]:
        told.extend([dues[0].probe, list(history), stopped.businesses])
        return [Refused(due=dues[0], rule="basis", reason="no longer consented")]

    answer = sending.claim(world.store, item, refuse, world.now())
    assert told == ["probe1", [], frozenset({"firm-2"})]
    assert (answer.result, answer.answer and answer.answer.rule) == ("refused", "basis")
    assert (contact(world)["state"], contact(world)["reason"]) == ("suppressed", "no longer consented")


def test_a_cap_counts_what_was_taken_since_the_plan_was_looked_at(world: World, item: Waiting) -> None:
    second = due(2, target=targets(world.store, [CHANNEL])[1])
    planning.add_probe(world.store, second, frozen_study(), world.now())
    both = planning.waiting(world.store, world.now())

    def decide(dues: Sequence[Due], history: Sequence[Contacted], stopped: Suppressed) -> list[Allowed | Refused]:
        return policy.decide(
            dues,
            settings=settings(daily_cap=1),
            bases=ALL_BASES,
            contacted=history,
            suppressed=stopped,
            now=world.now(),
        )

    answers = [sending.claim(world.store, one, decide, world.now()) for one in both]
    assert [answer.result for answer in answers] == ["claimed", "refused"]
    assert answers[1].answer is not None
    assert answers[1].answer.rule == "daily_cap"


def test_a_contact_that_policy_lets_wait_stays_as_it_is(world: World, item: Waiting) -> None:
    before = contact(world)

    def later(dues: Sequence[Due], _h: Sequence[Contacted], _s: Suppressed) -> list[Allowed | Refused]:
        return [Refused(due=dues[0], rule="quiet_hours", reason="it is night", until=TUESDAY + HOUR)]

    assert sending.claim(world.store, item, later, world.now()).result == "refused"
    assert contact(world) == before


# --------------------------------------------------------------------------- receipts
@pytest.mark.parametrize("state", ["sent", "not_sent", "blocked", "unknown"])
def test_a_receipt_settles_its_contact(world: World, item: Waiting, state: str) -> None:
    claim(world, item)
    world.passes(minutes=1)
    assert settle(world, item, state, reason="said the server", code="250", accepted_by="relay") == state
    assert (contact(world)["state"], contact(world)["reason"]) == (state, "said the server")
    assert contact(world)["settled_at"] == TUESDAY + timedelta(minutes=1)
    (row,) = rows(world.store, "receipts")
    assert (row["attempt"], row["state"], row["code"], row["accepted_by"]) == (1, state, "250", "relay")


def test_deferred_tries_follow_the_schedule_of_their_channel_and_then_end(world: World, item: Waiting) -> None:
    for attempt, wait in ((1, HOUR), (2, 2 * HOUR)):
        assert claim(world, item) == "claimed"
        assert settle(world, item, "deferred", attempt) == "deferred"
        assert contact(world)["due"] == world.now() + wait
        assert contact(world)["settled_at"] is None
        world.at += wait
        (item,) = planning.waiting(world.store, world.now())
    assert claim(world, item) == "claimed"
    assert settle(world, item, "deferred", 3, reason="451 later") == "not_sent"
    assert contact(world)["reason"] == "refused for now each time (tried 3 times): 451 later"
    assert [(row["attempt"], row["state"]) for row in rows(world.store, "receipts")] == [
        (1, "deferred"), (2, "deferred"), (3, "deferred"),
    ]  # fmt: skip


def test_a_channel_without_a_schedule_tries_once(world: World, item: Waiting) -> None:
    claim(world, item)
    assert settle(world, item, "deferred", retry_after=()) == "not_sent"


def test_a_second_receipt_for_one_try_changes_nothing(world: World, item: Waiting) -> None:
    claim(world, item)
    settle(world, item, "sent")
    assert settle(world, item, "not_sent") == "sent"
    assert [row["state"] for row in rows(world.store, "receipts")] == ["sent"]


def test_a_receipt_that_comes_after_its_contact_was_given_up_still_counts(world: World, item: Waiting) -> None:
    claim(world, item)
    assert sending.give_up(world.store, item.contact, 1, "too long", TUESDAY + HOUR)
    assert settle(world, item, "sent") == "sent"


def test_a_receipt_with_half_a_character_is_stored(world: World, item: Waiting) -> None:
    claim(world, item)
    assert settle(world, item, "not_sent", reason="550 \udcff", transcript="\ud800") == "not_sent"
    assert contact(world)["reason"] == "550 ?"


# --------------------------------------------------------------------------- what a crash left
def test_a_contact_left_in_the_middle_is_found_when_its_time_is_over(world: World, item: Waiting) -> None:
    claim(world, item)
    assert sending.stale(world.store, LIMITS, TUESDAY + timedelta(minutes=20), HOUR) == []
    (found,) = sending.stale(world.store, LIMITS, TUESDAY + timedelta(minutes=21), HOUR)
    assert (found.probe, found.enquiry.to, found.enquiry.message_id, found.attempt) == (
        "probe1", "info@firm1.example", "<m1@inbox.example>", 1,
    )  # fmt: skip


def test_a_contact_of_a_channel_that_is_gone_is_found_later(world: World, item: Waiting) -> None:
    claim(world, item)
    assert sending.stale(world.store, {"other": timedelta(0)}, TUESDAY + HOUR, HOUR) == []
    assert len(sending.stale(world.store, {"other": timedelta(0)}, TUESDAY + 2 * HOUR, HOUR)) == 1
    assert len(sending.stale(world.store, {}, TUESDAY + 2 * HOUR, HOUR)) == 1


def test_what_is_given_up_is_unknown_and_never_taken_again(world: World, item: Waiting) -> None:
    claim(world, item)
    assert sending.give_up(world.store, item.contact, 1, "broke off", TUESDAY + HOUR)
    assert (contact(world)["state"], contact(world)["reason"]) == ("unknown", "broke off")
    assert claim(world, item) == "gone"
    assert planning.waiting(world.store, TUESDAY + 1000 * HOUR) == []


def test_what_has_its_receipt_cannot_be_given_up(world: World, item: Waiting) -> None:
    claim(world, item)
    settle(world, item, "sent")
    assert not sending.give_up(world.store, item.contact, 1, "broke off", TUESDAY + HOUR)
    assert contact(world)["state"] == "sent"


def test_a_later_try_is_not_given_up_for_an_earlier_one(world: World, item: Waiting) -> None:
    claim(world, item)
    settle(world, item, "deferred")
    world.passes(hours=1)
    (item,) = planning.waiting(world.store, world.now())
    claim(world, item)
    assert not sending.give_up(world.store, item.contact, 1, "broke off", world.now())
    assert contact(world)["state"] == "sending"
