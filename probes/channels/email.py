"""E-mail: hands an enquiry over by SMTP, hears the answers in a mailbox by IMAP."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import model_validator

from probes.contract import Description
from probes.mail import address as addresses
from probes.mail.servers import Imap, Smtp
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
    """`smtp` is needed to send, `imap` to hear; at least one of them must be there."""

    smtp: Smtp | None = None
    imap: Imap | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.smtp is None and self.imap is None:
            raise ValueError("needs a table smtp (to send), imap (to hear) or both")
        return self


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

    def open(self, name: str, settings: Settings, *, live: bool) -> object:
        raise NotImplementedError


channel = EmailKind()
