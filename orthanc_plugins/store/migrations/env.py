"""Alembic's entry: brings the tables of an open connection up to date."""

from __future__ import annotations

from alembic import context

from orthanc_plugins.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
