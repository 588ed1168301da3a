"""Canaries: between two that came home we heard; one that did not opens a gap that the next one ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.canary import Canary, covers, doubts, has_failed, is_due, route
from monitor.doctor import examine
from monitor.proving import Proved, prove
from monitor.rescore import rescore
from monitor.store.canaries import canaries, is_used
from monitor.store.hearing import gaps
from monitor.store.integrity import integrity
from monitor.store.looking import counts
from monitor.studies import CatchAll, Plus
from probes.contract import Canaries, Clock, Enquiry, OpenChannel, Receipt
from probes.testing import FakeWire
from tests.monitor.factories import CHANNEL, RULES, World, mail
from tests.monitor.making import TUESDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OUTSIDE = "watcher@elsewhere.example"


# --------------------------------------------------------------------------- deciding
def canary(at: float, **change: Any) -> Canary:
    """One sent `at` hours after the beginning; home at once unless told."""
    sent = TUESDAY + at * HOUR
    given: dict[str, Any] = {
        "id": int(at * 10) + 1, "channel": "post", "scheme": "main", "proves": "*@inbox.example", "sender": OUTSIDE,
        "address": "a@inbox.example", "message_id": "<c@x>", "state": "sent", "sent_at": sent, "heard_at": sent,
    }  # fmt: skip
    return Canary(**(given | change))


def lost(at: float, **change: Any) -> Canary:
    return canary(at, **{"heard_at": None, "failed_at": TUESDAY + (at + 1) * HOUR, "why": "gone"} | change)


def spans(*several: Canary) -> list[tuple[float, float | None, bool]]:
    """The doubts as hours after the beginning: since, until, and whether all came home after all."""
    found = doubts(several, TUESDAY - HOUR)
    return [
        ((one.since - TUESDAY) / HOUR, None if one.until is None else (one.until - TUESDAY) / HOUR, one.home_after_all)
        for one in found
    ]


def test_canaries_that_come_home_leave_no_doubt() -> None:
    assert spans(canary(0), canary(6), canary(12)) == []


def test_a_lost_canary_opens_a_gap_back_to_the_last_that_came_home() -> None:
    assert spans(canary(0), canary(6), lost(12)) == [(6, None, False)]


def test_the_next_that_comes_home_ends_the_gap_and_does_not_close_it() -> None:
    assert spans(canary(0), lost(6), lost(12), canary(18), canary(24)) == [(0, 18, False)]


def test_without_any_before_the_gap_goes_back_to_when_hearing_began() -> None:
    assert spans(lost(6), canary(12)) == [(-1, 12, False)]


def test_a_gap_is_over_only_when_every_lost_canary_came_home_after_all() -> None:
    late = {"heard_at": TUESDAY + 20 * HOUR}
    assert spans(canary(0), lost(6, **late), lost(12), canary(18)) == [(0, 18, False)]
    assert spans(canary(0), lost(6, **late), lost(12, **late), canary(18)) == [(0, 18, True)]


def test_one_under_way_and_one_never_handed_over_say_nothing() -> None:
    assert spans(canary(0), canary(6, heard_at=None)) == []
    assert spans(canary(0), canary(6, heard_at=None, state="not_sent"), canary(12)) == []


def test_each_scheme_is_proven_by_its_own_canaries() -> None:
    other = {"proves": "audit+*@example.org"}
    (one,) = doubts([canary(0), lost(6), canary(0, **other), canary(6, **other)], TUESDAY)
    assert one.proves == "*@inbox.example"
    assert covers(one.proves, "anna.berger@inbox.example")
    assert not covers(one.proves, "audit+x7@example.org")


@pytest.mark.parametrize(
    ("heard_until", "now", "failed"),
    [(2.0, 2.0, True), (0.5, 2.0, False), (None, 2.0, False), (2.0, 0.5, False)],
)
def test_a_canary_fails_only_when_all_that_came_since_was_read(
    heard_until: float | None, now: float, *, failed: bool
) -> None:
    until = None if heard_until is None else TUESDAY + heard_until * HOUR
    assert has_failed(canary(0, heard_at=None), HOUR, until, TUESDAY + now * HOUR) is failed


def test_one_that_perhaps_was_never_handed_over_cannot_fail() -> None:
    assert not has_failed(canary(0, heard_at=None, state="unknown"), HOUR, TUESDAY + DAY, TUESDAY + DAY)
    assert spans(canary(0), lost(6), canary(12, state="unknown")) == [(0, 12, False)], "coming home proves something"


def test_a_canary_is_due_after_its_time_and_sooner_when_the_last_could_not_be_sent() -> None:
    assert is_due(None, DAY, HOUR, TUESDAY)
    assert not is_due(canary(0), DAY, HOUR, TUESDAY + 23 * HOUR)
    assert is_due(canary(0), DAY, HOUR, TUESDAY + DAY)
    assert is_due(canary(0, state="not_sent"), DAY, HOUR, TUESDAY + HOUR)


def test_each_scheme_gives_fresh_addresses_and_says_what_they_stand_for() -> None:
    def draw(n: int) -> int:
        return n - 1

    made = route(CatchAll(scheme="catch_all", domain="inbox.example"), "Anna Berger", [], set(), draw)
    assert covers(made.proves, made.address)
    again = route(CatchAll(scheme="catch_all", domain="inbox.example"), "Anna Berger", [], {made.address}, iter_draw())
    assert again.address != made.address
    plus = route(Plus(scheme="plus", mailbox="audit@example.org"), "Anna Berger", [], set(), draw)
    assert plus.proves == "audit+*@example.org"
    assert covers(plus.proves, plus.address)


def iter_draw() -> Any:
    turn = iter(range(10_000))
    return lambda n: next(turn) % n


# --------------------------------------------------------------------------- the whole way
class Proving(FakeWire):
    """A fake wire with canaries: they come home unless they are told not to."""

    def __init__(self, world: World) -> None:
        super().__init__(world.fake)
        self.world, self.sent, self.loses, self.refuses = world, list[Enquiry](), False, False

    def canaries(self) -> Canaries | None:
        return Canaries(sender=OUTSIDE, every=6 * HOUR, patience=HOUR)

    def send_canary(self, canary: Enquiry, now: Clock) -> Receipt:
        if self.refuses:
            return Receipt(state="not_sent", at=now(), reason="RCPT refused: 552 5.2.2 mailbox full")
        self.sent.append(canary)
        if not self.loses:
            self.arrives(canary)
        return Receipt(state="sent", at=now(), accepted_by="recipient_mx")

    def arrives(self, canary: Enquiry, *, junk: bool = False) -> None:
        raw = mail(canary.to, sender=canary.reply_to, subject=canary.subject, text=canary.body)
        head, _, body = raw.partition(b"Message-ID: ")
        raw = head + b"Message-ID: " + canary.message_id.encode() + b"\r\n" + body.partition(b"\r\n")[2]
        self.world.fake.answers(raw, self.world.at, junk=junk)

    def missing(self, message_id: str, to: str, now: Clock) -> str | None:
        return "it lies in the folder 'Other', which is not read"


class Watched:
    """A world whose hearing is proven."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, firms=2)
        self.wire = Proving(self.world)
        self.listen()
        self.world.send(channels=self.channels)

    @property
    def channels(self) -> dict[str, OpenChannel]:
        return {CHANNEL: OpenChannel(CHANNEL, self.world.fake, self.wire)}

    def listen(self, **span: float) -> Proved:
        """Time goes by, then a listening pass, and the step that proves it, as the command does."""
        self.world.passes(**span).listen(channels=self.channels)
        return prove(self.world.store, self.world.config, self.channels, self.world.now)

    def gap_from(self) -> datetime | None:
        return self.world.facts()["firm-1"].gap_from


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    yield Watched(tmp_path)  # noqa: PT022 - one way to make it


def test_a_canary_is_seen_through_to_the_store_and_is_nobodys_answer(watched: Watched) -> None:
    watched.listen(minutes=5)
    (one,) = canaries(watched.world.store)
    assert (one.state, one.heard_at is not None, one.arrival_id is not None) == ("sent", True, True)
    assert is_used_by_a_canary(watched, one.address)
    found = counts(watched.world.store, watched.world.now())
    assert (found.unmatched, found.kinds) == (0, {"delivery_receipt": 1})
    assert gaps(watched.world.store) == []
    assert list(rescore(watched.world.store, watched.world.now, rules=RULES)) == [], "it stays what it is"


def is_used_by_a_canary(watched: Watched, address: str) -> bool:
    with watched.world.store.read() as connection:
        return is_used(connection, address)


def test_what_only_claims_to_be_a_canary_is_none(watched: Watched) -> None:
    watched.wire.loses = True
    watched.listen(hours=6)
    forged = watched.wire.sent[-1]
    watched.wire.arrives(Enquiry(**{**_fields(forged), "reply_to": "somebody@else.example"}))
    watched.listen(minutes=1)
    assert canaries(watched.world.store)[-1].heard_at is None


def _fields(one: Enquiry) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Enquiry.__dataclass_fields__}


def test_a_lost_canary_makes_the_silent_not_heard_and_names_why(watched: Watched) -> None:
    assert watched.gap_from() is None
    watched.wire.loses = True
    watched.listen(hours=6)
    done = watched.listen(hours=2)
    assert "which is not read" in done.problems[0]
    (gap,) = gaps(watched.world.store, unclosed=True)
    assert (gap.found_by, gap.until, gap.is_over) == ("canary", None, False)
    assert watched.listen(minutes=1).deaf != []
    assert watched.gap_from() is not None
    watched.wire.loses = False
    watched.listen(hours=4)
    watched.listen(minutes=5)
    (gap,) = gaps(watched.world.store, unclosed=True)
    assert gap.until is not None, "the next that came home ends it"
    assert gap.is_over, "we hear again"
    assert watched.listen(minutes=1).deaf == []
    assert watched.gap_from() is not None, "what came in it may be lost all the same"


def test_canaries_that_come_late_close_the_gap(watched: Watched) -> None:
    watched.wire.loses = True
    watched.listen(hours=6)
    watched.listen(hours=2)
    watched.wire.loses = False
    watched.wire.arrives(watched.wire.sent[-1], junk=True)
    watched.listen(hours=4)
    watched.listen(minutes=5)
    assert gaps(watched.world.store, unclosed=True) == []
    assert watched.gap_from() is None
    assert [one.junk for one in canaries(watched.world.store)][-2] is True


def test_while_the_mailbox_cannot_be_read_no_canary_is_given_up(watched: Watched) -> None:
    watched.wire.loses = True
    watched.listen(hours=6)
    watched.world.fake.goes_deaf()
    assert watched.listen(hours=5).failed == []
    watched.world.fake.hears_again()
    assert len(watched.listen(minutes=1).failed) == 1


def test_a_canary_that_cannot_be_handed_over_proves_nothing_and_says_so(watched: Watched) -> None:
    watched.wire.refuses = True
    done = watched.listen(hours=6)
    assert "mailbox full" in done.problems[0]
    watched.listen(hours=3)
    assert gaps(watched.world.store) == []


def test_no_canary_goes_out_before_its_time(watched: Watched) -> None:
    for _ in range(5):
        watched.listen(hours=1)
    assert len(watched.wire.sent) == 1
    watched.listen(hours=1)
    assert len(watched.wire.sent) == 2


def test_a_gap_that_was_closed_by_hand_stays_closed(watched: Watched) -> None:
    watched.wire.loses = True
    watched.listen(hours=6)
    watched.listen(hours=2)
    with watched.world.store.write() as connection:
        connection.exec_driver_sql("UPDATE gaps SET closed_at = '2027-01-01 00:00:00.000000'")
    watched.listen(hours=1)
    assert gaps(watched.world.store, unclosed=True) == []
    assert [one for one in integrity(watched.world.store) if not one.ok] == []


def test_doctor_proves_each_address_scheme(watched: Watched) -> None:
    lines = {line.name: line for line in look(watched)}
    assert lines["hearing by main"].ok
    assert "came home in" in lines["hearing by main"].detail


def test_doctor_names_why_a_canary_did_not_come_home(watched: Watched) -> None:
    watched.wire.loses = True
    (line,) = [one for one in look(watched) if one.name == "hearing by main"]
    assert not line.ok
    assert "which is not read" in line.detail


def look(watched: Watched) -> Any:
    world = watched.world
    return examine(world.config, world.store, watched.channels, world.now, wait=timedelta(seconds=0.01))


def test_doctor_says_that_hearing_is_not_proven_without_a_canary(watched: Watched) -> None:
    world = watched.world
    (line,) = [one for one in examine(world.config, world.store, world.channels, world.now) if one.name == "hearing"]
    assert "not proven" in line.detail
