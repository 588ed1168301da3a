"""The way from a home page to the contact page, and what a site publishes for enquiries."""

from __future__ import annotations

from typing import Any

import pytest

from probes.web import contact
from probes.web.snapshot import Link, Page
from tests.probes.pages import link


def home(*links: Link, url: str = "https://www.firm.example/", language: str = "en", **about: Any) -> Page:
    return Page(url=url, language=language, links=links, **about)


def first(*links: Link, **about: Any) -> str | None:
    found = contact.links(home(*links, **about))
    return found[0].href if found else None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Contact us"), ("en", "Get in touch"), ("fr", "Nous contacter"), ("vi", "Liên hệ"), ("zh", "联系我们"),
        ("zh-TW", "聯絡我們"), ("es", "Contáctenos"), ("de", "Kontakt"), ("it", "Contattaci"), ("pt", "Fale conosco"),
        ("ja", "お問い合わせ"), ("ru", "Контакты"), ("pl", "Napisz do nas"), ("nl", "Neem contact op"), ("hu",
        "Kapcsolat"),
    ],
)  # fmt: skip
def test_the_contact_page_is_found_by_the_text_of_its_link(language: str, text: str) -> None:
    assert first(
        link("https://www.firm.example/p/1", "Products"), link("https://www.firm.example/p/2", text), language=language
    ).endswith("/p/2")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path", ["/contact", "/lien-he", "/kontakt.html", "/pages/contact-us", "/ContactUs.aspx", "/otoiawase"]
)
def test_it_is_found_by_its_address_when_the_text_says_nothing(path: str) -> None:
    url = f"https://firm.example{path}"
    assert first(link("https://firm.example/x", "More"), link(url, "")) == url


def test_the_likeliest_comes_first_and_each_page_once() -> None:
    found = contact.links(
        home(
            link("https://firm.example/about", "About us"), link("https://firm.example/contact#form", "Contact"),
            link("https://www.firm.example/contact/", "Contact us", part="footer"),
        )
    )  # fmt: skip
    assert [one.href for one in found][1:] == ["https://firm.example/about"]
    assert found[0].href.rstrip("/").endswith("/contact")
    assert "contact" in found[0].reason.lower()


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/contact", "mailto:contact@firm.example", "javascript:contact()", "https://www.firm.example/",
        "https://www.firm.example/#contact", "https://firm.example/contact.pdf", "https://firm.example:8443/contact", "https://[bad/contact",
    ],
)  # fmt: skip
def test_other_sites_files_and_this_page_are_not_followed(url: str) -> None:
    assert first(link(url, "Contact")) is None


def test_contact_lenses_are_no_contact_page() -> None:
    assert first(link("https://firm.example/contact-lenses", "Contact lenses")) is None


def test_few_links_are_given() -> None:
    many = [link(f"https://firm.example/contact/{n}", "Contact") for n in range(50)]
    assert len(contact.links(home(*many))) == contact.MOST_LINKS


def mails(**about: Any) -> tuple[str, ...]:
    return contact.published(home(*about.pop("links", ()), **about)).mails


def test_addresses_are_read_from_links_text_and_linked_data() -> None:
    assert mails(links=(link("", raw="mailto:Info@firm.example?subject=Hi"),)) == ("info@firm.example",)
    assert mails(text="Write to sales@firm.example.") == ("sales@firm.example",)
    assert mails(linked_data=('{"@graph": [{"contactPoint": {"email": "mailto:help@firm.example"}}]}',)) == (
        "help@firm.example",
    )


@pytest.mark.parametrize(
    "text", ["info [at] firm [dot] example", "info(at)firm.example", "info [arroba] firm [punto] example"]
)
def test_addresses_written_for_people_only_are_read(text: str) -> None:
    assert mails(text=text) == ("info@firm.example",)


def test_an_address_in_code_is_read() -> None:
    key = 0x42
    coded = bytes([key, *(one ^ key for one in b"info@firm.example")]).hex()
    assert mails(links=(link("/cdn-cgi/l/email-protection#x", "[email protected]", coded=coded),)) == (
        "info@firm.example",
    )
    assert mails(coded=(coded,)) == ("info@firm.example",)
    assert mails(coded=("zz", "")) == ()


def test_the_address_for_enquiries_comes_first_and_nobody_last() -> None:
    text = "noreply@firm.example webmaster@other.example jane@firm.example info@firm.example"
    assert mails(text=text) == (
        "info@firm.example",
        "jane@firm.example",
        "webmaster@other.example",
        "noreply@firm.example",
    )


@pytest.mark.parametrize("text", ["logo@2x.png", "you@example.com", "name@domain.com", "@firm", "a@b"])
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert mails(text=text) == ()


def numbers(**about: Any) -> tuple[str, ...]:
    return contact.published(home(*about.pop("links", ()), **about)).numbers


def test_numbers_are_read_from_links_text_and_linked_data_each_once() -> None:
    assert numbers(links=(link("", raw="tel:+49-30-1234567"),), text="Call +49 (0)30 123 45 67 now") == (
        "+49301234567",
    )
    assert numbers(links=(link("", raw="tel:+49301234567"),), text="Tel. 030 1234567") == ("+49301234567",)
    assert numbers(linked_data=('{"telephone": "+84 24 3333 4444"}',)) == ("+842433334444",)
    assert numbers(text="Điện thoại: 024 3333 4444") == ("02433334444",)
    assert numbers(text="Tel. (030) 123 45 67") == ("0301234567",)


@pytest.mark.parametrize("text", ["Order 2026-12-31", "VAT 123456789", "1 2 3", "+1", "price 1,200,300"])
def test_other_figures_are_no_numbers(text: str) -> None:
    assert numbers(text=text) == ()


@pytest.mark.parametrize("data", ["{", "[" * 100_000, "null", "3", '{"email": 3, "telephone": []}'])
def test_broken_linked_data_stops_nothing(data: str) -> None:
    assert mails(linked_data=(data,), text="info@firm.example") == ("info@firm.example",)
