"""What forbids filling a form, each with its reason, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from probes.web import refusal
from probes.web.answers import Inspection, Needs
from probes.web.snapshot import Control, Form, Mark, Option
from tests.probes.pages import area, box, choice, contact_form, form, page, send, tick


def inspect(made: Form, language: str = "en", needs: Needs | None = None, **about: Any) -> Inspection:
    return refusal.inspect(page(made, language=language, **about), needs)


def test_a_plain_contact_form_is_fillable() -> None:
    found = inspect(contact_form())
    assert (found.verdict, found.captcha) == ("fillable", None)
    assert found.fields == {"name": "name", "email": "email", "message": "message", "@3": "submit"}
    assert found.reasons


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I accept the terms and conditions"), ("fr", "J'accepte les conditions générales de vente"),
        ("de", "Ich akzeptiere die AGB"), ("es", "Acepto los términos y condiciones"), ("vi",
        "Tôi đồng ý với điều khoản sử dụng"),
        ("zh", "我同意服务条款"), ("ja", "利用規約に同意する"), ("ru", "Я принимаю пользовательское соглашение"),
        ("pl", "Akceptuję regulamin"), ("nl", "Ik ga akkoord met de algemene voorwaarden"),
        ("it", "Accetto i termini e condizioni"), ("pt", "Aceito os termos de uso"),
    ],
)  # fmt: skip
def test_a_required_contract_blocks_and_one_that_is_not_required_does_not(language: str, text: str) -> None:
    found = inspect(contact_form(tick("t", text, required=True)), language)
    assert found.verdict == "blocked"
    assert "contract" in found.reasons[0]
    assert inspect(contact_form(tick("t", text)), language).verdict == "fillable"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I have read the privacy policy"), ("fr", "J'accepte la politique de confidentialité"),
        ("de", "Ich stimme der Datenschutzerklärung zu"), ("vi", "Tôi đồng ý với chính sách bảo mật"),
        ("zh", "我同意隐私政策"), ("pl", "Wyrażam zgodę na przetwarzanie danych osobowych"),
    ],
)  # fmt: skip
def test_a_required_consent_to_being_answered_does_not_block(language: str, text: str) -> None:
    assert inspect(contact_form(tick("t", text, required=True)), language).verdict == "fillable"


def test_a_required_number_blocks_unless_somebody_listens_to_one() -> None:
    made = contact_form(box("phone", "Phone", type="tel", required=True))
    found = inspect(made)
    assert found.verdict == "blocked"
    assert "telephone" in found.reasons[0]
    assert inspect(made, needs=Needs(gives=Needs().gives | {"phone"})).verdict == "fillable"
    assert inspect(contact_form(box("phone", "Phone", type="tel"))).verdict == "fillable"


@pytest.mark.parametrize("text", ["Phone *", "Phone (required)", "* Phone"])
def test_a_star_or_a_word_at_the_label_makes_it_required(text: str) -> None:
    assert inspect(contact_form(box("phone", text))).verdict == "blocked"


def test_a_captcha_blocks() -> None:
    found = inspect(contact_form(marks=(Mark(tag="div", classes="g-recaptcha", sitekey="k"),)))
    assert (found.verdict, found.captcha) == ("blocked", "recaptcha_v2")
    assert "captcha" in found.reasons[0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Please log in to send a message"), ("de", "Sie müssen angemeldet sein, um zu schreiben"),
        ("fr", "Vous devez être connecté pour nous écrire"), ("vi", "Vui lòng đăng nhập để gửi liên hệ"), ("zh",
        "请先登录后留言"),
        ("ru", "Необходимо авторизоваться, чтобы отправить сообщение"), ("ja", "ログインしてください"),
    ],
)  # fmt: skip
def test_a_log_in_wall_blocks(language: str, text: str) -> None:
    assert inspect(contact_form(text=text), language).verdict == "blocked"
    wall = form(box("user", "User"), box("p", "Password", type="password"), send("Log in"))
    assert inspect(wall, language, text=text).verdict == "blocked"
    assert inspect(wall, language, text="Welcome").verdict == "no_form"


@pytest.mark.parametrize(
    "text", ["IBAN", "Card number", "Numéro de carte", "Kreditkartennummer", "Номер карты", "卡号"]
)
def test_what_asks_for_a_payment_is_no_contact_form(text: str) -> None:
    found = inspect(contact_form(box("x1", text), heading="Contact us"))
    assert (found.verdict, found.choice.chosen, found.choice.forms[0].type) == ("no_form", None, "order")


@pytest.mark.parametrize(
    "control",
    [
        box("x1", "Your widget identifier", required=True), box("company", "Company", required=True),
        box("birthday", "Date of birth", type="date", required=True), box("f", "File", type="file", required=True),
        tick("x2", "I own a blue bicycle", required=True), box("zip", "ZIP code *"),
        choice("x3", "", "A", "B", required=True),
    ],
)  # fmt: skip
def test_a_required_control_that_no_rule_fills_cannot_be_mapped(control: Control) -> None:
    found = inspect(contact_form(control))
    assert found.verdict == "cannot_map"
    assert "required" in found.reasons[0]


def test_what_is_not_required_is_left_alone() -> None:
    assert inspect(contact_form(box("x1", "Your widget identifier"))).verdict == "fillable"
    assert inspect(contact_form(box("x1", "Widget", required=True, readonly=True))).verdict == "fillable"
    assert inspect(contact_form(box("x1", "Widget", required=True, disabled=True))).verdict == "fillable"


def test_a_select_that_has_a_choice_already_asks_for_nothing() -> None:
    made = Control(
        tag="select",
        type="select-one",
        name="x",
        required=True,
        options=(Option(value="1", text="One", selected=True),),
    )
    assert inspect(contact_form(made)).verdict == "fillable"


def test_a_required_topic_can_be_chosen() -> None:
    assert inspect(contact_form(choice("t", "Subject", "Sales", "Support", required=True))).verdict == "fillable"


def test_a_form_that_nothing_sends_cannot_be_mapped() -> None:
    made = form(box("name", "Name"), box("email", "E-mail"), area("message", "Message"))
    found = inspect(made)
    assert found.verdict == "cannot_map"
    assert "nothing that sends it" in found.reasons


def test_a_trap_is_never_required_of_us() -> None:
    trap = box("url2", "Leave this field blank", required=True)
    found = inspect(contact_form(trap))
    assert (found.verdict, found.fields["url2"]) == ("fillable", "honeypot")


def test_what_could_not_be_read_is_told_with_the_reasons() -> None:
    assert "a frame cannot be read" in inspect(contact_form(), problems=("a frame cannot be read",)).reasons
