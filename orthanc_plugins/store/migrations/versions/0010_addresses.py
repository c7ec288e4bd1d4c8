"""At which address an archive is that the inventory is of, and at which it was before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("archive_positions") as batch_op:
        for name in ("address", "former_address"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("archive_positions") as batch_op:
        for name in ("former_address", "address"):
            batch_op.drop_column(name)
