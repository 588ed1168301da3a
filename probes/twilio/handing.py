"""Handing over by the API: exactly one request, and what its answer says of the contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from probes.contract import Clock, Enquiry, ProbeError, Receipt, TargetRefused
from probes.twilio import codes, numbers
from probes.twilio.account import Account, Answer, Api, Doubtful, NotTaken, moment

CERTAIN_AFTER = timedelta(minutes=10)
"""Only after this does "the provider has none" mean that it never took one."""

CLOCKS = timedelta(minutes=2)
"""How far its clock and ours may be apart."""


def refusal(api: Api, address: str, *, live: bool) -> str | None:
    """Why nothing may be handed over for this number; None when it may."""
    if live and numbers.is_invented(address):
        return f"{address} lies in a range kept free for films and examples: nobody has it"
    return api.refusal()


def hand_over(
    account: Account, api: Api, enquiry: Enquiry, now: Clock, *, what: str, fields: Mapping[str, Any], live: bool
) -> Receipt:
    """One request to create a message or a call."""
    if enquiry.number not in account.numbers:
        said = f"its persona's number {enquiry.number} is" if enquiry.number else "its persona has no number that is"
        return Receipt(state="not_sent", at=now(), reason=f"{said} not one of this channel's `numbers`", our_side=True)
    refused = refusal(api, enquiry.to, live=live)
    if refused:
        return Receipt(state="not_sent", at=now(), reason=refused)
    request = f"> POST {what} To={enquiry.to} From={enquiry.number}"
    try:
        answer = api.post(what, {"To": enquiry.to, "From": enquiry.number, **fields})
    except TargetRefused as error:
        return Receipt(state="not_sent", at=now(), reason=str(error))
    except (NotTaken, ProbeError) as error:
        state = "unknown" if isinstance(error, Doubtful) else "deferred"
        return Receipt(state=state, at=now(), reason=str(error), transcript=f"{request}\n< {error}")  # type: ignore[arg-type]
    sid = str(answer.json.get("sid") or "")
    transcript = f"{request}\n< {answer.status} {sid} {answer.json.get('status') or ''} {answer.code or ''}".rstrip()
    return _receipt(answer, sid, now(), transcript)


def _receipt(answer: Answer, sid: str, at: datetime, transcript: str) -> Receipt:
    if 200 <= answer.status < 300:
        if not sid:
            why = f"accepted, but the answer names nothing ({answer.status})"
            return Receipt(state="unknown", at=at, code=str(answer.status), reason=why, transcript=transcript)
        status = str(answer.json.get("status") or "accepted")
        return Receipt(
            state="sent", at=at, accepted_by="relay", provider_id=sid, code=str(answer.status),
            reason=f"accepted ({status})", transcript=transcript,
        )  # fmt: skip
    code = answer.code or f"HTTP {answer.status}"
    if answer.status == 429:
        wait = f"; asked to wait {answer.retry_after} s" if answer.retry_after.isdigit() else ""
        why = f"too much at once: {answer.words}{wait}"
        return Receipt(state="deferred", at=at, code=code, reason=why, transcript=transcript)
    if answer.status >= 500 or answer.status < 400:
        why = f"the provider broke, and may have taken it all the same: {answer.words}"
        return Receipt(state="unknown", at=at, code=code, reason=why, transcript=transcript)
    ours = codes.is_ours(answer.code) or answer.status in (401, 403, 404)
    return Receipt(
        state="not_sent", at=at, accepted_by=None if ours else "relay", code=code, reason=f"refused: {answer.words}",
        transcript=transcript, our_side=ours, asked_to_stop=answer.code == codes.STOPPED,
    )  # fmt: skip


def settled(
    api: Api, enquiry: Enquiry, since: datetime, now: Clock, *, what: str, body: str | None = None
) -> Receipt | None:
    """What the provider has between these two numbers since then: nothing is ever sent by asking."""
    at = now()
    if enquiry.number is None or at - since < CERTAIN_AFTER:
        return None
    found: list[tuple[datetime, Mapping[str, Any]]] = []
    for page in api.pages(what, {"To": enquiry.to, "From": enquiry.number}):
        made = [(moment(one.get("date_created")), one) for one in page]
        found += [(when, one) for when, one in made if when is not None and when >= since - CLOCKS]
        if any(when is not None and when < since - CLOCKS for when, _ in made):
            break
    mine = [(when, one) for when, one in found if _is_ours(one) and (body is None or one.get("body") == body)]
    if not mine:
        why = f"asked on {at:%Y-%m-%d %H:%M} UTC: the provider has none; it never got there"
        return Receipt(state="not_sent", at=at, reason=why, transcript=f"> GET {what} To={enquiry.to}\n< none")
    when, one = min(mine, key=lambda pair: (pair[0], str(pair[1].get("sid"))))
    sid, several = str(one.get("sid")), f" (of {len(mine)})" if len(mine) > 1 else ""
    return Receipt(
        state="sent", at=when, accepted_by="relay", provider_id=sid, code="200",
        reason=f"found with the provider{several}: {one.get('status')}",
        transcript=f"> GET {what} To={enquiry.to}\n< {', '.join(str(pair[1].get('sid')) for pair in mine)}",
    )  # fmt: skip


def _is_ours(thing: Mapping[str, Any]) -> bool:
    return str(thing.get("direction") or "outbound-api").startswith("outbound")


def check_account(account: Account, api: Api) -> Sequence[tuple[str, bool, str, str]]:
    """(name, ok, detail, advice) of a round trip with the token."""
    answer = api.account()
    ok = answer.status == 200
    detail = f"{account.api}: account {answer.json.get('status') or answer.words}"
    advice = "" if ok else "look at account_sid and the auth token, and at the account's state with the provider"
    return ((f"API of {account.account_sid[:6]}...", ok, detail, advice),)
