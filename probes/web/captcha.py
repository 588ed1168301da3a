"""Whether a captcha stands before a form, and of which kind: nothing is ever sent past one.

Vendors are told by their script, frame, widget or answer field; one's own by the box that asks something of a person,
and by what is called a captcha.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from probes.web import mapping, questions, words
from probes.web.snapshot import Control, Form, Mark, Page

VENDORS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("hcaptcha", r"hcaptcha\.com|h-captcha|data-hcaptcha"),
        ("turnstile", r"challenges\.cloudflare\.com/turnstile|cf-turnstile|wpcf7-turnstile"),
        ("friendlycaptcha", r"friendly-?captcha|frc-captcha"),
        ("altcha", r"altcha"),
        ("mtcaptcha", r"mtcaptcha"),
        ("geetest", r"geetest|gt_captcha"),
        ("arkose", r"arkoselabs|funcaptcha"),
        ("aws_waf", r"awswaf|aws-waf-captcha"),
        ("yandex", r"smartcaptcha|smart-captcha"),
        ("tencent", r"tencentcaptcha|captcha\.qq\.com|turing\.captcha"),
        ("keycaptcha", r"keycaptcha|s_s_c_"),
        ("solvemedia", r"solvemedia|adcopy"),
        ("procaptcha", r"procaptcha|prosopo"),
        ("captchafox", r"captchafox"),
        ("cap", r"\bcap-widget\b"),
        ("recaptcha", r"recaptcha"),
    )
)
_RENDER = re.compile(r"[?&;]render=(?!explicit|onload)[\w-]{10,}", re.IGNORECASE)
_OWN = re.compile(
    r"captcha|capcha|securimage|security.?image|verif(y|ication).?(code|image)|validate.?code|captchas?\b",
    re.IGNORECASE,
)
_LETTERS_IMAGE = re.compile(
    r"captcha|securimage|(security|verif\w*|check|auth|seccode)[_-]?(code|image|img)|kcaptcha|vcode", re.IGNORECASE
)
_INNOCENT = re.compile(r"no-?captcha-?needed|captcha-(disabled|off)", re.IGNORECASE)


def captcha(page: Page, form: Form) -> str | None:
    """The kind of captcha before this form; None when there is none.

    recaptcha_v2, recaptcha_v3, a vendor's name, image (letters of a picture), arithmetic, letters, question, or other.
    """
    found = _vendor(form.marks) or _field(form.controls)
    if found == "recaptcha":
        return _which_recaptcha([*form.marks, *page.marks])
    if found:
        return found
    asked = _asked(form, page)
    if asked:
        return asked
    if not form.tagged:
        loose = _vendor(page.marks)
        return _which_recaptcha(page.marks) if loose == "recaptcha" else loose
    return _by_script(page, form) or _named(form) or _without_scripts(form)


def _says(mark: Mark) -> str:
    return " ".join((mark.tag, mark.id, mark.classes, mark.name, mark.source, mark.data))


def _vendor(marks: Iterable[Mark]) -> str | None:
    """The vendor that one of the marks tells of."""
    for mark in marks:
        for kind, pattern in VENDORS:
            if pattern.search(_says(mark)):
                return kind
    return None


def _field(controls: Iterable[Control]) -> str | None:
    """The vendor whose answer goes into one of the form's fields."""
    for one in controls:
        said = f"{one.name} {one.id}"
        if not (one.hidden or not one.visible or one.type == "textarea"):
            said = f"{one.data} {one.classes}" if one.type in mapping.BUTTONS else ""
        for kind, pattern in VENDORS:
            if said and pattern.search(said):
                return kind
    return None


def _which_recaptcha(marks: Iterable[Mark]) -> str:
    """Version 3 and the invisible one give no box to tick; what cannot be told is version 2."""
    scored = any(_RENDER.search(one.source) for one in marks if one.tag == "script")
    box = any(one.sitekey and "size=invisible" not in one.data for one in marks)
    return "recaptcha_v3" if scored and not box else "recaptcha_v2"


def _asked(form: Form, page: Page) -> str | None:
    """What a box of the form asks of a person."""
    image = any(
        one.tag in ("img", "canvas") and _LETTERS_IMAGE.search(_says(one) + " " + one.alt) for one in form.marks
    )
    for one in mapping.read(form, page):
        if one.label != "captcha":
            continue
        asked = questions.kind(one.control)
        if asked in ("arithmetic", "question"):
            return asked
        return "image" if image else asked or "other"
    return "image" if image else None


def _by_script(page: Page, form: Form) -> str | None:
    """A vendor's script that no widget elsewhere on the page accounts for: it may be bound to any form."""
    elsewhere = [mark for other in page.forms if other.index != form.index for mark in other.marks]
    if _vendor(elsewhere):
        return None
    for mark in page.marks:
        if mark.tag in ("script", "iframe", "div") and (kind := _vendor([mark])):
            return _which_recaptcha(page.marks) if kind == "recaptcha" else kind
    return None


def _without_scripts(form: Form) -> str | None:
    """What is asked of those without scripts: the site guards this form, and whether we count is not ours to say."""
    found = words.keys_in("refuse", form.noscript)
    if _OWN.search(form.noscript) or questions.is_sum(form.noscript) or found & {"letters", "sums"}:
        return next((kind for kind, pattern in VENDORS if pattern.search(form.noscript)), "other")
    return None


def _named(form: Form) -> str | None:
    """Something in the form that is called a captcha, though it is no vendor's and no box that can be seen."""
    for mark in form.marks:
        said = _says(mark)
        if _OWN.search(said) and not _INNOCENT.search(said) and mark.tag not in ("input", "textarea"):
            return "image" if mark.tag == "img" else "other"
    for one in form.controls:
        if one.hidden and _OWN.search(one.name) and "captcha" in one.name.lower():
            return "other"
    return None
