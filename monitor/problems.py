"""Turns what pydantic and tomllib say about a file into plain words: where, what is wrong, what would be right."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

Location = tuple[int | str, ...]

_SECRET = re.compile(r"pass(word|wd|phrase)?|secret|token|api_?key|auth_?key|credentials?", re.IGNORECASE)
_TOML_AT = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
_OWN_KEY = re.compile(r"^(?P<key>[A-Za-z0-9_]+): (?P<rest>.*)$", re.DOTALL)

_WORDS = {
    "string_type": "must be text; write it in quotes",
    "int_type": "must be a whole number; write it without quotes, such as 5",
    "int_parsing": "must be a whole number; write it without quotes, such as 5",
    "int_from_float": "must be a whole number; write it without a decimal point, such as 5",
    "float_type": "must be a number; write it without quotes, such as 0.5",
    "float_parsing": "must be a number; write it without quotes, such as 0.5",
    "bool_type": "must be true or false; write it without quotes",
    "bool_parsing": "must be true or false; write it without quotes",
    "tuple_type": 'must be a list; write it in brackets, such as ["one", "two"]',
    "list_type": 'must be a list; write it in brackets, such as ["one", "two"]',
    "frozen_set_type": 'must be a list; write it in brackets, such as ["one", "two"]',
    "set_type": 'must be a list; write it in brackets, such as ["one", "two"]',
}
_TABLES = {"dict_type", "mapping_type", "model_type", "model_attributes_type"}


class Problems:
    """What is wrong with one file, gathered so that everything is said at once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[str] = []

    def add(self, where: str | Location, what: str) -> None:
        """`what`: what is wrong; what would be right. `where`: the key, as a path."""
        path = where if isinstance(where, str) else dotted(where)
        self.lines.append(f"{self.file}: {path}: {what}" if path else f"{self.file}: {what}")

    def add_errors(self, error: ValidationError, model: type[BaseModel], table: Any, prefix: Location = ()) -> None:
        """Every error that `model` found in `table`, which stands at `prefix` in the file."""
        every = error.errors(include_url=False)
        for found in every:
            below = any(other["loc"][: len(found["loc"])] == found["loc"] != other["loc"] for other in every)
            if found["type"] == "too_short" and below:
                continue  # its items are wrong, not missing
            location, what = _explain(found, model, table)
            self.add((*prefix, *location), what)


def read_toml(file: Path, problems: Problems) -> dict[str, Any] | None:
    """The table in `file`; None (and a problem added) when it cannot be read or is not TOML."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        problems.add("", f"cannot be read ({reason}); check the path, or make one with `unanswered init`")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.add(f"line {line}", "is not UTF-8 text; save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        found = _TOML_AT.match(str(error))
        what = found["what"] if found else str(error)
        what = what[:1].lower() + what[1:]
        where = f"line {found['line']}, column {found['column']}" if found and found["line"] else "end of file"
        problems.add(where, f"is not valid TOML ({what}); write key = value, text in quotes, each key and table once")
    return None


def dotted(location: Location) -> str:
    """("studies", "a", "windows", 1) -> "studies.a.windows #2": keys by dots, items of a list counted from 1."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f" #{part + 1}"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            path += f".{name}" if path else name
    return path


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Advice for a name that does not exist: the nearest that does, or all of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word.casefold(), [name.casefold() for name in names], n=1, cutoff=0.6)
    if near:
        return f"did you mean {next(name for name in names if name.casefold() == near[0])}?"
    return f"there are: {', '.join(names)}" if names else "there are none yet"


# --------------------------------------------------------------------------- one error of pydantic
def _explain(found: Mapping[str, Any], model: type[BaseModel], table: Any) -> tuple[Location, str]:
    location: Location = tuple(found["loc"])
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return location, _unknown_key(str(location[-1]), _model_at(model, location[:-1]))
    if kind == "missing":
        return location, f"is missing; add {_missing(model, location)}"
    if kind in {"value_error", "assertion_error"}:
        what = str(context.get("error", found["msg"]))
        own = _OWN_KEY.match(what)
        # A check over a whole table names the key it is about first.
        if (
            own
            and isinstance(at := _value_at(table, location), Mapping)
            and (own["key"] in at or _at_table(model, location, own["key"]))
        ):
            return (*location, own["key"]), own["rest"]
        return location, what
    if kind in _WORDS:
        return location, _WORDS[kind]
    if kind in _TABLES:
        if isinstance(location[-1], int):
            return location, f"must be a table; write [[{dotted(location[:-1])}]] on a line of its own, its keys below"
        return location, f"must be a table; write [{dotted(location)}] on a line of its own and its keys below"
    if kind == "literal_error":
        return location, _literal(str(context["expected"]), _value_at(table, location))
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        sign = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than"}
        limit = next(iter(context.values()))
        return location, f"is out of range; write {sign.get(kind, 'at most')} {limit}"
    if kind in {"too_short", "string_too_short"}:
        return location, "is empty; write at least one" if kind == "too_short" else "is empty; write some text"
    message = str(found["msg"])
    return location, f"{message[:1].lower()}{message[1:]}; write {_example(model, location)}"


def _unknown_key(key: str, model: type[BaseModel] | None) -> str:
    known = [] if model is None else [name for name in model.model_fields if name != "id"]
    if _SECRET.search(key) and key not in known:
        offered = [name for name in known if name.endswith(("_env", "_file")) and _SECRET.search(name)]
        advice = f"use {' or '.join(offered)}" if offered else "take it out"
        return f"is not a key here, and a secret never stands in this file; {advice}"
    return f"is not a key here; {did_you_mean(key, known)}"


def _literal(expected: str, value: Any) -> str:
    allowed = re.findall(r"'([^']*)'", expected)
    if not isinstance(value, str):
        return f"must be one of these words; write {' or '.join(f'{word!r}' for word in allowed)}".replace("'", '"')
    advice = f"write {' or '.join(f'{chr(34)}{word}{chr(34)}' for word in allowed)}"
    return f"is none of the words that are known here; {advice}"


# --------------------------------------------------------------------------- finding one's way in models and tables
def _value_at(table: Any, location: Sequence[int | str]) -> Any:
    for part in location:
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return None
    return table


def _at_table(model: type[BaseModel], location: Location, key: str) -> bool:
    at = _model_at(model, location)
    return at is not None and key in at.model_fields


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the table at `location`, or None where it is not a model."""
    annotation: Any = model
    for part in location:
        annotation = _step(annotation, part)
        if annotation is None:
            return None
    found = _models(annotation)
    return found[0] if found else None


def _step(annotation: Any, part: int | str) -> Any:
    for candidate in _models(annotation):
        if part in candidate.model_fields:
            return candidate.model_fields[str(part)].annotation
    for inner in _flatten(annotation):
        if get_origin(inner) is not None and (arguments := get_args(inner)):
            return arguments[0] if isinstance(part, int) else arguments[-1]
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [inner for inner in _flatten(annotation) if isinstance(inner, type) and issubclass(inner, BaseModel)]


def _flatten(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, without Annotated, Union and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [inner for part in get_args(annotation) if part is not type(None) for inner in _flatten(part)]
    return [annotation]


def _missing(model: type[BaseModel], location: Location) -> str:
    """How to add what is missing at `location`."""
    parent = _model_at(model, location[:-1])
    field = parent.model_fields.get(str(location[-1])) if parent is not None else None
    if field is not None and _model_at(model, (*location, 0)) is not None:
        return f"a table [[{location[-1]}]]"
    if field is not None and _model_at(model, location) is not None:
        return f"a table [{location[-1]}]"
    return f"{location[-1]} = {_example(model, location)}"


def _example(model: type[BaseModel], location: Location) -> str:
    """What could stand at `location`, as one would write it in the file."""
    parent = _model_at(model, location[:-1])
    field = parent.model_fields.get(str(location[-1])) if parent is not None else None
    if field is None:
        return "a value"
    if field.examples:
        return str(field.examples[0])
    first = _flatten(field.annotation)[0]
    if get_origin(first) in (tuple, list, frozenset, set):
        return '["..."]'
    if first is bool:
        return "true or false"
    if first in (int, float):
        return "a number"
    return '"..."'
