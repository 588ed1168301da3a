"""What `form` shows of a page. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.terminal import Terminal

if TYPE_CHECKING:  # what others decided is only shown here: nothing heavy is loaded for it
    from monitor.inspecting import Inspected


def inspected(terminal: Terminal, found: Inspected) -> bool:
    """One page; False when it could not be read."""
    inspection = found.inspection
    if inspection is None:
        terminal.warn(f"{found.target}: {found.problem}")
        return False
    terminal.record(found.plain())
    terminal.say(f"{found.target}: {inspection.verdict}")
    if found.via:
        terminal.say(f"  the contact page is {found.via}")
    for reason in inspection.reasons:
        terminal.say(f"  {reason}")
    types = ", ".join(f"{one.index} {one.type} ({one.score:.2f})" for one in inspection.choice.forms)
    if types:
        terminal.say(f"  forms: {types}")
    for key, label in inspection.fields.items():
        terminal.say(f"  {label:<10} {key}")
    for what, values in (("mail", found.published.mails), ("number", found.published.numbers)):
        if values:
            terminal.say(f"  {what}: {', '.join(values[:5])}")
    return True
