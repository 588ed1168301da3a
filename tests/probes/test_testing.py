"""The fake channel does what it is told, and the contract test finds each broken promise."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import ConfigDict

from probes.contract import Batch, Check, Clock, Enquiry, ProbeError, Receipt, TargetRefused
from probes.settings import Table
from probes.testing import SAMPLE, FakeChannel, FakeSettings, FakeWire, OneEar, check_channel

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def now() -> datetime:
    return NOW


def opened(fake: FakeChannel) -> FakeWire:
    return fake.open("fake", FakeSettings(), live=False)


def states(fake: FakeChannel, to: str, times: int) -> list[str]:
    wire = opened(fake)
    return [wire.send(dataclasses.replace(SAMPLE, to=to), now).state for _ in range(times)]


# --------------------------------------------------------------------------- the fake
def test_the_fake_does_to_each_address_what_was_said_of_it() -> None:
    fake = (
        FakeChannel()
        .accepts("a@x.example", by="recipient_mx")
        .refuses("b@x.example")
        .drops_after_dot("c@x.example")
        .defers("d@x.example", times=2)
        .defers("e@x.example")
        .refuses("e@x.example")
        .blocks("*")
    )
    assert states(fake, "a@x.example", 2) == ["sent", "sent"]
    assert states(fake, "b@x.example", 2) == ["not_sent", "not_sent"]
    assert states(fake, "c@x.example", 1) == ["unknown"]
    assert states(fake, "d@x.example", 3) == ["deferred", "deferred", "blocked"]
    assert states(fake, "e@x.example", 2) == ["deferred", "not_sent"]
    assert states(fake, "f@x.example", 1) == ["blocked"]
    assert len(fake.sent) == 11


def test_the_fake_accepts_what_nothing_was_said_of() -> None:
    receipt = opened(FakeChannel()).send(SAMPLE, now)
    assert (receipt.state, receipt.accepted_by, receipt.at) == ("sent", "relay", NOW)


def test_the_fake_calls_before_and_after_the_wire() -> None:
    fake, calls = FakeChannel(), list[tuple[str, int]]()
    fake.before_send = lambda _: calls.append(("before", len(fake.sent)))
    fake.after_send = lambda _: calls.append(("after", len(fake.sent)))
    opened(fake).send(SAMPLE, now)
    assert calls == [("before", 0), ("after", 1)]


def test_the_fake_begins_now_and_then_delivers_in_batches_once() -> None:
    fake = FakeChannel(batch=2).answers(b"old", NOW)
    wire, cursors = opened(fake), dict[str, str]()

    def take() -> list[bytes]:
        got = []
        for batch in wire.listen(cursors, now):
            cursors[batch.cursor.place] = batch.cursor.position
            got += [arrival.raw for arrival in batch.arrivals]
        return got

    assert take() == []
    fake.answers(b"1", NOW).answers(b"2", NOW).answers(b"3", NOW)
    assert [len(batch.arrivals) for batch in wire.listen(cursors, now)] == [2, 1]
    assert take() == [b"1", b"2", b"3"]
    assert take() == []


def test_the_fake_watches_until_it_is_stopped() -> None:
    fake, stop, heard, cursors = FakeChannel(), Event(), list[bytes](), {"INBOX": "1:0"}

    def watch() -> None:
        for batch in opened(fake).watch(lambda: cursors, now, stop):
            cursors[batch.cursor.place] = batch.cursor.position
            heard.extend(arrival.raw for arrival in batch.arrivals)
            if heard == [b"a", b"b"]:
                stop.set()

    thread = Thread(target=watch)
    thread.start()
    fake.answers(b"a", NOW).answers(b"b", NOW)
    thread.join(10)
    assert not thread.is_alive()
    assert heard == [b"a", b"b"]


def test_the_fake_can_go_deaf_and_hear_again() -> None:
    fake = FakeChannel().goes_deaf("no mailbox")
    with pytest.raises(ProbeError, match="no mailbox"):
        list(opened(fake).listen({}, now))
    assert list(opened(fake.hears_again()).listen({}, now))


# --------------------------------------------------------------------------- the contract test
GOOD: dict[str, Any] = {"table": {}, "outside": None, "addresses": ["a@x.example"], "nonsense": ["a"]}


class Nowhere(FakeChannel):
    """A fake that reaches nobody, as the contract wants it from a channel without servers."""

    def __init__(self, **description: Any) -> None:
        super().__init__()
        self.refuses("*")
        self.description = dataclasses.replace(self.description, **description)


def test_a_channel_that_keeps_its_promises_passes() -> None:
    check_channel(Nowhere(), **GOOD)


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"summary": ""}, "summary"),
        ({"bases": frozenset()}, "no basis"),
        ({"bases": frozenset({"anybody"})}, "anybody"),
        ({"columns": ()}, "no column"),
        ({"columns": ("Mail",)}, "lower case"),
        ({"time_limit": timedelta(0)}, "time_limit"),
        ({"retry_after": (timedelta(0),)}, "retry_after"),
    ],
)
def test_a_description_that_cannot_be_meant_fails(description: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_channel(Nowhere(**description), **GOOD)


class Loose(Table):
    model_config = ConfigDict(extra="ignore")


class TakesAnyKey(Nowhere):
    settings = Loose  # type: ignore[assignment]


class NotStable(Nowhere):
    def normalise(self, address: str) -> str:
        return super().normalise(address) + "x"


class KeepsWhiteSpace(Nowhere):
    def normalise(self, address: str) -> str:
        super().normalise(address)
        return address.lower()


class TakesNonsense(Nowhere):
    def normalise(self, address: str) -> str:
        return address.strip().lower()


class WithoutScope(Nowhere):
    def scope(self, address: str) -> str:
        return ""


class ConnectsOnOpening(Nowhere):
    def open(self, name: str, settings: FakeSettings, *, live: bool) -> FakeWire:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=1).close()
        return super().open(name, settings, live=live)


class ClaimsToHaveSent(FakeChannel):
    """Reaches nobody and says that it did."""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TakesAnyKey, "unknown key"),
        (NotStable, "not stable"),
        (KeepsWhiteSpace, "white space"),
        (TakesNonsense, "takes the nonsense"),
        (WithoutScope, "scope"),
        (ConnectsOnOpening, "touched the wire"),
        (ClaimsToHaveSent, "'sent'"),
    ],
)
def test_a_channel_that_breaks_a_promise_fails(kind: type[FakeChannel], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_channel(kind(), **GOOD)


class Careless(OneEar):
    """A wire that keeps to this machine but for one slip."""

    def __init__(self, slip: str) -> None:
        self.slip = slip

    def _may_reach_out(self, what: str) -> None:
        if self.slip != what:
            raise TargetRefused("192.0.2.1 is not on this machine")
        with contextlib.suppress(OSError):
            socket.create_connection(("192.0.2.1", 25), timeout=1).close()

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        with contextlib.suppress(TargetRefused):
            self._may_reach_out("send")
        reason = "" if self.slip == "no reason" else "192.0.2.1 is not on this machine"
        return Receipt(state="deferred" if self.slip == "defer" else "not_sent", at=now(), reason=reason)

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        self._may_reach_out("listen")
        return iter(())

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        self._may_reach_out("watch")
        return iter(())

    def check(self, now: Clock) -> Iterator[Check]:
        self._may_reach_out("check")
        yield Check(name="wire", ok=True, detail="all is well")


class CarelessKind(Nowhere):
    def __init__(self, slip: str) -> None:
        super().__init__()
        self.slip = slip

    def open(self, name: str, settings: FakeSettings, *, live: bool) -> Any:
        return Careless(self.slip)


def test_a_channel_that_refuses_the_world_passes() -> None:
    check_channel(CarelessKind("none"), **{**GOOD, "outside": {}})


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("send", "a connection was tried"),
        ("defer", "'deferred'"),
        ("no reason", "does not say why"),
        ("listen", r"listen\(\) does not raise TargetRefused"),
        ("watch", r"watch\(\) does not raise TargetRefused"),
        ("check", "finds nothing wrong"),
    ],
)
def test_a_channel_that_does_not_refuse_the_world_fails(slip: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_channel(CarelessKind(slip), **{**GOOD, "outside": {}})
