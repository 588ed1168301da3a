"""Takes the snapshot of a page that is open in a browser, and finds its elements again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from probes.web import snapshot
from probes.web.snapshot import Frame, Page, Ref

if TYPE_CHECKING:
    from playwright.sync_api import ElementHandle, JSHandle
    from playwright.sync_api import Frame as BrowserFrame
    from playwright.sync_api import Page as BrowserPage

MOST_FRAMES = 25
_FIND = """(path) => { let root = document, found = null;
  for (const step of path) { found = root && root.querySelector(step); root = found && found.shadowRoot; }
  return found; }"""


@cache
def script() -> str:
    """The collector, as the expression that is evaluated in each frame."""
    return resources.files("probes.web").joinpath("collect.js").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and the elements it speaks of, alive as long as the document they stand in."""

    page: Page
    kept: dict[tuple[int, ...], JSHandle]

    def element(self, ref: Ref) -> ElementHandle:
        """The very element. Raises LookupError when it was not kept; Playwright's Error when its document is gone."""
        if ref.frame not in self.kept:
            raise LookupError(f"frame {ref.frame} is not part of the snapshot")
        handle = self.kept[ref.frame].evaluate_handle("(kept, n) => kept[n] || null", ref.number).as_element()
        if handle is None:
            raise LookupError(f"there is no element {ref.number} in frame {ref.frame}")
        return handle


def take(page: BrowserPage) -> Taken:
    """Reads a page with all its frames. Raises Playwright's Error when the top document cannot be read."""
    frames: list[Frame] = []
    kept: dict[tuple[int, ...], JSHandle] = {}
    problems: list[str] = []
    todo: list[tuple[tuple[int, ...], BrowserFrame, bool]] = [((), page.main_frame, True)]
    while todo:
        path, frame, visible = todo.pop(0)
        if len(frames) >= MOST_FRAMES:
            problems.append(f"the page has more than {MOST_FRAMES} frames; the rest is not read")
            break
        try:
            if path:
                visible = visible and frame.frame_element().is_visible()
            found = frame.evaluate_handle(script())
            data: dict[str, Any] = found.get_property("data").json_value()
            kept[path] = found.get_property("elements")
        except Exception as error:
            if not path:
                raise
            problems.append(f"a frame cannot be read: {str(error).splitlines()[0][:120]}")
            continue
        frames.append(Frame(data=data, path=path, visible=visible))
        todo += [((*path, at), child, visible) for at, child in enumerate(frame.child_frames)]
    if problems:
        frames[0] = Frame(data={**frames[0].data, "problems": [*frames[0].data.get("problems", ()), *problems]})
    return Taken(snapshot.join(frames), kept)


def locate(page: BrowserPage, ref: Ref) -> ElementHandle | None:
    """The element at this place of the page as it is now (loaded again); None when nothing stands there."""
    frame = page.main_frame
    for at in ref.frame:
        if at >= len(frame.child_frames):
            return None
        frame = frame.child_frames[at]
    return frame.evaluate_handle(_FIND, list(ref.path)).as_element()
