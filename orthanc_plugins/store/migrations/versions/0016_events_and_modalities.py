"""Indices that hold what growth, modalities and the last events are told from."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "inventory_events_at",
        "inventory_events",
        ["at", "number", "archive", "kind", "instances_before", "instances_after"],
    )
    op.create_index(
        "inventory_studies_modalities",
        "inventory_studies",
        ["archive", "modalities", "series_count", "instance_count"],
    )


def downgrade() -> None:
    op.drop_index("inventory_studies_modalities", "inventory_studies")
    op.drop_index("inventory_events_at", "inventory_events")
