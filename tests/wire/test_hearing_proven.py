"""Do we hear? What keeps mail from us, on real servers, is noticed by a canary and named: on record, by `status` and by
`doctor`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import imapclient
import pytest
from typer.testing import CliRunner

import monitor.cli  # noqa: F401 - its import makes the commands known
from monitor.app import App
from monitor.commands.common import cli as command
from monitor.doctor import examine
from monitor.listen import listen_pass
from monitor.proving import Proved, prove
from monitor.store.canaries import canaries
from monitor.store.hearing import GapEntry, gaps
from tests.nameserver import NameServer
from tests.wire.servers import PASSWORD, Dovecot, Postfix, dovecot, postfix

pytestmark = pytest.mark.wire

OURS, OUTSIDE = "inbox.auditor.test", "watcher@elsewhere.test"
USER = f"audit@{OURS}"
CATCH_ALL = f'scheme = "catch_all"\ndomain = "{OURS}"'
PLUS = f'scheme = "plus"\nmailbox = "{USER}"'
CONFIG = """
[channels.post]
kind = "email"
nameservers = ["127.0.0.1:{names}"]
[channels.post.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{user}"
password_file = "secret"
folders = ["INBOX"]
[channels.post.canary]
{way}
security = "none"
hello = "elsewhere.test"
sender = "{outside}"
every = "6h"
patience = "1h"

[addresses.main]
{scheme}

[personas.mara]
name = "Mara Lindqvist"
addresses = "main"

[studies.watch]
title = "Do they answer?"
question = "One question by mail"
channels = ["post"]
scenarios = ["presale"]
personas = ["mara"]
seed = 1
start = 2026-01-01
schedule = "0 9 * * *"
timezone = "UTC"
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "A question"
body = "Hello, what does it cost?"

[[questions]]
id = "price"
text = "What does it cost?"
"""


@dataclass
class Stage:
    """An auditor whose mail comes in through a Postfix to a Dovecot; `passes` moves the clock."""

    app: App
    mailboxes: Dovecot
    mta: Postfix
    zone: NameServer
    later: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def listens(self) -> Proved:
        """A listening pass and the step that proves it, as the command does."""
        listen_pass(self.app.store, self.app.channels, self.now)
        return prove(self.app.store, self.app.config, self.app.channels, self.now)

    def sends_a_canary(self) -> None:
        """And its mail server has done with it what it does."""
        self.later += timedelta(hours=6)
        assert self.listens().sent == 1
        self.mta.settle()

    def loses(self) -> None:
        """The newest mail is gone before anybody has heard it."""
        with self.mailboxes.client(USER) as client:
            client.select_folder("INBOX")
            newest = max(client.search())
        self.mailboxes.delete(USER, newest)

    def gives_up(self) -> GapEntry:
        """The time of the canary is over: the only gap that is open."""
        self.later += timedelta(hours=2)
        self.listens()
        (gap,) = gaps(self.app.store, unclosed=True)
        assert (gap.found_by, gap.until) == ("canary", None)
        return gap

    def status(self) -> str:
        found = CliRunner().invoke(command, ["status", "--json", "--config", str(self.app.config.path)])
        assert found.exit_code == 1, found.output
        (last,) = [line for line in map(json.loads, found.stdout.splitlines()) if "gaps" in line]
        return str(last["gaps"])

    def doctor(self) -> str:
        lines = examine(self.app.config, self.app.store, self.app.channels, self.now, wait=timedelta(seconds=1))
        (line,) = [one for one in lines if one.name == "hearing by main"]
        assert not line.ok
        return line.detail


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    with ExitStack() as stack:

        def make(
            scheme: str = CATCH_ALL, way: str = 'via = "mx"\nport = {smtp}', dovecot_extra: str = "", **mta: Any
        ) -> Stage:
            mailboxes = stack.enter_context(dovecot(extra=dovecot_extra))
            server = stack.enter_context(postfix(mailboxes, **mta))
            zone = stack.enter_context(NameServer())
            zone.mx(OURS, 10, f"mx.{OURS}").a(f"mx.{OURS}", "127.0.0.1")
            (tmp_path / "secret").write_text(PASSWORD)
            (tmp_path / "scenarios").mkdir()
            (tmp_path / "scenarios" / "presale.toml").write_text(SCENARIO)
            path = tmp_path / "config.toml"
            path.write_text(
                CONFIG.format(
                    names=zone.port, imap=mailboxes.port, user=USER, way=way.format(smtp=server.port), outside=OUTSIDE,
                    scheme=scheme,
                )
            )  # fmt: skip
            app = stack.enter_context(App.open(path))
            made = Stage(app, mailboxes, server, zone)
            listen_pass(app.store, app.channels, made.now)  # hearing begins
            return made

        yield make


def comes_home(stage: Stage) -> None:
    stage.sends_a_canary()
    stage.listens()
    assert canaries(stage.app.store)[-1].heard_at is not None
    assert gaps(stage.app.store) == []


def everything_to_us(**more: Any) -> dict[str, Any]:
    return {"catch_all": {OURS: USER}, **more}


QUOTA = """
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=400K
  quota_grace = 0
}
"""


def test_a_full_mailbox_is_noticed_and_named(stage: Callable[..., Stage]) -> None:
    ours = stage(dovecot_extra=QUOTA, **everything_to_us())
    comes_home(ours)
    for size in (380_000, 16_000, 8_000, 4_000, 2_000, 1_000, 500):
        with _until_it_is_full():
            ours.mailboxes.deliver(USER, b"Subject: film\r\n\r\n" + b"x" * size)
    ours.sends_a_canary()
    why = f"the mailbox {USER} is full"
    assert why in ours.gives_up().why
    assert why in ours.status()
    assert why in ours.doctor()


@contextmanager
def _until_it_is_full() -> Iterator[None]:
    try:
        yield
    except imapclient.exceptions.IMAPClientError as error:
        if "quota" not in str(error).lower():
            raise


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (lambda zone: zone.forgets(OURS).forgets(f"mx.{OURS}"), "does not exist"),
        (lambda zone: zone.forgets(OURS).null_mx(OURS), "null MX"),
    ],
)
@pytest.mark.parametrize("way", ['via = "mx"\nport = {smtp}', 'via = "relay"\nhost = "127.0.0.1"\nport = {smtp}'])
def test_a_broken_mx_is_noticed_and_named(
    stage: Callable[..., Stage], breaks: Callable[[NameServer], object], words: str, way: str
) -> None:
    ours = stage(way=way, **everything_to_us())
    comes_home(ours)
    breaks(ours.zone)
    if "relay" in way:  # it takes the canary; what it finds then, nobody hears
        ours.sends_a_canary()
        ours.loses()
    else:
        ours.later += timedelta(hours=6)
        assert ours.listens().sent == 0
    gap = ours.gives_up()
    assert words in gap.why
    assert "look at its MX" in gap.why
    assert words in ours.status()
    if "mx" in way:
        assert words in ours.doctor()


def test_a_mail_server_that_is_gone_is_noticed_and_named(stage: Callable[..., Stage]) -> None:
    ours = stage(**everything_to_us())
    comes_home(ours)
    ours.sends_a_canary()
    ours.loses()
    ours.mta.stop()
    why = f"no mail server takes mail for {OURS}"
    assert why in ours.gives_up().why
    assert why in ours.status()


def test_a_refused_plus_address_is_noticed_and_named(stage: Callable[..., Stage]) -> None:
    ours = stage(scheme=PLUS, domains=[OURS], recipients=[USER], extra="recipient_delimiter =\n")
    ours.later += timedelta(hours=6)
    done = ours.listens()
    why = "our mail server refuses the plus-address audit+"
    assert why in done.problems[0]
    (gap,) = gaps(ours.app.store, unclosed=True)
    assert (gap.mailbox, why in gap.why) == (f"audit+*@{OURS}", True)
    assert why in ours.status()
    assert why in ours.doctor()


def test_a_filter_that_files_by_the_plus_part_is_noticed_and_named(stage: Callable[..., Stage]) -> None:
    filing = "\nlmtp_save_to_detail_mailbox = yes\nlda_mailbox_autocreate = yes\n"
    ours = stage(scheme=PLUS, dovecot_extra=filing, domains=[OURS])
    ours.sends_a_canary()
    (one,) = canaries(ours.app.store)
    why = f"it lies in the folder '{one.address.partition('+')[2].partition('@')[0]}' of {USER}, which is not read"
    assert why in ours.gives_up().why
    assert "which is not read" in ours.status()
    assert "which is not read" in ours.doctor()


def test_a_mail_that_another_client_moves_away_is_noticed_and_named(stage: Callable[..., Stage]) -> None:
    ours = stage(**everything_to_us())
    comes_home(ours)
    ours.sends_a_canary()
    with ours.mailboxes.client(USER) as client:
        client.create_folder("Later")
        client.select_folder("INBOX")
        client.move([max(client.search())], "Later")
    why = f"it lies in the folder 'Later' of {USER}, which is not read: a filter moved it"
    assert why in ours.gives_up().why
    assert why.replace("'", "\\'") in ours.status() or why in ours.status()
    assert ours.mailboxes.flags(USER, "Later") == [()], "looking has changed nothing"
