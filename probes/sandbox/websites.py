"""The web sites of simulated businesses: real pages with real forms behind one HTTP server on loopback.

A site is told by the host that was asked for. What each `kind` of form does stands in FORMS; what a form took is handed
to `taken` with what was typed, by the names of PARTS. Nothing here knows how the product reads or judges a form.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

PARTS = ("name", "mail", "message", "topic")
_LARGEST = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One web site: its host, its name, the kind of its form and the language it is written in."""

    key: str
    host: str
    name: str
    form: str
    language: str = "en"

    @property
    def url(self) -> str:
        """Where its form is; a home page where it has to be looked for."""
        return f"http://{self.host}/" if self.form == "linked" else f"http://{self.host}/contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a form took: the site's key and what was typed, by PARTS."""

    site: str
    typed: Mapping[str, str]


Taken = Callable[[Submission], None]

WORDS = {
    "en": {
        "contact": "Contact us", "name": "Your name", "mail": "Your e-mail address", "message": "Your message",
        "send": "Send message", "thanks": "Thank you! Your message has been sent. We will get back to you soon.",
        "topic": "What is it about?", "consent": "I agree that my data are processed to answer this enquiry",
        "news": "Yes, send me the newsletter with offers",
        "required": "This field is required.", "next": "Next",
        "wrong": "Your message could not be sent: please enter an order number.", "home": "We repair bicycles.",
        "topics": "Buying a bicycle|Repair and service|Complaint|Something else",
    },
    "fr": {
        "contact": "Contactez-nous", "name": "Votre nom", "mail": "Votre adresse e-mail", "message": "Votre message",
        "send": "Envoyer", "thanks": "Merci ! Votre message a bien été envoyé. Nous vous répondrons rapidement.",
        "topic": "Objet de votre demande", "consent": "J'accepte que mes données soient traitées pour y répondre",
        "news": "Je souhaite recevoir la newsletter et les offres", "required": "Ce champ est obligatoire.",
        "next": "Suivant", "wrong": "Votre message n'a pas pu être envoyé : veuillez indiquer un numéro de commande.",
        "home": "Nous réparons les vélos.", "topics": "Achat d'un vélo|Réparation|Réclamation|Autre demande",
    },
    "vi": {
        "contact": "Liên hệ", "name": "Họ và tên", "mail": "Địa chỉ email", "message": "Nội dung tin nhắn",
        "send": "Gửi", "thanks": "Cảm ơn bạn! Tin nhắn đã được gửi thành công.", "topic": "Chủ đề",
        "consent": "Tôi đồng ý để dữ liệu của tôi được xử lý",
        "news": "Nhận bản tin khuyến mãi",
        "required": "Trường này là bắt buộc.", "next": "Tiếp theo",
        "wrong": "Không thể gửi: vui lòng nhập mã đơn hàng.",
        "home": "Chúng tôi sửa xe đạp.", "topics": "Mua xe|Sửa chữa|Khiếu nại|Khác",
    },
    "zh": {
        "contact": "联系我们", "name": "姓名", "mail": "电子邮箱", "message": "留言内容", "send": "提交",
        "thanks": "谢谢！您的留言已提交成功，我们会尽快回复。", "topic": "主题", "consent": "我同意处理我的个人信息",
        "news": "订阅优惠信息", "required": "必填项不能为空。", "next": "下一步", "wrong": "提交失败：请填写订单号。",
        "home": "我们修理自行车。", "topics": "购买自行车|维修服务|投诉|其他",
    },
}  # fmt: skip

_STYLE = "<style>body{font:16px sans-serif;max-width:40em;margin:2em auto}label{display:block;margin:1em 0}</style>"
_FIELDS = (
    '<label>{name}<br><input name="name" required></label><label>{mail}<br><input type="email" name="mail" required>'
    '</label><label>{message}<br><textarea name="message" rows="6" cols="50" required></textarea></label>'
)
_BUTTON = '<button type="submit">{send}</button>'
_PLAIN = '<form method="post" action="/contact">' + _FIELDS + _BUTTON + "</form>"

FORMS: Mapping[str, str] = {
    "plain": _PLAIN,
    "linked": _PLAIN,
    "redirect": '<form method="post" action="/contact?to=done">' + _FIELDS + _BUTTON + "</form>",
    "drops": _PLAIN,
    "robots": _PLAIN,
    "refuses": _PLAIN,
    "marketplace": '<p>One enquiry, three workshops: we pass it on.</p><form method="post" action="/contact">'
    + _FIELDS
    + '<label>{topic}<br><select name="topic" required><option value="">-</option>{options}</select></label>'
    + '<label><input type="checkbox" name="consent" value="yes" required> {consent}</label>'
    + '<label><input type="checkbox" name="news" value="yes"> {news}</label>'
    + _BUTTON
    + "</form>",
    "ajax": '<form id="ask" novalidate>'
    + _FIELDS
    + _BUTTON
    + '</form><script>const form = document.getElementById("ask");'
    'form.addEventListener("submit", async (event) => { event.preventDefault();'
    'const answer = await fetch("/api/contact", { method: "POST", headers: { "Content-Type": "application/json" },'
    "body: JSON.stringify(Object.fromEntries(new FormData(form))) });"
    "const said = await answer.json(); const note = document.createElement('p');"
    "note.setAttribute('role', 'status');"
    "note.textContent = said.message;"
    "if (said.status === 'mail_sent') form.replaceWith(note); else form.after(note); });"
    "</script>",
    "two_step": '<form method="post" action="/contact"><div id="one"><label>{name}<br><input name="name"></label>'
    '<label>{mail}<br><input type="email" name="mail"></label><button type="button" id="go">{next}</button></div>'
    '<div id="two" hidden><label>{message}<br><textarea name="message" rows="6"></textarea></label>'
    + _BUTTON
    + "</div>"
    "</form><script>document.getElementById('go').onclick = () => { document.getElementById('one').hidden = true;"
    "document.getElementById('two').hidden = false; };</script>",
    "iframe": '<iframe src="/frame" width="600" height="700" title="{contact}"></iframe>',
    "honeypot": '<form method="post" action="/contact">'
    '<label class="x1">Website<br><input name="website" autocomplete="off"></label>'
    + _FIELDS
    + '<label class="x1">Phone<br><input type="tel" name="phone2"></label>'
    + _BUTTON
    + "</form><script>const sheet = document.createElement('style');"
    "sheet.textContent = '.' + 'x' + '1{position:absolute;left:-9999px}'; document.head.append(sheet);</script>",
    "captcha": '<form method="post" action="/contact">'
    + _FIELDS
    + '<div class="g-recaptcha" data-sitekey="sandbox" style="width:304px;height:78px">I am not a robot'
    "</div>" + _BUTTON + "</form>",
}
"""The form of each kind; {words} are those of the site's language."""


def as_mail(submission: Submission, site: Site, recipient: str) -> bytes:
    """The mail that the site's form writes to the people behind it."""
    mail = EmailMessage()
    mail["From"] = f"Web form <form@{site.host}>"
    mail["To"] = recipient
    name = " ".join(submission.typed.get("name", "").split())
    mail["Reply-To"] = f'"{name}" <{submission.typed.get("mail", "")}>'
    mail["Subject"] = WORDS[site.language]["contact"]
    mail["Message-ID"] = make_msgid(domain=site.host)
    mail.set_content(submission.typed.get("message", ""))
    return mail.as_bytes(policy=SMTP)


class WebSites:
    """All sites on one port of this machine while the context is open; `taken` is called for what a form took.

    A site of kind `drops` says thanks and drops it; `dropped` counts those. `accepted` is called with a site's key
    whenever it is about to say thanks, whatever becomes of what was typed.
    """

    def __init__(self, sites: Iterable[Site], taken: Taken, *, accepted: Callable[[str], None] | None = None) -> None:
        self.sites = {site.host: site for site in sites}
        self.taken = taken
        self.accepted = accepted
        self.dropped = 0
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> WebSites:
        handler = type("Handler", (_Handler,), {"world": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def take(self, site: Site, typed: Mapping[str, str]) -> bool:
        """What becomes of what was typed; False when the form refuses it."""
        if not (typed.get("message", "").strip() and "@" in typed.get("mail", "")) or site.form == "refuses":
            return False
        if self.accepted is not None:
            self.accepted(site.key)
        trapped = typed.get("website") or typed.get("phone2")
        if site.form == "drops" or trapped:
            self.dropped += 1
        else:
            self.taken(Submission(site=site.key, typed={part: typed[part] for part in PARTS if part in typed}))
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: WebSites

    def do_GET(self) -> None:
        site, path = self._site(), urlsplit(self.path).path
        if site is None:
            return self._say(404, "no such site", "text/plain")
        words = WORDS[site.language]
        if path == "/robots.txt":
            rules = (
                "User-agent: *\nDisallow: /contact\n" if site.form == "robots" else "User-agent: *\nDisallow: /api/\n"
            )
            return self._say(200, rules, "text/plain")
        if path == "/":
            return self._page(site, f'<p>{words["home"]}</p><p><a href="/contact">{words["contact"]}</a></p>')
        if path == "/contact":
            return self._page(site, self._form(site, site.form))
        if path == "/frame":
            return self._page(site, self._form(site, "plain"))
        if path == "/done":
            return self._page(site, f"<p>{words['thanks']}</p>")
        return self._say(404, "not found", "text/plain")

    def do_POST(self) -> None:
        site, path = self._site(), urlsplit(self.path).path
        size = int(self.headers.get("Content-Length") or 0)
        if site is None or size > _LARGEST:
            self.close_connection = True
            return self._say(404, "no such site", "text/plain")
        body = self.rfile.read(size).decode("utf-8", "replace")
        words = WORDS[site.language]
        if path == "/api/contact":
            typed = {key: str(value) for key, value in dict(json.loads(body)).items()}
            good = self.world.take(site, typed)
            said = {
                "status": "mail_sent" if good else "validation_failed",
                "message": words["thanks" if good else "wrong"],
            }
            return self._say(200, json.dumps(said), "application/json")
        typed = {key: values[0] for key, values in parse_qs(body).items()}
        if not self.world.take(site, typed):
            again = self._form(site, site.form).replace(
                "<textarea", f'<p class="error" role="alert">{words["wrong"]}</p><textarea', 1
            )
            return self._page(site, again)
        if "to=done" in self.path:
            self.send_response(303)
            self.send_header("Location", "/done")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._page(site, f"<p>{words['thanks']}</p>")

    def _site(self) -> Site | None:
        return self.world.sites.get((self.headers.get("Host") or "").partition(":")[0].lower())

    def _form(self, site: Site, kind: str) -> str:
        text = FORMS[kind]
        words = dict(WORDS[site.language])
        words["options"] = "".join(f"<option>{escape(one)}</option>" for one in words["topics"].split("|"))
        for key, value in words.items():
            text = text.replace("{" + key + "}", value if key == "options" else escape(value))
        return text

    def _page(self, site: Site, inside: str) -> None:
        title = f"{escape(site.name)} - {WORDS[site.language]['contact']}"
        head = f'<meta charset="utf-8"><title>{title}</title>{_STYLE}'
        start = f'<!doctype html><html lang="{site.language}">{head}'
        self._say(200, f"{start}<h1>{title}</h1>{inside}</html>", "text/html; charset=utf-8")

    def _say(self, status: int, text: str, media_type: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""
