"""Brings the store's tables up to date; run by the worker before anything else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7224651  # any number; the same for every worker that shares a PostgreSQL


def alembic_configuration() -> Config:
    """Return Alembic's configuration of the store."""
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return configuration


def migrate(engine: Engine) -> None:
    """Bring the tables up to date. Several workers may call this at once."""
    configuration = alembic_configuration()
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.commit()
