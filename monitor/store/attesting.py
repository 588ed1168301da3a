"""Which arrivals wait for their signatures to be checked, and what the check found."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from monitor.store.engine import Store, clean
from monitor.store.tables import ARRIVALS, ATTESTATIONS, RAW
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


def raw_of(store: Store, arrival: int) -> bytes | None:
    """The bytes of an arrival; None when they were erased meanwhile."""
    query = select(RAW.c.data, RAW.c.erased_at).join_from(ARRIVALS, RAW, ARRIVALS.c.sha256 == RAW.c.sha256)
    with store.read() as connection:
        row = connection.execute(query.where(ARRIVALS.c.id == arrival)).first()
    return None if row is None or row.erased_at is not None else zlib.decompress(row.data)


def store_attested(store: Store, items: Sequence[Attested]) -> int:
    """Record what was found and that these arrivals were checked: one transaction; one that somebody else has checked
    meanwhile stays as it is. Returns how many were recorded."""
    recorded = 0
    with store.write() as connection:
        for item in items:
            here = (ARRIVALS.c.id == item.arrival, ARRIVALS.c.attested_at.is_(None))
            if not connection.execute(update(ARRIVALS).where(*here).values(attested_at=item.at)).rowcount:
                continue
            recorded += 1
            rows = [_row(item.arrival, one) for one in item.found]
            if rows:
                connection.execute(insert(ATTESTATIONS), rows)
    return recorded


def _row(arrival: int, found: Attestation) -> dict[str, Any]:
    values = {name: clean(value) if isinstance(value, str) else value for name, value in asdict(found).items()}
    return values | {"arrival_id": arrival}
