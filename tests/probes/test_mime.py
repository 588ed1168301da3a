"""Reading mail: whatever the bytes, a Mail; whatever a sender meant, as much of it as can be read."""

from __future__ import annotations

import email
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.mail.decode import header_text, html_text, text_of
from probes.mail.mime import Mail, addresses, ids, mailbox, parse
from tests.monitor.letters import cpu_limit, report

READINGS = (
    "subject", "message_id", "in_reply_to", "references", "sender", "reply_to", "envelope_sender", "recipients", "type",
    "report_type", "parts", "plain", "html", "text", "attachments", "statuses", "notifications", "feedback", "returned",
    "mentioned_ids",
)  # fmt: skip


def read_all(mail: Mail) -> None:
    for name in READINGS:
        getattr(mail, name)
    mail.header("received")
    mail.headers("to")
    repr(mail)


def test_a_plain_mail_is_read() -> None:
    mail = parse(b"From: Jo <JO@shop.example>\r\nTo: Anna <a@in.example>, b@in.example\r\nSubject: Hi\r\n\r\nHello\r\n")
    assert (mail.sender.address, mail.sender.name, mail.sender.domain) == ("jo@shop.example", "Jo", "shop.example")
    assert mail.recipients == ("a@in.example", "b@in.example")
    assert (mail.subject, mail.text) == ("Hi", "Hello\n")


@pytest.mark.parametrize(
    "before",
    [
        b"\r\n\n",
        b"From jo@shop.example Tue Dec  1 10:00:00 2026\n",
        b">From jo\r\n",
        b"\xef\xbb\xbf",
        b"\n\nFrom x y\n",
    ],
)
def test_what_mail_stores_put_before_a_mail_is_no_part_of_it(before: bytes) -> None:
    assert parse(before + b"Subject: Hi\nTo: a@b.example\n\nbody").subject == "Hi"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
def test_any_line_end_parts_headers_from_the_text(end: bytes) -> None:
    mail = parse(end.join([b"Subject: Hi", b"X-A: 1", b"", b"one", b"two"]))
    assert (mail.subject, mail.header("x-a"), mail.text.split()) == ("Hi", "1", ["one", "two"])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("=?utf-8?B?w6k=?= x", "é x"),
        ("=?utf-8?Q?caf=C3=A9_bar?=", "café bar"),
        ("=?UTF-8?B?5L2g5aW9?=\r\n =?UTF-8?B?5ZCX?=", "你好吗"),
        ("=?utf-8?B?w6k?= broken padding", "é broken padding"),
        ("=?nonsense?Q?abc?=", "abc"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?iso-8859-1?Q?=80?=", "€"),
        ("a\r\n Bcc: x@y.example", "a Bcc: x@y.example"),
        ("=?utf-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
    ],
)
def test_headers_are_decoded_to_one_line_even_when_broken(raw: str, expected: str) -> None:
    assert header_text(raw) == expected


def test_a_character_cut_between_two_encoded_words_is_joined() -> None:
    assert header_text("=?utf-8?B?5L0=?= =?utf-8?B?oA==?=") == "你"


def test_raw_bytes_in_a_header_are_read_as_utf8_else_as_windows_1252() -> None:
    assert parse("Subject: Trả lời\n\n".encode()).subject == "Trả lời"
    assert parse(b"Subject: R\xe9ponse\n\n").subject == "Réponse"


@pytest.mark.parametrize(
    "charset", ["x-unknown", "", "undefined", "rot13", "hex", "idna", "punycode", "utf-8\x00", "a" * 500]
)
def test_an_unknown_or_unfit_charset_still_gives_text(charset: str) -> None:
    assert text_of("Grüße".encode(), charset) == "Grüße"


@pytest.mark.parametrize("charset", ["unicode_escape", "raw-unicode-escape", "idna", "punycode"])
def test_a_codec_that_is_no_charset_is_never_used(charset: str) -> None:
    assert text_of(rb"a\u0041 xn--mnchen-3ya", charset) == r"a\u0041 xn--mnchen-3ya"


def test_a_part_of_unknown_charset_is_read() -> None:
    raw = b"Content-Type: text/plain; charset=x-klingon\nContent-Transfer-Encoding: 8bit\n\nca va \xe9\n"
    assert parse(raw).text.strip() == "ca va é"


def test_broken_base64_is_read_as_far_as_it_goes() -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSGVsbG8*gd29ybG\nQ"
    assert parse(raw).text == "Hello world"


def test_html_becomes_text_without_scripts_styles_and_head() -> None:
    head = "<head><title>T</title><style>p{}</style></head>"
    source = f"<html>{head}<body><script>x()</script><p>Hi <b>you</b></p>a<br>b</body>"
    assert html_text(source) == "Hi you\na\nb"


def test_plain_text_is_preferred_and_html_read_where_it_is_alone() -> None:
    both = (
        b"Content-Type: multipart/alternative; boundary=q\n\n--q\nContent-Type: text/plain\n\nplain\n"
        b"--q\nContent-Type: text/html\n\n<p>html</p>\n--q--\n"
    )
    assert parse(both).text.strip() == "plain"
    assert parse(b"Content-Type: text/html\n\n<p>only</p><p>html</p>").text.split() == ["only", "html"]


def test_html_under_the_name_of_plain_text_is_read_as_html() -> None:
    assert parse(b"Content-Type: text/plain\n\n<html><body><p>Hi</p></body></html>").text == "Hi"


def test_attachments_are_named_and_never_read() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=q\n\n--q\nContent-Type: text/plain\n\nbody\n--q\n"
        b"Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nsecret\n--q\n"
        b"Content-Type: application/pdf; name=b.pdf\n\n%PDF\n--q--\n"
    )
    mail = parse(raw)
    assert "secret" not in mail.text
    assert mail.attachments == ("text/plain", "application/pdf")
    assert [part.filename for part in mail.parts] == ["", "a.txt", "b.pdf"]


def test_a_delivery_report_gives_its_blocks_and_the_returned_headers() -> None:
    mail = report()
    assert [block.get("action") for block in mail.statuses] == ["", "failed"]
    assert mail.statuses[1].get("final-recipient") == "rfc822; info@velo-nord.example"
    assert mail.returned[0].get("message-id") == "<enquiry-1@inbox.example>"
    assert mail.mentioned_ids == ("enquiry-1@inbox.example",)
    assert mail.envelope_sender == ""
    assert "Do you repair" not in mail.text


def test_a_delivery_status_in_base64_is_read() -> None:
    raw = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=q\n\n--q\n"
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        b"RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGFAYi5leGFtcGxlCkFjdGlvbjogZmFpbGVkCg==\n--q--\n"
    )
    assert [block.get("action") for block in parse(raw).statuses] == ["failed"]


def test_every_header_that_names_a_recipient_counts() -> None:
    names = ("Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
    raw = "".join(f"{name}: <{name.lower()}@in.example>\n" for name in names)
    raw += "Received: from a by b with ESMTP id 1\n\tfor <Loop@in.example>; Tue, 1 Dec 2026\n\nx"
    assert set(parse(raw.encode()).recipients) == {f"{name.lower()}@in.example" for name in names} | {"loop@in.example"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<A.b@C.example>", ("a.b@c.example",)),
        ("<a@b> <c@d>", ("a@b", "c@d")),
        ("Your mail of Tuesday <a@b>", ("a@b",)),
        ("a@b", ("a@b",)),
        ("<[abc]@>", ("[abc]@",)),
        ("<a\r\n b@c>", ("ab@c",)),
        ("", ()),
        ("<>", ()),
    ],
)
def test_message_ids_are_read_however_they_are_written(value: str, expected: tuple[str, ...]) -> None:
    assert ids(value) == expected


def test_addresses_and_names_are_told_apart() -> None:
    assert mailbox('"Miller, Jo" <jo@x.example>').name == "Miller, Jo"
    assert mailbox("jo@x.example (Jo Miller)").name == "Jo Miller"
    assert mailbox("Jo").address == ""
    assert addresses("a@b.example; <C@d.example>, a@b.example") == ("a@b.example", "c@d.example")


def test_a_multipart_whose_boundary_never_comes_is_read_as_text() -> None:
    assert "hello" in parse(b"Content-Type: multipart/report; boundary=zz\n\n--other\n\nhello\n").text


@given(st.binary(max_size=3000))
def test_any_bytes_give_a_mail(raw: bytes) -> None:
    mail = parse(raw)
    read_all(mail)
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


HEADER = st.sampled_from(
    ["Subject", "From", "To", "Content-Type", "Message-ID", "In-Reply-To", "Received", "Content-Transfer-Encoding"]
)
VALUE = st.one_of(
    st.text(alphabet=string.printable, max_size=60),
    st.sampled_from(
        ["<[abc]@>", "=?x?Q?=", "=?utf-8?b?!!!?=", "multipart/mixed; boundary=q", "text/html; charset=idna", "base64",
         "uuencode", "message/rfc822", "multipart/report; report-type*=utf-8''%ff; boundary*0=q",
         "text/plain; charset*=x'y'%zz"]
    ),
)  # fmt: skip
BODY = st.lists(
    st.sampled_from(
        ["--q", "--q--", "", "text", "Content-Type: message/delivery-status", "begin 644 x", "=ZZ=", "\ud83d"]
    )
)


@given(st.lists(st.tuples(HEADER, VALUE), max_size=8), BODY)
def test_any_crooked_mail_gives_a_mail(headers: list[tuple[str, str]], body: list[str]) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in headers) + "\n" + "\n".join(body)
    read_all(parse(text.encode("utf-8", "replace")))


NASTY = {
    "nothing": b"",
    "only a newline": b"\n",
    "nested 5000 deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)
    ),
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 5000,
    "many parts": b"Content-Type: multipart/mixed; boundary=q\n\n" + b"--q\n\nx\n" * 200_000,
    "deep html": b"Content-Type: text/html\n\n" + b"<div>" * 200_000,
    "one long header": b"Subject: " + b"=?utf-8?Q?" * 200_000 + b"\n\nx",
    "many recipients": b"To: " + b"a@b.example, " * 100_000 + b"\n\nx",
    "angle brackets": b"In-Reply-To: " + b"<" * 500_000 + b"\nReferences: " + b"<a" * 300_000 + b"\n\nx",
    "commas and quotes": b"From: " + b'"(,<' * 200_000 + b"\n\nx",
    "nul bytes": b"Sub\x00ject: a\x00b\n\n" + b"\x00" * 1000 + b"text",
    "a large body": b"Subject: x\n\n" + b"word " * 2_000_000,
    "base64 of nothing": b"Content-Transfer-Encoding: base64\n\n" + b"=" * 1_000_000,
    "ids in the text": b"\n" + b"message-id: " * 100_000,
    "for in received": b"Received: " + b"for " * 200_000 + b"\n\n",
    "deep and long": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(900))
    + b"a\n" * 1_900_000,
    "deep enough and long": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(59)
    )
    + b"a\n" * 1_900_000,
    "mid-header end": b"Content-Type: multipart/mixed; bou",
}


@pytest.mark.parametrize("raw", NASTY.values(), ids=NASTY.keys())
def test_nasty_mail_is_read_within_bounds(raw: bytes) -> None:
    with cpu_limit(3):  # each takes well under one; without its bound some take many times that
        read_all(parse(raw))


def test_html_nested_without_end_is_read_without_its_tree() -> None:
    with cpu_limit(1.5):
        assert html_text("<div>" * 55_000 + "deep") == "deep"


def test_the_raw_bytes_stay_what_they_were() -> None:
    raw = b"\n\nFrom x\nSubject: a\x00\r\r\n\nb"
    assert parse(raw).raw == raw
    assert isinstance(parse(raw).message, email.message.Message)
