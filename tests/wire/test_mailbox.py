"""Listening to a real Dovecot: nothing missed, nothing twice, nothing touched."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from probes.contract import Arrival, Batch, Checks, Ear, Listens, ProbeError, TargetRefused
from probes.loader import load
from probes.mail import watch as watching
from tests.wire.servers import PASSWORD, Authority, Dovecot, dovecot, eventually, free_port

pytestmark = pytest.mark.wire

START = datetime(2025, 12, 1, 9, 30, tzinfo=UTC)  # a server takes a stamp in the future for now
USER = Callable[[], str]


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def turn(self, by: timedelta) -> None:
        self.at += by


def listener(mailboxes: Dovecot, user: str, *, live: bool = False, **more: Any) -> Ear:
    """The channel's ear on a mailbox of ours; `more` overrides keys of its table."""
    (only,) = channel_on(mailboxes, user, live=live, **more).ears()
    return only


def channel_on(mailboxes: Dovecot, user: str, *, live: bool = False, **more: Any) -> Listens:
    """The channel's listening half on a mailbox of ours."""
    table = {
        "host": "localhost", "port": mailboxes.port, "security": "none", "user": user, "password_env": "P",
        "folders": ["INBOX", "Junk"], "timeout": "10s", **more,
    }  # fmt: skip
    table = {key: value for key, value in table.items() if value is not None}
    kind = load("email")
    settings = kind.settings.model_validate({"imap": table}, context={"env": {"P": PASSWORD}, "base": Path()})
    wire = kind.open("email", settings, live=live)
    assert isinstance(wire, Listens)
    return wire


class Store:
    """Takes batches in as the product does: arrivals and cursor together."""

    def __init__(self) -> None:
        self.cursors: dict[str, str] = {}
        self.arrivals: list[Arrival] = []
        self.batches: list[Batch] = []

    def take(self, batches: Iterator[Batch]) -> list[Arrival]:
        """All arrivals of a pass, stored."""
        before = len(self.arrivals)
        for batch in batches:
            self.put(batch)
        return self.arrivals[before:]

    def put(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.arrivals += batch.arrivals
        self.cursors[batch.cursor.place] = batch.cursor.position

    def raws(self) -> list[bytes]:
        return [arrival.raw for arrival in self.arrivals]


def mail(text: str, size: int = 0) -> bytes:
    return f"From: a@shop.example\r\nSubject: {text}\r\n\r\n{'x' * size}\r\n".encode()


# --------------------------------------------------------------------------- one pass
def test_a_first_start_on_an_old_mailbox_begins_now(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    mailboxes.deliver(user, mail("old"), mail("older"))
    wire = listener(mailboxes, user)
    assert store.take(wire.listen({}, lambda: START)) == []
    assert set(store.cursors) == {"INBOX", "Junk"}
    mailboxes.deliver(user, mail("new"))
    assert [arrival.raw for arrival in store.take(wire.listen(store.cursors, lambda: START))] == [mail("new")]


def test_a_first_start_on_an_empty_mailbox_misses_nothing_that_comes_after(
    mailboxes: Dovecot, fresh_user: USER
) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user)
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("one"))
    store.take(wire.listen(store.cursors, lambda: START))
    assert store.raws() == [mail("one")]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's own time zone is far from UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Ho_Chi_Minh")
        time.tzset()
        yield
    time.tzset()


def test_an_arrival_says_where_and_when_it_was_seen_and_holds_every_byte(
    mailboxes: Dovecot, fresh_user: USER, elsewhere: None
) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user)
    store.take(wire.listen({}, lambda: START))
    odd = b"From: \xff\xfe broken\r\nSubject: =?utf-8?q?\r\nno colon here\r\n\r\n\x00\x80 body\r\n"
    stamped = datetime(2025, 11, 30, 23, 15, tzinfo=timezone(timedelta(hours=-3)))
    mailboxes.deliver(user, odd.replace(b"\x00", b"?"), at=stamped)
    mailboxes.deliver(user, mail("junk"), at=START, folder="Junk")
    inbox, junk = store.take(wire.listen(store.cursors, lambda: START))
    assert inbox.raw == odd.replace(b"\x00", b"?")
    assert (inbox.mailbox, inbox.place, inbox.junk) == (user, "INBOX", False)
    assert inbox.at == stamped
    assert inbox.at.utcoffset() == timedelta(0)
    assert (junk.place, junk.junk) == ("Junk", True)
    validity, uid = inbox.position.split(":")
    assert validity.isdigit()
    assert uid == "1"
    assert store.cursors["INBOX"].startswith(f"{validity}:1:")


def test_reading_changes_no_flag_and_removes_nothing(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user)
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("a"), mail("b"))
    with mailboxes.client(user) as client:
        client.select_folder("INBOX")
        client.add_flags([2], [b"\\Flagged"])
    assert len(store.take(wire.listen(store.cursors, lambda: START))) == 2
    assert mailboxes.flags(user) == [(), (b"\\Flagged",)]
    assert mailboxes.messages(user) == [mail("a"), mail("b")]


def test_a_pass_without_news_delivers_nothing_again_and_proves_hearing(mailboxes: Dovecot, fresh_user: USER) -> None:
    """The server names the last message for "n:*" although it is not newer."""
    user, store, clock = fresh_user(), Store(), Hands()
    wire = listener(mailboxes, user)
    store.take(wire.listen({}, clock))
    mailboxes.deliver(user, mail("a"))
    store.take(wire.listen(store.cursors, clock))
    clock.turn(timedelta(hours=1))
    assert store.take(wire.listen(store.cursors, clock)) == []
    assert [batch.heard_until for batch in store.batches[-2:]] == [START + timedelta(hours=1)] * 2


def test_batches_are_bounded_and_only_the_last_of_a_folder_proves_hearing(
    mailboxes: Dovecot, fresh_user: USER, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BATCH_BYTES", 10_000)
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"], batch=4)
    store.take(wire.listen({}, lambda: START))
    raws = [mail(f"{n}") for n in range(6)] + [mail("big", 50_000)] + [mail(f"{n}", 4_000) for n in range(3)]
    mailboxes.deliver(user, *raws)
    store.batches.clear()
    store.take(wire.listen(store.cursors, lambda: START))
    assert store.raws() == raws
    assert [len(batch.arrivals) for batch in store.batches] == [4, 2, 1, 1, 2]
    assert [batch.heard_until is not None for batch in store.batches] == [False] * 4 + [True]


def test_a_folder_too_big_for_one_search_is_searched_in_parts(
    mailboxes: Dovecot, fresh_user: USER, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_SEARCH_SPAN", 3)
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"])
    store.take(wire.listen({}, lambda: START))
    raws = [mail(f"{n}") for n in range(17)]
    mailboxes.deliver(user, *raws[:5])
    store.take(wire.listen(store.cursors, lambda: START))
    mailboxes.deliver(user, *raws[5:])
    mailboxes.delete(user, 8, 9, 10, 11)
    store.take(wire.listen(store.cursors, lambda: START))
    assert store.raws() == raws[:7] + raws[11:]


def test_a_pass_that_was_broken_off_goes_on_where_it_was_stored(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"], batch=2)
    store.take(wire.listen({}, lambda: START))
    raws = [mail(f"{n}") for n in range(7)]
    mailboxes.deliver(user, *raws)
    while len(store.arrivals) < 7:
        broken_off = wire.listen(store.cursors, lambda: START)
        store.put(next(broken_off))
        del broken_off
    assert store.raws() == raws


def test_removed_messages_leave_no_trace_and_stop_nothing(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"])
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("a"), mail("b"), mail("c"))
    mailboxes.delete(user, 1, 3)
    assert [arrival.raw for arrival in store.take(wire.listen(store.cursors, lambda: START))] == [mail("b")]
    mailboxes.delete(user, 2)
    assert store.take(wire.listen(store.cursors, lambda: START)) == []


def test_when_the_server_counts_anew_the_folder_is_read_again_from_that_day_on(
    mailboxes: Dovecot, fresh_user: USER
) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"])
    mailboxes.deliver(user, mail("long ago"), at=START - timedelta(days=30))
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("known"), at=START)
    store.take(wire.listen(store.cursors, lambda: START))
    old = store.cursors["INBOX"]
    mailboxes.count_anew(user)
    mailboxes.deliver(user, mail("unknown"), at=START + timedelta(hours=1))
    again = store.take(wire.listen(store.cursors, lambda: START))
    assert [arrival.raw for arrival in again] == [mail("known"), mail("unknown")]
    assert store.cursors["INBOX"].split(":")[0] != old.split(":")[0]
    assert store.take(wire.listen(store.cursors, lambda: START)) == []


def test_a_folder_put_back_from_a_backup_is_read_again(mailboxes: Dovecot, fresh_user: USER) -> None:
    """Same UIDVALIDITY, but the server is behind what was already seen: what comes now has UIDs seen before."""
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user, folders=["INBOX"])
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("after the restore"), at=START)
    validity = store.cursors["INBOX"].split(":")[0]
    cursors = {"INBOX": f"{validity}:40:{START.date().isoformat()}"}
    assert [arrival.raw for arrival in store.take(wire.listen(cursors, lambda: START))] == [mail("after the restore")]


@pytest.mark.parametrize("position", ["", "nonsense", "1", "a:b", "1:2:2026-99-99"])
def test_a_cursor_that_cannot_be_read_means_reading_everything(
    mailboxes: Dovecot, fresh_user: USER, position: str
) -> None:
    user, store = fresh_user(), Store()
    mailboxes.deliver(user, mail("a"), at=START - timedelta(days=300))
    wire = listener(mailboxes, user, folders=["INBOX"])
    store.take(wire.listen({"INBOX": position}, lambda: START))
    assert store.raws() == [mail("a")]


@pytest.mark.skipif(os.geteuid() != 0, reason="looks into files of the mail server that only root may read")
def test_a_message_that_the_server_cannot_give_holds_the_cursor_and_keeps_nothing_else_back(fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    with dovecot() as mailboxes:
        wire = listener(mailboxes, user, folders=["INBOX"])
        store.take(wire.listen({}, lambda: START))
        mailboxes.deliver(user, mail("a"), mail("b"), mail("c"))
        folder = mailboxes.base / "mail" / user

        def spoilt() -> Path:  # the server moves and renames its files
            return next(
                p for p in folder.rglob("*") if p.parent.name in {"cur", "new"} and b"Subject: b" in p.read_bytes()
            )

        spoilt().chmod(0)
        store.batches.clear()
        store.take(wire.listen(store.cursors, lambda: START))
        assert {mail("a"), mail("c")} <= set(store.raws())
        assert store.batches[-1].heard_until is None
        later = len(store.take(wire.listen(store.cursors, lambda: START)))
        assert later == 1  # what stands behind it is repeated, since the cursor waits
        spoilt().chmod(0o600)
        store.take(listener(mailboxes, user, folders=["INBOX"]).listen(store.cursors, lambda: START))
    assert set(store.raws()) == {mail("a"), mail("b"), mail("c")}
    assert store.batches[-1].heard_until == START


def test_watching_goes_on_past_a_message_that_the_server_cannot_give() -> None:
    with dovecot() as mailboxes:
        wire = listener(mailboxes, "anna", folders=["INBOX"], idle_renew="20m")
        store = Store()
        store.take(wire.listen({}, lambda: START))
        mailboxes.deliver("anna", mail("a"), mail("b"), mail("c"))
        folder = mailboxes.base / "mail" / "anna"
        next(p for p in folder.rglob("*") if p.is_file() and b"Subject: b" in p.read_bytes()).chmod(0)
        with ear(wire, store.cursors) as heard:
            heard.hears(mail("a"), mail("c"))
            mailboxes.deliver("anna", mail("d"))
            heard.hears(mail("d"))
        assert len(heard.batches) < 20  # it waits for news, and does not ask for the same again and again
    assert mail("b") not in heard.raws()


# --------------------------------------------------------------------------- folders
def test_junk_folders_that_are_missing_are_left_out(mailboxes: Dovecot, fresh_user: USER) -> None:
    wire = listener(mailboxes, fresh_user(), folders=["INBOX", "Junk", "Spam", "[Gmail]/Spam"])
    assert [batch.cursor.place for batch in wire.listen({}, lambda: START)] == ["INBOX", "Junk"]


def test_any_other_missing_folder_is_an_error_that_names_those_that_exist(mailboxes: Dovecot, fresh_user: USER) -> None:
    user = fresh_user()
    mailboxes.deliver(user, mail("a"), folder="Réponses")
    with pytest.raises(ProbeError) as caught:
        list(listener(mailboxes, user, folders=["INBOX", "Answers"]).listen({}, lambda: START))
    assert caught.value.permanent
    assert "'Answers'" in str(caught.value)
    assert "INBOX, Junk, Réponses" in str(caught.value)


def test_folders_are_found_whatever_the_case_and_the_script(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    mailboxes.deliver(user, mail("a"), folder="Réponses")
    wire = listener(mailboxes, user, folders=["inbox", "réponses", "junk"])
    store.take(wire.listen({}, lambda: START))
    assert set(store.cursors) == {"INBOX", "Réponses", "Junk"}
    mailboxes.deliver(user, mail("b"), folder="Réponses")
    assert [arrival.place for arrival in store.take(wire.listen(store.cursors, lambda: START))] == ["Réponses"]


# --------------------------------------------------------------------------- what keeps us from hearing
def test_a_wrong_password_is_final_and_is_not_repeated_in_the_error(mailboxes: Dovecot, fresh_user: USER) -> None:
    kind = load("email")
    table = {"host": "127.0.0.1", "port": mailboxes.port, "security": "none", "user": fresh_user(), "password_env": "P"}
    settings = kind.settings.model_validate({"imap": table}, context={"env": {"P": "hunter2"}, "base": Path()})
    wire = kind.open("email", settings, live=False)
    assert isinstance(wire, Listens)
    with pytest.raises(ProbeError, match="environment variable P") as caught:
        list(wire.ears()[0].listen({}, lambda: START))
    assert caught.value.permanent
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_down_may_come_back(mailboxes: Dovecot) -> None:
    with pytest.raises(ProbeError, match="cannot be reached") as caught:
        list(listener(mailboxes, "anna", port=free_port()).listen({}, lambda: START))
    assert not caught.value.permanent


def test_a_server_elsewhere_is_refused_unless_live(mailboxes: Dovecot) -> None:
    for use in ("listen", "watch"):
        wire = listener(mailboxes, "anna", host="192.0.2.1", security="tls")
        with pytest.raises(TargetRefused, match="live = true"):
            list(
                wire.listen({}, lambda: START)
                if use == "listen"
                else wire.watch(dict, lambda: START, threading.Event())
            )
    with pytest.raises(TargetRefused, match="starttls"):
        list(listener(mailboxes, "anna", host="192.0.2.1", live=True).listen({}, lambda: START))


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_the_certificate_is_checked_unless_told_otherwise(
    mailboxes: Dovecot, fresh_user: USER, certificates: Authority, security: str
) -> None:
    user = fresh_user()
    port = mailboxes.tls_port if security == "tls" else mailboxes.port
    with pytest.raises(ProbeError, match="certificate does not pass") as caught:
        list(listener(mailboxes, user, security=security, port=port).listen({}, lambda: START))
    assert caught.value.permanent
    for trust in ({"ca_file": str(certificates.ca)}, {"verify": False}):
        assert list(listener(mailboxes, user, security=security, port=port, **trust).listen({}, lambda: START))


def token(key: bytes, user: str) -> str:
    """A JSON Web Token signed by HS256, as an identity provider would print it."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = part(json.dumps({"sub": user, "email": user, "iat": 1_700_000_000, "exp": 4_000_000_000}).encode())
    return f"{head}.{body}.{part(hmac.digest(key, f'{head}.{body}'.encode(), hashlib.sha256))}"


def prints(text: str) -> str:
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


def test_a_token_from_a_command_logs_in_by_both_mechanisms() -> None:
    key = b"0123456789abcdef0123456789abcdef"
    with dovecot(oauth2_key=key) as mailboxes:
        for mechanism in ("xoauth2", "oauthbearer"):
            more: dict[str, Any] = {"password_env": None, "token_mechanism": mechanism, "folders": ["INBOX"]}
            good = listener(mailboxes, "anna", token_command=prints(token(key, "anna")), **more)
            assert [batch.cursor.place for batch in good.listen({}, lambda: START)] == ["INBOX"]
            bad = listener(mailboxes, "anna", token_command=prints(token(b"another key", "anna")), **more)
            with pytest.raises(ProbeError, match="refuses the log-in"):
                list(bad.listen({}, lambda: START))


@pytest.mark.parametrize(
    ("command", "words", "permanent"),
    [
        ("no-such-program-anywhere", "there is no program", True),
        (shlex.join([sys.executable, "-c", "print('s3cr3t'); raise SystemExit(3)"]), "ended with code 3", False),
        (prints(""), "printed nothing", False),
        (prints("two words"), "not a token", True),
    ],
)
def test_a_token_command_that_fails_says_why_and_repeats_nothing(
    mailboxes: Dovecot, command: str, words: str, permanent: bool
) -> None:
    wire = listener(mailboxes, "anna", password_env=None, token_command=command)
    with pytest.raises(ProbeError, match=words) as caught:
        list(wire.listen({}, lambda: START))
    assert caught.value.permanent is permanent
    assert "s3cr3t" not in str(caught.value)


# --------------------------------------------------------------------------- staying on the line
class Eavesdropper(Store):
    """A thread that watches a mailbox and stores what it hears."""

    def __init__(self, wire: Ear, cursors: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.cursors = dict(cursors or {})
        self.failure: BaseException | None = None
        self.asked = 0
        self._wire, self._stop = wire, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _ask(self) -> Mapping[str, str]:
        self.asked += 1
        return self.cursors

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for batch in self._wire.watch(self._ask, lambda: START, self._stop):
                    self.put(batch)
            except ProbeError as error:
                if error.permanent:
                    self.failure = error
                    return
                self._stop.wait(0.1)

    def hears(self, *raws: bytes) -> None:
        eventually(lambda: self.failure or set(raws) <= set(self.raws()), f"{len(raws)} mails are heard")
        assert self.failure is None

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self.failure or self.batches, "the first pass is over")


@contextmanager
def ear(wire: Ear, cursors: Mapping[str, str] | None = None) -> Iterator[Eavesdropper]:
    made = Eavesdropper(wire, cursors)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def idling(mailboxes: Dovecot, user: str) -> bool:
    """Whether somebody of this user waits in IDLE, by what the server says."""
    return f"imap({user})" in mailboxes.log()


def test_what_comes_while_watching_is_heard_at_once(mailboxes: Dovecot, fresh_user: USER) -> None:
    user = fresh_user()
    with ear(listener(mailboxes, user, idle_renew="20m")) as heard:
        for n in range(5):
            mailboxes.deliver(user, mail(f"{n}"))
            heard.hears(mail(f"{n}"))  # long before IDLE is renewed
    assert heard.raws() == [mail(f"{n}") for n in range(5)]
    assert heard.asked == 1
    assert mailboxes.flags(user) == [()] * 5


def test_what_came_before_watching_is_heard_too(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    wire = listener(mailboxes, user)
    store.take(wire.listen({}, lambda: START))
    mailboxes.deliver(user, mail("a"))
    with ear(wire, store.cursors) as heard:
        heard.hears(mail("a"))
    assert heard.raws() == [mail("a")]


def test_other_folders_are_read_when_idle_is_renewed(mailboxes: Dovecot, fresh_user: USER) -> None:
    user = fresh_user()
    with ear(listener(mailboxes, user, idle_renew="0.3s")) as heard:
        eventually(lambda: {"INBOX", "Junk"} <= set(heard.cursors), "both folders are known")
        mailboxes.deliver(user, mail("junk"), folder="Junk")
        heard.hears(mail("junk"))
    assert [arrival.junk for arrival in heard.arrivals] == [True]


def test_hearing_is_proven_anew_at_each_renewal(mailboxes: Dovecot, fresh_user: USER) -> None:
    with ear(listener(mailboxes, fresh_user(), idle_renew="0.1s", folders=["INBOX"])) as heard:
        eventually(lambda: len(heard.batches) >= 4, "IDLE is renewed")
    assert all(batch.heard_until == START for batch in heard.batches)
    assert heard.asked == 1


def test_a_stop_ends_watching_and_logs_out(fresh_user: USER) -> None:
    with dovecot() as mailboxes:
        heard = Eavesdropper(listener(mailboxes, "anna", folders=["INBOX"], idle_renew="20m"))
        heard.start()
        heard.stop()
        eventually(lambda: "Logged out" in mailboxes.log(), "the server sees a log-out")
    assert heard.failure is None


def test_after_a_restart_of_the_server_nothing_is_missed_and_nothing_comes_twice() -> None:
    with dovecot() as mailboxes, ear(listener(mailboxes, "anna", folders=["INBOX"], idle_renew="20m")) as heard:
        raws = [mail(f"{n}") for n in range(6)]
        mailboxes.deliver("anna", *raws[:2])
        heard.hears(*raws[:2])
        mailboxes.restart()
        mailboxes.deliver("anna", *raws[2:4])
        heard.hears(*raws[:4])
        mailboxes.stop()
        mailboxes.start()
        mailboxes.deliver("anna", *raws[4:])
        heard.hears(*raws)
        assert heard.asked >= 3  # the store is asked where to go on after each reconnect
    assert heard.raws() == raws


def test_a_log_in_that_is_refused_ends_watching(mailboxes: Dovecot) -> None:
    wire = listener(mailboxes, "anna", password_env=None, token_command=prints("no-token"))
    with pytest.raises(ProbeError, match="log-in"):
        list(wire.watch(dict, lambda: START, threading.Event()))


# --------------------------------------------------------------------------- doctor
def lines(wire: object) -> dict[str, tuple[bool, str]]:
    assert isinstance(wire, Checks)
    return {line.name.partition(" ")[2]: (line.ok, line.detail + line.advice) for line in wire.check(lambda: START)}


def test_the_check_proves_log_in_folders_junk_and_idle_and_changes_nothing(
    mailboxes: Dovecot, fresh_user: USER
) -> None:
    user = fresh_user()
    mailboxes.deliver(user, mail("a"))
    found = lines(channel_on(mailboxes, user))
    assert found == {
        "localhost": (True, f"logged in as {user}"),
        "localhost folders": (True, "messages: INBOX 1, Junk 0"),
        "localhost junk": (True, "the junk folder is read"),
        "localhost IDLE": (True, "works"),
    }
    assert mailboxes.flags(user) == [()]


def test_the_check_names_a_junk_folder_that_is_not_read(mailboxes: Dovecot, fresh_user: USER) -> None:
    ok, text = lines(channel_on(mailboxes, fresh_user(), folders=["INBOX"]))["localhost junk"]
    assert not ok
    assert "add 'Junk' to `folders`" in text


def test_the_check_says_what_to_do_when_it_may_not_or_cannot(mailboxes: Dovecot) -> None:
    ok, text = lines(channel_on(mailboxes, "anna", host="192.0.2.1", security="tls"))["192.0.2.1"]
    assert (ok, "live = true" in text) == (False, True)
    ok, text = lines(channel_on(mailboxes, "anna", port=free_port()))["localhost"]
    assert (ok, "cannot be reached" in text) == (False, True)
