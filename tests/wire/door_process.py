"""The door as a process of its own, to be killed: `python -m tests.wire.door_process CONFIG PORT`."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event

from monitor.app import App
from monitor.studies import DoorSettings
from monitor.webhook import Door
from probes.serving import Serving

if __name__ == "__main__":
    with App.open(Path(sys.argv[1])) as app:
        door = Door(app.store, app.channels, DoorSettings(per_second=100_000), app.clock)
        with Serving(door.app, port=int(sys.argv[2])):
            Event().wait()
