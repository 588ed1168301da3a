"""Every kind of captcha is found before a form, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from probes.web.captcha import captcha
from probes.web.snapshot import NO_FORM, Form, Mark
from tests.probes.pages import box, contact_form, form, hidden, page, send

SITE_KEY = "0x4AAAAAAABBBBBBB"


def div(classes: str, **more: str) -> Mark:
    return Mark(tag="div", classes=classes, sitekey=more.pop("sitekey", SITE_KEY), **more)  # type: ignore[arg-type]


def script(source: str) -> Mark:
    return Mark(tag="script", source=source)


def of(made: Form, *marks: Mark) -> str | None:
    return captcha(page(made, marks=(*made.marks, *marks)), made)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        (div("g-recaptcha"), "recaptcha_v2"),
        (div("g-recaptcha", data="data-size=invisible"), "recaptcha_v2"),
        (div("h-captcha"), "hcaptcha"),
        (div("cf-turnstile"), "turnstile"),
        (div("frc-captcha"), "friendlycaptcha"),
        (Mark(tag="altcha-widget"), "altcha"),
        (div("mtcaptcha"), "mtcaptcha"),
        (Mark(tag="div", id="geetest-box", classes="geetest_holder"), "geetest"),
        (Mark(tag="iframe", source="https://www.google.com/recaptcha/api2/anchor?k=1"), "recaptcha_v2"),
        (Mark(tag="iframe", source="https://newassets.hcaptcha.com/captcha/v1/x"), "hcaptcha"),
        (Mark(tag="iframe", source="https://challenges.cloudflare.com/turnstile/v0/x"), "turnstile"),
        (Mark(tag="img", source="/securimage/show.php", alt=""), "image"),
        (Mark(tag="img", source="/lib/captcha.png?sid=1"), "image"),
        (Mark(tag="div", classes="my-own-captcha"), "other"),
    ],
)
def test_a_mark_in_the_form_tells_the_kind(mark: Mark, expected: str) -> None:
    assert of(contact_form(marks=(mark,))) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("g-recaptcha-response", "recaptcha_v2"), ("h-captcha-response", "hcaptcha"), ("cf-turnstile-response",
        "turnstile"),
        ("frc-captcha-solution", "friendlycaptcha"), ("altcha", "altcha"), ("mtcaptcha-verifiedtoken", "mtcaptcha"),
        ("geetest_challenge", "geetest"), ("_wpcf7_recaptcha_response", "recaptcha_v2"),
    ],
)  # fmt: skip
def test_the_hidden_field_for_the_answer_tells_the_kind(name: str, expected: str) -> None:
    assert of(contact_form(hidden(name))) == expected


def test_a_script_that_scores_visitors_is_bound_to_the_form() -> None:
    scoring = script("https://www.google.com/recaptcha/api.js?render=6LcAAAAAAAAAAAAAAAAAA")
    assert of(contact_form(), scoring) == "recaptcha_v3"
    assert of(contact_form(hidden("g-recaptcha-response")), scoring) == "recaptcha_v3"


def test_a_widget_of_another_form_is_not_before_this_one() -> None:
    other = form(box("email", "E-mail"), send("Subscribe"), index=1, marks=(div("g-recaptcha"),))
    made = contact_form()
    both = page(made, other, marks=(*other.marks, script("https://www.google.com/recaptcha/api.js")))
    assert captcha(both, made) is None
    assert captcha(both, other) == "recaptcha_v2"


def test_a_form_without_an_element_of_its_own_has_the_marks_of_the_page() -> None:
    loose = contact_form(index=NO_FORM, tagged=False)
    assert of(loose, div("cf-turnstile")) == "turnstile"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 + 4 =", "arithmetic"), ("What is nine minus two?", "arithmetic"), ("Wieviel ist 5 + 5?", "arithmetic"),
        ("Combien font 3 + 4 ?", "arithmetic"), ("请计算 3+4=", "arithmetic"), ("Сколько будет семь плюс два",
        "arithmetic"),
        ("Type the letters you see in the picture", "letters"), ("Geben Sie den Code ein", "letters"),
        ("Nhập mã bảo vệ", "letters"), ("验证码", "letters"), ("画像の文字", "letters"), ("Przepisz kod", "letters"),
        ("Escriba los caracteres de la imagen", "letters"), ("Digite o código da imagem", "letters"),
        ("Are you human?", "question"), ("What colour is snow? Answer the question", "question"),
    ],
)  # fmt: skip
def test_a_question_in_words_is_a_captcha_of_its_kind(text: str, expected: str) -> None:
    assert of(contact_form(box("f7", text))) == expected


def test_letters_beside_an_image_are_an_image_captcha() -> None:
    made = contact_form(
        box("code", "Security code"), marks=(Mark(tag="img", source="/img/code_image.php", id="captcha"),)
    )
    assert of(made) == "image"


def test_a_box_named_captcha_that_says_nothing_is_one_all_the_same() -> None:
    assert of(contact_form(box("captcha_code"))) == "other"


@pytest.mark.parametrize(
    "mark",
    [
        Mark(tag="img", source="/logo.png", alt="Firm"),
        Mark(tag="iframe", source="https://maps.example/embed"),
        Mark(tag="iframe", source="https://video.example/embed/1"),
        Mark(tag="div", classes="challenge-of-the-week"),
    ],
)
def test_other_images_and_frames_are_none(mark: Mark) -> None:
    assert of(contact_form(marks=(mark,)), mark) is None


def test_a_trap_named_captcha_is_a_trap() -> None:
    made = contact_form(box("captcha", "Leave this field empty", visible=False, hidden_by="display"))
    assert of(made) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Against spam, type the number shown: userconfirm", "other"), ("3 + 4 = answer", "other"),
        ("Opište text z obrázku", "other"), ("https://www.google.com/recaptcha/api/noscript?k=1", "recaptcha"),
        ("Please switch JavaScript on", None), ("", None),
    ],
)  # fmt: skip
def test_what_is_asked_of_those_without_scripts_guards_the_form_all_the_same(text: str, expected: str | None) -> None:
    assert of(contact_form(noscript=text)) == expected
