"""The service: sends what is due, stays on the line, and ends cleanly when told to. As a process of its own."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.store.engine import Store
from probes.sandbox.mailserver import MailServer
from tests.monitor.factories import rows

DOMAIN = "inbox.auditor.test"
CONFIG = """
[channels.post]
kind = "email"
[channels.post.smtp]
via = "relay"
host = "127.0.0.1"
port = {smtp}
security = "none"
[channels.post.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{user}"
password_file = "secret"
folders = ["INBOX"]
[addresses.main]
scheme = "catch_all"
domain = "{domain}"
[personas.mara]
name = "Mara Lindqvist"
addresses = "main"
[policy]
quiet_start = "00:00"
quiet_end = "00:00"
quiet_days = []
[studies.self]
title = "Do we answer?"
question = "One question"
channels = ["post"]
scenarios = ["hours"]
personas = ["mara"]
seed = 7
start = 2020-01-01
schedule = "once"
timezone = "UTC"
probes_per_endpoint = 1
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "Opening hours"
body = "Are you open on Monday at seven?"
[[questions]]
id = "monday"
text = "Open on Monday at seven?"
"""


def until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail naming it after a minute."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, f"waited a minute in vain: {what}"
        time.sleep(0.05)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer(DOMAIN, lambda: datetime.now(UTC)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, server: MailServer) -> Path:
    """A working folder with one business: an address of the sandbox's own domain."""
    (tmp_path / "secret").write_text(server.password)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "hours.toml").write_text(SCENARIO)
    (tmp_path / "businesses.csv").write_text(f"name,email,timezone,basis\nOur desk,desk@{DOMAIN},UTC,own\n")
    config = CONFIG.format(smtp=server.smtp_port, imap=server.imap_port, user=server.user, domain=DOMAIN)
    (tmp_path / "config.toml").write_text(config)
    command(tmp_path, "import").check_returncode()
    return tmp_path


def command(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", *args],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=_env(),
    )  # fmt: skip


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}


@contextmanager
def service(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """A command that stays on; killed at the end if it is still there."""
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor.cli", *args], cwd=folder, stdout=said, stderr=said, text=True, env=_env()
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_run_sends_hears_and_ends_cleanly_on_sigterm(folder: Path, server: MailServer) -> None:
    with Store.open(folder / "unanswered.db") as store, service(folder, "run", "--every", "1") as process:
        until(lambda: [row for row in rows(store, "contacts") if row["state"] == "sent"], "the enquiry is sent")
        (probe,) = rows(store, "probes")
        with smtplib.SMTP("127.0.0.1", server.smtp_port) as client:
            client.sendmail(
                f"desk@{DOMAIN}",
                [probe["reply_address"]],
                f"From: desk@{DOMAIN}\r\nTo: {probe['reply_address']}\r\nSubject: Re: Opening hours\r\n\r\n"
                "Yes, we open at half past six.\r\nJo\r\n".encode(),
            )
        until(lambda: rows(store, "matches"), "the answer is heard and matched")

        second = command(folder, "listen", "--once")
        assert second.returncode == 3, second.stderr
        assert re.search(r"another listen pass is running \(process \d+\)", second.stderr)

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, (folder / "said").read_text()
    assert "stopping" in (folder / "said").read_text()


def test_listen_without_once_ends_cleanly_on_ctrl_c(folder: Path) -> None:
    with service(folder, "listen") as process:
        until(lambda: "listening on 1 channels" in (folder / "said").read_text(), "it listens")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, (folder / "said").read_text()


def test_the_service_opens_the_door_and_understands_what_is_brought(tmp_path: Path) -> None:

    import httpx2

    from probes.sandbox.exchange import Exchange
    from tests.wire.telephony import ACCOUNT, PUBLIC, SMS, START, TOKEN, shop, write_folder

    with Exchange(ACCOUNT, TOKEN, lambda: START, public=PUBLIC) as exchange:
        config = write_folder(tmp_path, exchange.api)
        command = [sys.executable, "-m", "unanswered", "run", "--config", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent.parent)
        try:
            assert process.stdout is not None
            said = ""
            while (found := re.search(r"the door is open on \S+ port (\d+) for ([\w, ]+)", said)) is None:
                line = process.stdout.readline()
                assert line, said
                said += line
            assert found[2] == "texts, calls"
            url = f"http://127.0.0.1:{found[1]}"
            fields = {
                "MessageSid": "SM1",
                "AccountSid": ACCOUNT,
                "From": shop(0),
                "To": SMS,
                "Body": "Yes",
                "NumMedia": "0",
            }
            target, body, headers = exchange.signed(f"{PUBLIC}/in/texts", fields)
            assert httpx2.post(url + target, content=body, headers=headers).status_code == 200
            assert httpx2.get(f"{url}/healthz").json() == {"ok": True}
            store = Store.open(tmp_path / "unanswered.db")
            deadline = time.monotonic() + 60
            while not [row for row in rows(store, "arrivals") if row["understood"]]:
                assert time.monotonic() < deadline, "what was brought is not understood"
                time.sleep(0.05)
            store.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 0
