"""A sending pass: what is due goes out once, whatever a channel does, and nothing that policy refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ConfigError, StoreError
from monitor.listen import todays_rules
from monitor.send import enquiry, plan_view, send_pass
from monitor.store import planning
from monitor.store.hearing import cursors, take_in
from monitor.store.records import stop
from monitor.store.tables import META
from probes.contract import Clock, Enquiry, OpenChannel, Receipt, Sends
from probes.testing import FakeChannel, FakeSettings, FakeWire
from tests.monitor.factories import CHANNEL, MAILBOX, World, business, only, rows
from tests.monitor.making import TUESDAY, due, scenario

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, firms=3)


class OddWire:
    """A channel that does something of its own when it is asked to send."""

    def __init__(self, act: Callable[[Enquiry, Clock], Receipt]) -> None:
        self.act = act

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        return self.act(enquiry, now)


def odd(act: Callable[[Enquiry, Clock], Receipt]) -> dict[str, OpenChannel]:
    ears = FakeChannel()
    return {
        CHANNEL: OpenChannel(CHANNEL, FakeChannel(), OddWire(act)),
        "ears": OpenChannel("ears", ears, ears.open("ears", FakeSettings(), live=False)),
    }


def test_what_breaks_in_a_channel_is_told_without_what_it_had_in_hand(world: World) -> None:
    def breaks(_: Enquiry, __: Clock) -> Receipt:
        "hunter\udce92".encode()
        raise AssertionError

    problems = world.send(channels=odd(breaks)).problems
    assert len(problems) == 3
    assert all("UnicodeEncodeError" in one and "hunter" not in one for one in problems)


# --------------------------------------------------------------------------- the main job
def test_nobody_computes_a_private_address_from_what_is_published(tmp_path: Path) -> None:
    """Two stores with one config and one business: what is published of them is the same, the addresses are not."""
    sent = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        with world.store.write() as connection:
            connection.execute(META.delete())  # each draws a secret of its own
        world.send()
        sent.append(world.sent_to())
    assert sent[0].reply_to != sent[1].reply_to
    assert sent[0].message_id != sent[1].message_id


def test_what_waits_or_is_deferred_does_not_go_out_once_its_study_has_ended(tmp_path: Path) -> None:
    world = World(tmp_path, firms=2, study={"end": date(2026, 12, 2)})
    world.fake.defers("*")
    world.send(going_on=lambda: not world.fake.sent)
    assert sorted(world.states().values()) == ["deferred", "planned"]
    world.at = datetime(2026, 12, 3, 10, tzinfo=UTC)
    world.send()
    assert len(world.fake.sent) == 1
    assert world.states() == {"firm-1": "suppressed", "firm-2": "suppressed"}


def test_what_is_due_is_sent_once(world: World) -> None:
    summary = world.send()
    assert (summary.planned, summary.sent, summary.tried, summary.refused) == (3, 3, 3, [])
    assert sorted(one.to for one in world.fake.sent) == [f"info@firm{n}.example" for n in (1, 2, 3)]
    assert world.passes(days=1).send().tried == 0
    assert len(world.fake.sent) == 3


def test_an_enquiry_carries_what_the_plan_made(world: World) -> None:
    world.send()
    one = world.sent_to(1)
    row = next(row for row in rows(world.store, "probes") if row["business_id"] == 1)
    assert (one.probe, one.reply_to, one.subject, one.body) == (
        row["id"],
        row["reply_address"],
        row["subject"],
        row["body"],
    )
    assert (one.sender_name, one.language, one.intent, one.number) == ("Anna Berger", "en", "presale", None)
    assert one.message_id == world.contacts()["firm-1"]["message_id"]


def test_the_enquiry_of_a_due_probe() -> None:
    one = enquiry(due(1, scenario=scenario(intent="support")))
    assert (one.probe, one.to, one.reply_to, one.intent) == (
        "probe1",
        "info@firm1.example",
        "anna1@inbox.example",
        "support",
    )


def test_a_probe_is_on_record_as_sending_before_the_wire_is_touched(world: World) -> None:
    states: list[str] = []
    world.fake.before_send = lambda one: states.append(
        next(row["state"] for row in rows(world.store, "contacts") if row["message_id"] == one.message_id)
    )
    world.send()
    assert states == ["sending"] * 3


def test_nothing_goes_out_before_it_is_due(tmp_path: Path) -> None:
    world = World(tmp_path, firms=20, study={"spread": "6h"}, at=TUESDAY.replace(hour=0))
    first = world.send()
    assert first.planned == 20, "a slot that has come is on record however late its probes fall due"
    assert first.sent < 20
    for _ in range(12):
        assert all(contact["due"] <= world.at for contact in world.contacts().values() if contact["state"] == "sent")
        world.passes(minutes=30).send()
    assert set(world.states().values()) == {"sent"}
    assert len(world.fake.sent) == 20


def test_a_newer_slot_does_not_undo_one_whose_share_of_the_spread_lies_ahead(tmp_path: Path) -> None:
    world = World(tmp_path, firms=10, study={"schedule": "0 9 * * *", "spread": "1d"}, at=TUESDAY.replace(hour=9))
    world.send()
    for _ in range(6):
        world.passes(hours=7).send()
    slots = [row["slot"] for row in rows(world.store, "probes")]
    assert slots.count(TUESDAY.replace(hour=9)) == 10
    contacts = [row for row in rows(world.store, "contacts") if row["due"] <= world.at]
    assert {row["state"] for row in contacts} == {"sent"}


def test_a_repeating_study_asks_again_at_each_slot(tmp_path: Path) -> None:
    world = World(tmp_path, study={"schedule": "0 9 * * *"})
    world.send()
    world.passes(days=1).send()
    assert len({one.reply_to for one in world.fake.sent}) == 2
    assert len({one.message_id for one in world.fake.sent}) == 2


def test_a_study_is_frozen_with_its_first_probe_and_a_change_is_a_new_version(tmp_path: Path) -> None:
    world = World(tmp_path, study={"schedule": "0 9 * * *"})
    world.send()
    world.passes(days=1).studies(title="Changed").send()
    assert [one.content["title"] for one in planning.versions(world.store)] == ["Do they answer?", "Changed"]
    assert [row["version_id"] for row in rows(world.store, "probes")] == [1, 2]


def test_a_scenario_with_an_unfilled_placeholder_sends_nothing(world: World) -> None:
    world.config = dataclasses.replace(world.config, scenarios={"presale-en": scenario(body="Hello {product}")})
    with pytest.raises(ConfigError, match="product"):
        world.send()
    assert world.fake.sent == []
    assert rows(world.store, "probes") == []


# --------------------------------------------------------------------------- whatever a channel does
def test_each_fate_is_counted_and_on_record(world: World) -> None:
    world.imports(business(4), business(5))
    world.fake.defers("info@firm1.example").refuses("info@firm2.example").blocks("info@firm3.example")
    world.fake.drops_after_dot("info@firm4.example")
    summary = world.send()
    found = (summary.deferred, summary.not_sent, summary.blocked, summary.unknown, summary.sent)
    assert found == (1, 1, 1, 1, 1)
    assert world.states() == {
        "firm-1": "deferred",
        "firm-2": "not_sent",
        "firm-3": "blocked",
        "firm-4": "unknown",
        "firm-5": "sent",
    }


def test_what_was_refused_for_now_is_tried_again_with_the_same_message_id(world: World) -> None:
    world.fake.defers("info@firm1.example", times=2)
    world.send()
    assert world.passes(minutes=4).send().tried == 0
    assert world.passes(minutes=1).send().deferred == 1
    assert world.passes(hours=1).send().sent == 1
    tries = [one for one in world.fake.sent if one.to == "info@firm1.example"]
    assert len(tries) == 3
    assert len({one.message_id for one in tries}) == len({one.reply_to for one in tries}) == 1
    contact = world.contacts()["firm-1"]
    receipts = [row["state"] for row in rows(world.store, "receipts") if row["contact_id"] == contact["id"]]
    assert (contact["tries"], receipts) == (3, ["deferred", "deferred", "sent"])


def test_tries_end_when_the_schedule_of_the_channel_ends(world: World) -> None:
    world.fake.defers("info@firm1.example", times=99)
    for _ in range(10):
        world.send()
        world.passes(hours=2)
    assert world.states()["firm-1"] == "not_sent"
    assert len([one for one in world.fake.sent if one.to == "info@firm1.example"]) == 3


def test_a_channel_that_breaks_leaves_an_unknown_and_stops_nothing(world: World) -> None:
    def breaks(one: Enquiry, now: Clock) -> Receipt:
        if "firm2" in one.to:
            raise ValueError("a bug of ours")
        return Receipt(state="sent", at=now())

    summary = world.send(channels=odd(breaks))
    assert (summary.sent, summary.unknown) == (2, 1)
    contact = world.contacts()["firm-2"]
    assert contact["state"] == "unknown"
    assert contact["reason"] == "broke off while sending, so it may have been accepted: ValueError: a bug of ours"
    assert "a bug of ours" in only(summary.problems)
    assert world.passes(days=9).send(channels=odd(breaks)).tried == 0


def test_an_interrupted_pass_knows_that_it_may_have_sent(world: World) -> None:
    def interrupted(one: Enquiry, now: Clock) -> Receipt:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.send(channels=odd(interrupted))
    assert sorted(world.states().values()) == ["planned", "planned", "unknown"]


def test_a_receipt_without_a_zone_or_with_an_unknown_state_is_made_good(world: World) -> None:
    def strange(one: Enquiry, now: Clock) -> Receipt:
        if "firm1" in one.to:
            return Receipt(state="sent", at=datetime(2026, 1, 1))  # noqa: DTZ001
        return Receipt(state="perhaps", at=now(), reason="who knows")  # type: ignore[arg-type]

    world.send(channels=odd(strange))
    assert world.states() == {"firm-1": "sent", "firm-2": "unknown", "firm-3": "unknown"}
    assert world.contacts()["firm-1"]["settled_at"] == TUESDAY
    assert "perhaps" in world.contacts()["firm-2"]["reason"]


def test_a_store_that_cannot_be_written_ends_the_pass_and_what_was_sent_is_not_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor import send

    def full(*_: Any) -> str:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(send, "record_receipt", full)
        with pytest.raises(StoreError, match="the disk is full"):
            world.send()
    assert len(world.fake.sent) == 1
    world.passes(hours=1).send()
    assert len(world.fake.sent) == len({one.message_id for one in world.fake.sent}) == 3
    assert sorted(world.states().values()) == ["sent", "sent", "unknown"]


# --------------------------------------------------------------------------- what a crash left
def left_in_the_middle(world: World) -> None:
    class Crash(BaseException):
        pass

    def crash(_one: Enquiry) -> None:
        raise Crash

    from monitor import send

    world.fake.before_send = crash
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Crash):
        patch.setattr(send, "record_receipt", lambda *_: "")
        world.send()
    world.fake.before_send = None


def test_what_was_left_in_the_middle_is_unknown_once_its_time_is_over(world: World) -> None:
    left_in_the_middle(world)
    assert sorted(world.states().values()) == ["planned", "planned", "sending"]
    assert world.passes(seconds=59).send().given_up == 0, "another worker may be at it"
    assert world.passes(minutes=1).send().given_up == 1
    unknown = only([one for one in world.contacts().values() if one["state"] == "unknown"])
    assert "it may have been accepted, so it is not sent again" in unknown["reason"]
    assert len(world.fake.sent) == 2


@pytest.mark.parametrize("answer", ["sent", "deferred", None, "breaks"])
def test_a_channel_that_can_tell_is_asked_what_became_of_it(world: World, answer: str | None) -> None:
    left_in_the_middle(world)
    asked: list[tuple[str, datetime]] = []

    class Telling(OddWire):
        def settle(self, enquiry: Enquiry, since: datetime, now: Clock) -> Receipt | None:
            asked.append((enquiry.message_id, since))
            if answer == "breaks":
                raise ValueError("no such luck")
            return Receipt(state=answer, at=now()) if answer else None  # type: ignore[arg-type]

    contact = only([one for one in world.contacts().values() if one["state"] == "sending"])
    wire = Telling(lambda _one, now: Receipt(state="sent", at=now()))
    summary = world.passes(hours=1).send(channels={CHANNEL: OpenChannel(CHANNEL, FakeChannel(), wire)})
    assert asked == [(contact["message_id"], TUESDAY)]
    state = only([one["state"] for one in world.contacts().values() if one["id"] == contact["id"]])
    expected = {"sent": "sent", "deferred": "deferred", None: "unknown", "breaks": "unknown"}[answer]
    assert state == expected
    assert (summary.settled, summary.given_up) == ((1, 0) if answer in ("sent", "deferred") else (0, 1))


# --------------------------------------------------------------------------- policy and stops
def test_what_policy_refuses_for_good_is_on_record_and_not_sent(world: World) -> None:
    world.imports(business(2, basis="consented"))
    summary = world.send()
    assert world.states() == {"firm-1": "sent", "firm-2": "suppressed", "firm-3": "sent"}
    assert (summary.suppressed, [answer.rule for answer in summary.refused]) == (1, ["basis_proof"])
    assert world.passes(days=1).send().refused == [], "its slot is on record"


def test_what_must_wait_goes_out_when_it_may(tmp_path: Path) -> None:
    world = World(tmp_path, firms=5, policy={"daily_cap": 2})
    assert [answer.rule for answer in world.send().refused] == ["daily_cap"] * 3
    assert world.passes(hours=1).send().tried == 0
    for day in (1, 2):
        world.at = TUESDAY + day * DAY
        world.send()
    assert len(world.fake.sent) == len({one.to for one in world.fake.sent}) == 5


def test_caps_hold_for_tries_that_were_deferred(tmp_path: Path) -> None:
    world = World(tmp_path, firms=4, policy={"daily_cap": 2})
    world.fake.defers("*", times=2)
    for minutes in range(0, 600, 10):
        world.at = TUESDAY + minutes * MINUTE
        world.send()
    assert len({one.to for one in world.fake.sent}) == 2


def test_quiet_hours_begin_in_the_middle_of_a_pass(tmp_path: Path) -> None:
    world = World(tmp_path, firms=3, policy={"quiet_start": "20:00", "quiet_end": "08:00"})
    world.at = TUESDAY.replace(hour=19, minute=59)

    def slow(_one: Enquiry) -> None:
        world.passes(minutes=1)

    world.fake.before_send = slow
    summary = world.send()
    assert summary.sent == 1
    assert [answer.rule for answer in summary.refused] == ["quiet_hours"] * 2
    world.at = TUESDAY.replace(hour=8) + DAY
    assert world.send().sent == 2


def test_a_stop_in_the_middle_of_a_pass_counts_at_once(world: World) -> None:
    def stops(one: Enquiry) -> None:
        if len(world.fake.sent) == 0:
            others = {"info@firm1.example", "info@firm2.example", "info@firm3.example"} - {one.to}
            stop(world.store, sorted(others), "they asked", world.now())

    world.fake.before_send = stops
    assert world.send().sent == 1
    assert sorted(world.states().values()) == ["sent", "suppressed", "suppressed"]


def test_somebody_who_asked_to_stop_is_not_planned_again(tmp_path: Path) -> None:
    world = World(tmp_path, study={"schedule": "0 9 * * *"})
    world.send()
    stop(world.store, ["info@firm1.example"], "they asked", world.now())
    summary = world.passes(days=1).send()
    assert (summary.sent, summary.suppressed) == (0, 1)


def test_a_contact_is_not_sent_when_its_study_has_left_the_config(world: World) -> None:
    world.fake.defers("*", times=9)
    world.send()
    world.config = dataclasses.replace(world.config, studies={})
    summary = world.passes(hours=1).send()
    assert summary.tried == 0
    assert summary.problems == ["study sector is no longer in the config; its planned probes are not sent"]


def test_a_contact_is_not_sent_when_its_channel_cannot(world: World) -> None:
    world.fake.defers("*", times=9)
    world.send()
    summary = world.passes(hours=1).send(channels={})
    assert summary.problems == ["channel post is not configured to send; its planned probes are not sent"]
    assert set(world.states().values()) == {"deferred"}


def test_a_pass_ends_where_it_is_told_to(world: World) -> None:
    summary = world.send(going_on=lambda: len(world.fake.sent) < 2)
    assert summary.sent == 2
    assert sorted(world.states().values()) == ["planned", "sent", "sent"]


def test_progress_is_told(world: World) -> None:
    told: list[tuple[int, int]] = []
    world.send(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_many_more_than_a_page_go_out_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor import send

    monkeypatch.setattr(send, "AT_A_TIME", 3)
    world = World(tmp_path, firms=8, policy={"per_group_daily_cap": 1})
    world.imports(*[business(n, group="chain") for n in (1, 2, 3, 4)])
    assert world.send().sent == 5
    assert world.passes(days=1).send().sent == 1


# --------------------------------------------------------------------------- heard before anything is asked
def test_the_mailbox_is_read_before_the_first_enquiry_goes_out(world: World) -> None:
    known: list[dict[str, str]] = []
    world.fake.before_send = lambda _one: known.append(cursors(world.store, CHANNEL, MAILBOX))
    world.send()
    assert known == [{"INBOX": "1:0"}] * 3
    world.answer(1)
    assert world.listen().new == 1
    assert world.facts()["firm-1"].gap_from is None


def test_nothing_is_sent_on_a_channel_that_was_never_heard(world: World) -> None:
    world.fake.goes_deaf("connection refused")
    summary = world.send()
    assert (summary.planned, summary.tried) == (3, 0)
    assert summary.problems == [
        "post has never been heard (connection refused); nothing is sent whose answer comes in there"
    ]
    world.fake.hears_again()
    assert world.send().sent == 3


def test_a_channel_that_was_heard_once_sends_while_it_is_deaf(world: World) -> None:
    """The mailbox keeps what comes; the gap is on record until it was read."""
    world.listen()
    world.fake.goes_deaf()
    assert world.send().sent == 3


def test_a_channel_that_only_sends_waits_for_those_that_hear(world: World) -> None:
    deaf = FakeChannel(mailbox="other@inbox.example").goes_deaf("connection refused")
    hearing = OpenChannel("letterbox", deaf, deaf.open("letterbox", deaf.settings(), live=False))
    channels = odd(lambda _one, now: Receipt(state="sent", at=now())) | {"letterbox": hearing}
    assert world.send(channels=channels).tried == 0
    deaf.hears_again()
    assert world.send(channels=channels).sent == 3


# --------------------------------------------------------------------------- the plan, seen beforehand
def test_a_view_of_the_plan_writes_nothing_and_touches_no_wire(world: World) -> None:
    world.fake.goes_deaf()
    tables = ("probes", "contacts", "study_versions", "cursors", "gaps")
    view = plan_view(world.store, world.config, world.channels, world.now)
    assert [one.target.business for one in view.allowed] == [one.target.business for one in view.allowed]
    assert sorted(one.target.business for one in view.allowed) == ["firm-1", "firm-2", "firm-3"]
    assert [rows(world.store, table) for table in tables] == [[], [], [], [], []]
    assert world.fake.sent == []


def test_a_view_shows_what_the_next_pass_does(tmp_path: Path) -> None:
    world = World(tmp_path, firms=6, policy={"daily_cap": 4})
    world.imports(business(2, basis="authority"))
    view = plan_view(world.store, world.config, world.channels, world.now)
    summary = world.send()
    assert {one.probe for one in view.allowed} == {one.probe for one in world.fake.sent}
    assert {(one.due.probe, one.rule) for one in view.refused} == {(one.due.probe, one.rule) for one in summary.refused}


def test_a_view_reaches_as_far_as_it_is_asked(tmp_path: Path) -> None:
    world = World(tmp_path, firms=2, study={"schedule": "0 9 * * *"})
    view = plan_view(world.store, world.config, world.channels, world.now, TUESDAY + 3 * DAY)
    assert [one.slot.day for one in view.allowed] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_view_holds_what_is_on_record_and_still_to_be_sent(world: World) -> None:
    world.fake.defers("info@firm1.example", times=9)
    world.send()
    view = plan_view(world.store, world.config, world.channels, world.now, TUESDAY + HOUR)
    assert [one.target.business for one in view.allowed] == ["firm-1"]
    assert view.on_record == {one.probe for one in view.allowed}
    assert plan_view(world.store, world.config, world.channels, world.now).allowed == []


def test_two_passes_at_once_send_each_probe_once(world: World) -> None:
    """The second begins in the middle of the first, on a store of its own."""
    from monitor.store.engine import Store

    other: list[int] = []

    def meanwhile(_one: Enquiry) -> None:
        if not other:
            other.append(0)
            with Store.open(world.store.path) as store:
                other[0] = send_pass(store, world.config, world.channels, world.now).sent

    world.fake.before_send = meanwhile
    first = world.send()
    assert first.sent + other[0] == 3
    assert len(world.fake.sent) == len({one.to for one in world.fake.sent}) == 3


class OnlySends:
    """A wire that hands over and hears nothing."""

    def __init__(self, wire: Sends) -> None:
        self.send = wire.send


def test_nothing_is_sent_when_no_channel_could_hear_an_answer(world: World) -> None:
    one = world.channels[CHANNEL]
    assert isinstance(one.wire, Sends)
    deaf = {CHANNEL: OpenChannel(CHANNEL, one.kind, OnlySends(one.wire))}
    summary = world.send(channels=deaf)
    assert world.fake.sent == []
    assert summary.tried == 0
    assert "no channel of the config hears" in summary.problems[0]
    assert set(world.states().values()) == {"planned"}
    assert world.send().sent == 3


# --------------------------------------------------------------------------- before anything goes out
class Guarded:
    """A wire that may not reach its targets."""

    def __init__(self, wire: FakeWire) -> None:
        self.send, self.listen, self.watch = wire.send, wire.listen, wire.watch
        self.asked: list[str] = []

    def refusal(self, address: str) -> str | None:
        self.asked.append(address)
        return "smtp.example.org is not on this machine; set `live = true` in the config to reach it"


def test_a_forgotten_live_uses_up_no_probe(world: World) -> None:
    one = world.channels[CHANNEL]
    assert isinstance(one.wire, FakeWire)
    wire = Guarded(one.wire)
    summary = world.send(channels={CHANNEL: OpenChannel(CHANNEL, one.kind, wire)})
    assert (world.fake.sent, summary.tried) == ([], 0)
    assert summary.problems == ["smtp.example.org is not on this machine; set `live = true` in the config to reach it"]
    assert set(world.states().values()) == {"planned"}
    assert len(wire.asked) == 3
    assert world.send().sent == 3


def test_a_stop_that_was_taken_in_but_not_read_yet_counts_before_the_next_enquiry(tmp_path: Path) -> None:
    world = World(tmp_path, firms=2, study={"schedule": "0 9 * * *"}, policy={"cooldown": timedelta(0)})
    world.studies(probes_per_endpoint=None)
    assert world.send().sent == 2
    world.answer(1, text="Please remove me from your list and do not contact us again.")
    for batch in world.fake.hear(cursors(world.store, CHANNEL, MAILBOX), world.now):
        take_in(world.store, CHANNEL, batch, world.now())
    assert world.passes(days=8).send(rules=todays_rules()).sent == 1, "the other firm is asked again"
    assert [one.to for one in world.fake.sent].count("info@firm1.example") == 1


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        ({"state": "deferred", "reason": "cannot connect to smtp.example.org"}, True),
        ({"state": "deferred", "reason": "AUTH refused: 535 no", "code": "535", "accepted_by": "relay"}, True),
        (
            {"state": "not_sent", "reason": "RCPT refused: 550 relaying denied", "code": "550", "accepted_by": "relay"},
            True,
        ),
        ({"state": "deferred", "reason": "RCPT refused: 451 greylisted", "code": "451"}, False),
        ({"state": "not_sent", "reason": "no such user", "code": "550", "accepted_by": "recipient_mx"}, False),
        ({"state": "sent", "reason": "accepted: 250", "code": "250", "accepted_by": "relay"}, False),
    ],
)
def test_what_failed_on_our_side_is_told_once(world: World, receipt: dict[str, Any], told: bool) -> None:
    summary = world.send(channels=odd(lambda _, now: Receipt(at=now(), **receipt)))
    assert summary.problems == ([receipt["reason"]] if told else [])
