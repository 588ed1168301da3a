"""Reads pages one after the other in a browser of its own: the child process of `reading.py`.

Takes a job a line on standard input, {"target", "file": true|false, "scripts": true|false, "timeout": ms}, and gives
a line for each:
{"target": ..., "page": snapshot} or {"target": ..., "problem": text}. The first line is {"ready": true} or
{"no_browser": text}. It may hang on a hostile page or die of it: the parent sees to that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from probes.contract import ProbeError
from probes.web import browser, opening, snapshot, take


def main(arguments: list[str]) -> None:
    """Serves until standard input ends. Arguments: the browser's path and the proxy's address, "" for none."""
    configured, proxy = [*arguments, "", ""][:2]
    try:
        with browser.started(configured or None, proxy=proxy or None) as started:
            _say({"ready": True})
            for line in sys.stdin:
                job = json.loads(line)
                _say({"target": job["target"], **_read(started, job)})
    except browser.NoBrowser as error:
        _say({"no_browser": str(error)})


def _read(started: Any, job: dict[str, Any]) -> dict[str, Any]:
    try:
        if job["file"]:
            opened = opening.saved(started, Path(job["target"]), timeout=job["timeout"], scripts=job["scripts"])
        else:
            opened = opening.live(started, job["target"], timeout=job["timeout"])
        with opened as page:
            return {"page": snapshot.to_json(take.take(page).page)}
    except ProbeError as error:
        return {"problem": str(error), "scripts": not error.permanent}
    except Exception as error:  # whatever a hostile page makes of the browser is said of this page
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return {"problem": f"cannot be read ({said})", "scripts": True}


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
