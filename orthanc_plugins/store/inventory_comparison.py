"""Both archives against each other: set arithmetic over the inventory, in single statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, null, or_, select, text, union_all
from sqlalchemy.orm import aliased

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error, store_errors
from orthanc_plugins.store.inventory_part import (
    COLUMNS,
    InventoryPart,
    columns_of,
    in_chunks,
    row_of,
    searchable,
)
from orthanc_plugins.store.inventory_records import (
    LEFT,
    RIGHT,
    InventorySummary,
    Page,
    PatientSummary,
    Presence,
    StudyFilter,
    StudyPair,
)
from orthanc_plugins.store.inventory_tables import InventoryStudy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement

_left = aliased(InventoryStudy, name="l")
_right = aliased(InventoryStudy, name="r")
_WIDTH = len(COLUMNS)
_BATCH = 1000
"""Rows fetched at a time while a whole comparison is read."""

_counts_differ = or_(_left.instance_count != _right.instance_count, _left.series_count != _right.series_count)
_contents_differ = _left.contents_digest != _right.contents_digest
_attributes_differ = _left.attributes_digest != _right.attributes_digest
_differ = or_(_counts_differ, _contents_differ, _attributes_differ)
_missing_right = _right.study_uid.is_(None)
_LEFT_SIDE: dict[Presence | None, ColumnElement[bool] | None] = {
    None: None,
    Presence.ONLY_LEFT: _missing_right,
    Presence.BOTH: ~_missing_right,
    Presence.SAME: and_(~_missing_right, ~_differ),
    Presence.DIFFERING: and_(~_missing_right, _differ),
}
"""What of the left side, joined with the right, is asked for."""


class Comparison(InventoryPart):
    """Both archives against each other."""

    def differing(self, *, after: StudyUid | None = None, limit: int | None = None) -> Iterator[StudyPair]:
        """Yield every study that is not the same on both sides, by its UID; at most so many after one.

        One statement over both inventories, read as it comes. Says nothing of a side whose first pass has
        not come to its end: see `ArchivePosition.full_pass_at`.
        """
        statement = _pairs(or_(_missing_right, _differ), right_only=True, after=after)
        with store_errors("differing"), self._engine.connect() as connection:
            ordered = statement.order_by("study_uid").limit(limit)
            for values in connection.execution_options(yield_per=_BATCH).execute(ordered):
                yield _pair(values)

    @as_store_error
    def differing_among(self, study_uids: Iterable[StudyUid]) -> list[StudyPair]:
        """Return those of some studies that are not the same on both sides."""
        return [pair for pair in self.pairs(study_uids).values() if pair.differences]

    @as_store_error
    def pairs(self, study_uids: Iterable[StudyUid]) -> dict[StudyUid, StudyPair]:
        """Return some studies as both archives hold them; those that neither holds are left out."""
        rows: dict[StudyUid, dict[str, Any]] = {}
        with self._sessions() as session:
            for chunk in in_chunks(study_uids):
                query = select(*columns_of(InventoryStudy)).where(
                    InventoryStudy.archive.in_((LEFT, RIGHT)), InventoryStudy.study_uid.in_(chunk)
                )
                for row in map(row_of, session.execute(query)):
                    rows.setdefault(row.study_uid, {})[row.archive] = row
        return {uid: StudyPair(uid, held.get(LEFT), held.get(RIGHT)) for uid, held in rows.items()}

    @as_store_error
    def summary(self) -> InventorySummary:
        """Return how many studies are where, and how many differ how."""
        both = ~_missing_right
        of_left = (
            select(
                *(
                    func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
                    for condition in (
                        and_(both, ~_differ),
                        and_(both, _differ),
                        _missing_right,
                        and_(both, _counts_differ),
                        and_(both, ~_counts_differ, _contents_differ),
                        and_(both, _attributes_differ),
                    )
                )
            )
            .select_from(_left)
            .outerjoin(_right, _same_study())
            .where(_left.archive == LEFT)
        )
        only_right = select(func.count()).select_from(_right).where(_right.archive == RIGHT, _not_left())
        with self._sessions() as session:
            same, differing, only_left, count, contents, attributes = map(int, session.execute(of_left).one())
            missing = session.scalar(only_right) or 0
        return InventorySummary(same, differing, only_left, missing, count, contents, attributes)

    @as_store_error
    def studies(
        self,
        wanted: StudyFilter = StudyFilter(),  # noqa: B008 - frozen
        *,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[StudyPair]:
        """Return studies of both archives, newest study date first."""
        presence = wanted.presence
        statement = _pairs(
            _LEFT_SIDE.get(presence),
            left=presence is not Presence.ONLY_RIGHT,
            right_only=presence in {None, Presence.ONLY_RIGHT},
            among=_among(wanted),
        )
        newest_first = statement.order_by(text("study_date DESC"), text("study_uid DESC"))
        with self._sessions() as session:
            entries = tuple(
                _pair(values) for values in session.execute(newest_first.limit(limit).offset(offset))
            )
            total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
        return Page(entries, total)

    @as_store_error
    def patients(
        self, *, search: str | None = None, limit: int = 50, offset: int = 0
    ) -> Page[PatientSummary]:
        """Return patients of both archives by PatientID, with where their studies are; see `studies`."""
        table = InventoryStudy
        name = func.max(case((table.archive == LEFT, table.patient_name)))
        query = select(
            table.patient_id,
            func.coalesce(name, func.max(table.patient_name)),
            func.count(table.study_uid.distinct()),
            func.sum(case((table.archive == LEFT, 1), else_=0)),
            func.sum(case((table.archive == RIGHT, 1), else_=0)),
            func.max(table.listed_at),
        )
        everybody = select(table.patient_id)
        if search:
            found = table.patient_id.in_(select(table.patient_id).where(_matches(search)))
            query, everybody = query.where(found), everybody.where(found)
        grouped = query.group_by(table.patient_id).order_by(table.patient_id).limit(limit).offset(offset)
        with self._sessions() as session:
            entries = tuple(PatientSummary(*values) for values in session.execute(grouped))
            count = select(func.count()).select_from(everybody.distinct().subquery())
            return Page(entries, session.scalar(count) or 0)


def _pairs(
    of_left: ColumnElement[bool] | None,
    *,
    left: bool = True,
    right_only: bool = False,
    after: StudyUid | None = None,
    among: Any = None,
) -> Any:
    """Return a select of studies with the columns of both sides.

    Parameters
    ----------
    of_left
        What is asked for of the left side joined with the right; None is everything.
    left, right_only
        Whether studies of the left side, and those that only the right holds, are asked for.
    after
        Only studies whose UID comes after this one.
    among
        A select of Study Instance UIDs; only those.
    """
    parts = []
    if left:
        columns = (*_order(_left), *_named(_left, "l"), *_named(_right, "r"))
        joined = select(*columns).outerjoin(_right, _same_study()).where(_left.archive == LEFT)
        parts.append((joined if of_left is None else joined.where(of_left), _left.study_uid))
    if right_only:
        nothing = (null().label(f"l_{name}") for name in COLUMNS)
        alone = select(*_order(_right), *nothing, *_named(_right, "r"))
        parts.append((alone.where(_right.archive == RIGHT, _not_left()), _right.study_uid))
    limited = []
    for part, uid in parts:
        chosen = part if after is None else part.where(uid > after)
        limited.append(chosen if among is None else chosen.where(uid.in_(among)))
    return limited[0] if len(limited) == 1 else union_all(*limited)


def _order(table: Any) -> tuple[Any, Any]:
    """Return what studies are sorted by, under one name for both sides."""
    return table.study_uid.label("study_uid"), table.study_date.label("study_date")


def _named(table: Any, prefix: str) -> Iterator[Any]:
    """Return the columns of one side under names of their own."""
    return (getattr(table, name).label(f"{prefix}_{name}") for name in COLUMNS)


def _same_study() -> ColumnElement[bool]:
    return and_(_right.archive == RIGHT, _right.study_uid == _left.study_uid)


def _not_left() -> ColumnElement[bool]:
    """Return that the left side does not hold a study of the right."""
    same = select(_left.study_uid).where(_left.archive == LEFT, _left.study_uid == _right.study_uid)
    return ~same.exists()


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


def _pair(values: Sequence[Any]) -> StudyPair:
    _, _, *sides = values
    left, right = sides[:_WIDTH], sides[_WIDTH:]
    return StudyPair(
        StudyUid(values[0]),
        None if left[0] is None else row_of(left),
        None if right[0] is None else row_of(right),
    )
