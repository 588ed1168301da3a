"""The tables of the config that are ours: studies, policy, personas, reply addresses, page.

Durations are timedelta; `start` and `end` are days in the study's own zone; times of day are wall clock.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    ValidationInfo,
    model_validator,
)

from monitor import ticker
from monitor.addresses import MailboxList, check_domain, check_mailbox, read_mailboxes
from monitor.facts import Persona, Scenario
from monitor.scenarios import check_language, check_placeholder
from monitor.zones import instant, zone
from probes.mail.address import domain_of
from probes.settings import Duration, PositiveDuration, Table, resolve, write_duration

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


# --------------------------------------------------------------------------- small types
def _time(value: Any) -> time:
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('is not a time of day; write hours and minutes, such as "20:00"')
    return time(int(found[1]), int(found[2]))


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("is not a day; write it without quotes and without a time, such as 2026-12-01")


def _path(value: Any, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value.strip():
        raise ValueError('must be a path; write it in quotes, such as "site"')
    return resolve(value, info.context)


def _mailboxes(value: Any, info: ValidationInfo) -> MailboxList:
    return read_mailboxes(_path(value, info))


def _zone(value: str) -> str:
    zone(value)
    return value


def _schedule(value: str) -> str:
    ticker.check(value)
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write some text")
    return value


def _line(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise ValueError("holds a line break or control character; write it on one line")
    return _text(value)


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"names {value!r} twice; write each once")
    return values


def _e164(value: str) -> str:
    if re.fullmatch(r"\+[1-9]\d{6,14}", value) is None:
        raise ValueError('is not a number in full; write "+", the country code and digits only, such as "+33123456789"')
    return value


E164 = Annotated[str, AfterValidator(_e164)]
Time = Annotated[time, BeforeValidator(_time)]
LocalDay = Annotated[date, BeforeValidator(_day)]
LocalPath = Annotated[Path, BeforeValidator(_path)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Text = Annotated[str, AfterValidator(_text)]
Line = Annotated[str, AfterValidator(_line)]
Language = Annotated[str, AfterValidator(check_language)]
Names = Annotated[tuple[str, ...], AfterValidator(_each_once)]
SomeNames = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_each_once)]
Domain = Annotated[str, AfterValidator(check_domain)]
Mailbox = Annotated[str, AfterValidator(check_mailbox)]
Count = Annotated[StrictInt, Field(ge=1)]


# --------------------------------------------------------------------------- private reply addresses
class CatchAll(Table):
    """Every local part of `domain` arrives in our mailbox: each probe gets one shaped like its persona's name."""

    scheme: Literal["catch_all"]
    domain: Domain = Field(examples=['"inbox.example.org"'])

    @property
    def domains(self) -> tuple[str, ...]:
        """Where its addresses are."""
        return (self.domain,)


class Plus(Table):
    """mailbox+token@: for try-outs."""

    scheme: Literal["plus"]
    mailbox: Mailbox = Field(examples=['"audit@example.org"'])

    @property
    def domains(self) -> tuple[str, ...]:
        """Where its addresses are."""
        return (domain_of(self.mailbox),)


class Ready(Table):
    """Ready mailboxes from a file, one address a line, each used for one open probe at a time."""

    scheme: Literal["list"]
    file: Annotated[MailboxList, PlainValidator(_mailboxes)] = Field(examples=['"mailboxes.txt"'])

    @property
    def domains(self) -> tuple[str, ...]:
        """Where its addresses are."""
        return tuple(dict.fromkeys(domain_of(one) for one in self.file.mailboxes))


AddressSettings = CatchAll | Plus | Ready
SCHEMES: Mapping[str, type[CatchAll] | type[Plus] | type[Ready]] = {"catch_all": CatchAll, "plus": Plus, "list": Ready}


class PersonaTable(Table):
    """Who asks. `languages`: of the scenarios it writes; empty: any. `numbers`: of ours, that it calls and writes from
    and may show; each must be one that a channel listens to."""

    name: Line = Field(examples=['"Anna Berger"'])
    latin_name: Line | None = None
    addresses: str = Field(examples=['"main"'])
    customer_type: str = ""
    languages: tuple[Language, ...] = ()
    numbers: Annotated[tuple[E164, ...], AfterValidator(_each_once)] = ()


# --------------------------------------------------------------------------- policy, hearing, page
class PolicySettings(Table):
    """What nobody may get past. Caps count contacts of all studies, in UTC days; quiet times are the business's own.

    `channel_daily_caps`: by name of a channel; one that is not named has the cap that it says of itself, if any.
    `quiet_start` equal to `quiet_end` means no quiet hours.
    """

    quiet_start: Time = time(20)
    quiet_end: Time = time(8)
    quiet_days: Annotated[tuple[Day, ...], AfterValidator(_each_once)] = ("sat", "sun")
    daily_cap: Count = 200
    per_scope_daily_cap: Count = 5
    per_group_daily_cap: Count = 5
    channel_daily_caps: dict[str, Count] = Field(default_factory=dict)
    cooldown: Duration = timedelta(days=90)
    yearly_cap: Count = 3
    refuse: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _some_day_is_left(self) -> PolicySettings:
        if len(self.quiet_days) == 7:
            raise ValueError("quiet_days: names every day, so nothing could ever be sent; leave at least one day out")
        return self


class ReportSettings(Table):
    """The page. `timezone`: in which its times are shown. `quotes`: whether what was answered is shown, blanked."""

    out: LocalPath = Field(default="site", validate_default=True)
    names: StrictBool = False
    quotes: StrictBool = False
    language: Language = "en"
    timezone: ZoneName = "UTC"
    contact: str = ""


class DoorSettings(Table):
    """Where providers bring what comes in (webhooks). A reverse proxy with TLS stands before it, and passes on `/in/`
    and `/status/` only. `max_body` in bytes; `per_second`: requests, over all."""

    host: Line = "127.0.0.1"
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 8025
    max_body: Annotated[StrictInt, Field(ge=1024)] = 30_000_000
    per_second: Count = 500


# --------------------------------------------------------------------------- studies
class Frame(Table):
    """Which list the businesses came from and how they were drawn from it."""

    list: Text = Field(examples=['"Trade register, extract of 2026-11-01"'])
    drawn: Literal["all", "random", "convenience"] = Field(examples=['"all"'])


class StudyTable(Table):
    """A study as it stands in the config, under its id."""

    title: Line = Field(examples=['"Do bike shops answer?"'])
    question: Line = Field(examples=['"Two questions about a repair, by e-mail"'])
    channels: SomeNames
    scenarios: SomeNames
    personas: SomeNames
    design: Literal["between"] = "between"
    seed: StrictInt = Field(examples=["20261122"])
    start: LocalDay = Field(examples=["2026-12-01"])
    end: LocalDay | None = None
    schedule: Annotated[str, AfterValidator(_schedule)] = Field(examples=['"0 9 * * mon-fri"'])
    timezone: ZoneName = Field(examples=['"Europe/Paris"'])
    spread: Duration = timedelta(0)
    probes_per_endpoint: Count | None = None
    windows: Annotated[tuple[PositiveDuration, ...], Field(min_length=1)] = (
        timedelta(hours=24),
        timedelta(days=7),
        timedelta(days=30),
    )
    groups: Names = ()
    sectors: Names = ()
    countries: Names = ()
    known_partners: tuple[Domain, ...] = ()
    fill: dict[str, str] = Field(default_factory=dict)
    frame: Frame | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> StudyTable:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end: {self.end} is not after start ({self.start}); write a later day, or leave end out")
        for earlier, later in zip(self.windows, self.windows[1:], strict=False):
            if later <= earlier:
                raise ValueError('windows: are not in ascending order; write the shortest first, such as ["24h", "7d"]')
        for name in self.fill:
            check_placeholder(name, "fill")
        gap = ticker.shortest_gap(self.schedule)
        if gap is not None and self.spread > gap:
            raise ValueError(
                f"spread: is longer than the time between two slots of the schedule; write at most "
                f'"{write_duration(gap)}", or a rarer schedule'
            )
        return self

    @property
    def starts_at(self) -> datetime:
        """The first moment of `start` in the study's zone, in UTC."""
        return instant(self.start, time(0), zone(self.timezone))

    @property
    def once(self) -> bool:
        """Whether each endpoint is asked a single time."""
        return self.schedule.strip().lower() == "once"

    @property
    def ends_at(self) -> datetime | None:
        """The first moment of `end` in the study's zone, in UTC: nothing is sent from then on."""
        return None if self.end is None else instant(self.end, time(0), zone(self.timezone))


class StudySettings(StudyTable):
    """A study and its id."""

    id: str


def frozen(study: StudySettings, scenarios: Mapping[str, Scenario], personas: Mapping[str, Persona]) -> dict[str, Any]:
    """Everything that makes the study what it is, as JSON: its table, its texts with placeholders, its personas.

    What a study version keeps; `digest` of it says whether a study has changed.
    """
    content = study.model_dump(mode="json")
    content["texts"] = [
        {
            "id": text.id,
            "intent": text.intent,
            "language": text.language,
            "subject": text.subject,
            "body": text.body,
            "questions": [{"id": q.id, "text": q.text, "hints": list(q.hints)} for q in text.questions],
        }
        for text in (scenarios[name] for name in study.scenarios)
    ]
    content["people"] = [
        {"id": who.id, "name": who.name, "customer_type": who.customer_type, "languages": list(who.languages)}
        for who in (personas[name] for name in study.personas)
    ]
    return content


def digest(content: Mapping[str, Any]) -> str:
    """sha256 (hex) of `content` in its one spelling: sorted keys, no white space, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = [
    "SCHEMES", "AddressSettings", "CatchAll", "DoorSettings", "Frame", "PersonaTable", "Plus", "PolicySettings",
    "Ready", "ReportSettings", "StudySettings", "StudyTable", "digest", "frozen",
]  # fmt: skip
