"""Text messages by Twilio: sent once from one of our numbers; answers by its webhook and by listing what it keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

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
from probes.twilio import codes, handing, numbers, texts
from probes.twilio.account import Account, Api, moment
from probes.twilio.door import checked_form
from probes.twilio.line import LISTING, Line, listed
from probes.twilio.segments import segments

_NAME = "sms"
_WHAT = "Messages"


class Settings(Account):
    """`price`: of one segment, in `currency`, to be shown in `plan`. `most_segments`: longer texts are refused."""

    price: float | None = Field(default=None, ge=0)
    currency: str = "USD"
    most_segments: int = Field(default=4, ge=1, le=10)


class SmsKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="text messages by Twilio, for businesses that are ours or have consented",
        bases=frozenset({"own", "consented"}),
        columns=("sms", "mobile", "mobile number", "text", "sms number", "handy", "mobil", "móvil", "portable", "短信"),
        time_limit=timedelta(minutes=10),
        retry_after=(timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)),
        needs_number=True,
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """E.164. Raises ValueError on what is no such number, or one that nobody may write to."""
        return numbers.normalise(address)

    def scope(self, address: str) -> str:
        """The number itself: it is its own destination."""
        return address

    def read(self, raw: bytes) -> Reading:
        return texts.read(raw)

    def open(self, name: str, settings: Settings, *, live: bool) -> Sms:
        return Sms(name, settings, live=live)


class Sms:
    """Sends, listens (a line for each number), receives, settles, and tells what it costs."""

    def __init__(self, name: str, settings: Settings, *, live: bool) -> None:
        self._name, self._settings, self._live = name, settings, live
        self._api = Api(settings, live=live)
        self._lines = tuple(
            Line(self._api, number, what=_WHAT, since="DateSent>", poll=settings.poll, to_arrival=_from_listing)
            for number in settings.numbers
        )

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        size = segments(enquiry.body)
        if size.count > self._settings.most_segments:
            why = f"its text takes {size.count} segments ({size.encoding}); the most is {self._settings.most_segments}"
            return Receipt(state="not_sent", at=now(), reason=why, our_side=True)
        fields = {"Body": enquiry.body}
        if self._settings.public_url:
            fields["StatusCallback"] = f"{self._settings.public_url}/status/{self._name}"
        return handing.hand_over(self._settings, self._api, enquiry, now, what=_WHAT, fields=fields, live=self._live)

    def refusal(self, address: str) -> str | None:
        return handing.refusal(self._api, address, live=self._live)

    def settle(self, enquiry: Enquiry, since: datetime, now: Clock) -> Receipt | None:
        return handing.settled(self._api, enquiry, since, now, what=_WHAT, body=enquiry.body)

    def cost(self, enquiry: Enquiry) -> Cost:
        size = segments(enquiry.body)
        price = self._settings.price
        return Cost(
            units=size.count,
            words=f"{size.count} segment{'s' if size.count > 1 else ''} ({size.encoding}, {size.length})",
            amount=None if price is None else price * size.count,
            currency=self._settings.currency if price is not None else "",
        )

    def ears(self) -> tuple[Line, ...]:
        return self._lines

    def receive(self, door: str, target: str, headers: Mapping[str, str], body: bytes, now: Clock) -> Received:
        form = checked_form(self._settings, target, headers, body)
        text, at = texts.from_form(form), now()
        if door == "in":
            if not text.inbound:
                raise ValueError("a status has come to the door for messages")
            came = _arrival(text.to, body, at, place="door", sid=text.sid)
            return Received(arrivals=(came,), answer=b"<Response/>", media_type="text/xml")
        if not text.status:
            raise ValueError("a message has come to the door for statuses")
        report = Report(
            provider_id=text.sid, status=text.status, rank=codes.rank(text.status), at=at, code=text.code,
            meaning=codes.meaning(text.code), raw=body,
        )  # fmt: skip
        fates = (
            (_arrival(text.sender, body, at, place="door", sid=_fate_id(text)),) if text.status in texts.FINAL else ()
        )
        return Received(arrivals=fates, reports=(report,))

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - nothing here has a date
        for name, ok, detail, advice in handing.check_account(self._settings, self._api):
            yield Check(name=name, ok=ok, detail=detail, advice=advice)
        for number in self._settings.numbers:
            self._api.page(_WHAT, {"To": number})
            yield Check(name=f"number {number}", ok=True, detail="what came to it can be listed")


def _fate_id(text: texts.Text) -> str:
    """What became of one message, once: delivered (and read), or not."""
    return f"{text.sid}:{'delivered' if text.status in ('delivered', 'read') else 'undelivered'}"


def _arrival(number: str, raw: bytes, at: datetime, *, place: str, sid: str) -> Arrival:
    return Arrival(mailbox=number, raw=raw, at=at, place=place, position=sid, provider_id=sid, reader=_NAME)


def _from_listing(thing: dict[str, Any], seen: datetime) -> Arrival | None:
    try:
        text = texts.from_listing(thing)
    except ValueError:
        return None
    raw = listed(thing)
    if text.inbound:
        at = moment(thing.get("date_sent")) or moment(thing.get("date_created"), seen) or seen
        return _arrival(text.to, raw, at, place=LISTING, sid=text.sid)
    if text.status not in texts.FINAL:
        return None
    at = moment(thing.get("date_updated"), seen) or seen
    return _arrival(text.sender, raw, at, place=LISTING, sid=_fate_id(text))


channel = SmsKind()
