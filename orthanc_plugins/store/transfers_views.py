"""Looking at transfers: those of a study, a state, a cause; their instances; how much has gone where."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.transfers_records import (
    InstanceState,
    TransferRecord,
    TransferredInstance,
    TransferState,
    TransferTotals,
    WaitsFor,
)
from orthanc_plugins.store.transfers_settled import is_settled
from orthanc_plugins.store.transfers_tables import TransferInstanceRow, TransferRow

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

_COLUMNS = tuple(field.name for field in fields(TransferRecord))

_UNDER_WAY = [state.value for state in TransferState if not state.ended]

ARRIVED = (InstanceState.ACCEPTED.value, InstanceState.VERIFIED.value)
"""States of instances that are in the destination."""


@dataclass(frozen=True)
class TransferFilter:
    """Which transfers are looked for; None is no condition.

    A ``cause`` that ends with a colon stands for all that begin so, as ``rule:`` does for every rule.
    """

    study_uid: StudyUid | None = None
    states: Collection[TransferState] | None = None
    cause: str | None = None
    destination: str | None = None

    def conditions(self) -> list[Any]:
        """Return the conditions of a query."""
        found: list[Any] = []
        if self.study_uid is not None:
            found.append(TransferRow.study_uid == self.study_uid)
        if self.states is not None:
            found.append(TransferRow.state.in_([state.value for state in self.states]))
        if self.cause is not None and self.cause.endswith(":"):
            found.append(TransferRow.cause.startswith(self.cause, autoescape=True))
        elif self.cause is not None:
            found.append(TransferRow.cause == self.cause)
        if self.destination is not None:
            found.append(TransferRow.destination == self.destination)
        return found


class TransferViews:
    """What can be asked of the ledger; every method is one transaction and raises StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine)

    @as_store_error
    def transfer(self, transfer_id: str) -> TransferRecord | None:
        """Return a transfer as it stands now, None when there is none of this identifier."""
        with self._sessions() as session:
            row = session.get(TransferRow, transfer_id)
            return None if row is None else record_of(row)

    @as_store_error
    def transfers(
        self,
        wanted: TransferFilter = TransferFilter(),
        *,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[TransferRecord], int]:
        """Return the transfers that are looked for, newest first, and how many there are."""
        conditions = wanted.conditions()
        query = (
            select(TransferRow)
            .where(*conditions)
            .order_by(TransferRow.requested_at.desc(), TransferRow.transfer_id)
            .limit(limit)
            .offset(offset)
        )
        with self._sessions() as session:
            total = session.scalar(select(func.count()).select_from(TransferRow).where(*conditions)) or 0
            return [record_of(row) for row in session.scalars(query)], total

    @as_store_error
    def waiting_jobs(self) -> list[JobId]:
        """Return the jobs of transfers that wait for something else than a worker."""
        query = select(TransferRow.job_id).where(
            TransferRow.state == TransferState.QUEUED.value,
            TransferRow.not_before.is_not(None),
            TransferRow.waits_for != WaitsFor.HAND_OVER.value,
        )
        with self._sessions() as session:
            return [JobId(found) for found in session.scalars(query)]

    @as_store_error
    def instances(
        self,
        transfer_id: str,
        *,
        states: Collection[InstanceState] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TransferredInstance]:
        """Return the instances of a transfer by UID: of the given states."""
        rows = TransferInstanceRow
        query = select(rows).where(rows.transfer_id == transfer_id).order_by(rows.sop_instance_uid)
        if states is not None:
            query = query.where(rows.state.in_([state.value for state in states]))
        with self._sessions() as session:
            return [_instance(row) for row in session.scalars(query.limit(limit).offset(offset))]

    @as_store_error
    def brought(self, study_uid: StudyUid, source: str, destination: str) -> frozenset[SopInstanceUid]:
        """Return the instances of a study that transfers brought from one archive to another."""
        rows = TransferInstanceRow
        query = (
            select(rows.sop_instance_uid)
            .join(TransferRow, TransferRow.transfer_id == rows.transfer_id)
            .where(
                TransferRow.study_uid == study_uid,
                TransferRow.source == source,
                TransferRow.destination == destination,
                rows.sends > 0,
                rows.state.in_(ARRIVED),
            )
        )
        with self._sessions() as session:
            return frozenset(SopInstanceUid(found) for found in session.scalars(query))

    @as_store_error
    def agreed_at(self, study_uid: StudyUid, without: Collection[str]) -> dict[SopInstanceUid, datetime]:
        """Return of a study's instances since when both archives are known to hold them alike.

        That is when the last transfer was asked for, either way, that brought an instance or compared its
        content; where none did, when the first was that found it there, or may have brought it.

        Parameters
        ----------
        without
            Identifiers of transfers that are left out.
        """
        rows = TransferInstanceRow
        query = (
            select(rows, TransferRow.requested_at, TransferRow.verify)
            .join(TransferRow, TransferRow.transfer_id == rows.transfer_id)
            .where(
                TransferRow.study_uid == study_uid,
                TransferRow.transfer_id.not_in(without),
                or_(rows.sends > 0, rows.state == InstanceState.VERIFIED.value),
            )
            .order_by(TransferRow.requested_at.desc())
        )
        proven: dict[SopInstanceUid, datetime] = {}
        first: dict[SopInstanceUid, datetime] = {}
        with self._sessions() as session:
            for row, requested_at, verify in session.execute(query):
                uid = SopInstanceUid(row.sop_instance_uid)
                first[uid] = requested_at
                compared = verify == "content" and row.state == InstanceState.VERIFIED.value
                if compared or (row.sends > 0 and row.state in ARRIVED):
                    proven.setdefault(uid, requested_at)
        return first | proven

    @as_store_error
    def under_way(
        self, study_uid: StudyUid, destination: str
    ) -> list[tuple[TransferRecord, frozenset[SopInstanceUid]]]:
        """Return the transfers of a study to an archive that have not ended, with their instances.

        One without instances is about all that its source holds when it begins.
        """
        rows = TransferInstanceRow
        query = select(TransferRow).where(
            TransferRow.study_uid == study_uid,
            TransferRow.destination == destination,
            TransferRow.state.in_(_UNDER_WAY),
        )
        with self._sessions() as session:
            found = [record_of(row) for row in session.scalars(query)]
            return [
                (
                    one,
                    frozenset(
                        SopInstanceUid(uid)
                        for uid in session.scalars(
                            select(rows.sop_instance_uid).where(rows.transfer_id == one.transfer_id)
                        )
                    ),
                )
                for one in found
            ]

    @as_store_error
    def with_hours(self) -> list[TransferRecord]:
        """Return the transfers that have not ended and may run in some hours only."""
        query = select(TransferRow).where(TransferRow.state.in_(_UNDER_WAY), TransferRow.window.is_not(None))
        with self._sessions() as session:
            return [record_of(row) for row in session.scalars(query)]

    @as_store_error
    def waiting_for_hours(self) -> int:
        """Return how many transfers wait for their hours."""
        query = select(func.count()).where(
            TransferRow.state == TransferState.QUEUED.value, TransferRow.waits_for == WaitsFor.WINDOW.value
        )
        with self._sessions() as session:
            return session.scalar(query) or 0

    @as_store_error
    def unfinished(self, cause: str) -> int:
        """Return how many transfers of a cause have not ended, but for those that wait for their hours."""
        query = select(func.count()).where(
            TransferRow.state.in_(_UNDER_WAY),
            TransferRow.cause == cause,
            func.coalesce(TransferRow.waits_for, "") != WaitsFor.WINDOW.value,
        )
        with self._sessions() as session:
            return session.scalar(query) or 0

    @as_store_error
    def totals(self) -> list[TransferTotals]:
        """Return how much has gone where, by state."""
        rows = TransferRow
        query = select(
            rows.destination,
            rows.state,
            func.count(),
            func.sum(rows.verified),
            func.sum(rows.failed),
            func.sum(rows.bytes_sent),
        ).group_by(rows.destination, rows.state)
        made_good = (
            select(rows.destination, rows.state, func.count())
            .where(is_settled())
            .group_by(rows.destination, rows.state)
        )
        with self._sessions() as session:
            settled = {
                (destination, state): count for destination, state, count in session.execute(made_good)
            }
            return [
                TransferTotals(
                    destination,
                    TransferState(state),
                    transfers=count,
                    instances_verified=int(verified),
                    instances_failed=int(not_sent),
                    bytes_sent=int(sent),
                    settled=settled.get((destination, state), 0),
                )
                for destination, state, count, verified, not_sent, sent in session.execute(query)
            ]

    @as_store_error
    def settled(self, transfer_ids: Collection[str]) -> frozenset[str]:
        """Return those of some transfers that failed and were made good since, see `is_settled`."""
        query = select(TransferRow.transfer_id).where(TransferRow.transfer_id.in_(transfer_ids), is_settled())
        with self._sessions() as session:
            return frozenset(session.scalars(query))

    @as_store_error
    def failed(
        self, causes: Collection[str], since: datetime, until: datetime, retries: int
    ) -> list[TransferRecord]:
        """Return transfers of some causes that ended not well in a time, and were retried less than so often.

        The first that ended comes first.
        """
        states = (TransferState.PARTLY.value, TransferState.FAILED.value)
        query = (
            select(TransferRow)
            .where(
                TransferRow.state.in_(states),
                TransferRow.cause.in_(causes),
                TransferRow.ended_at.between(since, until),
                TransferRow.retries < retries,
            )
            .order_by(TransferRow.ended_at, TransferRow.transfer_id)
        )
        with self._sessions() as session:
            return [record_of(row) for row in session.scalars(query)]

    @as_store_error
    def newest_verified(self, destination: str, limit: int) -> list[TransferRecord]:
        """Return the transfers to an archive that were verified last and for which bytes had to leave."""
        query = (
            select(TransferRow)
            .where(
                TransferRow.state == TransferState.VERIFIED.value,
                TransferRow.destination == destination,
                TransferRow.bytes_sent > 0,
            )
            .order_by(TransferRow.requested_at.desc())
            .limit(limit)
        )
        with self._sessions() as session:
            return [record_of(row) for row in session.scalars(query)]


def record_in(session: Session, transfer_id: str) -> TransferRecord:
    """Return a transfer that is known, in a transaction that is under way."""
    return record_of(
        session.execute(select(TransferRow).where(TransferRow.transfer_id == transfer_id)).scalar_one()
    )


def record_of(row: TransferRow) -> TransferRecord:
    """Return the record of a row."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    values |= {
        "job_id": JobId(row.job_id),
        "study_uid": StudyUid(row.study_uid),
        "state": TransferState(row.state),
        "waits_for": None if row.waits_for is None else WaitsFor(row.waits_for),
    }
    return TransferRecord(**values)


def _instance(row: TransferInstanceRow) -> TransferredInstance:
    return TransferredInstance(
        SopInstanceUid(row.sop_instance_uid),
        InstanceState(row.state),
        row.sends,
        row.failure_reason,
        row.detail,
    )
