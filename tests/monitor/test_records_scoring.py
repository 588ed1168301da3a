"""The facts of each probe: state, replies, how far it was heard and where we were deaf; and the outcome rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.facts import ProbeFacts
from monitor.outcome import outcome
from monitor.store import looking, scoring
from monitor.store.hearing import open_gap, retire_places, take_in
from monitor.store.scoring import probe_facts, write_outcomes
from monitor.store.tables import CURSORS, REVIEWS
from monitor.store.understanding import Understood, store_understood
from tests.monitor.factories import CHANNEL, MAILBOX, World, arrival, batch, business, endpoint, match, rows, verdict
from tests.monitor.making import TUESDAY

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, firms=2)
    made.send()
    return made


def facts(world: World, number: int = 1) -> ProbeFacts:
    return world.facts()[f"firm-{number}"]


def hears(world: World, place: str = "INBOX", *, until: Any = None, channel: str = CHANNEL, **more: Any) -> None:
    take_in(world.store, channel, batch(place=place, heard_until=until or world.now(), **more), world.now())


def replied(
    world: World, content: bytes = b"a", number: int = 1, *, at: Any = None, junk: bool = False, **v: Any
) -> int:
    """An arrival that was understood to belong to the probe of a firm."""
    made = arrival(content, at or world.now(), junk=junk, position=repr(content))
    (one,) = take_in(world.store, CHANNEL, batch(made), world.now()).new
    matches = (match(facts(world, number).probe, **v.pop("match", {})),)
    store_understood(world.store, [Understood(arrival=one, matches=matches, verdict=verdict(**v))], world.now())
    return one


def reviewed(world: World, arrival: int, kind: str, probe: str | None = None) -> None:
    row = {"arrival_id": arrival, "kind": kind, "probe_id": probe, "who": "eve", "why": "read it", "at": world.now()}
    with world.store.write() as connection:
        connection.execute(REVIEWS.insert().values(row))


# --------------------------------------------------------------------------- what was sent
def test_a_probe_that_was_sent_has_the_time_and_the_taker_of_its_receipt(world: World) -> None:
    one = facts(world)
    assert (one.state, one.sent_at, one.accepted_by, one.reason) == ("sent", TUESDAY, "relay", "")
    assert (one.study, one.version, one.channel, one.scenario, one.persona) == (
        "sector",
        1,
        CHANNEL,
        "presale-en",
        "anna",
    )
    assert (one.questions_asked, one.endpoint_address, one.control) == (1, "info@firm1.example", False)


@pytest.mark.parametrize(
    ("verb", "state", "sent_at"),
    [
        ("refuses", "not_sent", None),
        ("blocks", "blocked", None),
        ("drops_after_dot", "unknown", TUESDAY),
        ("defers", "deferred", None),
    ],
)
def test_each_fate_has_its_state_reason_and_clock(tmp_path: Path, verb: str, state: str, sent_at: Any) -> None:
    world = World(tmp_path)
    getattr(world.fake, verb)()
    world.send()
    one = facts(world)
    assert (one.state, one.sent_at, bool(one.reason)) == (state, sent_at, True)


def test_a_control_endpoint_is_told_as_such(tmp_path: Path) -> None:
    world = World(tmp_path, firms=0)
    world.imports(business(1, basis="own", endpoints=(endpoint("me@own.example", control=True),))).send()
    assert facts(world).control


def test_facts_come_of_one_study_or_of_some_probes(world: World) -> None:
    first, second = facts(world, 1), facts(world, 2)
    assert list(probe_facts(world.store, study="another")) == []
    assert list(probe_facts(world.store, probes=[second.probe])) == [second]
    assert {one.probe for one in probe_facts(world.store, study="sector")} == {first.probe, second.probe}


def test_facts_are_streamed_without_losing_or_repeating_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "PROBES_AT_A_TIME", 3)
    world = World(tmp_path, firms=7)
    world.send()
    found = [one.business for one in probe_facts(world.store)]
    assert sorted(found) == [f"firm-{n}" for n in range(1, 8)]


# --------------------------------------------------------------------------- replies
def test_a_reply_holds_what_the_verdict_says_and_how_it_belongs(world: World) -> None:
    world.passes(hours=3)
    replied(world, kind="auto_reply", noreply_sender=True, questions_answered=("price",), junk=True)
    (reply,) = facts(world).replies
    assert (reply.at, reply.kind, reply.strong, reply.standing) == (
        TUESDAY + 3 * HOUR,
        "auto_reply",
        True,
        "own_domain",
    )
    assert (reply.noreply, reply.questions_answered, reply.junk, reply.by_hand) == (True, 1, True, False)
    assert facts(world, 2).replies == ()


def test_a_mail_first_seen_in_the_inbox_is_not_junk_when_it_is_moved_there(world: World) -> None:
    replied(world, b"a")
    moved = arrival(b"a", junk=True, place="Junk", position="1:1")
    take_in(world.store, CHANNEL, batch(moved, place="Junk"), world.now())
    assert [reply.junk for reply in facts(world).replies] == [False]


def test_a_bounce_names_who_reported_it(world: World) -> None:
    bounced: dict[str, Any] = {
        "kind": "bounce",
        "bounced_recipient": "info@firm1.example",
        "status": "5.1.1",
        "hard": True,
    }
    replied(world, b"a", **bounced)
    replied(world, b"b", match={"key": "sender_domain", "strong": False}, **bounced)
    assert [reply.reporter_trusted for reply in facts(world).replies] == [True, False]


def test_a_persons_decision_wins_over_the_rules(world: World) -> None:
    one = replied(world, kind="auto_reply")
    reviewed(world, one, "unclear")
    reviewed(world, one, "human")
    (reply,) = facts(world).replies
    assert (reply.kind, reply.by_hand) == ("human", True)


def test_a_person_may_say_to_which_probe_an_arrival_belongs(world: World) -> None:
    one = replied(world, number=1)
    reviewed(world, one, "human", probe=facts(world, 2).probe)
    assert facts(world, 1).replies == ()
    (reply,) = facts(world, 2).replies
    assert (reply.strong, reply.by_hand) == (True, True)


def test_an_arrival_that_matched_nothing_belongs_to_the_probe_that_a_person_names(world: World) -> None:
    (one,) = take_in(world.store, CHANNEL, batch(arrival(b"a")), world.now()).new
    store_understood(world.store, [Understood(arrival=one, matches=(), verdict=verdict())], world.now())
    reviewed(world, one, "human", probe=facts(world, 2).probe)
    assert [reply.kind for reply in facts(world, 2).replies] == ["human"]


# --------------------------------------------------------------------------- how far it was heard
def test_a_probe_is_heard_up_to_the_least_heard_place(world: World) -> None:
    world.passes(hours=5)
    hears(world, "INBOX")
    hears(world, "Junk", until=TUESDAY + HOUR)
    assert facts(world).heard_until == TUESDAY + HOUR


def test_a_place_that_was_never_heard_to_the_end_holds_every_probe_back(world: World) -> None:
    take_in(world.store, CHANNEL, batch(place="Junk", heard_until=None), world.now())
    assert facts(world).heard_until is None


def test_a_place_that_is_read_no_more_holds_nothing_back(world: World) -> None:
    hears(world, "Junk", until=TUESDAY)
    world.passes(days=1)
    hears(world, "INBOX")
    retire_places(world.store, CHANNEL, {(MAILBOX, "INBOX")}, world.now())
    assert facts(world).heard_until == world.now()


def test_what_is_stored_and_not_understood_is_not_heard_yet(world: World) -> None:
    world.passes(days=1)
    hears(world)
    take_in(world.store, CHANNEL, batch(arrival(b"a", TUESDAY + HOUR)), world.now())
    assert facts(world).heard_until == TUESDAY + HOUR
    take_in(world.store, "bell", batch(arrival(b"b", TUESDAY)), world.now())
    assert facts(world).heard_until == TUESDAY + HOUR, "what waits on another channel is not for this probe"


def test_a_channel_that_hears_nothing_itself_is_answered_on_the_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.send()
    with world.store.write() as connection:
        connection.execute(CURSORS.delete())
    assert facts(world).heard_until is None
    hears(world, channel="letterbox", until=TUESDAY + HOUR)
    hears(world, channel="bell", until=TUESDAY + DAY)
    assert facts(world).heard_until == TUESDAY + HOUR


def test_a_mailbox_of_a_control_holds_back_its_control_and_no_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.imports(business(9, basis="own", endpoints=(endpoint("me@own.example", control=True),))).send()
    with world.store.write() as connection:
        connection.execute(CURSORS.delete())
    for channel, mailbox, span in (("letterbox", MAILBOX, DAY), ("bell", "me@own.example", HOUR)):
        hears(world, channel=channel, mailbox=mailbox, until=TUESDAY)
        hears(world, channel=channel, mailbox=mailbox, until=TUESDAY + span)
    open_gap(world.store, "bell", "me@own.example", "the line was lost", TUESDAY + DAY)
    assert (facts(world).heard_until, facts(world).gap_from) == (TUESDAY + DAY, None)
    assert (facts(world, 9).heard_until, facts(world, 9).gap_from is not None) == (TUESDAY + HOUR, True)


def test_a_mailbox_that_is_its_own_control_is_listened_to_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.imports(business(9, basis="own", endpoints=(endpoint("me@own.example", control=True),))).send()
    with world.store.write() as connection:
        connection.execute(CURSORS.delete())
    hears(world, channel="letterbox", mailbox="me@own.example", until=TUESDAY + HOUR)
    assert facts(world).heard_until == TUESDAY + HOUR


def test_a_probe_that_went_out_before_hearing_began_has_a_gap_from_its_start(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(CURSORS.delete())
    world.passes(hours=2)
    hears(world)
    assert facts(world).gap_from == TUESDAY


def test_an_unclosed_gap_counts_from_where_it_meets_the_probe(world: World) -> None:
    hears(world)
    assert facts(world).gap_from is None
    open_gap(world.store, CHANNEL, MAILBOX, "refused", TUESDAY + HOUR)
    assert facts(world).gap_from == TUESDAY
    world.passes(hours=2)
    hears(world)
    assert facts(world).gap_from is None, "the mailbox kept what came and it was read"


def test_a_gap_that_began_after_sending_counts_from_its_beginning(world: World) -> None:
    world.passes(hours=4)
    hears(world)
    open_gap(world.store, CHANNEL, MAILBOX, "refused", TUESDAY + 9 * HOUR)
    assert facts(world).gap_from == TUESDAY + 4 * HOUR


def test_a_gap_that_was_over_before_the_probe_went_out_is_not_its_gap(tmp_path: Path) -> None:
    world = World(tmp_path)
    hears(world, until=TUESDAY - DAY)
    hears(world, "Junk", until=TUESDAY - DAY)
    open_gap(world.store, CHANNEL, MAILBOX, "refused", TUESDAY - HOUR)
    world.send()
    assert facts(world).gap_from is None
    open_gap(world.store, CHANNEL, MAILBOX, "refused", TUESDAY + HOUR)
    assert facts(world).gap_from == TUESDAY


# --------------------------------------------------------------------------- outcomes
def test_outcomes_are_written_and_rewritten_as_a_whole(world: World) -> None:
    made = [outcome(one) for one in probe_facts(world.store)]
    assert write_outcomes(world.store, made) == 2
    assert [dict(row) for row in rows(world.store, "outcomes")] == sorted(made, key=lambda row: str(row["probe"]))
    assert write_outcomes(world.store, made[:1]) == 1
    assert len(rows(world.store, "outcomes")) == 1


def test_outcomes_of_one_study_leave_the_others(world: World) -> None:
    made = [outcome(one) for one in probe_facts(world.store)]
    other = [row | {"study": "other", "probe": f"other-{row['probe']}"} for row in made]
    write_outcomes(world.store, [*made, *other])
    assert write_outcomes(world.store, made[:1], study="sector") == 1
    assert sorted(row["study"] for row in rows(world.store, "outcomes")) == ["other", "other", "sector"]


def test_outcomes_that_break_off_leave_the_old_ones(world: World) -> None:
    made = [outcome(one) for one in probe_facts(world.store)]
    write_outcomes(world.store, made)

    def breaking() -> Any:
        yield made[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_outcomes(world.store, breaking())
    assert len(rows(world.store, "outcomes")) == 2


# --------------------------------------------------------------------------- looking
def test_status_counts_what_is_in_the_store(world: World) -> None:
    world.fake.defers("info@firm3.example")
    world.imports(business(3)).send()
    world.passes(hours=1).answer(1).listen()
    take_in(world.store, CHANNEL, batch(arrival(b"not read yet")), world.now())
    counts = looking.counts(world.store, world.now())
    assert counts.states == {("sector", CHANNEL, "sent"): 2, ("sector", CHANNEL, "deferred"): 1}
    assert (counts.businesses, counts.due, counts.next_due) == (3, 1, None)
    assert (counts.arrivals, counts.not_understood, counts.unmatched, counts.kinds) == (2, 1, 0, {"human": 1})
    assert [(place.place, place.heard_until, place.retired) for place in counts.places] == [
        ("INBOX", TUESDAY + HOUR, False)
    ]
    assert looking.counts(world.store, TUESDAY).next_due == TUESDAY + 5 * MINUTE


def test_status_tells_open_gaps(world: World) -> None:
    open_gap(world.store, CHANNEL, MAILBOX, "refused", TUESDAY + HOUR)
    assert [gap.why for gap in looking.counts(world.store, world.now()).open_gaps] == ["refused"]


def test_pages_get_what_came_for_each_probe_in_the_order_of_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PROBES_AT_A_TIME", 1)
    replied(world, b"late", kind="human", at=TUESDAY + HOUR)
    replied(world, b"soon", kind="auto_reply", at=TUESDAY + MINUTE)
    found = dict(looking.events(world.store, "sector"))
    assert list(found) == [facts(world).probe]
    assert [one.kind for one in found[facts(world).probe]] == ["auto_reply", "human"]
    assert dict(looking.events(world.store, "another")) == {}


def test_businesses_are_listed_with_their_published_code(world: World) -> None:
    assert [(one.key, one.name) for one in looking.businesses(world.store)] == [
        ("firm-1", "Firm 1"),
        ("firm-2", "Firm 2"),
    ]
    assert len({one.code for one in looking.businesses(world.store)}) == 2


def test_evidence_gets_everything_on_record_of_a_probe(world: World) -> None:
    one = replied(world)
    reviewed(world, one, "human")
    record = looking.probe_record(world.store, facts(world).probe)
    assert record is not None
    assert (record.business["key"], record.endpoint["address"]) == ("firm-1", "info@firm1.example")
    assert record.version.sha256 == rows(world.store, "study_versions")[0]["sha256"]
    assert [row["state"] for row in record.contacts + record.receipts] == ["sent", "sent"]
    assert [len(some) for some in (record.heard, record.sightings, record.verdicts, record.reviews)] == [1, 1, 1, 1]
    assert looking.probe_record(world.store, "no such probe") is None
