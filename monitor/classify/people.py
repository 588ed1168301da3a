"""Rules for what people write, and for the bulk mail that is neither."""

from __future__ import annotations

from monitor.classify.finding import Finding
from monitor.classify.view import View

MANY_LINKS = 4
LONG = 2_000
_CAMPAIGN = ("unsubscribe", "campaign", "feedback")


def opt_out(view: View) -> Finding | None:
    """A person asks not to be written to again."""
    said = view.says("opt_out", opening=True) or view.says_only("stop")
    if not said or view.signs.any_machine or view.signs.bulk:
        return None
    return Finding("opt_out", (f"it says {said}",))


def marketing(view: View) -> Finding | None:
    """Bulk mail that answers nothing."""
    if view.threaded or view.answering:
        return None
    bulk = view.signs.bulk
    discussion = view.mail.has("list-post") and bool(view.signs.client)
    leave = view.leave()
    if bulk and not discussion and (leave or any(word in one for one in bulk for word in _CAMPAIGN)):
        return Finding("marketing", (bulk[0], "it answers nothing"))
    if leave and not view.signs.client and (view.links >= MANY_LINKS or len(view.mail.text) > LONG):
        return Finding(
            "marketing", ("it says how to stop receiving it, has the form of bulk mail, and answers nothing",)
        )
    return None


def human(view: View) -> Finding | None:
    """A person wrote: a text of its own, no sign of a machine, and something that only an answer or a person has.

    In-Reply-To alone is no such thing: help desks' templates carry it too.
    """
    if not any(char.isalpha() for char in view.flat):
        return None
    why: list[str] = []
    if view.quoting:
        why.append("it quotes the mail it answers")
    if view.reply_subject:
        why.append("its subject is that of an answer")
    if view.signs.client:
        why.append(f"written with {view.signs.client}")
    sure = len(why)
    if not view.covered and not (view.quoting and why) and not view.signs.client and not _very_short(view):
        return None
    if view.signed:
        why.append(f"signed by {view.signed!r}, the sender's own name")
    if view.first_person:
        why.append("it speaks as a person")
    if "?" in view.flat or "？" in view.flat:
        why.append("it asks something")
    if view.priced:
        why.append("it names a price")
    crowded = view.links >= MANY_LINKS and not view.threaded
    if not sure and (not view.covered or view.template_words or view.signs.hints or crowded):
        return None
    return Finding("human", (*why, "no sign of a machine")) if why else None


def _very_short(view: View) -> bool:
    return bool(view.reply_subject and len(view.flat) < 80)
