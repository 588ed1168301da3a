"""Mail that a provider brings to the door: raw MIME, signed with a secret of ours, for those who have no IMAP.

POST /in/NAME                    body: the mail, byte for byte
X-Unanswered-Timestamp: 1764547200              seconds since 1970, when it was signed
X-Unanswered-Signature: sha256=HEX              HMAC-SHA256 of TIMESTAMP + "." + body
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import Field, model_validator

from probes.contract import Arrival, Clock, Description, Forged, Received
from probes.mail import address as addresses
from probes.settings import EnvSecret, FileSecret, PositiveDuration, Table

_STAMP = re.compile(r"\d{9,11}", re.ASCII)


class Settings(Table):
    """`mailbox`: the name of what comes in here. `stale`: how old a signature may be at most, or ahead of our clock."""

    mailbox: str = Field(min_length=1, examples=['"inbox.example.org"'])
    secret_env: EnvSecret = None
    secret_file: FileSecret = None
    stale: PositiveDuration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError("needs its secret: name secret_env or secret_file, one of them")
        return self


class MailDoorKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="mail brought to the door by a provider's webhook; sends nothing",
        bases=frozenset({"own", "consented", "public_enquiry", "authority"}),
        columns=("mail door",),
        time_limit=timedelta(minutes=1),
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """As for mail. Raises ValueError saying what is wrong."""
        return addresses.normalise(address)

    def scope(self, address: str) -> str:
        """The domain."""
        return addresses.domain_of(address)

    def open(self, name: str, settings: Settings, *, live: bool) -> MailDoor:  # noqa: ARG002 - of every channel
        return MailDoor(settings)


class MailDoor:
    """Receives, and hears by that alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.mailbox = settings.mailbox

    def receive(self, door: str, target: str, headers: Mapping[str, str], body: bytes, now: Clock) -> Received:
        del target  # the signature is over the body
        at = now()
        self._check(headers, body, at)
        if door != "in" or not body:
            raise ValueError("a mail is brought to /in/, with the mail as its body")
        position = hashlib.sha256(body).hexdigest()[:32]
        return Received(arrivals=(Arrival(mailbox=self.mailbox, raw=body, at=at, place="door", position=position),))

    def _check(self, headers: Mapping[str, str], body: bytes, at: datetime) -> None:
        stamp, signature = headers.get("x-unanswered-timestamp", ""), headers.get("x-unanswered-signature", "")
        secret = self._settings.secret_env or self._settings.secret_file
        assert secret is not None
        if not _STAMP.fullmatch(stamp) or not signature.isascii():
            raise Forged("it is not signed")
        wanted = hmac.new(secret.get_secret_value().encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, f"sha256={wanted}"):
            raise Forged("its signature does not fit")
        if abs(at - datetime.fromtimestamp(int(stamp), UTC)) > self._settings.stale:
            raise Forged("its signature is too old, or a clock is wrong")


channel = MailDoorKind()
