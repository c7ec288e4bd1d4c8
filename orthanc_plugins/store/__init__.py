"""The suite's memory, apart from the archives and from the durable jobs.

What it is for: positions in Orthanc's change log, what each job acts on, which images are awaited,
the phases of each job, where results are, which workers live. Identifiers and numbers only.

Public: ``Store`` and its records, ``create_store_engine``, ``migrate``. SQLAlchemy and Alembic live
in this room only.

Decisions
---------
2026-11: a table of its own for what jobs act on, because the durable engine cannot search its
    attributes on SQLite.
2026-11: SQLite with write-ahead logging by default, PostgreSQL when several machines share the work;
    one test suite runs on both.
"""

from orthanc_plugins.store.engine import create_store_engine
from orthanc_plugins.store.migration import migrate
from orthanc_plugins.store.repositories import (
    AwaitedImages,
    PhaseRecord,
    ResultRecord,
    Store,
    StructureSubject,
)

__all__ = [
    "AwaitedImages",
    "PhaseRecord",
    "ResultRecord",
    "Store",
    "StructureSubject",
    "create_store_engine",
    "migrate",
]
