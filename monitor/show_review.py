"""How the inbox and a decision are told on the terminal. What mails hold is made printable: it is hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.store.scoring import NOBODY, WITHDRAWN
from monitor.terminal import Terminal, local, printable

if TYPE_CHECKING:
    from monitor.reviewing import Inbox, Reviewed, Shown

FIRST_WORDS = 84
WIDTH = 98


def _command(arrival: int, kind: str, *, matched: bool) -> str:
    """What to type where the rules are right about the kind, or, where they are not sure, a person answered."""
    kind = "human" if kind == "unclear" else kind
    whose = "" if matched else " --probe PROBE"
    return f"unanswered review {arrival} --kind {kind}{whose} --why REASON   (or --nobody)"


def _told(terminal: Terminal, what: str, text: str) -> None:
    """A labelled text, folded so that it stays beside its label."""
    import textwrap

    lines = textwrap.wrap(printable(text), WIDTH - 11, break_on_hyphens=False) or [""]
    for label, line in zip([what, *[""] * (len(lines) - 1)], lines, strict=True):
        terminal.say(f"    {label:<6} {line}")


def inbox(terminal: Terminal, found: Inbox, limit: int) -> int:
    """What waits; 1 when something does."""
    for gap in found.gaps:
        terminal.record({"gap": gap.id, "for": gap.mailbox, "since": gap.since, "until": gap.until, "why": gap.why})
        until = f" until {local(gap.until)}" if gap.until else ""
        terminal.say(f"gap {gap.id}: perhaps deaf for {gap.mailbox} from {local(gap.since)}{until}: {gap.why}")
    for one in found.arrivals[:limit]:
        head = found.heads.get(one.arrival)
        text = " ".join(printable(one.text).split())
        sender, subject = (head.sender, head.subject) if head else ("", "")
        sentence = " ".join(printable(head.sentence).split()) if head else ""
        command = _command(one.arrival, one.kind, matched=one.probe is not None)
        terminal.record(
            {
                "arrival": one.arrival, "at": one.at, "kind": one.kind, "why": one.why, "reason": one.reason,
                "probe": one.probe, "business": one.business, "sender": sender, "subject": subject,
                "sentence": sentence, "text": text, "erased": one.erased, "command": command,
            }
        )  # fmt: skip
        of = f"{printable(one.business)} (probe {one.probe})" if one.business else "nobody"
        terminal.say(f"{one.arrival}  {local(one.at)}  {one.kind}  {of}{'  (erased)' if one.erased else ''}")
        if not one.erased:
            terminal.say(f"    from   {printable(sender)}: {printable(subject)}"[:WIDTH])
        if sentence:
            terminal.say(f"    says   “{sentence[:FIRST_WORDS]}{'…' if len(sentence) > FIRST_WORDS else ''}”")
        _told(terminal, "waits", one.why)
        _told(terminal, "rules", one.reason)
        terminal.say(f"    type   {command}")
    more = len(found.arrivals) - limit
    if more > 0:
        terminal.say(f"and {more} more; show them with --limit")
    if not found.arrivals and not found.gaps:
        terminal.say("nothing waits for a person")
        return 0
    terminal.say("`unanswered review NUMBER` shows one in full; several NUMBERs may be decided about at once")
    return 1


def arrival(terminal: Terminal, one: Shown) -> None:
    """One arrival in full."""
    terminal.record(
        {
            "arrival": one.arrival, "sender": one.sender, "subject": one.subject, "text": one.text,
            "erased": one.erased,
            "decisions": [{"kind": d.kind, "who": d.who, "why": d.why, "at": d.at} for d in one.decisions],
        }
    )  # fmt: skip
    terminal.say(f"arrival {one.arrival}, from {printable(one.sender) or 'nobody named'}: {printable(one.subject)}")
    if one.erased:
        terminal.say("  its bytes were erased; what was understood of it stands")
    for line in one.text.splitlines():
        terminal.say(f"  {printable(line)}")
    for decision in one.decisions:
        said = _said(decision.kind)
        terminal.say(f"{local(decision.at)}: {printable(decision.who)} {said}: {printable(decision.why)}")


def _said(kind: str) -> str:
    if kind == WITHDRAWN:
        return "gave it back to the rules"
    return "said that it belongs to nobody" if kind == NOBODY else f"said {kind}"


def decided(terminal: Terminal, done: Reviewed) -> None:
    """What was recorded, what it replaces, and whom it stops."""
    terminal.record({"arrival": done.arrival, "kind": done.kind, "stopped": list(done.stopped)})
    if done.kind == WITHDRAWN:
        terminal.say(f"arrival {done.arrival} is the rules' again; what was stopped because of it stays stopped")
        return
    if done.kind == NOBODY:
        terminal.say(f"arrival {done.arrival} belongs to nobody from now on and counts for no enquiry")
    else:
        terminal.say(f"arrival {done.arrival} counts as {done.kind} from now on, also after `rescore`")
    if done.before is not None:
        terminal.warn(f"it replaces what {printable(done.before.who)} said: {done.before.kind}")
    if done.stopped:
        terminal.say(f"never asked again: {', '.join(done.stopped)}")
