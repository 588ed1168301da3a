"""Redaction: nothing of a person stays, and what is no person's stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.redact import names_of, redact
from tests.monitor.letters import cpu_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.berger@velo-nord.example please.", "Write to [address] please."),
        ("Mail me: x+y_z@mail.shop.co.uk!", "Mail me: [address]!"),
        ("anna (at) shop (dot) de", "[address]"),
        ("See https://shop.example/a?b=c#d, it is there.", "See [link], it is there."),
        ("our site www.velo.example.", "our site [link]."),
        ("look at velo-nord.com/prices now", "look at [link] now"),
        ("Call +49 (0)30 1234-5678 today", "Call [number] today"),
        ("Gọi 0912 345 678 nhé", "Gọi [number] nhé"),
        ("Tél. 01.23.45.67.89", "Tél. [number]"),
        ("电话 010-6552 9988。", "电话 [number]。"),
    ],
)
def test_addresses_links_and_numbers_become_blanks(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,250 euros, or 49.90 without the basket.",
        "On 2026-12-01 we are open 9:00-18:00, on 24.12.2026 until 14.00.",
        "In 2025-2026 we repaired 1200 bikes. Thank you!",
        "Please wait 24 hours; the order has 3 parts.",
    ],
)
def test_dates_hours_and_prices_stay(text: str) -> None:
    assert redact(text) == text


def test_given_names_go_whatever_their_case_and_spacing() -> None:
    text = "Dear ANNA  Berger, Velo-Nord's answer: Annabel is not Anna. 北京单车行很好"
    done = redact(text, names=["Anna Berger", "Velo Nord", "北京单车行"])
    assert done == "Dear [name], [name] answer: Annabel is not Anna. [name]很好"


def test_given_domains_go_with_all_below_them() -> None:
    assert redact("ask shop.velo.museum/x or velo.museum, not avelo.museum", domains=["velo.museum"]) == (
        "ask [link] or [link], not avelo.museum"
    )


def test_a_name_with_signs_of_a_pattern_is_taken_literally() -> None:
    assert redact("a.b (c)+ and axb", names=["(c)+"]) == "a.b [name] and axb"


def test_a_blank_is_never_taken_for_a_name() -> None:
    assert redact("Call +49 30 12345678", names=["number", "Call"]) == "[name] [number]"
    assert redact("[name] [number] [link]", names=["number", "name"]) == "[name] [number] [link]"


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text, names=["Anna Berger", "number"], domains=["velo.example"])
    assert redact(once, names=["Anna Berger", "number"], domains=["velo.example"]) == once


@given(
    st.text(max_size=60),
    st.from_regex(r"[a-z]{1,10}\.[a-z]{1,10}@[a-z]{2,10}\.(example|com)", fullmatch=True),
    st.text(max_size=60),
)
def test_no_address_survives(before: str, address: str, after: str) -> None:
    assert address not in redact(f"{before} {address} {after}")


@pytest.mark.parametrize(
    "bait", ["1-" * 200_000, "a@" * 200_000, "a." * 200_000, "www." * 200_000, "( at )" * 100_000, "((" * 200_000]
)
def test_bait_for_backtracking_is_read_in_linear_time(bait: str) -> None:
    with cpu_limit():
        redact(bait, names=["a b"], domains=["b.example"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Velo Meier GmbH & Co. KG", "We at Velo Meier, VELO-MEIER and VeloMeier."),
        (
            "Boulangerie Lefèvre S.A.R.L.",
            "We at boulangerie Lefèvre, Boulangerie Lefe\u0300vre and BoulangerieLefèvre.",
        ),
        ("CTY TNHH Hoa Mai", "We at Hoa Mai, HOA MAI and hoamai."),
        ("Rad & Tat (Filiale Nord)", "We at Rad & Tat, rad & tat and radtat."),
    ],
)
def test_a_business_is_blanked_by_whatever_it_calls_itself(name: str, said: str) -> None:
    assert redact(said, names=names_of(name)) == "We at [name], [name] and [name]."


def test_a_business_is_blanked_by_the_names_of_its_domains() -> None:
    assert redact("Follow @velomeier!", names=names_of("Meier", ["velomeier.example"])) == "Follow @[name]!"
