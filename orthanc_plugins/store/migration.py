"""Brings the store's tables up to date; run by the worker before anything else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from orthanc_plugins.errors import StoreError

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
    """Bring the tables up to date. Several workers may call this at once.

    Raises
    ------
    StoreError
        The database does not answer or does not let the tables be made. The text names the database,
        never its password.
    """
    try:
        _upgrade(engine)
    except SQLAlchemyError as error:
        raise StoreError(
            f"The database {_place(engine)} could not be brought up to date: {_reason(engine, error)}. "
            "Check that it runs and that DatabaseUrl names it, its user and password rightly."
        ) from error


def _upgrade(engine: Engine) -> None:
    configuration = alembic_configuration()
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.commit()


def _place(engine: Engine) -> str:
    url = engine.url
    return f"{url.host}:{url.port or 5432}/{url.database}" if url.host else str(url.database)


def _reason(engine: Engine, error: SQLAlchemyError) -> str:
    """Return what the database itself says, in one line and without the password."""
    said = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0].strip()
    password = engine.url.password
    return said.replace(password, "***") if password else said
