"""Private reply addresses: shaped like a customer's, never given twice."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import addresses
from probes.mail.address import normalise


def dice(seed: int) -> addresses.Draw:
    return random.Random(seed).randrange


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Anna Berger", ("anna", "berger")),
        ("Zoë Đặng-Müller", ("zoe", "dang", "mueller")),
        ("Zoe\u0308 Mu\u0308ller", ("zoe", "mueller")),  # letter and mark typed apart
        ("Søren Ørsted", ("soren", "orsted")),
        ("Łukasz Weiß", ("lukasz", "weiss")),
        ("O'Brien", ("obrien",)),
        ("Nguyễn Thị Hồng", ("nguyen", "thi", "hong")),
        ("İpek Işık", ("ipek", "isik")),
        ("王芳", ()),
        ("王芳 Wang", ("wang",)),
        ("3 2", ()),
    ],
)
def test_the_parts_of_a_name_as_they_stand_in_an_address(name: str, parts: tuple[str, ...]) -> None:
    assert addresses.name_parts(name) == parts


@given(st.text(max_size=60), st.integers(0, 10**6))
def test_any_name_with_a_latin_letter_gives_an_address_that_mail_takes(name: str, seed: int) -> None:
    if not addresses.name_parts(name):
        return
    address = addresses.shaped(name, "inbox.example", dice(seed), ())
    assert normalise(address) == address
    assert address.isascii()


def test_ten_thousand_probes_of_one_persona_get_ten_thousand_addresses() -> None:
    taken: set[str] = set()
    for seed in range(10_000):
        address = addresses.shaped("Anna Berger", "inbox.example", dice(seed), taken)
        assert address not in taken
        taken.add(address)


def test_a_name_whose_every_shape_is_used_up_still_gets_an_address() -> None:
    class Everything:
        """All addresses with at most four digits are taken."""

        def __contains__(self, address: object) -> bool:
            return sum(c.isdigit() for c in str(address)) <= 4

    assert re.fullmatch(
        r"anna[._-]?\d{5,}@inbox\.example", addresses.shaped("Anna", "inbox.example", dice(1), Everything())
    )


def test_addresses_look_like_names_and_hide_no_pattern() -> None:
    found = [addresses.shaped("Anna Berger", "inbox.example", dice(seed), ()) for seed in range(2000)]
    local = [address.removesuffix("@inbox.example") for address in found]
    assert all(re.fullmatch(r"[a-z]+([._-]?[a-z]+){0,2}[._-]?\d{1,4}", name) for name in local)
    assert all("berger" in name or "anna" in name for name in local)
    assert "+" not in "".join(local)
    # Several shapes, none of them the rule; and no run of letters beside the name that could be a token.
    shapes = {re.sub(r"\d+", "9", re.sub(r"\b[a-z]\b", "x", name)) for name in local}
    assert len(shapes) > 20
    assert not any(re.search(r"[bcdfghjkmnpqrstvwxz]{4}", name) for name in local)


def test_a_mailbox_with_a_token_is_the_same_mailbox_and_its_token_says_nothing() -> None:
    taken: set[str] = set()
    for seed in range(2000):
        taken.add(addresses.plus("audit@example.org", dice(seed), taken))
    assert len(taken) == 2000
    assert all(re.fullmatch(r"audit\+[a-z2-9]{8}@example\.org", address) for address in taken)


def test_a_token_that_is_taken_is_drawn_again() -> None:
    first = addresses.plus("audit@example.org", dice(1), ())
    assert addresses.plus("audit@example.org", dice(1), {first}) != first


def test_a_ready_mailbox_is_one_that_is_free() -> None:
    boxes = ["a@x.example", "b@x.example", "c@x.example"]
    assert addresses.ready(boxes, dice(1), {"a@x.example", "c@x.example"}) == "b@x.example"
    assert addresses.ready(boxes, dice(1), set(boxes)) is None
    assert {addresses.ready(boxes, dice(seed), ()) for seed in range(50)} == set(boxes)


# --------------------------------------------------------------------------- the file of ready mailboxes
def test_a_file_of_mailboxes_may_hold_comments_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mailboxes.txt"
    file.write_bytes("\ufeff# ours\nOne@Example.org\n\n  two@bücher.example  # the second\n".encode())
    assert addresses.read_mailboxes(file).mailboxes == ("one@example.org", "two@xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a@x.example\nnot an address\n", "line 2: 'not an address' is not a mail address"),
        ("a@x.example\nA@X.example\n", "line 2: a@x.example stands there twice"),
        ("# nothing\n", "holds no address"),
        ("\xe9\n", "is not UTF-8 text"),
    ],
)
def test_a_file_of_mailboxes_that_is_wrong_says_in_which_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mailboxes.txt"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=words):
        addresses.read_mailboxes(file)
