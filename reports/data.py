"""The published data files, and recomputing every published figure from them.

    data/outcomes.parquet   the outcome table, exact
    data/outcomes.csv       the same; text that a spreadsheet would run as a formula is guarded by an apostrophe
    data/figures.json       every figure, from which the pages are made; canonical JSON
    data/manifest.json      sha256 of each file; after seal(), of the pages too

A page carries each figure in an element with `data-figure`, its path in figures.json
("studies.0.figures.windows.1.no_human.value"), and `data-value`, the raw number as JSON ("0.48", "null").
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import polars as pl

from reports.edition import Edition
from reports.figures.controls import controls
from reports.figures.model import Figures
from reports.figures.summary import figures, per_business
from reports.outcomes import COLUMNS, OutcomeError, check

FORMAT = 1
CLOSE = 1e-9
"""Two computers may differ in the last digits of a float; counts and times are compared exactly."""
TABLES = ("outcomes.parquet", "outcomes.csv")
FILES = (*TABLES, "figures.json")

_GUARDED = "=+-@\t\r\n'\uff0b\uff0d\uff1d\uff20"
"""A cell that begins with one of these gets an apostrophe before it: spreadsheets would run it as a formula.

Also one that begins with an apostrophe, so that reading takes exactly one away and gives the text that was there.
Source: OWASP, CSV Injection; the last four are + - = @ in full width.
"""
_TEXT = [name for name, kind in COLUMNS.items() if kind == pl.String]


def published(frame: pl.DataFrame, edition: Edition) -> pl.DataFrame:
    """The rows and columns that the edition publishes: probes of its studies, in the order of their ids.

    Where names are off, `reason` (a server's own words) is left out and `group` becomes a number.
    Raises OutcomeError when the frame breaks the table.
    """
    wanted = pl.DataFrame(
        {"study": [s.id for s in edition.studies], "version": [s.version for s in edition.studies]},
        schema={"study": pl.String, "version": pl.Int64},
    )
    rows = check(frame).join(wanted, on=["study", "version"], how="semi").sort("study", "version", "role", "probe")
    if edition.names:
        return rows
    number = "group-" + pl.col("group").rank("dense").cast(pl.String)
    return rows.with_columns(group=number, reason=pl.lit(None, pl.String))


def compute(frame: pl.DataFrame, edition: Edition) -> tuple[Figures, ...]:
    """The figures of each study of the edition, in order, with `per_business` filled."""
    return _compute(published(frame, edition), edition)


def _compute(rows: pl.DataFrame, edition: Edition) -> tuple[Figures, ...]:
    return tuple(_figures(rows, s.id, s.version, s.title, s.windows, s.headline, edition.now) for s in edition.studies)


def _figures(
    rows: pl.DataFrame, study: str, version: int, title: str, windows: Sequence[int], headline: int, now: int
) -> Figures:
    mine = rows.filter((pl.col("study") == study) & (pl.col("version") == version))
    whole = figures(mine, name=title, windows=windows, headline=headline, now=now)
    asked = mine.filter(pl.col("role") == "recipient")
    return replace(
        whole,
        by_hand=asked.filter(pl.col("by_hand").fill_null(value=False)).height,
        controls=controls(mine, now=now),
        per_business=per_business(mine, windows=windows, headline=headline, now=now),
    )


def write(
    frame: pl.DataFrame, edition: Edition, out: Path, *, made: tuple[Figures, ...] | None = None
) -> tuple[Figures, ...]:
    """Write the data files of a site into `out`/data and return the figures of each study.

    `made`: what compute() returned for this frame and edition, where it is at hand already. The manifest names the
    data files; call seal() once the pages are written.
    """
    rows = published(frame, edition)
    made = _compute(rows, edition) if made is None else made
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(data / "outcomes.parquet", compression="zstd", statistics=False)
    _text(data / "outcomes.csv", to_csv(rows))
    studies = [
        {"id": s.id, "version": s.version, "title": s.title, "windows": s.windows, "headline": s.headline,
         "sha256": s.sha256, "figures": one}
        for s, one in zip(edition.studies, made, strict=True)
    ]  # fmt: skip
    whole = {
        "format": FORMAT, "edition": edition.id, "now": edition.now, "rules": edition.rules,
        "software": edition.software, "studies": studies,
    }  # fmt: skip
    _text(data / "figures.json", canonical(whole))
    _manifest(out, [data / name for name in FILES])
    return made


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def canonical(value: Any) -> str:
    """JSON in one spelling: sorted keys, no blanks, shortest numbers that read back the same, one line end."""
    return (
        json.dumps(value, default=_fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def seal(out: Path) -> None:
    """Write data/manifest.json anew, over every file of the site; to be called after the last page."""
    manifest = out / "data" / "manifest.json"
    _manifest(out, [path for path in out.rglob("*") if path.is_file() and path != manifest])


def _manifest(out: Path, files: Sequence[Path]) -> None:
    found = {path.relative_to(out).as_posix(): _sha256(path) for path in files}
    _text(out / "data" / "manifest.json", canonical({"format": FORMAT, "files": found}))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_csv(rows: pl.DataFrame) -> str:
    """The outcome table as CSV: empty cells are null, `""` is empty text, and text is guarded as _GUARDED says."""
    risky = list(_GUARDED)
    guarded = [
        pl.when(pl.col(name).str.slice(0, 1).is_in(risky)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in _TEXT
    ]
    return rows.with_columns(guarded).write_csv(None, quote_style="necessary")


def read_parquet(path: Path) -> pl.DataFrame:
    """The outcome table from a published Parquet file, checked. Raises OutcomeError or a polars error."""
    return check(pl.read_parquet(path))


def read_csv(path: Path) -> pl.DataFrame:
    """The outcome table from a published CSV: guards undone, checked. Raises OutcomeError or a polars error."""
    rows = pl.read_csv(path, schema=COLUMNS)
    return check(rows.with_columns(pl.col(_TEXT).str.strip_prefix("'")))


def verify(site: Path) -> list[str]:
    """Differences, in words, between what a site publishes and what its own data files give; empty: all equal.

    Reads nothing but the folder: the hashes of the manifest; every figure recomputed from outcomes.parquet and from
    outcomes.csv against figures.json; every number that a page carries against figures.json.
    """
    found: list[str] = []
    try:
        found += _hashes(site)
        stated = json.loads((site / "data" / "figures.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [*found, f"data: cannot be read: {error}"]
    tables: list[tuple[str, pl.DataFrame]] = []
    for name, read in (("outcomes.parquet", read_parquet), ("outcomes.csv", read_csv)):
        try:
            tables.append((name, read(site / "data" / name)))
        except (OSError, OutcomeError, pl.exceptions.PolarsError) as error:
            found.append(f"data/{name}: cannot be read: {error}")
    if len(tables) == len(TABLES) and tables[0][1].equals(tables[1][1]):
        tables = [("the outcome tables", tables[0][1])]  # of the same rows the same figures
    elif len(tables) == len(TABLES):
        found.append(_apart(tables[0][1], tables[1][1]))
    for name, rows in tables:
        try:
            found += [f"{line} from {name}" for line in _recomputed(stated, rows)]
        except (LookupError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            found.append(f"data/figures.json: cannot be compared with {name}: {error!r}")
    for page in sorted(site.rglob("*.html")):
        where = page.relative_to(site).as_posix()
        found += [f"{where}: {line}" for line in _page(stated, page.read_text(encoding="utf-8", errors="replace"))]
    return found


def _hashes(site: Path) -> Iterator[str]:
    manifest = json.loads((site / "data" / "manifest.json").read_text(encoding="utf-8"))
    named = manifest["files"]
    yield from (f"data/{name}: not in the manifest" for name in FILES if f"data/{name}" not in named)
    for name, sha256 in named.items():
        path = site / name
        if not path.resolve().is_relative_to(site.resolve()):
            yield f"{name}: in the manifest, but outside of the site"
        elif not path.is_file():
            yield f"{name}: in the manifest, but not there"
        elif _sha256(path) != sha256:
            yield f"{name}: its sha256 is not the one in the manifest"


def _apart(one: pl.DataFrame, other: pl.DataFrame) -> str:
    keys = ["probe", "role"]
    if not one.select(keys).equals(other.select(keys)):
        return f"outcomes.parquet and outcomes.csv hold other probes ({one.height} and {other.height} rows)"
    column = next(name for name in COLUMNS if not one[name].equals(other[name]))
    probe = one.filter(one[column].ne_missing(other[column]))["probe"][0]
    return f"outcomes.parquet and outcomes.csv differ: first in {column!r} of probe {probe!r}"


def _recomputed(stated: Any, rows: pl.DataFrame) -> Iterator[str]:
    for at, study in enumerate(stated["studies"]):
        asked = (study["id"], study["version"], study["title"], study["windows"], study["headline"], stated["now"])
        made, said, path = _figures(rows, *asked), study["figures"], f"studies.{at}.figures"
        whole = {name: value for name, value in said.items() if name != "per_business"} | {"per_business": []}
        yield from _differences(whole, _plain(replace(made, per_business=())), path)
        each = said["per_business"]
        if len(each) != len(made.per_business):
            yield f"{path}.per_business: figures.json has {len(each)} businesses, recomputed {len(made.per_business)}"
        for place, (one, other) in enumerate(zip(each, made.per_business, strict=False)):
            yield from _differences(one, _plain(other), f"{path}.per_business.{place}")


def _plain(made: Figures) -> Any:
    return json.loads(canonical(made))


def _differences(stated: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in sorted(stated.keys() | found.keys()):
            yield from _differences(stated.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for at, (one, other) in enumerate(zip(stated, found, strict=True)):
            yield from _differences(one, other, f"{path}.{at}")
    elif not _same(stated, found):
        yield f"{path}: figures.json says {_short(stated)}, recomputed {_short(found)}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other))
        return numbers and math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return type(one) is type(other) and bool(one == other)


def _short(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _page(stated: Any, html: str) -> Iterator[str]:
    from selectolax.lexbor import LexborHTMLParser

    for node in LexborHTMLParser(html).css("[data-figure]"):
        path, said = node.attributes["data-figure"] or "", node.attributes.get("data-value")
        try:
            shown = json.loads(said or "null")
            value = _at(stated, path)
        except (LookupError, ValueError, TypeError):
            yield f"{path!r} (data-value {said!r}) names nothing in data/figures.json"
            continue
        if not _same(value, shown):
            yield f"{path}: the page says {said}, data/figures.json {_short(value)}"


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
