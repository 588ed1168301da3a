"""What every command shares: the program it belongs to, its usual options, the terminal and the app it opens."""

from __future__ import annotations

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


def open_terminal(*, as_json: bool, quiet: bool) -> Terminal:
    """Where a command says things."""
    from monitor.terminal import Terminal

    return Terminal(as_json=as_json, quiet=quiet)


@contextmanager
def open_app(config: Path) -> Iterator[App]:
    """The app for the config at this path; its store is closed afterwards. Raises ConfigError."""
    from monitor.app import App

    with App.open(config) as app:
        yield app
