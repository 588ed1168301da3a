"""Real mails made into replies: headers replaced, bodies kept byte for byte, and what was done to each on record."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "replies"

_REPLACED = {
    b"to", b"cc", b"bcc", b"from", b"reply-to", b"sender", b"in-reply-to", b"references", b"delivered-to",
    b"x-original-to", b"envelope-to", b"x-envelope-to", b"return-path", b"message-id", b"received", b"resent-to",
    b"apparently-to", b"x-rcpt-to", b"x-delivered-to",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A mail to be sent back: its bytes, and the Message-ID that it returns (of a bounce), without brackets."""

    name: str
    kind: str
    raw: bytes
    returns: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A mail ready to be delivered, and which keys it still carries."""

    probe: str
    kind: str
    raw: bytes
    to: str
    mail_from: str
    by_address: bool
    by_thread: bool
    by_bounce: bool
    strange: bool


def originals() -> list[Original]:
    """The corpus beside the project where there is one, else a few mails of our own."""
    if not (CORPUS / "labels.csv").is_file():
        return [Original(name=f"own-{n}", kind=kind, raw=raw) for n, (kind, raw) in enumerate(_own())]
    with (CORPUS / "bounce_expect.csv").open(encoding="utf-8", newline="") as file:
        returned = {row["path"]: row["message_id"].strip().strip("<>").encode() for row in csv.DictReader(file)}
    with (CORPUS / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [
            Original(
                name=row["path"],
                kind=row["kind"],
                raw=(CORPUS / row["path"]).read_bytes(),
                returns=returned.get(row["path"]) or None,
            )
            for row in csv.DictReader(file)
        ]


def _own() -> Iterator[tuple[str, bytes]]:
    for n in range(40):
        yield (
            "human",
            f"Subject: Re: your question\r\nDate: Tue, 01 Dec 2026 10:00:00 +0000\r\n\r\nHello, number {n}: yes. "
            "We are open until six.\r\nJo\r\n".encode(),
        )
        yield (
            "auto_acknowledgement",
            b"Subject: We have received your message\r\nAuto-Submitted: auto-replied\r\n\r\n"
            b"Thank you. Ticket %d was opened; we answer within two days.\r\n" % n,
        )
        yield (
            "human",
            b"Subject: Antwort\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\xc3\xbc\xc3\x9fe %d</p>\r\n" % n,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquired:
    """What a business received: the probe it belongs to, its own address, and what can be answered to."""

    probe: str
    own: str
    private: str
    message_id: str


def replies(asked: Sequence[Enquired], mails: Sequence[Original], *, elsewhere: str, seed: int) -> list[Reply]:
    """Each mail as an answer to one probe, round and round.

    Independently of each other, a quarter go to `elsewhere` (our mailbox, but no private address), a quarter have no
    thread header, a tenth come from a domain that the business never used. A bounce that returned a Message-ID returns
    ours, the others return what they did.
    """
    draw = random.Random(seed)
    order = list(mails)
    draw.shuffle(order)
    count = len(order)

    def some(share: float) -> set[int]:
        return set(draw.sample(range(count), round(share * count)))

    unaddressed, unthreaded, strange = some(0.25), some(0.25), some(0.1)
    made = []
    for at, mail in enumerate(order):
        enquiry = asked[at % len(asked)]
        bounce = mail.kind in ("bounce", "delay_notice", "delivery_receipt")
        sender = f"someone{at}@stranger{at % 7}.test" if at in strange else enquiry.own
        to = elsewhere if at in unaddressed else enquiry.private
        head, body = _split(mail.raw)
        by_bounce = bool(mail.returns and mail.returns in body)
        if by_bounce:
            assert mail.returns is not None
            body = body.replace(mail.returns, enquiry.message_id.strip("<>").encode())
        fields = [
            b"From: " + sender.encode(), b"To: " + to.encode(), f"Message-ID: <reply-{at}@answers.test>".encode(),
        ]  # fmt: skip
        if at not in unthreaded:
            fields += [b"In-Reply-To: " + enquiry.message_id.encode(), b"References: " + enquiry.message_id.encode()]
        kept = [line for line in _fields(head) if line.split(b":", 1)[0].strip().lower() not in _REPLACED]
        made.append(
            Reply(
                probe=enquiry.probe,
                kind=mail.kind,
                raw=b"\r\n".join([*fields, *kept]) + b"\r\n\r\n" + body,
                to=to,
                mail_from="" if bounce else sender,
                by_address=at not in unaddressed,
                by_thread=at not in unthreaded,
                by_bounce=by_bounce,
                strange=at in strange,
            )
        )
    return made


def _split(raw: bytes) -> tuple[bytes, bytes]:
    text = raw.lstrip(b"\r\n")
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    text = re.sub(rb"\r?\n", b"\r\n", text)
    head, _, body = text.partition(b"\r\n\r\n")
    return head, body


def _fields(head: bytes) -> list[bytes]:
    """Header fields unfolded into one element each, folds kept inside; lines that are no field are dropped."""
    found: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and found:
            found[-1] += b"\r\n" + line
        elif re.match(rb"[!-9;-~]+[ \t]*:", line):
            found.append(line)
    return found
