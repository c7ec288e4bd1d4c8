"""The tables of releases: the released side alone. No column leads back to an original, nor to a job."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class ReleaseRow(Base):
    """A study that was de-identified for a project, or was kept from it."""

    __tablename__ = "releases"
    __table_args__ = (
        Index("releases_begun", "begun_at", "release_id"),
        Index("releases_project", "project", "state", "begun_at"),
        Index("releases_ended", "ended_at"),
    )

    release_id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]
    profile: Mapped[str]
    policy_digest: Mapped[str]
    state: Mapped[str]
    pseudonym: Mapped[str]
    study_uid: Mapped[str]
    instances: Mapped[int]
    destination: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    labels: Mapped[str] = mapped_column(Text)
    changes: Mapped[str] = mapped_column(Text)
    certificate_sha256: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    look_found: Mapped[str] = mapped_column(Text, server_default="")


class ReleaseAskerRow(Base):
    """That somebody asked for a release."""

    __tablename__ = "release_askers"
    __table_args__ = (Index("release_askers_release", "release_id", "number"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    release_id: Mapped[str]
    asker: Mapped[str]
    begins: Mapped[bool]
    asked_at: Mapped[datetime]
