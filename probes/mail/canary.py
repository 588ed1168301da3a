"""Canaries: our own mails from outside to our private addresses, and what became of one that did not come home.

A lost canary is looked for where nobody listens: in the folders that are not read, in the mailbox's quota, and at the
mail servers of its own address. Nothing is changed: folders are opened by EXAMINE, and a server is asked by RCPT and
RSET whether it would take the address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from pydantic import field_validator

from probes.contract import Canaries, Clock, Enquiry, ProbeError, Receipt, TargetRefused
from probes.mail import exchange
from probes.mail.address import domain_of, normalise
from probes.mail.handover import Handover
from probes.mail.imap import connection, mapped, places
from probes.mail.names import Names
from probes.mail.servers import Imap, Smtp
from probes.mail.session import Lacking, Lost, Refused
from probes.mail.transcript import Transcript
from probes.settings import PositiveDuration

NEARLY_FULL = 0.98
"""Share of its quota from which a mailbox takes hardly another mail."""

_FULL = re.compile(r"\b[45]\.2\.2\b|quota|mailbox (?:is )?full|over ?quota|storage", re.I)


class CanarySmtp(Smtp):
    """The `canary` table: the outside account that canaries are sent from, how often, and how long one may take."""

    sender: str
    every: PositiveDuration = timedelta(hours=24)
    patience: PositiveDuration = timedelta(hours=1)

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        return normalise(value)


class Proving:
    """Sends canaries by the `canary` table and looks for lost ones in the mailboxes that are listened to."""

    def __init__(self, settings: CanarySmtp | None, mailboxes: Sequence[Imap], names: Names, *, live: bool) -> None:
        self._settings, self._mailboxes, self._live, self._names = settings, tuple(mailboxes), live, names
        resolve = names.addresses if names.own else None
        self._handover = Handover(settings, live=live, ask=names.exchanges, resolve=resolve) if settings else None

    def canaries(self) -> Canaries | None:
        """How hearing is proven; None without a `canary` table."""
        found = self._settings
        return Canaries(sender=found.sender, every=found.every, patience=found.patience) if found else None

    def send_canary(self, canary: Enquiry, now: Clock) -> Receipt:
        """One try, from the outside account. `accepted_by` says of one not sent that our own side refuses it."""
        if self._handover is None:
            return Receipt(state="not_sent", at=now(), reason="no table `canary` says from where to send one")
        receipt = self._handover.send(canary, now)
        if receipt.state == "not_sent" and receipt.accepted_by is None and (lost := self._nowhere(canary.to)):
            return Receipt(**{**_fields(receipt), "reason": lost, "accepted_by": "recipient_mx"})
        words = refusal_in_words(receipt.reason, canary.to) if receipt.state != "sent" else ""
        return Receipt(**{**_fields(receipt), "reason": f"{receipt.reason}: {words}"}) if words else receipt

    def missing(self, message_id: str, to: str, now: Clock) -> str | None:  # noqa: ARG002 - nothing here has a date
        """Why a canary that was accepted is in no place that is read; None when nothing explains it."""
        for found in (*self._in_mailboxes(message_id), *self._at_its_server(to)):
            return found
        return None

    # ------------------------------------------------------------------ where nobody listens
    def _in_mailboxes(self, message_id: str) -> Iterator[str]:
        for imap in self._mailboxes:
            try:
                with connection(imap, live=self._live) as client, mapped(imap):
                    yield from _unread(client, imap, message_id)
                    yield from _full(client, imap)
            except ProbeError as error:
                yield str(error)

    def _nowhere(self, to: str) -> str:
        """Why no server is known to take mail for an address, by its domain's own records; "" when one is."""
        domain = domain_of(to)
        if self._settings is None or self._settings.route(domain) is not None or not self._names.may_ask:
            return ""
        try:
            exchange.exchanges(domain, self._names.exchanges, to)
        except exchange.NoExchange as error:
            return f"no mail server takes mail for {domain}: {error}; look at its MX" if error.permanent else ""
        except ProbeError:
            return ""
        return ""

    def _at_its_server(self, to: str) -> Iterator[str]:
        if nowhere := self._nowhere(to):
            yield nowhere
            return
        if self._settings is None or self._handover is None or self._settings.via != "mx":
            return  # a relay would take it for anybody: its word says nothing of our own server
        transcript = Transcript()
        try:
            session = self._handover.open_session(domain_of(to), to, transcript)
        except TargetRefused:
            return
        except (ProbeError, Refused, Lost, Lacking, OSError) as error:
            yield f"no mail server takes mail for {domain_of(to)}: {transcript.clean(str(error))}; look at its MX"
            return
        try:
            session.envelope(self._settings.sender, to, size=1000, utf8=False, eight_bit=False)
        except Refused as refused:
            words = refusal_in_words(str(refused), to) or "our own mail server refuses the address"
            yield f"{words} ({transcript.clean(str(refused))})"
        except (Lost, OSError) as error:
            yield f"our own mail server broke off when asked about {to}: {transcript.clean(str(error))}"
        finally:
            with suppress(Lost, OSError):
                session.docmd("RSET")
            session.leave(1.0)


def refusal_in_words(reason: str, to: str) -> str:
    """What a refusal of our own address means; "" when it says nothing of the address."""
    if not re.search(r"\bRCPT refused|final dot refused|DATA refused", reason):
        return ""
    if _FULL.search(reason):
        return f"our mailbox is full: it refuses mail to {to}; make room"
    if "+" in to.partition("@")[0]:
        return f"our mail server refuses the plus-address {to}; use another address scheme (catch_all)"
    return f"our mail server refuses {to}; is the domain a catch-all?"


def _unread(client: Any, imap: Imap, message_id: str) -> Iterator[str]:
    """Folders that nobody reads and that hold the mail."""
    read = {place.name for place in places(client, imap)}
    for flags, _, name in client.list_folders():
        if str(name) in read or b"\\Noselect" in flags or b"\\NonExistent" in flags:
            continue
        with suppress(Exception):  # a folder that cannot be opened tells nothing
            client.select_folder(name, readonly=True)
            if client.search(["HEADER", "Message-ID", message_id]):
                junk = " and `junk`" if b"\\Junk" in flags else ""
                yield (
                    f"it lies in the folder {name!r} of {imap.user}, which is not read: a filter moved it; add "
                    f"{str(name)!r} to `folders`{junk}, or take the filter away"
                )
                return


def _full(client: Any, imap: Imap) -> Iterator[str]:
    if not client.has_capability("QUOTA"):
        return
    _, quotas = client.get_quota_root("INBOX")
    for quota in quotas:
        if quota.limit and quota.usage >= quota.limit * NEARLY_FULL:
            unit = " KB" if str(quota.resource).upper().strip("b'") == "STORAGE" else ""
            yield f"the mailbox {imap.user} is full: {quota.usage:,} of {quota.limit:,}{unit}; make room in it"


def _fields(receipt: Receipt) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in Receipt.__dataclass_fields__}
