"""Which probes an arrival may belong to, what it was understood to be, and what a stop request does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.facts import Keys, Match, Promise
from monitor.store import understanding
from monitor.store.candidates import SHARED_DOMAIN, candidates
from monitor.store.hearing import take_in
from monitor.store.records import suppressed
from monitor.store.tables import REVIEWS
from monitor.store.understanding import (
    Understood,
    not_understood,
    read_verdict,
    store_understood,
    stored_arrivals,
)
from tests.monitor.factories import (
    CHANNEL,
    World,
    arrival,
    batch,
    business,
    endpoint,
    match,
    only,
    rows,
    verdict,
)
from tests.monitor.making import TUESDAY

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two firms that were asked."""
    made = World(tmp_path, firms=2, study={"known_partners": ["desk.example"]})
    made.send()
    return made


def arrives(world: World, *contents: bytes, at: datetime = TUESDAY) -> list[int]:
    made = [arrival(content, at, position=f"{content!r}") for content in contents]
    return list(take_in(world.store, CHANNEL, batch(*made), world.now()).new)


def probe(world: World, number: int = 1) -> str:
    found: str = next(row["id"] for row in rows(world.store, "probes") if row["business_id"] == number)
    return found


def understand(world: World, arrival: int, kind: str = "human", matches: Sequence[Match] = (), **change: Any) -> Any:
    item = Understood(arrival=arrival, matches=tuple(matches), verdict=verdict(kind, **change))
    return store_understood(world.store, [item], world.now())


# --------------------------------------------------------------------------- candidates
def found(world: World, at: datetime = TUESDAY + DAY, **keys: Any) -> list[str]:
    (probes,) = candidates(world.store, [(Keys(**keys), at)])
    return sorted(one.business for one in probes)


def test_a_probe_is_found_by_its_private_address_whenever_that_was(world: World) -> None:
    address = world.sent_to(1).reply_to
    assert found(world, recipients=("x@y.example", address)) == ["firm-1"]
    assert found(world, recipients=(address,), at=TUESDAY + 900 * DAY) == ["firm-1"]


@pytest.mark.parametrize("key", ["in_reply_to", "references", "bounced_message_ids"])
def test_a_probe_is_found_by_our_message_id(world: World, key: str) -> None:
    message_id = world.sent_to(2).message_id.strip("<>")
    keys: dict[str, Any] = {key: ("other@x.example", message_id)}
    assert found(world, **keys) == ["firm-2"]


def test_a_probe_is_found_by_the_domain_of_its_business_while_its_window_is_open(world: World) -> None:
    keys: dict[str, Any] = {"sender": "anna@mail.firm1.example", "sender_domain": "mail.firm1.example"}
    assert found(world, **keys) == ["firm-1"]
    assert found(world, at=TUESDAY + 30 * DAY, **keys) == ["firm-1"]
    assert found(world, at=TUESDAY + 31 * DAY, **keys) == []
    assert found(world, at=TUESDAY - timedelta(minutes=1), **keys) == []


def test_a_probe_is_found_by_the_very_address_that_was_asked(world: World) -> None:
    world.imports(business(3, endpoints=(endpoint("shop3@gmail.com"),), own_domains=())).send()
    assert found(world, sender="shop3@gmail.com", sender_domain="gmail.com") == ["firm-3"]
    assert found(world, sender="other@gmail.com", sender_domain="gmail.com") == []


def test_a_probe_that_was_not_tried_is_not_found_by_a_domain(world: World) -> None:
    world.imports(business(3)).fake.defers("info@firm3.example")
    assert found(world, sender_domain="firm3.example", sender="a@firm3.example") == []


def test_nothing_is_found_by_nothing(world: World) -> None:
    assert found(world) == []
    assert found(world, sender="\ud800", sender_domain="\ud800", recipients=("\ud800@x",)) == []


def test_candidates_hold_what_match_must_know(world: World) -> None:
    world.imports(business(1, partner_domains=("help.example",)))
    enquiry = world.sent_to(1)
    ((one,),) = candidates(world.store, [(Keys(recipients=(enquiry.reply_to,)), TUESDAY)])
    assert (one.probe, one.study, one.business, one.business_name) == (enquiry.probe, "sector", "firm-1", "Firm 1")
    assert (one.endpoint_address, one.reply_address) == ("info@firm1.example", enquiry.reply_to)
    assert one.message_ids == (enquiry.message_id.strip("<>"),)
    assert (one.own_domains, one.partner_domains) == (("firm1.example",), ("help.example", "desk.example"))
    assert (one.subject, one.body) == (enquiry.subject, enquiry.body)
    assert (one.sent_at, one.window_until) == (TUESDAY, TUESDAY + 30 * DAY)


def test_candidates_of_many_arrivals_are_kept_apart(world: World) -> None:
    wanted = [(Keys(recipients=(world.sent_to(number).reply_to,)), TUESDAY) for number in (2, 1)]
    answers = candidates(world.store, [*wanted, (Keys(), TUESDAY)])
    assert [[one.business for one in some] for some in answers] == [["firm-2"], ["firm-1"], []]


def test_of_a_domain_that_very_many_share_the_latest_probes_are_taken(tmp_path: Path) -> None:
    world = World(tmp_path, firms=0)
    shared = {"own_domains": ("chain.example",)}
    many = [
        business(n, endpoints=(endpoint(f"branch{n}@chain.example"),), **shared) for n in range(1, SHARED_DOMAIN + 3)
    ]
    world.imports(*many[:2]).send()
    world.passes(hours=1).imports(*many[2:]).send()
    ((*some,),) = candidates(world.store, [(Keys(sender_domain="chain.example"), world.at)])
    assert len(some) == SHARED_DOMAIN
    assert {"firm-1", "firm-2"}.isdisjoint({one.business for one in some})


# --------------------------------------------------------------------------- what is not understood
def test_what_is_not_understood_is_given_with_its_bytes_in_the_order_of_time(world: World) -> None:
    arrives(world, b"later", at=TUESDAY + DAY)
    arrives(world, b"sooner")
    assert [(one.raw, one.at) for one in not_understood(world.store)] == [
        (b"sooner", TUESDAY),
        (b"later", TUESDAY + DAY),
    ]
    assert [one.raw for one in not_understood(world.store, limit=1)] == [b"sooner"]


def test_what_was_understood_is_not_given_again(world: World) -> None:
    (one,) = arrives(world, b"a")
    understand(world, one)
    assert not_understood(world.store) == []


def test_large_mails_are_read_one_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(understanding, "LOADED_BYTES", 1000)
    contents = [bytes([65 + n]) * 700 for n in range(3)] + [b"x" * 5000]
    arrives(world, *contents)
    sizes = [[len(one.raw) for one in some] for some in stored_arrivals(world.store)]
    assert sizes == [[700], [700], [700], [5000]]
    assert len(not_understood(world.store)) == 1


def test_stored_arrivals_come_once_each_in_the_order_of_storing(world: World) -> None:
    made = arrives(world, *[str(n).encode() for n in range(7)])
    batches = list(stored_arrivals(world.store, limit=3))
    assert [[one.arrival for one in some] for some in batches] == [made[:3], made[3:6], made[6:]]


# --------------------------------------------------------------------------- verdicts and matches
def test_a_verdict_comes_back_as_it_was_given(world: World) -> None:
    (one,) = arrives(world, b"a")
    full = verdict(
        "auto_acknowledgement",
        automated=True,
        reasons=("says so", "Auto-Submitted"),
        language="en",
        new_text="We will answer",
        noreply_sender=True,
        promise=Promise(text="within a day", due=datetime(2026, 12, 2, 10, tzinfo=UTC), kind="reply"),
        bounced_recipient="a@b.example",
        original_message_id="m@x",
        status="5.1.1",
        hard=True,
        questions_answered=("price",),
    )
    item = Understood(arrival=one, matches=(match(probe(world)),), verdict=full)
    assert [change.before for change in store_understood(world.store, [item], world.now())] == [None]
    assert read_verdict(only(rows(world.store, "verdicts"))) == full
    (row,) = rows(world.store, "matches")
    assert (row["arrival_id"], row["probe_id"], row["key"], row["strong"]) == (
        one,
        probe(world),
        "private_address",
        True,
    )
    assert rows(world.store, "arrivals")[0]["understood"]


def test_understanding_again_the_same_way_changes_nothing(world: World) -> None:
    (one,) = arrives(world, b"a")
    understand(world, one, matches=[match(probe(world))])
    before = rows(world.store, "verdicts"), rows(world.store, "matches")
    assert understand(world, one, matches=[match(probe(world))], rules="newer, and of the same opinion") == []
    assert (rows(world.store, "verdicts"), rows(world.store, "matches")) == before


def test_a_changed_opinion_is_appended_and_matches_are_rewritten(world: World) -> None:
    (one,) = arrives(world, b"a")
    understand(world, one, "human", [match(probe(world, 1))])
    (change,) = understand(world, one, "auto_reply", [match(probe(world, 2))])
    assert (change.before.verdict.kind, change.after.verdict.kind) == ("human", "auto_reply")
    assert [row["kind"] for row in rows(world.store, "verdicts")] == ["human", "auto_reply"]
    assert [row["probe_id"] for row in rows(world.store, "matches")] == [probe(world, 2)]
    (back,) = understand(world, one, "human", [match(probe(world, 2))])
    assert back.before.verdict.kind == "auto_reply", "the newest verdict is the one that is compared with"


def test_text_that_no_database_takes_is_stored_with_a_question_mark(world: World) -> None:
    (one,) = arrives(world, b"a")
    promise = Promise(text="\udcff")
    understand(world, one, matches=[match(probe(world), reason="\ud800")], new_text="a\ud800b\x00", promise=promise)
    stored = read_verdict(only(rows(world.store, "verdicts")))
    assert stored.new_text == "a?b\x00"
    assert stored.promise == Promise(text="?")


def test_all_of_a_batch_is_stored_or_nothing(world: World) -> None:
    first, second = arrives(world, b"a", b"b")
    items = [
        Understood(arrival=first, matches=(), verdict=verdict()),
        Understood(arrival=second, matches=(match("no such probe"),), verdict=verdict()),
    ]
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store_understood(world.store, items, world.now())
    assert rows(world.store, "verdicts") == []
    assert len(not_understood(world.store)) == 2


# --------------------------------------------------------------------------- stop requests
def asks_to_stop(world: World, **change: Any) -> None:
    (one,) = arrives(world, b"please stop")
    understand(world, one, "opt_out", [match(probe(world, 1), **change)])


def test_a_stop_request_in_a_reply_stops_its_business_and_address_at_once(world: World) -> None:
    asks_to_stop(world)
    assert suppressed(world.store).businesses == {"firm-1"}
    assert suppressed(world.store).addresses == {"info@firm1.example"}
    assert {row["arrival_id"] for row in rows(world.store, "suppressions")} == {1}


def test_a_stop_request_holds_back_what_was_still_to_be_sent(tmp_path: Path) -> None:
    world = World(tmp_path, firms=2)
    world.fake.defers("*", times=9)
    world.send()
    asks_to_stop(world)
    assert world.states() == {"firm-1": "suppressed", "firm-2": "deferred"}


def test_a_stop_request_of_a_stranger_by_a_weak_key_waits_for_a_person(world: World) -> None:
    asks_to_stop(world, strong=False, standing="stranger")
    assert suppressed(world.store).businesses == frozenset()


@pytest.mark.parametrize("change", [{"standing": "stranger"}, {"strong": False}])
def test_a_stop_request_needs_one_good_sign_only(world: World, change: dict[str, Any]) -> None:
    asks_to_stop(world, **change)
    assert suppressed(world.store).businesses == {"firm-1"}


def test_a_stop_request_that_a_person_has_refuted_stops_nothing(world: World) -> None:
    (one,) = arrives(world, b"please stop")
    with world.store.write() as connection:
        row = {"arrival_id": one, "kind": "human", "who": "eve", "why": "it says please stop by", "at": TUESDAY}
        connection.execute(REVIEWS.insert().values(row))
    understand(world, one, "opt_out", [match(probe(world, 1))])
    assert suppressed(world.store).businesses == frozenset()
