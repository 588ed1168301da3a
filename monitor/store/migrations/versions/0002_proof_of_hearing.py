"""Proof that we are heard and that we hear: receipts say more, canaries, attestations, what was forgotten.

Revision 0002. Frozen: says what the schema became, and imports no table of today.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("receipts") as table:
        table.add_column(sa.Column("host", sa.String()))
        table.add_column(sa.Column("tls", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("reports_asked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("raw", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.add_column("arrivals", sa.Column("attested_at", sa.DateTime(timezone=True)))
    op.add_column("verdicts", sa.Column("delivered", sa.Boolean()))
    op.add_column("gaps", sa.Column("found_by", sa.String(), nullable=False, server_default="line"))

    # Nothing wrote canaries before, and outcomes are a cache: both are made anew.
    op.drop_table("canaries")
    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("proves", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrival_id", sa.Integer()),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.Column("junk", sa.Boolean(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_canaries_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_canaries"),
        sa.UniqueConstraint("message_id", name="uq_canaries_message_id"),
    )
    op.create_index("ix_canaries_address", "canaries", ["address"])
    op.create_index("ix_canaries_channel_sent_at", "canaries", ["channel", "sent_at"])

    op.create_table(
        "attestations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_attestations_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_attestations"),
    )
    op.create_index("ix_attestations_arrival_id", "attestations", ["arrival_id"])

    op.create_table(
        "tombstones",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("erased", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_digest", "tombstones", ["digest"])

    op.drop_table("outcomes")
    op.create_table(
        "outcomes",
        sa.Column("probe", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("group", sa.String()),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("scenario", sa.String()),
        sa.Column("intent", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("persona", sa.String()),
        sa.Column("pair", sa.String()),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("accepted_by", sa.String()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("first_reply_at", sa.BigInteger()),
        sa.Column("first_ack_at", sa.BigInteger()),
        sa.Column("first_bot_at", sa.BigInteger()),
        sa.Column("first_auto_at", sa.BigInteger()),
        sa.Column("first_unclear_at", sa.BigInteger()),
        sa.Column("first_human_at", sa.BigInteger()),
        sa.Column("first_human_kind", sa.String()),
        sa.Column("bounced_at", sa.BigInteger()),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("bounce_hard", sa.Boolean()),
        sa.Column("mailbox_full", sa.Boolean()),
        sa.Column("delayed_at", sa.BigInteger()),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("delivered_junk", sa.Boolean()),
        sa.Column("observed_until", sa.BigInteger()),
        sa.Column("gap_from", sa.BigInteger()),
        sa.Column("promised_at", sa.BigInteger()),
        sa.Column("promise_due_at", sa.BigInteger()),
        sa.Column("noreply", sa.Boolean()),
        sa.Column("junk", sa.Boolean()),
        sa.Column("by_hand", sa.Boolean()),
        sa.Column("questions_asked", sa.Integer(), nullable=False),
        sa.Column("questions_answered", sa.Integer()),
        sa.PrimaryKeyConstraint("probe", "role", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_study", "outcomes", ["study"])
