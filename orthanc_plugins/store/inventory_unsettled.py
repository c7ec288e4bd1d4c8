"""Studies that changed and of which it is not yet settled whether something is to be copied.

Whoever writes a change into the inventory marks its study in the same transaction. A round of synchronisation
looks at what is marked, whoever marked it and however long ago, and takes away the marks it has dealt with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_part import CHUNK, InventoryPart, in_chunks
from orthanc_plugins.store.inventory_tables import UnsettledStudy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

type Marks = Mapping[StudyUid, datetime]
"""Studies with when they were last marked."""


class Unsettled(InventoryPart):
    """The marks of studies that are to be looked at."""

    @as_store_error
    def unsettled(
        self, *, after: tuple[datetime, StudyUid] | None = None, limit: int = CHUNK
    ) -> dict[StudyUid, datetime]:
        """Return studies that are marked, those marked first come first; after one of them."""
        columns = UnsettledStudy.since, UnsettledStudy.study_uid
        query = select(*columns).order_by(*columns).limit(limit)
        if after is not None:
            query = query.where(tuple_(*columns) > after)
        with self._sessions() as session:
            return {StudyUid(uid): since for since, uid in session.execute(query)}

    @as_store_error
    def marks_of(self, study_uids: Iterable[StudyUid]) -> dict[StudyUid, datetime]:
        """Return those of some studies that are marked."""
        found: dict[StudyUid, datetime] = {}
        with self._sessions() as session:
            for chunk in in_chunks(study_uids):
                query = select(UnsettledStudy.study_uid, UnsettledStudy.since).where(
                    UnsettledStudy.study_uid.in_(chunk)
                )
                found |= {StudyUid(uid): since for uid, since in session.execute(query)}
        return found

    @as_store_error
    def settle(self, marks: Marks) -> None:
        """Take marks away; one that was set anew since it was read stays."""
        for chunk in in_chunks(marks):
            seen = [(uid, marks[uid]) for uid in chunk]
            statement = delete(UnsettledStudy).where(
                tuple_(UnsettledStudy.study_uid, UnsettledStudy.since).in_(seen)
            )
            with self._sessions.begin() as session:
                session.execute(statement, execution_options={"synchronize_session": False})

    @as_store_error
    def unsettle(self, study_uids: Iterable[StudyUid], at: datetime) -> None:
        """Mark studies as of now; those marked already go behind the others."""
        for chunk in in_chunks(study_uids):
            with self._sessions.begin() as session:
                mark(session, chunk, at)


def mark(session: Session, study_uids: Iterable[StudyUid], at: datetime) -> None:
    """Mark studies, in a transaction that is under way."""
    values = [{"study_uid": uid, "since": at} for uid in sorted(study_uids)]
    if not values:
        return
    kind: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = kind.insert(UnsettledStudy.__table__)
    since = statement.excluded.since
    session.execute(
        statement.on_conflict_do_update(index_elements=["study_uid"], set_={"since": since}), values
    )
