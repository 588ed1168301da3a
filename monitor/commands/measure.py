"""The job itself: planning, sending, listening, and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="Measure")
def plan(
    until: Annotated[
        str | None, typer.Option(help="How far ahead: a day (2026-12-31) or a time from now (7d). Default: 7d.")
    ] = None,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what will be sent, when and to whom, and what policy refuses and why. Sends and stores nothing."""
    from monitor import show
    from monitor.send import plan_view
    from monitor.store.records import targets

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        view = plan_view(app.store, app.config, app.channels, app.clock, show.horizon(until, app.clock()))
        show.plan(terminal, view, live=app.config.live, anybody=bool(targets(app.store, app.config.channels)))


@cli.command(rich_help_panel="Measure")
def send(config: ConfigPath = CONFIG, as_json: Json = False, quiet: Quiet = False) -> None:
    """One pass: send what is due now. For cron."""
    from monitor import show
    from monitor.send import send_pass
    from monitor.store.locks import pass_lock

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app, pass_lock(app.config.store, "send"), terminal.progress("sending") as bar:
        summary = send_pass(app.store, app.config, app.channels, app.clock, progress=bar)
    raise typer.Exit(show.sent(terminal, summary))


@cli.command(rich_help_panel="Measure")
def listen(
    once: Annotated[bool, typer.Option("--once", help="One pass, then end; without it: until stopped.")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take in what has come, understand it, and prove that we hear. Exits 1 when a canary is lost, 3 when deaf."""
    from monitor import service, show
    from monitor.attesting import attest_pass
    from monitor.errors import UsageError
    from monitor.listen import listen_pass
    from monitor.proving import prove
    from monitor.store.locks import pass_lock
    from probes.contract import Listens

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app, pass_lock(app.config.store, "listen"):
        if not any(isinstance(channel.wire, Listens) for channel in app.channels.values()):
            raise UsageError(
                f"{config}: no channel can hear (for mail: fill in its table imap); nothing was listened to"
            )
        if not once:
            service.listen(app, terminal.say)
            return
        with terminal.counting("hearing") as count:
            summary = listen_pass(app.store, app.channels, app.clock, progress=count)
        attest_pass(app.store, app.channels, app.clock)
        proved = prove(app.store, app.config, app.channels, app.clock)
        code = show.heard(terminal, summary)
    raise typer.Exit(max(code, show.proved(terminal, proved)))


@cli.command(rich_help_panel="Measure")
def run(
    every: Annotated[int, typer.Option(help="Seconds between two looks at what is due.", min=1)] = 60,
    config: ConfigPath = CONFIG,
    quiet: Quiet = False,
) -> None:
    """Run as a service: send what is due, stay on the line with the mailbox. Ends cleanly on SIGTERM or Ctrl-C."""
    from monitor import service
    from monitor.store.locks import pass_lock

    terminal = open_terminal(as_json=False, quiet=quiet)
    with open_app(config) as app, pass_lock(app.config.store, "listen"):
        service.run(app, every, terminal.say)


@cli.command(rich_help_panel="Measure")
def status(config: ConfigPath = CONFIG, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show what is due, what is waited for, until when we heard, and how it stands. Exits 1 while we do not hear."""
    from monitor import show
    from monitor.standing import standing

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        raise typer.Exit(show.standing(terminal, standing(app), app.clock()))
