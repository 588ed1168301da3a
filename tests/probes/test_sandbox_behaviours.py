"""The planted behaviours are complete, make sense, and cannot contradict the truth that stands beside them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from probes.contract import ProbeError
from probes.sandbox.behaviours import WINDOWS, Business, PlannedMail, Truth, businesses, headline, time_of
from probes.sandbox.compose import template
from probes.sandbox.forms import FormBusiness, form_businesses
from probes.sandbox.websites import FORMS
from probes.sandbox.world import check, junk_senders

EVERY = businesses()
BY_FORM = form_businesses()
READERS = tuple(reader for one in BY_FORM for reader in one.everybody)

PEOPLE = ("person-", "opt-out")
"""Templates that a person wrote to the one who asked."""

KINDS = {"person-": "human", "opt-out": "opt_out", "ack-": "auto_acknowledgement", "absence-": "out_of_office"}
"""What the first words of a template's name say its mail is; other templates are no replies."""


def kind_of(mail: PlannedMail) -> str | None:
    return next((kind for start, kind in KINDS.items() if mail.template.startswith(start)), None)


def replies(business: Business) -> list[PlannedMail]:
    return sorted((mail for mail in business.mails if kind_of(mail)), key=lambda mail: mail.after)


def planted(word: str) -> list[Business]:
    return [business for business in EVERY if word in business.planted]


@pytest.mark.parametrize(
    "word",
    [
        "a prompt person", "a slow person", "an acknowledgement, then a person", "its promise broken", "silence",
        "refused at SMTP", "greylisting", "then bounced", "a delay notice, then a person", "a delay notice, and",
        "out of office", "a noreply address", "help desk's domain", "without any thread header", "junk folder",
        "in French", "in Vietnamese", "in Chinese", "in HTML only", "in broken MIME", "a stranger's",
        "forges another's bounce", "after a forged bounce", "opts out", "opted out before", "no address",
    ],
)  # fmt: skip
def test_every_behaviour_is_planted(word: str) -> None:
    assert planted(word)


def test_there_are_enough_businesses_for_a_headline() -> None:
    assert len(EVERY) >= 24
    in_denominator = [b for b in EVERY if b.truth.dispositions[1] in {"answered", "machine_only", "unanswered"}]
    assert len({b.group or b.key for b in in_denominator}) >= 10


def test_the_planted_headline_is_counted_by_hand() -> None:
    assert headline(EVERY, 0) == (22, 38)
    assert headline(EVERY, 1) == (15, 38)
    assert headline(EVERY, 2) == (13, 38)


def test_they_can_live_in_one_world() -> None:
    check([*EVERY, *READERS])


def test_a_world_with_two_businesses_of_one_domain_is_refused() -> None:
    one, other = EVERY[:2]
    twin = Business(key="twin", name="Twin", planted="silence", domain=one.domain, truth=other.truth)
    with pytest.raises(ProbeError, match="northside-cycles"):
        check([one, twin])


def test_a_mail_about_a_business_that_does_not_exist_is_refused() -> None:
    mail = PlannedMail(template="bounce-forged", after=timedelta(hours=1), about="nobody")
    lone = Business(key="lone", name="Lone", planted="", domain="lone.example", truth=EVERY[0].truth, mails=(mail,))
    with pytest.raises(ProbeError, match="nobody"):
        check([lone])


def test_every_domain_is_reserved() -> None:
    domains = {business.domain for business in (*EVERY, *READERS)} | {
        p for business in EVERY for p in business.partners
    }
    domains |= {mail.sender.rpartition("@")[2] for b in EVERY for mail in b.mails if mail.sender}
    assert {domain.rpartition(".")[2] for domain in domains} == {"example", "test"}


@pytest.mark.parametrize("business", EVERY, ids=lambda b: b.key)
def test_the_truth_agrees_with_what_is_planted(business: Business) -> None:
    """First reply and first answer, read off the planted mails by the names of their templates."""
    mails = replies(business)
    people = [mail for mail in mails if mail.template.startswith(PEOPLE)]
    truth = business.truth
    assert len(truth.dispositions) == len(WINDOWS)
    assert truth.first_reply == (kind_of(mails[0]) if mails else None)
    assert truth.first_answer == (people[0].after if people else None)
    for window, disposition in zip(WINDOWS, truth.dispositions, strict=True):
        answered = truth.first_answer is not None and truth.first_answer <= window
        assert (disposition == "answered") == answered
        if disposition == "machine_only":
            assert mails
            assert mails[0].after <= window


@pytest.mark.parametrize("one", BY_FORM, ids=lambda one: one.key)
def test_the_truth_of_a_form_agrees_with_what_is_planted(one: FormBusiness) -> None:
    test_the_truth_agrees_with_what_is_planted(
        replace(one.behind, mails=tuple(m for r in one.everybody for m in r.mails))
    )
    assert one.takes == int(one.truth.dispositions[0] not in {"blocked", "not_sent"})
    assert one.form in FORMS


def test_every_kind_of_form_is_planted_but_one_that_must_be_looked_for() -> None:
    assert {one.form for one in BY_FORM} == set(FORMS) - {"linked"}
    assert {one.behind.language for one in BY_FORM} == {"en", "fr", "vi", "zh"}
    assert [len(one.passed_to) for one in BY_FORM if one.form == "marketplace"] == [3]


@pytest.mark.parametrize("business", EVERY, ids=lambda b: b.key)
def test_a_business_that_takes_no_mail_says_nothing(business: Business) -> None:
    taken = business.truth.dispositions[0] not in {"not_sent", "suppressed", "not_contactable"}
    assert business.takes == int(taken)
    if not taken:
        assert business.mails == ()
        assert len(set(business.truth.dispositions)) == 1


def test_every_template_is_used_and_every_mail_has_its_template() -> None:
    from importlib.resources import files

    there = {path.name.removesuffix(".eml") for path in files("probes.sandbox").joinpath("replies").iterdir()}
    assert there == {mail.template for business in (*EVERY, *READERS) for mail in business.mails}


def test_no_two_businesses_write_the_same_mail_but_for_a_notice_of_a_server() -> None:
    count = Counter(mail.template for business in (*EVERY, *READERS) for mail in business.mails)
    assert {name for name, times in count.items() if times > 1} <= {"delayed"}


def test_the_junk_filter_dislikes_only_what_is_planted() -> None:
    assert junk_senders(EVERY) == {"sales@bargain-bikes.example"}


def test_a_bounce_brings_a_delivery_status_and_what_was_sent() -> None:
    for name in ("bounce-unknown-user", "bounce-mailbox-full", "delayed", "bounce-forged"):
        mail = message_from_bytes(template(name).encode())
        kinds = [part.get_content_type() for part in mail.walk()]
        assert mail.get_param("report-type") == "delivery-status", name
        assert "message/delivery-status" in kinds, name
        assert {"text/rfc822-headers", "message/rfc822"} & set(kinds), name


@pytest.mark.parametrize(
    ("text", "seconds"), [("19s", 19), ("4m30s", 270), ("2d1h30m27s", 178227), ("15m", 900), ("12d", 1036800)]
)
def test_times_are_read(text: str, seconds: int) -> None:
    assert time_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "1h2d", "1.5h", "soon"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        time_of(text)


def test_a_truth_stands_for_three_windows() -> None:
    assert Truth(dispositions=("unanswered",) * 3).first_answer is None
    assert timedelta(days=30) == WINDOWS[-1]
