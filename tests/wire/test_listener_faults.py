"""What a line can do to a listener, against a real Dovecot and through a real store: nothing is missed, nothing comes
twice, nobody runs in circles, and the outage is on record and closed by what was caught up."""

from __future__ import annotations

import base64
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import following
from monitor.listen import listen_pass
from monitor.store.engine import Store
from monitor.store.hearing import gaps
from monitor.store.integrity import integrity
from monitor.store.understanding import raw
from probes.channels.email import channel
from probes.contract import OpenChannel
from tests.monitor.factories import RULES, fresh_store, rows
from tests.wire.proxy import proxy
from tests.wire.servers import PASSWORD, Dovecot, dovecot, eventually


def letter(name: str, size: int = 0) -> bytes:
    body = ("0123456789" * 7 + "\r\n") * (size // 72)
    return f"From: jo@shop.example\r\nTo: anna@inbox.example\r\nSubject: {name}\r\n\r\n{name}\r\n{body}".encode()


def ears(*ports: int, users: tuple[str, ...] = ("anna",), **more: Any) -> dict[str, OpenChannel]:
    """A channel that hears these users, each on its port."""
    tables = [
        {"host": "127.0.0.1", "port": port, "security": "none", "user": user, "password_env": "P",
         "folders": ["INBOX", "Junk"], "timeout": "2s", "connect_timeout": "2s", "idle_renew": "1s", **more}
        for port, user in zip(ports, users, strict=True)
    ]  # fmt: skip
    table = {"imap": tables[0], "mailboxes": {f"box{n}": one for n, one in enumerate(tables[1:])}}
    settings = channel.settings.model_validate(table, context={"env": {"P": PASSWORD}, "base": Path()})
    return {"post": OpenChannel("post", channel, channel.open("post", settings, live=False))}


class Listener:
    """A store that is fed by a following thread."""

    def __init__(self, store: Store, channels: dict[str, OpenChannel]) -> None:
        self.store, self._stop = store, threading.Event()
        self._threads = following.watch(store, channels, lambda: datetime.now(UTC), self._stop, rules=RULES)

    def heard(self) -> list[bytes]:
        return [raw(self.store, row["id"]) for row in rows(self.store, "arrivals")]

    def hears(self, *letters: bytes) -> None:
        """Waits until all of them are in the store; then they are there once, and nothing else is."""
        eventually(lambda: set(letters) <= set(self.heard()), f"{len(letters)} mails are heard", 40)
        assert sorted(self.heard()) == sorted(letters)

    def is_deaf(self) -> None:
        eventually(lambda: gaps(self.store, unclosed=True), "the gap is on record", 40)

    def has_caught_up(self, least: int = 1) -> None:
        eventually(lambda: not gaps(self.store, unclosed=True), "the gap is closed", 40)
        assert len(gaps(self.store)) >= least, "the outage is on record"
        assert all(gap.closed_at is not None for gap in gaps(self.store))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads), "a clean stop"
        assert [one for one in integrity(self.store) if not one.ok] == []


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(following, "WAIT_MIN", 0.1)
    monkeypatch.setattr(following, "WAIT_MAX", 0.4)

    @contextmanager
    def start(channels: dict[str, OpenChannel]) -> Iterator[Listener]:
        with fresh_store(tmp_path) as store:
            made = Listener(store, channels)
            try:
                eventually(lambda: len(rows(store, "cursors")) >= 1, "hearing has begun", 40)
                yield made
            finally:
                made.stop()

    return start


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot(junk_folder=True) as running:
        yield running


LETTERS = [letter(f"letter {n}") for n in range(6)]


def test_a_server_that_stops_and_starts_again(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port)) as listener:
        server.deliver("anna", *LETTERS[:2])
        listener.hears(*LETTERS[:2])
        server.stop()
        listener.is_deaf()
        server.start()
        server.deliver("anna", *LETTERS[2:])
        listener.hears(*LETTERS)
        listener.has_caught_up()


def test_a_server_that_is_frozen_while_we_idle(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port)) as listener:
        server.deliver("anna", *LETTERS[:2])
        listener.hears(*LETTERS[:2])
        assert server._process is not None
        group = server._process.pid
        os.killpg(group, signal.SIGSTOP)
        try:
            listener.is_deaf()
        finally:
            os.killpg(group, signal.SIGCONT)
        server.deliver("anna", *LETTERS[2:])
        listener.hears(*LETTERS)
        listener.has_caught_up()


def test_a_half_open_line(server: Dovecot, listening: Callable[..., Any]) -> None:
    with proxy(server.port) as line, listening(ears(line.port)) as listener:
        server.deliver("anna", *LETTERS[:2])
        listener.hears(*LETTERS[:2])
        line.swallows()
        server.deliver("anna", *LETTERS[2:4])
        listener.is_deaf()
        line.lets_through()
        server.deliver("anna", *LETTERS[4:])
        listener.hears(*LETTERS)
        listener.has_caught_up()


def test_a_line_that_is_cut_in_the_middle_of_a_mail(server: Dovecot, listening: Callable[..., Any]) -> None:
    big = [letter(f"big {n}", 300_000) for n in range(3)]
    with proxy(server.port) as line, listening(ears(line.port)) as listener:
        line.cuts_after(400_000)
        server.deliver("anna", *big)
        listener.hears(*big)
        listener.has_caught_up()


def test_a_line_that_is_cut_again_and_again_is_not_tried_in_circles(
    server: Dovecot, listening: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    with proxy(server.port) as line, listening(ears(line.port)) as listener:
        listener._stop.wait = _noting(listener._stop.wait, waits)
        before = line.calls
        line.swallows()
        line.cuts()
        eventually(lambda: len(waits) >= 5, "five tries", 40)
        assert line.calls - before <= len(waits) + 1, "one connection a try"
        line.lets_through()
        server.deliver("anna", LETTERS[0])
        listener.hears(LETTERS[0])
        listener.has_caught_up()
    assert all(wait > 0.04 for wait in waits), "every try is after a wait"


def _noting(wait: Callable[[float], bool], waits: list[float]) -> Callable[[float], bool]:
    def noted(seconds: float) -> bool:
        waits.append(seconds)
        return wait(seconds)

    return noted


def test_a_mailbox_that_is_rebuilt(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port)) as listener:
        server.deliver("anna", *LETTERS[:3])
        listener.hears(*LETTERS[:3])
        server.stop()
        server.start()
        server.count_anew("anna")
        server.deliver("anna", *LETTERS[3:])
        listener.hears(*LETTERS)
        listener.has_caught_up()


def test_a_mail_that_a_filter_moves_to_junk_is_one_arrival(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port)) as listener:
        server.deliver("anna", *LETTERS[:2])
        listener.hears(*LETTERS[:2])
        with server.client("anna") as client:
            client.select_folder("INBOX")
            client.move([1], "Junk")
        eventually(lambda: len(rows(listener.store, "sightings")) == 3, "it is seen in both", 40)
        listener.hears(*LETTERS[:2])
        assert [row["place"] for row in rows(listener.store, "sightings")] == ["INBOX", "INBOX", "Junk"]


def test_one_deaf_mailbox_of_two_has_a_gap_of_its_own(server: Dovecot, listening: Callable[..., Any]) -> None:
    with proxy(server.port) as line, listening(ears(server.port, line.port, users=("anna", "bert"))) as listener:
        eventually(lambda: len({r["mailbox"] for r in rows(listener.store, "cursors")}) == 2, "both are heard", 40)
        line.swallows()
        line.cuts()
        listener.is_deaf()
        server.deliver("anna", LETTERS[0])
        listener.hears(LETTERS[0])
        assert {gap.mailbox for gap in gaps(listener.store)} == {"bert"}
        server.deliver("bert", LETTERS[1])
        line.lets_through()
        listener.hears(*LETTERS[:2])
        listener.has_caught_up()


# --------------------------------------------------------------------------- restored from a backup
def backed_up(server: Dovecot, user: str = "anna") -> Path:
    """A copy of a user's mail, taken while the server stands."""
    copy = server.base / "backup"
    server.stop()
    shutil.copytree(server.base / "mail" / user, copy)
    server.start()
    return copy


def restore(server: Dovecot, copy: Path, *, forget_counting: bool, user: str = "anna") -> None:
    """What an administrator does after a lost disk: the server stops, the older copy takes the place of the mail."""
    server.stop()
    mail = server.base / "mail" / user
    owner = mail.stat()
    shutil.rmtree(mail)
    shutil.copytree(copy, mail)
    for path in [mail, *mail.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    if forget_counting:
        for path in mail.rglob("dovecot*"):
            if path.is_file():
                path.unlink()


def counted(server: Dovecot) -> tuple[int, int]:
    """UIDVALIDITY and UIDNEXT of the inbox."""
    with server.client("anna") as client:
        info = client.select_folder("INBOX", readonly=True)
        return int(info[b"UIDVALIDITY"]), int(info[b"UIDNEXT"])


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_restore_after_which_uids_are_given_again(server: Dovecot, listening: Callable[..., Any], after: int) -> None:
    with proxy(server.port) as line, listening(ears(line.port)) as listener:
        server.deliver("anna", *LETTERS[:1])
        listener.hears(*LETTERS[:1])
        copy = backed_up(server)
        listener.is_deaf()
        server.deliver("anna", *LETTERS[1:3])
        listener.hears(*LETTERS[:3])
        listener.has_caught_up()
        before = counted(server)
        line.swallows()  # nobody of ours looks in before the new mail is there
        line.cuts()
        listener.is_deaf()
        restore(server, copy, forget_counting=False)
        server.start()
        validity, following = counted(server)
        assert (validity, following) == (before[0], before[1] - 2), "UIDNEXT went back, UIDVALIDITY did not"
        server.deliver("anna", *LETTERS[3 : 3 + after])
        line.lets_through()
        listener.hears(*LETTERS[: 3 + after])
        listener.has_caught_up(2)


def test_a_restore_that_counts_anew(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port)) as listener:
        server.deliver("anna", *LETTERS[:1])
        listener.hears(*LETTERS[:1])
        copy = backed_up(server)
        listener.is_deaf()
        server.deliver("anna", *LETTERS[1:3])
        listener.hears(*LETTERS[:3])
        before, _ = counted(server)
        eventually(lambda: time.time() >= before + 2, "the second that gave the UIDVALIDITY is over")
        restore(server, copy, forget_counting=True)
        server.start()
        server.deliver("anna", *LETTERS[3:])
        assert counted(server)[0] != before
        listener.hears(*LETTERS)
        listener.has_caught_up()


# --------------------------------------------------------------------------- the server's own word
def test_a_goodbye_alone_is_an_outage_on_record(server: Dovecot, listening: Callable[..., Any]) -> None:
    with listening(ears(server.port, idle_renew="20m")) as listener:
        server.deliver("anna", *LETTERS[:2])
        listener.hears(*LETTERS[:2])
        server.says_goodbye("anna")
        eventually(lambda: gaps(listener.store), "the outage is on record", 40)
        assert "shutting down" in gaps(listener.store)[0].why, "in the words of the server, in IDLE or in a command"
        server.deliver("anna", *LETTERS[2:])
        listener.hears(*LETTERS)
        listener.has_caught_up()


def test_a_server_that_is_frozen_in_the_middle_of_a_mail(server: Dovecot, listening: Callable[..., Any]) -> None:
    big = letter("big", 12_000_000)
    with proxy(server.port) as line, listening(ears(line.port)) as listener:
        assert server._process is not None
        group = server._process.pid
        line.when_passed(3_000_000, lambda: os.killpg(group, signal.SIGSTOP))
        server.deliver("anna", LETTERS[0], big)
        try:
            listener.is_deaf()
            assert big not in listener.heard(), "nothing half is stored"
        finally:
            os.killpg(group, signal.SIGCONT)
        server.deliver("anna", *LETTERS[1:])
        listener.hears(*LETTERS, big)
        listener.has_caught_up()


# --------------------------------------------------------------------------- large mailboxes
_TAKE_IN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.listen import listen_pass
from monitor.store.engine import Store
from tests.wire.test_listener_faults import RULES, ears
def peak():  # not ru_maxrss, which begins with what the parent had
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = peak()
with Store.open(Path(sys.argv[1])) as store:
    found = listen_pass(store, ears(int(sys.argv[2]), timeout="60s"), lambda: datetime.now(UTC), rules=RULES)
print(found.new, before, peak())
"""


def taken_in(store: Path, port: int) -> tuple[int, int]:
    """How many mails a pass in a process of its own took in, and by how many KB its peak of memory grew."""
    done = subprocess.run(
        [sys.executable, "-c", _TAKE_IN, str(store), str(port)], capture_output=True, text=True, timeout=300, check=True
    )
    new, before, after = (int(word) for word in done.stdout.split())
    return new, after - before


@pytest.fixture
def begun(tmp_path: Path, server: Dovecot) -> Path:
    """A store in which hearing has begun."""
    with fresh_store(tmp_path) as store:
        listen_pass(store, ears(server.port), lambda: datetime.now(UTC), rules=RULES)
        return store.path


@pytest.mark.wire
def test_ten_thousand_mails_are_taken_in_at_flat_memory(server: Dovecot, begun: Path) -> None:
    few = [letter(f"few {n}", 2_000) for n in range(1_000)]
    server.deliver("anna", *few)
    new, base = taken_in(begun, server.port)
    assert new == 1_000
    many = [letter(f"many {n}", 2_000) for n in range(9_000)]
    server.deliver("anna", *many)
    new, grown = taken_in(begun, server.port)
    assert new == 9_000
    assert grown < base + 10_000, f"{grown} KB for 9,000 mails, {base} KB for 1,000"


def shrinks_little(name: str, size: int) -> bytes:
    """A mail that is nearly as large compressed, as with films attached."""
    data = base64.encodebytes(random.Random(name).randbytes(size * 72 // 100)).replace(b"\n", b"\r\n")
    return (
        letter(name).replace(
            b"\r\n\r\n", b"\r\nContent-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1
        )
        + data
    )


@pytest.mark.wire
@pytest.mark.parametrize(("count", "most"), [(1, 2.6), (3, 3.5)])
def test_mails_of_thirty_megabytes_are_taken_in(server: Dovecot, begun: Path, count: int, most: float) -> None:
    server.deliver("anna", letter("small"))
    new, base = taken_in(begun, server.port)
    big = [shrinks_little(f"big {n}", 30 * 1024 * 1024) for n in range(count)]
    server.deliver("anna", *big)
    new, grown = taken_in(begun, server.port)
    assert new == count
    times = (grown - base) / (len(big[0]) / 1024)
    assert times < most, f"{grown - base} KB more for a mail of {len(big[0]) // 1024} KB: {times:.2f} times"
    with Store.open(begun) as store:
        assert [raw(store, n) for n in range(2, 2 + count)] == big
