"""What readers noted: objects looked at, and their values, segments and regions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from orthanc_plugins.store.models import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "annotated_objects",
        sa.Column("orthanc_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("series_uid", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("orthanc_id"),
    )
    op.create_index("annotated_objects_study", "annotated_objects", ["study_uid"])
    op.create_table(
        "annotations",
        sa.Column("orthanc_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("orthanc_id", "number"),
    )
    op.create_index("annotations_made", "annotations", ["made_at"])


def downgrade() -> None:
    op.drop_index("annotations_made", "annotations")
    op.drop_table("annotations")
    op.drop_index("annotated_objects_study", "annotated_objects")
    op.drop_table("annotated_objects")
