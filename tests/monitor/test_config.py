"""The config: what is right is read, what is wrong is told in full, secrets are never told."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from monitor import config
from monitor.config import load
from monitor.errors import ConfigError
from monitor.problems import _models
from monitor.scenarios import read_scenario
from monitor.studies import SCHEMES, PersonaTable, StudyTable, digest, frozen
from probes import loader

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests/data/config"
ENV = {"SMTP_PASSWORD": "s3cret-smtp", "IMAP_PASSWORD": "s3cret-imap"}
BAD = sorted(path.stem for path in DATA.glob("*.toml"))
BAD_SCENARIOS = sorted(path.stem for path in (DATA / "scenario-files").glob("*.toml"))

GOOD = """
[channels.print]
kind = "console"

[addresses.main]
scheme = "catch_all"
domain = "Inbox.Example.org"

[personas.anna]
name = "Anna Berger"
addresses = "main"

[studies.sector]
title = "Do they answer?"
question = "One question by mail"
channels = ["print"]
scenarios = ["ask-en"]
personas = ["anna"]
seed = 1
start = 2026-12-01
schedule = "once"
timezone = "Europe/Paris"
"""


def written(folder: Path, text: str = GOOD) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    scenarios = folder / "scenarios"
    scenarios.mkdir(exist_ok=True)
    (scenarios / "ask-en.toml").write_bytes((DATA / "scenarios/ask-en.toml").read_bytes())
    return path


def wrong(path: Path, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as told:
        load(path, ENV if env is None else env)
    assert told.value.exit_code == 2
    return str(told.value)


# --------------------------------------------------------------------------- every kind of mistake
def expected(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("{channels}", ", ".join(loader.builtin())).removesuffix("\n")


def test_there_is_a_file_for_each_kind_of_mistake() -> None:
    assert len(BAD) >= 25
    assert {path.stem for path in DATA.glob("*.txt")} == set(BAD)


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_told_with_file_key_and_what_would_be_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    told = wrong(Path(f"{name}.toml"))
    assert told == expected(DATA / f"{name}.txt")
    for line in told.splitlines():
        assert line.startswith(f"{name}.toml: ")
        assert re.search(r"; |such as|needs a", line), "says what is wrong, but not what would be right"


@pytest.mark.parametrize("name", BAD_SCENARIOS)
def test_a_mistake_in_a_scenario_is_told_the_same_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA / "scenario-files")
    scenario, told = read_scenario(Path(f"{name}.toml"))
    assert scenario is None
    assert "\n".join(told) == expected(DATA / f"scenario-files/{name}.txt")


def test_a_mistake_in_a_scenario_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "scenarios/other-en.toml").write_bytes((DATA / "scenario-files/lone-brace.toml").read_bytes())
    told = wrong(path)
    assert told == f"{tmp_path}/scenarios/other-en.toml: body: holds a single {{; write {{{{ for the character itself"


def test_a_study_with_a_broken_scenario_is_told_of_the_scenario_not_that_there_is_none(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "scenarios/ask-en.toml").write_bytes((DATA / "scenario-files/syntax.toml").read_bytes())
    assert "line 1, column 10" in wrong(path)
    assert "there is no file" not in wrong(path)


def test_a_channel_of_a_package_that_is_not_there_names_the_cause(tmp_path: Path) -> None:
    told = wrong(written(tmp_path, GOOD.replace('"console"', '"no_such_package.fax:channel"')))
    assert "config.toml: channels.print.kind: channel 'no_such_package.fax:channel' cannot be loaded" in told
    assert "No module named 'no_such_package'; is its package installed in this environment?" in told


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    told = wrong(tmp_path / "nowhere.toml")
    assert told == (
        f"{tmp_path}/nowhere.toml: cannot be read (no such file or directory); check the path, or make one with "
        "`unanswered init`"
    )
    assert "cannot be read (is a directory)" in wrong(tmp_path)


# --------------------------------------------------------------------------- secrets
MAIL = """
[channels.email.smtp]
host = "smtp.example.org"
user = "audit"
password_env = "SMTP_PASSWORD"
[channels.email.imap]
host = "imap.example.org"
user = "audit"
password_file = "imap.secret"
"""


def test_secrets_are_read_and_nothing_shows_them(tmp_path: Path) -> None:
    (tmp_path / "imap.secret").write_text("s3cret-imap\n")
    found = load(written(tmp_path, GOOD + MAIL), ENV)
    settings: Any = found.channels["email"].settings
    assert settings.smtp.password.get_secret_value() == "s3cret-smtp"
    assert settings.imap.password.get_secret_value() == "s3cret-imap"
    shown = f"{found!r} {found} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "s3cret" not in shown


@pytest.mark.parametrize("secret", ["hunter2", "hunter2 & more", "Hunter2"])
@pytest.mark.parametrize("key", ["password", "password_env", "passwd", "api_key", "token", "auth_token"])
@pytest.mark.parametrize("table", ["[channels.email.smtp]", "[channels.print]", "[policy]", "[studies.other]", ""])
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(
    secret: str, key: str, table: str, tmp_path: Path
) -> None:
    line = f'{key} = "{secret}"\n'
    text = (
        line + GOOD
        if not table
        else f"{GOOD}\n{table}\n{line}"
        if table not in GOOD
        else GOOD.replace(table, f"{table}\n{line}")
    )
    told = wrong(written(tmp_path, text))
    assert key in told
    assert secret not in told


def test_a_variable_in_small_letters_is_read_when_it_is_set(tmp_path: Path) -> None:
    text = GOOD + MAIL.replace("SMTP_PASSWORD", "smtp_password").partition("[channels.email.imap]")[0]
    found = load(written(tmp_path, text), {"smtp_password": "x"})
    assert "email" in found.channels


# --------------------------------------------------------------------------- what is right
def test_a_config_is_read_with_its_defaults_and_paths_relative_to_it(tmp_path: Path) -> None:
    found = load(written(tmp_path), {})
    assert found.base == tmp_path
    assert (found.store, found.businesses) == (tmp_path / "unanswered.db", tmp_path / "businesses.csv")
    assert found.report.out == tmp_path / "site"
    assert found.live is False
    assert found.report.names is False
    assert found.policy.quiet_start == time(20)
    assert found.policy.cooldown == timedelta(days=90)
    assert found.addresses["main"].domain == "inbox.example.org"  # type: ignore[union-attr]
    assert found.personas["anna"].name == "Anna Berger"
    assert found.channels["print"].kind_name == "console"
    assert found.scenarios["ask-en"].questions[0].id == "open"
    study = found.studies["sector"]
    assert study.id == "sector"
    assert study.windows == (timedelta(hours=24), timedelta(days=7), timedelta(days=30))
    assert (study.spread, study.probes_per_endpoint, study.end, study.ends_at) == (timedelta(0), None, None, None)


def test_a_study_begins_and_ends_at_midnight_in_its_own_zone(tmp_path: Path) -> None:
    text = GOOD.replace("start = 2026-12-01", "start = 2026-03-29\nend = 2026-03-30").replace(
        '"Europe/Paris"', '"Africa/Cairo"'
    )
    study = load(written(tmp_path, text), {}).studies["sector"]
    assert study.start == date(2026, 3, 29)
    assert study.starts_at == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert study.ends_at == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(path, {}).studies


def test_a_config_without_studies_needs_no_scenarios(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    found = load(path, {})
    assert (found.channels, found.studies, found.scenarios) == ({}, {}, {})


def test_the_name_of_a_channel_is_its_kind_where_none_is_given(tmp_path: Path) -> None:
    found = load(
        written(
            tmp_path,
            GOOD.replace('[channels.print]\nkind = "console"', "[channels.console]").replace(
                '["print"]', '["console"]'
            ),
        ),
        {},
    )
    assert found.channels["console"].kind_name == "console"


def test_one_kind_may_be_configured_under_several_names(tmp_path: Path) -> None:
    found = load(written(tmp_path, GOOD + '\n[channels.other]\nkind = "console"\nout = "sent.txt"\n'), {})
    assert set(found.channels) == {"print", "other"}
    settings: Any = found.channels["other"].settings
    assert settings.out == tmp_path / "sent.txt"


# --------------------------------------------------------------------------- freezing
def test_a_frozen_study_changes_with_its_texts_and_people_and_with_nothing_else(tmp_path: Path) -> None:
    found = load(written(tmp_path), {})
    study = found.studies["sector"]

    def mark(**change: Any) -> str:
        return digest(frozen(study, change.get("scenarios", found.scenarios), change.get("personas", found.personas)))

    again = load(written(tmp_path, "live = true\n" + GOOD + "\n[policy]\ndaily_cap = 3\n"), {})
    assert mark() == digest(frozen(again.studies["sector"], again.scenarios, again.personas))
    (tmp_path / "scenarios/ask-en.toml").write_text(
        (DATA / "scenarios/ask-en.toml").read_text().replace("Is it open?", "Is it closed?")
    )
    assert mark() != mark(scenarios=load(tmp_path / "config.toml", {}).scenarios)
    other = load(written(tmp_path, GOOD.replace("Anna Berger", "Anna Bauer")), {})
    assert mark() != mark(personas=other.personas)
    reseeded = load(written(tmp_path, GOOD.replace("seed = 1", "seed = 2")), {})
    assert mark() != digest(frozen(reseeded.studies["sector"], reseeded.scenarios, reseeded.personas))


# --------------------------------------------------------------------------- the example
def example(folder: Path) -> Path:
    path = written(folder, (ROOT / "config.example.toml").read_text(encoding="utf-8"))
    body = (DATA / "scenarios/ask-en.toml").read_text()
    for language in ("en", "fr"):
        (folder / f"scenarios/presale-{language}.toml").write_text(body.replace('"en"', f'"{language}"'))
    (folder / "mailboxes.txt").write_text("probe1@example.org\n")
    return path


def test_the_example_is_a_config_that_loads(tmp_path: Path) -> None:
    env = {
        "UNANSWERED_SMTP_PASSWORD": "x",
        "UNANSWERED_IMAP_PASSWORD": "y",
        "UNANSWERED_CANARY_PASSWORD": "canary-secret",
        "UNANSWERED_TWILIO_TOKEN": "twilio-secret",
        "UNANSWERED_DOOR_SECRET": "door-secret",
    }
    found = load(example(tmp_path), env)
    assert set(found.studies) == {"sector"}
    assert {type(one).__name__ for one in found.addresses.values()} == {"CatchAll", "Plus", "Ready"}


def keys_of(model: type[BaseModel], at: str) -> set[tuple[str, str]]:
    """(table, key) of every key of a model and of the tables inside it."""
    found: set[tuple[str, str]] = set()
    for name, field in model.model_fields.items():
        inner = _models(field.annotation)
        if inner and (at, name) not in {("", "channels"), ("", "addresses")}:
            for one in inner:
                found |= keys_of(one, f"{at}.{name}".strip("."))
        else:
            found.add((at, name))
    return found


def test_the_example_shows_every_key_of_every_model() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    sections: dict[str, str] = {}
    for part in re.split(r"(?m)^(?=\[)", text):
        header = re.match(r"\[([^\]]+)\]", part)
        sections[header[1] if header else ""] = part
    named = {"channels", "addresses", "personas", "studies"}
    wanted = {(at, key) for at, key in keys_of(config.Root, "") if key not in named}
    for channel in loader.builtin():
        wanted |= keys_of(loader.load(channel).settings, f"channels.{channel}")
        wanted.add((f"channels.{channel}", "kind"))
    wanted |= keys_of(PersonaTable, "personas.anna") | keys_of(StudyTable, "studies.sector")
    for scheme, model in SCHEMES.items():
        table = next(name for name, part in sections.items() if f'scheme = "{scheme}"' in part)
        wanted |= keys_of(model, table)
    assert len(wanted) > 80
    # Shown as a key, if need be in a comment.
    missing = {(at, key) for at, key in wanted if not re.search(rf"(?m)(^|[#\s]){key} = ", sections.get(at, ""))}
    assert missing == set()
