"""Scenario files and the filling of placeholders."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.scenarios import check_language, fill_line, fill_text, placeholders, read_scenario, writes
from tests.monitor.making import persona, scenario

TEXT = """
intent = "presale"
language = "zh_TW"
subject = "{product}: two questions"
body = \"\"\"
Hello {{you}},
{product} or {other}?
\"\"\"

[[questions]]
id = "price"
text = "How much?"
hints = ["an amount"]

[[questions]]
id = "day"
text = "When?"
"""


def test_a_scenario_is_read_and_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "presale-zh.toml"
    path.write_text(TEXT)
    found, told = read_scenario(path)
    assert told == []
    assert found is not None
    assert (found.id, found.intent, found.language) == ("presale-zh", "presale", "zh-tw")
    assert [(q.id, q.text, q.hints) for q in found.questions] == [
        ("price", "How much?", ("an amount",)),
        ("day", "When?", ()),
    ]
    assert placeholders(found) == ("product", "other")


def test_doubled_braces_are_braces_and_take_no_value() -> None:
    assert fill_text("{{a}} {a} {{{a}}} }}{{", {"a": "1"}) == "{a} 1 {1} }{"
    assert placeholders(scenario(subject="{{no}}", body="{{{yes}}}")) == ("yes",)


def test_a_value_that_is_not_there_is_an_error_not_a_blank() -> None:
    with pytest.raises(KeyError):
        fill_text("{a}", {"b": "1"})


def test_line_breaks_stay_in_a_body_and_never_in_a_subject() -> None:
    given = {"a": "one\r\ntwo\rthree\u2028four\x00\x1b[31m\u202e"}
    assert fill_text("{a}", given) == "one\ntwo\nthree\nfour[31m"
    assert fill_line("x {a}", given) == "x one two three four[31m"


@pytest.mark.parametrize(
    ("languages", "language", "writes_it"),
    [((), "vi", True), (("en",), "en", True), (("en",), "fr", False), (("zh",), "zh-tw", True),
     (("zh-tw",), "zh", False)],
)  # fmt: skip
def test_a_persona_writes_its_languages_and_their_varieties(
    languages: tuple[str, ...], language: str, writes_it: bool
) -> None:
    assert writes(persona(languages=languages), language) is writes_it


@pytest.mark.parametrize(
    ("given", "code"), [("EN", "en"), ("zh_TW", "zh-tw"), (" pt-br ", "pt-br"), ("zh-Hant-HK", "zh-hant-hk")]
)
def test_a_language_code_has_one_spelling(given: str, code: str) -> None:
    assert check_language(given) == code


@pytest.mark.parametrize("given", ["", "e", "english", "en us", "e1", "日本"])
def test_what_is_no_language_code_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match='write one such as "en"'):
        check_language(given)
