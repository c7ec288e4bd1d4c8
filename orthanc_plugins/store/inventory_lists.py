"""Studies and patients of both archives, page by page."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select, text, union_all

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_checks import checked_now
from orthanc_plugins.store.inventory_comparison import (
    Comparison,
    differ,
    left,
    missing_right,
    not_left,
    right,
    same_study,
)
from orthanc_plugins.store.inventory_part import searchable
from orthanc_plugins.store.inventory_records import (
    LEFT,
    RIGHT,
    Page,
    PatientSummary,
    Presence,
    StudyFilter,
    StudyPair,
)
from orthanc_plugins.store.inventory_tables import InventoryStudy

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

_differs = or_(differ, left.study_uid.in_(checked_now(equal=False)))
"""That both sides of a study, joined, are known to differ: by the inventories or in content."""

_OF_LEFT: dict[Presence, ColumnElement[bool]] = {
    Presence.ONLY_LEFT: missing_right,
    Presence.BOTH: ~missing_right,
    Presence.SAME: and_(~missing_right, ~_differs),
    Presence.DIFFERING: and_(~missing_right, _differs),
}
"""What of the left side, joined with the right, is asked for."""

_NEWEST_FIRST = text("study_date DESC"), text("study_uid DESC")


class Lists(Comparison):
    """Studies and patients of both archives."""

    @as_store_error
    def studies(
        self,
        wanted: StudyFilter = StudyFilter(),  # noqa: B008 - frozen
        *,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[StudyPair]:
        """Return studies of both archives, newest study date first."""
        among = _among(wanted)
        with self._sessions() as session:
            if wanted.presence is None:
                chosen = _newest_of_both(session, among, offset + limit)[offset:]
                parts = [_of_side(left, LEFT, among), _only_right(among)]
            else:
                part = _where(wanted.presence, among)
                page = part.order_by(*_NEWEST_FIRST).limit(limit).offset(offset)
                chosen = [StudyUid(uid) for uid, _ in session.execute(page)]
                parts = [part]
            counts = (select(func.count()).select_from(part.subquery()) for part in parts)
            total = sum(session.scalar(count) or 0 for count in counts)
        pairs = self.pairs(chosen)
        return Page(tuple(pairs[uid] for uid in chosen if uid in pairs), total)

    @as_store_error
    def patients(
        self, *, search: str | None = None, limit: int = 50, offset: int = 0
    ) -> Page[PatientSummary]:
        """Return patients of both archives by PatientID, with where their studies are; see `studies`."""
        table = InventoryStudy
        everybody = select(table.patient_id)
        if search:
            everybody = everybody.where(_matches(search))
        people = everybody.distinct()
        page = people.order_by(table.patient_id).limit(limit).offset(offset)
        name = func.max(case((table.archive == LEFT, table.patient_name)))
        query = select(
            table.patient_id,
            func.coalesce(name, func.max(table.patient_name)),
            func.count(table.study_uid.distinct()),
            func.sum(case((table.archive == LEFT, 1), else_=0)),
            func.sum(case((table.archive == RIGHT, 1), else_=0)),
            func.max(table.listed_at),
        )
        with self._sessions() as session:
            chosen = list(session.scalars(page))
            grouped = query.where(table.patient_id.in_(chosen)).group_by(table.patient_id)
            found = session.execute(grouped.order_by(table.patient_id))
            entries = tuple(PatientSummary(*values) for values in found)
            return Page(entries, session.scalar(select(func.count()).select_from(people.subquery())) or 0)


def _newest_of_both(session: Session, among: Any, count: int) -> list[StudyUid]:
    """Return the newest studies of either side; each gives its newest by its own index, nothing is joined."""
    sides = [
        _of_side(table, name, among).order_by(*_NEWEST_FIRST).limit(count).subquery()
        for table, name in ((left, LEFT), (right, RIGHT))
    ]
    both = union_all(*(select(side) for side in sides)).order_by(*_NEWEST_FIRST)
    each_once = dict.fromkeys(StudyUid(uid) for uid, _ in session.execute(both))
    return list(islice(each_once, count))


def _where(presence: Presence, among: Any) -> Any:
    """Return a select of the studies that are somewhere."""
    if presence is Presence.ONLY_RIGHT:
        return _only_right(among)
    return _of_side(left, LEFT, among).outerjoin(right, same_study()).where(_OF_LEFT[presence])


def _only_right(among: Any) -> Any:
    return _of_side(right, RIGHT, among).where(not_left())


def _of_side(table: Any, archive: str, among: Any) -> Any:
    """Return a select of a side's studies by what they are sorted by; ``among`` are UIDs, None is all."""
    columns = table.study_uid.label("study_uid"), table.study_date.label("study_date")
    chosen = select(*columns).select_from(table).where(table.archive == archive)
    return chosen if among is None else chosen.where(table.study_uid.in_(among))


def _among(wanted: StudyFilter) -> Any:
    """Return a select of the studies that either side knows under these conditions, None without any."""
    table = InventoryStudy
    conditions = []
    if wanted.patient_id is not None:
        conditions.append(table.patient_id == wanted.patient_id)
    if wanted.search:
        conditions.append(_matches(wanted.search))
    if wanted.first_date is not None:
        conditions.append(table.study_date >= wanted.first_date)
    if wanted.last_date is not None:
        conditions.append(table.study_date <= wanted.last_date)
    return select(table.study_uid).where(*conditions) if conditions else None


def _matches(search: str) -> ColumnElement[bool]:
    """Return that a patient is found by a text in which ``*`` stands for any characters."""
    parts = (searchable(part) for part in search.split("*"))
    escaped = (part.replace("/", "//").replace("%", "/%").replace("_", "/_") for part in parts)
    return InventoryStudy.search_text.like(f"%{'%'.join(escaped)}%", escape="/")
