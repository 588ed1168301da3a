"""The scorecard site, and proof of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.commands.common import CONFIG, ConfigPath, Json, Quiet, cli, open_app, open_terminal

if TYPE_CHECKING:
    from monitor.terminal import Terminal


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
def evidence(
    probe: Annotated[str, typer.Argument(help="The probe, by its id or by its code on the page.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; default: evidence-PROBE.zip here.")] = None,
    config: ConfigPath = CONFIG,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Zip all that is on record of a probe: texts, receipts, raw mails, verdicts, keys. For those concerned: it is
    whole, and holds personal data. `verify` checks it."""
    from monitor.proof import write

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    with open_app(config) as app:
        done = write(app, probe, out)
    terminal.say(f"{done.path}: {done.contacts} sent, {done.arrivals} came in; check it with `unanswered verify`")
    terminal.record({"path": done.path, "probe": done.probe, "sha256": done.sha256, "arrivals": done.arrivals})


@cli.command(rich_help_panel="Publish")
def verify(
    path: Annotated[Path, typer.Argument(help="Folder of a published site, or a zip that `evidence` wrote.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Recompute a site's figures from its own data files, or check evidence, offline. Exits 1 on any difference."""
    from monitor.errors import UsageError
    from reports.data import verify as differences

    terminal = open_terminal(as_json=as_json, quiet=quiet)
    if path.is_file():
        raise typer.Exit(_verify_evidence(terminal, path))
    if not (path / "data").is_dir():
        raise UsageError(
            f"{path}: holds no data/ folder; name the folder that `unanswered report` wrote, or a zip of evidence"
        )
    found = differences(path)
    for line in found:
        terminal.warn(line)
        terminal.record({"difference": line})
    if not found:
        terminal.say(f"{path}: every published number follows from its data files")
    raise typer.Exit(1 if found else 0)


def _verify_evidence(terminal: Terminal, path: Path) -> int:
    from monitor.evidence_check import check_file

    problems = 0
    for line in check_file(path):
        problems += not line.ok
        told = f"{'ok     ' if line.ok else 'problem'}  {line.what}: {line.detail}"
        if line.ok:
            terminal.say(told)
        elif not terminal.as_json:
            terminal.warn(told)
        terminal.record({"what": line.what, "ok": line.ok, "detail": line.detail})
    return 1 if problems else 0
