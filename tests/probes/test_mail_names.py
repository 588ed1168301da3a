"""The name servers are asked by the rules of the config, and what they say is told apart from their silence."""

from __future__ import annotations

import pytest

from probes.contract import TargetRefused
from probes.mail import exchange, names
from probes.mail.names import Names, Unanswerable
from tests.nameserver import NameServer


def test_what_a_name_publishes_is_read_as_it_stands() -> None:
    long = "v=DKIM1; p=" + "A" * 400
    with NameServer() as zone:
        zone.txt("inbox.example", "v=spf1 -all").txt("inbox.example", 'site="1"').txt("k.inbox.example", long)
        zone.a("mx.inbox.example", "192.0.2.1").aaaa("mx.inbox.example", "2001:db8::1")
        zone.ptr("192.0.2.1", "MX.inbox.example").ptr("2001:db8::1", "six.inbox.example")
        zone.mx("inbox.example", 10, "mx.inbox.example").null_mx("shop.example")
        ask = Names(zone.servers, live=False)
        assert sorted(ask.texts("inbox.example")) == ['site="1"', "v=spf1 -all"]
        assert ask.texts("k.inbox.example") == (long,)
        assert ask.addresses("mx.inbox.example") == ("192.0.2.1", "2001:db8::1")
        assert ask.addresses("mx.inbox.example", 6) == ("2001:db8::1",)
        assert ask.pointers("192.0.2.1") == ("mx.inbox.example",)
        assert ask.pointers("2001:db8::1") == ("six.inbox.example",)
        assert ask.exchanges("inbox.example") == ((10, "mx.inbox.example"),)
        assert ask.exchanges("shop.example") == ((0, "."),)


def test_a_name_that_does_not_exist_and_one_without_such_a_record_publish_nothing() -> None:
    with NameServer() as zone:
        zone.a("there.example", "192.0.2.1")
        ask = Names(zone.servers, live=False)
        assert ask.texts("there.example") == ()
        assert ask.texts("gone.example") == ()
        assert ask.pointers("192.0.2.9") == ()
        assert zone.asked[0] == ("there.example", "TXT")


def test_an_alias_is_followed() -> None:
    with NameServer() as zone:
        zone.alias("s1._domainkey.inbox.example", "key.provider.example").txt("key.provider.example", "v=DKIM1; p=AA")
        assert Names(zone.servers, live=False).texts("s1._domainkey.inbox.example") == ("v=DKIM1; p=AA",)


def test_a_name_server_that_fails_or_says_nothing_is_not_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_LIFETIME", 0.3)
    with NameServer() as zone:
        zone.fails("broken.example").silent("lost.example")
        ask = Names(zone.servers, live=False)
        with pytest.raises(Unanswerable, match=r"broken\.example"):
            ask.texts("broken.example")
        with pytest.raises(Unanswerable, match=r"lost\.example"):
            ask.texts("lost.example")
        with pytest.raises(exchange.NoExchange):
            ask.exchanges("broken.example")


def test_what_was_known_can_be_taken_back() -> None:
    with NameServer() as zone:
        ask = Names(zone.txt("a.example", "one").servers, live=False)
        assert ask.texts("a.example") == ("one",)
        zone.forgets("a.example")
        assert ask.texts("a.example") == ()


def test_only_name_servers_on_this_machine_are_asked_while_the_config_is_not_live() -> None:
    assert Names(("127.0.0.1:5353",), live=False).may_ask
    for servers in ((), ("192.0.2.1",), ("127.0.0.1", "192.0.2.1")):
        ask = Names(servers, live=False)
        assert not ask.may_ask
        with pytest.raises(TargetRefused, match="live = true"):
            ask.texts("inbox.example")
    assert Names((), live=True).may_ask
