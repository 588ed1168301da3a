"""What the deciders of this package say of a page, as data.

    choose.choose(page) -> Choice                     which form is which, and which one an enquiry would go into
    mapping.label(form, page) -> {control key: label} what each control is for; every key that is not of type=hidden
    captcha.captcha(page, form) -> str | None         kind of captcha that stands before this form
    refusal.inspect(page, needs) -> Inspection        all of it, and whether the form may be filled
    contact.links(page) -> (ContactLink, ...)         where the contact page may be, the likeliest first, same site only
    contact.published(page) -> Published              mail addresses and numbers for enquiries

All are pure: the same snapshot gives the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FormType = Literal[
    "contact", "comment", "search", "login", "registration", "order", "newsletter", "password_recovery", "other"
]
Label = Literal[
    "email", "message", "name", "first_name", "last_name", "phone", "company", "subject", "topic", "consent",
    "honeypot", "captcha", "submit", "other",
]  # fmt: skip
Verdict = Literal["fillable", "no_form", "blocked", "cannot_map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What one form is. `score`: 0 to 1, how sure of `type`; `contact`: evidence for a contact form."""

    index: int
    type: FormType
    score: float
    contact: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Every form's type, and the index of the one to write into, None when there is none."""

    forms: tuple[Typed, ...]
    chosen: int | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the writer can give: labels of DESIGN section 5. A phone number only when somebody listens to it."""

    gives: frozenset[str] = frozenset({"email", "message", "name", "first_name", "last_name", "subject", "topic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What would be done with a page, and why. `captcha`: kind of the captcha before the chosen form."""

    page: str
    choice: Choice
    fields: Mapping[str, str]
    captcha: str | None
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLink:
    """A link that may lead to the contact page; a higher score is likelier."""

    href: str
    text: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How a site says it can be reached. `links`: where the contact page may be."""

    mails: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    links: tuple[ContactLink, ...] = field(default=())
