"""What is put where: only what a visitor sees, consent only where required, choices by intent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from probes.web.filling import CannotFill, Filling, Values, plan
from probes.web.snapshot import Control, Form, Option, Ref

VALUES = Values(
    email="anna@inbox.example", message="Are you open?", name="Anna Berger", subject="Hours", intent="support"
)


def control(key: str, **changes: Any) -> Control:
    base = Control(key=key, name=key, ref=Ref(number=hash(key) % 1000), width=200, height=20, label=key)
    return replace(base, **changes)


MAIL = control("mail", type="email")
TEXT = control("text", tag="textarea", type="textarea")
SEND = control("send", tag="button", type="submit", text="Send")
LABELS = {"mail": "email", "text": "message", "send": "submit"}


def made(*more: Control, **labels: str) -> Filling | CannotFill:
    return plan(Form(controls=(MAIL, TEXT, *more, SEND)), {**LABELS, **labels}, VALUES)


def filled(*more: Control, **labels: str) -> dict[str, str]:
    found = made(*more, **labels)
    assert isinstance(found, Filling), found
    assert found.press == SEND.ref
    return {step.key: step.value or step.action for step in found.steps}


def refused(*more: Control, **labels: str) -> CannotFill:
    found = made(*more, **labels)
    assert isinstance(found, CannotFill), found
    return found


PLAIN = {"mail": "anna@inbox.example", "text": "Are you open?"}


@pytest.mark.parametrize(
    "hidden",
    [
        {"visible": False}, {"width": 1}, {"height": 0}, {"focusable": False}, {"disabled": True}, {"readonly": True},
        {"aria_hidden": True},
    ],
)  # fmt: skip
def test_what_a_visitor_cannot_use_stays_empty_whatever_it_is_called(hidden: dict[str, Any]) -> None:
    assert filled(control("name", **hidden), name="name") == PLAIN
    assert isinstance(plan(Form(controls=(MAIL, replace(TEXT, **hidden), SEND)), LABELS, VALUES), CannotFill)


def test_a_honeypot_stays_empty_even_where_it_can_be_seen() -> None:
    assert filled(control("url"), url="honeypot") == PLAIN


def test_consent_is_ticked_only_where_it_is_required_and_marketing_never() -> None:
    box = control("box", type="checkbox", label="I agree to the privacy policy")
    assert filled(box, box="consent") == PLAIN
    assert filled(replace(box, required=True), box="consent") == PLAIN | {"box": "check"}
    news = control("news", type="checkbox", label="Send me the newsletter with offers")
    assert filled(news, news="other") == PLAIN
    assert refused(replace(news, required=True), news="other").blocked


def test_a_name_is_split_where_the_form_asks_for_its_parts() -> None:
    assert filled(control("a"), control("b"), a="first_name", b="last_name") == PLAIN | {"a": "Anna", "b": "Berger"}


def test_a_required_phone_number_blocks_and_one_that_is_not_required_stays_empty() -> None:
    phone = control("tel", type="tel")
    assert filled(phone, tel="phone") == PLAIN
    assert refused(replace(phone, required=True), tel="phone").blocked


def test_a_required_field_that_nothing_is_known_of_is_not_made_up() -> None:
    field = control("company", required=True)
    assert "company" in refused(field, company="company").reason
    assert filled(replace(field, required=False), company="company") == PLAIN


@pytest.mark.parametrize(
    ("intent", "choice"), [("support", "2"), ("complaint", "3"), ("presale", "1"), ("anything", "4")]
)
def test_a_topic_is_chosen_by_the_intent(intent: str, choice: str) -> None:
    texts = ("Please choose", "Buy a product", "Repair service", "Complaint", "Other question")
    options = tuple(Option(value=str(n) if n else "", text=text) for n, text in enumerate(texts))
    topic = control("topic", tag="select", type="select-one", options=options)
    found = plan(Form(controls=(MAIL, TEXT, topic, SEND)), {**LABELS, "topic": "topic"}, replace(VALUES, intent=intent))
    assert isinstance(found, Filling)
    assert found.steps[-1].value == choice
    radios = tuple(control(text, type="radio", name="t", label=text) for text in texts[1:])
    labels = {**LABELS, **{one.key: "topic" for one in radios}}
    found = plan(Form(controls=(MAIL, TEXT, *radios, SEND)), labels, replace(VALUES, intent=intent))
    assert isinstance(found, Filling)
    assert [step.key for step in found.steps if step.action == "check"] == [texts[int(choice)]]


def test_a_button_that_leads_on_is_pressed_first_and_is_not_the_last() -> None:
    following = control("go", tag="button", type="button", text="Next")
    found = plan(Form(controls=(MAIL, following)), {"mail": "email"}, VALUES)
    assert isinstance(found, Filling)
    assert (found.press, found.last) == (following.ref, False)
