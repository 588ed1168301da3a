"""Which mail servers to talk to and how: the `smtp` and `imap` tables of a channel that uses mail."""

from __future__ import annotations

import ipaddress
import re
import shlex
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import idna
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from probes.settings import EnvSecret, FilePath, FileSecret, PositiveDuration, Secret, Table

Security = Literal["starttls", "tls", "none"]
JUNK = ("Junk", "Spam", "Junk E-mail", "[Gmail]/Spam")
NO_TLS = 'security = "none" is for this machine only; use "starttls" or "tls"'

_ROUTE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):(?P<port>\d{1,5})", re.ASCII)


def _host(value: str) -> str:
    if not value:
        return value
    if value != value.strip() or not value.isprintable() or re.search(r"[\s/@]|://", value):
        raise ValueError(f'{value!r} is not the name of a server; write only the name, such as "mail.example.org"')
    if value.isascii():
        return value
    try:
        return idna.encode(value, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{value!r} is not the name of a server ({error})") from None


def _ca_file(path: Path | None) -> Path | None:
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # ssl.SSLError is one
            reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise ValueError(
                f"file {path} cannot be used ({reason}); name a PEM file of certificate authorities"
            ) from None
    return path


def _line(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("must be one line without control characters")
    return value


def _ip(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f'{value!r} is not an IP address; write one such as "192.0.2.25"') from None


Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=1, le=65535)]
CaFile = Annotated[FilePath, AfterValidator(_ca_file)]
Line = Annotated[str, AfterValidator(_line)]
Ip = Annotated[str, AfterValidator(_ip)]


class Smtp(Table):
    """How mail is handed over: to our own provider (`relay`) or to the recipient's own server (`mx`).

    `outgoing`: the IP addresses that others see it come from, where that cannot be found out.
    """

    via: Literal["relay", "mx"] = "relay"
    host: Host = ""
    port: Port | None = None
    security: Security = "starttls"
    verify: bool = True
    ca_file: CaFile = None
    user: Line = ""
    password_env: EnvSecret = None
    password_file: FileSecret = None
    hello: Host = ""
    connect_timeout: PositiveDuration = timedelta(seconds=30)
    timeout: PositiveDuration = timedelta(seconds=120)
    routes: dict[str, str] = Field(default_factory=dict)
    outgoing: tuple[Ip, ...] = ()

    @property
    def password(self) -> Secret | None:
        return self.password_env or self.password_file

    @field_validator("routes")
    @classmethod
    def _routes(cls, value: dict[str, str]) -> dict[str, str]:
        routes = {}
        for domain, target in value.items():
            found = _ROUTE.fullmatch(target)
            if found is None or not 0 < int(found["port"]) < 65536:
                raise ValueError(f'route {target!r} of {domain!r} is not "host:port", such as "127.0.0.1:2525"')
            routes["*" if domain == "*" else _host(domain).lower()] = target
        return routes

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("password_env and password_file are both set; keep one of them")
        if self.via == "relay":
            if not self.host:
                raise ValueError('host: via = "relay" needs the name of the server to hand over to')
            if self.routes:
                raise ValueError('routes: only used with via = "mx"; leave it out')
            if bool(self.user) != bool(self.password):
                raise ValueError("user and password_env (or password_file) go together; set both or neither")
        else:
            if self.host or self.user or self.password:
                raise ValueError('host, user, password: only used with via = "relay"; leave them out')
            if self.security == "tls":
                raise ValueError('security: via = "mx" can be "starttls" (used where offered) or "none"')
        return self

    def route(self, domain: str) -> tuple[str, int] | None:
        """The fixed route of an ASCII domain, if one is configured: host and port."""
        target = self.routes.get(domain, self.routes.get("*"))
        if target is None:
            return None
        host, _, port = target.rpartition(":")
        return host, int(port)


class Imap(Table):
    """Which mailbox is listened to. Folders that are also named in `junk` may be missing; the others must exist."""

    host: Annotated[str, Field(min_length=1), AfterValidator(_host)]
    port: Port | None = None
    security: Security = "tls"
    verify: bool = True
    ca_file: CaFile = None
    user: Annotated[str, Field(min_length=1), AfterValidator(_line)]
    password_env: EnvSecret = None
    password_file: FileSecret = None
    token_command: str = ""
    token_mechanism: Literal["xoauth2", "oauthbearer"] = "xoauth2"  # noqa: S105 - a mechanism
    folders: tuple[str, ...] = ("INBOX", "Junk")
    junk: tuple[str, ...] = JUNK
    connect_timeout: PositiveDuration = timedelta(seconds=10)
    timeout: PositiveDuration = timedelta(seconds=30)
    idle_renew: PositiveDuration = timedelta(minutes=5)
    batch: Annotated[int, Field(ge=1, le=1000)] = 200

    @property
    def password(self) -> Secret | None:
        return self.password_env or self.password_file

    @field_validator("folders")
    @classmethod
    def _folders(cls, value: tuple[str, ...], _: ValidationInfo) -> tuple[str, ...]:
        if not value:
            raise ValueError('name at least one folder, such as ["INBOX"]')
        if len({folder.casefold() for folder in value}) != len(value):
            raise ValueError("a folder is named twice; keep one")
        return value

    @field_validator("idle_renew")
    @classmethod
    def _renew(cls, value: timedelta) -> timedelta:
        if value > timedelta(minutes=28):
            raise ValueError('servers hang up after 30 minutes of IDLE (RFC 2177); write at most "28m"')
        return value

    @field_validator("token_command")
    @classmethod
    def _command(cls, value: str) -> str:
        try:
            shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be read as a command ({error}); check its quotes") from None
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [key for key in ("password_env", "password_file", "token_command") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"set exactly one of password_env, password_file and token_command; {len(given)} are set")
        if self.is_junk(self.folders[0]):
            raise ValueError("folders: the first folder is the one that is watched and cannot be a junk folder")
        return self

    def is_junk(self, folder: str) -> bool:
        return folder.casefold() in {name.casefold() for name in self.junk}


def tls_context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    """Verifies certificate and name unless told not to; trusts `ca_file` beside the system's authorities."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
