"""Templates become the bytes that their sender's program would have made."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes

import pytest

from probes.sandbox.behaviours import businesses
from probes.sandbox.compose import Enquiry, compose, template, values

AT = datetime(2026, 9, 7, 8, 30, tzinfo=UTC)
RAW = (
    "From: =?utf-8?q?Anna_M=C3=BCller?= <anna.mueller@inbox.example>\r\n"
    "To: hello@shop.example\r\n"
    "Subject: =?utf-8?q?Caf=C3=A9?=\r\n =?utf-8?q?_and_brakes?=\r\n"
    "Date: Mon, 07 Sep 2026 10:00:00 +0200\r\n"
    "Message-ID: <one@inbox.example>\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n"
    "Hello,\r\n\r\nwhat does it cost? 你好 <b>\r\n"
).encode()


def known(timezone: str = "Europe/London") -> dict[str, str]:
    enquiry = Enquiry("anna.mueller@inbox.example", "hello@shop.example", RAW, AT)
    return values(enquiry, AT, timezone, "t1")


def test_values_hold_the_enquiry_decoded_and_raw() -> None:
    found = known()
    assert found["to"] == "anna.mueller@inbox.example"
    assert found["to_name"] == "Anna Müller"
    assert found["message_id"] == "<one@inbox.example>"
    assert found["subject"] == "=?utf-8?q?Caf=C3=A9?= =?utf-8?q?_and_brakes?="
    assert found["subject_plain"] == "Café and brakes"
    assert found["domain"] == "shop.example"
    assert found["quote"] == "> Hello,\n>\n> what does it cost? 你好 <b>"
    assert "&lt;b&gt;" in found["quote_html"]


def test_a_mail_is_dated_where_the_business_is() -> None:
    assert known("Asia/Shanghai")["date"] == "Mon, 07 Sep 2026 16:30:00 +0800"


def test_reply_to_wins_over_from() -> None:
    raw = RAW.replace(b"To: hello", b"Reply-To: other@inbox.example\r\nTo: hello")
    found = values(Enquiry("a@inbox.example", "hello@shop.example", raw, AT), AT, "UTC", "t")
    assert found["to"] == "other@inbox.example"
    assert found["to_name"] == "Anna Müller"


@pytest.mark.parametrize(("how", "charset"), [("base64", "gb18030"), ("qp", "utf-8"), ("raw", "gb18030")])
def test_a_block_is_encoded_so_that_it_can_be_read_back(how: str, charset: str) -> None:
    encoding = {"base64": "base64", "qp": "quoted-printable", "raw": "8bit"}[how]
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    raw = compose(head + f"%%{how} {charset}\n车 {{{{to_name}}}}\n%%end\n", {"to_name": "陈"})
    payload = message_from_bytes(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode(charset).split() == ["车", "陈"]


@pytest.mark.parametrize("how", ["base64", "qp"])
def test_an_encoded_block_is_broken_into_lines_of_76(how: str) -> None:
    raw = compose(f"\n%%{how} utf-8\n" + "é" * 500 + "\n%%end\n", {})
    assert max(len(line) for line in raw.split(b"\r\n")) == 76


def test_every_line_ends_with_crlf_and_no_line_is_longer_than_mail_may_be() -> None:
    for business in businesses():
        for mail in business.mails:
            other = {"other_business": "x@y.example", "other_domain": "y.example", "other_headers": "Subject: x"}
            raw = compose(template(mail.template), known() | other)
            assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r"), mail.template
            assert max(len(line) for line in raw.split(b"\r\n")) <= 998, mail.template
            assert b"{{" not in raw, mail.template
            assert b"%%" not in raw, mail.template


def test_a_value_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing_of_the_kind"):
        compose("Subject: {{nothing_of_the_kind}}\n\n", known())


def test_a_value_is_not_looked_at_again() -> None:
    assert compose("{{body}}\n", {"body": "{{to}}"}) == b"{{to}}\r\n"
