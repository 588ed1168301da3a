"""A listening pass: everything that came is stored once and understood, whatever it holds and whoever is deaf."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from monitor import following, listen
from monitor.facts import Keys, Verdict
from monitor.following import watch
from monitor.store.engine import Store
from monitor.store.hearing import gaps, take_in
from monitor.store.records import suppressed
from monitor.store.understanding import not_understood, store_understood
from probes.contract import Batch, Clock, OpenChannel
from probes.mail.mime import Mail
from probes.testing import FakeChannel, FakeSettings, OneEar
from tests.monitor.factories import CHANNEL, RULES, World, arrival, batch, mail, only, rows

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two firms that were asked an hour ago."""
    made = World(tmp_path, firms=2)
    made.send()
    return made.passes(hours=1)


def kinds(world: World) -> dict[str, list[str]]:
    return {business: [reply.kind for reply in facts.replies] for business, facts in sorted(world.facts().items())}


def opened(fake: FakeChannel, name: str) -> OpenChannel:
    return OpenChannel(name, fake, fake.open(name, FakeSettings(), live=False))


# --------------------------------------------------------------------------- the main job
def test_an_answer_is_stored_and_found_to_belong_to_its_probe(world: World) -> None:
    world.answer(1).answer(2, X_Kind="auto_reply")
    summary = world.listen()
    assert (summary.new, summary.repeats, summary.understood, summary.unmatched) == (2, 0, 2, 0)
    assert summary.kinds == {"human": 1, "auto_reply": 1}
    assert kinds(world) == {"firm-1": ["human"], "firm-2": ["auto_reply"]}
    assert world.facts()["firm-1"].replies[0].at == world.now()


def test_a_pass_without_news_changes_nothing_but_how_far_we_have_heard(world: World) -> None:
    world.answer(1).listen()
    tables = ("arrivals", "sightings", "raw", "matches", "verdicts")
    before = [rows(world.store, table) for table in tables]
    assert world.passes(hours=1).listen() == listen.ListenSummary()
    assert [rows(world.store, table) for table in tables] == before
    assert world.facts()["firm-1"].heard_until == world.now()


def test_a_mail_that_belongs_nowhere_is_stored_and_counted(world: World) -> None:
    world.fake.answers(mail("somebody@else.example", sender="spam@spam.example"), world.now())
    summary = world.listen()
    assert (summary.new, summary.unmatched) == (1, 1)
    assert kinds(world) == {"firm-1": [], "firm-2": []}


def test_several_folders_are_heard(world: World) -> None:
    world.fake.answers(b"", world.now(), place="Junk")
    world.listen()
    world.passes(hours=1).answer(1).listen()
    enquiry = world.sent_to(2)
    world.fake.answers(mail(enquiry.reply_to, sender=enquiry.to), world.now(), place="Junk", junk=True)
    world.listen()
    assert [reply.junk for reply in world.facts()["firm-2"].replies] == [True]


def test_a_large_backlog_is_understood_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "AT_A_TIME", 3)
    for number in range(8):
        world.answer(1, text=f"answer {number}")
    told: list[int] = []
    assert world.listen(progress=told.append).understood == 8
    assert (sum(told), told[-1]) == (16, 2)


def test_a_reply_that_asks_us_to_stop_counts_at_once(world: World) -> None:
    world.answer(1, X_Kind="opt_out").listen()
    assert suppressed(world.store).businesses == {"firm-1"}


def test_the_rules_of_this_version_understand_a_plain_answer(world: World) -> None:
    world.answer(1, text="Yes, we repair them for 40 EUR.", In_Reply_To=world.sent_to(1).message_id)
    summary = listen.listen_pass(world.store, world.channels, world.now)
    assert summary.understood == 1
    assert rows(world.store, "verdicts")[0]["rules"] == listen.todays_rules().version
    assert [one["probe_id"] for one in rows(world.store, "matches")] == [world.sent_to(1).probe]


# --------------------------------------------------------------------------- mails that break something
def breaking(**change: Any) -> Any:
    return replace(RULES, **change)


def boom(*_: Any) -> Any:
    raise ValueError("cannot read that")


@pytest.mark.parametrize("part", ["parse", "keys", "match", "classify"])
def test_a_mail_that_breaks_a_rule_is_stored_as_unclear_and_stops_nothing(world: World, part: str) -> None:
    def only_the_poison(*given: Any) -> Any:
        subject = given[0] if part == "parse" else given[0].subject.encode()
        if b"poison" in subject:
            boom()
        return getattr(RULES, part)(*given)

    world.answer(1, subject="poison").answer(2, subject="fine")
    summary = world.listen(rules=breaking(**{part: only_the_poison}))
    assert (summary.new, summary.understood) == (2, 2)
    assert summary.kinds == {"unclear": 1, "human": 1}
    poisoned = only([row for row in rows(world.store, "verdicts") if row["kind"] == "unclear"])
    assert "ValueError: cannot read that" in only(poisoned["reasons"])
    assert not_understood(world.store) == []


def test_a_mail_whose_classifier_breaks_still_belongs_to_its_probe(world: World) -> None:
    world.answer(1).listen(rules=breaking(classify=boom))
    assert kinds(world)["firm-1"] == ["unclear"]


def test_a_mail_that_recurses_too_deep_is_stored_as_unclear(world: World) -> None:
    def deep(mail: Mail, at: datetime) -> Verdict:
        return deep(mail, at)

    assert world.answer(1).listen(rules=breaking(classify=deep)).kinds == {"unclear": 1}


def test_what_cannot_be_stored_together_is_stored_one_by_one(world: World) -> None:
    """A match with a probe that is not there breaks its own mail only."""

    def wrong(mail: Mail, keys: Keys, probes: Any, at: datetime) -> Any:
        found = RULES.match(mail, keys, probes, at)
        return tuple(replace(one, probe="no-such-probe") for one in found) if "firm1" in keys.sender else found

    summary = world.answer(1).answer(2).listen(rules=breaking(match=wrong))
    assert summary.understood == 2
    assert kinds(world) == {"firm-1": [], "firm-2": ["human"]}
    stored = {row["kind"]: row["reasons"] for row in rows(world.store, "verdicts")}
    assert "FOREIGN KEY" in only(stored["unclear"])


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff" * 100, b"From: \xff\r\nTo: <<>>\r\n\r\n", b"\r\n\r\n", b"Message-ID: <[abc]@>\r\n\r\n\xe9"],
)
def test_whatever_comes_in_is_stored_and_understood(world: World, content: bytes) -> None:
    world.fake.answers(content, world.now())
    summary = listen.listen_pass(world.store, world.channels, world.now)
    assert (summary.new, summary.understood) == (1, 1)


# --------------------------------------------------------------------------- deaf
def test_a_channel_that_cannot_be_heard_leaves_a_gap_and_stops_no_other(world: World) -> None:
    other = FakeChannel(mailbox="other@inbox.example")
    channels = {**world.channels, "letterbox": opened(other, "letterbox")}
    world.listen(channels=channels)
    other.answers(mail(world.sent_to(2).reply_to, sender="info@firm2.example"), world.now())
    world.passes(hours=1).fake.goes_deaf("connection refused")
    summary = world.listen(channels=channels)
    assert summary.deaf == {CHANNEL: "connection refused"}
    assert summary.new == 1
    (gap,) = gaps(world.store)
    assert (gap.channel, gap.since, gap.until, gap.why) == (
        CHANNEL, world.now() - HOUR, world.now(), "connection refused",
    )  # fmt: skip
    assert world.facts()["firm-1"].gap_from == world.now() - HOUR


def test_hearing_again_catches_up_and_closes_the_gap(world: World) -> None:
    world.listen()
    world.fake.goes_deaf()
    for _ in range(3):
        world.passes(hours=1).listen()
    world.answer(1, at=world.now() - HOUR)
    world.fake.hears_again()
    summary = world.passes(hours=1).listen()
    assert (summary.new, summary.deaf) == (1, {})
    assert only(gaps(world.store)).closed_at == world.now()
    assert world.facts()["firm-1"].gap_from is None
    assert kinds(world)["firm-1"] == ["human"]


class Scripted(OneEar):
    """A channel that delivers these batches; an exception among them is raised."""

    def __init__(self, *script: Batch | Exception) -> None:
        self.script = script

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        for one in self.script:
            if isinstance(one, Exception):
                raise one
            yield one

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        yield from self.listen(cursors(), now)


def scripted(*script: Batch | Exception) -> dict[str, OpenChannel]:
    return {CHANNEL: OpenChannel(CHANNEL, FakeChannel(), Scripted(*script))}


def test_what_was_delivered_before_the_line_broke_is_kept(world: World) -> None:
    first = batch(arrival(b"one"), position="1:1")
    summary = world.listen(channels=scripted(first, ValueError("a bug in the channel")))
    assert (summary.new, summary.understood) == (1, 1)
    assert summary.deaf == {CHANNEL: "the channel broke while listening: ValueError: a bug in the channel"}
    assert len(gaps(world.store, unclosed=True)) == 1
    assert rows(world.store, "cursors")[0]["position"] == "1:1"


def test_a_channel_that_breaks_before_its_first_batch_is_deaf(world: World) -> None:
    class Broken(Scripted):
        def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
            raise OSError("no such file")

    assert world.listen(channels={CHANNEL: OpenChannel(CHANNEL, FakeChannel(), Broken())}).deaf


def test_a_place_that_a_complete_pass_leaves_out_holds_nothing_back(world: World) -> None:
    world.listen(channels=scripted(batch(heard_until=world.now()), batch(place="Junk", heard_until=world.now())))
    later = world.passes(hours=1).now()
    world.listen(channels=scripted(batch(heard_until=later), ValueError("broke off")))
    assert world.facts()["firm-1"].heard_until == later - HOUR, "a pass that broke off says nothing of the others"
    world.listen(channels=scripted(batch(heard_until=later)))
    assert world.facts()["firm-1"].heard_until == later


def test_channels_that_only_send_are_not_listened_to(world: World) -> None:
    class Mute:
        def send(self, *_: Any) -> None: ...

    assert world.listen(channels={CHANNEL: OpenChannel(CHANNEL, FakeChannel(), Mute())}) == listen.ListenSummary()


def test_a_pass_that_ended_between_storing_and_understanding_is_finished_by_the_next(world: World) -> None:
    take_in(world.store, CHANNEL, batch(arrival(mail(world.sent_to(1).reply_to))), world.now())
    assert world.listen().understood == 1
    assert kinds(world)["firm-1"] == ["human"]


def test_two_that_understand_at_once_leave_one_verdict(world: World) -> None:
    world.answer(1)
    take_in(world.store, CHANNEL, batch(*[arrival(mail(world.sent_to(1).reply_to))]), world.now())
    unread = not_understood(world.store)
    with Store.open(world.store.path) as second:
        for store in (world.store, second):
            store_understood(store, listen.judge(store, unread, RULES), world.now())
    assert len(rows(world.store, "verdicts")) == len(rows(world.store, "matches")) == 1


# --------------------------------------------------------------------------- the service
@pytest.fixture
def stop() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def wait_for(condition: Callable[[], bool], threads: list[threading.Thread]) -> None:
    for _ in range(2000):
        if condition():
            return
        assert all(thread.is_alive() for thread in threads)
        Event().wait(0.005)
    pytest.fail("it never came")


def test_a_watcher_hears_and_understands_what_comes(world: World, stop: Event) -> None:
    told: list[tuple[str, int]] = []
    threads = watch(
        world.store,
        world.channels,
        world.now,
        stop,
        rules=RULES,
        heard=lambda name, taken: told.append((name, len(taken.new))),
    )
    try:
        world.answer(1)
        wait_for(lambda: kinds(world)["firm-1"] == ["human"], threads)
        world.answer(2)
        wait_for(lambda: kinds(world)["firm-2"] == ["human"], threads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert told == [(CHANNEL, 1), (CHANNEL, 1)]


def test_a_watcher_that_goes_deaf_leaves_a_gap_and_hears_again(
    world: World, stop: Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(following, "WAIT_MIN", 0.01)
    with caplog.at_level(logging.ERROR):
        world.fake.goes_deaf("connection refused")
        threads = watch(world.store, world.channels, world.now, stop, rules=RULES)
        try:
            wait_for(lambda: len(gaps(world.store, unclosed=True)) == 1, threads)
            world.answer(1)
            world.fake.hears_again()
            wait_for(lambda: kinds(world)["firm-1"] == ["human"], threads)
            wait_for(lambda: gaps(world.store, unclosed=True) == [], threads)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_watcher_whose_channel_breaks_does_not_stop_the_others(
    world: World, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "WAIT_MIN", 0.01)
    channels = {**world.channels, "broken": OpenChannel("broken", FakeChannel(), Scripted(ValueError("a bug")))}
    threads = watch(world.store, channels, world.now, stop, rules=RULES)
    try:
        world.answer(1)
        wait_for(lambda: kinds(world)["firm-1"] == ["human"], threads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_watcher_goes_on_after_the_store_could_not_be_written(
    world: World, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "WAIT_MIN", 0.01)
    failures = iter([OSError("disk"), OSError("disk")])

    def sometimes(*given: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return take_in(*given)

    monkeypatch.setattr(following, "take_in", sometimes)
    threads = watch(world.store, world.channels, world.now, stop, rules=RULES)
    try:
        world.answer(1)
        wait_for(lambda: kinds(world)["firm-1"] == ["human"], threads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
