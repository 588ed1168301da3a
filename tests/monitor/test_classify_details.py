"""Beside the kind: language, promises, phrases, and a verdict for any bytes in bounded time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monitor.classify.decide as decide
from monitor.classify.decide import classify
from monitor.classify.inspect import describe
from monitor.classify.lexicon import flatten, languages, phrase
from monitor.facts import KINDS
from probes.mail.mime import parse
from tests.monitor.letters import cpu_limit, letter


# --------------------------------------------------------------------------------------------- language, promise
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Yes, we can do that for you and it will be ready on Friday.", "en"),
        ("Oui, nous pouvons le faire pour vous et ce sera prêt vendredi.", "fr"),
        ("Ja, das können wir gerne für Sie machen, es ist am Freitag fertig.", "de"),
        ("Sí, podemos hacerlo y estará listo para usted el viernes por la tarde.", "es"),
        ("Vâng, chúng tôi có thể sửa xe cho bạn vào thứ Sáu.", "vi"),
        ("可以，我们周五可以为您修好自行车。", "zh"),
        ("可以，我們週五可以為您修好自行車，請與我們聯絡。", "zh-tw"),
        ("はい、金曜日までに修理できます。", "ja"),
        ("네, 금요일까지 수리할 수 있습니다.", "ko"),
        ("Да, мы сделаем это к пятнице, вы можете забрать.", "ru"),
        ("Ok", None),
        ("", None),
        ("12345 !!!", None),
    ],
)
def test_the_language_of_a_text(text: str, code: str | None) -> None:
    assert classify(letter(text, "")).language == code


AT = datetime(2026, 12, 4, 16, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("We have received your message and will reply within 24 hours.", timedelta(hours=24)),
        ("We have received your message. You will receive an answer within two working days.", timedelta(days=4)),
        ("We have received your request, we will get back to you in 3-5 business days.", timedelta(days=7)),
        ("Nous avons bien reçu votre message, nous vous répondrons sous 48 heures.", timedelta(hours=48)),
        (
            "Nous avons bien reçu votre message, nous vous répondrons dans un délai de 2 jours ouvrés.",
            timedelta(days=4),
        ),
        ("Chúng tôi đã nhận được email, sẽ phản hồi trong vòng 24 giờ.", timedelta(hours=24)),
        ("我们已收到您的邮件，将在一个工作日内回复您。", timedelta(days=3)),
        ("我们已收到您的邮件，会在24小时内与您联系。", timedelta(hours=24)),
        ("Hemos recibido su mensaje, le responderemos en un plazo de 2 días.", timedelta(days=2)),
        ("Ihre Anfrage ist bei uns eingegangen, wir antworten innerhalb von 24 Stunden.", timedelta(hours=24)),
    ],
)
def test_a_promise_has_its_deadline_from_the_arrival(text: str, due: timedelta) -> None:
    found = classify(letter(text, "Your enquiry"), AT)
    assert found.promise is not None
    assert found.promise.due == AT + due
    assert classify(letter(text, "Your enquiry")).promise.due is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "We have received your message. We aim to reply within 24 hours.",
        "We have received your message. Our shop is open 24 hours a day.",
        "We have received your message. Parts arrive within 3 days.",
        "We have received your message. Last year we replied to all within 2 days.",
        "我们已收到您的邮件，通常在24小时内回复。",
    ],
)
def test_what_is_no_promise(text: str) -> None:
    assert classify(letter(text, "Your enquiry"), AT).promise is None


def test_a_promised_call_is_told_from_a_promised_answer() -> None:
    found = classify(letter("Thanks! I will call you tomorrow.", "Re: City bike"), AT)
    assert found.promise is not None
    assert (found.promise.kind, found.promise.due) == ("call", AT + timedelta(days=1))


# --------------------------------------------------------------------------------------------- always
@given(st.binary(max_size=2000))
def test_any_bytes_get_a_verdict_with_reasons(raw: bytes) -> None:
    found = classify(parse(raw), AT)
    assert found.kind in KINDS
    assert found.reasons
    assert describe("x.eml", raw)["kind"] == found.kind


def test_a_rule_that_breaks_gives_unclear_with_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(view: Any) -> None:
        raise ValueError("a strange mail")

    monkeypatch.setattr(decide, "ORDER", (broken,))
    found = classify(letter("Yes."))
    assert (found.kind, found.automated) == ("unclear", None)
    assert "ValueError: a strange mail" in found.reasons[0]


def test_describe_gives_what_the_command_line_prints() -> None:
    found = describe("a/b.eml", letter("We have received your message, we reply within 24 hours.", "x").raw)
    assert set(found) == {
        "path", "kind", "automated", "reasons", "language", "new_text", "bounced_recipient", "original_message_id",
        "noreply_sender", "promise",
    }  # fmt: skip
    assert found["promise"] == {"text": "We have received your message, we reply within 24 hours", "due": None}


BAIT = (
    "we have received " * 60_000,
    "will reply within 1" * 50_000,
    "in a " * 200_000,
    "i " * 400_000,
    "[" * 400_000,
    "a*" * 200_000,
    "€ 1" * 200_000,
    "https://" * 100_000,
    "1 2 3 " * 100_000,
    "re: " * 200_000,
    "\u200b" * 400_000,
    "我们" * 200_000,
    "été " * 100_000,
)


@pytest.mark.parametrize("bait", BAIT, ids=range(len(BAIT)))
def test_bait_is_classified_in_linear_time(bait: str) -> None:
    raw = f"From: {bait[:5000]}\nSubject: {bait}\nAuto-Submitted: {bait}\nReply-To: {bait}\n\n{bait}"
    with cpu_limit():
        classify(parse(raw.encode()), AT)


# --------------------------------------------------------------------------------------------- phrases
def test_every_language_has_its_phrases() -> None:
    known = languages()
    assert {"en", "fr", "de", "es", "vi", "zh", "zh-tw"} <= set(known)
    for code in ("en", "fr", "de", "es", "vi", "zh", "zh-tw"):
        empty = [sign for sign, table in known[code].text.items() if not table]
        assert empty == [], code


@pytest.mark.parametrize(
    ("words", "text", "there"),
    [
        ("we have", "so we have it", True),
        ("we have", "owe have", False),
        ("we have", "we haven", False),
        ("contact~", "they contacted us", True),
        ("within * days", "within three working days", True),
        ("within * days", "within reason. three days", False),
        ("within * days", "within " + "very " * 40 + "many days", False),
        ("收到您", "已收到您的信", True),
        ("we * reply * soon", "we will reply to you very soon", True),
    ],
)
def test_a_phrase_is_found_at_the_edges_of_words_and_within_a_sentence(words: str, text: str, there: bool) -> None:
    assert (phrase(words).find(flatten(text)) is not None) is there


def test_a_phrase_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no fixed part"):
        phrase(" * ")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "it is empty"),
        (b" \r\n\n", "it is empty"),
        (
            b"Hello Anna,\n\nyes, we repair city bikes. It costs 40 euros. I am here until six.\n\nJo",
            "text, and no mail",
        ),
        (b"name,basis\nVelo Nord,own\n", "text, and no mail"),
        (b"Note: we repair city bikes, I promise.\n\nYes.", "text, and no mail"),
        (b"%PDF-1.7\n\x00\x01\x02 I will call you", "binary data, and no mail"),
    ],
)
def test_what_is_no_mail_is_unclear_and_says_why(raw: bytes, said: str) -> None:
    found = classify(parse(raw))
    assert (found.kind, found.automated) == ("unclear", None)
    assert said in found.reasons[0]


def test_a_mail_with_one_header_is_a_mail() -> None:
    body = b"\n\nHello Anna, yes, I can repair it on Friday. It costs 40 euros.\n\nJo\n"
    assert classify(parse(b"Subject: Re: City bike repair" + body)).kind == "human"
