"""Two hand-made studies for looking at pages: a sector written to once, and branches written to every week.

Nothing is drawn at random that is not drawn from a fixed seed; every name is invented.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from reports.edition import Edition, Event, Study, Text, Unit
from reports.figures.model import DAY, HOUR
from reports.outcomes import COLUMNS, frame

MINUTE = HOUR // 60
START = 1_796_115_600_000_000
"""1 December 2026, 09:00 UTC, a Tuesday."""
NOW = START + 41 * DAY
MARKUP = '<script>alert("name")</script> & <b>Sons</b>'
HOSTILE_REPLY = "Yes.\n<script>document.title='owned'</script><img src=x onerror=alert(1)>\n{{ 7*7 }} &amp; bye"


def row(probe: str, business: str, **facts: Any) -> dict[str, Any]:
    """One outcome row: sent and unanswered unless `facts` say otherwise; `after_*` are waits instead of times."""
    made: dict[str, Any] = dict.fromkeys(COLUMNS)
    made |= {
        "probe": probe, "study": "sector", "version": 1, "business": business, "channel": "email",
        "scenario": "presale-en", "intent": "presale", "language": "en", "persona": "anna",
        "role": "recipient", "state": "sent", "accepted_by": "recipient_mx",
        "disputed": False, "mailbox_full": False, "noreply": False, "junk": False,
        "by_hand": False, "questions_asked": 2, "questions_answered": 0, "sent_at": START, "observed_until": NOW,
    }  # fmt: skip
    waits = {"after_" + name.removesuffix("_at"): name for name in made if name.endswith("_at")} | {
        "after_gap": "gap_from",
        "after_observed": "observed_until",
    }
    sent = facts.get("sent_at", START)
    for key, value in facts.items():
        if key in waits:
            made[waits[key]] = sent + value
        elif key in made:
            made[key] = value
        else:
            raise KeyError(key)
    if made["first_human_at"] is not None and made["first_human_kind"] is None:
        made["first_human_kind"] = "human"
    replies = [made[name] for name in ("first_ack_at", "first_bot_at", "first_auto_at", "first_human_at")]
    heard = [at for at in replies if at is not None]
    made["first_reply_at"] = min(heard) if heard else None
    return made


def event(after: int, kind: str, text: str, *reasons: str, sent: int = START, **more: Any) -> Event:
    """An arrival, `after` microseconds after sending."""
    facts: dict[str, Any] = {"standing": "own_domain", "key": "private_address", "strong": True} | more
    return Event(at=sent + after, kind=kind, text=text, reasons=tuple(reasons) or ("no sign of a machine",), **facts)


_FATES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("velo-linden", "Velo Linden", {"after_first_human": 38 * MINUTE, "questions_answered": 2}),
    ("north-wheel", "North Wheel Cycles", {"after_first_human": 3 * HOUR + 20 * MINUTE, "questions_answered": 2}),
    ("harbour", "Harbour Bikes & Repairs", {"after_first_human": 5 * HOUR, "questions_answered": 1}),
    ("pedal-pine", "Pedal & Pine", {"after_first_ack": 2 * MINUTE, "after_first_human": 22 * HOUR}),
    ("la-chaine", "La Chaîne Dorée", {"after_first_human": 1 * DAY + 4 * HOUR, "questions_answered": 2}),
    ("xe-dap", "Xe Đạp Hoàng Gia", {"after_first_human": 51 * MINUTE, "questions_answered": 2}),
    ("lanqiao", "蓝桥自行车行", {"after_first_human": 9 * HOUR, "questions_answered": 1}),
    ("drei-speichen", "Drei Speichen", {"after_first_ack": 40_000_000, "after_first_human": 2 * DAY}),
    ("ostkreuz", "Radhaus Ostkreuz", {"after_first_human": 4 * DAY + 7 * HOUR, "questions_answered": 0}),
    ("mistral", "Cycles Mistral", {"after_first_human": 16 * HOUR, "questions_answered": 2, "junk": True}),
    ("quai-nord", "Atelier Quai Nord", {"after_first_human": 6 * MINUTE, "questions_answered": 1}),
    ("stone-bridge", "Stone Bridge Bicycles", {"after_first_human": 3 * HOUR, "first_human_kind": "opt_out"}),
    ("late-larch", "Larch Lane Bikes", {"after_first_ack": 30_000_000, "after_first_human": 12 * DAY}),
    ("gearbox", "The Gearbox", {"after_first_ack": 50_000_000, "after_promised": 50_000_000, "after_promise_due": DAY}),
    ("ride-on", "Ride On Ltd", {"after_first_ack": 3 * MINUTE, "noreply": True}),
    ("cargo-co", "Cargo Bike Company", {"after_first_bot": 20_000_000}),
    ("holiday-hub", "Holiday Hub Cycling", {"after_first_auto": 4 * MINUTE}),
    ("silent-spoke", "Silent Spoke", {}),
    ("brake-point", "Brake Point", {}),
    ("tandem-town", "Tandem Town", {}),
    ("old-mill", "Old Mill Bicycle Works", {}),
    ("kettenwerk", "Kettenwerk", {}),
    ("deux-roues", "Deux Roues Express", {}),
    ("summit", "Summit Mountain Bikes", {}),
    ("rimfire", "Rimfire Racing", {}),
    ("markup", MARKUP, {}),
    ("rtl", "דוושה ירוקה אופניים", {}),
    ("long", "The Honourable Company of Wheelwrights, Framebuilders, Saddlers and Bicycle Mechanics " * 3 + "Ltd", {}),
    ("bounced", "Coast Road Cycles", {"after_bounced": 2 * MINUTE}),
    ("full", "Canal Street Bikes", {"after_bounced": 8 * HOUR, "mailbox_full": True}),
    ("stranger", "Bell & Basket", {"after_first_unclear": 7 * HOUR, "by_hand": True}),
    ("deaf", "Fixed Gear Foundry", {"after_first_ack": 60_000_000, "after_gap": 3 * DAY, "after_observed": 3 * DAY}),
    ("unknown", "Crank Corner", {"state": "unknown"}),
    ("refused", "Spin City", {"state": "not_sent", "reason": "550 no such user here", "sent_at": None}),
    ("stopped", "Freewheel Friends", {"state": "suppressed", "reason": "asked not to be contacted", "sent_at": None}),
    ("no-mail", "Hidden Hub", {"state": "not_contactable", "reason": "publishes no address", "sent_at": None}),
)  # fmt: skip

_SHOPS = ("Amber", "Birch", "Copper", "Dune", "Ember", "Fern", "Garnet", "Hazel", "Indigo", "Juniper", "Kelp", "Lilac")


def sector_rows() -> list[dict[str, Any]]:
    """36 businesses, one e-mail each; every disposition occurs."""
    rows = []
    for place, (key, _, facts) in enumerate(_FATES):
        given = {"sent_at": START + place * 11 * MINUTE + (place % 3) * DAY} | facts
        rows.append(row(f"S{place:03d}", key, **given))
    late = {"sent_at": NOW - 2 * DAY, "after_observed": 2 * DAY}
    rows.append(row("S900", "late-start", **late))
    rows.append(row("S901", "late-prompt", **late, after_first_human=2 * HOUR, questions_answered=2))
    return rows


def branch_rows(weeks: int = 26) -> list[dict[str, Any]]:
    """12 branches of two owners, an e-mail a week each; two more only just began. Seeded: always the same."""
    draw = random.Random(7)
    rows = []
    for place, name in enumerate(_SHOPS):
        silence = 0.04 + 0.07 * place
        for week in range(weeks):
            sent = NOW - (weeks - week) * 7 * DAY + draw.randrange(6 * HOUR)
            facts: dict[str, Any] = {"sent_at": sent, "study": "branches"}
            if draw.random() < 0.6:
                facts["after_first_ack"] = draw.randrange(20_000_000, 10 * MINUTE)
            if draw.random() > silence and not (name == "Juniper" and week > 16):
                facts["after_first_human"] = max(15 * MINUTE, int(HOUR * math.exp(draw.gauss(1.5 + 0.2 * place, 1.1))))
                facts["questions_answered"] = draw.choice((1, 2, 2))
            elif draw.random() < 0.05:
                facts["after_bounced"] = 5 * MINUTE
            if facts.get("after_first_human", 0) > NOW - sent:
                del facts["after_first_human"], facts["questions_answered"]
            rows.append(row(f"B{place:02d}{week:03d}", f"branch-{name.lower()}", **facts))
    for place, name in enumerate(("Maple", "Nettle")):
        for week in range(3):
            sent = NOW - (3 - week) * 7 * DAY - HOUR
            rows.append(
                row(
                    f"N{place}{week}",
                    f"branch-{name.lower()}",
                    study="branches",
                    sent_at=sent,
                    **({"after_first_human": 6 * HOUR, "questions_answered": 2} if place else {}),
                )
            )
    return rows


def outcomes(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The rows as a checked outcome table."""
    return frame(rows)


_BODY = (
    "Good morning,\n\nI am thinking about buying a {product} and have two questions. Do you mount a child seat that I "
    "bring myself, and what would a first service after 300 km cost?\n\nKind regards\n{name}"
)


def _text(language: str, subject: str) -> Text:
    asked = ("Do you mount a child seat that the customer brings?", "What does the first service cost?")
    return Text(scenario=f"presale-{language}", language=language, subject=subject, body=_BODY, questions=asked)


def study(ident: str = "sector", **changes: Any) -> Study:
    """A study in words."""
    facts: dict[str, Any] = {
        "id": ident, "version": 1, "sha256": "9f2c4e1b" * 8, "frozen_at": START - 3 * DAY, "channels": ("email",),
        "title": "Do bike shops answer?", "question": "Two questions about a repair, by e-mail",
        "windows": (24 * HOUR, 7 * DAY, 30 * DAY), "headline": 7 * DAY, "design": "between",
        "schedule": "0 9 * * mon-fri",
        "frame_list": "Trade register, extract of 2026-11-01", "frame_drawn": "all", "seed": 20261122,
        "texts": (_text("en", "Two questions before I come by"), _text("fr", "Deux questions avant de passer")),
    }  # fmt: skip
    return Study(**(facts | changes))


def branches() -> Study:
    """The weekly study in words."""
    return study(
        "branches",
        title="Do our branches answer?",
        question="A question about opening hours and stock, once a week",
        frame_list=None,
        frame_drawn=None,
        schedule="0 10 * * tue",
        sha256="1b7d03aa" * 8,
    )


def units() -> dict[str, Unit]:
    """Every business of both studies as a page may show it."""
    made = {key: Unit(key=key, name=name, sector="bicycles", country="DE") for key, name, _ in _FATES}
    made |= {
        "late-start": Unit(key="late-start", name="Early Bird Bikes"),
        "late-prompt": Unit(key="late-prompt", name="Quick Release"),
    }
    for name in (*_SHOPS, "Maple", "Nettle"):
        key = f"branch-{name.lower()}"
        made[key] = Unit(key=key, name=f"{name} Street branch", sector="retail")
    return made


def _events(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Event, ...]]:
    made: dict[str, tuple[Event, ...]] = {}
    ack = "Thank you for your message.\n\nWe have received it and will come back to you within 24 hours."
    for facts in rows:
        sent = facts["sent_at"]
        if sent is None:
            continue
        heard = []
        for name, kind, text, reason in (
            ("first_ack_at", "auto_acknowledgement", ack, "Auto-Submitted: auto-replied"),
            ("first_bot_at", "bot", "Hi, I am Spokey, a virtual assistant!", "says that it is a virtual assistant"),
            ("first_auto_at", "out_of_office", "I am away until 3 January.", "subject begins with Out of office"),
            ("first_unclear_at", "unclear", "Buy cheap watches", "no rule is strong enough"),
            (
                "bounced_at",
                "bounce",
                "Delivery has failed.\n550 5.1.1 user unknown",
                "delivery-status part, action failed",
            ),
            ("first_human_at", "human", "Hello Anna,\n\nyes, we do. The first service is 49 €.", "answers a question"),
        ):
            if facts[name] is not None:
                kind = facts["first_human_kind"] if kind == "human" else kind
                heard.append(event(facts[name] - sent, kind, text, reason, sent=sent))
        if heard:
            made[facts["probe"]] = tuple(heard)
    if "S000" in made:
        made["S000"] = (event(38 * MINUTE, "human", HOSTILE_REPLY, "names the <b>product</b>"),)
    return made


def edition(*studies: Study, rows: Iterable[Mapping[str, Any]], **changes: Any) -> Edition:
    """An edition of these studies with the events that the rows imply."""
    facts: dict[str, Any] = {
        "id": "2027-01-11.1", "now": NOW, "studies": studies, "units": units(), "events": _events(rows), "names": True,
        "timezone": "Europe/Paris", "contact": "audit@example.org", "rules": "2026.11", "software": "unanswered 0.1.0",
        "note": "Sandbox: these businesses do not exist. The page shows that the plumbing works, nothing more.",
    }  # fmt: skip
    return Edition(**(facts | changes))


def sector() -> tuple[pl.DataFrame, Edition]:
    """The one-mail study alone."""
    rows = sector_rows()
    return outcomes(rows), edition(study(), rows=rows)


def both() -> tuple[pl.DataFrame, Edition]:
    """Both studies in one edition."""
    rows = sector_rows() + branch_rows()
    return outcomes(rows), edition(study(), branches(), rows=rows)
