"""What is known of languages, as data: the files in phrases/, and how a phrase is looked for in a text.

A phrase is written in lower case. `*` stands for at most GAP characters within one sentence; a phrase begins and ends
at a word's edge, unless it ends with `~` (an ending may follow) or its script puts no spaces between words. Looking
for a phrase takes time linear in the text: fixed pieces are found one after the other, nothing is tried twice.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

GAP = 80
_WORD = re.compile(r"[^\W_]+")
_APART = {code: " " for code in range(128) if not chr(code).isalnum()}
_ENDS = re.compile(r"[.!?。！？](?=\s|$)|[。！？]")
_MARKS = {
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00b4": "'", "`": "'", "\u201c": '"', "\u201d": '"',
    "\u00a0": " ", "\u202f": " ", "\u3000": " ", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-",
    "：": ":", "，": ",", "！": "!", "？": "?", "（": "(", "）": ")",
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
    **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
}  # fmt: skip


def flatten(text: str) -> str:
    """Text as phrases see it: lower case, composed, plain quote marks, nothing invisible, single spaces."""
    if not text.isascii():
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        for mark in _MARKS.keys() & set(text):  # a few of many: replacing these beats translating each character
            text = text.replace(mark, _MARKS[mark])
    else:
        text = text.replace("`", "'")
    return " ".join(text.split()).lower()


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase: its fixed pieces, and whether its edges must be edges of words."""

    words: str
    pieces: tuple[str, ...]
    edge_before: bool
    edge_after: bool

    def find(self, text: str) -> tuple[int, int] | None:
        """Where it stands in a flattened text (start, end), first place only; None when nowhere."""
        first = self.pieces[0]
        at = text.find(first)
        tries = 0
        while at >= 0 and tries < 50:
            tries += 1
            if not (self.edge_before and at and text[at - 1].isalnum()):
                end = self._rest(text, at + len(first))
                if end is not None:
                    return at, end
            at = text.find(first, at + 1)
        return None

    def _rest(self, text: str, end: int) -> int | None:
        for piece in self.pieces[1:]:
            window = text[end : end + GAP + len(piece)]
            step = window.find(piece)
            if step < 0 or _ENDS.search(window, 0, step):
                return None
            end += step + len(piece)
        if self.edge_after and end < len(text) and text[end].isalnum():
            return None
        return end


def phrase(words: str) -> Phrase:
    """Make a phrase from its words. Raises ValueError when nothing fixed stands in it."""
    text = words.rstrip("~")
    pieces = tuple(piece.strip() for piece in text.split("*") if piece.strip())
    if not pieces:
        raise ValueError(f"phrase {words!r} has no fixed part")
    return Phrase(words, pieces, _spaced(pieces[0][0]), _spaced(pieces[-1][-1]) and not words.endswith("~"))


def _spaced(char: str) -> bool:
    """Whether this is a letter or digit of a script that puts spaces between words."""
    return char.isalnum() and (ord(char) < 0x0E00 or 0x0E80 <= ord(char) < 0x2E80)


def words(text: str) -> set[str]:
    """Its words: runs of letters and digits, as the edges of phrases part them."""
    return set(text.translate(_APART).split() if text.isascii() else _WORD.findall(text))


def _whole_words(one: Phrase) -> list[str]:
    """Words that must stand in a text by themselves where this phrase stands in it."""
    found: list[str] = []
    for at, piece in enumerate(one.pieces):
        for run in _WORD.finditer(piece):
            begins = run.start() > 0 or (at == 0 and one.edge_before)
            ends = run.end() < len(piece) or (at == len(one.pieces) - 1 and one.edge_after)
            if begins and ends:
                found.append(run[0])
    return found


class Table:
    """Phrases in order, and by a word without which they cannot stand in a text: most are ruled out at once."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        self._anywhere: list[int] = []
        self._by_word: dict[str, list[int]] = {}
        for at, one in enumerate(self.phrases):
            longest = max(_whole_words(one), key=len, default=None)
            (self._anywhere if longest is None else self._by_word.setdefault(longest, [])).append(at)

    def __iter__(self) -> Iterator[Phrase]:
        return iter(self.phrases)

    def likely(self, words: AbstractSet[str]) -> list[Phrase]:
        """The phrases that may stand in a text with these words, in order."""
        places = list(self._anywhere)
        for word in self._by_word.keys() & words:
            places += self._by_word[word]
        places.sort()
        return [self.phrases[at] for at in places]


def first(table: Iterable[Phrase], text: str) -> Phrase | None:
    """The first phrase of the table that stands in the flattened text."""
    for one in table:
        if one.pieces[0] in text and one.find(text) is not None:
            return one
    return None


def count(table: Iterable[Phrase], text: str, most: int = 5) -> int:
    """How many phrases of the table stand in the text, counted up to `most`."""
    found = 0
    for one in table:
        if one.pieces[0] in text and one.find(text) is not None:
            found += 1
            if found >= most:
                break
    return found


@dataclass(frozen=True, slots=True)
class Language:
    """What one language's file says. `subject` and `text` map a sign to its phrases.

    `plural`: words for "we" that hold a word for "I".
    """

    code: str
    stopwords: frozenset[str]
    first_person: Table
    plural: tuple[str, ...]
    subject: Mapping[str, Table]
    text: Mapping[str, Table]


SIGNS = (
    "automatic", "received", "thanks", "follow_up", "ticket", "out_of_office", "absence", "left", "unmonitored",
    "noreply", "opt_out", "stop", "bot", "challenge", "unsubscribe", "notice", "promise_reply", "promise_call",
)  # fmt: skip
_NO_LANGUAGE = frozenset({"bounces.toml", "quoting.toml"})
SUBJECTS = ("automatic", "out_of_office", "acknowledgement", "challenge")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("monitor.classify").joinpath("phrases", name).read_text("utf-8"))


@cache
def languages() -> Mapping[str, Language]:
    """Every language there is a file for, by code. Raises ValueError naming the file of a mistake."""
    out: dict[str, Language] = {}
    folder = resources.files("monitor.classify").joinpath("phrases")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".toml") or entry.name in _NO_LANGUAGE:
            continue
        data = _read(entry.name)
        unknown = (set(data.get("text", {})) - set(SIGNS)) | (set(data.get("subject", {})) - set(SUBJECTS))
        if unknown:
            raise ValueError(f"{entry.name}: unknown signs {sorted(unknown)}")
        code = entry.name.removesuffix(".toml")
        out[code] = Language(
            code=code,
            stopwords=frozenset(flatten(data["stopwords"]).split()),
            first_person=table(data.get("first_person", ())),
            plural=tuple(flatten(one) for one in data.get("plural", ())),
            subject={sign: table(data.get("subject", {}).get(sign, ())) for sign in SUBJECTS},
            text={sign: table(data.get("text", {}).get(sign, ())) for sign in SIGNS},
        )
    return out


@cache
def server_phrases() -> Mapping[str, Table]:
    """What mail servers say of failures and delays."""
    return {name: table(words) for name, words in _read("bounces.toml").items()}


def table(entries: Iterable[str]) -> Table:
    """Phrases in the spelling of flattened text."""
    return Table(phrase(flatten(one)) for one in entries)
