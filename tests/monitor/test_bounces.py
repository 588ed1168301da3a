"""Reports on delivery: what failed, whose, and for good or for now. All wordings here are our own."""

from __future__ import annotations

import pytest

from monitor.classify.bounces import flufl
from monitor.classify.decide import classify
from monitor.facts import Verdict
from probes.mail.mime import parse
from tests.monitor.letters import cpu_limit, letter, report

SERVER = "Mail Delivery System <MAILER-DAEMON@mx.velo-nord.example>"


def said(text: str, subject: str = "Undeliverable: City bike", **headers: str) -> Verdict:
    """The verdict on a report without a delivery-status part."""
    given = {"from_": SERVER, "return_path": "<>", "message_id": ""} | headers
    return classify(letter(text, subject, **given))


# --------------------------------------------------------------------------------------------- with a status part
@pytest.mark.parametrize("action", ["failed", "Failed", "failed (bad destination)", "failure"])
def test_a_failed_recipient_makes_a_bounce(action: str) -> None:
    found = classify(report(action=action))
    assert (found.kind, found.automated) == ("bounce", True)
    assert found.bounced_recipient == "info@velo-nord.example"
    assert found.original_message_id == "enquiry-1@inbox.example"
    assert (found.status, found.hard) == ("5.1.1", True)
    assert "action" in found.reasons[0].lower()


def test_one_failed_recipient_among_delivered_ones_makes_a_bounce() -> None:
    mail = report(action="delivered", extra="Action: failed\n\nFinal-Recipient: rfc822; b@c.example\n")
    assert classify(mail).kind == "bounce"


def test_the_original_recipient_is_whom_we_wrote_to() -> None:
    mail = report(recipient="boss@elsewhere.example", extra="Original-Recipient: rfc822;info@velo-nord.example\n")
    assert classify(mail).bounced_recipient == "info@velo-nord.example"


@pytest.mark.parametrize("action", ["delayed", "Delayed"])
def test_a_delayed_recipient_makes_a_delay_notice(action: str) -> None:
    found = classify(
        report(action=action, status="4.4.1", subject="Delivery Status Notification (Delay)", text="We keep trying.")
    )
    assert (found.kind, found.hard, found.bounced_recipient) == ("delay_notice", False, "info@velo-nord.example")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_delivered_recipient_makes_a_delivery_receipt(action: str) -> None:
    found = classify(
        report(
            action=action, status="2.0.0", subject="Delivery Status Notification (Success)", text="It was delivered."
        )
    )
    assert (found.kind, found.hard) == ("delivery_receipt", None)
    assert found.delivered is (action == "delivered"), "what was only passed on is no proof"


def test_a_status_part_without_action_is_read_by_its_status() -> None:
    raw = report().raw
    assert classify(parse(raw.replace(b"Action: failed\n", b""))).kind == "bounce"
    assert classify(parse(raw.replace(b"Action: failed\n", b"").replace(b"5.1.1", b"4.0.0"))).kind == "delay_notice"


def test_a_report_whose_parts_got_lost_is_read_from_its_text() -> None:
    text = "Something went wrong.\n\nFinal-Recipient: rfc822; info@velo-nord.example\nAction: failed\nStatus: 5.2.1\n"
    found = classify(letter(text, "Hello", from_="relay@mx.example"))
    assert (found.kind, found.bounced_recipient, found.status) == ("bounce", "info@velo-nord.example", "5.2.1")


@pytest.mark.parametrize(
    ("status", "text", "expected", "hard"),
    [
        ("5.2.2", "Sorry.", "5.2.2", False),
        ("5.0.0", "The mailbox is full, try later.", "5.2.2", False),
        ("4.4.7", "Giving up after five days.", "4.4.7", False),
        ("5.7.1", "Our filter refuses it.", "5.7.1", True),
        ("5.0.0", "Remote said 550 5.1.10 no one of that name", "5.1.10", True),
    ],
)
def test_status_and_hardness(status: str, text: str, expected: str, hard: bool) -> None:
    found = classify(report(status=status, text=text))
    assert (found.kind, found.status, found.hard) == ("bounce", expected, hard)


# --------------------------------------------------------------------------------------------- by words
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Undelivered Mail Returned to Sender", "<info@velo-nord.example>: user unknown"),
        ("failure notice", "I tried hard, but info@velo-nord.example does not exist here."),
        ("Unzustellbar: Fahrrad", "Ihre Nachricht an info@velo-nord.example wurde nicht zugestellt."),
        ("Échec de la remise", "Votre message à info@velo-nord.example n'a pas pu être remis."),
        ("No se puede entregar: bici", "Su mensaje a info@velo-nord.example no se pudo entregar."),
        ("系统退信", "您的邮件无法投递到 info@velo-nord.example ，用户不存在。"),
        ("Thư bị trả lại", "Thư gửi tới info@velo-nord.example không gửi được vì hộp thư không tồn tại."),
        ("メールが送信できません", "info@velo-nord.example に配信できませんでした。"),
        ("Не доставлено: письмо", "Не удалось доставить: info@velo-nord.example"),
        ("Mail System Error - Returned Mail", "To: info@velo-nord.example\n550 no such mailbox"),
    ],
)
def test_servers_say_a_failure_in_many_words(subject: str, text: str) -> None:
    found = said(text, subject)
    assert (found.kind, found.bounced_recipient) == ("bounce", "info@velo-nord.example")
    assert len(found.reasons) >= 2


def test_x_failed_recipients_names_whom_it_did_not_reach() -> None:
    found = said(
        "A message that you sent was undeliverable.", x_failed_recipients="info@velo-nord.example", return_path=""
    )
    assert (found.kind, found.bounced_recipient) == ("bounce", "info@velo-nord.example")


@pytest.mark.parametrize(
    "text",
    [
        "info@velo-nord.example: mailbox is full",
        "info@velo-nord.example: he is over quota, says the store. 552",
        "info@velo-nord.example: la boîte aux lettres du destinataire est pleine, échec de la remise",
    ],
)
def test_a_full_mailbox_is_recognised_by_its_words(text: str) -> None:
    found = said(text)
    assert (found.kind, found.status, found.hard) == ("bounce", "5.2.2", False)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Delivery Status Notification (Delay)",
            "info@velo-nord.example has not yet been reached. We will keep trying for 3 days.",
        ),
        (
            "Warning: could not send message for past 4 hours",
            "This is a warning message only. You do not need to resend it.",
        ),
        ("Zustellung verzögert", "Die Nachricht an info@velo-nord.example ist verzögert, es wird weiter versucht."),
        ("Remise différée", "Le message n'a pas encore été remis, de nouvelles tentatives suivent."),
        ("邮件延迟", "您的邮件暂时未送达，系统将继续尝试。"),
    ],
)
def test_servers_say_a_delay_in_many_words(subject: str, text: str) -> None:
    found = said(text, subject)
    assert (found.kind, found.hard) == ("delay_notice", False)


def test_a_delay_that_is_over_is_a_bounce() -> None:
    found = said(
        "It was delayed, we said we will keep trying. Now we are giving up: could not be delivered.", "Undelivered Mail"
    )
    assert found.kind == "bounce"


@pytest.mark.parametrize(
    ("subject", "text", "headers"),
    [
        (
            "Re: Undeliverable: City bike",
            "Strange, your mail was returned to me: user unknown. Which address do you use?",
            {},
        ),
        ("Fwd: failure notice", "Jo, user unknown? See below.\n\nOriginal message follows.\nHello", {}),
        ("Delivery of your bike", "The bike could not be delivered on Tuesday, we will try again on Friday.", {}),
        ("Re: City bike repair", "I asked our postmaster, he says your mailbox is full. Could you clean it?", {}),
        ("Out of office", "I am out of the office until 4 May, I will reply when I return.", {"return_path": "<>"}),
    ],
)
def test_people_who_speak_of_failures_are_no_bounce(subject: str, text: str, headers: dict[str, str]) -> None:
    assert classify(letter(text, subject, **headers)).kind not in {"bounce", "delay_notice"}


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Delivery", "The delay of your order is over."),
        ("Delayed parts", "The gears are delayed, sorry. Jo"),
        ("Late?", "I will try again on Monday."),
    ],
)
def test_people_who_speak_of_delays_give_no_delay_notice(subject: str, text: str) -> None:
    assert classify(letter(text, subject)).kind != "delay_notice"


# --------------------------------------------------------------------------------------------- what it is about
def test_the_returned_mail_in_the_text_gives_the_message_id() -> None:
    text = (
        "info@velo-nord.example: user unknown\n\n--- Below this line is a copy of the message.\n\n"
        "Return-Path: <anna.b@inbox.example>\nReceived: from a by b\n"
        "Message-ID: <Enquiry-1@inbox.example>\nFrom: anna.b@inbox.example\nTo: other@velo-nord.example\n"
    )
    found = said(text)
    assert found.original_message_id == "enquiry-1@inbox.example"
    assert found.bounced_recipient == "info@velo-nord.example"


def test_our_own_address_and_the_postmaster_are_never_the_failed_recipient() -> None:
    text = "To: anna.b@inbox.example\nYour mail failed: user unknown.\nAsk postmaster@mx.velo-nord.example.\n\n"
    assert said(f"{text}<info@velo-nord.example>: no").bounced_recipient == "info@velo-nord.example"


def test_in_reply_to_names_the_original_where_nothing_else_does() -> None:
    found = said("info@velo-nord.example: user unknown", in_reply_to="<enquiry-1@inbox.example>")
    assert found.original_message_id == "enquiry-1@inbox.example"


def test_a_detector_that_crashes_on_an_8_bit_sender_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    text = "Hi. This is the mail program at x.example.\n\n<info@velo-nord.example>:\nNobody of this name.\n"
    raw = f"From: Poststelle Größe <mail@x.example>\nSubject: failure notice\n\n{text}".encode("latin-1")
    assert flufl(parse(raw)) == ((), ("info@velo-nord.example",))
    assert "Exception in detector" in caplog.text  # else it no longer crashes, and the second try is not needed
    found = classify(parse(raw))
    assert (found.kind, found.bounced_recipient) == ("bounce", "info@velo-nord.example")


@pytest.mark.parametrize(
    "bait",
    ["user unknown " * 100_000, "a@" * 200_000, "<a@b.example>: " * 50_000, "To: " * 200_000, "5.1." * 200_000,
     "Received: x\n" * 100_000,
     "Final-Recipient: " * 100_000, "message-id: <" * 100_000],
    ids=range(8),
)  # fmt: skip
def test_bait_in_a_report_is_read_in_linear_time(bait: str) -> None:
    raw = b"Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Undeliverable\n\n" + bait.encode()
    with cpu_limit():
        classify(parse(raw))
