"""Putting probes on record, and what plan and policy are told of those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.facts import Allowed, Contacted, Due, Refused
from monitor.policy import Suppressed
from monitor.store import planning, sending
from monitor.store.planning import Taken
from monitor.store.records import targets
from probes.contract import Receipt
from tests.monitor.factories import CHANNEL, World, business, endpoint, frozen_study, rows
from tests.monitor.making import TUESDAY, due, scenario

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, firms=4)


def allow(dues: Sequence[Due], _history: Sequence[Contacted], _stopped: Suppressed) -> list[Allowed | Refused]:
    return [Allowed(due=one) for one in dues]


def a_due(world: World, number: int = 1, **change: Any) -> Due:
    return due(number, **({"target": targets(world.store, [CHANNEL])[number - 1]} | change))


def add(world: World, number: int = 1, **change: Any) -> bool:
    return planning.add_probe(world.store, a_due(world, number, **change), frozen_study(), world.now())


def take(world: World, number: int = 1, state: str | None = "sent") -> None:
    """The contact of that probe is sent now, or left in the middle."""
    item = next(one for one in planning.waiting(world.store, world.now()) if one.due.probe == f"probe{number}")
    assert sending.claim(world.store, item, allow, world.now()).result == "claimed"
    if state:
        receipt = Receipt(state=state, at=world.now())  # type: ignore[arg-type]
        sending.record_receipt(world.store, item.contact, item.tries + 1, receipt, (HOUR,))


# --------------------------------------------------------------------------- on record
def test_a_probe_is_on_record_with_a_planned_contact(world: World) -> None:
    assert add(world)
    (probe,), (contact,) = rows(world.store, "probes"), rows(world.store, "contacts")
    assert (probe["id"], probe["reply_address"], probe["subject"]) == ("probe1", "anna1@inbox.example", "A question")
    assert (contact["state"], contact["tries"], contact["message_id"]) == ("planned", 0, "<m1@inbox.example>")


def test_a_slot_is_planned_once(world: World) -> None:
    assert add(world)
    assert not add(world)
    assert not add(world, probe="another", reply_address="other@inbox.example", message_id="<other@x>")
    assert len(rows(world.store, "probes")) == len(rows(world.store, "contacts")) == 1
    assert add(world, probe="next", slot=TUESDAY + DAY, reply_address="n@inbox.example", message_id="<n@x>")


def test_slots_on_record_are_told_by_endpoint(world: World) -> None:
    add(world, 1)
    add(world, 2)
    add(world, 2, probe="p3", slot=TUESDAY + DAY, reply_address="c@inbox.example", message_id="<c@x>")
    assert planning.on_record(world.store, "sector") == {1: [TUESDAY], 2: [TUESDAY, TUESDAY + DAY]}
    assert planning.on_record(world.store, "another study") == {}


def test_addresses_go_on_record_and_on_the_wire_in_lower_case(world: World) -> None:
    add(world, reply_address="Anna@Inbox.Example", message_id="<M1@Inbox.Example>")
    (item,) = planning.waiting(world.store, world.now())
    assert (item.due.reply_address, item.due.message_id) == ("anna@inbox.example", "<m1@inbox.example>")


def test_a_reply_address_that_serves_a_probe_is_taken(world: World) -> None:
    add(world, 1)
    taken = Taken(world.store)
    assert "anna1@inbox.example" in taken
    assert "Anna1@inbox.example" in taken
    assert "anna2@inbox.example" not in taken


def test_a_probe_with_an_address_that_is_taken_is_told_and_not_planned(world: World) -> None:
    add(world, 1)
    second = a_due(world, 2, reply_address="anna1@inbox.example")
    done = planning.record(world.store, [second], allow, {"sector": frozen_study()}, world.now())
    assert done.address_taken == (second,)
    assert [row["id"] for row in rows(world.store, "probes")] == ["probe1"]


def test_what_policy_refuses_for_good_is_on_record_and_keeps_no_reply_address(world: World) -> None:
    refused = Refused(due=a_due(world), rule="basis", reason="no basis for this")
    assert planning.add_suppressed(world.store, refused, frozen_study(), world.now())
    assert not planning.add_suppressed(world.store, refused, frozen_study(), world.now())
    (probe,), (contact,) = rows(world.store, "probes"), rows(world.store, "contacts")
    assert (probe["suppressed_reason"], probe["reply_address"]) == ("no basis for this", None)
    assert (contact["state"], contact["reason"]) == ("suppressed", "no basis for this")
    assert planning.waiting(world.store, world.now()) == []
    assert planning.on_record(world.store, "sector") == {1: [TUESDAY]}


def test_recording_does_what_policy_says_of_each(world: World) -> None:
    one, two, three, four = (a_due(world, number) for number in (1, 2, 3, 4))
    planning.add_probe(world.store, four, frozen_study(), world.now())

    def decide(dues: Sequence[Due], _h: Sequence[Contacted], _s: Suppressed) -> list[Allowed | Refused]:
        return [
            Allowed(due=dues[0]),
            Refused(due=dues[1], rule="basis", reason="never"),
            Refused(due=dues[2], rule="quiet_hours", reason="later", until=TUESDAY + HOUR),
            Allowed(due=dues[3]),
        ]

    done = planning.record(world.store, [one, two, three, four], decide, {"sector": frozen_study()}, world.now())
    assert done.planned == (one,)
    assert [answer.due for answer in done.suppressed] == [two]
    assert [answer.due for answer in done.waiting] == [three]
    assert done.known == 1
    states = {row["probe_id"]: row["state"] for row in rows(world.store, "contacts")}
    assert states == {"probe1": "planned", "probe2": "suppressed", "probe4": "planned"}


def test_recording_is_all_or_nothing(world: World) -> None:
    dues = [a_due(world, 1), a_due(world, 2, study="unknown")]
    with pytest.raises(KeyError):
        planning.record(world.store, dues, allow, {"sector": frozen_study()}, world.now())
    assert rows(world.store, "probes") == rows(world.store, "study_versions") == []


# --------------------------------------------------------------------------- the frozen study
def test_a_study_is_frozen_with_its_first_probe(world: World) -> None:
    assert planning.versions(world.store) == []
    add(world, 1)
    world.passes(hours=1)
    add(world, 2)
    (version,) = planning.versions(world.store)
    assert (version.study, version.version, version.frozen_at) == ("sector", 1, TUESDAY)
    assert version.sha256 == frozen_study().sha256
    assert version.content == frozen_study().content
    assert {row["version_id"] for row in rows(world.store, "probes")} == {version.id}


def test_a_changed_study_is_a_new_version_and_the_old_one_is_found_again(world: World) -> None:
    second = frozen_study(title="Changed")
    for number, study in enumerate([frozen_study(), second, frozen_study()], start=1):
        planning.add_probe(world.store, a_due(world, number), study, world.now())
    assert [(one.version, one.sha256) for one in planning.versions(world.store, "sector")] == [
        (1, frozen_study().sha256),
        (2, second.sha256),
    ]
    assert [row["version_id"] for row in rows(world.store, "probes")] == [1, 2, 1]


# --------------------------------------------------------------------------- waiting
def test_what_waits_comes_back_as_it_was_planned(world: World) -> None:
    planned = a_due(world, scenario=scenario(subject="A question", body="Hello"), pair="a")
    planning.add_probe(world.store, planned, frozen_study(), world.now())
    (item,) = planning.waiting(world.store, world.now())
    assert (item.tries, item.due.persona.id, item.due.persona.name) == (0, "anna", "Anna Berger")
    for name in (
        "probe",
        "study",
        "slot",
        "due",
        "target",
        "scenario",
        "reply_address",
        "message_id",
        "subject",
        "body",
    ):
        assert getattr(item.due, name) == getattr(planned, name), name
    assert item.due.pair == "a"


def test_what_waits_is_judged_by_what_its_business_is_today(world: World) -> None:
    add(world)
    world.imports(business(1, basis="own", group="chain"))
    (item,) = planning.waiting(world.store, world.now())
    assert (item.due.target.basis, item.due.target.group) == ("own", "chain")


def test_nothing_waits_before_it_is_due(world: World) -> None:
    add(world, due=TUESDAY + HOUR)
    assert planning.waiting(world.store, TUESDAY) == []
    assert len(planning.waiting(world.store, TUESDAY + HOUR)) == 1
    assert planning.count_waiting(world.store, TUESDAY + HOUR) == 1


def test_what_waits_is_read_page_by_page_in_the_order_of_due(world: World) -> None:
    for number, hours in ((1, 2), (2, 0), (3, 1), (4, 0)):
        add(world, number, due=TUESDAY + hours * HOUR)
    now = TUESDAY + DAY
    first = planning.waiting(world.store, now, limit=3)
    rest = planning.waiting(world.store, now, after=first[-1], limit=3)
    assert [item.due.probe for item in first + rest] == ["probe2", "probe4", "probe3", "probe1"]


@pytest.mark.parametrize("state", ["sent", "not_sent", "blocked", "unknown", None])
def test_what_was_tried_does_not_wait(world: World, state: str | None) -> None:
    add(world)
    take(world, state=state)
    assert planning.waiting(world.store, world.now() + 365 * DAY) == []


def test_what_was_deferred_waits_until_its_next_try(world: World) -> None:
    add(world)
    take(world, state="deferred")
    assert planning.waiting(world.store, TUESDAY + HOUR / 2) == []
    (item,) = planning.waiting(world.store, TUESDAY + HOUR)
    assert (item.tries, item.due.message_id) == (1, "<m1@inbox.example>")


# --------------------------------------------------------------------------- earlier contacts
def history(world: World, number: int = 4, **more: Any) -> list[tuple[str, Any]]:
    found = planning.contacted(world.store, [a_due(world, number, due=world.now())], world.now(), **more)
    return [(contact.address, contact.at) for contact in found]


@pytest.mark.parametrize(
    ("state", "counts"),
    [("sent", True), ("unknown", True), (None, True), ("deferred", True), ("not_sent", False), ("blocked", False)],
)
def test_what_may_have_been_accepted_counts_as_a_contact(world: World, state: str | None, counts: bool) -> None:
    add(world)
    take(world, state=state)
    world.passes(hours=1)
    assert history(world) == ([("info@firm1.example", TUESDAY)] if counts else [])


def test_what_is_planned_counts_for_planning_only(world: World) -> None:
    add(world, due=TUESDAY + HOUR)
    assert history(world, planning=True) == [("info@firm1.example", TUESDAY + HOUR)]
    assert history(world) == []


def test_a_contact_does_not_stand_in_its_own_way(world: World) -> None:
    add(world)
    take(world, state="deferred")
    assert history(world, 1) == []


def test_contacts_of_other_days_count_for_their_own_address_only(world: World) -> None:
    add(world)
    take(world)
    world.passes(days=40)
    assert history(world, 2) == []
    again = [a_due(world, 1, probe="p2", due=world.now())]
    (found,) = planning.contacted(world.store, again, world.now())
    assert found == Contacted(
        address="info@firm1.example",
        scope="firm1.example",
        group=None,
        study="sector",
        at=TUESDAY,
        channel=CHANNEL,
    )


def test_contacts_of_more_than_a_year_ago_are_forgotten(world: World) -> None:
    add(world)
    take(world)
    again = a_due(world, 1, probe="p2")
    assert len(planning.contacted(world.store, [again], TUESDAY + 365 * DAY)) == 1
    assert planning.contacted(world.store, [again], TUESDAY + 365 * DAY + HOUR) == []


def test_a_contact_to_an_address_counts_whichever_business_it_was_for(world: World) -> None:
    world.imports(business(5, endpoints=(endpoint("info@firm1.example"),)))
    add(world)
    take(world)
    world.passes(days=3)
    shared = next(one for one in targets(world.store, [CHANNEL]) if one.business == "firm-5")
    found = planning.contacted(world.store, [a_due(world, 1, probe="p5", target=shared)], world.now())
    assert [contact.at for contact in found] == [TUESDAY]
