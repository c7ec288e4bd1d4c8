"""Studies that changed and of which it is not yet settled whether something is to be copied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "unsettled_studies",
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("study_uid"),
        sqlite_with_rowid=False,
    )
    op.create_index("unsettled_studies_since", "unsettled_studies", ["since", "study_uid"])


def downgrade() -> None:
    op.drop_table("unsettled_studies")
