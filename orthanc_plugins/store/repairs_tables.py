"""The tables of repairs: identifiers, tags and numbers; values stay in files that only their owner reads."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class RepairRow(Base):
    """A repair of one study."""

    __tablename__ = "repairs"
    __table_args__ = (
        Index("repairs_study", "study_uid", "made_at"),
        Index("repairs_state", "state", "made_at"),
        Index("repairs_made", "made_at"),
        Index("repairs_ended", "ended_at"),
    )

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str]
    state: Mapped[str]
    policy: Mapped[str] = mapped_column(Text)
    plan_digest: Mapped[str]
    job_id: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    planned_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    applied_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    actions: Mapped[int]
    changes_instances: Mapped[int]
    changes_bytes: Mapped[int]
    done: Mapped[int]
    failed: Mapped[int]
    open_decisions: Mapped[int]
    error_name: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(Text)


class RepairActionRow(Base):
    """One action of a repair."""

    __tablename__ = "repair_actions"
    __table_args__ = (Index("repair_actions_state", "state", "repair_id"),)

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    archive: Mapped[str | None]
    series_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    instances: Mapped[int]
    tags: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    keep: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str]
    detail: Mapped[str] = mapped_column(Text)


class RepairChangeRow(Base):
    """One change a repair has made, and how it is undone."""

    __tablename__ = "repair_changes"
    __table_args__ = (Index("repair_changes_operation", "repair_id", "operation", unique=True),)

    repair_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    operation: Mapped[str]
    effect: Mapped[str]
    archive: Mapped[str]
    series_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    former: Mapped[str]
    later: Mapped[str]
    state: Mapped[str]
    noted_at: Mapped[datetime]
