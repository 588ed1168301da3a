"""Handing over at the wire: what each answer, cut and silence makes of an enquiry."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from monitor.send import _is_ours
from probes.contract import Checks, Enquiry, Receipt, Sends
from probes.loader import load
from probes.mail import exchange
from probes.mail.handover import Handover
from probes.mail.servers import Smtp
from probes.testing import SAMPLE
from tests.wire.scripted import ScriptedSmtp
from tests.wire.servers import PASSWORD, Authority, Dovecot, dovecot, free_port, postfix

MOMENT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def clock() -> datetime:
    return MOMENT


def channel(smtp: Mapping[str, Any], *, live: bool = False, env: Mapping[str, str] | None = None) -> Sends:
    kind = load("email")
    settings = kind.settings.model_validate({"smtp": dict(smtp)}, context={"env": env or {}, "base": Path()})
    wire = kind.open("email", settings, live=live)
    assert isinstance(wire, Sends)
    return wire


def relay(server: ScriptedSmtp, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout": "5s", **more}


def send(server: ScriptedSmtp, enquiry: Enquiry = SAMPLE, **more: Any) -> Receipt:
    return channel(relay(server, **more)).send(enquiry, clock)


# --------------------------------------------------------------------------- each answer at each step
BEFORE = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("step", [*BEFORE, "DOT"])
def test_a_definite_4xx_is_deferred_at_every_step(step: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.says(step, "451 4.7.1 greylisted, come back later"))
    assert (receipt.state, receipt.code, receipt.accepted_by) == ("deferred", "451", "relay")
    assert "greylisted" in receipt.reason
    assert not server.accepted


@pytest.mark.parametrize("step", [*BEFORE, "DOT"])
def test_a_definite_5xx_is_not_sent_at_every_step(step: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.says(step, "554-5.7.1 go\r\n554 away").says("HELO", "554 5.7.1 away"))
    assert (receipt.state, receipt.code) == ("not_sent", "554")
    assert "away" in receipt.reason
    assert not server.accepted


@pytest.mark.parametrize(
    ("step", "said", "ours"),
    [
        ("RCPT", "554 5.7.1 Relay access denied", True),
        ("MAIL", "553 5.1.8 we do not know your domain", True),
        ("DOT", "550 you send too much", True),
        ("RCPT", "550 5.1.1 no such user", False),
    ],
)
def test_a_relay_that_refuses_us_is_told_from_one_that_passes_on_what_the_recipient_said(
    step: str, said: str, *, ours: bool
) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.says(step, said))
    assert (receipt.state, receipt.our_side) == ("not_sent", ours)
    assert receipt.accepted_by == (None if ours else "relay"), "our failure is never put on the business's account"
    assert _is_ours(receipt), "a person must see it either way"


@pytest.mark.parametrize("step", BEFORE)
def test_a_cut_before_the_content_is_deferred(step: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.hangs_up(step))
    assert receipt.state == "deferred"
    assert "closed the connection" in receipt.reason


@pytest.mark.parametrize("step", BEFORE)
def test_silence_before_the_content_is_deferred(step: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.falls_silent(step), timeout="0.2s")
    assert receipt.state == "deferred"
    assert "no answer in time" in receipt.reason


@pytest.mark.parametrize("step", BEFORE)
def test_half_a_reply_before_the_content_is_no_reply(step: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.breaks_off(step, b"5"))
    assert receipt.state == "deferred"


def test_a_connection_lost_after_the_final_dot_is_unknown() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.hangs_up("DOT"))
    assert (receipt.state, receipt.accepted_by, len(server.contents)) == ("unknown", None, 1)


def test_silence_after_the_final_dot_is_unknown() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.falls_silent("DOT"), timeout="0.1s")
    assert receipt.state == "unknown"
    assert "no answer in time" in receipt.reason


@pytest.mark.parametrize(
    "said", [b"25", b"250 ok", b"250-ok\r\n", b"4", b"550 no", b"hello\r\n", b"999 ?\r\n", b"354 more\r\n"]
)
def test_what_is_no_complete_reply_after_the_final_dot_is_unknown(said: bytes) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.breaks_off("DOT", said))
    assert receipt.state == "unknown"


def test_an_endless_reply_after_the_final_dot_is_unknown() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.breaks_off("DOT", b"250-more\r\n" * 20_000))
    assert receipt.state == "unknown"


def test_a_cut_in_the_middle_of_the_content_is_deferred_since_the_dot_has_not_left() -> None:
    long = dataclasses.replace(SAMPLE, body="a line of a long text\n" * 1_000_000)
    with ScriptedSmtp() as server:
        receipt = send(server.cuts_content(after=1000), long)
    assert receipt.state == "deferred"
    assert receipt.reason.startswith("content:")
    assert not server.contents


@pytest.mark.parametrize(("said", "state"), [("552 5.3.4 too big", "not_sent"), ("451 4.3.1 disk full", "deferred")])
def test_what_a_server_says_before_it_cuts_the_content_counts(said: str, state: str) -> None:
    long = dataclasses.replace(SAMPLE, body="a line of a long text\n" * 1_000_000)
    with ScriptedSmtp() as server:
        receipt = send(server.cuts_content(after=1000, saying=said), long)
    assert (receipt.state, receipt.code) == (state, said[:3])


def test_a_cut_when_the_whole_content_is_on_its_way_is_unknown() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.cuts_content(after=1_000_000), timeout="0.1s")  # the server waits for more than there is
        assert receipt.state == "unknown"


def test_nobody_listening_is_deferred() -> None:
    receipt = channel({"host": "127.0.0.1", "port": free_port(), "security": "none"}).send(SAMPLE, clock)
    assert receipt.state == "deferred"
    assert "cannot connect" in receipt.reason


def test_a_server_that_trickles_is_given_up_at_the_time_out() -> None:
    """A reply has one time-out, not one for each byte of it."""
    with ScriptedSmtp() as server:
        receipt = send(server.trickles("MAIL"), timeout="0.3s")
    assert receipt.state == "deferred"
    assert "no answer in time" in receipt.reason


def test_a_server_that_knows_only_helo_is_spoken_to() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server.says("EHLO", "502 what?"))
    assert receipt.state == "sent"
    assert any(command.upper().startswith("HELO") for command in server.commands)


# --------------------------------------------------------------------------- what goes over the wire
def test_what_was_accepted_has_a_receipt_with_queue_id_time_and_transcript() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server)
    assert receipt == Receipt(
        state="sent", at=MOMENT, accepted_by="relay", provider_id="4F2A91B7C3", code="250",
        reason="accepted: 250 2.0.0 Ok: queued as 4F2A91B7C3", transcript=receipt.transcript, host="127.0.0.1",
    )  # fmt: skip
    assert "MAIL FROM:<anna@inbox.example>" in receipt.transcript
    assert "queued as" in receipt.transcript
    assert "are you open on Monday" not in receipt.transcript


def test_the_envelope_sender_is_the_private_address() -> None:
    with ScriptedSmtp() as server:
        send(server)
    assert [c for c in server.commands if c.startswith(("MAIL", "RCPT"))] == [
        server.commands[1], "RCPT TO:<somebody@shop.example>",
    ]  # fmt: skip
    assert server.commands[1].startswith("MAIL FROM:<anna@inbox.example> SIZE=")


def test_the_mail_holds_what_a_person_would_send_and_no_header_more() -> None:
    with ScriptedSmtp() as server:
        send(server)
    mail = email.message_from_bytes(server.accepted[0], policy=email.policy.default)
    assert dict(mail.items()) == {
        "From": "Anna Berger <anna@inbox.example>",
        "To": "somebody@shop.example",
        "Subject": "A question",
        "Date": "Tue, 01 Dec 2026 09:30:00 +0000",
        "Message-ID": "<checked.1@inbox.example>",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "Content-Language": "en",
    }
    assert mail.get_content().replace("\r\n", "\n") == SAMPLE.body


def test_a_line_that_is_a_dot_arrives_as_a_dot() -> None:
    body = "one\n.\n..two\n.\r\n"
    with ScriptedSmtp() as server:
        receipt = send(server, dataclasses.replace(SAMPLE, body=body))
    assert receipt.state == "sent"
    assert server.accepted[0].partition(b"\r\n\r\n")[2] == b"one\r\n..\r\n...two\r\n..\r\n"


def test_the_body_goes_in_eight_bits_only_where_that_is_offered() -> None:
    enquiry = dataclasses.replace(SAMPLE, body="Chào bạn, giá bao nhiêu?\n", language="vi")
    with ScriptedSmtp() as able, ScriptedSmtp() as plain:
        send(able, enquiry)
        send(plain.offers("SIZE"), enquiry)
    assert "BODY=8BITMIME" in able.commands[1]
    assert "BODY=8BITMIME" not in plain.commands[1]
    assert plain.accepted[0].isascii()
    for server in (able, plain):
        mail = email.message_from_bytes(server.accepted[0], policy=email.policy.default)
        assert mail.get_content().strip() == enquiry.body.strip()


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    enquiry = dataclasses.replace(SAMPLE, to="chào@shop.example")
    with ScriptedSmtp() as able, ScriptedSmtp() as plain:
        taken = send(able.offers("8BITMIME", "SMTPUTF8"), enquiry)
        refused = send(plain, enquiry)
    assert taken.state == "sent"
    assert able.commands[1].endswith("SMTPUTF8")
    assert able.commands[2] == "RCPT TO:<chào@shop.example>"
    assert "To: chào@shop.example".encode() in able.accepted[0]
    assert refused.state == "not_sent"
    assert "SMTPUTF8" in refused.reason
    assert not any(command.startswith("MAIL") for command in plain.commands)


def test_a_domain_beyond_ascii_goes_in_its_ascii_spelling() -> None:
    with ScriptedSmtp() as server:
        send(server, dataclasses.replace(SAMPLE, to="info@bücher.example"))
    assert "RCPT TO:<info@xn--bcher-kva.example>" in server.commands


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "a@shop.example\r\nRCPT TO:<b@shop.example>"),
        ("to", "a@shop.example> SIZE=1"),
        ("reply_to", "anna@inbox.example\nBcc: x@y.example"),
        ("message_id", "<a@b.example>\r\nBcc: x@y.example"),
        ("message_id", "no brackets"),
        ("body", "half a character: \ud800"),
    ],
)
def test_what_would_break_the_wire_is_not_sent(field: str, value: str) -> None:
    change: dict[str, Any] = {field: value}
    with ScriptedSmtp() as server:
        receipt = send(server, dataclasses.replace(SAMPLE, **change))
    assert receipt.state == "not_sent"
    assert receipt.reason
    assert server.connections == 0


@pytest.mark.parametrize(
    "evil", ["Hello\r\nBcc: x@y.example", "Hello\n\nBody", "Hello\x00\x0bBcc:", "é\r\nBcc: x@y.example"]
)
def test_no_name_or_subject_makes_a_header(evil: str) -> None:
    with ScriptedSmtp() as server:
        receipt = send(server, dataclasses.replace(SAMPLE, subject=evil, sender_name=evil))
    assert receipt.state == "sent"
    mail = email.message_from_bytes(server.accepted[0])
    assert "Bcc" not in mail
    assert len(mail.keys()) == 9
    assert str(mail.get_payload()).replace("\r\n", "\n") == SAMPLE.body


# --------------------------------------------------------------------------- TLS and log-in
def test_the_password_stands_neither_in_transcript_nor_reason(certificates: Authority) -> None:
    cert = certificates.issue("localhost")
    with ScriptedSmtp(tls=cert) as server:
        server.offers("STARTTLS", "AUTH PLAIN LOGIN").says("AUTH", "535 5.7.8 you said AGFubmEAaHVudGVyMg== hunter2")
        receipt = channel(
            relay(server, host="localhost", security="starttls", ca_file=str(certificates.ca), user="anna",
                  password_env="SECRET"),
            env={"SECRET": "hunter2"},
        ).send(SAMPLE, clock)  # fmt: skip
    assert any("AGFubmEAaHVudGVyMg==" in command for command in server.commands)
    assert receipt.state == "deferred"  # our own log-in says nothing of the recipient
    assert "log-in refused: 535" in receipt.reason
    assert "***" in receipt.transcript
    for text in (receipt.transcript, receipt.reason):
        assert "hunter2" not in text
        assert "AGFubmEAaHVudGVyMg" not in text


def test_a_certificate_of_an_unknown_authority_stops_the_relay(certificates: Authority) -> None:
    with ScriptedSmtp(tls=certificates.issue("localhost")) as server:
        server.offers("STARTTLS")
        distrusted = send(server, host="localhost", security="starttls")
        assert distrusted.state == "deferred"
        assert "certificate does not pass" in distrusted.reason
        assert not any(command.startswith("MAIL") for command in server.commands)
        trusted = send(server, host="localhost", security="starttls", ca_file=str(certificates.ca))
        unchecked = send(server, host="localhost", security="starttls", verify=False)
    assert (trusted.state, unchecked.state) == ("sent", "sent")
    assert "certificate verified for localhost" in trusted.transcript
    assert "TLSv1.3" in trusted.transcript
    assert "certificate not verified" in unchecked.transcript


def test_a_certificate_of_another_name_stops_the_relay(certificates: Authority) -> None:
    with ScriptedSmtp(tls=certificates.issue("other.example")) as server:
        server.offers("STARTTLS")
        receipt = send(server, host="localhost", security="starttls", ca_file=str(certificates.ca))
    assert receipt.state == "deferred"
    assert not server.accepted


def test_a_relay_that_offers_no_tls_gets_nothing() -> None:
    with ScriptedSmtp() as server:
        receipt = send(server, security="starttls")
    assert receipt.state == "deferred"
    assert "does not offer STARTTLS" in receipt.reason
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_words_said_before_tls_began_are_not_believed(certificates: Authority) -> None:
    with ScriptedSmtp(tls=certificates.issue("localhost")) as server:
        server.offers("STARTTLS").says("STARTTLS", "220 go\r\n250 injected")
        receipt = send(server, host="localhost", security="starttls", ca_file=str(certificates.ca))
    assert receipt.state == "deferred"
    assert "before TLS" in receipt.reason


# --------------------------------------------------------------------------- live is off
def test_a_relay_outside_is_refused_and_no_socket_is_opened() -> None:
    receipt = channel({"host": "192.0.2.1", "security": "starttls"}).send(SAMPLE, clock)
    assert receipt.state == "not_sent"
    assert "live = true" in receipt.reason


def test_without_tls_a_relay_must_be_on_this_machine_even_when_live() -> None:
    receipt = channel({"host": "192.0.2.1", "security": "none"}, live=True).send(SAMPLE, clock)
    assert receipt.state == "not_sent"
    assert "starttls" in receipt.reason


def test_a_domain_without_a_route_is_refused_without_asking_a_name_server() -> None:
    def ask(domain: str) -> tuple[tuple[int, str], ...]:
        raise AssertionError(f"asked for {domain}")

    smtp = Smtp.model_validate({"via": "mx", "routes": {"other.example": "127.0.0.1:25"}})
    receipt = Handover(smtp, live=False, ask=ask).send(SAMPLE, clock)
    assert receipt.state == "not_sent"
    assert "live = true" in receipt.reason


# --------------------------------------------------------------------------- the recipient's own server
def mx(routes: Mapping[str, str], **more: Any) -> Sends:
    return channel({"via": "mx", "timeout": "5s", "routes": dict(routes), **more})


def test_by_route_each_domain_goes_to_its_server_and_they_are_the_recipients() -> None:
    with ScriptedSmtp() as shop, ScriptedSmtp() as rest:
        wire = mx({"shop.example": f"127.0.0.1:{shop.port}", "*": f"127.0.0.1:{rest.port}"})
        receipt = wire.send(SAMPLE, clock)
        wire.send(dataclasses.replace(SAMPLE, to="x@inn.example"), clock)
    assert receipt.accepted_by == "recipient_mx"
    assert (len(shop.accepted), len(rest.accepted)) == (1, 1)


def test_to_the_recipients_server_tls_is_used_where_offered_and_never_required(certificates: Authority) -> None:
    pair = certificates.issue("localhost")
    with ScriptedSmtp() as plain, ScriptedSmtp(tls=pair) as unknown, ScriptedSmtp(tls=pair) as broken:
        unknown.offers("STARTTLS")
        broken.offers("STARTTLS").says("STARTTLS", "454 4.7.0 not now")
        wire = mx(
            {
                "plain.example": f"localhost:{plain.port}",
                "unknown.example": f"localhost:{unknown.port}",
                "broken.example": f"localhost:{broken.port}",
            }
        )
        receipts = {
            name: wire.send(dataclasses.replace(SAMPLE, to=f"a@{name}.example"), clock)
            for name in ("plain", "unknown", "broken")
        }
    assert {receipt.state for receipt in receipts.values()} == {"sent"}
    assert "TLSv1" not in receipts["plain"].transcript
    assert "certificate not verified" in receipts["unknown"].transcript
    assert "454" in receipts["broken"].transcript
    assert (plain.connections, unknown.connections, broken.connections) == (1, 2, 2)


class Names:
    """What name servers say, by domain; stands in for the lookup."""

    def __init__(self, **records: Any) -> None:
        self.records = {name.replace("_", "."): said for name, said in records.items()}

    def __call__(self, domain: str) -> tuple[tuple[int, str], ...]:
        said = self.records[domain]
        if isinstance(said, Exception):
            raise said
        return tuple(said)


def by_mx(ask: exchange.Lookup, port: int) -> Receipt:
    smtp = Smtp.model_validate({"via": "mx", "port": port, "timeout": "5s", "connect_timeout": "2s"})
    return Handover(smtp, live=True, ask=ask).send(SAMPLE, clock)


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        ([(0, ".")], "not_sent", "takes no mail"),
        (exchange.NoExchange("the domain shop.example does not exist", permanent=True), "not_sent", "does not exist"),
        (exchange.NoExchange("the name servers do not say"), "deferred", "name servers"),
        ([(10, "localhost")], "not_sent", "is this machine"),
    ],
)
def test_what_the_name_servers_say_decides(said: Any, state: str, words: str) -> None:
    with ScriptedSmtp() as server:
        receipt = by_mx(Names(shop_example=said), server.port)
    assert receipt.state == state
    assert words in receipt.reason
    assert server.connections == 0


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes names resolve to this machine while it counts as another one."""

    def make(**names: str) -> list[str]:
        from probes import guard

        asked: list[str] = []
        known = {name.replace("_", "."): ip for name, ip in names.items()}

        def targets(host: str, port: int, *, live: bool, needs_loopback: str = "") -> tuple[guard.Target, ...]:
            asked.append(host)
            return (guard.Target(ip=known[host], port=port, host=host),)

        monkeypatch.setattr(guard, "targets", targets)
        monkeypatch.setattr(guard, "is_loopback", lambda ip: False)
        return asked

    return make


def test_the_best_server_is_tried_and_the_next_only_when_it_cannot_be_connected_to(
    elsewhere: Callable[..., list[str]],
) -> None:
    asked = elsewhere(dead_example="::1", good_example="127.0.0.1", other_example="127.0.0.1")
    with ScriptedSmtp() as server:  # listens on 127.0.0.1 alone
        records = [(30, "other.example"), (20, "good.example"), (10, "dead.example")]
        receipt = by_mx(Names(shop_example=records), server.port)
    assert receipt.state == "sent"
    assert asked == ["dead.example", "good.example"]


def test_a_server_that_answered_is_the_only_one(elsewhere: Callable[..., list[str]]) -> None:
    asked = elsewhere(good_example="127.0.0.1", other_example="127.0.0.1")
    with ScriptedSmtp() as server:
        server.says("RCPT", "451 later")
        receipt = by_mx(Names(shop_example=[(10, "good.example"), (20, "other.example")]), server.port)
    assert receipt.state == "deferred"
    assert (asked, server.connections) == (["good.example"], 1)


def test_a_domain_without_mx_is_its_own_server(elsewhere: Callable[..., list[str]]) -> None:
    asked = elsewhere(shop_example="127.0.0.1")
    with ScriptedSmtp() as server:
        assert by_mx(Names(shop_example=[]), server.port).state == "sent"
    assert asked == ["shop.example"]


# --------------------------------------------------------------------------- doctor
def lines(wire: object) -> dict[str, tuple[bool, str]]:
    assert isinstance(wire, Checks)
    return {line.name: (line.ok, line.detail + line.advice) for line in wire.check(clock)}


def test_the_check_logs_in_and_asks_whether_our_address_may_send_and_sends_nothing() -> None:
    with ScriptedSmtp() as server:
        server.offers("AUTH PLAIN")
        wire = channel(relay(server, user="anna@inbox.example", password_env="SECRET"), env={"SECRET": "hunter2"})
        found = lines(wire)
        server.says("MAIL", "553 5.7.1 not yours")
        refused = lines(wire)
    assert [ok for ok, _ in found.values()] == [True, True]
    assert not refused["smtp 127.0.0.1 sender"][0]
    assert "not yours" in refused["smtp 127.0.0.1 sender"][1]
    assert "DATA" not in server.commands
    assert not any(command.startswith("RCPT") for command in server.commands)


def test_the_check_names_what_is_wrong_and_what_to_do() -> None:
    with ScriptedSmtp() as server:
        server.offers("AUTH PLAIN").says("AUTH", "535 no")
        wire = channel(relay(server, user="anna@inbox.example", password_env="SECRET"), env={"SECRET": "hunter2"})
        ok, text = lines(wire)["smtp 127.0.0.1"]
    assert not ok
    assert "check user and password" in text
    ok, text = lines(channel({"host": "192.0.2.1"}))["smtp 192.0.2.1"]
    assert not ok
    assert "live = true" in text


# --------------------------------------------------------------------------- real servers
@pytest.mark.wire
def test_postfix_takes_an_enquiry_that_was_handed_over_and_dovecot_shows_it(mailboxes: Dovecot) -> None:
    enquiry = dataclasses.replace(
        SAMPLE,
        to="info@bücher.example",
        sender_name="Nguyễn Văn An, Hà Nội",
        subject="Câu hỏi: giá sửa xe đạp là bao nhiêu? " * 4,
        body="Chào bạn,\n\n.\nGiá = bao nhiêu?\nFrom me\n",
        language="vi",
        message_id="<an.1@inbox.example>",
    )
    with postfix(mailboxes, domains=["xn--bcher-kva.example"]) as mta:
        receipt = channel({"host": "127.0.0.1", "port": mta.port, "security": "none"}).send(enquiry, clock)
        mta.settle()
        assert receipt.state == "sent"
        assert receipt.provider_id
        assert f"{receipt.provider_id}: from=<anna@inbox.example>" in mta.log()
    (raw,) = mailboxes.messages("info@xn--bcher-kva.example")
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Return-Path"] == "<anna@inbox.example>"
    assert mail["From"].addresses[0].display_name == enquiry.sender_name
    assert mail["Subject"] == enquiry.subject.strip()
    assert mail["Message-ID"] == enquiry.message_id
    assert mail.get_content().replace("\r\n", "\n") == enquiry.body


@pytest.mark.wire
def test_postfix_refuses_an_unknown_recipient_and_a_mail_that_is_too_big(mailboxes: Dovecot) -> None:
    with postfix(mailboxes, recipients=["info@shop.example"], domains=["shop.example"], size_limit=20_000) as mta:
        wire = mx({"*": f"127.0.0.1:{mta.port}"})
        unknown = wire.send(dataclasses.replace(SAMPLE, to="nobody@shop.example"), clock)
        big = wire.send(dataclasses.replace(SAMPLE, to="info@shop.example", body="x\n" * 20_000), clock)
        taken = wire.send(dataclasses.replace(SAMPLE, to="info@shop.example"), clock)
    assert (unknown.state, unknown.code) == ("not_sent", "550")
    assert "RCPT refused" in unknown.reason
    assert (big.state, big.code) == ("not_sent", "552")
    assert (taken.state, taken.accepted_by) == ("sent", "recipient_mx")


@pytest.mark.wire
def test_postfix_behind_tls_wants_a_log_in(certificates: Authority) -> None:
    pair = certificates.issue("localhost")
    with dovecot() as mailboxes, postfix(mailboxes, domains=["shop.example"], tls=pair, auth=True) as mta:
        table = {"host": "localhost", "port": mta.port, "ca_file": str(certificates.ca)}
        good = channel({**table, "user": "anna@inbox.example", "password_env": "P"}, env={"P": PASSWORD})
        bad = channel({**table, "user": "anna@inbox.example", "password_env": "P"}, env={"P": "wrong"})
        delivered = good.send(dataclasses.replace(SAMPLE, to="info@shop.example"), clock)
        refused = bad.send(SAMPLE, clock)
        found = lines(good)
    assert delivered.state == "sent"
    assert "certificate verified" in delivered.transcript
    assert PASSWORD not in delivered.transcript
    assert refused.state == "deferred"
    assert all(ok for ok, _ in found.values())


@pytest.mark.wire
def test_a_recipient_that_exists_no_more_bounces_to_the_private_address(mailboxes: Dovecot) -> None:
    with postfix(
        mailboxes, catch_all={"inbox.example": "bounced@mail.test"}, bounces={"gone@inn.example": "5.1.1 no such user"}
    ) as mta:
        receipt = mx({"*": f"127.0.0.1:{mta.port}"}).send(dataclasses.replace(SAMPLE, to="gone@inn.example"), clock)
        mta.settle()
    assert receipt.state == "sent"
    (bounce,) = mailboxes.messages("bounced@mail.test")
    assert b"Status: 5.1.1" in bounce
    assert SAMPLE.message_id.encode() in bounce


# --------------------------------------------------------------------------- name servers
@contextmanager
def name_server(answer: Callable[[dns.message.Message], dns.message.Message | None]) -> Iterator[dns.resolver.Resolver]:
    """A resolver that asks a name server of ours, which answers by UDP what `answer` says, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        stop = threading.Event()
        sock.settimeout(0.02)

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, caller = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                said = answer(dns.message.from_wire(data))
                if said is not None:
                    sock.sendto(said.to_wire(), caller)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = sock.getsockname()[1]
        try:
            yield resolver
        finally:
            stop.set()
            thread.join()


def says(code: dns.rcode.Rcode, *records: str) -> Callable[[dns.message.Message], dns.message.Message]:
    def answer(query: dns.message.Message) -> dns.message.Message:
        said = dns.message.make_response(query)
        said.set_rcode(code)
        if records:
            said.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "MX", *records))
        return said

    return answer


def test_mx_records_come_in_the_order_of_preference() -> None:
    with name_server(says(dns.rcode.NOERROR, "20 b.shop.example.", "10 a.shop.example.")) as resolver:
        found = exchange.exchanges("shop.example", lambda domain: exchange.lookup(domain, resolver), "seed")
    assert found == ("a.shop.example", "b.shop.example")


def test_no_mx_record_is_the_domain_itself_and_a_null_mx_is_nobody() -> None:
    with name_server(says(dns.rcode.NOERROR)) as resolver:
        assert exchange.exchanges("a.example", lambda domain: exchange.lookup(domain, resolver), "") == ("a.example",)
    with name_server(says(dns.rcode.NOERROR, "0 .")) as resolver, pytest.raises(exchange.NoExchange) as caught:
        exchange.exchanges("a.example", lambda domain: exchange.lookup(domain, resolver), "")
    assert caught.value.permanent


def test_a_domain_that_does_not_exist_is_final_and_a_failing_name_server_is_not() -> None:
    with name_server(says(dns.rcode.NXDOMAIN)) as resolver, pytest.raises(exchange.NoExchange) as gone:
        exchange.lookup("gone.example", resolver)
    with name_server(says(dns.rcode.SERVFAIL)) as resolver, pytest.raises(exchange.NoExchange) as failing:
        exchange.lookup("a.example", resolver)
    assert (gone.value.permanent, failing.value.permanent) == (True, False)


def test_a_silent_name_server_is_not_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_LIFETIME", 0.2)
    with name_server(lambda _: None) as resolver, pytest.raises(exchange.NoExchange) as silent:
        exchange.lookup("a.example", resolver)
    assert not silent.value.permanent


def test_equal_preferences_are_spread_and_each_mail_keeps_its_server() -> None:
    def ask(_: str) -> tuple[tuple[int, str], ...]:
        return ((10, "a.example"), (10, "b.example"))

    first = {seed: exchange.exchanges("x.example", ask, seed)[0] for seed in map(str, range(40))}
    assert set(first.values()) == {"a.example", "b.example"}
    assert all(exchange.exchanges("x.example", ask, seed)[0] == host for seed, host in first.items())
