"""Finds a channel by its name: the folder `channels` is the list, an import path is somebody else's."""

from __future__ import annotations

import importlib
import pkgutil
import re
import traceback
from typing import Any, cast

from pydantic import BaseModel

import probes.channels
from probes.contract import ChannelKind, Description, ProbeError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def builtin() -> tuple[str, ...]:
    """Names of the channels that come with this distribution, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(probes.channels.__path__)))


def load(kind: str) -> ChannelKind:
    """The channel called `kind`: "name" is `probes.channels.name:channel`, "package.module:object" somebody else's.

    Raises ProbeError (permanent) naming the file or module and the cause.
    """
    if _PATH.fullmatch(kind):
        module_name, attribute = kind.split(":")
    elif _NAME.fullmatch(kind) and kind in builtin():
        module_name, attribute = f"{probes.channels.__name__}.{kind}", "channel"
    else:
        raise ProbeError(
            f"there is no channel {kind!r}; the channels are {', '.join(builtin())}, "
            'or write "package.module:object" for one of your own',
            permanent=True,
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ProbeError(
            f"channel {kind!r} cannot be loaded: {type(error).__name__} in {_where(error)}: {error}{_hint(error)}",
            permanent=True,
        ) from error
    where = getattr(module, "__file__", None) or module_name
    if not hasattr(module, attribute):
        raise ProbeError(f"channel {kind!r} cannot be loaded: {where} has no object {attribute!r}", permanent=True)
    found = getattr(module, attribute)
    lacking = _lacking(found)
    if lacking:
        raise ProbeError(
            f"channel {kind!r} cannot be loaded: {attribute!r} in {where} {lacking}; see probes.contract.ChannelKind",
            permanent=True,
        )
    return cast(ChannelKind, found)


def _lacking(found: object) -> str:
    """What keeps an object from being a ChannelKind, in words; "" when nothing does."""
    missing = [name for name in ("description", "settings", "normalise", "scope", "open") if not hasattr(found, name)]
    if missing:
        return f"has no {', '.join(missing)}"
    kind: Any = found  # what the protocol promises does not bind somebody else's object
    if not isinstance(kind.description, Description):
        return "has a description that is not a probes.contract.Description"
    if not (isinstance(kind.settings, type) and issubclass(kind.settings, BaseModel)):
        return "has settings that are not a pydantic model"
    return ""


def _where(error: BaseException) -> str:
    """File and line in which an import failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "the import"


def _hint(error: BaseException) -> str:
    return "; is its package installed in this environment?" if isinstance(error, ModuleNotFoundError) else ""
