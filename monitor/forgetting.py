"""Somebody asks to be forgotten: found wherever the address stands, erased, and never contacted or stored again.

What a mail was, when it came and what it counts for stays: figures read nothing else. What cannot be reached from here
(the mailbox itself, backups, copies that were published or handed out) is named, so that a person can see to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from monitor.app import App
from monitor.errors import UsageError
from monitor.forgotten import normal
from monitor.listen import todays_rules, understand
from monitor.naming import is_person, of_sender
from monitor.redact import names_of, redact
from monitor.report import publish, refresh
from monitor.store import traces as records
from monitor.store.forgetting import Erasure, erase
from monitor.store.locks import pass_lock
from monitor.store.traces import Left, Owner
from monitor.tracing import Sought, says, stands_in_told, told_says, trace
from probes.mail.mime import parse

Progress = Callable[[int], None]
READABLE = 4_000_000
"""Characters of a published file that are looked at."""


def unwatched(done: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What came of it. `before`: when it was forgotten already; `left`: mails that lie in a mailbox still; `files`:
    files that name the person still; `scrubbed`: whether the store was written anew without what was deleted;
    `unsearched`: exhibits (pictures) that stay, in which nobody can be searched for."""

    address: str
    before: datetime | None
    erased: dict[str, int]
    businesses: tuple[str, ...]
    left: tuple[Left, ...]
    files: tuple[str, ...] = ()
    sites: tuple[Path, ...] = ()
    scrubbed: bool = True
    done: bool = True
    unsearched: int = 0


@dataclass(slots=True)
class _Found:
    shas: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    reports: set[int] = field(default_factory=set)
    exhibits: frozenset[int] = frozenset()


def forget(
    app: App,
    written: str,
    why: str,
    *,
    sites: Sequence[Path] = (),
    dry: bool = False,
    progress: Progress = unwatched,
) -> Forgotten:
    """Forget whoever `written` reaches, an address of any configured channel; with `dry`, only say what would go.

    Nobody listens or sends meanwhile. An address that we wrote to stands for its business, which is forgotten as a
    whole. Sites in the folders `sites` are made anew. Raises UsageError when it is no address, or one of our own;
    StoreBusy while another pass runs.
    """
    spellings = _spellings(app, written)
    address = normal(sorted(spellings, key=len)[0])
    with ExitStack() as held:
        for kind in ("listen", "send"):
            held.enter_context(pass_lock(app.config.store, kind))
        if records.is_ours(app.store, spellings):
            raise UsageError(f"{written}: is an address of our own, and no person's")
        before = records.tombstone(app.store, address)
        if not dry:
            understand(app.store, app.clock, rules=todays_rules())  # what is erased can be read no more
        owners = records.owners(app.store, spellings)
        sought = Sought.of({*spellings, address, *(one for owner in owners for one in owner.addresses)})
        found = _find(app, sought, owners, progress)
        what = _erasure(address, sought, owners, found, why)
        erased = {
            "mails": len(found.shas), "reports": len(found.reports), "exhibits": len(found.exhibits),
            "businesses": len(owners),
        }  # fmt: skip
        scrubbed = True
        if not dry and (before is None or found.shas or found.reports or owners):
            erased = erase(app.store, what, app.clock())
            refresh(app)
            scrubbed = app.store.scrub()
    if not dry:
        for site in sites:
            publish(app, site)
    places = (*sites, *([app.config.report.out] if app.config.report.out.is_dir() else ()))
    return Forgotten(
        address=address,
        before=before.at if before else None,
        erased=erased,
        businesses=tuple(owner.key for owner in owners),
        left=tuple(records.left_in_mailboxes(app.store, found.shas)),
        files=tuple(_files(app, places, what)),
        sites=tuple(sites),
        scrubbed=scrubbed,
        done=not dry,
        unsearched=records.count_exhibits(app.store) - (len(found.exhibits) if dry else 0),
    )


def _spellings(app: App, written: str) -> set[str]:
    named = re.fullmatch(r"[^<>]*<([^<>]+)>", written.strip())  # as a mail program copies it: Jo <jo@shop.example>
    text = (named[1] if named else written).strip().rstrip(".")
    found: set[str] = set()
    reasons: list[str] = []
    for channel in app.config.channels.values():
        try:
            found.add(channel.kind.normalise(text))
        except ValueError as error:
            reasons.append(str(error))
    if not found:
        raise UsageError(f"{written!r}: is no address that a configured channel knows ({'; '.join(reasons)})")
    return {one for spelt in (text, *found) for one in (spelt, spelt.lower())}


# --------------------------------------------------------------------------- finding
def _find(app: App, sought: Sought, owners: Sequence[Owner], progress: Progress) -> _Found:
    """Arrivals and reports in which the addresses stand, or that belong to a business to be forgotten, and that
    business's exhibits; then mails of the same businesses in which somebody is only named."""
    found, ids = _Found(), [owner.id for owner in owners]
    found.exhibits = records.exhibits_of(app.store, ids)
    of_theirs = records.reports_of(app.store, ids)
    found.reports = {
        number for number, raw in records.reports(app.store) if number in of_theirs or stands_in_told(raw, sought)
    }
    theirs, no_mails = records.mails_of(app.store, ids), records.no_mails(app.store)
    for sha, raw in records.raws(app.store):
        if sha in no_mails:
            if sha in theirs or stands_in_told(raw, sought):
                found.shas.add(sha)
            progress(1)
            continue
        traced = trace(raw, sought)
        if traced.stands or sha in theirs:
            found.shas.add(sha)
            found.names |= {name for one in traced.names for name in of_sender(one, "")}
        if sha in theirs:
            sender = parse(raw).sender
            found.names |= set(of_sender(sender.name, sender.address))
        progress(1)
    for one in sought.addresses:
        found.names |= {name for name in of_sender("", one) if is_person(name.title())}
    people = [name for name in found.names if is_person(name)]
    if people and found.shas:
        near = records.of_businesses(app.store, found.shas) - found.shas
        found.shas |= {
            sha for sha, raw in records.raws(app.store, near) if (told_says if sha in no_mails else says)(raw, people)
        }
    return found


def _erasure(address: str, sought: Sought, owners: Sequence[Owner], found: _Found, why: str) -> Erasure:
    people = sorted(found.names)
    named = [name for owner in owners for name in (*names_of(owner.name, owner.domains), owner.key)]
    domains = [domain for owner in owners for domain in owner.domains]
    whole = [
        re.sub(r"\s+", r"[\\s.,_-]{1,3}", re.escape(name).replace(r"\ ", " ")) for name in people if is_person(name)
    ]
    by_name = re.compile(rf"(?<!\w)(?:{'|'.join(whole)})(?!\w)", re.I) if whole else None

    def everywhere(text: str) -> str:
        text = sought.blanked(text)
        return by_name.sub("[name]", text) if by_name else text

    def thoroughly(text: str) -> str:
        return redact(everywhere(text), names=named, domains=domains, people=people)

    return Erasure(
        address=address,
        others=frozenset(sought.addresses - {address}),
        shas=frozenset(found.shas),
        reports=frozenset(found.reports),
        exhibits=found.exhibits,
        owners=tuple(owners),
        everywhere=everywhere,
        thoroughly=thoroughly,
        why=why,
    )


# --------------------------------------------------------------------------- files
def _files(app: App, sites: Sequence[Path], what: Erasure) -> Iterator[str]:
    """Files in which the addresses or names stand still: of sites, the list of businesses, the config."""
    for path in (app.config.path, app.config.businesses):
        if path is not None and path.is_file():
            for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
                if what.everywhere(line) != line:
                    yield f"{path}, line {number}"
    for site in dict.fromkeys(sites):
        for path in sorted(one for one in site.rglob("*") if one.is_file()):
            if what.everywhere(text := _text(path)) != text:
                yield str(path)


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        import polars as pl

        try:
            return pl.read_parquet(path).write_csv()
        except (OSError, pl.exceptions.PolarsError):
            pass
    with path.open("rb") as file:
        return file.read(READABLE).decode("utf-8", "replace")
