"""A logged-in IMAP connection: resolved once, encrypted, with time-outs, its many errors turned into one.

imapclient raises four families (its own, imaplib's abort, OSError, its parser's); each becomes a ProbeError that says
which server, what happened and whether trying again can help. A connection belongs to one thread.
"""

from __future__ import annotations

import base64
import imaplib
import logging
import re
import shlex
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import imapclient
from imapclient.exceptions import LoginError

from probes import guard
from probes.contract import ProbeError
from probes.mail.servers import NO_TLS, Imap, tls_context

# RFC 5530: what a server says when the failure is its own or passes.
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[OVERQUOTA]")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{6,}={0,2}")
_TOKEN_SECONDS = 60
_GOODBYE_SECONDS = 3.0

logging.getLogger("imapclient").setLevel(logging.INFO)  # below, it writes every line of the wire


@dataclass(frozen=True, slots=True)
class Place:
    """A folder as the server spells it."""

    name: str
    junk: bool


@contextmanager
def connection(settings: Imap, *, live: bool) -> Iterator[Any]:
    """An IMAPClient that is logged in; closed at the end. Everything that goes wrong inside is a ProbeError."""
    with mapped(settings):
        client = _connect(settings, live=live)
        try:
            _log_in(client, settings)
            yield client
        except (imapclient.exceptions.IMAPClientError, OSError, ValueError, ProbeError):
            with suppress(Exception):
                client.shutdown()
            raise
        finally:
            _leave(client)


@contextmanager
def mapped(settings: Imap) -> Iterator[None]:
    """Turns whatever imapclient, imaplib, ssl and sockets raise into ProbeError."""
    server = f"IMAP server {settings.host}"
    try:
        yield
    except ProbeError:
        raise
    except LoginError as error:
        text = _said(error)
        passing = any(code in text.upper() for code in _PASSING)
        source = settings.password.source if settings.password else "token_command"
        raise ProbeError(
            f"{server} refuses the log-in of {settings.user}: {text}; check user and {source}", permanent=not passing
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise ProbeError(
            f"{server}: its certificate does not pass ({error.verify_message}); name its authority in ca_file",
            permanent=True,
        ) from error
    except imaplib.IMAP4.abort as error:
        raise ProbeError(f"{server} broke off: {_said(error)}") from error
    except imapclient.exceptions.IMAPClientError as error:  # its ProtocolError too
        raise ProbeError(f"{server}: {_said(error)}") from error
    except TimeoutError as error:
        raise ProbeError(f"{server} does not answer in time") from error
    except OSError as error:
        raise ProbeError(f"{server} cannot be reached: {error.strerror or _said(error)}") from error
    except (ValueError, LookupError, AttributeError, TypeError) as error:  # its parser, on what is not IMAP
        raise ProbeError(
            f"{server} said something that cannot be read ({type(error).__name__}: {_said(error)})"
        ) from error


def places(client: Any, settings: Imap) -> tuple[Place, ...]:
    """The configured folders that exist, in the order of the config, spelt as the server does.

    A junk folder that is missing is left out. Raises ProbeError (permanent) for any other, naming those that exist.
    """
    listed = {str(name): flags for flags, _, name in client.list_folders() if b"\\Noselect" not in flags}
    listed.setdefault("INBOX", ())
    by_fold = {name.casefold(): name for name in listed}
    found = []
    for wanted in settings.folders:
        name = wanted if wanted in listed else by_fold.get(wanted.casefold())
        junk = settings.is_junk(wanted)
        if name is not None:
            found.append(Place(name, junk or b"\\Junk" in listed[name]))
        elif not junk:
            raise ProbeError(
                f"IMAP server {settings.host}: {settings.user} has no folder {wanted!r}; "
                f"it has {', '.join(sorted(listed))}; correct `folders` in the config",
                permanent=True,
            )
    return tuple(dict.fromkeys(found))


# --------------------------------------------------------------------------- connecting
class _Wire(imaplib.IMAP4):
    """imaplib on a socket that is made by us."""

    def __init__(self, host: str, port: int, dial: Callable[[], socket.socket]) -> None:
        self._dial = dial
        super().__init__(host, port)

    def _create_socket(self, timeout: float | None) -> socket.socket:  # noqa: ARG002 - imaplib's
        return self._dial()


class _Client(imapclient.IMAPClient):  # type: ignore[misc]
    """IMAPClient on a `_Wire`."""

    def __init__(
        self, host: str, port: int, dial: Callable[[], socket.socket], timeout: imapclient.SocketTimeout
    ) -> None:
        self._dial = dial
        super().__init__(host, port, ssl=False, timeout=timeout)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - imapclient's
        return _Wire(self.host, self.port, self._dial)


def _connect(settings: Imap, *, live: bool) -> Any:
    port = settings.port or (993 if settings.security == "tls" else 143)
    needs = NO_TLS if settings.security == "none" else ""
    connect_timeout, timeout = settings.connect_timeout.total_seconds(), settings.timeout.total_seconds()
    found = guard.targets(settings.host, port, live=live, needs_loopback=needs)
    # made only where it is used: it reads all certificates of the system
    context = None if settings.security == "none" else tls_context(verify=settings.verify, ca_file=settings.ca_file)

    def dial() -> socket.socket:
        sock, _ = guard.connect_any(found, timeout=connect_timeout)
        try:
            _keep_alive(sock)
            if context is not None and settings.security == "tls":
                sock = context.wrap_socket(sock, server_hostname=settings.host)
            sock.settimeout(timeout)
        except BaseException:
            sock.close()
            raise
        return sock

    client = _Client(settings.host, port, dial, imapclient.SocketTimeout(connect_timeout, timeout))
    client.normalise_times = False
    try:
        if settings.security == "starttls":
            if not client.has_capability("STARTTLS"):
                raise ProbeError(
                    f'IMAP server {settings.host} does not offer STARTTLS; use security = "tls" and its port',
                    permanent=True,
                )
            client.starttls(context)
    except BaseException:
        with suppress(Exception):
            client.shutdown()
        raise
    return client


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _log_in(client: Any, settings: Imap) -> None:
    if settings.token_command:
        secret = _token(settings)
    else:
        assert settings.password is not None
        secret = settings.password.get_secret_value()
    try:
        _say_who(client, settings, secret)
    except imapclient.exceptions.IMAPClientError as error:  # a server may repeat what we said
        raise type(error)(_hidden(str(error), secret)) from None


def _say_who(client: Any, settings: Imap, secret: str) -> None:
    user = settings.user
    if settings.token_command:
        if settings.token_mechanism == "xoauth2":  # noqa: S105 - a mechanism
            client.oauth2_login(user, secret)
        else:
            client.oauthbearer_login(user, secret)
    elif user.isascii() and secret.isascii():
        client.login(user, secret)
    else:  # LOGIN knows no letters beyond ASCII
        plain = f"\0{user}\0{secret}".encode()
        client.sasl_login("PLAIN", lambda _: plain)


def _hidden(text: str, secret: str) -> str:
    """`text` without the secret: as it is, as LOGIN quotes it, and inside base64."""

    def cover(found: re.Match[str]) -> str:
        try:
            return "***" if secret.encode() in base64.b64decode(found[0] + "==") else found[0]
        except ValueError:
            return found[0]

    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')
    # The libraries show bytes as Python writes them.
    spelled = [form for one in (quoted, secret) for form in (repr(one.encode())[2:-1], one)]
    for form in sorted(spelled, key=len, reverse=True):
        text = text.replace(form, "***")
    return _BASE64.sub(cover, text)


def _token(settings: Imap) -> str:
    """What token_command prints. Its output is a secret, so no error repeats it."""
    words = shlex.split(settings.token_command)
    advice = "run it by hand to see why"
    try:
        done = subprocess.run(words, capture_output=True, timeout=_TOKEN_SECONDS, check=False)  # noqa: S603 - the owner's
    except FileNotFoundError:
        raise ProbeError(
            f"token_command: there is no program {words[0]!r}; correct the config", permanent=True
        ) from None
    except subprocess.TimeoutExpired:
        raise ProbeError(f"token_command takes longer than {_TOKEN_SECONDS} s; {advice}") from None
    except OSError as error:
        raise ProbeError(f"token_command cannot be run ({error.strerror}); {advice}", permanent=True) from None
    token = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode or not token:
        what = f"ended with code {done.returncode}" if done.returncode else "printed nothing"
        raise ProbeError(f"token_command {what}; {advice}")
    if len(token.split()) != 1 or not token.isascii():
        raise ProbeError(f"token_command printed something that is not a token; {advice}", permanent=True)
    return token


def _leave(client: Any) -> None:
    """Logs out, briefly; does nothing on a connection that is closed."""
    with suppress(Exception):
        client.socket().settimeout(_GOODBYE_SECONDS)
        client.logout()
    with suppress(Exception):
        client.shutdown()


def _said(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.removeprefix("b'").removesuffix("'").split())[:300]
