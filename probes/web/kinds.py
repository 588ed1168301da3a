"""What a form is for: evidence for each type, added up, with reasons in words.

A type's weight is the sum of independent signs (what the form asks for, what its button, headings, names and address
say). What a contact form can never ask for (a password, a card) is a veto, not a weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

from probes.web import words
from probes.web.answers import FormType, Typed
from probes.web.facts import Facts, gather
from probes.web.mapping import BUTTONS, Named
from probes.web.snapshot import Form, Page

TYPES: tuple[FormType, ...] = get_args(FormType)
_OWN = ("its button says", "its heading says", "its before says", "its name holds", "its address holds")
_PLACES = (("button", 3.0), ("heading", 2.5), ("before", 1.5), ("prior", 1.2), ("text", 0.8))


def typed(form: Form, page: Page, named: tuple[Named, ...]) -> Typed:
    """The form's type. `contact` is how much more speaks for a contact form than for the strongest other type."""
    facts = gather(form, named)
    weights = dict.fromkeys(TYPES, 0.0)
    weights["other"] = 2.5
    reasons: dict[FormType, list[tuple[float, str]]] = {one: [] for one in TYPES}
    for what, weight, reason in _signs(form, page, facts):
        weights[what] += weight
        if weight > 0:
            reasons[what].append((weight, reason))
    own = _own_words(reasons, _OWN)
    said = _own_words(reasons, _OWN[:3])
    if said["other"] >= 1.5 and not said["contact"]:
        weights["contact"] -= 8.0
    if not own["contact"]:
        weights["contact"] -= _unsure_of_sending(form, page)
        if max(own[what] for what in ("registration", "order", "login")) >= 3.0:
            weights["contact"] -= 6.0
    if facts.passwords or facts.cards:
        weights["contact"] = min(weights["contact"], -5.0)
        weights["comment"] = min(weights["comment"], 0.0)
    order = sorted(TYPES, key=lambda one: -weights[one])
    best, second = order[0], order[1]
    score = 1 / (1 + math.exp(-(weights[best] - weights[second]) / 2))
    rival = max(weight for one, weight in weights.items() if one != "contact")
    why = [reason for _, reason in sorted(reasons[best], key=lambda one: -one[0])]
    return Typed(
        index=form.index,
        type=best,
        score=round(score, 3),
        contact=round(weights["contact"] - rival, 2),
        reasons=tuple(dict.fromkeys(why)),
    )


def _own_words(reasons: dict[FormType, list[tuple[float, str]]], places: tuple[str, ...]) -> dict[FormType, float]:
    """What a form says of itself for each type: its button, headings, name and address."""
    return {what: sum(weight for weight, one in said if one.startswith(places)) for what, said in reasons.items()}


def _unsure_of_sending(form: Form, page: Page) -> float:
    """How much against a message being sent speaks in a button that says something else."""
    language = words.code_of(page.language)
    buttons = [one for one in form.controls if one.type in ("submit", "image") or one.tag == "button" or not one.native]
    found: set[str] = set()
    for one in buttons:
        found |= words.keys_in("buttons", f"{one.text} {one.value if one.tag == 'input' else ''}", language)
    return 0.0 if "send" in found or not buttons else 4.0 if "not_send" in found else 1.0


# --------------------------------------------------------------------------- signs
def _signs(form: Form, page: Page, facts: Facts) -> Iterator[tuple[FormType, float, str]]:
    yield from _asked_for(form, facts)
    yield from _said(form, page)
    yield from _called(form)
    if form.action.lower().startswith("mailto:"):
        yield "contact", 3.0, "it writes a mail"


def _asked_for(form: Form, facts: Facts) -> Iterator[tuple[FormType, float, str]]:
    has = facts.labels
    reach = bool(has["email"] or has["phone"])
    named = bool(has["name"] or has["first_name"] or has["last_name"])
    if has["message"]:
        yield "contact", 4.0 if facts.lines else 2.0, "it asks for a message"
        yield "comment", 2.5, "it asks for a text"
        for what in ("search", "login", "newsletter", "password_recovery"):
            yield what, -4.0, "it asks for a message"
        yield "registration", -2.0, "it asks for a message"
        yield "order", -1.5, "it asks for a message"
        if reach:
            yield "contact", 2.0, "it asks how to reach the writer"
            yield "comment", 1.0, "it asks how to reach the writer"
        if named:
            yield "contact", 1.0, "it asks for a name"
            yield "comment", 0.7, "it asks for a name"
        if has["subject"] or has["topic"]:
            yield "contact", 2.0, "it asks for a subject"
        if has["phone"] or has["company"]:
            yield "contact", 1.5, "it asks for a number or a company"
        if facts.sites and not has["phone"]:
            yield "comment", 2.5, "it asks for a web site beside the comment"
    elif facts.controls:
        yield "contact", -3.0, "it asks for no message"
        yield "comment", -4.0, "it asks for no text"
    if facts.passwords == 1:
        yield "login", 4.0 if facts.boxes <= 3 else 1.0, "it asks for a password"
        yield "registration", 2.0 if facts.boxes > 3 else 0.5, "it asks for a password"
        if facts.boxes > 4:
            yield "registration", 2.0, "it asks for much beside a password"
    if facts.passwords >= 2:
        yield "registration", 5.0, "it asks for a password twice"
        yield "login", -1.5, "it asks for a password twice"
        if facts.boxes == facts.passwords:
            yield "password_recovery", 6.0, "it asks for nothing but passwords"
    if not facts.passwords:
        yield "login", -3.0, "it asks for no password"
    if facts.cards:
        yield "order", 6.0, "it asks for a card"
    if facts.addresses >= 3:
        yield "order", 1.5, "it asks for a postal address"
        yield "registration", 1.0, "it asks for a postal address"
    if facts.prices >= 2:
        yield "order", 3.0, "it names prices"
    if facts.quantities:
        yield "order", 3.0, "it asks for a quantity"
    if facts.queries:
        yield "search", 5.0 if facts.boxes <= 2 else 2.5, "it has a box for a query"
    if form.role == "search":
        yield "search", 5.0, "it says that it is a search"
    if facts.boxes == 1 and not facts.passwords and not facts.lines:
        yield "search", 0.0 if has["email"] else 1.0, "it has one box"
        if has["email"] and not facts.users:
            yield "newsletter", 2.0, "it asks for an address only"
            yield "password_recovery", 1.0, "it asks for an address only"
    elif 1 < facts.boxes <= 3 and has["email"] and not facts.passwords and not facts.lines:
        yield "newsletter", 1.0, "it asks for an address and little more"
    if not facts.boxes and (facts.selects or facts.ticks):
        yield "other", 1.0, "nothing can be written into it"
        if facts.selects >= 2 and form.method == "get":
            yield "search", 2.0, "it asks to choose and changes nothing"
    if not has["email"]:
        yield "newsletter", -2.0, "it asks for no address"
    if facts.boxes >= 4 and not facts.lines and (named or facts.users) and has["email"]:
        yield "registration", 2.0, "it asks who one is, and for no message"
    if facts.resumes:
        yield "other", 6.0, "it asks for a curriculum vitae"
    if facts.ratings:
        yield "comment", 5.0, "it asks for a rating"
    if facts.friends:
        yield "other", 7.0, "it asks for somebody else's address"
    if facts.hidden & {"comment_post_id", "comment_parent"}:
        yield "comment", 8.0, "it has a comment's hidden fields"
    if facts.hidden & {"_wpcf7", "wpforms[id]", "gform_submit", "form_build_id"} and has["message"]:
        yield "contact", 1.0, "a form builder made it"
    if "add-to-cart" in facts.hidden:
        yield "order", 5.0, "it puts something into a cart"


def _said(form: Form, page: Page) -> Iterator[tuple[FormType, float, str]]:
    language = words.code_of(page.language)
    buttons = [one for one in form.controls if one.type in BUTTONS or one.tag == "button"]
    texts = {
        "button": " . ".join(f"{one.text} {one.value if one.tag == 'input' else ''}" for one in buttons[:6]),
        "heading": f"{form.heading} . {form.label}",
        "before": form.before if form.tagged else "",
        "prior": form.prior[-160:] if form.tagged else "",
        "text": form.text[:1200],
    }
    for place, weight in _PLACES:
        text = texts[place]
        if not text.strip(" ."):
            continue
        for key, found in _by_key(text, language).items():
            yield key, weight, f'its {place} says "{found}"'
    for text, where in ((page.title, "title"), (" . ".join(page.headings[:4]), "headings")):
        for key, found in _by_key(text, language).items():
            if key in ("contact", "registration", "login", "password_recovery", "order"):
                yield key, 0.8 if key == "contact" else 0.6, f'the page\'s {where} says "{found}"'


def _by_key(text: str, language: str) -> dict[FormType, str]:
    found: dict[FormType, str] = {}
    for one in words.find("forms", text, language):
        found.setdefault(one.key, " ".join(one.phrase.words))  # type: ignore[arg-type]
    return found


def _called(form: Form) -> Iterator[tuple[FormType, float, str]]:
    action = form.action.split("?")[0].split("://")[-1].partition("/")[2] if "://" in form.action else form.action
    own = f"{form.id} {form.name} {form.classes}"
    seen: set[str] = set()
    for text, weight, where in (
        (own, 2.5, "its name"),
        (action.split("?")[0][-120:], 2.0, "its address"),
        (" ".join(form.trail[:2]), 1.2, "what it lies in"),
        (" ".join(one.name + " " + one.id for one in form.controls if one.type in BUTTONS), 1.2, "its button's name"),
        (" ".join(one.name + " " + one.value[:40] for one in form.controls if one.hidden), 0.8, "its hidden fields"),
    ):
        for match in words.find("forms", text, names=True):
            if match.key not in seen or weight >= 2.0:
                seen.add(match.key)
                yield match.key, weight, f'{where} holds "{" ".join(match.phrase.words)}"'  # type: ignore[misc]
