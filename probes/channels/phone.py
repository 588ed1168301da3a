"""Calls by Twilio: one call, who answered, a short line that no action is needed, and the end. Nothing is recorded.

Call-backs are answered by the door with a short thank-you; who called when is an arrival. What became of a call comes
by the webhook or by listing; where nobody answered it is a report of delivery and no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

from pydantic import Field

from probes.contract import (
    Arrival,
    Check,
    Clock,
    Cost,
    Description,
    Enquiry,
    Reading,
    Receipt,
    Received,
    Report,
)
from probes.settings import PositiveDuration
from probes.twilio import calls, codes, handing, numbers
from probes.twilio.account import Account, Api, moment
from probes.twilio.door import checked_form
from probes.twilio.line import LISTING, Line, listed

_NAME = "phone"
_WHAT = "Calls"
_LINE_MAX = 400
_COLUMNS = (
    "phone", "telephone", "tel", "tel.", "phone number", "telephone number", "telefon", "telefonnummer", "téléphone",
    "teléfono", "telefono", "电话", "điện thoại",
)  # fmt: skip
_DETECTION = timedelta(minutes=10)


class Settings(Account):
    """`ring`: how long it may ring. `line`: what is said to whoever answers; `thanks`: to whoever calls back."""

    ring: PositiveDuration = timedelta(seconds=30)
    line: str = Field(
        default="Hello. This was a test call about how calls are answered. No action is needed. Goodbye.",
        min_length=1,
        max_length=_LINE_MAX,
    )
    thanks: str = Field(
        default="Thank you for calling back. Your call has been noted and no action is needed. Goodbye.",
        min_length=1,
        max_length=_LINE_MAX,
    )
    spoken: str = Field(default="en-GB", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    price: float | None = Field(default=None, ge=0)
    currency: str = "USD"


class PhoneKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="calls by Twilio, for businesses that are ours or have consented",
        bases=frozenset({"own", "consented"}),
        columns=_COLUMNS,
        time_limit=timedelta(minutes=15),
        retry_after=(timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)),
        needs_number=True,
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """E.164. Raises ValueError on what is no such number, or one that nobody may call."""
        return numbers.normalise(address)

    def scope(self, address: str) -> str:
        """The number itself: it is its own destination."""
        return address

    def read(self, raw: bytes) -> Reading:
        return calls.read(raw)

    def open(self, name: str, settings: Settings, *, live: bool) -> Phone:
        return Phone(name, settings, live=live)


class Phone:
    """Calls, listens (a line for each number), receives, settles, and tells what it costs."""

    def __init__(self, name: str, settings: Settings, *, live: bool) -> None:
        self._name, self._settings, self._live = name, settings, live
        self._api = Api(settings, live=live)
        self._lines = tuple(
            Line(self._api, number, what=_WHAT, since="StartTime>", poll=settings.poll, to_arrival=_from_listing)
            for number in settings.numbers
        )

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        fields: dict[str, Any] = {
            "Twiml": _say(self._settings.line, self._settings.spoken),
            "Timeout": int(self._settings.ring.total_seconds()),
            "MachineDetection": "Enable",
            "AsyncAmd": "true",  # the line is said at once: whoever answers is not kept waiting by the detection
        }
        if self._settings.public_url:
            door = f"{self._settings.public_url}/status/{self._name}"
            fields |= {
                "StatusCallback": door,
                "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
                "AsyncAmdStatusCallback": f"{door}?{urlencode({'number': enquiry.number or ''})}",
            }
        return handing.hand_over(self._settings, self._api, enquiry, now, what=_WHAT, fields=fields, live=self._live)

    def refusal(self, address: str) -> str | None:
        return handing.refusal(self._api, address, live=self._live)

    def settle(self, enquiry: Enquiry, since: datetime, now: Clock) -> Receipt | None:
        return handing.settled(self._api, enquiry, since, now, what=_WHAT)

    def cost(self, enquiry: Enquiry) -> Cost:  # noqa: ARG002 - a call costs the same whatever is asked
        price = self._settings.price
        return Cost(
            units=1, words="1 call", amount=price, currency=self._settings.currency if price is not None else ""
        )

    def ears(self) -> tuple[Line, ...]:
        return self._lines

    def receive(self, door: str, target: str, headers: Mapping[str, str], body: bytes, now: Clock) -> Received:
        form = checked_form(self._settings, target, headers, body)
        call, at = calls.from_form(form), now()
        if door == "in":
            if not call.inbound:
                raise ValueError("a status has come to the door for calls")
            came = _arrival(call.to, body, at, place="door", sid=call.sid)
            answer = _say(self._settings.thanks, self._settings.spoken).encode()
            return Received(arrivals=(came,), answer=answer, media_type="text/xml")
        if call.inbound:
            raise ValueError("a call has come to the door for statuses")
        status = call.status or f"answered-by-{call.answered_by}"
        report = Report(
            provider_id=call.sid, status=status, rank=codes.rank(call.status),
            at=moment(form.get("Timestamp"), at) or at, code=call.answered_by or call.sip or None,
            meaning="" if not call.answered_by else f"answering-machine detection: {call.answered_by}", raw=body,
        )  # fmt: skip
        fates: tuple[Arrival, ...] = ()
        if (call.status in calls.OVER and call.status != "completed") or call.answered_by:
            mailbox = call.caller or dict(parse_qsl(urlsplit(target).query)).get("number", "")
            fates = (_arrival(mailbox, body, at, place="door", sid=f"{call.sid}:result"),)
        return Received(arrivals=fates, reports=(report,))

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - nothing here has a date
        for name, ok, detail, advice in handing.check_account(self._settings, self._api):
            yield Check(name=name, ok=ok, detail=detail, advice=advice)
        for number in self._settings.numbers:
            self._api.page(_WHAT, {"To": number})
            yield Check(name=f"number {number}", ok=True, detail="who called it can be listed")


def _say(line: str, language: str) -> str:
    said = f"<Say language={quoteattr(language)}>{escape(line)}</Say>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}<Hangup/></Response>'


def _arrival(number: str, raw: bytes, at: datetime, *, place: str, sid: str) -> Arrival:
    return Arrival(mailbox=number, raw=raw, at=at, place=place, position=sid, provider_id=sid, reader=_NAME)


def _from_listing(thing: dict[str, Any], seen: datetime) -> Arrival | None:
    try:
        call = calls.from_listing(thing)
    except ValueError:
        return None
    raw = listed(thing)
    if call.inbound:
        at = moment(thing.get("start_time")) or moment(thing.get("date_created"), seen) or seen
        return _arrival(call.to, raw, at, place=LISTING, sid=call.sid)
    if call.status not in calls.OVER:
        return None
    at = calls.answered_at(thing, seen)
    if call.status == "completed" and not call.answered_by and seen - at < _DETECTION:
        return None  # who answered is still to be told
    return _arrival(call.caller, raw, at, place=LISTING, sid=f"{call.sid}:result")


channel = PhoneKind()
