"""A person decides: what waits, what is known of it, and a decision that wins over the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.app import App
from monitor.classify.decisive import decisive
from monitor.errors import Erased, UsageError
from monitor.facts import KINDS
from monitor.problems import did_you_mean
from monitor.report import refresh
from monitor.store import reviewing as records
from monitor.store.hearing import GapEntry, gaps
from monitor.store.reviewing import Decision, Waiting
from monitor.store.scoring import NOBODY, WITHDRAWN
from monitor.store.understanding import raw
from probes.mail.mime import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What tells one arrival from another at a glance; `sentence`: the one that its verdict hangs on, or its first.
    All empty where its bytes were erased."""

    sender: str = ""
    subject: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What waits for a person: arrivals, and gaps that a canary showed."""

    arrivals: tuple[Waiting, ...]
    gaps: tuple[GapEntry, ...]
    heads: Mapping[int, Head] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One arrival in full."""

    arrival: int
    sender: str
    subject: str
    text: str
    decisions: tuple[Decision, ...]
    erased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A decision that was recorded. `before`: the one that it replaces; `stopped`: businesses never asked again."""

    arrival: int
    kind: str
    before: Decision | None
    stopped: tuple[str, ...] = ()


def inbox(app: App, limit: int | None = None) -> Inbox:
    """Everything that waits for a person's eye, after deciding all outcomes anew; heads for the first `limit`."""
    refresh(app)
    arrivals = tuple(records.waiting(app.store))
    return Inbox(
        arrivals=arrivals,
        heads={one.arrival: _head(app, one) for one in arrivals[:limit]},
        gaps=tuple(gap for gap in gaps(app.store, unclosed=True) if gap.found_by == "canary"),
    )


def show(app: App, arrival: int) -> Shown:
    """One arrival. Raises UsageError when there is none."""
    _must_exist(app, arrival)
    try:
        mail = parse(raw(app.store, arrival))
    except Erased as gone:
        return _erased(app, arrival, str(gone))
    except Exception:  # whatever a mail holds, the person may still decide about it
        mail = None
    return Shown(
        arrival=arrival,
        sender=mail.sender.address if mail else "",
        subject=mail.subject if mail else "",
        text=mail.text if mail else "",
        decisions=tuple(records.decisions(app.store, arrival)),
    )


def decide(app: App, arrival: int, *, kind: str, probe: str | None, who: str, why: str) -> Reviewed:
    """Record what a person decided; it counts from now on, and no `rescore` undoes it. Raises UsageError."""
    return decide_all(app, [arrival], kind=kind, probe=probe, who=who, why=why)[0]


def decide_all(
    app: App, arrivals: Sequence[int], *, kind: str, probe: str | None, who: str, why: str
) -> list[Reviewed]:
    """The same of several arrivals: of all of them or, where something is wrong with one, of none."""
    arrivals = list(dict.fromkeys(arrivals))
    for arrival in arrivals:
        _must_exist(app, arrival)
    if kind not in (WITHDRAWN, NOBODY, *KINDS):
        raise UsageError(f"{kind!r} is no kind of arrival; {did_you_mean(kind, KINDS)}")
    if not why.strip() or not who.strip():
        raise UsageError(
            "a decision needs a reason (--why) and a name (--who): both are shown to whoever challenges it"
        )
    if probe is not None and not records.exists_probe(app.store, probe):
        raise UsageError(f"there is no probe {probe!r}; `unanswered inbox` names them")
    if probe is not None and kind in (NOBODY, WITHDRAWN):
        raise UsageError(f"--{kind} gives it to no probe; leave --probe out")
    for arrival in arrivals:
        if records.is_canary(app.store, arrival):
            raise UsageError(f"arrival {arrival} is a canary of our own: there is nothing to decide about it")
    before = {arrival: records.decisions(app.store, arrival) for arrival in arrivals}
    stopped = records.decide(app.store, arrivals, kind=kind, probe=probe, who=who, why=why, now=app.clock())
    return [
        Reviewed(
            arrival=arrival,
            kind=kind,
            before=said[-1] if said and said[-1].kind != WITHDRAWN else None,
            stopped=stop.businesses if stop else (),
        )
        for (arrival, said), stop in zip(before.items(), stopped, strict=True)
    ]


def close_gap(app: App, gap: int, *, who: str, why: str) -> None:
    """A person says that nothing was lost in a gap. Raises UsageError."""
    if not why.strip():
        raise UsageError("closing a gap needs a reason (--why): it says that nothing was lost in it")
    if not records.close_gap(app.store, gap, who=who, why=why, now=app.clock()):
        raise UsageError(
            f"gap {gap} cannot be closed by hand: only one that a canary showed, that is over and still open; "
            "`unanswered inbox` lists them"
        )


def _must_exist(app: App, arrival: int) -> None:
    if not records.exists_arrival(app.store, arrival):
        raise UsageError(f"there is no arrival {arrival}; `unanswered inbox` lists what waits")


def _head(app: App, one: Waiting) -> Head:
    try:
        mail = parse(raw(app.store, one.arrival))
    except Exception:  # erased, or whatever a mail holds: the person may still decide about it
        mail = None
    return Head(
        sender=str(mail.sender.address or mail.sender.name) if mail else "",
        subject=mail.subject if mail else "",
        sentence=decisive(one.text, one.reason),
    )


def _erased(app: App, arrival: int, why: str) -> Shown:
    """What is left of an arrival whose bytes are gone: when that was, and what the rules had read, blanked."""
    verdict = records.last_words(app.store, arrival)
    text = f"({why})\n\n{verdict}" if verdict else f"({why})"
    return Shown(
        arrival=arrival,
        sender="",
        subject="",
        text=text,
        decisions=tuple(records.decisions(app.store, arrival)),
        erased=True,
    )
