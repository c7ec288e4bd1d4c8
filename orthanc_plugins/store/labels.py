"""Which labels the suite has put on studies in Orthanc: these, and no person's own, it takes away again."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column, sessionmaker

from orthanc_plugins.identifiers import OrthancId, StudyUid
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_part import CHUNK
from orthanc_plugins.store.models import Base

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine


class StudyLabelRow(Base):
    """That the suite has put a label on a study."""

    __tablename__ = "study_labels"
    __table_args__ = (Index("study_labels_study", "study_uid"),)

    orthanc_id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]


_QUERY = select(StudyLabelRow.study_uid, StudyLabelRow.orthanc_id, StudyLabelRow.label)


class Labels:
    """The labels that are the suite's.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._kind = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._sessions = sessionmaker(engine)

    @as_store_error
    def all(self) -> dict[StudyUid, dict[OrthancId, frozenset[str]]]:
        """Return the labels that the suite has put, by study and resource."""
        return self._found(_QUERY)

    @as_store_error
    def of_study(self, study_uid: StudyUid) -> dict[OrthancId, frozenset[str]]:
        """Return the labels that the suite has put on the resources of one study."""
        return self._found(_QUERY.where(StudyLabelRow.study_uid == study_uid)).get(study_uid, {})

    def _found(self, query: Any) -> dict[StudyUid, dict[OrthancId, frozenset[str]]]:
        found: dict[StudyUid, dict[OrthancId, frozenset[str]]] = {}
        with self._sessions() as session:
            for study_uid, orthanc_id, label in session.execute(query):
                of_study = found.setdefault(StudyUid(study_uid), {})
                resource = OrthancId(orthanc_id)
                of_study[resource] = of_study.get(resource, frozenset()) | {label}
        return found

    @as_store_error
    def note(self, study_uid: StudyUid, orthanc_id: OrthancId, label: str) -> None:
        """Remember that the suite puts a label; to be said before it does."""
        statement = self._kind.insert(StudyLabelRow.__table__).values(
            orthanc_id=orthanc_id, label=label, study_uid=study_uid
        )
        with self._sessions.begin() as session:
            session.execute(statement.on_conflict_do_nothing())

    @as_store_error
    def forget(self, orthanc_ids: Collection[OrthancId], label: str | None = None) -> None:
        """Forget one label of some studies, or all of theirs: the suite no longer answers for them."""
        statement = delete(StudyLabelRow)
        if label is not None:
            statement = statement.where(StudyLabelRow.label == label)
        with self._sessions.begin() as session:
            for some in batched(orthanc_ids, CHUNK, strict=False):
                session.execute(statement.where(StudyLabelRow.orthanc_id.in_(some)))
