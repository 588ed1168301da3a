"""The command line as a person or cron meets it: words, exit codes, JSON; no network, no real servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.store.locks import pass_lock


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        """The JSON objects it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNANSWERED_CONFIG", raising=False)

    def run(*args: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["unanswered", *args])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def study(unanswered: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same, in a working folder as `init` writes it, its businesses imported."""
    assert unanswered("init", "work").code == 0
    monkeypatch.chdir(tmp_path / "work")
    assert unanswered("import").code == 0
    return unanswered


COMMANDS = {
    "init", "doctor", "import", "plan", "send", "listen", "run", "status", "classify", "form", "rescore", "report",
    "verify", "stop", "demo",
}  # fmt: skip


def test_help_names_every_command(unanswered: Run) -> None:
    said = unanswered("--help")
    assert said.code == 0
    for command in COMMANDS:
        assert f" {command} " in said.out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(unanswered: Run, command: str) -> None:
    said = unanswered(command, "--help")
    assert said.code == 0
    assert "Usage: unanswered" in said.out


def test_init_does_not_overwrite(unanswered: Run) -> None:
    assert unanswered("init", "here").code == 0
    again = unanswered("init", "here")
    assert again.code == 2
    assert "config.toml" in again.err


def test_a_missing_config_says_how_to_make_one(unanswered: Run) -> None:
    said = unanswered("plan")
    assert said.code == 2
    assert "unanswered init" in said.err


def test_a_mistake_in_the_config_is_wrong_use(unanswered: Run) -> None:
    Path("config.toml").write_text("livee = true\n")
    said = unanswered("status")
    assert said.code == 2
    assert "livee" in said.err
    assert "live" in said.err


def test_an_unknown_option_is_wrong_use(unanswered: Run) -> None:
    assert unanswered("plan", "--nonsense").code == 2


def test_plan_shows_what_will_be_sent_and_stores_nothing(study: Run) -> None:
    first = study("plan", "--until", "30d", "--json")
    assert first.code == 0
    assert len(first.lines) == 4
    assert all(line["allowed"] for line in first.lines)
    assert study("plan", "--until", "30d", "--json").out == first.out
    # only its lines of JSON are checked: how it stands says that nothing is on record
    assert study("status", "--json").lines[0]["to_send"] == 0


def test_plan_says_why_it_refuses(study: Run) -> None:
    assert study("stop", "hello@harbour-cycles.example").code == 0
    refused = [line for line in study("plan", "--until", "30d", "--json").lines if not line["allowed"]]
    assert [line["address"] for line in refused] == ["hello@harbour-cycles.example"]
    assert refused[0]["rule"] == "suppressed"
    assert refused[0]["until"] is None


def test_stop_takes_a_whole_domain(study: Run) -> None:
    said = study("stop", "harbour-cycles.example", "--json")
    assert said.code == 0
    assert said.lines[0]["new"] is True
    rules = {line["address"]: line["rule"] for line in study("plan", "--until", "30d", "--json").lines}
    assert rules["hello@harbour-cycles.example"] == "suppressed"

    assert "harbour-cycles" in study("stop", "harbour-cycles.example").out


@pytest.mark.parametrize("slip", ["not an address", "info@", "hello@harbour-cycles,example", "hello", ""])
def test_stop_of_what_is_neither_address_nor_domain_stops_nothing_and_says_so(study: Run, slip: str) -> None:
    said = study("stop", slip)
    assert said.code == 2
    assert "nothing was stopped" in said.err
    assert all(line["allowed"] for line in study("plan", "--until", "30d", "--json").lines)


def test_stop_understands_an_address_as_a_mail_program_copies_it(study: Run) -> None:
    assert "harbour-cycles" in study("stop", "Harbour <Hello@Harbour-Cycles.example>").out
    rules = {line["address"]: line["rule"] for line in study("plan", "--until", "30d", "--json").lines}
    assert rules["hello@harbour-cycles.example"] == "suppressed"


def test_stop_takes_a_domain_where_nobody_has_an_address_yet(study: Run) -> None:
    assert study("stop", "@shop.example.").code == 0


def test_forget_says_what_would_go_and_does_it_only_when_told_to(study: Run) -> None:
    would = study("forget", "hello@harbour-cycles.example", "--json")
    assert would.lines[0]["done"] is False
    assert len(study("plan", "--until", "30d", "--json").lines) == 4
    done = study("forget", "Hello@Harbour-Cycles.example", "--yes", "--json")
    assert done.lines[0]["businesses"] == would.lines[0]["businesses"]
    addresses = {line["address"] for line in study("plan", "--until", "30d", "--json").lines}
    assert (len(addresses), "hello@harbour-cycles.example" in addresses) == (3, False)
    assert (done.code, done.lines[0]["files"]) == (1, would.lines[0]["files"])
    assert "businesses.csv, line" in str(done.lines[0]["files"])
    again = study("import")
    assert again.code != 0
    assert "asked to be forgotten" in again.out + again.err
    assert "already" in study("forget", "hello@harbour-cycles.example", "--yes").out


@pytest.mark.parametrize("wrong", [("nobody",), ("a@b.example", "--yes", "--dry-run")])
def test_forget_of_what_is_no_address_erases_nothing_and_says_so(study: Run, wrong: tuple[str, ...]) -> None:
    assert study("forget", *wrong).code == 2


def test_forget_waits_for_no_pass_that_runs(study: Run, tmp_path: Path) -> None:
    with pass_lock(tmp_path / "work" / "unanswered.db", "listen"):
        assert study("forget", "hello@harbour-cycles.example", "--yes").code == 3


def test_plan_and_status_say_that_nothing_is_contacted_before_live(study: Run) -> None:
    for command in ("plan", "status"):
        assert "not live" in study(command).out


def test_plan_before_the_import_says_what_is_missing(unanswered: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unanswered("init", "work")
    monkeypatch.chdir("work")
    assert "unanswered import" in unanswered("plan").out


def test_the_advice_of_the_doctor_has_a_line_of_its_own(study: Run) -> None:
    config = Path("config.toml")
    config.write_text(config.read_text().replace("smtp.example.org", "127.0.0.1").replace("port = 587", "port = 1"))
    said = study("doctor")
    assert said.code == 1
    assert any(line.startswith("         do: ") for line in said.err.splitlines())


def test_a_bad_day_for_until_is_wrong_use(study: Run) -> None:
    said = study("plan", "--until", "someday")
    assert said.code == 2
    assert "2026-12-31" in said.err


def test_import_names_bad_rows_and_takes_none(study: Run) -> None:
    Path("more.csv").write_text("name,email,country,basis\nGood,a@good.example,FR,own\nBad,not-an-address,FR,own\n")
    said = study("import", "more.csv")
    assert said.code == 1
    assert "line 3" in said.err
    assert "nothing was imported" in said.err
    taken = study("import", "more.csv", "--skip-bad", "rejects.csv", "--json")
    assert taken.code == 1
    assert taken.lines[-1]["added"] == 1
    assert "not-an-address" in Path("rejects.csv").read_text(encoding="utf-8-sig")


def test_import_of_a_file_that_is_not_there_is_wrong_use(study: Run) -> None:
    assert study("import", "nowhere.csv").code == 2


def test_two_passes_at_once_do_not_collide(study: Run) -> None:
    with pass_lock(Path.cwd() / "unanswered.db", "send"):
        said = study("send")
    assert said.code == 3
    assert "another send pass is running" in said.err
    assert study("send").code == 0


def test_listening_without_a_channel_that_hears_is_wrong_use(study: Run) -> None:
    for args in (["listen", "--once"], ["listen"]):
        said = study(*args)
        assert said.code == 2
        assert "no channel can hear" in said.err


def test_quiet_says_nothing_when_all_is_well(study: Run) -> None:
    said = study("send", "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")


def test_classify_prints_one_object_a_mail(unanswered: Run) -> None:
    folder = Path("mails")
    folder.mkdir()
    (folder / "one.eml").write_bytes(
        b"From: Jo <jo@shop.example>\r\nSubject: Re: Opening\r\n\r\nYes, until six. Jo\r\n"
    )
    (folder / "two.eml").write_bytes(
        b"From: desk@shop.example\r\nSubject: Automatic reply: away\r\nAuto-Submitted: auto-replied\r\n\r\n"
        b"I am out of the office until Monday.\r\n"
    )
    said = unanswered("classify", "--json", "mails")
    assert said.code == 0
    assert [line["path"] for line in said.lines] == ["mails/one.eml", "mails/two.eml"]
    assert [line["automated"] for line in said.lines] == [False, True]
    keys = {"path", "kind", "automated", "reasons", "language", "new_text", "bounced_recipient",
            "original_message_id", "noreply_sender", "promise"}  # fmt: skip
    assert all(keys <= line.keys() for line in said.lines)


def test_classify_of_a_file_that_is_not_there_is_wrong_use(unanswered: Run) -> None:
    assert unanswered("classify", "nowhere.eml").code == 2


def test_classify_of_a_folder_without_mails_is_wrong_use(unanswered: Run) -> None:
    Path("empty").mkdir()
    assert unanswered("classify", "empty").code == 2


def test_a_reports_figures_are_verified_and_an_altered_file_is_noticed(study: Run) -> None:
    assert study("report", "--out", "site").code == 0
    assert study("verify", "site").code == 0
    figures = Path("site/data/figures.json")
    figures.write_text(figures.read_text().replace('"edition":"', '"edition":"x'))
    said = study("verify", "site")
    assert said.code == 1
    assert "figures.json" in said.err


def test_verify_of_a_folder_that_is_no_site_is_wrong_use(unanswered: Run) -> None:
    assert unanswered("verify", ".").code == 2


def test_a_store_of_a_newer_version_is_refused(study: Run) -> None:
    import sqlite3

    with sqlite3.connect("unanswered.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    said = study("status")
    assert said.code == 3
    assert "newer version" in said.err


def test_a_secret_never_shows(study: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Path("config.toml")
    monkeypatch.setenv("UNANSWERED_SMTP_PASSWORD", "hunter2-and-more")
    text = config.read_text().replace('# user = "audit@example.org"', 'user = "audit@example.org"', 1)
    config.write_text(text.replace("# password_env", "password_env", 1))
    monkeypatch.setenv("UNANSWERED_DEBUG", "1")
    for args in (["doctor"], ["plan"], ["send"], ["status"], ["report", "--out", "site"]):
        said = study(*args)
        assert "hunter2" not in said.out + said.err
    for path in Path().rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path


@pytest.mark.parametrize("target", ["nowhere.html", "ftp://127.0.0.1/a", "http://192.0.2.1/contact", "http://[bad/"])
def test_form_of_what_is_not_there_or_out_of_reach_is_wrong_use(unanswered: Run, target: str) -> None:
    said = unanswered("form", target)
    assert said.code == 2
    assert target in said.err


def test_form_without_a_browser_cannot_do_its_job(unanswered: Run) -> None:
    Path("page.html").write_text("<form></form>")
    said = unanswered("form", "--browser", "no-such-browser", "page.html")
    assert said.code == 3
    assert "no-such-browser is not a program" in said.err
