"""What readers noted, by the object it stands in: replaced as a whole, and kept when the object is gone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.store.annotations_tables import AnnotatedObjectRow, AnnotationRow
from orthanc_plugins.store.engine import as_store_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Engine

    from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid


@dataclass(frozen=True)
class AnnotatedObject:
    """An object that was looked at; ``problem`` says why nothing of it could be read."""

    orthanc_id: OrthancId
    study_uid: StudyUid
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    modality: str
    patient_id: str
    received_at: datetime
    problem: str = ""
    removed_at: datetime | None = None


@dataclass(frozen=True)
class NotedValue:
    """One row of an object; ``detail`` is a JSON object."""

    number: int
    kind: str
    author: str
    made_at: str
    label: str
    text: str
    value: float | None
    detail: str = "{}"


@dataclass(frozen=True)
class AnnotationFilter:
    """Which rows are asked for: empty means any. ``since`` and ``until`` are ISO 8601, ``until`` left out."""

    study_uid: str = ""
    patient_id: str = ""
    author: str = ""
    kind: str = ""
    modality: str = ""
    since: str = ""
    until: str = ""
    words: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a row has to fulfil."""
        noted, held = AnnotationRow, AnnotatedObjectRow
        found: list[ColumnElement[bool]] = []
        for column, wanted in (
            (held.study_uid, self.study_uid),
            (held.patient_id, self.patient_id),
            (noted.kind, self.kind),
            (held.modality, self.modality),
        ):
            if wanted:
                found.append(column == wanted)
        if self.author:
            found.append(noted.author.icontains(self.author, autoescape=True))
        if self.since:
            found.append(noted.made_at >= self.since)
        if self.until:
            found.append((noted.made_at != "") & (noted.made_at < self.until))
        for word in self.words.split():
            columns = (noted.label, noted.text, noted.author)
            found.append(or_(*(column.icontains(word, autoescape=True) for column in columns)))
        return found


@dataclass(frozen=True)
class AnnotationPage:
    """Rows with their objects, and how many there are in all."""

    entries: list[tuple[AnnotatedObject, NotedValue]] = field(default_factory=list)
    total: int = 0


class Annotations:
    """The index of what readers noted.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine)

    @as_store_error
    def replace(self, held: AnnotatedObject, noted: Iterable[NotedValue]) -> None:
        """Have an object's rows be these alone; when it first came stays as it was."""
        with self._sessions.begin() as session:
            known = session.get(AnnotatedObjectRow, held.orthanc_id)
            values = vars(held) | ({"received_at": known.received_at} if known is not None else {})
            session.merge(AnnotatedObjectRow(**_storable(values)))
            session.execute(delete(AnnotationRow).where(AnnotationRow.orthanc_id == held.orthanc_id))
            session.add_all(
                AnnotationRow(orthanc_id=held.orthanc_id, **_storable(vars(one))) for one in noted
            )

    @as_store_error
    def mark_removed(self, orthanc_id: OrthancId) -> None:
        """Note that an object is gone; its rows stay in the history and say so."""
        statement = update(AnnotatedObjectRow).where(
            AnnotatedObjectRow.orthanc_id == orthanc_id, AnnotatedObjectRow.removed_at.is_(None)
        )
        with self._sessions.begin() as session:
            session.execute(statement.values(removed_at=datetime.now(UTC)))

    @as_store_error
    def page(self, wanted: AnnotationFilter, *, limit: int, offset: int = 0) -> AnnotationPage:
        """Return rows, newest first, each with its object."""
        joined = (
            select(AnnotatedObjectRow, AnnotationRow)
            .join(AnnotationRow, AnnotationRow.orthanc_id == AnnotatedObjectRow.orthanc_id)
            .where(*wanted.conditions())
        )
        ordered = joined.order_by(
            AnnotationRow.made_at.desc(), AnnotationRow.orthanc_id, AnnotationRow.number
        )
        with self._sessions() as session:
            total = session.scalar(select(func.count()).select_from(joined.subquery())) or 0
            rows = session.execute(ordered.limit(limit).offset(offset)).all()
            entries = [(_record(AnnotatedObject, one), _record(NotedValue, two)) for one, two in rows]
        return AnnotationPage(entries, total)

    @as_store_error
    def problems(self) -> list[AnnotatedObject]:
        """Return the objects of which nothing could be read and that are still there."""
        query = select(AnnotatedObjectRow).where(
            AnnotatedObjectRow.problem != "", AnnotatedObjectRow.removed_at.is_(None)
        )
        with self._sessions() as session:
            return [_record(AnnotatedObject, row) for row in session.scalars(query)]


def _record[T](kind: type[T], row: Any) -> T:
    return kind(**{one.name: getattr(row, one.name) for one in fields(kind)})  # type: ignore[arg-type]


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """Return values without zero characters, which PostgreSQL refuses: one would lose the whole object."""
    return {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in values.items()
    }
