"""What is gone from an archive and is not to be sent there again, and what is known of why it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select, update

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_notes import Absence, Hold, Tombstone
from orthanc_plugins.store.inventory_part import InventoryPart, in_chunks
from orthanc_plugins.store.inventory_records import Page, joined_keys, split_keys
from orthanc_plugins.store.inventory_tables import ArchivePositionRow, TombstoneRow
from orthanc_plugins.store.inventory_unsettled import mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

REAPPEARED = "reappeared"
"""Who lifted a tombstone when the instances came back to the archive by themselves."""


class Tombstones(InventoryPart):
    """The tombstones of both archives, one for each study of each."""

    @as_store_error
    def bury(self, tombstone: Tombstone) -> None:
        """Remember that instances, or a whole study, were taken out; adds to what is buried already."""
        with self._sessions.begin() as session:
            bury(session, tombstone)

    @as_store_error
    def lift(self, archive: str, study_uids: Iterable[StudyUid], *, at: datetime, by: str) -> int:
        """Let studies be sent to an archive again, mark them, return how many could not be."""
        lifted = 0
        for chunk in in_chunks(study_uids):
            statement = update(TombstoneRow).where(
                TombstoneRow.archive == archive,
                TombstoneRow.study_uid.in_(chunk),
                TombstoneRow.lifted_at.is_(None),
            )
            with self._sessions.begin() as session:
                changed: Any = session.execute(statement.values(lifted_at=at, lifted_by=by))
                mark(session, chunk, at)
                lifted += changed.rowcount
        return lifted

    @as_store_error
    def prove(self, archive: str, found: Mapping[StudyUid, frozenset[bytes] | None], kind: Absence) -> None:
        """Remember why instances are gone, as far as they are buried; None are all those of a study."""
        for chunk in in_chunks(found):
            with self._sessions.begin() as session:
                for uid, tombstone in holding(session, archive, chunk).items():
                    keys = found[uid]
                    known = tombstone.keys if keys is None else tombstone.keys & keys
                    if known:
                        proven = _proven(tombstone) | known
                        row = session.get_one(TombstoneRow, (archive, uid))
                        row.kind, row.proven = kind.value, joined_keys(proven)

    @as_store_error
    def holds(self) -> dict[str, Hold]:
        """Return the archives that lost so much at once that a person decides about it."""
        query = (
            select(TombstoneRow.archive, func.min(TombstoneRow.noted_at), func.count())
            .where(*_HELD)
            .group_by(TombstoneRow.archive)
        )
        places = select(
            ArchivePositionRow.archive, ArchivePositionRow.address, ArchivePositionRow.former_address
        )
        with self._sessions() as session:
            moved = {name: place for name, *place in session.execute(places)}
            return {
                name: Hold(name, since, studies, *moved.get(name, ()))
                for name, since, studies in session.execute(query)
            }

    @as_store_error
    def end_hold(self, archive: str, *, bury: bool, at: datetime, by: str) -> int:
        """Let all that is held be sent to an archive again, or ``bury`` it; return how many studies.

        What may be sent again is marked as unsettled, so that the next rounds deal with it.
        """
        values: dict[str, Any] = {"lifted_at": at, "lifted_by": by}
        if bury:
            values = {"kind": Absence.DECIDED.value, "proven": TombstoneRow.keys, "noted_by": by}
        with self._sessions.begin() as session:
            if not bury:
                held = select(TombstoneRow.study_uid).where(TombstoneRow.archive == archive, *_HELD)
                mark(session, map(StudyUid, session.scalars(held)), at)
            statement = update(TombstoneRow).where(TombstoneRow.archive == archive, *_HELD).values(values)
            changed: Any = session.execute(statement, execution_options={"synchronize_session": False})
            return int(changed.rowcount)

    @as_store_error
    def buried(self, archive: str, study_uids: Iterable[StudyUid]) -> dict[StudyUid, Tombstone]:
        """Return the tombstones that hold for these studies in an archive."""
        with self._sessions() as session:
            return {
                uid: tombstone
                for chunk in in_chunks(study_uids)
                for uid, tombstone in holding(session, archive, chunk).items()
            }

    @as_store_error
    def tombstones(
        self,
        *,
        archive: str | None = None,
        study_uid: StudyUid | None = None,
        lifted: bool | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> Page[Tombstone]:
        """Return tombstones, newest first: all, or those lifted, or those that hold."""
        wanted = select(TombstoneRow)
        if archive is not None:
            wanted = wanted.where(TombstoneRow.archive == archive)
        if study_uid is not None:
            wanted = wanted.where(TombstoneRow.study_uid == study_uid)
        if lifted is not None:
            ended = TombstoneRow.lifted_at.is_not(None)
            wanted = wanted.where(ended if lifted else ~ended)
        ordered = wanted.order_by(TombstoneRow.noted_at.desc(), TombstoneRow.study_uid, TombstoneRow.archive)
        with self._sessions() as session:
            found = session.scalars(ordered.limit(limit).offset(offset))
            entries = tuple(_tombstone(row) for row in found)
            total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
        return Page(entries, total)


_HELD = (TombstoneRow.kind == Absence.HELD.value, TombstoneRow.lifted_at.is_(None))


def is_any_held(session: Session, archive: str) -> bool:
    """Return whether anything that an archive lost waits for a person to decide."""
    return bool(session.scalar(select(exists().where(TombstoneRow.archive == archive, *_HELD))))


def bury(session: Session, tombstone: Tombstone) -> None:
    """Set a tombstone, or add to the one that holds; what is known of either stays known."""
    known = session.get(TombstoneRow, (tombstone.archive, tombstone.study_uid))
    keys = tombstone.keys
    whole = tombstone.whole
    kind = tombstone.kind
    proven = _proven(tombstone)
    if known is not None and known.lifted_at is None:
        before = _tombstone(known)
        keys |= before.keys
        whole |= before.whole
        proven |= _proven(before)
        kind = before.kind if kind == Absence.DISAPPEARED else kind
    session.merge(
        TombstoneRow(
            archive=tombstone.archive,
            study_uid=tombstone.study_uid,
            whole=whole,
            keys=joined_keys(keys),
            kind=kind,
            noted_at=tombstone.noted_at,
            noted_by=tombstone.noted_by,
            lifted_at=None,
            lifted_by="",
            proven=joined_keys(proven),
            held_at=tombstone.held_at,
        )
    )


def lift_present(session: Session, archive: str, present: Mapping[StudyUid, bytes], at: datetime) -> None:
    """Lift what is buried of instances that are in the archive again.

    A study that came back in part keeps a tombstone for those of its instances that did not.
    """
    for uid, tombstone in holding(session, archive, present).items():
        row = session.get_one(TombstoneRow, (archive, uid))
        left = tombstone.keys - split_keys(present[uid])
        row.whole = False
        row.keys = joined_keys(left)
        row.proven = joined_keys(left & _proven(tombstone))
        if not left:
            row.lifted_at, row.lifted_by = at, REAPPEARED


def holding(session: Session, archive: str, study_uids: Collection[StudyUid]) -> dict[StudyUid, Tombstone]:
    """Return the tombstones that hold for these studies."""
    query = select(TombstoneRow).where(
        TombstoneRow.archive == archive,
        TombstoneRow.study_uid.in_(study_uids),
        TombstoneRow.lifted_at.is_(None),
    )
    return {StudyUid(row.study_uid): _tombstone(row) for row in session.scalars(query)}


def _proven(tombstone: Tombstone) -> frozenset[bytes]:
    """Return the keys of which it is known why they are gone."""
    if tombstone.proven is not None:
        return tombstone.proven
    return tombstone.keys if Absence(tombstone.kind).is_meant else frozenset()


def _tombstone(row: TombstoneRow) -> Tombstone:
    return Tombstone(
        archive=row.archive,
        study_uid=StudyUid(row.study_uid),
        whole=row.whole,
        keys=split_keys(row.keys),
        kind=row.kind,
        noted_at=row.noted_at,
        noted_by=row.noted_by,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
        proven=split_keys(row.proven),
        held_at=row.held_at,
    )
