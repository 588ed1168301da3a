"""Numbers and the door: what a provider reports of a contact, who can read an arrival, our number of a probe.

Revision 0004. Frozen: says what the schema became, and imports no table of today.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("probes", sa.Column("number", sa.String()))
    op.add_column("arrivals", sa.Column("reader", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_receipts_provider_id", "receipts", ["provider_id"])
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String()),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("channel", "provider_id", "status", name="uq_reports_channel_provider_id_status"),
    )
