"""Small makers of mails, and a limit for work that must not explode."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from types import FrameType

from probes.mail.mime import Mail, parse

CPU_LIMIT = 30.0
"""Seconds of CPU: work that is linear takes a small part of a second, work that is not takes minutes."""


def letter(body: str, subject: str = "Re: City bike repair", *, html: str | None = None, **headers: str) -> Mail:
    """A mail as it would come in. Keyword `in_reply_to` is the header In-Reply-To; `from_` is From; an
    empty value leaves a header out."""
    message = EmailMessage()
    given = {
        "from": "Jo Miller <jo@velo-nord.example>",
        "to": "anna.b@inbox.example",
        "date": "Tue, 01 Dec 2026 10:00:00 +0000",
        "message-id": "<reply-1@velo-nord.example>",
        "subject": subject,
    } | {name.strip("_").replace("_", "-"): value for name, value in headers.items()}
    for name, value in given.items():
        if value:
            message[name] = value
    message.set_content(body)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return parse(message.as_bytes())


def report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    recipient: str = "info@velo-nord.example",
    original: str = "enquiry-1@inbox.example",
    text: str = "Your message could not be delivered.",
    subject: str = "Undelivered Mail Returned to Sender",
    to: str = "anna.b@inbox.example",
    extra: str = "",
) -> Mail:
    """A delivery report of RFC 3464."""
    raw = f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.velo-nord.example>
To: {to}
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=utf-8

{text}

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.velo-nord.example

Final-Recipient: rfc822; {recipient}
{extra}Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} as said

--b1
Content-Type: message/rfc822

From: anna.b@inbox.example
To: {recipient}
Subject: City bike repair
Message-ID: <{original}>

Do you repair city bikes?
--b1--
"""
    return parse(raw.encode())


class TooBusy(BaseException):
    """No Exception: what is under test must not be able to catch it."""


@contextmanager
def cpu_limit(seconds: float = CPU_LIMIT) -> Iterator[None]:
    """Fail when the work inside takes more CPU than anything linear could, whatever else the machine does."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TooBusy

    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except TooBusy:
        raise AssertionError(f"still busy after {seconds} s of CPU: something is not linear") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
