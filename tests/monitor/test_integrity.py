"""`doctor --deep`: a store that went through everything is sound, and whatever is broken in it is found and named."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import zlib
from pathlib import Path

import pytest

from monitor.doctor import deep
from monitor.forgotten import digest
from monitor.store.engine import Store
from monitor.store.hearing import open_gap
from monitor.store.integrity import RULES, Finding, integrity
from monitor.store.records import stop
from monitor.store.tables import CANARIES
from probes.contract import Check
from tests.monitor.factories import CHANNEL, MAILBOX, World


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which much has happened: sent, put off, refused, broken off, blocked, answered, stopped, deaf."""
    folder = tmp_path_factory.mktemp("lived")
    world = World(folder, firms=7, study={"probes_per_endpoint": 2, "schedule": "0 9 * * *"})
    world.fake.defers("info@firm2.example").refuses("info@firm3.example").drops_after_dot("info@firm4.example")
    world.fake.blocks("info@firm5.example")
    world.listen()
    world.send()
    world.answer(1)
    world.listen()
    world.passes(minutes=10).send()
    stop(world.store, ["info@firm6.example"], "asked us to", world.now())
    world.fake.goes_deaf()
    world.passes(hours=1).listen()
    open_gap(world.store, CHANNEL, MAILBOX, "still deaf", world.now())
    world.fake.hears_again()
    world.passes(hours=1).listen()
    with world.store.write() as connection:
        connection.execute(
            CANARIES.insert().values(
                channel=CHANNEL, scheme="main", proves="*@inbox.example", sender="w@x.example",
                address="x@inbox.example", message_id="<c@x>", state="sent",
                sent_at=world.now(), junk=False, why="",
            )
        )  # fmt: skip
    states = set(world.states().values())
    assert {"sent", "not_sent", "unknown", "blocked"} <= states, states
    world.store.close()
    return folder / "unanswered.db"


@pytest.fixture
def path(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "unanswered.db"))


def found(path: Path) -> list[Finding]:
    with Store.open(path) as store:
        return list(integrity(store))


def broken(path: Path) -> dict[str, tuple[str, ...]]:
    return {finding.rule: finding.named for finding in found(path) if not finding.ok}


def damage(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_store_that_has_lived_through_everything_is_sound(path: Path) -> None:
    findings = found(path)
    assert [finding for finding in findings if not finding.ok] == []
    looked = {finding.rule: finding.looked for finding in findings}
    assert looked["every raw mail has the hash it is stored under"] == 1
    assert looked["every contact is in a state that exists"] == 7
    assert len(findings) == len(RULES) + 6


ONE_PROBE = "(SELECT id FROM probes LIMIT 1)"
SENT = "(SELECT id FROM contacts WHERE state = 'sent' LIMIT 1)"

DAMAGE = {
    "every exhibit is of a try that has its receipt, and its bytes are of its size": [
        "INSERT INTO exhibits (contact_id, attempt, name, media_type, size) VALUES (1, 99, 'x', 'image/jpeg', 0)"
    ],
    "every reference leads somewhere": ["DELETE FROM study_versions"],
    "every study is as it was frozen": ["UPDATE study_versions SET content = replace(content, 'question', 'quest1on')"],
    "every arrival has its bytes and was seen somewhere, never before its own time": ["DELETE FROM sightings"],
    "an arrival has a verdict exactly when it is understood": ["UPDATE arrivals SET understood = 0"],
    "no bytes are kept that nothing came with": [
        f"INSERT INTO raw (sha256, size, data) VALUES ('{hashlib.sha256(b'x').hexdigest()}', 1, "
        f"x'{zlib.compress(b'x').hex()}')"
    ],
    "what is matched was understood": ["UPDATE arrivals SET understood = 0"],
    "every probe has exactly one enquiry": [f"UPDATE contacts SET kind = 'other' WHERE id = {SENT}"],
    "every probe belongs to its endpoint's business and its version's study": [
        f"UPDATE probes SET study = 'another' WHERE id = {ONE_PROBE}"
    ],
    "every contact is in a state that exists": [f"UPDATE contacts SET state = 'lost' WHERE id = {SENT}"],
    "what is planned was never begun": [f"UPDATE contacts SET state = 'planned' WHERE id = {SENT}"],
    "what was begun says when and at which try": [f"UPDATE contacts SET started_at = NULL WHERE id = {SENT}"],
    "what is settled says when, and what is not says nothing": [
        f"UPDATE contacts SET settled_at = NULL WHERE id = {SENT}"
    ],
    "what was sent, refused or put off has the receipt of its last try": [
        f"DELETE FROM receipts WHERE contact_id = {SENT}"
    ],
    "what is on the wire or unknown was never reported as sent": [
        f"UPDATE contacts SET state = 'unknown' WHERE id = {SENT}"
    ],
    "nothing that may have been accepted was tried again": [
        f"UPDATE contacts SET tries = tries + 1, state = 'sending' WHERE id = {SENT}"
    ],
    "no receipt is of a try that was not made": [f"UPDATE receipts SET attempt = 9 WHERE contact_id = {SENT}"],
    "a probe that policy refused was never sent": [
        f"UPDATE probes SET suppressed_reason = 'no' WHERE id = (SELECT probe_id FROM contacts WHERE id = {SENT})"
    ],
    "nothing is still to be sent to somebody who asked to be left alone": [
        f"UPDATE contacts SET state = 'planned' WHERE id = {SENT}",
        "INSERT OR IGNORE INTO suppressions (what, value, why, at)"
        " SELECT 'address', address, 'x', '2026-01-01' FROM endpoints",
    ],
    "no address that was forgotten is kept": [
        "INSERT INTO suppressions (what, value, why, at)"
        f" VALUES ('digest', '{digest(bytes([1] * 16), 'INFO@firm2.example')}', 'x', '2026-01-01')"
    ],
    "what was erased was understood before": [
        "UPDATE raw SET erased_at = '2026-01-01', data = x''",
        "UPDATE arrivals SET understood = 0",
    ],
    "nothing was erased before somebody asked to be forgotten": ["UPDATE raw SET erased_at = '2026-01-01', data = x''"],
    "everybody who was forgotten is left alone, and stands on record by a hash only": [
        "INSERT INTO tombstones (digest, why, erased, at) VALUES ('info@firm2.example', 'x', '{}', '2026-01-01')"
    ],
    "hearing goes forward": ["UPDATE cursors SET heard_until = '2020-01-01 00:00:00.000000'"],
    "every gap ends after it begins, and closes after it ends": [
        "UPDATE gaps SET until = '2020-01-01 00:00:00.000000'"
    ],
    "a canary that was heard has its arrival, and one that was not has none": [
        "UPDATE canaries SET arrival_id = (SELECT id FROM arrivals)"
    ],
    "every decision by hand says who, why and what, and what is nobody's names no probe": [
        "INSERT INTO reviews (arrival_id, kind, probe_id, who, why, at)"
        " SELECT a.id, 'nobody', (SELECT min(id) FROM probes), 'kim', 'spam', '2026-12-01' FROM arrivals a"
    ],
    "every attested arrival says when its keys were fetched": [
        "INSERT INTO attestations (arrival_id, method, domain, selector, result, reason, key_name, fetched_at)"
        " SELECT id, 'dkim', 'd', 's', 'pass', '', 's._domainkey.d', '2026-01-01' FROM arrivals"
    ],
    "no signature passed without the key that it passed with": [
        "UPDATE arrivals SET attested_at = stored_at",
        "INSERT INTO attestations (arrival_id, method, domain, selector, result, reason, key_name, fetched_at)"
        " SELECT id, 'dkim', 'd', 's', 'pass', '', 's._domainkey.d', '2026-01-01' FROM arrivals",
    ],
}


def test_there_is_a_damage_for_every_rule() -> None:
    pages_and_raw = {
        "every page of the file is sound",
        "every raw mail has the hash it is stored under",
        "every exhibit has the hash it is stored under",
    }
    assert {rule for rule, _, _ in RULES} <= DAMAGE.keys()
    assert pages_and_raw.isdisjoint(DAMAGE)  # tested below


@pytest.mark.parametrize("rule", DAMAGE)
def test_what_is_broken_is_found_and_named(path: Path, rule: str) -> None:
    damage(path, *DAMAGE[rule])
    assert rule in broken(path)
    assert broken(path)[rule], "the first that break it are named"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data = x''", "not erased"),
        ("data = x'0000'", "cannot be unpacked"),
        (f"data = x'{zlib.compress(b'other mail').hex()}'", "another hash"),
        ("size = size + 1", "holds"),
        ("data = substr(data, 1, length(data) - 6)", "cut short"),
        ("data = CAST(data || x'0000' AS BLOB)", "after its end"),
        ("erased_at = '2026-01-01'", "erased, and yet it holds bytes"),
    ],
)
def test_raw_mail_that_is_not_what_came_is_found(path: Path, change: str, said: str) -> None:
    damage(path, f"UPDATE raw SET {change}")
    assert said in broken(path)["every raw mail has the hash it is stored under"][0]


def test_raw_mail_that_was_erased_may_be_empty(path: Path) -> None:
    stone = digest(bytes([1] * 16), "somebody@firm9.example")
    damage(
        path,
        "UPDATE raw SET erased_at = '2026-01-01', data = x''",
        f"INSERT INTO tombstones (digest, why, erased, at) VALUES ('{stone}', 'x', '{{}}', '2026-01-01')",
        f"INSERT INTO suppressions (what, value, why, at) VALUES ('digest', '{stone}', 'x', '2026-01-01')",
    )
    assert broken(path) == {}


def test_a_damaged_index_is_found(path: Path) -> None:
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_contacts_state_due'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size + 3 : (root - 1) * size + 5] = b"\x00\x00"  # an index page that says it is empty
    path.write_bytes(content)
    assert any("ix_contacts_state_due" in line for line in broken(path)["every page of the file is sound"])


def test_a_sound_store_passes_the_deep_look(lived: Path) -> None:
    lines = deep_look(lived)
    assert len(lines) == len(RULES) + 6
    assert all(line.ok for line in lines)
    assert any(line.detail.startswith("every contact is in a state that exists: 7 ") for line in lines)


def test_the_deep_look_names_what_is_broken_and_says_what_to_do(path: Path) -> None:
    damage(path, "UPDATE raw SET data = x'00'")
    (line,) = [one for one in deep_look(path) if not one.ok]
    assert line.name == "store"
    assert "1 of 1" in line.detail
    assert "is cut short" in line.detail
    assert "restore" in line.advice


def deep_look(store: Path) -> list[Check]:
    with Store.open(store) as opened:
        return list(deep(opened))
