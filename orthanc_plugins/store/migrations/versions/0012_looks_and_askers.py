"""Everyone who asked for a release, and what was found of it when somebody looked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "release_askers",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("begins", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("release_askers", schema=None) as batch_op:
        batch_op.create_index("release_askers_release", ["release_id", "number"], unique=False)
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("look_found", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.drop_column("look_found")
        batch_op.drop_column("looked_at")
    with op.batch_alter_table("release_askers", schema=None) as batch_op:
        batch_op.drop_index("release_askers_release")
    op.drop_table("release_askers")
