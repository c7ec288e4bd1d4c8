"""The tables of held objects and of what persons decide of them: the released side alone, as of releases."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class HeldRow(Base):
    """An object that waits for a person."""

    __tablename__ = "release_held"

    release_id: Mapped[str] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str]
    sop_class_uid: Mapped[str]
    holds: Mapped[str] = mapped_column(Text)
    boxes: Mapped[str] = mapped_column(Text)
    frames: Mapped[int]
    rows: Mapped[int]
    columns: Mapped[int]


class DecisionRow(Base):
    """What somebody decided of a held object; it stands until it is revoked."""

    __tablename__ = "release_decisions"
    __table_args__ = (Index("release_decisions_release", "release_id", "sop_instance_uid", "number"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    release_id: Mapped[str]
    sop_instance_uid: Mapped[str]
    content: Mapped[str]
    decide: Mapped[str]
    holds: Mapped[str] = mapped_column(Text)
    boxes: Mapped[str] = mapped_column(Text)
    frames: Mapped[str] = mapped_column(Text)
    why: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
