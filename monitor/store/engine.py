"""The store as a file: opening, migrating, transactions. SQLite in WAL mode, synchronous FULL on every connection.

Reading and writing have a pool each: readers cannot write (`query_only`), writers begin with BEGIN IMMEDIATE, so that
no transaction finds out half-way that somebody else has written.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from monitor.errors import StoreError, StoreTooNew
from monitor.store.locks import opening_lock

log = logging.getLogger(__name__)

HEAD = "0004"
"""The newest revision in migrations/versions (a test compares)."""

BUSY_SECONDS = 30
CHUNK = 500
T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}")


class Store:
    """An open store. Threads may share it; processes open their own."""

    def __init__(self, path: Path) -> None:
        """Use Store.open(): this does not look whether the file is a store."""
        self.path = path
        self._readers = _engine(path, writes=False)
        self._writers = _engine(path, writes=True)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the store in the file `path`: made when new, migrated when older.

        Raises StoreTooNew when a newer version wrote it, StoreError when it is no store, cannot be read or written,
        or stays locked for 30 seconds.
        """
        path = Path(path).absolute()
        if path.is_dir():
            raise StoreError(f"{path}: is a folder; `store` in the config must name a file")
        store = cls(path)
        try:
            with opening_lock(path):
                store._prepare()
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store and cannot write. Raises StoreError."""
        with _in_words(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone with its right to write from the start; all or nothing. Raises StoreError."""
        with _in_words(self.path), self._writers.begin() as connection:
            yield connection

    def scrub(self, *, whole: bool = True) -> bool:
        """Write the file anew without what was deleted, and empty the log beside it; False when somebody is reading.

        What was erased before stands in free pages and in the log until then. Not `whole`: only the log is emptied.
        """
        connection = self._writers.raw_connection()
        try:
            cursor = connection.cursor()
            if whole:
                cursor.execute("VACUUM")
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                return False
            raise StoreError(f"{self.path}: {_advice(str(error))}") from error
        finally:
            connection.close()

    def close(self) -> None:
        self._readers.dispose()
        self._writers.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _prepare(self) -> None:
        with self.write() as writer:  # writes nothing yet: a database of somebody else stays as it is
            found = self._revision(writer)
        with _in_words(self.path):
            connection = self._writers.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL").fetchone()
            finally:
                connection.close()
        if found != HEAD:
            with self.write() as writer:
                self._migrate(writer, found)

    def _revision(self, connection: Connection) -> str | None:
        names = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not names:
            return None
        if "alembic_version" not in names or "contacts" not in names:
            raise StoreError(
                f"{self.path}: is a database of something else (it has no tables of unanswered); "
                "let `store` in the config name another file"
            )
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])

    def _migrate(self, connection: Connection, found: str | None) -> None:
        from alembic import command  # 0.2 s, paid only by a store that is not up to date
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
        if found is not None and found not in known:
            raise StoreTooNew(
                f"{self.path}: was written by a newer version of unanswered (schema {found}; this one knows {HEAD}): "
                "install that version, or open a copy made before it was updated"
            )
        if found is None:
            log.info("%s: making a new store (schema %s)", self.path, HEAD)
        else:
            log.info("%s: bringing the store from schema %s to %s", self.path, found, HEAD)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def add(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row; returns its id."""
    made = connection.execute(insert(table).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def add_unless_there(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row; False, and nothing done, when a row with the same key is there already."""
    return connection.execute(_skipping(connection, table), values).rowcount == 1


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those rows whose keys are not there yet."""
    if rows:
        connection.execute(_skipping(connection, table), rows)


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values` in parts short enough for one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def clean(text: str) -> str:
    """Text that a database takes: what is no character (half a surrogate pair) becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _skipping(connection: Connection, table: Table) -> Any:
    return _skipping_by(connection.dialect.name, table)


@cache
def _skipping_by(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table).on_conflict_do_nothing()


def _engine(path: Path, *, writes: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        pool_size=5,
        max_overflow=15,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in PRAGMAS if writes else (*PRAGMAS, "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what happened and what to do. Broken constraints are left as they are."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(f"{path}: {_advice(str(cause))}") from error


def _advice(said: str) -> str:
    table = (
        ("file is not a database", "is not a database; let `store` in the config name another file"),
        ("malformed", "the database is damaged; restore a copy, and look at the disk"),
        ("unable to open", "cannot be opened; its folder must exist and be readable and writable"),
        (
            "locked",
            f"another process has held its lock for {BUSY_SECONDS} seconds; wait, or stop it if it hangs",
        ),
        ("readonly", "cannot be written; look at the permissions of the file and its folder"),
        ("full", "the disk is full; nothing of this step was stored. Make room and run it again"),
        ("disk I/O", "the disk gave an error; nothing of this step was stored. Look at the disk"),
    )
    for sign, words in table:
        if sign in said:
            return f"{words} ({said})"
    return f"the database refused: {said}"
