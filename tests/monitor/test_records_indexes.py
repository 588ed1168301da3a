"""What a pass asks of the store costs by what is due or new, not by what was: every statement uses an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from monitor.outcome import outcome
from monitor.rescore import rescore
from monitor.send import plan_view
from monitor.store import looking
from monitor.store.records import stop
from monitor.store.scoring import probe_facts, write_outcomes
from monitor.store.sending import stale
from tests.monitor.factories import RULES, World, business, endpoint

GROWS = (
    "probes", "contacts", "receipts", "raw", "arrivals", "sightings", "matches", "verdicts", "reviews",
    "business_domains", "outcomes",
)  # fmt: skip
"""Tables that grow with what was sent and heard. The others hold what is configured, or little."""

SCAN = re.compile(r"^SCAN (\w+)")


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Every distinct statement that any engine runs meanwhile, with parameters of one run."""
    heard: dict[str, Any] = {}

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            heard[statement] = parameters[0] if executemany else parameters

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def scans(world: World, found: dict[str, Any]) -> list[str]:
    """The statements that read one of the growing tables from end to end."""
    bad = []
    with world.store.read() as connection:
        for statement, parameters in found.items():
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                scan = SCAN.match(row[3])
                # All that was ever sent has one state: an index on that alone is as good as none.
                history = "ix_contacts_state_due (state=?)" in row[3] and "sent" in parameters
                if (scan and scan[1] in GROWS) or history:
                    bad.append(f"{row[3]}\n{statement}")
    return bad


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A store with every kind of row in it."""
    made = World(tmp_path, firms=6, study={"schedule": "0 9 * * *"})
    made.fake.defers("info@firm2.example", times=9).refuses("info@firm3.example")
    made.send()
    made.passes(hours=1).answer(1).answer(4, X_Kind="opt_out").listen()
    return made


def test_the_notice_works(world: World) -> None:
    with statements() as found, world.store.read() as connection:
        connection.exec_driver_sql("SELECT * FROM contacts WHERE reason = 'x'")
        connection.exec_driver_sql("SELECT * FROM contacts WHERE state = ? AND reason = ?", ("sent", "x"))
    assert [one.splitlines()[0] for one in scans(world, found)] == [
        "SCAN contacts",
        "SEARCH contacts USING INDEX ix_contacts_state_due (state=?)",
    ]


def test_a_sending_pass_uses_indexes(world: World) -> None:
    world.imports(business(7))
    with statements() as found:
        summary = world.passes(days=1).send()
        stale(world.store, {}, world.now(), world.now() - world.now())
    assert summary.sent > 2
    assert len(found) > 15
    assert scans(world, found) == []


def test_a_plan_uses_indexes(world: World) -> None:
    with statements() as found:
        view = plan_view(world.store, world.config, world.channels, world.now, world.now() + timedelta(days=3))
    assert view.allowed
    assert scans(world, found) == []


def test_a_listening_pass_uses_indexes(world: World) -> None:
    world.answer(5).answer(6, X_Kind="opt_out", sender="boss@firm6.example", to="else@inbox.example")
    with statements() as found:
        assert world.listen().understood == 2
        world.fake.goes_deaf()
        world.listen()
    assert len(found) > 15
    assert scans(world, found) == []


def test_an_import_and_a_stop_use_indexes(world: World) -> None:
    with statements() as found:
        world.imports(business(5, endpoints=(endpoint("new@firm5.example"),)))
        stop(world.store, ["info@firm2.example"], "they asked", world.now())
    assert world.states()["firm-2"] == "suppressed"
    assert scans(world, found) == []


def test_reading_one_probe_uses_indexes(world: World) -> None:
    probe = world.facts()["firm-1"].probe
    with statements() as found:
        assert list(probe_facts(world.store, probes=[probe]))
        assert looking.probe_record(world.store, probe)
    assert scans(world, found) == []


def test_reading_everything_reads_each_table_by_key_and_no_worse(world: World) -> None:
    """Scores, pages and rescoring look at everything once: by primary key, never once for each probe."""
    with statements() as found:
        list(rescore(world.store, world.now, rules=RULES))
        list(looking.events(world.store))
        write_outcomes(world.store, (outcome(one) for one in probe_facts(world.store)))
        write_outcomes(world.store, (), study="sector")
    assert [one for one in scans(world, found) if "DELETE FROM outcomes" not in one] == []
