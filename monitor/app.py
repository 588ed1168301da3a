"""The wiring: config, store, channels and clock put together. Nothing is decided here and nothing is drawn."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.clock import Clock, system_clock
from monitor.config import Config, load
from monitor.store.engine import Store
from probes.contract import OpenChannel


class App:
    """One config at work. Use as a context manager: it closes the store."""

    def __init__(self, config: Config, clock: Clock = system_clock) -> None:
        self.config = config
        self.clock = clock

    @classmethod
    def open(cls, path: Path, clock: Clock = system_clock) -> App:
        """The app for the config at `path`. Raises ConfigError; the store is opened when first used."""
        return cls(load(path), clock)

    @cached_property
    def store(self) -> Store:
        return Store.open(self.config.store)

    @cached_property
    def channels(self) -> dict[str, OpenChannel]:
        """Every configured channel, opened; no wire is touched yet. Raises ProbeError (TargetRefused among them)."""
        return {
            name: OpenChannel(name, one.kind, one.kind.open(name, one.settings, live=self.config.live))
            for name, one in self.config.channels.items()
        }

    def spellings(self, address: str) -> set[str]:
        """`address` as each channel would store it, and as it was written (a mail domain is no address)."""
        found = {address}
        for one in self.config.channels.values():
            with suppress(ValueError):
                found.add(one.kind.normalise(address))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if "store" in self.__dict__:
            self.store.close()
