"""Writes a working folder to begin with: a config, example businesses, scenarios in four languages."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from monitor.clock import system_clock
from monitor.errors import UsageError

FILES = (
    "config.toml",
    "businesses.csv",
    "scenarios/presale-en.toml",
    "scenarios/presale-fr.toml",
    "scenarios/presale-vi.toml",
    "scenarios/presale-zh.toml",
)


def write_starter(folder: Path, today: date | None = None) -> list[Path]:
    """Write the starter files into `folder` (made when it is not there) and return their paths.

    The study in it begins the day after `today` (default: today, UTC). Raises UsageError when one of the files is
    there already, and writes nothing then; or when they cannot be written.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise UsageError(
            f"{folder}: {', '.join(there)} {'is' if len(there) == 1 else 'are'} there already and nothing is "
            "overwritten; name another folder"
        )
    day = today or system_clock().date()
    written: list[Path] = []
    for name in FILES:
        text = (files("monitor") / "starter" / name).read_text(encoding="utf-8")
        text = text.replace("@START@", str(day + timedelta(days=1))).replace("@SEED@", f"{day:%Y%m%d}")
        # Spreadsheets take a CSV for UTF-8 only where it says so.
        data = text.encode("utf-8-sig" if name.endswith(".csv") else "utf-8")
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(data)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}); name a folder that can be") from error
        written.append(path)
    return written
