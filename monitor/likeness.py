"""Comparing what people write with what a business is called. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORDS = re.compile(r"[\W_]+")
_LEGAL = frozenset(
    {"ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "doo", "eirl", "eurl", "gmbh",
     "inc", "kft", "kg", "kk", "limited", "llc", "llp", "ltd", "ltda", "mbh", "nv", "oy", "oyj", "plc", "pte", "pty",
     "sa", "sarl", "sas", "sasu", "se", "sl", "spa", "srl", "sro", "zoo"}
)  # fmt: skip
_SERVING = frozenset(
    {"care", "contact", "customercare", "customerservice", "customersupport", "desk", "hello", "help", "helpdesk",
     "hilfe", "hq", "info", "kundenservice", "mail", "service", "serviceclient", "support", "team"}
)  # fmt: skip
"""What a help desk's name has beside the business's own: never enough to show a business by itself."""
_SPELLINGS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "đ": "d", "ø": "o", "å": "aa", "æ": "ae"})
_SHORTEST = 3
_SHORTEST_WITH_MORE = 4


def plain(text: str) -> str:
    """Text for comparing: compatibility forms joined, lower case, quote marks and punctuation gone, single spaces."""
    return _WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def weight(text: str) -> int:
    """Length, a character of a script without spaces counting three."""
    return sum(3 if ord(char) > 0x2E80 else 1 for char in text)


def called(name: str) -> str:
    """A business's name as it is said: plain, without the legal form at its end."""
    words = plain(name).split()
    while len(words) > 1 and words[-1] in _LEGAL:
        words.pop()
    return " ".join(words)


def labels(name: str, domains: Iterable[str]) -> frozenset[str]:
    """How a business may stand in an address: its name and the first labels of its domains, without separators."""
    said = called(name)
    found = {_ascii(said), _ascii(said.translate(_SPELLINGS))}
    found |= {_joined(domain.partition(".")[0]) for domain in domains}
    return frozenset(one for one in found if len(one) >= _SHORTEST and one not in _SERVING)


def stands_for(label: str, known: Iterable[str]) -> bool:
    """Whether a label of an address is one of `known`, alone or with a word such as "support" beside it."""
    joined = _joined(label)
    for one in known:
        if joined == one:
            return True
        if len(one) >= _SHORTEST_WITH_MORE and (
            (joined.startswith(one) and joined[len(one) :] in _SERVING)
            or (joined.endswith(one) and joined[: -len(one)] in _SERVING)
        ):
            return True
    return False


def names(text: str, name: str) -> bool:
    """Whether a display name holds the business's name in whole words; a name of serving words alone never does."""
    said, shown = called(name), plain(text)
    if not said or all(word in _SERVING for word in said.split()):
        return False
    own = " ".join(word for word in shown.split() if word not in _SERVING)
    if own == said:
        return True
    return weight(said) >= 5 and (f" {said} " in f" {shown} " or (not said.isascii() and said in shown))


def _ascii(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    joined = _joined(bare)
    return joined if joined.isascii() else ""


def _joined(text: str) -> str:
    return _WORDS.sub("", text.casefold())
