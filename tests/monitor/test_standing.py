"""How it stands: how far each channel was heard, and what its canaries prove."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import show
from monitor.app import App
from monitor.canary import Route
from monitor.standing import Hearing, hearing, standing
from monitor.store import canaries as records
from monitor.terminal import Terminal
from probes.contract import Canaries, Receipt
from tests.monitor.factories import World
from tests.monitor.making import TUESDAY
from tests.monitor.test_canary import canary, lost

HOUR = timedelta(hours=1)
DAILY = Canaries(sender="watcher@elsewhere.example", every=24 * HOUR, patience=HOUR)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.listen()
    yield made
    made.store.close()


def heard(until: datetime | None, *canaries: Any, rhythm: Canaries | None = DAILY) -> Hearing:
    return Hearing(channel="post", until=until, rhythm=rhythm, canaries=canaries)


def test_a_channel_is_in_trouble_when_it_was_not_heard_through_for_more_than_an_hour() -> None:
    assert not list(heard(TUESDAY).troubles(TUESDAY + HOUR))
    (trouble,) = heard(TUESDAY).troubles(TUESDAY + 2 * HOUR)
    assert "not heard since" in trouble
    assert "2 h" in trouble
    assert not list(heard(None).troubles(TUESDAY + 2 * HOUR))


def test_a_channel_is_in_trouble_when_no_canary_came_home_for_two_rhythms() -> None:
    now = TUESDAY + 50 * HOUR
    assert not list(heard(now, canary(2)).troubles(now))
    (trouble,) = heard(now, canary(0), lost(24)).troubles(now)
    assert "no canary has come home since" in trouble
    assert not list(heard(now, canary(0), rhythm=None).troubles(now))


def test_the_last_canary_home_and_those_lost_are_told_apart() -> None:
    late = lost(6, heard_at=TUESDAY + 20 * HOUR)
    found = heard(TUESDAY, canary(0), late, lost(12), canary(18, heard_at=None))
    assert found.home == late
    assert [one.id for one in found.lost] == [lost(12).id]


def shown(world: World, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    app = App(world.config, world.now)
    app.store, app.channels = world.store, world.channels
    code = show.standing(Terminal(as_json=False, quiet=False), standing(app), world.now())
    said = capsys.readouterr()
    return code, said.out + said.err


def test_status_ends_with_1_when_hearing_stands_still(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(world, capsys)[0] == 0
    assert shown(world.passes(hours=3), capsys)[0] == 0  # nothing is awaited yet
    world.listen()
    world.send()
    world.passes(hours=3)
    code, said = shown(world, capsys)
    assert code == 1
    assert "not heard since" in said
    world.listen()
    assert shown(world, capsys)[0] == 0


def test_a_study_that_is_over_and_was_heard_to_its_end_needs_no_more_hearing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.send()
    world.passes(days=31).listen()
    world.passes(days=31)
    assert shown(world, capsys)[0] == 0


def test_what_was_not_heard_to_its_end_is_still_awaited(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.send()
    world.passes(days=20).listen()
    world.passes(days=31)
    assert shown(world, capsys)[0] == 1


def test_status_tells_the_canaries(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    route = Route(address="a@inbox.example", proves="*@inbox.example")
    made = records.put_on_record(
        world.store, channel="post", scheme="main", route=route, sender=DAILY.sender, message_id="<c@x>", now=world.at
    )
    records.record_receipt(world.store, made, Receipt(state="sent", at=world.at))
    assert "canaries on post: none came home yet" in shown(world, capsys)[1]
    records.record_failure(world.store, made, "gone", world.at)
    assert "canaries lost on post: 1, the last sent 2026-12-01 10:00" in shown(world, capsys)[1]


def test_only_channels_that_listen_can_be_deaf(world: World) -> None:
    (one,) = hearing(world.store, world.channels)
    assert one.until == world.now()
    assert not list(hearing(world.store, {}))
