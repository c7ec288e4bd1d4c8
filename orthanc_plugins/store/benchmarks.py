"""What is remembered of benchmarks of both archives."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.identifiers import JobId
from orthanc_plugins.store.benchmarks_records import (
    BenchmarkOutcome,
    BenchmarkRecord,
    BenchmarkRequest,
    BenchmarkState,
)
from orthanc_plugins.store.benchmarks_tables import BenchmarkRow
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_records import Page

if TYPE_CHECKING:
    from sqlalchemy import Engine

_UNDER_WAY = (BenchmarkState.QUEUED.value, BenchmarkState.RUNNING.value)


class Benchmarks:
    """What is remembered of benchmarks.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine)

    @as_store_error
    def request(self, request: BenchmarkRequest) -> None:
        """Remember that a benchmark is asked for."""
        row = BenchmarkRow(
            benchmark_id=request.benchmark_id,
            job_id=request.job_id,
            state=BenchmarkState.QUEUED.value,
            scale=request.scale,
            rounds=request.rounds,
            seed=request.seed,
            questions=",".join(request.questions),
            meant=request.meant,
            requested_at=datetime.now(UTC),
            orthanc_version="",
            dcm4chee_version="",
            folder="",
            findings="[]",
            progress="",
        )
        with self._sessions.begin() as session:
            session.add(row)

    @as_store_error
    def begin(self, benchmark_id: str) -> BenchmarkRecord | None:
        """Remember that a benchmark runs from now on, and return it; None when there is none of this name."""
        self._change(benchmark_id, state=BenchmarkState.RUNNING.value, started_at=datetime.now(UTC))
        return self.find(benchmark_id)

    @as_store_error
    def tell(self, benchmark_id: str, progress: str) -> None:
        """Remember what a benchmark is at."""
        self._change(benchmark_id, progress=progress)

    @as_store_error
    def end(
        self,
        benchmark_id: str,
        state: BenchmarkState,
        *,
        outcome: BenchmarkOutcome | None = None,
        error: tuple[str, str] | None = None,
    ) -> None:
        """Remember how a benchmark ended, what it has given, and why it did not end well."""
        values: dict[str, Any] = {"state": state.value, "ended_at": datetime.now(UTC), "progress": ""}
        if outcome is not None:
            values |= asdict(outcome) | {"findings": json.dumps(list(outcome.findings))}
        if error is not None:
            values |= {"error_name": error[0], "error_message": error[1]}
        self._change(benchmark_id, **values)

    @as_store_error
    def find(self, benchmark_id: str) -> BenchmarkRecord | None:
        """Return a benchmark, None when there is none of this name."""
        with self._sessions() as session:
            row = session.get(BenchmarkRow, benchmark_id)
            return None if row is None else _record(row)

    @as_store_error
    def under_way(self) -> list[BenchmarkRecord]:
        """Return the benchmarks that have not ended as far as is remembered, the oldest first."""
        query = select(BenchmarkRow).where(BenchmarkRow.state.in_(_UNDER_WAY))
        with self._sessions() as session:
            return [_record(row) for row in session.scalars(query.order_by(BenchmarkRow.requested_at))]

    @as_store_error
    def page(self, limit: int, offset: int) -> Page[BenchmarkRecord]:
        """Return benchmarks, those asked for last first."""
        newest = select(BenchmarkRow).order_by(
            BenchmarkRow.requested_at.desc(), BenchmarkRow.benchmark_id.desc()
        )
        with self._sessions() as session:
            rows = session.scalars(newest.limit(limit).offset(offset))
            total = session.scalar(select(func.count()).select_from(BenchmarkRow)) or 0
            return Page(tuple(_record(row) for row in rows), total)

    def _change(self, benchmark_id: str, **values: Any) -> None:
        with self._sessions.begin() as session:
            session.execute(
                update(BenchmarkRow).where(BenchmarkRow.benchmark_id == benchmark_id).values(**values)
            )


def _record(row: BenchmarkRow) -> BenchmarkRecord:
    request = BenchmarkRequest(
        benchmark_id=row.benchmark_id,
        job_id=JobId(row.job_id),
        scale=row.scale,
        rounds=row.rounds,
        seed=row.seed,
        questions=tuple(row.questions.split(",")),
        meant=row.meant,
    )
    return BenchmarkRecord(
        request=request,
        state=BenchmarkState(row.state),
        requested_at=row.requested_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=_outcome(row),
        progress=row.progress,
        error_name=row.error_name,
        error_message=row.error_message,
    )


def _outcome(row: BenchmarkRow) -> BenchmarkOutcome | None:
    if not row.folder:
        return None
    return BenchmarkOutcome(
        orthanc_version=row.orthanc_version,
        dcm4chee_version=row.dcm4chee_version,
        dcm4chee_stand_in=bool(row.dcm4chee_stand_in),
        folder=row.folder,
        findings=json.loads(row.findings),
    )
