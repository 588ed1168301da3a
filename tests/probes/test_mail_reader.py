"""The tree of a mail is the one that the standard library's compat32 parser builds, whatever the bytes."""

from __future__ import annotations

import email
from email.message import Message
from email.policy import compat32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.mail import reader

MULTIPART = b'Content-Type: multipart/mixed; boundary="b"\n\n'
ALTERNATIVE = b"Content-Type: multipart/alternative; boundary=in\n\n"
STATUS = b"Content-Type: message/delivery-status\n\n"

LINES = (
    b"", b"--b", b"--b--", b"--b \t", b"--in", b"--in--", b"--", b"-- ", b"--bb", b"---b", b" --b", b"--b:x",
    b"Subject: one", b"Subject:", b"subject:\ttwo ", b" folded", b"\tfolded", b"From jo Mon Jan 1 00:00:00 2026",
    b"From: Jo <jo@x.example>", b": no name", b"no colon", b"a text: with spaces", b"caf\xc3\xa9: not a name",
    b"Subject: caf\xe9", b"Content-Type: text/plain; charset=utf-8", b"Content-Type: text/html", b"Content-Type: odd",
    b"Content-Type: message/rfc822", b"Content-Type: message/delivery-status", b"Content-Type: message/partial",
    b"Content-Type: multipart/mixed; boundary=b", b'Content-Type: multipart/digest; boundary="in"',
    b"Content-Type: multipart/mixed", b'Content-Type: multipart/mixed;\n boundary="in"', b"Content-Type: caf\xe9/x",
    b"Content-Type: multipart/mixed; boundary*=utf-8''b", b"Action: failed", b"Status: 5.1.1", b"one\x0btwo\x85three",
)  # fmt: skip


def shape(message: Message) -> object:
    payload = vars(message)["_payload"]
    inner = [shape(child) for child in payload] if isinstance(payload, list) else payload
    return list(message.raw_items()), message.get_default_type(), inner


def same(raw: bytes) -> None:
    assert shape(reader.read(raw)) == shape(email.message_from_bytes(raw, policy=compat32))


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard parser is not asked."""

    def refuse(*_: object, **__: object) -> Message:
        raise AssertionError("left to the standard parser")

    monkeypatch.setattr(email, "message_from_bytes", refuse)


SHAPES = {
    "nothing": b"",
    "headers alone": b"Subject: one",
    "folded headers": b"Subject: one\n two\n\tthree\nTo:\n a@x.example\n\ntext\n",
    "text alone": b"\ntext\n\n",
    "no empty line": b"Subject: one\ntext without an empty line above it\n",
    "windows line ends": MULTIPART.replace(b"\n", b"\r\n") + b"--b\r\n\r\none\r\n\r\n--b--\r\nafter\r\n",
    "a mailbox's first line": b"Subject: one\nFrom jo Mon Jan 1 00:00:00 2026\nTo: a@x.example\n\ntext\n",
    "two parts": MULTIPART + b"before\n--b\nSubject: one\n\none\n--b\n\ntwo\n\n--b--\nafter\n--b\n\nthree\n",
    "boundaries in a row": MULTIPART + b"--b\n--b\n--b\n\none\n--b--\n",
    "no last boundary": MULTIPART + b"--b\n\none\n--b\n\ntwo\n",
    "no first boundary": MULTIPART + b"one\n\ntwo\n",
    "only a last boundary": MULTIPART + b"one\n--b--\ntwo\n--b\n\nthree",
    "no boundary named": b"Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n",
    "a part without body": MULTIPART + b"--b\nSubject: one\n--b\nSubject: two\n\n--b--\n",
    "nested": MULTIPART + b"--b\n" + ALTERNATIVE + b"--in\n\none\n--in--\n\n--b\n\ntwo\n--b--\n",
    "nested and cut short": MULTIPART + b"--b\n" + ALTERNATIVE + b"--in\n\none\n\n--b\n\ntwo\n--b--\n",
    "nested under the same boundary": MULTIPART + b"--b\n" + MULTIPART + b"--b\n\none\n--b--\n",
    "a digest": b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\none\n--b\n\nA: b\n\n--b--\n",
    "a mail in a mail": b"Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/html\n\none\n",
    "a report": MULTIPART + b"--b\n" + STATUS + b"A: 1\n\nB: 2\n C\n\n\nD: 3\nrest\n\n--b\n\ntext\n--b--\n",
    "a report alone": STATUS + b"A: 1\n\nB: 2\n",
    "an empty report": MULTIPART + b"--b\n" + STATUS + b"--b--\n",
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("_alone")
def test_a_plainly_shaped_mail_is_read_without_the_standard_parser(name: str) -> None:
    reader.read(SHAPES[name])


@pytest.mark.parametrize("name", SHAPES)
def test_a_plainly_shaped_mail_is_read_as_the_standard_parser_reads_it(name: str) -> None:
    same(SHAPES[name])
    same(SHAPES[name].rstrip(b"\n"))
    same(SHAPES[name].replace(b"\r", b"").replace(b"\n", b"\r\n"))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from((b"\n", b"\n", b"\n\n", b"\r\n"))), max_size=25))
def test_any_lines_are_read_as_the_standard_parser_reads_them(lines: list[tuple[bytes, bytes]]) -> None:
    text = b"".join(line + end for line, end in lines)
    same(text)
    same(MULTIPART + b"--b\n" + text)
    same(STATUS + text)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_the_standard_parser_reads_them(raw: bytes) -> None:
    same(raw)
    same(MULTIPART + b"--b\n" + raw + b"\n--b--\n")


def test_line_ends_of_old_macs_are_left_to_the_standard_parser() -> None:
    same(b"Subject: one\r\rtext\r--b\r")
    same(b"Subject: one\r\n two\r\n\r\ntext\rand more\r\n")
