"""Staying on the line: a thread for each mailbox takes in and understands what comes, whatever happens to the line.

A line that is lost is a gap on record, also for a moment; it is tried again after a while that grows and is never quite
the same, and the catch-up of the next connection closes the gap.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock, Thread

from monitor.clock import Clock
from monitor.listen import Rules, of_the_wire, todays_rules, understand
from monitor.store.engine import Store
from monitor.store.hearing import TakenIn, cursors, open_gap, take_in
from probes.contract import Ear, Listens, OpenChannel, ProbeError

log = logging.getLogger(__name__)

WAIT_MIN, WAIT_MAX = 1.0, 300.0
"""Seconds after which a lost line is tried again: at first, and at most."""

Heard = Callable[[str, TakenIn], None]


def watch(
    store: Store,
    channels: Mapping[str, OpenChannel],
    now: Clock,
    stop: Event,
    *,
    rules: Rules | None = None,
    heard: Heard | None = None,
) -> list[Thread]:
    """Start a thread for every mailbox that is heard: takes in and understands what comes until `stop` is set.

    Returns the threads, running; join them after setting `stop`. `heard` is called after each batch that brought
    something. Whatever breaks - the line, the channel, the store - is logged and tried again.
    """
    line = _Line(store, now, stop, rules or todays_rules(), heard, Lock())
    threads = [
        Thread(target=line.follow, args=(name, ear), name=f"listen-{name}-{ear.mailbox}")
        for name, channel in channels.items()
        if isinstance(channel.wire, Listens)
        for ear in channel.wire.ears()
    ]
    for thread in threads:
        thread.start()
    return threads


@dataclass(frozen=True, slots=True)
class _Line:
    """What the threads share."""

    store: Store
    now: Clock
    stop: Event
    rules: Rules
    heard: Heard | None
    one_at_a_time: Lock

    def follow(self, name: str, ear: Ear) -> None:
        wait = WAIT_MIN
        while not self.stop.is_set():
            try:
                known = partial(cursors, self.store, name, ear.mailbox)
                for batch in of_the_wire(partial(ear.watch, known, self.now, self.stop)):
                    wait = WAIT_MIN
                    taken = take_in(self.store, name, batch, self.now())
                    del batch  # it may be large, and is read anew to be understood
                    with self.one_at_a_time:
                        understand(self.store, self.now, rules=self.rules)
                    if self.heard and taken.new:
                        self.heard(name, taken)
            except ProbeError as error:
                log.warning("%s cannot be heard: %s", name, error)
                self._open_gap(name, ear.mailbox, str(error))
            except Exception:
                log.exception("listening to %s broke off", name)
            self.stop.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
            wait = min(wait * 2, WAIT_MAX)

    def _open_gap(self, name: str, mailbox: str, why: str) -> None:
        try:
            open_gap(self.store, name, mailbox, why, self.now())
        except Exception:
            log.exception("the gap of %s could not be put on record", name)
