"""What an arrival that is no mail says, to whom it belongs and what it is. Pure.

Its channel has read it (`probes.contract.Reading`). It belongs to a contact by the id that the provider gave to that
contact; else by the pair of numbers, ours and theirs, within the window. Which of several probes a pair means would be
a guess: then it belongs to each of them weakly, and a person looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from monitor.classify.decide import RULES, classify
from monitor.classify.view import View
from monitor.facts import Keys, Match, SentProbe, Verdict
from probes.contract import Reading
from probes.mail.mime import parse

PROVIDER_ID = "provider_id"
"""Key of a match by the id that a provider gave to a contact: nobody else knows it."""

NUMBER_PAIR = "number_pair"


def reading_keys(reading: Reading) -> Keys:
    """What of this reading may tie it to a probe."""
    return Keys(sender=reading.other, number=reading.number, provider_ids=reading.about)


def match_reading(reading: Reading, candidates: Sequence[SentProbe], at: datetime) -> tuple[Match, ...]:
    """The probes it belongs to; `candidates` were found by its keys, each of which is checked again here."""
    probes = sorted({probe.probe: probe for probe in candidates}.values(), key=lambda probe: probe.probe)
    about = [probe for probe in probes if set(probe.provider_ids) & set(reading.about)]
    if about:
        return tuple(_match(probe, PROVIDER_ID, True, "it is about what we handed over", reading) for probe in about)
    if not reading.number:
        return ()
    asked = [probe for probe in probes if probe.number == reading.number and _open(probe, at)]
    pairs = [probe for probe in asked if reading.other and _is_theirs(probe, reading.other)]
    if not pairs:
        return ()
    sure = len(pairs) == 1
    why = f"from {reading.other} to our {reading.number}, and the window is open"
    if not sure:
        why += f", as are those of {len(pairs) - 1} more probes between these numbers"
    return tuple(_match(probe, NUMBER_PAIR, sure, why, reading) for probe in pairs)


def _open(probe: SentProbe, at: datetime) -> bool:
    if probe.sent_at is None:
        return False
    return probe.sent_at <= at and (probe.window_until is None or at <= probe.window_until)


def _is_theirs(probe: SentProbe, number: str) -> bool:
    return number == probe.endpoint_address or number in probe.numbers


def _match(probe: SentProbe, key: str, strong: bool, reason: str, reading: Reading) -> Match:
    standing = "own_domain" if key == PROVIDER_ID or _is_theirs(probe, reading.other) else "stranger"
    return Match(probe=probe.probe, key=key, strong=strong, standing=standing, reason=reason)


def judge_reading(reading: Reading, at: datetime) -> Verdict:
    """What it is: what its channel knows it to be, else what the rules make of its text."""
    told = reading.told
    if told is not None:
        return Verdict(
            kind=told.kind,
            automated=told.automated,
            reasons=told.reasons,
            rules=RULES,
            new_text=reading.text,
            bounced_recipient=told.bounced_recipient,
            status=told.status,
            hard=told.hard,
            delivered=told.delivered,
        )
    mail = parse(_as_mail(reading))
    verdict = classify(mail, at)
    if verdict.kind != "unclear":
        return verdict
    view = View(mail)
    known = view.covered or view.language is None  # too short for its language to be told
    if known and not view.template_words and any(char.isalpha() for char in view.flat):
        # The rules for mail want a sign that only an answer has; a short message has no such headers.
        why = ("a short message in words of its own", "no sign of a machine")
        return Verdict(
            kind="human", automated=False, reasons=why, rules=RULES, language=verdict.language, new_text=view.new
        )
    return verdict


def _as_mail(reading: Reading) -> bytes:
    """The text in the form that the rules read; without a single header that could speak for a person or a machine."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content(reading.text or "", charset="utf-8")
    return mail.as_bytes()
