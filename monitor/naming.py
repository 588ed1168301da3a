"""Which words of a letter are a person's name: told by who sent it, and by where names stand in letters. Pure.

Where a name stands: after a greeting ("Dear Ms Berger,"), after a closing ("Regards,"), beside an honorific of a script
without spaces. What those words are, in each language, is data: naming.toml.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

LONGEST = 4
"""Most words that a name has."""

_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.\-](?=[^\W\d_])){0,39}\.?")
_WORDS = re.compile(r"[^\W\d_]+")
_SPELT_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae", "đ": "d", "ł": "l"}
)
_HAN = "\u4e00-\u9fff"
_KANA = "\u3040-\u30ff々"
_HANGUL = "\uac00-\ud7a3"
_HONORED = re.compile(
    rf"(?:尊敬的|亲爱的|親愛的|您好[，,]?[ \t]?|你好[，,]?[ \t]?|^[ \t>]*)"
    rf"(?P<zh>[{_HAN}]{{1,4}}?)(?=先生|女士|小姐|经理|經理|老师|老師)"
    rf"|^[ \t>]*(?P<ja>[{_HAN}{_KANA}]{{1,8}}(?:[ \u3000][{_HAN}{_KANA}]{{1,6}})?)(?=[ \u3000]?(?:様|さま|さん|殿))"
    rf"|^[ \t>]*(?P<ko>[{_HANGUL}]{{2,5}})(?=[ \t]?(?:님|씨|귀하))"
    rf"|(?<![{_HANGUL}])(?P<by>[{_HANGUL}]{{2,5}})(?=[ \t](?:드림|올림)(?![{_HANGUL}]))",
    re.M,
)


@dataclass(frozen=True)
class _Words:
    closing: re.Pattern[str]
    greeting: re.Pattern[str]
    titles: frozenset[str]
    common: frozenset[str]
    particles: frozenset[str]
    origin: frozenset[str]
    ordinary: frozenset[str]


@cache
def _words() -> _Words:
    data = tomllib.loads(resources.files("monitor").joinpath("naming.toml").read_text("utf-8"))

    def every(kind: str) -> set[str]:
        return {unicodedata.normalize("NFC", word) for language in data.values() for word in language.get(kind, ())}

    def opening(kind: str) -> str:
        known = sorted(every(kind), key=len, reverse=True)
        return r"^[ \t>]*(?:" + "|".join(re.escape(one) for one in known) + ")"

    return _Words(
        closing=re.compile(
            opening("closings") + r"(?![^\W\u2e80-\uffef])[ \t]*(?P<end>[,.!;:，。！、]{0,3})[ \t]*", re.M | re.I
        ),
        greeting=re.compile(
            opening("greetings") + r"(?:/[^\W\d_]{1,9}|\([^\W\d_]{1,3}\))?(?![^\W\u2e80-\uffef])[ \t,，]*", re.M | re.I
        ),
        titles=frozenset(every("titles")),
        common=frozenset(every("common") | every("closings") | every("greetings")),
        particles=frozenset(every("particles")),
        origin=frozenset(every("from")),
        ordinary=frozenset(fold(word) for word in every("ordinary")),
    )


# --------------------------------------------------------------------------- words that are compared
@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """A word as names are compared: "Müller" and "mueller", "Nguyễn" and "nguyen" are the same."""
    spelt = unicodedata.normalize("NFC", word.casefold()).translate(_SPELT_OUT)
    return "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))


def parts(names: Iterable[str], but: Iterable[str] = ()) -> frozenset[str]:
    """The words of these names that give a person away by themselves, folded; none of those in `but`.

    Not: initials, particles, titles, what is nobody's ("Service"), and words that a letter needs ("May", "Will").
    """
    words = _words()
    spared = {fold(word) for text in but for word in _WORDS.findall(text)}
    found: set[str] = set()
    for name in names:
        for word in _WORDS.findall(unicodedata.normalize("NFC", name)):
            small = word.casefold()
            if len(word) < 2 or small in words.particles or small in words.titles or small in words.common:
                continue
            if (folded := fold(word)) not in words.ordinary and folded not in spared:
                found.add(folded)
    return frozenset(found)


def of_sender(display: str, address: str) -> tuple[str, ...]:
    """What a sender may be called: the display name, and what the local part of the address spells.

    Nothing where either names an office ("Support", "info@...").
    """
    local = re.sub(r"\+.*|\d+", "", address.partition("@")[0])
    spelt = " ".join(word for word in re.split(r"[._\-]+", local) if len(word) > 2)
    written = " ".join(re.sub(r"[\"()\[\]<>]|\S*@\S*", " ", display).split())
    if "," in written:  # "Berger, Anna"
        last, _, first = written.partition(",")
        turned = f"{first.strip()} {last.strip()}".strip()
    else:
        turned = ""
    return tuple(dict.fromkeys(one for one in (written, turned, spelt) if one and parts([one])))


def is_told(name: str, but: Iterable[str] = ()) -> bool:
    """Whether somebody can be told by this whole name: "May Chen" and "Anna", not "May", "Support" or "Sales Team";
    not by words that all stand in `but`."""
    common = _words().common
    spared = {fold(word) for text in but for word in _WORDS.findall(text)}
    own = [word for word in _WORDS.findall(name) if word.casefold() not in common and fold(word) not in spared]
    return len(own) > 1 or bool(parts([name], but))


def is_person(name: str) -> bool:
    """Whether a display name looks like that of a person: two to four words, none of them an office's."""
    words = _words()
    found = _WORDS.findall(name)
    if any(ord(word[0]) > 0x2E80 for word in found):
        return len(found) <= 2 and 2 <= sum(map(len, found)) <= 6 and not any(one in name for one in words.common)
    if not 2 <= len(found) <= LONGEST or any(word.casefold() in words.common for word in found):
        return False
    return all(word[:1].isupper() or word.casefold() in words.particles for word in found)


# --------------------------------------------------------------------------- where names stand in a letter
def spans(text: str) -> list[tuple[int, int]]:
    """Where names of people stand in `text` (composed, NFC): (start, end), in order, apart from each other."""
    words = _words()
    found: list[tuple[int, int]] = []
    for hit in words.closing.finditer(text):
        found += _after_closing(text, hit, words)
    for hit in words.greeting.finditer(text):
        found += _after_greeting(text, hit.end(), words)
    for hit in _HONORED.finditer(text):
        name = hit[hit.lastgroup or 0]
        if not any(one in name for one in words.common if one and ord(one[0]) > 0x2E80):
            found.append(hit.span(hit.lastgroup or 0))
    found.sort()
    apart: list[tuple[int, int]] = []
    for start, end in found:
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


def _after_closing(text: str, hit: re.Match[str], words: _Words) -> Iterator[tuple[int, int]]:
    at = hit.end()
    if text[at : at + 1] not in ("", "\n"):
        if not hit["end"]:
            return
    else:
        for _ in range(4):  # the name stands on the next line that is not empty
            line_end = text.find("\n", at, at + 200)
            if line_end < 0:
                return
            at = line_end + 1
            while text[at : at + 1] in (" ", "\t", ">", "\u3000"):
                at += 1
            if text[at : at + 1] not in ("", "\n"):
                break
    span = _run(text, at, words)
    if span is None:
        return
    rest = text[span[1] : span[1] + 40].partition("\n")[0].strip(" \t")
    apart = not rest or rest[0] in "|,;/(·•–—-<+" or rest[0].isdigit()
    if apart or (rest.split()[0].casefold() in words.origin and ord(text[span[0]]) < 0x2E80):
        yield span


def _after_greeting(text: str, at: int, words: _Words) -> Iterator[tuple[int, int]]:
    span = _run(text, at, words, most=3)
    if span is not None and ord(text[span[0]]) < 0x2E80:
        yield span


def _run(text: str, at: int, words: _Words, most: int = LONGEST) -> tuple[int, int] | None:
    """The run of words at `at`, titles skipped, that looks like a name; None when none does."""
    start = end = -1
    taken = 0
    while taken < most and (token := _TOKEN.match(text, at)) is not None:
        word = token[0]
        small = word.casefold().rstrip(".")
        step = token.end()
        while text[step : step + 1] in (" ", "\t", "\u3000", "\u00a0"):
            step += 1
        if taken == 0 and (small in words.titles or word.casefold() in words.titles):
            at = step
            continue
        if taken and small in words.particles:
            at = step
            continue
        if small in words.common or not _is_name_word(word):
            break
        if taken == 0:
            start = token.start()
        taken += 1
        end = token.end() - word.endswith(".") if len(small) > 1 else token.end()
        at = step
        if ord(word[0]) > 0x2E80 and taken == 2:
            break
    return (start, end) if taken else None


def _is_name_word(word: str) -> bool:
    if ord(word[0]) > 0x2E80:
        return len(word) <= 6 and not any(one in word for one in _words().common if one and ord(one[0]) > 0x2E80)
    return word[0].isupper()
