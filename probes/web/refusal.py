"""Whether a form may be filled: everything that forbids it, each with its reason.

Nothing here is weighed: one thing that forbids is enough. `blocked` means that the site asks for something a test
enquiry must not give (an account, a solved captcha, a payment, a contract, a number nobody listens to); `cannot_map`
means that it asks for something no rule can name.
"""

from __future__ import annotations

from collections.abc import Iterator

from probes.web import captcha as captchas
from probes.web import choose, mapping, words
from probes.web.answers import Inspection, Needs
from probes.web.mapping import BUTTONS, Named
from probes.web.snapshot import Control, Form, Page

HARMLESS = frozenset({"submit", "honeypot", "captcha"})


def inspect(page: Page, needs: Needs | None = None) -> Inspection:
    """What would be done with a page, and why: the verdict of `form` and of a probe before it fills anything."""
    needs = needs or Needs()
    choice = choose.choose(page)
    form = page.form(choice.chosen)
    if form is None:
        wall = _wall(page, choice.forms and {one.type for one in choice.forms})
        reasons = (*choice.reasons, *page.problems)
        if wall:
            return Inspection(
                page=page.url, choice=choice, fields={}, captcha=None, verdict="blocked", reasons=(wall, *reasons)
            )
        return Inspection(page=page.url, choice=choice, fields={}, captcha=None, verdict="no_form", reasons=reasons)
    named = mapping.read(form, page)
    captcha = captchas.captcha(page, form)
    blocked = list(_blocked(form, page, named, captcha, needs))
    unmapped = list(_unmapped(named, page, needs))
    return Inspection(
        page=page.url,
        choice=choice,
        fields={one.control.key: one.label for one in named},
        captcha=captcha,
        verdict="blocked" if blocked else "cannot_map" if unmapped else "fillable",
        reasons=(*blocked, *unmapped, *choice.reasons, *page.problems),
    )


def required(control: Control, language: str = "") -> bool:
    """Whether it must be filled: by its mark-up, or by a star or a word at its label."""
    if control.must:
        return True
    texts = (control.label, control.aria, control.placeholder, control.title)
    if any(text.rstrip(" :").endswith("*") or text.startswith("*") for text in texts if text):
        return True
    if not control.label and not control.aria and control.near.rstrip(" :").endswith("*"):
        return True
    return any(_says_required(text, language) for text in texts if text)


def _says_required(text: str, language: str) -> bool:
    return "required" in words.keys_in("refuse", text[-60:], language) and len(text) < 120


# --------------------------------------------------------------------------- blocked
def _blocked(form: Form, page: Page, named: tuple[Named, ...], captcha: str | None, needs: Needs) -> Iterator[str]:
    language = words.code_of(page.language)
    if captcha is not None:
        yield f"a captcha stands before it ({captcha})"
    if any(one.control.type == "password" for one in named):
        yield "it asks for a password"
    wall = _wall_text(f"{form.text} {form.prior}", language)
    if wall:
        yield wall
    for one in named:
        control = one.control
        if one.label in HARMLESS or control.type in BUTTONS or not _usable(control, form):
            continue
        says = " ".join((control.label, control.aria, control.near, control.group, control.placeholder))
        found = words.keys_in("refuse", says, language)
        if "payment" in found and control.type not in ("checkbox", "radio") and one.label in ("other", "name"):
            yield f'it asks for a payment ("{_name(control)}")'
        if not required(control, language):
            continue
        if control.type == "checkbox" and "terms" in found:
            yield f'it wants terms or a contract accepted ("{_name(control)}")'
        if one.label == "phone" and "phone" not in needs.gives:
            yield f'it wants a telephone number, and nobody listens to one ("{_name(control)}")'


def _wall(page: Page, types: object) -> str | None:
    """A log-in wall on a page without a contact form."""
    if isinstance(types, set | frozenset) and types & {"login", "registration"}:
        return _wall_text(f"{page.title} {' '.join(page.headings)} {page.text[:4000]}", words.code_of(page.language))
    return None


def _wall_text(text: str, language: str) -> str | None:
    for one in words.find("refuse", text, language):
        if one.key == "wall":
            return f'it is behind a log-in ("{" ".join(one.phrase.words)}")'
    return None


# --------------------------------------------------------------------------- cannot_map
def _unmapped(named: tuple[Named, ...], page: Page, needs: Needs) -> Iterator[str]:
    language = words.code_of(page.language)
    labels = {one.label for one in named}
    usable = {one.label for one in named if one.control.visible or one.control.type == "checkbox"}
    if "message" not in labels:
        yield "no box for the message"
    elif "message" not in usable and any(one.control.visible for one in named):
        yield "the box for the message cannot be seen"
    if "submit" not in labels:
        yield "nothing that sends it"
    for one in named:
        control = one.control
        if one.label in HARMLESS or control.type in BUTTONS or not required(control, language):
            continue
        if control.readonly or control.disabled:
            continue
        if not control.visible and not control.label_visible:
            continue  # the browser would not let it be filled; what it is for shows when it appears
        if one.label == "consent" or (one.label in needs.gives):
            continue
        if control.type.startswith("select") and _chosen_already(control):
            continue
        if control.type in ("radio",) and one.label in ("other", "topic"):
            continue  # any choice is as good as the other
        if control.type.startswith("select") and control.options and one.label in ("topic", "other") and one.weight > 0:
            continue
        if one.label == "phone":
            continue  # told above, or given
        if one.label == "company" and "company" in needs.gives:
            continue
        yield f'"{_name(control)}" is required, and no rule can fill it'


def _chosen_already(control: Control) -> bool:
    return any(one.selected and one.value.strip() and not one.disabled for one in control.options)


def _usable(control: Control, form: Form) -> bool:
    return control.visible or control.label_visible or not form.visible


def _name(control: Control) -> str:
    return (control.label or control.aria or control.placeholder or control.near or control.key)[:80]
