"""What has changed, told by one short token for each topic, so that a page asks again only for that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from orthanc_plugins.store.benchmarks_tables import BenchmarkRow
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.held_tables import DecisionRow
from orthanc_plugins.store.inventory_tables import (
    ArchivePositionRow,
    ContentCheckRow,
    InventoryEventRow,
    SyncRunRow,
)
from orthanc_plugins.store.models import Phase, StructureResult, Worker
from orthanc_plugins.store.releases_tables import ReleaseRow
from orthanc_plugins.store.repairs_records import RepairState
from orthanc_plugins.store.repairs_tables import RepairRow
from orthanc_plugins.store.transfers_tables import TransferRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine, Select

_NEWEST = 32
"""Rows looked at of each list: by their times alone, one that was written late would be passed over."""

_AT_WORK = (RepairState.PLANNING, RepairState.APPLYING, RepairState.UNDOING)


def _newest(by: Any, *columns: Any) -> Select[Any]:
    """Return the query for the newest rows; its order is that of an index."""
    return select(by, *columns).where(by.is_not(None)).order_by(by.desc()).limit(_NEWEST)


def _rows(*columns: Any) -> Select[Any]:
    """Return the query for a list that stays short."""
    return select(*columns)


_TOPICS: dict[str, tuple[Select[Any], ...]] = {
    "jobs": (_newest(Phase.started_at, Phase.job_id, Phase.ordinal, Phase.duration_s),),
    "transfers": (_newest(TransferRow.updated_at, TransferRow.transfer_id),),
    "inventory": (
        _newest(InventoryEventRow.number),
        _newest(SyncRunRow.started_at, SyncRunRow.run_id, SyncRunRow.state),
        _rows(
            ArchivePositionRow.archive,
            ArchivePositionRow.state,
            ArchivePositionRow.error,
            ArchivePositionRow.pass_number,
        ).order_by(ArchivePositionRow.archive),
    ),
    "comparisons": (
        _newest(ContentCheckRow.checked_at, ContentCheckRow.study_uid),
        _newest(RepairRow.made_at, RepairRow.repair_id, RepairRow.state, RepairRow.open_decisions),
        _newest(RepairRow.ended_at, RepairRow.repair_id, RepairRow.state),
        _rows(RepairRow.repair_id, RepairRow.state, RepairRow.done, RepairRow.failed)
        .where(RepairRow.state.in_(_AT_WORK))
        .order_by(RepairRow.state, RepairRow.made_at)
        .limit(_NEWEST),
    ),
    "results": (_newest(StructureResult.created_at, StructureResult.instance_orthanc_id),),
    "releases": (
        _newest(ReleaseRow.begun_at, ReleaseRow.release_id, ReleaseRow.state, ReleaseRow.looked_at),
        _newest(ReleaseRow.ended_at, ReleaseRow.release_id, ReleaseRow.state),
        _newest(DecisionRow.number, DecisionRow.revoked_at),
    ),
    "benchmarks": (
        _newest(
            BenchmarkRow.requested_at, BenchmarkRow.benchmark_id, BenchmarkRow.state, BenchmarkRow.progress
        ),
    ),
    "events": (_rows(Worker.name, Worker.started_at).order_by(Worker.name),),
}


class Pulse:
    """Tells whether something of a topic has changed since it was last asked.

    The newest rows of each topic are read, a few of them over an index, whatever the tables hold, and made
    into a digest; so each process tells the same. What becomes of older rows alone, such as results that are
    deleted long after they were made, changes no token.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @as_store_error
    def tokens(self) -> dict[str, str]:
        """Return a token for each topic; ``events`` changes with all of the others that make events."""
        with self._engine.connect() as connection:
            tokens = {
                topic: digest(row for query in queries for row in connection.execute(query))
                for topic, queries in _TOPICS.items()
            }
        return tokens | {"events": digest(sorted(tokens.items()))}


def digest(rows: Iterable[Any]) -> str:
    """Return a short digest of rows in their order."""
    told = hashlib.sha256()
    for row in rows:
        told.update(f"{tuple(row)!r}\n".encode())
    return told.hexdigest()[:16]
