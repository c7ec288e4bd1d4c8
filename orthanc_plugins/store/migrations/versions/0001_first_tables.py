"""The first tables: positions, subjects of jobs, awaited images, phases, results, workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "awaited_images",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("image_series_uid", sa.String(), nullable=True),
        sa.Column("images_present", sa.BigInteger(), nullable=False),
        sa.Column("images_missing", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
    )
    with op.batch_alter_table("awaited_images", schema=None) as batch_op:
        batch_op.create_index("awaited_images_series", ["image_series_uid"], unique=False)
        batch_op.create_index("awaited_images_study", ["study_uid"], unique=False)

    op.create_table(
        "job_phases",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "ordinal"),
    )
    op.create_table(
        "job_subjects",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("series_uid", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("instance_orthanc_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
    )
    with op.batch_alter_table("job_subjects", schema=None) as batch_op:
        batch_op.create_index("job_subjects_instance", ["instance_orthanc_id"], unique=False)
        batch_op.create_index("job_subjects_study", ["study_uid"], unique=False)

    op.create_table(
        "positions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "structure_results",
        sa.Column("instance_orthanc_id", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("series_uid", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("regions", sa.BigInteger(), nullable=False),
        sa.Column("regions_with_problems", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instance_orthanc_id"),
    )
    with op.batch_alter_table("structure_results", schema=None) as batch_op:
        batch_op.create_index("structure_results_job", ["job_id"], unique=False)
        batch_op.create_index("structure_results_series", ["series_uid"], unique=False)
        batch_op.create_index("structure_results_study", ["study_uid"], unique=False)

    op.create_table(
        "workers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("process_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("workers")
    with op.batch_alter_table("structure_results", schema=None) as batch_op:
        batch_op.drop_index("structure_results_study")
        batch_op.drop_index("structure_results_series")
        batch_op.drop_index("structure_results_job")

    op.drop_table("structure_results")
    op.drop_table("positions")
    with op.batch_alter_table("job_subjects", schema=None) as batch_op:
        batch_op.drop_index("job_subjects_study")
        batch_op.drop_index("job_subjects_instance")

    op.drop_table("job_subjects")
    op.drop_table("job_phases")
    with op.batch_alter_table("awaited_images", schema=None) as batch_op:
        batch_op.drop_index("awaited_images_study")
        batch_op.drop_index("awaited_images_series")

    op.drop_table("awaited_images")
