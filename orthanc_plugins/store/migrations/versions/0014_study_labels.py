"""Labels that the suite has put on studies in Orthanc."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "study_labels",
        sa.Column("orthanc_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("orthanc_id", "label"),
    )
    op.create_index("study_labels_study", "study_labels", ["study_uid"])


def downgrade() -> None:
    op.drop_index("study_labels_study", "study_labels")
    op.drop_table("study_labels")
