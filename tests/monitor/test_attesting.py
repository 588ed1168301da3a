"""What has come is checked for signatures once, while their keys last; a mail that must wait stops no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import attesting
from monitor.attesting import attest_pass
from monitor.store.engine import Store
from monitor.store.integrity import integrity
from probes.contract import Attestation, Clock, OpenChannel
from probes.mail.attest import Attester
from probes.mail.names import Names
from probes.testing import FakeChannel, FakeWire
from tests.monitor.factories import CHANNEL, World, mail, only, rows
from tests.nameserver import NameServer
from tests.signing import rsa


class AttestingWire(FakeWire):
    """The fake, with the checking of real mail channels."""

    def __init__(self, channel: FakeChannel, names: Names) -> None:
        super().__init__(channel)
        self.attest = Attester(names).attest


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, firms=2)
    made.listen()
    made.send()
    return made


def channels(world: World, server: NameServer | None) -> dict[str, OpenChannel]:
    names = Names(server.servers, live=False) if server else Names(live=False)
    return {CHANNEL: OpenChannel(CHANNEL, world.fake, AttestingWire(world.fake, names))}


def signed_answer(world: World, number: int = 1, text: str = "Yes, 12 EUR.") -> str:
    """The firm's server signs its answer; returns the name under which its key is to be published."""
    enquiry, signer = world.sent_to(number), rsa(f"firm{number}.example")
    world.fake.answers(signer.signs(mail(enquiry.reply_to, sender=enquiry.to, text=text)), world.now())
    return signer.name


def record(number: int = 1) -> str:
    return rsa(f"firm{number}.example").record


def results(store: Store) -> list[tuple[str, str]]:
    return [(row["domain"], row["result"]) for row in rows(store, "attestations")]


def test_each_arrival_is_checked_once(world: World, server: NameServer) -> None:
    server.publishes(signed_answer(world), record())
    world.answer(2).listen()
    there = channels(world, server)
    done = attest_pass(world.store, there, world.now)
    assert (done.checked, done.signatures, done.waiting) == (2, 1, {})
    assert results(world.store) == [("firm1.example", "pass")]
    assert only(rows(world.store, "attestations"))["key"] == record()
    assert {row["attested_at"] for row in rows(world.store, "arrivals")} == {world.now()}
    assert attest_pass(world.store, there, world.now).checked == 0
    assert len(server.asked) == 1
    assert all(finding.ok for finding in integrity(world.store))


def test_a_mail_whose_keys_cannot_be_asked_for_waits_and_stops_no_other(world: World, server: NameServer) -> None:
    for number in (1, 2):
        server.publishes(signed_answer(world, number), record(number))
    server.fails(rsa("firm2.example").name)
    world.listen()
    done = attest_pass(world.store, channels(world, server), world.now)
    assert (done.checked, done.waiting) == (1, {CHANNEL: 1})
    assert results(world.store) == [("firm1.example", "pass")]


def test_silence_of_the_name_servers_is_made_good_later(world: World, server: NameServer) -> None:
    server.publishes(signed_answer(world), record())
    server.breaks()
    world.listen()
    assert attest_pass(world.store, channels(world, server), world.now).checked == 0
    server.recovers()
    world.passes(hours=1)
    assert attest_pass(world.store, channels(world, server), world.now).checked == 1
    assert results(world.store) == [("firm1.example", "pass")]


def test_what_is_old_is_not_checked_with_the_keys_of_today(world: World, server: NameServer) -> None:
    server.publishes(signed_answer(world), record())
    world.listen()
    world.passes(days=15)
    assert attest_pass(world.store, channels(world, server), world.now).checked == 0
    assert server.asked == []


def test_while_nobody_may_be_asked_a_signed_mail_waits(world: World) -> None:
    signed_answer(world)
    world.listen()
    done = attest_pass(world.store, channels(world, None), world.now)
    assert (done.checked, done.waiting) == (0, {CHANNEL: 1})
    assert rows(world.store, "attestations") == []


def test_a_pass_ends_in_time_and_the_next_one_goes_on(
    world: World, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attesting, "AT_A_TIME", 2)
    for number in range(5):
        signed_answer(world, text=f"answer {number}")
    server.publishes(rsa("firm1.example").name, record())
    world.listen()

    def slow() -> object:
        world.passes(seconds=30)
        return world.now()

    first = attest_pass(world.store, channels(world, server), slow)  # type: ignore[arg-type]
    assert 0 < first.checked < 5
    rest = attest_pass(world.store, channels(world, server), world.now)
    assert first.checked + rest.checked == 5
    assert results(world.store) == [("firm1.example", "pass")] * 5


def test_a_pass_that_is_told_to_stop_begins_nothing(world: World, server: NameServer) -> None:
    signed_answer(world)
    world.listen()
    assert attest_pass(world.store, channels(world, server), world.now, going_on=lambda: False).checked == 0


def test_a_channel_that_breaks_over_a_mail_stops_nothing(world: World) -> None:
    class Breaking(FakeWire):
        def attest(self, raw: bytes, now: Clock) -> tuple[Attestation, ...]:
            if b"poison" in raw:
                raise IndexError("list index out of range")
            return ()

    world.answer(1, text="poison").answer(2).listen()
    there = {CHANNEL: OpenChannel(CHANNEL, world.fake, Breaking(world.fake))}
    done = attest_pass(world.store, there, world.now)
    assert (done.checked, done.waiting) == (1, {CHANNEL: 1})


def test_a_forgotten_mail_is_not_asked_about(world: World, server: NameServer) -> None:
    signed_answer(world)
    world.listen()
    with world.store.write() as connection:
        connection.exec_driver_sql("UPDATE raw SET data = x'', erased_at = '2026-12-01 00:00:00.000000'")
    assert attest_pass(world.store, channels(world, server), world.now).checked == 0
    assert server.asked == []


def test_an_arrival_is_an_arrival_whatever_its_age_says(world: World, server: NameServer) -> None:
    """A stamp from the future is no reason to leave a mail unchecked."""
    enquiry, signer = world.sent_to(1), rsa("firm1.example")
    server.publishes(signer.name, signer.record)
    later = world.now() + timedelta(days=400)
    world.fake.answers(signer.signs(mail(enquiry.reply_to, sender=enquiry.to)), later)
    world.listen()
    assert attest_pass(world.store, channels(world, server), world.now).checked == 1
