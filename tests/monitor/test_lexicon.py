"""Phrases ruled out by their words are none that stand in the text."""

from __future__ import annotations

import random

import pytest

from monitor.classify.lexicon import Table, count, first, flatten, languages, server_phrases, table, words
from monitor.classify.view import OPENING, View
from probes.mail.mime import parse

AROUND = ("", " ", ".", " x", "x", "1", "-", "中", "é", "_", "(", "'s", "\n")
BETWEEN = (" ", " our ", ", x ", "x", "-", " 中 ", "é")


def tables() -> list[Table]:
    """Every table there is a file for."""
    own = [one for entry in languages().values() for one in (*entry.text.values(), *entry.subject.values())]
    return [*own, *server_phrases().values()]


def texts(pieces: tuple[str, ...], dice: random.Random) -> list[str]:
    """Texts that hold these pieces in order, now with the edges of words around them, now without."""
    return [
        flatten(f"some{dice.choice(AROUND)}{dice.choice(BETWEEN).join(pieces)}{dice.choice(AROUND)}more")
        for _ in range(12)
    ]


def test_no_phrase_that_stands_in_a_text_is_ruled_out_by_its_words() -> None:
    dice = random.Random(5)
    found = 0
    for known in tables():
        for one in known:
            for text in texts(one.pieces, dice):
                likely = known.likely(words(text))
                assert first(likely, text) == first(known, text), (one, text)
                assert count(likely, text, 3) == count(known, text, 3), (one, text)
                found += one.find(text) is not None
    assert found > 10_000


def test_phrases_without_their_words_are_ruled_out() -> None:
    known = table(["out of the office", "i am away until", "不在办公室"])
    assert [one.words for one in known.likely(words("nobody is away until monday"))] == [
        "i am away until",
        "不在办公室",
    ]


@pytest.mark.parametrize(
    ("phrase", "text"), [("ticket~", "your tickets are here"), ("sent * box", "it was sent by boxes")]
)
def test_a_word_that_may_go_on_rules_nothing_out(phrase: str, text: str) -> None:
    known = table([phrase.replace("box", "box~")])
    assert first(known.likely(words(text)), text) is not None


def test_a_phrase_at_the_end_of_the_opening_is_found_though_its_last_word_goes_on() -> None:
    said = "i am out of the office"
    filler = "so " * 300
    text = filler[: OPENING - len(said)] + said + "xyz"
    view = View(parse(b"Subject: Re: x\n\n" + text.encode()))
    assert view.opening.endswith(said)
    assert view.says("out_of_office", opening=True) is not None
