"""Setting up: a working folder, businesses, and whether every part works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="Set up")
def init(
    folder: Annotated[Path, typer.Argument(help="Where; made when it is not there.")] = Path(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a working folder: config.toml, businesses.csv and scenarios in four languages."""
    from monitor.init import write_starter

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    for path in write_starter(folder):
        terminal.say(f"wrote {path}")
        terminal.record({"wrote": path})
    terminal.say("Next: edit them, then `unanswered import` and `unanswered plan`.")


@cli.command(rich_help_panel="Set up")
def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Check the whole store too: every raw hash, every reference, every state.")
    ] = False,
    wait: Annotated[int, typer.Option(help="Seconds to wait for a canary; 0: send none.", min=0)] = 60,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try every part by a round trip and say what to do. Exits 1 when something does not work."""
    from datetime import timedelta
    from itertools import chain

    from monitor.doctor import deep as look_deep
    from monitor.doctor import examine

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    failed = 0
    with open_app(config) as app:
        checks = examine(app.config, app.store, app.channels, app.clock, wait=timedelta(seconds=wait))
        for check in chain(checks, look_deep(app.store) if deep else ()):
            failed += not check.ok
            line = f"{'ok     ' if check.ok else 'problem'}  {check.name}: {check.detail}"
            if check.ok:
                terminal.say(line)
            elif not as_json:
                terminal.warn(line)
                if check.advice:
                    terminal.warn(f"         do: {check.advice}")
            terminal.record({"name": check.name, "ok": check.ok, "detail": check.detail, "advice": check.advice})
    raise typer.Exit(1 if failed else 0)


@cli.command("import", rich_help_panel="Set up")
def import_(
    file: Annotated[Path | None, typer.Argument(help="CSV; default: `businesses` of the config.")] = None,
    skip_bad: Annotated[
        Path | None, typer.Option("--skip-bad", metavar="REJECTS.csv", help="Take the good rows; write the bad here.")
    ] = None,
    basis: Annotated[str | None, typer.Option(help="Basis of rows that name none.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of rows that name none.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of rows that name none.")] = None,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read businesses and their addresses. Every bad row is named; nothing is imported by half. Exits 1 on bad rows."""
    from monitor import importing

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        done = importing.bring_in(
            app, file or app.config.businesses, skip_bad, basis=basis, timezone=timezone, language=language
        )
    for warning in done.warnings:
        terminal.warn(f"note: {warning}")
    for reject in done.rejects:
        terminal.warn(f"{done.file}, line {reject.line}: {'; '.join(reject.reasons)}")
        terminal.record({"line": reject.line, "reasons": list(reject.reasons)})
    if done.result is None:
        terminal.warn(
            f"nothing was imported: {len(done.rejects)} of {done.rows + len(done.rejects)} rows are bad. Mend them, "
            "or take the others with --skip-bad REJECTS.csv"
        )
        raise typer.Exit(1)
    found = done.result
    terminal.say(
        f"{found.added} businesses added, {found.changed} changed, {found.unchanged} as they were; "
        f"{found.endpoints_added} addresses added, {found.endpoints_retired} retired"
    )
    if done.rejects:
        terminal.say(f"{len(done.rejects)} rows were left out: {skip_bad}")
    terminal.record(
        {
            "added": found.added,
            "changed": found.changed,
            "unchanged": found.unchanged,
            "addresses_added": found.endpoints_added,
            "addresses_retired": found.endpoints_retired,
            "rejected": len(done.rejects),
        }
    )
    raise typer.Exit(1 if done.rejects else 0)
