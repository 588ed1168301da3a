"""The simulated businesses behind one real SMTP server on loopback, and the mails they send when their time comes.

`World` takes enquiries as each business would (takes them, refuses them, greylists them), remembers what it took,
and plans the mails of `Business.mails`. It never waits: `next_at` says when the next mail is due, `deliver` hands
over what is due by the clock, by SMTP to the server of the private addresses. Needs the extra `demo`.
"""
# ruff: noqa: ARG002 - aiosmtpd passes its handlers more than they need

from __future__ import annotations

import heapq
import smtplib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from types import TracebackType

import idna
from aiosmtpd.smtp import SMTP, Envelope, Session

from probes.contract import Clock, ProbeError
from probes.sandbox.behaviours import Business, PlannedMail, Stage
from probes.sandbox.compose import Enquiry, compose, template, values
from probes.sandbox.mailserver import LOOPBACK, LoopbackController

HOSTNAME = "mx.sandbox.test"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail that a business has sent: `number` counts its planned mails from 0."""

    business: str
    number: int
    template: str
    at: datetime


@dataclass(order=True, frozen=True, slots=True)
class _Waiting:
    at: datetime
    business: str
    number: int
    mail: PlannedMail = field(compare=False)


class World:
    """All businesses; a context manager that leaves nothing running. `port` is set once it runs.

    `taken` holds, per business, the enquiries that were accepted, in order: what the world itself saw. `templates` are
    mails beside those of `replies/`, by name.
    """

    def __init__(
        self, businesses: Iterable[Business], clock: Clock, *, templates: Mapping[str, str] | None = None
    ) -> None:
        self._templates = templates or {}
        self.businesses = {business.key: business for business in businesses}
        self.port = 0
        self.taken: dict[str, list[Enquiry]] = {key: [] for key in self.businesses}
        self.tries: dict[str, int] = dict.fromkeys(self.businesses, 0)
        self._by_domain = {ascii_domain(business.domain): business for business in self.businesses.values()}
        self._clock = clock
        self._lock = Lock()
        self._first_try: dict[str, datetime] = {}
        self._waiting: list[_Waiting] = []
        self._stack = ExitStack()

    def __enter__(self) -> World:
        controller = LoopbackController(self, HOSTNAME)
        controller.start()
        self._stack.callback(controller.stop)
        self.port = controller.port
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    # ------------------------------------------------------------------ what the driver of the clock calls
    def next_at(self) -> datetime | None:
        """When the next planned mail is due; None: nothing is waiting."""
        with self._lock:
            return self._waiting[0].at if self._waiting else None

    def deliver(self, port: int) -> list[Delivery]:
        """Send every mail that is due by the clock to the SMTP server at `port`, in order of time.

        Raises ProbeError when the server does not take one.
        """
        done: list[Delivery] = []
        while True:
            with self._lock:
                if not self._waiting or self._waiting[0].at > self._clock():
                    return done
                waiting = heapq.heappop(self._waiting)
            self._send(waiting, port)
            done.append(Delivery(waiting.business, waiting.number, waiting.mail.template, waiting.at))

    def mail(self, key: str, number: int, at: datetime) -> tuple[str, str, bytes]:
        """Envelope sender, recipient and bytes of a planned mail of a business that has taken its enquiry."""
        business = self.businesses[key]
        planned = business.mails[number]
        enquiry = self.taken[key][0]
        known = values(enquiry, at, business.timezone, f"{key}-{number}-{at:%d%H%M%S}")
        known["key"] = key
        if planned.about is not None:
            other = self.taken[planned.about][0]
            theirs = values(other, at, business.timezone, "")
            known["other_to"] = theirs["to"]
            known["other_business"] = theirs["business"]
            known["other_domain"] = theirs["domain"]
            known["other_headers"] = theirs["original_headers"]
        sender = enquiry.recipient if planned.sender is None else planned.sender
        # automatic mail goes to the envelope sender, a person answers the Reply-To: both are the private address
        recipient = enquiry.sender if sender == "" else known["to"]
        return sender, recipient, compose(self._templates.get(planned.template) or template(planned.template), known)

    def _send(self, waiting: _Waiting, port: int) -> None:
        sender, recipient, raw = self.mail(waiting.business, waiting.number, waiting.at)
        try:
            # a name of its own, or smtplib asks the resolver for this machine's
            with smtplib.SMTP(LOOPBACK, port, local_hostname=HOSTNAME, timeout=30) as server:
                server.sendmail(sender, [recipient], raw, mail_options=["BODY=8BITMIME"])
        except (OSError, smtplib.SMTPException) as error:
            raise ProbeError(f"{waiting.business} could not send its {waiting.mail.template}: {error}") from error

    # ------------------------------------------------------------------ the SMTP side, called by aiosmtpd
    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local, _, domain = address.rpartition("@")
        business = self._by_domain.get(ascii_domain(domain))
        if business is None:
            return "550 5.1.2 no such domain here"
        if local.lower() != business.mailbox:
            return "550 5.1.1 no such user here"
        with self._lock:
            self.tries[business.key] += 1
        refused = self._refused(business, "rcpt")
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content
        assert content is not None
        at = self._clock()
        wanted = [self._by_domain[ascii_domain(address.rpartition("@")[2])] for address in envelope.rcpt_tos]
        for business in wanted:
            refused = self._refused(business, "data")
            if refused:
                return refused
        for business, address in zip(wanted, envelope.rcpt_tos, strict=True):
            self._take(business, Enquiry((envelope.mail_from or "").strip("<>"), address, content, at))
        return f"250 2.0.0 OK queued as {len(content):X}{at:%d%H%M%S}"

    def _refused(self, business: Business, stage: Stage) -> str | None:
        """What this business says instead of taking the mail at `stage`, if it does."""
        refusal = business.refusal
        if refusal is None or refusal.stage != stage:
            return None
        with self._lock:
            first = self._first_try.setdefault(business.key, self._clock())
        if refusal.lasting is not None and self._clock() >= first + refusal.lasting:
            return None
        return refusal.reply

    def _take(self, business: Business, enquiry: Enquiry) -> None:
        with self._lock:
            first = not self.taken[business.key]
            self.taken[business.key].append(enquiry)
            if first:  # one probe a business: a second one is a fault of ours, which `taken` shows
                self._plan(business.key)

    def _plan(self, key: str) -> None:
        """Plan every mail that can go out now that `key` has taken its enquiry."""
        for business in self.businesses.values():
            for number, mail in enumerate(business.mails):
                needed = {business.key, mail.about or business.key}
                if key in needed and all(self.taken[other] for other in needed):
                    at = max(self.taken[other][0].at for other in needed) + mail.after
                    heapq.heappush(self._waiting, _Waiting(at, business.key, number, mail))


def ascii_domain(domain: str) -> str:
    """A domain in lower case and ASCII, as it stands on the wire; what is none is returned in lower case."""
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()


def junk_senders(businesses: Iterable[Business]) -> frozenset[str]:
    """The envelope senders that the spam filter of our mail server is planted to dislike."""
    return frozenset(
        (mail.sender or f"{business.mailbox}@{ascii_domain(business.domain)}").lower()
        for business in businesses
        for mail in business.mails
        if mail.junk
    )


def check(businesses: Iterable[Business]) -> None:
    """Raises ProbeError when the businesses cannot live in one world: two of one key or domain, a lost `about`."""
    every = list(businesses)
    keys = [business.key for business in every]
    domains = [ascii_domain(business.domain) for business in every]
    for names in (keys, domains):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ProbeError(f"the sandbox has two businesses called {', '.join(twice)}", permanent=True)
    for business in every:
        for mail in business.mails:
            if mail.about is not None and mail.about not in keys:
                raise ProbeError(f"{business.key} speaks of {mail.about}, which is no business", permanent=True)
