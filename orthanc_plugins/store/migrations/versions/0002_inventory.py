"""The inventory of both archives: what they hold, its history, tombstones, and comparisons of content."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "inventory_studies",
        sa.Column("archive", CODE, nullable=False),
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("contents_digest", CODE, nullable=False),
        sa.Column("attributes_digest", CODE, nullable=False),
        sa.Column("series_count", sa.BigInteger(), nullable=False),
        sa.Column("instance_count", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", CODE, nullable=False),
        sa.Column("patient_name", CODE, nullable=False),
        sa.Column("search_text", CODE, nullable=False),
        sa.Column("study_date", CODE, nullable=False),
        sa.Column("modalities", CODE, nullable=False),
        sa.Column("revision", CODE, nullable=False),
        sa.Column("archive_key", CODE, nullable=False),
        sa.Column("listed_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("archive", "study_uid"),
        sqlite_with_rowid=False,
    )
    op.create_index("inventory_studies_key", "inventory_studies", ["archive", "archive_key"])
    op.create_index("inventory_studies_date", "inventory_studies", ["archive", "study_date", "study_uid"])
    op.create_index("inventory_studies_patient", "inventory_studies", ["patient_id", "search_text"])
    op.create_table(
        "inventory_contents",
        sa.Column("archive", CODE, nullable=False),
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("archive", "study_uid"),
    )
    op.create_table(
        "inventory_dates",
        sa.Column("archive", CODE, nullable=False),
        sa.Column("study_date", CODE, nullable=False),
        sa.Column("studies", sa.BigInteger(), nullable=False),
        sa.Column("series", sa.BigInteger(), nullable=False),
        sa.Column("instances", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("archive", "study_date"),
    )
    op.create_table(
        "archive_positions",
        sa.Column("archive", CODE, nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.Column("full_pass_at", TIME, nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("extra_studies", sa.BigInteger(), nullable=False),
        sa.Column("extra_instances", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("archive"),
    )
    _history()
    op.create_table(
        "tombstones",
        sa.Column("archive", CODE, nullable=False),
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("noted_at", TIME, nullable=False),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.Column("lifted_at", TIME, nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("archive", "study_uid"),
    )
    op.create_table(
        "content_checks",
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        *(
            sa.Column(f"{side}_{name}", CODE, nullable=True)
            for side in ("left", "right")
            for name in ("revision", "contents", "attributes")
        ),
        sa.Column("depth", sa.String(), nullable=False),
        sa.Column("equal", sa.Boolean(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("comparison_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("study_uid"),
    )
    op.create_index("content_checks_checked", "content_checks", ["checked_at"])


def _history() -> None:
    op.create_table(
        "inventory_events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("archive", CODE, nullable=False),
        sa.Column("study_uid", CODE, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("instances_before", sa.BigInteger(), nullable=False),
        sa.Column("instances_after", sa.BigInteger(), nullable=False),
        sa.Column("run_id", CODE, nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("inventory_events_study", "inventory_events", ["study_uid", "archive", "number"])
    op.create_index("inventory_events_run", "inventory_events", ["run_id", "number"])
    op.create_table(
        "sync_runs",
        sa.Column("run_id", CODE, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("differing", sa.BigInteger(), nullable=True),
        sa.Column("transfers_asked", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("sync_runs_started", "sync_runs", ["started_at"])
    op.create_table(
        "sync_run_archives",
        sa.Column("run_id", CODE, nullable=False),
        sa.Column("archive", CODE, nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("appeared", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("disappeared", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "archive"),
    )


def downgrade() -> None:
    for table in (
        "content_checks",
        "tombstones",
        "sync_run_archives",
        "sync_runs",
        "inventory_events",
        "archive_positions",
        "inventory_dates",
        "inventory_contents",
        "inventory_studies",
    ):
        op.drop_table(table)
