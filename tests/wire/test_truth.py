"""Planted truth: three hundred businesses, a relay that loses mail, an inbox that is dead for two days.

Real SMTP and IMAP on loopback, simulated time. Every disposition must be the planted one, the second headline must
hold every business that bounced itself out of the first, the control mailboxes must show what the relay lost, and the
canaries must show when our inbox was dead.
"""

from __future__ import annotations

import csv
import json
import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from monitor.app import App
from monitor.clock import MICROSECOND, micros
from monitor.importing import bring_in
from monitor.listen import listen_pass
from monitor.proving import prove
from monitor.report import publish
from monitor.send import send_pass
from monitor.store.hearing import gaps
from monitor.store.integrity import integrity
from monitor.store.looking import counts
from monitor.store.records import suppressed
from monitor.store.tables import metadata
from probes.sandbox.behaviours import WINDOWS, Business
from probes.sandbox.compose import Enquiry, compose, values
from probes.sandbox.mailserver import INBOX, JUNK, LOOPBACK, LoopbackController, MailServer
from probes.sandbox.stepped import SteppedClock
from probes.sandbox.world import World, junk_senders
from reports.data import verify
from reports.outcomes import check, disposition
from tests.wire.crowd import COHORTS, CONTROLS, EARLY, HIT, RELAYED, TEMPLATES, WAYS, cohort_of, controls, three_hundred

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
STARTS = {EARLY: MIDNIGHT, HIT: MIDNIGHT + 8 * DAY, RELAYED: MIDNIGHT + 14 * DAY}
DEAD = (MIDNIGHT + 9 * DAY + 21 * HOUR, MIDNIGHT + 11 * DAY + 21 * HOUR)
"""When our inbox takes mail and loses it."""
CANARY_EVERY = 6 * HOUR
OURS, CONTROL = "inbox.auditor.test", "control.example"
OUTSIDE = "watcher@elsewhere.test"

CONFIG = """
[channels.direct]
kind = "email"
[channels.direct.smtp]
via = "mx"
routes = {{ "{control}" = "127.0.0.1:{control_smtp}", "*" = "127.0.0.1:{world}" }}
security = "none"
hello = "audit.test"
[channels.direct.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{user}"
password_file = "inbox.secret"
folders = ["INBOX", "Junk"]
[channels.direct.canary]
via = "mx"
routes = {{ "{ours}" = "127.0.0.1:{inbox_smtp}" }}
security = "none"
hello = "elsewhere.test"
sender = "{outside}"
every = "6h"
patience = "1h"

[channels.lossy]
kind = "email"
[channels.lossy.smtp]
via = "relay"
host = "127.0.0.1"
port = {relay}
security = "none"
hello = "audit.test"

[channels.elsewhere]
kind = "email"
[channels.elsewhere.imap]
host = "127.0.0.1"
port = {control_imap}
security = "none"
user = "{control_user}"
password_file = "control.secret"
folders = ["INBOX", "Junk"]

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
daily_cap = 10000
per_scope_daily_cap = 10000
per_group_daily_cap = 10000

{studies}

[report]
names = true
"""
STUDY = """
[studies.{name}]
title = "Do shops answer? ({name})"
question = "Two questions about a repair"
channels = ["{channel}"]
scenarios = ["repair"]
personas = ["mara"]
sectors = ["{name}"]
seed = 7
start = {start:%Y-%m-%d}
end = {end:%Y-%m-%d}
schedule = "0 9 * * *"
spread = "6h"
timezone = "UTC"
probes_per_endpoint = 1
windows = ["24h", "7d", "30d"]
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "A worn tyre and a free Tuesday"
body = '''
Hello,

what does a new tyre cost with the work, and could it be done on a Tuesday?

{persona}
'''

[[questions]]
id = "price"
text = "What does it cost?"

[[questions]]
id = "day"
text = "On a Tuesday?"
"""


class MortalInbox(MailServer):
    """Our provider's server, which for a while takes mail and loses it."""

    lost = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if DEAD[0] <= self._clock() < DEAD[1]:
            self.lost += 1
            return "250 2.0.0 OK filed nowhere"
        return await super().handle_DATA(server, session, envelope)

    def move_to_junk(self, sender: str) -> int:
        """What its filter does on second thoughts: mails of a sender go from the inbox to junk; returns how many."""
        client = self._imap
        assert client is not None
        client.select_folder(INBOX)
        found = client.search(["FROM", sender])
        if found:
            client.copy(found, JUNK)
            client.delete_messages(found)
            client.expunge()
        client.close_folder()
        return len(found)


@dataclass
class LossyRelay:
    """Our provider's relay: takes all, loses one in ten, tries again what is put off, bounces what is refused."""

    world: int
    control: int
    inbox: int
    clock: Callable[[], datetime]
    queue: list[tuple[str, str, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    taken: Counter[bool] = field(default_factory=Counter)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.original_content is not None
        to = envelope.rcpt_tos[0]
        control = to.endswith(CONTROL)
        self.taken[control] += 1
        if self.taken[control] % 10 == 0:
            self.lost.append(to)
        else:
            self.queue.append(((envelope.mail_from or ""), to, envelope.original_content))
        return f"250 2.0.0 OK queued as {self.taken.total():X}"

    def flush(self) -> bool:
        """Hand over what waits; False when nothing went out."""
        waiting, self.queue = self.queue, []
        for sender, to, raw in waiting:
            port = self.control if to.endswith(CONTROL) else self.world
            try:
                self._hand_over(port, sender, to, raw)
            except smtplib.SMTPRecipientsRefused as refused:
                ((code, _),) = refused.recipients.values()
                if code < 500:
                    self.queue.append((sender, to, raw))
                else:
                    known = values(
                        Enquiry(sender, to, raw, self.clock()), self.clock(), "UTC", f"relay-{len(self.lost)}-{to}"
                    )
                    bounce = TEMPLATES["unknown-user"].replace("mx.{{domain}}", "relay.provider.test")
                    self._hand_over(self.inbox, "", sender, compose(bounce, known))
        return len(self.queue) < len(waiting)

    def _hand_over(self, port: int, sender: str, to: str, raw: bytes) -> None:
        with smtplib.SMTP(LOOPBACK, port, local_hostname="relay.provider.test", timeout=30) as server:
            server.sendmail(sender, [to], raw, mail_options=["BODY=8BITMIME"])


@dataclass
class Stage:
    """Everything that runs, and the clock that is moved from event to event."""

    app: App
    clock: SteppedClock
    inbox: MortalInbox
    control: MailServer
    world: World
    relay: LossyRelay
    everybody: tuple[Business, ...]
    problems: list[str] = field(default_factory=list)
    moved: int = 0
    lost: int = 0

    def live(self) -> None:
        end = STARTS[RELAYED] + 46 * DAY
        while self.clock() < end:
            self._settle()
            self.clock.jump(self._next(end))
        self._settle()

    def _settle(self) -> None:
        """Deliver, hear and send until nobody has anything left to do at this moment."""
        while True:
            delivered = self.world.deliver(self.inbox.smtp_port)
            relayed = self.relay.flush()
            heard = listen_pass(self.app.store, self.app.channels, self.clock)
            proved = prove(self.app.store, self.app.config, self.app.channels, self.clock)
            self.lost += len(proved.failed)
            self.problems += [f"{name}: {why}" for name, why in heard.deaf.items()]
            for one in delivered:
                if self.world.businesses[one.business].planted.startswith("a person, moved"):
                    self.moved += self.inbox.move_to_junk(self.world.businesses[one.business].address)
            sent = send_pass(self.app.store, self.app.config, self.app.channels, self.clock)
            self.problems += sent.problems
            if not (delivered or relayed or heard.new or proved.sent or sent.tried or sent.planned):
                return

    def _next(self, end: datetime) -> datetime:
        now = self.clock()
        slots = [start + 9 * HOUR for start in STARTS.values()]
        steps = (now - MIDNIGHT) // HOUR + 1  # canaries go out and are given up at whole hours
        hour = MIDNIGHT + steps * HOUR
        while (hour - MIDNIGHT) // HOUR % 6 not in (0, 1):
            hour += HOUR
        retry = now + timedelta(minutes=5) if self.relay.queue else None
        moments = [*slots, end, hour, retry, counts(self.app.store, now).next_due, self.world.next_at()]
        return min(moment for moment in moments if moment is not None and moment > now)


def working_folder(folder: Path, stage: dict[str, Any], everybody: tuple[Business, ...]) -> Path:
    (folder / "inbox.secret").write_text(stage.pop("inbox_password"))
    (folder / "control.secret").write_text(stage.pop("control_password"))
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "repair.toml").write_text(SCENARIO)
    studies = "".join(
        STUDY.format(
            name=name, start=STARTS[name], end=STARTS[name] + DAY, channel="lossy" if name == RELAYED else "direct"
        )
        for name in COHORTS
    )
    names = {"ours": OURS, "control": CONTROL, "outside": OUTSIDE, "studies": studies}
    (folder / "config.toml").write_text(CONFIG.format(**stage, **names))
    with (folder / "businesses.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["key", "name", "email", "sector", "timezone", "group", "basis", "partner_domains", "control"])
        for one in everybody:
            control = one.domain == CONTROL
            table.writerow(
                [one.key, one.name, one.address, "" if control else cohort_of(one), "UTC", one.group or "",
                 "own" if control else "public_enquiry", " ".join(one.partners), "yes" if control else "no"]
            )  # fmt: skip
    return folder / "config.toml"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("truth")
    crowd = three_hundred()
    everybody = (*crowd, *controls())
    clock = SteppedClock(MIDNIGHT)
    with ExitStack() as stack:
        inbox = stack.enter_context(MortalInbox(OURS, clock, junk_senders=junk_senders(crowd)))
        control = stack.enter_context(MailServer(CONTROL, clock))
        world = stack.enter_context(World(crowd, clock, templates=TEMPLATES))
        relay = LossyRelay(world.port, control.smtp_port, inbox.smtp_port, clock)
        controller = LoopbackController(relay, "relay.provider.test")
        controller.start()
        stack.callback(controller.stop)
        ports = {
            "world": world.port, "imap": inbox.imap_port, "user": inbox.user, "inbox_smtp": inbox.smtp_port,
            "relay": controller.port, "control_smtp": control.smtp_port, "control_imap": control.imap_port,
            "control_user": control.user, "inbox_password": inbox.password, "control_password": control.password,
        }  # fmt: skip
        config = working_folder(folder, ports, everybody)
        app = stack.enter_context(App.open(config, clock))
        done = bring_in(app, app.config.businesses)
        assert done.result is not None, done.rejects
        stage = Stage(app, clock, inbox, control, world, relay, everybody)
        stage.live()
        publish(app, folder / "site")
        yield stage


def site(stage: Stage) -> Path:
    return stage.app.config.path.parent / "site"


def outcomes(stage: Stage) -> pl.DataFrame:
    return check(pl.read_parquet(site(stage) / "data" / "outcomes.parquet"))


def found(stage: Stage) -> dict[tuple[str, str], tuple[str, ...]]:
    """(study, business) -> dispositions at the three windows, from the published data."""
    frame, now = outcomes(stage), micros(stage.clock())
    each = [disposition(frame, window=window // MICROSECOND, now=now)["disposition"].to_list() for window in WINDOWS]
    keys = zip(frame["study"], frame["business"], strict=True)
    return dict(zip(keys, zip(*each, strict=True), strict=True))


def planted(stage: Stage, one: Business) -> tuple[str, ...]:
    lost = {key for key, other in stage.world.businesses.items() if other.address in stage.relay.lost}
    both = {one.key, *(mate.key for mate in stage.everybody if one.group and mate.group == one.group)}
    # Nobody can tell such a loss from silence; the controls show that there are some.
    return ("unanswered",) * 3 if lost & both else one.truth.dispositions


@pytest.mark.wire
def test_every_disposition_is_the_planted_one(lived: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    measured = found(lived)
    crowd = [one for one in lived.everybody if one.domain != CONTROL]
    assert len(crowd) == 300
    wrong = {
        one.key: (one.planted, "planted", planted(lived, one), "measured", measured.get((cohort_of(one), one.key)))
        for one in crowd
        if measured.get((cohort_of(one), one.key)) != planted(lived, one)
    }
    with capsys.disabled():
        print(f"\n{len(crowd) - len(wrong)} of {len(crowd)} businesses as planted; the relay lost {lived.relay.lost}")
    assert wrong == {}
    assert lived.problems == []


@pytest.mark.wire
def test_nobody_was_asked_twice(lived: Stage) -> None:
    asked = Counter({key: len(taken) for key, taken in lived.world.taken.items()})
    assert max(asked.values()) == 1
    refusing = {one.key for one in lived.everybody if one.domain != CONTROL and one.takes == 0}
    dropped = {one.key for one in lived.everybody if one.address in lived.relay.lost and one.domain != CONTROL}
    assert {key for key, times in asked.items() if times == 0} == refusing | dropped


@pytest.mark.wire
@pytest.mark.parametrize("study", COHORTS)
def test_the_second_headline_holds_every_business_that_bounced_itself_out(lived: Stage, study: str) -> None:
    crowd = [one for one in lived.everybody if one.domain != CONTROL and cohort_of(one) == study]
    at_7_days = Counter(planted(lived, one)[1] for one in crowd)
    assert at_7_days["not_delivered"] >= 8, "self-bouncers are planted"
    published = json.loads((site(lived) / "data" / "figures.json").read_text(encoding="utf-8"))["studies"]
    (figures,) = [one["figures"] for one in published if one["id"] == study]
    (week,) = [one for one in figures["windows"] if one["window"] == timedelta(days=7) // MICROSECOND]
    if study == HIT:  # no 7-day window of it was heard through: nothing is claimed of anybody's silence
        assert (week["no_human"]["n"], week["no_human"]["value"]) == (0, None)
        return
    silent = at_7_days["unanswered"] + at_7_days["machine_only"]
    assert (week["no_human"]["count"], week["no_human"]["n"]) == (silent, silent + at_7_days["answered"])
    refused = at_7_days["not_delivered"] + at_7_days["not_sent"]
    assert week["no_human_their_side"]["count"] == silent + refused
    assert week["no_human_their_side"]["n"] == silent + refused + at_7_days["answered"]
    assert week["refused_after_accepting"]["count"] == at_7_days["not_delivered"]


@pytest.mark.wire
def test_the_marks_are_those_that_were_planted(lived: Stage) -> None:
    stopped = suppressed(lived.app.store).businesses
    rows = {(row["study"], row["business"]): row for row in outcomes(lived).iter_rows(named=True)}
    for one in lived.everybody:
        if one.domain == CONTROL or one.address in lived.relay.lost:
            continue
        row = rows[cohort_of(one), one.key]
        facts = {"mailbox_full": row["mailbox_full"], "junk": row["junk"], "stopped": one.key in stopped}
        assert {mark for mark, holds in facts.items() if holds} == set(one.truth.marks), one.key


@pytest.mark.wire
def test_a_mail_that_was_moved_is_one_arrival_seen_twice(lived: Stage) -> None:
    assert lived.moved == 4 * len(COHORTS) - sum("-22-" in one for one in lived.relay.lost)
    table = metadata.tables
    with lived.app.store.read() as connection:
        places = Counter(
            connection.scalars(table["sightings"].select().with_only_columns(table["sightings"].c.arrival_id))
        )
    assert sum(times == 2 for times in places.values()) == lived.moved


@pytest.mark.wire
def test_the_controls_show_what_the_relay_lost(lived: Stage) -> None:
    rows = outcomes(lived).filter(pl.col("role") == "control")
    arrived = {
        study: rows.filter((pl.col("study") == study) & pl.col("delivered_at").is_not_null()).height
        for study in COHORTS
    }
    lost = sum(one.endswith(f"@{CONTROL}") for one in lived.relay.lost)
    assert lost > 0, "the relay lost no control: the test says too little"
    assert arrived == {EARLY: CONTROLS, HIT: CONTROLS, RELAYED: CONTROLS - lost}
    assert rows.height == CONTROLS * len(COHORTS)


@pytest.mark.wire
def test_the_canaries_show_when_our_inbox_was_dead(lived: Stage) -> None:
    (gap,) = [gap for gap in gaps(lived.app.store) if gap.found_by == "canary"]
    assert DEAD[0] - CANARY_EVERY < gap.since <= DEAD[0]
    assert gap.until is not None
    assert DEAD[1] <= gap.until < DEAD[1] + CANARY_EVERY + HOUR
    assert gap.closed_at is None, "what was lost in it is lost"
    assert lived.inbox.lost > lived.lost > 0, "canaries and answers were lost"


@pytest.mark.wire
def test_the_store_is_sound_and_the_site_follows_from_its_data(lived: Stage) -> None:
    assert [finding for finding in integrity(lived.app.store) if not finding.ok] == []
    assert verify(site(lived)) == []


def test_each_way_to_behave_is_planted_in_each_study() -> None:
    crowd = three_hundred()
    assert Counter((cohort_of(one), one.planted) for one in crowd) == {
        (cohort, way.what): 4 for cohort in COHORTS for way in WAYS
    }
