"""Both archives against each other: set arithmetic over the inventory, in single statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, false, func, null, or_, select, union_all
from sqlalchemy.orm import aliased

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error, store_errors
from orthanc_plugins.store.inventory_checks import checked_now, is_current
from orthanc_plugins.store.inventory_part import (
    COLUMNS,
    InventoryPart,
    columns_of,
    in_chunks,
    row_of,
)
from orthanc_plugins.store.inventory_records import (
    LEFT,
    RIGHT,
    ArchivesCoverage,
    InventorySummary,
    Presence,
    StudyPair,
)
from orthanc_plugins.store.inventory_tables import ContentCheckRow, InventoryStudy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement

left = aliased(InventoryStudy, name="l")
"""The left side's rows."""

right = aliased(InventoryStudy, name="r")
"""The right side's rows."""

_WIDTH = len(COLUMNS)
_BATCH = 1000
"""Rows fetched at a time while a whole comparison is read."""

_counts_differ = or_(left.instance_count != right.instance_count, left.series_count != right.series_count)
_contents_differ = left.contents_digest != right.contents_digest
_attributes_differ = left.attributes_digest != right.attributes_digest

differ = or_(_counts_differ, _contents_differ, _attributes_differ)
"""That both sides of a study, joined, do not agree."""

missing_right = right.study_uid.is_(None)
"""On the left side joined with the right: that the right does not hold the study."""


class Comparison(InventoryPart):
    """Both archives against each other."""

    def differing(self, *, after: StudyUid | None = None, limit: int | None = None) -> Iterator[StudyPair]:
        """Yield every study that is not the same on both sides, by its UID; at most so many after one.

        One statement over both inventories, read as it comes. Says nothing of a side whose first pass has
        not come to its end: see `ArchivePosition.full_pass_at`.
        """
        ordered = _all_that_differ(after).order_by("study_uid").limit(limit)
        with store_errors("differing"), self._engine.connect() as connection:
            for values in connection.execution_options(yield_per=_BATCH).execute(ordered):
                yield _pair(values)

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
        """Return how many studies are where, and how many differ how, as far as is known."""
        both = ~missing_right
        of_left = (
            select(
                _counted(and_(both, ~differ)),
                _counted(and_(both, differ)),
                _counted(missing_right),
                _counted(and_(both, _counts_differ)),
                _counted(and_(both, ~_counts_differ, _contents_differ)),
                _counted(and_(both, _attributes_differ)),
            )
            .select_from(left)
            .outerjoin(right, same_study())
            .where(left.archive == LEFT)
        )
        with self._sessions() as session:
            same, differing, only_left, count, contents, attributes = map(int, session.execute(of_left).one())
            missing = session.scalar(_count_only_right()) or 0
            unequal = checked_now(equal=False, left=left, right=right).where(~differ)
            content = session.scalar(select(func.count()).select_from(unequal.subquery())) or 0
        return InventorySummary(
            same - content, differing + content, only_left, missing, count, contents, attributes, content
        )

    @as_store_error
    def standings(self) -> dict[StudyUid, Presence]:
        """Return how each study of the left stands towards the right: only left, differing, or the same.

        It differs by the inventories, or by a comparison of content that is current.
        """
        told = case(
            (missing_right, Presence.ONLY_LEFT.value),
            (or_(differ, func.coalesce(_unequal, false())), Presence.DIFFERING.value),
            else_=Presence.SAME.value,
        )
        query = (
            select(left.study_uid, told)
            .outerjoin(right, same_study())
            .outerjoin(_check, _check.study_uid == left.study_uid)
            .where(left.archive == LEFT)
        )
        with self._sessions() as session:
            return {StudyUid(uid): Presence(word) for uid, word in session.execute(query)}

    @as_store_error
    def coverage(self, classes: Iterable[str] = ()) -> ArchivesCoverage:
        """Return how many studies are where, and what of them was compared; one look at those of the left.

        Parameters
        ----------
        classes
            Names of classes of differences; the studies in which each was found are counted.
        """
        names = tuple(classes)
        columns = {**_coverage_counts(), **{f"class_{name}": _counted(_found(name)) for name in names}}
        of_left = (
            select(*(count.label(name) for name, count in columns.items()), _oldest_equal_at)
            .select_from(left)
            .outerjoin(right, same_study())
            .outerjoin(_check, and_(_check.study_uid == left.study_uid, ~missing_right))
            .where(left.archive == LEFT)
        )
        with self._sessions() as session:
            *counts, oldest = session.execute(of_left).one()
            missing = session.scalar(_count_only_right()) or 0
        found = dict(zip(columns, map(int, counts), strict=True))
        by_class = {name: count for name in names if (count := found.pop(f"class_{name}"))}
        return ArchivesCoverage(only_right=missing, by_class=by_class, oldest_equal_at=oldest, **found)


def _counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return how many rows fulfil a condition; those do not of which it is NULL."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _count_only_right() -> Any:
    """Return a select of the number of studies that the right side alone holds."""
    return select(func.count()).select_from(right).where(right.archive == RIGHT, not_left())


_check = ContentCheckRow
_both = ~missing_right
_by_content = func.coalesce(_check.depth == "content", false())
_current = func.coalesce(is_current(left, right), false())
_equal = and_(_both, _current, _check.equal)
_unequal = and_(_both, _current, ~_check.equal)
_oldest_equal_at = func.min(case((_equal, _check.checked_at)))


def _coverage_counts() -> dict[str, ColumnElement[int]]:
    """Return the counts of `ArchivesCoverage` over the left side, joined with the right and comparisons."""
    others = or_(_counts_differ, _contents_differ)
    return {
        "only_left": _counted(missing_right),
        "same_instances": _counted(and_(_both, ~others)),
        "other_instances": _counted(and_(_both, others)),
        "attributes": _counted(and_(_both, _attributes_differ)),
        "equal": _counted(_equal),
        "unequal": _counted(_unequal),
        "changed": _counted(and_(_both, _by_content, ~_current)),
        "never": _counted(and_(_both, ~_by_content)),
        "partly": _counted(and_(_unequal, _check.classes == "{}")),
        "differing": _counted(and_(_both, or_(differ, _unequal))),
    }


def _found(name: str) -> ColumnElement[bool]:
    """Return that a class of difference was found in content that is as it was then."""
    return and_(_unequal, _check.classes.contains(f'"{name}":', autoescape=True))


def _all_that_differ(after: StudyUid | None) -> Any:
    """Return a select of the studies that differ, with the columns of both sides: after a UID, or all."""
    uid = left.study_uid.label("study_uid")
    of_left = (
        select(uid, *_named(left, "l"), *_named(right, "r"))
        .select_from(left)
        .outerjoin(right, same_study())
        .where(left.archive == LEFT, or_(missing_right, differ))
    )
    nothing = (null().label(f"l_{name}") for name in COLUMNS)
    alone = select(right.study_uid.label("study_uid"), *nothing, *_named(right, "r")).where(
        right.archive == RIGHT, not_left()
    )
    if after is not None:
        of_left, alone = of_left.where(left.study_uid > after), alone.where(right.study_uid > after)
    return union_all(of_left, alone)


def _named(table: Any, prefix: str) -> Iterator[Any]:
    """Return the columns of one side under names of their own."""
    return (getattr(table, name).label(f"{prefix}_{name}") for name in COLUMNS)


def same_study() -> ColumnElement[bool]:
    """Return how the right side is joined to the left."""
    return and_(right.archive == RIGHT, right.study_uid == left.study_uid)


def not_left() -> ColumnElement[bool]:
    """Return that the left side does not hold a study of the right."""
    same = select(left.study_uid).where(left.archive == LEFT, left.study_uid == right.study_uid)
    return ~same.exists()


def _pair(values: Sequence[Any]) -> StudyPair:
    sides = values[1 : 1 + _WIDTH], values[1 + _WIDTH :]
    rows = (None if side[0] is None else row_of(side) for side in sides)
    return StudyPair(StudyUid(values[0]), *rows)
