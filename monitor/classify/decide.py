"""What an arrival is: person or machine, and which machine. Pure, explained, and never an exception."""

from __future__ import annotations

from datetime import datetime

from monitor.facts import Verdict
from probes.mail.mime import Mail

RULES = "2026.1"


def classify(mail: Mail, at: datetime | None = None) -> Verdict:  # noqa: ARG001 - for promises
    """The verdict on one mail; `at` is when it arrived, for deadlines of promises."""
    actions = [block.get("action").lower() for block in mail.statuses]
    text = mail.text[:20_000]
    if any(action.startswith("failed") for action in actions):
        return Verdict(kind="bounce", automated=True, reasons=("delivery report: failed",), rules=RULES, new_text=text)
    if any(action.startswith("delayed") for action in actions):
        return Verdict(kind="delay_notice", automated=True, reasons=("delivery report: delayed",), rules=RULES)
    submitted = mail.header("auto-submitted").lower()
    if submitted and not submitted.startswith("no"):
        return Verdict(
            kind="auto_reply", automated=True, reasons=(f"Auto-Submitted: {submitted}",), rules=RULES, new_text=text
        )
    if mail.in_reply_to or mail.subject.lower().startswith("re:"):
        return Verdict(
            kind="human", automated=False, reasons=("an answer without signs of a machine",), rules=RULES, new_text=text
        )
    return Verdict(kind="unclear", automated=None, reasons=("nothing tells what it is",), rules=RULES, new_text=text)
