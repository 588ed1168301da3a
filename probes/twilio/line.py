"""One of our numbers, listened to by listing what the provider keeps: the catch-up, and the proof that we hear.

What is pushed to the door is the same, seen earlier. A listing begins an hour before the last one ended: what was
entered late is found, and what is known already is a repeat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from probes.contract import Arrival, Batch, Clock, Cursor, ProbeError, TargetRefused
from probes.twilio.account import Api

OVERLAP = timedelta(hours=1)
LISTING = "listing"

ToArrival = Callable[[dict[str, Any], datetime], Arrival | None]
"""A thing of the listing as an arrival (None: it is none, or not yet), seen at this moment."""


class Line:
    """An Ear. `what` is listed ("Messages", "Calls"), `since` is the filter for its time ("DateSent>")."""

    def __init__(self, api: Api, number: str, *, what: str, since: str, poll: timedelta, to_arrival: ToArrival) -> None:
        self.mailbox = number
        self._api, self._what, self._since, self._poll, self._to_arrival = api, what, since, poll, to_arrival

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        """Everything to and from this number since the last listing."""
        began = now().astimezone(UTC)
        here = Cursor(place=LISTING, position=began.isoformat())
        refused = self._api.refusal()
        if refused:
            raise TargetRefused(refused)
        known = cursors.get(LISTING)
        if known is None:
            self._api.page(self._what, {"To": self.mailbox})  # it can be heard
            yield Batch(mailbox=self.mailbox, arrivals=(), cursor=here, heard_until=began)
            return
        try:
            since = datetime.fromisoformat(known) - OVERLAP
        except ValueError as error:
            raise ProbeError(f"the cursor of {self.mailbox} is no time: {known!r}", permanent=True) from error
        stays = Cursor(place=LISTING, position=known)
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for side in ("To", "From"):
            for page in self._api.pages(self._what, {side: self.mailbox, self._since: stamp}):
                found = tuple(one for thing in page if (one := self._to_arrival(thing, began)) is not None)
                yield Batch(mailbox=self.mailbox, arrivals=found, cursor=stays)
        yield Batch(mailbox=self.mailbox, arrivals=(), cursor=here, heard_until=began)

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        """List again and again; what comes in between is brought to the door."""
        while not stop.is_set():
            yield from self.listen(cursors(), now)
            stop.wait(self._poll.total_seconds())


def listed(thing: Mapping[str, Any]) -> bytes:
    """A thing of a listing as it is stored: its JSON, in one spelling."""
    return json.dumps(thing, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
