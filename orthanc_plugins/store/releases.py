"""What is remembered of releases: how they stand, and where they went."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.held_tables import DecisionRow, HeldRow
from orthanc_plugins.store.inventory_records import Page
from orthanc_plugins.store.releases_records import ReleaseAsker, ReleaseFilter, ReleaseRecord, ReleaseState
from orthanc_plugins.store.releases_tables import ReleaseAskerRow, ReleaseRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Engine, Select

_MAPPINGS = frozenset({"labels", "changes"})
_EMPTY = ReleaseFilter()


class Releases:
    """What is remembered of releases.

    Every method is one transaction. Raises StoreError when the database cannot be used.

    Parameters
    ----------
    now
        The time, aware; it is remembered to the minute.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._sessions = sessionmaker(engine)
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert
        self._now = now

    @as_store_error
    def begin(self, release_id: str, project: str, profile: str) -> None:
        """Remember that a release is begun; one that is known begins anew, and keeps its certificate."""
        values = _columns(ReleaseRecord(release_id, project, profile, ReleaseState.WORKING, self._minute()))
        again = {"state": ReleaseState.WORKING.value, "reason": "", "ended_at": None}
        statement = self._insert(ReleaseRow).values(**values)
        with self._sessions.begin() as session:
            session.execute(
                statement.on_conflict_do_update(index_elements=[ReleaseRow.release_id], set_=again)
            )

    @as_store_error
    def note(self, release_id: str, state: ReleaseState, **known: str | int | Mapping[str, Any]) -> None:
        """Remember how a release stands, and what is known of it by now.

        Parameters
        ----------
        known
            Fields of `ReleaseRecord`; those not given stay as they are.
        """
        values: dict[str, Any] = {name: _stored(name, value) for name, value in known.items()}
        values["state"] = state.value
        if state.ended:
            values["ended_at"] = self._minute()
        with self._sessions.begin() as session:
            session.execute(update(ReleaseRow).where(ReleaseRow.release_id == release_id).values(**values))

    @as_store_error
    def note_look(self, release_id: str, found: str) -> None:
        """Remember that the destination was looked at again, and what was otherwise there, empty for nothing.

        How the release stands is another matter: it left, and was certified as it then was.
        """
        values = {"looked_at": self._minute(), "look_found": found}
        with self._sessions.begin() as session:
            session.execute(update(ReleaseRow).where(ReleaseRow.release_id == release_id).values(**values))

    @as_store_error
    def note_asker(self, release_id: str, asker: str, *, begins: bool) -> None:
        """Remember that somebody asks for a release; fields as of `ReleaseAsker`."""
        row = ReleaseAskerRow(release_id=release_id, asker=asker, begins=begins, asked_at=self._minute())
        with self._sessions.begin() as session:
            session.add(row)

    @as_store_error
    def askers(self, release_ids: Collection[str]) -> dict[str, tuple[ReleaseAsker, ...]]:
        """Return who asked for releases, by release, those first who asked first."""
        query = select(ReleaseAskerRow).where(ReleaseAskerRow.release_id.in_(release_ids))
        found: dict[str, list[ReleaseAsker]] = {}
        with self._sessions() as session:
            for row in session.scalars(query.order_by(ReleaseAskerRow.number)):
                one = ReleaseAsker(row.asker, row.begins, row.asked_at)
                found.setdefault(row.release_id, []).append(one)
        return {release_id: tuple(askers) for release_id, askers in found.items()}

    @as_store_error
    def find(self, release_id: str) -> ReleaseRecord | None:
        """Return a release, None when there is none of this identifier."""
        with self._sessions() as session:
            row = session.get(ReleaseRow, release_id)
            return None if row is None else _record(row)

    @as_store_error
    def page(
        self, wanted: ReleaseFilter = _EMPTY, *, limit: int = 50, offset: int = 0
    ) -> Page[ReleaseRecord]:
        """Return releases, those begun last first."""
        query = _query(wanted)
        newest = query.order_by(ReleaseRow.begun_at.desc(), ReleaseRow.release_id)
        with self._sessions() as session:
            rows = session.scalars(newest.limit(limit).offset(offset))
            total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
            return Page(tuple(map(_record, rows)), total)

    @as_store_error
    def of_patient(self, project: str, pseudonym: str) -> tuple[ReleaseRecord, ...]:
        """Return all releases of a patient for a project, those begun last first."""
        query = _query(ReleaseFilter(project, pseudonym=pseudonym)).order_by(ReleaseRow.begun_at.desc())
        with self._sessions() as session:
            return tuple(map(_record, session.scalars(query)))

    @as_store_error
    def forget_project(self, project: str) -> int:
        """Forget the releases of a project, and return how many they were."""
        ids = select(ReleaseRow.release_id).where(ReleaseRow.project == project)
        with self._sessions.begin() as session:
            for part in (ReleaseAskerRow, HeldRow, DecisionRow):
                session.execute(delete(part).where(part.release_id.in_(ids)))
            gone: Any = session.execute(delete(ReleaseRow).where(ReleaseRow.project == project))
            return int(gone.rowcount)

    def _minute(self) -> datetime:
        return self._now().replace(second=0, microsecond=0)


def _query(wanted: ReleaseFilter) -> Select[ReleaseRow]:
    query = select(ReleaseRow)
    if wanted.project is not None:
        query = query.where(ReleaseRow.project == wanted.project)
    if wanted.state is not None:
        query = query.where(ReleaseRow.state == wanted.state.value)
    if wanted.pseudonym is not None:
        query = query.where(ReleaseRow.pseudonym == wanted.pseudonym)
    return query


def _columns(record: ReleaseRecord) -> dict[str, Any]:
    return {field.name: _stored(field.name, getattr(record, field.name)) for field in fields(record)}


def _stored(name: str, value: Any) -> Any:
    if name in _MAPPINGS:
        return json.dumps(dict(value), sort_keys=True)
    return value.value if isinstance(value, ReleaseState) else value


def _record(row: ReleaseRow) -> ReleaseRecord:
    values = {field.name: getattr(row, field.name) for field in fields(ReleaseRecord)}
    values |= {name: json.loads(values[name]) for name in _MAPPINGS}
    return ReleaseRecord(**{**values, "state": ReleaseState(row.state)})
