"""The tables of transfers between archives, and of who holds what meanwhile."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from orthanc_plugins.store.models import Base


class TransferRow(Base):
    """A study, or some of its instances, on their way from one archive to another."""

    __tablename__ = "transfers"
    __table_args__ = (
        Index("transfers_study", "study_uid", "requested_at"),
        Index("transfers_state", "state", "requested_at"),
        Index("transfers_cause", "cause", "requested_at"),
        Index("transfers_requested", "requested_at"),
        Index("transfers_due", "not_before"),
        Index("transfers_updated", "updated_at"),
        Index("transfers_ended", "ended_at"),
    )

    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str]
    study_uid: Mapped[str]
    source: Mapped[str]
    destination: Mapped[str]
    cause: Mapped[str]
    transport: Mapped[str]
    priority: Mapped[int]
    verify: Mapped[str]
    storage_commitment: Mapped[bool]
    window: Mapped[str | None]
    state: Mapped[str]
    wanted: Mapped[int]
    already_there: Mapped[int]
    sent: Mapped[int]
    accepted: Mapped[int]
    verified: Mapped[int]
    failed: Mapped[int]
    bytes_sent: Mapped[int]
    attempts: Mapped[int]
    waits_for: Mapped[str | None]
    not_before: Mapped[datetime | None]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    error_name: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(Text)
    failed_at: Mapped[datetime | None]
    failing_s: Mapped[float]
    not_taken_s: Mapped[float | None]
    retries: Mapped[int]
    remark: Mapped[str] = mapped_column(Text)


class TransferInstanceRow(Base):
    """One instance of a transfer."""

    __tablename__ = "transfer_instances"
    __table_args__ = ({"sqlite_with_rowid": False},)

    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    sends: Mapped[int]
    failure_reason: Mapped[int | None]
    detail: Mapped[str] = mapped_column(Text)


class LeaseRow(Base):
    """Who alone may act on something, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]
