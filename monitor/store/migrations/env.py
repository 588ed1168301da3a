"""Run by Alembic: brings the schema of one open connection to the revision asked for.

The connection and its transaction belong to the caller (monitor.store.engine): a migration that breaks half-way
leaves nothing behind.
"""

from __future__ import annotations

from alembic import context

from monitor.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
