from __future__ import annotations

import dataclasses
import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Enquiry
from probes.mail.compose import compose, letter, one_line
from probes.testing import SAMPLE

AT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    "Content-Language",
]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def written(enquiry: Enquiry, *, eight_bit: bool = False) -> bytes:
    return compose(letter(enquiry), AT, eight_bit=eight_bit)


@given(TEXT, TEXT, TEXT, st.booleans())
def test_whatever_the_text_the_mail_has_its_nine_headers_and_reads_back(
    name: str, subject: str, body: str, eight_bit: bool
) -> None:
    raw = written(dataclasses.replace(SAMPLE, sender_name=name, subject=subject, body=body), eight_bit=eight_bit)
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail.keys() == HEADERS
    assert str(mail["Subject"]) == one_line(subject)
    assert [address.addr_spec for address in mail["From"].addresses] == [SAMPLE.reply_to]
    assert mail["Message-ID"] == SAMPLE.message_id
    lines = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    got = mail.get_payload(decode=True)
    assert isinstance(got, bytes)
    assert got.decode().replace("\r\n", "\n").removesuffix("\n").split("\n") == lines


@given(TEXT, TEXT, TEXT, st.booleans())
def test_every_line_ends_as_smtp_wants_and_none_is_too_long(
    name: str, subject: str, body: str, eight_bit: bool
) -> None:
    raw = written(dataclasses.replace(SAMPLE, sender_name=name, subject=subject, body=body), eight_bit=eight_bit)
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert eight_bit or raw.isascii()


@pytest.mark.parametrize(
    ("body", "eight_bit", "encoding"),
    [
        ("Hello\n", False, "7bit"),
        ("Hello\n", True, "7bit"),
        ("Grüße\n", True, "8bit"),
        ("Grüße\n", False, "quoted-printable"),
        ("x" * 999, True, "quoted-printable"),
        ("ü" * 500, True, "quoted-printable"),
        ("bell \x07\n", True, "quoted-printable"),
    ],
)
def test_the_encoding_is_the_plainest_that_fits(body: str, eight_bit: bool, encoding: str) -> None:
    raw = written(dataclasses.replace(SAMPLE, body=body), eight_bit=eight_bit)
    assert email.message_from_bytes(raw)["Content-Transfer-Encoding"] == encoding


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna Berger", "Anna Berger <anna@inbox.example>"),
        ("Berger, Anna", '"Berger, Anna" <anna@inbox.example>'),
        ('Anna "Nan" Berger\\', r'"Anna \"Nan\" Berger\\" <anna@inbox.example>'),
        ("", "<anna@inbox.example>"),
        ("Nguyễn An", "=?utf-8?b?Tmd1eeG7hW4gQW4=?= <anna@inbox.example>"),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <anna@inbox.example>"),
    ],
)
def test_a_name_is_quoted_or_encoded_as_it_needs(name: str, shown: str) -> None:
    assert email.message_from_bytes(written(dataclasses.replace(SAMPLE, sender_name=name)))["From"] == shown


def test_a_subject_that_looks_encoded_arrives_as_it_was_written() -> None:
    raw = written(dataclasses.replace(SAMPLE, subject="=?utf-8?q?=42cc?="))
    assert email.message_from_bytes(raw, policy=email.policy.default)["Subject"] == "=?utf-8?q?=42cc?="


def test_a_long_message_id_is_not_folded() -> None:
    long = f"<{'a' * 180}@inbox.example>"
    assert f"\r\nMessage-ID: {long}\r\n".encode() in written(dataclasses.replace(SAMPLE, message_id=long))


@pytest.mark.parametrize("language", ["", "e", "en\r\nBcc: x", "english please"])
def test_a_language_that_is_no_tag_is_left_out(language: str) -> None:
    assert "Content-Language" not in email.message_from_bytes(written(dataclasses.replace(SAMPLE, language=language)))
