"""Web forms: fills the contact form of a site in a real browser, once, and says what became of it.

It hears nothing itself: answers come by mail to the private address that was typed in.
"""

from __future__ import annotations

import base64
import ipaddress
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import idna
from pydantic import AfterValidator, Field, StrictBool, StrictInt
from tldextract import TLDExtract

from probes.contract import (
    Check,
    Clock,
    ContactState,
    Description,
    Enquiry,
    Exhibit,
    ProbeError,
    Receipt,
)
from probes.settings import Duration, PositiveDuration, Table
from probes.web.children import ChildLost, Children, Setting
from probes.web.filling import Values
from probes.web.reach import Reach

_COLUMNS = (
    "form url", "contact form", "form", "contact form url", "form_url", "contact_form", "contact page", "contact url",
    "website", "web site", "url", "homepage", "web", "site", "site web", "formulaire", "formulaire de contact",
    "page de contact", "webseite", "internetseite", "kontaktformular", "kontaktseite", "sitio web", "página web",
    "formulario", "formulario de contacto", "sito web", "sito", "modulo di contatto", "contactformulier", "strona www",
    "formularz kontaktowy", "formulário de contato", "сайт", "trang web", "biểu mẫu liên hệ", "trang liên hệ", "网站",
    "網站", "网址", "网页", "联系表单", "聯絡表單", "ウェブサイト", "お問い合わせフォーム", "홈페이지",
    "الموقع الإلكتروني",
)  # fmt: skip
_STATES: Mapping[str, ContactState] = {
    "confirmed": "sent",
    "unconfirmed": "unknown",
    "rejected": "not_sent",
    "gone": "not_sent",
    "unreachable": "deferred",
    "blocked": "blocked",
    "cannot_map": "blocked",
    "failed": "not_sent",
}
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


def _routes(value: dict[str, str]) -> dict[str, str]:
    for host, target in value.items():
        ip, _, port = target.rpartition(":")
        try:
            ipaddress.ip_address(ip.strip("[]"))
            right = 0 < int(port) < 65536
        except ValueError:
            right = False
        if not right:
            raise ValueError(f'route {target!r} of {host!r} is not "ip:port", such as "127.0.0.1:8080"')
    return {host.lower(): target for host, target in value.items()}


def _short(value: timedelta) -> timedelta:
    if value > timedelta(minutes=5):
        raise ValueError('is longer than a pass should wait for one form; write at most "5m"')
    return value


class Settings(Table):
    """`browser`: path of a Chromium or Chrome ("": the system's, else Playwright's own).

    `pace`: the least time between opening a form and sending it; `between`: between two forms of one host.
    `page_timeout`: for a page to load; `settle`: for an answer to a form; `time_limit`: for one form, all in all.
    `page_bytes`: as much as one form may load. `allow_private`, `routes` (host, "*.domain" or "*" to "ip:port"): tests.
    """

    browser: str = ""
    pace: Annotated[Duration, AfterValidator(_short)] = timedelta(seconds=5)
    between: Annotated[Duration, AfterValidator(_short)] = timedelta(seconds=30)
    page_timeout: Annotated[PositiveDuration, AfterValidator(_short)] = timedelta(seconds=30)
    settle: Annotated[PositiveDuration, AfterValidator(_short)] = timedelta(seconds=15)
    time_limit: Annotated[PositiveDuration, AfterValidator(_short)] = timedelta(minutes=3)
    page_bytes: Annotated[StrictInt, Field(ge=100_000)] = 20_000_000
    allow_private: StrictBool = False
    routes: Annotated[dict[str, str], AfterValidator(_routes)] = Field(default_factory=dict)


class WebFormKind:
    """The channel as the loader finds it."""

    description = Description(
        summary="contact forms of web sites, filled in a real browser",
        bases=frozenset({"own", "consented", "public_enquiry", "authority"}),
        columns=_COLUMNS,
        time_limit=timedelta(minutes=15),
        retry_after=(timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12)),
        daily_cap=50,
    )
    settings = Settings

    def normalise(self, address: str) -> str:
        """An http(s) address, host in lower-case ASCII, no fragment. Raises ValueError saying what is wrong."""
        return normalise(address)

    def scope(self, address: str) -> str:
        """The domain that somebody registered; for an IP address, itself."""
        host = urlsplit(address).hostname or address
        return _suffixes(host).top_domain_under_public_suffix or host

    def open(self, name: str, settings: Settings, *, live: bool) -> object:  # noqa: ARG002 - the same for every channel
        """What fills forms. Starts nothing yet."""
        return Forms(settings, live=live)


def normalise(address: str) -> str:
    text = address.strip()
    if not text or any(ord(one) < 33 or ord(one) == 127 for one in text):
        raise ValueError("is empty or holds white space; write an address such as https://shop.example/contact")
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"{address!r} is no web address; write one that begins with https:// or http://")
    if "@" in parts.netloc or ":" in (parts.netloc.rpartition("]")[2].rstrip("0123456789").removesuffix(":")):
        raise ValueError(f"{address!r} holds a user name or is no host; write https://HOST/PATH")
    host, port = parts.hostname or "", parts.port
    try:
        ipaddress.ip_address(host)
        bare = f"[{host}]" if ":" in host else host
    except ValueError:
        try:
            bare = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"{host!r} is no host name ({error})") from None
        if "." not in bare and bare != "localhost":
            raise ValueError(f"{host!r} is no complete host name; write one such as shop.example") from None
    scheme = parts.scheme.lower()
    usual = {"http": 80, "https": 443}[scheme]
    place = bare if port in (None, usual) else f"{bare}:{port}"
    return urlunsplit((scheme, place, parts.path or "/", parts.query, ""))


class Forms:
    """Sends by forms, from any number of threads; a browser each, which is kept for the next."""

    def __init__(self, settings: Settings, *, live: bool) -> None:
        self._settings = settings
        self._reach = Reach(live=live, allow_private=settings.allow_private, routes=settings.routes)
        self._children = Children(
            Setting(
                browser=settings.browser or None,
                live=live,
                allow_private=settings.allow_private,
                routes=settings.routes,
                page_limit=settings.page_bytes,
                job_limit=settings.time_limit.total_seconds(),
            )
        )
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        """Fill and send one form: exactly one submission at most."""
        reason = self.refusal(enquiry.to)
        if reason is not None:
            return Receipt(state="not_sent", at=now(), reason=reason)
        self._wait_for_turn(urlsplit(enquiry.to).hostname or "")
        settings = self._settings
        values = Values(
            email=enquiry.reply_to,
            message=enquiry.body,
            name=enquiry.sender_name,
            subject=enquiry.subject,
            intent=enquiry.intent,
            phone=enquiry.number,
        )
        job = {
            "url": enquiry.to,
            "values": asdict(values),
            "language": enquiry.language,
            "proven": sorted(enquiry.proven),
            "page_timeout": settings.page_timeout.total_seconds(),
            "settle": settings.settle.total_seconds(),
            "pace": settings.pace.total_seconds(),
        }
        try:
            try:
                with self._children.one() as child:
                    found = child.do(job, settings.time_limit.total_seconds())
            except ChildLost as error:
                if error.stages or error.late:
                    raise
                # It had died while it was idle, or before it typed anything: a fresh one may do it.
                with self._children.one() as child:
                    found = child.do(job, settings.time_limit.total_seconds())
        except ChildLost as error:
            return _lost(error, enquiry.to, now)
        except (ProbeError, OSError) as error:
            return Receipt(state="not_sent", at=now(), reason=f"no browser could be used: {error}", our_side=True)
        return _receipt(found, now)

    def refusal(self, address: str) -> str | None:
        """Why nothing may be handed over for this address while the config is not live."""
        parts = urlsplit(address)
        return self._reach.why_not(parts.hostname or "", parts.port or 443)

    def check(self, now: Clock) -> Iterator[Check]:  # noqa: ARG002 - nothing here has a date
        """Find the browser and start it; see that routes lead where they may."""
        for host, target in self._settings.routes.items():
            ip = target.rpartition(":")[0].strip("[]")
            reason = self._reach.refusal(ip, host)
            if reason is not None:
                yield Check(name=f"route {host}", ok=False, detail=reason, advice="take the route out of the config")
        if not self._reach.live and not self._settings.routes:
            detail = "not live and without routes: no form outside this machine is reached"
            yield Check(name="reach", ok=False, detail=detail, advice="set `live = true` once you mean it")
        yield self._browser()

    def close(self) -> None:
        """End every browser that is kept."""
        self._children.close()

    def _browser(self) -> Check:
        began = time.monotonic()
        try:
            with self._children.one() as child:
                found = child.do({"check": True}, 90)
        except (ProbeError, OSError) as error:
            found = {"reason": str(error)}
        if "version" in found:
            detail = f"Chromium {found['version']} started in {time.monotonic() - began:.1f} s"
            return Check(name="browser", ok=True, detail=detail)
        advice = "install Chromium and the extra `browser`, or set `browser` to the path of a Chromium or Chrome"
        return Check(name="browser", ok=False, detail=str(found.get("reason", "it cannot be started")), advice=advice)

    def _wait_for_turn(self, host: str) -> None:
        """Leave `between` between two forms of one host."""
        between = self._settings.between.total_seconds()
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._last.get(host, now - between) + between)
            self._last[host] = turn
        if turn > now:
            time.sleep(turn - now)


def _lost(error: ChildLost, url: str, now: Clock) -> Receipt:
    """The browser was lost: unknown once typing had begun, for a page may send what is typed; else nothing was sent."""
    if error.stages:
        reason = f"{error}, after it had begun to fill in the form; it may have been submitted"
        return Receipt(state="unknown", at=now(), reason=reason, host=urlsplit(url).hostname)
    return Receipt(state="deferred", at=now(), reason=f"{error}, before anything was filled in", our_side=True)


def _receipt(found: Mapping[str, Any], now: Clock) -> Receipt:
    verdict = str(found["verdict"])
    url = str(found.get("url") or "")
    details = dict(found.get("details", {}))
    if url:
        details["final url"] = url
    details["verdict"] = verdict
    return Receipt(
        state=_STATES.get(verdict, "unknown"),
        at=now(),
        accepted_by="form" if verdict in ("confirmed", "rejected", "gone") else None,
        code=found.get("code"),
        reason=str(found.get("reason", "")),
        transcript="\n".join(found.get("log", ())),
        host=urlsplit(url).hostname,
        our_side=verdict == "failed",
        details=details,
        signs=tuple(found.get("signs", ())),
        pattern=str(found.get("pattern", "")),
        exhibits=tuple(
            Exhibit(name=name, media_type=kind, data=base64.b64decode(data))
            for name, kind, data in found.get("exhibits", ())
        ),
    )


channel = WebFormKind()
