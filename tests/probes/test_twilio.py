"""Numbers, segments and codes: what can be told without a wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.twilio import codes, numbers, texts
from probes.twilio.segments import segments


@pytest.mark.parametrize(
    ("text", "encoding", "length", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the two places of the sign are not split
        ("Grüße, señor, à demain £5", "GSM-7", 25, 1),
        ("ç", "UCS-2", 1, 1),
        ("你" * 70, "UCS-2", 70, 1),
        ("你" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("a" * 66 + "😀" + "a" * 10, "UCS-2", 78, 2),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, encoding: str, length: int, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.length, found.count) == (encoding, length, count)


@given(st.text(max_size=1000))
def test_more_text_never_takes_fewer_segments(text: str) -> None:
    assert segments(text + "x").count >= segments(text).count >= 1


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("+44 (0)20 7183 8750", "+442071838750"),
        ("0033 1 70 36 39 50", "+33170363950"),
        ("+1 (212) 555-0123", "+12125550123"),
    ],
)
def test_a_number_has_one_spelling(written: str, spelt: str) -> None:
    assert numbers.normalise(written) == spelt


@pytest.mark.parametrize(
    "written",
    ["", "112", "911", "+112", "+1911", "0800 1111", "+1 900 234 5678", "+44 909 879 0000", "+999 1", "+4420", "+49 1"],
)
def test_premium_emergency_short_and_impossible_numbers_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        numbers.normalise(written)


@pytest.mark.parametrize(
    "number",
    ["+12125550100", "+12125550199", "+442079460123", "+447700900123", "+33199001234", "+493023125123", "+61491570006"],
)
def test_numbers_of_films_are_known(number: str) -> None:
    assert numbers.is_invented(number)


@pytest.mark.parametrize("number", ["+12125550200", "+12125551234", "+442071838750", "+33170363950", "+4930232123"])
def test_other_numbers_are_not_taken_for_those(number: str) -> None:
    assert not numbers.is_invented(number)


def test_the_raw_code_is_told_with_its_class_and_an_unknown_one_as_it_is() -> None:
    assert "STOP" in codes.meaning("21610")
    assert "landline" in codes.meaning("30006")
    assert "99999" in codes.meaning("99999")
    assert [codes.is_hard(code) for code in ("30003", "30005", "30006", "99999", None)] == [
        False,
        True,
        True,
        None,
        None,
    ]
    assert codes.is_ours("20003")
    assert not codes.is_ours("21610")


def test_a_status_that_comes_late_does_not_undo_a_later_one() -> None:
    ranks = [codes.rank(status) for status in ("queued", "sending", "sent", "undelivered", "delivered")]
    assert ranks == sorted(set(ranks))
    calls = [codes.rank(status) for status in ("initiated", "ringing", "in-progress", "completed")]
    assert calls == sorted(set(calls))


@pytest.mark.parametrize("body", ["STOP", "stop", " Stop. ", "Unsubscribe!", "arrêt", "退订"])
def test_a_message_that_is_only_a_word_of_leaving_is_one(body: str) -> None:
    told = texts.read(_raw(body)).told
    assert told is not None
    assert (told.kind, told.asks_to_stop) == ("opt_out", "+12125550100")


@pytest.mark.parametrize(
    "body", ["Please stop by on Saturday", "The end of the month", "Yes", "cancel my order please"]
)
def test_a_message_with_such_a_word_in_it_is_none(body: str) -> None:
    assert texts.read(_raw(body)).told is None


@pytest.mark.parametrize("raw", [b"", b"{}", b"{", b"\xff", b"Body=x", b"[1]"])
def test_what_names_no_message_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        texts.read(raw)


def _raw(body: str) -> bytes:
    from urllib.parse import urlencode

    return urlencode({"MessageSid": "SM1", "From": "+12125550100", "To": "+12025550100", "Body": body}).encode()
