"""Which arrivals wait for their signatures to be checked, and what the check found."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from monitor.store.engine import Store, chunks, clean
from monitor.store.tables import ARRIVALS, ATTESTATIONS, RAW
from monitor.store.understanding import LOADED_BYTES
from probes.contract import Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """One arrival that was checked: what its signatures proved; none: it carries none."""

    arrival: int
    at: datetime
    found: tuple[Attestation, ...]


def not_attested(store: Store, channel: str, since: datetime) -> list[int]:
    """Arrivals of a channel since `since` that were not checked yet, the newest first; erased ones are left out."""
    query = (
        select(ARRIVALS.c.id)
        .join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
        .where(
            ARRIVALS.c.attested_at.is_(None),
            ARRIVALS.c.at >= since,
            ARRIVALS.c.channel == channel,
            RAW.c.erased_at.is_(None),
        )
        .order_by(ARRIVALS.c.at.desc(), ARRIVALS.c.id.desc())
    )
    with store.read() as connection:
        return list(connection.scalars(query))


def loaded(store: Store, arrivals: Sequence[int]) -> dict[int, bytes]:
    """The bytes of the first of these arrivals, as many as are fit to be in memory together, at least one. One whose
    bytes were erased meanwhile has none: b""."""
    columns = (ARRIVALS.c.id, ARRIVALS.c.sha256, RAW.c.size, RAW.c.erased_at)
    query = select(*columns).join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
    chosen: dict[int, str] = {}
    size = 0
    with store.read() as connection:
        rows = {row.id: row for row in connection.execute(query.where(ARRIVALS.c.id.in_(arrivals)))}
        for arrival in arrivals:
            size += rows[arrival].size
            if chosen and size > LOADED_BYTES:
                break
            chosen[arrival] = "" if rows[arrival].erased_at else rows[arrival].sha256
        bytes_of = select(RAW.c.sha256, RAW.c.data).where(RAW.c.sha256.in_(set(chosen.values())))
        data = {digest: zlib.decompress(blob) for digest, blob in connection.execute(bytes_of)}
    return {arrival: data.get(digest, b"") for arrival, digest in chosen.items()}


def store_attested(store: Store, items: Sequence[Attested]) -> int:
    """Record what was found and that these arrivals were checked: one transaction; one that somebody else has checked
    meanwhile stays as it is. Returns how many were recorded."""
    if not items:
        return 0
    with store.write() as connection:
        open_still = select(ARRIVALS.c.id).where(ARRIVALS.c.attested_at.is_(None))
        free: set[int] = set()
        for some in chunks([item.arrival for item in items]):
            free |= set(connection.scalars(open_still.where(ARRIVALS.c.id.in_(some))))
        mine = [item for item in items if item.arrival in free]
        checked = update(ARRIVALS).where(ARRIVALS.c.id == bindparam("arrival")).values(attested_at=bindparam("moment"))
        if mine:
            connection.execute(checked, [{"arrival": item.arrival, "moment": item.at} for item in mine])
        rows = [_row(item.arrival, one) for item in mine for one in item.found]
        if rows:
            connection.execute(insert(ATTESTATIONS), rows)
    return len(mine)


def _row(arrival: int, found: Attestation) -> dict[str, Any]:
    values = {name: clean(value) if isinstance(value, str) else value for name, value in asdict(found).items()}
    return values | {"arrival_id": arrival}
