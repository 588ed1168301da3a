"""Better rules re-score history: verdicts are appended where they change, raw mail and reviews stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import show
from monitor.facts import Keys, Verdict
from monitor.listen import Rules
from monitor.rescore import rescore
from monitor.store.records import suppressed
from monitor.store.reviewing import in_force
from monitor.store.tables import REVIEWS
from monitor.terminal import Terminal
from probes.mail.mime import Mail
from tests.monitor.factories import RULES, World, match, only, rows, verdict


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two firms that have answered."""
    made = World(tmp_path, firms=2)
    made.send()
    made.passes(hours=1).answer(1).answer(2).listen()
    return made


def says(kind: str, about: str = "firm1", **change: Any) -> Rules:
    """Rules that think otherwise of the mails of one firm."""

    def classify(mail: Mail, at: datetime) -> Verdict:
        return verdict(kind, **change) if about in mail.sender.address else RULES.classify(mail, at)

    return replace(RULES, classify=classify, version="newer")


def test_the_same_rules_change_nothing(world: World) -> None:
    before = {table: rows(world.store, table) for table in ("verdicts", "matches", "arrivals", "raw")}
    assert list(rescore(world.store, world.now, rules=RULES)) == []
    assert {table: rows(world.store, table) for table in before} == before


def test_other_rules_append_a_verdict_where_it_differs_and_say_why(world: World) -> None:
    before = rows(world.store, "verdicts")
    (change,) = rescore(world.store, world.now, rules=says("auto_reply", reasons=("it says so itself",)))
    assert change.before is not None
    assert (change.before.verdict.kind, change.after.verdict.kind) == ("human", "auto_reply")
    assert change.why == "human is now auto_reply (it says so itself)"
    assert rows(world.store, "verdicts")[:2] == before
    assert [row["kind"] for row in rows(world.store, "verdicts")] == ["human", "human", "auto_reply"]
    assert [reply.kind for reply in world.facts()["firm-1"].replies] == ["auto_reply"]
    assert list(rescore(world.store, world.now, rules=says("auto_reply", reasons=("it says so itself",)))) == []


def test_other_details_are_a_change_too(world: World) -> None:
    (change,) = rescore(world.store, world.now, rules=says("human", new_text="other", reasons=()))
    assert change.why == "still human, with other details"


def test_matches_are_rewritten(world: World) -> None:
    one, two = (world.facts()[f"firm-{n}"].probe for n in (1, 2))

    def other(mail: Mail, keys: Keys, probes: Any, at: datetime) -> Any:
        return (match(two),) if "firm1" in keys.sender else (match(two, standing="stranger"),)

    changes = list(rescore(world.store, world.now, rules=replace(RULES, match=other)))
    assert [change.why for change in changes] == [
        f"no longer belongs to {one}; now belongs to {two} (because)",
        "belongs to the same probe by another key or standing (because)",
    ]
    assert {row["probe_id"] for row in rows(world.store, "matches")} == {two}
    assert len(rows(world.store, "verdicts")) == 2, "what the mails are has not changed"


def test_a_persons_decision_survives(world: World) -> None:
    review = {"arrival_id": 1, "kind": "human", "who": "eve", "why": "read it", "at": world.now()}
    with world.store.write() as connection:
        connection.execute(REVIEWS.insert().values(review))
    list(rescore(world.store, world.now, rules=says("bot", about="@")))
    kinds = {name: only(facts.replies) for name, facts in world.facts().items()}
    assert {name: (reply.kind, reply.by_hand) for name, reply in kinds.items()} in (
        {"firm-1": ("human", True), "firm-2": ("bot", False)},
        {"firm-1": ("bot", False), "firm-2": ("human", True)},
    )
    assert len(rows(world.store, "reviews")) == 1


def test_a_stop_request_that_only_better_rules_see_counts_from_then_on(world: World) -> None:
    list(rescore(world.store, world.now, rules=says("opt_out")))
    assert suppressed(world.store).businesses == {"firm-1"}


def test_arrivals_that_nobody_understood_yet_are_understood(world: World) -> None:
    world.answer(1, text="another").listen(rules=RULES)
    with world.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM verdicts WHERE arrival_id = 3")
    (change,) = rescore(world.store, world.now, rules=RULES)
    assert (change.before, change.why) == (None, "understood for the first time: human (because)")


def test_progress_is_told_and_every_arrival_is_looked_at(world: World) -> None:
    told: list[int] = []
    list(rescore(world.store, world.now, rules=RULES, progress=told.append))
    assert sum(told) == 2


def test_a_rescore_that_is_broken_off_has_done_whole_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor import rescore as module

    monkeypatch.setattr(module, "AT_A_TIME", 1)
    changes = rescore(world.store, world.now, rules=says("bot", about="@"))
    next(changes)
    del changes
    assert [row["kind"] for row in rows(world.store, "verdicts")] == ["human", "human", "bot"]
    assert len(list(rescore(world.store, world.now, rules=says("bot", about="@")))) == 1


def test_a_change_under_a_decision_is_told_with_it_and_agreement_is_counted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for arrival, kind in ((1, "human"), (2, "nobody")):
        decided = {"arrival_id": arrival, "kind": kind, "who": "eve", "why": "read it", "at": world.now()}
        with world.store.write() as connection:
            connection.execute(REVIEWS.insert().values(decided))
    assert [one.agreed for one in in_force(world.store).values()] == [True, False]
    changes = list(rescore(world.store, world.now, rules=says("bot", about="@")))
    assert [change.held.said.kind for change in changes if change.held] == ["human", "nobody"]
    show.rescored(Terminal(), changes, explain=True)
    show.held(Terminal(), list(in_force(world.store).values()), explain=True)
    out = capsys.readouterr().out
    assert "human is now bot (because); eve said human: that stands" in out
    assert "eve said human (read it); the rules say bot of " in out
    assert "decided by hand: 2; the rules now agree with 0 of them" in out
