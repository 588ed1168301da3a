"""What people may ask of us: to be left alone."""

from __future__ import annotations

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
