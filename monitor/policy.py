"""Whether a due probe may be sent. Pure: no store, clock or wire. Closed by default.

The rules, in the order they are asked; the first that says no is the one told.

    basis           the business's basis is one of those its channel may be used with
    basis_proof     on the basis consented or authority the proof is recorded
    suppressed      nobody there has said stop: address, destination (scope) or business
    refuse_list     the config does not refuse the address or its destination
    ended           the study has not ended
    yearly_cap      public_enquiry, authority: contacts to the address in any 365 days, over all studies
    cooldown        public_enquiry, authority: time since and to the nearest contact to the address, over all studies
    quiet_day       the weekday, in the business's own zone
    quiet_hours     the time of day, in the business's own zone; they may cross midnight
    daily_cap       contacts on one UTC day over all studies
    channel_cap     ... by one channel
    scope_cap       ... to one destination (for mail: one domain)
    group_cap       ... to one group of businesses
    no_address      the probe has a private reply address (a ready mailbox may not be free)

The first five are for good. The others pass with time: their `until` is the first moment at which every rule would
allow the probe as things stand now (an hour that autumn repeats may be missed); where the study has ended by then,
waiting is no use and `until` is None. A probe that falls due later is judged at the moment it falls due. On the basis
own or consented the study's own schedule is the only cadence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from monitor.addresses import spellings
from monitor.facts import Allowed, Contacted, Due, Refused, Target
from monitor.forgotten import digest
from monitor.studies import PolicySettings
from monitor.zones import instant, zone

PROVEN = frozenset({"consented", "authority"})
"""Bases that need a proof on record."""
RATIONED = frozenset({"public_enquiry", "authority"})
"""Bases on which an address has a cool-down and a yearly cap."""

_YEAR = timedelta(days=365)
_DAY = timedelta(days=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """Who said stop: addresses, scopes and business keys never to be contacted again, on any channel.

    `digests`: hashes, keyed with `key`, of the addresses and scopes of those who asked to be forgotten.
    """

    addresses: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    businesses: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    key: bytes = b""

    def forgot(self, address: str) -> bool:
        """Whether this address, or the mail domain that it is at, was forgotten."""
        if not self.digests:
            return False
        at = address.rpartition("@")[2]
        labels = at.split(".") if "@" in address or "." in at else []
        above = (".".join(labels[i:]) for i in range(len(labels) - 1))
        return any(digest(self.key, one) in self.digests for one in (address, *above))


@dataclass(frozen=True, slots=True)
class _No:
    """A rule's refusal; `again` is the first moment at which this rule alone would not refuse."""

    rule: str
    reason: str
    again: datetime | None = None


def decide(
    dues: Sequence[Due],
    *,
    settings: PolicySettings,
    bases: Mapping[str, frozenset[str]],
    contacted: Iterable[Contacted],
    suppressed: Suppressed,
    now: datetime,
    ends: Mapping[str, datetime | None] | None = None,
    caps: Mapping[str, int] | None = None,
) -> list[Allowed | Refused]:
    """One decision a due, in the order given; each Allowed counts against the caps of those after it.

    `bases`: what each channel of the config may be used on (a channel that is not there: nothing).
    `contacted`: every contact that may have been accepted or is planned, of all studies: of the last 365 days for
    the addresses in question, and of the UTC days in question for everybody.
    `ends`: when each study ends (None or absent: never). `caps`: how many contacts each channel makes a day (absent:
    no cap of its own); what the settings say of a channel goes before.
    """
    ledger = _Ledger(settings, contacted, {**(caps or {}), **settings.channel_daily_caps})
    refused = _Refused(settings.refuse)
    decisions: list[Allowed | Refused] = []
    spare: defaultdict[str, list[str]] = defaultdict(list)
    for planned in dues:
        due = _with_address(planned, spare)
        at = max(now, due.due)
        end = (ends or {}).get(due.study)
        no = _for_good(due, bases, suppressed, refused)
        if no is None and end is not None and at >= end:
            no = _No("ended", f"the study {due.study} has ended")
        no = no or next(_objections(due, settings, ledger, at), None)
        if no is None:
            ledger.add(_as_contact(due, at))
            decisions.append(Allowed(due=due))
        else:
            if due.reply_address:
                spare[due.persona.addresses].append(due.reply_address)
            until = None if no.again is None else _first_free(due, settings, ledger, no.again)
            reason = no.reason
            if until is not None and end is not None and until >= end:
                until, reason = None, f"{reason}; the study ends before that"
            decisions.append(Refused(due=due, rule=no.rule, reason=reason, until=until))
    return decisions


def _with_address(due: Due, spare: Mapping[str, list[str]]) -> Due:
    """A probe that got no ready mailbox takes one that a refused probe before it would have had."""
    if due.reply_address or not spare.get(due.persona.addresses):
        return due
    address = spare[due.persona.addresses].pop()
    message_id = f"{due.message_id.rpartition('@')[0]}@{address.rpartition('@')[2]}>"
    return replace(due, reply_address=address, message_id=message_id)


# --------------------------------------------------------------------------- rules that no waiting changes
def _for_good(due: Due, bases: Mapping[str, frozenset[str]], suppressed: Suppressed, refused: _Refused) -> _No | None:
    target = due.target
    allowed = bases.get(target.channel, frozenset())
    if target.basis not in allowed:
        usable = ", ".join(sorted(allowed)) or "none"
        return _No("basis", f"the basis {target.basis} is not enough for {target.channel} (bases it takes: {usable})")
    if target.basis in PROVEN and not (target.basis_proof or "").strip():
        return _No("basis_proof", f"the basis {target.basis} needs its proof on record (column basis_proof)")
    if target.business in suppressed.businesses:
        return _No("suppressed", f"{target.business} asked never to be contacted again")
    if target.address in suppressed.addresses:
        return _No("suppressed", f"{target.address} asked never to be contacted again")
    if suppressed.forgot(target.address):
        return _No("suppressed", "its address asked to be forgotten: never to be contacted again")
    if scope := _covering(target.scope, suppressed.scopes):
        return _No("suppressed", f"{scope} asked never to be contacted again")
    if entry := refused.covering(target.address, target.scope):
        return _No("refuse_list", f"{entry} is on the refuse list of the config")
    return None


class _Refused:
    """The refuse list of the config, however its entries are spelled."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = frozenset(spelling for entry in entries for spelling in spellings(entry))

    def covering(self, address: str, scope: str) -> str | None:
        return address.lower() if address.lower() in self._entries else _covering(scope.lower(), self._entries)


def _covering(scope: str, listed: frozenset[str]) -> str | None:
    """The listed scope that `scope` is or lies below ("shop.example" covers "mail.shop.example")."""
    while scope:
        if scope in listed:
            return scope
        scope = scope.partition(".")[2]
    return None


# --------------------------------------------------------------------------- rules that pass with time
def _objections(due: Due, settings: PolicySettings, ledger: _Ledger, at: datetime) -> Iterator[_No]:
    target = due.target
    if target.basis in RATIONED:
        if again := ledger.yearly(target.address, at):
            reason = f"{target.address} has had {settings.yearly_cap} contacts in 365 days"
            yield _No("yearly_cap", reason, again)
        if again := ledger.cooldown(target.address, at):
            reason = f"{target.address} is contacted once in {settings.cooldown.total_seconds() / 86400:g} days at most"
            yield _No("cooldown", reason, again)
    if quiet := _quiet(settings, target.timezone, at):
        yield quiet
    yield from ledger.full(target, at)
    if not due.reply_address:
        yield _No(
            "no_address",
            f"every ready mailbox of {due.persona.addresses} has served a probe; add mailboxes to its file",
            at + _LOOK_AGAIN,
        )


def _first_free(due: Due, settings: PolicySettings, ledger: _Ledger, at: datetime) -> datetime:
    """The first moment from `at` on at which no rule objects, as things stand.

    Each objection names the first moment at which it falls; moving there, and on from there, misses nothing.
    """
    ready = due if due.reply_address else replace(due, reply_address="@")
    while (no := next(_objections(ready, settings, ledger, at), None)) is not None:
        assert no.again is not None
        assert no.again > at
        at = no.again
    return at


# --------------------------------------------------------------------------- quiet times
def _quiet(settings: PolicySettings, zone_name: str, at: datetime) -> _No | None:
    no = _quiet_now(settings, zone_name, at)
    if no is None:
        return None
    where = zone(zone_name)
    today = at.astimezone(where).date()
    # Quiet ends at a midnight, at quiet_end, or where a change of the clock jumps over the rest of it.
    for day in (today + timedelta(days=n) for n in range(-1, 10)):
        for moment in sorted(_turns(day, settings, zone_name)):
            if moment > at and _quiet_now(settings, zone_name, moment) is None:
                return _No(no.rule, no.reason, moment)
    raise AssertionError("a week without an hour that is not quiet")


def _turns(day: date, settings: PolicySettings, zone_name: str) -> Iterator[datetime]:
    where = zone(zone_name)
    for at in (time(0), settings.quiet_end):
        yield instant(day, at, where)
        yield datetime.combine(day, at, tzinfo=where).replace(fold=1).astimezone(UTC)


def _quiet_now(settings: PolicySettings, zone_name: str, at: datetime) -> _No | None:
    local = at.astimezone(zone(zone_name))
    day = _WEEKDAYS[local.weekday()]
    if day in settings.quiet_days:
        return _No("quiet_day", f"it is {day} in {zone_name}, a quiet day")
    start, end, clock = settings.quiet_start, settings.quiet_end, local.time()
    quiet = start <= clock < end if start <= end else clock >= start or clock < end
    if quiet:
        span = f"{start:%H:%M} to {end:%H:%M}"
        return _No("quiet_hours", f"it is {clock:%H:%M} in {zone_name}; quiet hours are {span}")
    return None


# --------------------------------------------------------------------------- who was contacted when
class _Ledger:
    """Contacts that count, in the shapes the caps ask for."""

    def __init__(self, settings: PolicySettings, contacted: Iterable[Contacted], caps: Mapping[str, int]) -> None:
        self._settings, self._caps = settings, caps
        self._channels: Counter[tuple[str, date]] = Counter()
        self._by_address: defaultdict[str, list[datetime]] = defaultdict(list)
        self._days: Counter[date] = Counter()
        self._scopes: Counter[tuple[str, date]] = Counter()
        self._groups: Counter[tuple[str, date]] = Counter()
        for contact in contacted:
            self.add(contact)

    def add(self, contact: Contacted) -> None:
        day = _utc_day(contact.at)
        insort(self._by_address[contact.address], contact.at)
        self._days[day] += 1
        self._channels[contact.channel, day] += 1
        self._scopes[contact.scope, day] += 1
        if contact.group:
            self._groups[contact.group, day] += 1

    def yearly(self, address: str, at: datetime) -> datetime | None:
        """When the yearly cap of the address lets another contact in; None when it does at `at`.

        Contacts that are planned for later count too: no 365 days, before or after, may hold more than the cap.
        """
        times, cap = self._by_address.get(address, []), self._settings.yearly_cap

        def full(moment: datetime) -> bool:
            near = times[bisect_right(times, moment - _YEAR) : bisect_left(times, moment + _YEAR)]
            insort(near, moment)
            return any(last - first < _YEAR for first, last in zip(near, near[cap:], strict=False))

        if not full(at):
            return None
        return next(t for t in sorted(earlier + _YEAR for earlier in times) if t > at and not full(t))

    def cooldown(self, address: str, at: datetime) -> datetime | None:
        """When the address has had its rest; None when it has at `at`."""
        times, rest = self._by_address.get(address, []), self._settings.cooldown

        def tired(moment: datetime) -> bool:
            return bisect_right(times, moment - rest) < bisect_left(times, moment + rest)

        if not tired(at):
            return None
        return next(t for t in (earlier + rest for earlier in times) if t > at and not tired(t))

    def full(self, target: Target, at: datetime) -> Iterator[_No]:
        """The caps of the UTC day of `at` that are reached."""
        settings, day = self._settings, _utc_day(at)
        channel, scope, group = target.channel, target.scope, target.group
        tomorrow = datetime.combine(day + _DAY, time(0), tzinfo=UTC)
        if self._days[day] >= settings.daily_cap:
            yield _No("daily_cap", f"{settings.daily_cap} contacts on {day} (UTC) are the most in a day", tomorrow)
        cap = self._caps.get(channel)
        if cap is not None and self._channels[channel, day] >= cap:
            yield _No("channel_cap", f"{cap} contacts by {channel} on {day} (UTC) are the most in a day", tomorrow)
        if self._scopes[scope, day] >= settings.per_scope_daily_cap:
            reason = f"{settings.per_scope_daily_cap} contacts to {scope} on {day} (UTC) are the most in a day"
            yield _No("scope_cap", reason, tomorrow)
        if group and self._groups[group, day] >= settings.per_group_daily_cap:
            reason = f"{settings.per_group_daily_cap} contacts to group {group} on {day} (UTC) are the most in a day"
            yield _No("group_cap", reason, tomorrow)


def _as_contact(due: Due, at: datetime) -> Contacted:
    target = due.target
    return Contacted(
        address=target.address,
        scope=target.scope,
        group=target.group,
        study=due.study,
        at=at,
        channel=target.channel,
    )


def _utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()
