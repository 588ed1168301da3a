"""Text messages as the provider tells of them: a pushed form, or a thing of its listing. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.contract import Reading, Told
from probes.twilio import codes
from probes.twilio.door import form_of

STOP = frozenset((
    "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "ARRET", "ARRÊT", "STOPP", "BAJA",
    "PARAR", "DUNG", "DỪNG", "退订", "停止",
))  # fmt: skip
"""Words that alone make up a message and mean: never again. The first eight are the provider's own."""
START = frozenset(["START", "UNSTOP"])
HELP = frozenset(["HELP", "INFO", "AIDE"])

FINAL = frozenset({"delivered", "read", "undelivered", "failed"})

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One message, whichever way it was told. `status` is "" for one that came in by the door."""

    sid: str
    sender: str
    to: str
    body: str
    inbound: bool
    status: str
    code: str | None
    media: tuple[str, ...]
    word: str


def from_form(form: Mapping[str, str]) -> Text:
    """Raises ValueError when it names no message."""
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid") or ""
    if not sid:
        raise ValueError("it names no message")
    pieces = form.get("NumMedia", "0")
    count = min(int(pieces), 20) if pieces.isascii() and pieces.isdigit() else 0
    return Text(
        sid=sid,
        sender=form.get("From", ""),
        to=form.get("To", ""),
        body=form.get("Body", ""),
        inbound="MessageStatus" not in form,
        status=form.get("MessageStatus", ""),
        code=form.get("ErrorCode") or None,
        media=tuple(form.get(f"MediaContentType{n}", "unknown") for n in range(count)),
        word=form.get("OptOutType", ""),
    )


def from_listing(thing: Mapping[str, Any]) -> Text:
    """Raises ValueError when it names no message."""
    sid, code = thing.get("sid"), thing.get("error_code")
    if not sid:
        raise ValueError("it names no message")
    pieces = str(thing.get("num_media") or "0")
    return Text(
        sid=str(sid),
        sender=str(thing.get("from") or ""),
        to=str(thing.get("to") or ""),
        body=str(thing.get("body") or ""),
        inbound=thing.get("direction") == "inbound",
        status=str(thing.get("status") or ""),
        code=None if code is None else str(code),
        media=("unknown",) * (min(int(pieces), 20) if pieces.isdigit() else 0),
        word="",
    )


def from_raw(raw: bytes) -> Text:
    """A stored message. Raises ValueError."""
    if raw.lstrip().startswith(b"{"):
        return from_listing(json.loads(raw))
    return from_form({name: values[0] for name, values in form_of(raw).items()})


def read(raw: bytes) -> Reading:
    """What stands in a stored message, or in the report of what became of one of ours."""
    text = from_raw(raw)
    if text.inbound:
        shown = text.body or (f"[{', '.join(text.media)}]" if text.media else "")
        return Reading(number=text.to, other=text.sender, text=shown, media=text.media, told=_word(text))
    return Reading(number=text.sender, other=text.to, about=(text.sid,), told=_fate(text))


def _word(text: Text) -> Told | None:
    word = _EDGES.sub("", text.body).upper()
    if word in STOP or text.word.upper() == "STOP":
        why = f"it is the word {word or 'STOP'}: never to be contacted again, on any channel"
        return Told(kind="opt_out", automated=False, reasons=(why,), asks_to_stop=text.sender)
    if word in START or text.word.upper() == "START":
        why = f"it is the word {word or 'START'}: the provider would let us send again, we do not"
        return Told(kind="unclear", automated=None, reasons=(why,))
    if word in HELP or text.word.upper() == "HELP":
        why = f"it is the word {word or 'HELP'}, which the provider answers by itself"
        return Told(kind="unclear", automated=None, reasons=(why,))
    if not text.body and text.media:
        why = f"it holds no words, only {', '.join(text.media)}"
        return Told(kind="unclear", automated=None, reasons=(why,))
    return None


def _fate(text: Text) -> Told:
    if text.status in ("delivered", "read"):
        why = f"the carrier says that our message was {text.status}"
        return Told(kind="delivery_receipt", automated=True, reasons=(why,), bounced_recipient=text.to, delivered=True)
    meaning = codes.meaning(text.code) or "no reason given"
    why = f"our message is {text.status}: {meaning} (code {text.code or 'none'})"
    return Told(
        kind="bounce", automated=True, reasons=(why,), bounced_recipient=text.to, status=text.code,
        hard=codes.is_hard(text.code),
    )  # fmt: skip
