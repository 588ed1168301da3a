"""Small makers of what plan and policy read, each with defaults that get in nobody's way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from monitor.facts import Due, Persona, Question, Scenario, Target
from monitor.studies import CatchAll, PolicySettings, StudySettings

TUESDAY = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
"""A Tuesday, 11:00 in Paris: no quiet time anywhere near."""

MAIN = {"main": CatchAll(scheme="catch_all", domain="inbox.example")}
ALL_BASES = {"post": frozenset({"own", "consented", "public_enquiry", "authority"})}


def scenario(name: str = "presale-en", /, **change: Any) -> Scenario:
    given: dict[str, Any] = {
        "id": name,
        "intent": "presale",
        "language": name.rpartition("-")[2],
        "subject": "A question",
        "body": "Hello, do you do this?",
        "questions": (Question(id="price", text="What does it cost?"),),
    }
    return Scenario(**(given | change))


def persona(name: str = "anna", /, **change: Any) -> Persona:
    return Persona(**({"id": name, "name": "Anna Berger", "addresses": "main"} | change))


def target(number: int = 1, /, **change: Any) -> Target:
    given: dict[str, Any] = {
        "endpoint_id": number,
        "business_id": number,
        "business": f"firm-{number}",
        "name": f"Firm {number}",
        "channel": "post",
        "address": f"info@firm{number}.example",
        "scope": f"firm{number}.example",
        "group": None,
        "sector": None,
        "country": None,
        "language": "en",
        "timezone": "UTC",
        "basis": "public_enquiry",
        "basis_proof": None,
    }
    return Target(**(given | change))


def study(**change: Any) -> StudySettings:
    given: dict[str, Any] = {
        "id": "sector",
        "title": "Do they answer?",
        "question": "One question by mail",
        "channels": ["post"],
        "scenarios": ["presale-en"],
        "personas": ["anna"],
        "seed": 1,
        "start": date(2026, 12, 1),
        "schedule": "0 9 * * *",
        "timezone": "UTC",
    }
    return StudySettings.model_validate(given | change)


def policy(**change: Any) -> PolicySettings:
    """A policy that never refuses, but for what is changed."""
    free: dict[str, Any] = {
        "quiet_start": "00:00",
        "quiet_end": "00:00",
        "quiet_days": [],
        "daily_cap": 10**9,
        "per_scope_daily_cap": 10**9,
        "per_group_daily_cap": 10**9,
        "cooldown": "0d",
        "yearly_cap": 10**9,
    }
    return PolicySettings.model_validate(free | change)


def due(number: int = 1, at: datetime = TUESDAY, *, where: Mapping[str, Any] | None = None, **change: Any) -> Due:
    given: dict[str, Any] = {
        "probe": f"probe{number}",
        "study": "sector",
        "slot": at,
        "due": at,
        "target": target(number, **(where or {})),
        "scenario": scenario(),
        "persona": persona(),
        "reply_address": f"anna{number}@inbox.example",
        "message_id": f"<m{number}@inbox.example>",
        "subject": "A question",
        "body": "Hello",
    }
    return Due(**(given | change))
