"""Taking in: bytes, sightings and cursor in one transaction, each arrival once; and the record of when we were deaf."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.store.engine import Store
from monitor.store.hearing import TakenIn, cursors, gaps, has_heard, open_gap, retire_places, take_in
from monitor.store.understanding import raw
from tests.monitor.factories import CHANNEL, MAILBOX, arrival, batch, fresh_store, only, rows
from tests.monitor.making import TUESDAY

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with fresh_store(tmp_path) as opened:
        yield opened


def take(store: Store, *arrivals: Any, at: Any = TUESDAY, **more: Any) -> TakenIn:
    return take_in(store, CHANNEL, batch(*arrivals, **more), at)


# --------------------------------------------------------------------------- arrivals
def test_an_arrival_is_stored_byte_for_byte_with_its_sighting_and_cursor(store: Store) -> None:
    content = b"From: a\r\n\r\nhello \xff\x00\r\n"
    taken = take(store, arrival(content, junk=True), position="1:7")
    assert raw(store, only(taken.new)) == content
    (row,), (sighting,), (kept,) = rows(store, "arrivals"), rows(store, "sightings"), rows(store, "raw")
    assert kept["sha256"] == row["sha256"] == hashlib.sha256(content).hexdigest()
    assert (kept["size"], zlib.decompress(kept["data"])) == (len(content), content)
    assert (row["channel"], row["mailbox"], row["at"], row["understood"]) == (CHANNEL, MAILBOX, TUESDAY, False)
    assert (sighting["place"], sighting["position"], sighting["junk"]) == ("INBOX", "1:1", True)
    assert cursors(store, CHANNEL, MAILBOX) == {"INBOX": "1:7"}


def test_an_arrival_seen_again_in_the_same_spot_changes_nothing(store: Store) -> None:
    take(store, arrival(b"a"))
    before = [rows(store, table) for table in ("raw", "arrivals", "sightings")]
    assert take(store, arrival(b"a"), at=TUESDAY + MINUTE) == TakenIn(new=(), repeats=1)
    assert [rows(store, table) for table in ("raw", "arrivals", "sightings")] == before


def test_an_arrival_that_was_moved_gains_a_sighting(store: Store) -> None:
    take(store, arrival(b"a"))
    assert take(store, arrival(b"a", place="Junk", junk=True), place="Junk").new == ()
    assert [(row["place"], row["junk"]) for row in rows(store, "sightings")] == [("INBOX", False), ("Junk", True)]
    assert len(rows(store, "arrivals")) == 1


def test_the_same_bytes_twice_in_a_batch_are_one_arrival(store: Store) -> None:
    taken = take(store, arrival(b"a"), arrival(b"a", position="1:2", at=TUESDAY - MINUTE), arrival(b"b"))
    assert (len(taken.new), taken.repeats) == (2, 1)
    assert len(rows(store, "sightings")) == 3
    assert {row["at"] for row in rows(store, "arrivals")} == {TUESDAY - MINUTE, TUESDAY}


@pytest.mark.parametrize(("second", "kept"), [(-MINUTE, TUESDAY - MINUTE), (MINUTE, TUESDAY)])
def test_the_earliest_time_of_an_arrival_counts(store: Store, second: timedelta, kept: Any) -> None:
    take(store, arrival(b"a"))
    take(store, arrival(b"a", at=TUESDAY + second, position="2:1"))
    assert rows(store, "arrivals")[0]["at"] == kept


def test_the_same_bytes_in_two_mailboxes_are_two_arrivals_of_one_raw(store: Store) -> None:
    take(store, arrival(b"a"))
    take(store, arrival(b"a"), mailbox="second@inbox.example")
    take_in(store, "bell", batch(arrival(b"a")), TUESDAY)
    assert len(rows(store, "arrivals")) == 3
    assert len(rows(store, "raw")) == 1


def test_what_a_provider_numbers_is_known_by_its_number(store: Store) -> None:
    take(store, arrival(b"webhook", provider_id="SM1"))
    assert take(store, arrival(b"listing", provider_id="SM1", position="2", at=TUESDAY - MINUTE)).new == ()
    assert len(take(store, arrival(b"x", provider_id="SM2"), arrival(b"y", provider_id="SM2", position="3")).new) == 1
    assert [(row["provider_id"], row["at"]) for row in rows(store, "arrivals")] == [
        ("SM1", TUESDAY - MINUTE), ("SM2", TUESDAY),
    ]  # fmt: skip


def test_a_batch_that_cannot_be_stored_moves_no_cursor(store: Store) -> None:
    take(store, position="1:1")
    broken = arrival(b"b", at=TUESDAY.replace(tzinfo=None))
    with pytest.raises(Exception, match="timezone"):
        take(store, arrival(b"a"), broken, position="1:9")
    assert cursors(store, CHANNEL, MAILBOX) == {"INBOX": "1:1"}
    assert rows(store, "arrivals") == rows(store, "raw") == []


def test_a_batch_larger_than_a_statement_is_stored(store: Store) -> None:
    many = [arrival(str(n).encode(), position=f"1:{n}") for n in range(1201)]
    assert len(take(store, *many).new) == 1201
    assert take(store, *many) == TakenIn(new=(), repeats=1201)


SPOTS = st.tuples(st.sampled_from(["INBOX", "Junk"]), st.integers(1, 3))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcd"), SPOTS, st.integers(0, 50)), max_size=5), max_size=5))
def test_however_things_come_each_is_stored_once_with_its_earliest_time(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, tuple[str, int], int]]]
) -> None:
    with fresh_store(tmp_path_factory.mktemp("store")) as store:
        told = 0
        for some in batches:
            made = [
                arrival(text.encode(), place=place, position=str(uid), at=TUESDAY + at * MINUTE)
                for text, (place, uid), at in some
            ]
            told += len(take(store, *made).new)
        everything = [one for some in batches for one in some]
        texts = {text for text, _, _ in everything}
        assert told == len(texts)
        earliest = {text: min(at for other, _, at in everything if other == text) for text in texts}
        found = {raw(store, row["id"]).decode(): row["at"] for row in rows(store, "arrivals")}
        assert {text: (at - TUESDAY) // MINUTE for text, at in found.items()} == earliest
        assert len(rows(store, "sightings")) == len({(text, spot) for text, spot, _ in everything})


# --------------------------------------------------------------------------- cursors and hearing
def heard(store: Store) -> dict[str, Any]:
    return {row["place"]: row["heard_until"] for row in rows(store, "cursors")}


def test_hearing_begins_with_the_first_batch_and_moves_on(store: Store) -> None:
    assert not has_heard(store, CHANNEL, MAILBOX)
    take(store, heard_until=TUESDAY)
    take(store, heard_until=TUESDAY + MINUTE, position="1:2", at=TUESDAY + MINUTE)
    assert has_heard(store, CHANNEL, MAILBOX)
    assert not has_heard(store, "bell", MAILBOX)
    (row,) = rows(store, "cursors")
    assert (row["heard_from"], row["heard_until"], row["position"]) == (TUESDAY, TUESDAY + MINUTE, "1:2")


def test_a_batch_that_is_not_the_last_does_not_move_hearing(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    take(store, arrival(b"a"), heard_until=None)
    assert heard(store) == {"INBOX": TUESDAY}


def test_hearing_never_goes_back(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    take(store, heard_until=TUESDAY - MINUTE)
    assert heard(store) == {"INBOX": TUESDAY}


def test_a_place_that_is_read_no_more_is_retired_and_comes_back_where_it_was_left(store: Store) -> None:
    take(store, position="1:5")
    take(store, place="Junk", position="1:3")
    assert retire_places(store, CHANNEL, {(MAILBOX, "INBOX")}, TUESDAY) == 1
    assert {row["place"]: row["retired_at"] for row in rows(store, "cursors")} == {"INBOX": None, "Junk": TUESDAY}
    assert cursors(store, CHANNEL, MAILBOX) == {"INBOX": "1:5", "Junk": "1:3"}
    take(store, place="Junk", position="1:4")
    assert [row["retired_at"] for row in rows(store, "cursors")] == [None, None]


def test_cursors_are_those_of_their_channel_and_of_their_mailbox(store: Store) -> None:
    take(store, position="1:1")
    take(store, position="9:9", mailbox="new@inbox.example", at=TUESDAY + MINUTE)
    take_in(store, "bell", batch(position="bell"), TUESDAY)
    assert cursors(store, CHANNEL, MAILBOX) == {"INBOX": "1:1"}
    assert cursors(store, CHANNEL, "new@inbox.example") == {"INBOX": "9:9"}, "another mailbox begins on its own"


# --------------------------------------------------------------------------- gaps
def test_a_gap_goes_back_to_the_last_moment_that_was_heard_everywhere(store: Store) -> None:
    take(store, heard_until=TUESDAY + MINUTE)
    take(store, place="Junk", heard_until=TUESDAY)
    assert open_gap(store, CHANNEL, MAILBOX, "connection refused", TUESDAY + 5 * MINUTE) == 1
    (gap,) = gaps(store)
    assert (gap.since, gap.until, gap.closed_at) == (TUESDAY, TUESDAY + 5 * MINUTE, None)
    assert (gap.channel, gap.mailbox, gap.why) == (CHANNEL, MAILBOX, "connection refused")


def test_a_gap_that_is_open_is_kept_and_grows(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    open_gap(store, CHANNEL, MAILBOX, "first", TUESDAY + MINUTE)
    open_gap(store, CHANNEL, MAILBOX, "second", TUESDAY + 2 * MINUTE)
    (gap,) = gaps(store, unclosed=True)
    assert (gap.since, gap.until, gap.why) == (TUESDAY, TUESDAY + 2 * MINUTE, "first")


def test_a_gap_is_closed_when_every_place_was_heard_past_it(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    take(store, place="Junk", heard_until=TUESDAY)
    open_gap(store, CHANNEL, MAILBOX, "refused", TUESDAY + MINUTE)
    take(store, heard_until=TUESDAY + 2 * MINUTE)
    assert len(gaps(store, unclosed=True)) == 1, "the junk folder was not read yet"
    take(store, place="Junk", heard_until=TUESDAY + 2 * MINUTE, at=TUESDAY + 3 * MINUTE)
    assert gaps(store, unclosed=True) == []
    assert only(gaps(store)).closed_at == TUESDAY + 3 * MINUTE


def test_a_gap_is_not_closed_by_what_was_heard_before_it_ended(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    open_gap(store, CHANNEL, MAILBOX, "refused", TUESDAY + 5 * MINUTE)
    take(store, heard_until=TUESDAY + MINUTE)
    assert len(gaps(store, unclosed=True)) == 1


def test_a_gap_of_another_mailbox_stays_open(store: Store) -> None:
    take(store, heard_until=TUESDAY)
    take_in(store, "bell", batch(heard_until=TUESDAY), TUESDAY)
    open_gap(store, "bell", MAILBOX, "refused", TUESDAY + MINUTE)
    take(store, heard_until=TUESDAY + 2 * MINUTE)
    assert [gap.channel for gap in gaps(store, unclosed=True)] == ["bell"]


def test_a_channel_that_was_never_heard_has_no_gap(store: Store) -> None:
    assert open_gap(store, CHANNEL, MAILBOX, "refused", TUESDAY) == 0
    assert gaps(store) == []
