"""Text without the people in it: addresses, numbers, links and given names give way to readable blanks. Pure.

One pass from left to right, linear in the text; what is already a blank stays, so redacting twice changes nothing.
It errs on the side of hiding: a figure that might be a telephone number goes, dates and sums stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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
_DATE = re.compile(
    r"(?:19|20)\d\d[./\-\s]{1,3}\d{1,2}[./\-\s]{1,3}\d{1,2}(?:[\sT]{1,2}\d{1,2})?"
    r"|\d{1,2}[./\-\s]{1,3}\d{1,2}[./\-\s]{1,3}(?:19|20)?\d\d(?:\s{1,2}\d{1,2})?"
    r"|\d{1,2}(?:[.:]\d\d)?\s?[-\u2013]\s?\d{1,2}(?:[.:]\d\d)?"
    r"|(?:19|20)\d\d\s?[-/\u2013]\s?(?:19|20)\d\d"
)


def redact(text: str, *, names: Sequence[str] = (), domains: Sequence[str] = ()) -> str:
    """`text` with mail addresses, telephone numbers, links, and the given names and domains made unreadable.

    `names` are whole names of people and businesses, whatever their case and spacing; give parts as names of their own
    where they must go too. `domains` go with everything below them.
    """
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
