"""Transfers between archives, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "transfer_instances",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sends", sa.BigInteger(), nullable=False),
        sa.Column("failure_reason", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "sop_instance_uid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "transfers",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("verify", sa.String(), nullable=False),
        sa.Column("storage_commitment", sa.Boolean(), nullable=False),
        sa.Column("window", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in (
                "wanted",
                "already_there",
                "sent",
                "accepted",
                "verified",
                "failed",
                "bytes_sent",
                "attempts",
            )
        ),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error_name", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.create_index("transfers_study", ["study_uid", "requested_at"], unique=False)
        batch_op.create_index("transfers_state", ["state", "requested_at"], unique=False)
        batch_op.create_index("transfers_cause", ["cause", "requested_at"], unique=False)
        batch_op.create_index("transfers_requested", ["requested_at"], unique=False)
        batch_op.create_index("transfers_due", ["not_before"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.drop_index("transfers_due")
        batch_op.drop_index("transfers_requested")
        batch_op.drop_index("transfers_cause")
        batch_op.drop_index("transfers_state")
        batch_op.drop_index("transfers_study")
    op.drop_table("transfers")
    op.drop_table("transfer_instances")
    op.drop_table("leases")
