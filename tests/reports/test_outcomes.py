"""The outcome table: what it takes, what it refuses and how it says so."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi as adbc
import polars as pl
import pytest
from hypothesis import given
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateTable

from monitor.store.tables import OUTCOMES
from reports.figures.model import DAY
from reports.outcomes import COLUMNS, OutcomeError, check, frame
from tests.reports import making
from tests.reports.making import row


def test_a_frame_has_exactly_the_columns_and_types_of_the_table() -> None:
    made = frame([row("p1", "b1"), row("p2", "b1", first_human_at=5)])
    assert dict(made.schema) == COLUMNS


def test_no_rows_make_an_empty_table() -> None:
    assert dict(frame([]).schema) == COLUMNS
    assert frame([]).is_empty()


def test_columns_in_another_order_come_out_in_order() -> None:
    made = frame([row("p1", "b1")])
    assert check(made.select(sorted(made.columns))).columns == list(COLUMNS)


@given(making.rows())
def test_every_possible_row_is_accepted(rows: list[dict[str, Any]]) -> None:
    assert frame(rows).height == len(rows)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"state": "lost"}, "state is none of"),
        ({"role": "neighbour"}, "role is none of"),
        ({"accepted_by": "a friend"}, "accepted_by is none"),
        ({"sent_at": None}, "sent_at is null"),
        ({"state": "unknown", "sent_at": None}, "sent_at is null"),
        ({"channel": None}, "channel is null"),
        ({"disputed": None}, "disputed is null"),
        ({"first_human_at": 5, "first_human_kind": "bot"}, "first_human_kind is neither"),
        ({"first_human_kind": "human"}, "one is null"),
        ({"first_human_at": 5, "first_reply_at": 6}, "first_reply_at is later than first_human_at"),
        ({"first_ack_at": 5, "first_reply_at": None}, "first_reply_at is later than first_ack_at"),
        ({"disputed": True}, "disputed, but bounced_at is null"),
        ({"questions_asked": -1}, "questions_asked is negative"),
        ({"questions_answered": 3}, "questions_answered is not between"),
        ({"questions_answered": -1}, "questions_answered is not between"),
        ({"sent_at": -1}, "sent_at lies before 1970"),
        ({"gap_from": -1}, "gap_from lies before 1970"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_probe(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(OutcomeError, match=says) as caught:
        frame([row("fine", "b1"), row("odd-one", "b1", **facts), row("odd-too", "b1", **facts)])
    assert "'odd-one'" in str(caught.value)
    assert "2 of 3 rows" in str(caught.value)


@pytest.mark.parametrize(
    "facts",
    [
        {"first_human_at": 0, "sent_at": 9},  # clocks differ: it is a wait of 0
        {"state": "not_sent", "sent_at": None, "first_human_at": 5},
        {"state": "planned", "sent_at": None, "observed_until": None},
        {"observed_until": None},
        {"observed_until": 0, "sent_at": 9},
    ],
)
def test_a_row_that_is_odd_but_possible_is_accepted(facts: dict[str, Any]) -> None:
    assert frame([row("p", "b", **facts)]).height == 1


def test_one_probe_may_have_a_recipient_and_vendors_but_one_recipient_only() -> None:
    vendors = [row("p1", f"v{at}", role="vendor") for at in range(3)]
    assert frame([row("p1", "b1"), *vendors]).height == 4
    with pytest.raises(OutcomeError, match=r"'p1': more than one row of role 'recipient'"):
        frame([row("p1", "b1"), row("p1", "b2")])


def test_a_missing_and_an_unknown_column_are_named() -> None:
    made = row("p1", "b1")
    del made["gap_from"]
    with pytest.raises(OutcomeError, match=r"'p1': columns missing: gap_from; not known: mood"):
        frame([made | {"mood": "good"}])
    with pytest.raises(OutcomeError, match=r"columns missing: gap_from; not known: none"):
        check(frame([row("p1", "b1")]).drop("gap_from"))


@pytest.mark.parametrize(
    ("name", "value"), [("sent_at", "1970"), ("sent_at", 1.5), ("sent_at", 2**63), ("probe", 7), ("disputed", "no")]
)
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(OutcomeError, match="another type"):
        frame([row("p1", "b1") | {name: value}])


def test_check_refuses_a_column_of_another_type() -> None:
    made = frame([row("p1", "b1")])
    with pytest.raises(OutcomeError, match="column 'sent_at' is Float64, not Int64"):
        check(made.with_columns(pl.col("sent_at").cast(pl.Float64)))


def test_a_frame_as_a_driver_reads_it_is_taken_over_without_loss() -> None:
    made = frame([row("p1", "b1", junk=True, first_human_at=2**50), row("p2", "b2", junk=False)])
    driver = made.with_columns(
        pl.col(pl.Boolean).cast(pl.Int64), pl.col("version").cast(pl.Int32), pl.lit(None, pl.Int64).alias("pair")
    )
    assert frame(driver).equals(made)


def test_a_driver_that_gives_times_as_text_or_a_boolean_of_2_is_refused() -> None:
    made = frame([row("p1", "b1", junk=True)])
    with pytest.raises(OutcomeError, match="column 'sent_at' is String"):
        frame(made.with_columns(pl.col("sent_at").cast(pl.String)))
    with pytest.raises(OutcomeError, match="column 'junk' is Int64"):
        frame(made.with_columns(pl.lit(2, pl.Int64).alias("junk")))


def read(path: Path, rows: int) -> pl.DataFrame:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    with adbc.connect(str(path)) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
        cursor.execute(f"SELECT {names} FROM outcomes ORDER BY probe")
        return pl.DataFrame(cursor.fetch_arrow())


def test_five_thousand_nulls_before_a_value_leave_every_column_its_type(tmp_path: Path) -> None:
    # this driver takes the types of a column from its first batch, and a column of nulls for numbers
    late = {
        "first_human_at": 2**50, "bounced_at": 3 * DAY, "gap_from": 4 * DAY, "promised_at": DAY, "mailbox_full": True,
        "junk": False, "pair": "twin", "group": "owner", "reason": "said why", "questions_answered": 1,
    }  # fmt: skip
    silent = [row(f"p{at:05}", "b1") for at in range(5000)]
    wanted = frame([*silent, row("p99999", "b2", **late)])
    path = tmp_path / "outcomes.db"
    with sqlite3.connect(path) as connection:
        connection.execute(str(CreateTable(OUTCOMES).compile(create_engine("sqlite://"))))
        names, marks = ", ".join(f'"{name}"' for name in COLUMNS), ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO outcomes ({names}) VALUES ({marks})", wanted.iter_rows())
    connection.close()
    found = frame(read(path, 10_000))
    assert found.equals(wanted)
    assert found["first_human_at"].to_list()[-1] == 2**50
