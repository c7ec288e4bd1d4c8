"""The tables of the suite's memory: how they are made and brought up to date, by many at once as well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import bindparam, inspect, text

from orthanc_plugins.store import Absence, Store, create_store_engine, migrate, models
from orthanc_plugins.store.migration import alembic_configuration
from tests.contract.threads import at_once

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_migrations_make_the_tables_of_the_models(database: str) -> None:
    engine = create_store_engine(database)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []
    engine.dispose()


def test_what_an_older_suite_took_for_rejected_is_told_as_not_known(database: str) -> None:
    engine = create_store_engine(database)
    configuration = alembic_configuration()
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0005")
        for archive, by in (("dcm4chee", "archive"), ("orthanc", "Jo")):
            values = {"archive": archive, "by": by, "at": NOW, "keys": b"12345678", "whole": False}
            connection.execute(
                text(
                    "INSERT INTO tombstones VALUES (:archive, '1.2', :whole, :keys, 'rejected', :at, :by, "
                    "NULL, '')"
                ).bindparams(bindparam("at", type_=models.UtcDateTime())),
                values,
            )
    migrate(engine)
    store = Store(engine)
    told = {one.archive: (one.told, one.held_at) for one in store.inventory.tombstones().entries}
    assert told == {"dcm4chee": (Absence.DISAPPEARED, None), "orthanc": (Absence.REJECTED, None)}
    store.close()


def test_migrating_again_changes_nothing(database: str) -> None:
    engine = create_store_engine(database)
    migrate(engine)
    store = Store(engine)
    store.advance("log", 5)
    migrate(engine)
    assert store.position("log") == 5
    store.close()


def test_workers_that_migrate_at_the_same_time_do_not_meet(database: str) -> None:
    engines = [create_store_engine(database) for _ in range(6)]
    assert at_once(*(lambda engine=engine: migrate(engine) for engine in engines)) == []
    assert "structure_results" in inspect(engines[0]).get_table_names()
    for engine in engines:
        engine.dispose()


def test_many_open_a_new_sqlite_file_at_the_same_time(tmp_path: Path) -> None:
    def opened(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS x (y)")
            connection.commit()

    for number in range(60):  # one in ten was refused
        engines = [create_store_engine(f"sqlite:///{tmp_path}/{number}.sqlite") for _ in range(12)]
        assert at_once(*(lambda engine=engine: opened(engine) for engine in engines)) == []
        for engine in engines:
            engine.dispose()


def test_a_sqlite_file_is_read_while_it_is_written(tmp_path: Path) -> None:
    engine = create_store_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
