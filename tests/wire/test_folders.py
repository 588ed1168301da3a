"""Folders that come late or are counted anew: nothing that came in them is missed."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from tests.wire.servers import Dovecot, dovecot, eventually
from tests.wire.test_mailbox import START, USER, Hands, Store, listener, mail

pytestmark = pytest.mark.wire

JUNK = ["INBOX", "Spam"]


# --------------------------------------------------------------------------- a folder that comes late
def test_the_mail_with_which_a_server_makes_its_junk_folder_is_heard(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store, clock = fresh_user(), Store(), Hands()
    wire = listener(mailboxes, user, folders=JUNK)
    mailboxes.deliver(user, mail("old"), at=START - timedelta(days=30))
    assert store.take(wire.listen({}, clock)) == []
    assert set(store.cursors) == {"INBOX"}
    mailboxes.deliver(user, mail("junk"), at=START + timedelta(hours=1), folder="Spam")
    clock.turn(timedelta(days=20))
    (found,) = store.take(wire.listen(store.cursors, clock))
    assert (found.raw, found.place, found.junk) == (mail("junk"), "Spam", True)
    assert store.take(wire.listen(store.cursors, clock)) == []


def test_a_pass_cut_short_loses_nothing_of_a_folder_that_came_late(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store, clock = fresh_user(), Store(), Hands()
    wire = listener(mailboxes, user, folders=JUNK, batch=1)
    store.take(wire.listen({}, clock))
    mailboxes.deliver(user, mail("a"), mail("b"), at=START, folder="Spam")
    mailboxes.deliver(user, mail("c"), at=START)
    clock.turn(timedelta(days=20))
    for _ in range(5):
        store.take(islice(wire.listen(store.cursors, clock), 1))
    store.take(wire.listen(store.cursors, clock))
    assert set(store.raws()) == {mail("a"), mail("b"), mail("c")}


def test_a_folder_named_in_the_config_later_does_not_bring_in_what_is_old(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store = fresh_user(), Store()
    mailboxes.deliver(user, mail("old"), at=START - timedelta(days=30), folder="Answers")
    store.take(listener(mailboxes, user, folders=["INBOX"]).listen({}, lambda: START))
    mailboxes.deliver(user, mail("new"), at=START, folder="Answers")
    found = store.take(listener(mailboxes, user, folders=["INBOX", "Answers"]).listen(store.cursors, lambda: START))
    assert [arrival.raw for arrival in found] == [mail("new")]


def test_a_folder_that_is_made_while_we_watch_is_read(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store, stop = fresh_user(), Store(), threading.Event()
    wire = listener(mailboxes, user, folders=JUNK, idle_renew="1s")
    store.take(wire.listen({}, lambda: START))

    def follow() -> None:
        for batch in wire.watch(lambda: store.cursors, lambda: START, stop):
            store.put(batch)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        eventually(lambda: len(store.batches) > 1, "the watch has begun")
        mailboxes.deliver(user, mail("junk"), at=START, folder="Spam")
        eventually(lambda: store.raws() == [mail("junk")], "the junk folder is read")
    finally:
        stop.set()
        thread.join()


# --------------------------------------------------------------------------- a server that counts anew
def test_a_pass_cut_short_before_the_server_counts_anew_loses_nothing(mailboxes: Dovecot, fresh_user: USER) -> None:
    user, store, clock = fresh_user(), Store(), Hands()
    wire = listener(mailboxes, user, folders=["INBOX"], batch=1)
    store.take(wire.listen({}, clock))
    mailboxes.deliver(user, mail("a"), mail("b"), mail("c"), at=START)
    clock.turn(timedelta(days=20))
    store.take(islice(wire.listen(store.cursors, clock), 1))
    assert store.raws() == [mail("a")]
    mailboxes.count_anew(user)
    store.take(islice(wire.listen(store.cursors, clock), 1))
    mailboxes.count_anew(user)
    store.take(wire.listen(store.cursors, clock))
    assert set(store.raws()) == {mail("a"), mail("b"), mail("c")}


@pytest.mark.skipif(os.geteuid() != 0, reason="looks into files of the mail server that only root may read")
def test_a_message_that_could_not_be_given_is_read_once_its_folder_is_rebuilt(fresh_user: USER) -> None:
    user, store, clock = fresh_user(), Store(), Hands()
    with dovecot() as mailboxes:
        store.take(listener(mailboxes, user, folders=["INBOX"]).listen({}, clock))
        mailboxes.deliver(user, mail("a"), mail("b"), mail("c"), at=START)
        folder = mailboxes.base / "mail" / user

        def spoilt() -> Path:  # the server moves and renames its files
            return next(
                p for p in folder.rglob("*") if p.parent.name in {"cur", "new"} and b"Subject: b" in p.read_bytes()
            )

        spoilt().chmod(0)
        for _ in range(2):
            clock.turn(timedelta(days=10))
            store.take(listener(mailboxes, user, folders=["INBOX"]).listen(store.cursors, clock))
            assert store.batches[-1].heard_until is None
        spoilt().chmod(0o600)
        mailboxes.count_anew(user)
        store.take(listener(mailboxes, user, folders=["INBOX"]).listen(store.cursors, clock))
    assert set(store.raws()) == {mail("a"), mail("b"), mail("c")}
    assert store.batches[-1].heard_until == clock.at
