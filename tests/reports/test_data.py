"""The published files: exact, harmless in a spreadsheet, and enough to recompute every number."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import data
from reports.figures.model import DAY, HOUR
from reports.outcomes import OutcomeError, frame
from tests.reports import making
from tests.reports.making import WINDOWS, edition, row, study

ROWS = [
    row(f"p{at}", f"b{at % 15}", group="owner" if at % 15 > 12 else None, reason=None if at % 2 else "250 taken")
    | ({"first_human_at": at * HOUR, "first_human_kind": "human", "first_reply_at": at * HOUR} if at % 3 else {})
    for at in range(90)
]
HEADLINE = "studies.0.figures.windows.1.no_human"


def page(path: str, value: str, text: str = "so many") -> str:
    return f'<!doctype html><title>t</title><p>In all <b data-figure="{path}" data-value="{value}">{text}</b>.'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (found,) = data.write(frame(ROWS), edition(), tmp_path)
    headline = found.windows[1].no_human
    (tmp_path / "index.html").write_text(page(f"{HEADLINE}.count", str(headline.count)))
    (tmp_path / "business").mkdir()
    (tmp_path / "business" / "b1.html").write_text(
        page(f"{HEADLINE}.value", repr(headline.value)) + page("studies.0.figures.per_business.0.human.p90.at", "null")
    )
    data.seal(tmp_path)
    return tmp_path


def document(site: Path) -> Any:
    return json.loads((site / "data" / "figures.json").read_text())


def publish_anew(site: Path, path: str, change: Callable[[Any], Any]) -> None:
    """Change the value at a path of figures.json and make the manifest fit: only recomputing can tell."""
    whole = document(site)
    *steps, last = path.split(".")
    inner = whole
    for step in steps:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    key = int(last) if isinstance(inner, list) else last
    inner[key] = change(inner[key])
    (site / "data" / "figures.json").write_text(data.canonical(whole))
    data.seal(site)


# --------------------------------------------------------------------------- what is written
def test_a_site_as_it_was_written_verifies(site: Path) -> None:
    assert data.verify(site) == []


def test_the_figures_are_those_that_were_returned(site: Path) -> None:
    (found,) = data.compute(frame(ROWS), edition())
    assert data.canonical(document(site)["studies"][0]["figures"]) == data.canonical(found)
    assert [one.name for one in found.per_business] == sorted({f"b{at}" for at in range(15)})
    assert found.per_business[3].windows[1].no_human.n == 6


def test_writing_the_same_again_gives_the_same_bytes(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    data.write(frame(list(reversed(ROWS))), edition(), other)
    for name in data.FILES:
        assert (other / "data" / name).read_bytes() == (site / "data" / name).read_bytes(), name


def test_the_parquet_file_is_exact_and_the_csv_gives_the_same_rows(site: Path) -> None:
    wanted = frame(ROWS).sort("probe")
    assert pl.read_parquet(site / "data" / "outcomes.parquet").equals(wanted)
    assert data.read_csv(site / "data" / "outcomes.csv").equals(wanted)


def test_only_the_studies_and_versions_of_the_edition_are_published(tmp_path: Path) -> None:
    rows = frame([row("p1", "b1"), row("p2", "b1", study="another"), row("p3", "b1", version=2)])
    assert data.published(rows, edition())["probe"].to_list() == ["p1"]
    both = edition(studies=(study(), study(version=2)))
    first, second = data.write(rows, both, tmp_path)
    assert (first.probes, second.probes) == (1, 1)
    assert [one["version"] for one in document(tmp_path)["studies"]] == [1, 2]
    assert data.verify(tmp_path) == []


def test_where_names_are_off_neither_owners_nor_servers_words_are_published(tmp_path: Path) -> None:
    rows = [
        row("p1", "code-1", group="Smith & Sons", reason="550 no such user <info@smith.example>", state="not_sent"),
        row("p2", "code-2", group="Smith & Sons"),
        row("p3", "code-3", group="Jones"),
        row("p4", "code-4"),
    ]
    (found,) = data.write(frame(rows), edition(names=False), tmp_path)
    assert found.groups == 3
    assert b"mith" not in b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    groups = pl.read_parquet(tmp_path / "data" / "outcomes.parquet")["group"].to_list()
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] is None
    assert data.verify(tmp_path) == []
    data.write(frame(rows), edition(names=True), tmp_path)
    assert "info@smith.example" in (tmp_path / "data" / "outcomes.csv").read_text()


def test_a_frame_that_is_no_outcome_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomeError):
        data.write(frame(ROWS).drop("sent_at"), edition(), tmp_path)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "=", "'", "\uff1d1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_is_guarded_and_read_back(text: str, tmp_path: Path) -> None:
    rows = frame([row("p1", text, reason=text, pair=f'{text}, "quoted"\nand more')])
    data.write(rows, edition(), tmp_path)
    cells = (tmp_path / "data" / "outcomes.csv").read_text(encoding="utf-8").split("\n", 1)[1].split(",")
    assert cells[3].strip('"').startswith("'")
    assert data.read_csv(tmp_path / "data" / "outcomes.csv").equals(rows)
    assert data.verify(tmp_path) == []


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.text(), st.one_of(st.none(), st.text(alphabet="=+-@\t\r\n'\", ;a\x00é"))), min_size=1),
    st.booleans(),
)
def test_any_text_survives_the_csv(texts: list[tuple[str, str | None]], junk: bool) -> None:
    rows = frame([row(f"p{at:03}", one, reason=other, junk=junk) for at, (one, other) in enumerate(texts)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcomes.csv"
        path.write_text(data.to_csv(rows), encoding="utf-8", newline="")
        assert data.read_csv(path).equals(rows)


@settings(max_examples=15)
@given(making.rows())
def test_whatever_was_measured_verifies(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data.write(frame(rows), edition(), Path(folder))
        assert data.verify(Path(folder)) == []


def test_writing_again_does_not_leave_the_manifest_of_older_pages(site: Path) -> None:
    (site / "index.html").write_text("a page being written")
    data.write(frame(ROWS), edition(), site)
    manifest = json.loads((site / "data" / "manifest.json").read_text())
    assert sorted(manifest["files"]) == [f"data/{name}" for name in sorted(data.FILES)]


# --------------------------------------------------------------------------- what verify notices
def test_a_byte_changed_in_any_file_is_noticed(site: Path) -> None:
    for path in sorted(path for path in site.rglob("*") if path.is_file() and path.name != "manifest.json"):
        before = path.read_bytes()
        path.write_bytes(before + b" ")
        name = path.relative_to(site).as_posix()
        assert f"{name}: its sha256 is not the one in the manifest" in data.verify(site)
        path.write_bytes(before)
    assert data.verify(site) == []


def test_a_file_that_is_gone_is_noticed(site: Path) -> None:
    (site / "data" / "outcomes.csv").unlink()
    found = data.verify(site)
    assert found[0] == "data/outcomes.csv: in the manifest, but not there"
    assert found[1].startswith("data/outcomes.csv: cannot be read")
    (site / "data" / "figures.json").unlink()
    assert any("cannot be read" in line for line in data.verify(site))
    (site / "data" / "manifest.json").unlink()
    assert any("manifest.json" in line for line in data.verify(site))


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (f"{HEADLINE}.count", lambda count: count - 1),
        (f"{HEADLINE}.value", lambda value: value - 1e-6),
        (f"{HEADLINE}.interval.low", lambda value: value + 1e-6),
        (f"{HEADLINE}.interval.method", lambda _: "a better one"),
        (f"{HEADLINE}.interval", lambda _: None),
        ("studies.0.figures.human.median.at", lambda at: at + 1),
        ("studies.0.figures.human.share", lambda share: share[:-1]),
        ("studies.0.figures.per_business.4.windows.0.dispositions.5.closed", lambda count: count + 1),
        ("studies.0.figures.per_business", lambda each: each[:-1]),
        ("studies.0.figures.headline", lambda at: at == 1),
        ("studies.0.figures.windows.0", lambda at: {**at, "grade": "A"}),
    ],
)
def test_a_number_changed_in_figures_json_is_noticed_though_its_hash_fits(
    site: Path, path: str, change: Callable[[Any], Any]
) -> None:
    for name in ("index.html", "business/b1.html"):
        (site / name).unlink()
    publish_anew(site, path, change)
    found = data.verify(site)
    assert found
    assert all(line.startswith(path) for line in found)


def test_a_change_in_the_last_digits_of_a_float_is_another_computer_and_no_difference(site: Path) -> None:
    publish_anew(site, "studies.0.figures.human.share.0", lambda share: share + 1e-12)
    assert data.verify(site) == []


def rewrite(site: Path, change: Callable[[pl.DataFrame], pl.DataFrame], *names: str) -> None:
    """Change the rows of the named tables and make the manifest fit."""
    rows = change(pl.read_parquet(site / "data" / "outcomes.parquet"))
    if "parquet" in names:
        rows.write_parquet(site / "data" / "outcomes.parquet")
    if "csv" in names:
        rows.write_csv(site / "data" / "outcomes.csv")
    data.seal(site)


def answered(rows: pl.DataFrame) -> pl.DataFrame:
    """The first silent probe, answered after all."""
    first = (pl.col("probe") == "p0").alias("first")
    at, kind = pl.lit(DAY), pl.lit("human")
    return rows.with_columns(
        first_human_at=pl.when(first).then(at).otherwise("first_human_at"),
        first_reply_at=pl.when(first).then(at).otherwise("first_reply_at"),
        first_human_kind=pl.when(first).then(kind).otherwise("first_human_kind"),
    )


def test_an_outcome_changed_in_both_tables_is_noticed_by_the_figures(site: Path) -> None:
    rewrite(site, answered, "parquet", "csv")
    found = data.verify(site)
    assert any(line.startswith(f"{HEADLINE}.count: figures.json says") for line in found)
    assert all("from the outcome tables" in line for line in found)


@pytest.mark.parametrize("name", ["parquet", "csv"])
def test_an_outcome_changed_in_one_table_is_noticed_as_a_difference_between_them(site: Path, name: str) -> None:
    rewrite(site, answered, name)
    found = data.verify(site)
    assert "outcomes.parquet and outcomes.csv differ: first in 'first_reply_at' of probe 'p0'" in found
    assert any(line.startswith(f"{HEADLINE}.count") and line.endswith(f"outcomes.{name}") for line in found)
    assert not any(line.endswith({"csv": "outcomes.parquet", "parquet": "outcomes.csv"}[name]) for line in found[1:])


def test_a_probe_left_out_of_one_table_is_noticed(site: Path) -> None:
    rewrite(site, lambda rows: rows.slice(1), "csv")
    assert "outcomes.parquet and outcomes.csv hold other probes (90 and 89 rows)" in data.verify(site)


def test_an_impossible_table_is_said_to_be_one(site: Path) -> None:
    rewrite(site, lambda rows: rows.with_columns(state=pl.lit("lost")), "parquet", "csv")
    assert [line for line in data.verify(site) if "state is none of" in line]


@pytest.mark.parametrize("value", ["3", "43.1", "null", "true", "", '"48"', "forty-eight"])
def test_a_number_changed_in_a_page_is_noticed_though_its_hash_fits(site: Path, value: str) -> None:
    (site / "index.html").write_text(page(f"{HEADLINE}.count", value.replace('"', "&quot;")))
    data.seal(site)
    (line,) = data.verify(site)
    assert line.startswith(("index.html: ", f"index.html: {HEADLINE}"))
    assert "data/figures.json" in line


def test_a_number_of_a_page_that_is_not_in_the_data_is_noticed(site: Path) -> None:
    for path in ("studies.0.figures.grade", "studies.7.figures", "studies.x", "", "studies.0.figures.name.0"):
        (site / "index.html").write_text(page(path, "1"))
        data.seal(site)
        (line,) = data.verify(site)
        assert "names nothing in data/figures.json" in line


def test_a_page_in_any_folder_and_broken_html_are_read(site: Path) -> None:
    deep = site / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "c.html").write_bytes(b"<p><svg><g data-figure='" + HEADLINE.encode() + b".n' data-value='1'>\xff<p></b>")
    data.seal(site)
    (line,) = data.verify(site)
    assert line.startswith(f"a/b/c.html: {HEADLINE}.n: the page says 1, data/figures.json ")


def test_a_manifest_that_leads_out_of_the_site_is_not_followed(site: Path) -> None:
    manifest = site / "data" / "manifest.json"
    whole = json.loads(manifest.read_text())
    whole["files"]["../../etc/passwd"] = "0" * 64
    manifest.write_text(json.dumps(whole))
    assert data.verify(site) == ["../../etc/passwd: in the manifest, but outside of the site"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"studies": 3}', '{"studies": [{}]}', "not json", '{"studies": [null]}'])
def test_a_figures_file_that_is_none_is_reported_and_breaks_nothing(site: Path, text: str) -> None:
    (site / "data" / "figures.json").write_text(text)
    assert any("figures.json" in line or "cannot be" in line for line in data.verify(site))


def test_figures_at_hand_are_not_made_again(tmp_path: Path) -> None:
    made = tuple(replace(one, name="at hand") for one in data.compute(frame(ROWS), edition()))
    assert data.write(frame(ROWS), edition(), tmp_path, made=made) is made
    assert document(tmp_path)["studies"][0]["figures"]["name"] == "at hand"


def test_the_windows_of_a_study_are_in_the_file_for_whoever_recomputes_it(site: Path) -> None:
    (one,) = document(site)["studies"]
    assert (one["id"], one["windows"], one["headline"]) == ("study", list(WINDOWS), 7 * DAY)
