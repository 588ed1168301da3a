"""Which form is which, and which one is written into."""

from __future__ import annotations

import pytest

from probes.web.choose import choose
from probes.web.snapshot import NO_FORM, Form, Mark
from tests.probes.pages import area, box, choice, contact_form, form, hidden, page, send, tick


def kind(made: Form, language: str = "en", title: str = "") -> str:
    return choose(page(made, language=language, title=title)).forms[0].type


def login(index: int = 0) -> Form:
    return form(box("user", "User name"), box("pass", "Password", type="password"), send("Log in"), index=index)


def newsletter(index: int = 0) -> Form:
    return form(box("email", "E-mail", type="email"), send("Subscribe"), index=index, before="Newsletter")


def search(index: int = 0) -> Form:
    return form(box("q", type="search"), send("Search"), index=index, role="search")


def order(index: int = 0) -> Form:
    return form(
        box("first", "First name"), box("last", "Last name"), box("email", "E-mail"), box("street", "Street"),
        box("zip", "ZIP code"), box("city", "City"), box("cc", "Card number", autocomplete="cc-number"),
        area("notes", "Order notes"), send("Place order"), index=index, before="Billing address",
    )  # fmt: skip


def registration(index: int = 0) -> Form:
    return form(
        box("name", "Name"), box("email", "E-mail"), box("p1", "Password", type="password"),
        box("p2", "Repeat password", type="password"), send("Create account"), index=index,
    )  # fmt: skip


def recovery(index: int = 0) -> Form:
    return form(box("email", "E-mail"), send("Reset password"), index=index, before="Forgot your password?")


def comment(index: int = 0) -> Form:
    return form(
        area("comment", "Comment"), box("author", "Name"), box("email", "Email"), box("url", "Website"),
        hidden("comment_post_ID"), send("Post Comment"), index=index, heading="Leave a Reply", id="commentform",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (contact_form(), "contact"), (login(), "login"), (newsletter(), "newsletter"), (search(), "search"),
        (order(), "order"), (registration(), "registration"), (recovery(), "password_recovery"), (comment(), "comment"),
        (form(choice("c", "Currency", "EUR", "USD"), send("Convert")), "other"),
    ],
)  # fmt: skip
def test_every_type_is_told(made: Form, expected: str) -> None:
    assert kind(made) == expected


@pytest.mark.parametrize(
    ("language", "user", "password", "button"),
    [
        ("de", "Benutzername", "Passwort", "Anmelden"), ("fr", "Identifiant", "Mot de passe", "Se connecter"),
        ("vi", "Tên đăng nhập", "Mật khẩu", "Đăng nhập"), ("zh", "用户名", "密码", "登录"),
        ("ru", "Логин", "Пароль", "Войти"), ("ja", "ユーザー名", "パスワード", "ログイン"), ("pl", "Login", "Hasło",
        "Zaloguj się"),
    ],
)  # fmt: skip
def test_a_log_in_is_told_in_any_language(language: str, user: str, password: str, button: str) -> None:
    assert kind(form(box("a", user), box("b", password, type="password"), send(button)), language) == "login"


@pytest.mark.parametrize(
    ("language", "name", "email", "message", "button"),
    [
        ("fr", "Votre nom", "Votre courriel", "Votre message", "Envoyer"), ("de", "Name", "E-Mail", "Nachricht",
        "Senden"),
        ("vi", "Họ và tên", "Email", "Nội dung", "Gửi"), ("zh", "姓名", "邮箱", "留言内容", "提交"),
        ("es", "Nombre", "Correo", "Mensaje", "Enviar"), ("it", "Nome", "E-mail", "Messaggio", "Invia"),
        ("pt", "Nome", "E-mail", "Mensagem", "Enviar"), ("ja", "お名前", "メールアドレス", "お問い合わせ内容",
        "送信する"),
        ("ru", "Имя", "Почта", "Сообщение", "Отправить"), ("pl", "Imię i nazwisko", "E-mail", "Wiadomość", "Wyślij"),
        ("nl", "Naam", "E-mail", "Bericht", "Verzenden"),
    ],
)  # fmt: skip
def test_a_contact_form_is_told_in_any_language(
    language: str, name: str, email: str, message: str, button: str
) -> None:
    made = form(box("f1", name), box("f2", email), area("f3", message), send(button))
    found = choose(page(made, language=language))
    assert (found.forms[0].type, found.chosen) == ("contact", 0)


@pytest.mark.parametrize(
    ("language", "heading", "button"),
    [
        ("fr", "Laisser un commentaire", "Publier le commentaire"), ("de", "Schreibe einen Kommentar",
        "Kommentar abschicken"),
        ("vi", "Để lại một bình luận", "Gửi bình luận"), ("zh", "发表评论", "提交评论"), ("ja", "コメントを残す",
        "コメントを送信"),
        ("ru", "Добавить комментарий", "Отправить комментарий"), ("es", "Deja una respuesta", "Publicar el comentario"),
    ],
)  # fmt: skip
def test_a_comment_form_is_never_written_into(language: str, heading: str, button: str) -> None:
    made = form(
        area("comment", "Text"), box("author", "Name"), box("email", "E-mail"), box("url", "URL"), send(button),
        heading=heading,
    )  # fmt: skip
    assert choose(page(made, language=language)).chosen is None


def test_the_contact_form_is_chosen_among_all_the_others() -> None:
    found = choose(
        page(
            search(0),
            login(1),
            newsletter(2),
            registration(3),
            order(4),
            recovery(5),
            comment(6),
            contact_form(index=7),
        )
    )
    assert found.chosen == 7
    assert [one.type for one in found.forms] == [
        "search", "login", "newsletter", "registration", "order", "password_recovery", "comment", "contact",
    ]  # fmt: skip


@pytest.mark.parametrize("made", [search(), login(), newsletter(), registration(), order(), recovery(), comment()])
def test_nothing_is_chosen_where_there_is_no_contact_form(made: Form) -> None:
    found = choose(page(made, title="Contact us", headings=("Contact us",)))
    assert found.chosen is None
    assert "contact form" in found.reasons[0]


def test_a_form_with_a_password_or_a_card_is_never_a_contact_form() -> None:
    for extra in (box("p", "Password", type="password"), box("c", "Card", autocomplete="cc-number")):
        made = contact_form(extra, heading="Contact us", action="/contact")
        assert choose(page(made)).chosen is None


def test_a_message_alone_is_too_little_to_be_believed() -> None:
    assert choose(page(form(area("m", "Message"), send("Send"), heading="Contact us"))).chosen is None
    assert choose(page(form(area("m", "Message"), box("e", "E-mail"), send("Send")))).chosen == 0


def test_a_form_that_can_be_seen_is_preferred() -> None:
    unseen = contact_form(index=0, visible=False, heading="Contact us", id="contact-form")
    assert choose(page(unseen, contact_form(index=1))).chosen == 1
    assert choose(page(unseen)).chosen == 0


def test_controls_outside_any_form_can_be_the_contact_form() -> None:
    loose = contact_form(index=NO_FORM, tagged=False)
    assert choose(page(search(0), loose)).chosen == NO_FORM


def test_telling_a_friend_is_not_writing_to_the_firm() -> None:
    made = form(
        box("your_name", "Your name"), box("friend_email", "Your friend's e-mail"), area("m", "Message"), send("Send"),
        heading="Tell a friend",
    )  # fmt: skip
    assert choose(page(made)).chosen is None


def test_a_review_of_a_product_is_a_comment() -> None:
    made = form(
        choice("rating", "Your rating", "1", "2", "3"), area("review", "Your review"), box("name", "Name"),
        box("email", "E-mail"), tick("save", "Save my name for the next time I comment"), send("Submit review"),
        heading="Add a review",
    )  # fmt: skip
    assert choose(page(made)).chosen is None


def test_reasons_say_what_was_seen() -> None:
    found = choose(page(contact_form(heading="Contact us")))
    assert any("it asks for a message" in one for one in found.forms[0].reasons)
    assert any("contact us" in one for one in found.forms[0].reasons)


def test_a_page_without_forms_has_none() -> None:
    found = choose(page())
    assert (found.forms, found.chosen, found.reasons) == ((), None, ("the page has no form",))


def test_of_two_like_forms_the_one_without_a_captcha_is_chosen_and_a_much_surer_one_before_both() -> None:
    box_to_tick = (Mark(tag="div", classes="g-recaptcha", sitekey="k"),)
    guarded = contact_form(index=0, marks=box_to_tick)
    assert choose(page(guarded, contact_form(index=1))).chosen == 1
    surer = contact_form(index=0, marks=box_to_tick, heading="Contact us", id="contact-form", action="/contact")
    assert choose(page(surer, contact_form(index=1))).chosen == 0


def test_a_contact_form_that_its_scripts_did_not_build_is_named() -> None:
    empty = form(hidden("token"), id="contactForm", action="/kontakt")
    found = choose(page(empty, login(1)))
    assert found.chosen == 0
    assert "did not build" in found.reasons[0]
    assert choose(page(form(hidden("token"), id="f2", action="/x"))).chosen is None


def test_what_one_form_says_of_itself_outweighs_what_it_asks_for() -> None:
    said = {"Create an account": "/register", "Suggest a site": "/contact/send", "Place your order": "/order"}
    for heading, action in said.items():
        made = contact_form(index=0, action=action, heading=heading)
        assert choose(page(made)).chosen is None, heading


def test_a_message_of_one_line_needs_more_beside_it() -> None:
    assert choose(page(form(box("text", "Text"), box("name", "Name"), send("Go")))).chosen is None
    lines = (box("q1", "Your question"), box("name", "Your name"), box("email", "E-mail"))
    assert choose(page(form(*lines, send("Send"), heading="Contact us"))).chosen == 0


def test_what_asks_for_a_friends_address_is_not_for_the_firm_whatever_it_is_called() -> None:
    made = form(box("name", "Name"), box("email", "E-mail"), box("friend_email", "To"), area("m", "Text"), send("Send"))
    assert choose(page(made)).forms[0].type != "contact"


@pytest.mark.parametrize(
    "made",
    [
        form(box("n", "Name"), box("e", "E-mail"), area("m", "About you"), box("resume",
        "Resume", type="file"), send("Submit")),
        form(box("n", "Name"), box("e", "E-Mail"), area("m", "Text"), box("f",
        "Lebenslauf", type="file"), send("Senden")),
        form(area("m", "Your review"), box("n", "Name"), box("e", "E-mail"), choice("r", "Rating", "1",
        "5"), send("Submit")),
        form(box("subject", "Subject"), area("m", "Message"), box("n",
        "Name"), send("Post reply"), heading="Post a reply"),
        form(box("n", "Name"), box("e", "E-mail"), area("q",
        "What did you like?"), send("Submit"), heading="Our survey"),
        form(box("n", "Name"), box("e", "Email"), box("d", type="date"), area("w",
        "Wishes"), send("Book now"), heading="Reserve"),
        form(box("n", "Name"), box("e", "Email"), area("d",
        "Diet"), send("Register"), heading="Register for the event"),
    ],
)  # fmt: skip
def test_what_else_asks_for_a_name_an_address_and_a_text_is_no_contact_form(made: Form) -> None:
    assert choose(page(made, title="Contact us")).chosen is None
