"""Redaction: nothing of a person stays, and what is no person's stays readable."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.naming import of_sender
from monitor.redact import names_of, redact
from tests.monitor.letters import cpu_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.berger@velo-nord.example please.", "Write to [address] please."),
        ("Mail me: x+y_z@mail.shop.co.uk!", "Mail me: [address]!"),
        ("anna (at) shop (dot) de", "[address]"),
        ("See https://shop.example/a?b=c#d, it is there.", "See [link], it is there."),
        ("our site www.velo.example.", "our site [link]."),
        ("look at velo-nord.com/prices now", "look at [link] now"),
        ("Call +49 (0)30 1234-5678 today", "Call [number] today"),
        ("Gọi 0912 345 678 nhé", "Gọi [number] nhé"),
        ("Tél. 01.23.45.67.89", "Tél. [number]"),
        ("电话 010-6552 9988。", "电话 [number]。"),
    ],
)
def test_addresses_links_and_numbers_become_blanks(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,250 euros, or 49.90 without the basket.",
        "On 2026-12-01 we are open 9:00-18:00, on 24.12.2026 until 14.00.",
        "In 2025-2026 we repaired 1200 bikes. Thank you!",
        "Please wait 24 hours; the order has 3 parts.",
    ],
)
def test_dates_hours_and_prices_stay(text: str) -> None:
    assert redact(text) == text


def test_given_names_go_whatever_their_case_and_spacing() -> None:
    text = "Dear ANNA  Berger, Velo-Nord's answer: Annabel is not Anna. 北京单车行很好"
    done = redact(text, names=["Anna Berger", "Velo Nord", "北京单车行"])
    assert done == "Dear [name], [name] answer: Annabel is not Anna. [name]很好"


def test_given_domains_go_with_all_below_them() -> None:
    assert redact("ask shop.velo.museum/x or velo.museum, not avelo.museum", domains=["velo.museum"]) == (
        "ask [link] or [link], not avelo.museum"
    )


def test_a_name_with_signs_of_a_pattern_is_taken_literally() -> None:
    assert redact("a.b (c)+ and axb", names=["(c)+"]) == "a.b [name] and axb"


def test_a_blank_is_never_taken_for_a_name() -> None:
    assert redact("Call +49 30 12345678", names=["number", "Call"]) == "[name] [number]"
    assert redact("[name] [number] [link]", names=["number", "name"]) == "[name] [number] [link]"


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text, names=["Anna Berger", "number"], domains=["velo.example"])
    assert redact(once, names=["Anna Berger", "number"], domains=["velo.example"]) == once


@given(
    st.text(max_size=60),
    st.from_regex(r"[a-z]{1,10}\.[a-z]{1,10}@[a-z]{2,10}\.(example|com)", fullmatch=True),
    st.text(max_size=60),
)
def test_no_address_survives(before: str, address: str, after: str) -> None:
    assert address not in redact(f"{before} {address} {after}")


@pytest.mark.parametrize(
    "bait", ["1-" * 200_000, "a@" * 200_000, "a." * 200_000, "www." * 200_000, "( at )" * 100_000, "((" * 200_000]
)
def test_bait_for_backtracking_is_read_in_linear_time(bait: str) -> None:
    with cpu_limit():
        redact(bait, names=["a b"], domains=["b.example"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Velo Meier GmbH & Co. KG", "We at Velo Meier, VELO-MEIER and VeloMeier."),
        (
            "Boulangerie Lefèvre S.A.R.L.",
            "We at boulangerie Lefèvre, Boulangerie Lefe\u0300vre and BoulangerieLefèvre.",
        ),
        ("CTY TNHH Hoa Mai", "We at Hoa Mai, HOA MAI and hoamai."),
        ("Rad & Tat (Filiale Nord)", "We at Rad & Tat, rad & tat and radtat."),
    ],
)
def test_a_business_is_blanked_by_whatever_it_calls_itself(name: str, said: str) -> None:
    assert redact(said, names=names_of(name)) == "We at [name], [name] and [name]."


def test_a_business_is_blanked_by_the_names_of_its_domains() -> None:
    assert redact("Follow @velomeier!", names=names_of("Meier", ["velomeier.example"])) == "Follow @[name]!"


# --------------------------------------------------------------------------- people in letters
LETTERS = {
    "en": "Dear Ms {reader},\n\nyes, we repair it.\n\nKind regards,\n{writer}\nSales | {address}",
    "de": "Sehr geehrte Frau {reader},\n\ngerne.\n\nMit freundlichen Grüßen\n\n{writer}",
    "fr": "Bonjour Madame {reader},\n\noui.\n\nCordialement,\n{writer}",
    "es": "Estimada Sra. {reader}:\n\nsí.\n\nUn saludo,\n{writer}",
    "it": "Gentile Sig.ra {reader},\n\nsì.\n\nCordiali saluti\n{writer}",
    "pt": "Prezada Sra. {reader},\n\nsim.\n\nAtenciosamente,\n{writer}",
    "nl": "Geachte mevrouw {reader},\n\nja.\n\nMet vriendelijke groet,\n{writer}",
    "pl": "Szanowna Pani {reader},\n\ntak.\n\nZ poważaniem\n{writer}",
    "ru": "Уважаемая {reader},\n\nда.\n\nС уважением,\n{writer}",
    "vi": "Kính gửi chị {reader},\n\nđược ạ.\n\nTrân trọng,\n{writer}",
    "zh": "尊敬的{reader}女士：\n\n可以。\n\n此致\n敬礼\n{writer}",
    "ja": "{reader} 様\n\n承知しました。\n\nよろしくお願いいたします。\n{writer}",
    "ko": "{reader}님\n\n네.\n\n감사합니다.\n{writer} 드림",
}
PEOPLE = {
    "zh": ("王", "李晓雷"),
    "ja": ("田中", "鈴木一郎"),
    "ko": ("이영희", "김철수"),
    "ru": ("Орлова", "Иван Петров"),
}


@pytest.mark.parametrize("language", LETTERS)
def test_the_reader_and_the_writer_of_a_letter_are_blanked_where_names_stand(language: str) -> None:
    reader, writer = PEOPLE.get(language, ("Đặng-Müller", "Zoë van den Berg"))
    letter = LETTERS[language].format(reader=reader, writer=writer, address="")
    done = redact(letter)
    assert writer not in done
    assert done.count("[name]") == 2
    assert reader not in done
    assert redact(done) == done


@pytest.mark.parametrize("language", LETTERS)
def test_a_letter_from_nobody_in_particular_stays_as_it_is(language: str) -> None:
    nobody = {"zh": ("客户", "客服团队"), "ja": ("お客", "担当者"), "ko": ("고객", "담당자")}
    reader, writer = nobody.get(language, ("customer", "your service team"))
    letter = LETTERS[language].format(reader=reader, writer=writer, address="")
    assert redact(letter) == letter


def test_the_sender_is_blanked_by_each_part_of_the_name_also_as_the_address_spells_it() -> None:
    people = of_sender("Müller, Anna Thị", "anna.mueller+shop@velo.example")
    text = "Anna here. Herr MUELLER, Müller's and Anna Thị Müller agree; annabel and müllern do not."
    assert redact(text, people=people) == (
        "[name] here. Herr [name], [name]'s and [name] agree; annabel and müllern do not."
    )


@pytest.mark.parametrize(
    ("person", "stays"),
    [
        ("May Chen", "You may come in May, in may or not; MAY we?"),
        ("Will Baker", "Will you come? It will be cheaper at the Baker."),
        ("Mark Long", "A long ride on the Mark, and Long waits are rare."),
        ("Velo Service Team", "Our Service Team is the best service."),
        ("Info", "Info: we open at nine."),
    ],
)
def test_words_that_a_letter_needs_stay_although_somebody_is_called_so(person: str, stays: str) -> None:
    assert redact(stays, people=[person]) == stays


def test_somebody_called_may_is_blanked_by_the_whole_name_and_where_names_stand() -> None:
    text = "Hi Will,\nin May we are closed, May Chen will write.\nBest,\nMay"
    assert redact(text, people=["May Chen"]) == ("Hi [name],\nin May we are closed, [name] will write.\nBest,\n[name]")


def test_a_business_that_may_be_named_keeps_its_words_and_its_people_lose_theirs() -> None:
    text = "Anna of Velo Berger is here.\nRegards,\nVelo Berger"
    assert redact(text, people=["Anna Velo"], spared=["Velo Berger"]) == (
        "[name] of Velo Berger is here.\nRegards,\nVelo Berger"
    )


@pytest.mark.parametrize(
    "street",
    [
        "12 Baker Street", "221b Old Mill Rd.", "Hauptstraße 12a", "Lange Gasse 3", "Am Alten Markt Platz 3",
        "12 bis rue de la Paix", "3, avenue Victor Hugo", "Calle Mayor 12", "Avda. de la Constitución, 7",
        "Via Roma 12", "Rua Augusta, 120", "Kerkstraat 12", "ul. Długa 12", "ул. Ленина, д. 12",
        "12 đường Lê Lợi",
        "số 5 Nguyễn Trãi", "中山路12号", "神南1丁目2番3号", "강남구 테헤란로 12",
    ],
)  # fmt: skip
def test_street_addresses_are_blanked(street: str) -> None:
    assert redact(f"({street}).") in ("([street]).", "([street].).")


@pytest.mark.parametrize(
    "text",
    [
        "It takes 3 days by road, or 12 on the way.",
        "We have 20 place settings and 5 square metres.",
        "Dans la rue, 3 places restent; 2 avenues possibles.",
        "Auf dem Weg 3 Kilometer weiter.",
        "앞으로 3일 걸립니다.",
        "這條路很好，3號再來。",
    ],
)
def test_numbers_beside_words_for_streets_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 00", "AB-1234567", "RE2026-00412345", "4711081512345", "ORD12345678/2"]
)
def test_account_and_order_numbers_are_blanked(text: str) -> None:
    assert redact(f"Nr. {text}.") == "Nr. [number]."


def test_a_number_is_blanked_although_a_word_or_a_stop_touches_it() -> None:
    assert redact("Tel.0912345678 电话13800138000转") == "Tel.[number] 电话[number]转"


WORDS = st.sampled_from(
    ["Regards,", "Dear", "Hi", "Best", "Anna", "Berg", "May", "van", "Ms", "12", "Street", "Team",
     "[name]", "\n", "\n\n",
     ",", "王", "先生", "此致", "0912345678", "x@y.example", "(at)", "the", "Straße", "rue", "--", "|", "from"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=30), st.sampled_from([" ", ""]))
def test_redacting_a_letter_twice_changes_nothing_more(words: list[str], between: str) -> None:
    given: dict[str, Any] = {
        "people": ["Anna Berg", "May Chen"],
        "names": ["Best Street", "Team Ms"],
        "spared": ["Berg"],
    }
    once = redact(between.join(words), **given)
    assert redact(once, **given) == once


@given(
    st.text(max_size=80),
    st.sampled_from(["Anna Schmidt", "NGUYỄN THỊ HOA", "Jean-Pierre Dupont", "Иван Петров", "O'Neil Fox"]),
    st.text(max_size=80),
)
def test_nothing_of_a_planted_name_survives(before: str, name: str, after: str) -> None:
    done = redact(f"{before}\n{name} \n{after}", people=[name])
    left = set(re.findall(r"[^\W\d_]+", done.replace("[name]", " ")))
    planted = set(re.findall(r"[^\W\d_]{3,}", name)) - {"Fox"}
    assert not left & (planted - set(re.findall(r"[^\W\d_]+", before + " " + after)))


@pytest.mark.parametrize(
    "bait",
    ["Regards,\n" * 50_000, "Dear " * 100_000, "12 Aa " * 80_000, "Aa " * 100_000, "尊敬的" * 80_000, "Aa-Aa'" * 80_000,
     "路" * 200_000, "a1-" * 100_000, "rue de la " * 50_000, "Regards," + "\n" * 200_000],
)  # fmt: skip
def test_letters_made_to_cost_time_are_read_in_linear_time(bait: str) -> None:
    with cpu_limit():
        redact(bait, people=["Anna Berg"])
