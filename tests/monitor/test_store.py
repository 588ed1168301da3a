"""The store as a file: made and migrated by real migrations, durable, and clear about what it cannot do."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, StatementError

from monitor.errors import StoreBusy, StoreError, StoreTooNew
from monitor.store import engine
from monitor.store.engine import HEAD, MIGRATIONS, Store
from monitor.store.locks import lock_file, pass_lock
from monitor.store.tables import META, OUTCOMES, SUPPRESSIONS, metadata
from reports.outcomes import COLUMNS, REQUIRED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unanswered.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


# --------------------------------------------------------------------------- schema
def differences(store: Store, against: sa.MetaData) -> list[Any]:
    with store.read() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), against))


def test_the_migrations_make_what_the_models_say(store: Store) -> None:
    assert differences(store, metadata) == []


def test_a_model_that_was_changed_without_a_migration_is_noticed(store: Store) -> None:
    changed = sa.MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["contacts"].append_column(sa.Column("forgotten", sa.String))
    sa.Index("ix_probes_due", changed.tables["probes"].c.due)
    assert [kind for kind, *_ in differences(store, changed)] == ["add_column", "add_index"]


def test_foreign_keys_and_unique_keys_are_those_of_the_models(store: Store) -> None:
    with store.read() as connection:
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            keys = {tuple(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
            assert keys == {tuple(c.name for c in key.columns) for key in table.foreign_key_constraints}, table
            unique = {tuple(key["column_names"]) for key in found.get_unique_constraints(table.name)}
            wanted = {
                tuple(column.name for column in one.columns)
                for one in table.constraints
                if isinstance(one, sa.UniqueConstraint)
            }
            assert unique == wanted, table
            nullable = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
            assert nullable == {column.name: column.nullable for column in table.columns}, table


def test_the_newest_migration_is_the_one_the_store_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrations_import_nothing_of_ours() -> None:
    for script in (MIGRATIONS / "versions").glob("*.py"):
        assert "monitor" not in script.read_text(encoding="utf-8").replace("monitor/store", ""), script
        assert "sqlmodel" not in script.read_text(encoding="utf-8"), script


def test_outcomes_have_the_columns_that_figures_read() -> None:
    import polars as pl

    types = {pl.String: (sa.String, sa.Text), pl.Int64: (sa.BigInteger, sa.Integer), pl.Boolean: (sa.Boolean,)}
    assert [column.name for column in OUTCOMES.columns] == list(COLUMNS)
    for column in OUTCOMES.columns:
        assert isinstance(column.type, types[COLUMNS[column.name]]), column
        if column.name.endswith(("_at", "_until", "_from")):
            assert isinstance(column.type, sa.BigInteger), f"{column} holds microseconds"
    assert {column.name for column in OUTCOMES.columns if not column.nullable} == set(REQUIRED)


# --------------------------------------------------------------------------- opening
def test_a_new_store_is_made_at_the_newest_schema(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="monitor"), Store.open(path) as store, store.read() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == HEAD
    assert f"{path}: making a new store (schema {HEAD})" in caplog.text


def test_a_store_is_opened_again_with_what_it_holds(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Store.open(path) as store, store.write() as connection:
        connection.execute(META.insert().values(key="salt", value="kept"))
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="monitor"), Store.open(path) as store, store.read() as connection:
        assert connection.scalar(sa.select(META.c.value)) == "kept"
    assert caplog.text == ""


@pytest.fixture
def a_later_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program with one migration more."""
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts)
    later = scripts / "versions" / "9000_later.py"
    later.write_text(
        f'revision = "9000"\ndown_revision = "{HEAD}"\n'
        "from alembic import op\nimport sqlalchemy as sa\n"
        'def upgrade():\n    op.add_column("meta", sa.Column("later", sa.String()))\n'
    )
    monkeypatch.setattr(engine, "MIGRATIONS", scripts)
    monkeypatch.setattr(engine, "HEAD", "9000")
    return later


def test_an_older_store_is_migrated_and_says_so(
    path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(path) as store, store.write() as connection:
        connection.execute(META.insert().values(key="salt", value="kept"))
    request.getfixturevalue("a_later_version")
    with caplog.at_level(logging.INFO, logger="monitor"), Store.open(path) as store, store.read() as connection:
        assert connection.execute(sa.text("SELECT value, later FROM meta")).all() == [("kept", None)]
    assert f"{path}: bringing the store from schema {HEAD} to 9000" in caplog.text


def test_a_migration_that_breaks_half_way_leaves_nothing_behind(path: Path, request: pytest.FixtureRequest) -> None:
    Store.open(path).close()
    later: Path = request.getfixturevalue("a_later_version")
    later.write_text(later.read_text() + '    raise RuntimeError("power cut")\n')
    with pytest.raises(RuntimeError):
        Store.open(path)
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert "later" not in {row[1] for row in raw.execute("PRAGMA table_info(meta)")}
    raw.close()


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    with Store.open(path) as store, store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew) as error:
        Store.open(path)
    assert str(error.value) == (
        f"{path}: was written by a newer version of unanswered (schema 9999; this one knows {HEAD}): "
        "install that version, or open a copy made before it was updated"
    )


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("a letter to my aunt\n" * 100)
    with pytest.raises(StoreError, match=r"is not a database; let `store` in the config name another file"):
        Store.open(path)
    assert path.read_text() == "a letter to my aunt\n" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (id INTEGER)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is a database of something else"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder; `store` in the config must name a file"):
        Store.open(tmp_path)


def test_a_store_in_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no/such/folder.*the folder of the store must exist and be writable"):
        Store.open(tmp_path / "no/such/folder/unanswered.db")


def test_a_store_that_stays_locked_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0)
    monkeypatch.setattr(engine, "PRAGMAS", ("foreign_keys=ON", "synchronous=FULL", "busy_timeout=10"))
    with pytest.raises(StoreError, match="another process has held its lock"):
        Store.open(path)
    other.close()


def _open_and_close(path: Path, errors: Any) -> None:
    try:
        Store.open(path).close()
    except BaseException as error:
        errors.put(repr(error))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_processes_that_make_the_store_at_once_make_it_once(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    errors = context.Queue()
    workers = [context.Process(target=_open_and_close, args=(path, errors)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors.empty()
    assert [worker.exitcode for worker in workers] == [0, 0]
    with Store.open(path) as store:
        assert differences(store, metadata) == []


# --------------------------------------------------------------------------- transactions
def test_every_connection_of_the_pools_is_durable(store: Store) -> None:
    def pragmas(connection: sa.Connection) -> tuple[Any, ...]:
        names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        return tuple(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names)

    full = ("wal", 2, 30_000, 1)
    with ExitStack() as stack:  # several at a time, so that the pool opens several
        readers = [stack.enter_context(store.read()) for _ in range(8)]
        assert [pragmas(reader) for reader in readers] == [full] * 8
    made: list[sa.Connection] = []

    def write() -> None:
        with store.write() as connection:
            assert pragmas(connection) == full
            made.append(connection)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError), store.read() as connection:
        connection.execute(META.insert().values(key="salt", value="x"))


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        connection.execute(META.insert().values(key="salt", value="x"))
        raise ZeroDivisionError
    with store.read() as connection:
        assert connection.execute(sa.select(META)).all() == []


def test_a_writer_is_alone_from_its_first_moment(store: Store) -> None:
    """BEGIN IMMEDIATE: what a writer has read cannot change under it before it writes."""
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with store.write() as connection:
            order.append("second is in")
            assert connection.scalar(sa.select(META.c.value)) == "first"

    thread = threading.Thread(target=second)
    thread.start()
    with store.write() as connection:
        assert connection.scalar(sa.select(META.c.value)) is None
        inside.set()
        thread.join(0.2)
        order.append("first still reads nothing else")
        connection.execute(META.insert().values(key="salt", value="first"))
    thread.join()
    assert order == ["first still reads nothing else", "second is in"]


def test_broken_references_are_refused(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(
            SUPPRESSIONS.insert().values(what="address", value="a", why="", arrival_id=7, at=datetime.now(UTC))
        )


def test_moments_come_back_aware_and_in_utc(store: Store) -> None:
    paris = datetime(2026, 12, 1, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with store.write() as connection:
        connection.execute(SUPPRESSIONS.insert().values(what="address", value="a", why="", at=paris))
    with store.read() as connection:
        back = connection.scalars(sa.select(SUPPRESSIONS.c.at)).one()
    assert back == paris
    assert back.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    naive = datetime(2026, 12, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="timezone"), store.write() as connection:
        connection.execute(SUPPRESSIONS.insert().values(what="address", value="a", why="", at=naive))


def test_a_full_disk_is_told_as_such_and_nothing_is_half_stored(store: Store) -> None:
    with pytest.raises(StoreError, match=r"the disk is full; nothing of this step was stored"), store.write() as writer:
        pages = writer.exec_driver_sql("PRAGMA page_count").scalar()
        writer.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        writer.execute(META.insert(), [{"key": str(n), "value": "x" * 4000} for n in range(50)])
    with store.read() as connection:
        assert connection.execute(sa.select(META)).all() == []


# --------------------------------------------------------------------------- locks
def test_a_second_pass_of_a_kind_is_told_who_is_at_it(path: Path) -> None:
    with pass_lock(path, "send"), pytest.raises(StoreBusy) as error, pass_lock(path, "send"):
        pytest.fail("two passes at once")
    assert f"another send pass is running (process {os.getpid()})" in str(error.value)
    assert error.value.exit_code == 3


def test_passes_of_different_kinds_run_side_by_side(path: Path) -> None:
    with pass_lock(path, "send"), pass_lock(path, "listen"):
        pass


def test_a_lock_is_free_again_after_its_pass(path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), pass_lock(path, "send"):
            raise ZeroDivisionError


def test_a_lock_is_free_again_when_its_holder_is_killed(path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from monitor.store.locks import pass_lock\n"
        "with pass_lock(Path(sys.argv[1]), 'send'): print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"in\n"
    with pytest.raises(StoreBusy, match=str(holder.pid)), pass_lock(path, "send"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with pass_lock(path, "send"):
        assert lock_file(path, "send").read_text() == f"{os.getpid()}\n"
