"""What a channel takes and gives: the only words the other packages share with a wire.

Data is named by its stage: an `Enquiry` is handed over and leaves a `Receipt`; what comes in is an `Arrival`,
delivered in a `Batch` with the `Cursor` to resume from. A channel module exposes one object, `channel`, that is a
`ChannelKind`; what it opens offers one or more of the small protocols below, checked with isinstance(). What a provider
keeps for us is an `Ear` too: listing it since the cursor is the catch-up and proves hearing; what it pushes to the door
meanwhile is the same arrival, seen earlier.

Nothing here reads a clock: `now` is a callable that the caller passes in, returning an aware UTC datetime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel

Clock: TypeAlias = Callable[[], datetime]
"""Returns the present as an aware datetime in UTC."""

ContactState = Literal["sent", "deferred", "not_sent", "blocked", "unknown"]
AcceptedBy = Literal["recipient_mx", "form", "relay"]


class ProbeError(Exception):
    """A wire did not do what it was asked; `permanent` says whether trying the same again is pointless.

    Raised by listening, checking and opening. Sending never raises it: what became of a contact is a `Receipt`.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class TargetRefused(ProbeError):  # noqa: N818 - named by what happened, as the states are
    """The target is not on this machine and the config does not say `live = true`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquiry:
    """One message to hand over, complete: a channel adds nothing that a reader could see.

    `reply_to` is the private address of the probe: sender, envelope sender and where the answer is awaited.
    `message_id` (with angle brackets) is ours and the same at each try. `probe` is for logs and never goes on the wire.
    `proven`: patterns of receipts of earlier probes to the same destination that were answered; see `Receipt.pattern`.
    """

    probe: str
    to: str
    reply_to: str
    sender_name: str
    subject: str
    body: str
    language: str
    message_id: str
    intent: str = ""
    number: str | None = None
    proven: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A piece of evidence that came of handing over, such as a picture of a page: its name, media type and bytes."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one try to hand over, and the proof.

    `state` is `deferred` only for a definite temporary refusal before the message could have been accepted;
    `unknown` whenever it may have been. `at` is the moment the other side answered (the clock of the probe starts
    here when `state` is `sent`). `accepted_by`: whose server took it or, where it was refused for a reason that is not
    about us, whose server refused it. `transcript` is what was said on the wire, without secrets and without the body.
    `host`: the server that answered. `tls`: how the conversation was encrypted, in words ("TLSv1.3, certificate
    verified"), "" when it was not. `reports_asked`: the server took our request to report what becomes of it
    (RFC 3461). `our_side`: our own account or server refused us, whoever we write to. `asked_to_stop`: it was refused
    because the recipient has asked, by this or any other way that the provider knows, never to be contacted again.

    `details`: what was handed over or found on the way, by name. `signs`: what was seen on the other side, in words.
    `pattern`: an opaque name for how the other side behaved; once a probe that ended with it was answered, it is in
    `Enquiry.proven` of later probes to the same destination. `exhibits`: evidence in bytes.
    """

    state: ContactState
    at: datetime
    accepted_by: AcceptedBy | None = None
    provider_id: str | None = None
    code: str | None = None
    reason: str = ""
    transcript: str = ""
    host: str | None = None
    tls: str = ""
    reports_asked: bool = False
    our_side: bool = False
    details: Mapping[str, str] = field(default_factory=dict)
    signs: tuple[str, ...] = ()
    pattern: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    asked_to_stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Something that came in, byte for byte, and where it was seen.

    Identity is (channel, mailbox, sha256 of `raw`), or (channel, mailbox, `provider_id`) where a provider gives one.
    `place` and `position` name the sighting ("INBOX", "uidvalidity:uid"). `at` is when the receiving server stamped
    it (IMAP INTERNALDATE, the provider's time), never the Date header. `junk` says the place is a junk folder.
    `reader`: who can read `raw`, by the name under which a channel is found (`loader.load`); "": it is a mail.
    """

    mailbox: str
    raw: bytes
    at: datetime
    place: str
    position: str
    junk: bool = False
    provider_id: str | None = None
    reader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a provider says, later, of something that we handed over: no arrival, a line in the story of a contact.

    Identity is (channel, `provider_id`, `status`): reports come late, twice and out of order. `status` is the
    provider's own word, `rank` how far along it is (the highest counts). `code` is the provider's code as it stands,
    `meaning` what it means in words. `at`: the provider's time where it gives one. `raw`: the report as it came.
    """

    provider_id: str
    status: str
    rank: int
    at: datetime
    code: str | None = None
    meaning: str = ""
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where listening resumes: one per place; `position` is understood by the channel alone."""

    place: str
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Arrivals and the cursor that is true once they are stored: both go into one transaction.

    `heard_until` is set when everything in this place up to that moment has been delivered: proof of hearing.
    """

    mailbox: str
    arrivals: tuple[Arrival, ...]
    cursor: Cursor
    heard_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`: what was tried by a round trip, whether it worked, and what to do if not."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a channel says of itself, so that nobody else has to know it by name.

    `bases`: the bases for contact it may be used with. `columns`: headings of a CSV that hold its addresses (lower
    case). `time_limit`: how long a hand-over can last at most; a contact `sending` for longer is `unknown`.
    `retry_after`: waits between tries after a temporary refusal; when they are used up it is `not_sent`.
    `answerable`: whether anybody could answer what it hands over; then nothing is sent unless some channel hears.
    `daily_cap`: how many contacts a UTC day it may make unless the config says otherwise; None: as many as all may.
    `needs_number`: it speaks from a number, so the persona must have one that is listened to.
    """

    summary: str
    bases: frozenset[str]
    columns: tuple[str, ...]
    time_limit: timedelta
    retry_after: tuple[timedelta, ...] = ()
    answerable: bool = True
    daily_cap: int | None = None
    needs_number: bool = False


@runtime_checkable
class Sends(Protocol):
    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        """Hand one enquiry over: exactly one attempt, never an exception for what the wire did."""
        ...


@runtime_checkable
class Guards(Protocol):
    def refusal(self, address: str) -> str | None:
        """Why nothing may be handed over for this address while the config is not live; None when it may.

        Asked before a contact is taken, so that a forgotten `live = true` uses up no probe. Says nothing on the wire.
        """
        ...


@runtime_checkable
class Ear(Protocol):
    """One mailbox (or number) that is listened to; its connection belongs to one thread."""

    @property
    def mailbox(self) -> str:
        """Its name: part of the identity of everything that comes in here."""
        ...

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        """One pass: all that came in since `cursors` (place -> position), in bounded batches.

        A place without a cursor begins now: its first batch is empty and carries the cursor.
        Raises ProbeError when it cannot hear; batches already yielded stay valid.
        """
        ...

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        """Like listen(), then wait for more until `stop` is set; `cursors` is asked again after each reconnect.

        An empty batch with `heard_until` None tells nothing. While it cannot hear it raises ProbeError, so that the
        gap is put on record, and is asked again after a while; what it then delivers closes the gap.
        """
        ...


@runtime_checkable
class Listens(Protocol):
    def ears(self) -> Sequence[Ear]:
        """Every mailbox that is listened to; empty when this configuration hears nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """How hearing is to be proven: from which outside address, how often, and how long one may be under way."""

    sender: str
    every: timedelta
    patience: timedelta


@runtime_checkable
class ProvesHearing(Protocol):
    """Sends messages of our own from outside to our private addresses, and finds out what became of a lost one."""

    def canaries(self) -> Canaries | None:
        """None when none is configured: then hearing is not proven."""
        ...

    def send_canary(self, canary: Enquiry, now: Clock) -> Receipt:
        """Hand one over, as `Sends.send` does: from the outside address (`reply_to`) to the private one (`to`)."""
        ...

    def missing(self, message_id: str, to: str, now: Clock) -> str | None:
        """Why a canary that was accepted is not in any place that is read, in words; None when nothing explains it.

        Looks where nobody listens: other folders, the mailbox's quota, the MX of the address. Changes nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What one signature on an arrival proved, with the key that was published at that moment.

    `method`: dkim or arc. `result`: pass, fail, none, temperror or permerror (RFC 8601). `key` is the TXT record found
    under `key_name`, None where there was none; with it the signature can be checked for ever, without the network.
    """

    method: str
    domain: str
    selector: str
    result: str
    reason: str
    key_name: str
    key: str | None
    fetched_at: datetime


@runtime_checkable
class Attests(Protocol):
    def attest(self, raw: bytes, now: Clock) -> tuple[Attestation, ...]:
        """Check every signature on an arrival, fetching the keys now; () when it carries none.

        Raises ProbeError (not permanent) when the keys cannot be asked for now: it is asked again later.
        """
        ...


@runtime_checkable
class Checks(Protocol):
    def check(self, now: Clock) -> Iterator[Check]:
        """Try every part by a round trip that changes nothing for anybody else."""
        ...


class Forged(ProbeError):  # noqa: N818 - named by what it is
    """What came to the door is not from whom it says, was altered on the way, or is too old to be believed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one request to the door brought, and what is to be answered once that is stored."""

    arrivals: tuple[Arrival, ...] = ()
    reports: tuple[Report, ...] = ()
    answer: bytes = b""
    media_type: str = "text/plain"


@runtime_checkable
class ChecksAddresses(Protocol):
    def check_addresses(self, domain: str, seen: bytes | None, now: Clock) -> Iterator[Check]:
        """Whether what we send from our private addresses at `domain` is taken for ours, and answers find home.

        `seen`: the newest enquiry of ours from there as it came to a mailbox of our own; None when none did.
        """
        ...


@runtime_checkable
class Receives(Protocol):
    """Takes what a provider brings to the door (a webhook)."""

    def receive(self, door: str, target: str, headers: Mapping[str, str], body: bytes, now: Clock) -> Received:
        """Read one request; touches no wire.

        `door`: "in" (something came) or "status" (what became of a contact). `target`: path and query as they were
        asked for; scheme and host are never taken from the request. Header names are in lower case.
        Raises Forged when the request does not prove who sent it, ValueError when it makes no sense.
        """
        ...


@runtime_checkable
class OnlyReceives(Receives, Protocol):
    """Hears by the door alone: nobody keeps what came while it was shut, so hearing is proven by its being open."""

    @property
    def mailbox(self) -> str:
        """The name of what comes in here: part of the identity of its arrivals."""
        ...


@runtime_checkable
class Settles(Protocol):
    def settle(self, enquiry: Enquiry, since: datetime, now: Clock) -> Receipt | None:
        """What became of a contact whose fate is not known, by asking who should have it; never sends.

        `since`: when its try began. None when it cannot be told. Raises ProbeError when nobody can be asked now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a channel knows an arrival to be, where its words need no rules: a kind of verdict, reasons in words.

    The other fields are those of a verdict. `asks_to_stop`: who is asking, surely, never to be contacted again.
    """

    kind: str
    automated: bool | None
    reasons: tuple[str, ...]
    bounced_recipient: str | None = None
    status: str | None = None
    hard: bool | None = None
    delivered: bool | None = None
    asks_to_stop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What stands in an arrival that is no mail.

    `number`: ours. `other`: the other side's, both as the channel normalises them ("" when withheld). `about`: ids
    that the provider gave to what we handed over and that this is about. `told` None: rules judge the text.
    """

    number: str
    other: str
    text: str = ""
    about: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    told: Told | None = None


@runtime_checkable
class Reads(Protocol):
    """Offered by a channel kind whose arrivals are no mails."""

    def read(self, raw: bytes) -> Reading:
        """What stands in these bytes; pure. Raises ValueError when they make no sense."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What handing one enquiry over costs at most: in the provider's units, in words, and in money where known."""

    units: int
    words: str
    amount: float | None = None
    currency: str = ""


@runtime_checkable
class Costs(Protocol):
    def cost(self, enquiry: Enquiry) -> Cost: ...


class ChannelKind(Protocol):
    """What a channel module exposes under the name `channel`."""

    @property
    def description(self) -> Description: ...

    @property
    def settings(self) -> type[BaseModel]:
        """The model that its table in the config must satisfy; unknown keys are refused."""
        ...

    def normalise(self, address: str) -> str:
        """The one spelling under which an address is stored and compared. Raises ValueError saying what is wrong."""
        ...

    def scope(self, address: str) -> str:
        """What a cap per destination counts by (for a mail address, its domain)."""
        ...

    def open(self, name: str, settings: Any, *, live: bool) -> object:
        """Make the channel ready to use, touching no wire yet. `name` is its name in the config."""
        ...


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """A configured channel: its name in the config, its kind, and what was opened."""

    name: str
    kind: ChannelKind
    wire: object = field(repr=False)
