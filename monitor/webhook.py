"""The door: what providers bring is checked, stored durably, and only then answered with 200.

    POST /in/CHANNEL       something has come in          POST /status/CHANNEL   what became of a contact
    GET  /healthz          whether it can store           GET  /metrics          for Prometheus

403: it does not prove who sent it; nothing is stored. 503: it could not be stored, and is to be brought again. Whatever
is brought twice is answered with 200 and changes nothing. Requests that wait for the disk share one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.errors import UnansweredError
from monitor.store.engine import Store
from monitor.store.looking import counts
from monitor.store.pushed import Pushed, take_pushed
from monitor.studies import DoorSettings
from probes.contract import Forged, OpenChannel, ProbeError, Received, Receives

log = logging.getLogger(__name__)

TOGETHER = 500
"""Requests that one transaction stores at most."""
BURST = 10
"""Seconds of the permitted rate that may come at once."""


class Door:
    """The application. `came` is called after something new was stored."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, OpenChannel],
        settings: DoorSettings,
        now: Clock,
        came: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._settings, self._now, self._came = store, settings, now, came
        self._receivers = {name: one.wire for name, one in channels.items() if isinstance(one.wire, Receives)}
        self._waiting: list[tuple[str, Received, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._tokens, self._filled = float(settings.per_second * BURST), time.monotonic()
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "unanswered_door_requests", "Requests to the door, by what came of them", ["channel", "door", "result"],
            registry=self._registry,
        )  # fmt: skip
        self._new = Counter(
            "unanswered_door_stored", "Arrivals and reports that were new", ["what"], registry=self._registry
        )
        self.app = Starlette(
            routes=[
                Route("/in/{channel}", self._receive, methods=["POST"]),
                Route("/status/{channel}", self._receive, methods=["POST"]),
                Route("/healthz", self._healthz, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
            ]
        )

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the channels that something can be brought for."""
        return tuple(self._receivers)

    # ------------------------------------------------------------------ taking in
    async def _receive(self, request: Request) -> Response:
        name, door = request.path_params["channel"], request.url.path.split("/")[1]
        wire = self._receivers.get(name)
        if wire is None:
            return self._said("", door, "no such channel", 404)
        if not self._may():
            return self._said(name, door, "too many", 429, {"Retry-After": "1"})
        try:
            body = await self._body(request)
        except ClientDisconnect:
            return self._said(name, door, "broken off", 400)
        if body is None:
            return self._said(name, door, "too large", 413)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            received = wire.receive(door, target, dict(request.headers), body, self._now)
        except Forged as error:
            log.warning("refused at the door for %s: %s", name, error)
            return self._said(name, door, "forged", 403)
        except (ValueError, ProbeError) as error:
            log.warning("not understood at the door for %s: %s", name, type(error).__name__)
            return self._said(name, door, "nonsense", 400)
        except Exception:
            log.exception("the channel %s broke at the door", name)
            return self._said(name, door, "broke", 500)
        try:
            await self._stored(name, received)
        except UnansweredError:
            log.exception("what was brought for %s could not be stored; it is to be brought again", name)
            return self._said(name, door, "not stored", 503, {"Retry-After": "10"})
        self._requests.labels(name, door, "taken").inc()
        return Response(received.answer, media_type=received.media_type)

    def _said(self, name: str, door: str, result: str, status: int, headers: dict[str, str] | None = None) -> Response:
        self._requests.labels(name, door, result).inc()
        return PlainTextResponse(f"{result}\n", status_code=status, headers=headers)

    def _may(self) -> bool:
        """Whether the permitted rate lets another request in."""
        moment, most = time.monotonic(), float(self._settings.per_second * BURST)
        self._tokens = min(most, self._tokens + (moment - self._filled) * self._settings.per_second)
        self._filled = moment
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _body(self, request: Request) -> bytes | None:
        """The body; None when it is too large."""
        told = request.headers.get("content-length", "0")
        if told.isascii() and told.isdigit() and int(told) > self._settings.max_body:
            return None
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self._settings.max_body:
                return None
            parts.append(part)
        return b"".join(parts)

    async def _stored(self, name: str, received: Received) -> None:
        """Returns once it is on the disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((name, received, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        """Store what is waiting, again and again, until nothing is."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                try:
                    brought = [(name, received) for name, received, _ in batch]
                    pushed = await asyncio.to_thread(take_pushed, self._store, brought, self._now())
                except BaseException as error:
                    for _, _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                    if not isinstance(error, Exception):
                        raise
                    continue
                for _, _, done in batch:
                    if not done.done():
                        done.set_result(None)
                self._count(pushed)
        finally:
            self._writer = None

    def _count(self, pushed: Pushed) -> None:
        self._new.labels("arrivals").inc(pushed.arrivals)
        self._new.labels("reports").inc(pushed.reports)
        if pushed.arrivals or pushed.reports:
            self._came()

    # ------------------------------------------------------------------ looking in
    async def _healthz(self, request: Request) -> Response:  # noqa: ARG002 - of every route
        try:
            await asyncio.to_thread(self._try_store)
        except UnansweredError as error:
            return JSONResponse({"ok": False, "store": type(error).__name__}, status_code=503)
        return JSONResponse({"ok": True})

    def _try_store(self) -> None:
        with self._store.write() as connection:  # the right to write, and nothing written
            connection.exec_driver_sql("SELECT 1")

    async def _metrics(self, request: Request) -> Response:  # noqa: ARG002 - of every route
        lines = generate_latest(self._registry).decode()
        try:
            lines += await asyncio.to_thread(self._standing)
        except UnansweredError:
            log.exception("the store cannot be read for /metrics")
        return PlainTextResponse(lines, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _standing(self) -> str:
        found = counts(self._store, self._now())
        states: dict[str, int] = {}
        for (_, _, state), n in found.states.items():
            states[state] = states.get(state, 0) + n
        lines = ["# TYPE unanswered_contacts gauge"]
        lines += [f'unanswered_contacts{{state="{state}"}} {n}' for state, n in sorted(states.items())]
        lines += ["# TYPE unanswered_arrivals gauge", f"unanswered_arrivals {found.arrivals}"]
        lines += ["# TYPE unanswered_open_gaps gauge", f"unanswered_open_gaps {len(found.open_gaps)}"]
        heard = [place.heard_until for place in found.places if not place.retired and place.heard_until is not None]
        if heard:
            lines += ["# TYPE unanswered_heard_until gauge", f"unanswered_heard_until {min(heard).timestamp():.0f}"]
        return "\n".join(lines) + "\n"
