"""What people may ask of us: to be left alone, and to be forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="People")
def stop(
    address: Annotated[str, typer.Argument(help="An address or, for a whole mail domain, the domain.")],
    why: Annotated[str, typer.Option(help="For the record.")] = "asked to be left alone",
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Never contact an address again, on any channel. Counts at once, also for what is planned."""
    from monitor import show
    from monitor.stopping import stop as stop_for_good

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        show.stopped(terminal, stop_for_good(app, address, why))


@cli.command(rich_help_panel="People")
def forget(
    address: Annotated[str, typer.Argument(help="The address of a person or of a business.")],
    why: Annotated[str, typer.Option(help="For the record.")] = "asked to be forgotten",
    site: Annotated[list[Path] | None, typer.Option(help="A published site to be made anew; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Erased is erased.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go (as without --yes).")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Erase a person from raw mail, texts and pages, leaving a tombstone. Exits 1 while a file names them still.

    Facts, times and figures stay. An address that we wrote to stands for its business: it is forgotten as a whole.
    Mailboxes, backups and copies of what was published are out of reach: it says what to delete there.
    """
    from monitor import show_people
    from monitor.errors import UsageError
    from monitor.forgetting import forget as forget_for_good

    if yes and dry_run:
        raise UsageError("--yes and --dry-run exclude each other; write one of them")
    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app, terminal.counting("looking through mails") as count:
        done = forget_for_good(app, address, why, sites=site or (), dry=not yes, progress=count)
    raise typer.Exit(show_people.forgotten(terminal, done))
