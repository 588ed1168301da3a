"""The whole job on an embedded sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import Json, Quiet, cli, open_terminal


@cli.command(rich_help_panel="Try")
def demo(
    out: Annotated[Path, typer.Option(help="Where to write; emptied first when an earlier demo made it.")] = Path(
        "demo"
    ),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The whole job on an embedded sandbox; planted truth beside what was measured. Exits 1 when any differs."""
    from monitor.demo import run as run_demo
    from monitor.demo_result import show

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with terminal.progress("demo") as bar:
        result = run_demo(out, progress=bar)
    show(result, terminal)
    raise typer.Exit(result.exit_code)
