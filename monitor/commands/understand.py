"""What the rules make of what came in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="Understand")
def classify(
    paths: Annotated[list[Path], typer.Argument(help="Mails (.eml) or folders of them.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what each mail would be taken for, and why. Looks at files only. Exits 1 when one cannot be read."""
    from monitor import show
    from monitor.classify.inspect import describe

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    bad = 0
    for path in show.mails(paths):
        try:
            found = describe(str(path), path.read_bytes())
        except OSError as error:
            bad += 1
            terminal.warn(f"{path}: cannot be read ({error.strerror})")
            continue
        show.verdict(terminal, found)
    raise typer.Exit(1 if bad else 0)


@cli.command(rich_help_panel="Understand")
def form(
    pages: Annotated[list[str], typer.Argument(help="Saved pages, or addresses (http, https).", metavar="URL|FILE...")],
    browser: Annotated[str, typer.Option("--browser", help="A Chromium or Chrome instead of the one found.")] = "",
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which form of a page an enquiry would go into, what each field is for, and whether it would be sent.

    Nothing is filled in or submitted. Files are opened with the network off; addresses outside this machine only where
    there is a config that says `live = true`. Exits 1 when a page cannot be read.
    """
    from monitor import inspecting, show_form
    from monitor.config import load

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    live = load(config).live if config != CONFIG or config.exists() else False
    bad = 0
    for found in inspecting.inspect(pages, browser=browser or None, live=live):
        bad += not show_form.inspected(terminal, found)
    raise typer.Exit(1 if bad else 0)


@cli.command(rich_help_panel="Understand")
def rescore(
    explain: Annotated[bool, typer.Option("--explain", help="Say why each changed.")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Match and classify all stored arrivals again with today's rules."""
    from monitor import show
    from monitor.rescore import rescore as again
    from monitor.store.locks import pass_lock
    from monitor.store.reviewing import in_force
    from monitor.store.traces import count_erased

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app, pass_lock(app.config.store, "listen"), terminal.counting("scoring") as count:
        changed = show.rescored(terminal, again(app.store, app.clock, progress=count), explain=explain)
        show.held(terminal, list(in_force(app.store).values()), explain=explain)
        erased = count_erased(app.store)
    if erased:
        terminal.say(f"{erased} erased on request of a person: they keep what was decided, and cannot be read again")
    terminal.record({"changed": changed, "erased": erased})
