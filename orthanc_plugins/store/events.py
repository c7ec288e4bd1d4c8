"""What happened last, across the suite, newest first: gathered from the tables that know of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - told by the records at run time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from orthanc_plugins.store.benchmarks_tables import BenchmarkRow
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_tables import ContentCheckRow, InventoryEventRow
from orthanc_plugins.store.models import StructureResult, Worker
from orthanc_plugins.store.releases_tables import ReleaseRow
from orthanc_plugins.store.repairs_tables import RepairRow
from orthanc_plugins.store.transfers_tables import TransferRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine, Select


@dataclass(frozen=True)
class SuiteEvent:
    """Something that happened.

    ``source`` is the list it stands in, ``key`` what it is called there, ``outcome`` what became of it, a
    word of that list. A release names no study: which one it was made of is nobody's to see.
    """

    at: datetime
    source: str
    key: str
    outcome: str
    study_uid: str | None
    job_id: str | None
    values: Mapping[str, str | int]


@dataclass(frozen=True)
class _Source:
    """A list that events stand in: by which column in time, and by which where times are the same."""

    at: Any
    key: Any
    outcome: Any
    study: Any = None
    job: Any = None
    values: tuple[Any, ...] = ()


_SOURCES = {
    "benchmark": _Source(
        BenchmarkRow.ended_at, BenchmarkRow.benchmark_id, BenchmarkRow.state, job=BenchmarkRow.job_id
    ),
    "comparison": _Source(
        ContentCheckRow.checked_at,
        ContentCheckRow.study_uid,
        ContentCheckRow.equal,
        study=ContentCheckRow.study_uid,
    ),
    "inventory": _Source(
        InventoryEventRow.at,
        InventoryEventRow.number,
        InventoryEventRow.kind,
        study=InventoryEventRow.study_uid,
        values=(
            InventoryEventRow.archive,
            InventoryEventRow.instances_before,
            InventoryEventRow.instances_after,
        ),
    ),
    "release": _Source(
        ReleaseRow.ended_at,
        ReleaseRow.release_id,
        ReleaseRow.state,
        values=(ReleaseRow.project, ReleaseRow.instances),
    ),
    "repair": _Source(
        RepairRow.ended_at,
        RepairRow.repair_id,
        RepairRow.state,
        study=RepairRow.study_uid,
        job=RepairRow.job_id,
        values=(RepairRow.done, RepairRow.failed),
    ),
    "results": _Source(
        StructureResult.created_at,
        StructureResult.instance_orthanc_id,
        StructureResult.regions_with_problems,
        study=StructureResult.study_uid,
        job=StructureResult.job_id,
        values=(
            StructureResult.regions,
            StructureResult.regions_with_problems,
            StructureResult.series_uid,
            StructureResult.sop_instance_uid,
        ),
    ),
    "transfer": _Source(
        TransferRow.ended_at,
        TransferRow.transfer_id,
        TransferRow.state,
        study=TransferRow.study_uid,
        job=TransferRow.job_id,
        values=(TransferRow.source, TransferRow.destination, TransferRow.wanted, TransferRow.verified),
    ),
    "worker": _Source(Worker.started_at, Worker.name, Worker.process_id),
}

EVENT_SOURCES = frozenset(_SOURCES)
"""Lists that events stand in."""


@dataclass(frozen=True)
class EventPlace:
    """Where a page of events ended, so that the next goes on after it, whatever has happened meanwhile."""

    at: datetime
    source: str
    key: str


class Events:
    """The last events of the whole suite.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @as_store_error
    def newest(self, limit: int, after: EventPlace | None = None) -> list[SuiteEvent]:
        """Return the newest events in their order, those that come after a place in it."""
        found: list[SuiteEvent] = []
        with self._engine.connect() as connection:
            for name, source in _SOURCES.items():
                rows = connection.execute(_query(name, source, after).limit(limit))
                found += [_event(name, source, row) for row in rows]
        # The order within a list is the database's own, which the sort keeps.
        found.sort(key=lambda one: (one.at, one.source), reverse=True)
        return found[:limit]


def _query(name: str, source: _Source, after: EventPlace | None) -> Select[Any]:
    known = [column for column in (source.study, source.job) if column is not None]
    columns = (source.at, source.key, source.outcome, *known, *source.values)
    labelled = [column.label(f"c{number}") for number, column in enumerate(columns)]
    query = select(*labelled).where(source.at.is_not(None))
    if after is not None:
        query = query.where(source.at <= after.at)
        if name == after.source:
            key = int(after.key) if name == "inventory" else after.key
            query = query.where(or_(source.at < after.at, and_(source.at == after.at, source.key < key)))
        elif name > after.source:
            query = query.where(source.at < after.at)
    return query.order_by(source.at.desc(), source.key.desc())


def _event(name: str, source: _Source, row: Any) -> SuiteEvent:
    told = list(row)
    at, key, outcome = told[:3]
    rest = told[3:]
    study = None if source.study is None else rest.pop(0)
    job = None if source.job is None else rest.pop(0)
    values = dict(zip((column.key for column in source.values), rest, strict=True))
    return SuiteEvent(at, name, str(key), _word(name, outcome), study, job, values)


def _word(name: str, outcome: Any) -> str:
    """Return what became of it in a word; some lists tell it by a number."""
    match name:
        case "worker":
            return "started"
        case "results":
            return "with_problems" if outcome else "made"
        case "comparison":
            return "equal" if outcome else "differs"
        case _:
            return str(outcome)
