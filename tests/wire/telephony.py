"""A working folder with SMS and calls by the look-alike of the provider, and our door served beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.app import App
from monitor.importing import bring_in
from monitor.listen import listen_pass, understand
from monitor.send import SendSummary, send_pass
from monitor.store.scoring import probe_facts
from monitor.store.tables import metadata
from monitor.studies import DoorSettings
from monitor.webhook import Door
from probes.sandbox.exchange import Exchange, Manner
from probes.sandbox.stepped import SteppedClock
from probes.serving import Serving

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "token-that-nobody-may-ever-see-3f9a"
START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
SMS, PHONE = "+12025550100", "+12025550101"
PUBLIC = "https://audit.test"


def shop(number: int) -> str:
    """The number of a shop."""
    return f"+1212555{100 + number:04d}"


CONFIG = """
[channels.texts]
kind = "sms"
account_sid = "{account}"
auth_token_file = "token"
numbers = [{numbers}]
public_url = "{public}"
api = "{api}"
timeout = "5s"
price = 0.01

[channels.calls]
kind = "phone"
account_sid = "{account}"
auth_token_file = "token"
numbers = ["{phone}"]
public_url = "{public}"
api = "{api}"
timeout = "5s"

[channels.post]
kind = "console"
out = "printed"

[door]
port = 0

[addresses.main]
scheme = "catch_all"
domain = "inbox.audit.test"

[personas.mara]
name = "Mara Lindqvist"
addresses = "main"
numbers = [{numbers}]

[personas.jon]
name = "Jon Lindqvist"
addresses = "main"
numbers = ["{phone}"]

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
channels = ["texts"]
scenarios = ["hours"]
personas = ["mara"]
seed = 7
start = 2026-03-03
schedule = "{schedule}"
timezone = "UTC"
windows = ["24h", "7d", "30d"]

[studies.rings]
title = "Does anybody pick up?"
question = "One call"
channels = ["calls"]
scenarios = ["hours"]
personas = ["jon"]
seed = 7
start = 2026-03-03
schedule = "{schedule}"
timezone = "UTC"
windows = ["24h", "7d", "30d"]
"""
SCENARIO = """
intent = "presale"
language = "en"
subject = "Opening hours"
body = "Hello, are you open on the second Saturday of next month? {persona}"

[[questions]]
id = "saturday"
text = "Open on the second Saturday?"
"""


@dataclass
class Telephony:
    """Everything at work: the look-alike, our app, our door. Verbs move time and let things happen."""

    exchange: Exchange
    app: App
    clock: SteppedClock
    door: Door
    said: list[str] = field(default_factory=list)

    def imports(self, column: str, shops: int = 1, basis: str = "own") -> Telephony:
        path = self.app.config.base / "businesses.csv"
        rows = [f"Shop {n},{shop(n)},UTC,{basis}" for n in range(shops)]
        path.write_text("\n".join([f"name,{column},timezone,basis", *rows]) + "\n")
        done = bring_in(self.app, path)
        assert done.result is not None
        return self

    def send(self) -> SendSummary:
        return send_pass(self.app.store, self.app.config, self.app.channels, self.clock)

    def listen(self) -> Any:
        return listen_pass(self.app.store, self.app.channels, self.clock)

    def passes(self, **span: float) -> Telephony:
        """Time goes by, and what is due on the other side happens when it is due."""
        end = self.clock() + timedelta(**span)
        while (at := self.exchange.next_at()) is not None and at <= end:
            self.clock.jump(max(at, self.clock()))
            self.exchange.deliver()
        self.clock.jump(end)
        understand(self.app.store, self.clock)
        return self

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.app.store.read() as connection:
            return [dict(row) for row in connection.execute(metadata.tables[table].select()).mappings()]

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows("contacts")]

    def replies(self) -> dict[str, list[tuple[str, bool, str]]]:
        """By business: (kind, strong, standing) of what came."""
        return {
            facts.business: [(one.kind, one.strong, one.standing) for one in facts.replies]
            for facts in probe_facts(self.app.store)
        }


def write_folder(folder: Path, api: str, *, schedule: str = "once", numbers: tuple[str, ...] = (SMS,)) -> Path:
    (folder / "token").write_text(TOKEN)
    (folder / "scenarios").mkdir(exist_ok=True)
    (folder / "scenarios" / "hours.toml").write_text(SCENARIO)
    text = CONFIG.format(
        account=ACCOUNT, api=api, phone=PHONE, public=PUBLIC, schedule=schedule,
        numbers=", ".join(f'"{one}"' for one in numbers),
    )  # fmt: skip
    (folder / "config.toml").write_text(text)
    return folder / "config.toml"


@contextmanager
def telephony(
    folder: Path, manners: Mapping[str, Manner] | None = None, *, schedule: str = "once",
    numbers: tuple[str, ...] = (SMS,), **exchange: Any,
) -> Iterator[Telephony]:  # fmt: skip
    clock = SteppedClock(START)
    with ExitStack() as stack:
        provider = stack.enter_context(Exchange(ACCOUNT, TOKEN, clock, manners, public=PUBLIC, **exchange))
        for number in numbers:
            provider.serves(number, messages="texts", calls="calls")
        provider.serves(PHONE, messages="texts", calls="calls")
        app = stack.enter_context(
            App.open(write_folder(folder, provider.api, schedule=schedule, numbers=numbers), clock)
        )
        door = Door(app.store, app.channels, DoorSettings(), clock)
        serving = stack.enter_context(Serving(door.app))
        provider.door = f"http://127.0.0.1:{serving.port}"
        yield Telephony(provider, app, clock, door)
