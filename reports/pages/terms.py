"""What the words of the outcome table mean to a reader: dispositions, kinds of reply, matching keys, standing."""

from __future__ import annotations

from dataclasses import dataclass

from reports.charts.marks import MARK_OF


@dataclass(frozen=True, slots=True)
class Term:
    """One word: its mark, what it is called on a page, what it means, and whether it is in the rate."""

    word: str
    mark: str
    title: str
    means: str
    why: str


DISPOSITIONS: dict[str, Term] = {
    word: Term(word, MARK_OF[word], title, means, why)
    for word, title, means, why in (
        (
            "answered",
            "Answered by a person",
            "A person wrote back within the window. Asking us to stop counts as an answer by a person.",
            "In the rate",
        ),
        (
            "machine_only",
            "Only a machine replied",
            "An acknowledgement, a bot, an absence notice or another automatic reply came within the window; "
            "no person did.",
            "In the rate, as no human answer",
        ),
        (
            "unanswered",
            "Nobody replied",
            "It was handed over and did not come back, the window closed, we heard all the time, and no reply came in "
            "it. Advertising and receipts are no reply.",
            "In the rate, as no human answer",
        ),
        (
            "not_delivered",
            "Came back undelivered",
            "A bounce within 5 days that came to the enquiry\u2019s private address and names the address written to, "
            "or that a reader confirmed; with no reply, nothing unclear and no read receipt beside it.",
            "Not in the rate: nobody could have read it. Counted in \u201cfor any reason on their side\u201d",
        ),
        (
            "undetermined",
            "Unclear",
            "Something came that no rule could place: an unclear text, a weak match, a stranger, a bounce that is "
            "disputed or later than 5 days.",
            "Not in the rate; in the worst and best case",
        ),
        (
            "not_heard",
            "We were deaf",
            "Our own mailbox was not proven to work during the window, and no person had answered before.",
            "Not in the rate: it would be our silence, not theirs; in the worst and best case",
        ),
        (
            "unknown",
            "May or may not have arrived",
            "The line was lost while handing over, or nothing confirmed it: nobody knows whether it was taken. It is "
            "never sent again.",
            "Not in the rate; in the worst and best case",
        ),
        (
            "not_sent",
            "Could not be sent",
            "It was refused for good, or we failed to hand it over.",
            "Not in the rate; what their own server refused is counted in \u201cfor any reason on their side\u201d",
        ),
        (
            "blocked",
            "Stopped at the door",
            "A log-in wall, a CAPTCHA or a robots rule: we stop there.",
            "Not in the rate",
        ),
        (
            "suppressed",
            "Not written to",
            "Our own rules or a request to stop kept us from sending.",
            "Not in the rate",
        ),
        (
            "not_contactable",
            "No such way to reach it",
            "The business offers no such channel.",
            "Not in the rate; counted in who can be reached at all",
        ),
        (
            "pending",
            "Window still open",
            "The waiting time is not over, or not yet heard through to its end.",
            "Not in the rate yet; in the curve until today",
        ),
    )
}
"""In the order in which a page lists them."""

IN_RATE = ("answered", "machine_only", "unanswered")

KINDS: dict[str, tuple[str, str]] = {
    "human": ("person", "A person"),
    "opt_out": ("refusal", "A person who asks us to stop"),
    "auto_acknowledgement": ("machine", "Automatic acknowledgement"),
    "out_of_office": ("machine", "Absence notice"),
    "auto_reply": ("machine", "Automatic reply"),
    "bot": ("machine", "Bot"),
    "challenge": ("machine", "Challenge (asks the sender to prove itself)"),
    "bounce": ("bounce", "Bounce"),
    "delay_notice": ("waiting", "Delay notice"),
    "delivery_receipt": ("waiting", "Delivery receipt"),
    "read_receipt": ("waiting", "Read receipt"),
    "marketing": ("unclear", "Marketing"),
    "complaint_report": ("unclear", "Complaint report"),
    "unclear": ("unclear", "Unclear"),
}
"""Kind of a verdict: its mark and its name. A kind that is not here is shown as it is written."""

KEYS: dict[str, str] = {
    "private_address": "the probe\u2019s private reply address",
    "in_reply_to": "our Message-ID in In-Reply-To",
    "bounced_message_id": "our Message-ID in the bounce",
    "references": "our Message-ID in References, with a second sign",
    "sender_domain": "the business\u2019s domain (weak)",
}
STANDINGS: dict[str, str] = {
    "own_domain": "from the business\u2019s own domain",
    "known_partner": "from a known partner of the business",
    "quotes_the_enquiry": "quotes or names the enquiry",
    "stranger": "from a stranger",
}


def kind(word: str) -> tuple[str, str]:
    """Mark and name of a kind of reply."""
    return KINDS.get(word, ("unclear", word))
