"""Repairs: their actions, what people decided, and what was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "repairs",
        sa.Column("repair_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("planned_at", TIME, nullable=True),
        sa.Column("applied_at", TIME, nullable=True),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("actions", "changes_instances", "changes_bytes", "done", "failed", "open_decisions")
        ),
        sa.Column("error_name", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("repair_id"),
    )
    op.create_index("repairs_study", "repairs", ["study_uid", "made_at"])
    op.create_index("repairs_state", "repairs", ["state", "made_at"])
    op.create_index("repairs_made", "repairs", ["made_at"])
    op.create_table(
        "repair_actions",
        sa.Column("repair_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("archive", sa.String(), nullable=True),
        sa.Column("series_uid", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("instances", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("keep", sa.String(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repair_id", "ordinal"),
    )
    op.create_index("repair_actions_state", "repair_actions", ["state", "repair_id"])
    op.create_table(
        "repair_changes",
        sa.Column("repair_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in (
                "operation",
                "effect",
                "archive",
                "series_uid",
                "sop_instance_uid",
                "former",
                "later",
                "state",
            )
        ),
        sa.Column("noted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("repair_id", "number"),
    )
    op.create_index("repair_changes_operation", "repair_changes", ["repair_id", "operation"], unique=True)


def downgrade() -> None:
    op.drop_table("repair_changes")
    op.drop_table("repair_actions")
    op.drop_table("repairs")
