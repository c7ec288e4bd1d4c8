"""What is remembered of repairs: how they stand, what people decided, what was changed and can be undone."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.errors import RepairNotFound
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_records import Page
from orthanc_plugins.store.repairs_records import (
    ActionRecord,
    ActionState,
    ChangeRecord,
    ChangeState,
    RepairRecord,
    RepairState,
)
from orthanc_plugins.store.repairs_tables import RepairActionRow, RepairChangeRow, RepairRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Engine, Select
    from sqlalchemy.orm import Session

    from orthanc_plugins.identifiers import JobId, StudyUid

_CHUNK = 1000
"""Rows in one statement; SQLite knows a limit."""


class Repairs:
    """What is remembered of repairs.

    Every method is one transaction. Raises StoreError when the database cannot be used, RepairNotFound when
    no repair has the identifier.
    """

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine)
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert

    # A repair

    @as_store_error
    def request(
        self, repair_id: str, study_uid: StudyUid, policy: str, job_id: JobId, by: str
    ) -> RepairRecord:
        """Remember that a repair is to be planned, and return it; one that is known stays as it is.

        Parameters
        ----------
        policy
            As JSON.
        by
            Who asked.
        """
        values: dict[str, Any] = dict.fromkeys(_NUMBERS, 0) | dict.fromkeys(_EMPTY, "")
        values |= {"repair_id": repair_id, "study_uid": study_uid, "policy": policy, "job_id": job_id}
        values |= {"state": RepairState.PLANNING.value, "made_at": datetime.now(UTC), "made_by": by}
        with self._sessions.begin() as session:
            session.execute(self._insert(RepairRow).values(**values).on_conflict_do_nothing())
            return _record(session, repair_id)

    @as_store_error
    def planned(
        self,
        repair_id: str,
        plan_digest: str,
        actions: Sequence[ActionRecord],
        *,
        instances: int,
        size_bytes: int,
    ) -> RepairRecord:
        """Remember the plan of a repair that is being planned; planned again, the newer plan counts."""
        with self._sessions.begin() as session:
            changed = session.execute(
                _update(repair_id, RepairState.PLANNING, RepairState.PLANNED).values(
                    state=RepairState.PLANNED.value,
                    plan_digest=plan_digest,
                    planned_at=datetime.now(UTC),
                    actions=len(actions),
                    changes_instances=instances,
                    changes_bytes=size_bytes,
                )
            )
            if _rows(changed):
                session.execute(delete(RepairActionRow).where(RepairActionRow.repair_id == repair_id))
                values = [_values(action) for action in actions]
                for start in range(0, len(values), _CHUNK):
                    session.execute(self._insert(RepairActionRow), values[start : start + _CHUNK])
                _count(session, repair_id)
            return _record(session, repair_id)

    @as_store_error
    def begin(
        self, repair_id: str, state: RepairState, job_id: JobId, by: str, *, among: Collection[RepairState]
    ) -> bool:
        """Let a repair that is in one of these states be applied or undone; False when it is in another."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {"state": state.value, "job_id": job_id, "ended_at": None}
        values |= {"error_name": None, "error_message": None}
        if state is RepairState.APPLYING:
            values |= {"applied_at": now, "applied_by": by}
        with self._sessions.begin() as session:
            _record(session, repair_id)
            return _rows(session.execute(_update(repair_id, *among).values(**values))) > 0

    @as_store_error
    def end(self, repair_id: str, state: RepairState, error: tuple[str, str] | None = None) -> RepairRecord:
        """Remember how the work on a repair ended, and why when not well."""
        name, message = (None, None) if error is None else error
        values = {"state": state.value, "error_name": name, "error_message": message}
        with self._sessions.begin() as session:
            session.execute(
                update(RepairRow)
                .where(RepairRow.repair_id == repair_id)
                .values(**values, ended_at=datetime.now(UTC))
            )
            _count(session, repair_id)
            return _record(session, repair_id)

    @as_store_error
    def repair(self, repair_id: str) -> RepairRecord:
        """Return a repair."""
        with self._sessions() as session:
            return _record(session, repair_id)

    @as_store_error
    def repairs(
        self,
        *,
        study_uid: StudyUid | None = None,
        state: RepairState | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[RepairRecord]:
        """Return repairs, newest first: of a study, in a state."""
        query = select(RepairRow)
        if study_uid is not None:
            query = query.where(RepairRow.study_uid == study_uid)
        if state is not None:
            query = query.where(RepairRow.state == state.value)
        ordered = query.order_by(RepairRow.made_at.desc(), RepairRow.repair_id)
        with self._sessions() as session:
            found = session.scalars(ordered.limit(limit).offset(offset))
            return Page(tuple(_repair(row) for row in found), _total(session, query))

    @as_store_error
    def active_since(self, before: datetime) -> frozenset[str]:
        """Return the repairs at work, and those that ended or were planned at a time or later."""
        with self._sessions() as session:
            return frozenset(session.scalars(select(RepairRow.repair_id).where(~_is_old(before))))

    @as_store_error
    def forget(self, before: datetime) -> int:
        """Strike out repairs that ended or were planned before a time, and return how many."""
        old = select(RepairRow.repair_id).where(_is_old(before))
        with self._sessions.begin() as session:
            for table in (RepairActionRow, RepairChangeRow):
                session.execute(delete(table).where(table.repair_id.in_(old)))
            return _rows(session.execute(delete(RepairRow).where(_is_old(before))))

    # Its actions

    @as_store_error
    def actions(self, repair_id: str, ordinals: Collection[int] | None = None) -> list[ActionRecord]:
        """Return the actions of a repair in their order: all, or some."""
        query = (
            select(RepairActionRow)
            .where(RepairActionRow.repair_id == repair_id)
            .order_by(RepairActionRow.ordinal)
        )
        if ordinals is not None:
            query = query.where(RepairActionRow.ordinal.in_(ordinals))
        with self._sessions() as session:
            return [_action(row) for row in session.scalars(query)]

    @as_store_error
    def open_decisions(self, *, limit: int = 50, offset: int = 0) -> Page[ActionRecord]:
        """Return actions that people have yet to decide, those of the newest repair first.

        Of repairs that are planned, done, or done in part.
        """
        query = (
            select(RepairActionRow)
            .join(RepairRow, RepairRow.repair_id == RepairActionRow.repair_id)
            .where(RepairActionRow.state == ActionState.MANUAL.value, RepairRow.state.in_(_DECIDABLE))
        )
        ordered = query.order_by(RepairRow.made_at.desc(), RepairRow.repair_id, RepairActionRow.ordinal)
        with self._sessions() as session:
            found = session.scalars(ordered.limit(limit).offset(offset))
            return Page(tuple(_action(row) for row in found), _total(session, query))

    @as_store_error
    def decide(self, repair_id: str, ordinal: int, keep: str, by: str) -> bool:
        """Remember what a person decided, in place of what was decided before; False when it is too late.

        That is: the action is not for a person to decide or is done, or a worker has the repair.
        """
        with self._sessions.begin() as session:
            _record(session, repair_id)
            free = select(RepairRow.repair_id).where(
                RepairRow.repair_id == repair_id, RepairRow.state.in_(_DECIDABLE)
            )
            changed = session.execute(
                update(RepairActionRow)
                .where(
                    RepairActionRow.repair_id.in_(free),
                    RepairActionRow.ordinal == ordinal,
                    RepairActionRow.state.in_((ActionState.MANUAL.value, ActionState.DECIDED.value)),
                )
                .values(
                    state=ActionState.DECIDED.value, keep=keep, decided_by=by, decided_at=datetime.now(UTC)
                )
            )
            _count(session, repair_id)
            return _rows(changed) > 0

    @as_store_error
    def note(self, repair_id: str, ordinals: Collection[int], state: ActionState, detail: str = "") -> None:
        """Remember how actions stand now."""
        with self._sessions.begin() as session:
            session.execute(
                update(RepairActionRow)
                .where(RepairActionRow.repair_id == repair_id, RepairActionRow.ordinal.in_(ordinals))
                .values(state=state.value, detail=detail)
            )
            _count(session, repair_id)

    # What was changed

    @as_store_error
    def keep(self, changes: Sequence[ChangeRecord]) -> None:
        """Remember changes that are about to be made; one that is known stays as it is."""
        with self._sessions.begin() as session:
            for change in changes:
                last = select(func.coalesce(func.max(RepairChangeRow.number), 0)).where(
                    RepairChangeRow.repair_id == change.repair_id
                )
                values = {**asdict(change), "state": change.state.value, "noted_at": datetime.now(UTC)}
                values["number"] = session.scalars(last).one() + 1
                session.execute(self._insert(RepairChangeRow).values(**values).on_conflict_do_nothing())

    @as_store_error
    def change_became(self, repair_id: str, operations: Collection[str], state: ChangeState) -> None:
        """Remember how changes stand now."""
        with self._sessions.begin() as session:
            session.execute(
                update(RepairChangeRow)
                .where(RepairChangeRow.repair_id == repair_id, RepairChangeRow.operation.in_(operations))
                .values(state=state.value, noted_at=datetime.now(UTC))
            )

    @as_store_error
    def changes(self, repair_id: str, operation: str | None = None) -> list[ChangeRecord]:
        """Return the changes of a repair in the order they were made: all, or that of one operation."""
        query = (
            select(RepairChangeRow)
            .where(RepairChangeRow.repair_id == repair_id)
            .order_by(RepairChangeRow.number)
        )
        if operation is not None:
            query = query.where(RepairChangeRow.operation == operation)
        with self._sessions() as session:
            return [_change(row) for row in session.scalars(query)]


_NUMBERS = ("actions", "changes_instances", "changes_bytes", "done", "failed", "open_decisions")
_EMPTY = ("plan_digest", "applied_by")
_DECIDABLE = tuple(
    state.value
    for state in RepairState
    if not state.at_work and state not in {RepairState.UNDONE, RepairState.UNDO_FAILED}
)
"""States in which a person may decide."""


def _is_old(before: datetime) -> ColumnElement[bool]:
    at_work = [state.value for state in RepairState if state.at_work]
    last = func.coalesce(RepairRow.ended_at, RepairRow.planned_at, RepairRow.made_at)
    return and_(RepairRow.state.not_in(at_work), last < before)


def _update(repair_id: str, *among: RepairState) -> Any:
    states = [state.value for state in among]
    return update(RepairRow).where(RepairRow.repair_id == repair_id, RepairRow.state.in_(states))


def _rows(result: Any) -> int:
    changed: int = result.rowcount
    return changed


def _total(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _count(session: Session, repair_id: str) -> None:
    """Count anew how many actions of a repair are done, failed and to be decided."""
    counted = {"done": ActionState.DONE, "failed": ActionState.FAILED, "open_decisions": ActionState.MANUAL}
    values = {
        name: select(func.count())
        .where(RepairActionRow.repair_id == repair_id, RepairActionRow.state == state.value)
        .scalar_subquery()
        for name, state in counted.items()
    }
    session.execute(update(RepairRow).where(RepairRow.repair_id == repair_id).values(**values))


def _record(session: Session, repair_id: str) -> RepairRecord:
    row = session.scalar(
        select(RepairRow).where(RepairRow.repair_id == repair_id).execution_options(populate_existing=True)
    )
    if row is None:
        raise RepairNotFound("No repair has this identifier.")
    return _repair(row)


def _values(action: ActionRecord) -> dict[str, Any]:
    return {**asdict(action), "state": action.state.value}


def _fields(row: object, record: type[Any]) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(record)}


def _repair(row: RepairRow) -> RepairRecord:
    return RepairRecord(**{**_fields(row, RepairRecord), "state": RepairState(row.state)})


def _action(row: RepairActionRow) -> ActionRecord:
    return ActionRecord(**{**_fields(row, ActionRecord), "state": ActionState(row.state)})


def _change(row: RepairChangeRow) -> ChangeRecord:
    return ChangeRecord(**{**_fields(row, ChangeRecord), "state": ChangeState(row.state)})
