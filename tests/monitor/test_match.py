"""Whose mail is it: keys in their order, the sender's standing, and nobody taken for somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domains import is_freemail, registrable
from monitor.facts import Keys, Match, SentProbe
from monitor.match import belongs, keys, match
from probes.mail.mime import Mail, parse
from tests.monitor.letters import letter, report

SENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
AT = SENT + timedelta(days=1)


def sent(name: str = "p1", **change: object) -> SentProbe:
    probe = SentProbe(
        probe=name,
        study="sector",
        business="velo-nord",
        business_name="Velo Nord",
        channel="post",
        endpoint_address="info@velo-nord.example",
        own_domains=(),
        partner_domains=(),
        reply_address="anna.b@inbox.example",
        message_ids=("<enquiry-1@inbox.example>",),
        subject="City bike repair this week",
        body="Hello. Could you repair the gears of my city bike before Friday? What would it cost?",
        sent_at=SENT,
        window_until=SENT + timedelta(days=32),
    )
    return replace(probe, **change)  # type: ignore[arg-type]


OTHER = sent(
    "p2",
    business="rad-sued",
    business_name="Rad Süd",
    endpoint_address="post@rad-sued.example",
    reply_address="carl.d@inbox.example",
    message_ids=("<enquiry-2@inbox.example>",),
    subject="Price of a child seat",
    body="Good morning. Which child seats do you have in stock for a boy of two years?",
)


def matched(mail: Mail, *probes: SentProbe, at: datetime = AT) -> tuple[Match, ...]:
    return match(mail, keys(mail), probes or (sent(), OTHER), at)


def summary(found: tuple[Match, ...]) -> list[tuple[str, str, bool]]:
    return [(one.probe, one.key, one.strong) for one in found]


# --------------------------------------------------------------------------------------------- keys
def test_keys_hold_what_ties_a_mail_to_a_probe() -> None:
    mail = letter("x", in_reply_to="<A@b.example> <c@d.example>", references="<r@s.example>", cc="Bo@in.example")
    found = keys(mail)
    assert found.recipients == ("anna.b@inbox.example", "bo@in.example")
    assert found.in_reply_to == ("a@b.example", "c@d.example")
    assert found.references == ("r@s.example",)
    assert (found.sender, found.sender_domain) == ("jo@velo-nord.example", "velo-nord.example")


def test_keys_of_a_bounce_hold_the_original_id_and_the_recipient() -> None:
    found = keys(report(recipient="Info@Velo-Nord.example"))
    assert found.bounced_message_ids == ("enquiry-1@inbox.example",)
    assert found.bounced_recipients == ("info@velo-nord.example",)


def test_a_message_id_in_the_text_of_a_bounce_is_found() -> None:
    mail = letter("It failed.\n\nMessage-ID: <enquiry-1@inbox.example>\nTo: info@velo-nord.example\n", "failure notice")
    assert keys(mail).bounced_message_ids == ("enquiry-1@inbox.example",)


# --------------------------------------------------------------------------------------------- private address
@pytest.mark.parametrize("header", ["to", "cc", "delivered_to", "x_original_to", "envelope_to", "x_envelope_to"])
def test_the_private_address_matches_in_every_header_of_delivery(header: str) -> None:
    given = {"to": "info@inbox.example"} | {header: "Anna <ANNA.B@inbox.example>"}
    assert summary(matched(letter("Yes.", **given))) == [("p1", "private_address", True)]


def test_the_private_address_matches_in_a_received_line() -> None:
    raw = b"Received: from a by b for <anna.b@inbox.example>; Tue, 1 Dec 2026\nFrom: x@y.example\n\nHello"
    assert summary(matched(parse(raw))) == [("p1", "private_address", True)]


def test_the_private_address_matches_whoever_writes() -> None:
    (found,) = matched(letter("Win a prize!", "Prize", from_="x@spam.example"))
    assert (found.strong, found.standing) == (True, "stranger")


def test_a_reply_to_all_matches_every_probe_it_was_addressed_to() -> None:
    mail = letter("We answer you both.", to="anna.b@inbox.example", cc="carl.d@inbox.example")
    assert summary(matched(mail)) == [("p1", "private_address", True), ("p2", "private_address", True)]


def test_an_address_that_only_looks_alike_does_not_match() -> None:
    assert matched(letter("Yes.", to="anna.bo@inbox.example, xanna.b@inbox.example", from_="a@b.example")) == ()


def test_the_address_decides_between_two_probes_of_one_business_whose_threads_were_joined() -> None:
    second = sent("p3", reply_address="eva.f@inbox.example", message_ids=("<enquiry-3@inbox.example>",))
    mail = letter("Yes.", in_reply_to="<enquiry-3@inbox.example>")
    assert summary(matched(mail, sent(), second)) == [("p1", "private_address", True)]


def test_references_to_both_probes_leave_the_address_in_charge() -> None:
    mail = letter("Yes.", in_reply_to="<enquiry-1@inbox.example> <enquiry-2@inbox.example>")
    assert summary(matched(mail)) == [("p1", "private_address", True)]


# --------------------------------------------------------------------------------------------- contradictions
def test_a_bounce_of_one_probe_sent_to_the_address_of_another_is_strong_for_none() -> None:
    forged = report(original="enquiry-2@inbox.example", recipient="post@rad-sued.example")
    assert summary(matched(forged)) == [("p1", "private_address", False), ("p2", "bounced_message_id", False)]


def test_a_reply_to_one_business_sent_to_the_address_given_to_another_is_strong_for_none() -> None:
    mail = letter("Yes.", in_reply_to="<enquiry-2@inbox.example>")
    assert summary(matched(mail)) == [("p1", "private_address", False), ("p2", "in_reply_to", False)]


def test_a_bounce_of_a_second_endpoint_of_the_same_business_at_the_wrong_address_is_strong_for_none() -> None:
    second = sent("p3", reply_address="eva.f@inbox.example", message_ids=("<enquiry-3@inbox.example>",))
    found = matched(report(original="enquiry-3@inbox.example"), sent(), second)
    assert {one.strong for one in found} == {False}


# --------------------------------------------------------------------------------------------- Message-ID
def test_in_reply_to_matches_without_the_private_address() -> None:
    mail = letter("Yes.", to="office@inbox.example", in_reply_to="<other@x.example> <ENQUIRY-1@inbox.example>")
    assert summary(matched(mail)) == [("p1", "in_reply_to", True)]


def test_a_bounce_matches_by_the_id_of_the_mail_it_returns() -> None:
    assert summary(matched(report(to="bounces@inbox.example"))) == [("p1", "bounced_message_id", True)]


def test_ids_of_several_probes_are_never_strong() -> None:
    mail = letter("x", to="o@inbox.example", in_reply_to="<enquiry-1@inbox.example> <enquiry-2@inbox.example>")
    assert summary(matched(mail)) == [("p1", "in_reply_to", False), ("p2", "in_reply_to", False)]


def test_an_id_of_nobody_matches_nothing() -> None:
    assert matched(letter("x", to="o@inbox.example", in_reply_to="<enquiry-9@x.example>", from_="a@b.example")) == ()


def test_references_are_strong_with_the_business_as_sender() -> None:
    mail = letter("Yes.", to="o@inbox.example", references="<a@b.example> <enquiry-1@inbox.example>")
    assert summary(matched(mail)) == [("p1", "references", True)]


def test_references_are_strong_with_a_quote_of_the_enquiry() -> None:
    mail = letter(
        "Yes.\n\n> Could you repair the gears of my\n> city bike before Friday?\n",
        "Your question",
        to="o@inbox.example",
        from_="agent@desk.example",
        references="<enquiry-1@inbox.example>",
    )
    assert summary(matched(mail)) == [("p1", "references", True)]


def test_references_alone_are_weak() -> None:
    mail = letter("Hi", "Hi", to="o@inbox.example", from_="x@y.example", references="<enquiry-1@inbox.example>")
    assert summary(matched(mail)) == [("p1", "references", False)]


def test_references_to_several_businesses_without_a_second_sign_match_nothing() -> None:
    both = "<enquiry-1@inbox.example> <enquiry-2@inbox.example>"
    assert matched(letter("Hi", "Hi", to="o@inbox.example", from_="x@y.example", references=both)) == ()


# --------------------------------------------------------------------------------------------- sender's domain
def test_the_business_s_own_domain_matches_weakly_within_the_window() -> None:
    mail = letter("Yes, by Friday.", "Your question", to="o@inbox.example", from_="jo@mail.velo-nord.example")
    assert summary(matched(mail)) == [("p1", "sender_domain", False)]


@pytest.mark.parametrize("at", [SENT - timedelta(seconds=1), SENT + timedelta(days=33)])
def test_the_domain_does_not_match_outside_the_window(at: datetime) -> None:
    assert matched(letter("Yes.", "Hello", to="o@inbox.example"), at=at) == ()


def test_the_domain_of_two_businesses_asked_matches_neither() -> None:
    twin = replace(OTHER, own_domains=("velo-nord.example",))
    assert matched(letter("Yes.", "Hello", to="o@inbox.example"), sent(), twin) == ()


def test_of_several_open_probes_the_one_that_is_quoted_is_meant() -> None:
    second = sent(
        "p3", reply_address="e@inbox.example", message_ids=("<e3@x>",), subject="A lock for a cargo bike", body="?"
    )
    mail = letter("Yes.", "Re: A lock for a cargo bike", to="o@inbox.example")
    assert summary(matched(mail, sent(), second)) == [("p3", "sender_domain", False)]


def test_several_open_probes_that_nothing_tells_apart_are_all_matched_weakly() -> None:
    second = sent("p3", reply_address="e@inbox.example", message_ids=("<e3@x>",))
    found = matched(letter("Yes.", "Hello", to="o@inbox.example"), sent(), second)
    assert summary(found) == [("p1", "sender_domain", False), ("p3", "sender_domain", False)]


def test_the_host_of_a_form_is_the_business_s_own_domain() -> None:
    form = sent(own_domains=(), endpoint_address="http://www.velo-nord.example:8080/contact?to=@other.example")
    assert belongs("info@velo-nord.example", form)
    assert not belongs("info@other.example", form)


def test_a_freemail_domain_belongs_to_nobody_but_the_very_address_does() -> None:
    shop = sent(endpoint_address="velo.nord@gmail.com")
    assert not belongs("somebody@gmail.com", shop)
    assert belongs("Velo.Nord@gmail.com", shop)
    assert not belongs("x@gmail.com", sent(own_domains=("gmail.com",)))


@pytest.mark.parametrize(
    ("domain", "owner"),
    [
        ("mail.shop.co.uk", "shop.co.uk"),
        ("shop.example", "shop.example"),
        ("a.b.shop.example", "shop.example"),
        ("one.blogspot.com", "one.blogspot.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("", ""),
        ("a@b", ""),
    ],
)
def test_the_owner_of_a_domain(domain: str, owner: str) -> None:
    assert registrable(domain) == owner


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.jp", "GMX.de", "qq.com", "mail.orange.fr", "hotmail.com.vn"])
def test_freemail_is_known(domain: str) -> None:
    assert is_freemail(domain)


@pytest.mark.parametrize(
    "domain", ["velo-nord.example", "gmail.velo-nord.example", "mygmx.example", "orange.example", ""]
)
def test_what_is_no_freemail(domain: str) -> None:
    assert not is_freemail(domain)


# --------------------------------------------------------------------------------------------- standing
def standing(mail: Mail, probe: SentProbe | None = None) -> str:
    (found,) = matched(mail, probe or sent())
    return found.standing


def test_a_partner_s_domain_stands_as_known() -> None:
    probe = sent(partner_domains=("desk.example", "help@tool.example"))
    assert standing(letter("Hi", "Hi", from_="a@eu.desk.example"), probe) == "known_partner"
    assert standing(letter("Hi", "Hi", from_="help@tool.example"), probe) == "known_partner"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("[#77] Re: City bike repair this week", "Yes."),
        ("Your question", "Yes.\n\n> Could you repair the gears of my\n> city bike before Friday?"),
        ("VELO NORD: your question", "Yes."),
        ("Hello", "Thanks, Velo-Nord will do it."),
        ("Hello", "you wrote «could you REPAIR the gears of my city bike before friday»"),
    ],
)
def test_a_stranger_who_quotes_or_names_takes_up_the_enquiry(subject: str, body: str) -> None:
    assert standing(letter(body, subject, from_="x@desk.example")) == "quotes_the_enquiry"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Bikes", "Buy our new city bikes this week"),
        ("Hello", "velonordic is not the name"),
        ("City bike repair", "Repairs before Friday."),
        ("", ""),
    ],
)
def test_a_stranger_who_speaks_of_something_like_it_stays_a_stranger(subject: str, body: str) -> None:
    assert standing(letter(body, subject, from_="x@desk.example")) == "stranger"


def test_a_chinese_name_is_found_without_spaces() -> None:
    probe = sent(business_name="北京单车行")
    assert (
        standing(letter("您好，北京单车行已经看到您的信。", "您好", from_="x@y.example"), probe) == "quotes_the_enquiry"
    )


def test_a_short_subject_quotes_nothing() -> None:
    assert standing(letter("Hi", "Re: A question", from_="x@y.example"), sent(subject="A question")) == "stranger"


# --------------------------------------------------------------------------------------------- always
IDS = st.lists(st.sampled_from(["enquiry-1@inbox.example", "enquiry-2@inbox.example", "x@y.example"]), max_size=3)
TO = st.lists(st.sampled_from(["anna.b@inbox.example", "carl.d@inbox.example", "o@inbox.example"]), max_size=3)
FROM = st.sampled_from(["jo@velo-nord.example", "x@rad-sued.example", "spam@z.example", ""])


@given(TO, IDS, IDS, IDS, FROM, st.booleans())
def test_matching_is_free_of_order_and_never_surely_wrong(
    to: list[str], replied: list[str], bounced: list[str], referred: list[str], sender: str, turned: bool
) -> None:
    given_keys = Keys(
        recipients=tuple(to),
        in_reply_to=tuple(replied),
        bounced_message_ids=tuple(bounced),
        references=tuple(referred),
        sender=sender,
        sender_domain=sender.rpartition("@")[2],
    )
    mail = letter("Hi", "Hi")
    probes = [OTHER, sent()] if turned else [sent(), OTHER]
    found = match(mail, given_keys, probes, AT)
    assert found == match(mail, given_keys, list(reversed(probes)), AT)
    assert len({one.probe for one in found}) == len(found)
    addresses = {"p1": "anna.b@inbox.example", "p2": "carl.d@inbox.example"}
    addressed = {name for name, address in addresses.items() if address in to}
    for one in found:
        if one.strong and addressed:
            assert one.probe in addressed
        assert not (one.key == "sender_domain" and one.strong)


def test_the_very_address_asked_is_told_from_others_of_its_domain() -> None:
    north = sent("p1", business="hall-north", endpoint_address="north@town.example")
    south = sent(
        "p2", business="hall-south", endpoint_address="south@town.example", message_ids=("<e2@inbox.example>",)
    )
    said = letter("Yes.", "Hello", to="office@inbox.example", from_="south@town.example")
    assert summary(matched(said, north, south)) == [("p2", "sender_domain", False)]
    unknown = letter("Yes.", "Hello", to="office@inbox.example", from_="mayor@town.example")
    assert matched(unknown, north, south) == ()


def test_an_address_that_two_businesses_share_matches_neither() -> None:
    one = sent("p1", business="firm-a", endpoint_address="desk@shared.example")
    two = sent("p2", business="firm-b", endpoint_address="desk@shared.example", message_ids=("<e2@inbox.example>",))
    said = letter("Yes.", "Hello", to="office@inbox.example", from_="desk@shared.example")
    assert matched(said, one, two) == ()


def test_a_desk_that_answers_our_message_id_has_received_the_enquiry() -> None:
    desk = {"from_": "case@desk.example", "subject": "Case 77"}
    assert standing(letter("Yes.", in_reply_to="<enquiry-1@inbox.example>", **desk)) == "quotes_the_enquiry"
    assert standing(letter("Yes.", in_reply_to="<enquiry-9@inbox.example>", **desk)) == "stranger"
    threaded = letter("Yes.", references="<enquiry-1@inbox.example>", **desk)
    assert standing(threaded) == "stranger", "threads get mixed up"


# --------------------------------------------------------------------------------------------- our own enquiry
def own_copy(sender: str, message_id: str) -> tuple[Match, ...]:
    raw = f"From: Anna <{sender}>\nTo: info@velo-nord.example\nMessage-ID: {message_id}\nSubject: x\n\nHello"
    return matched(parse(raw.encode()))


def test_our_own_enquiry_as_it_arrived_is_known_by_its_id_and_its_sender() -> None:
    (found,) = own_copy("Anna.B@inbox.example", "<Enquiry-1@inbox.example>")
    assert (found.probe, found.key, found.strong, found.standing) == ("p1", "own_copy", True, "ourselves")


@pytest.mark.parametrize(
    ("sender", "message_id"),
    [
        ("jo@velo-nord.example", "<enquiry-1@inbox.example>"),  # a business that takes over our Message-ID
        ("anna.b@inbox.example", "<enquiry-9@inbox.example>"),  # a forged sender
        ("carl.d@inbox.example", "<enquiry-1@inbox.example>"),  # the private address of another
    ],
)
def test_what_only_looks_like_our_own_enquiry_is_no_copy_of_it(sender: str, message_id: str) -> None:
    assert not [one for one in own_copy(sender, message_id) if one.key == "own_copy"]
