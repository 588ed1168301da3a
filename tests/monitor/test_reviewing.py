"""A person's eye: what waits for it, and a decision that wins over the rules and survives scoring again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor import reviewing, show_review
from monitor.app import App
from monitor.errors import UsageError
from monitor.rescore import rescore
from monitor.store.hearing import CANARY, LINE, gaps
from monitor.store.integrity import integrity
from monitor.store.records import suppressed
from monitor.store.tables import GAPS
from monitor.terminal import Terminal
from tests.monitor.factories import CHANNEL, RULES, World, rows


class Desk:
    """A world in which firms were asked, and somebody who decides."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, firms=3)
        self.world.listen()
        self.world.send()
        self.app = App(self.world.config, self.world.now)

    def answer(self, number: int, kind: str = "human", **change: Any) -> int:
        """A firm's answer of that kind is heard; returns the number of the arrival."""
        self.world.answer(number, **{"X_Kind": kind, "text": f"About your question, number {number}."} | change)
        self.world.passes(minutes=5).listen()
        return int(rows(self.world.store, "arrivals")[-1]["id"])

    def decide(self, arrival: int, kind: str, **change: Any) -> reviewing.Reviewed:
        given: dict[str, Any] = {"probe": None, "who": "kim", "why": "I read it"}
        return reviewing.decide(self.app, arrival, kind=kind, **(given | change))

    def waiting(self) -> list[int]:
        return [one.arrival for one in reviewing.inbox(self.app).arrivals]

    def kinds(self, firm: int) -> list[tuple[str, bool]]:
        """The kinds that count for a firm, and whether a person said so."""
        return [(reply.kind, reply.by_hand) for reply in self.world.facts()[f"firm-{firm}"].replies]

    def outcome(self, firm: int) -> dict[str, Any]:
        reviewing.inbox(self.app)  # decides the outcomes
        return next(row for row in rows(self.world.store, "outcomes") if row["business"] == f"firm-{firm}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    with made.app:
        yield made


# --------------------------------------------------------------------------- what waits
def test_what_is_clear_waits_for_nobody(desk: Desk) -> None:
    desk.answer(1)
    desk.answer(2, "auto_acknowledgement")
    assert desk.waiting() == []


def test_what_no_rule_is_sure_of_waits_until_a_person_decides(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    assert desk.waiting() == [arrival]
    desk.decide(arrival, "human")
    assert desk.waiting() == []
    desk.decide(arrival, "withdrawn")
    assert desk.waiting() == [arrival]


def test_a_stranger_at_a_private_address_waits_and_a_newsletter_does_not(desk: Desk) -> None:
    stranger = desk.answer(1, sender="kelly@else.example", subject="an offer", text="Would you like a better website?")
    desk.answer(2, "marketing", sender="news@else.example", subject="News", text="All our news of this week.")
    assert desk.waiting() == [stranger]
    assert "stranger" in reviewing.inbox(desk.app).arrivals[0].why


def test_a_disputed_bounce_waits(desk: Desk) -> None:
    desk.answer(1)
    bounce = desk.answer(1, "bounce", text="could not be delivered")
    assert bounce in desk.waiting()


def test_an_answer_that_is_nobodys_waits(desk: Desk) -> None:
    lost = desk.answer(1, to="office@inbox.example", sender="who@nowhere.example", subject="hello", text="An answer.")
    (one,) = reviewing.inbox(desk.app).arrivals
    assert (one.arrival, one.probe) == (lost, None)


# --------------------------------------------------------------------------- what was decided
def test_a_decision_wins_at_once_and_survives_scoring_again(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    assert desk.outcome(1)["first_human_at"] is None
    desk.decide(arrival, "human")
    assert desk.kinds(1) == [("human", True)]
    assert desk.outcome(1)["first_human_at"] is not None
    assert desk.outcome(1)["by_hand"] is True
    assert list(rescore(desk.world.store, desk.world.now, rules=RULES)) == []
    assert desk.kinds(1) == [("human", True)]
    desk.decide(arrival, "withdrawn")
    assert desk.kinds(1) == [("unclear", False)]
    assert len(rows(desk.world.store, "reviews")) == 2, "nothing that was said is lost"


def test_a_stranger_that_a_person_recognises_is_an_answer(desk: Desk) -> None:
    arrival = desk.answer(1, sender="kelly@else.example", subject="an offer", text="Would you like a better website?")
    assert desk.outcome(1)["first_human_at"] is None
    desk.decide(arrival, "human", why="Kelly works there, I called them")
    assert desk.outcome(1)["first_human_at"] is not None


def test_a_person_may_say_whose_answer_it_is(desk: Desk) -> None:
    lost = desk.answer(1, to="office@inbox.example", sender="who@nowhere.example", subject="hello", text="An answer.")
    desk.decide(lost, "human", probe=desk.world.sent_to(2).probe)
    assert desk.kinds(2) == [("human", True)]
    list(rescore(desk.world.store, desk.world.now, rules=RULES))
    assert desk.kinds(2) == [("human", True)]


def test_the_later_of_two_decisions_counts_and_the_second_is_told(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    desk.decide(arrival, "human", who="kim")
    done = desk.decide(arrival, "auto_reply", who="lou")
    assert done.before is not None
    assert (done.before.who, done.before.kind) == ("kim", "human")
    assert desk.kinds(1) == [("auto_reply", True)]


def test_a_request_to_stop_that_a_person_found_stops_at_once(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    done = desk.decide(arrival, "opt_out")
    assert done.stopped == ("firm-1",)
    assert suppressed(desk.world.store).businesses == {"firm-1"}


def test_a_person_who_says_that_it_is_no_request_to_stop_is_believed(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    desk.decide(arrival, "human")
    told = RULES.__class__(
        parse=RULES.parse, keys=RULES.keys, match=RULES.match, version="later",
        classify=lambda mail, at: RULES.classify(mail, at).__class__(
            kind="opt_out", automated=False, reasons=("stop",), rules="later"
        ),
    )  # fmt: skip
    list(rescore(desk.world.store, desk.world.now, rules=told))
    assert suppressed(desk.world.store).businesses == frozenset()
    desk.decide(arrival, "withdrawn")
    list(rescore(desk.world.store, desk.world.now, rules=told))
    assert suppressed(desk.world.store).businesses == {"firm-1"}, "given back, the rules count"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "humna"}, "did you mean human"),
        ({"why": " "}, "needs a reason"),
        ({"probe": "none"}, "there is no probe 'none'"),
        ({"arrival": 99}, "there is no arrival 99"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_recorded(desk: Desk, change: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"arrival": desk.answer(1, "unclear"), "kind": "human"} | change
    with pytest.raises(UsageError, match=said):
        desk.decide(given.pop("arrival"), given.pop("kind"), **given)
    assert rows(desk.world.store, "reviews") == []


def test_a_person_closes_a_gap_with_a_reason(desk: Desk) -> None:
    a_gap(desk, until=desk.world.now())
    (gap,) = reviewing.inbox(desk.app).gaps
    reviewing.close_gap(desk.app, gap.id, who="kim", why="the other provider had lost it")
    (gap,) = gaps(desk.world.store)
    assert gap.closed_at is not None
    assert gap.why == "lost (closed by kim: the other provider had lost it)"
    with pytest.raises(UsageError, match="cannot be closed"):
        reviewing.close_gap(desk.app, gap.id, who="kim", why="again")
    assert [one for one in integrity(desk.world.store) if not one.ok] == []


@pytest.mark.parametrize("found_by", [CANARY, LINE])
def test_a_gap_that_goes_on_and_that_of_a_lost_line_are_not_a_persons_to_close(desk: Desk, found_by: str) -> None:
    a_gap(desk, found_by=found_by, until=None if found_by == CANARY else desk.world.now())
    with pytest.raises(UsageError, match="cannot be closed"):
        reviewing.close_gap(desk.app, gaps(desk.world.store)[0].id, who="kim", why="I do not care")
    assert gaps(desk.world.store)[0].closed_at is None


def a_gap(desk: Desk, found_by: str = CANARY, **change: Any) -> None:
    values = {"channel": CHANNEL, "mailbox": "*@inbox.example", "since": desk.world.now(), "why": "lost"}
    with desk.world.store.write() as connection:
        connection.execute(GAPS.insert().values(values | {"found_by": found_by} | change))


# --------------------------------------------------------------------------- what is shown
def test_nothing_in_a_mail_reaches_the_terminal_as_a_command(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    arrival = desk.answer(1, "unclear", text="before \x1b[2J\x1b]0;owned\x07 after\u202egnp.exe")
    terminal = Terminal()
    assert show_review.inbox(terminal, reviewing.inbox(desk.app), 50) == 1
    show_review.arrival(terminal, reviewing.show(desk.app, arrival))
    out = capsys.readouterr().out
    assert "before" in out
    assert "after" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_an_empty_inbox_says_so(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_review.inbox(Terminal(), reviewing.inbox(desk.app), 50) == 0
    assert "nothing waits" in capsys.readouterr().out
