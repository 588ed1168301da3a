"""What the sender wrote, without what was quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.classify.newtext import cut, new_text, read
from tests.monitor.letters import cpu_limit, letter

NEW = "Yes, we can do that on Thursday."


@pytest.mark.parametrize(
    "attribution",
    [
        "On Tue, 1 Dec 2026 at 10:00, Anna Berger <anna.b@inbox.example> wrote:",
        "On 1 Dec 2026, at 10:00, Anna Berger\n<anna.b@inbox.example> wrote:",
        "Le mar. 1 déc. 2026 à 10:00, Anna Berger <anna.b@inbox.example> a écrit :",
        "Am 01.12.2026 um 10:00 schrieb Anna Berger:",
        "El mar, 1 dic 2026 a las 10:00, Anna Berger (<anna.b@inbox.example>) escribió:",
        "Vào Th 3, 1 thg 12, 2026 vào lúc 10:00 Anna Berger <anna.b@inbox.example> đã viết:",
        "Anna Berger <anna.b@inbox.example> 于2026年12月1日周二 10:00写道：",
        "Il giorno mar 1 dic 2026 alle ore 10:00 Anna Berger <anna.b@inbox.example> ha scritto:",
        "вт, 1 дек. 2026 г. в 10:00, Anna Berger <anna.b@inbox.example> написал:",
        "2026年12月1日(火) 10:00 Anna Berger <anna.b@inbox.example>:",
    ],
)
def test_the_line_above_a_quote_begins_it(attribution: str) -> None:
    assert cut(f"{NEW}\n\n{attribution}\n\n> Do you repair\n> city bikes?\n") == NEW


@pytest.mark.parametrize(
    "header",
    [
        "-----Original Message-----\nFrom: Anna\nSent: Tuesday\nTo: us\nSubject: x",
        "From: Anna Berger <anna.b@inbox.example>\nSent: Tuesday, 1 December 2026 10:00\nTo: Info\nSubject: City bike",
        "________________________________\nDe : Anna Berger\nEnvoyé : mardi 1 décembre 2026\nÀ : Info\nObjet : Vélo",
        "Von: Anna Berger\nGesendet: Dienstag, 1. Dezember 2026 10:00\nAn: Info\nBetreff: Rad",
        "发件人: Anna\n发送时间: 2026年12月1日\n收件人: info\n主题: 自行车",
        "Từ: Anna\nĐã gửi: Thứ Ba\nTới: info\nChủ đề: Xe đạp",
        "*De:* Anna\n*Enviado:* martes\n*Para:* info\n*Asunto:* Bici",
    ],
)
def test_a_quoted_header_block_begins_a_quote(header: str) -> None:
    assert cut(f"{NEW}\n\n{header}\n\nDo you repair city bikes?\n") == NEW


def test_answers_between_quoted_lines_are_kept() -> None:
    text = "On 1 Dec 2026 Anna wrote:\n> Do you repair gears?\nYes.\n> What does it cost?\n49 euros.\n"
    assert cut(text).split() == ["Yes.", "49", "euros."]


def test_an_answer_below_the_quote_is_kept() -> None:
    assert (
        cut("Hello Anna,\n\nOn 1 Dec 2026 you wrote:\n> Do you repair gears?\n\nYes, we do.\n").split("\n")[-1]
        == "Yes, we do."
    )


@pytest.mark.parametrize(
    "foot", ["-- \nJo Miller\nVelo Nord", "Sent from my iPhone", "Envoyé de mon iPad", "发自我的iPhone"]
)
def test_signatures_below_dashes_and_lines_of_telephones_go(foot: str) -> None:
    assert cut(f"{NEW}\n\n{foot}\n") == NEW


@pytest.mark.parametrize(
    "text",
    [
        "From: the beginning we liked your idea.\nTo: be honest, so did all.",
        "Dear Anna,\n\nFrom: the beginning we liked it.\nTo: be honest, so did all.\nYours, Jo",
        "You wrote: we should meet.\nYes, let us meet.",
        "Our prices:\n\nGears 49\nBrakes 30",
        "- first\n- second -- with dashes\n-- and more",
        "5 > 3 and so on",
    ],
)
def test_what_only_looks_like_a_quote_is_kept(text: str) -> None:
    assert cut(text) == text


def test_a_mail_that_holds_nothing_but_a_quote_is_kept_whole() -> None:
    text = "From: Anna\nSent: Tuesday\nTo: us\nSubject: x\n\nDo you repair city bikes?"
    assert "city bikes" in cut(text)


@pytest.mark.parametrize(
    "quoted",
    [
        '<div class="gmail_quote"><div>On Tue Anna wrote:</div><blockquote>Do you repair bikes?</blockquote></div>',
        "<blockquote type=cite>Do you repair bikes?</blockquote>",
        '<div id="divRplyFwdMsg"><b>From:</b> Anna</div><div>Do you repair bikes?</div>',
        '<div class="yahoo_quoted">Do you repair bikes?</div>',
        '<div id="appendonsend"></div><hr><div>Do you repair bikes?</div>',
    ],
)
def test_html_quotes_go_by_their_structure(quoted: str) -> None:
    raw = f"<html><body><p>{NEW}</p>{quoted}</body></html>"
    mail = letter("", html=raw)
    assert new_text(mail).new == NEW
    assert new_text(mail).quotes


def test_quotes_and_answers_are_told_from_plain_mail() -> None:
    assert read("Yes\n> no").quotes
    assert read("Yes\n\nOn 1 Dec 2026 Anna wrote:\n> no").answers
    assert not read(NEW).quotes
    assert not read(NEW).answers
    assert not read("A list.\n> one\n> two").answers


@given(st.text(max_size=500))
def test_any_text_is_cut_without_an_error(text: str) -> None:
    assert len(cut(text)) <= len(text)


@pytest.mark.parametrize(
    "bait",
    ["> " * 200_000, ">" * 400_000, "On 1 " * 100_000, "On 1 wrote:\n" * 100_000, "From: x\n" * 100_000, "-" * 400_000,
     "> \n" * 200_000,
     "a wrote:\n>b\n" * 60_000, "_" * 400_000, " " * 400_000, "\n" * 400_000],
    ids=range(11),
)  # fmt: skip
def test_bait_is_cut_in_linear_time(bait: str) -> None:
    with cpu_limit():
        cut(bait)
