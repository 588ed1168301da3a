"""Doctor's lines on our own addresses, over what a real name server on loopback says."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import dkim
import pytest

from probes.channels.email import channel
from probes.contract import Check, Checks, ChecksAddresses
from probes.mail import dmarc, names, sender, spf
from probes.mail.names import Names
from probes.mail.servers import Smtp
from tests.nameserver import NameServer

DOMAIN = "inbox.example"
OURS = "192.0.2.25"
MX: dict[str, object] = {"via": "mx", "routes": {"nobody.example": "127.0.0.1:1"}, "outgoing": [OURS]}
MAIL = (
    b"From: Anna <anna@inbox.example>\r\nTo: info@shop.example\r\nSubject: A question\r\n"
    b"Message-ID: <1@inbox.example>\r\nDate: Tue, 01 Dec 2026 09:00:00 +0000\r\n\r\nHello?\r\n"
)


@pytest.fixture
def zone() -> Iterator[NameServer]:
    """Everything as it should be; a test takes away or spoils what it is about."""
    with NameServer() as made:
        made.txt(DOMAIN, f"v=spf1 ip4:{OURS} -all").txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=reject")
        made.mx(DOMAIN, 10, "mx.inbox.example").a("mx.inbox.example", "192.0.2.30")
        made.ptr(OURS, "out.inbox.example").a("out.inbox.example", OURS)
        yield made


def clock() -> datetime:
    return datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def lines(zone: NameServer, smtp: dict[str, object] | None = None, seen: bytes | None = None) -> dict[str, Check]:
    """What is said of the domain, by the first word of each line."""
    found = sender.check_sender(
        DOMAIN, seen, Smtp.model_validate(smtp or MX), Names(zone.servers, live=False), live=False
    )
    return {check.name.partition(" ")[0]: check for check in found}


def relay(host: str = "smtp.provider.example", **more: object) -> dict[str, object]:
    return {"via": "relay", "host": host, **more}


# --------------------------------------------------------------------------- SPF
def test_a_record_that_lets_our_address_send_is_said_to(zone: NameServer) -> None:
    told = lines(zone)["spf"]
    assert told.ok
    assert OURS in told.detail


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ("v=spf1 ip4:192.0.2.99 -all", "fail"),
        ("v=spf1 ip4:192.0.2.99 ~all", "softfail"),
        ("v=spf1 ip4:192.0.2.99", "neutral"),
        ("v=spf1 ipv4:192.0.2.25 -all", "cannot be used"),
        ("v=spf1 include:gone.example -all", "cannot be used"),
    ],
)
def test_a_record_that_does_not_let_us_send_is_a_problem_with_what_to_publish(
    zone: NameServer, record: str, word: str
) -> None:
    told = lines(zone.forgets(DOMAIN).txt(DOMAIN, record))["spf"]
    assert not told.ok
    assert word in told.detail
    assert told.advice


def test_no_record_and_two_records_are_problems(zone: NameServer) -> None:
    none = lines(zone.forgets(DOMAIN))["spf"]
    two = lines(zone.txt(DOMAIN, "v=spf1 -all").txt(DOMAIN, f"v=spf1 ip4:{OURS} -all"))["spf"]
    assert (none.ok, two.ok) == (False, False)
    assert f"ip4:{OURS}" in none.advice
    assert "multiple" in two.detail


def test_more_than_ten_lookups_are_a_mistake_though_our_own_address_comes_first(zone: NameServer) -> None:
    for number in range(12):
        zone.txt(f"i{number}.example", "v=spf1 ip4:192.0.2.99 -all")
    chain = " ".join(f"include:i{number}.example" for number in range(12))
    told = lines(zone.forgets(DOMAIN).txt(DOMAIN, f"v=spf1 ip4:{OURS} {chain} -all"))["spf"]
    assert not told.ok
    assert "limit" in told.detail


@pytest.mark.parametrize(
    "record", ["v=spf1 mx -all", "v=spf1 a:out.inbox.example -all", "v=spf1 exists:%{i}.ok.example -all",
               "v=spf1 redirect=other.example", "v=spf1 include:other.example -all", "v=spf1 ptr -all"],
)  # fmt: skip
def test_every_mechanism_is_followed_over_our_own_name_servers(zone: NameServer, record: str) -> None:
    zone.forgets(DOMAIN).txt(DOMAIN, record).mx(DOMAIN, 10, "out.inbox.example")
    zone.a(f"{OURS}.ok.example", "127.0.0.2").txt("other.example", "v=spf1 ip4:192.0.2.0/24 -all")
    ask = Names(zone.servers, live=False)
    assert spf.judge(ask, DOMAIN, OURS).result == "pass"
    assert spf.judge(ask, DOMAIN, "203.0.113.7").result == "fail"


def test_silent_name_servers_are_our_trouble_and_not_a_missing_record(
    zone: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_LIFETIME", 0.3)
    told = lines(zone.silent(DOMAIN))["spf"]
    assert not told.ok
    assert "do not answer" in told.detail
    zone.forgets("x.example").txt("x.example", "v=spf1 include:broken.example -all").fails("broken.example")
    assert spf.judge(Names(zone.servers, live=False), "x.example", OURS).result == "temperror"


def test_where_our_own_address_is_not_known_it_is_said_to_be_not_told(zone: NameServer) -> None:
    told = lines(zone, MX | {"outgoing": []})["spf"]
    assert told.ok
    assert "not told" in told.detail
    assert "outgoing" in told.detail


def test_a_relay_passes_by_its_address_or_by_a_record_of_its_own_domain(zone: NameServer) -> None:
    zone.a("smtp.provider.example", OURS)
    by_address = lines(zone, relay())["spf"]
    zone.forgets("smtp.provider.example").a("smtp.provider.example", "192.0.2.77")
    refused = lines(zone, relay())["spf"]
    named = lines(zone, relay(outgoing=[OURS]))["spf"]
    zone.forgets(DOMAIN).txt(DOMAIN, "v=spf1 include:spf.provider.example -all")
    zone.txt("spf.provider.example", "v=spf1 ip4:192.0.2.200 -all")
    by_name = lines(zone, relay())["spf"]
    assert (by_address.ok, refused.ok, named.ok, by_name.ok) == (True, False, True, True)
    assert "192.0.2.77 fail" in refused.detail
    assert "outgoing" in refused.advice
    assert "as far as can be told" in by_name.detail


# --------------------------------------------------------------------------- DKIM
@pytest.fixture(scope="module")
def key() -> bytes:
    made = subprocess.run(["openssl", "genrsa", "-traditional", "1024"], capture_output=True, check=True)
    return made.stdout


def public(key: bytes) -> str:
    der = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, capture_output=True, check=True
    ).stdout
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def signed(key: bytes, domain: str) -> bytes:
    return bytes(dkim.sign(MAIL, b"s1", domain.encode(), key, include_headers=[b"from", b"subject"])) + MAIL


def test_without_a_mail_of_ours_that_was_seen_signing_by_a_relay_is_not_told(zone: NameServer) -> None:
    told = lines(zone, relay())["dkim"]
    assert told.ok
    assert "not told" in told.detail


def test_a_good_signature_of_our_domain_speaks_for_us(zone: NameServer, key: bytes) -> None:
    zone.txt("s1._domainkey.inbox.example", public(key))
    found = lines(zone, relay(outgoing=["192.0.2.99"]), signed(key, DOMAIN))
    assert found["dkim"].ok
    assert "s1" in found["dkim"].detail
    assert not found["spf"].ok
    assert found["dmarc"].ok
    assert "aligned by DKIM" in found["dmarc"].detail


def test_a_signature_of_the_relay_alone_does_not(zone: NameServer, key: bytes) -> None:
    zone.txt("s1._domainkey.provider.example", public(key))
    found = lines(zone, relay(outgoing=["192.0.2.99"]), signed(key, "provider.example"))
    assert not found["dkim"].ok
    assert "provider.example alone" in found["dkim"].detail
    assert not found["dmarc"].ok
    assert "p=reject" in found["dmarc"].detail
    assert "will be refused" in found["dmarc"].detail


def test_a_signature_without_its_key_and_one_that_does_not_fit_are_problems(zone: NameServer, key: bytes) -> None:
    lost = lines(zone, relay(outgoing=[OURS]), signed(key, DOMAIN))["dkim"]
    zone.txt("s1._domainkey.inbox.example", public(key))
    spoilt = lines(zone, relay(outgoing=[OURS]), signed(key, DOMAIN).replace(b"Hello?", b"Goodbye"))["dkim"]
    assert (lost.ok, spoilt.ok) == (False, False)


def test_an_unsigned_mail_is_a_problem_of_the_relay_and_none_without_one(zone: NameServer) -> None:
    by_relay = lines(zone, relay(outgoing=[OURS]), MAIL)["dkim"]
    assert not by_relay.ok
    assert "smtp.provider.example" in by_relay.advice
    assert lines(zone, MX, MAIL)["dkim"].ok


# --------------------------------------------------------------------------- DMARC
def test_p_reject_and_nothing_that_aligns_is_told_to_be_refused(zone: NameServer) -> None:
    aligned = lines(zone)["dmarc"]
    refused = lines(zone.forgets(DOMAIN).txt(DOMAIN, "v=spf1 -all"))["dmarc"]
    assert aligned.ok
    assert "aligned by SPF" in aligned.detail
    assert not refused.ok
    assert "p=reject and nothing aligns" in refused.detail
    assert "mails will be refused" in refused.detail


def test_no_policy_two_policies_and_nonsense_are_problems(zone: NameServer) -> None:
    at = f"_dmarc.{DOMAIN}"
    assert "no DMARC policy" in lines(zone.forgets(at))["dmarc"].detail
    assert not lines(zone.txt(at, "v=DMARC1; p=refuse"))["dmarc"].ok
    assert not lines(zone.forgets(at).txt(at, "v=DMARC1; p=none").txt(at, "v=DMARC1; p=reject"))["dmarc"].ok


def test_the_policy_of_the_registered_domain_holds_below_it() -> None:
    with NameServer() as zone:
        zone.txt("a.shop.co.uk", "v=spf1 -all").txt("_dmarc.shop.co.uk", "v=DMARC1; p=none; sp=quarantine")
        smtp, ask = Smtp.model_validate(MX), Names(zone.servers, live=False)
        *_, told = sender.check_sender("a.shop.co.uk", None, smtp, ask, live=False)
    assert not told.ok
    assert "quarantine, by the policy of shop.co.uk" in told.detail
    assert "junk folder" in told.detail


def test_alignment_is_relaxed_unless_the_policy_is_strict() -> None:
    assert dmarc.aligned("mail.shop.co.uk", "shop.co.uk", strict=False)
    assert not dmarc.aligned("mail.shop.co.uk", "shop.co.uk", strict=True)
    assert not dmarc.aligned("shop.co.uk", "other.co.uk", strict=False)
    assert dmarc.read("v=DMARC1; p=reject; adkim=s; aspf=s") == dmarc.Dmarc("reject", "reject", True, True)
    assert dmarc.read("v=DMARC1; rua=mailto:a@b.example").policy == "none"


def test_a_strict_policy_takes_no_signature_of_the_domain_above(zone: NameServer, key: bytes) -> None:
    zone.txt("s1._domainkey.inbox.example", public(key)).txt("sub.inbox.example", "v=spf1 -all")
    zone.txt("_dmarc.sub.inbox.example", "v=DMARC1; p=reject; adkim=s")
    smtp, ask = Smtp.model_validate(relay(outgoing=[OURS])), Names(zone.servers, live=False)
    *_, strict = sender.check_sender("sub.inbox.example", signed(key, DOMAIN), smtp, ask, live=False)
    zone.forgets("_dmarc.sub.inbox.example")
    *_, relaxed = sender.check_sender("sub.inbox.example", signed(key, DOMAIN), smtp, ask, live=False)
    assert (strict.ok, relaxed.ok) == (False, True)


# --------------------------------------------------------------------------- PTR and MX
def pointers(zone: NameServer, smtp: dict[str, object]) -> list[Check]:
    return list(sender.check_pointers(Smtp.model_validate(smtp), Names(zone.servers, live=False), live=False))


def test_the_sending_address_has_a_name_that_has_the_address(zone: NameServer) -> None:
    (good,) = pointers(zone, MX)
    zone.forgets("out.inbox.example").a("out.inbox.example", "192.0.2.99")
    (elsewhere,) = pointers(zone, MX)
    (nameless,) = pointers(zone, MX | {"outgoing": ["2001:db8::25"]})
    assert (good.ok, elsewhere.ok, nameless.ok) == (True, False, False)
    assert "out.inbox.example" in good.detail
    assert "does not have the address" in elsewhere.detail
    assert "no name" in nameless.detail
    assert nameless.advice


def test_the_name_of_a_relay_is_its_own_affair_and_an_unknown_address_is_not_told(zone: NameServer) -> None:
    (by_relay,) = pointers(zone, relay())
    (unknown,) = pointers(zone, MX | {"outgoing": []})
    assert (by_relay.ok, unknown.ok) == (True, True)
    assert "affair of smtp.provider.example" in by_relay.detail
    assert "not told" in unknown.detail


def test_answers_find_home_by_an_mx_or_an_address_and_not_past_a_null_mx(zone: NameServer) -> None:
    zone.null_mx("shut.example").a("bare.example", "192.0.2.1").mx("lost.example", 10, "nowhere.example")
    zone.txt("dumb.example", "nothing")
    ask = Names(zone.servers, live=False)
    found = {
        domain: sender.check_home(domain, ask)
        for domain in (DOMAIN, "bare.example", "shut.example", "lost.example", "dumb.example", "gone.example")
    }
    assert [domain for domain, check in found.items() if check.ok] == [DOMAIN, "bare.example"]
    assert "mx.inbox.example" in found[DOMAIN].detail
    assert "null MX" in found["shut.example"].detail
    assert "nowhere.example has no address" in found["lost.example"].detail
    assert "does not exist" in found["gone.example"].detail
    assert all(check.advice for check in found.values() if not check.ok)


# --------------------------------------------------------------------------- as the channel offers it
def test_a_channel_that_sends_and_hears_looks_at_both_and_asks_nobody_outside_unless_live(zone: NameServer) -> None:
    tables = {"smtp": MX, "imap": {"host": "127.0.0.1", "user": "a", "password_env": "P"}}

    def told(servers: tuple[str, ...]) -> list[Check]:
        settings = channel.settings.model_validate({**tables, "nameservers": servers}, context={"env": {"P": "x"}})
        wire = channel.open("mail", settings, live=False)
        assert isinstance(wire, ChecksAddresses)
        assert isinstance(wire, Checks)
        return list(wire.check_addresses(DOMAIN, None, clock))

    assert [check.name.partition(" ")[0] for check in told(zone.servers)] == ["mx", "spf", "dkim", "dmarc"]
    outside = told(())
    assert all(check.ok and "not looked up" in check.detail for check in outside)
