"""Our own mail server of the sandbox: mail comes in by SMTP and is read by IMAP, both on loopback.

`MailServer` is what a provider is to a real user: it takes mail for every local part of one domain, stamps it with
the time it came in (by the clock it is given), and files it under INBOX or Junk. Needs the extra `demo`.
"""
# ruff: noqa: ARG002 - aiosmtpd passes its handlers more than they need

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from imapclient import IMAPClient

from probes.contract import Clock, ProbeError
from probes.sandbox.imapd import HOSTNAME

LOOPBACK = "127.0.0.1"
USER = "audit"
INBOX = "INBOX"
JUNK = "Junk"


class LoopbackController(Controller):
    """An SMTP server in a thread, on a loopback port that the system chose.

    aiosmtpd cannot be asked for port 0 (it would call itself on the port asked for, not on the one it got), and a
    port picked first may be gone by the time it is used: so the socket is bound here and handed over.
    """

    def __init__(self, handler: object, hostname: str) -> None:
        # asyncio switches off Nagle's delay (40 ms at each EHLO) only for a socket that names its protocol
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind((LOOPBACK, 0))
        port = self._socket.getsockname()[1]
        # a name of its own, or aiosmtpd asks the resolver for this machine's
        super().__init__(handler, hostname=LOOPBACK, port=port, server_hostname=hostname)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)

    def factory(self) -> SMTP:
        return SMTP(self.handler, ident="ESMTP sandbox", loop=self.loop, **self.SMTP_kwargs)


class MailServer:
    """A mailbox for all of `domain`; a context manager that leaves nothing running.

    `junk_senders` are the envelope senders that its spam filter dislikes. `smtp_port` and `imap_port` are set once
    it runs; log in as `user` with `password`.
    """

    def __init__(self, domain: str, clock: Clock, *, junk_senders: Collection[str] = ()) -> None:
        self.domain = domain
        self.user = USER
        self.password = secrets.token_urlsafe(12)
        self.smtp_port = 0
        self.imap_port = 0
        self._clock = clock
        self._junk_senders = frozenset(junk_senders)
        self._stack = ExitStack()
        self._imap: IMAPClient | None = None
        self._filing: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.imap_port = self._start_imapd(stack)
            self._imap = self._log_in(stack)
            self._imap.create_folder(JUNK)
            self._filing = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            controller = LoopbackController(self, HOSTNAME)
            controller.start()
            stack.callback(controller.stop)
            self.smtp_port = controller.port
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def _start_imapd(self, stack: ExitStack) -> int:
        # a session of its own: Ctrl-C is for us, and it ends when its standard input does
        child = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "probes.sandbox.imapd", USER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        stack.callback(_end, child)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(self.password + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line.strip().isdigit():
            raise ProbeError("the sandbox's mailbox (pymap) did not start; is the extra `demo` installed?")
        return int(line)

    def _log_in(self, stack: ExitStack) -> IMAPClient:
        client = IMAPClient(LOOPBACK, port=self.imap_port, ssl=False, timeout=30)
        stack.callback(client.shutdown)
        # APPEND is two small writes: without this the second waits 40 ms for an acknowledgement, at every mail
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(USER, self.password)
        return client

    # ------------------------------------------------------------------ the SMTP side, called by aiosmtpd
    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.rpartition("@")[2].lower() != self.domain:
            return "550 5.7.1 relaying denied"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content
        assert content is not None
        at = self._clock()
        sender = (envelope.mail_from or "").strip("<>")  # aiosmtpd spells the null sender "<>"
        trace = (
            f"Return-Path: <{sender}>\r\n"
            f"Delivered-To: {envelope.rcpt_tos[0]}\r\n"
            f"Received: from {session.host_name} ([{LOOPBACK}])\r\n"
            f"\tby {HOSTNAME} with ESMTP for <{envelope.rcpt_tos[0]}>;\r\n"
            f"\t{format_datetime(at)}\r\n"
        ).encode()
        folder = JUNK if sender.lower() in self._junk_senders else INBOX
        # not on the loop, because APPEND waits for another process; one at a time, because there is one connection
        await asyncio.get_running_loop().run_in_executor(self._filing, self._append, folder, trace + content, at)
        return f"250 2.0.0 OK filed in {folder}"

    def _append(self, folder: str, raw: bytes, at: datetime) -> None:
        assert self._imap is not None
        self._imap.append(folder, raw, flags=(), msg_time=at)


def _end(child: subprocess.Popen[str]) -> None:
    """Close the child's standard input, its signal to end, and see it end."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
