"""A reply asks us to stop: that holds for every address of the business, on every channel, and what is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.listen import todays_rules
from monitor.policy import Suppressed
from monitor.store.records import hold_back, suppressed, targets
from monitor.store.tables import CONTACTS
from tests.monitor.factories import CHANNEL, World, business, endpoint, rows

OTHER = "other_post"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two firms with two addresses here and one on another channel; the first address of each was asked."""
    made = World(tmp_path, firms=0)
    firms = []
    for number in (1, 2):
        own = f"firm{number}.example"
        there = endpoint(f"desk@else{number}.example", OTHER)
        firms.append(business(number, endpoints=(endpoint(f"info@{own}"), endpoint(f"shop@{own}"), there)))
    made.imports(*firms)
    made.send()
    return made


def planned_again(world: World) -> None:
    """Everything that was sent is to be sent once more."""
    with world.store.write() as connection:
        again = {"state": "planned", "tries": 0, "started_at": None, "settled_at": None}
        connection.execute(CONTACTS.update().values(again))


@pytest.mark.parametrize("text", ["Please stop.", "Bitte hören Sie auf!", "Veuillez arrêter.", "请停止。", "Parem."])
def test_a_reply_that_says_please_stop_holds_back_every_address_of_its_business(world: World, text: str) -> None:
    planned_again(world)
    world.answer(1, text=text).listen(todays_rules())
    endpoints = {row["id"]: row["address"] for row in rows(world.store, "endpoints")}
    probes = {row["id"]: endpoints[row["endpoint_id"]] for row in rows(world.store, "probes")}
    states = {probes[row["probe_id"]]: row["state"] for row in rows(world.store, "contacts")}
    assert states == {
        "info@firm1.example": "suppressed",
        "shop@firm1.example": "suppressed",
        "info@firm2.example": "planned",
        "shop@firm2.example": "planned",
    }
    stopped = suppressed(world.store)
    assert "firm-1" in stopped.businesses
    assert {one.business for one in targets(world.store, [CHANNEL, OTHER])} - stopped.businesses == {"firm-2"}


def test_an_address_that_the_business_gets_later_is_stopped_too(world: World) -> None:
    world.answer(1, text="Please stop.").listen(todays_rules())
    world.imports(business(1, endpoints=(endpoint("new@elsewhere.example"),)))
    world.studies(schedule="0 9 * * *")
    before = len(world.fake.sent)
    world.passes(days=400).send()
    assert {one.to for one in world.fake.sent[before:]} == {"info@firm2.example", "shop@firm2.example"}


@pytest.mark.parametrize("text", ["Please stop the delivery, I will pick it up.", "We stop by on Friday, I promise."])
def test_a_reply_that_speaks_of_stopping_something_else_stops_nothing(world: World, text: str) -> None:
    world.answer(1, text=text).listen(todays_rules())
    assert suppressed(world.store) == Suppressed()
    with world.store.write() as connection:
        assert hold_back(connection, "", world.at) == 0
