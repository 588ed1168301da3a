"""Are we heard: what mailboxes of our own show, and how the page says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports import data
from reports.figures.controls import controls
from reports.figures.model import DAY, HOUR, Controls
from tests.reports import sample
from tests.reports.test_site import built, doubtful, text


def control(number: int, *, arrives: int | None = 1, **facts: Any) -> dict[str, Any]:
    """A test mail to a mailbox of our own, sent a month before the present; it `arrives` after so many minutes."""
    sent = sample.NOW - 30 * DAY
    here = None if arrives is None else sent + arrives * HOUR // 60
    return sample.row(f"C{number}", f"box{number}", sent_at=sent) | {"role": "control", "delivered_at": here} | facts


def figure(*rows: dict[str, Any]) -> Controls:
    return controls(sample.outcomes(list(rows)), now=sample.NOW)


def test_those_that_arrived_within_a_day_are_counted() -> None:
    late = 25 * 60
    found = figure(control(1), control(2, arrives=late), control(3, arrives=None), control(4, delivered_junk=True))
    assert found == Controls(sent=4, arrived=2, junk=1, waiting=0)


@pytest.mark.parametrize(
    "unheard",
    [
        {"observed_until": None},
        {"observed_until": sample.NOW - 30 * DAY + HOUR},
        {"gap_from": sample.NOW - 30 * DAY + HOUR},
        {"sent_at": sample.NOW - HOUR},
    ],
)
def test_a_control_whose_mailbox_was_not_heard_for_a_day_says_nothing(unheard: dict[str, Any]) -> None:
    assert figure(control(1), control(2, arrives=None, **unheard)) == Controls(sent=1, arrived=1, junk=0, waiting=1)


def test_one_that_was_not_sent_is_no_control() -> None:
    assert figure(control(1, arrives=None, state="not_sent")).sent == 0


def test_when_controls_are_missing_the_page_says_so_on_top(tmp_path: Path) -> None:
    rows = [*doubtful(0), *(control(n) for n in range(9)), control(9, arrives=None), control(10, delivered_junk=True)]
    index = built(tmp_path, rows)
    assert text(index.css_first(".warning.box")) == (
        "Of 11 test mails to mailboxes of our own, sent like the enquiries, 10 arrived within a day, 1 of them in a"
        " junk folder: part of the silence below may be ours, and none of theirs."
    )
    assert data.verify(tmp_path) == []


def test_when_all_arrived_the_page_says_so_quietly(tmp_path: Path) -> None:
    index = built(tmp_path, [*doubtful(0), control(1), control(2)])
    assert not index.css(".warning.box")
    assert any("Of 2 test mails" in text(line) for line in index.css(".scope"))


def test_without_controls_the_page_says_that_nobody_can_say(tmp_path: Path) -> None:
    index = built(tmp_path, doubtful(0))
    assert any("No mailbox of our own was written to" in text(line) for line in index.css(".scope"))


def test_the_page_says_how_many_a_person_decided(tmp_path: Path) -> None:
    rows = doubtful(0)
    assert any("decided about none" in text(line) for line in built(tmp_path / "a", rows).css(".scope"))
    rows[0]["by_hand"] = rows[1]["by_hand"] = True
    index = built(tmp_path / "b", rows)
    assert any(text(line) == "A person decided about 2 enquiries of 5." for line in index.css(".scope"))
    assert data.verify(tmp_path / "b") == []


@pytest.mark.parametrize(("state", "facts"), [("sent", {"gap_from": 0}), ("unknown", {})])
def test_what_we_did_not_hear_is_said_to_be_our_failure(tmp_path: Path, state: str, facts: dict[str, Any]) -> None:
    rows = doubtful(0, 9)
    for one in rows[:3]:
        one |= {"state": state} | dict.fromkeys(facts, one["sent_at"] + HOUR)
    (warning,) = built(tmp_path, rows).css(".warning.box")
    assert text(warning).startswith(
        "Part of this is our own failure, and no silence of theirs. Left out of the rate: 3"
    )
    assert data.verify(tmp_path) == []


def test_verify_finds_a_control_that_was_made_up(tmp_path: Path) -> None:
    built(tmp_path, [*doubtful(0), control(1), control(2, arrives=None)])
    path = tmp_path / "data" / "figures.json"
    figures = json.loads(path.read_text())
    figures["studies"][0]["figures"]["controls"]["arrived"] = 2
    path.write_text(json.dumps(figures))
    assert any("controls.arrived" in line for line in data.verify(tmp_path))
