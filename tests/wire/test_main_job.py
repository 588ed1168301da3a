"""The whole job over Postfix and Dovecot: 200 businesses in 40 domains are asked and answer with real mails."""

from __future__ import annotations

import re
import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

import pytest

from monitor import importing
from monitor.app import App
from monitor.listen import listen_pass
from monitor.report import publish, read
from monitor.send import send_pass
from monitor.store.looking import events
from reports.data import verify
from tests.wire.mailing import Enquired, Reply, originals, replies
from tests.wire.servers import PASSWORD, Dovecot, Postfix, dovecot, eventually, postfix

SHARED = [f"town{n}.example" for n in range(20)]
SINGLE = [f"solo{n}.example" for n in range(20)]
ADDRESSES = [f"desk{n}@{domain}" for domain in SHARED for n in range(9)] + [f"info@{domain}" for domain in SINGLE]
OURS = "inbox.auditor.test"
MAILBOX = "auditor@mail.test"
STRONG = {"private_address", "in_reply_to", "bounced_message_id"}

CONFIG = """
[channels.post]
kind = "email"
[channels.post.smtp]
via = "relay"
host = "127.0.0.1"
port = {smtp}
security = "none"
[channels.post.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{mailbox}"
password_file = "secret"
folders = ["INBOX"]

[addresses.main]
scheme = "catch_all"
domain = "{ours}"

[personas.mara]
name = "Mara Lindqvist"
addresses = "main"

[policy]
quiet_start = "00:00"
quiet_end = "00:00"
quiet_days = []
daily_cap = 1000
per_scope_daily_cap = 100
per_group_daily_cap = 100

[studies.towns]
title = "Do town halls answer?"
question = "Two questions about opening hours"
channels = ["post"]
scenarios = ["hours"]
personas = ["mara"]
seed = 7
start = 2020-01-01
schedule = "once"
timezone = "UTC"
probes_per_endpoint = 1

[report]
names = true
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "Opening hours next week"
body = '''
Hello,

are you open on the second Saturday of next month, and is there a ramp at the side entrance?

{persona}
'''

[[questions]]
id = "saturday"
text = "Open on the second Saturday?"

[[questions]]
id = "ramp"
text = "Is there a ramp?"
"""


@dataclass
class Post:
    """The servers and the app that talks to them."""

    app: App
    mailboxes: Dovecot
    mta: Postfix


@contextmanager
def _working_folder(folder: Path, smtp: int, imap: int) -> Iterator[App]:
    (folder / "secret").write_text(PASSWORD)
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "hours.toml").write_text(SCENARIO)
    rows = "\n".join(f"Hall {n},{address},UTC,public_enquiry" for n, address in enumerate(ADDRESSES))
    (folder / "businesses.csv").write_text(f"name,email,timezone,basis\n{rows}\n")
    (folder / "config.toml").write_text(CONFIG.format(smtp=smtp, imap=imap, mailbox=MAILBOX, ours=OURS))
    with App.open(folder / "config.toml") as app:
        yield app


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with (
        dovecot() as mailboxes,
        postfix(mailboxes, domains=[*SHARED, *SINGLE], catch_all={OURS: MAILBOX}) as mta,
        _working_folder(tmp_path, mta.port, mailboxes.port) as app,
    ):
        yield Post(app, mailboxes, mta)


def ask_everybody(post: Post) -> list[Enquired]:
    """Import, send, and read in each business's mailbox what it was asked."""
    done = importing.bring_in(post.app, post.app.config.businesses)
    assert done.result is not None, done.rejects
    assert done.result.added == len(ADDRESSES)
    summary = send_pass(post.app.store, post.app.config, post.app.channels, post.app.clock)
    assert (summary.sent, summary.problems) == (len(ADDRESSES), [])
    asked = []
    for address in ADDRESSES:
        (raw,) = eventually(lambda who=address: post.mailboxes.messages(who), f"{address} has its enquiry")  # type: ignore[misc]
        head = raw.partition(b"\r\n\r\n")[0].decode()
        fields = dict(re.findall(r"^([\w-]+):\s*(.*?)\r?$", re.sub(r"\r?\n[ \t]+", " ", head), re.MULTILINE))
        asked.append(
            Enquired(
                probe="", own=address, private=parseaddr(fields["From"])[1].lower(), message_id=fields["Message-ID"]
            )
        )
    return asked


def with_probes(post: Post, asked: list[Enquired]) -> list[Enquired]:
    """The same, each with the id of its probe, as the store knows it."""
    from sqlalchemy import select

    from monitor.store.tables import PROBES

    with post.app.store.read() as connection:
        ids = {row.reply_address: row.id for row in connection.execute(select(PROBES.c.id, PROBES.c.reply_address))}
    return [
        Enquired(probe=ids[one.private], own=one.own, private=one.private, message_id=one.message_id) for one in asked
    ]


def deliver(post: Post, mails: list[Reply]) -> None:
    """Hand every reply to Postfix and wait until all of them lie in our mailbox."""
    with smtplib.SMTP("127.0.0.1", post.mta.port, timeout=60) as client:
        for mail in mails:
            client.sendmail(mail.mail_from, [mail.to], mail.raw)

    def arrived() -> bool:
        with post.mailboxes.client(MAILBOX) as box:
            return bool(box.folder_status("INBOX", ["MESSAGES"])[b"MESSAGES"] == len(mails) + len(ADDRESSES))

    eventually(arrived, f"{len(mails)} replies and the relay's reports are in the mailbox", seconds=120)


@pytest.mark.wire
def test_the_whole_job_with_real_mails_over_real_servers(
    post: Post, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = with_probes(post, ask_everybody(post))
    assert len({one.private for one in asked}) == len(ADDRESSES), "each probe has an address of its own"
    sent_back = replies(asked, originals(), elsewhere=f"office@{OURS}", seed=20261122)
    deliver(post, sent_back)

    summary = listen_pass(post.app.store, post.app.channels, post.app.clock)

    # Every mail stored, once; hearing it again stores nothing.
    assert (summary.new, summary.deaf) == (len(sent_back) + len(ADDRESSES), {})
    again = listen_pass(post.app.store, post.app.channels, post.app.clock)
    assert again.new == 0

    truth = {f"reply-{n}@answers.test": mail for n, mail in enumerate(sent_back)}
    found = matched(post)
    report = _count(truth, found)
    with capsys.disabled():
        _tell(report, len(sent_back))
    assert report.wrong_strong == [], "a strong key led to a wrong probe"
    assert report.missed_address == [], "a mail to a private address was not matched by it"
    assert report.missed_thread == [], "a mail with our Message-ID in In-Reply-To was not matched"
    assert report.missed_bounce == [], "a bounce that returned our Message-ID was not matched"
    assert report.guessed == [], "a mail without any key, from a stranger, was given to somebody"
    assert report.right["sender_domain"] == report.expected["own address"], "the address asked was not recognised"
    assert report.wrong == Counter(), "a mail was given to a wrong probe"

    done = publish(post.app, tmp_path / "site")
    assert verify(tmp_path / "site") == []
    assert done.probes == len(ADDRESSES)
    assert read(post.app.store).height == len(ADDRESSES)


@dataclass
class Report:
    """Which mails were found by which key, and which were not."""

    right: Counter[str]
    wrong: Counter[str]
    expected: Counter[str]
    wrong_strong: list[str]
    missed_address: list[str]
    missed_thread: list[str]
    missed_bounce: list[str]
    guessed: list[str]


def matched(post: Post) -> dict[str, list[tuple[str, str, bool]]]:
    """By the Message-ID of the reply: (probe, key, strong) of each match."""
    from monitor.store.understanding import raw

    found: dict[str, list[tuple[str, str, bool]]] = {}
    for probe, several in events(post.app.store):
        for one in several:
            head = re.search(rb"Message-ID: <(reply-\d+@answers\.test)>", raw(post.app.store, one.arrival))
            if head is None:
                assert one.kind == "delivery_receipt", "only the relay's own reports came beside the replies"
                continue
            found.setdefault(head[1].decode(), []).append((probe, one.match.key, one.match.strong))
    return found


def _count(truth: dict[str, Reply], found: dict[str, list[tuple[str, str, bool]]]) -> Report:
    report = Report(Counter(), Counter(), Counter(), [], [], [], [], [])
    for name, mail in truth.items():
        matches = found.get(name, [])
        probes = {probe for probe, _, _ in matches}
        for probe, key, strong in matches:
            (report.right if probe == mail.probe else report.wrong)[key] += 1
            if strong and probe != mail.probe:
                report.wrong_strong.append(name)
        best = (
            "private_address" if mail.by_address
            else "in_reply_to" if mail.by_thread
            else "bounced_message_id" if mail.by_bounce
            else "own address" if not mail.strange
            else "nothing"
        )  # fmt: skip
        report.expected[best] += 1
        missed = {
            "private_address": report.missed_address,
            "in_reply_to": report.missed_thread,
            "bounced_message_id": report.missed_bounce,
        }.get(best)
        if missed is not None and mail.probe not in probes:
            missed.append(name)
        if best == "nothing" and matches:
            report.guessed.append(name)
    return report


def _tell(report: Report, total: int) -> None:
    print(f"\n{total} real mails as replies; strongest key they carry, and what found them:")
    for key, n in report.expected.most_common():
        print(f"  {key:20} carried as strongest by {n:4}")
    for key in sorted({*report.right, *report.wrong}):
        print(f"  {key:20} found right {report.right[key]:4}, wrong {report.wrong[key]:3}")
