"""Comparisons of content that were made, with what both sides looked like when they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.orm import aliased

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_notes import ContentCheck, SideState
from orthanc_plugins.store.inventory_part import InventoryPart, in_chunks
from orthanc_plugins.store.inventory_records import LEFT, RIGHT, Page
from orthanc_plugins.store.inventory_tables import ContentCheckRow, InventoryStudy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

_SIDES = ("left", "right")


class Checks(InventoryPart):
    """The newest comparison of content of each study."""

    @as_store_error
    def note_check(self, check: ContentCheck) -> None:
        """Remember the outcome of a comparison; replaces what was known of the same study."""
        states = {
            f"{side}_{name}": None if state is None else value
            for side, state in (("left", check.left), ("right", check.right))
            for name, value in _state_values(state)
        }
        with self._sessions.begin() as session:
            session.merge(
                ContentCheckRow(
                    study_uid=check.study_uid,
                    checked_at=check.checked_at,
                    depth=check.depth,
                    equal=check.equal,
                    classes=json.dumps(dict(check.classes), sort_keys=True),
                    comparison_id=check.comparison_id,
                    path=check.path,
                    **states,
                )
            )

    @as_store_error
    def checks(self, study_uids: Iterable[StudyUid]) -> dict[StudyUid, ContentCheck]:
        """Return the newest comparisons of these studies, as far as there are any."""
        found: dict[StudyUid, ContentCheck] = {}
        with self._sessions() as session:
            for chunk in in_chunks(study_uids):
                query = select(ContentCheckRow).where(ContentCheckRow.study_uid.in_(chunk))
                found |= {StudyUid(row.study_uid): _check(row) for row in session.scalars(query)}
        return found

    @as_store_error
    def check_page(
        self, *, equal: bool | None = None, limit: int = 50, offset: int = 0
    ) -> Page[ContentCheck]:
        """Return comparisons, newest first: all, or only those that found the sides equal, or not."""
        wanted = select(ContentCheckRow)
        if equal is not None:
            wanted = wanted.where(ContentCheckRow.equal == equal)
        ordered = wanted.order_by(ContentCheckRow.checked_at.desc(), ContentCheckRow.study_uid)
        with self._sessions() as session:
            entries = tuple(_check(row) for row in session.scalars(ordered.limit(limit).offset(offset)))
            total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
        return Page(entries, total)

    @as_store_error
    def checks_of_absent(self, before: datetime) -> list[StudyUid]:
        """Return studies compared before a time that neither archive holds any more."""
        held = exists().where(
            InventoryStudy.archive.in_((LEFT, RIGHT)), InventoryStudy.study_uid == ContentCheckRow.study_uid
        )
        query = select(ContentCheckRow.study_uid).where(ContentCheckRow.checked_at < before, ~held)
        with self._sessions() as session:
            return [StudyUid(uid) for uid in session.scalars(query)]

    @as_store_error
    def forget_checks(self, study_uids: Iterable[StudyUid]) -> None:
        """Strike out the comparisons of some studies."""
        for chunk in in_chunks(study_uids):
            with self._sessions.begin() as session:
                session.execute(delete(ContentCheckRow).where(ContentCheckRow.study_uid.in_(chunk)))

    @as_store_error
    def due_for_check(
        self, *, limit: int = 100, after: StudyUid | None = None, again: bool = False
    ) -> list[StudyUid]:
        """Return studies that both archives hold and whose content was not compared as it is now.

        In the order of their UIDs, after one of them; with ``again`` also those that were.
        """
        left, right, check = aliased(InventoryStudy), aliased(InventoryStudy), ContentCheckRow
        both, current = (
            and_(right.archive == RIGHT, right.study_uid == left.study_uid),
            is_current(left, right),
        )
        query = select(left.study_uid).join(right, both).where(left.archive == LEFT)
        if not again:
            query = query.outerjoin(check, check.study_uid == left.study_uid)
            query = query.where(or_(check.study_uid.is_(None), func.coalesce(~current, True)))
        if after is not None:
            query = query.where(left.study_uid > after)
        with self._sessions() as session:
            return [StudyUid(uid) for uid in session.scalars(query.order_by(left.study_uid).limit(limit))]

    @as_store_error
    def known_equal(self) -> int:
        """Return how many studies both archives hold whose content is known to be equal as it is now."""
        with self._sessions() as session:
            query = select(func.count()).select_from(checked_now(equal=True).subquery())
            return session.scalar(query) or 0


def checked_now(*, equal: bool, left: Any = None, right: Any = None) -> Select[str]:
    """Return a select of the UIDs of studies that both hold, by what is known of their content as it is now.

    It goes from the comparisons to the studies by their keys. Conditions may be added on the aliases of both
    sides, where these are given.
    """
    check = ContentCheckRow
    left, right = left or aliased(InventoryStudy), right or aliased(InventoryStudy)
    return (
        select(check.study_uid)
        .join(left, and_(left.archive == LEFT, left.study_uid == check.study_uid))
        .join(right, and_(right.archive == RIGHT, right.study_uid == check.study_uid))
        .where(check.equal == equal, is_current(left, right))
    )


def is_current(left: Any, right: Any) -> ColumnElement[bool]:
    """Return that content was compared of both sides as they are now; NULL where nothing was compared."""
    check = ContentCheckRow
    return and_(
        check.depth == "content",
        check.left_revision == left.revision,
        check.left_contents == left.contents_digest,
        check.left_attributes == left.attributes_digest,
        check.right_revision == right.revision,
        check.right_contents == right.contents_digest,
        check.right_attributes == right.attributes_digest,
    )


def _state_values(state: SideState | None) -> Iterable[tuple[str, str | None]]:
    known = state or SideState("", "", "")
    return (
        ("revision", known.revision),
        ("contents", known.contents_digest),
        ("attributes", known.attributes_digest),
    )


def _side(row: ContentCheckRow, side: str) -> SideState | None:
    values: list[Any] = [getattr(row, f"{side}_{name}") for name in ("revision", "contents", "attributes")]
    return None if None in values else SideState(*values)


def _check(row: ContentCheckRow) -> ContentCheck:
    left, right = (_side(row, side) for side in _SIDES)
    return ContentCheck(
        study_uid=StudyUid(row.study_uid),
        checked_at=row.checked_at,
        left=left,
        right=right,
        depth=row.depth,
        equal=row.equal,
        classes=json.loads(row.classes),
        comparison_id=row.comparison_id,
        path=row.path,
    )
