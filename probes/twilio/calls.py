"""Calls as the provider tells of them: a pushed form, or a thing of its listing. Pure.

Who answered is the provider's guess (answering-machine detection): its raw word stands in every reason, and how often
it errs has not been measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from probes.contract import Reading, Report, Told
from probes.twilio.account import moment
from probes.twilio.door import form_of

OVER = frozenset({"completed", "busy", "no-answer", "failed"})
NOT_IN_SERVICE = frozenset({"404", "410", "484", "604"})
"""SIP answers (RFC 3261) by which there is no such number."""
REFUSED = frozenset({"603", "486", "600"})
UNMEASURED = "how often this detection errs is not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, whichever way it was told. `rang`: how long, where the listing tells."""

    sid: str
    caller: str
    to: str
    inbound: bool
    status: str
    answered_by: str
    sip: str
    rang: timedelta | None = None


def from_form(form: Mapping[str, str]) -> Call:
    """Raises ValueError when it names no call."""
    sid = form.get("CallSid", "")
    if not sid:
        raise ValueError("it names no call")
    return Call(
        sid=sid,
        caller=form.get("From", form.get("Caller", "")),
        to=form.get("To", form.get("Called", "")),
        inbound=form.get("Direction", "") == "inbound",
        status=form.get("CallStatus", ""),
        answered_by=form.get("AnsweredBy", ""),
        sip=form.get("SipResponseCode", ""),
    )


def from_listing(thing: Mapping[str, Any]) -> Call:
    """Raises ValueError when it names no call."""
    if not thing.get("sid"):
        raise ValueError("it names no call")
    return Call(
        sid=str(thing["sid"]),
        caller=str(thing.get("from") or ""),
        to=str(thing.get("to") or ""),
        inbound=thing.get("direction") == "inbound",
        status=str(thing.get("status") or ""),
        answered_by=str(thing.get("answered_by") or ""),
        sip="",
        rang=_rang(thing),
    )


def _rang(thing: Mapping[str, Any]) -> timedelta | None:
    start, end, lasted = moment(thing.get("start_time")), moment(thing.get("end_time")), str(thing.get("duration"))
    if start is None or end is None or not lasted.isdigit():
        return None
    return max(timedelta(0), end - start - timedelta(seconds=int(lasted)))


def answered_at(thing: Mapping[str, Any], otherwise: datetime) -> datetime:
    """When a listed call was answered or, if nobody did, ended."""
    end, lasted = moment(thing.get("end_time")), str(thing.get("duration") or "0")
    if end is None:
        return otherwise
    return end - timedelta(seconds=int(lasted) if lasted.isdigit() else 0)


def from_raw(raw: bytes) -> Call:
    """A stored call. Raises ValueError."""
    if raw.lstrip().startswith(b"{"):
        return from_listing(json.loads(raw))
    return from_form({name: values[0] for name, values in form_of(raw).items()})


def read(raw: bytes) -> Reading:
    """What a stored call is: one to us, or what became of one of ours."""
    call = from_raw(raw)
    if call.inbound:
        why = (
            f"a call from {call.caller or 'a withheld number'} to our number, answered by a recorded line",
            "who called was not heard; nothing is recorded",
        )
        return Reading(number=call.to, other=call.caller, told=Told(kind="human", automated=None, reasons=why))
    return Reading(number=call.caller, other=call.to, about=(call.sid,), told=_fate(call))


def _fate(call: Call) -> Told:
    rang = f" after ringing for {call.rang.total_seconds():.0f} s" if call.rang is not None else ""
    if call.status in ("completed", "in-progress", ""):
        return _answered(call, rang)
    if call.status == "failed" and call.sip not in REFUSED:
        gone = call.sip in NOT_IN_SERVICE
        why = f"the call failed{f' (SIP {call.sip})' if call.sip else ''}"
        words = "the number is not in service" if gone else "it did not reach the number"
        return Told(
            kind="bounce", automated=True, reasons=(f"{why}: {words}",), bounced_recipient=call.to or None,
            status=call.sip or None, hard=gone or None,
        )  # fmt: skip
    words = {
        "busy": "the line was busy, or the call was refused",
        "no-answer": "it rang out, nobody answered",
        "failed": "the call was refused",
    }.get(call.status, f"the call ended: {call.status}")
    why = f"{words}{rang}{f' (SIP {call.sip})' if call.sip else ''}"
    return Told(
        kind="delivery_receipt", automated=True, reasons=(why,), bounced_recipient=call.to or None, delivered=True
    )


def _answered(call: Call, rang: str) -> Told:
    said = f"AnsweredBy={call.answered_by or 'none given'}"
    if call.answered_by == "human":
        return Told(kind="human", automated=False, reasons=(f"a person answered{rang} ({said})", UNMEASURED))
    if call.answered_by.startswith("machine"):
        why = f"voicemail or a menu answered{rang} ({said})"
        return Told(kind="auto_reply", automated=True, reasons=(why, UNMEASURED))
    if call.answered_by == "fax":
        return Told(kind="auto_reply", automated=True, reasons=(f"a fax machine answered{rang} ({said})", UNMEASURED))
    return Told(kind="unclear", automated=None, reasons=(f"answered{rang}; by whom is not known ({said})",))


def ring_seconds(reports: list[Report]) -> float | None:
    """How long one of our calls rang, from what was reported of it; None where that was not told."""
    at = {report.status: report.at for report in reports}
    ends = [at[status] for status in ("in-progress", "no-answer", "busy", "failed", "canceled") if status in at]
    if "ringing" not in at or not ends:
        return None
    return max(0.0, (min(ends) - at["ringing"]).total_seconds())
