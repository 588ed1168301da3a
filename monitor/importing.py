"""Businesses from a file into the store: all of them, or none, unless the bad rows are written aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.app import App
from monitor.businesses import Reject, read, rejects_csv
from monitor.errors import ConfigError, UsageError
from monitor.store.records import ImportResult, import_businesses, suppressed


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtIn:
    """What came of a file. `result` is None when nothing was stored because rows are bad."""

    file: Path
    rows: int
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...]
    result: ImportResult | None


def bring_in(
    app: App,
    file: Path,
    skip_bad: Path | None = None,
    *,
    basis: str | None = None,
    timezone: str | None = None,
    language: str | None = None,
) -> BroughtIn:
    """Import the businesses in `file`; with `skip_bad` the good rows are taken and the bad ones written there.

    Raises UsageError when the file cannot be read or the other not written, ConfigError when the file as a whole
    cannot be understood (no heading, no column that is known).
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); name the CSV to import") from error
    kinds = {name: channel.kind for name, channel in app.config.channels.items()}
    found = read(
        raw,
        kinds=kinds,
        default_basis=basis,
        default_timezone=timezone,
        default_language=language,
        forgot=suppressed(app.store).forgot,
    )
    if found.problems:
        raise ConfigError(*(f"{file}: {problem}" for problem in found.problems))
    result = None
    if not found.rejects or skip_bad is not None:
        if skip_bad is not None and found.rejects:
            try:
                skip_bad.write_bytes(rejects_csv(found))
            except OSError as error:
                raise UsageError(f"{skip_bad}: cannot be written ({error.strerror}); name another file") from error
        result = import_businesses(app.store, found.rows, app.clock())
    return BroughtIn(file=file, rows=len(found.rows), rejects=found.rejects, warnings=found.warnings, result=result)
