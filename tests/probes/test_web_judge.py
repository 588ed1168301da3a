"""Whether a submission was taken, told from two snapshots and what went over the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from probes.web.judge import Call, judge
from probes.web.snapshot import Control, Form, Page

FIELDS = tuple(
    Control(key=name, name=name, tag=tag, type=kind, width=200, height=20, value=f"our {name}")
    for name, tag, kind in (("mail", "input", "email"), ("message", "textarea", "textarea"))
)
FORM = Form(index=0, action="/send", controls=FIELDS)
BEFORE = Page(url="http://shop.example/contact", text="Contact us Write to us. Send", forms=(FORM,))
POST = Call(method="POST", url="http://shop.example/send", kind="fetch", status=200)


def after(text: str, *, url: str = BEFORE.url, form: Form | None = None) -> Page:
    return Page(url=url, text=text, forms=(form,) if form else ())


def said(body: str) -> Call:
    return replace(POST, media_type="application/json", body=body)


EMPTIED = replace(FORM, controls=tuple(replace(one, value="") for one in FIELDS))
THANKS = "Contact us Thank you, your message has been sent."
CASES: list[tuple[str, Page | None, list[Call], str]] = [
    ("form gone and thanks", after(THANKS), [POST], "confirmed"),
    ("form emptied and thanks", after("Contact us Thanks for your message! Send", form=EMPTIED), [POST], "confirmed"),
    ("new path and thanks", after("Merci, message bien reçu.", url="http://shop.example/x"), [POST], "confirmed"),
    ("a landing page that says nothing", after("Shop", url="http://shop.example/thank-you"), [POST], "confirmed"),
    ("json and form gone", after("Contact us"), [said('{"status": "mail_sent"}')], "confirmed"),
    ("200 alone, the form stands there", after(BEFORE.text, form=FORM), [POST], "unconfirmed"),
    ("thanks alone, the form stands there", after(BEFORE.text + " Thank you", form=FORM), [POST], "unconfirmed"),
    ("form gone alone", after("Contact us"), [POST], "unconfirmed"),
    ("moved to another page alone", after("News", url="http://shop.example/news"), [POST], "unconfirmed"),
    ("json alone", after(BEFORE.text, form=FORM), [said('{"success": true}')], "unconfirmed"),
    ("thanks with a server error", after(THANKS), [replace(POST, status=500)], "unconfirmed"),
    ("nothing went out", after(THANKS), [], "unconfirmed"),
    ("a page of thanks, and nothing went out", after(THANKS, url="http://shop.example/thank-you"), [], "unconfirmed"),
    ("page gone", None, [POST], "unconfirmed"),
    ("line cut", after(BEFORE.text, form=FORM), [replace(POST, status=0, fault="cut")], "unconfirmed"),
    ("validation in json", after(BEFORE.text, form=FORM), [said('{"status": "validation_failed"}')], "rejected"),
    ("spam in json although 200", after("Contact us Thank you"), [said('{"status": "spam"}')], "rejected"),
    ("validation in words", after(BEFORE.text + " This field is required.", form=FORM), [POST], "rejected"),
    ("validation in words, in Chinese", after(BEFORE.text + " 必填项不能为空。", form=EMPTIED), [POST], "rejected"),
    ("status 422", after(BEFORE.text, form=FORM), [replace(POST, status=422)], "rejected"),
    ("a log-in page", after("Thank you, please log in", form=replace(FORM, controls=(
        Control(key="p", name="p", type="password", width=99, height=20),))), [], "unconfirmed"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "calls", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_submission_is_judged_by_two_signs_and_no_error(page: Page | None, calls: list[Call], verdict: str) -> None:
    found = judge(FORM, BEFORE, page, calls)
    assert found.verdict == verdict, found
    assert found.reason


def test_what_we_typed_is_no_word_of_the_site() -> None:
    typed = "Thank you, your message has been sent."
    found = judge(FORM, BEFORE, after(f"{BEFORE.text} {typed}", form=FORM), [POST], ours=[typed])
    assert (found.verdict, found.text) == ("unconfirmed", "")


def test_a_dialog_that_says_thanks_is_a_sign() -> None:
    page = after(BEFORE.text, form=EMPTIED)
    assert judge(FORM, BEFORE, page, [POST], spoken=["Message sent!"]).verdict == "confirmed"
    assert judge(FORM, BEFORE, page, [POST]).verdict == "unconfirmed"


def test_the_pattern_of_an_answered_probe_confirms_the_same_end_and_no_other() -> None:
    silent: Any = after("Contact us")
    first = judge(FORM, BEFORE, silent, [POST])
    assert (first.verdict, judge(FORM, BEFORE, silent, [POST], proven=[first.pattern]).verdict) == (
        "unconfirmed",
        "confirmed",
    )
    other = judge(FORM, BEFORE, silent, [replace(POST, status=302)], proven=[first.pattern])
    assert other.verdict == "unconfirmed"
    broken = judge(FORM, BEFORE, silent, [replace(POST, status=500)], proven=[first.pattern])
    assert (broken.verdict, broken.pattern) == ("unconfirmed", "")
