"""What a form asks for, counted: what the types of forms are told by."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from probes.web import words
from probes.web.mapping import BUTTONS, LINES, TEXT, Named
from probes.web.snapshot import Control, Form

_PRICE = re.compile(r"[$€£¥₽₫] ?\d|\d ?(?:[€£₫₽]|zł|Kč|USD|EUR|VND)")
_QUERY = frozenset({
    "q", "s", "query", "search", "keyword", "keywords", "searchword", "search_query", "search_keyword", "term", "wd",
    "suche", "searchterm", "search_term", "searchtext", "kw", "qs", "find", "searchstring", "sstring", "k", "st",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What a form asks for: counts of what can be filled."""

    labels: Counter[str]
    controls: int
    boxes: int
    lines: int
    passwords: int
    selects: int
    ticks: int
    cards: int
    addresses: int
    queries: int
    users: int
    sites: int
    friends: int
    resumes: int
    ratings: int
    quantities: int
    prices: int
    hidden: frozenset[str]


def gather(form: Form, named: tuple[Named, ...]) -> Facts:
    """Counts what can be filled; traps are not asked of anybody."""
    real = [one for one in named if one.label != "honeypot" and one.control.type not in BUTTONS]
    controls = [one.control for one in real]
    boxes = [one for one in controls if one.type in TEXT or one.type == "password"]
    asks = [_asks(one) for one in controls]
    return Facts(
        labels=Counter(one.label for one in real),
        controls=len(named),
        boxes=len(boxes),
        lines=sum(one.type in LINES for one in controls),
        passwords=sum(one.type == "password" for one in controls),
        selects=sum(one.type.startswith("select") for one in controls),
        ticks=sum(one.type in ("checkbox", "radio") for one in controls),
        cards=sum(_is_card(one) for one in controls),
        addresses=sum(_is_address(text) for text in asks),
        queries=sum(_is_query(one) for one in controls),
        users=sum(_is_user(one) for one in controls),
        sites=sum(_is_site(one) for one in controls),
        friends=sum("friend" in words.fold_name(one.name + " " + one.id).split() for one in controls),
        resumes=sum(one.type == "file" and _tells(one, _RESUME) for one in controls),
        ratings=sum(one.type not in LINES and _tells(one, _RATING) for one in controls),
        quantities=sum(words.fold_name(one.name) in ("qty", "quantity", "menge", "anzahl") for one in form.controls),
        prices=len(_PRICE.findall(form.text[:4000])),
        hidden=frozenset(one.name.lower() for one in form.controls if one.hidden),
    )


def _asks(control: Control) -> str:
    texts = (control.label, control.aria, control.placeholder, control.name, control.id)
    return words.fold_name(" ".join(one for one in texts if one))


def _is_card(control: Control) -> bool:
    if control.autocomplete.lower().startswith("cc-"):
        return True
    text = f"{control.label} {control.aria} {control.placeholder}"
    names = words.fold_name(control.name + " " + control.id)
    card = any(one in names for one in ("card number", "cardnumber", "cc number", "ccnum", "card cvc", "cvv"))
    return control.type in TEXT and (card or words.holds("refuse", "payment", text))


_ADDRESS = (
    "street", "address 1", "address1", "zip", "postcode", "postal", "city", "town", "plz", "strasse", "ville",
    "code postal", "ciudad", "codigo postal", "citta", "cap", "cep", "cidade", "plaats", "miasto", "kod pocztowy",
    "город", "улица", "индекс", "thanh pho", "quan huyen", "住所", "郵便番号", "地址", "邮编", "address line", "ort",
)  # fmt: skip


def _is_address(text: str) -> bool:
    padded = f" {text} "
    return any((f" {one} " in padded) if one.isascii() else (one in text) for one in _ADDRESS)


def _is_query(control: Control) -> bool:
    if control.type == "search":
        return True
    if control.type not in TEXT or control.type in LINES:
        return False
    if control.name.lower().rpartition("[")[2].rstrip("]") in _QUERY or control.id.lower() in _QUERY:
        return True
    names = words.keys_in("forms", f"{control.name} {control.id} {control.classes}", names=True)
    says = words.keys_in("forms", f"{control.placeholder} {control.aria}")
    return "search" in names or "search" in says


def _is_user(control: Control) -> bool:
    names = set(words.fold_name(f"{control.name} {control.id}").split())
    return bool(names & {"username", "login", "user", "userid", "usr", "uname"}) or control.autocomplete == "username"


_RESUME = frozenset(
    {"cv", "resume", "lebenslauf", "curriculum", "vitae", "резюме", "简历", "履歴書", "履歷", "zyciorys"}
)
_RATING = frozenset({
    "rating", "ratings", "stars", "bewertung", "valoracion", "avaliacao", "valutazione", "beoordeling", "ocena",
    "оценка", "评分", "評価", "hvezdicky", "puntuacion",
})  # fmt: skip


def _tells(control: Control, known: frozenset[str]) -> bool:
    """Whether one of these words stands in what a control says or is called."""
    return bool(known & set(f"{_asks(control)} {words.fold(control.group)}".split()))


def _is_site(control: Control) -> bool:
    names = set(words.fold_name(f"{control.name} {control.id}").split())
    return control.type == "url" or bool(names & {"url", "website", "homepage", "web"})
