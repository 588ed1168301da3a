"""Reads the whole outcome table at once, by adbc, in a process of its own.

adbc brings a second copy of the SQLite library. Two copies in one process do not see each other's locks, and closing
a file in one drops the locks of the other: the store would be damaged. Locks between processes hold.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from monitor.errors import StoreError
from monitor.store.engine import Store
from monitor.store.tables import OUTCOMES

_CHILD = """
import sys
import adbc_driver_sqlite.dbapi as adbc
import polars as pl
path, out, *columns = sys.argv[1:]
names = ", ".join('"' + name + '"' for name in columns)
with adbc.connect(path) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM outcomes")
    rows = pl.DataFrame(cursor.fetch_arrow()).item()
    # The type of a column is that of its first batch, and nulls are taken for numbers: so there is only one batch.
    cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(2 * rows + 1000)})
    cursor.execute("SELECT " + names + " FROM outcomes")
    pl.DataFrame(cursor.fetch_arrow()).write_ipc(out)
"""


def read_outcomes(store: Store) -> pl.DataFrame:
    """Every row of the outcome cache, as the driver gives it. Raises StoreError."""
    with tempfile.TemporaryDirectory(prefix="unanswered-") as folder:
        out = Path(folder) / "outcomes.arrow"
        columns = [column.name for column in OUTCOMES.columns]
        command = [sys.executable, "-I", "-c", _CHILD, str(store.path), str(out), *columns]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            raise StoreError(f"{store.path}: the outcome table cannot be read: {said[-1]}")
        return pl.read_ipc(out)
