"""The language of a text: by script, then by its small words; a trained model only where these do not tell."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from monitor.classify.lexicon import languages

READ = 1_500
WORDS = 200
MODEL_LETTERS = 80
"""Below this many letters the model guesses ("Ok" is taken for Luganda)."""
SURE = 0.22
"""Share of a text's words that must be small words of its language."""

_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII = re.compile(r"[\x00-\x7f]+")
_APART = {code: " " for code in range(128) if not chr(code).isalpha()}
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("ka", re.compile(r"[\u10a0-\u10ff]")),
    ("hy", re.compile(r"[\u0530-\u058f]")),
)
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_VIETNAMESE = re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.I)
_TRADITIONAL = frozenset("們個這來時會說對過後點樣還為開關學問題見請謝務電話號復覆與於將發現經業體讓嗎並專線聯絡係")
_SIMPLIFIED = frozenset("们个这来时会说对过后点样还为开关学问题见请谢务电话号复与于将发现经业体让吗并专线联络系")


def language(text: str, *, model: bool = True) -> str | None:
    """The ISO 639-1 code (and "zh-tw" for traditional Chinese), or None where the text does not tell.

    Without `model`, only script and small words are asked: some thirty times faster.
    """
    sample = text[:READ]
    if not sample.isascii():
        found = _by_script(sample)
        if found:
            return found
    lowered = sample.lower()
    small = _words(lowered)
    ranked = _rank(small)
    words = small if len(lowered) == len(sample) else _words(sample)
    letters = sum(map(len, words))
    if ranked and ranked[0][1] >= 2 and (len(ranked) < 2 or ranked[0][1] > ranked[1][1]):
        # Neighbours share small words: Danish holds some French ones. A text in the language itself is full of them.
        share = ranked[0][1] / min(len(words), WORDS)
        alone = len(ranked) < 2 or ranked[0][1] >= 2 * ranked[1][1]
        if share >= SURE or (share >= SURE / 2 and (alone or letters < MODEL_LETTERS)):
            return ranked[0][0]
    if model and letters >= MODEL_LETTERS:
        code = str(_model().classify(sample)[0])
        return code if code != "zh" else _by_script(sample) or "zh"
    return None


def _words(text: str) -> list[str]:
    return text.translate(_APART).split() if text.isascii() else _LETTERS.findall(text)


def _by_script(sample: str) -> str | None:
    letters = sum(map(str.isalpha, sample))
    if not letters:
        return None
    sample = _ASCII.sub("", sample)
    for code, pattern in _SCRIPTS:
        share = len(pattern.findall(sample)) / letters
        if code == "ja":
            # Some Chinese mails hold a kana or two; Japanese is full of them.
            if share > 0.1:
                return code
        elif code == "zh":
            if share > 0.2:
                traditional = sum(char in _TRADITIONAL and char not in _SIMPLIFIED for char in sample)
                simplified = sum(char in _SIMPLIFIED and char not in _TRADITIONAL for char in sample)
                return "zh-tw" if traditional > simplified else "zh"
        elif share > 0.3:
            return code
    if len(_CYRILLIC.findall(sample)) / letters > 0.3:
        lowered = sample.lower()
        if any(char in lowered for char in "їєґ"):
            return "uk"
        if any(char in lowered for char in "ыэё"):
            return "ru"
        return None
    if len(_VIETNAMESE.findall(sample)) / letters > 0.04:
        return "vi"
    return None


def rank(sample: str) -> list[tuple[str, int]]:
    """Languages we have a file for by how many of the first words are their small words, best first."""
    return _rank(_words(sample.lower()))


def _rank(words: list[str]) -> list[tuple[str, int]]:
    votes: dict[str, int] = {}
    for codes in filter(None, map(_index().get, words[:WORDS])):
        for code in codes:
            votes[code] = votes.get(code, 0) + 1
    return sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))


@cache
def _index() -> dict[str, tuple[str, ...]]:
    index: dict[str, tuple[str, ...]] = {}
    for code, entry in languages().items():
        for word in entry.stopwords:
            index[word] = (*index.get(word, ()), code)
    return index


@cache
def _model() -> Any:
    import py3langid  # 62 MB and a quarter of a second: only for a text that small words do not decide

    return py3langid
