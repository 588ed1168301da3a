"""Evidence of handing over: what a receipt found, and exhibits in bytes.

Revision 0003. Frozen: says what the schema became, and imports no table of today.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("receipts") as table:
        table.add_column(sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("signs", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("pattern", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_receipts_pattern", "receipts", ["pattern"])
    op.create_table(
        "exhibit_data",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_exhibit_data"),
    )
    op.create_table(
        "exhibits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_exhibits_contact_id_contacts"),
        sa.ForeignKeyConstraint(["sha256"], ["exhibit_data.sha256"], name="fk_exhibits_sha256_exhibit_data"),
        sa.PrimaryKeyConstraint("id", name="pk_exhibits"),
        sa.UniqueConstraint("contact_id", "attempt", "name", name="uq_exhibits_contact_id_attempt_name"),
    )
    op.create_index("ix_exhibits_sha256", "exhibits", ["sha256"])
