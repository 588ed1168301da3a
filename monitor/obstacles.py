"""Why nothing can be sent for a probe now, in words: the config, the wire, deafness, a server that refuses us.

Asked before a contact is taken, so that what is the matter on our side uses up no probe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config import Config
from monitor.facts import Due
from monitor.listen import ListenSummary, hear
from monitor.store.engine import Store
from monitor.store.hearing import has_heard
from probes.contract import Guards, Listens, OnlyReceives, OpenChannel, Receipt, Sends

SAME_ANSWERS = 5
"""Equal refusals in a row from which on a server counts as one that refuses us, not what we ask."""

_NAMES_SOMETHING = re.compile(r"\S*[@\d]\S*|[<(\[][^<>()\[\]]*[>)\]]")
"""What differs from one refusal to the next without changing what it says: addresses, numbers, queue ids."""


class Obstacles:
    """Remembers for one pass what it found out."""

    def __init__(self, store: Store, config: Config, channels: Mapping[str, OpenChannel], now: Clock) -> None:
        self._store, self._config, self._channels, self._now = store, config, channels, now
        self._deaf: dict[str, str] | None = None
        self._guarded_places: dict[tuple[str, str], str | None] = {}
        self._rows: dict[str, _Row] = {}

    def of(self, due: Due) -> str | None:
        """Why nothing can be sent for this probe now; None when it can."""
        channel = due.target.channel
        return self.configured(due) or self.refusing(channel) or self._guarded(due) or self._unheard(channel)

    def configured(self, due: Due) -> str | None:
        """Why nothing can be sent for this probe by this config; None when it can. Touches no wire."""
        channel = due.target.channel
        if due.study not in self._config.studies:
            return f"study {due.study} is no longer in the config; its planned probes are not sent"
        if channel not in self._channels or not isinstance(self._channels[channel].wire, Sends):
            return f"channel {channel} is not configured to send; its planned probes are not sent"
        if self._channels[channel].kind.description.needs_number or (due.number and due.number in due.body):
            return self._number(due)
        return None

    def _number(self, due: Due) -> str | None:
        """Why its number cannot be used or shown; None when it can: it is listened to."""
        persona = due.persona.id
        if due.number is None:
            return f"{due.target.channel} needs a number, and persona {persona} has none; give it some in `numbers`"
        wires = [one.wire for one in self._channels.values()]
        if not any(due.number == ear.mailbox for wire in wires if isinstance(wire, Listens) for ear in wire.ears()):
            return f"{due.number} of persona {persona} is listened to by no channel; put it into a channel's `numbers`"
        return None

    # ------------------------------------------------------------------ a server that refuses us
    def note(self, channel: str, receipt: Receipt) -> None:
        """What became of one contact: many equal refusals of ourselves in a row, and the channel is left alone."""
        said = _refusal_of_us(receipt)
        row = self._rows.get(channel)
        if row is not None and row.said == said:
            row.times += 1
        else:
            self._rows[channel] = _Row(said, receipt.reason, 1)

    def refusing(self, channel: str) -> str | None:
        """Why nothing more goes out on a channel in this pass; None while nothing speaks against it."""
        row = self._rows.get(channel)
        if row is None or row.said is None or row.times < SAME_ANSWERS:
            return None
        return (
            f"{channel}: {row.times} refusals in a row say the same, and not of whom we write to: {row.reason}; the "
            "rest waits; run `doctor`, put it right, then `send` again"
        )

    # ------------------------------------------------------------------ the wire
    def _guarded(self, due: Due) -> str | None:
        """Why the channel would refuse this target while the config is not live; asked once a destination."""
        wire, place = self._channels[due.target.channel].wire, (due.target.channel, due.target.scope)
        if isinstance(wire, Guards) and place not in self._guarded_places:
            self._guarded_places[place] = wire.refusal(due.target.address)
        return self._guarded_places.get(place)

    def _shut(self) -> str | None:
        """What hears by the door alone and has never been open: what was sent before could be answered in vain."""
        for name, one in self._channels.items():
            if isinstance(one.wire, OnlyReceives) and not has_heard(self._store, name, one.wire.mailbox):
                return f"{name} hears by the door, which has never been open; start `run`, then send"
        return None

    def _unheard(self, channel: str) -> str | None:
        """Why an answer on this channel would be lost. A mailbox begins to be heard when it is first read, so it is
        read before the first enquiry goes out."""
        if self._deaf is None:
            self._deaf = {}
            for name, one in self._channels.items():
                if not isinstance(one.wire, Listens):
                    continue
                if not all(has_heard(self._store, name, ear.mailbox) for ear in one.wire.ears()):
                    summary = ListenSummary()
                    hear(self._store, name, one.wire, self._now, summary)
                    self._deaf |= summary.deaf
        if not self._channels[channel].kind.description.answerable:
            return None
        if shut := self._shut():
            return shut
        if not any(isinstance(one.wire, Listens | OnlyReceives) for one in self._channels.values()):
            return "no channel of the config hears; nothing is sent whose answer nobody would read"
        hears_itself = isinstance(self._channels[channel].wire, Listens)
        for name in [channel] if hears_itself else list(self._deaf):
            if name in self._deaf:
                return f"{name} has never been heard ({self._deaf[name]}); nothing is sent whose answer comes in there"
        return None


@dataclass(slots=True)
class _Row:
    """The latest answers in a row that say the same."""

    said: tuple[str, ...] | None
    reason: str
    times: int


def _refusal_of_us(receipt: Receipt) -> tuple[str, ...] | None:
    """What a server said when it refused us for good, without what differs from mail to mail; None for all else.

    A log-in that is refused for good leaves the contact deferred; any other refusal for good that is not about us has
    `accepted_by`.
    """
    final = receipt.code is not None and receipt.code.startswith("5")
    refused = receipt.state == "not_sent" and receipt.accepted_by is None
    if not final or not (receipt.state == "deferred" or refused):
        return None
    words = _NAMES_SOMETHING.sub(" ", receipt.reason).casefold().split()
    return receipt.host or "", receipt.code or "", *words
