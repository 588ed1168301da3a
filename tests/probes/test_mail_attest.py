"""Signatures are checked with the key that is published now, told in the words of RFC 8601, and nothing breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.contract import Attestation, ProbeError, TargetRefused
from probes.mail import attest
from probes.mail.attest import Attester, Key, check, is_signed
from probes.mail.names import Names
from tests.nameserver import NameServer
from tests.signing import Signer, ed25519, rsa

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
MAIL = (
    b"From: Desk <info@firm.example>\r\nTo: anna@inbox.example\r\nSubject: Re: A question\r\n"
    b"Message-ID: <m1@firm.example>\r\n\r\nYes, it  costs 12 EUR. \r\n\r\n"
)


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


def attester(server: NameServer) -> Attester:
    return Attester(Names(server.servers, live=False))


def found(server: NameServer, raw: bytes) -> tuple[Attestation, ...]:
    return attester(server).attest(raw, lambda: NOW)


def words(attestations: tuple[Attestation, ...]) -> list[tuple[str, str]]:
    return [(one.method, one.result) for one in attestations]


@pytest.mark.parametrize("signer", [rsa("firm.example"), ed25519("firm.example")], ids=["rsa", "ed25519"])
def test_a_signed_mail_passes_and_its_key_is_kept(server: NameServer, signer: Signer) -> None:
    server.publishes(signer.name, signer.record)
    (one,) = found(server, signer.signs(MAIL))
    assert (one.method, one.result, one.domain, one.selector) == ("dkim", "pass", "firm.example", signer.selector)
    assert (one.key_name, one.key, one.fetched_at) == (signer.name, signer.record, NOW)


def test_every_signature_is_checked_by_itself_from_the_top(server: NameServer) -> None:
    first, second = rsa("firm.example"), ed25519("host.example")
    server.publishes(second.name, second.record)
    attestations = found(server, first.signs(second.signs(MAIL)))
    assert [(one.domain, one.result) for one in attestations] == [
        ("firm.example", "permerror"),
        ("host.example", "pass"),
    ]
    assert attestations[0].key is None
    assert "no key is published" in attestations[0].reason


@pytest.mark.parametrize(
    ("before", "after"), [(b"12 EUR", b"13 EUR"), (b"Subject: Re: A", b"Subject: Re: B"), (b"info@", b"imfo@")]
)
def test_an_altered_mail_fails(server: NameServer, before: bytes, after: bytes) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    assert words(found(server, signer.signs(MAIL).replace(before, after))) == [("dkim", "fail")]


def test_another_key_than_the_one_it_was_signed_with_fails(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, rsa("firm.example", "other").record)
    assert words(found(server, signer.signs(MAIL))) == [("dkim", "fail")]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=DKIM1; p=", "revoked"),
        ("v=DKIM1; k=rsa; p=AAAA", "cannot be read"),
        ("no key at all", "cannot be read"),
        ("v=DKIM1; p=" + "A" * 3000, "longer"),
        ("v=DKIM1; k=x25519; p=AAAA", "cannot be read"),
        (ed25519("firm.example").record, "the key is for ed25519"),
    ],
    ids=["revoked", "cut short", "no key", "too long", "of no known kind", "of another kind"],
)
def test_a_key_that_cannot_be_used_is_a_permanent_error(server: NameServer, record: str, reason: str) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, record)
    (one,) = found(server, signer.signs(MAIL))
    assert one.result == "permerror"
    assert reason in one.reason


def test_a_key_that_is_too_short_proves_nothing(server: NameServer) -> None:
    signer = rsa("firm.example", "short", bits=768)
    server.publishes(signer.name, signer.record)
    assert words(found(server, signer.signs(MAIL))) == [("dkim", "permerror")]


def test_the_record_that_holds_a_key_is_chosen_among_others(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, "site-verification=1", signer.record)
    assert words(found(server, signer.signs(MAIL))) == [("dkim", "pass")]


def test_a_chain_of_seals_passes_and_keeps_its_key(server: NameServer) -> None:
    sealer = rsa("relay.example")
    server.publishes(sealer.name, sealer.record)
    (one,) = found(server, sealer.seals(MAIL))
    assert (one.method, one.result, one.domain, one.key) == ("arc", "pass", "relay.example", sealer.record)


def test_a_broken_chain_says_what_broke_it(server: NameServer) -> None:
    sealer = rsa("relay.example")
    server.publishes(sealer.name, sealer.record)
    (altered,) = found(server, sealer.seals(MAIL).replace(b"12 EUR", b"13 EUR"))
    assert (altered.result, "body hash" in altered.reason) == ("fail", True)
    (ended,) = found(server, sealer.seals(MAIL, cv="fail"))
    assert ended.result == "fail"


def test_a_mail_without_a_signature_asks_nobody(server: NameServer) -> None:
    assert found(server, MAIL + b"DKIM-Signature: not in the header\r\n") == ()
    assert server.asked == []


def test_keys_serve_further_mails_for_some_minutes_and_are_then_asked_for_again(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    asking, signed = attester(server), signer.signs(MAIL)
    asking.attest(signed, lambda: NOW)
    assert asking.attest(signed, lambda: NOW + timedelta(minutes=1))[0].fetched_at == NOW
    assert len(server.asked) == 1
    later = NOW + timedelta(minutes=11)
    assert asking.attest(signed, lambda: later)[0].fetched_at == later


def test_name_servers_that_do_not_answer_are_asked_again_later(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    server.breaks()
    asking, signed = attester(server), signer.signs(MAIL)
    with pytest.raises(ProbeError) as raised:
        asking.attest(signed, lambda: NOW)
    assert not raised.value.permanent
    server.recovers()
    assert words(asking.attest(signed, lambda: NOW + timedelta(minutes=2))) == [("dkim", "pass")]


def test_while_the_config_is_not_live_no_question_leaves_the_machine() -> None:
    signed = rsa("firm.example").signs(MAIL)
    with pytest.raises(TargetRefused):
        Attester(Names(live=False)).attest(signed, lambda: NOW)
    assert Attester(Names(live=False)).attest(MAIL, lambda: NOW) == ()


def test_a_key_that_is_gone_still_proves_the_mail_by_what_was_stored(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    signed = signer.signs(MAIL)
    (one,) = found(server, signed)
    server.forgets(signer.name)
    assert words(found(server, signed)) == [("dkim", "permerror")]
    assert check(signed, lambda name: Key({one.key_name: one.key}[name], one.fetched_at), NOW) == (one,)


def test_an_expired_signature_is_judged_by_the_day_on_which_it_came() -> None:
    signer = rsa("firm.example")
    expires = int((NOW + timedelta(days=1)).timestamp())
    signed = _with_expiry(signer, expires)

    def ask(name: str) -> Key:
        return Key(signer.record, NOW)

    assert words(check(signed, ask, NOW)) == [("dkim", "pass")]
    assert words(check(signed, ask, NOW + timedelta(days=2))) == [("dkim", "fail")]


def _with_expiry(signer: Signer, expires: int) -> bytes:
    import base64
    import hashlib

    from dkim.canonicalization import Relaxed

    body = MAIL.partition(b"\r\n\r\n")[2]
    whole = base64.b64encode(hashlib.sha256(Relaxed.canonicalize_body(body)).digest()).decode()
    field = (
        f" v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer.domain}; s={signer.selector}; x={expires};"
        f" h=from; bh={whole}; b="
    ).encode()
    sender = MAIL.split(b"\r\n", 1)[0].split(b":", 1)[1]
    field += signer._over([(b"From", sender), (b"DKIM-Signature", field)])
    return b"DKIM-Signature:" + field + b"\r\n" + MAIL


def test_more_signatures_than_a_mail_needs_are_told_and_not_checked(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    line = signer.signs(MAIL)[: -len(MAIL)]
    attestations = found(server, line * 20 + MAIL)
    assert len(attestations) == attest.SIGNATURES_LIMIT + 1
    assert attestations[-1].result == "none"
    assert "12 further" in attestations[-1].reason


@pytest.mark.parametrize(
    "raw",
    [
        b"DKIM-Signature: v=1\r\n" + b"X: 1\r\n" * 200_000 + b"\r\n",
        b"DKIM-Signature: v=1; b" + b" \r\n" * 3000 + b"\r\n\r\nx",
        b"DKIM-Signature: " + b"a" * 20_000 + b"\r\n\r\nx",
        b" DKIM-Signature: v=1\r\nDKIM-Signature: v=1\r\n\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=" + b"a" * 80 + b".example; s=x; h=from; bh=AAAA; b=AAAA\r\n\r\nx",
        b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=x; s=y; b=AAAA\r\n" * 40 + b"\r\nx",
        b"ARC-Seal: i=99999999; a=rsa-sha256\r\n\r\nx",
    ],
)
def test_a_hostile_signature_is_no_signature(server: NameServer, raw: bytes) -> None:
    assert {one.result for one in found(server, raw)} <= {"permerror", "fail", "none"}
    assert server.asked == []


def test_a_chain_that_is_longer_than_any_is_not_checked(server: NameServer) -> None:
    fields = b"".join(b"ARC-Seal: i=%d; a=rsa-sha256; cv=none; d=x; s=y; b=AAAA\r\n" % n for n in range(1, 41))
    (one,) = found(server, fields + MAIL)
    assert (one.method, one.result) == ("arc", "none")


def test_runs_of_blanks_in_a_body_cost_no_more_than_its_length(server: NameServer) -> None:
    signer = rsa("firm.example")
    server.publishes(signer.name, signer.record)
    long = MAIL + b" " * 3_000_000 + b"x\r\n"  # minutes of work for whoever strips it blank by blank
    body_is_not_signed = signer.signs(MAIL)[: -len(MAIL)] + long
    assert words(found(server, body_is_not_signed)) == [("dkim", "fail")]


BODIES = st.lists(st.sampled_from([b"x", b" ", b"\t", b"\r\n", b"\n", b"\r", b"  \r\n"]), max_size=12).map(b"".join)


@given(BODIES, st.sampled_from([b"simple", b"relaxed"]), st.sampled_from([b"simple", b"relaxed"]))
def test_whatever_a_body_ends_with_it_is_judged_as_the_library_judges_it(body: bytes, head: bytes, way: bytes) -> None:
    import dkim

    signer = rsa("firm.example")
    raw = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    made = dkim.DKIM(raw).sign(b"s1", b"firm.example", signer.private, canonicalize=(head, way))
    assert dkim.verify(made + raw, dnsfunc=lambda *_, **__: signer.record.encode())
    assert words(check(made + raw, keys, NOW)) == [("dkim", "pass")]


def keys(name: str) -> Key:
    return Key(rsa("firm.example").record, NOW)


@given(st.binary(max_size=300), st.binary(max_size=300))
@example(b"\r\n ", b"")
@example(b"=;b=;", b"\x00")
def test_no_bytes_raise(value: bytes, rest: bytes) -> None:
    for name in (b"DKIM-Signature: ", b"ARC-Seal: i=1;", b"ARC-Message-Signature: i=1; "):
        check(name + value + b"\r\n" + rest, keys, NOW)
        check(rest + b"\r\n" + name + value, keys, NOW)
    check(value, keys, NOW)


@given(st.text(max_size=300), st.integers(0, 2000), st.binary(min_size=1, max_size=3))
def test_no_key_and_no_change_raises(record: str, place: int, change: bytes) -> None:
    signer = rsa("firm.example")
    signed = signer.seals(signer.signs(MAIL))
    altered = signed[: place % len(signed)] + change + signed[place % len(signed) :]
    assert is_signed(signed)
    check(altered, keys, NOW)
    check(signed, lambda name: Key(record.encode("ascii", "backslashreplace").decode(), NOW), NOW)
