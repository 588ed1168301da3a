"""Scenario files: what is asked, in which language, and the filling of their placeholders.

A placeholder is `{name}`: lower-case letters, digits and "_". `{{` and `}}` are literal braces. Values are put in as
they are and never looked at again, so a value that holds braces stays text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from monitor.facts import Persona, Question, Scenario, Target
from monitor.problems import Problems, read_toml
from probes.settings import Table

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")

OWN_NAMES: Mapping[str, str] = {
    "business": "the name of the business",
    "persona": "the name of the persona",
    "country": "the country of the business, as imported",
    "sector": "the sector of the business, as imported",
}
"""Placeholders that are always known by these names; a study or a CSV cannot give them another meaning."""


def check_language(value: str) -> str:
    """A language code in lower case ("en", "zh-tw"). Raises ValueError."""
    code = value.strip().lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(code):
        raise ValueError(f'{value!r} is not a language code; write one such as "en" or "zh-tw"')
    return code


def check_placeholder(name: str, key: str) -> None:
    """Raises ValueError (naming `key` first) unless `name` can be given a value there."""
    if not _NAME.fullmatch(name):
        raise ValueError(f'{key}: {name!r} cannot be a placeholder; write lower-case letters, digits and "_"')
    if name in OWN_NAMES:
        raise ValueError(f"{key}: {{{name}}} already stands for {OWN_NAMES[name]}; choose another name")


def _template(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write some text")
    for found in _BRACES.finditer(value):
        if found[0] in {"{{", "}}"}:
            continue
        if found[1] is None:
            raise ValueError(f"holds a single {found[0]}; write {found[0] * 2} for the character itself")
        if not _NAME.fullmatch(found[1]):
            raise ValueError(
                f'holds {found[0]}, which is not a placeholder; write lower-case letters, digits and "_" between '
                "the braces, or {{ and }} for braces themselves"
            )
    return value


def _subject(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise ValueError("holds a line break or control character; write it on one line")
    return _template(value)


class QuestionTable(Table):
    """One thing the scenario asks; `hints` say what would count as an answer."""

    id: Annotated[str, Field(pattern=_ID.pattern)] = Field(examples=['"price"'])
    text: str = Field(min_length=1, examples=['"How much does it cost?"'])
    hints: tuple[str, ...] = ()


class ScenarioTable(Table):
    """A scenario file; its id is the name of the file."""

    intent: Annotated[str, Field(pattern=_ID.pattern)] = Field(examples=['"presale"'])
    language: Annotated[str, AfterValidator(check_language)] = Field(examples=['"en"'])
    subject: Annotated[str, AfterValidator(_subject)] = Field(examples=['"Two questions about {product}"'])
    body: Annotated[str, AfterValidator(_template)] = Field(examples=['"""..."""'])
    questions: tuple[QuestionTable, ...] = Field(min_length=1, examples=['"..."'])


def read_scenario(path: Path) -> tuple[Scenario | None, list[str]]:
    """The scenario in a file, or None and what is wrong with it, each as `FILE: key: what is wrong; what is right`."""
    problems = Problems(path)
    if not _ID.fullmatch(path.stem):
        problems.add("", 'cannot be the name of a scenario; rename the file to lower-case letters, digits, "-" and "_"')
    table = read_toml(path, problems)
    if table is None:
        return None, problems.lines
    try:
        checked = ScenarioTable.model_validate(table)
    except ValidationError as error:
        problems.add_errors(error, ScenarioTable, table)
        return None, problems.lines
    seen: set[str] = set()
    for position, question in enumerate(checked.questions):
        if question.id in seen:
            problems.add(("questions", position, "id"), f'"{question.id}" stands there twice; give each its own id')
        seen.add(question.id)
    if problems.lines:
        return None, problems.lines
    questions = tuple(Question(id=q.id, text=q.text, hints=q.hints) for q in checked.questions)
    return Scenario(
        id=path.stem,
        intent=checked.intent,
        language=checked.language,
        subject=checked.subject,
        body=checked.body,
        questions=questions,
    ), []


def writes(persona: Persona, language: str) -> bool:
    """Whether a persona writes in `language`: it names no languages, or this one, or its first part."""
    return not persona.languages or language in persona.languages or language.split("-")[0] in persona.languages


# --------------------------------------------------------------------------- filling
def placeholders(scenario: Scenario) -> tuple[str, ...]:
    """The names that the scenario's subject and body want filled, in order of appearance."""
    found = _BRACES.finditer(f"{scenario.subject}\n{scenario.body}")
    return tuple(dict.fromkeys(match[1] for match in found if match[1] is not None))


def values(target: Target, persona: Persona, fill: Mapping[str, str]) -> dict[str, str]:
    """What the placeholders stand for: the business's own fields win over the study's `fill`; blank is absent."""
    given = {**fill, **{name: value for name, value in target.fields.items() if value.strip()}}
    own = {
        "business": target.name,
        "persona": persona.name,
        "country": target.country or "",
        "sector": target.sector or "",
        "number": persona.numbers[0] if persona.numbers else "",
    }
    return {name: value for name, value in {**given, **own}.items() if value.strip()}


def fill_text(template: str, given: Mapping[str, str]) -> str:
    """`template` with its placeholders filled, in one pass. Raises KeyError on one that is not given."""

    def put(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return _plain(given[found[1]])

    return _BRACES.sub(put, template)


def fill_line(template: str, given: Mapping[str, str]) -> str:
    """Like fill_text, for a header: line breaks and runs of white space become one space."""
    return " ".join(fill_text(template, given).split())


def _plain(value: str) -> str:
    """A value without control characters and line separators other than the plain new line."""
    text = value.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in text if c == "\n" or c == "\t" or c.isprintable() or c in "\u200c\u200d").strip()
