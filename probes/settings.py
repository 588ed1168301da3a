"""What every channel's settings are made of: a strict table, durations, and secrets that stay secret.

A channel's model is validated once, before anything starts, without the `kind` key of its table:

    kind.settings.model_validate(table, context={"env": environ, "base": folder_of_the_config})

`env` is where `*_env` keys are looked up and `base` what `*_file` keys are relative to. Without a context the
environment counts as empty and paths as relative to the working folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, SecretStr, ValidationInfo, model_validator

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.ASCII)
_SECRET_MAX = 65536


class Table(BaseModel):
    """A table of the config: unknown keys are refused, values cannot change, secrets do not reach an error text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _no_secret_in_the_open(cls, table: Any) -> Any:
        if isinstance(table, Mapping):
            for key in table:
                if isinstance(key, str) and key not in cls.model_fields and f"{key}_env" in cls.model_fields:
                    raise ValueError(
                        f"{key}: a secret does not stand in the config; use {key}_env (the name of an environment "
                        f"variable) or {key}_file (the path of a file that holds it)"
                    )
        return table


# --------------------------------------------------------------------------- durations
def parse_duration(text: str) -> timedelta:
    """Reads "30s", "5m", "36h", "90d" or "2w" (decimals allowed). Raises ValueError saying what would be right."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} is not a duration; write a number and a unit, such as "30s", "5m", "36h" or "90d"')
    try:
        return timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is longer than anything can last here; write a smaller number") from None


def write_duration(value: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back as `value`: "36h", "90s", "0.25s"."""
    seconds = value.total_seconds()
    if seconds:
        for unit in ("d", "h", "m"):
            if seconds % _UNITS[unit] == 0:
                return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('write a duration as text with a unit, such as "30s", "5m", "36h" or "90d"')  # noqa: TRY004
    return parse_duration(value)


def _positive(value: Any) -> timedelta:
    duration = _duration(value)
    if duration <= timedelta(0):
        raise ValueError('must be longer than nothing, such as "30s"')
    return duration


_AS_TEXT = PlainSerializer(write_duration, return_type=str, when_used="json")
Duration = Annotated[timedelta, PlainValidator(_duration), _AS_TEXT]
"""A timedelta, written "30s", "5m", "36h", "90d"; zero allowed."""

PositiveDuration = Annotated[timedelta, PlainValidator(_positive), _AS_TEXT]
"""A Duration longer than nothing: what a time-out must be."""


# --------------------------------------------------------------------------- secrets
class Secret(SecretStr):
    """A secret and where it came from ("environment variable X", "file Y"), so that an error can say what to check."""

    def __init__(self, value: str, source: str) -> None:
        super().__init__(value)
        self.source = source


def read_secret(
    *, env: str | None = None, file: str | None = None, context: Mapping[str, Any] | None = None
) -> Secret | None:
    """The secret that `env` (name of a variable) or `file` (path) stands for; None when neither is given.

    Raises ValueError naming the variable or file and what to do when it is unset, empty, unreadable or when both are
    given. White space at the end of a file does not count.
    """
    if env and file:
        raise ValueError(f"both an environment variable ({env}) and a file ({file}) are named; keep one of them")
    if env:
        value = _env(context).get(env, "")
        if not value:
            raise ValueError(f"environment variable {env} is not set; set it to the secret before starting")
        if any("\ud800" <= char <= "\udfff" for char in value):  # bytes that Python could not read as text
            raise ValueError(f"environment variable {env} is not UTF-8 text; set it in a UTF-8 terminal, or use a file")
        return Secret(value, f"environment variable {env}")
    if file:
        path = resolve(file, context)
        try:
            with path.open(encoding="utf-8") as stream:
                value = stream.read(_SECRET_MAX + 1).rstrip()
        except (OSError, UnicodeError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "it is not UTF-8 text"
            raise ValueError(
                f"file {path} cannot be read ({reason}); make it readable and put the secret in it"
            ) from None
        if not value or len(value) > _SECRET_MAX:
            raise ValueError(f"file {path} is {'empty' if not value else 'too long'}; put only the secret in it")
        return Secret(value, f"file {path}")
    return None


def resolve(path: str, context: Mapping[str, Any] | None) -> Path:
    """`path` relative to the config's folder; "~" is the home folder."""
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:
        expanded = Path(path)
    return Path((context or {}).get("base", ".")) / expanded


def _env(context: Mapping[str, Any] | None) -> Mapping[str, str]:
    env: Mapping[str, str] = (context or {}).get("env") or {}
    return env


def _from_env(value: Any, info: ValidationInfo) -> Secret | None:
    if isinstance(value, Secret) or value is None:
        return value
    if not isinstance(value, str):
        raise ValueError("write the name of an environment variable as text")  # noqa: TRY004
    return read_secret(env=value, context=info.context)


def _from_file(value: Any, info: ValidationInfo) -> Secret | None:
    if isinstance(value, Secret) or value is None:
        return value
    if not isinstance(value, str):
        raise ValueError("write the path of a file as text")  # noqa: TRY004
    return read_secret(file=value, context=info.context)


def _to_path(value: Any, info: ValidationInfo) -> Path | None:
    if value is None or isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise ValueError("write the path of a file as text")  # noqa: TRY004
    return resolve(value, info.context) if value else None


EnvSecret = Annotated[Secret | None, PlainValidator(_from_env), PlainSerializer(lambda _: None, when_used="json")]
"""The type of a `*_env` key: the name of a variable in the config, the secret it holds once validated."""

FileSecret = Annotated[Secret | None, PlainValidator(_from_file), PlainSerializer(lambda _: None, when_used="json")]
"""The type of a `*_file` key that holds a secret."""

FilePath = Annotated[Path | None, PlainValidator(_to_path)]
"""The path of an ordinary file, relative to the config's folder; "" is None."""
