"""Figures into a folder of static HTML: no script, no request to anywhere, every number traceable to `data/`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from reports import data, words
from reports.charts import axis, bars, marks
from reports.edition import Edition, Study
from reports.figures.model import Figures
from reports.folder import Folder
from reports.outcomes import disposition
from reports.pages import business, method, study
from reports.pages.probes import probe
from reports.pages.study import Unit
from reports.pages.terms import DISPOSITIONS
from reports.pages.told import Told, business_root, study_root
from reports.slugs import slug

STYLE = "static/style.css"
DATA = ("data/outcomes.csv", "data/outcomes.parquet", "data/figures.json")
SEAL = "data/manifest.json"
PER_PAGE = 250
"""Businesses listed on one page of a study; more go on pages of their own."""


def build(frame: pl.DataFrame, edition: Edition, out: Path) -> Path:
    """Write the site of this edition into `out` and return its index page.

    `frame`: an outcome table (outcomes.check), all studies of the edition. Only files that differ are written; files
    of an earlier build that no longer belong are removed; anything else in the folder is left as it is. Raises
    OutcomeError for a frame that is none, SiteError when a file of somebody else's is in the way.
    """
    rows = data.published(frame, edition)
    made = data.compute(frame, edition)
    other = set(rows.filter(pl.col("role") != "recipient")["business"])
    site = _Site(edition, [_study(place, rows, edition, figures) for place, figures in enumerate(made)], other)
    names = [*site.names(), STYLE]
    with Folder(out) as folder:
        folder.expect([*names, *DATA, SEAL])
        for path, content in site.pages():
            folder.write(path, content)
        folder.write(STYLE, files("reports").joinpath("static/style.css").read_text("utf-8"))
        data.write(frame, edition, out, made=made)
        for path in DATA:
            folder.adopt(path)
    data.seal(out)
    return out / "index.html"


@dataclass(frozen=True, slots=True)
class _Studied:
    """One study, measured: the figures and the businesses in the order shown."""

    place: int
    study: Study
    told: Told
    units: list[Unit]
    rows: Mapping[str, list[dict[str, Any]]]
    """Outcome rows by business, oldest first."""


def _study(place: int, rows: pl.DataFrame, edition: Edition, figures: Figures) -> _Studied:
    of = edition.studies[place]
    window = of.headline
    mine = rows.filter(
        (pl.col("study") == of.id) & (pl.col("version") == of.version) & (pl.col("role") == "recipient")
    ).sort("business", "sent_at", "probe", nulls_last=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in disposition(mine, window=window, now=edition.now).iter_rows(named=True):
        found.setdefault(row["business"], []).append(row)
    units = [
        study.unit(
            one.name,
            edition,
            f"business/{slug(one.name)}.html",
            [probe(row, edition, window) for row in found.get(one.name, ())],
            Told(business_root(place, at), one),
        )
        for at, one in enumerate(figures.per_business)
    ]
    return _Studied(place, of, Told(study_root(place), figures), sorted(units, key=study.order), found)


class _Site:
    """The pages of one edition, rendered one at a time."""

    def __init__(self, edition: Edition, studies: Sequence[_Studied], other: Collection[str]) -> None:
        """`other`: keys of controls and vendors, which have no page unless they were also asked themselves."""
        self.edition, self.studies = edition, studies
        self.parts: dict[str, list[tuple[_Studied, Unit]]] = {}
        for one in studies:
            for unit in one.units:
                self.parts.setdefault(unit.key, []).append((one, unit))
        # a business that the edition knows but no study has asked yet has a page too
        for key in edition.units:
            if key not in other:
                self.parts.setdefault(key, [])

    def names(self) -> Iterator[str]:
        """Paths of all pages."""
        yield from ("index.html", "method.html")
        for one in self.studies:
            yield from (self._list(one, page) for page in range(self._lists(one)))
        yield from (f"business/{slug(key)}.html" for key in self.parts)

    def pages(self) -> Iterator[tuple[str, str]]:
        """Paths and contents of all pages."""
        if len(self.studies) != 1:
            yield (
                "index.html",
                self._render("index.html", "index.html", studies=[self._context(one, "") for one in self.studies]),
            )
        for one in self.studies:
            context = self._context(one, "../" * self._list(one, 0).count("/"))
            for page in range(self._lists(one)):
                path = self._list(one, page)
                listed = one.units[page * PER_PAGE : (page + 1) * PER_PAGE]
                template = "study.html" if page == 0 else "businesses.html"
                yield path, self._render(template, path, **context, listed=listed, page=page)
        for key, parts in self.parts.items():
            path = f"business/{slug(key)}.html"
            yield path, self._render("business.html", path, **business.page(key, self._business(parts), self.edition))
        yield "method.html", self._render("method.html", "method.html", **method.page(self.edition))

    def _context(self, one: _Studied, up: str) -> dict[str, Any]:
        lists = [self._list(one, page) for page in range(self._lists(one))]
        return study.page(one.study, one.told, one.units, self.edition, up) | {
            "lists": lists, "href": lists[0], "repeated": self._repeated(one.study),
        }  # fmt: skip

    def _business(self, parts: Sequence[tuple[_Studied, Unit]]) -> list[business.Part]:
        made = []
        for one, unit in parts:
            window = one.study.headline
            probes = [probe(row, self.edition, window, events=True) for row in one.rows.get(unit.key, ())]
            made.append(
                business.Part(
                    study=one.study,
                    repeated=self._repeated(one.study),
                    href=self._list(one, 0),
                    told=unit.told,
                    probes=probes,
                )
            )
        return made

    def _repeated(self, one: Study) -> bool:
        """Whether the edition holds several versions of this study, so that pages must tell them apart."""
        return sum(other.study.id == one.id for other in self.studies) > 1

    def _lists(self, one: _Studied) -> int:
        return max(1, -(-len(one.units) // PER_PAGE))

    def _list(self, one: _Studied, page: int) -> str:
        """The page of a study, and the further pages that list its businesses."""
        if page == 0 and len(self.studies) == 1:
            return "index.html"
        newest = max(other.study.version for other in self.studies if other.study.id == one.study.id)
        stem = f"study/{slug(one.study.id)}"
        if one.study.version != newest:
            stem += f"/version-{one.study.version}"
        return f"{stem}.html" if page == 0 else f"{stem}/{page + 1}.html"

    def _render(self, template: str, path: str, **context: Any) -> str:
        up = "../" * path.count("/")
        return _environment().get_template(template).render(
            edition=self.edition, path=path, up=up, several=len(self.studies) > 1, **context
        )  # fmt: skip


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """The templates, compiled once. Everything is escaped: names and replies are hostile until proven otherwise."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals |= {
        "w": words, "axis": axis, "bars": bars, "marks": marks, "DISPOSITIONS": DISPOSITIONS, "clip": study.clip,
        "minimum": method.MINIMUM,
    }  # fmt: skip
    return made
