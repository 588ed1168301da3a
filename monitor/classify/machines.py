"""Rules for answers that a machine wrote. Headers first; text alone only by two signs and no "I"."""

from __future__ import annotations

from monitor.classify.finding import Finding
from monitor.classify.headers import robot_sender
from monitor.classify.view import View

SHORT = 1_600
"""Templates of absence are shorter than this many characters."""


def challenge(view: View) -> Finding | None:
    """Asks the sender to prove that a person wrote."""
    asked = view.says("challenge", opening=False)
    header = next(
        (name for name in ("x-boxtrapper", "x-challenge", "x-challengeresponse") if view.mail.has(name)), None
    )
    titled = view.titled("challenge", start=False)
    if header and (asked or titled):
        return Finding("challenge", (f"header {header} stands there",))
    if not asked or (view.first_person and view.threaded and not view.signs.any_machine):
        return None
    if view.mail.statuses and not titled and view.times("challenge", 2) < 2:
        return None  # a refusal that tells how to get past it is still a refusal
    if titled or view.signs.replied or view.times("challenge", 2) >= 2 or (view.signs.hints and not view.signs.bulk):
        return Finding("challenge", (f"it asks the sender to prove being a person: {asked}",))
    return None


def bot(view: View) -> Finding | None:
    """Says of itself that it is no person."""
    said = view.says("bot")
    return Finding("bot", (f"it says of itself {said}",)) if said else None


def stated(view: View) -> Finding | None:
    """The headers say that it is an automatic answer."""
    if not view.signs.replied:
        return None
    return _kind(view, view.signs.replied)


def generated(view: View) -> Finding | None:
    """The headers say that a program made it; unclear where help desks say so of what their people wrote."""
    why = view.signs.generated
    if not why and "the envelope sender is empty" in view.signs.hints:
        why = ("the envelope sender is empty",)
    if not why:
        return None
    if view.first_person and view.threaded and view.flat and not _machine_words(view):
        return Finding(
            "unclear", (f"{why[0]}, as help desks write on answers of their people; the text speaks as a person",)
        )
    return _kind(view, why)


def _machine_words(view: View) -> bool:
    return any(view.says(sign) for sign in ("automatic", "out_of_office", "noreply", "unmonitored", "left", "notice"))


def titled(view: View) -> Finding | None:
    """The subject begins as mail programs begin automatic answers."""
    said = view.titled("automatic")
    return _kind(view, (f"the subject begins with {said}",)) if said else None


def _kind(view: View, why: tuple[str, ...]) -> Finding:
    """Which automatic answer it is, once that is certain."""
    away = view.says("out_of_office") or view.titled("out_of_office", start=False)
    gone = view.says("left") or view.says("unmonitored")
    received = view.says("received") or view.titled("acknowledgement", start=False)
    closed = view.says("notice")
    if away and not (view.says("received") and view.says("ticket")):
        return Finding("out_of_office", (*why, f"it says {away}"))
    if gone:
        return Finding("auto_reply", (*why, f"it says {gone}"))
    if received and not closed:
        return Finding("auto_acknowledgement", (*why, f"it says {received}"))
    if view.says("thanks") and view.says("follow_up") and not closed:
        return Finding("auto_acknowledgement", (*why, "it thanks and promises an answer"))
    return Finding("auto_reply", why)


def absence(view: View) -> Finding | None:
    """Says that somebody is away, as such notices do: at once, briefly, with a return or a stand-in."""
    said = view.says("out_of_office", opening=True)
    if not said or len(view.new) > SHORT or "?" in view.flat or "？" in view.flat:
        return None
    place = said.phrase.find(view.opening)
    early = place is not None and place[0] < 220
    signs = [view.titled("out_of_office", start=False), view.says("automatic"), view.says("absence")]
    second = next((one for one in signs if one), None)
    if not early or second is None:
        return None
    if second.sign == "absence" and (view.quoting or view.priced) and view.times("absence", 2) < 2:
        return None
    return Finding("out_of_office", (f"it says {said}", f"and {second}"))


def acknowledgement(view: View) -> Finding | None:
    """Confirms receipt and says nothing else, by at least two signs."""
    received = view.says("received")
    subject = view.titled("acknowledgement")
    automatic = view.says("automatic")
    if not (received or subject or automatic) or view.priced or len(view.new) > 2 * SHORT:
        return None
    follow, thanks, ticket = view.says("follow_up"), view.says("thanks"), view.says("ticket")
    no_answer = view.says("noreply")
    weight = (
        2 * bool(received)
        + 2 * bool(subject)
        + 2 * bool(automatic)
        + 2 * bool(no_answer)
        + bool(follow)
        + bool(thanks)
        + bool(ticket)
    )
    # "I" is what people say; a template may say it once ("I will get back to you"), with every other sign there.
    if weight < (5 if view.first_person else 3) or view.says("notice"):
        return None
    why = tuple(f"it says {one}" for one in (received, automatic, follow, ticket, no_answer, thanks) if one)
    title = (f"the subject says {subject}",) if subject else ()
    kind = "auto_acknowledgement" if received or subject or (thanks and follow) else "auto_reply"
    return Finding(kind, (*title, *why))


def dead_end(view: View) -> Finding | None:
    """Nobody reads there any more, or the person has left."""
    said = view.says("unmonitored", opening=True) or view.says("left", opening=True)
    if not said or view.first_person or view.priced or "?" in view.flat:
        return None
    return Finding("auto_reply", (f"it says {said}",))


def notice(view: View) -> Finding | None:
    """A system's notice about a ticket, a subscription or a mail held back."""
    said = view.says("notice")
    automatic = view.says("automatic")
    others = [one for one in (view.says("ticket"), view.says("noreply"), automatic, view.says("thanks")) if one]
    if automatic and not view.first_person:
        return Finding("auto_reply", (f"it says {automatic}",))
    if said and not view.first_person and not view.priced and (others or view.times("notice", 2) >= 2):
        return Finding("auto_reply", (f"it says {said}", *(f"and {one}" for one in others[:2])))
    return None


def noreply_sender(view: View) -> Finding | None:
    """Comes from an address that takes no answer, or that is a program's by its name."""
    if not robot_sender(view.mail):
        return None
    return _kind(view, (f"the sender is {view.mail.sender.address}",))
