"""What stands for a probe where names are off: a code that nobody outside can trace back to a business."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select

from monitor.store.engine import Store, add_unless_there
from monitor.store.tables import META

SALT = "salt"


def salt(store: Store) -> bytes:
    """The store's own secret, drawn once and never published.

    Without it the id of a probe, made from the study's seed and the business, could be guessed from a list of names.
    """
    with store.read() as connection:
        found = read_salt(connection)
    if found:
        return found
    with store.write() as connection:
        add_unless_there(connection, META, {"key": SALT, "value": secrets.token_hex(16)})
        return read_salt(connection)


def read_salt(connection: Connection) -> bytes:
    """salt() inside a transaction that is already open; empty where none was drawn yet."""
    return bytes.fromhex(connection.scalar(select(META.c.value).where(META.c.key == SALT)) or "")
