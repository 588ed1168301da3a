"""The folder a site lives in: writes what changed, takes away what is no longer ours to show, leaves the rest alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType

MANIFEST = ".unanswered.json"
GENERATOR = b'<meta name="generator" content="unanswered">'
STYLE = b"/* unanswered:"


class SiteError(Exception):
    """The site could not be written: says which file is in the way and what to do."""


class Folder:
    """A site being written; use as a context manager. Files in it are named by relative POSIX paths.

    Before the first page is written the manifest names every file that may come, so that a build cut short leaves
    nothing that the next one would take for somebody else's. On leaving without an error, files of the earlier build
    that were not written again are removed, if nobody changed them since; then the manifest is final.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._earlier = _manifest(out)
        self._coming: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def __enter__(self) -> Folder:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SiteError(f"{self.out}: cannot be made a folder ({error}); name another with --out") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._sweep()
            self._note({**self._coming, **self._now})
        elif self._coming:
            self._note({**self._coming, **(self._earlier or {}), **self._now})

    def expect(self, paths: Iterable[str]) -> None:
        """Say which files will come. Raises SiteError, before anything is written, when one is there and not ours."""
        coming = dict.fromkeys(paths, "")
        note = self.out / MANIFEST
        wrong = [note] if self._earlier is None and note.exists() else []
        wrong += [
            place
            for path in coming
            if path not in (self._earlier or {}) and (place := self._place(path)).exists() and not _ours(place)
        ]
        if wrong:
            raise SiteError(f"{wrong[0]} was not written by unanswered; move it, or name another folder")
        self._coming = coming
        self._note({**coming, **(self._earlier or {})})

    def write(self, path: str, content: str | bytes) -> None:
        """Write one file, unless it holds exactly this already."""
        raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
        self._now[path] = hashlib.sha256(raw).hexdigest()
        place = self._place(path)
        if place.is_file() and place.stat().st_size == len(raw) and place.read_bytes() == raw:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(place.name + ".part")
        draft.write_bytes(raw)
        draft.replace(place)  # a reader sees the old page or the new one, never half of one

    def adopt(self, path: str) -> None:
        """Count a file that another part wrote into the folder as one of this build."""
        self._now[path] = hashlib.sha256(self._place(path).read_bytes()).hexdigest()

    def _place(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            raise SiteError(f"{path!r} is no file inside the site")
        return self.out.joinpath(*parts)

    def _sweep(self) -> None:
        for path, digest in (self._earlier or {}).items():
            if path in self._now:
                continue
            try:
                place = self._place(path)
            except SiteError:
                continue  # a manifest that somebody edited leads nowhere outside
            outside = self.out.resolve() not in place.resolve().parents
            if outside or place.is_symlink() or not place.is_file():
                continue
            # without a digest it is from a build cut short: then the page itself must say that it is ours
            if _ours(place) if not digest else hashlib.sha256(place.read_bytes()).hexdigest() == digest:
                place.unlink()

    def _note(self, files: dict[str, str]) -> None:
        text = json.dumps({"generator": "unanswered", "files": dict(sorted(files.items()))}, indent=0) + "\n"
        place = self.out / MANIFEST
        if not place.is_file() or place.read_text("utf-8", "replace") != text:
            place.write_text(text, "utf-8")


def _manifest(out: Path) -> dict[str, str] | None:
    """Files of the earlier build with their SHA-256 ("" while it was still being written); None when there was none."""
    try:
        read = json.loads((out / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(read, dict) or read.get("generator") != "unanswered" or not isinstance(read.get("files"), dict):
        return None
    return {str(path): str(digest) for path, digest in read["files"].items()}


def _ours(place: Path) -> bool:
    """Whether a page or style sheet says itself that it is ours (the manifest may be lost)."""
    if not place.is_file():
        return False
    with place.open("rb") as file:
        begin = file.read(2048)
    return GENERATOR in begin or begin.startswith(STYLE)
