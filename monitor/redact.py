"""Text without the people in it: addresses, numbers, links and names give way to readable blanks. Pure.

Names go first where letters have them (naming.spans), then one pass from left to right, linear in the text; what is
already a blank stays, so redacting twice changes nothing. It errs on the side of hiding: a figure that might be a
telephone number goes, dates and sums stay; "Will" and "May" stay where only their place could tell that they are names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from monitor.naming import fold, is_told, parts, spans
from monitor.streets import STREET

ADDRESS, LINK, NUMBER, NAME, PLACE = "[address]", "[link]", "[number]", "[name]", "[street]"

_BLANK = r"\[(?:address|link|number|name|street)\]"
_URL = r"\b(?:https?|ftp)://[^\s<>\"']{1,2000}|\bwww\.[^\s<>\"']{1,500}|\b(?:mailto|tel|sms):[^\s<>\"']{1,500}"
_AT = r"(?:@|＠|\s?[(\[{]\s?(?:at|a|arroba|chez|ät)\s?[)\]}]\s?)"
_DOT = r"(?:\.|\s?[(\[{]\s?(?:dot|point|punkt|punto|chấm)\s?[)\]}]\s?)"
_MAIL = rf"(?<![\w.+-])[\w.+\-!#$%&*/=?^`{{|}}~]{{1,64}}{_AT}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,8}}"
_LETTER = r"[^\W\u2e80-\uffef]"  # scripts without spaces between words have no edges
_GAP = r"[\s().\-/\u00a0\u2010-\u2013]{0,3}"
_PHONE = rf"(?<!{_LETTER})(?<!\d[.,])(?:\+|00\s?)?\(?\d(?:{_GAP}\d){{6,17}}(?!{_LETTER})"
_CODE = r"(?<![\w\-])(?-i:[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,8}(?:[ ]?[A-Z0-9]{1,3})?)(?!\w)"  # IBAN
_CODE += r"|(?<![\w\-])[a-z]{1,8}(?:\d{2,4}[\-_/])?[\-#_/]?\d{5,30}(?:[\-_/]\d{1,12}){0,4}(?!\w)"
_CODE += r"|(?<!\w)(?<!\d[.,])\d{18,60}(?!\w)"
_WORDS = re.compile(r"[^\W\d_]+")
_WORD = rf"(?<!{_LETTER})[^\W\d_\u2e80-\uffef]++(?!{_LETTER})"
_SITES = (
    "com|net|org|info|biz|shop|store|online|site|app|io|co|eu|de|fr|es|it|uk|at|ch|be|nl|pl|pt|se|no|dk|fi|ie|us|ca|au|nz|"
    "vn|cn|tw|hk|jp|kr|ru|br|mx|example|test"
)  # fmt: skip
_SITE = rf"(?<![\w.@-])(?:[\w-]{{1,63}}\.){{1,6}}(?:{_SITES})(?![\w-])(?:/[^\s<>\"']{{0,500}})?"
_LEGAL_FORM = re.compile(
    "gmbh|ggmbh|mbh|ag|kg|kgaa|ug|ohg|gbr|ek|ev|eg|se|ltd|limited|llc|llp|lp|plc|inc|incorporated|corp|corporation|co"
    "|company|sa|sàrl|sarl|sas|sasu|eurl|snc|scop|srl|spa|sl|slu|bv|nv|vof|oy|oyj|ab|as|asa|aps|ks|sro|kft|zrt|bt|doo"
    "|ooo|zao|oao|pte|pty|bhd|sdn|jsc|tnhh|cp|cty|kk"
)
_DATE = re.compile(
    r"(?:19|20)\d\d[./\-\s]{1,3}\d{1,2}[./\-\s]{1,3}\d{1,2}(?:[\sT]{1,2}\d{1,2})?"
    r"|\d{1,2}[./\-\s]{1,3}\d{1,2}[./\-\s]{1,3}(?:19|20)?\d\d(?:\s{1,2}\d{1,2})?"
    r"|\d{1,2}(?:[.:]\d\d)?\s?[-\u2013]\s?\d{1,2}(?:[.:]\d\d)?"
    r"|(?:19|20)\d\d\s?[-/\u2013]\s?(?:19|20)\d\d"
)


def names_of(business: str, domains: Iterable[str] = ()) -> tuple[str, ...]:
    """What a business may call itself in a reply: its name, that without its legal form or what stands in brackets, in
    one word, and the names of its registered domains ("velo-meier" of "velo-meier.example")."""
    bare = re.sub(r"[(\[（].*?[)\]）]", " ", business)
    words = re.split(r"[\s,]+", bare.strip())
    while len(words) > 1 and (words[-1] in {"&", "+", "und", "and", "et", "y", "e"} or _is_form(words[-1])):
        words.pop()
    while len(words) > 1 and _is_form(words[0]):
        words.pop(0)
    found = [business, bare, " ".join(words), "".join(re.split(r"[\W_]+", "".join(words)))]
    found += [label for domain in domains if len(label := domain.partition(".")[0]) > 3]
    return tuple(dict.fromkeys(one.strip() for one in found if len(one.strip()) > 2 or one == business))


def _is_form(word: str) -> bool:
    return _LEGAL_FORM.fullmatch(word.replace(".", "").casefold()) is not None


def redact(
    text: str,
    *,
    always: tuple[str, ...] = (),
    names: Sequence[str] = (),
    domains: Sequence[str] = (),
    people: Sequence[str] = (),
    spared: Sequence[str] = (),
) -> str:
    """`text` with addresses, telephone and account numbers, links, and names made unreadable.

    `names` are whole names, whatever their case and spacing; give parts as names of their own where they must go too.
    `always`: the same, of many; they are put together once for many texts. `people` are names of persons: they go like
    `names`, and each of their parts where it is written with a capital. `spared`: words that stay all the same (those
    of a business that is named). `domains` go with everything below them.
    """
    text = _composed(text)
    told = (one for one in people if is_told(one, but=spared))
    known = parts(people, but=spared)
    patterns = [
        _KINDS,
        *_given((), tuple(domains)),
        *_given(tuple(dict.fromkeys((*names, *told))), ()),
        *_given(always, ()),
    ]
    if known:
        patterns.append(_ANY_WORD)
    return _blanked(_without_placed(text, spared), patterns, known)


def _blanked(text: str, patterns: Sequence[re.Pattern[str]], known: AbstractSet[str]) -> str:
    """One pass with several patterns: the leftmost hit counts, of two at one place that of the earlier pattern."""
    out: list[str] = []
    at = 0
    hits = [pattern.search(text) for pattern in patterns]
    while True:
        first = min((hit.start() for hit in hits if hit), default=None)
        if first is None:
            return "".join((*out, text[at:]))
        hit = next(one for one in hits if one and one.start() == first)
        out += (text[at:first], _blank(hit, known))
        at = hit.end()
        hits = [
            one if one is None or one.start() >= at else p.search(text, at)
            for one, p in zip(hits, patterns, strict=True)
        ]


def _without_placed(text: str, spared: Sequence[str]) -> str:
    """`text` without the names that stand where letters have them."""
    staying = {fold(word) for one in spared for word in _WORDS.findall(one)}
    out: list[str] = []
    at = 0
    for start, end in spans(text):
        if all(fold(word) in staying for word in _WORDS.findall(text[start:end])):
            continue
        out += (text[at:start], NAME)
        at = end
    return "".join((*out, text[at:]))


@lru_cache(maxsize=64)
def _given(names: tuple[str, ...], domains: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    own = [one.strip().lower().lstrip("@.") for one in domains if one.strip(" @.")]
    named = [composed for one in names if (composed := _composed(one)).strip()]
    found: list[re.Pattern[str]] = []
    if own:
        below = _either(own, r"(?<![\w-])(?:[\w-]{1,63}\.){0,6}", r"(?![\w-])(?:/[^\s<>\"']{0,500})?")
        found.append(re.compile(f"(?P<domain>{below})", re.I))
    if named:
        found.append(re.compile(f"(?P<name>{_names(named)})", re.I))
    return tuple(found)


_KINDS = re.compile(
    f"(?P<blank>{_BLANK})|(?P<link>{_URL})|(?P<address>{_MAIL})|(?P<site>{_SITE})|(?P<street>{STREET})"
    f"|(?P<number>{_PHONE})|(?P<code>{_CODE})",
    re.I,
)
_ANY_WORD = re.compile(f"(?P<word>{_WORD})")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _either(words: Sequence[str], before: str, after: str) -> str:
    return before + "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")" + after


def _names(names: Sequence[str]) -> str:
    edged: list[str] = []
    edgeless: list[str] = []  # scripts without spaces between words have no edges to look for
    for name in sorted({one.strip() for one in names if one.strip()}, key=len, reverse=True):
        words = r"[\s\-_.]{1,3}".join(re.escape(word) for word in re.split(r"[\s\-_.]+", name) if word)
        if words:
            (edgeless if ord(name[0]) > 0x2E80 else edged).append(words)
    found = [rf"(?<!{_LETTER})(?:{'|'.join(edged)})(?:'s|’s)?(?!{_LETTER})"] if edged else []
    return "|".join(found + edgeless) or r"(?!)"


def _blank(hit: re.Match[str], known: AbstractSet[str]) -> str:
    kind = hit.lastgroup
    if kind == "word":
        return NAME if hit[0][0].isupper() and fold(hit[0]) in known else hit[0]
    if kind == "blank":
        return hit[0]
    if kind == "street":
        end = len(hit[0].rstrip(" ."))
        return PLACE + hit[0][end:]
    if kind == "code":
        return NUMBER
    if kind == "number":
        return hit[0] if _DATE.fullmatch(hit[0].strip("()")) else NUMBER
    if kind == "name":
        return NAME
    if kind == "address":
        return ADDRESS
    end = len(hit[0].rstrip(".,;:!?)]}'\""))  # what ends the sentence is not the link's
    return LINK + hit[0][end:] if end else hit[0]
