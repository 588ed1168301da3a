"""Killed at any moment, over the whole path, with another process beside it: nothing is lost, repeated or doubled.

Processes plan, send, listen, prove, understand and decide on one store, over a real Dovecot and an SMTP server that
takes its time; each is killed (SIGKILL) at a random moment. What the other side saw is the truth.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from monitor import importing
from monitor.app import App
from monitor.listen import listen_pass
from monitor.report import refresh
from monitor.send import send_pass
from monitor.store.integrity import integrity
from monitor.store.tables import metadata
from probes.sandbox.mailserver import LoopbackController
from tests.wire import killing
from tests.wire.servers import PASSWORD, Dovecot, dovecot, eventually

KILLS = 500
FIRMS = 24
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OURS = "inbox.auditor.test"
OUTSIDE = "watcher@elsewhere.test"
MAILBOX = "auditor"

CONFIG = """
[channels.post]
kind = "email"
[channels.post.smtp]
via = "mx"
routes = {{ "*" = "127.0.0.1:{smtp}" }}
security = "none"
hello = "audit.test"
[channels.post.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{mailbox}"
password_file = "secret"
folders = ["INBOX"]
{canary}
[addresses.main]
scheme = "catch_all"
domain = "{ours}"

[personas.mara]
name = "Mara Lindqvist"
addresses = "main"

[policy]
quiet_start = "00:00"
quiet_end = "00:00"
quiet_days = []
daily_cap = 100000
per_scope_daily_cap = 100000
per_group_daily_cap = 100000

[studies.hours]
title = "Do shops answer?"
question = "Two questions about opening hours"
channels = ["post"]
scenarios = ["hours"]
personas = ["mara"]
seed = 7
start = 2026-03-02
schedule = "0 */2 * * *"
spread = "2h"
timezone = "UTC"
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "Opening hours next week"
body = "Hello,\\n\\nare you open on the second Saturday of next month?\\n\\n{persona}\\n"

[[questions]]
id = "saturday"
text = "Open on the second Saturday?"
"""


@dataclass
class OtherSide:
    """Every mail server there is. Firms take mail and answer it; the first try of some is put off.

    `taken`: Message-IDs of the enquiries that a firm accepted, in order. `filed`: how many mails went to our mailbox.
    """

    mailboxes: Dovecot
    taken: list[str] = field(default_factory=list)
    to_file: int = 0
    filed: int = 0
    put_off: set[str] = field(default_factory=set)
    at: datetime = START

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        sender = envelope.mail_from or ""
        if address.startswith("info3@") and sender not in self.put_off:
            self.put_off.add(sender)
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.original_content is not None
        raw, to = envelope.original_content, envelope.rcpt_tos[0]
        if to.endswith(f"@{OURS}"):
            await self._file(raw)
            return "250 2.0.0 OK filed"
        found = re.search(rb"^Message-ID: (<[^>]+>)", raw, re.MULTILINE)
        assert found is not None
        # The 250 takes a while to come: a kill in between leaves the sender in doubt, as in life.
        self.taken.append(found[1].decode())
        answer = (
            f"From: {to}\r\nTo: {envelope.mail_from}\r\nSubject: Re: Opening hours next week\r\n"
            f"Message-ID: <answer-{len(self.taken)}@{to.partition('@')[2]}>\r\nIn-Reply-To: {found[1].decode()}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\nYes, we are open on that Saturday from nine.\r\nJo\r\n"
        )
        await self._file(answer.encode())
        return "250 2.0.0 OK queued"

    async def _file(self, raw: bytes) -> None:
        self.to_file += 1
        # Shielded: a sender that dies here takes its conversation with it, and not the mail.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._append, raw))

    def _append(self, raw: bytes) -> None:
        self.mailboxes.deliver(MAILBOX, raw, at=self.at)
        self.filed += 1


@contextmanager
def other_side(mailboxes: Dovecot) -> Iterator[tuple[OtherSide, int]]:
    side = OtherSide(mailboxes)
    controller = LoopbackController(side, "mx.test")
    controller.start()
    try:
        yield side, controller.port
    finally:
        controller.stop()


def working_folder(folder: Path, smtp: int, imap: int) -> Path:
    (folder / "secret").write_text(PASSWORD)
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "hours.toml").write_text(SCENARIO)
    rows = "\n".join(f"Shop {n},info{n}@shop{n}.example,UTC,own" for n in range(FIRMS))
    (folder / "businesses.csv").write_text(f"name,email,timezone,basis\n{rows}\n")
    canary = CANARY.format(smtp=smtp, sender=OUTSIDE)
    text = CONFIG.format(smtp=smtp, imap=imap, mailbox=MAILBOX, ours=OURS, canary=canary)
    (folder / "config.toml").write_text(text)
    return folder / "config.toml"


CANARY = """
[channels.post.canary]
via = "mx"
routes = {{ "*" = "127.0.0.1:{smtp}" }}
security = "none"
hello = "elsewhere.test"
sender = "{sender}"
every = "6h"
patience = "3h"
"""


class Killer:
    """Runs parts of the job two at a time and kills them at random moments."""

    def __init__(self, config: Path, side: OtherSide, seed: int) -> None:
        self.config, self.side, self.draw = config, side, random.Random(seed)
        self.told = config.parent / "went-wrong.txt"
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.wire.killing"])
        self.kills = 0
        self.ended: Counter[str] = Counter()

    def round(self, at: datetime) -> None:
        """Two processes at the same moment of the study; most are killed while they work."""
        self.side.at = at
        parts = ["send", self.draw.choices(["send", "listen", "rescore", "outcomes"], [3, 8, 1, 1])[0]]
        running = [(part, self._start(part, at)) for part in parts]
        waits = sorted(((self._life(), part, process) for part, process in running), key=lambda one: one[0])
        spent = 0.0
        for life, part, process in waits:
            process.join(timeout=max(life - spent, 0.001))
            spent = max(spent, life)
            if process.exitcode is None:
                os.kill(process.pid or 0, signal.SIGKILL)
                process.join()
            if process.exitcode == -signal.SIGKILL:
                self.kills += 1
            else:
                self.ended[part] += 1

    def _start(self, part: str, at: datetime) -> BaseProcess:
        process = self.context.Process(target=killing.run, args=(part, self.config, at, self.told), daemon=True)
        process.start()
        return process

    def _life(self) -> float:
        """Seconds until it is killed: most die at work, some live to the end."""
        return 30.0 if self.draw.random() < 0.1 else self.draw.uniform(0.05, 0.8)


def rows(app: App, table: str) -> list[dict[str, Any]]:
    with app.store.read() as connection:
        return [dict(row) for row in connection.execute(metadata.tables[table].select()).mappings()]


@pytest.mark.wire
def test_five_hundred_kills_lose_repeat_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with dovecot() as mailboxes, other_side(mailboxes) as (side, port):
        config = working_folder(tmp_path, port, mailboxes.port)
        with App.open(config, lambda: START) as app:
            done = importing.bring_in(app, app.config.businesses)
            assert done.result is not None
            listen_pass(app.store, app.channels, app.clock)
        killer = Killer(config, side, seed=20261123)
        at = START
        while killer.kills < KILLS:
            at += timedelta(minutes=25)  # longer than a hand-over can last: what a kill left is settled
            killer.round(at)
        assert not killer.told.exists(), killer.told.read_text()

        eventually(lambda: side.filed == side.to_file, "every mail is in the mailbox")
        end = at + timedelta(hours=5)
        with App.open(config, lambda: end) as app:  # as cron does: once more, in peace
            assert not send_pass(app.store, app.config, app.channels, app.clock).problems
            assert not listen_pass(app.store, app.channels, app.clock).deaf
            refresh(app)
            contacts, arrivals = rows(app, "contacts"), rows(app, "arrivals")
            matches = rows(app, "matches")
            faults = [finding for finding in integrity(app.store) if not finding.ok]
            outcomes = rows(app, "outcomes")

        states = Counter(contact["state"] for contact in contacts)
        by_id = {contact["message_id"]: contact for contact in contacts}
        twice = [one for one, times in Counter(side.taken).items() if times > 1]
        with capsys.disabled():
            print(
                f"\n{killer.kills} kills, {sum(killer.ended.values())} processes lived; {len(side.taken)} enquiries "
                f"taken, {dict(states)}; {side.filed} mails filed, {len(arrivals)} stored"
            )
        assert twice == [], "an enquiry was handed over twice"
        assert faults == []
        lost = [one for one in side.taken if by_id[one.lower()]["state"] not in ("sent", "unknown")]
        assert lost == [], "what was accepted is not on record as sent or unknown"
        assert states["sent"] <= len(side.taken), "something is on record as sent that nobody took"
        left = [one for one in contacts if one["state"] in ("planned", "sending", "deferred")]
        assert all(one["due"] > end and one["state"] != "sending" for one in left), "something that was due is left"
        assert len(arrivals) == side.filed, "a mail was lost or stored twice"
        assert all(arrival["understood"] for arrival in arrivals)
        answers = [match for match in matches if match["key"] == "private_address"]
        assert len(answers) == len(side.taken), "an answer belongs to no probe, or to two"
        answered = {row["probe"] for row in outcomes if row["first_human_at"] is not None}
        assert len(answered) == len(side.taken)
        assert states["unknown"] > 0, "no kill fell between acceptance and receipt: the test says too little"
        heard = [row for row in canaries(tmp_path) if row["heard_at"] is not None]
        assert heard, "no canary came home"
        assert len(answers) + len(heard) == side.filed, "a canary counts as an answer, or as nobody's"


def canaries(folder: Path) -> list[dict[str, Any]]:
    with App.open(folder / "config.toml") as app:
        return rows(app, "canaries")
