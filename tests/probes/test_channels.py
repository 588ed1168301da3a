"""Every channel that comes with this distribution is held to the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from probes.contract import Sends
from probes.loader import builtin, load
from probes.testing import SAMPLE, check_channel


@dataclass(frozen=True)
class Case:
    """What a channel is checked with; see check_channel."""

    table: dict[str, Any]
    outside: tuple[dict[str, Any], ...]
    addresses: tuple[str, ...]
    nonsense: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


TWILIO = {
    "account_sid": "AC" + "0" * 32,
    "auth_token_env": "TWILIO_TOKEN",
    "numbers": ["+12025550100"],
}

CASES = {
    "console": Case(
        table={},
        outside=(),
        addresses=("somebody@shop.example", "+49 30 123456", "https://shop.example/contact"),
        nonsense=("", "  ", "\x00"),
    ),
    "web_form": Case(
        table={"routes": {"shop.example": "127.0.0.1:8080"}},
        outside=({}, {"routes": {"*": "192.0.2.1:80"}}, {"routes": {"shop.example": "[2001:db8::1]:80"}}),
        addresses=("https://Shop.example/contact", "bücher.example/kontakt", "http://127.0.0.1:8080/form?x=1"),
        nonsense=(
            "",
            "contact",
            "javascript:alert(1)",
            "file:/etc/passwd",
            "http://",
            "mailto:a@shop.example",
            "a@shop.example",
            "https://user:pw@shop.example/",
            "+49 30 123456",
            "https://shop/",
            "ftp://a.example/",
        ),
    ),
    "email": Case(
        table={
            "smtp": {"host": "localhost", "user": "anna", "password_env": "SMTP_PASSWORD"},
            "imap": {"host": "localhost", "user": "anna", "password_env": "IMAP_PASSWORD"},
        },
        outside=(
            {
                "smtp": {"host": "192.0.2.1"},
                "imap": {"host": "192.0.2.1", "user": "anna", "password_env": "IMAP_PASSWORD"},
            },
            {"smtp": {"via": "mx"}},
            {"smtp": {"via": "mx", "routes": {"*": "192.0.2.1:25"}}},
            {"smtp": {"host": "192.0.2.1", "security": "tls"}},
            {"imap": {"host": "192.0.2.1", "user": "anna", "password_env": "IMAP_PASSWORD", "security": "starttls"}},
        ),
        addresses=("Info@Shop.example", "info@bücher.example", "chào@shop.example"),
        nonsense=("", "info", "info@", "info@shop", "a@b.example, c@d.example", "info\r\n@shop.example"),
        env={"SMTP_PASSWORD": "hunter2-smtp", "IMAP_PASSWORD": "hunter2-imap"},
    ),
    "mail_door": Case(
        table={"mailbox": "inbox.example.org", "secret_env": "DOOR_SECRET"},
        outside=(),
        addresses=("Info@Shop.example",),
        nonsense=("", "info"),
        env={"DOOR_SECRET": "hunter2-door"},
    ),
    "phone": Case(
        table=TWILIO,
        outside=({**TWILIO, "api": "https://192.0.2.1"}, {**TWILIO, "api": "http://192.0.2.1"}),
        addresses=("+44 20 7183 8750", "0033 1 70 36 39 50", "+12125550123"),
        nonsense=("", "020 7183 8750", "+1 900 555 0123", "+112", "911", "+44 7", "ring us", "+33170363950;+331703639"),
        env={"TWILIO_TOKEN": "hunter2-token"},
    ),
    "sms": Case(
        table=TWILIO,
        outside=({**TWILIO, "api": "https://192.0.2.1"}, {**TWILIO, "api": "http://192.0.2.1"}),
        addresses=("+44 7400 123456", "+12125550123", "+84 90 123 45 67"),
        nonsense=("", "07400 123456", "+1 900 555 0123", "+112", "word"),
        env={"TWILIO_TOKEN": "hunter2-token"},
    ),
}


def test_every_channel_has_a_case() -> None:
    assert sorted(CASES) == list(builtin())


@pytest.mark.parametrize("name", builtin())
def test_a_channel_keeps_the_contract_and_with_live_unset_leaves_this_machine_alone(name: str) -> None:
    case = CASES[name]
    for outside in case.outside or (None,):
        check_channel(
            load(name),
            table=case.table,
            outside=outside,
            addresses=case.addresses,
            nonsense=case.nonsense,
            env=case.env,
        )


def test_the_console_prints_and_says_that_nothing_was_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, moment: Any
) -> None:
    kind = load("console")
    for table in ({}, {"out": "printed.txt"}):
        settings = kind.settings.model_validate(table, context={"env": {}, "base": tmp_path})
        wire = kind.open("console", settings, live=False)
        assert isinstance(wire, Sends)
        receipt = wire.send(SAMPLE, lambda: moment)
        assert (receipt.state, receipt.accepted_by, receipt.at) == ("not_sent", None, moment)
        assert "printed, not sent" in receipt.reason
    for text in (capsys.readouterr().out, (tmp_path / "printed.txt").read_text()):
        assert SAMPLE.to in text
        assert SAMPLE.subject in text
        assert "are you open on Monday?" in text


def test_a_console_that_cannot_write_says_so(tmp_path: Path, moment: Any) -> None:
    kind = load("console")
    settings = kind.settings.model_validate({"out": "no/such/folder/out.txt"}, context={"env": {}, "base": tmp_path})
    wire = kind.open("console", settings, live=False)
    assert isinstance(wire, Sends)
    receipt = wire.send(SAMPLE, lambda: moment)
    assert receipt.state == "not_sent"
    assert "no/such/folder" in receipt.reason
