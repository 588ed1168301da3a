"""A store of an earlier version is brought to today's schema with everything that it holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from monitor.store.engine import MIGRATIONS, Store
from monitor.store.hearing import gaps
from monitor.store.integrity import integrity
from monitor.store.scoring import heard, probe_facts
from tests.monitor.factories import rows

WHEN = "2026-12-01 09:00:00.000000"
RAW = b"From: info@firm1.example\r\nSubject: Re: A question\r\n\r\nYes.\r\n"
DIGEST = hashlib.sha256(RAW).hexdigest()
CONTENT = {"id": "sector", "windows": ["7d"]}
FROZEN = hashlib.sha256(json.dumps(CONTENT, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

FIRST_SCHEMA: dict[str, dict[str, Any]] = {
    "meta": {"key": "salt", "value": "01" * 16},
    "businesses": {
        "id": 1, "key": "firm-1", "code": "ABC234", "name": "Firm 1", "timezone": "UTC", "basis": "own",
        "own_domains": "[]", "partner_domains": "[]", "fields": "{}", "imported_at": WHEN,
    },
    "endpoints": {
        "id": 1, "business_id": 1, "channel": "post", "address": "info@firm1.example", "scope": "firm1.example",
        "control": 0,
    },
    "study_versions": {
        "id": 1, "study": "sector", "version": 1, "sha256": FROZEN, "content": json.dumps(CONTENT), "frozen_at": WHEN,
    },
    "probes": {
        "id": "p1", "study": "sector", "version_id": 1, "business_id": 1, "endpoint_id": 1, "channel": "post",
        "slot": WHEN, "due": WHEN, "scenario": "presale-en", "intent": "presale", "language": "en", "persona": "anna",
        "reply_address": "anna@inbox.example", "sender_name": "Anna", "subject": "A question", "body": "Hello",
        "questions": "[]", "planned_at": WHEN,
    },
    "contacts": {
        "id": 1, "probe_id": "p1", "kind": "enquiry", "state": "sent", "message_id": "<one@inbox.example>", "due": WHEN,
        "tries": 1, "started_at": WHEN, "settled_at": WHEN, "reason": "accepted",
    },
    "receipts": {
        "id": 1, "contact_id": 1, "attempt": 1, "state": "sent", "at": WHEN, "accepted_by": "relay",
        "reason": "accepted", "transcript": "220 hello",
    },
    "raw": {"sha256": DIGEST, "size": len(RAW), "data": zlib.compress(RAW)},
    "arrivals": {
        "id": 1, "channel": "post", "mailbox": "box", "sha256": DIGEST, "at": WHEN, "stored_at": WHEN, "understood": 1,
    },
    "sightings": {
        "id": 1, "arrival_id": 1, "place": "INBOX", "position": "1:1", "at": WHEN, "junk": 0, "seen_at": WHEN,
    },
    "matches": {
        "id": 1, "arrival_id": 1, "probe_id": "p1", "key": "private_address", "strong": 1, "standing": "own_domain",
        "reason": "addressed",
    },
    "verdicts": {
        "id": 1, "arrival_id": 1, "kind": "human", "automated": 0, "reasons": '["a person"]', "rules": "1",
        "new_text": "Yes.", "noreply_sender": 0, "questions_answered": "[]", "decided_at": WHEN,
    },
    "cursors": {
        "id": 1, "channel": "post", "mailbox": "box", "place": "INBOX", "position": "1:1", "heard_from": WHEN,
        "heard_until": WHEN, "updated_at": WHEN,
    },
    "gaps": {"id": 1, "channel": "post", "mailbox": "box", "since": WHEN, "until": WHEN, "why": "the line was lost"},
}  # fmt: skip
"""One row for each table as the first schema had it."""


def a_store_of_the_first_schema(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    raw = sqlite3.connect(path)
    with raw:
        for table, row in FIRST_SCHEMA.items():
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            raw.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
    raw.close()


def test_a_store_of_the_first_schema_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "unanswered.db"
    a_store_of_the_first_schema(path)
    with Store.open(path) as store:
        for table, before in FIRST_SCHEMA.items():
            (after,) = rows(store, table)
            assert before.keys() <= after.keys()
        (receipt,) = rows(store, "receipts")
        assert (receipt["transcript"], receipt["host"], receipt["tls"]) == ("220 hello", None, "")
        assert receipt["reports_asked"] is False
        (gap,) = gaps(store)
        assert (gap.why, gap.found_by) == ("the line was lost", "line")
        (facts,) = probe_facts(store)
        assert [reply.kind for reply in facts.replies] == ["human"]
        assert [one.verdict.new_text for one in heard(store, ["p1"])["p1"]] == ["Yes."]
        assert [finding for finding in integrity(store) if not finding.ok] == []
