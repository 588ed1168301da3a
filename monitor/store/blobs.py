"""The bytes of arrivals as they are stored: compressed, and large ones written and read piece by piece.

SQLite and its driver copy a value that is bound or fetched, and a cached statement keeps what was bound to it: for a
mail of 30 MB that is several times its size. By SQLite's incremental I/O a large value is never whole in them.
"""

from __future__ import annotations

import io
import sqlite3
import zlib
from collections.abc import Mapping

from sqlalchemy import Connection, Integer, func, literal_column, select, update

from monitor.store.engine import add_missing
from monitor.store.tables import RAW

COMPRESSION = 1
"""zlib level: mail is half base64, which higher levels shrink by little and slow down by much."""

PIECE_BYTES = 1024 * 1024
"""What is larger goes by pieces of this."""


def compressed(raw: bytes) -> bytes:
    """As it is stored. Piece by piece: zlib.compress() would hold a large result twice."""
    if len(raw) <= PIECE_BYTES:
        return zlib.compress(raw, COMPRESSION)
    made, work, view = io.BytesIO(), zlib.compressobj(COMPRESSION), memoryview(raw)
    for start in range(0, len(raw), PIECE_BYTES):
        made.write(work.compress(view[start : start + PIECE_BYTES]))
    made.write(work.flush())
    return made.getvalue()


def put(connection: Connection, data: Mapping[str, bytes], sizes: Mapping[str, int]) -> None:
    """Store compressed bytes by their sha256 (`sizes`: of the bytes before), unless they are there."""
    small = {digest: one for digest, one in data.items() if len(one) <= PIECE_BYTES}
    add_missing(connection, RAW, [{"sha256": d, "size": sizes[d], "data": one} for d, one in small.items()])
    large = [digest for digest in data if digest not in small]
    for digest in large:
        if connection.scalar(select(func.count()).select_from(RAW).where(RAW.c.sha256 == digest)):
            continue
        add_missing(connection, RAW, [{"sha256": digest, "size": sizes[digest], "data": b""}])
        where = RAW.c.sha256 == digest
        connection.execute(update(RAW).where(where).values(data=func.zeroblob(len(data[digest]))))
        with _blob(connection, digest, readonly=False) as blob:
            view = memoryview(data[digest])
            for start in range(0, len(view), PIECE_BYTES):
                blob.write(view[start : start + PIECE_BYTES])


def get(connection: Connection, digest: str) -> bytes:
    """The bytes with this sha256, as they came. Raises LookupError where there are none."""
    stored = connection.scalar(select(func.length(RAW.c.data)).where(RAW.c.sha256 == digest))
    if stored is None:
        raise LookupError(f"no bytes with the sha256 {digest}")
    if stored <= PIECE_BYTES:
        return zlib.decompress(connection.scalars(select(RAW.c.data).where(RAW.c.sha256 == digest)).one())
    made, work = io.BytesIO(), zlib.decompressobj()
    with _blob(connection, digest, readonly=True) as blob:
        while piece := blob.read(PIECE_BYTES):
            made.write(work.decompress(piece))
    made.write(work.flush())
    return made.getvalue()


def _blob(connection: Connection, digest: str, *, readonly: bool) -> sqlite3.Blob:
    query = select(literal_column("rowid", Integer)).select_from(RAW).where(RAW.c.sha256 == digest)
    row = connection.scalars(query).one()
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver.blobopen(RAW.name, RAW.c.data.name, row, readonly=readonly)
