"""How far each archive is known, the rounds of synchronisation, and every change they found."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_notes import ArchiveRun, EventFilter, InventoryEvent, SyncRun
from orthanc_plugins.store.inventory_part import NOTHING_KNOWN, InventoryPart
from orthanc_plugins.store.inventory_records import ArchivePosition, EventKind, Page
from orthanc_plugins.store.inventory_tables import (
    ArchivePositionRow,
    InventoryEventRow,
    SyncRunArchiveRow,
    SyncRunRow,
)
from orthanc_plugins.store.inventory_tombstones import is_any_held

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

_POSITION = tuple(field.name for field in fields(ArchivePosition))
_ARCHIVE_RUN = tuple(field.name for field in fields(ArchiveRun))
_RUN = tuple(field.name for field in fields(SyncRun) if field.name != "archives")
_EVENT_FILTER = tuple(field.name for field in fields(EventFilter))


class History(InventoryPart):
    """How far each archive is known, and how that came about."""

    # Positions

    @as_store_error
    def position(self, archive: str) -> ArchivePosition:
        """Return how far an archive is known; of one that was never looked at, that nothing is."""
        with self._sessions() as session:
            row = session.get(ArchivePositionRow, archive)
            return ArchivePosition(archive) if row is None else _position(row)

    @as_store_error
    def begin_pass(self, archive: str) -> int:
        """Begin a pass over a whole archive, and return its number."""
        first = self._insert(ArchivePositionRow).values(
            {**NOTHING_KNOWN, "archive": archive, "pass_number": 1}
        )
        statement = first.on_conflict_do_update(
            index_elements=["archive"], set_={"pass_number": ArchivePositionRow.pass_number + 1}
        ).returning(ArchivePositionRow.pass_number)
        with self._sessions.begin() as session:
            return int(session.execute(statement).scalar_one())

    @as_store_error
    def ask_at(self, archive: str, address: str) -> None:
        """Remember at which address an archive is asked from now on.

        What is known of one that was asked elsewhere before is kept, but not how far its changes are known:
        until it was listed as a whole where it is now, none are (`ArchivePosition.is_of`).
        """
        first = self._insert(ArchivePositionRow).values({**NOTHING_KNOWN, "archive": archive})
        row = ArchivePositionRow
        move = update(row).where(row.archive == archive, row.address != address)
        place = update(row).where(row.archive == archive)
        with self._sessions.begin() as session:
            session.execute(first.on_conflict_do_nothing())
            session.execute(move.values(former_address=row.address, cursor=None))
            session.execute(place.values(address=address))

    @as_store_error
    def arrive(self, archive: str, cursor: str | None, at: datetime, *, full_pass: bool = False) -> None:
        """Remember that an archive is known up to a cursor, and whether by a pass over all of it.

        That it has moved is settled by that, unless something it lacks where it is now is held.
        """
        self._set_position(
            archive, {"cursor": cursor, "updated_at": at, "error": ""}, at if full_pass else None
        )

    @as_store_error
    def accept_extra(self, archive: str, studies: int, instances: int) -> None:
        """Remember how many more an archive counts than it lists, so that it is not looked into again."""
        self._set_position(archive, {"extra_studies": studies, "extra_instances": instances}, None)

    @as_store_error
    def fail(self, archive: str, error: str) -> None:
        """Remember why an archive could not be looked at; what was known of it stays."""
        self._set_position(archive, {"state": "unreachable", "error": error}, None)

    def _set_position(self, archive: str, values: dict[str, Any], full_pass_at: datetime | None) -> None:
        with self._sessions.begin() as session:
            row = session.get(ArchivePositionRow, archive)
            if row is None:
                row = ArchivePositionRow(**NOTHING_KNOWN, archive=archive)
                session.add(row)
            for name, value in values.items():
                setattr(row, name, value)
            row.full_pass_at = full_pass_at or row.full_pass_at
            if "cursor" in values and row.former_address and not is_any_held(session, archive):
                row.former_address = None
            if "state" not in values:
                row.state = "incomplete" if row.full_pass_at is None else "current"

    # Rounds

    @as_store_error
    def begin_run(self, run: SyncRun) -> None:
        """Remember that a round has begun; one that was cut off before begins anew."""
        with self._sessions.begin() as session:
            session.execute(delete(SyncRunArchiveRow).where(SyncRunArchiveRow.run_id == run.run_id))
            session.merge(SyncRunRow(**_run_values(run)))

    @as_store_error
    def note_archive_run(self, run_id: str, run: ArchiveRun) -> None:
        """Remember what a round did with one archive."""
        values = {name: getattr(run, name) for name in _ARCHIVE_RUN}
        with self._sessions.begin() as session:
            session.merge(SyncRunArchiveRow(run_id=run_id, **values))

    @as_store_error
    def end_run(self, run: SyncRun) -> None:
        """Remember how a round ended; what it did with its archives is noted by itself."""
        with self._sessions.begin() as session:
            session.merge(SyncRunRow(**_run_values(run)))

    @as_store_error
    def end_cut_off(self, at: datetime) -> int:
        """Let the rounds that have not ended be told as failed, and return how many those were."""
        values = {
            "state": "failed",
            "ended_at": at,
            "error": "It was cut off: its worker ended before it did.",
        }
        with self._sessions.begin() as session:
            changed: Any = session.execute(
                update(SyncRunRow).where(SyncRunRow.state == "running").values(values)
            )
            return int(changed.rowcount)

    @as_store_error
    def runs(self, *, cause: str | None = None, limit: int = 50, offset: int = 0) -> Page[SyncRun]:
        """Return rounds, newest first."""
        wanted = select(SyncRunRow)
        if cause is not None:
            wanted = wanted.where(SyncRunRow.cause == cause)
        ordered = wanted.order_by(SyncRunRow.started_at.desc(), SyncRunRow.run_id)
        with self._sessions() as session:
            rows = session.scalars(ordered.limit(limit).offset(offset)).all()
            total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
            return Page(tuple(_runs(session, rows)), total)

    @as_store_error
    def newest_run(self, causes: Collection[str] | None = None) -> SyncRun | None:
        """Return the newest round, of some causes or of all; None when there is none."""
        newest = select(SyncRunRow).order_by(SyncRunRow.started_at.desc(), SyncRunRow.run_id).limit(1)
        if causes is not None:
            newest = newest.where(SyncRunRow.cause.in_(causes))
        with self._sessions() as session:
            row = session.scalar(newest)
            return None if row is None else _runs(session, [row])[0]

    @as_store_error
    def run(self, run_id: str) -> SyncRun | None:
        """Return a round, None when there is none of this identifier."""
        with self._sessions() as session:
            row = session.get(SyncRunRow, run_id)
            return None if row is None else _runs(session, [row])[0]

    # Changes

    @as_store_error
    def events(
        self,
        wanted: EventFilter = EventFilter(),  # noqa: B008 - frozen
        *,
        limit: int = 100,
        offset: int = 0,
    ) -> Page[InventoryEvent]:
        """Return what changed in the archives, newest first; what a first inventory found is not told."""
        table = InventoryEventRow
        chosen = select(table)
        for name in _EVENT_FILTER:
            value = getattr(wanted, name)
            if value is not None:
                chosen = chosen.where(getattr(table, name) == str(value))
        with self._sessions() as session:
            found = session.scalars(chosen.order_by(table.number.desc()).limit(limit).offset(offset))
            entries = tuple(_event(row) for row in found)
            total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
        return Page(entries, total)

    @as_store_error
    def forget_history(self, before: datetime) -> int:
        """Strike out rounds and changes from before a time, and return how many changes those were."""
        with self._sessions.begin() as session:
            old = select(SyncRunRow.run_id).where(SyncRunRow.started_at < before)
            session.execute(delete(SyncRunArchiveRow).where(SyncRunArchiveRow.run_id.in_(old)))
            session.execute(delete(SyncRunRow).where(SyncRunRow.started_at < before))
            gone: Any = session.execute(delete(InventoryEventRow).where(InventoryEventRow.at < before))
            return int(gone.rowcount)


def _position(row: ArchivePositionRow) -> ArchivePosition:
    return ArchivePosition(**{name: getattr(row, name) for name in _POSITION})


def _runs(session: Session, rows: Sequence[SyncRunRow]) -> list[SyncRun]:
    """Return rounds with what each did with its archives."""
    query = select(SyncRunArchiveRow).where(SyncRunArchiveRow.run_id.in_([row.run_id for row in rows]))
    archives: dict[str, list[ArchiveRun]] = {}
    for part in session.scalars(query.order_by(SyncRunArchiveRow.archive.desc())):
        run = ArchiveRun(**{name: getattr(part, name) for name in _ARCHIVE_RUN})
        archives.setdefault(part.run_id, []).append(run)
    return [
        SyncRun(**{name: getattr(row, name) for name in _RUN}, archives=tuple(archives.get(row.run_id, ())))
        for row in rows
    ]


def _run_values(run: SyncRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _RUN}


def _event(row: InventoryEventRow) -> InventoryEvent:
    return InventoryEvent(
        number=row.number,
        at=row.at,
        archive=row.archive,
        study_uid=StudyUid(row.study_uid),
        kind=EventKind(row.kind),
        instances_before=row.instances_before,
        instances_after=row.instances_after,
        run_id=row.run_id,
    )
