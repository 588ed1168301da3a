"""The own words of a report on delivery: what stands above the mail that it returns."""

from __future__ import annotations

import re
from functools import cached_property

from monitor.classify.lexicon import Phrase, Table, count, first, flatten, words
from probes.mail.mime import Mail

REPORT_LIMIT = 6_000
"""Characters of the report's own words that are read."""

_HEADERS_IN_TEXT = re.compile(
    r"^[ \t>]{0,4}(?:received|return-path|message-id|from|x-[a-z-]{1,40})[ \t]?:.{0,400}$", re.I | re.M
)


class Report:
    """The report's own words, as they stand and as phrases see them: each reading is made once, when asked for."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    @cached_property
    def own(self) -> str:
        return own_words(self._mail)

    @cached_property
    def flat(self) -> str:
        return flatten(self.own)

    @cached_property
    def _words(self) -> set[str]:
        return words(self.flat)

    def says(self, table: Table) -> Phrase | None:
        """The first phrase of the table that stands in it."""
        return first(table.likely(self._words), self.flat)

    def times(self, table: Table, most: int) -> int:
        return count(table.likely(self._words), self.flat, most)


def own_words(mail: Mail) -> str:
    """The report's own text: up to where a returned mail begins."""
    text = mail.text[: REPORT_LIMIT * 2]
    for hit in _HEADERS_IN_TEXT.finditer(text):
        # One such line may be a server's way of naming the mail; several together are the mail.
        following = text[hit.end() : hit.end() + 400]
        if len(_HEADERS_IN_TEXT.findall(following)) >= 2 and hit.start() > 40:
            text = text[: hit.start()]
            break
    extra = "\n".join(block.get("diagnostic-code") for block in mail.statuses[:10])
    return f"{text[:REPORT_LIMIT]}\n{extra[:2000]}"
