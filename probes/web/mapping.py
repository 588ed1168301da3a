"""What each control of a form is for: the labels of DESIGN section 5.

What a control is, what stands at it and what it is called speak for labels: their weights add up, and the heaviest
wins. What a control is limits what it can be for: a tick box is no message. Then the controls are looked at together:
one message, "Name" beside "First name" is the last name, what cannot be seen among what can is a trap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from probes.web import questions, words
from probes.web.answers import Label
from probes.web.snapshot import Control, Form, Page

LEAST = 2.5
"""Weight under which nothing is believed."""
LEAST_AGAINST = 5.5
"""The same for a control whose own words say nothing that is known: its id alone is too little."""
TEXT = frozenset({"text", "email", "tel", "url", "number", "search", "textarea", "editable", ""})
LINES = frozenset({"textarea", "editable"})
BUTTONS = frozenset({"submit", "button", "image", "reset"})
_MARKUP = (
    ("label", 10.0), ("aria", 9.0), ("placeholder", 8.0), ("near", 6.0), ("title", 5.0), ("described", 2.0),
)  # fmt: skip
_NAMES = (("name", 7.0), ("id", 5.0), ("classes", 2.0), ("data", 1.5))
_AUTOCOMPLETE: dict[str, Label] = {
    "name": "name", "given-name": "first_name", "family-name": "last_name", "email": "email", "tel": "phone",
    "tel-national": "phone", "organization": "company", "street-address": "other", "address-line1": "other",
    "address-line2": "other", "address-level1": "other", "address-level2": "other", "postal-code": "other",
    "country": "other", "country-name": "other", "bday": "other", "url": "other", "honorific-prefix": "other",
    "additional-name": "other", "nickname": "other", "username": "other", "current-password": "other",
    "organization-title": "other", "one-time-code": "other", "tel-country-code": "other",
}  # fmt: skip
_HIDING = frozenset({
    "hidden", "hide", "d-none", "visuallyhidden", "visually-hidden", "invisible", "display-none", "displaynone",
    "screen-reader-text", "sr-only", "offscreen", "off-screen",
})  # fmt: skip
_VENDOR_FIELD = re.compile(r"(g-recaptcha|h-captcha|cf-turnstile|frc-captcha|mtcaptcha|geetest|altcha)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one control is for. `weight`: of what speaks for it; 0 when it is only the rest ("other")."""

    control: Control
    label: Label
    weight: float
    reason: str


def label(form: Form, page: Page) -> dict[str, str]:
    """What each control is for, by its key; those of type=hidden are the page's own business and left out."""
    return {one.control.key: one.label for one in read(form, page)}


def read(form: Form, page: Page) -> tuple[Named, ...]:
    """The same with reasons, in the order of the form."""
    language = words.code_of(page.language)
    controls = [one for one in form.controls if not one.hidden]
    lines = any(one.type in LINES and _could_be_seen(one, form) for one in controls)
    traps = _traps(form, controls)
    found = [_one(one, language, lines=lines, trap=traps.get(one.key, "")) for one in controls]
    found = _one_message(found)
    found = _whose_name(found)
    return tuple(_one_send(found))


# --------------------------------------------------------------------------- one control
def _one(control: Control, language: str, *, lines: bool, trap: str) -> Named:
    if control.type in BUTTONS or control.tag == "button":
        return _button(control, language)
    if _VENDOR_FIELD.search(control.name + " " + control.id):
        return Named(control=control, label="captcha", weight=20.0, reason="the answer of a captcha goes here")
    if trap:
        return Named(control=control, label="honeypot", weight=15.0, reason=trap)
    if control.type in ("password", "file", "color", "range", "week", "month", "datetime-local"):
        return Named(control=control, label="other", weight=10.0, reason=f"it takes a {control.type}")
    if (control.readonly and control.type in TEXT) or control.disabled:
        return Named(control=control, label="other", weight=10.0, reason="nothing can be written into it")
    weights: dict[str, float] = {}
    reasons: dict[str, str] = {}
    allowed = _allowed(control, lines=lines)
    for found, weight, reason in _signs(control, language):
        what = _as_kind(found, control)
        if what in allowed:
            if weight > weights.get(what, 0.0) or what not in reasons:
                reasons[what] = reason
            weights[what] = weights.get(what, 0.0) + weight
    told = any(words.fold(text) for text in (control.label, control.aria, control.placeholder))
    if not weights or max(weights.values()) < (LEAST_AGAINST if told else LEAST):
        return Named(control=control, label="other", weight=0.0, reason="nothing says what it is for")
    best = max(weights, key=lambda what: (weights[what], what != "other"))
    return Named(control=control, label=cast(Label, best), weight=weights[best], reason=reasons[best])


def _signs(control: Control, language: str) -> Iterator[tuple[str, float, str]]:
    """Label, weight and reason of everything that says what a control is for."""
    for token in control.autocomplete.lower().split():
        if token in _AUTOCOMPLETE:
            yield _AUTOCOMPLETE[token], 12.0, f"autocomplete is {token}"
        elif token.startswith(("cc-", "tel-", "new-password", "bday-", "address-", "transaction-")):
            yield "other", 12.0, f"autocomplete is {token}"
    yield from _by_type(control)
    if control.tag == "select" and control.options and not control.multiple:
        yield from _phrases("fields", control.options[0].text, language, 6.0, "its first choice")
    asked = questions.kind(control)
    if asked is not None:
        yield "captcha", 14.0, f"it asks: {asked}"
    if control.type in ("checkbox", "radio") and control.group:
        yield from _phrases("fields", control.group, language, 6.0, "its group")
    for source, weight in _MARKUP:
        text: str = getattr(control, source)
        if source == "near" and text and _has_own_words(control):
            weight = 1.0
        if text:
            yield from _phrases("fields", text, language, weight, f"its {source} text")
    if control.type in ("text", "email", "textarea") and control.value and not control.placeholder:
        yield from _phrases("fields", control.value, language, 5.0, "the text in it")
    for source, weight in _NAMES:
        text = getattr(control, source)
        if text:
            for found, heavy, reason in _phrases("fields", text, language, weight, f"its {source}", names=True):
                sure = found in ("captcha", "honeypot") and source == "classes"
                yield found, 8.0 if sure else heavy, reason
    if control.around:
        for found, weight, reason in _phrases("fields", control.around, language, 2.0, "what it lies in", names=True):
            if found in ("captcha", "honeypot"):
                yield found, weight * 3, reason


def _has_own_words(control: Control) -> bool:
    return bool(words.fold(control.label) or words.fold(control.aria))


def _by_type(control: Control) -> Iterator[tuple[str, float, str]]:
    if control.type == "email" or control.inputmode == "email":
        yield "email", 12.0, "it is an e-mail box"
    elif control.type == "tel" or control.inputmode == "tel":
        yield "phone", 9.0, "it is a telephone box"
    elif control.type in ("url", "date", "time", "search"):
        yield "other", 12.0, f"it is a {control.type} box"
    elif control.type == "number":
        yield "other", 4.0, "it is a number box"
    elif control.type in LINES:
        yield "message", 6.0, "it takes several lines"


def _phrases(
    section: str, text: str, language: str, weight: float, where: str, *, names: bool = False
) -> Iterator[tuple[str, float, str]]:
    """The labels of the phrases in a text: the longest weighs most, others half; long texts say less."""
    found = words.find(section, text, language, names=names)
    if not found:
        return
    share = 1.0 if len(text) <= 70 else 0.6 if len(text) <= 160 else 0.3
    longest = max(found, key=lambda one: (one.end - one.start, -one.start))
    told: set[str] = set()
    for one in sorted(found, key=lambda one: one is not longest):
        if one.key in told:
            continue
        told.add(one.key)
        part = 1.0 if one is longest else 0.5
        yield one.key, weight * share * part, f'{where} says "{" ".join(one.phrase.words)}"'


def _as_kind(found: str, control: Control) -> str:
    """The label as this kind of control has it: a subject, or what one is interested in, is chosen as a topic."""
    if control.type.startswith("select") or control.type == "radio":
        return "topic" if found in ("subject", "interest") else found
    if found == "interest":
        return "other"
    if control.type in TEXT and found == "topic":
        return "subject"
    return found


def _allowed(control: Control, *, lines: bool) -> frozenset[str]:
    if control.type in LINES:
        return frozenset({"message", "honeypot", "captcha", "other"})
    if control.type.startswith("select"):
        return frozenset({"topic", "other", "captcha"})
    if control.type == "radio":
        return frozenset({"topic", "consent", "other", "captcha"})
    if control.type == "checkbox":
        return frozenset({"consent", "captcha", "honeypot", "other"})
    kinds = {
        "email", "name", "first_name", "last_name", "phone", "company", "subject", "captcha", "honeypot", "other",
    }  # fmt: skip
    return frozenset(kinds if lines else kinds | {"message"})


def _button(control: Control, language: str) -> Named:
    says = " ".join(filter(None, (control.text, control.value if control.tag == "input" else "", control.aria)))
    found = words.keys_in("buttons", says, language)
    if control.type == "reset" or ("not_send" in found and "send" not in found):
        return Named(control=control, label="other", weight=5.0, reason=f'it says "{says}"')
    if control.type in ("submit", "image"):
        return Named(control=control, label="submit", weight=10.0 if "send" in found else 6.0, reason="it submits")
    if control.type == "button" and "captcha" in words.keys_in("fields", f"{control.name} {control.id}", names=True):
        return Named(control=control, label="captcha", weight=5.0, reason="it belongs to a captcha")
    if "send" in found:
        return Named(control=control, label="submit", weight=5.0, reason=f'it says "{says}"')
    return Named(control=control, label="other", weight=0.0, reason="a button that does not submit")


# --------------------------------------------------------------------------- traps
def _could_be_seen(control: Control, form: Form) -> bool:
    return control.visible or not form.visible


def _traps(form: Form, controls: list[Control]) -> dict[str, str]:
    """Controls that a person cannot see or use in a form that can be seen: key to reason."""
    boxes = [one for one in controls if one.type in TEXT]
    unseen = [one for one in boxes if not one.visible]
    if not form.visible or len(unseen) * 2 > len(boxes):
        unseen = []  # the form, or most of it, opens later: being unseen says nothing here
    out = {}
    only_lines = [one for one in boxes if one.type in LINES]
    for one in unseen:
        if one.type in LINES and len(only_lines) == 1:
            continue  # an editor that a script puts before it
        out[one.key] = f"a person cannot see it ({one.hidden_by})"
    named = [one for one in boxes if one.visible and _HIDING & set(f"{one.classes} {one.around}".lower().split())]
    if len(named) * 3 <= len(boxes):
        out |= {one.key: "its style's name says that it is hidden" for one in named if one.type not in LINES}
    for one in controls:
        if one.key in out or one.type in BUTTONS or one.type.startswith("select"):
            continue
        if one.tabindex < 0 and one.aria_hidden and form.visible and one.type in TEXT:
            out[one.key] = "a person cannot get to it"
        elif one.type == "checkbox" and form.visible and not (one.visible or one.label_visible):
            called = f"{one.name} {one.id} {one.classes}"
            if "honeypot" in words.keys_in("fields", called, names=True):
                out[one.key] = f"a person cannot see it ({one.hidden_by})"
    return out


# --------------------------------------------------------------------------- all controls together
def _changed(one: Named, what: Label, reason: str) -> Named:
    return Named(control=one.control, label=what, weight=one.weight, reason=reason)


def _one_message(found: list[Named]) -> list[Named]:
    """Of several message boxes the best stays: heaviest, required, largest, first."""
    several = [one for one in found if one.label == "message"]
    if len(several) < 2:
        return found
    best = max(
        several,
        key=lambda one: (one.control.visible, round(one.weight), one.control.must, -one.control.order),
    )
    return [
        one if one.label != "message" or one is best else _changed(one, "other", "another box is the message")
        for one in found
    ]


def _whose_name(found: list[Named]) -> list[Named]:
    """One "name" beside a first name is the last name, beside a last name the first."""
    labels = [one.label for one in found]
    if labels.count("name") != 1:
        return found
    if "first_name" in labels and "last_name" not in labels:
        return [_changed(one, "last_name", "beside a first name") if one.label == "name" else one for one in found]
    if "last_name" in labels and "first_name" not in labels:
        return [_changed(one, "first_name", "beside a last name") if one.label == "name" else one for one in found]
    return found


def _one_send(found: list[Named]) -> list[Named]:
    """Of several buttons that submit, those that do not say so are no submit."""
    several = [one for one in found if one.label == "submit"]
    sure = [one for one in several if one.weight >= 10.0]
    if len(several) < 2 or not sure:
        return found
    return [
        _changed(one, "other", "another button submits") if one.label == "submit" and one.weight < 10.0 else one
        for one in found
    ]
