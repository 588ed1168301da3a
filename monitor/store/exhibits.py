"""Evidence of handing over, in bytes; and what earlier probes taught about how a destination behaves."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection, select

from monitor.store.engine import Store, add_unless_there, clean
from monitor.store.scoring import heard
from monitor.store.tables import CONTACTS, ENDPOINTS, EXHIBIT_DATA, EXHIBITS, PROBES, RECEIPTS
from probes.contract import Exhibit

LARGEST = 2_000_000
"""Bytes of one exhibit; of a larger one only its name and size are kept."""
MOST = 20
"""Exhibits of one try."""
TEACHES = frozenset({"human", "auto_acknowledgement"})
"""Kinds of reply that prove that an enquiry arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An exhibit as it is stored; `data` is None where it was too large to keep, or was erased (`erased`)."""

    contact: int
    attempt: int
    name: str
    media_type: str
    size: int
    sha256: str | None
    data: bytes | None

    @property
    def erased(self) -> bool:
        """Whether its bytes were there and are not any more: somebody was forgotten."""
        return self.sha256 is None and self.size <= LARGEST


def keep_exhibits(connection: Connection, contact: int, attempt: int, exhibits: Sequence[Exhibit]) -> None:
    """Store the exhibits of a try, each content once; a name that is there already keeps what it has."""
    for one in exhibits[:MOST]:
        sha256 = None
        if len(one.data) <= LARGEST:
            sha256 = hashlib.sha256(one.data).hexdigest()
            content = {"sha256": sha256, "size": len(one.data), "data": zlib.compress(one.data)}
            add_unless_there(connection, EXHIBIT_DATA, content)
        row = {
            "contact_id": contact,
            "attempt": attempt,
            "name": clean(one.name),
            "media_type": clean(one.media_type),
            "size": len(one.data),
            "sha256": sha256,
        }
        add_unless_there(connection, EXHIBITS, row)


def exhibits(reading: Store | Connection, probe: str) -> list[Kept]:
    """The evidence of every try of a probe, by try and in the order in which it was handed in."""
    query = (
        select(
            EXHIBITS.c.contact_id.label("contact"), EXHIBITS.c.attempt, EXHIBITS.c.name, EXHIBITS.c.media_type,
            EXHIBITS.c.size, EXHIBITS.c.sha256, EXHIBIT_DATA.c.data,
        )
        .join_from(EXHIBITS, CONTACTS, EXHIBITS.c.contact_id == CONTACTS.c.id)
        .outerjoin(EXHIBIT_DATA, EXHIBITS.c.sha256 == EXHIBIT_DATA.c.sha256)
        .where(CONTACTS.c.probe_id == probe)
        .order_by(EXHIBITS.c.attempt, EXHIBITS.c.id)
    )  # fmt: skip
    with reading.read() if isinstance(reading, Store) else nullcontext(reading) as connection:
        return [
            Kept(**{**row, "data": None if row["data"] is None else zlib.decompress(row["data"])})
            for row in connection.execute(query).mappings()
        ]


def patterns(store: Store, channel: str, scope: str, *, before: str) -> frozenset[str]:
    """Patterns of receipts of earlier probes to a destination that were answered by a person or acknowledged, the
    reply tied to its probe by a strong key. `before` is the probe they are asked for: it teaches itself nothing."""
    query = (
        select(PROBES.c.id, RECEIPTS.c.pattern)
        .join_from(RECEIPTS, CONTACTS, RECEIPTS.c.contact_id == CONTACTS.c.id)
        .join(PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .where(PROBES.c.channel == channel, ENDPOINTS.c.scope == scope, PROBES.c.id != before)
        .where(RECEIPTS.c.pattern > "")
    )
    with store.read() as connection:
        ended = connection.execute(query).all()
    came = heard(store, [probe for probe, _ in ended]) if ended else {}
    return frozenset(
        pattern
        for probe, pattern in ended
        if any(one.kind in TEACHES and one.match.strong for one in came.get(probe, []))
    )
