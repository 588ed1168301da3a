"""What commands print.

Rich tables and progress bars for a person, plain aligned text when piped, one JSON object a line with --json, and
nothing but problems with --quiet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any


def jsonable(value: object) -> object:
    """Datetimes as ISO 8601 with zone, durations as seconds, paths as text, sets sorted."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not printable as JSON")


def local(moment: datetime | None) -> str:
    """A moment as people read it: to the minute, with its zone; empty for None."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M %Z")


def lasting(span: timedelta | None) -> str:
    """A duration in its two largest units: "3 d 4 h", "20 min"; empty for None."""
    if span is None:
        return ""
    seconds = int(span.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size:
            parts.append(f"{seconds // size} {unit}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"


def printable(text: str) -> str:
    """Text without control characters: what came in by mail must not steer a terminal."""
    return "".join(c if c.isprintable() else "�" if c not in "\n\t" else " " for c in text)


def _nothing(done: int, total: int | None) -> None:
    """Progress that nobody watches."""


class Terminal:
    """Where a command's output goes. `out` is for results, `err` for progress and problems."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def say(self, text: str) -> None:
        """A line for a person; not with --json or --quiet."""
        if not self.as_json and not self.quiet:
            print(printable(text))

    def warn(self, text: str) -> None:
        """A line that must be seen whatever the options."""
        print(printable(text), file=sys.stderr)

    def record(self, row: Mapping[str, Any]) -> None:
        """One JSON object on one line; only with --json."""
        if self.as_json:
            print(json.dumps(dict(row), ensure_ascii=False, default=jsonable))

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        right: Sequence[str] = (),
        styles: Callable[[Sequence[object]], str | None] | None = None,
    ) -> None:
        """A table; `right` names the columns aligned right, `styles` gives a rich style for a row."""
        if self.as_json or self.quiet:
            return
        text = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
        if sys.stdout.isatty():
            self._rich_table(title, columns, text, rows, right, styles)
            return
        from rich.cells import cell_len  # a Chinese character takes two columns

        print(title)
        widths = [max(cell_len(line[i]) for line in [list(columns), *text]) for i in range(len(columns))]
        for line in [list(columns), *text]:
            gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
            cells = [
                gap + cell if column in right else cell + gap
                for cell, gap, column in zip(line, gaps, columns, strict=True)
            ]
            print("  ".join(cells).rstrip())

    def bar(self, label: str, parts: Sequence[tuple[str, str]], note: str = "") -> None:
        """A row of marks after a label: (marks, rich style) each; plain marks when piped."""
        if self.as_json or self.quiet:
            return
        if not sys.stdout.isatty():
            print(label, "".join(marks for marks, _ in parts), note)
            return
        from rich.console import Console
        from rich.text import Text

        Console().print(Text.assemble(f"{printable(label)} ", *parts, f"  {note}"))

    def _rich_table(
        self,
        title: str,
        columns: Sequence[str],
        text: Sequence[Sequence[str]],
        rows: Sequence[Sequence[object]],
        right: Sequence[str],
        styles: Callable[[Sequence[object]], str | None] | None,
    ) -> None:
        from rich import box
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", overflow="fold")
        for line, row in zip(text, rows, strict=True):
            table.add_row(*(escape(cell) for cell in line), style=styles(row) if styles else None)
        Console().print(table)

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int], None]]:
        """A bar for work whose end is not known; the callable takes how many more are done."""
        done = 0
        with self.progress(what) as bar:

            def more(count: int) -> None:
                nonlocal done
                done += count
                bar(done, None)

            yield more

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """A bar that says of what, on the error stream; silent when that is no terminal.

        The callable takes (done, total); total None while it is not known.
        """
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield _nothing
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
