"""The door: what is forged is refused, what is taken is on the disk, what is brought twice changes nothing."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from twilio.request_validator import RequestValidator

from monitor.errors import StoreError
from monitor.studies import DoorSettings
from monitor.webhook import Door
from probes.channels.mail_door import channel as mail_door
from probes.contract import OpenChannel
from probes.serving import Serving
from probes.twilio.door import form_of
from tests.wire.telephony import ACCOUNT, PUBLIC, SMS, TOKEN, Telephony, shop, telephony

SID = "SM" + "1" * 32
SECRET = "door-secret-that-nobody-sees"


def message(**change: str) -> dict[str, str]:
    """The form of a message that came in."""
    given = {
        "MessageSid": SID, "AccountSid": ACCOUNT, "From": shop(0), "To": SMS, "Body": "Yes & no, £5", "NumMedia": "0",
    }  # fmt: skip
    return given | change


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Telephony]:
    with telephony(tmp_path) as running:
        yield running


def bring(world: Telephony, fields: dict[str, str], url: str = f"{PUBLIC}/in/texts", **change: Any) -> int:
    target, body, headers = world.exchange.signed(url, fields)
    given: dict[str, Any] = {"target": target, "body": body, "headers": headers}
    given |= change
    return httpx2.post(
        world.exchange.door + given["target"], content=given["body"], headers=given["headers"]
    ).status_code


def metrics(world: Telephony) -> str:
    return httpx2.get(f"{world.exchange.door}/metrics").text


# --------------------------------------------------------------------------- what is true
def test_what_is_signed_is_stored_as_it_came_and_a_replay_changes_nothing(world: Telephony) -> None:
    assert bring(world, message()) == 200
    (first,) = world.rows("arrivals")
    assert (first["provider_id"], first["mailbox"], first["reader"], first["channel"]) == (SID, SMS, "sms", "texts")
    before = [world.rows(table) for table in ("arrivals", "sightings", "raw", "reports")]
    for _ in range(3):
        assert bring(world, message()) == 200
    assert [world.rows(table) for table in ("arrivals", "sightings", "raw", "reports")] == before
    assert 'result="taken"} 4.0' in metrics(world)


def test_a_call_is_answered_with_words_and_an_end(world: Telephony) -> None:
    fields = {
        "CallSid": "CA" + "1" * 32, "AccountSid": ACCOUNT, "From": shop(0), "To": SMS, "CallStatus": "ringing",
        "Direction": "inbound",
    }  # fmt: skip
    target, body, headers = world.exchange.signed(f"{PUBLIC}/in/calls", fields)
    answer = httpx2.post(world.exchange.door + target, content=body, headers=headers)
    assert answer.headers["content-type"].startswith("text/xml")
    assert re.fullmatch(r"<\?xml [^>]*><Response><Say [^>]*>Thank you[^<]*</Say><Hangup/></Response>", answer.text)


def test_every_callback_of_the_look_alike_passes_the_providers_own_validator(world: Telephony) -> None:
    world.imports("sms").imports("phone").send()
    world.passes(minutes=30)
    world.exchange.text(shop(0), SMS, "Oui, à 9 h. ¿Vale? 好的 & = + %")
    world.exchange.call(shop(0), SMS)
    validator = RequestValidator(TOKEN)
    assert len(world.exchange.pushed) >= 10
    for url, fields, status in world.exchange.pushed:
        target, body, headers = world.exchange.signed(url, fields)
        assert status == 200
        assert validator.validate(PUBLIC + target, form_of(body), headers["X-Twilio-Signature"])
        assert form_of(body) == {name: [value] for name, value in fields.items()}


# --------------------------------------------------------------------------- what is forged or altered
def forgeries() -> dict[str, dict[str, Any]]:
    return {
        "no signature": {"headers": {}},
        "an empty one": {"headers": {"X-Twilio-Signature": ""}},
        "of nothing": {"headers": {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
        "not ASCII": {"headers": {"X-Twilio-Signature": b"\xe9"}},
        "another body": {"body": b"MessageSid=SM2&From=%2B1&To=%2B1&Body=no"},
        "a field more": {"body": None},
        "another door": {"target": "/status/texts"},
        "another channel": {"target": "/in/calls"},
        "a query more": {"target": "/in/texts?x=1"},
    }


@pytest.mark.parametrize("how", forgeries())
def test_what_is_forged_or_altered_is_refused_counted_and_not_stored(world: Telephony, how: str) -> None:
    change = forgeries()[how]
    if change.get("body", b"") is None:
        change["body"] = world.exchange.signed(f"{PUBLIC}/in/texts", message())[1] + b"&OptOutType=STOP"
    assert bring(world, message(), **change) == 403
    assert [world.rows(table) for table in ("arrivals", "raw", "reports")] == [[], [], []]
    assert 'result="forged"} 1.0' in metrics(world)


def test_what_is_signed_with_another_token_or_for_another_account_is_refused(world: Telephony) -> None:
    url = f"{PUBLIC}/in/texts"
    signature = RequestValidator("another").compute_signature(url, message())
    assert bring(world, message(), headers={"X-Twilio-Signature": signature}) == 403
    assert bring(world, message(AccountSid="AC" + "f" * 32)) == 403
    assert world.rows("arrivals") == []


def test_the_host_of_the_request_has_no_say(world: Telephony) -> None:
    url = "https://elsewhere.test/in/texts"
    signature = RequestValidator(TOKEN).compute_signature(url, message())
    _, body, _ = world.exchange.signed(f"{PUBLIC}/in/texts", message())
    headers = {"Host": "elsewhere.test", "X-Forwarded-Host": "elsewhere.test", "X-Twilio-Signature": signature}
    assert httpx2.post(f"{world.exchange.door}/in/texts", content=body, headers=headers).status_code == 403


# --------------------------------------------------------------------------- what makes no sense, or too much
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a", b"&&&", b"MessageSid=&Body=x", b"=&" * 500])
def test_nonsense_is_told_apart_and_stops_nothing(world: Telephony, body: bytes) -> None:
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}/in/texts", {})
    assert bring(world, {}, body=body, headers={"X-Twilio-Signature": signature}) in (400, 403)
    assert world.rows("arrivals") == []
    assert bring(world, message()) == 200


def test_a_body_that_is_too_large_is_not_read(world: Telephony) -> None:
    door = Door(world.app.store, world.app.channels, DoorSettings(max_body=2000), world.clock)
    with Serving(door.app) as serving:
        world.exchange.door = f"http://127.0.0.1:{serving.port}"
        assert bring(world, message(Body="x" * 3000)) == 413

        def drip() -> Iterator[bytes]:
            for _ in range(30):
                yield b"x" * 100

        assert bring(world, message(), body=drip()) == 413
        assert bring(world, message()) == 200


def test_more_than_the_permitted_rate_is_told_to_come_back(world: Telephony) -> None:
    door = Door(world.app.store, world.app.channels, DoorSettings(per_second=1), world.clock)
    with Serving(door.app) as serving:
        world.exchange.door = f"http://127.0.0.1:{serving.port}"
        answers = [bring(world, message()) for _ in range(40)]
        assert answers[0] == 200
        assert 429 in answers


def test_a_channel_that_is_not_there_and_a_wrong_method_are_refused(world: Telephony) -> None:
    assert bring(world, message(), target="/in/nobody") == 404
    assert httpx2.get(f"{world.exchange.door}/in/texts").status_code == 405
    assert bring(world, message(), target="/in/post") == 404, "it receives nothing"


# --------------------------------------------------------------------------- the store
def test_what_cannot_be_stored_is_not_called_taken(world: Telephony, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("monitor.webhook.take_pushed", full)
        assert bring(world, message()) == 503
    assert world.rows("arrivals") == []
    assert bring(world, message()) == 200
    assert len(world.rows("arrivals")) == 1


def test_health_says_whether_the_store_can_be_written(world: Telephony, monkeypatch: pytest.MonkeyPatch) -> None:
    assert httpx2.get(f"{world.exchange.door}/healthz").json() == {"ok": True}

    def locked(_: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(Door, "_try_store", locked)
    answer = httpx2.get(f"{world.exchange.door}/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)


def test_metrics_tell_how_it_stands(world: Telephony) -> None:
    world.imports("sms").send()
    world.passes(minutes=5)
    text = metrics(world)
    assert 'unanswered_contacts{state="sent"} 1' in text
    assert 'unanswered_door_stored_total{what="reports"} 4.0' in text
    assert "unanswered_open_gaps 0" in text


# --------------------------------------------------------------------------- mail by the door
@pytest.fixture
def mails(world: Telephony, tmp_path: Path) -> Iterator[Telephony]:
    (tmp_path / "door-secret").write_text(SECRET)
    table = {"mailbox": "inbox.audit.test", "secret_file": "door-secret"}
    settings = mail_door.settings.model_validate(table, context={"env": {}, "base": tmp_path})
    channel = OpenChannel("mails", mail_door, mail_door.open("mails", settings, live=False))
    door = Door(world.app.store, {"mails": channel}, DoorSettings(), world.clock)
    with Serving(door.app) as serving:
        world.exchange.door = f"http://127.0.0.1:{serving.port}"
        yield world


MAIL = b"From: info@shop.example\r\nTo: anna@inbox.audit.test\r\nSubject: Re: hours\r\n\r\nYes. \xff\r\n"


def post_mail(world: Telephony, body: bytes = MAIL, *, age: timedelta = timedelta(0), **headers: str) -> int:
    stamp = str(int((world.clock() - age).timestamp()))
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + MAIL, hashlib.sha256).hexdigest()
    given = {"X-Unanswered-Timestamp": stamp, "X-Unanswered-Signature": f"sha256={signature}"}
    sent = given | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{world.exchange.door}/in/mails", content=body, headers=sent).status_code


def test_a_mail_is_stored_byte_for_byte_once(mails: Telephony) -> None:
    from monitor.store.understanding import raw

    assert [post_mail(mails), post_mail(mails), post_mail(mails, age=timedelta(minutes=4))] == [200, 200, 200]
    (arrival,) = mails.rows("arrivals")
    assert (arrival["mailbox"], arrival["reader"]) == ("inbox.audit.test", "")
    assert raw(mails.app.store, arrival["id"]) == MAIL


def test_a_mail_that_is_stale_altered_or_not_signed_is_refused(mails: Telephony) -> None:
    refused = [
        post_mail(mails, age=timedelta(minutes=6)),
        post_mail(mails, age=-timedelta(minutes=6)),
        post_mail(mails, MAIL + b"x"),
        post_mail(mails, X_Unanswered_Signature=""),
        post_mail(mails, X_Unanswered_Signature="sha256=" + "0" * 64),
        post_mail(mails, X_Unanswered_Timestamp="1"),
        post_mail(mails, X_Unanswered_Timestamp="99999999999"),
    ]
    assert refused == [403] * 7
    assert mails.rows("arrivals") == []
