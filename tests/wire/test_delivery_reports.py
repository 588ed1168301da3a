"""A real Postfix is asked to report what becomes of a mail; its reports come to the private address and are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.classify.decide import classify
from monitor.match import keys
from probes.channels.email import channel
from probes.contract import Enquiry, Receipt, Sends
from probes.mail.mime import parse
from tests.wire.servers import dovecot, eventually, postfix

PRIVATE = "anna.b@inbox.test"
BOX = "audit@mail.test"


def ask(port: int, to: str) -> Receipt:
    smtp = {"via": "relay", "host": "127.0.0.1", "port": port, "security": "none"}
    wire = channel.open("post", channel.settings.model_validate({"smtp": smtp}, context={"env": {}}), live=False)
    assert isinstance(wire, Sends)
    enquiry = Enquiry(
        probe="p", to=to, reply_to=PRIVATE, sender_name="Anna", subject="A question", body="Hello", language="en",
        message_id="<a+question=1@inbox.test>",
    )  # fmt: skip
    return wire.send(enquiry, lambda: datetime.now(UTC))


@pytest.mark.wire
def test_a_relay_that_is_asked_reports_that_it_passed_the_mail_on() -> None:
    """The next server takes mail by LMTP and reports nothing: that is no proof of delivery, and counts as none."""
    with (
        dovecot() as mailboxes,
        postfix(mailboxes, domains=["shop.example"], catch_all={"inbox.test": BOX}) as mta,
    ):
        receipt = ask(mta.port, "info@shop.example")
        assert (receipt.state, receipt.host, receipt.reports_asked) == ("sent", "127.0.0.1", True)
        assert "NOTIFY=SUCCESS,FAILURE,DELAY" in receipt.transcript
        assert "ENVID=a+2Bquestion+3D1@inbox.test" in receipt.transcript
        (raw,) = eventually(lambda: mailboxes.messages(BOX), "the report comes to the private address", 40)
    mail = parse(raw)
    verdict = classify(mail)
    assert (verdict.kind, verdict.delivered) == ("delivery_receipt", False)
    assert verdict.bounced_recipient == "info@shop.example"
    assert PRIVATE in keys(mail).recipients


@pytest.mark.wire
def test_a_relay_that_is_asked_reports_a_failure_with_our_message_id() -> None:
    with (
        dovecot() as mailboxes,
        postfix(
            mailboxes, domains=["shop.example"], catch_all={"inbox.test": BOX},
            bounces={"gone@shop.example": "5.1.1 no such user"},
        ) as mta,
    ):  # fmt: skip
        ask(mta.port, "gone@shop.example")
        (raw,) = eventually(lambda: mailboxes.messages(BOX), "the bounce comes to the private address", 40)
    verdict = classify(parse(raw))
    assert (verdict.kind, verdict.hard, verdict.bounced_recipient) == ("bounce", True, "gone@shop.example")
    assert verdict.original_message_id == "a+question=1@inbox.test"
