"""A tiny SMTP server that does what a test says, at the step that the test names.

    with ScriptedSmtp() as server:
        server.says("RCPT", "451 4.7.1 come back later")     # instead of the usual answer
        server.hangs_up("DOT")                               # closes the connection instead of answering
        server.breaks_off("DOT", b"25")                      # says only so much, and closes
        server.trickles("MAIL")                              # a byte now and then, never a line
        server.falls_silent("MAIL")                          # never answers
        server.cuts_content(after=10)                        # closes (by RST) once so much of it came
        server.offers("SMTPUTF8", "8BITMIME")                # what EHLO lists
        server.accepted; server.commands; server.contents    # what came

Steps: CONNECT, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, DOT, QUIT.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_USUAL = {
    "CONNECT": "220 scripted.example ready",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "DOT": "250 2.0.0 Ok: queued as 4F2A91B7C3",
    "QUIT": "221 bye",
    "RSET": "250 ok",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 2.7.0 welcome",
}
_HANG_UP, _SILENCE, _TRICKLE = object(), object(), object()


class ScriptedSmtp:
    """See the module. Serves one connection after the other until it is closed."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.commands: list[str] = []
        self.contents: list[bytes] = []
        """Each content that came with its final dot, as it came (dots doubled)."""
        self.accepted: list[bytes] = []
        self.connections = 0
        self._script: dict[str, list[object]] = {}
        self._features = ["8BITMIME", "SIZE 10000000"]
        self._cut_after: int | None = None
        self.last_words = ""
        self._tls = tls
        self._closing = threading.Event()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    # ------------------------------------------------------------------ verbs
    def says(self, step: str, *replies: str) -> Self:
        """Answers `step` so, the first time by the first reply and so on; the last one stays."""
        self._script[step] = list(replies)
        return self

    def hangs_up(self, step: str) -> Self:
        self._script[step] = [_HANG_UP]
        return self

    def falls_silent(self, step: str) -> Self:
        self._script[step] = [_SILENCE]
        return self

    def trickles(self, step: str) -> Self:
        """Answers a byte now and then, without an end."""
        self._script[step] = [_TRICKLE]
        return self

    def breaks_off(self, step: str, said: bytes) -> Self:
        """Sends these bytes as they are and closes the connection."""
        self._script[step] = [said]
        return self

    def cuts_content(self, *, after: int, saying: str = "") -> Self:
        self._cut_after, self.last_words = after, saying
        return self

    def offers(self, *features: str) -> Self:
        self._features = list(features)
        return self

    # ------------------------------------------------------------------ running
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._closing.set()
        # A thread that waits in accept() is woken by a call.
        with socket.create_connection(("127.0.0.1", self.port), timeout=5):
            pass
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._closing.is_set():
                sock.close()
                return
            self.connections += 1
            sock.settimeout(0.02)
            conversation = _Conversation(self, sock)
            try:
                conversation.run()
            except (OSError, EOFError):
                pass
            finally:
                conversation.sock.close()

    def answer(self, step: str) -> object:
        """What the script says of a step, else what is usual."""
        said = self._script.get(step)
        if said:
            return said.pop(0) if len(said) > 1 else said[0]
        if step in {"EHLO", "HELO"}:
            lines = ["scripted.example", *(self._features if step == "EHLO" else ())]
            return "\r\n".join(f"250{'-' if n < len(lines) - 1 else ' '}{line}" for n, line in enumerate(lines))
        return _USUAL.get(step, "500 what?")

    def pause(self) -> None:
        self._closing.wait(0.02)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    @property
    def cut_after(self) -> int | None:
        return self._cut_after

    def tls_context(self) -> ssl.SSLContext:
        assert self._tls is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._tls)
        return context


class _Conversation:
    def __init__(self, server: ScriptedSmtp, sock: socket.socket) -> None:
        self.server, self.sock = server, sock
        self._buffer = b""

    def run(self) -> None:
        self._answer("CONNECT")
        while True:
            line = self._until(b"\r\n").decode("utf-8").rstrip()
            self.server.commands.append(line)
            verb = line.partition(" ")[0].partition(":")[0].upper()
            reply = self._answer(verb)
            if verb == "QUIT":
                return
            if verb == "STARTTLS" and reply.startswith("220"):
                self.sock.settimeout(5)
                self.sock = self.server.tls_context().wrap_socket(self.sock, server_side=True)
                self.sock.settimeout(0.02)
            if verb == "DATA" and reply.startswith("354"):
                self._take_content()

    def _take_content(self) -> None:
        if self.server.cut_after is not None:
            while len(self._buffer) < self.server.cut_after:
                self._receive()
            if self.server.last_words:
                self.sock.sendall(self.server.last_words.encode() + b"\r\n")
            # RST: what was sent and not read yet is refused at once
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise EOFError
        content = self._until(b"\r\n.\r\n") + b"\r\n"
        self.server.contents.append(content)
        if self._answer("DOT").startswith("2"):
            self.server.accepted.append(content)

    def _answer(self, step: str) -> str:
        said = self.server.answer(step)
        if said is _HANG_UP:
            raise EOFError
        while said is _SILENCE:
            self._receive()
        while said is _TRICKLE:
            if self.server.closing:
                raise EOFError
            self.sock.sendall(b"2")
            self.server.pause()
        if isinstance(said, bytes):
            self.sock.sendall(said)
            raise EOFError  # noqa: TRY004 - how a conversation ends
        assert isinstance(said, str)
        self.sock.sendall(said.encode() + b"\r\n")
        return said

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _receive(self) -> None:
        """Takes what comes next; ends the conversation when the other side has, or the test is over."""
        while not self.server.closing:
            try:
                got = self.sock.recv(65536)
            except TimeoutError:
                continue
            if not got:
                break
            self._buffer += got
            return
        raise EOFError
