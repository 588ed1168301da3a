"""The folder that init writes is ready for a first import and a first plan."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from monitor import ticker
from monitor.businesses import messages, read
from monitor.config import Config, load
from monitor.errors import UsageError
from monitor.facts import Allowed, Due, Target
from monitor.init import FILES, write_starter
from monitor.plan import plan
from monitor.policy import Suppressed, decide

FRIDAY = date(2026, 12, 4)
NOW = datetime(2026, 12, 4, 12, tzinfo=UTC)


def started(folder: Path) -> Config:
    write_starter(folder, FRIDAY)
    return load(folder / "config.toml", {})


def first_plan(config: Config) -> list[Due]:
    """What import and plan make of the folder, without a store between them."""
    found = read(config.businesses.read_bytes(), kinds={name: one.kind for name, one in config.channels.items()})
    assert messages(found, "businesses.csv") == []
    assert found.warnings == ()
    targets = [
        Target(
            endpoint_id=n, business_id=n, business=row.key, name=row.name, channel=endpoint.channel,
            address=endpoint.address, scope=endpoint.scope, group=row.group, sector=row.sector, country=row.country,
            language=row.language, timezone=row.timezone, basis=row.basis, basis_proof=row.basis_proof,
            fields=row.fields,
        )
        for n, row in enumerate(found.rows)
        for endpoint in row.endpoints
    ]  # fmt: skip
    (study,) = config.studies.values()
    until = NOW + timedelta(days=7)
    slots = ticker.slots_of(
        study.schedule, study.timezone, start=study.starts_at, end=study.ends_at, now=NOW, until=until
    )
    return plan(
        study, targets, scenarios=config.scenarios, personas=config.personas, addresses=config.addresses, slots=slots,
        on_record={}, now=NOW, until=until,
    )  # fmt: skip


def test_it_writes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "study"
    written = write_starter(folder, FRIDAY)
    assert written == [folder / name for name in FILES]
    assert {path for path in folder.rglob("*") if path.is_file()} == set(written)
    assert not any(
        "@" in line and re.search(r"@[A-Z]+@", line) for path in written for line in path.read_text().splitlines()
    )


def test_the_config_loads_as_it_is_without_any_secret_and_reaches_nobody(tmp_path: Path) -> None:
    config = started(tmp_path)
    assert config.live is False
    assert {text.language for text in config.scenarios.values()} == {"en", "fr", "vi", "zh"}
    assert config.studies["first"].start == date(2026, 12, 5)


def test_without_a_day_given_the_study_begins_tomorrow(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    write_starter(tmp_path)
    after = datetime.now(UTC).date()
    start = load(tmp_path / "config.toml", {}).studies["first"].start
    assert before < start <= after + timedelta(days=1)


def test_a_first_plan_asks_every_business_in_its_own_language_within_a_week(tmp_path: Path) -> None:
    config = started(tmp_path)
    dues = first_plan(config)
    assert {due.scenario.language for due in dues} == {"en", "fr", "vi", "zh"}
    assert all(due.scenario.language == due.target.language for due in dues)
    assert all(due.persona.name in due.body for due in dues)
    assert all(due.reply_address.endswith("@inbox.example.org") for due in dues)
    bases = {name: one.kind.description.bases for name, one in config.channels.items()}
    decisions = decide(dues, settings=config.policy, bases=bases, contacted=[], suppressed=Suppressed(), now=NOW)
    assert len(decisions) == 4
    assert any(isinstance(decision, Allowed) for decision in decisions)
    # Nothing is refused for good: what must wait knows until when.
    assert all(isinstance(decision, Allowed) or decision.until for decision in decisions)


def test_the_example_businesses_cannot_be_anybody(tmp_path: Path) -> None:
    config = started(tmp_path)
    assert all(due.target.scope.endswith(".example") for due in first_plan(config))


def test_each_scenario_asks_two_questions_whose_words_stand_in_its_text(tmp_path: Path) -> None:
    for text in started(tmp_path).scenarios.values():
        assert len(text.questions) == 2
        assert text.body.count("?") + text.body.count("？") >= 2
        assert "\n1. " in text.body
        assert "\n2. " in text.body
        assert all(len(question.hints) >= 2 for question in text.questions)
        assert "{persona}" in text.body


def test_the_commented_mailbox_is_right_once_the_marks_are_taken_away(tmp_path: Path) -> None:
    write_starter(tmp_path, FRIDAY)
    path = tmp_path / "config.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(re.sub(r"^# (?=\[|\w+ = )", "", line) for line in lines), encoding="utf-8")
    env = {"UNANSWERED_SMTP_PASSWORD": "x", "UNANSWERED_IMAP_PASSWORD": "y"}
    assert "imap" in str(load(path, env).channels["email"].settings)


@pytest.mark.parametrize("there", ["config.toml", "businesses.csv", "scenarios/presale-fr.toml"])
def test_nothing_is_overwritten_and_nothing_written_by_half(there: str, tmp_path: Path) -> None:
    mine = tmp_path / there
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(UsageError, match=f"{there} is there already and nothing is overwritten; name another folder"):
        write_starter(tmp_path, FRIDAY)
    assert mine.read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_starter(tmp_path / "file", FRIDAY)


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "config.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(UsageError, match="cannot be written"):
        write_starter(folder, FRIDAY)
    assert not (tmp_path / "elsewhere.toml").exists()
