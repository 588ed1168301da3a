"""Durable webhooks a second: our door beside a bare Starlette route that commits once a batch of the same size."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.app import App
from monitor.studies import DoorSettings
from monitor.webhook import Door
from probes.sandbox.exchange import Exchange
from probes.serving import Serving
from tests.wire.telephony import ACCOUNT, PUBLIC, SMS, START, TOKEN, shop, write_folder

REQUESTS = 4_000
PARALLEL = 16
ROUNDS = 3
BAR = 0.5

Made = list[tuple[str, bytes, dict[str, str]]]


def requests(turn: int) -> Made:
    """Signed messages, each of its own."""
    exchange = Exchange(ACCOUNT, TOKEN, lambda: START, public=PUBLIC)
    return [
        exchange.signed(
            f"{PUBLIC}/in/texts",
            {
                "MessageSid": f"SM{turn * REQUESTS + n:032x}", "AccountSid": ACCOUNT, "From": shop(n % 90), "To": SMS,
                "Body": f"Yes, we are open on that Saturday ({n}).", "NumMedia": "0",
            },
        )
        for n in range(REQUESTS)
    ]  # fmt: skip


class Bare:
    """One route; what waits is inserted in one transaction, synchronous FULL, and then answered."""

    def __init__(self, path: Path) -> None:
        self._store = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._store.execute(f"PRAGMA {pragma}")
        self._store.execute("CREATE TABLE came (body BLOB)")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self.app = Starlette(routes=[Route("/in/texts", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((await request.body(), done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await done
        return Response(b"<Response/>", media_type="text/xml")

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, [body for body, _ in batch])
            for _, done in batch:
                done.set_result(None)
        self._writer = None

    def _commit(self, bodies: list[bytes]) -> None:
        self._store.execute("BEGIN IMMEDIATE")
        self._store.executemany("INSERT INTO came VALUES (?)", [(body,) for body in bodies])
        self._store.execute("COMMIT")


def load(port: int, made: Made) -> float:
    """Seconds until all are answered with 200, at 16 parallel, by a client in a process of its own."""
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return pool.apply(_load, (port, made))


def _load(port: int, made: Made) -> float:
    raw = [
        f"POST {urlsplit(target).path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
        + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body
        for target, body, headers in made
    ]  # fmt: skip

    async def worker(share: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for one in share:
            writer.write(one)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n")[0], head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()

    async def everybody() -> None:
        await asyncio.gather(*(worker(raw[n::PARALLEL]) for n in range(PARALLEL)))

    began = time.perf_counter()
    asyncio.run(everybody())
    return time.perf_counter() - began


def main() -> None:
    """Print medians and the ratio."""
    floors, times = [], []
    for turn in range(ROUNDS):
        made = requests(turn)
        with tempfile.TemporaryDirectory() as folder:
            with Serving(Bare(Path(folder) / "bare.db").app) as serving:
                floors.append(load(serving.port, made))
            with App.open(write_folder(Path(folder), "http://127.0.0.1:9")) as app:
                door = Door(app.store, app.channels, DoorSettings(per_second=1_000_000), app.clock)
                with Serving(door.app) as serving:
                    times.append(load(serving.port, made))
                with app.store.read() as connection:
                    (stored,) = connection.exec_driver_sql("SELECT count(*) FROM arrivals").scalars()
                assert stored == REQUESTS
    floor, ours = statistics.median(floors), statistics.median(times)
    print(
        f"door: {REQUESTS} signed webhooks at {PARALLEL} parallel: bare route with one durable commit a batch "
        f"{REQUESTS / floor:.0f}/s, our door {REQUESTS / ours:.0f}/s (ratio {floor / ours:.2f}; bar: at least {BAR})"
    )


if __name__ == "__main__":
    main()
