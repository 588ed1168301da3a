"""From the store to a site: outcomes decided anew, read in bulk, named or coded, handed to the pages.

`refresh` decides every outcome again; `edition` gathers what a page needs beside the table; `publish` does both and
writes the site. Where names are off, businesses appear under their code, probes under a code of their own, and what
was said is blanked of names, addresses and numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import polars as pl

from monitor.app import App
from monitor.classify.decide import RULES
from monitor.clock import MICROSECOND, micros
from monitor.facts import Outcome
from monitor.outcome import outcome
from monitor.plan import covers
from monitor.redact import names_of, redact
from monitor.store.bulk import read_outcomes
from monitor.store.codes import salt
from monitor.store.engine import Store
from monitor.store.looking import BusinessEntry, businesses, events
from monitor.store.planning import Version, versions
from monitor.store.records import targets
from monitor.store.scoring import probe_facts, write_outcomes
from probes.settings import parse_duration
from reports import outcomes as table
from reports import site
from reports.edition import Edition, Event, Study, Text, Unit

Progress = Callable[[int, int | None], None]


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
            reached = {target.business for target in targets(app.store, [channel])}
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
    coded = frame if names else _coded(frame, app.store)
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
    persons = [persona.name for persona in app.config.personas.values()]
    quotes = app.config.report.quotes
    others = [] if app.config.report.names else [one.name for one in known.values()]
    for probe, several in events(app.store):
        own = None if app.config.report.names else known.get(asked.get(probe, ""))
        domains = own.domains if own else ()
        blanked = [*persons, *others, *(names_of(own.name, own.domains) if own else ())]
        yield (
            code(probe),
            tuple(
                Event(
                    at=micros(one.at),
                    kind=one.kind,
                    standing=one.match.standing,
                    key=one.match.key,
                    strong=one.match.strong,
                    reasons=tuple(redact(reason, names=blanked, domains=domains) for reason in one.verdict.reasons),
                    text=redact(one.verdict.new_text, names=blanked, domains=domains) if quotes else "",
                    junk=one.junk,
                    by_hand=one.by_hand,
                )
                for one in several
            ),
        )


# --------------------------------------------------------------------------- codes in the place of names
def coder(store: Store) -> Callable[[str], str]:
    """Gives the code that stands for a probe on pages where names are off."""
    key = salt(store)
    return lambda probe: hashlib.blake2s(probe.encode(), key=key, digest_size=6).hexdigest()


def _coded(frame: pl.DataFrame, store: Store) -> pl.DataFrame:
    code = coder(store)
    codes = {one.key: one.code for one in businesses(store)}
    return frame.with_columns(
        probe=pl.Series([code(probe) for probe in frame["probe"]], dtype=pl.String),
        business=pl.col("business").replace_strict(codes, return_dtype=pl.String),
    )
