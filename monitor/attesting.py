"""Checks the signatures of what has come, with the keys that are published now: they are evidence only while they last.

Runs beside understanding and never before it: no verdict waits for a name server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.clock import Clock
from monitor.store.attesting import Attested, loaded, not_attested, store_attested
from monitor.store.engine import Store
from probes.contract import Attests, OpenChannel, ProbeError

log = logging.getLogger(__name__)

YOUNG = timedelta(days=14)
"""An arrival older than this is not checked any more: the key of today is not that of its day."""

BUDGET = timedelta(minutes=2)
"""A pass begins no further arrival after this; what is left waits for the next one."""

AT_A_TIME = 100
"""Arrivals whose results are stored in one transaction."""


@dataclass(slots=True, kw_only=True)
class AttestSummary:
    """What a pass did. `waiting`: arrivals whose keys cannot be asked for now, by channel, with the last reason."""

    checked: int = 0
    signatures: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


def attest_pass(
    store: Store, channels: Mapping[str, OpenChannel], now: Clock, *, going_on: Callable[[], bool] = lambda: True
) -> AttestSummary:
    """Check what is young and not checked yet, on every channel that can. Raises StoreError only.

    Where the name servers do not answer about one mail, it waits and the others go on; where they may not be asked
    (the config is not live), the channel waits as a whole. Ends early when `going_on` says no.
    """
    summary = AttestSummary()
    for name, channel in channels.items():
        if isinstance(channel.wire, Attests):
            _channel(store, name, channel.wire, now, going_on, summary)
    for name, why in summary.why.items():
        log.info("%s: %d arrivals wait for their signatures to be checked: %s", name, summary.waiting[name], why)
    return summary


def _channel(
    store: Store, name: str, wire: Attests, now: Clock, going_on: Callable[[], bool], summary: AttestSummary
) -> None:
    begun = now()
    waiting = not_attested(store, name, begun - YOUNG)
    while waiting:
        raws = loaded(store, waiting[:AT_A_TIME])
        waiting = waiting[len(raws) :]
        done: list[Attested] = []
        for arrival, raw in raws.items():
            if now() - begun > BUDGET or not going_on():
                waiting.clear()
                break
            at = now()
            try:
                done.append(Attested(arrival=arrival, at=at, found=wire.attest(raw, lambda at=at: at)))  # type: ignore[misc]
            except ProbeError as error:
                _wait(summary, name, str(error))
                if error.permanent:
                    waiting.clear()
                    break
            except Exception as error:
                log.exception("%s: the channel broke over the signatures of arrival %d", name, arrival)
                _wait(summary, name, f"the channel broke over arrival {arrival}: {error}")
        if done:
            summary.checked += store_attested(store, done)
            summary.signatures += sum(len(one.found) for one in done)


def _wait(summary: AttestSummary, name: str, why: str) -> None:
    summary.waiting[name] = summary.waiting.get(name, 0) + 1
    summary.why[name] = why
