"""The one way out for a browser: a forward proxy on loopback that connects only to what `Reach` allows.

It resolves a name once a connection and connects to the address that was judged. One request a connection (plain HTTP)
or one tunnel (CONNECT). It counts what comes down, cuts when that is too much, and remembers what it refused.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

from probes.contract import ProbeError, TargetRefused
from probes.web.reach import Lookup, Reach

_HEAD = 64 * 1024
_PIECE = 64 * 1024
_HOP = re.compile(rb"(?im)^(?:proxy-[\w-]+|connection|keep-alive)[ \t]*:[^\r\n]*\r?\n")
_OF_THE_BROWSER = re.compile(
    r"(?:update|optimizationguide-pa|content-autofill|safebrowsing|clientservices|android\.clients)\.googleapis\.com|"
    r"(?:accounts|clients\d?)\.google\.com|(?:[\w-]+\.)*gvt1\.com"
)
"""Where a browser goes for itself (updates, reports of what it saw), whatever it is told: nobody's page needs it."""
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Traffic:
    """What went through since it was last begun anew. `refused`: why, by host. `failed`: connections that failed."""

    limit: int
    down: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def too_much(self) -> bool:
        return self.down > self.limit


class ForwardProxy:
    """Runs on a thread of its own while the context is open; `port` is where. `limit`: bytes down, see `begin`."""

    def __init__(
        self, reach: Reach, *, limit: int = 20_000_000, connect_timeout: float = 10, lookup: Lookup | None = None
    ) -> None:
        self._reach, self._lookup, self._connect_timeout = reach, lookup, connect_timeout
        self._limit = limit
        self.traffic = Traffic(limit)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="forward proxy", daemon=True)
        self._up = threading.Event()
        self._fault: BaseException | None = None

    def __enter__(self) -> ForwardProxy:
        self._thread.start()
        self._up.wait()
        if self._fault is not None:
            raise ProbeError(f"the forward proxy cannot listen on this machine: {self._fault}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # ------------------------------------------------------------------ what its owner calls, from another thread
    def begin(self) -> Traffic:
        """Count anew, with no connection left from before."""
        self.hang_up()
        self.traffic = Traffic(self._limit)
        return self.traffic

    def hang_up(self) -> None:
        """Close every connection. A browser then opens fresh ones: on those it never repeats a request by itself."""
        self._on_loop(self._close_all)

    def _on_loop(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(5)

    def _close_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    # ------------------------------------------------------------------ its own thread
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD, backlog=256)
            )
            self.port = server.sockets[0].getsockname()[1]
        except BaseException as error:
            self._fault = error
            self._loop.close()
            return
        finally:
            self._up.set()
        self._loop.run_forever()
        server.close()
        self._close_all()
        for task in list(self._tasks):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, ValueError):
            pass  # the browser, or whom it talks to, went away
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort() if self.traffic.too_much else writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, headers = head.partition(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ", 2)
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        if not host or not port or (not tunnel and parts.scheme != "http"):
            await _say(writer, "400 Bad Request", f"{target} is nothing that this proxy fetches")
            return
        if _OF_THE_BROWSER.fullmatch(host):
            await _say(writer, "403 Forbidden", "not needed")
            return
        try:
            far = await self._connect(host, port)
        except TargetRefused as error:
            self.traffic.refused[host] = str(error)
            await _say(writer, "403 Forbidden", str(error))
            return
        except (ProbeError, OSError) as error:
            self.traffic.failed[host] = str(error) or type(error).__name__
            await _say(writer, "502 Bad Gateway", str(error))
            return
        far_reader, far_writer = far
        self._open.add(far_writer)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = target.split(parts.netloc, 1)[1].partition("#")[0] or "/"
                if not path.startswith("/"):
                    path = "/" + path
                far_writer.write(f"{method} {path} HTTP/1.1\r\n".encode("latin-1") + _closing(headers))
            up = asyncio.ensure_future(_pump(reader, far_writer))
            try:
                await self._down(far_reader, writer, plain=not tunnel)
            finally:
                up.cancel()
        finally:
            self._open.discard(far_writer)
            far_writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Resolve once, judge, and connect to what was judged. Raises ProbeError or OSError."""
        found = await self._loop.run_in_executor(None, self._reach.addresses, host, port, self._lookup)
        last: OSError = OSError(f"{host} has no address")
        for ip, at in found:
            try:
                return await asyncio.wait_for(asyncio.open_connection(ip, at, limit=_HEAD), self._connect_timeout)
            except TimeoutError:
                last = OSError(f"{host} ({ip}) port {at} did not take the connection in {self._connect_timeout:g} s")
            except OSError as error:
                last = OSError(f"{host} ({ip}) port {at}: {error.strerror or error}")
        raise last

    async def _down(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, plain: bool) -> None:
        """Bring the answer down; of plain HTTP its head is told to close, so that each request has its connection."""
        while plain:
            head = await source.readuntil(b"\r\n\r\n")
            line, _, headers = head.partition(b"\r\n")
            interim = line.split(b" ", 2)[1:2] and line.split(b" ", 2)[1].startswith(b"1")
            self.traffic.down += len(head)
            sink.write(line + b"\r\n" + (headers if interim else _closing(headers)))
            if not interim:
                break
        while piece := await source.read(_PIECE):
            self.traffic.down += len(piece)
            if self.traffic.too_much:
                self._close_all()
                return
            sink.write(piece)
            await sink.drain()
        await sink.drain()


def _closing(headers: bytes) -> bytes:
    return b"Connection: close\r\n" + _HOP.sub(b"", headers)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()


async def _say(writer: asyncio.StreamWriter, status: str, words: str) -> None:
    body = f"unanswered: {words}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()
