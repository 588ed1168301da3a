"""Person or machine, and which machine: for each kind what is of it, and what only looks like it. Our own sentences."""

from __future__ import annotations

import pytest

from monitor.classify.decide import RULES, classify
from monitor.facts import Verdict
from probes.mail.mime import parse
from tests.monitor.letters import letter

AUTO = {"auto_submitted": "auto-replied"}
ACK = "We have received your message and will get back to you as soon as possible. Your ticket number is 4711."


def verdict(text: str, subject: str = "Re: City bike repair", **headers: str) -> Verdict:
    return classify(letter(text, subject, **headers))


def kind(text: str, subject: str = "Re: City bike repair", **headers: str) -> str:
    found = verdict(text, subject, **headers)
    assert found.reasons
    assert found.rules == RULES
    return found.kind


# --------------------------------------------------------------------------------------------- acknowledgements
@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (ACK, "Your enquiry"),
        (
            "Thank you for contacting Velo Nord. Your request has been received; one of us will reply within 2 days.",
            "x",
        ),
        ("Nous avons bien reçu votre message et vous répondrons dans les meilleurs délais.", "Votre message"),
        ("Merci de nous avoir contactés. Votre demande a bien été enregistrée sous le numéro 12.", "Confirmation"),
        ("Chúng tôi đã nhận được email của bạn và sẽ phản hồi trong thời gian sớm nhất.", "Velo Nord"),
        ("Cảm ơn quý khách đã liên hệ. Yêu cầu đã được tiếp nhận, mã yêu cầu 12.", "Velo Nord"),
        ("感谢您的来信。我们已收到您的邮件，将尽快回复您。", "您好"),
        ("您好，您的咨询已受理，工单号 12，客服人员会尽快与您联系。", "受理"),
        ("感謝您的來信，我們已收到您的詢問，將儘快回覆。", "您好"),
        ("Hemos recibido su mensaje. Nos pondremos en contacto con usted lo antes posible.", "Su consulta"),
        ("Vielen Dank für Ihre Anfrage. Sie ist bei uns eingegangen, wir melden uns schnellstmöglich.", "Ihre Anfrage"),
        ("Ihre Nachricht haben wir erhalten. Ihre Ticketnummer lautet 12.", "Velo Nord"),
    ],
)
def test_an_acknowledgement_is_known_by_its_text_alone(text: str, subject: str) -> None:
    found = verdict(text, subject)
    assert (found.kind, found.automated) == ("auto_acknowledgement", True)


@pytest.mark.parametrize(
    "text",
    [
        "We have received your message.",
        "Votre message a bien été reçu.",
        "您的来信已收到。",
        "Hemos recibido su correo.",
        "Chúng tôi đã nhận được thư.",
    ],
)
def test_with_a_header_one_phrase_is_enough_for_an_acknowledgement(text: str) -> None:
    assert kind(text, "Hello", **AUTO) == "auto_acknowledgement"


@pytest.mark.parametrize(
    "text",
    [
        "We have received your message. The gears cost 49 euros and it takes two days. Shall I book Friday? Jo",
        "We have received your message. I will ask our mechanic and get back to you as soon as possible. Jo",
        "We have received your photo. The repair costs 49 euros; we will be in touch when it is done. Jo",
        "Thank you for your email. I looked at your photo, the chain must be replaced. I can do it on Friday. Jo",
        "Thanks for getting in touch! I have to ask our mechanic first, I'll get back to you. Jo",
        "Merci pour votre message. Je peux réparer votre vélo vendredi, cela coûte 49 €. Jo",
        "Vielen Dank für Ihre Anfrage. Ich habe Ihnen einen Termin am Freitag reserviert. Jo",
        "感谢您的来信。我查了一下，周五可以修，费用49元。",
    ],
)
def test_a_person_who_thanks_first_is_no_acknowledgement(text: str) -> None:
    found = verdict(text)
    assert (found.kind, found.automated) == ("human", False)


# --------------------------------------------------------------------------------------------- out of office
@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("I am out of the office until Monday. For urgent matters call my colleague.", "Re: City bike"),
        ("I'm on annual leave and will be back on 4 May. Your mail is not forwarded.", "Out of office"),
        ("Je suis actuellement en congé, de retour le 4 mai. En cas d'urgence appelez le magasin.", "Absence"),
        (
            "Ich bin derzeit nicht im Büro und ab 4. Mai wieder erreichbar. In dringenden Fällen rufen Sie an.",
            "Abwesenheit",
        ),
        ("Estoy de vacaciones hasta el 4 de mayo. En mi ausencia escriba a la tienda.", "Fuera de la oficina"),
        ("Tôi đang nghỉ phép đến hết ngày 4/5. Nếu có việc gấp vui lòng liên hệ cửa hàng.", "Vắng mặt"),
        ("我正在休假，5月4日返回办公室。如有急事请致电商店。", "外出"),
        ("Our office is closed for the holidays until 2 January. We will reply when we are back.", "Closed"),
    ],
)
def test_an_absence_notice_is_known_by_its_text_alone(text: str, subject: str) -> None:
    found = verdict(text, subject)
    assert (found.kind, found.automated) == ("out_of_office", True)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry for the late answer, I was on holiday last week. Yes, we can do it on Friday for 49 euros.",
        "Yes, gladly. Come before Friday, because we are closed for the holidays after that. Shall I book you in?",
        "Bring the bike on Tuesday. I can look at the gears at once, Tom is on vacation but I know them too. "
        "It takes an hour, and if parts are missing I order them. I will be out of the office on Wednesday.",
        "Oui, venez vendredi. Notre mécanicien est de retour le 4 mai, il regardera votre vélo pour 49 €.",
    ],
)
def test_a_person_who_speaks_of_holidays_is_not_absent(text: str) -> None:
    found = verdict(text)
    assert (found.kind, found.automated) == ("human", False)


# --------------------------------------------------------------------------------------------- other automatic answers
@pytest.mark.parametrize(
    ("text", "subject", "headers"),
    [
        ("Hello.", "Your mail", AUTO),
        ("Hello.", "Your mail", {"x_autoreply": "yes"}),
        ("Hello.", "Your mail", {"precedence": "auto_reply"}),
        ("Hello.", "Automatic reply: City bike", {}),
        ("Bonjour.", "Réponse automatique : vélo", {}),
        ("您好。", "自动回复: 自行车", {}),
        ("Hola.", "Respuesta automática: bici", {}),
        ("Jo Miller no longer works for Velo Nord.", "Re: City bike", {}),
        ("This mailbox is not monitored. Use our form.", "Re: City bike", {}),
        ("Cette adresse n'est plus utilisée, merci d'écrire au magasin.", "Re: vélo", {}),
        ("此邮箱无人值守，请勿回复。", "您好", {}),
        ("This is an automatic message from our system.", "Notice", {}),
    ],
)
def test_an_automatic_answer_is_known(text: str, subject: str, headers: dict[str, str]) -> None:
    found = verdict(text, subject, **headers)
    assert (found.kind, found.automated) == ("auto_reply", True)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Tom no longer works here, but I can help you: 49 euros, on Friday.", {}),
        ("I got an automatic reply from you, was that meant for me?", {}),
        ("Sure, I can do that.", {"auto_submitted": "no"}),
        ("Sure, I can do that.", {"x_auto_response_suppress": "All"}),
        ("Sure, I can do that on Friday.", {"precedence": "bulk"}),
        ("Our old mailbox is no longer in use, so I only saw your mail now. Yes, 49 euros.", {}),
    ],
)
def test_signs_that_decide_nothing_alone_make_no_machine(text: str, headers: dict[str, str]) -> None:
    found = verdict(text, **headers)
    assert (found.kind, found.automated) == ("human", False)


def test_a_help_desk_s_header_on_a_person_s_answer_waits_for_an_eye() -> None:
    found = verdict(
        "I checked it for you: yes, on Friday. I can book it.", auto_submitted="auto-generated", in_reply_to="<a@b.c>"
    )
    assert (found.kind, found.automated) == ("unclear", None)


# --------------------------------------------------------------------------------------------- bots
@pytest.mark.parametrize(
    "text",
    [
        "I'm a virtual assistant. Our shop opens at nine.",
        "Hello, I am an AI assistant of Velo Nord and happy to help.",
        "This reply was generated by AI. We repair all city bikes.",
        "Bonjour, je suis un assistant virtuel et je réponds à vos questions.",
        "Ich bin ein Chatbot und beantworte Ihre Fragen.",
        "Hola, soy un asistente virtual de la tienda.",
        "Xin chào, tôi là trợ lý ảo của cửa hàng.",
        "您好，我是智能客服，很高兴为您服务。",
    ],
)
def test_a_bot_that_says_so_is_a_bot(text: str) -> None:
    found = verdict(text)
    assert (found.kind, found.automated) == ("bot", True)


@pytest.mark.parametrize(
    "text",
    [
        "I am an assistant in the workshop, and I can do it on Friday.",
        "We have no chatbot here, I am a real person. Yes, on Friday.",
        "I am a virtual reality fan, but about bikes: yes, 49 euros.",
        "Je suis assistante au magasin, je vous réserve vendredi.",
    ],
)
def test_a_person_who_assists_is_no_bot(text: str) -> None:
    assert kind(text) == "human"


# --------------------------------------------------------------------------------------------- challenges
@pytest.mark.parametrize(
    ("text", "subject", "headers"),
    [
        (
            "Please click this link once to confirm that you are human, then your mail is delivered.",
            "Please verify yourself",
            {},
        ),
        ("Your message is being held. Prove that you are a person by the link below.", "Re: City bike", AUTO),
        ("Before your message can be delivered, verify you are human. This is a one-time confirmation.", "Held", {}),
        ("Jo uses a guest list. Confirm you are human and I add you to the whitelist.", "Confirmation required", {}),
        ("Votre message est en attente. Veuillez confirmer que vous êtes un humain.", "Confirmation requise", {}),
        ("您的邮件已被暂存，请点击链接证明您是真人。", "发件人验证", {}),
    ],
)
def test_a_challenge_is_known(text: str, subject: str, headers: dict[str, str]) -> None:
    found = verdict(text, subject, **headers)
    assert (found.kind, found.automated) == ("challenge", True)


@pytest.mark.parametrize(
    "text",
    [
        "I put you on our whitelist, so your mails arrive now. Yes, 49 euros.",
        "Your challenge with the gears is the cable, I can replace it on Friday.",
        "Please confirm your appointment on Friday. I keep the place free for you.",
    ],
)
def test_a_person_s_request_is_no_challenge(text: str) -> None:
    assert kind(text, in_reply_to="<enquiry-1@inbox.example>") == "human"


# --------------------------------------------------------------------------------------------- receipts and complaints
def notification(disposition: str, subject: str = "Read: City bike", extra: str = "") -> bytes:
    return (
        f"From: jo@velo-nord.example\nTo: anna.b@inbox.example\nSubject: {subject}\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=q\n\n--q\n"
        f"Content-Type: text/plain\n\nSeen.\n--q\nContent-Type: message/disposition-notification\n\n"
        f"Final-Recipient: rfc822; info@velo-nord.example\nOriginal-Message-ID: <enquiry-1@inbox.example>\n"
        f"Disposition: {disposition}\n{extra}\n--q--\n"
    ).encode()


@pytest.mark.parametrize(
    "disposition",
    [
        "manual-action/MDN-sent-manually; displayed",
        "automatic-action/MDN-sent-automatically; displayed",
        "x; deleted",
        "x; dispatched",
        "x; denied",
    ],
)
def test_a_read_receipt_is_known_and_names_our_mail(disposition: str) -> None:
    found = classify(parse(notification(disposition)))
    assert (found.kind, found.automated, found.original_message_id) == ("read_receipt", True, "enquiry-1@inbox.example")


@pytest.mark.parametrize(
    "text", ["I read your mail: yes, on Friday.", "Read our page, I wrote it all there.", "Seen. I call you."]
)
def test_who_says_that_he_read_it_gives_no_receipt(text: str) -> None:
    assert kind(text, "Re: Read: City bike") == "human"


def complaint(kind: str) -> bytes:
    return (
        f"From: fbl@provider.example\nTo: anna.b@inbox.example\nSubject: Report\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=q\n\n"
        "--q\nContent-Type: text/plain\n\nA report.\n"
        f"--q\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n"
        "Original-Rcpt-To: <info@velo-nord.example>\n\n"
        "--q\nContent-Type: message/rfc822\n\n"
        "Message-ID: <enquiry-1@inbox.example>\nSubject: City bike\n\nHello\n--q--\n"
    ).encode()


@pytest.mark.parametrize("feedback", ["abuse", "fraud", "virus", "not-spam", "other"])
def test_a_complaint_is_known(feedback: str) -> None:
    found = classify(parse(complaint(feedback)))
    assert (found.kind, found.automated) == ("complaint_report", True)
    assert (found.bounced_recipient, found.original_message_id) == ("info@velo-nord.example", "enquiry-1@inbox.example")


@pytest.mark.parametrize(
    "text", ["I complain about your mail.", "This is abuse of our address!", "Your feedback report, please? I need it."]
)
def test_a_person_who_complains_sends_no_complaint_report(text: str) -> None:
    assert kind(text) in {"human", "unclear"}


# --------------------------------------------------------------------------------------------- opt-out
@pytest.mark.parametrize(
    "text",
    [
        "Please remove me from your list.",
        "Do not contact us again.",
        "Please stop emailing our shop, we have no time for this.",
        "Merci de ne plus nous contacter.",
        "Bitte löschen Sie unsere Daten und kontaktieren Sie uns nicht.",
        "No nos escriban más, por favor.",
        "Xin đừng gửi email cho chúng tôi nữa.",
        "请不要再联系我们。",
    ],
)
def test_a_request_to_stop_is_heard(text: str) -> None:
    found = verdict(text)
    assert (found.kind, found.automated) == ("opt_out", False)


@pytest.mark.parametrize(
    "text",
    [
        "You can contact us again at any time, I am here until six.",
        "I will remove the wheel and send you a photo.",
        "Stop by on Friday, I have time then.",
        "Vous pouvez nous contacter vendredi, je suis là.",
        "Yes.\n\n> Please remove me from your list.\n",
    ],
)
def test_a_friendly_answer_is_no_request_to_stop(text: str) -> None:
    assert kind(text) == "human"


STOPS = {
    "en": ("Please stop.", "Please, stop!\n\nRegards,\nBob", "Stop sending us emails.", "Leave us alone."),
    "de": ("Bitte hören Sie auf!", "Bitte lassen Sie uns in Ruhe.", "Wir wünschen keinen weiteren Kontakt."),
    "fr": ("Veuillez arrêter.", "Arrêtez de nous écrire.", "Merci de ne plus nous solliciter."),
    "vi": ("Vui lòng dừng lại.", "Xin ngừng gửi thư cho chúng tôi."),
    "zh": ("请停止。", "退订", "请别再给我们发邮件。"),
    "zh-tw": ("請停止。", "請不要再聯絡我們。"),
    "es": ("Por favor, basta.", "No queremos recibir más mensajes."),
    "it": ("Per favore, smettetela.", "Vi preghiamo di non scrivere: non contattateci più.", "Smettete di scriverci."),
    "pt": ("Por favor, parem.", "Não nos contactem mais.", "Parem de enviar mensagens."),
    "nl": ("Graag stoppen.", "Neem geen contact meer met ons op.", "Mail ons niet meer."),
    "pl": ("Proszę przestać.", "Proszę się z nami nie kontaktować.", "Proszę usunąć nasze dane."),
    "ru": ("Пожалуйста, прекратите.", "Больше не пишите нам.", "Удалите наши данные."),
    "ja": ("やめてください。", "今後連絡しないでください。", "配信停止をお願いします。"),
    "ko": ("그만하세요.", "더 이상 연락하지 마세요."),
}


@pytest.mark.parametrize("text", [text for several in STOPS.values() for text in several])
def test_please_stop_is_heard_in_many_languages(text: str) -> None:
    assert kind(text) == "opt_out"


@pytest.mark.parametrize(
    "text",
    [
        "Please stop by on Friday, I am here until six.",
        "Please stop the delivery, I will pick it up myself.",
        "We stop at six. I can show you the bike before.",
        "Stop! I have a better idea for you: bring it on Friday.",
        "The bus stop is next door, please stop at the red house.",
        "I will ask them to stop it.",
        "Bitte hören Sie auf die Ansage am Telefon, ich rufe zurück.",
        "Arrêtez-vous au magasin vendredi, je suis là.",
        "Por favor, pare el coche delante de la tienda, yo salgo.",
        "Con questo basta, La aspetto venerdì.",
        "Basta un messaggio e Le rispondo subito.",
        "Pare em frente à loja, eu espero aqui.",
        "Neem contact met ons op, dan help ik u meer.",
        "Proszę przestać się martwić, odpiszę jutro.",
        "Прекратите волноваться, я отвечу завтра.",
        "我们下午六点停止营业，我等你。",
        "Xin dừng lại ở cửa hàng, tôi chờ anh.",
        "No.\n\n> Please stop.\n",
    ],
)
def test_to_stop_somewhere_or_something_is_no_request_to_be_left_alone(text: str) -> None:
    assert kind(text) != "opt_out"


# --------------------------------------------------------------------------------------------- marketing
LINKS = " ".join(f"https://shop.example/{n}" for n in range(6))


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Spring sale! All bikes 20 % off.", {"list_unsubscribe": "<mailto:u@shop.example>"}),
        ("Our newsletter for May. Unsubscribe here.", {"precedence": "bulk"}),
        (f"New bikes. {LINKS} You are receiving this email because you subscribed. Unsubscribe.", {}),
        (f"Nouveautés. {LINKS} Pour vous désabonner, cliquez ici.", {}),
        (f"新品上市 {LINKS} 如不希望收到，请退订。", {}),
    ],
)
def test_bulk_mail_that_answers_nothing_is_marketing(text: str, headers: dict[str, str]) -> None:
    found = verdict(text, "Spring sale", **headers)
    assert (found.kind, found.automated) == ("marketing", None)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Yes, I can do it on Friday.", {"list_unsubscribe": "<mailto:u@desk.example>"}),
        ("Yes, 49 euros. I wrote about it in our newsletter too, unsubscribe if it bores you.", {}),
        ("Yes.\n\nOn 1 Dec 2026 Anna wrote:\n> newsletter, unsubscribe, view in browser\n", {"precedence": "bulk"}),
    ],
)
def test_an_answer_sent_through_a_mailing_tool_is_no_marketing(text: str, headers: dict[str, str]) -> None:
    assert kind(text, **headers) == "human"


# --------------------------------------------------------------------------------------------- people
@pytest.mark.parametrize(
    ("text", "subject", "headers"),
    [
        ("Yes.", "Re: City bike repair", {}),
        ("Yes, on Friday.\n\nOn 1 Dec 2026 Anna wrote:\n> Do you repair?\n", "City bike", {}),
        ("Could you send me a photo of the gears?", "Your bike", {}),
        ("The repair costs 49 euros and takes a day. Kind regards\nJo Miller", "Your bike", {}),
        ("Oui, je peux le faire vendredi.", "Vélo", {"x_mailer": "Apple Mail (2.3)"}),
        ("Vâng, tôi có thể sửa vào thứ Sáu, giá 300.000 đồng.", "Trả lời: xe đạp", {}),
        ("您好，周五可以修，我这边收费49元。", "回复：自行车", {}),
        ("Sí, puedo hacerlo el viernes, cuesta 49 €.", "RE: bici", {}),
        ("Ja, das mache ich gerne am Freitag für 49 €.", "AW: Rad", {}),
    ],
)
def test_a_person_is_a_person(text: str, subject: str, headers: dict[str, str]) -> None:
    found = verdict(text, subject, **headers)
    assert (found.kind, found.automated) == ("human", False)
    assert found.new_text


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", "City bike"),
        ("Velo Nord, Hauptstr. 1", "City bike"),
        ("Seaso, kruba mel dofi tarun.", "Kruba"),
        ("Your request was passed on to the workshop.", "City bike"),
    ],
)
def test_what_nothing_speaks_for_stays_unclear(text: str, subject: str) -> None:
    found = verdict(text, subject, in_reply_to="<enquiry-1@inbox.example>")
    assert (found.kind, found.automated) == ("unclear", None)


@pytest.mark.parametrize("body", ["image/png", "application/ms-tnef", "application/pkcs7-mime", "text/calendar"])
def test_a_mail_without_readable_text_is_unclear_and_says_what_it_holds(body: str) -> None:
    found = classify(parse(f"From: a@b.example\nSubject: Re: x\nContent-Type: {body}\n\nAAAA\n".encode()))
    assert found.kind == "unclear"
    assert "text" in found.reasons[0]


def test_a_sender_that_takes_no_answer_is_noticed() -> None:
    assert verdict(ACK, "x", from_="No Reply <no-reply@velo-nord.example>").noreply_sender
    assert verdict("Hello. Please do not reply to this email.", "x", **AUTO).noreply_sender
    assert not verdict("Yes.", from_="noreen@velo-nord.example").noreply_sender
    assert not verdict("Yes.", from_="no-reply@desk.example", reply_to="jo@velo-nord.example").noreply_sender


def test_mail_from_a_program_s_address_is_no_person_s() -> None:
    assert verdict("Hello you.", "Re: x", from_="notifications@desk.example").automated is True


def test_only_the_new_text_is_judged() -> None:
    quoted = f"Yes, on Friday.\n\nOn 1 Dec 2026 Velo Nord wrote:\n> {ACK}\n> This is an automated message.\n"
    assert kind(quoted) == "human"


def test_failure_comes_before_success() -> None:
    found = verdict(
        f"{ACK} It could not be delivered: user unknown.",
        "Undeliverable",
        from_="mailer-daemon@x.example",
        return_path="<>",
    )
    assert found.kind == "bounce"


def test_invisible_characters_and_odd_quote_marks_hide_nothing() -> None:
    assert (
        kind("We\u200b have re\u00adceived your\u00a0message. We\u2019ll get back to you.", "x")
        == "auto_acknowledgement"
    )
