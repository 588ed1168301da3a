"""The site as a reader gets it: what the pages say, that it agrees with the data, that every link leads somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from reports import data, site, words
from reports.charts import axis
from reports.charts.field import CELL
from reports.edition import Edition, Unit
from reports.figures import rates
from reports.figures.model import DAY, HOUR
from reports.pages import method
from reports.pages.terms import DISPOSITIONS
from reports.slugs import slug
from tests.reports import sample

T = words.THIN


@pytest.fixture(scope="module")
def sector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one-study sample, built once."""
    out = tmp_path_factory.mktemp("sector")
    site.build(*sample.sector(), out)
    return out


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two-study sample, built once."""
    out = tmp_path_factory.mktemp("both")
    site.build(*sample.both(), out)
    return out


def page(path: Path) -> LexborHTMLParser:
    return LexborHTMLParser(path.read_text("utf-8"))


def pages(out: Path) -> list[Path]:
    return sorted(out.rglob("*.html"))


def text(node: LexborNode | LexborHTMLParser | None) -> str:
    """The text as a reader reads it: white space of any width as one blank."""
    assert node is not None
    return " ".join((node.body if isinstance(node, LexborHTMLParser) else node).text().split())  # type: ignore[union-attr]


def built(out: Path, rows: list[dict[str, Any]], **changes: Any) -> LexborHTMLParser:
    """The index of a site of one study with these rows."""
    study = changes.pop("study", sample.study())
    edition = sample.edition(study, rows=rows, **({"units": {}} | changes))
    return page(site.build(sample.outcomes(rows), edition, out))


# --------------------------------------------------------------------------- the first screen
def test_the_first_screen_says_what_was_done_to_whom_and_how_sure_it_is(sector: Path) -> None:
    index = page(sector / "index.html")
    assert text(index.css_first("h1")) == "Do bike shops answer?"
    assert text(index.css_first(".lead")) == (
        "Two questions about a repair, by e-mail. An enquiry to each of 36 businesses was attempted (email), between"
        " 1 Dec 2026 and 9 Jan 2027. If no person had written back after 7 days, it counts as not answered."
    )
    assert text(index.css_first(".headline")) == (
        "16 of 28 businesses did not answer: no person wrote back within 7 days."
    )
    assert text(index.css_first(".sure")) == "That is 57 %; the 95 % interval runs from 38 to 75 %."


def test_the_ledger_adds_up_from_everything_planned_to_what_is_in_the_rate(sector: Path) -> None:
    rows = page(sector / "index.html").css(".ledger tr")
    ledger = [(text(row.css_first("th")), int(text(row.css_first("td"))), "total" in row.html) for row in rows]  # type: ignore[operator]
    names = [name for name, _, _ in ledger]
    study, attempted, rated = (names.index(name) for name in ("In the study", "Attempted", "In the rate"))
    amount = [n for _, n, _ in ledger]
    assert amount[study] - sum(amount[study + 1 : attempted]) == amount[attempted] == 36
    assert amount[attempted] - sum(amount[attempted + 1 : rated]) == amount[rated] == 28


def test_bounds_and_the_second_headline_stand_beside_it_and_are_no_bare_numbers(sector: Path) -> None:
    beside = [text(node) for node in page(sector / "index.html").css(".behind dd")]
    assert beside[0].startswith("19 of 31, 61 % (42–77 %)16 of 31, 52 % (34–69 %)")
    assert beside[1].startswith("19 of 31, 61 % (42–77 %)")


def test_the_field_has_one_mark_for_each_business_and_the_legend_counts_them(sector: Path) -> None:
    index = page(sector / "index.html")
    assert len(index.css(".field use")) == 38
    assert [text(node) for node in index.css(".field-box .legend li")] == [
        "12 answered by a person", "5 only a machine replied", "11 nobody replied",
    ]  # fmt: skip


def test_an_answer_in_an_open_window_stands_apart_in_the_field(tmp_path: Path) -> None:
    late = {"sent_at": sample.NOW - DAY, "after_observed": DAY}
    rows = [sample.row("P", "old", after_first_human=HOUR), sample.row("Q", "new", **late, after_first_human=HOUR)]
    old, new = (float(node.attributes["x"] or 0) for node in built(tmp_path, rows).css(".field use"))
    assert new - old > CELL * 1.5


def test_the_curve_as_a_table_gives_both_lines_and_who_still_waits(tmp_path: Path) -> None:
    rows = [sample.row(f"A{i}", f"a{i}", after_first_ack=5 * HOUR) for i in range(10)]
    rows += [sample.row(f"H{i}", f"h{i}", after_first_human=2 * DAY) for i in range(10)]
    found = built(tmp_path, rows).css("figure details tbody tr")
    table = {text(row.css_first("th")): [text(cell) for cell in row.css("td")] for row in found}
    assert table["8 hours"][:2] == ["20", "0 %"]
    assert table["8 hours"][3] == "50 %"
    assert table["3 days"][:2] == ["10", "50 %"]
    assert table["3 days"][3] == "100 %"


def test_the_curve_says_nothing_of_a_time_to_which_nobody_was_followed(tmp_path: Path) -> None:
    young = {"sent_at": sample.NOW - 2 * DAY, "after_observed": 2 * DAY}
    rows = [sample.row(f"P{i}", f"b{i}", **young, **({"after_first_human": HOUR} if i < 3 else {})) for i in range(12)]
    index = built(tmp_path, rows)
    table = {
        text(row.css_first("th")): [text(cell) for cell in row.css("td")]
        for row in index.css("figure details tbody tr")
    }
    assert table["24 hours"] == ["9", "25 %", "9–59 %", "25 %"]
    assert table["3 days"] == table["30 days"] == ["0", "–", "", "–"]
    assert text(index.css_first(".curve desc")).startswith(
        "Of 12 enquiries: 25 % after 24 hours, not known after 7 days and not known after 30 days."
    )
    said = text(index.css_first("#speed ~ .prose"))
    assert said == "The median is not reached: the curve stays under one half as far as it is known."


def test_the_curve_is_known_to_its_end_where_everybody_was_answered(tmp_path: Path) -> None:
    rows = [sample.row(f"P{i}", f"b{i}", after_first_human=HOUR) for i in range(12)]
    index = built(tmp_path, rows)
    last = [text(cell) for cell in index.css("figure details tbody tr")[-1].css("td")]
    assert last[:2] == ["0", "100 %"]
    assert "100 % after 30 days" in text(index.css_first(".curve desc"))


def test_the_median_names_the_enquiries_it_is_of_and_an_end_that_is_not_reached(both: Path) -> None:
    said = text(page(both / "study/branches.html").css_first("#speed ~ .prose"))
    assert said == (
        "By the curve of 308 enquiries below, half were answered by a person within 2 d 6 h (95 % interval from"
        " 8 h 54 min, its upper end not reached). Nine in ten: not reached. Among the 161 enquiries that a person"
        " answered within 7 days, the median was 8 h 50 min; that number leaves out the silent."
    )


def test_no_page_calls_delivered_what_was_only_handed_over(sector: Path) -> None:
    said = text(page(sector / "index.html").css_first("main"))
    assert "delivered" not in re.sub("undelivered", "", said)


def test_the_note_and_every_warning_stand_on_top_of_every_page(tmp_path: Path) -> None:
    rows = sample.sector_rows()
    built(tmp_path, rows, note="A sandbox.", warnings=("Control mail arrived late.", "Two."))
    for path in pages(tmp_path):
        notes = page(path).css("main > aside.notes p")
        assert [text(node) for node in notes] == ["A sandbox.", "Control mail arrived late.", "Two."], path


def test_more_than_5_percent_undetermined_is_told_on_top(tmp_path: Path) -> None:
    def rows(unclear: int) -> list[dict[str, Any]]:
        return [
            sample.row(f"P{i}", f"b{i}", **({"after_first_unclear": HOUR} if i < unclear else {})) for i in range(100)
        ]

    assert "undetermined" not in text(built(tmp_path / "few", rows(5)).css_first("main"))
    warned = built(tmp_path / "many", rows(6)).css_first(".warning.box")
    assert text(warned).startswith("6 enquiries are undetermined beside the 94 in the rate, 6 % of both together: ")
    alone = built(tmp_path / "all", rows(100))
    assert text(alone.css_first(".warning.box")).startswith("100 enquiries are undetermined and none is in the rate: ")
    assert text(alone.css_first(".headline")) == (
        "No figure yet No enquiry is in the rate after 7 days; what became of each stands under"
        " “What stands behind it”."
    )


def doubtful(unclear: int, silent: int = 5, **facts: Any) -> list[dict[str, Any]]:
    """Enquiries to one business a week apart: so many unclear ones, then so many silent."""
    return [
        sample.row(
            f"P{i}",
            "firm",
            sent_at=sample.NOW - (60 - i) * 7 * DAY,
            **(({"after_first_unclear": HOUR} if i < unclear else {}) | facts),
        )
        for i in range(unclear + silent)
    ]


def test_a_business_with_a_rate_has_its_bounds_and_its_doubt_beside_it(tmp_path: Path) -> None:
    built(tmp_path, doubtful(10))
    own = page(tmp_path / "business/firm.html")
    assert text(own.css_first(".headline")).startswith("5 of 5 enquiries")
    assert text(own.css_first(".bounds")).startswith(
        "Attempted: 15. Worst case 15 of 15, 100 % (80–100 %), best case 5 of 15, 33 % (15–58 %)."
    )
    assert text(own.css_first(".warning.box")).startswith(
        "10 enquiries are undetermined beside the 5 in the rate, 67 % of both together"
    )
    assert data.verify(tmp_path) == []
    built(tmp_path, doubtful(1, 30))
    assert not page(tmp_path / "business/firm.html").css(".warning")


def test_a_list_of_studies_gives_the_bounds_and_the_doubt_beside_each_rate(tmp_path: Path) -> None:
    rows = doubtful(10) + [row | {"study": "branches", "probe": row["probe"] + "b"} for row in doubtful(0)]
    edition = sample.edition(sample.study(), sample.branches(), rows=rows, units={})
    cards = page(site.build(sample.outcomes(rows), edition, tmp_path)).css(".card")
    assert "Worst case 15 of 15, 100 % (80–100 %), best case 5 of 15, 33 % (15–58 %)" in text(cards[0])
    assert [len(card.css(".warning")) for card in cards] == [1, 0]
    assert data.verify(tmp_path) == []


def test_without_a_frame_the_page_speaks_of_these_businesses_only(both: Path) -> None:
    assert text(page(both / "study/branches.html").css_first(".scope")) == "Speaks of these 14 businesses only."
    assert "Trade register" in text(page(both / "study/sector.html").css_first(".scope"))


@pytest.mark.parametrize(
    ("asked", "says"), [(0, "Speaks of no business yet."), (1, "Speaks of this one business only.")]
)
def test_the_scope_of_one_business_or_none_is_said_in_good_words(tmp_path: Path, asked: int, says: str) -> None:
    bare = sample.study(frame_list=None, frame_drawn=None)
    assert text(built(tmp_path, fate()[:asked], study=bare).css_first(".scope")) == says


def test_the_lead_counts_attempts_and_calls_nobody_written_to_whom_nothing_reached(tmp_path: Path) -> None:
    never = [sample.row(f"N{i}", f"n{i}", state="blocked", sent_at=None) for i in range(3)]
    gone = [sample.row("S", "s", state="suppressed", sent_at=None)]
    said = [
        text(built(tmp_path / str(n), rows).css_first(".lead"))
        for n, rows in enumerate(
            (
                [sample.row("P", "firm")],
                [sample.row("P", "firm"), *never, *gone],
                [sample.row("P", "firm"), sample.row("Q", "firm"), *never, *gone],
                [sample.row("P", "firm"), sample.row("Q", "firm", state="planned", sent_at=None)],
            )
        )
    ]
    assert [one.removeprefix("Two questions about a repair, by e-mail. ").partition(", on ")[0] for one in said] == [
        "An enquiry to 1 business was attempted (email)",
        "An enquiry to each of 4 businesses was attempted (email)",
        "5 enquiries were attempted in a study of 5 businesses (email)",
        "1 enquiry was attempted in a study of 1 business (email)",
    ]


def test_an_answer_that_a_deaf_gap_keeps_from_the_rate_is_not_called_open(tmp_path: Path) -> None:
    rows = [sample.row("P", "firm", after_first_human=HOUR, after_gap=DAY)]
    assert "Answered, not closed1" in [text(row) for row in built(tmp_path, rows).css(".ledger tr")]


# --------------------------------------------------------------------------- tables and lists
def test_every_disposition_that_occurs_is_explained_and_counted_for_every_window(sector: Path) -> None:
    rows = page(sector / "index.html").css(".dispositions tbody tr")
    found = {text(row.css_first(".term")): [text(cell) for cell in row.css("td")] for row in rows}
    expected = {term.title for word, term in DISPOSITIONS.items() if word != "blocked"}
    assert set(found) == expected
    assert found["Answered by a person"] == ["10", "0", "12", "1", "13", "1"]
    assert found["Window still open"] == ["0", "0", "0", "1", "0", "1"]
    assert all(len(cells) == 6 for cells in found.values())


def test_businesses_with_one_enquiry_are_stories_in_groups_and_carry_no_rate(sector: Path) -> None:
    index = page(sector / "index.html")
    assert not index.css(".repeats")
    listed = [text(row) for row in index.css(".stories tbody tr")]
    assert listed[0] == "Answered by a person"
    assert listed[1] == "Atelier Quai Nord a person answered after 6 min"
    groups = [text(row) for row in index.css(".stories .group")]
    assert groups == ["Answered by a person", "Only a machine replied", "Nobody replied", "Not in the rate"]
    assert "Larch Lane Bikes only an acknowledgement after 30 s; a person only after 12 d, past the 7 d" in listed
    assert "Fixed Gear Foundry we were deaf from 3 d on" in listed
    assert "Spin City not sent: 550 no such user here" in listed


def test_businesses_with_repeats_are_sorted_by_the_far_end_of_their_interval(both: Path) -> None:
    rows = page(both / "study/branches.html").css(".repeats tbody tr")
    ends = [re.search(r"–(\d+) %", text(row)) for row in rows]
    known = [int(match[1]) for match in ends if match]
    assert len(known) == 12
    assert known == sorted(known)
    assert [match is None for match in ends] == [False] * 12 + [True] * 2


def test_every_rate_and_median_in_the_list_of_businesses_has_its_number_and_interval(both: Path) -> None:
    row = next(
        row
        for row in page(both / "study/branches.html").css(".repeats tbody tr")
        if "Amber" in text(row.css_first("th"))
    )
    median, machines = (text(cell) for cell in row.css("td.num"))
    assert re.fullmatch(r"\d+ h( \d+ min)? ?of 26 enquiries", median)
    assert re.fullmatch(r"\d+ % \(\d+–\d+ %\) ?\d+ of 25", machines)


def test_many_answers_with_few_silences_stand_before_few_answers_without_any(tmp_path: Path) -> None:
    # 0 of 5 may hide as much silence as 43 %, 2 of 40 no more than 17 %
    rows = [sample.row(f"A{i}", "few", after_first_human=HOUR) for i in range(5)]
    rows += [sample.row(f"B{i}", "many", **({"after_first_human": HOUR} if i > 1 else {})) for i in range(40)]
    index = built(tmp_path, rows)
    assert [text(node) for node in index.css(".list tbody th[scope=row]")] == ["many", "few"]


def test_a_business_under_the_minimum_sample_has_counts_and_no_rate(both: Path) -> None:
    rows = {text(row.css_first("th")): row for row in page(both / "study/branches.html").css(".repeats tbody tr")}
    small = rows["Maple Street branch"]
    assert text(small.css_first(".says")) == "3 of 3fewer than 5 closed probes"
    assert not small.css(".bar .band")
    assert "%" not in text(small)
    assert "%" not in text(page(both / "business/branch-maple.html").css_first(".part > .lead"))


def test_a_long_list_goes_over_several_pages_and_names_every_business_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "PER_PAGE", 10)
    rows = [sample.row(f"P{i}", f"b{i:02d}", after_first_human=(i + 1) * HOUR) for i in range(25)]
    index = built(tmp_path, rows)
    assert [node.attributes["href"] for node in index.css(".pages a")] == ["study/sector/2.html", "study/sector/3.html"]
    named = [
        text(node)
        for path in ("index.html", "study/sector/2.html", "study/sector/3.html")
        for node in page(tmp_path / path).css(".list tbody th[scope=row]")
    ]
    assert named == [f"b{i:02d}" for i in range(25)]
    assert sound(tmp_path) == []


# --------------------------------------------------------------------------- a business
def test_a_business_page_draws_every_enquiry_and_tells_what_came_in_and_why(sector: Path) -> None:
    own = page(sector / "business/drei-speichen.html")
    assert (
        text(own.css_first(".part > .lead"))
        == "One enquiry, sent on 2 Dec 2026, 11:17 CET. A person answered after 2 d."
    )
    assert [node.attributes["href"] for node in own.css(".probe svg.tl use")] == ["#m-machine", "#m-person"]
    heard = [text(node) for node in own.css(".heard")]
    assert heard[0].startswith("Automatic acknowledgement 40 s after sending")
    assert "Because: Auto-Submitted: auto-replied. Belongs here by the probe’s private reply address" in heard[0]
    assert heard[1].startswith("A person 2 d after sending")


Line = tuple[dict[str, Any], list[tuple[str, int]], str]
ANY = -1
"""A mark at the edge of its line, wherever that is."""
LATE = {"sent_at": sample.NOW - 3 * DAY}
LINES: tuple[Line, ...] = (
    ({}, [("silence", ANY)], "nobody"),
    ({"after_first_human": DAY}, [("person", DAY)], "a person answered after 1 d"),
    (
        {"after_first_human": DAY, "junk": True},
        [("person", DAY)],
        "a person answered after 1 d, found in the junk folder",
    ),
    (
        {"after_first_human": DAY, "first_human_kind": "opt_out"},
        [("refusal", DAY)],
        "a person asked us to stop after 1 d",
    ),
    ({"after_first_human": 8 * DAY}, [("person", 8 * DAY)], "nobody; a person only after 8 d, past the 7 d"),
    # a line ends with the person: an acknowledgement after that is told in the evidence
    (
        {"after_first_human": HOUR, "after_first_ack": DAY},
        [("person", HOUR)],
        "a person answered after 1 h",
    ),
    ({"after_first_bot": HOUR}, [("machine", HOUR), ("silence", ANY)], "only a bot after 1 h"),
    ({"after_first_auto": HOUR}, [("machine", HOUR), ("silence", ANY)], "only an automatic reply after 1 h"),
    (
        {"after_first_ack": HOUR, "after_observed": DAY},
        [("machine", HOUR), ("waiting", DAY)],
        "only an acknowledgement after 1 h, not heard through",
    ),
    ({"after_observed": 2 * DAY}, [("waiting", 2 * DAY)], "not heard through: heard for 2 d"),
    ({"observed_until": None}, [("waiting", 0)], "not heard through: nothing was heard"),
    (LATE | {"after_observed": 2 * DAY}, [("waiting", 2 * DAY)], "window open, waiting for 2 d"),
    # hearing is never known to reach beyond the moment the figures are of
    (LATE | {"after_observed": 5 * DAY}, [("waiting", 3 * DAY)], "window open, waiting for 3 d"),
    (LATE | {"observed_until": None}, [("waiting", 0)], "window open, nothing was heard yet"),
    (LATE | {"after_first_human": HOUR}, [("person", HOUR)], "a person answered after 1 h, window open"),
    (
        LATE | {"after_first_bot": HOUR},
        [("machine", HOUR), ("waiting", 3 * DAY)],
        "only a bot after 1 h, window open",
    ),
    (LATE | {"after_first_unclear": HOUR}, [("unclear", HOUR)], "unclear; waits for a reader, window open"),
    (
        {"after_first_human": HOUR, "after_gap": 3 * DAY},
        [("person", HOUR)],
        "a person answered after 1 h, we were deaf later in the window",
    ),
    ({"after_first_human": 0}, [("person", 0)], "a person answered at once"),
    # what a machine sent after the window is not what the enquiry counts as
    (
        {"after_first_ack": HOUR, "after_first_bot": 12 * DAY},
        [("machine", HOUR), ("machine", 12 * DAY), ("silence", ANY)],
        "only an acknowledgement after 1 h",
    ),
    ({"after_bounced": HOUR, "mailbox_full": True}, [("bounce", HOUR)], "came back after 1 h (mailbox full)"),
    (
        {"after_bounced": DAY, "after_first_ack": HOUR, "disputed": True},
        [("machine", HOUR), ("bounce", DAY), ("silence", ANY)],
        "only an acknowledgement after 1 h",
    ),
    ({"after_bounced": HOUR, "bounce_hard": True}, [("bounce", HOUR)], "came back after 1 h (hard bounce)"),
    ({"after_bounced": HOUR, "bounce_hard": False}, [("bounce", HOUR)], "came back after 1 h (soft bounce)"),
    (
        {"after_bounced": HOUR, "bounce_hard": True, "disputed": True},
        [("unclear", HOUR)],
        "a bounce after 1 h (hard bounce) that is in doubt",
    ),
    ({"after_first_unclear": DAY}, [("unclear", DAY)], "unclear; waits for a reader"),
    ({"after_first_unclear": DAY, "by_hand": True}, [("unclear", DAY)], "unclear, also to a reader"),
    (
        {"after_first_unclear": DAY, "after_first_human": 9 * DAY},
        [("unclear", DAY), ("person", 9 * DAY)],
        "unclear; waits for a reader; a person only after 9 d, past the 7 d",
    ),
    ({"after_gap": DAY, "after_first_ack": HOUR}, [("machine", HOUR)], "we were deaf from 1 d on"),
    ({"after_gap": -HOUR}, [], "we were deaf from the start"),
    (
        {"after_gap": DAY, "after_first_human": 9 * DAY},
        [("person", 9 * DAY)],
        "we were deaf from 1 d on; a person only after 9 d, past the 7 d",
    ),
    (
        {"state": "unknown", "after_first_human": DAY},
        [("person", DAY), ("ours", 0)],
        "may or may not have arrived; a person wrote after 1 d",
    ),
    ({"state": "not_sent", "sent_at": None}, [("unsent", ANY)], "not sent"),
    ({"state": "blocked", "sent_at": None, "reason": "CAPTCHA"}, [("unsent", ANY)], "stopped: CAPTCHA"),
    ({"state": "deferred", "sent_at": None}, [("unsent", ANY)], "not sent yet"),
    # what lies after the moment the figures are of has not happened yet
    ({"after_first_human": 90 * DAY}, [("silence", ANY)], "nobody"),
)


@pytest.mark.parametrize(("facts", "drawn", "says"), LINES)
def test_a_line_ends_with_what_became_of_the_enquiry(
    tmp_path: Path, facts: dict[str, Any], drawn: list[tuple[str, int]], says: str
) -> None:
    row = built(tmp_path, [sample.row("P", "firm", **facts)]).css(".stories tbody tr")[1]
    marks = [((node.attributes["href"] or "")[3:], node.attributes["x"]) for node in row.css("use")]
    assert [mark for mark, _ in marks] == [mark for mark, _ in drawn]
    for (_, x), (_, after) in zip(marks, drawn, strict=True):
        assert after == ANY or x == f"{axis.num(axis.place(after))}%"
    assert text(row.css_first(".says")) == says


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ({}, "Counts as nobody replied."),
        ({"state": "planned", "sent_at": None, "observed_until": None}, "Counts as window still open."),
        (LATE, "Counts as window still open."),
        ({"after_observed": DAY}, "Counts as window still open, not heard through."),
        (LATE | {"after_first_human": HOUR}, "Counts as answered by a person, window open."),
        (
            {"after_first_human": HOUR, "after_gap": 2 * DAY},
            "Counts as answered by a person, we were deaf later in the window.",
        ),
    ],
)
def test_a_business_page_says_once_why_an_enquiry_is_not_closed(
    tmp_path: Path, facts: dict[str, Any], counts: str
) -> None:
    built(tmp_path, [sample.row("P", "firm", **facts)])
    assert counts in text(page(tmp_path / "business/firm.html").css_first(".evidence"))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"after_bounced": HOUR, "bounce_hard": True}, "It came back after 1 h: a hard bounce: refused for good."),
        (
            {"after_bounced": HOUR, "bounce_hard": False},
            "It came back after 1 h: a soft bounce: refused for a reason that may pass.",
        ),
        ({"after_bounced": HOUR, "bounce_hard": False, "mailbox_full": True}, "It came back after 1 h: mailbox full."),
        ({"after_bounced": HOUR}, "So it was refused after the business\u2019s own server had accepted it."),
        ({"after_bounced": HOUR, "accepted_by": "relay"}, "So it was refused after our relay had accepted it."),
        ({"after_bounced": HOUR, "disputed": True}, "The bounce is disputed"),
        ({"after_delayed": 4 * HOUR}, "Delayed on the way: a mail server said so after 4 h."),
        ({"after_delayed": HOUR, "after_first_human": DAY}, "Delayed on the way: a mail server said so after 1 h."),
    ],
)
def test_a_business_page_says_what_mail_servers_reported_of_each_enquiry(
    tmp_path: Path, facts: dict[str, Any], says: str
) -> None:
    built(tmp_path, [sample.row("P", "firm", **facts)])
    said = text(page(tmp_path / "business/firm.html").css_first(".evidence"))
    assert says in said
    assert ("refused after" in said) == ("after_bounced" in facts and "disputed" not in facts)


def test_a_business_that_bounces_itself_out_of_the_rate_shows_in_the_second_headline(tmp_path: Path) -> None:
    rows = [
        sample.row("A", "firm", after_bounced=HOUR, mailbox_full=True),
        sample.row("B", "firm", after_bounced=HOUR),
        sample.row("C", "firm", after_first_human=HOUR),
        sample.row("D", "next", after_first_human=HOUR),
    ]
    built(tmp_path, rows)
    firm = text(page(tmp_path / "business/firm.html").css_first(".came-back"))
    assert firm.startswith("2 enquiries were refused after being accepted, 1 of them because the mailbox was full.")
    assert firm.endswith("counting every reason on the business\u2019s side, no person answered 2 of 3.")
    assert page(tmp_path / "business/next.html").css_first(".came-back") is None


def test_what_is_only_planned_is_in_the_ledger_and_not_attempted(tmp_path: Path) -> None:
    rows = [sample.row("P", "firm"), sample.row("Q", "next", state="planned", sent_at=None, observed_until=None)]
    ledger = [text(row) for row in built(tmp_path, rows).css(".ledger tr")]
    assert ledger == ["In the study2", "Not sent yet1", "Attempted1", "In the rate1"]


def test_a_business_with_a_few_enquiries_says_how_many_are_in_the_rate(tmp_path: Path) -> None:
    rows = [sample.row("A", "firm"), sample.row("B", "firm", after_bounced=HOUR), sample.row("C", "firm")]
    built(tmp_path, rows)
    said = text(page(tmp_path / "business/firm.html").css_first(".part > .lead"))
    assert said == "3 enquiries, 2 of them in the rate: too few to give one."


def test_a_business_in_several_studies_has_one_page_with_a_part_for_each(tmp_path: Path) -> None:
    rows = [
        sample.row("A", "shop", after_first_human=HOUR),
        sample.row("B", "shop", study="branches"),
        sample.row("C", "other", study="branches"),
    ]
    edition = sample.edition(sample.study(), sample.branches(), rows=rows, units={})
    site.build(sample.outcomes(rows), edition, tmp_path)
    parts = page(tmp_path / "business/shop.html").css(".part .kicker")
    assert [text(node) for node in parts] == ["Do bike shops answer?", "Do our branches answer?"]


def test_a_business_with_enough_answers_has_its_own_curve(both: Path) -> None:
    assert page(both / "business/branch-amber.html").css(".curve")
    assert not page(both / "business/branch-maple.html").css(".curve")


def test_every_mark_on_a_business_page_is_in_its_legend(both: Path) -> None:
    for path in (both / "business").glob("*.html"):
        tree = page(path)
        drawn = {node.attributes["href"] for node in tree.css(".probe svg.tl use")}
        explained = {node.attributes["href"] for node in tree.css(".legend use")}
        assert drawn <= explained, path


# --------------------------------------------------------------------------- method
def test_the_method_page_gives_the_exact_texts_the_version_and_every_formula(sector: Path) -> None:
    method = page(sector / "method.html")
    study = sample.study()
    bodies = [node.text() for node in method.css(".letter .body")]
    assert bodies == [one.body for one in study.texts]
    said = text(method.css_first("main"))
    assert study.sha256 in said
    assert "2026.11" in said
    for formula in ("E. B. Wilson, JASA 22 (1927)", "Kaplan & Meier, JASA 53 (1958)", "jackknife"):
        assert formula in said
    assert all(term.title in said and term.means in said for term in DISPOSITIONS.values())


def test_the_method_page_spells_out_what_each_rate_divides_by(sector: Path) -> None:
    rows = {text(row.css_first("th")): [text(cell) for cell in row.css("td")] for row in page(sector / "method.html").css("#rates ~ .wide tr") if row.css("td")}  # fmt: skip  # noqa: E501
    assert rows["no human answer"] == [
        "only a machine replied, nobody replied",
        "answered by a person, only a machine replied, nobody replied",
    ]
    assert "a deaf gap in it" in rows["no human answer, worst case"][1]
    assert "that asked a question" in rows["answered every question"][1]
    assert (
        "could not be sent (refused for good by their own server)"
        in rows["no human answer for any reason on the business's side"][0]
    )
    assert rows["machine only: acknowledged"][0] == "only a machine replied (an acknowledgement, no bot)"
    assert rows["asked to stop"][0] == "answered by a person (who asks us to stop)"
    codes = ("(theirs)", "(ours)", "(silent)", "(questions)", "(other)", "(ack)", "(opt_out)")
    assert not [code for code in codes if any(code in " ".join(cells) for cells in rows.values())]


def test_every_part_of_a_disposition_has_words() -> None:
    for part in rates.PARTS:
        assert ":" not in part or method.spell(rates.cells(part)).endswith(")"), part


def test_the_method_page_is_enough_to_compute_every_figure_again(sector: Path) -> None:
    method = text(page(sector / "method.html").css_first("main"))
    for needed in (
        "accepted_by is recipient_mx",  # whose refusal it was
        "planned and not begun",  # attempted
        "each has closed enquiries of its own",  # within
        "offers the channel",  # contactability
        "quantile of Student's t with G - 1 degrees of freedom",  # the band of clustered curves
        "the first time at which the share reaches q",
        "the middle of the waits",  # the conditional median
        "A cluster is a group, or a business that has none",
        "no deaf gap that was never closed begins before",  # closed
    ):
        assert needed in method, needed


def test_the_method_page_names_only_keys_that_a_reply_can_have(sector: Path) -> None:
    keys = [text(node) for node in page(sector / "method.html").css("#keys ~ ol li")]
    assert len(keys) == 5
    assert keys[0] == "the probe’s private reply address"
    assert keys[-1] == "the business’s domain (weak)"


def test_no_page_claims_that_every_number_is_among_the_figures(both: Path) -> None:
    for path in pages(both):
        assert not re.search(r"(?i)every number|each number", text(page(path))), path


# --------------------------------------------------------------------------- numbers agree with the data
def shown(out: Path) -> Iterator[tuple[str, str, str, str]]:
    for path in pages(out):
        for node in page(path).css("[data-figure]"):
            given = node.attributes
            yield path.name, given["data-figure"] or "", given["data-value"] or "", node.text()


def test_verify_agrees_with_every_number_on_every_page(both: Path) -> None:
    assert data.verify(both) == []
    assert sum(1 for _ in shown(both)) > 500


def test_verify_finds_a_number_that_a_page_gets_wrong(tmp_path: Path) -> None:
    index = site.build(*sample.sector(), tmp_path)
    raw = index.read_text("utf-8")
    wrong = raw.replace('no_human.count" data-value="16"', 'no_human.count" data-value="6"', 1)
    assert wrong != raw
    index.write_text(wrong, "utf-8")
    assert any("no_human.count: the page says 6" in line for line in data.verify(tmp_path))


def test_the_text_of_every_number_is_its_value_rounded(both: Path) -> None:
    for name, path, value, said in shown(both):
        exact = json.loads(value)
        last = path.rsplit(".", 1)[-1]
        if exact is None:
            assert said == "not reached", (name, path)
        elif path.split(".")[-2] in {"median", "p90"} or last == "median_of_answered":
            assert said == words.duration(exact), (name, path)
        elif isinstance(exact, int):
            assert said == words.count(exact), (name, path)
        else:
            assert said.removesuffix("%").strip() == words.percent(exact).removesuffix("%").strip(), (name, path)


def test_every_number_of_the_first_screen_is_tied_to_the_data(sector: Path) -> None:
    for selector in (".headline", ".sure", ".behind", ".field-box .legend"):
        part = page(sector / "index.html").css_first(selector)
        assert part is not None
        for node in part.css("[data-figure], .scope, small"):
            node.decompose()
        loose = re.findall(r"\d+", text(part))
        assert set(loose) <= {"7", "95"}, selector  # the window and the level


# --------------------------------------------------------------------------- sound pages
def sound(out: Path) -> list[str]:
    """Everything wrong with the pages as documents: links, anchors, ids, references, requests, scripts."""
    wrong = []
    trees = {path.resolve(): page(path) for path in pages(out)}
    ids = {path: [node.attributes["id"] for node in tree.css("[id]")] for path, tree in trees.items()}
    for path, tree in trees.items():
        name = path.relative_to(out.resolve()).as_posix()
        wrong += [f"{name}: id {i} twice" for i in set(ids[path]) if ids[path].count(i) > 1]
        wrong += [f"{name}: script" for _ in tree.css("script, iframe, object, embed, form, img")]
        # a tag that the parser had to add, close or move is one that we nested wrongly
        raw = path.read_text("utf-8")
        for tag in (
            "p",
            "div",
            "table",
            "tbody",
            "tr",
            "th",
            "td",
            "ul",
            "li",
            "dl",
            "dt",
            "dd",
            "figure",
            "h2",
            "h3",
            "span",
        ):
            said, read = len(re.findall(rf"<{tag}[ >]", raw)), len(tree.css(tag))
            closed = raw.count(f"</{tag}>")
            wrong += [f"{name}: {said} <{tag}>, {closed} closed, {read} read"] if not said == closed == read else []
        for node in tree.css("*"):
            for key, value in node.attributes.items():
                if key.startswith("on"):
                    wrong.append(f"{name}: {key}")
                if key in {"aria-labelledby", "aria-describedby"}:
                    wrong += [f"{name}: {key} {i}" for i in (value or "").split() if i not in ids[path]]
                if key == "src" or (key == "href" and not (value or "").startswith(("data:image/svg+xml,", "#"))):
                    target, _, anchor = (value or "").partition("#")
                    place = (path.parent / target).resolve()
                    if not place.is_file() or out.resolve() not in place.parents:
                        wrong.append(f"{name}: {value} leads nowhere")
                    elif anchor and anchor not in ids[place]:
                        wrong.append(f"{name}: {value} has no such place")
                if key == "href" and (value or "").startswith("#") and (value or "")[1:] not in ids[path]:
                    wrong.append(f"{name}: {value} has no such place")
    style = (out / site.STYLE).read_text("utf-8")
    wrong += [f"style: {url}" for url in re.findall(r"url\([^)]*\)|@import|https?:", style)]
    return wrong


def test_every_link_leads_somewhere_and_nothing_is_asked_of_anybody(sector: Path, both: Path) -> None:
    assert sound(sector) == []
    assert sound(both) == []


def test_every_chart_has_a_title_or_a_label(both: Path) -> None:
    for path in pages(both):
        tree = page(path)
        for inner in tree.css("svg svg"):
            inner.decompose()  # a plot inside its chart
        for svg in tree.css("svg"):
            given = svg.attributes
            named = "aria-hidden" in given or given.get("aria-label") or given.get("aria-labelledby")
            assert named, f"{path.name}: {svg.html}"


# --------------------------------------------------------------------------- a right page each
def fate(**facts: Any) -> list[dict[str, Any]]:
    return [sample.row("P", "firm", **facts)]


@pytest.mark.parametrize(
    ("rows", "headline", "own"),
    [
        (fate(sent_at=sample.NOW - HOUR, after_observed=HOUR), "No figure yet", "Window open, waiting for 1 h."),
        (fate(after_bounced=HOUR), "No figure yet", "Came back after 1 h."),
        (fate(state="not_contactable", sent_at=None), "No figure yet", "One enquiry. Not reachable."),
        (fate(state="planned", sent_at=None, observed_until=None), "No figure yet", "One enquiry. Not sent yet."),
        (fate(), "1 of 1 business did not answer", "Nobody."),
        (fate(after_first_human=HOUR), "0 of 1 business did not answer", "A person answered after 1 h."),
        (fate(state="unknown"), "No figure yet", "May or may not have arrived."),
        (fate(role="control"), "No figure yet", ""),
    ],
)
def test_a_study_of_one_enquiry_has_a_right_page_whatever_became_of_it(
    tmp_path: Path, rows: list[dict[str, Any]], headline: str, own: str
) -> None:
    index = built(tmp_path, rows)
    assert text(index.css_first(".headline")).startswith(headline)
    assert "%" not in text(index.css_first(".answer"))  # one enquiry is a story, not a rate
    if own:
        assert text(page(tmp_path / "business/firm.html").css_first(".part > .lead")).endswith(own)
    assert sound(tmp_path) == []
    assert data.verify(tmp_path) == []


def test_a_business_that_no_study_has_asked_yet_has_a_page_that_says_so(tmp_path: Path) -> None:
    site.build(*sample.sector(), tmp_path)
    own = page(tmp_path / "business/branch-amber.html")
    assert text(own.css_first("main .lead")) == "This business has not been written to in any study of this edition."


def test_a_control_has_no_page_that_says_it_was_not_written_to(tmp_path: Path) -> None:
    rows = [sample.row("P", "firm"), sample.row("C", "ours", role="control"), sample.row("V", "seller", role="vendor")]
    units = {key: Unit(key=key, name=key) for key in ("firm", "ours", "seller", "later")}
    built(tmp_path, rows, units=units)
    assert {path.stem for path in (tmp_path / "business").glob("*.html")} == {"firm", "later"}


def test_an_edition_without_studies_and_a_study_without_rows_have_right_pages(tmp_path: Path) -> None:
    nothing = sample.outcomes([])
    site.build(nothing, sample.edition(rows=[], units={}), tmp_path / "none")
    assert "There is no study" in text(page(tmp_path / "none/index.html").css_first("main"))
    built(tmp_path / "empty", [])
    assert "Nobody has been written to yet." in text(page(tmp_path / "empty/index.html").css_first("main"))
    for out in (tmp_path / "none", tmp_path / "empty"):
        assert sound(out) == []
        assert data.verify(out) == []


def test_under_ten_businesses_the_counts_stand_without_a_rate_or_a_curve(tmp_path: Path) -> None:
    rows = [sample.row(f"P{i}", f"b{i}", after_first_human=HOUR) for i in range(9)]
    index = built(tmp_path, rows)
    assert text(index.css_first(".sure")) == "No rate is given: fewer than 10 independent businesses."
    assert not index.css(".curve")
    assert not index.css(".gauge")


def test_two_versions_of_a_study_have_a_page_each_that_says_which(tmp_path: Path) -> None:
    rows = [
        sample.row(f"P{v}{i}", f"b{i}", version=v, **({"after_first_human": DAY} if v == 2 else {}))
        for v in (1, 2)
        for i in range(12)
    ]
    first = sample.study()
    edition = sample.edition(first, replace(first, version=2), rows=rows, units={})
    site.build(sample.outcomes(rows), edition, tmp_path)
    newest, older = page(tmp_path / "study/sector.html"), page(tmp_path / "study/sector/version-1.html")
    assert text(newest.css_first(".headline .big")) == "0 of 12 businesses"
    assert text(older.css_first(".headline .big")) == "12 of 12 businesses"
    assert text(older.css_first(".opening .kicker")) == "Version 1"
    assert sound(tmp_path) == []
    assert data.verify(tmp_path) == []


def test_rows_of_controls_and_vendors_are_in_no_list(tmp_path: Path) -> None:
    rows = [
        sample.row("P", "firm"),
        sample.row("P2", "firm", role="vendor", after_first_human=HOUR),
        sample.row("Q", "mirror", role="control"),
        sample.row("R", "seller", role="vendor"),
    ]
    index = built(tmp_path, rows)
    assert [text(node) for node in index.css(".list tbody th[scope=row]")] == ["firm"]
    assert len(page(tmp_path / "business/firm.html").css(".probe")) == 1


def test_all_times_are_told_in_the_zone_of_the_edition(tmp_path: Path) -> None:
    built(tmp_path, fate(after_first_human=HOUR), timezone="Asia/Ho_Chi_Minh")
    assert "1 Dec 2026, 16:00 +07" in text(page(tmp_path / "business/firm.html").css_first("main"))


# --------------------------------------------------------------------------- hostile input
HOSTILE = "</style></title>\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}javascript:x"


def hostile(value: str) -> Edition:
    """The sample with `value` in every place that somebody else may write in."""
    rows = sample.sector_rows()
    edition = sample.edition(sample.study(), rows=rows)
    study = edition.studies[0]
    spoiled = replace(
        study, title=value, question=value, channels=(value,), design=value, schedule=value, frame_list=value,
        frame_drawn=value, sha256=value,
        texts=tuple(replace(one, subject=value, body=value, questions=(value,), scenario=value) for one in study.texts),
    )  # fmt: skip
    return replace(
        edition,
        studies=(spoiled,),
        units={
            key: replace(unit, name=value, sector=value, country=value, group=value)
            for key, unit in edition.units.items()
        },
        events={
            probe: tuple(
                replace(one, text=value, reasons=(value,), kind=value, key=value, standing=value) for one in events
            )
            for probe, events in edition.events.items()
        },
        note=value, warnings=(value,), contact=value, rules=value, software=value, id=value,
    )  # fmt: skip


def test_markup_in_any_text_is_shown_as_text(tmp_path: Path) -> None:
    edition = hostile(HOSTILE)
    rows = [row | {"reason": HOSTILE} for row in sample.sector_rows()]
    site.build(sample.outcomes(rows), edition, tmp_path)
    assert sound(tmp_path) == []
    own = page(tmp_path / "business/velo-linden.html")
    assert text(own.css_first("h1")) == HOSTILE
    assert text(own.css_first("blockquote")) == HOSTILE
    for path in pages(tmp_path):
        assert "49" not in text(page(path).css_first("h1")), "a template ran in a name"


def test_a_reply_with_script_is_shown_letter_by_letter(sector: Path) -> None:
    own = page(sector / "business/velo-linden.html")
    assert own.css_first("blockquote").text() == sample.HOSTILE_REPLY  # type: ignore[union-attr]
    assert not own.css("script")


def test_a_name_in_markup_or_from_right_to_left_stands_in_a_place_of_its_own(sector: Path) -> None:
    names = {text(node) for node in page(sector / "index.html").css(".list bdi")}
    assert sample.MARKUP in names
    assert "דוושה ירוקה אופניים" in names


def test_names_of_300_letters_are_cut_in_lists_and_whole_on_their_own_page(sector: Path) -> None:
    long = sample.units()["long"].name
    assert len(long) > 250
    assert all(len(text(node)) <= 90 for node in page(sector / "index.html").css(".list bdi"))
    assert text(page(sector / "business/long.html").css_first("h1")) == long


@pytest.mark.parametrize(
    "key", ["../../escape", "/etc/passwd", "..", "con", "a/b\\c", "Ünïcode", "\u202egpj", "x" * 300, "?q#f %41"]
)
def test_a_business_key_that_plays_tricks_stays_inside_the_folder(tmp_path: Path, key: str) -> None:
    out = tmp_path / "deep" / "site"
    built(out, [sample.row("P", key), sample.row("Q", key.upper() + "2")], study=sample.study())
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {
        out, out / "business", out / "static", out / "data",
    }  # fmt: skip
    assert sound(out) == []


def test_a_study_id_that_plays_tricks_stays_inside_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "site"
    ids = ("../escape", "../ESCAPE")
    rows = [sample.row(f"P{place}", f"b{place}", study=ident) for place, ident in enumerate(ids)]
    edition = sample.edition(*(sample.study(ident) for ident in ids), rows=rows, units={})
    site.build(sample.outcomes(rows), edition, out)
    assert sorted(path.stem for path in (out / "study").iterdir()) == sorted(slug(ident) for ident in ids)
    assert sound(out) == []
