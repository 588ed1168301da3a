"""Whose account a refusal goes on: the recipient's server, our relay, or nobody's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.channels.email import channel
from probes.contract import Guards, Receipt, Sends
from probes.testing import SAMPLE
from tests.wire.scripted import ScriptedSmtp


def receipt(server: ScriptedSmtp, **smtp: object) -> Receipt:
    settings = channel.settings.model_validate({"smtp": {"security": "none", **smtp}}, context={"env": {}})
    wire = channel.open("mail", settings, live=False)
    assert isinstance(wire, Sends)
    return wire.send(SAMPLE, lambda: datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ("550 5.1.1 no such user", "recipient_mx"),
        ("552 5.2.2 mailbox full", "recipient_mx"),
        ("450 4.2.0 greylisted, come back", "recipient_mx"),
        ("550 5.7.1 your host is on a block list", None),
        ("451 4.7.1 we do not know you yet", None),
    ],
)
def test_what_the_recipients_server_refuses_is_on_its_account_unless_it_is_about_us(said: str, by: str | None) -> None:
    with ScriptedSmtp() as server:
        server.says("RCPT", said)
        found = receipt(server, via="mx", routes={"*": f"127.0.0.1:{server.port}"})
    assert found.state in ("not_sent", "deferred")
    assert found.accepted_by == by


def test_what_our_relay_refuses_is_on_our_relays_account() -> None:
    with ScriptedSmtp() as server:
        server.says("RCPT", "550 5.1.1 no such user")
        assert receipt(server, via="relay", host="127.0.0.1", port=server.port).accepted_by == "relay"


def test_a_lost_connection_is_on_nobodys_account() -> None:
    with ScriptedSmtp() as server:
        server.hangs_up("RCPT")
        assert receipt(server, via="mx", routes={"*": f"127.0.0.1:{server.port}"}).accepted_by is None


@pytest.mark.parametrize(
    ("smtp", "word"),
    [
        ({"via": "relay", "host": "192.0.2.1"}, "192.0.2.1"),
        ({"via": "mx", "routes": {}}, "no route"),
        ({"via": "mx", "routes": {"*": "192.0.2.1:25"}}, "192.0.2.1"),
    ],
)
def test_a_target_outside_is_refused_before_a_contact_is_taken_unless_live(smtp: dict[str, object], word: str) -> None:
    settings = channel.settings.model_validate({"smtp": smtp}, context={"env": {}})
    wire, live = channel.open("mail", settings, live=False), channel.open("mail", settings, live=True)
    assert isinstance(wire, Guards)
    assert isinstance(live, Guards)
    refusal = wire.refusal(SAMPLE.to)
    assert refusal is not None
    assert word in refusal
    assert "live = true" in refusal
    assert live.refusal(SAMPLE.to) is None
