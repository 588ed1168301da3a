"""Browsers in child processes, from the side of those who use them: one job at a time each, a time limit on each.

A child is a process group of its own with its own folder for everything temporary. When it does not answer in time, or
dies, all of it is killed; what it had said by then tells whether anything may have been submitted.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from probes.contract import ProbeError

JOBS = 40
"""Jobs after which a child is replaced by a fresh one."""
START = 120.0
"""Seconds that a browser may take to start."""
GRACE = 10.0
"""Seconds that a child has to end by itself."""
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"})


class ChildLost(ProbeError):  # noqa: N818 - named by what happened
    """A child died or was killed in a job; `stages` is what it had said, in order. `late`: it took too long."""

    def __init__(self, message: str, stages: tuple[str, ...], *, late: bool = False) -> None:
        super().__init__(message)
        self.stages, self.late = stages, late


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a child is started with; all of it goes to it as JSON."""

    browser: str | None
    live: bool
    allow_private: bool
    routes: Mapping[str, str]
    page_limit: int
    job_limit: float


class Child:
    """One browser of its own."""

    def __init__(self, setting: Setting) -> None:
        self.jobs = 0
        self._ready = False
        self._folder = Path(tempfile.mkdtemp(prefix="unanswered-browser-"))
        self._log = (self._folder / "log").open("w+b")
        env = {key: value for key, value in os.environ.items() if key.lower() not in _PROXIES}
        env |= {"TMPDIR": str(self._folder), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "probes.web.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=env,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin
        reader = threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True)
        reader.start()
        self._end = weakref.finalize(self, _kill, self._process, self._folder, self._log, reader)
        self._write({"browser": setting.browser, "live": setting.live, "allow_private": setting.allow_private,
                     "routes": dict(setting.routes), "page_limit": setting.page_limit})  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def fresh(self) -> bool:
        return self.jobs < JOBS and self._process.poll() is None

    def do(self, job: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """What came of a job, within `limit` seconds. Raises ChildLost; the child is killed then."""
        self._wait_until_ready()
        self.jobs += 1
        stages: list[str] = []
        until = time.monotonic() + limit
        try:
            self._write(job)
            while True:
                line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
                if line is None:
                    raise ChildLost(f"the browser's process ended{self._last_words()}", tuple(stages))
                if "stage" in line:
                    stages.append(str(line["stage"]))
                elif "done" in line:
                    done: dict[str, Any] = line["done"]
                    if done.get("last"):
                        self.jobs = JOBS
                    return done
        except queue.Empty:
            self.kill()
            raise ChildLost(f"the browser did not come to an end in {limit:g} s", tuple(stages), late=True) from None
        except OSError as error:
            raise ChildLost(f"the browser's process is gone ({error}){self._last_words()}", tuple(stages)) from error
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        """Starting a browser is no part of a job: a busy machine takes its time."""
        if self._ready:
            return
        try:
            self._ready = (self._lines.get(timeout=START) or {}).get("ready") is not None
        except queue.Empty:
            self.kill()
            raise ChildLost(f"no browser had started in {START:g} s", (), late=True) from None
        if not self._ready:
            raise ChildLost(f"the browser's process ended{self._last_words()}", ())

    def close(self) -> None:
        """Let it end by itself; killed when it does not."""
        with contextlib.suppress(OSError):
            self._in.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self.kill()

    def kill(self) -> None:
        self._end()

    def _write(self, data: Mapping[str, Any]) -> None:
        self._in.write(json.dumps(data).encode() + b"\n")
        self._in.flush()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            said = (self._folder / "log").read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()
            if said:
                return f": {said[-1][:300]}"
        return ""


class Children:
    """Those that are idle, to be used again; any number of threads may ask."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        atexit.register(_close_all, weakref.ref(self))

    @contextlib.contextmanager
    def one(self) -> Iterator[Child]:
        """A child for one job; kept for the next when it is still good."""
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.fresh:
            child.close()
            child = None
        child = child or Child(self._setting)
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        if child.fresh:
            with self._lock:
                self._idle.append(child)
        else:
            child.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()


def _close_all(children: weakref.ref[Children]) -> None:
    if (found := children()) is not None:
        found.close()


def _read(stream: IO[bytes], lines: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with stream, contextlib.suppress(OSError, ValueError):
        for line in stream:
            try:
                lines.put(json.loads(line))
            except ValueError:
                continue
    lines.put(None)


def _kill(process: subprocess.Popen[bytes], folder: Path, log: IO[bytes], reader: threading.Thread) -> None:
    """End a child and everything below it, and take its folder away."""
    below = descendants(process.pid) if process.poll() is None else []
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in below:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    for stream in (process.stdin, log):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    reader.join(GRACE)
    for _ in range(20):  # a browser that is dying still writes
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`; a browser has groups of its own, so that killing one group leaves it alive.

    Empty where the system has no /proc: there the group is all that is known.
    """
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    todo = [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found
