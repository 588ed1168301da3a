"""What is due, to whom, from whom, in which words; the same each time it is asked."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import ticker
from monitor.addresses import MailboxList
from monitor.errors import ConfigError
from monitor.facts import Due, Persona, Scenario, Target
from monitor.plan import plan
from monitor.studies import AddressSettings, Plus, Ready, StudySettings
from tests.monitor.making import MAIN, persona, scenario, study, target

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make(
    wanted: StudySettings,
    targets: Iterable[Target],
    *,
    now: datetime = NINE,
    until: datetime | None = None,
    texts: Iterable[Scenario] = (),
    people: Iterable[Persona] = (),
    addresses: Mapping[str, AddressSettings] = MAIN,
    on_record: Mapping[int, Collection[datetime]] | None = None,
    **more: Any,
) -> list[Due]:
    until = until or now
    slots = ticker.slots_of(
        wanted.schedule, wanted.timezone, start=wanted.starts_at, end=wanted.ends_at, now=now, until=until
    )
    return plan(
        wanted,
        targets,
        scenarios={s.id: s for s in texts or [scenario()]},
        personas={p.id: p for p in people or [persona()]},
        addresses=addresses,
        slots=slots,
        on_record=on_record or {},
        now=now,
        until=until,
        **more,
    )


# --------------------------------------------------------------------------- when
def test_each_target_is_asked_at_the_slot() -> None:
    dues = make(study(), [target(1), target(2)])
    assert [d.due for d in dues] == [NINE, NINE]
    assert {d.target.endpoint_id for d in dues} == {1, 2}
    assert {d.slot for d in dues} == {NINE}


def test_nothing_is_due_before_the_first_slot() -> None:
    assert make(study(), [target()], now=NINE - HOUR) == []


def test_what_is_due_by_a_later_moment_is_planned_ahead() -> None:
    dues = make(study(), [target()], until=NINE + 2 * DAY)
    assert [d.slot for d in dues] == [NINE, NINE + DAY, NINE + 2 * DAY]


def test_of_the_slots_that_were_missed_only_the_latest_is_made_up_for() -> None:
    dues = make(study(), [target()], now=NINE + 5 * DAY + HOUR)
    assert [d.slot for d in dues] == [NINE + 5 * DAY]


def test_missed_slots_count_once_even_when_the_caller_names_them_all() -> None:
    slots = [NINE + n * DAY for n in range(4)]
    dues = plan(
        study(), [target()], scenarios={"presale-en": scenario()}, personas={"anna": persona()}, addresses=MAIN,
        slots=slots, on_record={}, now=NINE + 2 * DAY, until=NINE + 9 * DAY,
    )  # fmt: skip
    assert [d.slot for d in dues] == slots[2:]


def test_a_slot_that_is_on_record_is_not_planned_again_nor_an_older_one_in_its_place() -> None:
    on_record = {1: {NINE + DAY}}
    dues = make(study(), [target(1), target(2)], now=NINE + DAY, on_record=on_record)
    assert [d.target.endpoint_id for d in dues] == [2]


@pytest.mark.parametrize("change", [{"timezone": "Europe/Paris"}, {"schedule": "0 8 * * *"}], ids=["zone", "schedule"])
def test_a_slot_read_anew_before_one_on_record_is_no_new_slot(change: dict[str, str]) -> None:
    """The study asked at 09:00 UTC; then its zone or schedule is corrected, and today's slot lies an hour earlier."""
    corrected = study(**change)
    assert make(corrected, [target()], now=NINE + HOUR, on_record={1: [NINE]}) == []
    tomorrow = make(corrected, [target()], now=NINE + DAY, on_record={1: [NINE]})
    assert [one.slot for one in tomorrow] == [NINE - HOUR + DAY]


def test_no_more_probes_than_the_study_allows_an_endpoint() -> None:
    wanted = study(probes_per_endpoint=2)
    on_record = {1: {NINE - 9 * DAY}, 2: {NINE - 9 * DAY, NINE - 8 * DAY}}
    dues = make(wanted, [target(n) for n in (1, 2, 3)], until=NINE + 5 * DAY, on_record=on_record)
    assert Counter(d.target.endpoint_id for d in dues) == {1: 1, 3: 2}


def test_once_stays_once_when_the_start_is_moved() -> None:
    moved = study(schedule="once", start=date(2026, 12, 10))
    asked, new = target(1, basis="own"), target(2, basis="own")
    dues = make(moved, [asked, new], now=NINE + 20 * DAY, on_record={1: {NINE - HOUR}})
    assert [one.target.endpoint_id for one in dues] == [2]


def test_once_is_one_probe_at_the_start_in_the_study_s_own_zone() -> None:
    wanted = study(schedule="once", timezone="Asia/Tokyo")
    dues = make(wanted, [target()], now=NINE, until=NINE + 90 * DAY)
    assert [d.slot for d in dues] == [datetime(2026, 11, 30, 15, tzinfo=UTC)]


def test_probes_are_spread_over_the_time_after_their_slot_and_evenly() -> None:
    wanted = study(spread="6h")
    dues = make(wanted, [target(n) for n in range(2000)], until=NINE + 6 * HOUR)
    delays = [(d.due - d.slot) / (6 * HOUR) for d in dues]
    assert len(delays) == 2000
    assert all(0 <= delay <= 1 for delay in delays)
    tenths = Counter(min(9, int(delay * 10)) for delay in delays)
    assert all(140 < tenths[n] < 260 for n in range(10))  # 200 expected, over 4 standard deviations apart
    assert [d.due for d in dues] == sorted(d.due for d in dues)


def test_a_probe_whose_share_of_the_spread_has_not_come_is_not_due_yet() -> None:
    wanted = study(spread="6h")
    everybody = [target(n) for n in range(50)]
    later = {d.probe: d.due for d in make(wanted, everybody, until=NINE + 6 * HOUR)}
    now = NINE + 2 * HOUR
    assert {d.probe for d in make(wanted, everybody, now=now)} == {probe for probe, due in later.items() if due <= now}


def test_nothing_goes_out_on_or_after_the_day_the_study_ends() -> None:
    wanted = study(end=date(2026, 12, 3), spread="24h", timezone="Europe/Paris")
    end = datetime(2026, 12, 2, 23, tzinfo=UTC)
    dues = make(wanted, [target(n) for n in range(200)], until=NINE + 60 * DAY)
    assert len(dues) == 400
    assert max(d.due for d in dues) < end
    assert make(wanted, [target()], now=end) == []
    assert len(make(wanted, [target()], now=end - timedelta(seconds=1))) == 1


# --------------------------------------------------------------------------- whom
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {1, 2, 3}),
        ({"groups": ["Acme"]}, {1, 3}),
        ({"sectors": ["bikes"]}, {2, 3}),
        ({"countries": ["fr"]}, {1, 3}),
        ({"sectors": ["bikes", "cars"], "countries": ["FR"]}, {1, 3}),
        ({"groups": ["nobody"]}, {3}),
    ],
)
def test_groups_sectors_and_countries_choose_and_a_control_is_always_asked(
    filters: dict[str, list[str]], expected: set[int]
) -> None:
    targets = [
        target(1, group="ACME", sector="cars", country="FR"),
        target(2, sector="Bikes", country="DE"),
        target(3, control=True),
    ]
    assert {d.target.endpoint_id for d in make(study(**filters), targets)} == expected


def test_only_the_channels_of_the_study_are_used_controls_included() -> None:
    targets = [target(1, channel="fax"), target(2, channel="fax", control=True), target(3)]
    assert [d.target.endpoint_id for d in make(study(), targets)] == [3]


# --------------------------------------------------------------------------- in which words, from whom
TEXTS = [
    scenario("ask-en"),
    scenario("ask-fr"),
    scenario("more-fr"),
    scenario("ask-zh"),
    scenario("ask-zh-tw", language="zh-tw"),
]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("fr", {"ask-fr", "more-fr"}),
        ("fr-ca", {"ask-fr", "more-fr"}),
        ("FR", {"ask-fr", "more-fr"}),
        ("zh-tw", {"ask-zh-tw"}),
        ("zh", {"ask-zh"}),
        ("zh-hk", {"ask-zh", "ask-zh-tw"}),
        ("de", {"ask-en"}),
        (None, {"ask-en"}),
    ],
)
def test_a_business_is_asked_in_its_language_and_else_in_that_of_the_first_scenario(
    language: str | None, expected: set[str]
) -> None:
    wanted = study(scenarios=[s.id for s in TEXTS])
    dues = make(wanted, [target(n, language=language) for n in range(40)], texts=TEXTS)
    assert {d.scenario.id for d in dues} == expected


def test_the_persona_writes_the_language_of_the_scenario() -> None:
    people = [persona("anna", languages=("en",)), persona("zoe", languages=("fr",)), persona("any")]
    wanted = study(scenarios=["ask-en", "ask-fr"], personas=["anna", "zoe", "any"])
    dues = make(wanted, [target(n, language="fr") for n in range(60)], texts=TEXTS, people=people)
    assert {d.persona.id for d in dues} == {"zoe", "any"}


def test_personas_and_scenarios_are_drawn_evenly_and_apart_from_each_other() -> None:
    texts = [scenario("one", language="en"), scenario("two", language="en")]
    people = [persona("anna"), persona("bert", name="Bert Anders")]
    wanted = study(scenarios=["one", "two"], personas=["anna", "bert"])
    dues = make(wanted, [target(n) for n in range(2000)], texts=texts, people=people)
    cells = Counter((d.scenario.id, d.persona.id) for d in dues)
    assert len(cells) == 4
    assert all(420 < count < 580 for count in cells.values())  # 500 expected, over 4 standard deviations apart


# --------------------------------------------------------------------------- placeholders
def test_placeholders_are_filled_from_business_persona_and_study_the_business_s_own_first() -> None:
    text = scenario(subject="{product} at {business}", body="In {city} {{really}}? {persona}, {size}")
    wanted = study(fill={"product": "city bike", "city": "Paris", "size": "L"})
    where = target(name="Vélo & Co", fields={"city": "Lyon", "size": " "})
    (due,) = make(wanted, [where], texts=[text])
    assert due.subject == "city bike at Vélo & Co"
    assert due.body == "In Lyon {really}? Anna Berger, L"


def test_nobody_gives_another_meaning_to_the_names_that_are_always_known() -> None:
    text = scenario(body="{business}, {persona}, {country}, {sector}")
    meddling = {"business": "x", "persona": "x", "country": "x", "sector": "x"}
    (due,) = make(study(), [target(fields=meddling, country="FR", sector="bikes")], texts=[text])
    assert due.body == "Firm 1, Anna Berger, FR, bikes"


def test_an_unfilled_placeholder_stops_everything_and_says_where_its_value_belongs() -> None:
    texts = [scenario("ask-en", body="{city} and {product}"), scenario("ask-fr", body="{ville}")]
    wanted = study(scenarios=["ask-en", "ask-fr"])
    targets = [target(1, fields={"city": "Lyon"}), target(2, fields={"city": ""}), target(3, language="fr")]
    with pytest.raises(ConfigError) as told:
        make(wanted, targets, texts=texts)
    where = "put it into a column {!r} of the businesses file and import it again, or into studies.sector.fill"
    assert told.value.problems == (
        "study sector: scenario ask-en: {city} has no value for firm-2; " + where.format("city"),
        "study sector: scenario ask-en: {product} has no value for firm-1, firm-2; " + where.format("product"),
        "study sector: scenario ask-fr: {ville} has no value for firm-3; " + where.format("ville"),
    )


def test_an_unfilled_placeholder_is_found_before_the_study_begins_and_for_texts_that_are_not_drawn() -> None:
    texts = [scenario("one", language="en"), scenario("two", language="en", body="{gap}")]
    wanted = study(scenarios=["one", "two"], start=date(2027, 6, 1))
    with pytest.raises(ConfigError, match=r"scenario two: \{gap\} has no value for firm-1"):
        make(wanted, [target()], texts=texts)


def test_a_business_that_is_not_asked_needs_no_values() -> None:
    text = scenario(body="{city}")
    assert make(study(sectors=["cars"]), [target()], texts=[text]) == []


def test_many_businesses_without_a_value_are_counted_not_listed() -> None:
    with pytest.raises(ConfigError, match=r"firm-\d+ and 80 more; put it"):
        make(study(), [target(n) for n in range(100)], texts=[scenario(body="{city}")])


@pytest.mark.parametrize(
    "value", ["{persona}", "{{persona}}", "{0.__class__}", "%(persona)s", "${persona}", "\\1 \\g<0>"]
)
def test_a_value_is_text_and_never_filled_again(value: str) -> None:
    (due,) = make(study(), [target(name=value)], texts=[scenario(subject="To {business}", body="To {business}.")])
    assert due.subject == f"To {value}"
    assert due.body == f"To {value}."


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_a_line_break_in_a_value_never_reaches_the_subject(ending: str) -> None:
    name = f"Shop{ending}Bcc: all@x.example"
    (due,) = make(study(), [target(name=name)], texts=[scenario(subject="At {business}!", body="At {business}")])
    assert due.subject in {"At Shop Bcc: all@x.example!", "At ShopBcc: all@x.example!"}
    assert all(character == "\n" or character.isprintable() for character in due.body)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_whatever_a_value_holds_the_subject_is_one_printable_line(value: str) -> None:
    wanted = study(fill={"thing": value})
    text = scenario(subject="About {thing}.", body="{thing}")
    try:
        (due,) = make(wanted, [target()], texts=[text])
    except ConfigError:
        assert not value.strip()
        return
    assert all(character.isprintable() or character in "\u200c\u200d" for character in due.subject)
    assert due.subject.startswith("About ")


# --------------------------------------------------------------------------- chance
def test_the_same_plan_comes_out_whatever_the_order_and_the_numbers_of_the_targets() -> None:
    texts = [scenario("one", language="en"), scenario("two", language="en")]
    people = [persona("anna"), persona("bert", name="Bert Anders")]
    wanted = study(scenarios=["one", "two"], personas=["anna", "bert"], spread="5h")
    targets = [target(n) for n in range(300)]
    shuffled = [replace(t, endpoint_id=t.endpoint_id + 7000, business_id=99) for t in targets]
    random.Random(3).shuffle(shuffled)

    def spelled(dues: list[Due]) -> list[tuple[object, ...]]:
        return [(d.probe, d.due, d.scenario.id, d.persona.id, d.reply_address, d.message_id) for d in dues]

    until = NINE + 2 * DAY
    first = spelled(make(wanted, targets, texts=texts, people=people, until=until))
    assert first == spelled(make(wanted, shuffled, texts=texts, people=people, until=until))
    assert len(first) > 300


@pytest.mark.parametrize(
    "change",
    [
        {"study": {"seed": 2}}, {"study": {"id": "other"}}, {"study": {"schedule": "1 9 * * *"}},
        {"target": {"business": "other"}}, {"target": {"channel": "fax"}}, {"target": {"address": "other@x.example"}},
    ],
)  # fmt: skip
def test_another_seed_study_endpoint_or_slot_is_another_probe(change: dict[str, dict[str, Any]]) -> None:
    channels = {"channels": ["post", "fax"]}
    moment = NINE + HOUR
    (before,) = make(study(**channels), [target()], now=moment)
    (after,) = make(study(**channels, **change.get("study", {})), [target(**change.get("target", {}))], now=moment)
    assert after.probe != before.probe
    assert after.message_id != before.message_id
    assert after.reply_address != before.reply_address


def test_the_secret_changes_what_could_be_forged_and_nothing_that_was_drawn_for_the_study() -> None:
    texts = [scenario(f"text{n}-en") for n in range(9)]
    wanted = study(spread="6h", scenarios=[one.id for one in texts])
    one, other = (make(wanted, [target()], until=NINE + DAY, texts=texts, secret=secret)[0] for secret in ("a", "b"))
    assert (one.slot, one.due, one.scenario, one.persona) == (other.slot, other.due, other.scenario, other.persona)
    for name in ("probe", "reply_address", "message_id"):
        assert getattr(one, name) != getattr(other, name)


def test_parts_that_only_run_together_alike_are_told_apart() -> None:
    (one,) = make(study(id="ab"), [target(business="c")])
    (two,) = make(study(id="a"), [target(business="bc")])
    assert one.probe != two.probe


def test_ids_are_short_opaque_and_all_different() -> None:
    dues = make(study(), [target(n) for n in range(3000)])
    assert all(re.fullmatch(r"[a-z2-7]{12}", d.probe) for d in dues)
    assert len({d.probe for d in dues}) == 3000
    assert all(re.fullmatch(r"<[a-z2-7]{24}@inbox\.example>", d.message_id) for d in dues)
    assert len({d.message_id for d in dues}) == 3000
    assert not any(d.probe in d.message_id or d.probe in d.reply_address for d in dues)


# --------------------------------------------------------------------------- private addresses
def test_no_reply_address_is_given_twice_nor_one_that_the_store_has() -> None:
    targets = [target(n) for n in range(500)]
    before = {d.reply_address for d in make(study(), targets)}
    assert len(before) == 500
    after = {d.reply_address for d in make(study(), targets, taken=before)}
    assert len(after) == 500
    assert not before & after


def test_a_persona_without_latin_letters_uses_its_latin_name() -> None:
    (due,) = make(study(), [target()], people=[persona(name="王芳", latin_name="Wang Fang")])
    assert "wang" in due.reply_address or "fang" in due.reply_address


def test_plus_addresses_are_of_the_one_mailbox() -> None:
    settings = {"main": Plus(scheme="plus", mailbox="audit@box.example")}
    (due,) = make(study(), [target()], addresses=settings)
    assert re.fullmatch(r"audit\+\w{8}@box\.example", due.reply_address)
    assert due.message_id.endswith("@box.example>")


def test_when_no_ready_mailbox_is_free_the_probe_has_no_address() -> None:
    boxes = MailboxList(Path("mailboxes.txt"), ("a@box.example", "b@box.example", "c@box.example"))
    settings: dict[str, AddressSettings] = {"main": Ready.model_construct(scheme="list", file=boxes)}
    dues = make(study(), [target(n) for n in range(4)], addresses=settings, taken={"b@box.example"})
    assert Counter(d.reply_address for d in dues) == {"a@box.example": 1, "c@box.example": 1, "": 2}
    assert [bool(d.reply_address) for d in dues] == [True, True, False, False]
