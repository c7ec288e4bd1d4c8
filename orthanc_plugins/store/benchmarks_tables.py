"""The table of benchmarks: what was asked for, how it stands, and where its results are."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Float, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class BenchmarkRow(Base):
    """A benchmark of both archives."""

    __tablename__ = "benchmarks"
    __table_args__ = (
        Index("benchmarks_requested", "requested_at"),
        Index("benchmarks_ended", "ended_at"),
    )

    benchmark_id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str]
    state: Mapped[str]
    scale: Mapped[float] = mapped_column(Float)
    rounds: Mapped[int]
    seed: Mapped[int]
    questions: Mapped[str]
    meant: Mapped[bool]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    orthanc_version: Mapped[str]
    dcm4chee_version: Mapped[str]
    dcm4chee_stand_in: Mapped[bool | None]
    folder: Mapped[str]
    findings: Mapped[str] = mapped_column(Text)
    progress: Mapped[str]
    error_name: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(Text)
