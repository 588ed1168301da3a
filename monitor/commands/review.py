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
        raise typer.Exit(show_review.inbox(terminal, waiting(app, limit), limit))


@cli.command(rich_help_panel="Review")
def review(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of arrivals in the inbox (with --gap: of one gap).")],
    kind: Annotated[str, typer.Option(help="What it is: human, auto_acknowledgement, bounce, ...")] = "",
    probe: Annotated[str | None, typer.Option(help="The probe that it belongs to; left out: as the rules say.")] = None,
    why: Annotated[str, typer.Option(help="Your reason, for whoever challenges it.")] = "",
    who: Annotated[str, typer.Option(help="Your name; default: the log-in name.", envvar="UNANSWERED_REVIEWER")] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="It belongs to nobody: it counts for no enquiry.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Give it back to the rules.")] = False,
    gap: Annotated[bool, typer.Option("--gap", help="Close a gap: you know that nothing was lost in it.")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look at arrivals, or decide about them: a decision wins over the rules and survives `rescore`."""
    import getpass

    from monitor import reviewing, show_review
    from monitor.errors import UsageError
    from monitor.store.scoring import NOBODY, WITHDRAWN

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    if sum((bool(kind), nobody, withdraw, gap)) > 1:
        raise UsageError("--kind, --nobody, --withdraw and --gap exclude each other; write one of them")
    if gap and len(numbers) > 1:
        raise UsageError("a gap is closed by itself, with its own reason; write one number")
    if (why or probe) and not (kind or nobody or withdraw or gap):
        raise UsageError("nothing was decided: --why and --probe belong to --kind, --nobody, --withdraw or --gap")
    name = who or getpass.getuser()
    with open_app(config) as app:
        if gap:
            reviewing.close_gap(app, numbers[0], who=name, why=why)
            terminal.record({"gap": numbers[0], "closed": True, "who": name})
            terminal.say(f"gap {numbers[0]} is closed, in the name of {name}")
        elif kind or nobody or withdraw:
            said = NOBODY if nobody else WITHDRAWN if withdraw else kind
            for done in reviewing.decide_all(app, numbers, kind=said, probe=probe, who=name, why=why):
                show_review.decided(terminal, done)
        else:
            for found in [reviewing.show(app, number) for number in numbers]:
                show_review.arrival(terminal, found)
