"""Proof that we hear: sends canaries that are due, follows those under way, puts the gaps they show on record.

    due > put on record > hand over > receipt > (listening hears it) | failed > gap

Runs after hearing and understanding: a canary is given up only when everything that came since has been read.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitor import canary as deciding
from monitor.canary import Canary, Doubt
from monitor.clock import Clock
from monitor.config import Config
from monitor.facts import Persona
from monitor.store import canaries as records
from monitor.store.engine import Store
from monitor.store.hearing import has_heard
from monitor.store.planning import Taken
from monitor.studies import AddressSettings
from probes.contract import Canaries, Enquiry, Listens, OpenChannel, ProvesHearing, Receipt

log = logging.getLogger(__name__)

SUBJECT = "Quick check"
BODY = "Hello,\n\nonly checking that mail to this address arrives. There is no need to answer.\n\nKind regards\n"


@dataclass(slots=True, kw_only=True)
class Proved:
    """What a step of proving did. `failed`: canaries given up in it; `problems`: what a person must see."""

    sent: int = 0
    failed: list[Canary] = field(default_factory=list)
    deaf: list[Doubt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prover:
    """A channel that can prove its hearing, and how."""

    name: str
    wire: ProvesHearing
    rhythm: Canaries


def provers(channels: Mapping[str, OpenChannel]) -> Iterator[Prover]:
    """Every channel for which canaries are configured."""
    for name, channel in channels.items():
        if isinstance(channel.wire, ProvesHearing) and (rhythm := channel.wire.canaries()) is not None:
            yield Prover(name, channel.wire, rhythm)


def prove(store: Store, config: Config, channels: Mapping[str, OpenChannel], now: Clock) -> Proved:
    """One step: send what is due, give up what has failed, and put gaps on record. Raises StoreError only."""
    done = Proved()
    for prover in provers(channels):
        wire = channels[prover.name].wire
        if isinstance(wire, Listens) and not all(has_heard(store, prover.name, ear.mailbox) for ear in wire.ears()):
            continue  # hearing has not begun: nothing can be proven
        follow(store, prover, now, done)
        for scheme, settings in deciding.schemes_in_use(config.studies, config.personas, config.addresses).items():
            earlier = [one for one in records.canaries(store, prover.name) if one.scheme == scheme]
            last = earlier[-1] if earlier else None
            if deciding.is_due(last, prover.rhythm.every, prover.rhythm.patience, now()):
                receipt = send_one(store, config, prover, scheme, settings, now)
                done.sent += receipt.state in deciding.SENT
                if receipt.state not in deciding.SENT:
                    done.problems.append(
                        f"{prover.name}: a canary could not be handed over, so hearing is not proven: {receipt.reason}"
                    )
                if deciding.was_refused(receipt):
                    done.failed.append(refuse(store, prover, receipt, now))
        done.deaf += records.sync_gaps(store, prover.name, now())
    return done


def follow(store: Store, prover: Prover, now: Clock, done: Proved) -> None:
    """Give up the canaries that have failed, asking the wire why."""
    heard_until = records.heard_until(store, prover.name)
    for one in records.canaries(store, prover.name):
        if deciding.has_failed(one, prover.rhythm.patience, heard_until, now()):
            why = explain(prover, one, now)
            records.record_failure(store, one.id, why, now())
            done.failed.append(one)
            done.problems.append(f"{prover.name}: {why}")


def refuse(store: Store, prover: Prover, receipt: Receipt, now: Clock) -> Canary:
    """Give up the newest canary, which our own side refused; returns it."""
    newest = records.canaries(store, prover.name)[-1]
    why = f"a canary to {newest.address} was refused by our own side: {receipt.reason}"
    records.record_failure(store, newest.id, why, now())
    return newest


def explain(prover: Prover, one: Canary, now: Clock) -> str:
    """Why a canary did not come home, in words."""
    lost = f"a canary to {one.address}, sent {one.sent_at:%Y-%m-%d %H:%M} UTC, did not come home"
    try:
        why = prover.wire.missing(one.message_id, one.address, now)
    except Exception as error:
        log.exception("%s: looking for a lost canary failed", prover.name)
        why = f"looking for it failed: {error}"
    return f"{lost}: {why or 'nothing explains it; ask the providers of both accounts'}"


def send_one(
    store: Store, config: Config, prover: Prover, scheme: str, settings: AddressSettings, now: Clock
) -> Receipt:
    """Send one canary to an address of the scheme: on record before the wire is touched, never twice."""
    earlier = [one for one in records.canaries(store, prover.name) if one.scheme == scheme]
    person = _persona(config, scheme)
    route = deciding.route(settings, person.latin_name or person.name, earlier, Taken(store), secrets.randbelow)
    sender = prover.rhythm.sender
    message_id = f"<{secrets.token_hex(12)}@{sender.rpartition('@')[2]}>"
    made = records.put_on_record(
        store, channel=prover.name, scheme=scheme, route=route, sender=sender, message_id=message_id, now=now()
    )
    letter = Enquiry(
        probe="canary", to=route.address, reply_to=sender, sender_name="", subject=SUBJECT, body=BODY, language="en",
        message_id=message_id,
    )  # fmt: skip
    try:
        receipt = prover.wire.send_canary(letter, now)
    except Exception as error:
        log.exception("%s: the channel broke while sending a canary", prover.name)
        receipt = Receipt(state="unknown", at=now(), reason=f"broke off: {type(error).__name__}: {error}")
    records.record_receipt(store, made, receipt)
    return receipt


def _persona(config: Config, scheme: str) -> Persona:
    return next(person for person in config.personas.values() if person.addresses == scheme)
