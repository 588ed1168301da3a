"""The text its sender wrote: a reply without what it quotes, header blocks and the signature below "-- ".

Works on plain text and, by structure, on HTML. Multilingual by shape first (a line that names a date or an address and
ends in a colon, above quoted lines) and by words second. Linear: each line is looked at a bounded number of times.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from probes.mail.decode import html_text
from probes.mail.mime import Mail

QUOTES_IN_HTML = (
    "blockquote, .gmail_quote, .gmail_quote_container, .gmail_attr, .gmail_signature, .yahoo_quoted, .moz-cite-prefix, "
    ".protonmail_quote, .zmail_extra, .tutanota_quote, #divRplyFwdMsg, #divRplyFwdMsg ~ *, #appendonsend, "
    "#appendonsend ~ *, #OLK_SRC_BODY_SECTION, .reply-intro, #reply-intro, .quoted-reply, .mail-quote, "
    ".OutlookMessageHeader, .OutlookMessageHeader ~ *"
)
# Without one of these in its source no element of QUOTES_IN_HTML is there.
_STRUCTURES = (
    "gmail_", "<blockquote", "<BLOCKQUOTE", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra",
    "tutanota_quote", "divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "reply-intro", "quoted-reply",
    "mail-quote", "OutlookMessageHeader",
)  # fmt: skip
_DASHES = ("-", "_", "*", "=")
TEXT_LIMIT = 100_000
LINES_LIMIT = 5_000


def _words(name: str, space: str = r"\s") -> str:
    """Alternatives of a regular expression from the words in phrases/quoting.toml, longest first."""
    words = sorted(_data()[name], key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", space + "{1,3}") for word in words)


@cache
def _data() -> dict[str, list[str]]:
    return tomllib.loads(resources.files("monitor.classify").joinpath("phrases", "quoting.toml").read_text("utf-8"))


_WROTE = re.compile(rf"\b(?:{_words('wrote')})\b|{_words('wrote_unspaced')}", re.I)
_STARTS = re.compile(
    rf"\s{{0,4}}(?:(?:{_words('starts')})\b.{{0,40}}\d|\d{{1,4}}[-/.年]|(?:在|於).{{0,40}}\d|"
    rf"(?:{_words('weekdays')})\w{{0,8}}\b.{{0,20}}\d)",
    re.I,
)
_DATED = re.compile(
    r"\b(?:19|20)\d\d\b|\d{1,2}[:.h]\d\d|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|[^\s@<>]{1,64}@[^\s@<>]{1,255}"
)
_ORIGINAL = re.compile(rf"\s{{0,4}}>{{0,3}}\s?[-_*=]{{2,}}\s{{0,3}}(?:{_words('original')})\s{{0,3}}[-_*=]{{0,}}", re.I)
_FROM = re.compile(rf"[>\s*_]{{0,6}}(?:{_words('from')})[*_]{{0,2}}\s?[:：]", re.I)
_FIELD = re.compile(rf"[>\s*_]{{0,6}}(?:{_words('fields')})[*_]{{0,2}}\s?[:：]", re.I)
_IN_LINE = r"[^\S\n]"  # white space that is no line end
_SENT_FROM = re.compile(rf"^{_IN_LINE}{{0,4}}(?:{_words('sent_from', _IN_LINE)})", re.I | re.M)
_RULE = re.compile(r"\s{0,4}[_\-=*]{10,}\s{0,4}$")
_QUOTED = re.compile(r"\s{0,3}(?:[A-Za-z]{0,4}>|\|\s|＞)")
_QUOTE_MARKS = (">", "|", "＞")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as cut: `new` is what its sender wrote; `answers` says that new text stands above a quoted mail;
    `quotes` that it quotes at all."""

    new: str
    answers: bool
    quotes: bool


def new_text(mail: Mail) -> Reading:
    """What the sender of this mail wrote, as well as it can be told; the whole text where nothing is left."""
    if mail.plain.strip():
        return read(mail.text)
    if not any(sign in mail.html for sign in _STRUCTURES):
        return read(mail.text)
    new = html_text(mail.html, QUOTES_IN_HTML)
    found = read(new or mail.text)
    return Reading(found.new, found.answers or bool(new), True)


def cut(text: str) -> str:
    """The new part of a plain text: quotes, quoted headers and the signature below "-- " are left out."""
    return read(text).new


def read(text: str) -> Reading:
    """Cut a plain text, and say how it quotes."""
    lines = text[:TEXT_LIMIT].split("\n")[:LINES_LIMIT]
    start = _quote_start(lines)
    answers = start < len(lines)
    marked = any(mark in text for mark in _QUOTE_MARKS)
    kept = [line.rstrip() for line in lines[:start] if not (marked and _QUOTED.match(line))]
    quotes = answers or len(kept) < start
    if "--" in kept:
        kept = kept[: kept.index("--")]
    whole = "\n".join(kept)
    sent_from = _SENT_FROM.search(whole)
    if sent_from:
        kept = whole[: sent_from.start()].split("\n")[:-1]
    while kept and (not kept[-1] or _RULE.match(kept[-1])):
        kept.pop()
    return Reading("\n".join(kept).strip("\n"), answers, quotes)


def _quote_start(lines: list[str]) -> int:
    """The line from which all is quoted, else the number of lines. An answer below its quote keeps what follows it."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip() and not _QUOTED.match(lines[at])), -1)
    for at, line in enumerate(lines):
        if ":" not in line and "：" not in line:
            if "--" in line and _ORIGINAL.match(line):
                return _unless_first(at, lines)
            continue
        if (line.lstrip("> \t")[:1] in _DASHES and _ORIGINAL.match(line)) or (
            _FROM.match(line) and _header_block(lines, at)
        ):
            return _unless_first(at, lines)
        size = _attribution(lines, at)
        if size:
            start = at - size + 1
            following = [one for one in lines[at + 1 : at + 7] if one.strip()][:3]
            if last > at and any(_QUOTED.match(one) for one in following):
                lines[start : at + 1] = [""] * size
                continue  # answers stand below or between quoted lines: those are dropped one by one
            return _unless_first(start, lines)
    return len(lines)


def _unless_first(at: int, lines: list[str]) -> int:
    """A mail that begins with a quote mark holds nothing else: keep it whole rather than nothing."""
    return at if any(line.strip() for line in lines[:at]) else len(lines)


def _header_block(lines: list[str], at: int) -> bool:
    following = [line for line in lines[at + 1 : at + 8] if line.strip()][:4]
    return sum(bool(_FIELD.match(line)) for line in following) >= 2


def _attribution(lines: list[str], at: int) -> int:
    """How many lines (1-3), up to this one, are "On ... somebody wrote:"; 0 when they are none."""
    line = lines[at].rstrip("*_ \t")
    if len(line) > 400 or not line.endswith((":", "：")):
        return 0
    following = next((one for one in lines[at + 1 : at + 5] if one.strip()), "")
    quoted = bool(_QUOTED.match(following))
    for size in (1, 2, 3):
        group = lines[max(at - size + 1, 0) : at + 1]
        if len(group) < size or not group[0].strip() or len(group[0]) > 400:
            return 0
        joined = " ".join(one.strip() for one in group)
        if size > 1 and not _STARTS.match(joined):
            continue
        wrote, dated = _WROTE.search(joined), _DATED.search(joined)
        if (wrote and dated) or (quoted and (wrote or dated)):
            # "<anna@...> wrote:" is the second half where the line above begins with a date.
            above = lines[at - 1] if size == 1 and at else ""
            return (
                2
                if above.strip() and len(above) <= 400 and _STARTS.match(above) and not _STARTS.match(joined)
                else size
            )
    return 0
