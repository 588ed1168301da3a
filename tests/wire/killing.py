"""What the processes of the killing test run: one part of the job each, on a config, at a moment that they are told.

Kept apart from the test, so that the server that forks them loads this and nothing of pytest.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from monitor.app import App
from monitor.errors import StoreBusy
from monitor.listen import listen_pass
from monitor.proving import prove
from monitor.report import refresh
from monitor.rescore import rescore
from monitor.send import send_pass
from monitor.store.locks import pass_lock


def send(app: App) -> None:
    send_pass(app.store, app.config, app.channels, app.clock)


def listen(app: App) -> None:
    with pass_lock(app.config.store, "listen"):
        listen_pass(app.store, app.channels, app.clock)
        prove(app.store, app.config, app.channels, app.clock)


def understand_again(app: App) -> None:
    with pass_lock(app.config.store, "listen"):
        for _ in rescore(app.store, app.clock):
            pass


def decide_outcomes(app: App) -> None:
    refresh(app)


PARTS: dict[str, Callable[[App], None]] = {
    "send": send, "listen": listen, "rescore": understand_again, "outcomes": decide_outcomes,
}  # fmt: skip


def run(part: str, config: Path, at: datetime, told: Path) -> None:
    """One part of the job. What goes wrong is appended to the file `told`: a killed process says nothing."""
    try:
        with App.open(config, lambda: at) as app, suppress(StoreBusy):
            PARTS[part](app)
    except BaseException:
        with told.open("a", encoding="utf-8") as file:
            file.write(f"{part} at {at}:\n{traceback.format_exc()}\n")
        sys.stdout.flush()
        os._exit(70)
