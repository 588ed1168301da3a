"""A small world around a real store: businesses, a study, a fake channel with verbs, a clock moved by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monitor.businesses import BusinessRow, EndpointRow
from monitor.config import Config
from monitor.facts import Match, ProbeFacts, Verdict
from monitor.listen import ListenSummary, Rules, listen_pass
from monitor.match import keys
from monitor.match import match as find_match
from monitor.send import SendSummary, send_pass
from monitor.store.codes import SALT
from monitor.store.engine import Store
from monitor.store.planning import Frozen
from monitor.store.records import import_businesses
from monitor.store.scoring import probe_facts
from monitor.store.tables import CONTACTS, META, PROBES, metadata
from monitor.studies import ReportSettings, digest, frozen
from probes.contract import Arrival, Batch, Cursor, Enquiry, OpenChannel
from probes.mail.mime import Mail, parse
from probes.testing import FakeChannel, FakeSettings
from tests.monitor.making import MAIN, TUESDAY, persona, policy, scenario, study

CHANNEL = "post"
MAILBOX = "probe@inbox.example"


def business(number: int = 1, /, **change: Any) -> BusinessRow:
    given: dict[str, Any] = {
        "line": number + 1,
        "key": f"firm-{number}",
        "name": f"Firm {number}",
        "sector": None,
        "country": None,
        "language": "en",
        "timezone": "UTC",
        "group": None,
        "basis": "public_enquiry",
        "basis_proof": None,
        "own_domains": (f"firm{number}.example",),
        "partner_domains": (),
        "fields": {},
        "endpoints": (endpoint(f"info@firm{number}.example"),),
    }
    return BusinessRow(**(given | change))


def endpoint(address: str, channel: str = CHANNEL, **change: Any) -> EndpointRow:
    return EndpointRow(**({"channel": channel, "address": address, "scope": address.rpartition("@")[2]} | change))


def mail(
    to: str = "anna@inbox.example",
    *,
    sender: str = "info@firm1.example",
    subject: str = "Re: A question",
    text: str = "Yes, it costs 12 EUR.",
    **headers: str,
) -> bytes:
    """A plain mail; headers by name with _ for -."""
    lines = {"From": sender, "To": to, "Subject": subject, "Message-ID": f"<{abs(hash((to, sender, text)))}@x.example>"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    return ("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + f"\r\n{text}\r\n").encode()


def arrival(raw: bytes, at: datetime = TUESDAY, **change: Any) -> Arrival:
    given: dict[str, Any] = {"mailbox": MAILBOX, "raw": raw, "at": at, "place": "INBOX", "position": "1:1"}
    return Arrival(**(given | change))


def batch(*arrivals: Arrival, place: str = "INBOX", position: str = "1:1", **change: Any) -> Batch:
    given: dict[str, Any] = {"mailbox": MAILBOX, "arrivals": arrivals, "cursor": Cursor(place=place, position=position)}
    return Batch(**(given | change))


def verdict(kind: str = "human", **change: Any) -> Verdict:
    given: dict[str, Any] = {"kind": kind, "automated": False, "reasons": ("because",), "rules": "test"}
    return Verdict(**(given | change))


def match(probe: str, **change: Any) -> Match:
    given: dict[str, Any] = {
        "probe": probe,
        "key": "private_address",
        "strong": True,
        "standing": "own_domain",
        "reason": "addressed",
    }
    return Match(**(given | change))


def frozen_study(**change: Any) -> Frozen:
    content = frozen(study(**change), {"presale-en": scenario()}, {"anna": persona()})
    return Frozen(study=content["id"], content=content, sha256=digest(content))


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    """Every row of a table, by its first column."""
    chosen = metadata.tables[table]
    with store.read() as connection:
        found = connection.execute(chosen.select().order_by(*chosen.primary_key.columns)).mappings()
        return [dict(row) for row in found]


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "unanswered.db"
        with Store.open(path) as store, store.write() as connection:
            connection.execute(META.insert().values(key=SALT, value="01" * 16))
        return path.read_bytes()


def fresh_store(folder: Path) -> Store:
    """A new store, made by the real migrations (once a test run; this is a copy), with the same secret each time."""
    path = folder / "unanswered.db"
    path.write_bytes(_migrated())
    return Store.open(path)


def _told_kind(mail: Mail, _at: datetime) -> Verdict:
    return verdict(mail.header("x-kind") or "human")


RULES = Rules(parse=parse, keys=keys, match=find_match, classify=_told_kind, version="test")
"""The real matching; a verdict is what the mail's header X-Kind says, else human."""


@dataclass
class World:
    """Everything that a pass needs. `at` is the present, moved by `passes`."""

    folder: Path
    firms: int = 1
    study: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    at: datetime = TUESDAY

    def __post_init__(self) -> None:
        self.store = fresh_store(self.folder)
        self.fake = FakeChannel(mailbox=MAILBOX)
        self.config = a_config(self.folder, study=self.study, policy_change=self.policy)
        if self.firms:
            self.imports(*(business(number) for number in range(1, self.firms + 1)))

    def now(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> World:
        """Time goes by."""
        self.at += timedelta(**span)
        return self

    @property
    def channels(self) -> dict[str, OpenChannel]:
        return {CHANNEL: OpenChannel(CHANNEL, self.fake, self.fake.open(CHANNEL, FakeSettings(), live=False))}

    def imports(self, *businesses: BusinessRow) -> World:
        import_businesses(self.store, businesses, self.at)
        return self

    def studies(self, **change: Any) -> World:
        """The study in the config is changed from now on."""
        self.study |= change
        self.config = a_config(self.folder, study=self.study, policy_change=self.policy)
        return self

    def send(self, **more: Any) -> SendSummary:
        given = {"rules": RULES} | more
        return send_pass(self.store, self.config, given.pop("channels", self.channels), self.now, **given)

    def listen(self, rules: Rules | None = None, **more: Any) -> ListenSummary:
        return listen_pass(self.store, more.pop("channels", self.channels), self.now, rules=rules or RULES, **more)

    def sent_to(self, number: int = 1) -> Enquiry:
        """The latest enquiry that was handed over for a firm."""
        return next(one for one in reversed(self.fake.sent) if one.to == f"info@firm{number}.example")

    def answer(self, number: int = 1, *, at: datetime | None = None, **change: Any) -> World:
        """The firm answers its enquiry; the next listening pass hears it."""
        enquiry = self.sent_to(number)
        given: dict[str, Any] = {"to": enquiry.reply_to, "sender": enquiry.to, "subject": f"Re: {enquiry.subject}"}
        self.fake.answers(mail(**(given | change)), at or self.at)
        return self

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Contacts by the key of their business, as they stand."""
        businesses = {row["id"]: row["key"] for row in rows(self.store, "businesses")}
        query = CONTACTS.join(PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        with self.store.read() as connection:
            found = connection.execute(query.select().with_only_columns(PROBES.c.business_id, *CONTACTS.c)).mappings()
            return {businesses[row["business_id"]]: dict(row) for row in found}

    def states(self) -> dict[str, str]:
        return {key: contact["state"] for key, contact in sorted(self.contacts().items())}

    def facts(self) -> dict[str, ProbeFacts]:
        return {one.business: one for one in probe_facts(self.store)}


def a_config(folder: Path, *, study: dict[str, Any], policy_change: dict[str, Any]) -> Config:
    one = make_study(study)
    return Config(
        path=folder / "config.toml",
        base=folder,
        store=folder / "unanswered.db",
        live=False,
        businesses=folder / "businesses.csv",
        scenarios={"presale-en": scenario(subject="A question about a repair")},
        channels={},
        addresses=MAIN,
        personas={"anna": persona()},
        policy=policy(**policy_change),
        studies={one.id: one},
        report=ReportSettings.model_construct(out=folder / "site"),
    )


def make_study(change: dict[str, Any]) -> Any:
    return study(**({"schedule": "once", "windows": ["24h", "7d", "30d"]} | change))


def only(values: Sequence[Any]) -> Any:
    (value,) = values
    return value
