"""How fast mails are understood: classify + match, beside compat32 parsing of the same mails in the same run.

    python -m tests.benchmarks.understanding [--mails FOLDER] [--count 2000] [--rounds 5]

The floor is `email.message_from_bytes` with compat32; our side starts from mails already parsed and reads everything
classify and match need (headers, text, language, phrases). Four mails in five are no bounces. Without a folder of mails
they are generated. Prints mails per second of both and the ratio: best of the rounds, each side measured in turn.
"""

from __future__ import annotations

import argparse
import email
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import compat32
from pathlib import Path

from monitor.classify.decide import classify
from monitor.facts import SentProbe
from monitor.match import keys, match
from probes.mail.mime import Mail, parse

BOUNCES = 0.2
SENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
TEXTS = (
    "Hello Anna,\n\nyes, we can do that on Thursday. It costs 49 euros and takes two hours. Shall I book?\n\nJo Miller",
    "We have received your message and will get back to you within 24 hours. Your ticket number is 4711.",
    "Bonjour,\n\noui, nous pouvons réparer votre vélo vendredi, le prix est de 49 €.\n\nCordialement\nJo",
    "Ich bin derzeit nicht im Büro und ab Montag wieder erreichbar. In dringenden Fällen rufen Sie die Werkstatt an.",
    "您好，周五可以修，费用49元，请您提前打电话预约。",
    "Vâng, chúng tôi có thể sửa xe cho bạn vào thứ Sáu, giá 300.000 đồng.",
)
QUOTE = (
    "\n\nOn Tue, 1 Dec 2026 at 10:00, Anna Berger <anna.b@inbox.example> wrote:\n" + "> Do you repair city bikes?\n" * 8
)


def generated(count: int) -> list[bytes]:
    """Mails of our own making, a fifth of them delivery reports."""
    dice = random.Random(7)
    return [_report(n) if dice.random() < BOUNCES else _reply(n, dice) for n in range(count)]


def _reply(number: int, dice: random.Random) -> bytes:
    message = EmailMessage()
    for hop in range(4):
        stamp = f"Tue, 1 Dec 2026 10:00:0{hop} +0000"
        message["Received"] = f"from mx{hop}.example by mx{hop + 1}.example with ESMTPS id {number}; {stamp}"
    message["From"] = "Jo Miller <jo@velo-nord.example>"
    message["To"] = f"anna.{number}@inbox.example"
    message["Subject"] = "Re: City bike repair this week"
    message["Message-ID"] = f"<{number}@velo-nord.example>"
    message["In-Reply-To"] = f"<enquiry-{number}@inbox.example>"
    text = dice.choice(TEXTS) + (QUOTE if number % 2 else "")
    message.set_content(text)
    if number % 3 == 0:
        message.add_alternative("<p>" + text.replace("\n", "<br>") + "</p>", subtype="html")
    return message.as_bytes()


def _report(number: int) -> bytes:
    return (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\n"
        f"To: anna.{number}@inbox.example\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=q\n\n"
        "--q\nContent-Type: text/plain\n\nThe mail below could not be delivered.\n"
        "--q\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        "Final-Recipient: rfc822; info@velo-nord.example\nAction: failed\nStatus: 5.1.1\n\n"
        f"--q\nContent-Type: message/rfc822\n\nMessage-ID: <enquiry-{number}@inbox.example>\n"
        "To: info@velo-nord.example\nSubject: City bike\n\nHello\n--q--\n"
    ).encode()


def gathered(folder: Path, count: int) -> list[bytes]:
    """Mails of a folder, mixed so that about four in five are no delivery reports."""
    mails = [path.read_bytes() for path in sorted(folder.rglob("*.eml"))]
    reports = [raw for raw in mails if classify(parse(raw)).kind in {"bounce", "delay_notice"}]
    known = {id(raw) for raw in reports}
    others = [raw for raw in mails if id(raw) not in known]
    if not reports or not others:
        return (mails * (count // max(len(mails), 1) + 1))[:count]
    few = round(count * BOUNCES)
    return (reports * (few // len(reports) + 1))[:few] + (others * (count // len(others) + 1))[: count - few]


def probe(number: int) -> SentProbe:
    return SentProbe(
        probe=f"p{number}",
        study="bench",
        business=f"firm-{number}",
        business_name=f"Velo Nord {number}",
        channel="post",
        endpoint_address="info@velo-nord.example",
        own_domains=("velo-nord.example",),
        partner_domains=("desk.example",),
        reply_address=f"anna.{number}@inbox.example",
        message_ids=(f"<enquiry-{number}@inbox.example>",),
        subject="City bike repair this week",
        body="Hello. Could you repair the gears of my city bike before Friday? What would it cost?",
        sent_at=SENT,
        window_until=SENT + timedelta(days=32),
    )


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def understand(mails: Sequence[Mail], probes: Sequence[SentProbe], at: datetime) -> None:
    for mail in mails:
        classify(mail, at)
        match(mail, keys(mail), probes, at)


def main(arguments: Sequence[str] = ()) -> None:
    corpus = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "replies"
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mails", type=Path, default=corpus)
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args(arguments)
    raws = gathered(given.mails, given.count) if given.mails.is_dir() else generated(given.count)
    probes = [probe(number) for number in range(8)]
    at = SENT + timedelta(days=1)

    def floor() -> None:
        for raw in raws:
            email.message_from_bytes(raw, policy=compat32)

    understand([parse(raw) for raw in raws[:50]], probes, at)  # languages and suffixes are read once in a process
    parsing, understanding = [], []
    for _ in range(given.rounds):
        parsing.append(seconds(floor))
        mails = [parse(raw) for raw in raws]
        begin = time.perf_counter()
        understand(mails, probes, at)
        understanding.append(time.perf_counter() - begin)
    parsed, understood = len(raws) / min(parsing), len(raws) / min(understanding)
    source = given.mails.name if given.mails.is_dir() else "generated"
    sys.stdout.write(
        f"understanding: {len(raws)} mails ({source}), classify + match {understood:,.0f}/s, "
        f"compat32 parse {parsed:,.0f}/s, ratio {understood / parsed:.2f}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
