"""Charts: the right marks at the right places, told apart by shape, safe whatever they are given."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from selectolax.lexbor import LexborHTMLParser, LexborNode

from reports.charts import axis, bars, curve, field, marks, timeline
from reports.charts.field import Cell, Group
from reports.charts.timeline import Track
from reports.figures.model import DAY, HOUR, Curve, Interval, Quantile
from reports.outcomes import DISPOSITIONS

HOSTILE = '"><script>alert(1)</script>'


def parsed(svg: str) -> LexborHTMLParser:
    return LexborHTMLParser(f"<body>{svg}</body>")


def uses(svg: str) -> list[tuple[str, str]]:
    """Marks in a chart, in order of drawing, and where each stands."""
    return [
        ((node.attributes["href"] or "").removeprefix("#m-"), node.attributes["x"] or "")
        for node in parsed(svg).css("use")
    ]


def one(svg: str, selector: str) -> LexborNode:
    found = parsed(svg).css(selector)
    assert len(found) == 1, f"{len(found)} of {selector}"
    return found[0]


# --------------------------------------------------------------------------- axis
def test_time_runs_on_a_logarithmic_axis_and_stops_at_its_ends() -> None:
    assert axis.place(axis.LOW) == 0
    assert axis.place(axis.HIGH) == 100
    assert axis.place(0) == axis.place(-5) == 0
    assert axis.place(400 * DAY) == 100
    # ten times as long is the same step anywhere on the axis
    assert axis.place(100 * HOUR) - axis.place(10 * HOUR) == pytest.approx(
        axis.place(10 * HOUR) - axis.place(HOUR), abs=0.02
    )


def test_the_ticks_are_those_of_every_chart_and_in_order() -> None:
    assert [label for _, label in axis.TICKS] == ["1 min", "10 min", "1 h", "8 h", "1 d", "3 d", "7 d", "30 d"]
    places = [axis.place(t) for t, _ in axis.TICKS]
    assert places == sorted(places)
    assert places[0] > 0
    assert places[-1] < 100


def test_the_window_is_drawn_stronger_than_the_other_hairlines_and_once() -> None:
    rules = axis.rules(7 * DAY)
    assert rules.count("var(--window)") == 2  # both ends of one gradient
    assert f"{axis.num(axis.place(7 * DAY))}% 0/1px" in rules
    assert rules.count("linear-gradient") == len(axis.TICKS)
    assert axis.rules(36 * HOUR).count("linear-gradient") == len(axis.TICKS) + 1


# --------------------------------------------------------------------------- marks
def test_every_disposition_has_a_mark_that_is_drawn_and_explained() -> None:
    assert set(marks.MARK_OF) == set(DISPOSITIONS)
    assert set(marks.MARK_OF.values()) <= set(marks.SHAPES)
    assert {mark for mark, _ in marks.GRAMMAR} == set(marks.SHAPES)


def test_marks_differ_in_shape_when_all_colours_are_taken_away() -> None:
    bare = {name: re.sub(r'var\(--\w+\)|\sstroke-width="[^"]*"', "", drawing) for name, drawing in marks.SHAPES.items()}
    assert len(set(bare.values())) == len(bare)


def test_a_strip_shows_the_latest_marks_in_order_and_says_them() -> None:
    svg = marks.strip(["person"] * 5 + ["silence", "bounce"], "5 answered", most=3)
    assert [mark for mark, _ in uses(svg)] == ["person", "silence", "bounce"]
    assert one(svg, "svg").attributes["aria-label"] == "5 answered"


# --------------------------------------------------------------------------- field
def groups(answered: int, silent: int, apart: int) -> list[Group]:
    return [
        Group([Cell("person", f"A{i}", f"a{i}.html") for i in range(answered)]),
        Group([Cell("silence") for _ in range(silent)]),
        Group([Cell("bounce") for _ in range(apart)], apart=True),
    ]


def test_the_field_shows_one_mark_for_each_in_the_order_given() -> None:
    drawn = uses(field.field(groups(3, 2, 1), "t", "d"))
    assert [mark for mark, _ in drawn] == ["person"] * 3 + ["silence"] * 2 + ["bounce"]


def test_what_is_in_no_rate_stands_apart_behind_a_gap() -> None:
    drawn = uses(field.field(groups(4, 4, 4), "t", "d"))
    inside = max(float(x) for mark, x in drawn if mark != "bounce")
    outside = min(float(x) for mark, x in drawn if mark == "bounce")
    assert outside - inside > field.CELL * 1.5


def test_a_mark_that_is_named_is_a_link_that_tells_its_name() -> None:
    link = parsed(field.field(groups(1, 0, 0), "t", "d")).css_first("a")
    assert link is not None
    assert (link.attributes["href"], link.attributes["aria-label"]) == ("a0.html", "A0")
    assert link.text() == "A0"


def test_a_large_field_keeps_every_group_and_says_how_many_a_mark_stands_for() -> None:
    large = groups(7_000, 5_000, 1)
    assert field.scale(large) == 20
    drawn = uses(field.field(large, "t", "d"))
    assert len(drawn) == 350 + 250 + 1
    assert field.scale(groups(500, 500, 0)) == 1
    assert field.scale(groups(500, 501, 0)) == 2


def test_the_links_of_a_large_field_give_way_to_the_table() -> None:
    assert not parsed(field.field(groups(field.NAMED + 1, 0, 0), "t", "d")).css("a")


def test_a_hostile_name_is_text_in_the_field_and_too_long_a_one_is_cut() -> None:
    svg = field.field([Group([Cell("person", HOSTILE + "x" * 400, HOSTILE)])], HOSTILE, HOSTILE)
    tree = parsed(svg)
    assert not tree.css("script")
    assert len(tree.css_first("a text").text()) < 60  # type: ignore[union-attr]
    assert tree.css_first("a").attributes["href"] == HOSTILE  # type: ignore[union-attr]


def test_an_empty_field_is_an_empty_picture_with_a_title() -> None:
    assert one(field.field([], "nothing", "d"), "title").text() == "nothing"


# --------------------------------------------------------------------------- bars
def test_an_interval_is_a_bar_with_the_value_in_it_on_the_axis_from_0_to_100() -> None:
    svg = bars.bar(0.48, Interval(low=0.38, high=0.58, method="m"))
    assert one(svg, ".band").attributes["x"] == "38%"
    assert one(svg, ".band").attributes["width"] == "20%"
    assert one(svg, ".at").attributes["x1"] == "48%"
    assert one(svg, "svg").attributes["aria-label"] == "48\u202f%, 38–58\u202f%"


def test_without_a_rate_the_axis_is_empty_and_says_so() -> None:
    svg = bars.bar(None, None)
    assert not parsed(svg).css(".band, .at")
    assert one(svg, "svg").attributes["aria-label"] == "no rate"


def test_an_interval_of_no_width_can_still_be_seen() -> None:
    width = one(bars.bar(1.0, Interval(low=1.0, high=1.0, method="m")), ".band").attributes["width"] or ""
    assert float(width.rstrip("%")) > 0


# --------------------------------------------------------------------------- timeline
@pytest.mark.parametrize("end", ["person", "refusal", "bounce", "waiting", "unclear"])
def test_a_line_ends_with_its_mark_where_it_happened(end: str) -> None:
    svg = timeline.timeline(Track(end=end, at=DAY, stops=[(HOUR, "machine")]))
    day = f"{axis.num(axis.place(DAY))}%"
    assert uses(svg) == [("machine", f"{axis.num(axis.place(HOUR))}%"), (end, day)]
    assert one(svg, f"line.{end}").attributes["x2"] == day


def test_nobody_is_an_arrow_off_the_right_edge() -> None:
    svg = timeline.timeline(Track(end="silence", at=0))
    assert uses(svg) == [("silence", "100%")]


def test_a_deaf_stretch_is_hatched_from_where_it_began_and_ends_in_no_mark() -> None:
    svg = timeline.timeline(Track(end="deaf", at=3 * DAY))
    assert one(svg, "rect").attributes["x"] == f"{axis.num(axis.place(3 * DAY))}%"
    assert one(svg, "rect").attributes["fill"] == "url(#hatch)"
    assert uses(svg) == []


def test_what_was_never_sent_has_no_line() -> None:
    svg = timeline.timeline(Track(end="unsent"))
    assert not parsed(svg).css("line")
    assert [mark for mark, _ in uses(svg)] == ["unsent"]


def test_a_timeline_is_small_and_its_label_is_text() -> None:
    svg = timeline.timeline(Track(end="silence", stops=[(HOUR, "machine"), (DAY, "machine")], label=HOSTILE))
    assert len(svg) < 700
    assert not parsed(svg).css("script")
    assert isinstance(svg, Markup)


# --------------------------------------------------------------------------- curve
def stepped(times: list[int], shares: list[float], n: int = 10, **facts: Any) -> Curve:
    risk = tuple((t, sum(time > t for time in times) + n - len(times)) for t, _ in axis.TICKS)
    given: dict[str, Any] = {
        "name": "human", "n": n, "events": len(times), "times": tuple(times), "share": tuple(shares),
        "low": tuple(s * 0.5 for s in shares), "high": tuple(min(1.0, s * 1.5) for s in shares), "risk": risk,
        "median": Quantile(q=0.5, at=None), "p90": Quantile(q=0.9, at=None),
    }  # fmt: skip
    return Curve(**(given | facts))


def drawn(human: Curve, either: Curve | None = None, headline: int = 7 * DAY) -> Markup:
    return curve.curve(human, either or human, (DAY, 7 * DAY), headline, "c", "title", "desc")


def corners(path: str) -> list[tuple[int, int]]:
    """The corners of a path of M, h and v."""
    x = y = 0
    found = []
    for letter, numbers in re.findall(r"([Mhv])(-?\d+(?: -?\d+)?)", path):
        if letter == "M":
            x, y = (int(n) for n in numbers.split())
        elif letter == "h":
            x += int(numbers)
        else:
            y += int(numbers)
        found.append((x, y))
    return found


def test_the_curve_is_flat_until_each_answer_and_then_steps_up() -> None:
    svg = drawn(stepped([HOUR, DAY], [0.1, 0.2]))
    hour, day, end = (round(axis.place(t) * 10) for t in (HOUR, DAY, 30 * DAY))
    assert corners(one(svg, "path.human").attributes["d"] or "") == [
        (0, 1000), (hour, 1000), (hour, 900), (day, 900), (day, 800), (end, 800),
    ]  # fmt: skip


def test_the_curve_ends_where_nobody_is_watched_any_more() -> None:
    risk = tuple((t, 3 if t <= DAY else 0) for t, _ in axis.TICKS)
    path = one(drawn(stepped([HOUR], [0.1], risk=risk)), "path.human").attributes["d"] or ""
    assert corners(path)[-1][0] == round(axis.place(DAY) * 10)


def test_the_band_goes_up_one_side_and_back_the_other() -> None:
    path = one(drawn(stepped([HOUR, DAY], [0.2, 0.4])), "path.band").attributes["d"] or ""
    assert path.endswith("z")
    hour = round(axis.place(HOUR) * 10)
    assert f"h{hour}v-300" in path  # upper end: 0.3 above the floor
    assert path.split("V")[1].startswith("800")  # back along the lower end, 0.2 above the floor


def test_the_headline_window_is_marked_and_both_lines_say_their_value_there() -> None:
    svg = drawn(stepped([HOUR, DAY], [0.1, 0.2]), stepped([HOUR], [0.62]))
    assert one(svg, ".chosen").attributes["x1"] == f"{axis.num(axis.place(7 * DAY))}%"
    assert one(svg, ".human-at").text() == "20\u202f%"
    assert one(svg, ".either-at").text() == "62\u202f%"


def test_the_numbers_still_waiting_stand_under_every_tick() -> None:
    svg = drawn(stepped([HOUR, DAY], [0.1, 0.2]))
    texts = [node.text() for node in parsed(svg).css("text")]
    assert texts[-8:] == ["10", "10", "9", "9", "8", "8", "8", "8"]


def test_a_curve_without_answers_is_a_flat_line() -> None:
    svg = drawn(stepped([], []))
    assert corners(one(svg, "path.human").attributes["d"] or "")[-1] == (round(axis.place(30 * DAY) * 10), 1000)
    assert not parsed(svg).css("path.band")


def test_a_curve_of_many_steps_stays_small() -> None:
    times = sorted({int(HOUR * 1.01**i) for i in range(600)})
    svg = drawn(stepped(times, [(i + 1) / len(times) for i in range(len(times))], n=len(times)))
    assert len(svg) < 16_000
    assert len(drawn(stepped([HOUR, DAY], [0.1, 0.2]))) < 3_500


def test_the_step_that_holds_at_a_time_is_the_last_one_not_later() -> None:
    line = stepped([HOUR, DAY], [0.1, 0.2])
    assert [curve.at(line, t) for t in (0, HOUR - 1, HOUR, DAY - 1, DAY, 9 * DAY)] == [-1, -1, 0, 0, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 60 * DAY), st.floats(0, 1)), max_size=40))
def test_whatever_the_steps_the_path_stays_on_its_grid(steps: list[tuple[int, float]]) -> None:
    times = sorted({t for t, _ in steps})
    shares = sorted(share for _, share in steps)[: len(times)]
    path = one(drawn(stepped(times, shares, n=max(1, len(times)))), "path.human").attributes["d"] or ""
    assert all(0 <= x <= 1000 and 0 <= y <= 1000 for x, y in corners(path))
