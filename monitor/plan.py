"""What is due: study, targets and what is on record in, probes out. Pure: no store, clock or wire.

Everything drawn (scenario, persona, delay) comes from sha256 of (seed, study, business, channel, address, slot): same
inputs, same plan, whatever the order of the targets and whatever the store calls them. Reply address and ids are drawn
from the store's secret too: the seed is published, and who could compute them could answer for somebody else.

Scenario: one of the study's scenarios in the business's language, drawn. Language is matched whole ("zh-tw"), then by
its first part ("zh"); where the business has no language, or none of the study's, the scenarios in the language of
the study's first scenario stand in. Persona: one of the study's personas that write in that language, drawn.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from monitor import addresses as schemes
from monitor.errors import ConfigError
from monitor.facts import Due, Persona, Scenario, Target
from monitor.scenarios import fill_line, fill_text, placeholders, values, writes
from monitor.studies import AddressSettings, CatchAll, Plus, StudySettings

_SECOND = timedelta(seconds=1)
_TOLD = 20


def plan(
    study: StudySettings,
    targets: Iterable[Target],
    *,
    scenarios: Mapping[str, Scenario],
    personas: Mapping[str, Persona],
    addresses: Mapping[str, AddressSettings],
    slots: Sequence[datetime],
    on_record: Mapping[int, Collection[datetime]],
    now: datetime,
    until: datetime,
    taken: Container[str] = (),
    secret: str = "",
) -> list[Due]:
    """The probes of `study` that fall due up to and including `until`, sorted by due.

    `slots`: of the study (`ticker.slots_of`). `on_record`: slots planned already, by endpoint id: they are not
    planned again. Of the slots at or before `now` an endpoint is only given the latest. A probe goes out at its slot
    plus its share of `spread`, and before the study's end; once the study has ended nothing is due.
    `taken`: reply addresses that cannot be given: of every probe there ever was (and, of ready mailboxes, of those
    still open). Where no ready mailbox is free `reply_address` is "": policy makes such a probe wait. `secret`: the
    store's own (`store.codes.salt`).

    Raises ConfigError when a placeholder has no value for any of the targets: nothing is planned then.
    """
    asked = [target for target in targets if chosen(study, target)]
    if problems := unfilled(study, asked, scenarios=scenarios, personas=personas):
        raise ConfigError(*problems)
    end = study.ends_at
    if end is not None and now >= end:
        return []
    drafts = [
        draft
        for target in asked
        for turn, slot in enumerate(
            _open_slots(study, slots, on_record.get(target.endpoint_id, ()), now),
            start=len(on_record.get(target.endpoint_id, ())),
        )
        if (draft := _draft(study, target, slot, end, secret, turn)).due <= until
    ]
    drafts.sort(key=lambda draft: (draft.due, draft.probe))
    given = _Given(taken)
    # One after the other in an order that does not depend on the store: an address is given once.
    return [_due(study, draft, scenarios, personas, addresses, given) for draft in drafts]


def chosen(study: StudySettings, target: Target) -> bool:
    """Whether the study asks this target: its channel, and its group, sector and country where the study names some.

    A control endpoint is asked whatever its group, sector and country.
    """
    if target.channel not in study.channels:
        return False
    return target.control or covers(study, group=target.group, sector=target.sector, country=target.country)


def covers(study: StudySettings, *, group: str | None, sector: str | None, country: str | None) -> bool:
    """Whether a business of this group, sector and country belongs to the study, however it can be reached."""
    filters = ((study.groups, group), (study.sectors, sector), (study.countries, country))
    return all(not wanted or _folded(own) in {_folded(name) for name in wanted} for wanted, own in filters)


def unfilled(
    study: StudySettings,
    targets: Iterable[Target],
    *,
    scenarios: Mapping[str, Scenario],
    personas: Mapping[str, Persona],
) -> list[str]:
    """Each placeholder that would stay unfilled for one of the targets, and where to put its value; in order."""
    someone = min((personas[name] for name in study.personas), key=lambda persona: len(persona.numbers))
    wanted = {name: placeholders(scenarios[name]) for name in study.scenarios}
    missing: dict[tuple[str, str], set[str]] = {}
    for target in targets:
        given: Mapping[str, str] | None = None
        for scenario in _asking(study, target, scenarios):
            for placeholder in wanted[scenario.id]:
                given = given if given is not None else values(target, someone, study.fill)
                if placeholder not in given:
                    missing.setdefault((scenario.id, placeholder), set()).add(target.business)
    lines = []
    for (scenario_id, placeholder), businesses in sorted(missing.items()):
        names = sorted(businesses)
        told = ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
        lines.append(
            f"study {study.id}: scenario {scenario_id}: {{{placeholder}}} has no value for {told}; put it into a "
            f"column {placeholder!r} of the businesses file and import it again, or into studies.{study.id}.fill"
        )
    return lines


# --------------------------------------------------------------------------- when
def _open_slots(
    study: StudySettings, slots: Sequence[datetime], recorded: Collection[datetime], now: datetime
) -> list[datetime]:
    # A slot before one on record is another reading of a time that has had its probe: the schedule or its zone changed.
    past = [slot for slot in slots if slot <= now and not any(slot < later for later in recorded)]
    coming = [slot for slot in slots if slot > now]
    wanted = [slot for slot in sorted({*([max(past)] if past else []), *coming}) if slot not in recorded]
    # "once" stays once when its start is moved: on the basis own or consented no cool-down would hold it back.
    most = 1 if study.once else study.probes_per_endpoint
    if most is not None:
        wanted = wanted[: max(0, most - len(recorded))]
    return wanted


@dataclass(frozen=True, slots=True)
class _Draft:
    due: datetime
    probe: str
    slot: datetime
    target: Target
    draws: _Draws
    hidden: _Draws
    turn: int


def _draft(
    study: StudySettings, target: Target, slot: datetime, end: datetime | None, secret: str, turn: int
) -> _Draft:
    parts = (str(study.seed), study.id, target.business, target.channel, target.address, _stamp(slot))
    draws, hidden = _Draws(*parts), _Draws(*parts, secret)
    room = study.spread if end is None else min(study.spread, end - slot - _SECOND)
    delay = timedelta(seconds=draws.below("spread")(max(0, room // _SECOND) + 1))
    return _Draft(slot + delay, hidden.token("probe", 12), slot, target, draws, hidden, turn)


# --------------------------------------------------------------------------- what and who
def _due(
    study: StudySettings,
    draft: _Draft,
    scenarios: Mapping[str, Scenario],
    personas: Mapping[str, Persona],
    addresses: Mapping[str, AddressSettings],
    given: _Given,
) -> Due:
    target, draws = draft.target, draft.draws
    asking = _asking(study, target, scenarios)
    scenario = asking[draws.below("scenario")(len(asking))]
    people = [personas[name] for name in study.personas if writes(personas[name], scenario.language)]
    if not people:
        raise ConfigError(
            f"study {study.id}: none of its personas writes {scenario.language!r} ({scenario.id}); add one"
        )
    persona = people[draws.below("persona")(len(people))]
    number = _number(study, draft, persona)
    filled = values(target, replace(persona, numbers=(number,) if number else ()), study.fill)
    settings = addresses[persona.addresses]
    reply = _reply_address(settings, persona, draft.hidden.below("address"), given)
    domain = (reply or _any_address(settings)).rpartition("@")[2]
    return Due(
        probe=draft.probe,
        study=study.id,
        slot=draft.slot,
        due=draft.due,
        target=target,
        scenario=scenario,
        persona=persona,
        reply_address=reply or "",
        message_id=f"<{draft.hidden.token('message', 24)}@{domain}>",
        subject=fill_line(scenario.subject, filled),
        body=fill_text(scenario.body, filled),
        number=number,
    )


def _number(study: StudySettings, draft: _Draft, persona: Persona) -> str | None:
    """One of the persona's numbers: the next one at each turn, so that open probes of one endpoint have their own."""
    if not persona.numbers:
        return None
    target = draft.target
    first = _Draws(str(study.seed), study.id, target.business, target.channel, target.address).below("number")
    return persona.numbers[(first(len(persona.numbers)) + draft.turn) % len(persona.numbers)]


def _asking(study: StudySettings, target: Target, scenarios: Mapping[str, Scenario]) -> list[Scenario]:
    """The scenarios that may be put to this target."""
    offered = [scenarios[name] for name in study.scenarios]
    language = (target.language or "").lower()
    whole = [scenario for scenario in offered if scenario.language == language]
    part = [s for s in offered if language and s.language.split("-")[0] == language.split("-")[0]]
    return whole or part or [scenario for scenario in offered if scenario.language == offered[0].language]


def _reply_address(
    settings: AddressSettings, persona: Persona, draw: Callable[[int], int], given: _Given
) -> str | None:
    if isinstance(settings, CatchAll):
        address: str | None = schemes.shaped(persona.latin_name or persona.name, settings.domain, draw, given)
    elif isinstance(settings, Plus):
        address = schemes.plus(settings.mailbox, draw, given)
    else:
        address = schemes.ready(settings.file.mailboxes, draw, given)
    if address is not None:
        given.add(address)
    return address


def _any_address(settings: AddressSettings) -> str:
    return "" if isinstance(settings, CatchAll | Plus) else settings.file.mailboxes[0]


class _Given:
    """Addresses that are taken: those of the store and those given in this plan."""

    def __init__(self, taken: Container[str]) -> None:
        self._taken = taken
        self._here: set[str] = set()

    def __contains__(self, address: object) -> bool:
        return address in self._here or address in self._taken

    def add(self, address: str) -> None:
        self._here.add(address)


# --------------------------------------------------------------------------- chance, the same each time
class _Draws:
    """Everything random about one probe: a stream of numbers for each label."""

    def __init__(self, *parts: str) -> None:
        # Lengths go in too: no two lists of parts share a spelling.
        self._base = hashlib.sha256("".join(f"{len(part)}:{part}," for part in parts).encode()).digest()

    def token(self, label: str, length: int) -> str:
        """Lower-case letters and digits 2-7, 5 bits each."""
        return base64.b32encode(self._digest(label, 0)).decode().lower()[:length]

    def below(self, label: str) -> Callable[[int], int]:
        """draw(n): the next number in 0..n-1; 64 bits are drawn, so the bias is below n / 2**64."""
        turn = 0

        def draw(n: int) -> int:
            nonlocal turn
            turn += 1
            return int.from_bytes(self._digest(label, turn)[:8], "big") % n

        return draw

    def _digest(self, label: str, turn: int) -> bytes:
        return hashlib.sha256(self._base + f"{label}:{turn}".encode()).digest()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _folded(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()
