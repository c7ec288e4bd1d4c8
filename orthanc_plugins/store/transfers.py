"""The ledger of transfers: what was asked for, how it stands, and what became of every instance."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.transfers_records import (
    InstanceState,
    TransferRecord,
    TransferredInstance,
    TransferRequest,
    TransferState,
    WaitsFor,
)
from orthanc_plugins.store.transfers_tables import TransferInstanceRow, TransferRow
from orthanc_plugins.store.transfers_views import ARRIVED, TransferViews, record_in, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

_CHUNK = 1000
"""Rows in one statement; SQLite knows a limit."""

HANDED_OVER_WITHIN = timedelta(seconds=30)
"""Who asks for a transfer asks for its job at once; should it end between the two, the watch does so then."""

_AT_WORK = (TransferState.SENDING.value, TransferState.SENT.value, TransferState.ACCEPTED.value)


class Transfers(TransferViews):
    """What is remembered of transfers between archives.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert

    # Asking

    @as_store_error
    def request(self, request: TransferRequest) -> TransferRecord:
        """Remember that a transfer is asked for, and return it; one that is known stays as it is."""
        now = datetime.now(UTC)
        values = asdict(request)
        wanted = values.pop("wanted") or ()
        values |= {
            "state": TransferState.QUEUED.value,
            "wanted": len(wanted),
            "waits_for": WaitsFor.HAND_OVER.value,
            "not_before": now + HANDED_OVER_WITHIN,
            "requested_at": now,
            "updated_at": now,
            **dict.fromkeys(_NUMBERS, 0),
        }
        statement = self._insert(TransferRow).values(**values).on_conflict_do_nothing()
        with self._sessions.begin() as session:
            if session.execute(statement.returning(TransferRow.transfer_id)).first() is not None:
                queued = [TransferredInstance(uid, InstanceState.QUEUED) for uid in wanted]
                self._put(session, request.transfer_id, queued)
            return record_in(session, request.transfer_id)

    @as_store_error
    def handed_over(self, transfer_id: str, due: datetime | None) -> None:
        """Remember that the queue has the job of a transfer that was due, unless it waits anew since."""
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.not_before == due)
                .values(not_before=None, waits_for=None)
            )

    @as_store_error
    def ask_again(self, transfer_id: str, *, by_itself: bool = False) -> bool:
        """Have an ended transfer that is not verified done again; False when it is in no such state.

        ``by_itself`` counts as one more of its retries; asked by somebody, it has them all again.
        """
        again = (TransferState.PARTLY.value, TransferState.FAILED.value, TransferState.CANCELLED.value)
        now = datetime.now(UTC)
        with self._sessions.begin() as session:
            changed = session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.in_(again))
                .values(
                    state=TransferState.QUEUED.value,
                    attempts=0,
                    failed=0,
                    failed_at=None,
                    failing_s=0.0,
                    not_taken_s=None,
                    retries=TransferRow.retries + 1 if by_itself else 0,
                    started_at=None,
                    ended_at=None,
                    updated_at=now,
                    waits_for=WaitsFor.HAND_OVER.value,
                    not_before=now,
                    error_name=None,
                    error_message=None,
                )
                .returning(TransferRow.transfer_id)
            ).first()
            if changed is None:
                return False
            session.execute(
                update(TransferInstanceRow)
                .where(
                    TransferInstanceRow.transfer_id == transfer_id,
                    TransferInstanceRow.state == InstanceState.FAILED.value,
                )
                .values(state=InstanceState.QUEUED.value, failure_reason=None, detail="")
            )
            return True

    # Going on

    @as_store_error
    def begin(self, transfer_id: str) -> TransferRecord:
        """Remember that a transfer has begun, perhaps again, and return it; an ended one stays so."""
        now = datetime.now(UTC)
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(
                    state=TransferState.SENDING.value,
                    attempts=TransferRow.attempts + 1,
                    started_at=func.coalesce(TransferRow.started_at, now),
                    updated_at=now,
                    waits_for=None,
                    not_before=None,
                )
            )
            return record_in(session, transfer_id)

    @as_store_error
    def note(
        self, transfer_id: str, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0
    ) -> None:
        """Remember how instances stand now, and count anew.

        Parameters
        ----------
        bytes_sent
            Bytes that have left since the last note.
        """
        with self._sessions.begin() as session:
            self._put(session, transfer_id, instances)
            rows = TransferInstanceRow
            of_transfer = select(rows).where(rows.transfer_id == transfer_id).subquery()
            counted = select(*(_count(of_transfer.c, name).label(name) for name in _CONDITIONS))
            counts = session.execute(counted.select_from(of_transfer)).one()
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id)
                .values(
                    **counts._mapping,  # noqa: SLF001 - the documented name of a row's columns
                    bytes_sent=TransferRow.bytes_sent + bytes_sent,
                    updated_at=datetime.now(UTC),
                )
            )

    @as_store_error
    def become(self, transfer_id: str, state: TransferState) -> None:
        """Remember that a running transfer has come as far as this; one that has ended stays as it is."""
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(state=state.value, updated_at=datetime.now(UTC))
            )

    @as_store_error
    def wait(self, transfer_id: str, waits_for: WaitsFor, until: datetime, reason: str) -> None:
        """Remember that a transfer waits, for what and until when, and why, for a person."""
        paused = {"failed_at": None} if waits_for is WaitsFor.WINDOW else {}
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(
                    state=TransferState.QUEUED.value,
                    waits_for=waits_for.value,
                    not_before=until,
                    updated_at=datetime.now(UTC),
                    error_name=None,
                    error_message=reason,
                    **paused,
                )
            )

    @as_store_error
    def note_failure(
        self, transfer_id: str, at: datetime, failing_s: float, not_taken_s: float | None
    ) -> None:
        """Remember that an attempt failed, and for how long it is tried in vain; see `TransferRecord`."""
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(failed_at=at, failing_s=failing_s, not_taken_s=not_taken_s)
            )

    @as_store_error
    def end(
        self, transfer_id: str, state: TransferState, error: tuple[str, str] | None = None
    ) -> TransferRecord:
        """Remember how a transfer ended, and why when not well; one that has ended stays as it is."""
        now = datetime.now(UTC)
        name, message = (None, None) if error is None else error
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(
                    state=state.value,
                    ended_at=now,
                    updated_at=now,
                    waits_for=None,
                    not_before=None,
                    error_name=name,
                    error_message=message,
                )
            )
            return record_in(session, transfer_id)

    @as_store_error
    def cancel(self, transfer_id: str) -> bool:
        """Remember that a transfer was cancelled; False when it has ended already, or is unknown."""
        now = datetime.now(UTC)
        with self._sessions.begin() as session:
            cancelled = session.execute(
                update(TransferRow)
                .where(TransferRow.transfer_id == transfer_id, TransferRow.state.not_in(_ENDED_STATES))
                .values(
                    state=TransferState.CANCELLED.value,
                    ended_at=now,
                    updated_at=now,
                    waits_for=None,
                    not_before=None,
                )
                .returning(TransferRow.transfer_id)
            )
            return cancelled.first() is not None

    # Waking

    @as_store_error
    def due(self, now: datetime, limit: int) -> list[TransferRecord]:
        """Return transfers whose time to be looked at has come, the most urgent first."""
        query = (
            select(TransferRow)
            .where(TransferRow.not_before <= now, TransferRow.state == TransferState.QUEUED.value)
            .order_by(TransferRow.priority.desc(), TransferRow.not_before, TransferRow.transfer_id)
            .limit(limit)
        )
        with self._sessions() as session:
            return [record_of(row) for row in session.scalars(query)]

    @as_store_error
    def postpone(self, archive: str, until: datetime) -> None:
        """Let all that wait for an archive wait at least until then: one alone asks whether it is back."""
        self._move(archive, until, TransferRow.not_before < until)

    @as_store_error
    def hasten(self, archive: str, now: datetime) -> None:
        """Let all that wait for an archive be looked at now: it has answered."""
        self._move(archive, now, TransferRow.not_before > now)

    def _move(self, archive: str, time: datetime, condition: Any) -> None:
        with self._sessions.begin() as session:
            session.execute(
                update(TransferRow)
                .where(
                    TransferRow.waits_for == WaitsFor.ARCHIVE.value,
                    TransferRow.state == TransferState.QUEUED.value,
                    or_(TransferRow.destination == archive, TransferRow.source == archive),
                    condition,
                )
                .values(not_before=time)
            )

    @as_store_error
    def at_work(self, silent_since: datetime) -> list[TransferRecord]:
        """Return transfers that should be at work and of which nothing was noted since a time."""
        query = select(TransferRow).where(
            TransferRow.state.in_(_AT_WORK), TransferRow.updated_at < silent_since
        )
        with self._sessions() as session:
            return [record_of(row) for row in session.scalars(query)]

    @as_store_error
    def forget_instances(self, before: datetime) -> int:
        """Forget the single instances of transfers verified before a time; their counts stay.

        Returns how many were forgotten.
        """
        old = select(TransferRow.transfer_id).where(
            TransferRow.state == TransferState.VERIFIED.value, TransferRow.ended_at < before
        )
        forgotten = delete(TransferInstanceRow).where(TransferInstanceRow.transfer_id.in_(old))
        with self._sessions.begin() as session:
            return session.execute(forgotten).rowcount  # type: ignore[attr-defined,no-any-return]

    def _put(self, session: Session, transfer_id: str, instances: Iterable[TransferredInstance]) -> None:
        values = [
            {**asdict(instance), "state": instance.state.value, "transfer_id": transfer_id}
            for instance in instances
        ]
        statement = self._insert(TransferInstanceRow)
        kept = {name: statement.excluded[name] for name in ("state", "sends", "failure_reason", "detail")}
        upsert = statement.on_conflict_do_update(
            index_elements=["transfer_id", "sop_instance_uid"], set_=kept
        )
        for start in range(0, len(values), _CHUNK):
            session.execute(upsert, values[start : start + _CHUNK])


_ENDED_STATES = [state.value for state in TransferState if state.ended]
_NUMBERS = (
    "already_there",
    "sent",
    "accepted",
    "verified",
    "failed",
    "bytes_sent",
    "attempts",
    "failing_s",
    "retries",
)
_CONDITIONS = ("wanted", "already_there", "sent", "accepted", "verified", "failed")


def _count(columns: Any, name: str) -> Any:
    """Return how a number of a transfer is counted from its instances."""
    left, arrived = columns.sends > 0, columns.state.in_(ARRIVED)
    conditions = {
        "wanted": columns.sends >= 0,
        "already_there": ~left & arrived,
        "sent": left,
        "accepted": left & arrived,
        "verified": columns.state == InstanceState.VERIFIED.value,
        "failed": columns.state == InstanceState.FAILED.value,
    }
    return func.coalesce(func.sum(case((conditions[name], 1), else_=0)), 0)
