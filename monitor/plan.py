"""What is due: study, targets and what is on record in, probes to be sent out. Pure: no store, clock or wire."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime

from monitor.facts import Due, Persona, Scenario, Target
from monitor.studies import AddressSettings, StudySettings


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
) -> list[Due]:
    """The probes of `study` due up to `until`, sorted by due. In the making."""
    raise NotImplementedError
