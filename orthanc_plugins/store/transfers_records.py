"""What is remembered of transfers: plain records, without the database's library."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid

type Depth = Literal["instances", "content"]
"""What is asked back: whether each instance is listed, or each one's content."""


class TransferState(StrEnum):
    """Where a transfer stands. `VERIFIED` alone is success."""

    QUEUED = "queued"
    """It waits for a worker, or for what ``waits_for`` says."""
    SENDING = "sending"
    SENT = "sent"
    """Everything has left; what the destination said of it is not yet known of each instance."""
    ACCEPTED = "accepted"
    """The destination said of every instance that it has it; it is now asked for them."""
    VERIFIED = "verified"
    """Every instance was asked back from the destination."""
    PARTLY = "partly"
    """Some instances are verified, others failed."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in _ENDED


_ENDED = frozenset(
    {TransferState.VERIFIED, TransferState.PARTLY, TransferState.FAILED, TransferState.CANCELLED}
)


class InstanceState(StrEnum):
    """Where one instance of a transfer stands."""

    QUEUED = "queued"
    SENDING = "sending"
    """It is about to leave or has left; should the worker end here, nobody knows whether it arrived."""
    ACCEPTED = "accepted"
    """The destination said that it has it, or listed it, before it was verified."""
    VERIFIED = "verified"
    FAILED = "failed"


class WaitsFor(StrEnum):
    """What a queued transfer waits for besides a worker."""

    HAND_OVER = "hand_over"
    """Its job has not yet been asked for."""
    ARCHIVE = "archive"
    """An archive did not answer."""
    WINDOW = "window"
    """Its hours have not come."""
    STUDY = "study"
    """Another transfer or a repair holds the study."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A transfer that is asked for.

    Parameters
    ----------
    transfer_id
        Made by whoever asks from what it is about, so that asking twice is one transfer.
    source, destination
        Names of archives.
    cause
        ``rule:NAME``, ``sync``, ``repair:ID`` or ``request``.
    transport
        ``stow`` or ``c-store``.
    wanted
        The instances; None for all that the source holds when the transfer begins.
    verify
        How the arrival is proven.
    window
        Hours in which it may run, as `rules.Window` reads them; None for always.
    remark
        Why it is not as whoever asked for it would have it by itself, for a person; empty where it is.
    """

    transfer_id: str
    job_id: JobId
    study_uid: StudyUid
    source: str
    destination: str
    cause: str
    transport: str
    wanted: tuple[SopInstanceUid, ...] | None = None
    priority: int = 0
    verify: Depth = "instances"
    storage_commitment: bool = False
    window: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A transfer as it stands now.

    Parameters
    ----------
    wanted
        Number of instances it is about; 0 before it has begun where all are wanted.
    already_there
        Of those, how many the destination held before anything was sent.
    sent, accepted, verified, failed
        How many left, were accepted after having left, were asked back (those already there, too), failed.
    bytes_sent
        Bytes of files that left, those sent again counted again.
    attempts
        How often it has begun.
    not_before
        When it will be looked at again; None while a worker or the queue has it.
    failed_at
        When an attempt failed last; None when none has, or its hours were over since.
    failing_s
        Seconds it has been tried in vain since something arrived last.
    not_taken_s
        Seconds that the destination has answered and not taken everything; None when the last attempt failed
        otherwise.
    retries
        How often it was asked for again by itself after it had failed.
    """

    transfer_id: str
    job_id: JobId
    study_uid: StudyUid
    source: str
    destination: str
    cause: str
    transport: str
    priority: int
    verify: Depth
    storage_commitment: bool
    window: str | None
    state: TransferState
    wanted: int
    already_there: int
    sent: int
    accepted: int
    verified: int
    failed: int
    bytes_sent: int
    attempts: int
    waits_for: WaitsFor | None
    not_before: datetime | None
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime
    error_name: str | None
    error_message: str | None
    failed_at: datetime | None = None
    failing_s: float = 0.0
    not_taken_s: float | None = None
    retries: int = 0
    remark: str = ""


@dataclass(frozen=True, slots=True)
class TransferredInstance:
    """One instance of a transfer.

    ``sends`` counts how often its bytes have begun to leave; 0 and verified is one that was already there.
    ``failure_reason`` is FailureReason (0008,1197) or a status of C-STORE-RSP; ``detail`` says what to do.
    """

    sop_instance_uid: SopInstanceUid
    state: InstanceState
    sends: int = 0
    failure_reason: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TransferTotals:
    """How much has gone to an archive in transfers of one state.

    ``settled`` counts those of ``transfers`` that failed and were made good since.
    """

    destination: str
    state: TransferState
    transfers: int
    instances_verified: int
    instances_failed: int
    bytes_sent: int
    settled: int = 0
