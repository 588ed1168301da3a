"""The tables. Kinds, states and channels are plain text; datetimes are aware and in UTC; raw mail is never changed.

Rows of `outcomes` are a cache that can be rebuilt from the others at any time; everything else is memory.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES
metadata: MetaData = SQLModel.metadata


class Meta(SQLModel, table=True):
    """Facts about the store itself: the salt behind published codes, when it was made."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class Business(SQLModel, table=True):
    """The organisation measured. `code` is what pages show where names are off; it says nothing of the name."""

    __tablename__ = "businesses"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    code: str = Field(unique=True)
    name: str
    sector: str | None = None
    country: str | None = None
    language: str | None = None
    timezone: str
    group: str | None = Field(default=None, index=True)
    basis: str
    basis_proof: str | None = None
    own_domains: list[str] = Field(default_factory=list, sa_type=JSON)
    partner_domains: list[str] = Field(default_factory=list, sa_type=JSON)
    fields: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    imported_at: datetime


class BusinessDomain(SQLModel, table=True):
    """A domain that somebody registered and a business's people write from: what an arrival's sender is looked up by.

    Made from `own_domains` and the business's mail addresses; domains at which anybody can have an address stay out.
    """

    __tablename__ = "business_domains"
    domain: str = Field(primary_key=True)
    business_id: int = Field(primary_key=True, foreign_key="businesses.id", index=True)


class Endpoint(SQLModel, table=True):
    """One way to reach a business. `control` marks a mailbox of our own in the same study.

    `retired_at` is set when an import names another address on this channel instead; it is not contacted any more.
    """

    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("business_id", "channel", "address"),)
    id: int | None = Field(default=None, primary_key=True)
    business_id: int = Field(foreign_key="businesses.id")
    channel: str
    address: str = Field(index=True)
    scope: str
    control: bool = False
    retired_at: datetime | None = None


class StudyVersion(SQLModel, table=True):
    """A study as it stood when its first probe was planned; a changed study is a new version."""

    __tablename__ = "study_versions"
    __table_args__ = (UniqueConstraint("study", "version"), UniqueConstraint("study", "sha256"))
    id: int | None = Field(default=None, primary_key=True)
    study: str
    version: int
    sha256: str
    content: dict[str, Any] = Field(sa_type=JSON)
    frozen_at: datetime


class Probe(SQLModel, table=True):
    """One enquiry to one endpoint. Slots are unique per study and endpoint: a plan made twice is planned once.

    `reply_address` is stored in lower case, the spelling under which it is looked up and goes on the wire; a probe that
    policy refused has none. `number` is the one of ours that it is asked from.
    """

    __tablename__ = "probes"
    __table_args__ = (UniqueConstraint("study", "endpoint_id", "slot"),)
    id: str = Field(primary_key=True)
    study: str
    version_id: int = Field(foreign_key="study_versions.id")
    business_id: int = Field(foreign_key="businesses.id", index=True)
    endpoint_id: int = Field(foreign_key="endpoints.id", index=True)
    channel: str
    slot: datetime
    due: datetime
    scenario: str
    intent: str
    language: str
    persona: str
    pair: str | None = None
    reply_address: str | None = Field(default=None, unique=True)
    sender_name: str
    subject: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    questions: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    number: str | None = None
    suppressed_reason: str | None = None
    planned_at: datetime


class Contact(SQLModel, table=True):
    """Anything we send for a probe.

    planned > sending > sent | not_sent | blocked | unknown, and sending > deferred > sending. `suppressed` when
    policy or a stop request came first. Taken by one conditional UPDATE; `sending` is committed before the wire.
    `started_at` is when the latest try began, `settled_at` when its fate was known. `message_id` is stored in lower
    case with its angle brackets, the same at each try.
    """

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("probe_id", "kind"), Index("ix_contacts_state_due", "state", "due"))
    id: int | None = Field(default=None, primary_key=True)
    probe_id: str = Field(foreign_key="probes.id")
    kind: str = "enquiry"
    state: str = "planned"
    message_id: str = Field(unique=True)
    due: datetime
    tries: int = 0
    started_at: datetime | None = Field(default=None, index=True)
    settled_at: datetime | None = None
    reason: str = Field(default="", sa_type=Text)


class ReceiptRow(SQLModel, table=True):
    """What became of each try."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("contact_id", "attempt"),)
    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id")
    attempt: int
    state: str
    at: datetime
    accepted_by: str | None = None
    provider_id: str | None = Field(default=None, index=True)
    code: str | None = None
    reason: str = Field(default="", sa_type=Text)
    transcript: str = Field(default="", sa_type=Text)
    host: str | None = None
    tls: str = ""
    reports_asked: bool = False
    details: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    signs: list[str] = Field(default_factory=list, sa_type=JSON)
    pattern: str = Field(default="", index=True)


class ExhibitData(SQLModel, table=True):
    """The bytes of an exhibit, content-addressed and compressed (zlib)."""

    __tablename__ = "exhibit_data"
    sha256: str = Field(primary_key=True)
    size: int
    data: bytes = Field(sa_type=LargeBinary)


class ExhibitRow(SQLModel, table=True):
    """A piece of evidence that came of one try to hand over. One that was too large is named and has no bytes."""

    __tablename__ = "exhibits"
    __table_args__ = (UniqueConstraint("contact_id", "attempt", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id")
    attempt: int
    name: str
    media_type: str
    size: int
    sha256: str | None = Field(default=None, foreign_key="exhibit_data.sha256", index=True)


class Raw(SQLModel, table=True):
    """The bytes of an arrival, content-addressed and compressed (zlib).

    `erased_at` is set when a person in it was forgotten: the bytes are gone (`data` is empty), the hash stays, so that
    the same mail seen again is known and not stored anew.
    """

    __tablename__ = "raw"
    sha256: str = Field(primary_key=True)
    size: int
    data: bytes = Field(sa_type=LargeBinary)
    erased_at: datetime | None = None


class ArrivalRow(SQLModel, table=True):
    """Something that came in. `at`: earliest trustworthy time of its sightings. `understood`: a verdict exists.

    `attested_at`: when its signatures were checked with the keys published then (null: not yet). `reader`: the channel
    kind that can read its bytes ("": it is a mail).
    """

    __tablename__ = "arrivals"
    __table_args__ = (
        UniqueConstraint("channel", "mailbox", "sha256"),
        UniqueConstraint("channel", "mailbox", "provider_id"),
        Index("ix_arrivals_understood_channel_at", "understood", "channel", "at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    mailbox: str
    sha256: str = Field(foreign_key="raw.sha256", index=True)
    provider_id: str | None = None
    at: datetime = Field(index=True)
    stored_at: datetime
    understood: bool = False
    attested_at: datetime | None = None
    reader: str = ""


class ReportRow(SQLModel, table=True):
    """What a provider said later of something that we handed over: one row for each of its words, in any order."""

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("channel", "provider_id", "status"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    provider_id: str
    status: str
    rank: int
    at: datetime
    code: str | None = None
    meaning: str = Field(default="", sa_type=Text)
    raw: bytes = Field(sa_type=LargeBinary)
    stored_at: datetime


class Sighting(SQLModel, table=True):
    """Where and when an arrival was seen."""

    __tablename__ = "sightings"
    __table_args__ = (UniqueConstraint("arrival_id", "place", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    arrival_id: int = Field(foreign_key="arrivals.id")
    place: str
    position: str
    at: datetime
    junk: bool = False
    seen_at: datetime


class MatchRow(SQLModel, table=True):
    """Which probe an arrival belongs to, by which key. Rewritten by `rescore`."""

    __tablename__ = "matches"
    __table_args__ = (UniqueConstraint("arrival_id", "probe_id"),)
    id: int | None = Field(default=None, primary_key=True)
    arrival_id: int = Field(foreign_key="arrivals.id")
    probe_id: str = Field(foreign_key="probes.id", index=True)
    key: str
    strong: bool
    standing: str
    reason: str = Field(default="", sa_type=Text)


class VerdictRow(SQLModel, table=True):
    """What an arrival is. Append-only: the newest row counts, the others are history."""

    __tablename__ = "verdicts"
    id: int | None = Field(default=None, primary_key=True)
    arrival_id: int = Field(foreign_key="arrivals.id", index=True)
    kind: str
    automated: bool | None = None
    reasons: list[str] = Field(default_factory=list, sa_type=JSON)
    rules: str
    language: str | None = None
    new_text: str = Field(default="", sa_type=Text)
    noreply_sender: bool = False
    promise: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    bounced_recipient: str | None = None
    original_message_id: str | None = None
    status: str | None = None
    hard: bool | None = None
    questions_answered: list[str] = Field(default_factory=list, sa_type=JSON)
    delivered: bool | None = None
    decided_at: datetime


class Review(SQLModel, table=True):
    """A person's decision about an arrival: wins over the rules and survives `rescore`.

    Append-only: the newest row of an arrival counts. One of kind `withdrawn` gives it back to the rules.
    """

    __tablename__ = "reviews"
    id: int | None = Field(default=None, primary_key=True)
    arrival_id: int = Field(foreign_key="arrivals.id", index=True)
    kind: str
    probe_id: str | None = Field(default=None, foreign_key="probes.id", index=True)
    who: str
    why: str = Field(sa_type=Text)
    at: datetime


class Attested(SQLModel, table=True):
    """What one signature on an arrival proved, with the key as it was published then."""

    __tablename__ = "attestations"
    id: int | None = Field(default=None, primary_key=True)
    arrival_id: int = Field(foreign_key="arrivals.id", index=True)
    method: str  # dkim | arc
    domain: str
    selector: str
    result: str
    reason: str = Field(default="", sa_type=Text)
    key_name: str
    key: str | None = Field(default=None, sa_type=Text)
    fetched_at: datetime


class Canary(SQLModel, table=True):
    """Our own message from outside to a private address, seen through to the store.

    `channel` sent it and is to hear it; `scheme` is the name of the address scheme and `proves`
    the pattern of the addresses that it stands for. `state` is that of
    its receipt (`planned` while it is being handed over). `heard_at` or `failed_at` is set when its fate is known; one
    that comes after it failed has both. `why`: what explains a failure, in words.
    """

    __tablename__ = "canaries"
    __table_args__ = (Index("ix_canaries_channel_sent_at", "channel", "sent_at"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    scheme: str
    proves: str
    sender: str
    address: str = Field(index=True)
    message_id: str = Field(unique=True)
    state: str
    sent_at: datetime
    arrival_id: int | None = Field(default=None, foreign_key="arrivals.id")
    heard_at: datetime | None = None
    junk: bool = False
    failed_at: datetime | None = None
    why: str = Field(default="", sa_type=Text)


class Gap(SQLModel, table=True):
    """A time in which we may have been deaf; `closed_at` is set when what came in it has been read after all.

    `found_by`: `line` when the line was lost, `canary` when a canary did not come home, `door` when our door was shut.
    `until` is null while a canary's gap goes on.
    """

    __tablename__ = "gaps"
    __table_args__ = (Index("ix_gaps_channel_closed_at", "channel", "closed_at"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    mailbox: str
    since: datetime
    until: datetime | None = None
    closed_at: datetime | None = None
    why: str = Field(sa_type=Text)
    found_by: str = "line"


class Tombstone(SQLModel, table=True):
    """That somebody was forgotten: a keyed hash of the address, when, why, and what was erased. No personal data."""

    __tablename__ = "tombstones"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    why: str = Field(sa_type=Text)
    erased: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    at: datetime


class Suppression(SQLModel, table=True):
    """An address, domain or business never to be contacted again, on any channel."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("what", "value"),)
    id: int | None = Field(default=None, primary_key=True)
    what: str  # address | scope | business
    value: str
    why: str = Field(sa_type=Text)
    arrival_id: int | None = Field(default=None, foreign_key="arrivals.id")
    at: datetime


class CursorRow(SQLModel, table=True):
    """Where listening resumes in one place, and until when everything there has been heard.

    `heard_from` is when hearing began here. `retired_at` is set when a complete pass no longer reads the place: it
    then holds back no probe; it is cleared when the place is read again.
    """

    __tablename__ = "cursors"
    __table_args__ = (UniqueConstraint("channel", "mailbox", "place"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    mailbox: str
    place: str
    position: str = Field(sa_type=Text)
    heard_from: datetime | None = None
    heard_until: datetime | None = None
    retired_at: datetime | None = None
    updated_at: datetime


OUTCOMES = Table(
    "outcomes",
    metadata,
    Column("probe", String, primary_key=True),
    Column("study", String, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("business", String, nullable=False),
    Column("group", String),
    Column("channel", String, nullable=False),
    Column("scenario", String),
    Column("intent", String),
    Column("language", String),
    Column("persona", String),
    Column("pair", String),
    Column("role", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("accepted_by", String),
    Column("sent_at", BigInteger),
    Column("first_reply_at", BigInteger),
    Column("first_ack_at", BigInteger),
    Column("first_bot_at", BigInteger),
    Column("first_auto_at", BigInteger),
    Column("first_unclear_at", BigInteger),
    Column("first_human_at", BigInteger),
    Column("first_human_kind", String),
    Column("bounced_at", BigInteger),
    Column("disputed", Boolean, nullable=False),
    Column("bounce_hard", Boolean),
    Column("mailbox_full", Boolean),
    Column("delayed_at", BigInteger),
    Column("delivered_at", BigInteger),
    Column("delivered_junk", Boolean),
    Column("observed_until", BigInteger),
    Column("gap_from", BigInteger),
    Column("promised_at", BigInteger),
    Column("promise_due_at", BigInteger),
    Column("noreply", Boolean),
    Column("junk", Boolean),
    Column("by_hand", Boolean),
    Column("questions_asked", Integer, nullable=False),
    Column("questions_answered", Integer),
)
"""The outcome cache: the columns of reports.outcomes.COLUMNS (a test compares them), one row per probe and role."""

META = metadata.tables["meta"]
BUSINESSES = metadata.tables["businesses"]
BUSINESS_DOMAINS = metadata.tables["business_domains"]
ENDPOINTS = metadata.tables["endpoints"]
STUDY_VERSIONS = metadata.tables["study_versions"]
PROBES = metadata.tables["probes"]
CONTACTS = metadata.tables["contacts"]
RECEIPTS = metadata.tables["receipts"]
EXHIBITS = metadata.tables["exhibits"]
EXHIBIT_DATA = metadata.tables["exhibit_data"]
RAW = metadata.tables["raw"]
ARRIVALS = metadata.tables["arrivals"]
REPORTS = metadata.tables["reports"]
SIGHTINGS = metadata.tables["sightings"]
MATCHES = metadata.tables["matches"]
VERDICTS = metadata.tables["verdicts"]
REVIEWS = metadata.tables["reviews"]
CANARIES = metadata.tables["canaries"]
GAPS = metadata.tables["gaps"]
ATTESTATIONS = metadata.tables["attestations"]
TOMBSTONES = metadata.tables["tombstones"]
SUPPRESSIONS = metadata.tables["suppressions"]
CURSORS = metadata.tables["cursors"]
