"""A person's eye: what waits for it, and a decision that wins over the rules and survives scoring again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor import reviewing, show_review
from monitor.app import App
from monitor.classify.decisive import decisive
from monitor.errors import UsageError
from monitor.rescore import rescore
from monitor.store import looking
from monitor.store.hearing import CANARY, LINE, gaps
from monitor.store.integrity import integrity
from monitor.store.records import suppressed
from monitor.store.tables import GAPS, RAW
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


# --------------------------------------------------------------------------- what is nobody's
def test_what_a_person_says_is_nobodys_counts_for_no_probe_and_survives_scoring_again(desk: Desk) -> None:
    spam = desk.answer(1)
    assert desk.outcome(1)["first_human_at"] is not None
    desk.decide(spam, "nobody", why="it is spam")
    assert desk.kinds(1) == []
    assert desk.outcome(1)["first_human_at"] is None
    assert desk.outcome(1)["by_hand"] is True, "pages say that a person decided"
    list(rescore(desk.world.store, desk.world.now, rules=RULES))
    assert desk.outcome(1)["first_human_at"] is None
    desk.decide(spam, "withdrawn")
    assert desk.outcome(1)["first_human_at"] is not None
    assert desk.outcome(1)["by_hand"] is False
    assert [one for one in integrity(desk.world.store) if not one.ok] == []


def test_what_is_nobodys_speaks_against_no_bounce(desk: Desk) -> None:
    spam = desk.answer(1)
    desk.answer(1, "bounce", text="could not be delivered")
    assert desk.outcome(1)["first_human_at"] is not None
    desk.decide(spam, "nobody")
    assert desk.kinds(1) == [("bounce", False)]


def test_an_answer_given_to_another_probe_was_decided_by_hand_for_both(desk: Desk) -> None:
    arrival = desk.answer(1)
    desk.decide(arrival, "human", probe=desk.world.sent_to(2).probe)
    assert (desk.outcome(1)["first_human_at"], desk.outcome(1)["by_hand"]) == (None, True)
    assert desk.outcome(2)["by_hand"] is True


def test_what_is_nobodys_waits_no_more_and_stops_nobody(desk: Desk) -> None:
    arrival = desk.answer(1, "unclear")
    assert desk.decide(arrival, "nobody").stopped == ()
    assert desk.waiting() == []
    with pytest.raises(UsageError, match="no probe"):
        desk.decide(arrival, "nobody", probe=desk.world.sent_to(1).probe)


def test_several_are_decided_at_once_or_none_of_them(desk: Desk) -> None:
    several = [desk.answer(1, "unclear"), desk.answer(2, "unclear")]
    given = {"kind": "nobody", "probe": None, "who": "kim", "why": "spam, both"}
    with pytest.raises(UsageError, match="there is no arrival 99"):
        reviewing.decide_all(desk.app, [*several, 99], **given)  # type: ignore[arg-type]
    assert rows(desk.world.store, "reviews") == []
    done = reviewing.decide_all(desk.app, [*several, several[0]], **given)  # type: ignore[arg-type]
    assert [one.arrival for one in done] == several
    assert desk.waiting() == []


# --------------------------------------------------------------------------- what was erased
def test_an_arrival_whose_bytes_were_erased_keeps_its_verdict_and_can_be_decided(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    arrival = desk.answer(1, "unclear")
    erase(desk)
    assert desk.waiting() == [arrival]
    show_review.inbox(Terminal(), reviewing.inbox(desk.app), 50)
    show_review.arrival(Terminal(), reviewing.show(desk.app, arrival))
    assert "its bytes were erased" in capsys.readouterr().out
    assert list(rescore(desk.world.store, desk.world.now, rules=RULES)) == []
    assert desk.kinds(1) == [("unclear", False)]
    desk.decide(arrival, "human")
    assert desk.kinds(1) == [("human", True)]


def erase(desk: Desk) -> None:
    with desk.world.store.write() as connection:
        connection.execute(RAW.update().values(data=b"", erased_at=desk.world.now()))


# --------------------------------------------------------------------------- what is shown, one by one
def test_the_inbox_shows_who_wrote_the_sentence_it_hangs_on_and_what_to_type(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    arrival = desk.answer(
        1, sender="kelly@else.example", subject="an offer", text="Hello. Would you like a website? Bye."
    )
    show_review.inbox(Terminal(), reviewing.inbox(desk.app), 50)
    out = capsys.readouterr().out
    assert "kelly@else.example: an offer" in out
    assert f"unanswered review {arrival} --kind human --why REASON" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_the_sentence_that_a_reason_quotes_is_found() -> None:
    text = "Dear Anna,\nThank you. Your ticket was opened today! We answer soon."
    assert decisive(text, "it says 'ticket * opened' and no \"I\"") == "Your ticket was opened today!"
    assert decisive(text, "nothing is strong enough") == "Dear Anna,"
    assert decisive("", "it says 'ticket'") == ""


def test_the_record_of_a_probe_tells_what_a_person_took_from_it(desk: Desk) -> None:
    spam = desk.answer(1)
    desk.decide(spam, "nobody", why="it is spam")
    record = looking.probe_record(desk.world.store, desk.world.sent_to(1).probe)
    assert record is not None
    assert record.heard == []
    assert [(row["arrival_id"], row["kind"], row["why"]) for row in record.reviews] == [(spam, "nobody", "it is spam")]
