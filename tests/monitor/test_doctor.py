"""The doctor tries every part, and says what to do about each that does not work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.doctor import examine
from probes.contract import Check, Clock, OpenChannel, ProbeError
from probes.testing import FakeChannel, FakeWire
from tests.monitor.factories import CHANNEL, World, mail


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, firms=2)
    yield made
    made.store.close()


def checks(world: World) -> dict[str, Check]:
    """What the doctor says, by part."""
    return {check.name: check for check in examine(world.config, world.store, world.channels, world.now)}


def test_everything_that_works_is_said_to_work(world: World) -> None:
    found = checks(world)
    assert all(check.ok for check in found.values())
    assert {"config", "store"} <= found.keys()
    assert any(name.startswith("study") for name in found)
    assert any(name.startswith(CHANNEL) for name in found)


def test_the_store_is_written_to_and_left_as_it_was(world: World) -> None:
    from tests.monitor.factories import rows

    before = rows(world.store, "meta")
    assert checks(world)["store"].ok
    assert rows(world.store, "meta") == before


def test_a_study_that_reaches_nobody_is_a_problem_with_advice(tmp_path: Path) -> None:
    world = World(tmp_path, firms=0)
    (problem,) = [check for check in checks(world).values() if not check.ok]
    assert problem.name.startswith("study")
    assert "import" in problem.advice
    world.store.close()


class Broken:
    """A wire whose checks break off."""

    def check(self, now: Clock) -> Iterator[Check]:
        yield Check(name="greeting", ok=True, detail="it says hello")
        raise ProbeError("the server is away")


def test_a_channel_that_cannot_be_tried_is_a_problem_and_the_rest_goes_on(world: World) -> None:
    one = world.channels[CHANNEL]
    channels = {"broken": OpenChannel("broken", one.kind, Broken()), **world.channels}
    found = {check.name: check for check in examine(world.config, world.store, channels, world.now)}
    assert (found["broken"].ok, found["broken"].detail) == (False, "the server is away")
    assert found["broken: greeting"].ok
    assert any(name.startswith(CHANNEL) for name in found)


def test_a_channel_without_checks_is_no_problem(world: World) -> None:
    one = world.channels[CHANNEL]
    silent = {CHANNEL: OpenChannel(CHANNEL, one.kind, object())}
    found = {check.name: check for check in examine(world.config, world.store, silent, world.now)}
    assert found[CHANNEL].ok


class Published(FakeWire):
    """A wire that looks at what is published of our addresses; keeps what it was asked about."""

    def __init__(self, channel: FakeChannel) -> None:
        super().__init__(channel)
        self.asked: list[tuple[str, bytes | None]] = []

    def check_addresses(self, domain: str, seen: bytes | None, now: Clock) -> Iterator[Check]:
        self.asked.append((domain, seen))
        yield Check(name=f"spf of {domain}", ok=False, detail="nothing", advice="publish it")
        raise ProbeError("the name servers are away")


def test_every_domain_of_our_addresses_is_looked_at_with_our_newest_mail_that_was_seen(world: World) -> None:
    wire = Published(world.fake)
    channels = {CHANNEL: OpenChannel(CHANNEL, world.fake, wire)}
    found = {check.name: check for check in examine(world.config, world.store, channels, world.now)}
    assert wire.asked == [("inbox.example", None)]
    assert found[f"{CHANNEL}: spf of inbox.example"].advice == "publish it"
    assert found[CHANNEL].detail == "the name servers are away"

    world.listen()
    world.send()
    copies = []
    for number in (1, 2):
        enquiry = world.sent_to(number)
        copies.append(mail(enquiry.to, sender=enquiry.reply_to, Message_ID=enquiry.message_id, text=str(number)))
        world.fake.answers(copies[-1], world.passes(minutes=1).at)
    world.answer(2, at=world.passes(minutes=1).at).listen()
    list(examine(world.config, world.store, channels, world.now))
    assert wire.asked[-1] == ("inbox.example", copies[1])
