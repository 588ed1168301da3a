"""The scorecard site, and proof of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="Publish")
def report(
    out: Annotated[Path | None, typer.Option(help="Folder of the site; default: `report.out` of the config.")] = None,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the scorecard site, with its data files."""
    from monitor.report import publish

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app, terminal.progress("deciding outcomes") as bar:
        done = publish(app, out or app.config.report.out, progress=bar)
    terminal.say(f"{done.index}: edition {done.edition}, {done.businesses} businesses, {done.probes} probes")
    terminal.record(
        {"index": done.index, "edition": done.edition, "businesses": done.businesses, "probes": done.probes}
    )


@cli.command(rich_help_panel="Publish")
def verify(
    site: Annotated[Path, typer.Argument(help="Folder of a published site.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Recompute a site's figures from its own data files. Exits 1 on any difference."""
    from monitor.errors import UsageError
    from reports.data import verify as differences

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    if not (site / "data").is_dir():
        raise UsageError(f"{site}: holds no data/ folder; name the folder that `unanswered report` wrote")
    found = differences(site)
    for line in found:
        terminal.warn(line)
        terminal.record({"difference": line})
    if not found:
        terminal.say(f"{site}: every published number follows from its data files")
    raise typer.Exit(1 if found else 0)
