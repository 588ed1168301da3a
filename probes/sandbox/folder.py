"""The working folder of the demo, as a user would have it: config, businesses.csv, scenarios, the mailbox's password.

A folder is ours when it carries MARKER. A new demo removes what an earlier one wrote and nothing else, and refuses a
folder that has something in it and no marker.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from probes import loader
from probes.sandbox.behaviours import Business
from probes.sandbox.callers import Caller
from probes.sandbox.forms import CHANNEL, FormBusiness, FormWorld
from probes.sandbox.forms import config as config_of_forms

if TYPE_CHECKING:  # they need the extra `demo`
    from probes.sandbox.exchange import Exchange
    from probes.sandbox.mailserver import MailServer
    from probes.sandbox.world import World

MARKER = ".unanswered-demo"
CONFIG = "config.toml"
PASSWORD = "mailbox.secret"  # noqa: S105 - the name of a file
TOKEN = "provider.secret"  # noqa: S105 - the name of a file
STORE = "unanswered.db"
SITE = "site"
SECTOR = "bicycle workshops"


class ForeignFolder(Exception):  # noqa: N818 - named by what is the matter
    """The folder holds something that no demo wrote."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are in the demo's folder."""

    out: Path

    @property
    def config(self) -> Path:
        return self.out / CONFIG

    @property
    def businesses(self) -> Path:
        return self.out / "businesses.csv"

    @property
    def site(self) -> Path:
        return self.out / SITE

    @property
    def page(self) -> Path:
        return self.site / "index.html"


def clear(out: Path) -> Place:
    """An empty folder for a new demo. Raises ForeignFolder when it holds something and was never a demo's."""
    if out.exists() and not out.is_dir():
        raise ForeignFolder(f"{out} is a file; name a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise ForeignFolder(f"{out} holds something that no demo wrote; name another folder with --out, or empty it")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text("Written by `unanswered demo`, which will write here again.\n", encoding="utf-8")
    for name in (CONFIG, PASSWORD, TOKEN, "businesses.csv"):
        (out / name).unlink(missing_ok=True)
    for scenario in _scenarios():
        (out / "scenarios" / scenario.name).unlink(missing_ok=True)
    for path in out.glob(f"{STORE}*"):  # the store, its journal and its locks
        path.unlink()
    return Place(out)  # the site takes away its own old pages


def write(
    place: Place,
    businesses: Iterable[Business],
    server: MailServer,
    world: World,
    callers: Sequence[Caller] = (),
    exchange: Exchange | None = None,
    forms: FormWorld | None = None,
    browser: str = "",
) -> None:
    """Write everything that a user writes before a first study: it points at the sandbox that is running.

    `browser`: what fills in the forms ("": whatever is found).
    """
    template = files("probes.sandbox").joinpath("demo.toml").read_text(encoding="utf-8")
    if exchange is not None:
        more = files("probes.sandbox").joinpath("demo-numbers.toml").read_text(encoding="utf-8")
        template += more.replace("@ACCOUNT@", exchange.account).replace("@API@", exchange.api)
        _keep_secret(place.out / TOKEN, exchange.token)
    if forms is not None:
        template += config_of_forms(forms, browser)
    config = (
        template.replace("@SMTP_PORT@", str(world.port))
        .replace("@IMAP_PORT@", str(server.imap_port))
        .replace("@USER@", server.user)
        .replace("@DOMAIN@", server.domain)
    )
    place.config.write_text(config, encoding="utf-8")
    _keep_secret(place.out / PASSWORD, server.password)
    scenarios = place.out / "scenarios"
    scenarios.mkdir(exist_ok=True)
    for scenario in _scenarios():
        (scenarios / scenario.name).write_bytes(scenario.read_bytes())
    place.businesses.write_text(
        _csv(businesses, callers, forms.businesses.values() if forms else (), _headings(config)),
        encoding="utf-8",
        newline="",
    )


def _scenarios() -> list[Traversable]:
    folder = files("probes.sandbox").joinpath("scenarios")
    return [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _keep_secret(path: Path, secret: str) -> None:
    path.touch(mode=0o600)
    path.write_text(secret + "\n", encoding="utf-8")


def _headings(config: str) -> dict[str, str]:
    """What the column of addresses of each channel is called, the one of mail first: the channel says it."""
    channels = tomllib.loads(config)["channels"]
    return {name: loader.load(channel["kind"]).description.columns[0] for name, channel in channels.items()}


def _csv(
    businesses: Iterable[Business],
    callers: Sequence[Caller],
    sites: Iterable[FormBusiness],
    headings: Mapping[str, str],
) -> str:
    address, *others = headings.values()
    names = list(headings)[1:]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        ["key", "name", address, "sector", "country", "language", "timezone", "group", "basis", "basis_proof",
         "partner_domains", *others]
    )  # fmt: skip
    for one in businesses:
        table.writerow(
            [one.key, one.name, one.address, SECTOR, one.country, one.language, one.timezone, one.group or "",
             "public_enquiry", f"https://{one.domain}/contact", " ".join(one.partners), *[""] * len(others)]
        )  # fmt: skip
    for caller in callers:
        numbers = [caller.number if caller.channel == name else "" for name in names]
        sector = f"{SECTOR} ({caller.channel})"
        table.writerow(
            [caller.key, caller.name, "", sector, caller.country, caller.language, caller.timezone, "", "own", "", "",
             *numbers]
        )  # fmt: skip
    for site in sites:
        one = site.behind
        urls = [site.site.url if name == CHANNEL else "" for name in names]
        table.writerow(
            [one.key, one.name, "", f"{SECTOR} ({CHANNEL})", one.country, one.language, one.timezone, "",
             "public_enquiry", site.site.url, "", *urls]
        )  # fmt: skip
    return text.getvalue()
