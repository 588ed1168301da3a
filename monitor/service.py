"""Staying on: the mailbox watched in threads, sending by ticks, a clean stop on SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import FrameType

from monitor.app import App
from monitor.attesting import attest_pass
from monitor.errors import StoreBusy, UnansweredError
from monitor.following import watch
from monitor.listen import understand
from monitor.proving import prove
from monitor.send import send_pass
from monitor.store.hearing import TakenIn, note_open
from monitor.store.locks import pass_lock
from monitor.terminal import local
from monitor.ticker import Ticker
from probes.contract import OnlyReceives

log = logging.getLogger(__name__)

Say = Callable[[str], None]

OPEN = timedelta(seconds=60)
"""How often it is put on record that the door is open."""

PROVING = timedelta(seconds=60)
"""How often canaries are looked at."""

ATTESTING = timedelta(seconds=60)
"""How often signatures are checked of what came since; a tick of its own, so that a slow name server delays nothing."""


def listen(app: App, say: Say) -> None:
    """Take in and understand what comes, until stopped."""
    with _until_stopped() as stop, _proving(app, stop):
        threads = watch(app.store, app.channels, app.clock, stop, heard=_telling(app, say))
        say(f"listening on {len(threads)} channels; stop with Ctrl-C")
        stop.wait()
        _join(threads)


def run(app: App, every: int, say: Say) -> None:
    """Send what is due every `every` seconds and listen all the while, until stopped; what was begun is finished."""
    with _until_stopped() as stop, _door(app, stop, say):
        threads = watch(app.store, app.channels, app.clock, stop, heard=_telling(app, say))
        ticker = Ticker()

        def tick() -> None:
            try:
                with pass_lock(app.config.store, "send"):
                    done = send_pass(app.store, app.config, app.channels, app.clock, going_on=lambda: not stop.is_set())
            except StoreBusy as busy:
                log.warning("%s", busy)
                return
            except UnansweredError:
                log.exception("a sending pass failed; the next one follows in %d seconds", every)
                return
            for problem in done.problems:
                log.warning("%s", problem)
            if done.tried:
                tried = f"{done.sent} sent, {done.deferred} to be tried again, {done.not_sent} not sent"
                say(f"{local(app.clock())}: {tried}")

        ticker.every(timedelta(seconds=every), "send", tick)
        ticker.every(PROVING, "prove", partial(_prove, app))
        ticker.every(ATTESTING, "attest", partial(_attest, app, stop))
        ticker.start()
        say(f"running: sending every {every} s, listening on {len(threads)} channels; stop with Ctrl-C")
        stop.wait()
        say("stopping: what was begun is finished")
        ticker.stop()
        _join(threads)


@contextmanager
def _proving(app: App, stop: threading.Event) -> Iterator[None]:
    """Canaries are sent and followed, and signatures checked, all the while."""
    ticker = Ticker()
    ticker.every(PROVING, "prove", partial(_prove, app))
    ticker.every(ATTESTING, "attest", partial(_attest, app, stop))
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()


@contextmanager
def _door(app: App, stop: threading.Event, say: Say) -> Iterator[None]:
    """The door is open all the while, where the config has one; what is brought is understood as it comes."""
    settings = app.config.door
    if settings is None:
        yield
        return
    from monitor.webhook import Door
    from probes.serving import Serving

    came = threading.Event()
    door = Door(app.store, app.channels, settings, app.clock, came.set)
    reader = threading.Thread(target=_understanding, args=(app, came, stop), name="understand")
    heart = Ticker()
    with Serving(door.app, host=settings.host, port=settings.port) as serving:
        say(f"the door is open on {settings.host} port {serving.port} for {', '.join(door.receivers) or 'nobody'}")
        _note_open(app)
        heart.every(OPEN, "door", partial(_note_open, app))
        heart.start()
        reader.start()
        try:
            yield
        finally:
            heart.stop()
            stop.set()
            came.set()
            reader.join()


def _note_open(app: App) -> None:
    for name, one in app.channels.items():
        if isinstance(one.wire, OnlyReceives):
            try:
                note_open(app.store, name, one.wire.mailbox, app.clock(), OPEN * 5)
            except UnansweredError:
                log.exception("that the door is open could not be put on record")


def _understanding(app: App, came: threading.Event, stop: threading.Event) -> None:
    while not stop.is_set():
        came.wait()
        came.clear()
        try:
            understand(app.store, app.clock)
        except UnansweredError:
            log.exception("what was brought to the door is not understood yet; it is stored")


def _prove(app: App) -> None:
    try:
        done = prove(app.store, app.config, app.channels, app.clock)
    except UnansweredError:
        log.exception("proving that we hear failed; it is tried again")
        return
    for problem in done.problems:
        log.warning("%s", problem)


def _attest(app: App, stop: threading.Event) -> None:
    try:
        attest_pass(app.store, app.channels, app.clock, going_on=lambda: not stop.is_set())
    except UnansweredError:
        log.exception("checking signatures failed; it is tried again")


def _telling(app: App, say: Say) -> Callable[[str, TakenIn], None]:
    return lambda name, taken: say(f"{local(app.clock())}: {len(taken.new)} arrivals on {name}")


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the handlers that were there before come back afterwards."""
    stop = threading.Event()

    def set_it(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a signal handler
        stop.set()

    before = {number: signal.signal(number, set_it) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        stop.set()
        for number, handler in before.items():
            signal.signal(number, handler)
