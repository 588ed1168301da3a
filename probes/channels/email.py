"""E-mail: hands an enquiry over by SMTP, hears the answers in a mailbox by IMAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from probes.contract import Attestation, Check, Clock, Description, Enquiry, Receipt
from probes.mail import address as addresses
from probes.mail.attest import Attester
from probes.mail.canary import CanarySmtp, Proving
from probes.mail.checks import check_imap, check_smtp
from probes.mail.handover import Handover
from probes.mail.names import Names, name_servers
from probes.mail.sender import check_home, check_pointers, check_sender
from probes.mail.servers import Imap, Smtp
from probes.mail.watch import Mailbox
from probes.settings import Table

_COLUMNS = (
    "email", "e-mail", "mail", "e_mail", "e mail", "email address", "e-mail address", "email_address", "mail address",
    "contact email", "courriel", "mél", "adresse courriel", "adresse e-mail", "adresse email", "adresse mail",
    "adresse électronique", "e-mail-adresse", "email-adresse", "emailadresse", "mailadresse", "kontakt-e-mail",
    "correo", "correo electrónico", "correo electronico", "posta elettronica", "indirizzo email", "indirizzo e-mail",
    "endereço de email", "endereço de e-mail", "e-mailadres", "adres e-mail", "e-post", "epost", "sähköposti",
    "электронная почта", "эл. почта", "почта", "thư điện tử", "địa chỉ email", "email liên hệ", "电子邮件", "电子邮箱",
    "邮箱", "電子郵件", "電子郵箱", "電郵", "メール", "メールアドレス", "이메일", "البريد الإلكتروني",
)  # fmt: skip


class Settings(Table):
    """`smtp` is needed to send, `imap` to hear; at least one of them must be there.

    `canary`: the outside account that proves hearing. `nameservers`: who is asked about mail servers, signatures and
    sender rules; empty: the machine's own.

    `mailboxes`: further mailboxes in which answers come in (the ready ones of an address scheme, for instance).
    """

    smtp: Smtp | None = None
    imap: Imap | None = None
    mailboxes: dict[str, Imap] = Field(default_factory=dict)
    canary: CanarySmtp | None = None
    nameservers: Annotated[tuple[str, ...], AfterValidator(name_servers)] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.smtp is None and self.imap is None:
            raise ValueError("needs a table smtp (to send), imap (to hear) or both")
        if self.canary and self.imap is None:
            raise ValueError("canary: proves that the mailbox in imap hears; there is none")
        if self.mailboxes and self.imap is None:
            raise ValueError("mailboxes: are further ones; put the first into imap")
        users = [one.user for one in self.heard]
        if len(set(users)) != len(users):
            raise ValueError("imap, mailboxes: two have the same user; what comes in is told apart by it")
        return self

    @property
    def heard(self) -> tuple[Imap, ...]:
        """Every mailbox that is listened to."""
        return (*((self.imap,) if self.imap else ()), *self.mailboxes.values())


class EmailKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="mail by SMTP, answers by IMAP",
        bases=frozenset({"own", "consented", "public_enquiry", "authority"}),
        columns=_COLUMNS,
        time_limit=timedelta(minutes=20),
        retry_after=(timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)),
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """Lower case throughout, the domain in ASCII. Raises ValueError saying what is wrong."""
        return addresses.normalise(address)

    def scope(self, address: str) -> str:
        """The domain."""
        return addresses.domain_of(address)

    def open(self, name: str, settings: Settings, *, live: bool) -> object:  # noqa: ARG002 - the same for every channel
        """What sends, hears or both, as the tables of `settings` allow. Touches no wire."""
        names = Names(settings.nameservers, live=live)
        if settings.smtp and settings.imap:
            return Mail(settings.smtp, settings.heard, settings.canary, names, live=live)
        if settings.smtp:
            return Sender(settings.smtp, names, live=live)
        return Listener(settings.heard, settings.canary, names, live=live)


class Sender:
    """Sends, and hears nothing."""

    def __init__(self, smtp: Smtp, names: Names, *, live: bool) -> None:
        self._smtp, self._live, self._names = smtp, live, names
        self._handover = Handover(smtp, live=live, ask=names.exchanges)

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        return self._handover.send(enquiry, now)

    def refusal(self, address: str) -> str | None:
        return self._handover.refusal(addresses.domain_of(address))

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - nothing here has a date
        yield from check_smtp(self._smtp, self._handover, live=self._live, ask=self._names.exchanges)
        yield from check_pointers(self._smtp, self._names, live=self._live)

    def check_addresses(self, domain: str, seen: bytes | None, now: Clock) -> Iterator[Check]:  # noqa: ARG002
        return check_sender(domain, seen, self._smtp, self._names, live=self._live)


class Listener:
    """Hears, and sends nothing."""

    def __init__(self, mailboxes: Sequence[Imap], canary: CanarySmtp | None, names: Names, *, live: bool) -> None:
        self._mailboxes, self._live, self._names = tuple(mailboxes), live, names
        self._ears = tuple(Mailbox(imap, live=live) for imap in mailboxes)
        proving = Proving(canary, self._mailboxes, names, live=live)
        self.canaries, self.send_canary, self.missing = proving.canaries, proving.send_canary, proving.missing
        self._attester = Attester(names)

    def ears(self) -> tuple[Mailbox, ...]:
        return self._ears

    def attest(self, raw: bytes, now: Clock) -> tuple[Attestation, ...]:
        return self._attester.attest(raw, now)

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - nothing here has a date
        for imap in self._mailboxes:
            yield from check_imap(imap, live=self._live)

    def check_addresses(self, domain: str, seen: bytes | None, now: Clock) -> Iterator[Check]:  # noqa: ARG002
        yield check_home(domain, self._names)


class Mail:
    """Sends and hears."""

    def __init__(
        self, smtp: Smtp, mailboxes: Sequence[Imap], canary: CanarySmtp | None, names: Names, *, live: bool
    ) -> None:
        self._sender, self._listener = Sender(smtp, names, live=live), Listener(mailboxes, canary, names, live=live)
        self.send, self.refusal, self.ears = self._sender.send, self._sender.refusal, self._listener.ears
        self.canaries, self.send_canary = self._listener.canaries, self._listener.send_canary
        self.missing, self.attest = self._listener.missing, self._listener.attest

    def check(self, now: Clock) -> Iterator[Check]:
        yield from self._sender.check(now)
        yield from self._listener.check(now)

    def check_addresses(self, domain: str, seen: bytes | None, now: Clock) -> Iterator[Check]:
        yield from self._listener.check_addresses(domain, seen, now)
        yield from self._sender.check_addresses(domain, seen, now)


channel = EmailKind()
