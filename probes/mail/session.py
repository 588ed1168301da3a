"""One SMTP conversation: smtplib's commands, with strict replies, an end in sight and everything written down.

smtplib alone takes half a line for a reply ("25" before a cut is code 25), waits anew for every byte, and sends the
last byte of the content together with the final dot. Here a reply counts only when its last line is complete, each
reply has one time-out and the conversation one deadline, and the dot goes out by itself: until it has, nothing can
have been accepted (RFC 5321 sections 3.8 and 4.1.1.4).
"""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
import time
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.mail.transcript import Transcript

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_REPLY = re.compile(rb"([2-5]\d\d)(?:([ -])([^\n]*?))?\r*\n")
_LINE_MAX, _REPLY_MAX = 4096, 65536
_ENVID_MAX = 100
_NOT_UNDERSTOOD = (501, 504, 555)
"""Replies by which a server refuses a parameter, not what it asks (RFC 5321 sections 4.2.3 and 4.1.1.11)."""


class Step(StrEnum):
    """How far a hand-over has come; from `DOT` on the message may have been accepted."""

    CONNECT = "connection"
    GREETING = "greeting"
    HELLO = "EHLO"
    TLS = "STARTTLS"
    AUTH = "log-in"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    DOT = "final dot"


class Refused(Exception):  # noqa: N818 - named by what happened
    """The server said no, by a complete reply: 4xx not now, 5xx not at all."""

    def __init__(self, step: Step, code: int, text: str) -> None:
        super().__init__(f"{step} refused: {code} {text}")
        self.step, self.code = step, code


class Lost(Exception):  # noqa: N818 - named by what happened
    """The conversation broke: cut, silent for too long, or not SMTP."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step


class Lacking(Exception):  # noqa: N818 - named by what is the matter
    """The server does not offer what this mail needs."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step


class Session(smtplib.SMTP):
    """A connected socket on which SMTP is spoken until `deadline` (time.monotonic), `timeout` seconds a reply.

    Methods raise Refused, Lost or Lacking, each of which knows the step at which it happened.
    """

    ehlo_msg = "EHLO"

    def __init__(
        self, sock: socket.socket, *, hello: str, timeout: float, deadline: float, transcript: Transcript
    ) -> None:
        super().__init__(local_hostname=hello, timeout=timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the dot waits for the content's ACK
        self.sock: socket.socket | None = sock
        self.step = Step.GREETING
        self.host = ""  # the server's name, as we called it
        self.tls = ""  # how it is encrypted, in words
        self.reports_asked = False  # whether the server took our wish to hear what becomes of the mail
        self.transcript = transcript
        self._wait = timeout
        self._deadline = deadline
        self._pending = b""
        self._quiet = False

    # ------------------------------------------------------------------ what smtplib builds on, made strict
    def send(self, s: ReadableBuffer | str) -> None:
        data = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        if not self._quiet:
            self.transcript.note("C", data.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        self._transmit(data)

    def getreply(self) -> tuple[int, bytes]:
        """One complete reply. Raises Lost when it does not come, is cut, or is not SMTP."""
        texts: list[bytes] = []
        until = min(time.monotonic() + self._wait, self._deadline)
        size = 0
        while True:
            line = self._line(until)
            found = _REPLY.fullmatch(line)
            if found is None:
                self.transcript.note("S", line[:200].decode("utf-8", "backslashreplace").rstrip("\r\n"))
                raise self._lost("the server's reply is not SMTP")
            self.transcript.note("S", line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
            texts.append((found[3] or b"").strip())
            size += len(line)
            if size > _REPLY_MAX:
                raise self._lost("the server's reply has no end")
            if found[2] != b"-":
                return int(found[1]), b"\n".join(texts)

    # ------------------------------------------------------------------ the steps
    def greet(self) -> None:
        """Waits for the server's greeting."""
        self.step = Step.GREETING
        self._expect(self.getreply())

    def introduce(self) -> None:
        """EHLO, or HELO to a server that does not know it."""
        self.step = Step.HELLO
        code, text = self.ehlo()
        if 500 <= code <= 504:
            self.does_esmtp = False
            code, text = self.helo()
        self._expect((code, text))

    def secure(self, context: ssl.SSLContext, server: str) -> None:
        """STARTTLS and the hand-shake; a failing hand-shake raises ssl.SSLError or Lost."""
        self.step = Step.TLS
        if not self.has_extn("starttls"):
            raise Lacking(self.step, "the server does not offer STARTTLS")
        self._expect(self.docmd("STARTTLS"))
        if self._pending:
            raise self._lost("the server said more before TLS began than it may")
        self.wrap(context, server)
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def wrap(self, context: ssl.SSLContext, server: str) -> None:
        """Does the TLS hand-shake on the open connection."""
        self.step = Step.TLS
        assert self.sock is not None
        self.sock.settimeout(self._left(min(time.monotonic() + self._wait, self._deadline)))
        try:
            wrapped = context.wrap_socket(self.sock, server_hostname=server)
        except ssl.SSLError:
            self.close()
            raise
        except (OSError, ValueError) as error:
            raise self._lost(f"TLS hand-shake failed ({_reason(error)})") from error
        self.sock = wrapped
        cipher = wrapped.cipher()
        state = "certificate verified" if context.verify_mode is ssl.CERT_REQUIRED else "certificate not verified"
        self.tls = f"{wrapped.version()} {cipher[0] if cipher else ''}, {state}"
        self.transcript.note("*", f"{self.tls} for {server}")

    def authenticate(self, user: str, password: str) -> None:
        """Logs in by PLAIN, LOGIN or CRAM-MD5, whichever is offered first in this order. One try."""
        self.step = Step.AUTH
        offered = self.esmtp_features.get("auth", "").upper().split()
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.transcript.hide(password, plain, base64.b64encode(password.encode()).decode())
        if "PLAIN" in offered:
            reply = self._secretly(f"AUTH PLAIN {plain}", shown="AUTH PLAIN ***")
        elif "LOGIN" in offered:
            reply = self.docmd("AUTH", "LOGIN")
            for answer in (user, password):
                if reply[0] == 334:
                    reply = self._secretly(base64.b64encode(answer.encode()).decode(), shown="***")
        elif "CRAM-MD5" in offered:
            import hmac

            code, challenge = reply = self.docmd("AUTH", "CRAM-MD5")
            if code == 334:
                digest = hmac.new(password.encode(), _unbase64(challenge), "md5").hexdigest()
                reply = self._secretly(base64.b64encode(f"{user} {digest}".encode()).decode(), shown="***")
        else:
            raise Lacking(self.step, "the server offers no log-in we know (PLAIN, LOGIN, CRAM-MD5)")
        self._expect(reply)

    def envelope(
        self, sender: str, recipient: str, *, size: int, utf8: bool, eight_bit: bool, envelope_id: str = ""
    ) -> None:
        """MAIL FROM and RCPT TO. With `envelope_id`, and where the server offers it, it is asked to report what becomes
        of the mail: delivered, late or failed (RFC 3461); a report names that id again."""
        self.step = Step.MAIL
        self.reports_asked = bool(envelope_id) and not utf8 and self.has_extn("dsn")
        options = [f"SIZE={size}"] if self.has_extn("size") else []
        options += ["BODY=8BITMIME"] if eight_bit else []
        if utf8:
            self.command_encoding = "utf-8"
            options.append("SMTPUTF8")
        # RFC 3461 section 4.4: at most 100 characters; a report names our Message-ID without it too.
        known_by = [f"ENVID={xtext(envelope_id)}"] if len(envelope_id) <= _ENVID_MAX else []
        self._wishing("MAIL", [f"FROM:<{sender}>", *options], ["RET=HDRS", *known_by])
        self.step = Step.RCPT
        wishes = ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{xtext(recipient)}"]
        self._wishing("RCPT", [f"TO:<{recipient}>"], wishes)

    def _wishing(self, command: str, words: list[str], wishes: list[str]) -> None:
        """A command with the wishes of RFC 3461; without them where the server does not take what it offers."""
        if self.reports_asked:
            reply = self.docmd(command, " ".join(words + wishes))
            if reply[0] not in _NOT_UNDERSTOOD:
                self._expect(reply)
                return
            self.reports_asked = False
        self._expect(self.docmd(command, " ".join(words)))

    def hand_over(self, content: bytes, patience: float) -> str:
        """DATA, the content, the final dot; returns what the server said on accepting it.

        Waits `patience` seconds for that answer: a server may work on the mail before it gives it.
        """
        self.step = Step.DATA
        code, text = self.docmd("DATA")
        if code != 354:
            self._expect((code, text), accepted=range(354, 355))
        self.step = Step.CONTENT
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        self.transcript.note("*", f"{len(stuffed)} bytes of content")
        try:
            self._transmit(stuffed)
        except Lost:
            self._last_words()
            raise
        self.step = Step.DOT
        self._wait = patience
        self.transcript.note("C", ".")
        self._transmit(b".\r\n")
        code, text = self._expect(self.getreply())
        return f"{code} {_text(text)}"

    def leave(self, patience: float) -> None:
        """QUIT and close; whatever happens now changes nothing."""
        self._wait = patience
        try:
            if self.sock is not None:
                self.docmd("QUIT")
        except (OSError, Lost):
            pass
        finally:
            self.close()

    # ------------------------------------------------------------------ helpers
    def _expect(self, reply: tuple[int, bytes], accepted: range = range(200, 300)) -> tuple[int, bytes]:
        code, text = reply
        if code in accepted:
            return reply
        if code >= 400:
            raise Refused(self.step, code, self.transcript.clean(_text(text)))
        raise self._lost(f"the server answered {code} where that means nothing")

    def _secretly(self, line: str, *, shown: str) -> tuple[int, bytes]:
        self.transcript.note("C", shown)
        self._quiet = True
        try:
            return self.docmd(line)
        finally:
            self._quiet = False

    def _last_words(self) -> None:
        """What the server said before it stopped taking content: a definite refusal, if there is one."""
        self._wait = min(self._wait, 1.0)
        try:
            reply = self.getreply()
        except Lost:
            return
        self._expect(reply)

    def _transmit(self, data: bytes) -> None:
        if self.sock is None:
            raise Lost(self.step, "the connection is closed")
        try:
            self.sock.settimeout(self._left(min(time.monotonic() + self._wait, self._deadline)))
            self.sock.sendall(data)
        except OSError as error:
            raise Lost(self.step, _reason(error)) from error

    def _line(self, until: float) -> bytes:
        while b"\n" not in self._pending:
            if len(self._pending) > _LINE_MAX:
                raise self._lost("the server's reply has no end")
            if self.sock is None:
                raise Lost(self.step, "the connection is closed")
            try:
                self.sock.settimeout(self._left(until))
                got = self.sock.recv(4096)
            except OSError as error:
                raise self._lost(_reason(error)) from error
            if not got:
                raise self._lost("the server closed the connection")
            self._pending += got
        line, _, self._pending = self._pending.partition(b"\n")
        return line + b"\n"

    @staticmethod
    def _left(until: float) -> float:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _lost(self, reason: str) -> Lost:
        self.transcript.note("*", reason)
        self.close()
        return Lost(self.step, reason)


def xtext(text: str) -> str:
    """ASCII text as RFC 3461 section 4 spells it: "+", "=" and what is no visible character as "+HH"."""
    return "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in text)


def _text(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "backslashreplace").split())


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _unbase64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data)
    except ValueError:
        return b""
