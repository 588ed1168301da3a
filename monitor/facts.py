"""What the deciders take and give. Plain data, named by its stage; no store, clock or wire.

    plan (Due) > policy (Allowed | Refused) > send (Enquiry > Receipt) > listen (Arrival)
        > match (Match) > classify (Verdict) > outcome (Outcome)

All datetimes are aware and in UTC. Kinds and channels are plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KINDS = (
    "human", "auto_acknowledgement", "out_of_office", "auto_reply", "bot", "bounce", "delay_notice",
    "delivery_receipt", "read_receipt", "challenge", "opt_out", "marketing", "complaint_report", "unclear",
)  # fmt: skip
"""Every kind of verdict."""

OWN_COPY = "own_copy"
"""Key of a match by which a mail is a copy of our own enquiry: our Message-ID as its own, from the private address."""

BASES = ("own", "consented", "public_enquiry", "authority")


# --------------------------------------------------------------------------- scenario, persona, target (plan reads)
@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing the scenario asks; `hints` say what would count as an answer."""

    id: str
    text: str
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    id: str
    intent: str
    language: str
    subject: str
    body: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    id: str
    name: str
    addresses: str
    customer_type: str = ""
    languages: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()  # of ours, listened to, that this person calls and writes from
    latin_name: str = ""  # how the name stands in mail addresses, where it has no Latin letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint of one business, as plan and policy see it. `fields` fill placeholders."""

    endpoint_id: int
    business_id: int
    business: str
    name: str
    channel: str
    address: str
    scope: str
    group: str | None
    sector: str | None
    country: str | None
    language: str | None
    timezone: str
    basis: str
    basis_proof: str | None
    control: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)


# --------------------------------------------------------------------------- plan > policy
@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A probe that the plan wants sent, complete but for the policy's leave."""

    probe: str
    study: str
    slot: datetime
    due: datetime
    target: Target
    scenario: Scenario
    persona: Persona
    reply_address: str
    message_id: str
    subject: str
    body: str
    pair: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """`until` is set when waiting helps (quiet hours, caps); None: this slot is never sent and is on record."""

    due: Due
    rule: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacted:
    """One earlier contact that may have been accepted, as far as policy needs to know it."""

    address: str
    scope: str
    group: str | None
    study: str
    at: datetime
    channel: str = ""


# --------------------------------------------------------------------------- match
@dataclass(frozen=True, slots=True, kw_only=True)
class SentProbe:
    """What match and classify may know of a probe that was sent.

    `number`: ours, that it was asked from. `numbers`: all of the business that are on record. `provider_ids`: what a
    provider called the contacts.
    """

    probe: str
    study: str
    business: str
    business_name: str
    channel: str
    endpoint_address: str
    own_domains: tuple[str, ...]
    partner_domains: tuple[str, ...]
    reply_address: str
    message_ids: tuple[str, ...]
    subject: str
    body: str
    sent_at: datetime | None
    window_until: datetime | None
    number: str = ""
    numbers: tuple[str, ...] = ()
    provider_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What of a mail may tie it to a probe: the store looks candidates up by these, match decides.

    Addresses and Message-IDs are lower case, the latter without brackets. `recipients` are all addresses it was
    delivered or addressed to. `message_id` is its own. `number` (ours) and `provider_ids` are those of
    what is no mail; its `sender` is a number.
    """

    message_id: str = ""
    recipients: tuple[str, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    bounced_message_ids: tuple[str, ...] = ()
    bounced_recipients: tuple[str, ...] = ()
    sender: str = ""
    sender_domain: str = ""
    number: str = ""
    provider_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An arrival belongs to `probe`, by which `key`, and how the sender stands to the business.

    `key`: private_address, in_reply_to, bounced_message_id, references, provider_id, number_pair, sender_domain;
    own_copy for our own enquiry as it arrived.
    `standing`: own_domain, known_partner, quotes_the_enquiry, stranger; ourselves for an own copy.
    `strong` is False where a person must look.
    """

    probe: str
    key: str
    strong: bool
    standing: str
    reason: str


# --------------------------------------------------------------------------- classify
@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    text: str
    due: datetime | None = None
    kind: str = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an arrival is. `automated`: True, False, or None where it cannot be told.

    `status` is the enhanced status code of a bounce ("5.1.1") and `hard` what it means: True permanent, False
    temporary, None unknown. `reasons` are in words, strongest first, never empty. `delivered` is said of a
    delivery_receipt: True when it came into the mailbox, False when it was only passed on.
    """

    kind: str
    automated: bool | None
    reasons: tuple[str, ...]
    rules: str
    language: str | None = None
    new_text: str = ""
    noreply_sender: bool = False
    promise: Promise | None = None
    bounced_recipient: str | None = None
    original_message_id: str | None = None
    status: str | None = None
    hard: bool | None = None
    questions_answered: tuple[str, ...] = ()
    delivered: bool | None = None


# --------------------------------------------------------------------------- outcome
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One arrival as the outcome sees it: when, what, how surely it belongs to the probe, and who looked at it."""

    at: datetime
    kind: str
    strong: bool
    standing: str
    junk: bool = False
    noreply: bool = False
    promise_due: datetime | None = None
    promised: bool = False
    status: str | None = None
    hard: bool | None = None
    bounced_recipient: str | None = None
    reporter_trusted: bool = False
    questions_answered: int = 0
    by_hand: bool = False
    delivered: bool | None = None
    own_copy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFacts:
    """What the store knows of one probe when its outcome is decided."""

    probe: str
    study: str
    version: int
    business: str
    group: str | None
    channel: str
    scenario: str
    intent: str
    language: str
    persona: str
    pair: str | None
    control: bool
    state: str
    reason: str
    accepted_by: str | None
    sent_at: datetime | None
    endpoint_address: str
    questions_asked: int
    heard_until: datetime | None
    gap_from: datetime | None
    replies: tuple[Reply, ...]
    set_aside: bool = False  # a person said of something the rules gave it that it belongs elsewhere, or to nobody


Outcome = dict[str, Any]
"""One row of the outcome table: exactly the columns of reports.outcomes.COLUMNS, times as integers."""
