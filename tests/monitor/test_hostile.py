"""Hostile mail, from the bytes to the page: never a crash, always stored, `unclear` with a reason where nothing can be
read, and no attachment is ever opened."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.listen import todays_rules, understand
from monitor.report import publish
from monitor.store.engine import Store
from monitor.store.hearing import take_in
from monitor.store.integrity import integrity
from monitor.store.understanding import raw, read_verdict
from probes.mail import decode, tree
from reports.data import verify
from tests.monitor.factories import CHANNEL, World, arrival, batch, fresh_store, rows
from tests.monitor.making import TUESDAY
from tests.monitor.test_report import app_of, everything
from tests.wire.mailing import CORPUS

SECRET = b"CONFIDENTIAL-zebra-4711"
HIDDEN = base64.b64encode(SECRET * 9)
PGP_END = b"-----END PGP MESSAGE-----\r\n"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def part(kind: str, body: bytes, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"Content-Type: {kind}", *headers)).encode() + b"\r\n" + body


def multipart(kind: str, *parts: bytes, boundary: str = "=_b") -> bytes:
    inner = b"".join(b"--" + boundary.encode() + b"\r\n" + one + b"\r\n" for one in parts)
    return part(f'multipart/{kind}; boundary="{boundary}"', inner + b"--" + boundary.encode() + b"--\r\n")


def attached(kind: str, name: str) -> bytes:
    return part(
        kind, HIDDEN, "Content-Transfer-Encoding: base64", f'Content-Disposition: attachment; filename="{name}"'
    )


def mail_of(content: bytes, *headers: bytes) -> bytes:
    given = headers or (b"From: Jo <jo@firm1.example>", b"To: anna@inbox.example", b"Subject: Hello")
    return b"".join(line + b"\r\n" for line in given) + b"MIME-Version: 1.0\r\n" + content


def nested(depth: int) -> bytes:
    made = part("text/plain", b"deep down\r\n")
    for level in range(depth):
        made = multipart("mixed", made, boundary=f"=_{level}")
    return made


UNREADABLE = {
    "encrypted by S/MIME": part(
        "application/pkcs7-mime; smime-type=enveloped-data", HIDDEN, "Content-Transfer-Encoding: base64"
    ),
    "encrypted by PGP/MIME": multipart(
        'encrypted; protocol="application/pgp-encrypted"',
        part("application/pgp-encrypted", b"Version: 1\r\n"),
        part(
            "application/octet-stream", b"-----BEGIN PGP MESSAGE-----\r\n" + HIDDEN + b"\r\n-----END PGP MESSAGE-----"
        ),
    ),
    "encrypted inline": part(
        "text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA" + b"x9Kq" * 50 + b"\r\n" + PGP_END
    ),
    "winmail.dat alone": multipart("mixed", attached("application/ms-tnef", "winmail.dat")),
    "an image alone": part("image/png", HIDDEN, "Content-Transfer-Encoding: base64"),
    "an image in HTML": multipart(
        "related",
        part("text/html", b'<html><body><img src="cid:a"></body></html>'),
        part("image/png", HIDDEN, "Content-Transfer-Encoding: base64", "Content-ID: <a>"),
    ),
    "a type with controls in it": multipart("mixed", part("appli\x06cation/\x1bzip", HIDDEN)),
    "a calendar alone": part("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\nSUMMARY:Hello\r\nEND:VCALENDAR\r\n"),
    "a zip alone": multipart("mixed", attached("application/zip", "42.zip")),
    "nothing": part("text/plain", b""),
    "white space": part("text/html", b"<p>&nbsp;</p>\r\n \t\r\n"),
}
READABLE = {
    "an unknown charset": part("text/plain; charset=x-martian", b"Yes, \xe9\xff it costs 12\r\n"),
    "a charset that works for ever": part("text/plain; charset=idna", b"Yes.\r\n"),
    "nested 50 deep": nested(50),
    "NULs": part("text/plain", b"Yes\x00, it \x00\x01\x02\x1b[31m costs \x7f 12\r\n"),
    "C1 controls": part("text/plain; charset=utf-8", "Yes\u0085, it \u009b costs 12\u0090\r\n".encode()),
    "controls by reference": part("text/html", b"<p>Yes&#27;[31m &#x81;&#x9b;&#0; it costs 12</p>"),
    "a text attachment": multipart(
        "mixed",
        part("text/plain", b"See the attached.\r\n"),
        part("text/plain", SECRET, 'Content-Disposition: attachment; filename="a.txt"'),
    ),
    "a mail with a zip": multipart("mixed", part("text/plain", b"Yes.\r\n"), attached("application/zip", "42.zip")),
    "a boundary that never comes": part('multipart/mixed; boundary="none"', b"what is this\r\n"),
    "half base64": part("text/plain", b"WWVzLCBpd=====\xff\x00CBjb3N0", "Content-Transfer-Encoding: base64"),
}
BROKEN = re.compile(r"the rules broke on this mail|^could not be (?:read|judged|stored)")
HEADERS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Subject: =?utf-8?q?a=0D=0ABcc:_x@y.example?=",
                b"Subject: =?martian?b?////?= =?utf-8?b?=?=",
                b"Message-ID: <[abc]@>",
                b"Message-ID: <a b@ <c>",
                b'From: "\x00\x1b" <@@>, =?utf-8?q?=00=1b?= <jo@firm1.example>',
                b"Date: Tue, 99 Foo 99999 99:99:99 +9999",
                b"In-Reply-To: nothing <a@b> and more (",
                b"Received: from [\xff] for <anna@inbox.example>; never",
                b"no colon here",
                b"Return-Path: <>",
                b"Content-Type: text/plain; charset*=utf-8''%00%ff",
            ]
        ),
        st.binary(max_size=60).map(lambda data: b"X-Odd: " + data),
    ),
    max_size=6,
)
CONTENTS = st.sampled_from([*UNREADABLE.values(), *READABLE.values()])
SOUND = st.builds(lambda parts: mail_of(multipart("mixed", *parts, boundary="=_outer")), st.lists(CONTENTS, max_size=4))
"""Well-formed around hostile parts: what is attached in them is known to be."""
BROKEN_MAILS = st.one_of(
    st.builds(
        lambda headers, content: mail_of(content, *headers),
        HEADERS.filter(bool),
        st.one_of(CONTENTS, st.binary(max_size=300), st.just(nested(80))),
    ),
    st.binary(max_size=400),
)


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The payloads of parts that were decoded, as they are counted on the way to the real function."""
    decoded: list[str] = []
    real = decode.body_bytes

    def counting(payload: str, encoding: str, limit: int) -> bytes:
        decoded.append(payload)
        return real(payload, encoding, limit)

    monkeypatch.setattr(tree, "body_bytes", counting)
    return decoded


def gone_through(store: Store, mails: list[bytes], *, sound: bool = True) -> dict[bytes, dict[str, Any]]:
    """Each mail with the row of its verdict, after it was stored, read back unchanged and understood."""
    taken = take_in(store, CHANNEL, batch(*(arrival(one) for one in mails)), TUESDAY)
    assert len(taken.new) == len(set(mails))
    assert [raw(store, key) for key in taken.new] == list(dict.fromkeys(mails))
    understand(store, lambda: TUESDAY, rules=todays_rules())
    verdicts = {row["arrival_id"]: row for row in rows(store, "verdicts")}
    for key in taken.new:
        row = verdicts[key]
        assert row["reasons"], "every verdict has its reasons"
        assert not any(BROKEN.search(one) for one in row["reasons"]), row["reasons"]
        said = read_verdict(row)
        for text in (said.new_text, said.language or "", *said.reasons):
            assert not CONTROL.search(text), repr(text)
            assert not sound or SECRET.decode() not in text
            assert not sound or HIDDEN.decode() not in text
    return {raw(store, key): verdicts[key] for key in taken.new}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with fresh_store(tmp_path) as made:
        yield made


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_unclear_with_a_reason(store: Store, what: str, opened: list[str]) -> None:
    (row,) = gone_through(store, [mail_of(UNREADABLE[what])]).values()
    assert row["kind"] == "unclear", row["reasons"]
    assert any("no text" in reason or "encrypted" in reason for reason in row["reasons"]), row["reasons"]
    assert not any(HIDDEN.decode() in payload for payload in opened)


@pytest.mark.parametrize("what", READABLE)
def test_what_can_be_read_is_read(store: Store, what: str, opened: list[str]) -> None:
    (row,) = gone_through(store, [mail_of(READABLE[what])]).values()
    assert row["new_text"].strip()
    assert not any(HIDDEN.decode() in payload for payload in opened)


@given(mails=st.lists(SOUND, min_size=1, max_size=8, unique=True))
@settings(max_examples=25)
def test_hostile_parts_break_nothing_and_stay_closed(mails: list[bytes]) -> None:
    with TemporaryDirectory() as folder, fresh_store(Path(folder)) as store:
        gone_through(store, mails)


@given(mails=st.lists(BROKEN_MAILS, min_size=1, max_size=8, unique=True))
@settings(max_examples=40)
def test_broken_mails_break_nothing(mails: list[bytes]) -> None:
    with TemporaryDirectory() as folder, fresh_store(Path(folder)) as store:
        gone_through(store, mails, sound=False)
        assert [one for one in integrity(store) if not one.ok] == []


def test_a_site_over_hostile_mails_is_sound(tmp_path: Path, opened: list[str]) -> None:
    contents = [*UNREADABLE.values(), *READABLE.values()]
    world = World(tmp_path, firms=len(contents))
    world.send()
    for number, content in enumerate(contents, 1):
        to = world.sent_to(number).reply_to.encode()
        headers = (
            b'From: "\x00\x1b" <info@firm%d.example>' % number,
            b"To: " + to,
            b"Subject: =?utf-8?q?a=0D=0A=1bb?=",
        )
        world.fake.answers(mail_of(content, *headers), world.at)
    heard = world.passes(hours=2).listen(rules=todays_rules())
    assert heard.new == heard.understood == len(contents)
    assert heard.unmatched == 0
    with app_of(world, names=True) as app:
        publish(app, tmp_path / "site")
    said = everything(tmp_path / "site")
    assert not CONTROL.search(said)
    assert SECRET.decode() not in said
    assert HIDDEN.decode() not in said
    verify(tmp_path / "site")
    world.store.close()


# --------------------------------------------------------------------------- real mails, where there are some
@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no corpus beside the project")
@pytest.mark.parametrize("folder", ["replies", "acks"])
@pytest.mark.parametrize("spoilt", [False, True])
def test_every_mail_of_the_corpus_goes_through(store: Store, folder: str, spoilt: bool) -> None:
    mails = [path.read_bytes() for path in sorted((CORPUS.parent / folder).rglob("*.eml"))]
    draw = random.Random(20)
    if spoilt:
        mails = [bitten(one, draw) for one in draw.sample(mails, min(len(mails), 400))]
    mails = list(dict.fromkeys(one for one in mails if one))
    for start in range(0, len(mails), 200):
        take_in(store, CHANNEL, batch(*(arrival(one) for one in mails[start : start + 200])), TUESDAY)
    understand(store, lambda: TUESDAY, rules=todays_rules())
    verdicts = rows(store, "verdicts")
    assert len(verdicts) == len(mails)
    for row in verdicts:
        said = read_verdict(row)
        assert said.reasons
        assert not any(BROKEN.search(one) for one in said.reasons), said.reasons
        assert not CONTROL.search("".join((said.new_text, *said.reasons)))
    assert [one for one in integrity(store) if not one.ok] == []


def bitten(mail: bytes, draw: random.Random) -> bytes:
    """A mail in which bytes are others, gone or twice."""
    made = bytearray(mail)
    for _ in range(draw.randint(1, 40)):
        at = draw.randrange(max(len(made), 1))
        match draw.randrange(3):
            case 0:
                made[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del made[at : at + draw.randint(1, 30)]
            case _:
                made[at:at] = made[at : at + draw.randint(1, 200)]
    return bytes(made)
