"""Figures 1-5 of a million outcome rows, beside reading them and one group-by. Imports are not counted.

Both sides read the same table by the same driver in the same run; ours then checks it and makes what the report of
a study shows. The figures of each of the 10,000 businesses are measured apart.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import numpy as np
import polars as pl

from reports import outcomes
from reports.figures.intervals import t_quantile
from reports.figures.model import DAY, HOUR, Figures
from reports.figures.summary import figures, per_business

ROWS = 1_000_000
BUSINESSES = 10_000
GROUPS = 1_500
RUNS = 5
BAR = 3.0
WINDOWS = (DAY, 7 * DAY, 30 * DAY)
START = 1_767_225_600_000_000
NOW = START + 400 * DAY


def rows(count: int = ROWS, *, seed: int = 20) -> pl.DataFrame:
    """Seeded outcomes of weekly probes to BUSINESSES: people, machines, silence, bounces, refusals, open windows."""
    draw = np.random.default_rng(seed)
    business = draw.integers(0, BUSINESSES, count)
    sent = START + draw.integers(0, 395 * DAY, count)
    habit = draw.beta(1.2, 1.2, BUSINESSES)[business]
    fate = draw.random(count)
    state = np.where(
        fate < 0.02, "not_sent", np.where(fate < 0.025, "unknown", np.where(fate < 0.03, "blocked", "sent"))
    )
    reached = state == "sent"
    bounced = reached & (fate > 0.98)
    person = reached & ~bounced & (draw.random(count) < habit)
    machine = reached & ~bounced & (draw.random(count) < 0.3)
    unclear = reached & ~bounced & (draw.random(count) < 0.01)
    wait = np.exp(draw.normal(np.log(9 * HOUR), 1.6, count)).astype(np.int64)

    def when(which: np.ndarray, delay: np.ndarray) -> pl.Series:
        return pl.Series(sent + delay).set(pl.Series(~which | (sent + delay > NOW)), None)

    human_at, ack_at = when(person, wait), when(machine, draw.integers(1, 600, count) * 1_000_000)
    columns = {
        "probe": np.char.add("p", np.arange(count).astype(str)),
        "study": np.full(count, "weekly"),
        "version": np.ones(count, np.int64),
        "business": np.char.add("business-", business.astype(str)),
        "group": pl.Series(np.char.add("group-", (business % GROUPS).astype(str))).set(
            pl.Series(business % 4 > 0), None
        ),
        "channel": np.where(draw.random(count) < 0.7, "email", "web_form"),
        "scenario": np.full(count, "presale-en"),
        "intent": np.full(count, "presale"),
        "language": np.full(count, "en"),
        "persona": np.where(draw.random(count) < 0.5, "anna", "ben"),
        "role": np.full(count, "recipient"),
        "state": state,
        "reason": pl.Series(np.where(state == "not_sent", "550 no such user", "")).replace("", None),
        "accepted_by": pl.Series(np.where(reached | (fate < 0.01), "recipient_mx", "")).replace("", None),
        "sent_at": sent,
        "first_reply_at": pl.select(pl.min_horizontal(human_at, ack_at)).to_series(),
        "first_ack_at": ack_at,
        "first_human_at": human_at,
        "first_human_kind": pl.Series(np.full(count, "human")).set(human_at.is_null(), None),
        "first_unclear_at": when(unclear, wait),
        "bounced_at": when(bounced, wait // 10),
        "disputed": np.zeros(count, bool),
        "observed_until": np.full(count, NOW),
        "questions_asked": np.full(count, 2),
        "questions_answered": draw.integers(0, 3, count),
    }
    made = pl.DataFrame(
        {name: columns.get(name, pl.Series([None] * count, dtype=pl.Null)) for name in outcomes.COLUMNS}
    )
    return outcomes.frame(made)


def store(frame: pl.DataFrame, path: Path) -> None:
    """Put outcome rows into the `outcomes` table of a new SQLite file."""
    from sqlalchemy import create_engine
    from sqlalchemy.schema import CreateTable

    from monitor.store.tables import OUTCOMES

    with sqlite3.connect(path) as connection:
        connection.execute(str(CreateTable(OUTCOMES).compile(create_engine("sqlite://"))))
        names, marks = ", ".join(f'"{name}"' for name in frame.columns), ", ".join("?" * frame.width)
        connection.executemany(f"INSERT INTO outcomes ({names}) VALUES ({marks})", frame.iter_rows())
    connection.close()


def read(path: Path) -> pl.DataFrame:
    """Every outcome row, as the driver gives it: booleans are 0 and 1."""
    names = ", ".join(f'"{name}"' for name in outcomes.COLUMNS)
    with adbc.connect(str(path)) as connection, connection.cursor() as cursor:
        # types are those of the first batch: with all rows in it, text that begins with many nulls is text
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(2 * ROWS)})
        cursor.execute(f"SELECT {names} FROM outcomes")
        return pl.DataFrame(cursor.fetch_arrow())


def bare(path: Path) -> pl.DataFrame:
    """The floor: read, and one group-by that counts and averages."""
    answered = (pl.col("first_human_at") - pl.col("sent_at")) <= 7 * DAY
    return read(path).group_by("business").agg(pl.len(), answered.mean().alias("answered"))


def study(path: Path) -> Figures:
    """Ours: read, check, figures 1-5 of the study."""
    return figures(outcomes.frame(read(path)), name="weekly", windows=WINDOWS, headline=7 * DAY, now=NOW)


def seconds(job: Callable[[Path], object], path: Path) -> float:
    began = time.perf_counter()
    job(path)
    return time.perf_counter() - began


def main() -> None:
    """Print the medians of RUNS pairs, taken in turn, and the median ratio beside its bar."""
    t_quantile(9)  # its import is not counted
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcomes.db"
        store(rows(), path)
        bare(path), study(path)
        pairs = [(seconds(study, path), seconds(bare, path)) for _ in range(RUNS)]
        table = outcomes.frame(read(path))
        began = time.perf_counter()
        per_business(table, windows=WINDOWS, headline=7 * DAY, now=NOW)
        each = time.perf_counter() - began
    ratio = statistics.median(ours / floor for ours, floor in pairs)
    ours, floor = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"figures: {ROWS:,} outcomes, figures 1-5 {ours:.2f} s, bare read + group-by {floor:.2f} s: "
        f"ratio {ratio:.2f} (bar: at most {BAR})"
    )
    print(f"figures: the figures of each of {BUSINESSES:,} businesses, without reading: {each:.2f} s")


if __name__ == "__main__":
    main()
