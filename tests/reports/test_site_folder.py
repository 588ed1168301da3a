"""The folder of a site: written again only where it changed, tidied only of what is ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports import data, site
from reports.folder import MANIFEST, Folder, SiteError
from tests.reports import sample


def files(out: Path) -> dict[str, int]:
    """Every file but the data, and when it was last written."""
    return {
        path.relative_to(out).as_posix(): path.stat().st_mtime_ns
        for path in out.rglob("*")
        if path.is_file() and "data" not in path.parts
    }


def build(out: Path, keys: tuple[str, ...] = ("one", "two"), **facts: int) -> Path:
    rows = [sample.row(f"P-{key}", key, **facts) for key in keys]
    return site.build(sample.outcomes(rows), sample.edition(sample.study(), rows=rows, units={}), out)


def test_an_unchanged_page_is_not_written_again(tmp_path: Path) -> None:
    build(tmp_path)
    before = files(tmp_path)
    build(tmp_path)
    assert files(tmp_path) == before


def test_only_the_pages_that_changed_are_written(tmp_path: Path) -> None:
    build(tmp_path)
    before = files(tmp_path)
    rows = [sample.row("P-one", "one"), sample.row("P-two", "two", after_first_human=3_600_000_000)]
    site.build(sample.outcomes(rows), sample.edition(sample.study(), rows=rows, units={}), tmp_path)
    changed = {name for name, at in files(tmp_path).items() if before[name] != at}
    assert changed == {"index.html", "business/two.html", MANIFEST}


def test_a_page_that_no_longer_belongs_is_removed(tmp_path: Path) -> None:
    build(tmp_path)
    build(tmp_path, ("one",))
    assert not (tmp_path / "business/two.html").exists()
    assert (tmp_path / "business/one.html").exists()
    assert data.verify(tmp_path) == []


def test_files_of_somebody_else_stay(tmp_path: Path) -> None:
    build(tmp_path)
    foreign = {"CNAME": "audit.example", "business/notes.html": "<p>mine</p>", "business/deep/x.txt": "y"}
    for name, content in foreign.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    build(tmp_path, ("one",))
    assert {name: (tmp_path / name).read_text() for name in foreign} == foreign


def test_a_page_of_ours_that_somebody_changed_is_not_removed(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "business/two.html").write_text("I wrote this.")
    build(tmp_path, ("one",))
    assert (tmp_path / "business/two.html").read_text() == "I wrote this."


@pytest.mark.parametrize("name", ["index.html", "business/one.html", "static/style.css", "data/figures.json", MANIFEST])
def test_somebody_elses_file_in_the_way_stops_the_build_before_anything_is_written(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("mine")
    with pytest.raises(SiteError, match="was not written by unanswered; move it, or name another folder"):
        build(tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {place}
    assert place.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SiteError, match="file: cannot be made a folder"):
        build(tmp_path / "file")


def test_pages_whose_manifest_was_lost_are_known_again(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / MANIFEST).unlink()
    for path in (tmp_path / "data").iterdir():
        path.unlink()  # data says nothing of who wrote it: without the manifest it would be in the way
    build(tmp_path)
    assert data.verify(tmp_path) == []


def test_a_build_cut_short_is_no_obstacle_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*args: object, **kwargs: object) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data/outcomes.csv").write_text("half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(data, "write", cut)
        with pytest.raises(OSError, match="disk full"):
            build(tmp_path)
    build(tmp_path, ("two",))
    assert data.verify(tmp_path) == []
    assert not (tmp_path / "business/one.html").exists()


@pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt", "link/outside.txt", "a/../../outside.txt"])
def test_a_manifest_that_somebody_edited_removes_nothing_outside(tmp_path: Path, path: str) -> None:
    out, outside = tmp_path / "site", tmp_path / "outside.txt"
    build(out)
    outside.write_text("precious")
    (out / "link").symlink_to(tmp_path)
    manifest = json.loads((out / MANIFEST).read_text())
    digest = data._sha256(outside)
    manifest["files"] |= {path: digest, str(outside): digest}
    (out / MANIFEST).write_text(json.dumps(manifest))
    build(out)
    assert outside.read_text() == "precious"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\\b", "", "a\0b"])
def test_no_page_is_written_outside(tmp_path: Path, path: str) -> None:
    with pytest.raises(SiteError, match="is no file inside the site"), Folder(tmp_path / "site") as folder:
        folder.write(path, "x")


def test_after_an_error_nothing_is_removed(tmp_path: Path) -> None:
    build(tmp_path)
    before = set(files(tmp_path))
    with pytest.raises(RuntimeError), Folder(tmp_path):
        raise RuntimeError
    assert set(files(tmp_path)) == before
    build(tmp_path, ("one",))
    assert not (tmp_path / "business/two.html").exists()
