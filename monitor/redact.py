"""Text without the people in it: addresses, numbers, links and given names give way to readable blanks. Pure.

One pass from left to right, linear in the text; what is already a blank stays, so redacting twice changes nothing.
It errs on the side of hiding: a figure that might be a telephone number goes, dates and sums stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

ADDRESS, LINK, NUMBER, NAME = "[address]", "[link]", "[number]", "[name]"

_BLANK = r"\[(?:address|link|number|name)\]"
_URL = r"\b(?:https?|ftp)://[^\s<>\"']{1,2000}|\bwww\.[^\s<>\"']{1,500}|\b(?:mailto|tel|sms):[^\s<>\"']{1,500}"
_AT = r"(?:@|＠|\s?[(\[{]\s?(?:at|a|arroba|chez|ät)\s?[)\]}]\s?)"
_DOT = r"(?:\.|\s?[(\[{]\s?(?:dot|point|punkt|punto|chấm)\s?[)\]}]\s?)"
_MAIL = rf"(?<![\w.+-])[\w.+\-!#$%&*/=?^`{{|}}~]{{1,64}}{_AT}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,8}}"
_PHONE = r"(?<![\w.,])(?:\+|00\s?)?\(?\d(?:[\s().\-/\u00a0\u2010-\u2013]{0,3}\d){6,17}(?![\w])"
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


def redact(text: str, *, names: Sequence[str] = (), domains: Sequence[str] = ()) -> str:
    """`text` with mail addresses, telephone numbers, links, and the given names and domains made unreadable.

    `names` are whole names of people and businesses, whatever their case and spacing; give parts as names of their own
    where they must go too. `domains` go with everything below them.
    """
    text, names = _composed(text), [_composed(name) for name in names]
    own = [one.strip().lower().lstrip("@.") for one in domains if one.strip(" @.")]
    kinds = [
        ("blank", _BLANK),
        ("link", _URL),
        ("address", _MAIL),
        *(
            [("domain", _either(own, r"(?<![\w-])(?:[\w-]{1,63}\.){0,6}", r"(?![\w-])(?:/[^\s<>\"']{0,500})?"))]
            if own
            else []
        ),
        ("site", _SITE),
        ("number", _PHONE),
        *([("name", _names(names))] if any(one.strip() for one in names) else []),
    ]
    pattern = re.compile("|".join(f"(?P<{kind}>{one})" for kind, one in kinds), re.I)
    return pattern.sub(_blank, text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _either(words: Sequence[str], before: str, after: str) -> str:
    return before + "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")" + after


def _names(names: Sequence[str]) -> str:
    out: list[str] = []
    for name in sorted({one.strip() for one in names if one.strip()}, key=len, reverse=True):
        words = r"[\s\-_.]{1,3}".join(re.escape(word) for word in re.split(r"[\s\-_.]+", name) if word)
        # Scripts without spaces between words have no edges to look for.
        out.append(words if ord(name[0]) > 0x2E80 else rf"(?<!\w){words}(?:'s|’s)?(?!\w)")
    return "|".join(one for one in out if one) or r"(?!)"


def _blank(hit: re.Match[str]) -> str:
    kind = hit.lastgroup
    if kind == "blank":
        return hit[0]
    if kind == "number":
        return hit[0] if _DATE.fullmatch(hit[0].strip("()")) else NUMBER
    if kind == "name":
        return NAME
    if kind == "address":
        return ADDRESS
    end = len(hit[0].rstrip(".,;:!?)]}'\""))  # what ends the sentence is not the link's
    return LINK + hit[0][end:] if end else hit[0]
