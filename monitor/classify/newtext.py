"""The text its sender wrote: a reply without what it quotes, header blocks and the signature below "-- ".

Works on plain text and, by structure, on HTML. Multilingual by shape first (a line that names a date or an address and
ends in a colon, above quoted lines) and by words second. Linear: each line is looked at a bounded number of times.
"""

from __future__ import annotations

import re
import tomllib
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
TEXT_LIMIT = 100_000
LINES_LIMIT = 5_000


def _words(name: str) -> str:
    """Alternatives of a regular expression from the words in phrases/quoting.toml, longest first."""
    words = sorted(_data()[name], key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"\s{1,3}") for word in words)


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
_SENT_FROM = re.compile(rf"\s{{0,4}}(?:{_words('sent_from')})", re.I)
_RULE = re.compile(r"\s{0,4}[_\-=*]{10,}\s{0,4}$")
_QUOTED = re.compile(r"\s{0,3}(?:[A-Za-z]{0,4}>|\|\s|＞)")


def new_text(mail: Mail) -> str:
    """What the sender of this mail wrote, as well as it can be told; the whole text where nothing is left."""
    plain = mail.plain
    if plain.strip():
        whole = mail.text
    else:
        whole = html_text(mail.html, QUOTES_IN_HTML) or mail.text
    return cut(whole)


def cut(text: str) -> str:
    """The new part of a plain text: quotes, quoted headers and the signature below "-- " are left out."""
    lines = text[:TEXT_LIMIT].split("\n")[:LINES_LIMIT]
    lines = lines[: _quote_start(lines)]
    kept = [line.rstrip() for line in lines if not _QUOTED.match(line)]
    for at, line in enumerate(kept):
        if line in {"--", "-- "} or _SENT_FROM.match(line):
            kept = kept[:at]
            break
    while kept and (not kept[-1] or _RULE.match(kept[-1])):
        kept.pop()
    return "\n".join(kept).strip("\n")


def answers(text: str) -> bool:
    """Whether new text stands above a quoted mail: the shape of an answer."""
    lines = text[:TEXT_LIMIT].split("\n")[:LINES_LIMIT]
    return _quote_start(lines) < len(lines)


def quotes(text: str) -> bool:
    """Whether the text quotes another mail."""
    lines = text[:TEXT_LIMIT].split("\n")[:LINES_LIMIT]
    return _quote_start(lines) < len(lines) or any(_QUOTED.match(line) for line in lines)


def _quote_start(lines: list[str]) -> int:
    """The line from which all is quoted, else the number of lines. An answer below its quote keeps what follows it."""
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if _ORIGINAL.match(line):
            return _unless_first(at, lines)
        if _FROM.match(line) and _header_block(lines, at):
            return _unless_first(at, lines)
        if _attribution(lines, at):
            below = [one for one in lines[at + 1 :] if one.strip()]
            after = [one for one in below if not _QUOTED.match(one)]
            if below and any(_QUOTED.match(one) for one in below[:3]) and after:
                lines[at : at + _attribution(lines, at)] = [""] * _attribution(lines, at)
                continue  # answers stand below or between quoted lines: those are dropped one by one
            return _unless_first(at, lines)
    return len(lines)


def _unless_first(at: int, lines: list[str]) -> int:
    """A mail that begins with a quote mark holds nothing else: keep it whole rather than nothing."""
    return at if any(line.strip() for line in lines[:at]) else len(lines)


def _header_block(lines: list[str], at: int) -> bool:
    following = [line for line in lines[at + 1 : at + 8] if line.strip()][:4]
    return sum(bool(_FIELD.match(line)) for line in following) >= 2


def _attribution(lines: list[str], at: int) -> int:
    """How many lines (1-3) from here are "On ... somebody wrote:"; 0 when it is none."""
    for size in (1, 2, 3):
        group = lines[at : at + size]
        if len(group) < size or not group[-1].strip() or len(group[-1]) > 400:
            return 0
        if not group[-1].rstrip("*_ \t").endswith((":", "：")):
            continue
        joined = " ".join(line.strip() for line in group)
        if size > 1 and not _STARTS.match(joined):
            return 0
        following = next((one for one in lines[at + size : at + size + 4] if one.strip()), "")
        quoted = bool(_QUOTED.match(following))
        wrote = bool(_WROTE.search(joined))
        return size if (wrote and (quoted or _DATED.search(joined))) or (quoted and _DATED.search(joined)) else 0
    return 0
