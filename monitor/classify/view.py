"""One mail as the rules see it: each reading is made once, when first asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from monitor.classify import headers
from monitor.classify.headers import Signs
from monitor.classify.language import language, rank
from monitor.classify.lexicon import Phrase, Table, count, first, flatten, languages, words
from monitor.classify.newtext import Reading, new_text
from probes.mail.mime import Mail

READ = 3_000
"""Characters of the new text that phrases are looked for in."""
OPENING = 700

_TAG = re.compile(r"^(?:\s?\[[^\]]{0,80}\]\s?)+")
_REPLY = re.compile(
    r"^(?:re|aw|sv|antw|rif|ref|odp|vs|r|回复|答复|回覆|答覆|返信|ответ|trả lời|tl)\s?(?:\[\d+\]|\^\d+)?\s?[:：]", re.I
)
_MONEY = re.compile(r"[€$£¥₫]\s?\d|\d\s?(?:€|\$|£|¥|₫|eur\b|usd\b|euros?\b|dollars?\b|vnđ|vnd\b|đồng|元|块)", re.I)
_TEAM = re.compile(
    r"\b(?:team|support|service|desk|department|dept|équipe|equipo|kundendienst|kundenservice|info|"
    r"noreply|ltd|gmbh|inc)\b|团队|客服|bộ phận",
    re.I,
)
_SENTENCE = re.compile(r"[.!?;:。！？]+")
_NOT_LETTERS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase that was found, and of which sign."""

    sign: str
    phrase: Phrase

    def __str__(self) -> str:
        return repr(self.phrase.words)


class View:
    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self._found: dict[str, list[list[Phrase]]] = {}

    @cached_property
    def signs(self) -> Signs:
        return headers.signs(self.mail)

    @cached_property
    def reading(self) -> Reading:
        return new_text(self.mail)

    @property
    def new(self) -> str:
        """The new text."""
        return self.reading.new

    @cached_property
    def flat(self) -> str:
        """The new text as phrases see it."""
        return flatten(self.new[: READ + 500])[:READ]

    @cached_property
    def opening(self) -> str:
        return self.flat[:OPENING]

    @cached_property
    def subject(self) -> str:
        """The subject as phrases see it, without leading [tags]."""
        return _TAG.sub("", flatten(self.mail.subject))

    @cached_property
    def language(self) -> str | None:
        return language(self.new or self.mail.subject)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The languages whose phrases are looked for: its own and English; all of them where it cannot be told."""
        known = languages()
        code = self.language
        if code in known:
            return tuple(dict.fromkeys((str(code), "en", "other")))
        if code is None:
            likely = [one for one, votes in rank(self.new[:READ])[:3] if votes]
            return (*likely, "en", "other") if likely else tuple(known)
        return ("en", "other")

    @cached_property
    def covered(self) -> bool:
        """Whether its language is one we have phrases for."""
        return self.language in languages()

    # ------------------------------------------------------------------------------------------- phrases
    def _tables(self, sign: str) -> list[Table]:
        known = languages()
        return [known[code].text[sign] for code in self.codes]

    @cached_property
    def _words(self) -> set[str]:
        """The words of the new text, and the one that the opening may break off in."""
        return words(self.flat) | words(self.opening[-100:])

    def _likely(self, sign: str) -> list[list[Phrase]]:
        """For each language the phrases of this sign that may stand in the new text."""
        if sign not in self._found:
            self._found[sign] = [table.likely(self._words) for table in self._tables(sign)]
        return self._found[sign]

    def says(self, sign: str, *, opening: bool = False) -> Said | None:
        """The first phrase of this sign in the new text (or its opening)."""
        text = self.opening if opening else self.flat
        for phrases in self._likely(sign):
            found = first(phrases, text)
            if found:
                return Said(sign, found)
        return None

    def says_only(self, sign: str) -> Said | None:
        """A phrase of this sign that is a whole sentence of the opening; one of a single word must be all there is."""
        sentences = [one for line in self.new[:OPENING].splitlines() for one in _SENTENCE.split(flatten(line))]
        bare = [one.replace(",", "").strip(" -–—*_'\"") for one in sentences]
        said = [one for one in bare if one]
        for table in self._tables(sign):
            for phrase in table:
                if phrase.words in said and (" " in phrase.words or len(said) == 1 or not phrase.edge_before):
                    return Said(sign, phrase)
        return None

    def times(self, sign: str, most: int = 3) -> int:
        return max((count(phrases, self.flat, most) for phrases in self._likely(sign)), default=0)

    def titled(self, sign: str, *, start: bool = True) -> Said | None:
        """A phrase of this sign in the subject: at its start unless told otherwise. Replies never count."""
        if self.reply_subject:
            return None
        known = languages()
        for entry in known.values():
            for one in entry.subject[sign]:
                place = one.find(self.subject) if one.pieces[0] in self.subject else None
                if place and (not start or place[0] <= 2):
                    return Said(sign, one)
        return None

    @cached_property
    def first_person(self) -> bool:
        """Whether the new text says "I": help desks' templates say "we"."""
        known = languages()
        for code in self.codes:
            text = self.flat
            for we in known[code].plural:
                text = text.replace(we, "")
            if first(known[code].first_person, text):
                return True
        return False

    @cached_property
    def foot(self) -> str:
        """The end of the whole text, where bulk mail says how to leave."""
        return flatten(self.mail.text[-READ:])

    def leave(self) -> bool:
        """Whether it says how to stop receiving it, anywhere."""
        return self.says("unsubscribe") is not None or any(
            first(table, self.foot) is not None for table in self._tables("unsubscribe")
        )

    @cached_property
    def template_words(self) -> bool:
        """Whether anything stands in it that templates say, too little to decide."""
        return any(
            self.says(one)
            for one in ("received", "follow_up", "ticket", "automatic", "noreply", "notice", "out_of_office")
        )

    @cached_property
    def signed(self) -> str:
        """The last short line, where it is part of the sender's name; "" otherwise. Templates sign as a team."""
        sender = self.mail.sender
        names = {word for word in _NOT_LETTERS.split(f"{sender.name} {sender.local}".lower()) if len(word) >= 3}
        for line in [line.strip(" ,-*_") for line in self.new.split("\n") if line.strip()][-3:]:
            words = _NOT_LETTERS.split(line.lower())
            if words[0] in names and len(words) <= 3 and len(line) <= 40 and not _TEAM.search(line):
                return line
        return ""

    # ------------------------------------------------------------------------------------------- circumstances
    @cached_property
    def reply_subject(self) -> bool:
        return bool(_REPLY.match(self.subject))

    @cached_property
    def threaded(self) -> bool:
        return bool(self.mail.in_reply_to or self.mail.references or self.reply_subject)

    @cached_property
    def quoting(self) -> bool:
        return self.reading.quotes

    @cached_property
    def answering(self) -> bool:
        """Whether new text stands above a quoted mail."""
        return self.reading.answers

    @cached_property
    def priced(self) -> bool:
        """Whether a sum of money stands in it: templates of acknowledgements name none."""
        return bool(_MONEY.search(self.flat))

    @cached_property
    def links(self) -> int:
        sources = (self.mail.text[:50_000].lower(), self.mail.html[:100_000].lower())
        return sum(source.count("http://") + source.count("https://") for source in sources)
