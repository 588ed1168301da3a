"""What an arrival is: person or machine, and which machine. Pure, explained, and never an exception.

An ordered list of rules over one view of the mail: failures before answers, and `unclear` where nothing is strong
enough. A rule gives a finding with its reasons in words, or passes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from monitor.classify import machines, people, reports
from monitor.classify.finding import Finding
from monitor.classify.headers import noreply
from monitor.classify.language import language
from monitor.classify.promises import promise
from monitor.classify.view import View
from monitor.facts import Verdict
from probes.mail.mime import Mail

RULES = "2026.1"
"""The version of the rules: every verdict names it."""

Rule = Callable[[View], Finding | None]

ORDER: tuple[Rule, ...] = (
    reports.complaint,
    reports.read_receipt,
    machines.challenge,
    reports.failed,
    machines.bot,
    machines.stated,
    machines.titled,
    people.opt_out,
    machines.absence,
    machines.acknowledgement,
    machines.dead_end,
    machines.notice,
    people.marketing,
    machines.generated,
    machines.noreply_sender,
    people.human,
)

_AUTOMATED = {"human": False, "opt_out": False, "marketing": None, "unclear": None}
_HEADERS = (
    "from", "sender", "to", "cc", "date", "subject", "message-id", "received", "return-path", "delivered-to",
    "reply-to", "in-reply-to", "mime-version", "content-type",
)  # fmt: skip
_LOOKED_AT = 8_192
_PROMISING = frozenset({"auto_acknowledgement", "auto_reply", "out_of_office", "bot", "human"})


def classify(mail: Mail, at: datetime | None = None) -> Verdict:
    """The verdict on one mail; `at` is when it arrived, for deadlines of promises. Never raises."""
    try:
        return _classify(mail, at)
    except Exception as error:  # a mail that breaks a rule must not stop the others: it waits for a person
        return Verdict(
            kind="unclear",
            automated=None,
            reasons=(f"the rules broke on this mail: {type(error).__name__}: {str(error)[:200]}",),
            rules=RULES,
        )


def _classify(mail: Mail, at: datetime | None) -> Verdict:
    if nothing := _no_mail(mail):
        return Verdict(kind="unclear", automated=None, reasons=(nothing,), rules=RULES)
    view = View(mail)
    finding = next((found for rule in ORDER if (found := rule(view)) is not None), None) or _unclear(view)
    report = finding.kind in {"bounce", "delay_notice", "delivery_receipt", "read_receipt", "complaint_report"}
    promised = promise(view.new, view.codes, at) if finding.kind in _PROMISING else None
    return Verdict(
        kind=finding.kind,
        automated=_AUTOMATED.get(finding.kind, True),
        reasons=finding.reasons,
        rules=RULES,
        language=language(view.new, model=False) if report else view.language,
        new_text=view.new if not report else view.new[:5000],
        noreply_sender=not report and (noreply(mail) or view.says("noreply") is not None),
        promise=promised,
        bounced_recipient=finding.recipient,
        original_message_id=finding.message_id,
        status=finding.status,
        hard=finding.hard,
        delivered=reports.delivered(mail) if finding.kind == "delivery_receipt" else None,
    )


def _no_mail(mail: Mail) -> str:
    """Why these bytes are no mail, in words; "" when they may be one: every mail that a program wrote or a server
    delivered has one of these headers."""
    if not mail.raw.strip():
        return "it is empty: no mail"
    if any(mail.has(name) for name in _HEADERS):
        return ""
    held = "binary data" if b"\x00" in mail.raw[:_LOOKED_AT] else "text"
    return f"it has no header that a mail has (From, Date, Subject, ...): {held}, and no mail"


def _unclear(view: View) -> Finding:
    why: list[str] = []
    if not view.flat:
        kinds = ", ".join(dict.fromkeys(view.mail.attachments)) or "nothing"
        why.append(f"it has no text of its own (it holds {kinds})")
    elif "-----BEGIN PGP MESSAGE-----" in view.new:
        why.append("its text is encrypted")
    elif not view.covered:
        why.append(f"its language ({view.language or 'not told'}) is not one the rules know well")
    why.append("nothing is strong enough to tell a person from a machine")
    why += view.signs.hints[:3] + view.signs.generated[:2]
    return Finding("unclear", tuple(why))
