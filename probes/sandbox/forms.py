"""Simulated businesses that are reached by the form of their web site, and what their forms hand over by mail.

A form does what real ones do: it writes a mail to the people behind it. These are businesses of the world that
nobody asks by mail, and they answer the private address that was typed in.
"""

from __future__ import annotations

import json
import smtplib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from typing import Any

from probes.contract import Clock, ProbeError
from probes.sandbox.behaviours import Business, Truth, business_of
from probes.sandbox.websites import Site, Submission, WebSites, as_mail
from probes.web.children import Children, Setting

CHANNEL = "forms"
"""The channel's name in the demo's config."""
INSTALL = "install Chromium (Debian: apt-get install chromium)"
_HOSTNAME = "web.sandbox.test"
_PATIENCE = 90.0
"""Seconds for a browser to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormBusiness:
    """A business with a form: who reads its mail, the kind of its form, and whom it passes an enquiry on to.

    `takes`: how many enquiries its form takes when all goes well.
    """

    behind: Business
    form: str
    takes: int = 1
    passed_to: tuple[Business, ...] = ()

    @property
    def key(self) -> str:
        return self.behind.key

    @property
    def name(self) -> str:
        return self.behind.name

    @property
    def planted(self) -> str:
        return self.behind.planted

    @property
    def truth(self) -> Truth:
        return self.behind.truth

    @property
    def site(self) -> Site:
        """Its web site."""
        one = self.behind
        return Site(key=one.key, host=one.domain, name=one.name, form=self.form, language=one.language)

    @property
    def everybody(self) -> tuple[Business, ...]:
        """All who get what its form takes."""
        return (self.behind, *self.passed_to)


def form_businesses() -> tuple[FormBusiness, ...]:
    """All of them. Raises TypeError or ValueError when `forms.toml` says something else."""
    text = files("probes.sandbox").joinpath("forms.toml").read_text(encoding="utf-8")
    return tuple(_site(row) for row in tomllib.loads(text)["site"])


class FormWorld:
    """The web sites of these businesses while the context `open` is; `taken_at` says when each form took something.

    A form that drops what it took is in `taken_at` too: what was handed in was handed in.
    """

    def __init__(self, businesses: Iterable[FormBusiness], clock: Clock) -> None:
        self.businesses = {one.key: one for one in businesses}
        self.taken_at: dict[str, list[datetime]] = {key: [] for key in self.businesses}
        self.port = 0
        self._clock = clock

    @contextmanager
    def open(self, smtp_port: int) -> Iterator[FormWorld]:
        """Serve the sites; what their forms take goes to the SMTP server at `smtp_port`."""

        def hand_over(submission: Submission) -> None:
            one = self.businesses[submission.site]
            with smtplib.SMTP("127.0.0.1", smtp_port, local_hostname=_HOSTNAME, timeout=30) as server:
                for reader in one.everybody:
                    mail = as_mail(submission, one.site, reader.address)
                    server.sendmail(f"form@{one.site.host}", [reader.address], mail, mail_options=["BODY=8BITMIME"])

        def count(key: str) -> None:
            self.taken_at[key].append(self._clock())

        with WebSites([one.site for one in self.businesses.values()], hand_over, accepted=count) as sites:
            self.port = sites.port
            yield self


def why_no_browser(configured: str) -> str:
    """Why no browser can fill in forms here, and what to install; "" when one can: it is started to see."""
    setting = Setting(
        browser=configured or None,
        live=False,
        allow_private=False,
        routes={},
        page_limit=1_000_000,
        job_limit=_PATIENCE,
    )
    children = Children(setting)
    try:
        with children.one() as child:
            found = child.do({"check": True}, _PATIENCE)
    except (ProbeError, OSError) as error:
        found = {"reason": str(error)}
    finally:
        children.close()
    if "version" in found:
        return ""
    reason = str(found.get("reason") or "it cannot be started")
    return reason if INSTALL in reason else f"{reason}; {INSTALL}"


def config(sites: FormWorld, browser: str) -> str:
    """What the demo's config says of forms."""
    template = files("probes.sandbox").joinpath("demo-forms.toml").read_text(encoding="utf-8")
    return template.replace('"@BROWSER@"', json.dumps(browser)).replace("@WEB_PORT@", str(sites.port))


def _site(row: Mapping[str, Any]) -> FormBusiness:
    known = dict(row)
    form, takes, vendors = known.pop("form"), known.pop("takes", 1), known.pop("passed_to", ())
    behind = business_of(known)
    passed_to = tuple(
        replace(business_of({"planted": "", "truth": {"dispositions": []}, **one}), country=behind.country)
        for one in vendors
    )
    return FormBusiness(behind=behind, form=form, takes=takes, passed_to=passed_to)
