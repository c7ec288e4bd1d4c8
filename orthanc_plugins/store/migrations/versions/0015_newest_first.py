"""Indices over the times by which the newest of each list is asked for."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDICES = {
    "job_phases_started": ("job_phases", "started_at"),
    "structure_results_created": ("structure_results", "created_at"),
    "transfers_updated": ("transfers", "updated_at"),
    "transfers_ended": ("transfers", "ended_at"),
    "repairs_ended": ("repairs", "ended_at"),
    "releases_ended": ("releases", "ended_at"),
    "benchmarks_ended": ("benchmarks", "ended_at"),
}


def upgrade() -> None:
    for name, (table, column) in _INDICES.items():
        op.create_index(name, table, [column])


def downgrade() -> None:
    for name, (table, _) in _INDICES.items():
        op.drop_index(name, table)
