"""The command line: its commands put together, and what becomes of an error.

Each command stands with those of its kind in `monitor/commands/`; only typer is imported there at the top, as `--help`
must be quick: a command imports what it needs.
Exit codes: 0 done; 1 done and found something (each command says what); 2 wrong use or config; 3 could not do its job.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from monitor.commands.common import cli

COMMANDS = ("setup", "measure", "understand", "review", "people", "publish", "trying")
"""Modules of monitor/commands, in the order in which `--help` shows their panels."""

for _module in COMMANDS:
    import_module(f"monitor.commands.{_module}")


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


if __name__ == "__main__":
    main()
