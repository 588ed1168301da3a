"""What is known of one probe, as one row of times and facts: a pure function of `ProbeFacts`.

Which arrivals count:
- marketing, complaints and delivery receipts are ignored; delay notices only do not speak against a bounce;
- a reply that is weakly matched, or from a stranger who neither quotes nor names the enquiry or the business, sets
  `first_unclear_at` and nothing else, whatever it says (a stop request too: it must not be forged by anybody);
- what a person decided in review counts as decided; what is nobody's then is not among the replies;
- a bounce stands (the enquiry was not delivered) only when nobody has a motive for it: see `_disputed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from monitor.clock import micros
from monitor.facts import Match, Outcome, ProbeFacts, Reply, Verdict

BOUNCE_STANDS = timedelta(days=5)
"""A bounce later than this after sending is disputed: relays give up within five days (RFC 5321, 4.5.4.1)."""

IGNORED = frozenset({"marketing", "complaint_report", "delivery_receipt", "read_receipt", "delay_notice"})
PEOPLE = frozenset({"human", "opt_out"})
MACHINES = frozenset({"bot", "auto_acknowledgement", "out_of_office", "auto_reply", "challenge"})
_AUTO = frozenset({"out_of_office", "auto_reply", "challenge"})


def reporter_trusted(match: Match, verdict: Verdict, endpoint_address: str) -> bool:
    """Whether a bounce comes from where a true one would: our relay, or the host that accepted the enquiry.

    A true bounce answers the envelope, so it comes to the private address that was the envelope sender, and it names
    the address we wrote to; or the provider reports it, signed, by the id that it gave to the contact. One that names
    another address tells of a forwarding beyond the business's own door, and one without the private address cannot be
    told from a made-up one.
    """
    return (
        verdict.kind == "bounce"
        and match.strong
        and match.key in ("private_address", "provider_id")
        and bool(verdict.bounced_recipient)
        and (verdict.bounced_recipient or "").strip().lower() == endpoint_address.strip().lower()
    )


def outcome(facts: ProbeFacts) -> Outcome:
    """One row of the outcome table. Total, deterministic, and free of the order of `facts.replies`."""
    replies = sorted(facts.replies, key=_order)
    counted = [reply for reply in replies if reply.kind not in IGNORED]
    sure = [reply for reply in counted if _sure(reply)]
    bounces = [reply for reply in sure if reply.kind == "bounce"]
    people = [reply for reply in sure if reply.kind in PEOPLE]
    machines = [reply for reply in sure if reply.kind in MACHINES]
    unclear = [reply for reply in counted if not _sure(reply) or reply.kind not in PEOPLE | MACHINES | {"bounce"}]
    heard = [reply for reply in sure if reply.kind in PEOPLE | MACHINES]
    promise = next((reply for reply in machines if reply.promised), None)
    human = people[0] if people else None
    delivered = [reply for reply in replies if _delivered(reply, facts.endpoint_address)]

    def at(found: Iterable[Reply]) -> int | None:
        first = next(iter(found), None)
        return None if first is None else _micros(first, facts.sent_at)

    return {
        "probe": facts.probe,
        "study": facts.study,
        "version": facts.version,
        "business": facts.business,
        "group": facts.group,
        "channel": facts.channel,
        "scenario": facts.scenario,
        "intent": facts.intent,
        "language": facts.language,
        "persona": facts.persona,
        "pair": facts.pair,
        "role": "control" if facts.control else "recipient",
        "state": facts.state,
        "reason": facts.reason or None,
        "accepted_by": facts.accepted_by,
        "sent_at": None if facts.sent_at is None else micros(facts.sent_at),
        "first_reply_at": at(heard),
        "first_ack_at": at(reply for reply in machines if reply.kind == "auto_acknowledgement"),
        "first_bot_at": at(reply for reply in machines if reply.kind == "bot"),
        "first_auto_at": at(reply for reply in machines if reply.kind in _AUTO),
        "first_unclear_at": at(unclear),
        "first_human_at": at(people),
        "first_human_kind": human.kind if human else None,
        "bounced_at": at(bounces),
        "disputed": bool(bounces) and _disputed(bounces, replies, facts.sent_at),
        "bounce_hard": bounces[0].hard if bounces else None,
        "mailbox_full": any((reply.status or "").endswith(".2.2") for reply in bounces) if bounces else None,
        "delayed_at": at(reply for reply in replies if reply.kind == "delay_notice" and reply.strong),
        "delivered_at": at(delivered),
        "delivered_junk": delivered[0].junk if delivered and delivered[0].own_copy else None,
        "observed_until": None if facts.heard_until is None else micros(facts.heard_until),
        "gap_from": None if facts.gap_from is None else micros(facts.gap_from),
        "promised_at": None if promise is None else _micros(promise, facts.sent_at),
        "promise_due_at": None if promise is None or promise.promise_due is None else micros(promise.promise_due),
        "noreply": any(reply.noreply for reply in heard) if heard else None,
        "junk": human.junk if human else None,
        "by_hand": facts.set_aside or any(reply.by_hand for reply in replies),
        "questions_asked": facts.questions_asked,
        "questions_answered": _answered(people, facts.questions_asked),
    }


def _delivered(reply: Reply, endpoint_address: str) -> bool:
    """Whether this proves that the enquiry came into the mailbox: our own copy there, or a report that names it."""
    named = (reply.bounced_recipient or "").strip().lower() == endpoint_address.strip().lower()
    return bool(reply.delivered) and reply.strong and (reply.own_copy or named)


def _sure(reply: Reply) -> bool:
    """Whether this reply counts for what it says, rather than waiting for a person's eye."""
    if reply.by_hand:
        return True
    if not reply.strong:
        return False
    # Whoever reports a bounce is a mail server, and no business's own: its trust is judged in _disputed.
    return reply.kind == "bounce" or reply.standing != "stranger"


def _disputed(bounces: list[Reply], replies: list[Reply], sent_at: datetime | None) -> bool:
    """Whether the bounce does not stand alone.

    It stands when a trusted reporter sent it within five days, and nothing else came but delay notices, further
    bounces and what is ignored. A read receipt speaks against it: somebody opened what was not delivered.
    """
    beside = [
        reply
        for reply in replies
        if reply.kind != "bounce" and (reply.kind not in IGNORED or reply.kind == "read_receipt")
    ]
    if beside or sent_at is None:
        return True
    return not any(
        (reply.reporter_trusted or reply.by_hand) and reply.at - sent_at <= BOUNCE_STANDS for reply in bounces
    )


def _answered(people: list[Reply], asked: int) -> int | None:
    """The most questions that one reply of a person answered; None where no person replied, and where none was found:
    no rule judges yet whether a reply answers, so nothing found is not nothing answered."""
    return min(max((reply.questions_answered for reply in people), default=0), asked) or None


def _micros(reply: Reply, sent_at: datetime | None) -> int:
    """When it came; never before the enquiry, since nobody knew the address: a stamp before it is another clock."""
    return micros(reply.at if sent_at is None else max(reply.at, sent_at))


def _order(reply: Reply) -> tuple[object, ...]:
    """By time; among equals the stronger kind, then every field, so that no order of the store shows through."""
    strength = ("human", "opt_out", "bot", "auto_acknowledgement", "out_of_office", "auto_reply", "challenge")
    rank = strength.index(reply.kind) if reply.kind in strength else len(strength)
    return (reply.at, rank, reply.kind, not reply.by_hand, not reply.promised, repr(reply))
