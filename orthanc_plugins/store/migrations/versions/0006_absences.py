"""What is known of why something is gone from an archive; until now everything was taken for meant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("tombstones") as batch_op:
        batch_op.add_column(sa.Column("proven", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("held_at", TIME, nullable=True))
    op.execute("UPDATE tombstones SET kind = 'disappeared' WHERE noted_by = 'archive'")
    nothing = sa.text("UPDATE tombstones SET proven = :nothing").bindparams(
        sa.bindparam("nothing", b"", sa.LargeBinary())
    )
    op.execute(nothing)
    op.execute("UPDATE tombstones SET proven = keys WHERE kind <> 'disappeared'")
    with op.batch_alter_table("tombstones") as batch_op:
        batch_op.alter_column("proven", existing_type=sa.LargeBinary(), nullable=False)
    op.create_index("tombstones_kind", "tombstones", ["kind", "archive"])
    op.create_table(
        "orthanc_deletions",
        sa.Column("orthanc_id", CODE, nullable=False),
        sa.Column("deleted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("orthanc_id"),
    )
    op.create_index("orthanc_deletions_time", "orthanc_deletions", ["deleted_at"])


def downgrade() -> None:
    op.drop_table("orthanc_deletions")
    op.drop_index("tombstones_kind", "tombstones")
    with op.batch_alter_table("tombstones") as batch_op:
        batch_op.drop_column("held_at")
        batch_op.drop_column("proven")
