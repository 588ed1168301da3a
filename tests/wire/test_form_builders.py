"""Forms as the usual builders write them, by hand, in several languages: each control named, in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.web import browser, reading, refusal

pytestmark = pytest.mark.wire

BUILDERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "contact-form-7": (
        "fr",
        '<form class="wpcf7-form init" method=post action="/contact/#wpcf7-f5-p1-o1"><div style="display:none">'
        '<input type=hidden name=_wpcf7 value=5></div><p><label> Votre nom<br><span class="wpcf7-form-control-wrap">'
        '<input name="your-name" class="wpcf7-text" aria-required=true></span></label></p><p><label>Votre e-mail<br>'
        '<input type=email name="your-email"></label></p><p><label>Objet<br><input name="your-subject"></label></p>'
        '<p><label>Votre message<br><textarea name="your-message"></textarea></label></p>'
        "<span><label><input type=checkbox name=acceptance-1 value=1><span>J'accepte la politique de confidentialité"
        '</span></label></span><input type=submit value="Envoyer"></form>',
        {
            "your-name": "name", "your-email": "email", "your-subject": "subject", "your-message": "message",
            "acceptance-1": "consent", "@5": "submit",
        },
    ),
    "wpforms": (
        "en",
        '<style>.x{position:absolute!important;overflow:hidden!important;display:inline!important;left:-9999em}</style>'
        '<form class="wpforms-form" method=post action="/contact/"><div class="wpforms-field-name"><label for=n>Name '
        '<span class="wpforms-required-label">*</span></label><div>'
        '<input id=n name="wpforms[fields][0][first]" required>'
        '<label for=n class=sub>First</label></div><div><input id=l name="wpforms[fields][0][last]" required>'
        '<label for=l class=sub>Last</label></div></div><div class=x><label for=h>Comment or Phone</label>'
        '<input id=h name="wpforms[fields][3]"></div><div><label for=e>Email *</label><input type=email id=e '
        'name="wpforms[fields][1]" required></div><div><label for=m>Comment or Message</label><textarea id=m '
        'name="wpforms[fields][2]"></textarea></div><button type=submit name="wpforms[submit]">Submit</button></form>',
        {
            "wpforms[fields][0][first]": "first_name", "wpforms[fields][0][last]": "last_name",
            "wpforms[fields][3]": "honeypot", "wpforms[fields][1]": "email", "wpforms[fields][2]": "message",
            "wpforms[submit]": "submit",
        },
    ),
    "gravity": (
        "de",
        '<form id="gform_1" method=post action="/kontakt/"><ul><li><label for=i1>Name</label><input id=i1 name=input_1>'
        "<li><label for=i2>E-Mail-Adresse</label><input id=i2 name=input_2><li><label for=i3>Telefon</label>"
        "<input id=i3 name=input_3 type=tel><li><label for=i4>Ihre Nachricht an uns</label>"
        "<textarea id=i4 name=input_4>"
        '</textarea><li style="position:absolute;left:-9000px"><label for=i5>Phone</label><input id=i5 name=input_5>'
        "<div>Dieses Feld dient zur Validierung und sollte nicht verändert werden.</div></ul>"
        "<input type=submit value=Absenden></form>",
        {
            "input_1": "name", "input_2": "email", "input_3": "phone", "input_4": "message", "input_5": "honeypot",
            "@5": "submit",
        },
    ),
    "drupal-webform": (
        "pl",
        '<form class="webform-submission-form" method=post action="/kontakt"><label for=a>Imię i nazwisko</label>'
        "<input id=a name=imie_nazwisko required><label for=b>Adres e-mail</label><input id=b name=adres type=email>"
        "<label for=c>Temat</label><input id=c name=temat><label for=d>Treść wiadomości</label>"
        "<textarea id=d name=tresc>"
        '</textarea><button name=op value="Wyślij">Wyślij</button></form>',
        {"imie_nazwisko": "name", "adres": "email", "temat": "subject", "tresc": "message", "op": "submit"},
    ),
    "typo3-powermail": (
        "nl",
        '<form class="powermail_form" method=post action="/contact"><h3>Contactformulier</h3>'
        '<label for=a>Voornaam *</label>'
        '<input id=a name="tx_powermail_pi1[field][f1]" required><label for=b>Achternaam *</label>'
        '<input id=b name="tx_powermail_pi1[field][f2]" required><label for=c>E-mailadres *</label>'
        '<input id=c name="tx_powermail_pi1[field][f3]" required><label for=d>Uw vraag</label>'
        '<textarea id=d name="tx_powermail_pi1[field][f4]"></textarea><input type=submit value=Verzenden></form>',
        {
            "tx_powermail_pi1[field][f1]": "first_name", "tx_powermail_pi1[field][f2]": "last_name",
            "tx_powermail_pi1[field][f3]": "email", "tx_powermail_pi1[field][f4]": "message", "@4": "submit",
        },
    ),
    "hubspot": (
        "es",
        '<form class="hs-form" method=POST><div class="hs-firstname"><label>Nombre</label><input name=firstname></div>'
        '<div class="hs-lastname"><label>Apellidos</label><input name=lastname></div><div><label>Correo electrónico*'
        '</label><input name=email type=email required></div><div><label>Nombre de la empresa</label>'
        '<input name=company>'
        '</div><div><label>¿En qué podemos ayudarte?</label><textarea name=message></textarea></div>'
        '<input type=submit value="Enviar"></form>',
        {
            "firstname": "first_name", "lastname": "last_name", "email": "email", "company": "company",
            "message": "message", "@5": "submit",
        },
    ),
    "single-page app": (
        "en",
        "<div id=root><div class=css-1><div><input placeholder='Full name'></div><div>"
        "<input placeholder='Work email'></div>"
        "<div><input type=tel placeholder='Phone (optional)'></div><div><textarea placeholder='How can we help?'>"
        "</textarea>"
        "</div><button>Send message</button></div></div>",
        {"@0": "name", "@1": "email", "@2": "phone", "@3": "message", "@4": "submit"},
    ),
    "tables of long ago": (
        "it",
        "<form method=post action=/cgi-bin/formmail.pl><table><tr><td><b>Nome e Cognome:</b><td><input name=realname>"
        "<tr><td>Indirizzo e-mail:<td><input name=from><tr><td>Telefono:<td><input name=t2><tr><td colspan=2>La tua "
        "richiesta:<tr><td colspan=2><textarea name=t3></textarea><tr><td colspan=2><input type=submit value='Invia'>"
        "<input type=reset value='Cancella'></table></form>",
        {"realname": "name", "from": "email", "t2": "phone", "t3": "message", "@4": "submit", "@5": "other"},
    ),
    "vietnamese shop": (
        "vi",
        "<form accept-charset=UTF-8 action=/contact id=contact method=post>"
        "<input name=FormType type=hidden value=contact>"
        "<h3>Gửi tin nhắn cho chúng tôi</h3><input placeholder='Họ tên*' name='contact[Name]' required>"
        "<input placeholder='Email*' name='contact[email]' required type=email><input placeholder='Điện thoại' "
        "name='contact[Phone]' type=number><textarea placeholder='Nhập nội dung*' name='contact[body]' required>"
        "</textarea>"
        "<button type=submit>Gửi liên hệ của bạn</button></form>",
        {
            "contact[Name]": "name", "contact[email]": "email", "contact[Phone]": "phone", "contact[body]": "message",
            "@4": "submit",
        },
    ),
    "chinese firm": (
        "zh-CN",
        "<form action=/guestbook/add method=post><ul><li><span>您的姓名：</span><input name=a1><li>"
        "<span>联系电话：</span>"
        "<input name=a2><li><span>电子邮箱：</span><input name=a3><li><span>留言主题：</span><input name=a4>"
        "<li><span>留言内容：</span><textarea name=a5></textarea></ul><input type=submit value=提交留言></form>",
        {"a1": "name", "a2": "phone", "a3": "email", "a4": "subject", "a5": "message", "@5": "submit"},
    ),
    "japanese firm": (
        "ja",
        "<form action=confirm.php method=post><h2>お問い合わせフォーム</h2><dl><dt>会社名<dd><input name=b1>"
        "<dt>お名前<span>"
        "必須</span><dd><input name=b2><dt>フリガナ<dd><input name=b3><dt>メールアドレス<dd><input name=b4>"
        "<dt>メールアドレス（確認用）<dd><input name=b5><dt>お問い合わせ内容<dd><textarea name=b6></textarea></dl>"
        "<button>確認画面へ</button></form>",
        {
            "b1": "company", "b2": "name", "b3": "other", "b4": "email", "b5": "email", "b6": "message", "@6": "submit",
        },
    ),
    "brazilian firm": (
        "pt-BR",
        "<form method=post action=/fale-conosco><label>Nome<input name=nome></label><label>E-mail<input name=mail>"
        "</label>"
        "<label>Celular<input name=cel></label><label>Assunto<select name=assunto><option value=''>Selecione"
        "<option>Dúvidas<option>Elogios</select></label><label>Mensagem<textarea name=msg></textarea></label>"
        "<button>Enviar mensagem</button></form>",
        {"nome": "name", "mail": "email", "cel": "phone", "assunto": "topic", "msg": "message", "@5": "submit"},
    ),
    "russian firm": (
        "ru",
        "<form method=post action=/feedback><p>Как к Вам обращаться:<br><input name=f1><p>Ваш e-mail:<br>"
        "<input name=f2>"
        "<p>Контактный телефон:<br><input name=f3><p>Текст сообщения:<br><textarea name=f4></textarea>"
        "<p><input type=checkbox name=f5> Я даю согласие на обработку персональных данных<p><button>Отправить"
        "</button></form>",
        {"f1": "name", "f2": "email", "f3": "phone", "f4": "message", "f5": "consent", "@5": "submit"},
    ),
}  # fmt: skip


def test_every_builders_form_is_chosen_and_each_control_named(tmp_path: Path) -> None:
    if browser.find() is None:
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail("no Chromium is installed (Debian: apt-get install chromium)")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    search = "<form role=search><input type=search name=q></form>"
    for name, (language, html, _) in BUILDERS.items():
        path = tmp_path / f"{name}.html"
        path.write_text(
            f"<!doctype html><meta charset=utf-8><html lang={language}><body>{search}{html}", encoding="utf-8"
        )
    said: dict[str, object] = {}
    for one in reading.read([str(tmp_path / f"{name}.html") for name in BUILDERS]):
        assert one.page is not None, one.problem
        found = refusal.inspect(one.page)
        said[Path(one.target).stem] = (found.verdict, dict(found.fields))
    assert said == {name: ("fillable", fields) for name, (_, _, fields) in BUILDERS.items()}
