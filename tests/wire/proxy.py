"""A TCP proxy with verbs: it lets through, swallows everything, or cuts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Forwards connections on `port` to another port of this machine. `calls` counts them."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.calls = 0
        self._swallowing = threading.Event()
        self._cut_after: int | None = None
        self._passing: tuple[int, Callable[[], None]] | None = None
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    # ------------------------------------------------------------------ verbs
    def swallows(self) -> None:
        """Nothing comes through any more, and nobody is told: a half-open line. New connections are refused."""
        self._swallowing.set()

    def lets_through(self) -> None:
        """The lines that were swallowed are dead; new ones work."""
        self._swallowing.clear()
        self.cuts()

    def cuts(self) -> None:
        """Every open connection is closed."""
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            self._open.clear()

    def cuts_after(self, size: int) -> None:
        """The next connection that brings this many bytes from the server is cut there, once."""
        self._cut_after = size

    def when_passed(self, size: int, then: Callable[[], None]) -> None:
        """When a connection has brought this many bytes from the server, `then` happens, once."""
        self._passing = size, then

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cuts()

    # ------------------------------------------------------------------ forwarding
    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self.calls += 1
            if self._swallowing.is_set():
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # the server is down
                near.close()
                continue
            with self._lock:
                self._open += [near, far]
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
        brought = 0
        with suppress(OSError):
            while data := source.recv(65536):
                if self._swallowing.is_set():
                    continue
                brought += len(data)
                if from_server and self._cut_after is not None and brought >= self._cut_after:
                    self._cut_after = None
                    sink.sendall(data[: len(data) // 2])
                    break
                sink.sendall(data)
                if from_server and self._passing is not None and brought >= self._passing[0]:
                    (_, then), self._passing = self._passing, None
                    then()
        if not self._swallowing.is_set():
            for sock in (source, sink):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()


@contextmanager
def proxy(to: int) -> Iterator[Proxy]:
    made = Proxy(to)
    try:
        yield made
    finally:
        made.close()
