"""What stands for a probe where names are off: a code that nobody outside can trace back to a business."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from monitor.store.engine import Store, add_unless_there
from monitor.store.tables import META

SALT = "salt"


def salt(store: Store) -> bytes:
    """The store's own secret, drawn once and never published.

    Without it the id of a probe, made from the study's seed and the business, could be guessed from a list of names.
    """
    with store.read() as connection:
        known = connection.scalar(select(META.c.value).where(META.c.key == SALT))
    if known is None:
        with store.write() as connection:
            add_unless_there(connection, META, {"key": SALT, "value": secrets.token_hex(16)})
            known = connection.scalars(select(META.c.value).where(META.c.key == SALT)).one()
    return bytes.fromhex(known)
