"""What each archive holds: putting it in, taking it out, and how far it is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, text, update

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_part import (
    CHUNK,
    NOTHING_KNOWN,
    InventoryPart,
    columns_of,
    in_chunks,
    row_of,
    row_values,
)
from orthanc_plugins.store.inventory_records import (
    EventKind,
    Holding,
    InventoryRow,
    InventoryTotals,
    StudyChange,
    split_keys,
)
from orthanc_plugins.store.inventory_tables import (
    ArchivePositionRow,
    InventoryContents,
    InventoryDate,
    InventoryEventRow,
    InventoryStudy,
)
from orthanc_plugins.store.inventory_tombstones import bury, lift_present
from orthanc_plugins.store.inventory_unsettled import mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from orthanc_plugins.store.inventory_notes import Writing

_COUNTERS = ("studies", "series", "instances")

type Known = Mapping[StudyUid, InventoryRow]
"""What was known of studies before an archive was asked for them; of those left out, nothing."""


class Holdings(InventoryPart):
    """What each archive holds."""

    @as_store_error
    def put(self, archive: str, holdings: Iterable[Holding], writing: Writing) -> list[StudyChange]:
        """Put studies in as they are now, and return what that changed; unchanged ones are not told.

        What is there again has its tombstone lifted. Of a study told twice the last is kept.
        """
        return self.put_over(archive, holdings, None, writing)[0]

    @as_store_error
    def put_over(
        self, archive: str, holdings: Iterable[Holding], known: Known | None, writing: Writing
    ) -> tuple[list[StudyChange], set[StudyUid]]:
        """Do so with the studies of which the same is known as before the archive was asked.

        Returns also the others: someone else has looked at them meanwhile, and they are left as they are.
        """
        latest = {holding.row.study_uid: holding for holding in holdings}
        changes: list[StudyChange] = []
        overtaken: set[StudyUid] = set()
        for chunk in in_chunks(latest):
            with self._sessions.begin() as session:
                self._lock(session, archive)
                before = _rows(session, archive, chunk)
                late = _overtaken(chunk, before, known)
                found = {uid: latest[uid] for uid in chunk if uid not in late}
                changes += self._put(session, archive, found, before, writing)
                overtaken |= late
        return changes, overtaken

    @as_store_error
    def remove(self, archive: str, study_uids: Iterable[StudyUid], writing: Writing) -> list[StudyChange]:
        """Take studies out that an archive no longer holds, and return those that were in."""
        return self.remove_over(archive, study_uids, None, writing)[0]

    @as_store_error
    def remove_over(
        self, archive: str, study_uids: Iterable[StudyUid], known: Known | None, writing: Writing
    ) -> tuple[list[StudyChange], set[StudyUid]]:
        """Do so with the studies of which the same is known as before; return also the others."""
        changes: list[StudyChange] = []
        overtaken: set[StudyUid] = set()
        for chunk in in_chunks(study_uids):
            with self._sessions.begin() as session:
                self._lock(session, archive)
                before = _rows(session, archive, chunk)
                late = _overtaken(chunk, before, known)
                found = {uid: row for uid, row in before.items() if uid not in late}
                changes += self._remove(session, archive, found, writing)
                overtaken |= late
        return changes, overtaken

    @as_store_error
    def seen(self, archive: str, study_uids: Iterable[StudyUid], pass_number: int, at: datetime) -> None:
        """Remember that a pass saw these studies unchanged."""
        for chunk in in_chunks(study_uids):
            statement = (
                update(InventoryStudy)
                .where(InventoryStudy.archive == archive, InventoryStudy.study_uid.in_(chunk))
                .values(pass_number=pass_number, listed_at=at)
            )
            with self._sessions.begin() as session:
                session.execute(statement, execution_options={"synchronize_session": False})

    @as_store_error
    def rows(self, archive: str, study_uids: Iterable[StudyUid]) -> dict[StudyUid, InventoryRow]:
        """Return what is known of these studies in an archive."""
        with self._sessions() as session:
            return {
                uid: row
                for chunk in in_chunks(study_uids)
                for uid, row in _rows(session, archive, chunk).items()
            }

    @as_store_error
    def rows_of_dates(self, archive: str, first: str, last: str) -> dict[StudyUid, InventoryRow]:
        """Return what is known of the studies of a range of dates; an empty first date takes undated ones."""
        query = select(*columns_of(InventoryStudy)).where(
            InventoryStudy.archive == archive, *_dates(InventoryStudy, first, last)
        )
        with self._sessions() as session:
            return {row.study_uid: row for row in map(row_of, session.execute(query))}

    @as_store_error
    def unseen(
        self, archive: str, pass_number: int, *, after: StudyUid | None = None, limit: int = CHUNK
    ) -> list[StudyUid]:
        """Return studies that a pass has not seen, in the order of their UIDs, after one of them."""
        query = select(InventoryStudy.study_uid).where(
            InventoryStudy.archive == archive, InventoryStudy.pass_number < pass_number
        )
        if after is not None:
            query = query.where(InventoryStudy.study_uid > after)
        with self._sessions() as session:
            found = session.scalars(query.order_by(InventoryStudy.study_uid).limit(limit))
            return [StudyUid(uid) for uid in found]

    @as_store_error
    def keys(self, archive: str, study_uid: StudyUid) -> bytes | None:
        """Return the keys of a study's instances, sorted, in one piece; None when it is not in."""
        with self._sessions() as session:
            row = session.get(InventoryContents, (archive, study_uid))
            return None if row is None else row.keys

    @as_store_error
    def studies_of_keys(self, archive: str, archive_keys: Iterable[str]) -> dict[str, StudyUid]:
        """Return the studies that an archive knows by these keys of its own, as far as they are in."""
        found: dict[str, StudyUid] = {}
        with self._sessions() as session:
            for chunk in in_chunks(StudyUid(key) for key in archive_keys):
                query = select(InventoryStudy.archive_key, InventoryStudy.study_uid).where(
                    InventoryStudy.archive == archive, InventoryStudy.archive_key.in_(chunk)
                )
                found |= {key: StudyUid(uid) for key, uid in session.execute(query)}
        return found

    @as_store_error
    def totals(self, archive: str, first: str = "", last: str = "~") -> InventoryTotals:
        """Return how much of an archive is in: all of it, or what is of a range of study dates.

        Costs as much as the archive has dates, not as it has studies. Studies without a date come first.
        """
        sums = (func.coalesce(func.sum(getattr(InventoryDate, name)), 0) for name in _COUNTERS)
        query = select(*sums).where(InventoryDate.archive == archive, *_dates(InventoryDate, first, last))
        with self._sessions() as session:
            return InventoryTotals(*(int(value) for value in session.execute(query).one()))

    @as_store_error
    def middle_date(self, archive: str, first: str, last: str) -> str | None:
        """Return the date by which half of the studies of a range are, None when all are of one date."""
        query = select(InventoryDate.study_date, InventoryDate.studies).where(
            InventoryDate.archive == archive, InventoryDate.studies > 0, *_dates(InventoryDate, first, last)
        )
        with self._sessions() as session:
            days = session.execute(query.order_by(InventoryDate.study_date)).all()
        half, counted = sum(studies for _, studies in days) / 2, 0
        for date, studies in days[:-1]:
            counted += studies
            if counted >= half:
                return str(date)
        return str(days[-2][0]) if len(days) > 1 else None

    @as_store_error
    def refresh_statistics(self) -> None:
        """Let the database look at how its tables have grown, so that it chooses good ways through them."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("PRAGMA analysis_limit=1000"))  # writers wait for it
            for table in (InventoryStudy, InventoryContents, InventoryDate, InventoryEventRow):
                connection.execute(text(f"ANALYZE {table.__tablename__}"))

    def _lock(self, session: Session, archive: str) -> None:
        """Keep other writers of this archive's rows waiting until the transaction ends."""
        first = self._insert(ArchivePositionRow).values({**NOTHING_KNOWN, "archive": archive})
        session.execute(
            first.on_conflict_do_update(
                index_elements=["archive"], set_={"pass_number": ArchivePositionRow.pass_number}
            )
        )

    def _put(
        self,
        session: Session,
        archive: str,
        holdings: Mapping[StudyUid, Holding],
        known: Known,
        writing: Writing,
    ) -> list[StudyChange]:
        before = {uid: row for uid, row in known.items() if uid in holdings}
        rows = [_dated(holding.row, before.get(uid)) for uid, holding in holdings.items()]
        self._upsert(session, InventoryStudy, [row_values(row) for row in rows])
        self._count(session, [*((row, -1) for row in before.values()), *((row, 1) for row in rows)])
        altered = {
            uid: holding
            for uid, holding in holdings.items()
            if uid not in before or before[uid].contents_digest != holding.row.contents_digest
        }
        keys = _keys(session, archive, [uid for uid in altered if uid in before])
        stored = [{"archive": archive, "study_uid": uid, "keys": one.keys} for uid, one in altered.items()]
        self._upsert(session, InventoryContents, stored)
        lift_present(session, archive, {uid: one.keys for uid, one in holdings.items()}, writing.at)
        changes = [
            _change(holding, before.get(uid), keys.get(uid, holding.keys))
            for uid, holding in holdings.items()
            if uid not in before or not before[uid].agrees_with(holding.row)
        ]
        for change in changes:
            if change.gone and writing.bury is not None:
                gone = frozenset(change.gone)
                bury(session, writing.tombstone(before[change.study_uid], gone))
        return _note(session, archive, changes, writing)

    def _remove(self, session: Session, archive: str, before: Known, writing: Writing) -> list[StudyChange]:
        keys = _keys(session, archive, list(before)) if writing.bury is not None else {}
        for uid, gone in keys.items():
            bury(session, writing.tombstone(before[uid], split_keys(gone), whole=True))
        for table in (InventoryStudy, InventoryContents):
            session.execute(delete(table).where(table.archive == archive, table.study_uid.in_(before)))
        self._count(session, [(row, -1) for row in before.values()])
        changes = [
            StudyChange(uid, EventKind.DISAPPEARED, row.instance_count, 0) for uid, row in before.items()
        ]
        return _note(session, archive, changes, writing)

    def _upsert(self, session: Session, table: Any, values: Sequence[Mapping[str, Any]]) -> None:
        if not values:
            return
        statement = self._insert(table)
        columns = table.__table__.columns
        changed = {
            column.name: statement.excluded[column.name] for column in columns if not column.primary_key
        }
        keys = [column.name for column in columns if column.primary_key]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(values))

    def _count(self, session: Session, rows: Iterable[tuple[InventoryRow, int]]) -> None:
        """Keep the totals by date: add or subtract rows."""
        sums: dict[tuple[str, str], Counter[str]] = {}
        for row, sign in rows:
            counted = sums.setdefault((row.archive, row.study_date), Counter())
            counted["studies"] += sign
            counted["series"] += sign * row.series_count
            counted["instances"] += sign * row.instance_count
        values = [
            {"archive": archive, "study_date": date, **{name: counted[name] for name in _COUNTERS}}
            for (archive, date), counted in sorted(sums.items())
            if any(counted.values())
        ]
        if not values:
            return
        statement = self._insert(InventoryDate)
        added = {name: getattr(InventoryDate, name) + statement.excluded[name] for name in _COUNTERS}
        session.execute(
            statement.on_conflict_do_update(index_elements=["archive", "study_date"], set_=added), values
        )


def _dates(table: Any, first: str, last: str) -> tuple[Any, Any]:
    """Return that a study's date is in a range; PostgreSQL takes no BETWEEN with a collation."""
    return table.study_date >= first, table.study_date <= last


def _rows(session: Session, archive: str, study_uids: Collection[StudyUid]) -> dict[StudyUid, InventoryRow]:
    query = select(*columns_of(InventoryStudy)).where(
        InventoryStudy.archive == archive, InventoryStudy.study_uid.in_(study_uids)
    )
    return {row.study_uid: row for row in map(row_of, session.execute(query))}


def _overtaken(study_uids: Iterable[StudyUid], before: Known, known: Known | None) -> set[StudyUid]:
    """Return the studies of which something else is known by now; none when that is not asked."""
    if known is None:
        return set()
    return {uid for uid in study_uids if not _is_still(before.get(uid), known.get(uid))}


def _is_still(row: InventoryRow | None, known: InventoryRow | None) -> bool:
    if row is None or known is None:
        return row is known
    return row.agrees_with(known) and row.revision == known.revision


def _keys(session: Session, archive: str, study_uids: Collection[StudyUid]) -> dict[StudyUid, bytes]:
    query = select(InventoryContents.study_uid, InventoryContents.keys).where(
        InventoryContents.archive == archive, InventoryContents.study_uid.in_(study_uids)
    )
    return {StudyUid(uid): keys for uid, keys in session.execute(query)} if study_uids else {}


def _dated(row: InventoryRow, before: InventoryRow | None) -> InventoryRow:
    """Return a row that remembers since when it has been as it is."""
    return replace(row, changed_at=before.changed_at) if before and before.agrees_with(row) else row


def _change(holding: Holding, before: InventoryRow | None, old_keys: bytes) -> StudyChange:
    row = holding.row
    if before is None:
        return StudyChange(row.study_uid, EventKind.APPEARED, 0, row.instance_count)
    was, now = split_keys(old_keys), split_keys(holding.keys)
    return StudyChange(
        row.study_uid,
        EventKind.CHANGED,
        before.instance_count,
        row.instance_count,
        come=tuple(sorted(now - was)),
        gone=tuple(sorted(was - now)),
    )


def _note(
    session: Session, archive: str, changes: Sequence[StudyChange], writing: Writing
) -> list[StudyChange]:
    """Mark what changed as unsettled, write it into the history, and return what came back as restored."""
    mark(session, {change.study_uid for change in changes}, writing.at)
    if not (changes and writing.note):
        return list(changes)
    appeared = [change.study_uid for change in changes if change.kind is EventKind.APPEARED]
    gone_before = _disappeared(session, archive, appeared)
    told = [
        replace(change, kind=EventKind.RESTORED) if change.study_uid in gone_before else change
        for change in changes
    ]
    values = [
        {
            "at": writing.at,
            "archive": archive,
            "study_uid": change.study_uid,
            "kind": change.kind.value,
            "instances_before": change.instances_before,
            "instances_after": change.instances_after,
            "run_id": writing.run_id,
        }
        for change in told
    ]
    session.execute(insert(InventoryEventRow.__table__), values)  # type: ignore[arg-type]
    return told


def _disappeared(session: Session, archive: str, study_uids: Collection[StudyUid]) -> set[StudyUid]:
    """Return those of the studies whose newest entry in the history says that they disappeared."""
    if not study_uids:
        return set()
    newest = (
        select(func.max(InventoryEventRow.number))
        .where(InventoryEventRow.archive == archive, InventoryEventRow.study_uid.in_(study_uids))
        .group_by(InventoryEventRow.study_uid)
    )
    query = select(InventoryEventRow.study_uid).where(
        InventoryEventRow.number.in_(newest), InventoryEventRow.kind == EventKind.DISAPPEARED.value
    )
    return {StudyUid(uid) for uid in session.scalars(query)}
