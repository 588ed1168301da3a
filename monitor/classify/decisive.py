"""Which sentence of a mail its verdict hangs on, for a person who looks at it."""

from __future__ import annotations

import re

from monitor.classify.lexicon import flatten

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_QUOTED = re.compile(r"'([^'\n]{3,})'|\"([^\"\n]{3,})\"")
READ = 20_000


def decisive(text: str, reason: str) -> str:
    """The sentence that holds the words which `reason` quotes; the first sentence where it quotes none of them."""
    sentences = [part.strip() for part in _SENTENCE.split(text[:READ]) if part.strip()]
    for hit in _QUOTED.finditer(reason):
        pieces = [piece.strip(" ~") for piece in (hit[1] or hit[2]).split("*")]
        for sentence in sentences:
            flat = flatten(sentence)
            if all(flatten(piece) in flat for piece in pieces):
                return sentence
    return sentences[0] if sentences else ""
