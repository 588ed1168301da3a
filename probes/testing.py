"""For those who write or use channels: a fake one with verbs, and the contract that every channel is held to.

fake = FakeChannel().accepts("a@shop.example").defers("b@shop.example", times=2).refuses("c@shop.example")
fake.answers(b"From: ...", at=moment)          # comes in at the next pass
wire = fake.open("mail", fake.settings(), live=False)

check_channel(channel, table={...}, outside={...}, addresses=["a@shop.example"], nonsense=["?"])
"""

from __future__ import annotations

import dataclasses
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Condition, Event
from typing import Any, Self
from unittest import mock

from pydantic import ValidationError

from probes.contract import (
    AcceptedBy,
    Arrival,
    Batch,
    ChannelKind,
    Check,
    Checks,
    Clock,
    Cursor,
    Description,
    Ear,
    Enquiry,
    Listens,
    ProbeError,
    Receipt,
    Receives,
    Sends,
    TargetRefused,
)
from probes.settings import Table

BASES = frozenset({"own", "consented", "public_enquiry", "authority"})

SAMPLE = Enquiry(
    probe="checked",
    to="somebody@shop.example",
    reply_to="anna@inbox.example",
    sender_name="Anna Berger",
    subject="A question",
    body="Hello,\n\nare you open on Monday?\n",
    language="en",
    message_id="<checked.1@inbox.example>",
)


class FakeSettings(Table):
    """A fake needs none."""


class FakeChannel:
    """A ChannelKind whose world does what it is told. Verbs return the fake, so that they can be chained.

    What is said of one address goes before what is said of "*"; of two for the same address the first said comes
    first, and the last one stays. `sent` holds every enquiry that was handed to it, in order, whatever became of it.
    """

    settings = FakeSettings

    def __init__(
        self, *, description: Description | None = None, mailbox: str = "probe@inbox.example", batch: int = 200
    ) -> None:
        self.description = description or Description(
            summary="does what a test tells it",
            bases=BASES,
            columns=("fake",),
            time_limit=timedelta(minutes=1),
            retry_after=(timedelta(minutes=5), timedelta(hours=1)),
        )
        self.mailbox = mailbox
        self.batch = batch
        self.sent: list[Enquiry] = []
        self.before_send: Callable[[Enquiry], None] | None = None
        """Called on the wire's side of `send` before anything else; may raise, block or kill the process."""
        self.after_send: Callable[[Enquiry], None] | None = None
        """Called when the fate of the enquiry is decided and before its receipt is returned."""
        self._fates: dict[str, deque[Receipt]] = defaultdict(deque)
        self._places: dict[str, list[Arrival]] = {"INBOX": []}
        self._deaf: ProbeError | None = None
        self._news = Condition()

    # ------------------------------------------------------------------ verbs: what becomes of an enquiry
    def accepts(self, address: str = "*", *, by: AcceptedBy = "relay", provider_id: str = "fake-1") -> Self:
        return self._fate(address, state="sent", accepted_by=by, provider_id=provider_id, code="250", reason="accepted")

    def defers(self, address: str = "*", *, times: int = 1, reason: str = "RCPT refused: 451 come back later") -> Self:
        """Not now, `times` in a row; then what is said next of the address (accepted, when nothing is)."""
        for _ in range(times):
            self._fate(address, state="deferred", code="451", reason=reason)
        return self

    def refuses(
        self, address: str = "*", *, reason: str = "RCPT refused: 550 no such user", by: AcceptedBy | None = None
    ) -> Self:
        return self._fate(address, state="not_sent", code="550", reason=reason, accepted_by=by)

    def blocks(self, address: str = "*", *, reason: str = "a person must prove to be one") -> Self:
        return self._fate(address, state="blocked", reason=reason)

    def drops_after_dot(self, address: str = "*") -> Self:
        """The connection is lost when the message may already have been accepted."""
        return self._fate(address, state="unknown", reason="final dot: the server closed the connection")

    # ------------------------------------------------------------------ verbs: what comes in
    def answers(self, raw: bytes, at: datetime, *, place: str = "INBOX", junk: bool = False) -> Self:
        """Something has come in, stamped `at`; the next pass or a watcher delivers it."""
        with self._news:
            there = self._places.setdefault(place, [])
            position = f"1:{len(there) + 1}"
            there.append(Arrival(mailbox=self.mailbox, raw=raw, at=at, place=place, position=position, junk=junk))
            self._news.notify_all()
        return self

    def goes_deaf(self, reason: str = "the mailbox cannot be reached", *, permanent: bool = False) -> Self:
        """Listening raises ProbeError until `hears_again`."""
        with self._news:
            self._deaf = ProbeError(reason, permanent=permanent)
            self._news.notify_all()
        return self

    def hears_again(self) -> Self:
        with self._news:
            self._deaf = None
            self._news.notify_all()
        return self

    # ------------------------------------------------------------------ a ChannelKind
    def normalise(self, address: str) -> str:
        if not address.strip() or "@" not in address:
            raise ValueError(f'{address!r} is not an address: it needs an "@"')
        return address.strip().lower()

    def scope(self, address: str) -> str:
        return address.rpartition("@")[2]

    def open(self, name: str, settings: FakeSettings, *, live: bool) -> FakeWire:  # noqa: ARG002 - of every channel
        return FakeWire(self)

    def ends(self, address: str = "*", **receipt: Any) -> Self:
        """With a receipt of these fields."""
        return self._fate(address, **receipt)

    def _fate(self, address: str, **receipt: Any) -> Self:
        fate = Receipt(at=datetime.min.replace(tzinfo=UTC), transcript="", **receipt)
        self._fates[address].append(fate)
        return self

    def fate(self, address: str) -> Receipt:
        """What becomes of the next enquiry to `address`. A fate that is no wait stays when it is the last."""
        for key in (address, "*"):
            said = self._fates.get(key)
            if said:
                return said.popleft() if len(said) > 1 or said[0].state == "deferred" else said[0]
        return Receipt(
            state="sent", at=datetime.min.replace(tzinfo=UTC), accepted_by="relay", code="250", reason="accepted"
        )

    # ------------------------------------------------------------------ what FakeWire is made of
    def hear(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        with self._news:
            if self._deaf:
                raise self._deaf
            heard = now()
            places = {place: list(there) for place, there in self._places.items()}
        for place, there in places.items():
            if place not in cursors:
                cursor = Cursor(place=place, position=f"1:{len(there)}")
                yield Batch(mailbox=self.mailbox, arrivals=(), cursor=cursor, heard_until=heard)
                continue
            done = int(cursors[place].partition(":")[2])
            while True:
                some = tuple(there[done : done + self.batch])
                done += len(some)
                last = done >= len(there)
                cursor = Cursor(place=place, position=f"1:{done}")
                yield Batch(mailbox=self.mailbox, arrivals=some, cursor=cursor, heard_until=heard if last else None)
                if last:
                    break

    def wait(self, seconds: float) -> None:
        with self._news:
            self._news.wait(seconds)


class OneEar:
    """For a wire that is itself the one mailbox it listens to."""

    mailbox: str = "probe@inbox.example"

    def ears(self) -> tuple[Any, ...]:
        return (self,)


class FakeWire(OneEar):
    """What FakeChannel opens: Sends, Listens (itself its one ear) and Checks."""

    def __init__(self, channel: FakeChannel) -> None:
        self._channel = channel
        self.mailbox = channel.mailbox

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        channel = self._channel
        if channel.before_send:
            channel.before_send(enquiry)
        channel.sent.append(enquiry)
        receipt = dataclasses.replace(channel.fate(enquiry.to), at=now())
        if channel.after_send:
            channel.after_send(enquiry)
        return receipt

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        return self._channel.hear(cursors, now)

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        while not stop.is_set():
            yield from self._channel.hear(cursors(), now)
            self._channel.wait(0.05)

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - of every channel
        yield Check(name="fake", ok=True, detail="does what it is told")


# --------------------------------------------------------------------------- the contract
def check_channel(
    kind: ChannelKind,
    *,
    table: Mapping[str, Any],
    outside: Mapping[str, Any] | None,
    addresses: Iterable[str],
    nonsense: Iterable[str],
    env: Mapping[str, str] | None = None,
    enquiry: Enquiry | None = None,
) -> None:
    """Holds a channel to its contract; raises AssertionError naming the promise that is broken. Opens no connection.

    `table`: settings that are valid. `outside`: valid settings whose servers are not on this machine, best by a
    documentation address (192.0.2.1), or None for a channel that reaches nobody. `addresses`: some that it must take;
    `nonsense`: some that it must refuse. `enquiry`: one to try sending with, where the sample does not fit.
    """
    addresses = tuple(addresses)
    context = {"env": dict(env or {}), "base": "."}
    _check_description(kind.description)
    _check_settings(kind, table, context)
    for address in addresses:
        once = kind.normalise(address)
        _promise(kind.normalise(once) == once, f"normalise is not stable: {address!r} > {once!r}")
        _promise(kind.scope(once), f"scope({once!r}) is empty: a cap could not count it")
        _promise(kind.normalise(f"  {address} ") == once, f"white space around {address!r} counts")
    for address in nonsense:
        try:
            taken = kind.normalise(address)
        except ValueError as error:
            _promise(str(error), f"refusing {address!r} says no reason")
        else:
            raise AssertionError(f"normalise takes the nonsense {address!r} for {taken!r}")
    with _sockets_shut() as tried:
        wire = kind.open("checked", kind.settings.model_validate(dict(table), context=context), live=False)
        _promise(not tried, f"open() touched the wire: {tried}")
        able = isinstance(wire, Sends | Listens | Receives)
        _promise(able, "what open() gives neither sends, listens nor receives")
    enquiry = enquiry or dataclasses.replace(SAMPLE, to=kind.normalise(addresses[0]))
    if outside is not None:
        _check_refuses_outside(kind, outside, context, enquiry)
    elif isinstance(wire, Sends):
        with _sockets_shut() as tried:
            state = wire.send(enquiry, _still_clock).state
        _promise(state != "sent" and not tried, f"a channel that reaches nobody ended {state!r} and tried {tried}")


def _promise(kept: object, broken: str) -> None:
    if not kept:
        raise AssertionError(broken)


def _check_description(said: Description) -> None:
    _promise(said.summary, "the description has no summary")
    _promise(said.bases, "the description names no basis: nobody could be contacted")
    _promise(said.bases <= BASES, f"the description names bases that do not exist: {sorted(said.bases - BASES)}")
    _promise(said.columns, "the description names no column: no address could be imported")
    _promise(all(column == column.strip().lower() for column in said.columns), "columns must be in lower case")
    _promise(said.time_limit > timedelta(0), "time_limit must be longer than nothing")
    _promise(all(wait > timedelta(0) for wait in said.retry_after), "retry_after holds a wait of nothing")


def _check_settings(kind: ChannelKind, table: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    settings = kind.settings.model_validate(dict(table), context=dict(context))
    secrets = [value for value in context["env"].values() if value]
    _promise(not any(secret in repr(settings) for secret in secrets), "a secret stands in the repr of the settings")
    try:
        kind.settings.model_validate({**table, "no_such_key_in_any_channel": 1}, context=dict(context))
    except ValidationError as error:
        _promise(not any(secret in str(error) for secret in secrets), "a secret stands in an error text")
    else:
        raise AssertionError("settings take an unknown key: a misspelt one would be ignored in silence")


def _check_refuses_outside(
    kind: ChannelKind, outside: Mapping[str, Any], context: Mapping[str, Any], enquiry: Enquiry
) -> None:
    settings = kind.settings.model_validate(dict(outside), context=dict(context))
    now = _still_clock
    with _sockets_shut() as tried:
        wire = kind.open("checked", settings, live=False)
        if isinstance(wire, Sends):
            receipt = wire.send(enquiry, now)
            _promise(receipt.state == "not_sent", f"with live = false send() ended {receipt.state!r}, not 'not_sent'")
            _promise(receipt.reason, "the receipt does not say why nothing was sent")
        for ear in wire.ears() if isinstance(wire, Listens) else ():
            _must_refuse("listen", partial(_listen, ear, now))
            _must_refuse("watch", partial(_watch, ear, now))
        if isinstance(wire, Checks):
            lines: list[Check] = []
            try:
                lines += wire.check(now)
            except TargetRefused:
                pass
            else:
                _promise(
                    any(not line.ok for line in lines), "check() finds nothing wrong with a target it may not reach"
                )
        _promise(not tried, f"with live = false a connection was tried to {tried}")


def _listen(ear: Ear, now: Clock) -> None:
    list(ear.listen({}, now))


def _watch(ear: Ear, now: Clock) -> None:
    next(ear.watch(dict, now, Event()), None)


def _must_refuse(what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except TargetRefused:
        return
    raise AssertionError(f"with live = false {what}() does not raise TargetRefused")


@contextmanager
def _sockets_shut() -> Iterator[list[object]]:
    """Every connection fails and is noted."""
    tried: list[object] = []

    def connect(_: socket.socket, address: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError("shut while a channel is checked")

    def send_to(_: socket.socket, *args: object) -> None:
        connect(_, args[-1])

    with (
        mock.patch.object(socket.socket, "connect", connect),
        mock.patch.object(socket.socket, "connect_ex", connect),
        mock.patch.object(socket.socket, "sendto", send_to),
    ):
        yield tried


def _still_clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)
