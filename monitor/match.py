"""Which probe an arrival belongs to, by which key, and how its sender stands to the business. Pure.

Keys in order: the private reply address; our Message-ID in In-Reply-To; our Message-ID in a bounce; our Message-ID in
References with a second sign; the sender's own domain within the window (weak).

Why an address and a Message-ID that disagree are never strong. The private address is also the envelope sender of our
enquiry, so a true bounce of probe B comes home to B's private address, and a person who answers B writes to it. A mail
to A's address that carries B's Message-ID was therefore made or mixed up by somebody: whoever holds A's address (the
business asked by A) could forge a bounce of B and have B taken out of the figures. So it belongs to both weakly, and a
person looks. One exception: an answer (In-Reply-To) when A and B ask the same business, whose help desk may join
threads; whom it wrote to is then certain, and the address decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from monitor.domains import is_freemail, registrable
from monitor.facts import OWN_COPY, Keys, Match, SentProbe
from monitor.helpdesks import desk_of
from monitor.likeness import plain, weight
from monitor.onbehalf import answers_for, own_domains
from probes.mail.mime import Mail, addresses

_SENTENCES = re.compile(r"[.!?。！？\n]+")
_QUOTE_SUBJECT = 12
_QUOTE_SENTENCE = 25
_QUOTE_TEXT_LIMIT = 50_000


def keys(mail: Mail) -> Keys:
    """What of this mail may tie it to a probe."""
    recipients = (block.get("final-recipient", "original-recipient") for block in mail.statuses)
    failed = [*recipients, *mail.headers("x-failed-recipients")]
    sender = mail.sender
    return Keys(
        message_id=bare(mail.message_id or ""),
        recipients=mail.recipients,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        bounced_message_ids=mail.mentioned_ids,
        bounced_recipients=tuple(dict.fromkeys(one for value in failed for one in addresses(value))),
        sender=sender.address,
        sender_domain=sender.domain,
    )


def match(mail: Mail, keys: Keys, candidates: Sequence[SentProbe], at: datetime) -> tuple[Match, ...]:
    """The probes this mail belongs to: several only by private address, or where two keys disagree (then weak).

    `candidates` are the probes the store found by `keys`; each key is checked again here. `at` is when it arrived.
    """
    probes = sorted({probe.probe: probe for probe in candidates}.values(), key=lambda probe: probe.probe)
    standings = _Standings(mail, keys)

    own = [probe for probe in _holding(probes, [keys.message_id]) if keys.sender == probe.reply_address.lower()]
    if own:
        why = "its Message-ID is ours and it comes from the private address: a copy of our own enquiry"
        return tuple(
            Match(probe=probe.probe, key=OWN_COPY, strong=True, standing="ourselves", reason=why) for probe in own
        )
    recipients = set(keys.recipients)
    addressed = [probe for probe in probes if probe.reply_address and probe.reply_address.lower() in recipients]
    replied = _holding(probes, keys.in_reply_to)
    bounced = _holding(probes, keys.bounced_message_ids)
    if addressed:
        return _by_address(addressed, replied, bounced, standings)
    for named, key, words in (
        (replied, "in_reply_to", "In-Reply-To holds our Message-ID"),
        (bounced, "bounced_message_id", "it returns a mail with our Message-ID"),
    ):
        if named:
            return _by_id(named, key, words, standings)
    referred = _holding(probes, keys.references)
    if referred:
        return _by_references(referred, standings)
    return _by_domain(probes, keys, at, standings)


def _holding(probes: Iterable[SentProbe], ids: Iterable[str]) -> list[SentProbe]:
    found = set(ids)
    return [probe for probe in probes if any(bare(one) in found for one in probe.message_ids)]


def bare(message_id: str) -> str:
    """A Message-ID as keys hold it: lower case, without brackets."""
    return message_id.strip().strip("<>").strip().lower()


def _by_address(
    addressed: list[SentProbe], replied: list[SentProbe], bounced: list[SentProbe], standings: _Standings
) -> tuple[Match, ...]:
    home = {probe.probe for probe in addressed}
    businesses = {probe.business for probe in addressed}
    returned = [probe for probe in bounced if probe not in replied]
    elsewhere: list[SentProbe] = []
    if returned and not home & {probe.probe for probe in bounced}:
        elsewhere += [probe for probe in returned if probe.probe not in home]
    if replied and not home & {probe.probe for probe in replied}:
        elsewhere += [probe for probe in replied if probe.business not in businesses]
    if not elsewhere:
        return tuple(
            standings.match(probe, "private_address", True, f"addressed to {probe.reply_address}")
            for probe in addressed
        )
    names = ", ".join(probe.probe for probe in elsewhere)
    out = [
        standings.match(
            probe, "private_address", False, f"addressed to this probe, but carries the Message-ID of {names}"
        )
        for probe in addressed
    ]
    to = ", ".join(probe.probe for probe in addressed)
    for probe in elsewhere:
        key = "in_reply_to" if probe in replied else "bounced_message_id"
        out.append(standings.match(probe, key, False, f"carries our Message-ID, but is addressed to {to}"))
    return tuple(out)


def _by_id(named: list[SentProbe], key: str, words: str, standings: _Standings) -> tuple[Match, ...]:
    if len(named) == 1:
        return (standings.match(named[0], key, True, words),)
    several = f"{words}, but of {len(named)} probes"
    return tuple(standings.match(probe, key, False, several) for probe in named)


def _by_references(referred: list[SentProbe], standings: _Standings) -> tuple[Match, ...]:
    seconded = [probe for probe in referred if standings.of(probe)[0] != "stranger"]
    if len(seconded) == 1:
        why = f"References hold our Message-ID, and {standings.of(seconded[0])[1]}"
        return (standings.match(seconded[0], "references", True, why),)
    chosen = seconded or referred
    if len({probe.business for probe in chosen}) != 1:
        return ()
    why = "References hold our Message-ID" + ("s of several probes" if len(chosen) > 1 else ", and nothing else fits")
    return tuple(standings.match(probe, "references", False, why) for probe in chosen)


def _by_domain(probes: list[SentProbe], keys: Keys, at: datetime, standings: _Standings) -> tuple[Match, ...]:
    fitting = [probe for probe in probes if _open(probe, at) and belongs(keys.sender, probe)]
    # The very address asked says more than its domain, which several businesses may share.
    asked = [probe for probe in fitting if keys.sender == probe.endpoint_address.lower()]
    fitting = asked or fitting
    if len({probe.business for probe in fitting}) != 1:
        return ()
    fitting = [probe for probe in fitting if standings.quotes(probe)] or fitting
    owned = keys.sender if asked else keys.sender_domain
    why = f"{owned} belongs to the business asked, and its window is open"
    if len(fitting) > 1:  # which of them it answers would be a guess; that each is unanswered would be one too
        why += f", as are those of {len(fitting) - 1} more of its probes"
    return tuple(standings.match(probe, "sender_domain", False, why) for probe in fitting)


def _open(probe: SentProbe, at: datetime) -> bool:
    return (
        probe.sent_at is not None and probe.sent_at <= at and (probe.window_until is None or at <= probe.window_until)
    )


# ------------------------------------------------------------------------------------------------- standing
def belongs(sender: str, probe: SentProbe) -> bool:
    """Whether the address is the business's own: the very address asked, or its domain unless anybody can have that."""
    if not sender:
        return False
    sender = sender.lower()
    if sender == probe.endpoint_address.lower():
        return True
    domain = sender.rpartition("@")[2]
    return bool(domain) and registrable(domain) in own_domains(probe)


def _partner(sender: str, probe: SentProbe) -> bool:
    domain = sender.rpartition("@")[2]
    if not domain:
        return False
    partners = {one.lower().lstrip("@") for one in probe.partner_domains}
    if sender.lower() in partners or domain in partners:
        return True
    if any(domain.endswith(f".{one}") for one in partners if desk_of(one)):
        return True  # a whole help desk, where the study says so
    return not is_freemail(domain) and registrable(domain) in {registrable(one) for one in partners}


class _Standings:
    """How the sender of one mail stands to each business asked; the mail's text is read once, when needed."""

    def __init__(self, mail: Mail, keys: Keys) -> None:
        self._mail = mail
        self._keys = keys
        self._text: str | None = None

    def match(self, probe: SentProbe, key: str, strong: bool, reason: str) -> Match:
        standing, why = self.of(probe)
        return Match(probe=probe.probe, key=key, strong=strong, standing=standing, reason=f"{reason}; {why}")

    def of(self, probe: SentProbe) -> tuple[str, str]:
        sender = self._keys.sender
        if belongs(sender, probe):
            return "own_domain", f"{sender} is the business's own"
        if _partner(sender, probe):
            return "known_partner", f"{self._keys.sender_domain} is known to answer for the business"
        if probe.reply_address.lower() in self._keys.recipients:
            desk = answers_for(self._mail, sender, probe)
            if desk:
                return "known_partner", desk
        quoted = self.quotes(probe)
        if quoted:
            return "quotes_the_enquiry", quoted
        return "stranger", f"{sender or 'an unnamed sender'} neither quotes nor names the enquiry or the business"

    def quotes(self, probe: SentProbe) -> str:
        """What of the enquiry or the business the mail takes up, in words; "" when nothing."""
        if _holding([probe], self._keys.in_reply_to):
            return "it answers our Message-ID, which only those know who received the enquiry"
        if self._text is None:
            self._text = plain(f"{self._mail.subject}\n{self._mail.text[:_QUOTE_TEXT_LIMIT]}")
        subject = plain(probe.subject)
        if weight(subject) >= _QUOTE_SUBJECT and subject in self._text:
            return "it quotes the subject of the enquiry"
        for sentence in _SENTENCES.split(probe.body):
            words = plain(sentence)
            if weight(words) >= _QUOTE_SENTENCE and words in self._text:
                return "it quotes a sentence of the enquiry"
        name = plain(probe.business_name)
        if weight(name) >= 5 and (f" {name} " in f" {self._text} " or (not name.isascii() and name in self._text)):
            return "it names the business"
        return ""
