"""Promises of an answer: "within 24 hours", "trong vòng 24 giờ", "sous 48 h", "一个工作日内". Simple for now.

A promise is a span of time in a sentence that also speaks of answering or calling. The deadline counts from the
arrival; working days are Monday to Friday of the calendar, without holidays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from monitor.classify.lexicon import first, flatten, languages
from monitor.facts import Promise

SENTENCES = 60

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "a": 1, "an": 1, "un": 1, "une": 1, "deux": 2, "trois": 3,
    "quatre": 4, "cinq": 5, "ein": 1, "eine": 1, "einem": 1, "einer": 1, "eines": 1, "zwei": 2,
    "drei": 3, "vier": 4, "fünf": 5,
    "uno": 1, "una": 1,
    "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "một": 1, "hai": 2, "ba": 3, "bốn": 4, "năm": 5, "vài": 3,
    "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "twenty-four": 24, "forty-eight": 48,
}  # fmt: skip
_NUMBER = r"(\d{1,3}|[a-zà-ỹ一二两兩三四五]{1,12}(?:-[a-z]{1,8})?)"
_RANGE = r"(?:\s?(?:-|to|or|à|ou|bis|oder|a|o|đến|至|到|或)\s?(\d{1,3}))?"
_UNITS = {
    "hour": r"(?:hours?|hrs?|heures?|h|stunden?|horas?|giờ|tiếng|个小时|小时|個小時|小時|钟头)",
    "workday": r"(?:(?:business|working|work) days?|jours? ouvr\w{2,5}|werktag(?:e[ns]?)?|arbeitstag(?:e[ns]?)?|"
    r"días? (?:hábil(?:es)?|laborables?)|"
    r"ngày làm việc|个工作日|個工作日|个工作天|個工作天|工作日|工作天)",
    "day": r"(?:days?|jours?|tag(?:e[ns]?)?|días?|ngày|天|日)",
    "week": r"(?:weeks?|semaines?|wochen?|semanas?|tuần|周|週|星期)",
}
_BEFORE = (
    r"(?:within|in the next|in|under|allow(?: up to)?|up to|less than|sous|dans un délai (?:de|"
    r"maximum de)|dans les|d'ici|en moins de|"
    r"innerhalb (?:von|der nächsten|eines)?|binnen|in den nächsten|en un plazo (?:de|máximo de)|"
    r"en el plazo de|en las próximas|en los próximos|"
    r"dentro de(?: las| los)?|en menos de|en|trong vòng|trong|sau|sẽ mất)"
)
_WITHIN = re.compile(
    rf"\b{_BEFORE}\s(?:the next |next |about |at most |maximum |de |tối đa |"
    rf"khoảng )?{_NUMBER}{_RANGE}\s?({'|'.join(_UNITS.values())})(?![a-zà-ỹ])"
)
_WITHIN_ZH = re.compile(
    rf"(\d{{1,3}}|[一二两兩三四五])(?:\s?[-~至到]\s?(\d{{1,3}}))?\s?({_UNITS['hour']}|{_UNITS['workday']}|"
    rf"{_UNITS['week']}|天)(?:之?内|之?內|以内|以內)"
)
_TOMORROWS = ("tomorrow", "demain", "morgen", "mañana", "ngày mai", "明天", "明日")
_TOMORROW = re.compile(rf"\b(?:{'|'.join(_TOMORROWS[:5])})\b|{'|'.join(_TOMORROWS[5:])}")
# Said of what one tries, does as a rule, or did: no promise.
_NO_PROMISE = re.compile(
    r"\b(?:aim to|aims to|endeavou?r|try to|strive|usually|typically|normally|generally|on average|"
    r"replied|responded|answered|contacted|"
    r"nous nous efforçons|essayons|essaierons|généralement|habituellement|en moyenne|avons répondu|"
    r"bemühen|versuchen|in der regel|normalerweise|"
    r"üblicherweise|intentamos|procuramos|intentaremos|normalmente|generalmente|cố gắng|thông thường|"
    r"thường|đã trả lời|đã phản hồi)\b|"
    r"尽量|盡量|力争|争取|通常|一般|已回复|已回覆"
)
_UNIT = {name: re.compile(pattern) for name, pattern in _UNITS.items()}
_SENTENCE = re.compile(r"[.!?。！？]+(?=\s|$)|[。！？\n]+")


def promise(text: str, codes: Iterable[str], at: datetime | None = None) -> Promise | None:
    """The first promise in a text in one of these languages, with its deadline when `at` (the arrival) is given."""
    if _hit(flatten(text[:6000])) is None:  # most texts name no span of time: their sentences need not be looked at
        return None
    known = languages()
    tables = [known[code] for code in codes if code in known]
    for sentence in _SENTENCE.split(text[:6000])[:SENTENCES]:
        flat = flatten(sentence)
        if not flat or len(flat) > 600:
            continue
        hit = _hit(flat)
        if hit is None or _NO_PROMISE.search(flat):
            continue
        calls = any(first(one.text["promise_call"], flat) for one in tables)
        if not calls and not any(first(one.text["promise_reply"], flat) for one in tables):
            continue
        span = timedelta(days=1) if hit.re is _TOMORROW else _span(hit)
        if span is None:
            continue
        due = None if at is None else _deadline(at, span)
        return Promise(text=" ".join(sentence.split())[:300], due=due, kind="call" if calls else "reply")
    return None


def _hit(flat: str) -> re.Match[str] | None:
    """A span of time or a day; what a pattern cannot do without is looked for first."""
    hit = _WITHIN.search(flat)
    if hit is None and ("内" in flat or "內" in flat):
        hit = _WITHIN_ZH.search(flat)
    if hit is None and any(word in flat for word in _TOMORROWS):
        hit = _TOMORROW.search(flat)
    return hit


def _span(hit: re.Match[str]) -> timedelta | tuple[int, str] | None:
    number = hit[2] or hit[1]
    amount = int(number) if number.isdigit() else _NUMBERS.get(number)
    if amount is None:
        return None
    unit = next(name for name, pattern in _UNIT.items() if pattern.fullmatch(hit[3]))
    if unit == "workday":
        return amount, unit
    return {"hour": timedelta(hours=amount), "day": timedelta(days=amount), "week": timedelta(weeks=amount)}[unit]


def _deadline(at: datetime, span: timedelta | tuple[int, str]) -> datetime:
    if isinstance(span, timedelta):
        return at + span
    left, due = span[0], at
    while left > 0:
        due += timedelta(days=1)
        left -= due.weekday() < 5
    return due
