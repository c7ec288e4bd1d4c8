"""The tables of the inventory: what each archive holds, its history, and what was found in it.

PatientID, PatientName and StudyDate stand in ``inventory_studies``, because patients are found across both
archives there: the database is to be kept like the archives themselves. No other table holds them, and
nothing of them goes into jobs, logs or error texts.

There is no row for each instance (a hundred million are no rarity): a study's row has the digest of its
instances, and ``inventory_contents`` beside it their keys in one piece, so that whole archives are compared
over narrow rows and a single study exactly.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base

_Code = String().with_variant(String(collation="C"), "postgresql")
"""Text without a language: compared by bytes, several times as fast as by a language's rules."""

_Number = BigInteger().with_variant(Integer(), "sqlite")
"""Counted by the database; SQLite does so for this one type only."""


class InventoryStudy(Base):
    """A study in an archive."""

    __tablename__ = "inventory_studies"
    __table_args__ = (
        Index("inventory_studies_key", "archive", "archive_key"),
        Index("inventory_studies_date", "archive", "study_date", "study_uid"),
        Index("inventory_studies_patient", "patient_id", "search_text"),
        Index("inventory_studies_modalities", "archive", "modalities", "series_count", "instance_count"),
        {"sqlite_with_rowid": False},
    )

    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    study_uid: Mapped[str] = mapped_column(_Code, primary_key=True)
    contents_digest: Mapped[str] = mapped_column(_Code)
    attributes_digest: Mapped[str] = mapped_column(_Code)
    series_count: Mapped[int]
    instance_count: Mapped[int]
    patient_id: Mapped[str] = mapped_column(_Code)
    patient_name: Mapped[str] = mapped_column(_Code)
    search_text: Mapped[str] = mapped_column(_Code)
    study_date: Mapped[str] = mapped_column(_Code)
    modalities: Mapped[str] = mapped_column(_Code)
    revision: Mapped[str] = mapped_column(_Code)
    archive_key: Mapped[str] = mapped_column(_Code)
    listed_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    pass_number: Mapped[int]


class InventoryContents(Base):
    """The keys of a study's instances, sorted, in one piece."""

    __tablename__ = "inventory_contents"

    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    study_uid: Mapped[str] = mapped_column(_Code, primary_key=True)
    keys: Mapped[bytes] = mapped_column(LargeBinary)


class InventoryDate(Base):
    """How much of an archive is in the inventory, by study date; kept by each change of it."""

    __tablename__ = "inventory_dates"

    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    study_date: Mapped[str] = mapped_column(_Code, primary_key=True)
    studies: Mapped[int]
    series: Mapped[int]
    instances: Mapped[int]


class UnsettledStudy(Base):
    """A study that changed since a round of synchronisation last dealt with it, and when it was marked."""

    __tablename__ = "unsettled_studies"
    __table_args__ = (
        Index("unsettled_studies_since", "since", "study_uid"),
        {"sqlite_with_rowid": False},
    )

    study_uid: Mapped[str] = mapped_column(_Code, primary_key=True)
    since: Mapped[datetime]


class ArchivePositionRow(Base):
    """How far an archive's changes are known."""

    __tablename__ = "archive_positions"

    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    cursor: Mapped[str | None]
    pass_number: Mapped[int]
    full_pass_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
    state: Mapped[str]
    error: Mapped[str] = mapped_column(Text)
    extra_studies: Mapped[int]
    extra_instances: Mapped[int]
    address: Mapped[str | None]
    former_address: Mapped[str | None]


class InventoryEventRow(Base):
    """One change of one study in one archive."""

    __tablename__ = "inventory_events"
    __table_args__ = (
        Index("inventory_events_study", "study_uid", "archive", "number"),
        Index("inventory_events_run", "run_id", "number"),
        Index(
            "inventory_events_at",
            "at",
            "number",
            "archive",
            "kind",
            "instances_before",
            "instances_after",
        ),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True)
    at: Mapped[datetime]
    archive: Mapped[str] = mapped_column(_Code)
    study_uid: Mapped[str] = mapped_column(_Code)
    kind: Mapped[str]
    instances_before: Mapped[int]
    instances_after: Mapped[int]
    run_id: Mapped[str] = mapped_column(_Code)


class SyncRunRow(Base):
    """A round of synchronisation."""

    __tablename__ = "sync_runs"
    __table_args__ = (Index("sync_runs_started", "started_at"),)

    run_id: Mapped[str] = mapped_column(_Code, primary_key=True)
    cause: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    state: Mapped[str]
    differing: Mapped[int | None]
    transfers_asked: Mapped[int]
    error: Mapped[str] = mapped_column(Text)


class SyncRunArchiveRow(Base):
    """What a round did with one archive."""

    __tablename__ = "sync_run_archives"

    run_id: Mapped[str] = mapped_column(_Code, primary_key=True)
    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    how: Mapped[str]
    looked_at: Mapped[int]
    appeared: Mapped[int]
    changed: Mapped[int]
    disappeared: Mapped[int]
    requests: Mapped[int]
    seconds: Mapped[float] = mapped_column(Float)
    error: Mapped[str] = mapped_column(Text)


class TombstoneRow(Base):
    """That a study, or the instances of some keys, are gone from an archive."""

    __tablename__ = "tombstones"
    __table_args__ = (Index("tombstones_kind", "kind", "archive"),)

    archive: Mapped[str] = mapped_column(_Code, primary_key=True)
    study_uid: Mapped[str] = mapped_column(_Code, primary_key=True)
    whole: Mapped[bool]
    keys: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str]
    proven: Mapped[bytes] = mapped_column(LargeBinary)
    held_at: Mapped[datetime | None]


class OrthancDeletionRow(Base):
    """That Orthanc said it deleted a study or an instance, by Orthanc's identifier."""

    __tablename__ = "orthanc_deletions"
    __table_args__ = (Index("orthanc_deletions_time", "deleted_at"),)

    orthanc_id: Mapped[str] = mapped_column(_Code, primary_key=True)
    deleted_at: Mapped[datetime]


class ContentCheckRow(Base):
    """The outcome of the newest comparison of a study's content, with what both sides looked like then."""

    __tablename__ = "content_checks"
    __table_args__ = (Index("content_checks_checked", "checked_at"),)

    study_uid: Mapped[str] = mapped_column(_Code, primary_key=True)
    checked_at: Mapped[datetime]
    left_revision: Mapped[str | None] = mapped_column(_Code)
    left_contents: Mapped[str | None] = mapped_column(_Code)
    left_attributes: Mapped[str | None] = mapped_column(_Code)
    right_revision: Mapped[str | None] = mapped_column(_Code)
    right_contents: Mapped[str | None] = mapped_column(_Code)
    right_attributes: Mapped[str | None] = mapped_column(_Code)
    depth: Mapped[str]
    equal: Mapped[bool]
    classes: Mapped[str] = mapped_column(Text)
    comparison_id: Mapped[str]
    path: Mapped[str]
