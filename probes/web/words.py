"""What is known of languages, as data: the files in phrases/, and where their phrases stand in a text.

A phrase is matched on folded text: lower case, no accents, words parted by single spaces, no punctuation. It begins and
ends at a word's edge; `~` at its end lets the last word go on, at its beginning lets the first word begin earlier, and
between two words lets a few others stand there. Phrases of scripts without spaces are found anywhere. Each word of a
text is looked up once, so that the time is linear in the text.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

GAP = 6
"""Words that may stand where a phrase has `~` in the middle."""
SHORT = 3
"""Phrases of so few letters count only on a page in their language: each is a word of another one too."""
MOST = 4000
NAMES = "names"
ANY = "other"
SECTIONS = ("fields", "forms", "buttons", "links", "refuse")
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_UNSPACED = re.compile(f"[{_CJK}]")
_BETWEEN = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
_PLAIN = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


@lru_cache(maxsize=20_000)
def fold(text: str) -> str:
    """Text as phrases see it."""
    text = unicodedata.normalize("NFKC", text[:MOST]).lower()
    if not text.isascii():
        apart = unicodedata.normalize("NFD", text.translate(_PLAIN))
        kept = (one for one in apart if not "\u0300" <= one <= "\u036f")
        text = unicodedata.normalize("NFC", "".join(kept))
    return _BETWEEN.sub("", " ".join(_WORD.findall(text)))


@lru_cache(maxsize=20_000)
def fold_name(text: str) -> str:
    """A name, id or class of a program as phrases see it: `txtEmailAddress2` is "txt email address 2"."""
    return fold(_HUMP.sub(" ", text))


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a file: under which key it stands, in which language."""

    section: str
    key: str
    language: str
    words: tuple[str, ...]
    open_start: bool
    open_end: bool
    gap: int
    unspaced: bool

    @property
    def letters(self) -> int:
        """How long it is."""
        return sum(map(len, self.words)) + len(self.words) - 1


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase that stands in a text, from `start` to `end` in its folded form."""

    phrase: Phrase
    start: int
    end: int

    @property
    def key(self) -> str:
        """What the phrase is a word for."""
        return self.phrase.key


def _phrase(section: str, key: str, language: str, entry: str) -> Phrase:
    head, middle, tail = entry.strip("~").partition("~")
    words = fold(head).split()
    rest = fold(tail).split()
    if not words or (middle and not rest):
        raise ValueError(f"{language}.toml: {section}.{key}: {entry!r} has no word")
    return Phrase(
        section=section,
        key=key,
        language=language,
        words=(*words, *rest),
        open_start=entry.startswith("~"),
        open_end=entry.endswith("~"),
        gap=len(words) if middle else 0,
        unspaced=bool(_UNSPACED.search(words[0])),
    )


class Index:
    """The phrases of one section, by what they begin with."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._whole: dict[str, list[Phrase]] = {}
        self._prefix: dict[str, list[Phrase]] = {}
        self._suffix: dict[str, list[Phrase]] = {}
        self._char: dict[str, list[Phrase]] = {}
        for one in phrases:
            first = one.words[0]
            if one.unspaced:
                self._char.setdefault(first[0], []).append(one)
            elif one.open_start:
                self._suffix.setdefault(first, []).append(one)
            elif one.open_end and len(one.words) == 1:
                self._prefix.setdefault(first, []).append(one)
            else:
                self._whole.setdefault(first, []).append(one)

    def find(self, folded: str) -> list[Match]:
        """Every phrase that stands in a folded text; the same phrase may stand there twice."""
        found: list[Match] = []
        words = folded.split(" ") if folded else []
        starts: list[int] = []
        at = 0
        for word in words:
            starts.append(at)
            at += len(word) + 1
        for n, word in enumerate(words):
            for one in self._whole.get(word, ()):
                end = _goes_on(one, words, n)
                if end is not None:
                    found.append(Match(one, starts[n], starts[end] + len(words[end])))
            for length in range(2, min(len(word), 40) + 1):
                for one in self._prefix.get(word[:length], ()):
                    found.append(Match(one, starts[n], starts[n] + len(word)))
                for one in self._suffix.get(word[-length:], ()):
                    found.append(Match(one, starts[n], starts[n] + len(word)))
        if self._char and _UNSPACED.search(folded):
            for n, char in enumerate(folded):
                for one in self._char.get(char, ()):
                    text = " ".join(one.words)
                    if folded.startswith(text, n):
                        found.append(Match(one, n, n + len(text)))
        return found


def _goes_on(one: Phrase, words: list[str], n: int) -> int | None:
    """The place of the last word of a phrase that begins at word n; None when it does not stand there."""
    last = len(one.words) - 1
    for k in range(1, last + 1):
        if one.gap and k == one.gap:
            window = range(n + 1, min(n + 1 + GAP, len(words)))
        else:
            window = range(n + 1, min(n + 2, len(words)))
        for m in window:
            if words[m] == one.words[k] or (k == last and one.open_end and words[m].startswith(one.words[k])):
                n = m
                break
        else:
            return None
    return n


@cache
def files() -> Mapping[str, Mapping[str, Any]]:
    """What the files say, by the code of the language. Raises ValueError naming the file of a mistake."""
    out: dict[str, Mapping[str, Any]] = {}
    folder = resources.files("probes.web").joinpath("phrases")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            data = tomllib.loads(entry.read_text("utf-8"))
            unknown = set(data) - set(SECTIONS)
            if unknown:
                raise ValueError(f"{entry.name}: unknown sections {sorted(unknown)}")
            out[entry.name.removesuffix(".toml")] = data
    return out


@cache
def index(section: str, *, names: bool = False) -> Index:
    """All languages' phrases of a section, or those that programs use (`names`)."""
    return Index(
        _phrase(section, key, language, entry)
        for language, data in files().items()
        for key, entries in data.get(section, {}).items()
        for entry in entries
        if (language == NAMES) == names
    )


@lru_cache(maxsize=20_000)
def find(section: str, text: str, language: str = "", *, names: bool = False) -> tuple[Match, ...]:
    """Phrases of a section in a text, without those that stand inside a longer one, in order.

    `language` is the page's (ISO 639, may be unknown: ""); `names`: the text is a program's name for something.
    """
    folded = fold_name(text) if names else fold(text)
    found = [one for one in index(section, names=names).find(folded) if names or _counts(one.phrase, language)]
    found.sort(key=lambda one: (one.start - one.end, one.start))
    kept: list[Match] = []
    for one in found:
        if not any(
            big.start <= one.start and one.end <= big.end and (big.end - big.start) > (one.end - one.start)
            for big in kept
        ):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: one.start))


def keys_in(section: str, text: str, language: str = "", *, names: bool = False) -> frozenset[str]:
    """The keys of the phrases that stand in a text."""
    return frozenset(one.key for one in find(section, text, language, names=names))


def holds(section: str, key: str, text: str, language: str = "") -> bool:
    """Whether a phrase of this key stands in a text."""
    return key in keys_in(section, text, language)


def _counts(phrase: Phrase, language: str) -> bool:
    if phrase.unspaced or phrase.letters > SHORT or phrase.language in ("en", language):
        return True
    return phrase.language == ANY and language not in files()


def code_of(language: str) -> str:
    """The language of a page by its lang attribute: "pt-BR" is "pt"."""
    return language.replace("_", "-").partition("-")[0].strip().lower()
