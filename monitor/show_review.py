"""How the inbox and a decision are told on the terminal. What mails hold is made printable: it is hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.store.scoring import WITHDRAWN
from monitor.terminal import Terminal, local, printable

if TYPE_CHECKING:
    from monitor.reviewing import Inbox, Reviewed, Shown

FIRST_WORDS = 160


def inbox(terminal: Terminal, found: Inbox, limit: int) -> int:
    """What waits; 1 when something does."""
    for gap in found.gaps:
        terminal.record({"gap": gap.id, "for": gap.mailbox, "since": gap.since, "until": gap.until, "why": gap.why})
        until = f" until {local(gap.until)}" if gap.until else ""
        terminal.say(f"gap {gap.id}: perhaps deaf for {gap.mailbox} from {local(gap.since)}{until}: {gap.why}")
    for one in found.arrivals[:limit]:
        text = " ".join(printable(one.text).split())
        terminal.record(
            {
                "arrival": one.arrival, "at": one.at, "kind": one.kind, "why": one.why, "reason": one.reason,
                "probe": one.probe, "business": one.business, "text": text, "erased": one.erased,
            }
        )  # fmt: skip
        of = f"{printable(one.business)} (probe {one.probe})" if one.business else "nobody"
        terminal.say(f"{one.arrival}  {local(one.at)}  {one.kind}  {of}{'  (erased)' if one.erased else ''}")
        terminal.say(f"    {printable(one.why)}; the rules say: {printable(one.reason)}")
        if text:
            terminal.say(f"    “{text[:FIRST_WORDS]}{'…' if len(text) > FIRST_WORDS else ''}”")
    more = len(found.arrivals) - limit
    if more > 0:
        terminal.say(f"and {more} more; show them with --limit")
    if not found.arrivals and not found.gaps:
        terminal.say("nothing waits for a person")
        return 0
    terminal.say("`unanswered review NUMBER` shows one; `--kind KIND --why REASON` decides about it")
    return 1


def arrival(terminal: Terminal, one: Shown) -> None:
    """One arrival in full."""
    terminal.record(
        {
            "arrival": one.arrival, "sender": one.sender, "subject": one.subject, "text": one.text,
            "decisions": [{"kind": d.kind, "who": d.who, "why": d.why, "at": d.at} for d in one.decisions],
        }
    )  # fmt: skip
    terminal.say(f"arrival {one.arrival}, from {printable(one.sender) or 'nobody named'}: {printable(one.subject)}")
    for line in one.text.splitlines():
        terminal.say(f"  {printable(line)}")
    for decision in one.decisions:
        said = "gave it back to the rules" if decision.kind == WITHDRAWN else f"said {decision.kind}"
        terminal.say(f"{local(decision.at)}: {printable(decision.who)} {said}: {printable(decision.why)}")


def decided(terminal: Terminal, done: Reviewed) -> None:
    """What was recorded, what it replaces, and whom it stops."""
    terminal.record({"arrival": done.arrival, "kind": done.kind, "stopped": list(done.stopped)})
    if done.kind == WITHDRAWN:
        terminal.say(f"arrival {done.arrival} is the rules' again; what was stopped because of it stays stopped")
        return
    terminal.say(f"arrival {done.arrival} counts as {done.kind} from now on, also after `rescore`")
    if done.before is not None:
        terminal.warn(f"it replaces what {printable(done.before.who)} said: {done.before.kind}")
    if done.stopped:
        terminal.say(f"never asked again: {', '.join(done.stopped)}")
