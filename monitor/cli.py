"""The command line. Only typer is imported here: `--help` must be quick; each command imports what it needs.

Exit codes: 0 done; 1 done and found something (each command says what); 2 wrong use or config; 3 could not do its job.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitor.app import App
    from monitor.terminal import Terminal

cli = typer.Typer(
    name="unanswered",
    help="Measures, from outside, whether businesses answer the people who write to them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", envvar="UNANSWERED_CONFIG", help="The config file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only problems.")]
CONFIG = Path("config.toml")


def main() -> None:
    """Run the command line; every error becomes a line that says what to do, and an exit code."""
    from monitor.errors import UnansweredError

    try:
        cli(prog_name="unanswered")
    except UnansweredError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped", 3)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(3)
    except Exception as error:
        from probes.contract import ProbeError
        from reports.folder import SiteError
        from reports.outcomes import OutcomeError

        if isinstance(error, ProbeError | SiteError | OutcomeError):
            _fail(str(error), 3)
        if os.environ.get("UNANSWERED_DEBUG"):
            raise
        _fail(
            f"{type(error).__name__}: {error}\nThis is a mistake in unanswered itself; with UNANSWERED_DEBUG=1 it "
            "shows where.",
            3,
        )


def _fail(message: str, code: int) -> None:
    for line in message.splitlines():
        typer.echo(f"unanswered: {line}", err=True)
    sys.exit(code)


def _terminal(*, as_json: bool, quiet: bool) -> Terminal:
    from monitor.terminal import Terminal

    return Terminal(as_json=as_json, quiet=quiet)


@contextmanager
def _app(config: Path) -> Iterator[App]:
    from monitor.app import App

    with App.open(config) as app:
        yield app


# --------------------------------------------------------------------------- setting up
@cli.command(rich_help_panel="Set up")
def init(
    folder: Annotated[Path, typer.Argument(help="Where; made when it is not there.")] = Path(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a working folder: config.toml, businesses.csv and scenarios in four languages."""
    from monitor.init import write_starter

    terminal = _terminal(as_json=as_json, quiet=quiet)
    for path in write_starter(folder):
        terminal.say(f"wrote {path}")
        terminal.record({"wrote": path})
    terminal.say("Next: edit them, then `unanswered import` and `unanswered plan`.")


@cli.command(rich_help_panel="Set up")
def doctor(config: ConfigPath = CONFIG, as_json: Json = False, quiet: Quiet = False) -> None:
    """Try every part by a round trip and say what to do. Exits 1 when something does not work."""
    from monitor.doctor import examine

    terminal = _terminal(as_json=as_json, quiet=quiet)
    failed = 0
    with _app(config) as app:
        for check in examine(app.config, app.store, app.channels, app.clock):
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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app:
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


# --------------------------------------------------------------------------- the job
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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app:
        view = plan_view(app.store, app.config, app.channels, app.clock, show.horizon(until, app.clock()))
        show.plan(terminal, view, live=app.config.live, anybody=bool(targets(app.store, app.config.channels)))


@cli.command(rich_help_panel="Measure")
def send(config: ConfigPath = CONFIG, as_json: Json = False, quiet: Quiet = False) -> None:
    """One pass: send what is due now. For cron."""
    from monitor import show
    from monitor.send import send_pass
    from monitor.store.locks import pass_lock

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app, pass_lock(app.config.store, "send"), terminal.progress("sending") as bar:
        summary = send_pass(app.store, app.config, app.channels, app.clock, progress=bar)
    raise typer.Exit(show.sent(terminal, summary))


@cli.command(rich_help_panel="Measure")
def listen(
    once: Annotated[bool, typer.Option("--once", help="One pass, then end; without it: until stopped.")] = False,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take in what has come and understand it. Exits 3 when a channel could not be heard."""
    from monitor import service, show
    from monitor.errors import UsageError
    from monitor.listen import listen_pass
    from monitor.store.locks import pass_lock
    from probes.contract import Listens

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app, pass_lock(app.config.store, "listen"):
        if not any(isinstance(channel.wire, Listens) for channel in app.channels.values()):
            raise UsageError(
                f"{config}: no channel can hear (for mail: fill in its table imap); nothing was listened to"
            )
        if not once:
            service.listen(app, terminal.say)
            return
        with terminal.counting("hearing") as count:
            summary = listen_pass(app.store, app.channels, app.clock, progress=count)
    raise typer.Exit(show.heard(terminal, summary))


@cli.command(rich_help_panel="Measure")
def run(
    every: Annotated[int, typer.Option(help="Seconds between two looks at what is due.", min=1)] = 60,
    config: ConfigPath = CONFIG,
    quiet: Quiet = False,
) -> None:
    """Run as a service: send what is due, stay on the line with the mailbox. Ends cleanly on SIGTERM or Ctrl-C."""
    from monitor import service
    from monitor.store.locks import pass_lock

    terminal = _terminal(as_json=False, quiet=quiet)
    with _app(config) as app, pass_lock(app.config.store, "listen"):
        service.run(app, every, terminal.say)


@cli.command(rich_help_panel="Measure")
def status(config: ConfigPath = CONFIG, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show what is due, what is waited for, until when we heard, and how it stands. Exits 1 while we are deaf."""
    from monitor import show
    from monitor.standing import standing

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app:
        raise typer.Exit(show.standing(terminal, standing(app), app.clock()))


@cli.command(rich_help_panel="Measure")
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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app:
        show.stopped(terminal, stop_for_good(app, address, why))


# --------------------------------------------------------------------------- understanding
@cli.command(rich_help_panel="Understand")
def classify(
    paths: Annotated[list[Path], typer.Argument(help="Mails (.eml) or folders of them.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what each mail would be taken for, and why. Looks at files only. Exits 1 when one cannot be read."""
    from monitor import show
    from monitor.classify.inspect import describe

    terminal = _terminal(as_json=as_json, quiet=quiet)
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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app, pass_lock(app.config.store, "listen"), terminal.counting("scoring") as count:
        changed = show.rescored(terminal, again(app.store, app.clock, progress=count), explain=explain)
    terminal.record({"changed": changed})


# --------------------------------------------------------------------------- publishing
@cli.command(rich_help_panel="Publish")
def report(
    out: Annotated[Path | None, typer.Option(help="Folder of the site; default: `report.out` of the config.")] = None,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the scorecard site, with its data files."""
    from monitor.report import publish

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with _app(config) as app, terminal.progress("deciding outcomes") as bar:
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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    if not (site / "data").is_dir():
        raise UsageError(f"{site}: holds no data/ folder; name the folder that `unanswered report` wrote")
    found = differences(site)
    for line in found:
        terminal.warn(line)
        terminal.record({"difference": line})
    if not found:
        terminal.say(f"{site}: every published number follows from its data files")
    raise typer.Exit(1 if found else 0)


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

    terminal = _terminal(as_json=as_json, quiet=quiet)
    with terminal.progress("demo") as bar:
        result = run_demo(out, progress=bar)
    show(result, terminal)
    raise typer.Exit(result.exit_code)


if __name__ == "__main__":
    main()
