"""Figures of a study: a set worked by hand, and what must hold for every set there is."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.figures.model import DAY, HOUR, Figures, Rate
from reports.figures.summary import WITHIN, figures, per_business
from reports.outcomes import DISPOSITIONS, frame
from tests.reports import making
from tests.reports.making import MINUTE, WINDOWS, alike, numbers, row

NOW = 10 * DAY

# All sent at 0 and heard through for 10 days, unless said otherwise.
HAND = [
    row("p01", "b01", first_human_at=2 * HOUR, questions_answered=2),
    # sent on day 5: its 7 days are open, its 1 and 3 days closed
    row("p01-again", "b01", sent_at=5 * DAY, first_human_at=5 * DAY + 30 * MINUTE, questions_answered=1),
    row("p02", "b02", first_ack_at=MINUTE, first_human_at=3 * DAY, questions_answered=1),
    row("p03", "b03", first_ack_at=MINUTE),
    row("p04", "b04", first_bot_at=10_000_000, first_ack_at=MINUTE),
    row("p05", "b05", first_auto_at=2 * HOUR),
    row("p06", "b06"),
    row("p07", "b07"),
    row("p08", "b08", first_human_at=20 * HOUR, first_human_kind="opt_out"),
    row("p09", "b09", bounced_at=HOUR),
    row("p10", "b10", bounced_at=HOUR, disputed=True),
    row("p11", "b11", state="unknown"),
    row("p12", "b12", state="unknown", first_human_at=5 * HOUR),
    row("p13", "b13", group="desk"),
    row("p14", "b14", group="desk", first_human_at=8 * DAY, questions_answered=2),
    row("p15", "b15", state="not_sent", sent_at=None, observed_until=None),
    row("p16", "b16", state="not_sent", sent_at=None, observed_until=None, accepted_by=None),
    row("p17", "b17", gap_from=2 * DAY),
    row("p18", "b18", state="not_contactable", sent_at=None, observed_until=None, accepted_by=None),
    row("p19", "b19", state="suppressed", sent_at=None, observed_until=None, accepted_by=None),
    row("p20", "b20", state="blocked", sent_at=None, observed_until=None, accepted_by=None),
    row("p21", "b21", first_unclear_at=DAY),
    row("p22", "b22", state="planned", sent_at=None, observed_until=None, accepted_by=None),
    row("p23", "b23"),
    row("p24", "b24"),
    # neither is a business of the study
    row("p25", "ours", role="control", first_human_at=HOUR),
    row("p06", "vendor", role="vendor", first_human_at=HOUR),
]


def made(rows: list[dict[str, Any]], now: int = NOW) -> Figures:
    return figures(frame(rows), name="by hand", windows=WINDOWS, headline=7 * DAY, now=now)


def said(rate: Rate) -> tuple[int, int]:
    return rate.count, rate.n


def test_the_dispositions_of_the_set_by_hand_at_7_days() -> None:
    found = {d.disposition: (d.closed, d.open) for d in made(HAND).windows[1].dispositions}
    assert found == {
        "not_contactable": (1, 0),
        "suppressed": (1, 0),
        "blocked": (1, 0),
        "not_sent": (2, 0),
        "unknown": (2, 0),
        "answered": (3, 1),  # p01, p02, p08; p01-again is answered, but its window is open
        "not_delivered": (1, 0),
        "not_heard": (1, 0),
        "machine_only": (3, 0),
        "undetermined": (2, 0),  # p10, p21
        "pending": (0, 1),  # p22
        "unanswered": (6, 0),  # p06, p07, p13, p14 (8 days), p23, p24
    }


def test_the_rates_of_the_set_by_hand_at_7_days() -> None:
    whole = made(HAND)
    at = whole.windows[whole.headline]
    # 25 recipient rows less not_contactable, suppressed and planned
    assert (whole.businesses, whole.probes, whole.groups, at.attempted) == (24, 25, 23, 22)
    # nobody: 3 machine_only + 6 unanswered, of those and 3 answered
    assert said(at.no_human) == (9, 12)
    # in doubt: p10, p21 undetermined, p11 unknown, p17 not heard; p12 is unknown, but a person answered it
    assert said(at.worst) == (9 + 4, 12 + 4 + 1)
    assert said(at.best) == (9, 12 + 4 + 1)
    # the bounce p09 and the refusal p15 by their server, not p16 of ours
    assert said(at.no_human_their_side) == (9 + 2, 12 + 2)
    assert said(at.any_reply) == (6, 12)
    assert said(at.machine_only) == (3, 12)
    assert [(part.name, *said(part)) for part in at.machine_parts] == [
        ("machine only: acknowledged", 1, 12),
        ("machine only: bot", 1, 12),  # p04 has both: the bot is the stronger
        ("machine only: other automatic reply", 1, 12),
    ]
    assert said(at.refused_after_accepting) == (1, 13)
    assert said(at.answered_question) == (1, 12)  # p01 alone answered both
    assert at.opt_out is not None
    assert said(at.opt_out) == (1, 12)
    assert at.undetermined_share == 2 / 14


def test_a_full_mailbox_is_counted_among_those_that_came_back_and_only_where_the_bounce_stands() -> None:
    more = [
        *HAND,
        row("p30", "b30", bounced_at=HOUR, mailbox_full=True),
        row("p31", "b31", bounced_at=HOUR, mailbox_full=True, disputed=True),
    ]
    at = made(more).windows[1]
    assert said(at.refused_after_accepting) == (2, 14)
    assert said(at.mailbox_full) == (1, 14)
    assert said(at.no_human) == (9, 12)  # no silence: out of the headline, and in the second one
    assert said(at.no_human_their_side) == (9 + 3, 12 + 3)
    each = {one.name: one for one in per_business(frame(more), windows=WINDOWS, headline=7 * DAY, now=NOW)}
    assert [said(each[name].windows[1].mailbox_full) for name in ("b09", "b30")] == [(0, 1), (1, 1)]


def test_the_headline_of_the_set_by_hand_has_the_interval_worked_by_hand() -> None:
    # 11 clusters, b13 and b14 are one desk: see test_intervals for the same numbers worked out
    headline = made(HAND).windows[1].no_human
    assert (headline.value, headline.clusters, headline.hidden) == (0.75, 11, "")
    assert headline.interval is not None
    assert headline.interval.low == pytest.approx(0.37608, abs=5e-6)
    assert headline.interval.high == pytest.approx(0.93723, abs=5e-6)


def test_the_shares_answered_within_of_the_set_by_hand() -> None:
    # 17 sent, less p09 (bounce) and p10 (disputed) at every threshold
    assert {rate.name: said(rate) for rate in made(HAND).within} == {
        "1 h": (1, 15),  # p01-again, 30 min
        "4 h": (2, 15),  # and p01, 2 h
        "24 h": (3, 14),  # and p08, 20 h; p21 is unclear from the end of day 1 on
        "3 d": (4, 13),  # and p02, at the very end of day 3; p17 was not heard from day 2 on
        "7 d": (3, 12),  # p01-again is open
    }


def test_the_median_among_those_answered_of_the_set_by_hand() -> None:
    assert made(HAND).median_of_answered == 20 * HOUR  # of 2 h, 20 h, 3 d in closed windows


def test_the_curves_of_the_set_by_hand() -> None:
    # on the curve: 17 sent less the bounce p09. Waits, c = censored:
    # 30 min, 1 h c (p10), 2 h, 20 h, 1 d c (p21), 2 d c (p17), 3 d, 8 d, and eight heard through to 10 d c
    human = made(HAND).human
    assert (human.n, human.events) == (16, 5)
    assert human.times == (30 * MINUTE, 2 * HOUR, 20 * HOUR, 3 * DAY, 8 * DAY)
    # 15/16, x 13/14, x 12/13, x 9/10, x 8/9
    silent = [15 / 16, 15 / 16 * 13 / 14, 15 / 16 * 12 / 14, 15 / 16 * 12 / 14 * 9 / 10, 15 / 16 * 12 / 14 * 8 / 10]
    assert human.share == pytest.approx([1 - s for s in silent])
    assert human.share[-1] == pytest.approx(1 - 0.642857142857)
    assert (human.median.at, human.p90.at) == (None, None)
    risk = dict(human.risk)
    assert (risk[MINUTE], risk[HOUR], risk[DAY], risk[3 * DAY], risk[7 * DAY]) == (16, 15, 12, 10, 9)
    # any: 10 s (p04), 1 min (p02, p03), 30 min, 1 h c, 2 h (p01, p05), 20 h, 1 d c, 2 d c, 8 d
    any_ = made(HAND).any
    assert (any_.n, any_.events) == (16, 8)
    assert any_.times == (10_000_000, MINUTE, 30 * MINUTE, 2 * HOUR, 20 * HOUR, 8 * DAY)
    silent = [15 / 16, 13 / 16, 12 / 16, 12 / 16 * 9 / 11, 12 / 16 * 8 / 11, 12 / 16 * 8 / 11 * 5 / 6]
    assert any_.share == pytest.approx([1 - s for s in silent])


def test_the_bounds_hold_what_was_answered_before_a_deaf_gap_and_what_is_unknown_behind_one() -> None:
    rows = [row(f"p{at}", f"b{at}", first_human_at=HOUR if at < 4 else None) for at in range(12)]
    rows.append(row("answered", "b20", first_human_at=HOUR, gap_from=DAY))
    rows.append(row("unknown", "b21", state="unknown", gap_from=DAY))
    rows.append(row("gap-in-an-open-window", "b22", sent_at=5 * DAY, first_human_at=6 * DAY, gap_from=7 * DAY))
    at = made(rows).windows[1]
    assert said(at.no_human) == (8, 12)
    assert said(at.worst) == (9, 14)
    assert said(at.best) == (8, 14)


def test_probes_that_asked_nothing_are_not_in_the_rate_of_answered_questions() -> None:
    rows = [row(f"p{at}", f"b{at}", first_human_at=DAY, questions_answered=2) for at in range(10)]
    rows += [
        row("q1", "q1", questions_asked=0, first_human_at=DAY, questions_answered=0),
        row("q2", "q2", questions_asked=0),
    ]
    at = made(rows).windows[1]
    assert (said(at.answered_question), said(at.no_human)) == ((10, 10), (1, 12))


def test_the_median_among_those_answered_counts_no_wait_below_0_and_needs_ten_clusters() -> None:
    rows = [row(f"p{at}", f"b{at}", sent_at=HOUR, first_human_at=0) for at in range(10)]
    assert made(rows).median_of_answered == 0
    assert made(rows[1:]).median_of_answered is None


def test_contactability_of_the_set_by_hand() -> None:
    (only,) = made(HAND).contactability
    assert (only.name, *said(only), only.clusters) == ("letter", 23, 24, 23)


def test_a_business_counts_once_in_contactability_however_often_it_was_asked() -> None:
    rows = [row(f"p{at}", f"b{at % 12}", state="not_contactable" if at % 12 == 0 else "sent") for at in range(60)]
    rows.append(row("other", "b0", channel="visit"))
    found = {rate.name: said(rate) for rate in made(rows).contactability}
    assert found == {"letter": (11, 12), "visit": (1, 1)}


def test_under_ten_clusters_there_are_counts_and_no_rate() -> None:
    rows = [row(f"p{at}", f"b{at}") for at in range(40)]
    assert made(rows[:10]).windows[1].no_human.value == 1.0
    few = made(rows[:9]).windows[1].no_human
    assert (few.value, few.interval, said(few)) == (None, None, (9, 9))
    assert few.hidden == "fewer than 10 independent businesses"
    one_owner = made([one | {"group": "owner"} for one in rows]).windows[1].no_human
    assert (one_owner.value, one_owner.clusters, said(one_owner)) == (None, 1, (40, 40))


def test_a_group_of_the_name_of_a_business_is_not_that_business() -> None:
    rows = [row("p1", "b1"), row("p2", "b2", group="b1")]
    assert made(rows).groups == 2


def test_one_business_is_judged_by_wilson_from_five_closed_probes_on() -> None:
    rows = [row(f"p{at}", "b", first_human_at=DAY if at < 2 else None) for at in range(5)]
    rows.append(row("open", "b", sent_at=5 * DAY))
    five = made(rows).windows[1].no_human
    assert (said(five), five.value) == ((3, 5), 0.6)
    assert five.interval is not None
    assert five.interval.method == "Wilson"
    assert five.interval.low == pytest.approx(0.23072, abs=1e-5)
    assert five.interval.high == pytest.approx(0.88238, abs=1e-5)
    four = made(rows[1:]).windows[1].no_human
    assert (said(four), four.value, four.hidden) == ((3, 4), None, "fewer than 5 closed probes")
    assert made(rows[1:]).median_of_answered is None


def test_refused_probes_wait_for_their_window_where_their_time_is_known() -> None:
    rows = [row(f"p{at}", f"b{at}") for at in range(12)]
    refused = row("r", "r", state="not_sent", sent_at=9 * DAY)
    assert said(made([*rows, refused]).windows[1].no_human_their_side) == (12, 12)
    assert said(made([*rows, refused | {"sent_at": 2 * DAY}]).windows[1].no_human_their_side) == (13, 13)


def test_no_probes_and_nothing_closed_make_figures_without_a_rate() -> None:
    for rows in (
        [],
        [row("p", "b", role="control")],
        [row(f"p{at}", f"b{at}", observed_until=None) for at in range(20)],
    ):
        found = made(rows)
        assert found.windows[1].no_human.value is None
        assert found.windows[1].no_human.hidden == "no closed probes"
        assert found.median_of_answered is None
    assert made([]).businesses == made([]).probes == 0
    assert per_business(frame([]), windows=WINDOWS, headline=7 * DAY, now=NOW) == ()


def test_the_headline_must_be_one_of_the_windows() -> None:
    with pytest.raises(ValueError, match="none of the windows"):
        figures(frame(HAND), name="", windows=(DAY,), headline=7 * DAY, now=NOW)


# --------------------------------------------------------------------------- what must hold for every set
some_rows = making.rows()
moments = st.sampled_from([0, DAY, 9 * DAY, 12 * DAY, 50 * DAY])


def all_rates(found: Figures) -> list[Rate]:
    rates = [*found.contactability, *found.within]
    for at in found.windows:
        rates += [at.no_human, at.worst, at.best, at.no_human_their_side, at.any_reply, at.machine_only]
        rates += [*at.machine_parts, at.refused_after_accepting, at.answered_question]
        if at.opt_out:
            rates.append(at.opt_out)
    return rates


@settings(max_examples=40)
@given(some_rows, moments)
def test_rates_lie_in_0_to_1_inside_their_intervals_and_hang_together(rows: list[dict[str, Any]], now: int) -> None:
    table = frame(rows)
    found = made(rows, now)
    for one in (found, *per_business(table, windows=WINDOWS, headline=7 * DAY, now=now)):
        for rate in all_rates(one):
            assert 0 <= rate.count <= rate.n
            assert (rate.value is None) == (rate.interval is None) == bool(rate.hidden)
            if rate.value is not None and rate.interval is not None:
                assert 0 <= rate.interval.low <= rate.value <= rate.interval.high <= 1
        for at in one.windows:
            assert sum(d.closed + d.open for d in at.dispositions) == one.probes
            assert [d.disposition for d in at.dispositions] == list(DISPOSITIONS)
            assert at.no_human.n == sum(d.closed for d in at.dispositions if d.in_denominator)
            assert at.best.count <= at.worst.count
            assert at.best.n == at.worst.n >= at.no_human.n
            assert sum(part.count for part in at.machine_parts) == at.machine_only.count
            assert at.no_human.count == at.no_human.n - (at.any_reply.count - at.machine_only.count)
            assert 0 <= at.undetermined_share <= 1
        shares = [rate.count / rate.n for rate in one.within if rate.n]
        assert all(0 <= share <= 1 for share in shares)
        for curve in (one.human, one.any):
            assert list(curve.share) == sorted(curve.share)
            assert all(
                0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1
                for low, share, high in zip(curve.low, curve.share, curve.high, strict=True)
            )
        assert one.human.events <= one.any.events


@settings(max_examples=20)
@given(some_rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any]], dice: random.Random) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)
    assert alike(made(rows), made(shuffled), close=1e-12)
    each = [per_business(frame(some), windows=WINDOWS, headline=7 * DAY, now=NOW) for some in (rows, shuffled)]
    assert each[0] == each[1]


@settings(max_examples=30)
@given(some_rows, st.integers(0, 15))
def test_one_more_silence_never_lowers_the_rate_of_no_human_answer(rows: list[dict[str, Any]], business: int) -> None:
    before, after = made(rows), made([*rows, row("one-more", f"b{business}")])
    for old, new in zip(before.windows[:2], after.windows[:2], strict=True):
        for was, now in ((old.no_human, new.no_human), (old.worst, new.worst), (old.best, new.best)):
            assert (now.count, now.n) == (was.count + 1, was.n + 1)
            if was.value is not None and now.value is not None:
                assert now.value >= was.value
    assert after.windows[2].no_human == before.windows[2].no_human  # its 30 days are open


@settings(max_examples=40)
@given(some_rows.filter(bool), st.data())
def test_an_answer_in_an_open_window_changes_no_rate_of_closed_windows(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    sent = data.draw(st.integers(9 * DAY, NOW))
    silent = row("open", rows[at]["business"], sent_at=sent, group=rows[at]["group"])
    when = data.draw(st.integers(sent, NOW))
    what = data.draw(st.sampled_from(["first_human_at", "first_ack_at", "first_unclear_at", "bounced_at"]))
    heard = row("open", rows[at]["business"], sent_at=sent, group=rows[at]["group"], **{what: when})
    before, after = made([*rows, silent]), made([*rows, heard])
    for old, new in zip(before.windows, after.windows, strict=True):
        if sent + old.window > NOW:
            assert replace(new, dispositions=()) == replace(old, dispositions=())
    for length, old_rate, new_rate in zip(WITHIN.values(), before.within, after.within, strict=True):
        if sent + length > NOW:
            assert new_rate == old_rate


@settings(max_examples=20)
@given(making.rows(businesses=4), moments)
def test_the_figures_of_each_business_are_those_of_its_rows_alone(rows: list[dict[str, Any]], now: int) -> None:
    table = frame(rows)
    each = per_business(table, windows=WINDOWS, headline=7 * DAY, now=now)
    asked = sorted({one["business"] for one in rows if one["role"] == "recipient"})
    assert [one.name for one in each] == asked
    for one in each:
        alone = table.filter(table["business"] == one.name)
        assert figures(alone, name=one.name, windows=WINDOWS, headline=7 * DAY, now=now) == one


@settings(max_examples=15)
@given(some_rows)
def test_rows_of_other_roles_change_nothing(rows: list[dict[str, Any]]) -> None:
    ours = [one for one in rows if one["role"] == "recipient"]
    assert made(rows) == made(ours)


def test_the_figures_are_plain_numbers_and_words() -> None:
    plain = (int, float, str, bool, type(None))
    assert all(type(value) in plain for _, value in numbers(made(HAND)))


def test_what_nobody_has_judged_is_no_rate_of_nothing() -> None:
    from reports.figures.summary import NOT_JUDGED

    asked = [row(f"p{n}", f"b{n}", questions_asked=2, first_human_at=2 * DAY, first_reply_at=2 * DAY,
                 first_human_kind="human") for n in range(20)]  # fmt: skip
    told = figures(frame(asked), name="s", windows=(DAY, 7 * DAY), headline=7 * DAY, now=40 * DAY).windows[1]
    assert (told.answered_question.n, told.answered_question.value) == (0, None)
    assert told.answered_question.hidden == NOT_JUDGED
    judged = [{**one, "questions_answered": 2} if n == 0 else one for n, one in enumerate(asked)]
    told = figures(frame(judged), name="s", windows=(DAY, 7 * DAY), headline=7 * DAY, now=40 * DAY).windows[1]
    assert told.answered_question.count == 1
    assert told.answered_question.n > 0
