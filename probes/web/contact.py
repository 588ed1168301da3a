"""From a home page to its contact page, and what a site publishes for enquiries: links, mail addresses, numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from probes.web import words
from probes.web.answers import ContactLink, Published
from probes.web.snapshot import Link, Page

MOST_LINKS = 5
_MAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,4}(?![\w-])"
)
_AT = re.compile(r" ?[\[({] ?(?:at|ät|arobase|arroba|chiocciola|a cong|собака|@) ?[\])}] ?", re.IGNORECASE)
_DOT = re.compile(r" ?[\[({] ?(?:dot|punkt|point|punto|ponto|cham|точка|\.) ?[\])}] ?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w/.@-])(?:\+|00)\d[\d ().\u00a0/-]{6,20}\d(?![\w@])")
_LOCAL = re.compile(
    r"(?:tel|phone|telefon|telefono|téléphone|teléfono|telefone|telefoon|тел|điện thoại|hotline|电话|電話|mobile)"
    r"[a-z]{0,8}[.:\uff1a)]{0,2} {0,3}(\(?0?\d[\d ().\u00a0/-]{5,18}\d)(?![\w@])",
    re.IGNORECASE,
)
_NOT_MAIL = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|css|js|ico)$|@(example|sentry|domain|email|yourdomain|mysite)\.|@[\d.]+x", re.IGNORECASE
)
_NOBODY = re.compile(
    r"^(no-?reply|do-?not-?reply|noreply|mailer-daemon|postmaster|abuse|unsubscribe|bounce)", re.IGNORECASE
)
_FILE = re.compile(r"\.(pdf|docx?|xlsx?|zip|jpe?g|png|gif|mp[34]|vcf|ics)$", re.IGNORECASE)


def links(page: Page, most: int = MOST_LINKS) -> tuple[ContactLink, ...]:
    """Where the contact page may be, the likeliest first: pages of the same site, each once, this one left out."""
    language = words.code_of(page.language)
    here = _bare(page.url)
    best: dict[str, ContactLink] = {}
    for link in page.links:
        if not same_site(page.url, link.href) or _FILE.search(urlsplit(link.href).path):
            continue
        target = _bare(link.href)
        if target == here:
            continue
        found = _rate(link, language)
        if found is not None and (target not in best or best[target].score < found.score):
            best[target] = found
    return tuple(sorted(best.values(), key=lambda one: (-one.score, len(one.href), one.href))[:most])


def published(page: Page) -> Published:
    """Mail addresses and numbers that the page gives, those made for enquiries first."""
    mails = dict.fromkeys(one.lower() for one in _mails(page) if not _NOT_MAIL.search(one))
    numbers: dict[str, str] = {}
    for one in _numbers(page):
        digits = re.sub(r"\D", "", one)
        if 7 <= len(digits) <= 15:
            numbers.setdefault(digits[-9:], one)
    return Published(
        mails=tuple(sorted(mails, key=lambda one: _mail_rank(one, page.url))),
        numbers=tuple(numbers.values()),
        links=links(page),
    )


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one site: the same host, with or without "www."."""
    first, second = _parts(one), _parts(other)
    return first is not None and second is not None and first == second


def _parts(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower().removeprefix("www.")
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return host, str(port or "")


def _bare(url: str) -> str:
    return urldefrag(url).url.rstrip("/").lower().replace("://www.", "://")


def _rate(link: Link, language: str) -> ContactLink | None:
    score = 0.0
    reasons: list[str] = []
    text = f"{link.text} {link.label}".strip()
    keys = words.keys_in("links", text, language)
    if "not" in keys:
        return None
    short = len(words.fold(text)) <= 40
    if "contact" in keys:
        score += 6.0 if short else 2.0
        reasons.append(f'its text is "{text[:60]}"')
    elif "maybe" in keys and short:
        score += 1.0
        reasons.append(f'its text is "{text[:60]}"')
    path = unquote(urlsplit(link.href).path + " " + urlsplit(link.href).query)
    last = " ".join(path.rstrip("/").split("/")[-2:])[-120:]
    if "contact" in words.keys_in("links", last, names=True) or "contact" in words.keys_in("links", last, language):
        score += 4.0
        reasons.append("its address says so")
    if score <= 0:
        return None
    score += 0.5 if link.part else 0.0
    score -= 2.0 if path.strip("/ ").count("/") > 2 else 0.0
    score -= 0.3 if not link.visible else 0.0
    return ContactLink(href=urldefrag(link.href).url, text=text[:120], score=round(score, 2), reason="; ".join(reasons))


# --------------------------------------------------------------------------- addresses
def _mails(page: Page) -> Iterator[str]:
    for link in page.links:
        if link.raw.lower().startswith("mailto:"):
            yield from _MAIL.findall(unquote(link.raw[7:].partition("?")[0]))
        if link.coded:
            yield from _MAIL.findall(decoded(link.coded))
        if "/cdn-cgi/l/email-protection#" in link.href:
            yield from _MAIL.findall(decoded(link.href.rpartition("#")[2]))
    for one in page.coded:
        yield from _MAIL.findall(decoded(one))
    for data in _linked(page):
        mail = data.get("email")
        if isinstance(mail, str):
            yield from _MAIL.findall(mail.removeprefix("mailto:"))
    text = page.text
    yield from _MAIL.findall(text)
    if "[" in text or "(" in text or "{" in text:
        yield from _MAIL.findall(_DOT.sub(".", _AT.sub("@", text)))


def decoded(code: str) -> str:
    """An address that is written as hexadecimal, each byte xor the first, as a well-known delivery network does."""
    try:
        raw = bytes.fromhex(code)
    except ValueError:
        return ""
    return bytes(one ^ raw[0] for one in raw[1:]).decode("utf-8", "replace") if raw else ""


def _numbers(page: Page) -> Iterator[str]:
    for link in page.links:
        if link.raw.lower().startswith("tel:"):
            yield _plain(unquote(link.raw[4:].partition(";")[0]))
    for data in _linked(page):
        number = data.get("telephone")
        if isinstance(number, str):
            yield _plain(number)
    yield from (_plain(one) for one in _NUMBER.findall(page.text))
    yield from (_plain(one) for one in _LOCAL.findall(page.text))


def _plain(number: str) -> str:
    plus = number.strip().startswith(("+", "00"))
    body = number.replace("(0)", "") if plus else number
    digits = re.sub(r"\D", "", body)
    if plus:
        return "+" + digits.removeprefix("00")
    return digits


def _linked(page: Page) -> Iterator[dict[str, Any]]:
    """Every object of the page's linked data (schema.org)."""
    for text in page.linked_data:
        try:
            todo: list[Any] = [json.loads(text)]
        except (ValueError, RecursionError):
            continue
        seen = 0
        while todo and seen < 2000:
            one = todo.pop()
            seen += 1
            if isinstance(one, dict):
                yield one
                todo += one.values()
            elif isinstance(one, list):
                todo += one


_ENQUIRIES = (
    "contact", "info", "hello", "kontakt", "contacto", "contato", "contatti", "enquiries", "enquiry", "inquiry",
    "office", "support", "sales", "service", "mail", "lienhe", "cskh", "kundenservice", "hallo", "bonjour", "hola",
    "ciao", "biuro",
)  # fmt: skip


def _mail_rank(mail: str, url: str) -> tuple[bool, bool, bool, str]:
    local, _, domain = mail.partition("@")
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    own = bool(host) and (domain == host or domain.endswith("." + host) or host.endswith("." + domain))
    return bool(_NOBODY.match(local)), not own, local not in _ENQUIRIES, mail
