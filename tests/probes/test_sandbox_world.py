"""The sandbox at its wires: real SMTP in, real SMTP out, real IMAP to read, all on loopback."""

from __future__ import annotations

import select
import smtplib
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from imapclient import IMAPClient

from probes.sandbox.behaviours import Business, PlannedMail, Refusal, Truth
from probes.sandbox.mailserver import LOOPBACK, MailServer
from probes.sandbox.stepped import SteppedClock, whole_second
from probes.sandbox.world import World, junk_senders

START = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
DOMAIN = "inbox.sandbox.test"
SILENT = Truth(dispositions=("unanswered",) * 3)


def business(key: str, *mails: PlannedMail, refusal: Refusal | None = None, domain: str = "") -> Business:
    domain = domain or f"{key}.example"
    return Business(key=key, name=key, planted="", domain=domain, truth=SILENT, mails=mails, refusal=refusal)


def person(after: timedelta, *, junk: bool = False) -> PlannedMail:
    return PlannedMail(template="person-forger", after=after, junk=junk)


class Sandbox:
    """A world and our mail server, with the verbs of a test."""

    def __init__(self, *businesses: Business) -> None:
        self.clock = SteppedClock(START)
        self.world = World(businesses, self.clock)
        self.server = MailServer(DOMAIN, self.clock, junk_senders=junk_senders(businesses))

    def ask(self, to: str, key: str = "anna", shown: str = "") -> None:
        """Send an enquiry with a private address as envelope sender; raises what smtplib raises.

        `shown`: another local part in From.
        """
        head = f"From: Anna <{shown or key}@{DOMAIN}>\r\nTo: {to}\r\nMessage-ID: <{key}@{DOMAIN}>\r\nSubject: x\r\n"
        with smtplib.SMTP(LOOPBACK, self.world.port, local_hostname="test") as server:
            server.sendmail(f"{key}@{DOMAIN}", [to], f"{head}\r\nHello\r\n")

    def live(self) -> list[tuple[str, datetime]]:
        """Jump from mail to mail until nothing waits; what was delivered and when."""
        seen = []
        while (at := self.world.next_at()) is not None:
            self.clock.jump(at)
            seen += [(delivery.business, delivery.at) for delivery in self.world.deliver(self.server.smtp_port)]
        return seen

    def read(self, folder: str) -> list[tuple[datetime, bytes]]:
        """What a folder holds: INTERNALDATE and bytes."""
        with IMAPClient(LOOPBACK, port=self.server.imap_port, ssl=False, timeout=10) as client:
            client.normalise_times = False
            client.login(self.server.user, self.server.password)
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["INTERNALDATE", "BODY.PEEK[]"])
            return [(mail[b"INTERNALDATE"], mail[b"BODY[]"]) for mail in found.values()]


@pytest.fixture
def made() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def sandbox(made: ExitStack, *businesses: Business) -> Sandbox:
    found = Sandbox(*businesses)
    made.enter_context(found.server)
    made.enter_context(found.world)
    return found


def test_a_reply_arrives_stamped_to_the_second_it_was_planned_for(made: ExitStack) -> None:
    box = sandbox(made, business("shop", person(timedelta(hours=3, seconds=7))))
    box.ask("info@shop.example")
    due = START + timedelta(hours=3, seconds=7)
    assert box.live() == [("shop", due)]
    [(at, raw)] = box.read("INBOX")
    assert at == due
    assert b"Delivered-To: anna@inbox.sandbox.test" in raw
    assert b"In-Reply-To: <anna@inbox.sandbox.test>" in raw
    assert box.read("Junk") == []


def test_what_the_spam_filter_dislikes_is_filed_under_junk(made: ExitStack) -> None:
    liked, disliked = (
        business("liked", person(timedelta(hours=1))),
        business("dis", person(timedelta(hours=2), junk=True)),
    )
    box = sandbox(made, liked, disliked)
    box.ask("info@liked.example")
    box.ask("info@dis.example")
    box.live()
    assert [at for at, _ in box.read("INBOX")] == [START + timedelta(hours=1)]
    assert [at for at, _ in box.read("Junk")] == [START + timedelta(hours=2)]


def test_automatic_mail_has_the_null_sender_and_goes_to_the_envelope_sender(made: ExitStack) -> None:
    notice = PlannedMail(template="bounce-unknown-user", after=timedelta(minutes=4), sender="")
    box = sandbox(made, business("gone", notice))
    box.ask("info@gone.example", "bert", shown="somebody")
    box.live()
    [(_, raw)] = box.read("INBOX")
    assert raw.startswith(b"Return-Path: <>\r\nDelivered-To: bert@inbox.sandbox.test\r\n")
    assert b"Message-ID: <bert@inbox.sandbox.test>" in raw  # the original comes back with it


def test_a_person_answers_the_address_that_is_shown(made: ExitStack) -> None:
    box = sandbox(made, business("shop", person(timedelta(hours=1))))
    box.ask("info@shop.example", "bert", shown="somebody")
    box.live()
    [(_, raw)] = box.read("INBOX")
    assert b"Delivered-To: somebody@inbox.sandbox.test" in raw


def test_a_refusal_at_recipient_is_said_there_and_nothing_follows(made: ExitStack) -> None:
    box = sandbox(made, business("no", person(timedelta(hours=1)), refusal=Refusal(reply="550 5.1.1 unknown")))
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.1 unknown"):
        box.ask("info@no.example")
    assert box.world.next_at() is None
    assert box.world.taken["no"] == []
    assert box.world.tries["no"] == 1


def test_a_refusal_of_the_text_is_said_after_the_final_dot(made: ExitStack) -> None:
    box = sandbox(made, business("no", refusal=Refusal(reply="554 5.7.1 rejected", stage="data")))
    with pytest.raises(smtplib.SMTPDataError, match=r"5\.7\.1 rejected"):
        box.ask("info@no.example")
    assert box.world.taken["no"] == []


def test_greylisting_lasts_as_long_as_planted_and_times_count_from_acceptance(made: ExitStack) -> None:
    grey = Refusal(reply="451 4.7.1 later", lasting=timedelta(minutes=5))
    box = sandbox(made, business("grey", person(timedelta(hours=1)), refusal=grey))
    for wait in (0, 299):
        box.clock.jump(START + timedelta(seconds=wait))
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"4\.7\.1 later"):
            box.ask("info@grey.example")
    accepted = box.clock.jump(START + timedelta(minutes=7))
    box.ask("info@grey.example")
    assert box.world.tries["grey"] == 3
    assert box.live() == [("grey", accepted + timedelta(hours=1))]


def test_a_mail_about_another_waits_until_both_were_taken(made: ExitStack) -> None:
    forged = PlannedMail(template="bounce-forged", after=timedelta(hours=1), sender="", about="victim")
    box = sandbox(made, business("forger", forged), business("victim"))
    box.ask("info@forger.example", "anna")
    assert box.world.next_at() is None
    later = box.clock.jump(START + timedelta(hours=5))
    box.ask("info@victim.example", "bert")
    assert box.live() == [("forger", later + timedelta(hours=1))]
    [(_, raw)] = box.read("INBOX")
    assert b"Delivered-To: anna@inbox.sandbox.test" in raw
    assert b"Message-ID: <bert@inbox.sandbox.test>" in raw
    assert b"Final-Recipient: rfc822; info@victim.example" in raw


def test_a_second_enquiry_is_kept_as_a_fault_but_not_answered_again(made: ExitStack) -> None:
    box = sandbox(made, business("shop", person(timedelta(hours=1))))
    box.ask("info@shop.example")
    box.ask("info@shop.example")
    assert len(box.world.taken["shop"]) == 2
    assert len(box.live()) == 1


def test_an_internationalised_domain_is_known_by_its_ascii_name(made: ExitStack) -> None:
    box = sandbox(made, business("lac", person(timedelta(hours=1)), domain="vélos-du-lac.example"))
    box.ask("info@xn--vlos-du-lac-bbb.example")
    assert [key for key, _ in box.live()] == ["lac"]


@pytest.mark.parametrize("to", ["nobody@shop.example", "info@elsewhere.example"])
def test_what_does_not_live_here_is_refused(made: ExitStack, to: str) -> None:
    box = sandbox(made, business("shop"))
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
        box.ask(to)


def test_our_mail_server_takes_mail_for_its_own_domain_only(made: ExitStack) -> None:
    box = sandbox(made, business("shop"))
    with (
        smtplib.SMTP(LOOPBACK, box.server.smtp_port, local_hostname="test") as server,
        pytest.raises(smtplib.SMTPRecipientsRefused, match="relaying denied"),
    ):
        server.sendmail("a@shop.example", ["someone@elsewhere.example"], b"Subject: x\r\n\r\n")


def test_mail_that_is_not_text_is_kept_byte_for_byte(made: ExitStack) -> None:
    box = sandbox(made)
    odd = b"\xff\xfe no header\r\n\r\n\xe9\x80 .\r\n..\r\n"
    with smtplib.SMTP(LOOPBACK, box.server.smtp_port, local_hostname="test") as server:
        server.sendmail("a@shop.example", [f"x@{DOMAIN}"], odd, mail_options=["BODY=8BITMIME"])
    [(_, raw)] = box.read("INBOX")
    assert raw.endswith(odd)


def test_someone_who_idles_is_told_of_a_new_mail(made: ExitStack) -> None:
    box = sandbox(made, business("shop", person(timedelta(hours=1))))
    box.ask("info@shop.example")
    with IMAPClient(LOOPBACK, port=box.server.imap_port, ssl=False, timeout=10) as client:
        client.login(box.server.user, box.server.password)
        status = client.select_folder("INBOX", readonly=True)
        assert status[b"UIDVALIDITY"] > 0
        client.idle()
        box.live()
        # not idle_check(): it reads without waiting, and pymap writes a line in pieces
        readable, _, _ = select.select([client.socket()], [], [], 10)
        assert readable
        _, told = client.idle_done()
        assert (1, b"EXISTS") in told
        assert client.search(["UID", f"{status[b'UIDNEXT']}:*"]) == [status[b"UIDNEXT"]]


def test_the_mailbox_asks_for_its_password(made: ExitStack) -> None:
    box = sandbox(made)
    with (
        IMAPClient(LOOPBACK, port=box.server.imap_port, ssl=False, timeout=10) as client,
        pytest.raises(IMAPClient.Error),
    ):
        client.login(box.server.user, "wrong")


def test_any_password_will_do(made: ExitStack) -> None:
    box = Sandbox()
    box.server.password = "-dashes --and spaces"
    made.enter_context(box.server)
    assert box.read("INBOX") == []


def test_nothing_is_left_running() -> None:
    before = threading.active_count()
    box = Sandbox(business("shop", person(timedelta(hours=1))))
    with box.server, box.world:
        box.ask("info@shop.example")
        assert box.live()
        ports = (box.server.imap_port, box.server.smtp_port, box.world.port)
    assert threading.active_count() == before
    for port in ports:
        with pytest.raises(OSError):
            smtplib.SMTP(LOOPBACK, port, local_hostname="test", timeout=2)


# ---------------------------------------------------------------------------------------------- the clock
def test_the_clock_stands_still_until_it_jumps_and_never_goes_back() -> None:
    clock = SteppedClock(START)
    assert clock() == clock() == START
    assert clock.jump(START + timedelta(hours=1)) == START + timedelta(hours=1)
    assert clock.jump(START) == START + timedelta(hours=1)


def test_the_clock_stands_on_whole_seconds_only() -> None:
    assert whole_second(START + timedelta(microseconds=1)) == START + timedelta(seconds=1)
    assert whole_second(START) == START
    with pytest.raises(ValueError, match="no time zone"):
        whole_second(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself
