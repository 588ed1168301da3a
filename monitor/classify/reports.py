"""Rules for reports of mail systems: failures, delays, receipts, complaints."""

from __future__ import annotations

import re

from monitor.classify.bounces import failure
from monitor.classify.finding import Finding
from monitor.classify.view import View
from probes.mail.mime import Mail, addresses

_COMPLAINT = re.compile(
    r"^(?:complaint about message|e?mail feedback report|abuse report|spam report|feedback report)", re.I
)


def complaint(view: View) -> Finding | None:
    """A feedback report (RFC 5965)."""
    mail = view.mail
    stated = mail.report_type == "feedback-report" or bool(mail.feedback)
    if not stated and not (mail.returned and _COMPLAINT.search(mail.subject)):
        return None
    recipient = next((block.get("original-rcpt-to") for block in mail.feedback if block.get("original-rcpt-to")), "")
    found = addresses(recipient)
    message_id = mail.mentioned_ids[0] if mail.mentioned_ids else None
    return Finding(
        "complaint_report", ("it is a feedback report about a mail",), found[0] if found else None, message_id
    )


def read_receipt(view: View) -> Finding | None:
    """A disposition notification (RFC 8098): somebody opened or deleted the mail."""
    mail = view.mail
    if mail.report_type != "disposition-notification" and not mail.notifications:
        return None
    said = next((block.get("disposition") for block in mail.notifications if block.get("disposition")), "")
    ids = [one for one in mail.mentioned_ids if one != mail.message_id] or list(mail.in_reply_to)
    reason = f"it is a disposition notification{f' ({said})' if said else ''}"
    return Finding("read_receipt", (reason,), message_id=ids[0] if ids else None)


def delivered(mail: Mail) -> bool | None:
    """Whether a delivery report says that the mail came into the mailbox (RFC 3464 action "delivered"), or only that it
    was passed on ("relayed", "expanded"); None when it does not say."""
    actions = {block.get("action").split("(")[0].strip().lower() for block in mail.statuses if block.get("action")}
    if "delivered" in actions:
        return True
    return False if actions & {"relayed", "expanded"} else None


def failed(view: View) -> Finding | None:
    """A bounce, a delay notice or a delivery receipt."""
    found = failure(view.mail)
    if found is None:
        return None
    return Finding(found.kind, found.reasons, found.recipient, found.message_id, found.status, found.hard)
