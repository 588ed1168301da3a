"""Evidence of handing over is kept; an answer teaches what a destination's behaviour means, for later probes only."""

from __future__ import annotations

from pathlib import Path

from monitor.store.exhibits import LARGEST, exhibits, patterns
from monitor.store.integrity import integrity
from monitor.store.tables import PROBES, RECEIPTS
from probes.contract import Exhibit
from tests.monitor.factories import CHANNEL, World

ADDRESS = "info@firm1.example"
PICTURE = Exhibit(name="after.jpg", media_type="image/jpeg", data=b"\xff\xd8" * 1000)
LARGE = Exhibit(name="large.jpg", media_type="image/jpeg", data=bytes(LARGEST + 1))


def probes(world: World) -> list[str]:
    with world.store.read() as connection:
        return list(
            connection.execute(PROBES.select().with_only_columns(PROBES.c.id).order_by(PROBES.c.slot)).scalars()
        )


def made(folder: Path, **study: object) -> World:
    world = World(folder, firms=1, study={"schedule": "0 9 * * *", **study})
    world.fake.ends(
        ADDRESS, state="unknown", reason="no sign", pattern="quiet", signs=("the form is gone",),
        details={"final url": "https://shop.example/"}, exhibits=(PICTURE, LARGE),
    )  # fmt: skip
    return world


def test_what_a_receipt_found_is_kept_with_its_exhibits_and_a_large_one_by_name_only(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.listen()
    world.send()
    (probe,) = probes(world)
    kept = exhibits(world.store, probe)
    assert [(one.name, one.size, one.data) for one in kept] == [
        ("after.jpg", 2000, PICTURE.data),
        ("large.jpg", LARGEST + 1, None),
    ]
    with world.store.read() as connection:
        (row,) = connection.execute(RECEIPTS.select()).mappings()
    assert (row["details"], row["signs"], row["pattern"]) == (
        {"final url": "https://shop.example/"},
        ["the form is gone"],
        "quiet",
    )
    assert [one.rule for one in integrity(world.store) if not one.ok] == []


def test_an_answer_teaches_a_later_probe_and_never_its_own(tmp_path: Path) -> None:
    world = made(tmp_path, probes_per_endpoint=2)
    world.listen()
    world.send()
    assert world.fake.sent[-1].proven == frozenset()
    first = probes(world)[0]
    world.answer(1).listen()
    assert patterns(world.store, CHANNEL, "firm1.example", before=first) == frozenset()
    assert patterns(world.store, CHANNEL, "firm1.example", before="another") == {"quiet"}
    assert patterns(world.store, CHANNEL, "firm2.example", before="another") == frozenset()
    world.passes(days=1).send()
    assert len(world.fake.sent) == 2
    assert world.fake.sent[-1].proven == {"quiet"}


def test_silence_teaches_nothing(tmp_path: Path) -> None:
    world = made(tmp_path, probes_per_endpoint=2)
    world.listen()
    world.send()
    world.passes(days=1).send()
    assert [one.proven for one in world.fake.sent] == [frozenset(), frozenset()]
