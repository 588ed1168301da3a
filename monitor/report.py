"""From the store to a site: outcomes decided anew, read in bulk, named or coded, handed to the pages.

`refresh` decides every outcome again; `edition` gathers what a page needs beside the table; `publish` does both and
writes the site. Where names are off, businesses appear under their code, probes under a code of their own, and what
was said is blanked of names, addresses and numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version as installed
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from monitor.app import App
from monitor.classify.decide import RULES
from monitor.clock import MICROSECOND, micros
from monitor.facts import Outcome
from monitor.naming import of_sender
from monitor.outcome import outcome
from monitor.plan import covers
from monitor.redact import names_of, redact
from monitor.store.bulk import read_outcomes
from monitor.store.codes import salt
from monitor.store.engine import Store
from monitor.store.looking import BusinessEntry, businesses, events
from monitor.store.planning import Version, versions
from monitor.store.records import reachable
from monitor.store.scoring import Heard, probe_facts, write_outcomes
from monitor.store.understanding import heads
from probes.mail.mime import parse
from probes.settings import parse_duration
from reports import outcomes as table
from reports import site
from reports.edition import Edition, Event, Study, Text, Unit

Progress = Callable[[int, int | None], None]
EVENTS_AT_A_TIME = 500


def unwatched(done: int, total: int | None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A site that was written: its index page, its edition id, and what it holds."""

    index: Path
    edition: str
    studies: int
    businesses: int
    probes: int


# --------------------------------------------------------------------------- outcomes
def refresh(app: App, progress: Progress = unwatched) -> int:
    """Decide the outcome of every probe anew and put the rows in the place of the old ones; returns how many."""

    def rows() -> Iterator[Outcome]:
        for done, facts in enumerate(probe_facts(app.store), start=1):
            if done % 500 == 0:
                progress(done, None)
            yield outcome(facts)
        yield from _not_contactable(app)

    return write_outcomes(app.store, rows())


def _not_contactable(app: App) -> Iterator[Outcome]:
    """A row for each business of a study that offers no address on one of its channels: it was counted, not asked."""
    known = businesses(app.store)
    for frozen in _newest(versions(app.store)):
        study = app.config.studies.get(frozen.study)
        if study is None:
            continue
        for channel in study.channels:
            reached = reachable(app.store, channel)
            for business in known:
                own = {"group": business.group, "sector": business.sector, "country": business.country}
                if business.key not in reached and covers(study, **own):
                    yield _blank() | {
                        "probe": f"none-{study.id}-{channel}-{business.key}",
                        "study": study.id,
                        "version": frozen.version,
                        "business": business.key,
                        "group": business.group,
                        "channel": channel,
                        "state": "not_contactable",
                        "reason": "no address on this channel is known",
                    }


def _blank() -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(table.COLUMNS)
    return empty | {"role": "recipient", "disputed": False, "questions_asked": 0}


def _newest(found: list[Version]) -> list[Version]:
    return list({one.study: one for one in sorted(found, key=lambda v: v.version)}.values())


def read(store: Store) -> pl.DataFrame:
    """The outcome table as the figures take it. Raises StoreError; OutcomeError when it breaks its own rules."""
    return table.frame(read_outcomes(store))


# --------------------------------------------------------------------------- the edition
def publish(app: App, out: Path, *, note: str = "", progress: Progress = unwatched) -> Published:
    """Decide all outcomes and write the site of all studies into `out`. Raises SiteError, OutcomeError, StoreError."""
    refresh(app, progress)
    frame = read(app.store)
    names = app.config.report.names
    coded = _unaddressed(frame) if names else _coded(frame, app.store)
    made = edition(app, frame, note=note)
    index = site.build(coded, made, out)
    return Published(
        index=index,
        edition=made.id,
        studies=len(made.studies),
        businesses=frame["business"].n_unique(),
        probes=frame.filter(pl.col("state") != "not_contactable").height,
    )


def edition(app: App, frame: pl.DataFrame, *, note: str = "") -> Edition:
    """What a page needs beside the outcome table: the studies in words, the units, and what was heard of each probe."""
    settings = app.config.report
    now = app.clock()
    known = {one.key: one for one in businesses(app.store)}
    shown = set(frame["business"].unique())
    asked = set(frame.select("study", "version").unique().iter_rows())
    code = (lambda probe: probe) if settings.names else coder(app.store)
    return Edition(
        id=now.strftime("%Y%m%dT%H%M%SZ"),
        now=micros(now),
        studies=tuple(_study(one) for one in versions(app.store) if (one.study, one.version) in asked),
        units={
            unit.key: unit for key, one in known.items() if key in shown for unit in [_unit(one, names=settings.names)]
        },
        events=dict(_events(app, known, dict(frame.select("probe", "business").iter_rows()), code)),
        names=settings.names,
        timezone=settings.timezone,
        language=settings.language,
        contact=settings.contact,
        note=note,
        rules=RULES,
        software=f"unanswered {installed('unanswered')}",
    )


def _unit(business: BusinessEntry, *, names: bool) -> Unit:
    if names:
        return Unit(
            key=business.key, name=business.name, sector=business.sector, country=business.country, group=business.group
        )
    return Unit(key=business.code, name=business.code, sector=business.sector, country=business.country)


def _study(version: Version) -> Study:
    content = version.content
    windows = tuple(parse_duration(window) // MICROSECOND for window in content["windows"])
    frame = content.get("frame") or {}
    return Study(
        id=version.study,
        version=version.version,
        sha256=version.sha256,
        frozen_at=micros(version.frozen_at),
        title=content["title"],
        question=content["question"],
        channels=tuple(content["channels"]),
        windows=windows,
        headline=windows[min(1, len(windows) - 1)],
        design=content["design"],
        schedule=f"{content['schedule']} ({content['timezone']})",
        frame_list=frame.get("list"),
        frame_drawn=frame.get("drawn"),
        texts=tuple(
            Text(
                scenario=text["id"],
                language=text["language"],
                subject=text["subject"],
                body=text["body"],
                questions=tuple(question["text"] for question in text["questions"]),
            )
            for text in content["texts"]
        ),
        seed=content["seed"],
    )


def _events(
    app: App, known: Mapping[str, BusinessEntry], asked: Mapping[str, str], code: Callable[[str], str]
) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """What was heard of each probe. `asked`: the key of its business; where names are off, whatever that business calls
    itself is blanked, and the names of all others."""
    named, quotes = app.config.report.names, app.config.report.quotes
    always = tuple(persona.name for persona in app.config.personas.values())
    always += () if named else tuple(one.name for one in known.values())
    for probe, several, senders in _with_senders(app):
        own = known.get(asked.get(probe, ""))
        hidden = own if not named else None
        said = partial(
            redact,
            always=always,
            names=names_of(hidden.name, hidden.domains) if hidden else (),
            domains=hidden.domains if hidden else (),
            spared=(own.name,) if own and named else (),
        )
        yield (
            code(probe),
            tuple(
                Event(
                    at=micros(one.at),
                    kind=one.kind,
                    standing=one.match.standing,
                    key=one.match.key,
                    strong=one.match.strong,
                    reasons=tuple(said(reason, people=senders.get(one.arrival, ())) for reason in one.verdict.reasons),
                    text=said(one.verdict.new_text, people=senders.get(one.arrival, ())) if quotes else "",
                    junk=one.junk,
                    by_hand=one.by_hand,
                )
                for one in several
            ),
        )


def _with_senders(app: App) -> Iterator[tuple[str, list[Heard], dict[int, tuple[str, ...]]]]:
    """What was heard of each probe, and what the senders of each arrival may be called: only headers are read."""
    heard = events(app.store)
    while some := list(islice(heard, EVENTS_AT_A_TIME)):
        found = heads(app.store, [one.arrival for _, several in some for one in several])
        senders = {arrival: _senders(head) for arrival, head in found.items()}
        for probe, several in some:
            yield probe, several, senders


def _senders(head: bytes) -> tuple[str, ...]:
    mail = parse(head)
    found = (mail.sender, mail.reply_to)
    return tuple(dict.fromkeys(name for one in found for name in of_sender(one.name, one.address)))


# --------------------------------------------------------------------------- codes in the place of names
def coder(store: Store) -> Callable[[str], str]:
    """Gives the code that stands for a probe on pages where names are off."""
    key = salt(store)
    return lambda probe: hashlib.blake2s(probe.encode(), key=key, digest_size=6).hexdigest()


def _unaddressed(frame: pl.DataFrame) -> pl.DataFrame:
    """The outcomes without addresses, numbers and people in the words of servers and of policy."""
    said = {reason: redact(reason) for reason in frame["reason"].unique() if reason is not None}
    return frame.with_columns(reason=pl.col("reason").replace(said))


def _coded(frame: pl.DataFrame, store: Store) -> pl.DataFrame:
    code = coder(store)
    codes = {one.key: one.code for one in businesses(store)}
    return frame.with_columns(
        probe=pl.Series([code(probe) for probe in frame["probe"]], dtype=pl.String),
        business=pl.col("business").replace_strict(codes, return_dtype=pl.String),
    )
