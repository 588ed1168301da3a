"""The child process that holds a browser: `python -m probes.web.worker`, lines of JSON in, lines of JSON out.

The first line says with what to start; each further line is a job. Out come `{"stage": ...}` as a job goes on and
`{"done": ...}` at its end. When the line in is closed its owner is gone, and it ends with all that is below it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from typing import IO, Any

from probes.contract import ProbeError
from probes.web import browser as browsers
from probes.web.children import descendants
from probes.web.proxy import ForwardProxy
from probes.web.reach import Reach
from probes.web.robots import Robots, fetch_through
from probes.web.session import Session

PATIENCE = 8.0
"""Seconds that the job at hand has to end when the owner is gone."""


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer of ours
    jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    setting = jobs.get()
    if setting is None:
        return
    reach = Reach(live=setting["live"], allow_private=setting["allow_private"], routes=setting["routes"])
    lock = threading.Lock()

    def say(**words: Any) -> None:
        with lock:
            out.write(json.dumps(words).encode() + b"\n")
            out.flush()

    with ForwardProxy(reach, limit=setting["page_limit"]) as proxy:
        where = f"127.0.0.1:{proxy.port}"
        robots = Robots(fetch_through(where, timeout=15), elapsed=time.monotonic)
        try:
            with browsers.started(setting["browser"], proxy=f"http://{where}") as browser:
                say(ready=browser.version)
                while (job := jobs.get()) is not None:
                    if job.get("check"):
                        say(done={"version": browser.version})
                    else:
                        session = Session(browser, proxy, robots, job, lambda stage: say(stage=stage))
                        done = session.run()
                        last = done.pop("spent") or not browser.is_connected()
                        say(done={**done, "last": last})
                        if last:
                            return
        except ProbeError as error:
            say(ready="")
            while jobs.get() is not None:
                say(done={"verdict": "failed", "reason": str(error)})


def _read(stream: IO[bytes], jobs: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            jobs.put(json.loads(line))
    jobs.put(None)
    time.sleep(PATIENCE)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
