"""A look-alike of Twilio on loopback: its API with a memory, its webhooks with its signatures, by a clock of our own.

Takes messages and calls as Twilio does, remembers them, says what becomes of each by signed callbacks, and lets those
who are asked answer. What a number does is its `Manner`. It never waits: `next_at` says when something is due,
`deliver` lets happen what is due by the clock. Needs the extra `demo`.
"""

from __future__ import annotations

import base64
import heapq
import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from threading import RLock
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from probes.contract import Clock, ProbeError
from probes.serving import Serving

SECOND = timedelta(seconds=1)
OPT_OUT = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
OPT_IN = {"START", "UNSTOP", "YES"}
ERRORS = {
    "21211": "Invalid 'To' Phone Number",
    "21610": "Attempt to send to unsubscribed recipient",
    "21614": "'To' number is not a valid mobile number",
    "20003": "Authenticate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """A message, or a call when `text` is None, from a number to whoever contacted it, `after` that."""

    after: timedelta
    text: str | None
    sender: str | None = None
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What a number does. `refused`: code by which a message or call to it is refused. `fate` of a message: delivered,
    or a code (30003 ...). `picks_up`: human, machine_start, fax, unknown, busy, no-answer, refused, not-in-service.
    `stumbles`: HTTP status codes answered to the first requests; `hiccups`: those answered *after* taking it."""

    refused: str | None = None
    fate: str = "delivered"
    picks_up: str = "human"
    rings: timedelta = timedelta(seconds=12)
    says: tuple[Says, ...] = ()
    stumbles: tuple[int, ...] = ()
    hiccups: tuple[int, ...] = ()


@dataclass(order=True, frozen=True, slots=True)
class _Due:
    at: datetime
    number: int
    act: Any = field(compare=False)


class Exchange:
    """The look-alike. `door`: where our door is on this machine; `public`: under which URL the world knows it.

    `deaf`: nobody is there to take callbacks; they are lost, as after the provider's last try. `locked`: the API
    refuses our token. `copies`: how often each callback is sent. `shuffled`: statuses are told in any order.
    `asked`: requests to the API (verb, what, fields); `pushed`: callbacks that went out (URL, fields, answer).
    """

    def __init__(
        self,
        account: str,
        token: str,
        clock: Clock,
        manners: Mapping[str, Manner] | None = None,
        *,
        public: str = "https://audit.test",
        copies: int = 1,
        shuffled: bool = False,
        seed: int = 1,
    ) -> None:
        self.account, self.token, self._clock = account, token, clock
        self.manners: dict[str, Manner] = dict(manners or {})
        self.public, self.copies, self.shuffled = public.rstrip("/"), copies, shuffled
        self.door = ""
        self.inbound: dict[str, tuple[str, str]] = {}
        self.messages: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.opted_out: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self.pushed: list[tuple[str, dict[str, str], int]] = []
        self.deaf = False
        self.locked = False
        self.port = 0
        self._draw = random.Random(seed)  # noqa: S311 - a simulation
        self._validator = RequestValidator(token)
        self._count = itertools.count(1)
        self._due: list[_Due] = []
        self._lock = RLock()
        self._tries: dict[str, int] = {}
        self._serving = Serving(self._app())

    def __enter__(self) -> Self:
        self._serving.__enter__()
        self.port = self._serving.port
        self._web = httpx2.Client(timeout=20, trust_env=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._serving.__exit__(kind, error, at)
        self._web.close()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serves(self, number: str, *, messages: str = "", calls: str = "") -> Self:
        """One of our numbers: the names of the channels to whose doors its messages and calls are brought."""
        self.inbound[number] = (messages, calls)
        return self

    # ------------------------------------------------------------------ what the driver of the clock calls
    def next_at(self) -> datetime | None:
        with self._lock:
            return self._due[0].at if self._due else None

    def deliver(self) -> int:
        """Let happen what is due by the clock; returns how many callbacks went out.

        Raises ProbeError when our door does not take one (unless it is `deaf`).
        """
        went = 0
        while True:
            with self._lock:
                if not self._due or self._due[0].at > self._clock():
                    return went
                moment, now = self._due[0].at, []
                while self._due and self._due[0].at == moment:
                    now.append(heapq.heappop(self._due))
            if self.shuffled:
                self._draw.shuffle(now)
            for one in now:
                went += one.act()

    def _plan(self, at: datetime, act: Any) -> None:
        with self._lock:
            heapq.heappush(self._due, _Due(at, next(self._count), act))

    def _told_later(self, url: str, fields: dict[str, str]) -> int:
        """A status is told at once or, where things are `shuffled`, a while later, whatever is told meanwhile."""
        if not self.shuffled:
            return self._push(url, fields)
        self._plan(self._clock() + self._draw.randrange(20) * SECOND, lambda: self._push(url, fields))
        return 0

    @property
    def taken_at(self) -> list[datetime]:
        """When each message or call of ours was taken."""
        ours = [one for one in (*self.messages, *self.calls) if one["direction"] == "outbound-api"]
        return [parsedate_to_datetime(one["date_created"]) for one in ours]

    def times_asked(self, number: str) -> int:
        """How many messages and calls of ours this number was taken for."""
        ours = [one for one in (*self.messages, *self.calls) if one["direction"] == "outbound-api"]
        return sum(one["to"] == number for one in ours)

    # ------------------------------------------------------------------ the API
    def _app(self) -> Starlette:
        root = "/2010-04-01/Accounts/{account}"
        return Starlette(
            routes=[
                Route(f"{root}.json", self._account, methods=["GET"]),
                Route(f"{root}/Messages.json", self._messages, methods=["GET", "POST"]),
                Route(f"{root}/Calls.json", self._calls, methods=["GET", "POST"]),
            ]
        )

    def _denied(self, request: Request) -> Response | None:
        wanted = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        denied = self.locked or request.headers.get("authorization") != f"Basic {wanted}"
        if denied or request.path_params["account"] != self.account:
            return _error(401, "20003")
        return None

    async def _account(self, request: Request) -> Response:
        return self._denied(request) or JSONResponse({"sid": self.account, "status": "active"})

    async def _messages(self, request: Request) -> Response:
        return await self._thing(request, "Messages", self.messages, self._take_message)

    async def _calls(self, request: Request) -> Response:
        return await self._thing(request, "Calls", self.calls, self._take_call)

    async def _thing(self, request: Request, what: str, kept: list[dict[str, Any]], take: Any) -> Response:
        denied = self._denied(request)
        if denied is not None:
            return denied
        if request.method == "GET":
            query = {name: request.query_params.getlist(name) for name in request.query_params}
            self.asked.append(("GET", what, query))
            return self._listing(request, what, kept)
        form = _form(await request.body())
        with self._lock:
            self.asked.append(("POST", what, form))
            to = form.get("To", [""])[0]
            manner = self.manners.get(to, Manner())
            turn = self._tries.get(to, 0)
            self._tries[to] = turn + 1
            if turn < len(manner.stumbles):
                return _error(manner.stumbles[turn], "20429" if manner.stumbles[turn] == 429 else None)
            if manner.refused:
                return _error(400, manner.refused)
            if what == "Messages" and (form["From"][0], to) in self.opted_out:
                return _error(400, "21610")
            made = take(form, manner)
            if turn < len(manner.stumbles) + len(manner.hiccups):
                return _error(manner.hiccups[turn - len(manner.stumbles)], None)
        return JSONResponse(_told(made), status_code=201)

    def _listing(self, request: Request, what: str, kept: list[dict[str, Any]]) -> Response:
        query = request.query_params
        stamp = "date_sent" if what == "Messages" else "start_time"
        filters = {"To": "to", "From": "from"}
        found = [
            thing
            for thing in reversed(kept)
            if all(thing[key] == query[name] for name, key in filters.items() if name in query)
        ]
        for name in ("DateSent>", "StartTime>"):
            if name in query:
                since = datetime.fromisoformat(query[name].replace("Z", "+00:00"))
                found = [thing for thing in found if thing[stamp] and parsedate_to_datetime(thing[stamp]) >= since]
        page, size = int(query.get("Page", "0")), min(int(query.get("PageSize", "50")), 1000)
        rows = found[page * size : (page + 1) * size]
        following = None
        if len(found) > (page + 1) * size:
            more = {**query, "Page": str(page + 1)}
            following = f"{request.url.path}?{urlencode(more)}"
        return JSONResponse({what.lower(): [_told(row) for row in rows], "page": page, "next_page_uri": following})

    # ------------------------------------------------------------------ messages
    def _take_message(self, form: Mapping[str, list[str]], manner: Manner) -> dict[str, Any]:
        now, to, own = self._clock(), form["To"][0], form["From"][0]
        made = self._message(own, to, form["Body"][0], direction="outbound-api", status="queued")
        made["_door"] = form.get("StatusCallback", [""])[0]
        fate = "delivered" if manner.fate == "delivered" else "undelivered"
        code = None if fate == "delivered" else manner.fate
        for seconds, status in ((0, "queued"), (1, "sending"), (2, "sent"), (4, fate)):
            self._plan(now + seconds * SECOND, lambda s=status: self._message_is(made, s, code if s == fate else None))
        self._answers(own, to, now, manner)
        return made

    def _message(self, sender: str, to: str, body: str, *, direction: str, status: str) -> dict[str, Any]:
        stamp = format_datetime(self._clock())
        made = {
            "sid": self._sid("SM"), "account_sid": self.account, "from": sender, "to": to, "body": body,
            "direction": direction, "status": status, "error_code": None, "num_media": "0", "num_segments": "1",
            "date_created": stamp, "date_sent": stamp, "date_updated": stamp, "price": None, "price_unit": "USD",
        }  # fmt: skip
        self.messages.append(made)
        return made

    def _message_is(self, made: dict[str, Any], status: str, code: str | None) -> int:
        made |= {"status": status, "date_updated": format_datetime(self._clock())}
        made["error_code"] = int(code) if code else None
        fields = {
            "MessageSid": made["sid"], "SmsSid": made["sid"], "AccountSid": self.account, "From": made["from"],
            "To": made["to"], "MessageStatus": status, "SmsStatus": status, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        return self._told_later(made["_door"], fields | ({"ErrorCode": code} if code else {}))

    def text(self, sender: str, to: str, body: str, media: Iterable[str] = ()) -> int:
        """Somebody writes to one of our numbers now; returns how many callbacks went out."""
        kinds = tuple(media)
        with self._lock:
            made = self._message(sender, to, body, direction="inbound", status="received")
            made["num_media"] = str(len(kinds))
            word = body.strip().upper()
            if word in OPT_OUT:
                self.opted_out.add((to, sender))
            elif word in OPT_IN:
                self.opted_out.discard((to, sender))
        fields = {
            "MessageSid": made["sid"], "SmsMessageSid": made["sid"], "SmsSid": made["sid"], "SmsStatus": "received",
            "AccountSid": self.account, "From": sender, "To": to, "Body": body, "NumMedia": str(len(kinds)),
            "NumSegments": "1", "ApiVersion": "2010-04-01",
        }  # fmt: skip
        for n, kind in enumerate(kinds):
            fields |= {f"MediaContentType{n}": kind, f"MediaUrl{n}": f"https://api.twilio.com/media/{made['sid']}/{n}"}
        if word in OPT_OUT:
            fields["OptOutType"] = "STOP"
        return self._push(self._inbound(to, 0), fields)

    # ------------------------------------------------------------------ calls
    def _take_call(self, form: Mapping[str, list[str]], manner: Manner) -> dict[str, Any]:
        now, to, own = self._clock(), form["To"][0], form["From"][0]
        made = self._call(own, to, direction="outbound-api", status="queued")
        made["_door"], made["_amd"] = form.get("StatusCallback", [""])[0], form.get("AsyncAmdStatusCallback", [""])[0]
        made["_twiml"] = form.get("Twiml", [""])[0]
        ends = {"busy": "busy", "no-answer": "no-answer", "refused": "busy", "not-in-service": "failed"}
        rings = min(manner.rings, timedelta(seconds=int(form.get("Timeout", ["60"])[0])))
        self._plan(now, lambda: self._call_is(made, "initiated"))
        if manner.picks_up in ends:
            if manner.picks_up != "not-in-service":
                self._plan(now + SECOND, lambda: self._call_is(made, "ringing"))
            sip = {"not-in-service": "404", "refused": "603", "busy": "486"}.get(manner.picks_up, "")
            self._plan(now + SECOND + rings, lambda: self._call_is(made, ends[manner.picks_up], sip=sip))
        else:
            picked = now + SECOND + rings
            self._plan(now + SECOND, lambda: self._call_is(made, "ringing"))
            self._plan(picked, lambda: self._call_is(made, "in-progress"))
            self._plan(picked + 3 * SECOND, lambda: self._detected(made, manner.picks_up))
            self._plan(picked + 8 * SECOND, lambda: self._call_is(made, "completed", lasted=8))
        self._answers(own, to, now, manner)
        return made

    def _call(self, caller: str, to: str, *, direction: str, status: str) -> dict[str, Any]:
        stamp = format_datetime(self._clock())
        made = {
            "sid": self._sid("CA"), "account_sid": self.account, "from": caller, "to": to, "direction": direction,
            "status": status, "answered_by": None, "start_time": stamp, "end_time": None, "duration": None,
            "date_created": stamp, "date_updated": stamp, "price": None, "price_unit": "USD",
        }  # fmt: skip
        self.calls.append(made)
        return made

    def _call_is(self, made: dict[str, Any], status: str, *, lasted: int = 0, sip: str = "") -> int:
        stamp = format_datetime(self._clock())
        over = status not in ("initiated", "ringing", "in-progress")
        made |= {"status": "queued" if status == "initiated" else status, "date_updated": stamp}
        if over:
            made |= {"end_time": stamp, "duration": str(lasted)}
        fields = self._call_fields(made, status) | {"Timestamp": stamp}
        if over:
            fields |= {"CallDuration": str(lasted)} | ({"SipResponseCode": sip} if sip else {})
        return self._told_later(made["_door"], fields)

    def _call_fields(self, made: Mapping[str, Any], status: str) -> dict[str, str]:
        return {
            "CallSid": made["sid"], "AccountSid": self.account, "From": made["from"], "To": made["to"],
            "CallStatus": status, "Direction": made["direction"], "ApiVersion": "2010-04-01",
        }  # fmt: skip

    def _detected(self, made: dict[str, Any], by: str) -> int:
        made["answered_by"] = by
        fields = {
            "CallSid": made["sid"], "AccountSid": self.account, "AnsweredBy": by, "MachineDetectionDuration": "3000",
        }  # fmt: skip
        return self._told_later(made["_amd"], fields)

    def call(self, caller: str, to: str) -> int:
        """Somebody calls one of our numbers now; returns how many callbacks went out."""
        with self._lock:
            made = self._call(caller, to, direction="inbound", status="ringing")
        went = self._push(self._inbound(to, 1), self._call_fields(made, "ringing"))
        made |= {"status": "completed", "end_time": format_datetime(self._clock()), "duration": "0"}
        return went

    # ------------------------------------------------------------------ what those who are asked do, and our door
    def _answers(self, own: str, to: str, now: datetime, manner: Manner) -> None:
        for one in manner.says:
            sender = one.sender or to
            if one.text is None:
                self._plan(now + one.after, lambda s=sender: self.call(s, own))
            else:
                self._plan(now + one.after, lambda s=sender, m=one: self.text(s, own, m.text, m.media))

    def _inbound(self, number: str, which: int) -> str:
        name = self.inbound.get(number, ("", ""))[which]
        return f"{self.public}/in/{name}" if name else ""

    def signed(self, url: str, fields: Mapping[str, str]) -> tuple[str, bytes, dict[str, str]]:
        """(path and query, body, headers) of a callback to a public URL, as it goes over the wire."""
        parts = urlsplit(url)
        target = parts.path.removeprefix(urlsplit(self.public).path) + (f"?{parts.query}" if parts.query else "")
        signature = self._validator.compute_signature(url, dict(fields))
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return target, urlencode(fields).encode(), headers

    def _push(self, url: str, fields: dict[str, str]) -> int:
        if not url or not self.door or self.deaf:
            return 0
        target, body, headers = self.signed(url, fields)
        for _ in range(self.copies):
            try:
                answer = self._web.post(f"{self.door}{target}", content=body, headers=headers)
            except httpx2.HTTPError as error:
                raise ProbeError(f"our door is shut: {type(error).__name__}") from error
            self.pushed.append((url, fields, answer.status_code))
            if answer.status_code != 200:
                raise ProbeError(f"our door answered {answer.status_code} to {target}: {answer.text[:200]}")
        return self.copies

    def _sid(self, kind: str) -> str:
        return f"{kind}{self._draw.getrandbits(128):032x}"


def _told(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def _form(body: bytes) -> dict[str, list[str]]:
    from urllib.parse import parse_qs

    return parse_qs(body.decode(), keep_blank_values=True)


def _error(status: int, code: str | None) -> Response:
    headers = {"Retry-After": "7"} if status in (429, 503) else {}
    content: dict[str, Any] = {"status": status, "message": ERRORS.get(code or "", "Something is the matter")}
    if code:
        content |= {"code": int(code), "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return JSONResponse(content, status_code=status, headers=headers)
