"""Whether a mail says that another was not delivered, and what of it: recipient, original Message-ID, status.

A delivery-status part states it (RFC 3464). Where there is none, or beside it: X-Failed-Recipients, flufl.bounce, and
what servers say in their own words (phrases/bounces.toml). Words alone never make a bounce: a server's sender, an empty
envelope sender, a report's content type or a returned mail must stand beside them, because people quote bounces.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from email.policy import compat32

from monitor.classify.lexicon import Table, first, flatten, server_phrases
from monitor.classify.ownwords import Report
from probes.mail.mime import Fields, Mail, addresses, blocks, ids

FLUFL_LIMIT = 1_000_000

_log = logging.getLogger("flufl.bounce")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # it logs each crash of a detector as an error; we catch them

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([45]\d\d)[ -]")
_MAILBOX = r"([^\s<>\"':;,()|]{1,128}@[^\s<>\"':;,()|]{1,255})"
_OWN_LINE = re.compile(rf"^[ \t]*(?:[-*]\s)?(?:<mailto:)?<?\"?{_MAILBOX}\"?>?[ \t]*[:.,;]?(?:[ \t]|$)", re.M)
_FIELD = re.compile(
    r"^[ \t>]*(?:final-recipient|original-recipient|x-failed-recipients?|failed recipient|recipients?|to|destination|"
    r"user|for|intended recipient|address|rcpt to|mailbox|e-?mail address|宛先|收件人)[ \t]*[:：=][ \t]*"
    rf"(?:rfc822;|smtp:|<)?[ \t]*<?{_MAILBOX}",
    re.I | re.M,
)
_RCPT = re.compile(r"rcpt to:\s?<([^<>\s]{1,380})>", re.I)
_FINAL_RECIPIENT = re.compile(r"^(?:Final|Original)-Recipient:", re.I | re.M)
_ANY = re.compile(r"[^\s<>\"':;,()\[\]|=]{1,128}@[^\s<>\"':;,()\[\]|]{1,255}")
_FORWARD = re.compile(r"^(?:re|fw|fwd|aw|wg|tr|rv|回复|转发)\s?(?:\[\d+\])?\s?[:：]", re.I)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a report says. `kind` is bounce, delay_notice or delivery_receipt."""

    kind: str
    reasons: tuple[str, ...]
    recipient: str | None = None
    message_id: str | None = None
    status: str | None = None
    hard: bool | None = None


def failure(mail: Mail) -> Failure | None:
    """What this mail reports about the delivery of another, or None."""
    text = Report(mail)
    found = _by_status(mail) or _by_words(mail, text)
    if found is None:
        return None
    if found.kind == "delivery_receipt":
        return replace(found, message_id=_original_id(mail))
    report = text.own
    status, hard = _status(mail, found, text)
    return replace(
        found,
        recipient=found.recipient or _recipient(mail, report),
        message_id=_original_id(mail),
        status=status,
        hard=hard,
    )


def _by_status(mail: Mail) -> Failure | None:
    """By the fields of delivery-status parts: any failed recipient makes it a bounce."""
    by_action: dict[str, list[Fields]] = {}
    for block in mail.statuses or _stated_in_text(mail):
        action = block.get("action").lower().strip()
        if not action and block.get("final-recipient", "original-recipient"):
            action = {"4": "delayed", "2": "delivered"}.get(block.get("status")[:1], "failed")
        if action:
            by_action.setdefault(re.split(r"[\s;(]", action)[0], []).append(block)
    for action, kind in (("failed", "bounce"), ("failure", "bounce"), ("delayed", "delay_notice")):
        if found := by_action.get(action):
            reason = f"its delivery-status part says Action: {action}"
            return Failure(kind, (reason,), _from_blocks(found))
    for action in ("delivered", "relayed", "expanded"):
        if found := by_action.get(action):
            reason = f"its delivery-status part says Action: {action}"
            return Failure("delivery_receipt", (reason,), _from_blocks(found))
    return None


def _stated_in_text(mail: Mail) -> tuple[Fields, ...]:
    """Blocks of a delivery report that stand in the plain text, as broken or converted reports have them."""
    text = mail.text[:50_000]
    if "-recipient:" not in text.lower():
        return ()
    hit = _FINAL_RECIPIENT.search(text)
    if hit is None:
        return ()
    return tuple(block for block in blocks(mail.text[hit.start() : hit.start() + 4000]) if block.get("action"))


def _from_blocks(found: list[Fields]) -> str | None:
    """The address we wrote to: Original-Recipient first, because Final-Recipient may be an alias behind it."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        for block in found:
            known = addresses(block.get(name).replace(";", " ; "))
            if known:
                return known[0]
    return None


# ------------------------------------------------------------------------------------------- by words and circumstances
def _by_words(mail: Mail, report: Report) -> Failure | None:
    table = server_phrases()
    subject = flatten(mail.subject)
    why: list[str] = []
    sender = flatten(f"{mail.sender.name} {mail.sender.address.partition('@')[0]}")
    server = first(table["senders"], sender)
    if server:
        why.append(f"the sender is a mail server ({mail.sender.address or mail.sender.name})")
    null = mail.has("return-path") and (mail.envelope_sender or "") in {"", "mailer-daemon"}
    if null:
        why.append("the envelope sender is empty")
    if mail.type == "multipart/report" and mail.report_type in {"delivery-status", ""}:
        why.append("it is a multipart/report")
    failed_header = mail.header("x-failed-recipients")
    if failed_header:
        why.append("X-Failed-Recipients stands there")
    titled = None if _FORWARD.match(mail.subject) else first(table["subjects"], subject)
    if titled:
        why.append(f"the subject says {titled.words!r}")
    if not why:
        return None
    said = report.says(table["failed"])
    if said:
        why.append(f"the text says {said.words!r}")
    returned = bool(mail.returned) or first(table["returned_marks"], flatten(mail.text[:20_000])) is not None
    if returned:
        why.append("it returns a mail")
    late = _late(table, subject, report)
    if not _enough(
        bool(server),
        null,
        bool(failed_header),
        bool(titled),
        bool(said),
        returned,
        "multipart/report" in " ".join(why),
        late,
    ):
        return _by_flufl(mail, why, late) if server or null or titled else None
    return Failure("delay_notice" if late else "bounce", tuple(why))


def _enough(
    server: bool, null: bool, failed_header: bool, titled: bool, said: bool, returned: bool, report: bool, late: bool
) -> bool:
    """Two kinds of signs: who says it (a server), and that it speaks of a failure."""
    who = server or null or report or failed_header
    what = said or late
    if failed_header and (said or titled or returned):
        return True
    if who and titled and (what or returned):
        return True
    if server and titled and (null or report):
        return True
    if server and what and (returned or null or report):
        return True
    if (null or report) and what and returned:
        return True
    if server and said:
        return True
    # Gateways that bounce under a name of their own: the subject, the words and the returned mail together.
    return titled and what and returned


def _late(tables: Mapping[str, Table], subject: str, report: Report) -> bool:
    """Whether it speaks of a delay that is not over."""
    says = report.times(tables["delayed"], 2)
    titled = first(tables["delayed_subjects"], subject) is not None
    over = report.says(tables["given_up"]) is not None
    return (titled and says >= 1) or (says >= 1 and not over) or (says >= 2 and titled)


def _by_flufl(mail: Mail, why: list[str], late: bool) -> Failure | None:
    temporary, permanent = flufl(mail)
    if permanent:
        return Failure("bounce", (*why, "flufl.bounce recognises its wording"), permanent[0])
    if temporary:
        return Failure(
            "delay_notice" if late else "bounce", (*why, "flufl.bounce recognises its wording"), temporary[0]
        )
    return None


def flufl(mail: Mail) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses that flufl.bounce finds: (temporarily, permanently) failed. Empty when it crashes on this mail."""
    if len(mail.raw) > FLUFL_LIMIT:
        return (), ()
    from flufl.bounce import all_failures

    message = mail.message
    for _ in range(2):
        try:
            temporary, permanent = all_failures(message)
        except Exception:  # crashes on 8-bit headers, among others: once more without them
            try:
                message = email.message_from_bytes(_ascii(mail.raw), policy=compat32)
            except Exception:
                return (), ()
            continue
        return _texts(temporary), _texts(permanent)
    return (), ()


def _ascii(raw: bytes) -> bytes:
    return raw.decode("ascii", "replace").replace("\ufffd", "?").encode("ascii")


def _texts(found: Iterable[bytes | str]) -> tuple[str, ...]:
    out: list[str] = []
    for one in found:
        text = one.decode("ascii", "replace") if isinstance(one, bytes) else str(one)
        out += addresses(text)
    return tuple(sorted(set(out)))


# ------------------------------------------------------------------------------------------- what it is about
def _original_id(mail: Mail) -> str | None:
    """The Message-ID of the mail it speaks of. Some servers give the report the same one: a returned header decides."""
    for block in mail.returned:
        returned = ids(block.get("message-id"))
        if returned:
            return returned[0]
    own = mail.message_id
    for found in (mail.mentioned_ids, ids(mail.header("x-original-message-id")), mail.in_reply_to, mail.references):
        for one in found:
            if one != own:
                return one
    return None


def _recipient(mail: Mail, report: str) -> str | None:
    """Who did not get it, the surest source first."""
    failed = addresses(" ".join(mail.headers("x-failed-recipients")))
    if failed:
        return failed[0]
    ours = set(mail.recipients)
    foreign = mail.sender.address
    sources: tuple[Callable[[], Iterable[str]], ...] = (  # asked one after the other: the later ones cost more
        lambda: (hit[1] for hit in _FIELD.finditer(report)),
        lambda: (hit[1] for hit in _OWN_LINE.finditer(report)),
        lambda: (one for found in reversed(flufl(mail)) for one in found),
        lambda: (hit[1] for hit in _RCPT.finditer(report)),
    )
    for source in sources:
        for one in source():
            tidy = addresses(one)
            if tidy and tidy[0] not in ours and tidy[0] != foreign and not _server_address(tidy[0]):
                return tidy[0]
    for block in mail.returned:
        to = [one for one in addresses(block.get("to", "x-original-to", "delivered-to")) if one not in ours]
        if len(to) == 1:
            return to[0]
    for hit in _ANY.finditer(report):
        tidy = addresses(hit[0])
        if tidy and tidy[0] not in ours and tidy[0] != foreign and not _server_address(tidy[0]):
            return tidy[0]
    return None


def _server_address(address: str) -> bool:
    return first(server_phrases()["senders"], address.partition("@")[0]) is not None or address.startswith("abuse@")


def _status(mail: Mail, found: Failure, text: Report) -> tuple[str | None, bool | None]:
    """The enhanced status (x.2.2 when the words say the mailbox is full), and whether it is for good."""
    report = text.own
    stated = [hit[1] for block in mail.statuses for hit in [_STATUS.search(block.get("status"))] if hit]
    status = next((one for one in stated if not one.endswith(".0.0")), None)
    if status is None:
        coded = _STATUS.search(report)
        status = coded[1] if coded else next(iter(stated), None)
    full = (status or "").endswith(".2.2") or text.says(server_phrases()["mailbox_full"]) is not None
    if full and not (status or "").endswith(".2.2"):
        status = f"{(status or '5')[0]}.2.2"
    if found.kind == "delay_notice" or full:
        return status, False
    if status:
        return status, status[0] == "5" if status[0] in "45" else None
    code = _REPLY_CODE.search(report)
    return None, code[1][0] == "5" if code else None
