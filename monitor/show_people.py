"""How it is told that somebody was forgotten, and what a person must see to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.terminal import Terminal, local, printable

if TYPE_CHECKING:
    from monitor.forgetting import Forgotten

BEYOND = (
    "what this cannot reach: backups of the store, mail in mailboxes and their backups, logs, evidence that was handed "
    "out, and copies of what was published"
)


def forgotten(terminal: Terminal, one: Forgotten) -> int:
    """What was (or would be) erased; 1 while something that can be reached from here names the person."""
    terminal.record(
        {
            "address": one.address, "done": one.done, "before": one.before, "erased": one.erased,
            "businesses": list(one.businesses), "files": list(one.files), "scrubbed": one.scrubbed,
            "unsearched": one.unsearched,
            "left": [{"mailbox": left.mailbox, "place": left.place, "position": left.position} for left in one.left],
        }
    )  # fmt: skip
    shown = printable(one.address)
    parts = ", ".join(f"{count} {name}" for name, count in one.erased.items() if count) or "nothing"
    if not one.done:
        terminal.say(f"{shown}: would erase {parts}; nothing is done yet: run it again with --yes")
    elif one.before is not None:
        terminal.say(f"{shown} was forgotten already, on {local(one.before)}; erased now: {parts}")
    else:
        terminal.say(f"{shown} is forgotten: erased {parts}; never contacted again, and not stored anew")
    if one.businesses:
        verb = "forgotten as a whole" if one.done else "would be forgotten as a whole, and never contacted again"
        terminal.say(f"{verb}: {', '.join(printable(key) for key in one.businesses)}")
    for site in one.sites if one.done else ():
        terminal.say(f"{site}: made anew")
    for left in one.left:
        terminal.say(f"still in the mailbox {left.mailbox}: folder {left.place}, UID {left.position}: delete it there")
    for name in one.files:
        terminal.warn(f"{name}: names the person still; take it out, or run `unanswered report` again")
    if not one.scrubbed:
        terminal.warn("the store is being read: erased bytes may stand in its free pages; run this once more later")
    if one.unsearched:
        terminal.say(
            f"{one.unsearched} exhibits (pictures of pages) stay: they cannot be searched for a person; look at"
            " them with `unanswered evidence`, or forget their business"
        )
    terminal.say(BEYOND)
    return 1 if one.files or not one.scrubbed else 0
