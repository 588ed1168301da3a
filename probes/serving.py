"""An ASGI application behind uvicorn in a thread of its own: the door, and the simulated providers of the sandbox."""

from __future__ import annotations

import socket
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import uvicorn

from probes.contract import ProbeError

STARTS_WITHIN = 20.0
"""Seconds."""


class Serving:
    """Serves `app` on host and port (0: a free one) from entering to leaving; `port` is set once it runs."""

    def __init__(self, app: Any, *, host: str = "127.0.0.1", port: int = 0, headers_max: int = 32_768) -> None:
        self._app, self._host, self._wanted, self._headers_max = app, host, port, headers_max
        self.port = 0
        self._thread: Thread | None = None
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # The protocol is named: only then does asyncio turn Nagle's delay off, which costs 40 ms at every answer.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((self._host, self._wanted))
            self._socket.listen(2048)
        except OSError as error:
            self._socket.close()
            raise ProbeError(f"cannot listen on {self._host} port {self._wanted}: {error.strerror}") from error
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            self._app, log_config=None, access_log=False, lifespan="off", ws="none", proxy_headers=False,
            server_header=False, h11_max_incomplete_event_size=self._headers_max, timeout_graceful_shutdown=10,
            timeout_keep_alive=10,
        )  # fmt: skip
        self._server = server = uvicorn.Server(config)
        self._thread = Thread(target=server.run, args=([self._socket],), name="serving", daemon=True)
        self._thread.start()
        waited, pause = 0.0, Event()
        while not server.started:
            if not self._thread.is_alive() or waited > STARTS_WITHIN:
                raise ProbeError(f"the server on {self._host} port {self.port} does not start")
            pause.wait(0.01)
            waited += 0.01
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
