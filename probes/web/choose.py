"""Which form of a page an enquiry goes into: the contact form, if there is one that can be believed."""

from __future__ import annotations

from probes.web import kinds, mapping
from probes.web.answers import Choice, Typed
from probes.web.captcha import captcha
from probes.web.mapping import LINES, Named
from probes.web.snapshot import Form, Page

DISTINCT = 2
"""Kinds of field that must be there, the message among them, before a form is believed to be a contact form."""
LIKE = 3.0
"""Evidence by which two contact forms are about as sure."""
LOOSE = 40
"""Controls outside any form beyond which they are many things at once."""
_WHO = frozenset({"email", "phone", "name", "first_name", "last_name"})


def choose(page: Page) -> Choice:
    """Every form's type, and which one to write into."""
    read = {form.index: mapping.read(form, page) for form in page.forms}
    types = tuple(kinds.typed(form, page, read[form.index]) for form in page.forms)
    good = [
        (one, form)
        for one, form in zip(types, page.forms, strict=True)
        if one.type == "contact" and believable(form, read[one.index])
    ]
    if not good:
        unbuilt = next((one for one, form in zip(types, page.forms, strict=True) if _unbuilt(one, form)), None)
        if unbuilt is not None:
            return Choice(
                forms=types,
                chosen=unbuilt.index,
                reasons=("a contact form without fields: its scripts did not build them",),
            )
        return Choice(forms=types, chosen=None, reasons=(_why_none(types),))
    best, form = max(good, key=lambda pair: _rank(pair[0], pair[1], page))
    reasons = [f"form {best.index} is a contact form: {'; '.join(best.reasons[:3])}"]
    if len(good) > 1:
        reasons.append(f"the likeliest of {len(good)} that could be")
    if not form.visible:
        reasons.append("it is not to be seen until something is clicked")
    return Choice(forms=types, chosen=best.index, reasons=tuple(reasons))


def believable(form: Form, named: tuple[Named, ...]) -> bool:
    """Whether a form asks for enough different things that what it is can be believed."""
    labels = {one.label for one in named}
    lines = any(one.label == "message" and one.control.type in LINES for one in named)
    if "message" not in labels or len(labels & _WHO) < DISTINCT - 1:
        return False
    if not form.tagged:
        return lines and bool(labels & {"email", "phone"}) and len(named) <= LOOSE
    return lines or (bool(labels & {"email", "phone"}) and bool(labels & {"name", "first_name", "last_name"}))


def _unbuilt(one: Typed, form: Form) -> bool:
    return one.type == "contact" and form.tagged and not any(not control.hidden for control in form.controls)


def _rank(one: Typed, form: Form, page: Page) -> tuple[bool, bool, float]:
    """Of several contact forms one that can be seen, and is a <form>; then the surest, or one about as sure that is
    offered without a captcha."""
    return form.visible, form.tagged, one.contact - (LIKE if captcha(page, form) else 0.0)


def _why_none(types: tuple[Typed, ...]) -> str:
    if not types:
        return "the page has no form"
    found = ", ".join(sorted({one.type for one in types}))
    return f"none of the {len(types)} forms is a contact form (found: {found})"
