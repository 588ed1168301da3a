"""Questions that only a person should be able to answer: sums, letters of a picture, general knowledge."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from probes.web import words
from probes.web.snapshot import Control

Question = Literal["arithmetic", "letters", "question"]
_SUM = re.compile(
    r"(?<![\d/.-])\d{1,3} ?[+\u2212\u2013*\u00d7x\u2217\u00f7-] ?\d{1,3} ?[=?\uff1d\uff1f]"
    r"|(?<![\d/.+-])\d{1,3} ?[+\u00d7\u2217] ?\d{1,3}(?![\d/-])"
)
_NUMBER = re.compile(r"\d{1,3}")
WEAK = frozenset({"and", "et", "und", "y", "e", "en", "i", "и", "va", "por", "per", "och", "ja", "mas", "mal"})
"""Words that stand between numbers for many reasons: a sum only where one is asked for."""
_BOXES = frozenset({"text", "number", "tel", ""})


@cache
def _sum_words() -> tuple[frozenset[str], frozenset[str]]:
    """Folded words for numbers and for what is done with them, of all languages."""
    numbers: set[str] = set()
    operators: set[str] = set()
    for data in words.files().values():
        refuse = data.get("refuse", {})
        numbers.update(words.fold(one) for one in refuse.get("numbers", ()))
        operators.update(words.fold(one) for one in refuse.get("operators", ()))
    return frozenset(numbers), frozenset(operators)


def is_sum(text: str) -> bool:
    """Whether a text asks for a sum, in figures or in words: "3 + 4 =", "three plus four"."""
    text = text[:300]
    if _SUM.search(text):
        return True
    numbers, operators = _sum_words()
    run = words.fold(text).split()
    counts = ["n" if one in numbers or _NUMBER.fullmatch(one) else "o" if one in operators else "" for one in run]
    for n in range(1, len(counts) - 1):
        told = counts[n - 1] == "n" and counts[n + 1] == "n" and counts[n] == "o"
        if told and (run[n] not in WEAK or words.holds("refuse", "sums", text)):
            return True
    return any(_sum_in(one) for one in run)


def _sum_in(word: str) -> bool:
    """三加四: numbers and an operator without spaces between them."""
    numbers, operators = _sum_words()
    if not word or word.isascii():
        return False
    for operator in operators:
        if operator.isascii() or operator not in word:
            continue
        before, _, after = word.partition(operator)
        sides = (before[-1:], after[:1])
        if all(one and (one in numbers or one.isdigit()) for one in sides):
            return True
    return False


def kind(control: Control) -> Question | None:
    """What a box asks of a person, if it does: by the words at it."""
    if control.type not in _BOXES:
        return None
    for text in (control.label, control.aria, control.placeholder, control.near, control.described, control.title):
        if text and is_sum(text):
            return "arithmetic"
    for text in (control.label, control.aria, control.placeholder, control.near, control.title):
        if not text:
            continue
        found = words.keys_in("refuse", text)
        if "letters" in found:
            return "letters"
        if "sums" in found and len(text) < 200:
            return "question"
    return None
