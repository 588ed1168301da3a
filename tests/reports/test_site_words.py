"""Numbers in words, and names of files."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports import words
from reports.figures.model import DAY, HOUR
from reports.slugs import LENGTH, slug

MINUTE, SECOND = HOUR // 60, HOUR // 3600
T = words.THIN


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0"),
        (1, "100"),
        (0.5, "50"),
        (0.004, "0.4"),
        (0.996, "99.6"),
        (0.0001, "<0.1"),
        (0.99999, ">99.9"),
    ],
)
def test_a_share_that_is_not_quite_nothing_or_all_never_reads_as_such(share: float, said: str) -> None:
    assert words.percent(share) == f"{said}{T}%"


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
@example(1e-300)
@example(1 - 2**-53)
@example(0.0095)
@example(0.9905)
def test_only_none_is_0_and_only_all_is_100(share: float) -> None:
    assert words.percent(share) not in {f"0{T}%", f"0.0{T}%", f"100{T}%", f"100.0{T}%"}


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (0, f"under 1{T}s"), (45 * SECOND, f"45{T}s"), (MINUTE + 30 * SECOND, f"1{T}min 30{T}s"),
        (9 * MINUTE + SECOND, f"9{T}min"), (3 * HOUR + 20 * MINUTE, f"3{T}h 20{T}min"), (HOUR, f"1{T}h"),
        (DAY, f"1{T}d"), (2 * DAY + 4 * HOUR, f"2{T}d 4{T}h"), (-HOUR, f"–1{T}h"),
        (12 * DAY + 4 * HOUR, f"12{T}d"), (DAY - SECOND, f"23{T}h 59{T}min"),
    ],
)  # fmt: skip
def test_a_wait_is_told_in_its_two_largest_units(span: int, said: str) -> None:
    assert words.duration(span) == said


@pytest.mark.parametrize(
    ("window", "short", "long"),
    [
        (DAY, f"24{T}h", "24\u00a0hours"), (7 * DAY, f"7{T}d", "7\u00a0days"), (HOUR, f"1{T}h", "1\u00a0hour"),
        (36 * HOUR, f"36{T}h", "36\u00a0hours"), (30 * MINUTE, f"30{T}min", "30\u00a0minutes"),
    ],
)  # fmt: skip
def test_a_window_is_named_short_on_an_axis_and_long_in_a_sentence(window: int, short: str, long: str) -> None:
    assert (words.short(window), words.long(window)) == (short, long)


def test_times_are_told_in_the_zone_asked_for_and_name_it() -> None:
    at = 1_796_115_600_000_000
    assert words.moment(at, "Europe/Paris") == "1 Dec 2026, 10:00 CET"
    assert words.moment(at, "Pacific/Auckland") == "1 Dec 2026, 22:00 NZDT"
    assert words.stamp(at) == "2026-12-01T09:00:00Z"


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match=r"'Mars/Base' is not known; use a name such as Europe/Paris"):
        words.moment(0, "Mars/Base")


def test_a_period_says_only_what_differs() -> None:
    at = 1_796_115_600_000_000
    assert words.period(at, at + HOUR, "UTC") == "on 1 Dec 2026"
    assert words.period(at, at + 3 * DAY, "UTC") == "between 1 and 4 Dec 2026"
    assert words.period(at - 3 * DAY, at, "UTC") == "between 28 Nov and 1 Dec 2026"
    assert words.period(at, at + 60 * DAY, "UTC") == "between 1 Dec 2026 and 30 Jan 2027"


def test_lists_read_as_sentences() -> None:
    assert [words.listing(items) for items in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


# --------------------------------------------------------------------------- slugs
def test_a_plain_key_stays_as_it_is() -> None:
    assert slug("velo-linden-2") == "velo-linden-2"


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "a/b", "a\\b", "..", ".", "", " ", "con", "NUL", "index", "a\0b", "\u202eexe"]
)
def test_a_key_that_plays_tricks_becomes_a_plain_marked_name(key: str) -> None:
    assert set(slug(key)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(slug(key).rsplit("-", 1)[-1]) == 12


def test_keys_that_fold_alike_get_names_of_their_own() -> None:
    keys = ["Müller", "Muller", "muller", "MULLER", "mu-ller", "m\u0075\u0308ller", slug("Müller")]
    assert len({slug(key) for key in keys}) == len(keys)


@given(st.text(max_size=400), st.text(max_size=400))
def test_names_are_safe_for_any_key_and_differ_for_any_two(one: str, other: str) -> None:
    name = slug(one)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 1 <= len(name) <= LENGTH + 13
    assert (name == slug(other)) == (one == other)
