"""One pass of a kind at a time: a lock file beside the store, freed by the system when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import StoreBusy, StoreError


@contextmanager
def pass_lock(store: Path, kind: str) -> Iterator[None]:
    """Hold the lock of one kind of pass ("send", "listen") on the store in the file `store`.

    Passes of different kinds run side by side. Raises StoreBusy, naming the process that holds the lock, and
    StoreError where the lock file cannot be made.
    """
    path = lock_file(store, kind)
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreBusy(
                f"{store}: another {kind} pass is running (process {holder}); this one did nothing. "
                "Wait for it to end, or stop that process if it hangs."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def opening_lock(store: Path) -> Iterator[None]:
    """Wait for the turn to make or migrate the store: two processes that start at once migrate once."""
    descriptor = _open(lock_file(store, "open"))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def lock_file(store: Path, kind: str) -> Path:
    """Where the lock of a kind of pass lives. The file stays: deleting it would let two holders in."""
    return store.with_name(f"{store.name}.{kind}.lock")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot make the lock file ({error.strerror}); the folder of the store must exist and be writable"
        ) from error
