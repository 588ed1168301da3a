"""The first schema.

Revision 0001. Frozen: says what the schema was, and imports no table of today.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "businesses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sector", sa.String()),
        sa.Column("country", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("group", sa.String()),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("basis_proof", sa.String()),
        sa.Column("own_domains", sa.JSON(), nullable=False),
        sa.Column("partner_domains", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_businesses"),
        sa.UniqueConstraint("code", name="uq_businesses_code"),
        sa.UniqueConstraint("key", name="uq_businesses_key"),
    )
    op.create_index("ix_businesses_group", "businesses", ["group"])

    op.create_table(
        "cursors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("heard_from", sa.DateTime(timezone=True)),
        sa.Column("heard_until", sa.DateTime(timezone=True)),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cursors"),
        sa.UniqueConstraint("channel", "mailbox", "place", name="uq_cursors_channel_mailbox_place"),
    )
    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
    )
    op.create_index("ix_gaps_channel_closed_at", "gaps", ["channel", "closed_at"])

    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
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
        sa.Column("mailbox_full", sa.Boolean()),
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

    op.create_table(
        "raw",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_raw"),
    )
    op.create_table(
        "study_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study_versions"),
        sa.UniqueConstraint("study", "sha256", name="uq_study_versions_study_sha256"),
        sa.UniqueConstraint("study", "version", name="uq_study_versions_study_version"),
    )
    op.create_table(
        "arrivals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["raw.sha256"], name="fk_arrivals_sha256_raw"),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint("channel", "mailbox", "provider_id", name="uq_arrivals_channel_mailbox_provider_id"),
        sa.UniqueConstraint("channel", "mailbox", "sha256", name="uq_arrivals_channel_mailbox_sha256"),
    )
    op.create_index("ix_arrivals_at", "arrivals", ["at"])
    op.create_index("ix_arrivals_sha256", "arrivals", ["sha256"])
    op.create_index("ix_arrivals_understood_channel_at", "arrivals", ["understood", "channel", "at"])

    op.create_table(
        "business_domains",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name="fk_business_domains_business_id_businesses"),
        sa.PrimaryKeyConstraint("domain", "business_id", name="pk_business_domains"),
    )
    op.create_index("ix_business_domains_business_id", "business_domains", ["business_id"])

    op.create_table(
        "endpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name="fk_endpoints_business_id_businesses"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
        sa.UniqueConstraint("business_id", "channel", "address", name="uq_endpoints_business_id_channel_address"),
    )
    op.create_index("ix_endpoints_address", "endpoints", ["address"])

    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrival_id", sa.Integer()),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_canaries_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_canaries"),
        sa.UniqueConstraint("address", name="uq_canaries_address"),
    )
    op.create_table(
        "probes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("persona", sa.String(), nullable=False),
        sa.Column("pair", sa.String()),
        sa.Column("reply_address", sa.String()),
        sa.Column("sender_name", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("suppressed_reason", sa.String()),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name="fk_probes_business_id_businesses"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_probes_endpoint_id_endpoints"),
        sa.ForeignKeyConstraint(["version_id"], ["study_versions.id"], name="fk_probes_version_id_study_versions"),
        sa.PrimaryKeyConstraint("id", name="pk_probes"),
        sa.UniqueConstraint("reply_address", name="uq_probes_reply_address"),
        sa.UniqueConstraint("study", "endpoint_id", "slot", name="uq_probes_study_endpoint_id_slot"),
    )
    op.create_index("ix_probes_business_id", "probes", ["business_id"])
    op.create_index("ix_probes_endpoint_id", "probes", ["endpoint_id"])

    op.create_table(
        "sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("junk", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_sightings_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
        sa.UniqueConstraint("arrival_id", "place", "position", name="uq_sightings_arrival_id_place_position"),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("arrival_id", sa.Integer()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_suppressions_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
        sa.UniqueConstraint("what", "value", name="uq_suppressions_what_value"),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("automated", sa.Boolean()),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("language", sa.String()),
        sa.Column("new_text", sa.Text(), nullable=False),
        sa.Column("noreply_sender", sa.Boolean(), nullable=False),
        sa.Column("promise", sa.JSON()),
        sa.Column("bounced_recipient", sa.String()),
        sa.Column("original_message_id", sa.String()),
        sa.Column("status", sa.String()),
        sa.Column("hard", sa.Boolean()),
        sa.Column("questions_answered", sa.JSON(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_verdicts_arrival_id_arrivals"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_arrival_id", "verdicts", ["arrival_id"])

    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("probe_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_contacts_probe_id_probes"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("message_id", name="uq_contacts_message_id"),
        sa.UniqueConstraint("probe_id", "kind", name="uq_contacts_probe_id_kind"),
    )
    op.create_index("ix_contacts_started_at", "contacts", ["started_at"])
    op.create_index("ix_contacts_state_due", "contacts", ["state", "due"])

    op.create_table(
        "matches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("probe_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("strong", sa.Boolean(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_matches_arrival_id_arrivals"),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_matches_probe_id_probes"),
        sa.PrimaryKeyConstraint("id", name="pk_matches"),
        sa.UniqueConstraint("arrival_id", "probe_id", name="uq_matches_arrival_id_probe_id"),
    )
    op.create_index("ix_matches_probe_id", "matches", ["probe_id"])

    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("probe_id", sa.String()),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrivals.id"], name="fk_reviews_arrival_id_arrivals"),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_reviews_probe_id_probes"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_arrival_id", "reviews", ["arrival_id"])
    op.create_index("ix_reviews_probe_id", "reviews", ["probe_id"])

    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.String()),
        sa.Column("provider_id", sa.String()),
        sa.Column("code", sa.String()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("transcript", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_receipts_contact_id_contacts"),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sa.UniqueConstraint("contact_id", "attempt", name="uq_receipts_contact_id_attempt"),
    )


def downgrade() -> None:
    raise NotImplementedError("a store is never taken back to an older schema: use a copy made before")
