"""Writes the evidence of one probe to a file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

from monitor.app import App
from monitor.errors import UsageError
from monitor.evidence import bundle, packed
from monitor.outcome import outcome
from monitor.report import coder
from monitor.store.evidence import evidence, probe_ids
from monitor.store.scoring import probe_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bundle that was written, and what it holds."""

    path: Path
    probe: str
    sha256: str
    contacts: int
    arrivals: int


def write(app: App, probe: str, out: Path | None) -> Written:
    """Write the bundle of a probe, named by its id or by its code on the page. Raises UsageError, StoreError."""
    found = evidence(app.store, probe)
    if found is None:
        code = coder(app.store)
        found = next((evidence(app.store, one) for one in probe_ids(app.store) if code(one) == probe), None)
    if found is None:
        raise UsageError(f"there is no probe {probe!r}; the page and `unanswered inbox` name them")
    name = found.probe["id"]
    (facts,) = probe_facts(app.store, probes=[name])
    members = bundle(found, outcome(facts), now=app.clock(), software=f"unanswered {installed('unanswered')}")
    data = packed(members)
    path = out or Path(f"evidence-{name}.zip")
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)  # noqa: PTH105 - one step: never half a bundle under its name
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file with --out") from error
    return Written(
        path=path,
        probe=name,
        sha256=hashlib.sha256(data).hexdigest(),
        contacts=sum(contact["tries"] > 0 for contact in found.contacts),
        arrivals=len(found.arrivals),
    )
