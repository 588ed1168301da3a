"""From the store to a site: who is counted, what is coded, what is blanked, what is kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from monitor.app import App
from monitor.listen import todays_rules
from monitor.report import publish, read, refresh
from reports.data import verify
from tests.monitor.factories import World, business, rows


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, firms=3)
    yield made
    made.store.close()


def app_of(world: World, *, names: bool = False, quotes: bool = True) -> App:
    """The app of this world's config; it opens the store by itself."""
    config = replace(world.config, report=world.config.report.model_copy(update={"names": names, "quotes": quotes}))
    return App(config, world.now)


def everything(site: Path) -> str:
    """All text of a site, and its tables as text."""
    tables = [pl.read_parquet(path).write_csv() for path in site.rglob("*.parquet")]
    texts = [path.read_text(encoding="utf-8") for path in site.rglob("*") if path.suffix in (".html", ".csv", ".json")]
    return "\n".join([*tables, *texts])


def test_every_probe_has_one_outcome_and_deciding_again_changes_nothing(world: World) -> None:
    world.send()
    world.answer(1).passes(hours=2).listen()
    with app_of(world) as app:
        assert refresh(app) == 3
        first = read(app.store)
        assert refresh(app) == 3
        assert read(app.store).equals(first)
    answered = first.filter(pl.col("business") == "firm-1").row(0, named=True)
    assert answered["first_human_kind"] == "human"
    assert answered["first_human_at"] >= answered["sent_at"]


def test_a_business_without_an_address_is_counted_as_not_contactable(world: World) -> None:
    world.imports(business(9, endpoints=()))
    world.send()
    with app_of(world) as app:
        refresh(app)
        found = read(app.store)
    assert dict(zip(found["business"], found["state"], strict=True))["firm-9"] == "not_contactable"
    assert found.height == 4


def test_a_business_outside_the_study_is_not_counted(world: World) -> None:
    world.imports(business(9, endpoints=(), sector="bakery")).studies(sectors=("butcher",))
    world.imports(business(1, sector="butcher")).send()
    with app_of(world) as app:
        refresh(app)
        found = read(app.store)
    assert found["business"].to_list() == ["firm-1"]


def test_with_names_off_nothing_published_leads_to_a_business(world: World, tmp_path: Path) -> None:
    world.send()
    world.answer(1, text="Call Firm 1 at +49 30 1234567 or write to info@firm1.example, yours, Firm 1.")
    world.passes(hours=2).listen()
    site = tmp_path / "site"
    with app_of(world) as app:
        publish(app, site)
    said = everything(site)
    for number in (1, 2, 3):
        for secret in (f"firm-{number}", f"Firm {number}", f"firm{number}.example"):
            assert secret not in said, secret
    assert "1234567" not in said
    for probe in rows(world.store, "probes"):
        assert probe["id"] not in said, "an id can be computed from the seed and a name"
        assert probe["reply_address"] not in said
    for row in rows(world.store, "businesses"):
        assert row["code"] in said
    assert verify(site) == []


def test_with_names_off_a_business_is_not_known_by_how_it_signs(world: World, tmp_path: Path) -> None:
    world.imports(business(1, name="Velo Moritz GmbH", own_domains=("velo-moritz.bike", "moritzrad.berlin"))).send()
    text = "Look at velo-moritz.bike/prices or shop.MoritzRad.berlin, or find VeloMoritz anywhere. Yours, Velo Moritz"
    world.answer(1, text=text).passes(hours=2).listen(rules=todays_rules())
    with app_of(world) as app:
        publish(app, tmp_path / "site")
    said = everything(tmp_path / "site")
    assert "Look at [link] or [link], or find [name] anywhere. Yours, [name]" in said
    assert "moritz" not in said.lower()


def test_windows_of_any_length_are_reported(world: World, tmp_path: Path) -> None:
    world.studies(windows=["90m", "36h", "8d"]).send()
    world.passes(days=9).listen()
    with app_of(world) as app:
        publish(app, tmp_path / "site")
    figures = (tmp_path / "site" / "data" / "figures.json").read_text(encoding="utf-8")
    assert '"windows":[5400000000,129600000000,691200000000]' in figures


def test_codes_stay_the_same_from_edition_to_edition(world: World, tmp_path: Path) -> None:
    world.send()
    found = []
    for name in ("one", "two"):
        with app_of(world) as app:
            publish(app, tmp_path / name)
        found.append(pl.read_parquet(tmp_path / name / "data" / "outcomes.parquet").select("probe", "business"))
    assert found[0].equals(found[1])


def test_with_names_on_businesses_are_named(world: World, tmp_path: Path) -> None:
    world.send()
    with app_of(world, names=True) as app:
        done = publish(app, tmp_path / "site")
    assert "Firm 2" in everything(tmp_path / "site")
    assert (done.studies, done.businesses, done.probes) == (1, 3, 3)


def test_a_store_without_any_study_gives_a_page_all_the_same(world: World, tmp_path: Path) -> None:
    with app_of(world) as app:
        done = publish(app, tmp_path / "site")
    assert done.index.is_file()
    assert done.probes == 0
    assert verify(tmp_path / "site") == []


def test_what_was_answered_is_not_shown_unless_the_config_says_so(world: World, tmp_path: Path) -> None:
    world.send()
    world.answer(1, text="Yes, ask for Hans Meier at the counter.").passes(hours=2).listen(todays_rules())
    assert not world.config.report.quotes
    for quotes in (False, True):
        site = tmp_path / f"site-{quotes}"
        with app_of(world, quotes=quotes) as app:
            publish(app, site)
        assert ("at the counter" in everything(site)) is quotes


LETTER = (
    "Dear Jo Park,\r\n\r\nZoe will help: zoe.kaya@firm1.example, 030 1234567, 12 Baker Street.\r\n\r\nRegards,\r\nSam"
)


@pytest.mark.parametrize("names", [False, True])
def test_people_addresses_and_numbers_are_published_nowhere_names_or_not(
    world: World, tmp_path: Path, names: bool
) -> None:
    said = "550 5.1.1 <info@firm3.example>: ask Jo on +49 30 1234567"
    world.fake.refuses("info@firm3.example", reason=said, by="recipient_mx")
    world.send()
    for number in (1, 2):
        sender = f"Kaya, Zoe <zoe.kaya@firm{number}.example>"
        world.answer(number, sender=sender, text=LETTER)
    world.passes(hours=2).listen(todays_rules())
    with app_of(world, names=names) as app:
        publish(app, tmp_path / "site")
    published = everything(tmp_path / "site")
    assert "[name] will help: [address], [number], [street]." in published
    assert ("Firm 1" in published) is names
    for secret in ("Zoe", "Kaya", "Park", "Sam\n", "firm1.example", "firm3.example", "1234567", "Baker"):
        assert secret not in published, secret
    assert verify(tmp_path / "site") == []


def test_a_business_that_is_named_is_not_blanked_as_its_own_sender(world: World, tmp_path: Path) -> None:
    world.imports(business(1, name="Velo Moritz")).send()
    world.answer(
        1, sender="Velo Moritz <velo@firm1.example>", text="Yes, Velo Moritz repairs it.\r\n\r\nRegards,\r\nVelo Moritz"
    )
    world.passes(hours=2).listen(todays_rules())
    with app_of(world, names=True, quotes=True) as app:
        publish(app, tmp_path / "site")
    assert "Yes, Velo Moritz repairs it." in everything(tmp_path / "site")
