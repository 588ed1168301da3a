"""Who may answer for a business: its help desk does, and nobody who only looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.domains import is_freemail, registrable
from monitor.facts import Match, SentProbe
from monitor.helpdesks import SHOWS, _known, desk_of
from monitor.likeness import names, stands_for
from monitor.match import belongs, keys, match
from probes.mail.mime import Mail, parse
from tests.monitor.letters import letter
from tests.monitor.test_match import AT, OTHER, sent

BOTH = "anna.b@inbox.example, carl.d@inbox.example"


def stands(mail: Mail, *probes: SentProbe) -> dict[str, str]:
    return {one.probe: one.standing for one in found(mail, *probes)}


def found(mail: Mail, *probes: SentProbe) -> tuple[Match, ...]:
    return match(mail, keys(mail), probes or (sent(), OTHER), AT)


def desk(from_: str, body: str = "We have it.", subject: str = "Your question", **headers: str) -> Mail:
    return letter(body, subject, from_=from_, **headers)


# --------------------------------------------------------------------------------------------- a help desk
@pytest.mark.parametrize(
    "sender",
    [
        "support@velonord.zendesk.com",
        "support@velo-nord.freshdesk.com",
        "Ann <ann@velonord-support.zendesk.com>",
        "support@helpvelonord.zohodesk.eu",
        "ann@velonord.eu.intercom-mail.com",
        "support@velo-nord.example.hs-inbox.com",
        "info=velo-nord.example@bf.hs-inbox.com",
        "contact@VELONORD.on.crisp.email",
        "velo-nord@inbox.groovehq.com",
        "Velo Nord Support <7x9k2m@emails.gorgias.com>",
        "Ann (velo-nord.example) <7x9k2m@emails.gorgias.com>",
    ],
)
def test_a_help_desk_that_shows_the_business_at_the_private_address_answers_for_it(sender: str) -> None:
    (one,) = found(desk(sender))
    assert (one.key, one.strong, one.standing) == ("private_address", True, "known_partner")
    assert "is a help desk" in one.reason


@pytest.mark.parametrize(
    "headers",
    [
        {"in_reply_to": "<enquiry-1@inbox.example>"},
        {"references": "<x@y.example> <enquiry-1@inbox.example>"},
        {"reply_to": "Velo Nord <service@velo-nord.example>", "from_": "x1@case.salesforce.com"},
    ],
)
def test_a_help_desk_shows_the_business_by_our_message_id_or_by_where_answers_go(headers: dict[str, str]) -> None:
    given = {"from_": "ticket@some-agency.zendesk.com"} | headers
    assert stands(desk(**given)) == {"p1": "known_partner"}


@pytest.mark.parametrize(
    "sender",
    [
        "support@zendesk.com",
        "support@support.zendesk.com",
        "support@velonordic.zendesk.com",
        "support@nord.zendesk.com",
        "support@otherfirm.zendesk.com",
        "Velo Nord <support@otherfirm.zendesk.com>",
        "velonord@otherfirm.zendesk.com",
        "velo-nord.example@otherfirm.zendesk.com",
        "7x9k2m@emails.gorgias.com",
        "Support <7x9k2m@emails.gorgias.com>",
        "Velo Nordic <7x9k2m@emails.gorgias.com>",
        "Vel\u043e Nord <7x9k2m@emails.gorgias.com>",
        "info=rad-sued.example@bf.hs-inbox.com",
        "support@velo-nord.example.evil.example",
        "support@velonord.zendesk.com.evil.example",
        "support@velonord.evilzendesk.com",
        "support@velonord.zendesk.co",
        "support@velonord.z\u0435ndesk.com",
        "Velo Nord Support <win@prizes.example>",
        "Velo Nord <news@velonord.mailer.example>",
    ],
)
def test_a_help_desk_without_the_business_and_a_business_without_a_help_desk_stay_strangers(sender: str) -> None:
    raw = f"From: {sender}\nTo: anna.b@inbox.example\nSubject: Your question\n\nWe have it."
    assert stands(parse(raw.encode())) == {"p1": "stranger"}


def test_a_stranger_s_help_desk_that_quotes_the_enquiry_has_received_it() -> None:
    quoted = "We have it.\n> Could you repair the gears of my city bike before Friday?"
    assert stands(desk("support@otherfirm.zendesk.com", quoted)) == {"p1": "quotes_the_enquiry"}


def test_a_help_desk_is_believed_at_the_private_address_only() -> None:
    referred = {"to": "office@inbox.example", "references": "<enquiry-1@inbox.example>"}
    (one,) = found(desk("support@velonord.zendesk.com", **referred))
    assert (one.key, one.strong, one.standing) == ("references", False, "stranger")


def test_a_help_desk_that_serves_two_businesses_answers_for_the_one_it_shows() -> None:
    assert stands(desk("support@velonord.zendesk.com", to=BOTH)) == {"p1": "known_partner", "p2": "stranger"}
    assert stands(desk("support@radsued.zendesk.com", to=BOTH)) == {"p1": "stranger", "p2": "known_partner"}
    wrong = desk("support@radsued.zendesk.com")
    assert stands(wrong) == {"p1": "stranger"}, "one business's desk at the address that the other was given"


def test_a_desk_that_carries_the_id_of_another_business_is_sure_for_neither() -> None:
    mail = desk("support@velonord.zendesk.com", in_reply_to="<enquiry-2@inbox.example>")
    assert [(one.probe, one.strong) for one in found(mail)] == [("p1", False), ("p2", False)]


def test_a_business_asked_at_its_help_desk_owns_its_own_desk_and_no_other() -> None:
    asked = sent(endpoint_address="support@velonord.zendesk.com")
    assert belongs("ann@velonord.zendesk.com", asked)
    assert not belongs("ann@otherfirm.zendesk.com", asked)
    shared = sent(endpoint_address="7x9k2m@emails.gorgias.com")
    assert belongs("7x9k2m@emails.gorgias.com", shared)
    assert not belongs("other@emails.gorgias.com", shared)


def test_a_partner_that_the_study_names_needs_to_show_nothing() -> None:
    named = sent(partner_domains=("zendesk.com",))
    assert stands(desk("support@otherfirm.zendesk.com"), named) == {"p1": "known_partner"}


def test_every_help_desk_says_how_the_business_shows() -> None:
    for domain, provider in _known().items():
        assert domain == domain.lower()
        assert provider.shows
        assert provider.shows <= SHOWS
        owner = desk_of(f"tenant.{domain}")
        assert owner is not None
        assert owner.tenant == "tenant"


def test_who_owns_a_help_desk_s_domain() -> None:
    assert registrable("shop.zendesk.com") == "shop.zendesk.com"
    assert registrable("zendesk.com") == "zendesk.com"
    assert not is_freemail("shop.zendesk.com")
    assert is_freemail("emails.gorgias.com")


# --------------------------------------------------------------------------------------------- lookalikes
@pytest.mark.parametrize(
    "sender",
    [
        "info@velo-nord.example.evil.example",
        "info@velo-nord-example.evil",
        "info@xvelo-nord.example",
        "info@vel\u043e-nord.example",
        "info@xn--vel-nord-3yg.example",
        '"info@velo-nord.example" <win@prizes.example>',
        "velo-nord.example <win@prizes.example>",
        '"Velo Nord, info@velo-nord.example" <win@prizes.example>',
    ],
)
def test_what_only_looks_like_the_business_is_a_stranger(sender: str) -> None:
    raw = f"From: {sender}\nTo: anna.b@inbox.example\nSubject: Your question\n\nWe have it."
    assert stands(parse(raw.encode())) == {"p1": "stranger"}


@pytest.mark.parametrize("sender", ["info@mail.velo-nord.example", "INFO@VELO-NORD.EXAMPLE."])
def test_the_business_s_own_domain_stands_as_its_own(sender: str) -> None:
    assert belongs(sender, sent())


def test_a_business_whose_domain_has_letters_of_its_own_is_known_in_both_spellings() -> None:
    own = sent(own_domains=("rad-süd.example",))
    assert belongs(f"jo@{'rad-süd.example'.encode('idna').decode()}", own)
    assert not belongs("jo@rad-sud.example", own)


# --------------------------------------------------------------------------------------------- sold addresses
@pytest.mark.parametrize(
    ("sender", "subject", "body"),
    [
        ("kelly@growth.example", "City bike repair", "We bring repair shops new customers this week."),
        ("deals@shop.mailer.example", "Re: your enquiry", "Gears, bikes, Friday prices: buy now."),
        ("support@bikedeals.zendesk.com", "City bike offers", "Before Friday: what would it cost you to wait?"),
    ],
)
def test_a_sold_address_and_our_own_words_make_nobody_answer(sender: str, subject: str, body: str) -> None:
    assert stands(desk(sender, body, subject)) == {"p1": "stranger"}


def test_spam_to_several_private_addresses_is_a_stranger_to_each() -> None:
    mail = desk("win@prizes.example", "You won.", "Prize", to="anna.b@inbox.example", cc="carl.d@inbox.example")
    assert stands(mail) == {"p1": "stranger", "p2": "stranger"}


def test_a_copy_and_a_reply_to_all_match_every_probe_and_the_standing_is_each_one_s() -> None:
    mail = letter("We answer you both.", "Hello", to="anna.b@inbox.example", cc="Carl <CARL.D@inbox.example>")
    assert stands(mail) == {"p1": "own_domain", "p2": "stranger"}
    assert all(one.strong for one in found(mail))
    hidden = letter("To you both.", "Hello", to="undisclosed@x.example", delivered_to="carl.d@inbox.example")
    assert stands(hidden) == {"p2": "stranger"}


# --------------------------------------------------------------------------------------------- likeness
@pytest.mark.parametrize(
    ("label", "known", "said"),
    [
        ("velo-nord", {"velonord"}, True),
        ("velonord-help", {"velonord"}, True),
        ("teamvelonord", {"velonord"}, True),
        ("velonorth", {"velonord"}, False),
        ("velonord2", {"velonord"}, False),
        ("abcsupport", {"abc"}, False),
        ("abc", {"abc"}, True),
        ("support", {"velonord"}, False),
    ],
)
def test_a_label_stands_for_a_business_whole_or_with_a_serving_word(label: str, known: set[str], said: bool) -> None:
    assert stands_for(label, known) is said


@pytest.mark.parametrize(
    ("shown", "name", "said"),
    [
        ("Velo Nord", "Velo Nord GmbH", True),
        ("Jo from VELO NORD", "Velo Nord", True),
        ("Support BMB", "BMB", True),
        ("Jo from BMB", "BMB", False),
        ("Support", "Support", False),
        ("Velonord", "Velo Nord", False),
        ("北京单车行客服", "北京单车行", True),
        ("", "Velo Nord", False),
    ],
)
def test_a_display_name_names_a_business_in_whole_words(shown: str, name: str, said: bool) -> None:
    assert names(shown, name) is said


def test_a_legal_form_and_marks_on_letters_hide_no_tenant() -> None:
    named = replace(sent(), business_name="Rad Süd GmbH & Co. KG", endpoint_address="x@gmail.com")
    assert stands(desk("a@radsued.zendesk.com"), named) == {"p1": "known_partner"}
    assert stands(desk("a@radsud.zendesk.com"), named) == {"p1": "known_partner"}
