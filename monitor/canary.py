"""What canaries prove: when one is due, when one has failed, and since when we may have been deaf. Pure.

Between two canaries that came home we heard. One that did not opens a gap back to the last that did; the next that
comes home ends the gap but does not close it, as what came in between may be lost. It is closed when every canary that
failed in it came home after all, or when a person says so.

A gap concerns the addresses that its canary stands for, written as a pattern: "*@inbox.example.org" for a catch-all,
"audit+*@example.org" for plus-addresses, the address itself for a ready mailbox.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from monitor import addresses as schemes
from monitor.addresses import Draw
from monitor.facts import Persona
from monitor.studies import AddressSettings, CatchAll, Plus, StudySettings
from probes.contract import Receipt

SENT = ("sent", "unknown")
"""States of a canary that may be under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One canary as it stands. `proves`: the pattern of the addresses it stands for. `state`: of its receipt."""

    id: int
    channel: str
    scheme: str
    proves: str
    sender: str
    address: str
    message_id: str
    state: str
    sent_at: datetime
    arrival_id: int | None = None
    heard_at: datetime | None = None
    junk: bool = False
    failed_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A time in which we may have been deaf for the addresses of a pattern; `until` None: it goes on."""

    channel: str
    proves: str
    since: datetime
    until: datetime | None
    home_after_all: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An address that a canary may go to, and the pattern of those it stands for."""

    address: str
    proves: str


def covers(proves: str, address: str) -> bool:
    """Whether a canary of this pattern says something of this address."""
    return fnmatchcase(address, proves)


def schemes_in_use(
    studies: Mapping[str, StudySettings], personas: Mapping[str, Persona], addresses: Mapping[str, AddressSettings]
) -> dict[str, AddressSettings]:
    """The address schemes at which answers are awaited, by name."""
    names = {personas[person].addresses for study in studies.values() for person in study.personas}
    return {name: addresses[name] for name in sorted(names)}


def is_due(last: Canary | None, every: timedelta, patience: timedelta, now: datetime) -> bool:
    """Whether the next canary of a scheme should go out; one that could not be handed over is tried again soon."""
    if last is None:
        return True
    return now - last.sent_at >= (every if last.state in SENT else min(patience, every))


def route(settings: AddressSettings, name: str, earlier: Sequence[Canary], taken: Container[str], draw: Draw) -> Route:
    """Where the next canary goes: a fresh address of the scheme, or the ready mailbox proven longest ago.

    `earlier`: those sent to this scheme, oldest first. `taken`: addresses in use.
    """
    if isinstance(settings, CatchAll):
        return Route(address=schemes.shaped(name, settings.domain, draw, taken), proves=f"*@{settings.domain}")
    if isinstance(settings, Plus):
        local, _, domain = settings.mailbox.rpartition("@")
        return Route(address=schemes.plus(settings.mailbox, draw, taken), proves=f"{local}+*@{domain}")
    latest = {canary.address: canary.id for canary in earlier}
    mailbox = min(settings.file.mailboxes, key=lambda one: latest.get(one, -1))
    return Route(address=mailbox, proves=mailbox)


def has_failed(canary: Canary, patience: timedelta, heard_until: datetime | None, now: datetime) -> bool:
    """Whether a canary that is under way has failed: its time is over, and we have read everything since.

    Where the mailbox could not be read, the canary waits: that gap is on record already. One that perhaps was never
    handed over (`unknown`) proves something by coming home, and nothing by staying away.
    """
    if canary.state != "sent" or canary.heard_at is not None or canary.failed_at is not None:
        return False
    end = canary.sent_at + patience
    return now >= end and heard_until is not None and heard_until >= end


def was_refused(receipt: Receipt) -> bool:
    """Whether our own side refused a canary for good, so that everybody else's mail to such an address is lost too.

    One that could not be handed over for another reason proves nothing.
    """
    return receipt.state == "not_sent" and receipt.accepted_by == "recipient_mx"


def doubts(canaries: Sequence[Canary], begun: datetime | None) -> list[Doubt]:
    """The times in which we may have been deaf, by what the canaries of one channel say, oldest first.

    `begun`: when hearing began, which is as far back as the first doubt can go.
    """
    found: list[Doubt] = []
    for proves in sorted({canary.proves for canary in canaries}):
        telling = (one for one in canaries if one.proves == proves and (one.state in SENT or one.failed_at is not None))
        mine = sorted(telling, key=lambda one: one.sent_at)
        passed: datetime | None = None
        failed: list[Canary] = []
        for canary in mine:
            if canary.failed_at is not None:
                failed.append(canary)
            elif canary.heard_at is not None:
                if failed:
                    found.append(_doubt(failed, passed or begun, canary.sent_at))
                passed, failed = canary.sent_at, []
        if failed:
            found.append(_doubt(failed, passed or begun, None))
    return sorted(found, key=lambda doubt: doubt.since)


def _doubt(failed: Sequence[Canary], since: datetime | None, until: datetime | None) -> Doubt:
    first = failed[0]
    return Doubt(
        channel=first.channel,
        proves=first.proves,
        since=min(since or first.sent_at, first.sent_at),
        until=until,
        home_after_all=all(one.heard_at is not None for one in failed),
        why=next((one.why for one in reversed(failed) if one.why), "a canary did not come home"),
    )
