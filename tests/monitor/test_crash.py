"""Killed at any moment: nothing that may have been accepted is sent again, nothing that came in is lost or doubled.

A child process runs a pass and kills itself (SIGKILL) at the k-th line of send, listen or the store that it runs, for
every k. Its wire and its mailbox are files outside the store. Then a fresh process runs the passes to their end, and
what is on the wire, in the mailbox and in the store is compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import sys
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import CodeType, FrameType
from typing import Any

import pytest
from sqlalchemy import Engine, event

from monitor import listen as listen_module
from monitor import send as send_module
from monitor.domains import is_freemail
from monitor.listen import listen_pass
from monitor.send import send_pass
from monitor.store import hearing, planning, records, sending, understanding
from monitor.store.engine import Store
from monitor.store.locks import pass_lock
from probes.contract import Arrival, Batch, Clock, Cursor, Enquiry, OpenChannel, Receipt
from probes.testing import FakeChannel, OneEar
from tests.monitor.factories import CHANNEL, MAILBOX, RULES, World, a_config, mail
from tests.monitor.making import TUESDAY

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
"""The children touch no thread of their parent."""

PARTS = 4
"""The points are shared out over this many tests, so that they can run side by side."""

RANDOM_KILLS = 100

WRITERS = {
    function.__code__
    for function in (
        sending.claim, sending.record_receipt, sending.give_up, planning._add, planning.freeze, hearing.take_in,
        hearing.store_arrivals, hearing._move_cursor, hearing._close_gaps, hearing.retire_places,
        understanding.store_understood, records.stop_within, records.hold_back, send_module._Pass._send,
        send_module._Pass.settle, listen_module.hear, listen_module.understand,
    )
}  # fmt: skip
"""Functions of which every line is a point, beside those of the wire below."""

Pass = Callable[[Path, "Scene", float], None]

SETTLED = {"sent", "unknown", "not_sent"}


# --------------------------------------------------------------------------- the world outside the store
class Wire(OneEar):
    """A channel whose other side are files: what it accepted, what it was asked, and a mailbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        if "firm2" in enquiry.to and not self._noted("deferred", enquiry):
            self._note("deferred", enquiry)
            return Receipt(state="deferred", at=now(), reason="451 come back later")
        self._note("accepted", enquiry)
        return Receipt(state="sent", at=now(), accepted_by="recipient_mx")

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        heard = now()
        for place, content in mailbox(self.folder).items():
            done = int(cursors[place]) if place in cursors else 0
            while True:
                some = [bytes.fromhex(one) for one in content[done : done + 3]]
                made = tuple(
                    Arrival(
                        mailbox=MAILBOX, raw=raw, at=TUESDAY + timedelta(hours=1), place=place, position=str(done + n)
                    )
                    for n, raw in enumerate(some)
                )
                done += len(some)
                last = done >= len(content)
                cursor = Cursor(place=place, position=str(done))
                yield Batch(mailbox=MAILBOX, arrivals=made, cursor=cursor, heard_until=heard if last else None)
                if last:
                    break

    def watch(self, *_: Any) -> Iterator[Batch]:
        raise NotImplementedError

    def _note(self, what: str, enquiry: Enquiry) -> None:
        descriptor = os.open(self.folder / what, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{enquiry.message_id}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)

    def _noted(self, what: str, enquiry: Enquiry) -> bool:
        return enquiry.message_id in lines(self.folder / what)


class MeetingWire(Wire):
    """At its first enquiry it waits until another process is in the middle of its first one as well."""

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        (self.folder / f"here-{os.getpid()}").touch()
        for _ in range(30_000):
            if len(list(self.folder.glob("here-*"))) == 2:
                return super().send(enquiry, now)
            Event().wait(0.001)
        raise AssertionError("the other process never sent anything")


class DeadlyWire(Wire):
    """The process dies when the other side has accepted."""

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        receipt = super().send(enquiry, now)
        if receipt.state == "sent":
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt


WRITERS |= {Wire.send.__code__, Wire._note.__code__}


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def mailbox(folder: Path) -> dict[str, list[str]]:
    """What lies in the mailbox, by folder: mails as hex."""
    path = folder / "mailbox.json"
    found: dict[str, list[str]] = json.loads(path.read_text()) if path.exists() else {"INBOX": [], "Junk": []}
    return found


@dataclass(frozen=True)
class Scene:
    """Where an experiment begins: the store and the files of the world around it."""

    files: Mapping[str, bytes]
    firms: int = 2
    policy: Mapping[str, Any] = field(default_factory=dict)

    def lay_out(self, folder: Path) -> Path:
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


def send(folder: Path, scene: Scene, minutes: float = 0, *, alone: bool = True, wire: Wire | None = None) -> None:
    config = a_config(folder, study={}, policy_change=dict(scene.policy))
    channels = {CHANNEL: OpenChannel(CHANNEL, FakeChannel(), wire or Wire(folder))}
    lock = pass_lock(config.store, "send") if alone else nullcontext()
    with lock, Store.open(config.store) as store:
        send_pass(store, config, channels, lambda: TUESDAY + timedelta(minutes=minutes), rules=RULES)


def listen(folder: Path, scene: Scene, minutes: float = 0) -> None:
    path = folder / "unanswered.db"
    channels = {CHANNEL: OpenChannel(CHANNEL, FakeChannel(), Wire(folder))}
    with pass_lock(path, "listen"), Store.open(path) as store:
        listen_pass(store, channels, lambda: TUESDAY + timedelta(minutes=minutes), rules=RULES)


def later(folder: Path, scene: Scene, minutes: float = 0) -> None:
    send(folder, scene, minutes + 2)


def send_and_listen(folder: Path, scene: Scene, minutes: float = 0) -> None:
    send(folder, scene, minutes)
    listen(folder, scene, minutes)
    send(folder, scene, minutes + 6)


def to_the_end(folder: Path, scene: Scene, minutes: float = 0) -> None:
    """What cron does after a crash: what was left is settled, what was refused for now is tried again."""
    for later in (2, 8):
        send(folder, scene, minutes + later)
    listen(folder, scene, minutes + 8)


# --------------------------------------------------------------------------- children
def start(act: Callable[[], None]) -> int:
    """A child process that does this."""
    is_freemail("loads.the.list.of.suffixes.example")  # once, here, instead of in each child
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
        os._exit(0)
    return child


def ended(act: Callable[[], None]) -> int:
    """How a child process that does this ends: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(start(act), 0)[1])


def must_end_well(act: Callable[[], None]) -> None:
    assert ended(act) == 0, "see the traceback on stderr"


def counting(point: int | None, told: Path | None = None) -> Callable[[Callable[[], None]], None]:
    """Runs something, counts its points and kills this process at one of them. Without `point`: tells how many.

    What a crash leaves behind changes only by what is written outside the process. So the points are: each line of
    the functions that write (once between two writes, however often a loop comes by), the moment after each statement
    that writes, and the moment before each commit.
    """
    count = 0
    passed: set[tuple[CodeType, int]] = set()

    def reached(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrote(*_: Any) -> None:
        passed.clear()
        reached()

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            wrote()

    def line(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line" and (frame.f_code, frame.f_lineno) not in passed:
            passed.add((frame.f_code, frame.f_lineno))
            reached()
        return line

    def call(frame: FrameType, _event: str, _arg: Any) -> Any:
        return line if frame.f_code in WRITERS else None

    def run(act: Callable[[], None]) -> None:
        event.listen(Engine, "after_cursor_execute", executed)
        event.listen(Engine, "commit", wrote)
        sys.settrace(call)
        act()
        sys.settrace(None)
        if told:
            told.write_text(str(count))

    return run


def count_points(act: Pass, scene: Scene) -> int:
    with TemporaryDirectory(dir=memory()) as name:
        folder = scene.lay_out(Path(name))
        told = folder / "points"
        must_end_well(lambda: counting(None, told)(lambda: act(folder, scene, 0)))
        return int(told.read_text())


def memory() -> str | None:
    """A file system in memory, where there is one: a killed process leaves the same there as on a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# --------------------------------------------------------------------------- what must be true in the end
def check(folder: Path, scene: Scene, kills: int) -> None:
    accepted = lines(folder / "accepted")
    twice = [one for one, times in Counter(accepted).items() if times > 1]
    assert twice == [], "sent twice"

    store = sqlite3.connect(folder / "unanswered.db")
    try:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
        contacts = dict(store.execute("SELECT message_id, state FROM contacts"))
        receipts = set(store.execute("SELECT message_id, r.state FROM receipts r JOIN contacts c ON c.id = contact_id"))
        versions = store.execute("SELECT count(*) FROM study_versions").fetchone()[0]
        arrivals = store.execute(
            "SELECT a.id, a.sha256, understood, data, size FROM arrivals a JOIN raw r ON r.sha256 = a.sha256"
        ).fetchall()
        sightings = store.execute("SELECT count(*) FROM sightings").fetchone()[0]
        verdicts = Counter(one for (one,) in store.execute("SELECT arrival_id FROM verdicts"))
        matched = {one for (one,) in store.execute("SELECT arrival_id FROM matches")}
        suppressed = {one for (one,) in store.execute("SELECT value FROM suppressions WHERE what = 'business'")}
    finally:
        store.close()

    # every probe is planned once, and every contact has come to an end that agrees with the wire
    assert len(contacts) == scene.firms
    assert versions == 1
    assert set(contacts.values()) <= SETTLED | {"suppressed"}, contacts
    assert set(accepted) <= set(contacts)
    for message_id, state in contacts.items():
        assert state in ("sent", "unknown") if message_id in accepted else state != "sent", (message_id, state)
        assert (state == "sent") == ((message_id, "sent") in receipts)
    assert sum(state == "unknown" for state in contacts.values()) <= kills

    # everything that lies in the mailbox is stored once, byte for byte, and understood once
    lying = [bytes.fromhex(one) for content in mailbox(folder).values() for one in content]
    stored = [zlib.decompress(data) for _, _, _, data, _ in arrivals]
    assert sorted(stored) == sorted(set(lying))
    assert all(hashlib.sha256(raw).hexdigest() == row[1] for raw, row in zip(stored, arrivals, strict=True))
    assert sightings == len(lying)
    assert all(understood for _, _, understood, _, _ in arrivals)
    assert verdicts == Counter(row[0] for row in arrivals)
    assert matched == {row[0] for raw, row in zip(stored, arrivals, strict=True) if b"nobody@" not in raw}
    assert suppressed == ({"firm-1"} if any(b"opt_out" in raw for raw in lying) else set())


def killed_at(act: Pass, scene: Scene, *points: int, before: int = 0) -> int:
    """Run, be killed at each of these points one after the other, run to the end, and check; returns the kills.

    `before`: how many kills the scene has behind it.
    """
    with TemporaryDirectory(dir=memory()) as name:
        folder = scene.lay_out(Path(name))
        kills = 0
        for turn, point in enumerate(points):

            def once(point: int = point, minutes: float = 3.0 * turn) -> None:
                counting(point)(lambda: act(folder, scene, minutes))

            end = ended(once)
            assert end in (0, -signal.SIGKILL)
            kills += end == -signal.SIGKILL
        must_end_well(lambda: to_the_end(folder, scene, 3.0 * len(points)))
        check(folder, scene, before + kills)
        return kills


# --------------------------------------------------------------------------- scenes
FILES = ("unanswered.db", "accepted", "deferred", "mailbox.json")


def made(act: Callable[[Path], None], scene: Scene | None = None) -> dict[str, bytes]:
    """The files that a child process leaves: nothing of its store is open here when others are forked."""
    with TemporaryDirectory(dir=memory()) as name:
        folder = scene.lay_out(Path(name)) if scene else Path(name)
        must_end_well(lambda: act(folder))
        return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


@cache
def imported(firms: int = 2) -> Scene:
    """Businesses are imported; nothing was sent or heard."""
    return Scene(made(lambda folder: World(folder, firms=firms).store.close()), firms=firms)


@cache
def answered() -> Scene:
    """Everything was sent; answers lie in the mailbox, one of them in two folders, and one that belongs nowhere."""
    sent = Scene(made(lambda folder: to_the_end(folder, imported(), -200), imported()))
    with TemporaryDirectory() as name:
        store = sqlite3.connect(sent.lay_out(Path(name)) / "unanswered.db")
        query = "SELECT address, reply_address FROM probes p JOIN endpoints e ON e.id = p.endpoint_id ORDER BY address"
        asked = store.execute(query).fetchall()
        store.close()
    (first, private), *_ = asked
    mails = [mail(reply, sender=address) for address, reply in asked]
    mails += [mail(private, sender=first, text="please stop", X_Kind="opt_out")]
    mails += [mail("nobody@inbox.example", sender="spam@spam.example")]
    inbox = [one.hex() for one in mails]
    content = json.dumps({"INBOX": inbox, "Junk": [inbox[1]]}).encode()
    return replace(sent, files={**sent.files, "mailbox.json": content})


@cache
def with_answers_ahead() -> Scene:
    """Nothing was sent yet; the answers lie in the mailbox already, which is read from its beginning."""
    return replace(imported(), files={**imported().files, "mailbox.json": answered().files["mailbox.json"]})


@cache
def left_in_the_middle() -> Scene:
    """A pass was killed between the wire's acceptance and its receipt."""
    with TemporaryDirectory(dir=memory()) as name:
        folder = imported().lay_out(Path(name))
        assert ended(lambda: send(folder, imported(), wire=DeadlyWire(folder))) == -signal.SIGKILL
        assert len(lines(folder / "accepted")) == 1
        store = sqlite3.connect(folder / "unanswered.db")
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        return Scene({name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()})


# --------------------------------------------------------------------------- the experiments
@pytest.mark.parametrize("part", range(PARTS))
def test_a_sending_pass_killed_at_any_point_sends_nothing_twice(part: int) -> None:
    points = range(1 + part, count_points(send, imported()) + 1, PARTS)
    assert len(points) > 50
    assert sum(killed_at(send, imported(), point) for point in points) == len(points)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_listening_pass_killed_at_any_point_loses_and_doubles_nothing(part: int) -> None:
    points = range(1 + part, count_points(listen, answered()) + 1, PARTS)
    assert len(points) > 50
    assert sum(killed_at(listen, answered(), point) for point in points) == len(points)


def test_the_pass_after_a_crash_may_be_killed_as_well() -> None:
    """At each point of a pass that settles what a crash has left."""
    points = range(1, count_points(later, left_in_the_middle()) + 1)
    assert len(points) > 50
    assert sum(killed_at(later, left_in_the_middle(), point, before=1) for point in points) == len(points)


def test_many_random_kills_in_a_row_lose_and_double_nothing() -> None:
    """Passes of both kinds, killed three times at random points, the clock going on between."""
    seed = int(os.environ.get("UNANSWERED_CRASH_SEED") or random.SystemRandom().randrange(2**32))
    print(f"UNANSWERED_CRASH_SEED={seed}")
    chance = random.Random(seed)
    most = count_points(send_and_listen, with_answers_ahead())
    kills = 0
    while kills < RANDOM_KILLS:
        points = [chance.randrange(1, most + 1) for _ in range(3)]
        kills += killed_at(send_and_listen, with_answers_ahead(), *points)


@pytest.mark.parametrize("cap", [None, 10], ids=["no cap", "ten a day"])
def test_two_processes_that_send_from_one_store_send_each_contact_once(cap: int | None) -> None:
    scene = replace(imported(30), policy={} if cap is None else {"daily_cap": cap})
    with TemporaryDirectory(dir=memory()) as name:
        folder = scene.lay_out(Path(name))
        children = [start(lambda: send(folder, scene, alone=False, wire=MeetingWire(folder))) for _ in range(2)]
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert ends == [0, 0], "see the traceback on stderr"
        accepted = Counter(lines(folder / "accepted"))
        deferred = lines(folder / "deferred")
    assert set(accepted.values()) == {1}
    assert len(deferred) == len(set(deferred))
    assert len(accepted) + len(deferred) == (cap or 30)
