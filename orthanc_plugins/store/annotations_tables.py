"""The tables of what readers noted: patients' data, as the inventory's."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Float, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class AnnotatedObjectRow(Base):
    """An object in Orthanc that was looked at for annotations, or one that is gone."""

    __tablename__ = "annotated_objects"
    __table_args__ = (Index("annotated_objects_study", "study_uid"),)

    orthanc_id: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]
    series_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    modality: Mapped[str]
    patient_id: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]
    problem: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None]


class AnnotationRow(Base):
    """One value, text, segment or region of an object; ``detail`` is JSON, of what is not asked by."""

    __tablename__ = "annotations"
    __table_args__ = (Index("annotations_made", "made_at"),)

    orthanc_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    author: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str]
    label: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    value: Mapped[float | None] = mapped_column(Float)
    detail: Mapped[str] = mapped_column(Text)
