"""One probe as a page tells it: its line, its mark, one short sentence, and what came in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from reports.charts.marks import GRAMMAR, MARK_OF
from reports.charts.timeline import Track, timeline
from reports.edition import Edition, Event
from reports.pages.terms import IN_RATE, KEYS, STANDINGS, kind
from reports.words import SECOND, day, duration, moment, short, stamp

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One arrival, in words."""

    mark: str
    kind: str
    at: str
    stamp: str
    wait: str
    reasons: tuple[str, ...]
    key: str
    standing: str
    flags: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One enquiry, in words. `disposition` and `closed` are those of the headline window."""

    id: str
    channel: str
    sent_at: int | None
    disposition: str
    closed: bool
    mark: str
    says: str
    track: Track
    wait: int | None  # first human reply, microseconds after sending
    open: str = ""  # why it is not closed; empty where it is, or was never sent
    day: str = ""
    moment: str = ""
    stamp: str = ""
    delivery: str = ""  # what mail servers said of it, in sentences
    heard: tuple[Heard, ...] = field(default=())

    @property
    def line(self) -> Markup:
        return timeline(self.track)


def probe(row: Row, edition: Edition, window: int, *, events: bool = False) -> Probe:
    """The probe of one outcome row (with columns `disposition` and `closed` at this window).

    `events`: also what came in, which only the business's own page shows.
    """
    sent, mark = row["sent_at"], MARK_OF[row["disposition"]]
    wait = _after(row, "first_human_at", edition.now)
    if row["disposition"] == "answered" and row["first_human_kind"] == "opt_out":
        mark = "refusal"
    says, unclosed = _says(row, window, edition.now), _open(row, window, edition.now)
    heard = edition.events.get(row["probe"], ()) if events else ()
    return Probe(
        id=row["probe"],
        channel=row["channel"],
        sent_at=sent,
        disposition=row["disposition"],
        closed=bool(row["closed"]),
        mark=mark,
        says=says,
        track=_track(row, mark, edition.now, says),
        wait=wait if row["state"] == "sent" else None,
        open="" if row["disposition"] == "pending" and unclosed == _OPEN else unclosed,
        day=day(sent, edition.timezone) if sent is not None else "",
        moment=moment(sent, edition.timezone) if sent is not None else "",
        stamp=stamp(sent) if sent is not None else "",
        delivery=_delivery(row, edition.now),
        heard=tuple(_heard(event, sent, edition.timezone) for event in sorted(heard, key=lambda event: event.at)),
    )


def _after(row: Row, column: str, now: int) -> int | None:
    """How long after sending it happened (0 when stamped before), None when it did not, or not yet."""
    at, sent = row[column], row["sent_at"]
    return None if at is None or sent is None or at > now else max(0, at - sent)


def _heard_for(row: Row, now: int) -> int:
    """How long after sending we have heard everything: never beyond the moment the figures are of."""
    sent, until = row["sent_at"], row["observed_until"]
    return 0 if sent is None or until is None else max(0, min(until, now) - sent)


_OPEN = "window open"


def _open(row: Row, window: int, now: int) -> str:
    """Why an enquiry that was sent is not closed, in words; empty where it is closed."""
    sent = row["sent_at"]
    if row["closed"] or sent is None:
        return ""
    if sent + window > now:
        return _OPEN
    deaf = row["gap_from"] is not None and row["gap_from"] < sent + window
    return "we were deaf later in the window" if deaf else "not heard through"


def _stops(row: Row, now: int) -> list[tuple[int, str]]:
    """Marks on the way: machines, bounces and unclear mails."""
    columns = (
        ("first_ack_at", "machine"), ("first_bot_at", "machine"), ("first_auto_at", "machine"),
        ("first_unclear_at", "unclear"), ("bounced_at", "bounce"),
    )  # fmt: skip
    waits = ((_after(row, column, now), mark) for column, mark in columns)
    return sorted((wait, mark) for wait, mark in waits if wait is not None)


def _track(row: Row, mark: str, now: int, says: str) -> Track:
    disposition = row["disposition"]
    if mark == "unsent" or (row["state"] != "sent" and disposition != "unknown"):
        return Track(end="unsent", label=says)
    stops, human = _stops(row, now), _after(row, "first_human_at", now)
    if disposition == "unknown":
        end, at = "ours", 0
        stops += [(human, "person")] if human is not None else []
    elif human is not None:
        end, at = ("refusal" if row["first_human_kind"] == "opt_out" else "person"), human
        stops = [stop for stop in stops if stop[0] <= human]  # the line ends here: what came later is told in words
    elif disposition == "not_heard":
        end, at = "deaf", _after(row, "gap_from", now) or 0
    elif disposition == "not_delivered":
        end, at = "bounce", _after(row, "bounced_at", now) or 0
        stops = [stop for stop in stops if stop[1] != "bounce"]
    elif disposition == "undetermined":
        end, at = "unclear", max((stop[0] for stop in stops), default=0)
        stops = [stop for stop in stops if stop[0] != at]
    elif row["closed"]:
        end, at = "silence", 0
    else:
        end, at = "waiting", _heard_for(row, now)
    return Track(end=end, at=at, stops=stops, label=says)


def _says(row: Row, window: int, now: int) -> str:
    disposition, human = row["disposition"], _after(row, "first_human_at", now)
    junk = ", found in the junk folder" if row["junk"] else ""
    if disposition == "unknown":
        return "may or may not have arrived" + (f"; a person wrote {_when(human)}" if human is not None else "")
    if row["state"] in {"planned", "sending", "deferred"}:
        return "not sent yet"
    if row["state"] != "sent":
        words = {"not_sent": "not sent", "blocked": "stopped", "suppressed": "not written to"}
        return (
            f"{words.get(disposition, 'not reachable')}: {row['reason']}"
            if row["reason"]
            else words.get(disposition, "not reachable")
        )
    unclosed = _open(row, window, now)
    still = f", {unclosed}" if unclosed else ""
    if disposition == "answered" and human is not None:
        verb = "a person asked us to stop" if row["first_human_kind"] == "opt_out" else "a person answered"
        return f"{verb} {_when(human)}{junk}{still}"
    late = f"; a person only {_when(human)}{junk}, past the {short(window)}" if human is not None else ""
    return _silent(row, window, now, still) + late


def _silent(row: Row, window: int, now: int, still: str) -> str:
    """What became of an enquiry that was sent and that no person answered within the window."""
    disposition = row["disposition"]
    if disposition == "machine_only":
        return _machine(row, window, now) + still
    if disposition == "not_delivered":
        return f"came back {_when(_after(row, 'bounced_at', now) or 0)}{_why_back(row)}"
    if disposition == "not_heard":
        gap = _after(row, "gap_from", now) or 0
        return f"we were deaf from {duration(gap)} on" if gap else "we were deaf from the start"
    if disposition == "undetermined":
        bounced = _after(row, "bounced_at", now)
        if row["disputed"] and bounced is not None and _after(row, "first_unclear_at", now) is None:
            return f"a bounce {_when(bounced)}{_why_back(row)} that is in doubt{still}"
        return ("unclear; waits for a reader" if not row["by_hand"] else "unclear, also to a reader") + still
    if disposition == "pending":
        heard, begun = _heard_for(row, now), still.removeprefix(", ") == _OPEN
        if begun:
            return f"{_OPEN}, waiting for {duration(heard)}" if heard else f"{_OPEN}, nothing was heard yet"
        return f"not heard through: heard for {duration(heard)}" if heard else "not heard through: nothing was heard"
    return "nobody"


def _why_back(row: Row) -> str:
    """What kind of bounce it was, in brackets; nothing where the bounce does not say."""
    if row["mailbox_full"]:
        return " (mailbox full)"
    return {True: " (hard bounce)", False: " (soft bounce)", None: ""}[row["bounce_hard"]]


_KIND_OF_BOUNCE = {
    True: "a hard bounce: refused for good",
    False: "a soft bounce: refused for a reason that may pass",
    None: "a bounce that does not say whether it is for good",
}


def _delivery(row: Row, now: int) -> str:
    """What mail servers reported of the way: late, refused and why, and whether that report is believed."""
    said = []
    delayed, bounced = _after(row, "delayed_at", now), _after(row, "bounced_at", now)
    if delayed is not None:
        said.append(f"Delayed on the way: a mail server said so {_when(delayed)}.")
    if bounced is not None:
        what = "mailbox full" if row["mailbox_full"] else _KIND_OF_BOUNCE[row["bounce_hard"]]
        said.append(f"It came back {_when(bounced)}: {what}.")
        if row["disputed"]:
            said.append("The bounce is disputed, since it does not stand alone or comes too late: it is not believed.")
        elif row["disposition"] == "not_delivered":
            who = "the business\u2019s own server" if row["accepted_by"] == "recipient_mx" else "our relay"
            said.append(f"So it was refused after {who} had accepted it.")
    return " ".join(said)


def _when(wait: int) -> str:
    """ "after 3 h 20 min"; "at once" for what a clock does not tell apart from the sending."""
    return f"after {duration(wait)}" if wait >= SECOND else "at once"


def _machine(row: Row, window: int, now: int) -> str:
    """The strongest machine that replied within the window."""
    for column, words in (
        ("first_bot_at", "a bot"),
        ("first_ack_at", "an acknowledgement"),
        ("first_auto_at", "an automatic reply"),
    ):
        wait = _after(row, column, now)
        if wait is not None and wait <= window:
            return f"only {words} {_when(wait)}"
    return "only a machine"


def _heard(event: Event, sent: int | None, timezone: str) -> Heard:
    mark, name = kind(event.kind)
    flags = []
    if event.junk:
        flags.append("found in the junk folder")
    if event.by_hand:
        flags.append("decided by hand")
    if not event.strong:
        flags.append("weak match")
    return Heard(
        mark=mark,
        kind=name,
        at=moment(event.at, timezone),
        stamp=stamp(event.at),
        wait=f"{duration(max(0, event.at - sent))} after sending" if sent is not None else "",
        reasons=event.reasons,
        key=KEYS.get(event.key, event.key),
        standing=STANDINGS.get(event.standing, event.standing),
        flags=tuple(flags),
        text=event.text,
    )


_SHORT = {
    "person": "answered by a person", "refusal": "asked us to stop", "machine": "machine only", "silence": "nobody",
    "bounce": "came back", "waiting": "still open", "unclear": "unclear", "deaf": "not heard",
    "ours": "may not have arrived", "unsent": "not sent",
}  # fmt: skip


def mark_words(probes: Sequence[Probe]) -> str:
    """A strip of probes in words, for those who do not see it: "3 answered by a person, 1 nobody"."""
    seen: dict[str, int] = {}
    for one in probes:
        seen[one.mark] = seen.get(one.mark, 0) + 1
    return ", ".join(f"{n} {_SHORT[mark]}" for mark, n in seen.items())


def grammar(probes: Collection[Probe]) -> list[tuple[str, str]]:
    """The legend of these probes: the marks they use, and what each says."""
    seen = {one.track.end for one in probes} | {one.mark for one in probes}
    seen |= {mark for one in probes for _, mark in one.track.stops}
    return [(mark, says) for mark, says in GRAMMAR if mark in seen]


def eligible(probes: Sequence[Probe]) -> int:
    """How many of these are in the rate: closed, and in its denominator."""
    return sum(one.closed and one.disposition in IN_RATE for one in probes)
