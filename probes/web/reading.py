"""Has pages read in a child process, which is killed with its browser when a page takes too long or breaks it.

One page never costs another: what was not read yet is read by the next child.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from probes.contract import ProbeError
from probes.web import snapshot
from probes.web.browser import NoBrowser
from probes.web.snapshot import Page

PAGE = 20_000
"""How long a page may take to open, in milliseconds."""
PATIENCE = 15.0
"""How many seconds more until a child that says nothing is taken for hung."""
START = 90.0
"""How many seconds a child may take to start its browser."""
EACH = 150
"""Pages that one child reads before the next takes over: browsers grow."""


@dataclass(frozen=True, slots=True)
class Read:
    """A page that was asked for: its snapshot, or why there is none."""

    target: str
    page: Page | None
    problem: str = ""


def read(
    targets: Iterable[str],
    *,
    configured: str | None = None,
    proxy: str | None = None,
    timeout: int = PAGE,
    patience: float = PATIENCE,
) -> Iterator[Read]:
    """Reads saved pages and addresses (http, https), in order. `proxy`: through which addresses are fetched.

    A saved page that its own scripts keep from being read is read once more without them.

    Raises NoBrowser when no browser can be started, ProbeError when it cannot be started again.
    """
    child: _Child | None = None
    try:
        for target in targets:
            if child is None or child.done >= EACH:
                if child is not None:
                    child.end()
                child = _Child(configured, proxy)
            job = {"target": target, "file": not is_address(target), "scripts": True, "timeout": timeout}
            found = child.read(job, patience)
            if found.page is None and job["file"] and found.scripts:
                if child.lost:
                    child.end()
                    child = _Child(configured, proxy)
                again = child.read({**job, "scripts": False}, patience)
                found = _without_scripts(again, found.problem) if again.page is not None else found
            if child.lost:
                child.end()
                child = None
            yield Read(target, found.page, found.problem)
    finally:
        if child is not None:
            child.end()


def is_address(target: str) -> bool:
    """Whether a target is an address of the web rather than a file."""
    return target.lower().startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class _Found:
    page: Page | None
    problem: str
    scripts: bool
    """Whether it may have been the page's scripts that stopped it."""


def _without_scripts(found: _Found, problem: str) -> _Found:
    assert found.page is not None
    told = f"its scripts keep it from being read ({problem}): read without them"
    return _Found(replace(found.page, problems=(*found.page.problems, told)), "", scripts=False)


class _Child:
    """One child process and its browser: a process group of their own."""

    def __init__(self, configured: str | None, proxy: str | None) -> None:
        root = str(Path(__file__).parent.parent.parent)
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "probes.web.reader", configured or "", proxy or ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.done = 0
        self.lost = False
        self._lines: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        first = self._next(START)
        if first is None or "ready" not in first:
            self.end()
            said = "" if first is None else str(first.get("no_browser", ""))
            if said:
                raise NoBrowser(said)
            raise ProbeError("the browser's process did not start; unanswered doctor says more")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError, OSError):
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put("")

    def _next(self, seconds: float) -> dict[str, Any] | None:
        """The next line; None when none came in time or no more will come."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if not line:
            return None
        found: dict[str, Any] = json.loads(line)
        return found

    def read(self, job: dict[str, Any], patience: float) -> _Found:
        """What the child has to say of a page; it is `lost` when it hangs or is gone."""
        answer = self.ask(job, job["timeout"], patience)
        if isinstance(answer, str):
            self.lost = True
            return _Found(None, answer, scripts=True)
        if "page" in answer:
            return _Found(snapshot.from_json(answer["page"]), "", scripts=False)
        return _Found(None, str(answer.get("problem", "cannot be read")), scripts=bool(answer.get("scripts")))

    def ask(self, job: dict[str, Any], timeout: int, patience: float) -> dict[str, Any] | str:
        """The answer to a job, or in words what became of the child."""
        self.done += 1
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except OSError:
            return "the browser's process ended before this page"
        answer = self._next(timeout / 1000 + patience)
        if answer is not None:
            return answer
        if self.process.poll() is None:
            return f"keeps the browser busy for more than {timeout / 1000 + patience:g} seconds; it was stopped"
        return "broke the browser's process"

    def end(self) -> None:
        """Ends the child and everything that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._listener.join(timeout=5)
