"""`unanswered --help` beside the smallest Typer program there is, whole processes, in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELLO = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    print("hello", name)


app()
"""
RUNS = 15
BAR = 1.6


def seconds(command: list[str]) -> float:
    """Wall seconds of one run of a command."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print the median of each and the median of the ratios, pair by pair."""
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        floor_command = [sys.executable, str(hello), "--help"]
        ours_command = [sys.executable, "-c", "from monitor.cli import main; main()", "--help"]
        for command in (floor_command, ours_command):
            seconds(command)  # warm: byte code and disk cache
        floors, ours = [], []
        for _ in range(RUNS):
            floors.append(seconds(floor_command))
            ours.append(seconds(ours_command))
    ratio = statistics.median(a / b for a, b in zip(ours, floors, strict=True))
    print(
        f"start: `unanswered --help` {statistics.median(ours) * 1000:.0f} ms, bare Typer --help "
        f"{statistics.median(floors) * 1000:.0f} ms: ratio {ratio:.2f} (bar: at most {BAR})"
    )


if __name__ == "__main__":
    main()
