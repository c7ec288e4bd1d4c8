"""What is remembered of objects that wait for a person, and of what persons decided."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.rules.holds import Decide, Hold, Why
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.held_records import DecisionRecord, HeldRecord
from orthanc_plugins.store.held_tables import DecisionRow, HeldRow
from orthanc_plugins.store.inventory_records import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy import Engine


class HeldObjects:
    """Objects of releases that wait for a person, and decisions; each told by its new SOP Instance UID.

    Every method is one transaction. Raises StoreError when the database cannot be used.

    Parameters
    ----------
    now
        The time, aware; it is remembered to the minute.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._sessions = sessionmaker(engine)
        self._now = now

    @as_store_error
    def hold(self, release_id: str, objects: Iterable[HeldRecord]) -> None:
        """Remember which objects a release waits for now, in place of those before; none: for nobody."""
        with self._sessions.begin() as session:
            session.execute(delete(HeldRow).where(HeldRow.release_id == release_id))
            session.add_all(_held_row(release_id, one) for one in objects)

    @as_store_error
    def page(self, release_id: str, *, limit: int = 50, offset: int = 0) -> Page[HeldRecord]:
        """Return objects that a release waits for, by their UIDs."""
        query = select(HeldRow).where(HeldRow.release_id == release_id)
        with self._sessions() as session:
            rows = session.scalars(query.order_by(HeldRow.sop_instance_uid).limit(limit).offset(offset))
            total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
            return Page(tuple(map(_held, rows)), total)

    @as_store_error
    def find(self, release_id: str, sop_instance_uid: str) -> HeldRecord | None:
        """Return an object that a release waits for, None where it does not."""
        with self._sessions() as session:
            row = session.get(HeldRow, (release_id, sop_instance_uid))
            return None if row is None else _held(row)

    @as_store_error
    def counts(self, release_ids: Collection[str]) -> dict[str, int]:
        """Return how many objects each of some releases waits for; those that wait for none are not in it."""
        query = select(HeldRow.release_id, func.count()).where(HeldRow.release_id.in_(release_ids))
        with self._sessions() as session:
            found = session.execute(query.group_by(HeldRow.release_id))
            return {row[0]: row[1] for row in found}

    @as_store_error
    def undecided(self, release_id: str) -> int:
        """Return of how many objects that a release waits for nothing is decided that would settle it."""
        standing = select(DecisionRow.content).where(
            DecisionRow.release_id == release_id, DecisionRow.revoked_at.is_(None)
        )
        query = select(func.count()).where(HeldRow.release_id == release_id, HeldRow.content.not_in(standing))
        with self._sessions() as session:
            return session.scalar(query) or 0

    @as_store_error
    def decide(self, release_id: str, decision: DecisionRecord) -> None:
        """Remember what was decided of an object, in place of what was decided of it before."""
        with self._sessions.begin() as session:
            session.execute(self._revoked(release_id, decision.sop_instance_uid))
            session.add(_decision_row(release_id, decision, self._minute()))

    @as_store_error
    def revoke(self, release_id: str, sop_instance_uid: str) -> bool:
        """Take back what was decided of an object; return whether anything was."""
        with self._sessions.begin() as session:
            taken: Any = session.execute(self._revoked(release_id, sop_instance_uid))
            return bool(taken.rowcount)

    @as_store_error
    def decisions(self, release_id: str) -> tuple[DecisionRecord, ...]:
        """Return the decisions that stand, those of objects that wait no more with them."""
        query = select(DecisionRow).where(
            DecisionRow.release_id == release_id, DecisionRow.revoked_at.is_(None)
        )
        with self._sessions() as session:
            return tuple(map(_decision, session.scalars(query.order_by(DecisionRow.number))))

    def _revoked(self, release_id: str, sop_instance_uid: str) -> Any:
        chosen = update(DecisionRow).where(
            DecisionRow.release_id == release_id,
            DecisionRow.sop_instance_uid == sop_instance_uid,
            DecisionRow.revoked_at.is_(None),
        )
        return chosen.values(revoked_at=self._minute())

    def _minute(self) -> datetime:
        return self._now().replace(second=0, microsecond=0)


def _held_row(release_id: str, one: HeldRecord) -> HeldRow:
    return HeldRow(
        release_id=release_id,
        sop_instance_uid=one.sop_instance_uid,
        content=one.content,
        sop_class_uid=one.sop_class_uid,
        holds=json.dumps(one.holds),
        boxes=json.dumps(one.boxes),
        frames=one.frames,
        rows=one.rows,
        columns=one.columns,
    )


def _held(row: HeldRow) -> HeldRecord:
    return HeldRecord(
        row.sop_instance_uid,
        row.content,
        row.sop_class_uid,
        tuple(map(Hold, json.loads(row.holds))),
        tuple(map(tuple, json.loads(row.boxes))),
        row.frames,
        row.rows,
        row.columns,
    )


def _decision_row(release_id: str, one: DecisionRecord, at: datetime) -> DecisionRow:
    return DecisionRow(
        release_id=release_id,
        sop_instance_uid=one.sop_instance_uid,
        content=one.content,
        decide=one.decide.value,
        holds=json.dumps(one.holds),
        boxes=json.dumps(one.boxes),
        frames=json.dumps(one.frames),
        why=one.why.value,
        decided_by=one.decided_by,
        decided_at=at,
    )


def _decision(row: DecisionRow) -> DecisionRecord:
    return DecisionRecord(
        sop_instance_uid=row.sop_instance_uid,
        content=row.content,
        decide=Decide(row.decide),
        holds=tuple(map(Hold, json.loads(row.holds))),
        why=Why(row.why),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        boxes=tuple(map(tuple, json.loads(row.boxes))),
        frames=tuple(json.loads(row.frames)),
    )
