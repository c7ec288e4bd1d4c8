"""The suite's own tables.

Identifiers and numbers only: no patient's name, birth date or identifier is stored in the tables of this
module (the inventory's are the exception, see ``inventory_tables``). Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Float, Index, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time; aware in Python, UTC in every database (SQLite forgets time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time in UTC; a naive one is refused."""
        if value is not None and value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the stored time as aware UTC."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: UtcDateTime, int: BigInteger(), str: String}  # noqa: RUF012


class Position(Base):
    """How far a log has been read."""

    __tablename__ = "positions"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class JobSubject(Base):
    """What a job acts on, so that jobs can be found by study, series or instance."""

    __tablename__ = "job_subjects"
    __table_args__ = (
        Index("job_subjects_study", "study_uid"),
        Index("job_subjects_instance", "instance_orthanc_id"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]
    series_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    instance_orthanc_id: Mapped[str]


class Awaited(Base):
    """A job that wants to hear of images: it waits for them, or went on without some of them."""

    __tablename__ = "awaited_images"
    __table_args__ = (
        Index("awaited_images_series", "image_series_uid"),
        Index("awaited_images_study", "study_uid"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]
    image_series_uid: Mapped[str | None]
    images_present: Mapped[int]
    images_missing: Mapped[int]
    reason: Mapped[str]
    blocking: Mapped[bool]
    since: Mapped[datetime]


class Phase(Base):
    """One phase of a job's work, shown while it runs and after."""

    __tablename__ = "job_phases"
    __table_args__ = (Index("job_phases_started", "started_at"),)

    job_id: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    started_at: Mapped[datetime]
    duration_s: Mapped[float | None] = mapped_column(Float)


class StructureResult(Base):
    """Where the results of one structure set are."""

    __tablename__ = "structure_results"
    __table_args__ = (
        Index("structure_results_series", "series_uid"),
        Index("structure_results_study", "study_uid"),
        Index("structure_results_job", "job_id"),
        Index("structure_results_created", "created_at"),
    )

    instance_orthanc_id: Mapped[str] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str]
    series_uid: Mapped[str]
    study_uid: Mapped[str]
    job_id: Mapped[str]
    folder: Mapped[str]
    regions: Mapped[int]
    regions_with_problems: Mapped[int]
    created_at: Mapped[datetime]


class Worker(Base):
    """A worker process and when it last said that it lives."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    process_id: Mapped[int]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
