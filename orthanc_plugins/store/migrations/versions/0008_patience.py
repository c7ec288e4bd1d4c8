"""For how long a transfer has been tried in vain, and how often it was asked for again by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("transfers") as batch_op:
        batch_op.add_column(sa.Column("failed_at", TIME, nullable=True))
        batch_op.add_column(sa.Column("failing_s", sa.Double(), nullable=False, server_default=sa.text("0")))
        batch_op.add_column(sa.Column("not_taken_s", sa.Double(), nullable=True))
        batch_op.add_column(
            sa.Column("retries", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
        )


def downgrade() -> None:
    with op.batch_alter_table("transfers") as batch_op:
        for name in ("retries", "not_taken_s", "failing_s", "failed_at"):
            batch_op.drop_column(name)
