"""Reads the config: one TOML file, checked once before anything starts, every mistake told at once.

Each problem is `FILE: key: what is wrong; what would be right`. Secrets never stand in the file and never reach a
message: channels read them from the environment or from files while their own settings are checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, StrictBool, ValidationError

from monitor.addresses import name_parts
from monitor.errors import ConfigError
from monitor.facts import Persona, Scenario
from monitor.problems import Problems, did_you_mean, read_toml
from monitor.scenarios import read_scenario, writes
from monitor.studies import (
    SCHEMES,
    AddressSettings,
    CatchAll,
    DoorSettings,
    LocalPath,
    PersonaTable,
    PolicySettings,
    ReportSettings,
    StudySettings,
    StudyTable,
)
from probes import loader
from probes.contract import ChannelKind, ProbeError
from probes.settings import Table

_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_REFUSED = "(refused)"
_NAMED = ("channels", "addresses", "personas", "studies")


class Root(Table):
    """The whole file. Channels and addresses are checked by the model that their `kind` and `scheme` name."""

    store: LocalPath = Field(default="unanswered.db", validate_default=True)
    live: StrictBool = False
    businesses: LocalPath = Field(default="businesses.csv", validate_default=True)
    scenarios: LocalPath = Field(default="scenarios", validate_default=True)
    channels: dict[str, dict[str, Any]] = Field(default_factory=dict)
    addresses: dict[str, dict[str, Any]] = Field(default_factory=dict)
    personas: dict[str, PersonaTable] = Field(default_factory=dict)
    policy: PolicySettings = PolicySettings()
    studies: dict[str, StudyTable] = Field(default_factory=dict)
    report: ReportSettings = Field(default_factory=dict, validate_default=True)
    door: DoorSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A channel of the config: its name there, its kind, and its checked settings."""

    name: str
    kind_name: str
    kind: ChannelKind
    settings: BaseModel = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A config that has been checked; paths are absolute or relative to the working folder, ready to open."""

    path: Path
    base: Path
    store: Path
    live: bool
    businesses: Path
    scenarios: Mapping[str, Scenario]
    channels: Mapping[str, Configured]
    addresses: Mapping[str, AddressSettings]
    personas: Mapping[str, Persona]
    policy: PolicySettings
    studies: Mapping[str, StudySettings]
    report: ReportSettings
    door: DoorSettings | None = None


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """The checked config at `path`; `env` is where `*_env` keys are looked up (None: this process's environment).

    Raises ConfigError with one line a problem.
    """
    problems = Problems(path)
    table = read_toml(path, problems)
    if table is None:
        raise ConfigError(*problems.lines)
    given = os.environ if env is None else env
    _no_secret_as_a_variable(table, given, problems)
    context = {"env": {**given, _REFUSED: _REFUSED}, "base": path.parent}
    _no_bad_names(table, problems)
    channels = _channels(_tables(table, "channels"), context, problems)
    addresses = _addresses(_tables(table, "addresses"), context, problems)
    people = _validated("personas", PersonaTable, table, context, problems)
    tables = _validated("studies", StudyTable, table, context, problems)
    root = _root(table, context, problems)
    scenarios = _scenarios(root, table, problems)
    personas = {key: _persona(key, person) for key, person in people.items()}
    studies = {key: StudySettings.model_construct(**dict(study), id=key) for key, study in tables.items()}
    _check_personas(people, table, addresses, problems)
    for key, study in _tables(table, "studies").items():
        _check_study(("studies", key), study, table, personas, scenarios, problems)
    if problems.lines:
        raise ConfigError(*problems.lines)
    return Config(
        path=path,
        base=path.parent,
        store=root.store,
        live=root.live,
        businesses=root.businesses,
        scenarios={key: text for key, text in scenarios.items() if text is not None},
        channels=channels,
        addresses=addresses,
        personas=personas,
        policy=root.policy,
        studies=studies,
        report=root.report,
        door=root.door,
    )


# --------------------------------------------------------------------------- before the models
def _tables(table: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The named tables under `key`; what is not a table is left to the model to refuse."""
    found = table.get(key)
    return {name: t for name, t in found.items() if isinstance(t, dict)} if isinstance(found, dict) else {}


def _no_bad_names(table: Mapping[str, Any], problems: Problems) -> None:
    for key in _NAMED:
        for name in _tables(table, key):
            if not _ID.fullmatch(name):
                problems.add((key, name), 'cannot be a name; write lower-case letters, digits, "-" and "_"')


def _no_secret_as_a_variable(table: Any, env: Mapping[str, str], problems: Problems, at: tuple[str, ...] = ()) -> None:
    """A secret written where the name of a variable belongs must not be repeated in a message: refused here."""
    if not isinstance(table, dict):
        return
    for key, value in list(table.items()):
        if not (key.endswith("_env") and isinstance(value, str) and value):
            _no_secret_as_a_variable(value, env, problems, (*at, key))
        elif value not in env and not _VARIABLE.fullmatch(value):
            problems.add(
                (*at, key),
                "is not the name of an environment variable that is set; write the name, in capitals, and never the "
                "secret itself",
            )
            table[key] = _REFUSED  # a variable that is set: no further problem comes of it


# --------------------------------------------------------------------------- tables with models of their own
def _channels(tables: Mapping[str, dict[str, Any]], context: Any, problems: Problems) -> dict[str, Configured]:
    channels: dict[str, Configured] = {}
    for name, table in tables.items():
        at = ("channels", name)
        kind_name = table.get("kind", name)
        if not isinstance(kind_name, str):
            problems.add((*at, "kind"), "must be text; write the name of a channel in quotes")
            continue
        try:
            kind = loader.load(kind_name)
        except ProbeError as error:
            problems.add((*at, "kind"), str(error))
            continue
        own = {key: value for key, value in table.items() if key != "kind"}
        try:
            settings = kind.settings.model_validate(own, context=context)
        except ValidationError as error:
            problems.add_errors(error, kind.settings, own, at)
            continue
        channels[name] = Configured(name=name, kind_name=kind_name, kind=kind, settings=settings)
    return channels


def _addresses(tables: Mapping[str, dict[str, Any]], context: Any, problems: Problems) -> dict[str, AddressSettings]:
    addresses: dict[str, AddressSettings] = {}
    for name, table in tables.items():
        at = ("addresses", name)
        scheme = table.get("scheme")
        words = " or ".join(f'"{word}"' for word in SCHEMES)
        if "scheme" not in table:
            problems.add((*at, "scheme"), f"is missing; write {words}")
        elif not isinstance(scheme, str) or scheme not in SCHEMES:
            problems.add((*at, "scheme"), f"is none of the schemes that are known; write {words}")
        else:
            try:
                addresses[name] = SCHEMES[scheme].model_validate(table, context=context)
            except ValidationError as error:
                problems.add_errors(error, SCHEMES[scheme], table, at)
    return addresses


_T = TypeVar("_T", bound=Table)


def _validated(key: str, model: type[_T], table: Mapping[str, Any], context: Any, problems: Problems) -> dict[str, _T]:
    """The named tables under `key` that are right; one that is wrong does not keep the others from being checked."""
    found: dict[str, _T] = {}
    for name, one in _tables(table, key).items():
        try:
            found[name] = model.model_validate(one, context=context)
        except ValidationError as error:
            problems.add_errors(error, model, one, (key, name))
    return found


def _root(table: Mapping[str, Any], context: Any, problems: Problems) -> Root:
    """What stands outside the named tables; with what is wrong left out."""
    rest = {key: value for key, value in table.items() if key not in _NAMED or not isinstance(value, dict)}
    for key in _NAMED:
        for name, one in (table[key] if isinstance(table.get(key), dict) else {}).items():
            if not isinstance(one, dict):
                problems.add(
                    (key, name), f"must be a table; write [{key}.{name}] on a line of its own and its keys below"
                )
    try:
        return Root.model_validate(rest, context=context)
    except ValidationError as error:
        problems.add_errors(error, Root, rest)
        wrong = {found["loc"][0] for found in error.errors(include_url=False)}
        return Root.model_validate({key: value for key, value in rest.items() if key not in wrong}, context=context)


def _scenarios(root: Root, table: Mapping[str, Any], problems: Problems) -> dict[str, Scenario | None]:
    """Every scenario by id; None for a file that is wrong."""
    folder = root.scenarios
    if not folder.is_dir():
        if "scenarios" in table or _tables(table, "studies"):
            problems.add("scenarios", f"there is no folder {folder}; make it, or write the path of the one that exists")
        return {}
    scenarios: dict[str, Scenario | None] = {}
    for path in sorted(folder.glob("*.toml")):
        scenarios[path.stem], lines = read_scenario(path)
        problems.lines.extend(lines)
    return scenarios


def _persona(key: str, table: PersonaTable) -> Persona:
    return Persona(
        id=key,
        name=table.name,
        addresses=table.addresses,
        customer_type=table.customer_type,
        languages=table.languages,
        numbers=table.numbers,
        latin_name=table.latin_name or "",
    )


# --------------------------------------------------------------------------- what must exist elsewhere
def _check_personas(
    people: Mapping[str, PersonaTable],
    table: Mapping[str, Any],
    addresses: Mapping[str, AddressSettings],
    problems: Problems,
) -> None:
    known = _tables(table, "addresses")
    for key, person in people.items():
        if person.addresses not in known:
            advice = did_you_mean(person.addresses, known)
            problems.add(("personas", key, "addresses"), f"there is no table [addresses.{person.addresses}]; {advice}")
        elif isinstance(addresses.get(person.addresses), CatchAll) and not name_parts(person.latin_name or person.name):
            problems.add(
                ("personas", key, "latin_name" if person.latin_name else "name"),
                f"{person.latin_name or person.name!r} has no Latin letters to make a mail address from; write in "
                'latin_name how the name stands in one, such as "Wang Fang"',
            )


def _check_study(
    at: tuple[str, str],
    study: Mapping[str, Any],
    table: Mapping[str, Any],
    personas: Mapping[str, Persona],
    scenarios: Mapping[str, Scenario | None],
    problems: Problems,
) -> None:
    """What a study names must exist: looked for even where the study has other mistakes."""
    known = {"channels": _tables(table, "channels"), "personas": _tables(table, "personas"), "scenarios": scenarios}
    for key, names in known.items():
        for position, name in enumerate(_strings(study, key)):
            if name not in names:
                what = f"file {name}.toml in the scenarios folder" if key == "scenarios" else f"table [{key}.{name}]"
                problems.add((*at, key, position), f"there is no {what}; {did_you_mean(name, names)}")
    asking = [personas.get(name) for name in _strings(study, "personas")]
    for position, name in enumerate(_strings(study, "scenarios")):
        scenario = scenarios.get(name)
        if scenario and all(asking) and asking and not any(who and writes(who, scenario.language) for who in asking):
            problems.add(
                (*at, "scenarios", position),
                f'none of the study\'s personas writes "{scenario.language}"; add the language to one, or a persona',
            )


def _strings(table: Mapping[str, Any], key: str) -> list[str]:
    found = table.get(key)
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
