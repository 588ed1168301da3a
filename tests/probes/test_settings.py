from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.mail.servers import Imap, Smtp
from probes.settings import (
    Duration,
    EnvSecret,
    FilePath,
    FileSecret,
    PositiveDuration,
    Table,
    parse_duration,
    read_secret,
    write_duration,
)


class Example(Table):
    wait: Duration = timedelta(seconds=1)
    patience: PositiveDuration = timedelta(seconds=1)
    out: FilePath = None
    token_env: EnvSecret = None
    token_file: FileSecret = None


def problems(model: type[Table], table: dict[str, Any], **context: Any) -> list[tuple[str, str]]:
    """Key and message of each problem."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(table, context=context or None)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in caught.value.errors()]


# --------------------------------------------------------------------------- durations
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("36h", 129_600),
        ("90d", 7_776_000),
        ("2w", 1_209_600),
        ("0.25s", 0.25),
        (" 1 h ", 3600),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "-5m", "5 minutes", "1h30m", "5M", "٣s", "1e3s", "999999999999d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer than"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert parse_duration(write_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.integers(0, 10**12))
def test_a_written_duration_reads_back_to_the_microsecond(micros: int) -> None:
    duration = timedelta(microseconds=micros)
    assert abs(parse_duration(write_duration(duration)) - duration) <= timedelta(microseconds=1)


@pytest.mark.parametrize("value", [30, 1.5, True, None, ["30s"]])
def test_a_bare_number_is_refused_since_it_has_no_unit(value: object) -> None:
    ((key, message),) = problems(Example, {"wait": value})
    assert key == "wait"
    assert '"30s"' in message


def test_a_time_out_is_longer_than_nothing() -> None:
    assert Example(wait=timedelta(0)).wait == timedelta(0)
    assert problems(Example, {"patience": "0s"})[0][0] == "patience"


def test_json_holds_durations_as_they_are_written() -> None:
    assert Example(wait=timedelta(hours=36)).model_dump(mode="json")["wait"] == "36h"


# --------------------------------------------------------------------------- tables
def test_an_unknown_key_is_refused_by_name() -> None:
    assert problems(Example, {"wiat": "5m"})[0][0] == "wiat"


def test_a_table_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().wait = timedelta(1)  # type: ignore[misc]


def test_a_path_is_relative_to_the_config() -> None:
    table = {"out": "mail/out.txt"}
    assert Example.model_validate(table, context={"env": {}, "base": Path("/etc/audit")}).out == Path(
        "/etc/audit/mail/out.txt"
    )
    assert Example.model_validate({"out": "/abs"}, context={"env": {}, "base": Path("/etc")}).out == Path("/abs")
    assert Example.model_validate({"out": ""}).out is None


# --------------------------------------------------------------------------- secrets
def test_a_secret_comes_from_the_environment_that_was_given_and_knows_it() -> None:
    read = Example.model_validate({"token_env": "T"}, context={"env": {"T": "hunter2"}, "base": Path()})
    assert read.token_env is not None
    assert read.token_env.get_secret_value() == "hunter2"
    assert read.token_env.source == "environment variable T"


def test_a_secret_comes_from_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "t.secret").write_text("  hunter2\n")
    read = Example.model_validate({"token_file": "t.secret"}, context={"env": {}, "base": tmp_path})
    assert read.token_file is not None
    assert read.token_file.get_secret_value() == "  hunter2"


@pytest.mark.parametrize("env", [{}, {"T": ""}, {"t": "hunter2"}])
def test_an_unset_variable_is_named_with_what_to_do(env: dict[str, str]) -> None:
    ((key, message),) = problems(Example, {"token_env": "T"}, env=env, base=Path())
    assert key == "token_env"
    assert "environment variable T is not set; set it" in message


def test_the_environment_of_the_process_is_not_read_behind_the_callers_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "hunter2")
    assert problems(Example, {"token_env": "T"}, env={}, base=Path())
    assert problems(Example, {"token_env": "T"})


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_without_a_secret_is_named_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "t.secret").write_bytes(content)
    ((key, message),) = problems(Example, {"token_file": "t.secret"}, env={}, base=tmp_path)
    assert key == "token_file"
    assert str(tmp_path / "t.secret") in message
    assert "put" in message


def test_a_secret_in_the_open_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Smtp.model_validate({"host": "mail.example.org", "password": "hunter2"})
    assert "password_env" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_shows_in_no_text_of_the_settings() -> None:
    read = Example.model_validate({"token_env": "T"}, context={"env": {"T": "hunter2"}, "base": Path()})
    for text in (repr(read), str(read), str(read.model_dump()), read.model_dump_json()):
        assert "hunter2" not in text


def test_a_secret_that_is_no_text_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate({"token_env": "T"}, context={"env": {"T": "hunter\udce92"}, "base": Path()})
    assert "environment variable T is not UTF-8 text" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_two_sources_of_one_secret_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep one"):
        read_secret(env="T", file="t", context={"env": {"T": "x"}, "base": tmp_path})
    assert read_secret() is None


# --------------------------------------------------------------------------- mail servers
ENV = {"env": {"P": "hunter2"}, "base": Path()}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "host"),
        ({"host": "https://mail.example.org"}, "only the name"),
        ({"host": "mail.example.org", "port": 0}, "greater than or equal to 1"),
        ({"host": "mail.example.org", "user": "anna"}, "go together"),
        ({"host": "mail.example.org", "password_env": "P"}, "go together"),
        ({"host": "mail.example.org", "user": "a\r\nb", "password_env": "P"}, "one line"),
        ({"host": "mail.example.org", "via": "mx"}, "leave them out"),
        ({"host": "mail.example.org", "routes": {"a.example": "127.0.0.1:25"}}, 'via = "mx"'),
        ({"via": "mx", "security": "tls"}, "starttls"),
        ({"via": "mx", "routes": {"a.example": "127.0.0.1"}}, "host:port"),
        ({"via": "mx", "routes": {"a.example": "127.0.0.1:99999"}}, "host:port"),
        ({"host": "mail.example.org", "security": "ssl"}, "'starttls', 'tls' or 'none'"),
        ({"host": "mail.example.org", "timeout": "0s"}, "longer than nothing"),
        ({"host": "mail.example.org", "ca_file": "no-such.pem"}, "No such file"),
    ],
)
def test_what_an_smtp_table_cannot_mean_is_said(table: dict[str, Any], words: str) -> None:
    assert any(words in message for _, message in problems(Smtp, table, **ENV))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"password_env": None}, "exactly one"),
        ({"token_command": "print-token"}, "exactly one"),
        ({"password_env": None, "token_command": "print 'token"}, "quotes"),
        ({"folders": []}, "at least one"),
        ({"folders": ["INBOX", "inbox"]}, "named twice"),
        ({"folders": ["Junk", "INBOX"]}, "cannot be a junk folder"),
        ({"idle_renew": "45m"}, "30 minutes"),
        ({"batch": 0}, "greater than or equal to 1"),
        ({"host": ""}, "at least 1 character"),
        ({"user": ""}, "at least 1 character"),
    ],
)
def test_what_an_imap_table_cannot_mean_is_said(table: dict[str, Any], words: str) -> None:
    full = {"host": "mail.example.org", "user": "anna", "password_env": "P", **table}
    full = {key: value for key, value in full.items() if value is not None}
    assert any(words in message for _, message in problems(Imap, full, **ENV))


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    found = problems(Smtp, {"host": "mail.example.org", "ca_file": "ca.pem"}, env={}, base=tmp_path)
    assert found[0][0] == "ca_file"
    assert "no certificate in PEM" in found[0][1]


def test_a_route_is_found_by_domain_or_by_the_star() -> None:
    smtp = Smtp.model_validate({"via": "mx", "routes": {"Bücher.example": "[::1]:2525", "*": "127.0.0.1:25"}})
    assert smtp.route("xn--bcher-kva.example") == ("[::1]", 2525)
    assert smtp.route("other.example") == ("127.0.0.1", 25)
    assert Smtp.model_validate({"via": "mx"}).route("other.example") is None
