"""Phrases of all languages, and where they stand in a text."""

from __future__ import annotations

import pytest

from probes.web import words

LANGUAGES = ("en", "fr", "vi", "zh", "es", "de", "it", "pt", "ja", "ru", "pl", "nl")


def keys(text: str, section: str = "fields", language: str = "en", *, names: bool = False) -> list[str]:
    return [one.key for one in words.find(section, text, language, names=names)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Your E-Mail: ", "your e mail"), ("Họ và Tên", "ho va ten"), ("Đồng ý", "dong y"), ("Straße", "strasse"),
        ("Ｅメール", "eメール"), ("姓　名", "姓名"), ("Łódź", "lodz"), ("Ім’я", "ім я"), ("", ""), ("***", ""),
    ],
)  # fmt: skip
def test_texts_are_folded(text: str, expected: str) -> None:
    assert words.fold(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("txtEmailAddress2", "txt email address 2"), ("submitted[first_name]", "submitted first name"),
        ("YourHTMLText", "your html text"), ("avia-e-mail_1", "avia e mail 1"),
    ],
)  # fmt: skip
def test_names_of_programs_are_taken_apart(name: str, expected: str) -> None:
    assert words.fold_name(name) == expected


def test_a_phrase_within_a_longer_one_does_not_count() -> None:
    assert keys("Company name") == ["company"]
    assert keys("E-mail address") == ["email"]
    assert keys("Name of the company") != ["name"]


def test_words_end_where_the_phrase_ends_unless_it_is_open() -> None:
    assert keys("Telegraph") == []
    assert set(keys("Emails")) == {"email"}
    assert keys("Namen", language="en") == []


def test_other_words_may_stand_in_a_gap_but_not_too_many() -> None:
    assert "honeypot" in keys("If you are human, please leave")
    assert "honeypot" not in keys("If you are human then go on and read all of the many terms and leave")


def test_scripts_without_spaces_are_found_anywhere() -> None:
    assert set(keys("请输入您的电子邮箱地址", language="zh")) == {"email"}
    assert "message" in keys("お問い合わせ内容を入力", language="ja")


def test_a_language_by_its_tag() -> None:
    assert [words.code_of(tag) for tag in ("pt-BR", "zh_TW", "EN", "")] == ["pt", "zh", "en", ""]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_everything_that_english_has(language: str) -> None:
    files = words.files()
    for section, table in files["en"].items():
        assert set(table) - {"interest"} <= set(files[language][section]), section
        for key, entries in files[language][section].items():
            assert entries or key == "not", f"{section}.{key}"


def test_every_phrase_of_every_file_is_found_in_its_own_words() -> None:
    for language, data in words.files().items():
        names = language == words.NAMES
        for section, table in data.items():
            for key, entries in table.items():
                for entry in entries:
                    text = entry.strip("~").replace("~", " ")
                    found = words.index(section, names=names).find(words.fold(text))
                    assert any(one.key == key for one in found), f"{language}.toml: {section}.{key}: {entry!r}"


def test_a_phrase_without_a_word_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"xx.toml: fields.email: '~'"):
        words._phrase("fields", "email", "xx", "~")
