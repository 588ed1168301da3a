"""A server that refuses us stops the pass; one that refuses what we ask does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.obstacles import SAME_ANSWERS
from tests.monitor.factories import World

FIRMS = SAME_ANSWERS + 4


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, firms=FIRMS)


def test_a_server_that_refuses_us_each_time_is_left_alone_and_the_rest_waits(world: World) -> None:
    for number in range(FIRMS):
        world.fake.refuses(
            f"info@firm{number + 1}.example",
            reason=f"RCPT refused: 550 5.7.1 <info@firm{number + 1}.example>: Relay access denied",
        )
    done = world.send()
    assert done.not_sent == SAME_ANSWERS
    assert sorted(world.states().values()).count("planned") == FIRMS - SAME_ANSWERS, "the rest is kept"
    assert any("say the same" in problem and "doctor" in problem for problem in done.problems)
    assert world.send().not_sent == SAME_ANSWERS - 1, "the next pass tries anew"


def test_businesses_that_refuse_are_no_obstacle(world: World) -> None:
    for number in range(FIRMS):
        world.fake.refuses(
            f"info@firm{number + 1}.example", by="recipient_mx", reason="RCPT refused: 550 5.1.1 no such user"
        )
    done = world.send()
    assert (done.not_sent, done.problems) == (FIRMS, [])


def test_refusals_that_say_different_things_are_no_obstacle(world: World) -> None:
    for number in range(FIRMS):
        words = "listed somewhere" if number % 2 else "text not liked"
        world.fake.refuses(f"info@firm{number + 1}.example", reason=f"DATA refused: 550 5.7.1 {words}")
    assert world.send().not_sent == FIRMS
