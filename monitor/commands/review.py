"""A person's eye: what waits for it, and what it decided."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal


@cli.command(rich_help_panel="Review")
def inbox(
    limit: Annotated[int, typer.Option(help="Show at most so many.", min=1)] = 50,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List what waits for a person's eye: undetermined, disputed, weakly matched, from strangers. Exits 1 when any."""
    from monitor import show_review
    from monitor.reviewing import inbox as waiting

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        raise typer.Exit(show_review.inbox(terminal, waiting(app), limit))


@cli.command(rich_help_panel="Review")
def review(
    number: Annotated[int, typer.Argument(help="Number of an arrival in the inbox (with --gap: of a gap).")],
    kind: Annotated[str, typer.Option(help="What it is: human, auto_acknowledgement, bounce, ...")] = "",
    probe: Annotated[str | None, typer.Option(help="The probe that it belongs to; left out: as the rules say.")] = None,
    why: Annotated[str, typer.Option(help="Your reason, for whoever challenges it.")] = "",
    who: Annotated[str, typer.Option(help="Your name; default: the log-in name.", envvar="UNANSWERED_REVIEWER")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Give it back to the rules.")] = False,
    gap: Annotated[bool, typer.Option("--gap", help="Close a gap: you know that nothing was lost in it.")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look at an arrival, or decide about it: a decision wins over the rules and survives `rescore`."""
    import getpass

    from monitor import reviewing, show_review
    from monitor.errors import UsageError
    from monitor.store.scoring import WITHDRAWN

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    if sum((bool(kind), withdraw, gap)) > 1:
        raise UsageError("--kind, --withdraw and --gap exclude each other; write one of them")
    name = who or getpass.getuser()
    with open_app(config) as app:
        if gap:
            reviewing.close_gap(app, number, who=name, why=why)
            terminal.say(f"gap {number} is closed, in the name of {name}")
        elif kind or withdraw:
            done = reviewing.decide(app, number, kind=WITHDRAWN if withdraw else kind, probe=probe, who=name, why=why)
            show_review.decided(terminal, done)
        else:
            show_review.arrival(terminal, reviewing.show(app, number))
