"""Every label by several signs and in several languages, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from probes.web import mapping
from probes.web.snapshot import Control
from tests.probes.pages import area, box, choice, contact_form, form, page, send, tick


def labels(*controls: Control, language: str = "en", **about: Any) -> dict[str, str]:
    made = form(*controls, **about)
    return mapping.label(made, page(made, language=language))


def one(control: Control, language: str = "en") -> str:
    """The label of one control in a form that has a message already."""
    return labels(control, area("zz_message", "Message"), send(), language=language)[control.name or "@0"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Your e-mail address *", "email"),
        ("fr", "Adresse électronique", "email"),
        ("vi", "Thư điện tử", "email"),
        ("zh", "电子邮箱", "email"),
        ("zh-TW", "電子郵件", "email"),
        ("es", "Correo electrónico", "email"),
        ("de", "Ihre E-Mail-Adresse", "email"),
        ("it", "Indirizzo di posta elettronica", "email"),
        ("pt", "Seu e-mail", "email"),
        ("ja", "メールアドレス", "email"),
        ("ru", "Электронная почта", "email"),
        ("pl", "Adres e-mail", "email"),
        ("nl", "E-mailadres", "email"),
        ("en", "Full name", "name"),
        ("fr", "Nom et prénom", "name"),
        ("vi", "Họ và tên", "name"),
        ("zh", "您的姓名", "name"),
        ("es", "Nombre y apellidos", "name"),
        ("de", "Vor- und Nachname", "name"),
        ("it", "Nome e cognome", "name"),
        ("pt", "Nome completo", "name"),
        ("ja", "お名前", "name"),
        ("ru", "Как вас зовут?", "name"),
        ("pl", "Imię i nazwisko", "name"),
        ("nl", "Uw naam", "name"),
        ("en", "Surname", "last_name"),
        ("fr", "Prénom", "first_name"),
        ("de", "Vorname", "first_name"),
        ("es", "Apellidos", "last_name"),
        ("it", "Cognome", "last_name"),
        ("pt", "Sobrenome", "last_name"),
        ("pl", "Nazwisko", "last_name"),
        ("nl", "Achternaam", "last_name"),
        ("ru", "Фамилия", "last_name"),
        ("en", "Telephone number", "phone"),
        ("fr", "Téléphone", "phone"),
        ("vi", "Số điện thoại", "phone"),
        ("zh", "联系电话", "phone"),
        ("ja", "電話番号", "phone"),
        ("pl", "Numer telefonu", "phone"),
        ("nl", "Telefoonnummer", "phone"),
        ("en", "Company name", "company"),
        ("fr", "Raison sociale", "company"),
        ("de", "Firma", "company"),
        ("vi", "Tên công ty", "company"),
        ("zh", "公司名称", "company"),
        ("ja", "会社名", "company"),
        ("it", "Azienda", "company"),
        ("en", "Subject", "subject"),
        ("fr", "Objet du message", "subject"),
        ("de", "Betreff", "subject"),
        ("vi", "Tiêu đề", "subject"),
        ("zh", "主题", "subject"),
        ("ja", "件名", "subject"),
        ("ru", "Тема сообщения", "subject"),
        ("nl", "Onderwerp", "subject"),
    ],
)
def test_a_box_is_for_what_its_label_says(language: str, text: str, expected: str) -> None:
    assert one(box("f1", text), language) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("your-email", "email"), ("txtEmailAddress", "email"), ("contact[mail]", "email"), ("fullName", "name"),
        ("ho_ten", "name"), ("firstName", "first_name"), ("submitted[cognome]", "last_name"), ("lname", "last_name"),
        ("phone_number", "phone"), ("sdt", "phone"), ("tel-653", "phone"), ("companyName", "company"),
        ("your-subject", "subject"), ("emailSubject", "subject"), ("zip_code", "other"), ("website", "other"),
    ],
)  # fmt: skip
def test_a_box_without_a_label_is_for_what_it_is_called(name: str, expected: str) -> None:
    assert one(box(name)) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Street address", "en"), ("Company address line 2", "en"), ("Name of the product", "en"), ("Postleitzahl",
        "de"),
        ("Code postal", "fr"), ("Địa chỉ", "vi"), ("订单号", "zh"), ("お名前（フリガナ）", "ja"), ("Индекс", "ru"),
        ("User name", "en"), ("Order number", "en"), ("Fecha de nacimiento", "es"),
    ],
)  # fmt: skip
def test_what_only_holds_a_known_word_is_something_else(text: str, language: str) -> None:
    assert one(box("f1", text), language) == "other"


def test_autocomplete_counts_for_more_than_the_label() -> None:
    assert one(box("a", "Contact", autocomplete="email")) == "email"
    assert one(box("a", "Name", autocomplete="family-name")) == "last_name"
    assert one(box("a", "Name", autocomplete="cc-name")) == "other"


def test_what_stands_beside_a_box_counts_when_it_has_no_label() -> None:
    assert one(box("f1", near="Telephone:")) == "phone"
    assert one(box("f1", "E-mail", near="Telephone:")) == "email"


def test_placeholder_and_aria_stand_for_a_label() -> None:
    assert one(box("f1", placeholder="Phone (optional)")) == "phone"
    assert one(box("f1", aria="Your name")) == "name"


def test_a_select_of_subjects_is_a_topic_and_one_of_countries_is_not() -> None:
    assert one(choice("s", "Subject", "Sales", "Support")) == "topic"
    assert one(choice("s", "Department", "Sales", "Support")) == "topic"
    assert one(choice("s", "Country", "France", "Germany")) == "other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I agree to the processing of my personal data", "consent"),
        ("J'accepte la politique de confidentialité", "consent"),
        ("Ich habe die Datenschutzerklärung gelesen", "consent"),
        ("Tôi đồng ý với chính sách bảo mật", "consent"),
        ("我已阅读并同意隐私政策", "consent"),
        ("Wyrażam zgodę na przetwarzanie danych", "consent"),
        ("Subscribe to our newsletter", "other"),
        ("Send me a copy of this message", "other"),
        ("Remember me", "other"),
        ("I am not a robot", "captcha"),
    ],
)
def test_a_tick_box_is_a_consent_or_something_else_but_never_a_text(text: str, expected: str) -> None:
    assert one(tick("t", text)) == expected


def test_the_one_text_area_is_the_message_whatever_it_is_called() -> None:
    assert labels(box("email"), area("field_7"), send())["field_7"] == "message"


def test_a_text_area_for_an_address_is_not_the_message() -> None:
    found = labels(area("a", "Postal address"), area("b", "Your enquiry"), send())
    assert found == {"a": "other", "b": "message", "@2": "submit"}


def test_of_two_message_boxes_only_the_better_one_is_the_message() -> None:
    found = labels(area("notes", "Notes"), area("message", "Your message", required=True), send())
    assert list(found.values()).count("message") == 1
    assert found["message"] == "message"


def test_a_line_can_be_the_message_only_where_there_is_no_text_area() -> None:
    assert labels(box("question", "Your question"), send())["question"] == "message"
    assert labels(box("question", "Your question"), area("m", "Message"), send())["question"] != "message"


def test_name_beside_a_first_name_is_the_last_name() -> None:
    found = labels(box("a", "Vorname"), box("b", "Name"), area("m"), send(), language="de")
    assert (found["a"], found["b"]) == ("first_name", "last_name")
    found = labels(box("a", "Nome"), box("b", "Cognome"), area("m"), send(), language="it")
    assert (found["a"], found["b"]) == ("first_name", "last_name")
    found = labels(box("a", "Name"), area("m"), send())
    assert found["a"] == "name"


def test_repeating_the_address_is_the_address_again() -> None:
    found = labels(box("a", "E-mail"), box("b", "Confirm e-mail"), area("m"), send())
    assert (found["a"], found["b"]) == ("email", "email")


@pytest.mark.parametrize("how", ["display", "visibility", "opacity", "clip", "off_screen", "size", "clipped_parent"])
def test_what_cannot_be_seen_among_what_can_is_a_trap(how: str) -> None:
    made = contact_form(box("phone", "Phone", visible=False, hidden_by=how))
    assert mapping.label(made, page(made))["phone"] == "honeypot"


@pytest.mark.parametrize(
    "text",
    [
        "Leave this field blank", "Please leave this field empty", "Bitte leer lassen", "Ne pas remplir ce champ",
        "No rellenar", "Non compilare", "Não preencha", "Vui lòng để trống", "请勿填写", "入力しないでください",
        "Не заполняйте",
        "Nie wypełniaj", "Dit veld niet invullen",
    ],
)  # fmt: skip
def test_what_asks_to_be_left_empty_is_a_trap_although_it_can_be_seen(text: str) -> None:
    assert one(box("subject2", text)) == "honeypot"


def test_what_the_keyboard_and_the_screen_reader_cannot_reach_is_a_trap() -> None:
    assert one(box("url", "Website", tabindex=-1, aria_hidden=True)) == "honeypot"
    assert one(box("phone", "Phone", tabindex=-1)) == "phone"


def test_a_form_that_opens_later_is_not_made_of_traps() -> None:
    unseen: dict[str, Any] = {"visible": False, "hidden_by": "display"}
    found = labels(
        box("name", "Name", **unseen), box("email", "E-mail", **unseen), area("m", "Message", **unseen), send(),
        visible=False,
    )  # fmt: skip
    assert "honeypot" not in found.values()


def test_a_text_area_that_an_editor_covers_is_still_the_message() -> None:
    made = form(box("name", "Name"), box("email", "E-mail"), area("m", "Message", visible=False, hidden_by="display"))
    assert mapping.label(made, page(made))["m"] == "message"


def test_a_styled_tick_box_with_a_label_to_click_is_no_trap() -> None:
    shown = tick("gdpr", "I agree to the privacy policy", visible=False, hidden_by="opacity", label_visible=True)
    assert one(shown) == "consent"


@pytest.mark.parametrize(
    "text",
    [
        "What is 3 + 4?", "7 - 2 =", "three plus four", "Wie viel ist 5 mal 3?", "Combien font deux plus six ?",
        "¿Cuánto es 3 + 3?", "Сколько будет 2 + 2?", "三加四等于", "3 x 4 = ?", "Ile to jest 4 + 5",
        "2 cộng 3 bằng mấy",
        "Enter the letters shown in the image", "Введите код с картинки", "验证码", "Recopiez le code",
        "画像の文字を入力",
        "Are you human?", "Sicherheitsfrage: Welche Farbe hat der Himmel?",
    ],
)  # fmt: skip
def test_a_question_only_a_person_can_answer_is_a_captcha(text: str) -> None:
    assert one(box("f1", text)) == "captcha"


@pytest.mark.parametrize(
    "text",
    [
        "Phone (9-17)",
        "Date 12-05-2026",
        "Number of rooms 1-3",
        "Phone 24x7",
        "+49 30 1234567",
        "Your question",
        "Q1 and Q2",
    ],
)
def test_figures_alone_are_no_sum(text: str) -> None:
    assert one(box("f1", text)) != "captcha"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Send", "submit"), ("Envoyer", "submit"), ("Gửi liên hệ", "submit"), ("提交", "submit"), ("送信する",
        "submit"),
        ("Absenden", "submit"), ("Cancel", "other"), ("Preview", "other"), ("Annuler", "other"), ("重置", "other"),
    ],
)  # fmt: skip
def test_a_button_submits_unless_it_says_otherwise(text: str, expected: str) -> None:
    assert labels(box("email"), area("m"), send(text, name="b"))["b"] == expected


def test_of_several_buttons_the_one_that_says_so_submits() -> None:
    found = labels(box("email"), area("m"), send("Find my address", name="a"), send("Send message", name="b"))
    assert (found["a"], found["b"]) == ("other", "submit")


def test_passwords_files_and_what_cannot_be_written_are_something_else() -> None:
    assert one(box("email", "E-mail", type="password")) == "other"
    assert one(box("message", "Message", type="file")) == "other"
    assert one(area("terms", "Privacy policy", readonly=True)) == "other"


def test_a_short_word_counts_only_on_a_page_in_its_language() -> None:
    assert one(box("f1", "Via"), "it") == "other"
    assert one(box("f1", "Ad"), "tr") == "first_name"
    assert one(box("f1", "Ad"), "en") == "other"


def test_the_answer_field_of_a_vendor_is_a_captcha() -> None:
    assert one(area("g-recaptcha-response", visible=False, hidden_by="display")) == "captcha"


def test_words_beside_a_control_that_has_words_of_its_own_are_not_about_it() -> None:
    assert one(box("f1", "Widget", near="Telephone:")) == "other"


def test_an_id_alone_says_little_against_words_that_are_not_known() -> None:
    assert one(box("f1", "Widget", id="email9")) == "other"
    assert one(box("f1", id="email9")) == "email"


def test_what_one_is_interested_in_is_a_topic_where_it_is_chosen_and_no_subject_where_it_is_written() -> None:
    assert one(choice("f1", "I am interested in", "A", "B")) == "topic"
    assert one(box("f1", "What are you interested in?")) == "other"


def test_the_first_choice_of_a_select_stands_for_its_label() -> None:
    assert one(choice("f1", "", "Choose a subject", "A", "B")) == "topic"
    assert one(choice("f1", "", "Red", "Green")) == "other"


@pytest.mark.parametrize("classes", ["input d-none", "hidden", "visually-hidden"])
def test_a_box_whose_class_says_hidden_is_a_trap_although_its_style_sheet_is_gone(classes: str) -> None:
    made = contact_form(box("nickname2", classes=classes))
    assert mapping.label(made, page(made))["nickname2"] == "honeypot"
    every = form(*(box(name, name, classes=classes) for name in ("name", "email")), area("m", classes=classes), send())
    assert "honeypot" not in mapping.label(every, page(every)).values()


def test_every_key_that_is_not_of_type_hidden_has_a_label() -> None:
    made = contact_form(tick("x"), choice("y"), box("z", type="file"))
    assert set(mapping.label(made, page(made))) == {one.key for one in made.controls}
