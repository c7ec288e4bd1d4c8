"""Carries out a transfer of the ledger: the step of the workflow.

A transfer that cannot go on now, because its hours are over, an archive is away or the study is held by
another, ends its run with the outcome ``waiting``. It then holds no worker, for hours if need be, until the
watch hands it to the queue again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.content import same_content
from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    InstancesNotTaken,
    TransferError,
    TransferNotFound,
)
from orthanc_plugins.jobs import WAITING, JobState
from orthanc_plugins.rules import Window
from orthanc_plugins.store import InstanceState, TransferState, WaitsFor
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.refreshing import Refreshing
from orthanc_plugins.transfers import Effects, LeaseLostError, Transfer, held_study

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.archives.base import Archive, DicomFile
    from orthanc_plugins.identifiers import JobId, SopInstanceUid
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord, TransferredInstance
    from orthanc_plugins.transfers import Limiter, SameContent

logger = logging.getLogger(__name__)

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
"""Between two attempts at an archive that does not answer: 30 s, 1 min … 15 min."""

STUDY_WAIT = timedelta(seconds=10)
"""Until a study that another transfer holds is tried again."""

PATIENCE = timedelta(hours=2)
"""So long instances are sent again that an archive does not take although it answers and has space."""

GIVEN_UP_AFTER = timedelta(days=7)
"""So long a transfer is tried of which nothing more arrives: the archive does not answer, or is full."""

COUNTED_AT_MOST = 2 * LONGEST_WAIT
"""Of the time between two attempts, for `PATIENCE` and `GIVEN_UP_AFTER`: where there was no worker for hours,
nobody tried. Hours in which a transfer may not run count for nothing."""

_CHECKED_EVERY_S = 2.0
_ALLOWED = frozenset({DifferenceClass.COERCED, DifferenceClass.TRANSFER_SYNTAX_ONLY})
"""What an archive may do by its own rules: it says what it coerced, and decoded pixels are the same."""
_NAMED = 5


class _CancelledError(Exception):
    """Somebody has cancelled the transfer."""


class _HoursOverError(Exception):
    """The hours in which the transfer may run are over."""


class StudyTransfer:
    """The step of the workflow; one for all transfers of a worker.

    Parameters
    ----------
    limiter
        Shared by all transfers of this worker.
    clock
        Returns seconds that only grow.
    sleep
        Waits for so many seconds.
    now
        Returns the time.
    """

    def __init__(
        self,
        services: Services,
        limiter: Limiter,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._services = services
        self._transfers = services.store.transfers
        self._limiter = limiter
        self._clock = clock
        self._sleep = sleep
        self._now = now

    def run(self, job_id: JobId, holder: str, transfer_id: str) -> dict[str, JsonValue]:
        """Carry out a transfer and return how it ended, or that it waits.

        Parameters
        ----------
        holder
            Who does it, the same again only when nobody else can be doing it under this name.

        Raises
        ------
        TransferError
            Not every instance arrived; the ledger tells which and why.
        """
        record = self._transfers.transfer(transfer_id)
        if record is None:
            raise TransferNotFound("The ledger knows no transfer of this identifier: ask for it again.")
        if record.state in {TransferState.PARTLY, TransferState.FAILED}:
            raise TransferError(record.error_message or "It had failed before: do it again.")
        if record.state.ended:
            return {"outcome": record.state.value}
        opens = self._opens_at(record)
        if opens > self._now():
            return self._wait(record, WaitsFor.WINDOW, opens, f"It waits for its hours, {record.window}.")
        with held_study(
            self._services.store.leases, record.study_uid, f"{transfer_id} by {holder}", self._clock
        ) as lease:
            if lease is None:
                until = self._now() + STUDY_WAIT
                return self._wait(record, WaitsFor.STUDY, until, "Another transfer or repair has the study.")
            return self._attempt(self._transfers.begin(transfer_id), job_id, lease.guard)

    def _attempt(
        self, record: TransferRecord, job_id: JobId, guard: Callable[[], None]
    ) -> dict[str, JsonValue]:
        """Run the transfer once; whatever keeps it from its end is noted."""
        try:
            return self._carry_out(record, job_id, guard)
        except _CancelledError:
            self._transfers.end(record.transfer_id, TransferState.CANCELLED)
            return {"outcome": TransferState.CANCELLED.value}
        except _HoursOverError:
            reason = f"Its hours, {record.window}, are over; it goes on with what is missing."
            return self._wait(record, WaitsFor.WINDOW, self._opens_at(record), reason)
        except LeaseLostError:
            reason = "It no longer held the study: the database or this machine stood still for too long."
            return self._wait(record, WaitsFor.STUDY, self._now() + STUDY_WAIT, reason)
        except ArchiveUnavailable as error:
            return self._wait_for_archive(record, error)
        except ArchiveRefused as error:
            self._transfers.end(record.transfer_id, TransferState.FAILED, (type(error).__name__, str(error)))
            raise TransferError(str(error)) from error

    def _carry_out(
        self, record: TransferRecord, job_id: JobId, guard: Callable[[], None]
    ) -> dict[str, JsonValue]:
        source, destination = self._archive(record.source), self._archive(record.destination)
        known = self._transfers.instances(record.transfer_id)
        transfer = Transfer(
            source,
            destination,
            record.study_uid,
            Transport(record.transport),
            wanted=[one.sop_instance_uid for one in known] or None,
            known={one.sop_instance_uid: one for one in known},
            patient=timedelta(seconds=record.not_taken_s or 0) < PATIENCE,
            taken_out=self._taken_out(record, known),
        )
        effects = Effects(
            recorder=_LedgerRecorder(self._services, record.transfer_id),
            limiter=self._limiter,
            check=_Check(self, record, job_id, guard),
            guard=guard,
            pause=self._sleep,
            same_content=_compared(source.name) if record.verify == "content" else None,
            commit=self._services.commit if record.storage_commitment else None,
        )
        outcome = transfer.run(effects)
        self._transfers.hasten(record.destination, self._now())
        if outcome.state is not TransferState.FAILED:
            self._take_in(record, source, destination)
        if outcome.state is TransferState.VERIFIED:
            ended = self._transfers.end(record.transfer_id, TransferState.VERIFIED)
            return {"outcome": "verified", "instances": ended.verified, "sent": ended.sent}
        raise self._failed(record, outcome.state, outcome.remark)

    def _take_in(self, record: TransferRecord, *archives: Archive) -> None:
        """Have the inventory know what arrived before anybody is told that it did, and may delete it."""
        refreshing = Refreshing(self._services.store.inventory, self._now)
        refreshing.take_in(archives, record.study_uid, by=f"transfer:{record.transfer_id}")

    def _taken_out(
        self, record: TransferRecord, known: Sequence[TransferredInstance]
    ) -> dict[SopInstanceUid, str]:
        """Return what was deleted or rejected in the destination since the transfer was asked for."""
        found = self._services.store.inventory.buried(record.destination, [record.study_uid])
        tombstone = found.get(record.study_uid)
        if tombstone is None or tombstone.noted_at <= record.requested_at:
            return {}
        keys = {one.sop_instance_uid: instance_key(one.sop_instance_uid) for one in known}
        return {
            uid: f"It was {tombstone.kind_of(key)} in {record.destination} since this transfer was asked "
            "for: ask again if it is to go there all the same."
            for uid, key in keys.items()
            if tombstone.covers(key) and tombstone.kind_of(key).is_meant
        }

    def _failed(self, record: TransferRecord, state: TransferState, remark: str) -> TransferError:
        """Note that a transfer ended otherwise than verified, and return what to raise."""
        failed = self._transfers.instances(record.transfer_id, states=[InstanceState.FAILED])
        message = _told(record, failed, remark)
        self._transfers.end(record.transfer_id, state, (TransferError.__name__, message))
        return TransferError(message)

    # Waiting

    def _wait_for_archive(self, record: TransferRecord, error: ArchiveUnavailable) -> dict[str, JsonValue]:
        """Wait for an archive that is away, longer each time; with it wait all that wait for the same."""
        if self._in_vain(record, error) > GIVEN_UP_AFTER:
            message = f"It was tried for {GIVEN_UP_AFTER.days} days. {error}"
            state = TransferState.PARTLY if record.verified else TransferState.FAILED
            self._transfers.end(record.transfer_id, state, (type(error).__name__, message))
            raise TransferError(message) from error
        doublings = min(max(record.attempts - 1, 0), 10)
        until = self._now() + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
        waiting = self._wait(record, WaitsFor.ARCHIVE, until, str(error))
        if not isinstance(error, InstancesNotTaken):
            self._transfers.postpone(error.archive, until)
        return waiting

    def _in_vain(self, record: TransferRecord, error: ArchiveUnavailable) -> timedelta:
        """Note that an attempt failed; return for how long nothing more has arrived.

        Parameters
        ----------
        record
            The transfer as it was when the attempt began.
        """
        at = self._now()
        passed = timedelta(0) if record.failed_at is None else min(at - record.failed_at, COUNTED_AT_MOST)
        failing = timedelta(seconds=record.failing_s) + passed
        not_taken = (
            timedelta(0) if record.not_taken_s is None else timedelta(seconds=record.not_taken_s) + passed
        )
        now = self._transfers.transfer(record.transfer_id)
        if now is not None and _arrived(now) > _arrived(record):
            failing = not_taken = timedelta(0)
        not_taken_s = not_taken.total_seconds() if isinstance(error, InstancesNotTaken) else None
        self._transfers.note_failure(record.transfer_id, at, failing.total_seconds(), not_taken_s)
        return failing

    def _wait(
        self, record: TransferRecord, waits_for: WaitsFor, until: datetime, reason: str
    ) -> dict[str, JsonValue]:
        logger.info(
            "Transfer %s waits until %s: %s", record.transfer_id, until.isoformat("T", "seconds"), reason
        )
        self._transfers.wait(record.transfer_id, waits_for, until, reason)
        return {"outcome": WAITING, "reason": reason, "until": until.isoformat()}

    def _opens_at(self, record: TransferRecord) -> datetime:
        now = self._now()
        return now if record.window is None else Window.parse(record.window).opens_at(now)

    def _archive(self, name: str) -> Archive:
        """Return an archive of the settings.

        Raises
        ------
        ArchiveRefused
            It is not set any more.
        """
        archive = self._services.archives.get(ArchiveName(name))
        if archive is None:
            raise ArchiveRefused(
                f"{name} is not configured: set its address (Dcm4chee.Url), then do the transfer again.",
                archive=name,
            )
        return archive

    # What the check asks

    def clock(self) -> float:
        """Return seconds that only grow."""
        return self._clock()

    def refuse_to_go_on(self, record: TransferRecord, job_id: JobId) -> None:
        """Raise when a transfer was cancelled or its hours are over."""
        now = self._transfers.transfer(record.transfer_id)
        cancelled = now is None or now.state is TransferState.CANCELLED
        if cancelled or self._services.queue.job(job_id).state is JobState.CANCELLED:
            raise _CancelledError
        if self._opens_at(record) > self._now():
            raise _HoursOverError


def _arrived(record: TransferRecord) -> int:
    return record.already_there + record.accepted


class _Check:
    """Called between batches; asks no oftener than every few seconds."""

    def __init__(
        self, step: StudyTransfer, record: TransferRecord, job_id: JobId, guard: Callable[[], None]
    ) -> None:
        self._step = step
        self._record = record
        self._job_id = job_id
        self._guard = guard
        self._asked_at: float | None = None

    def __call__(self) -> None:
        self._guard()
        now = self._step.clock()
        if self._asked_at is None or now - self._asked_at >= _CHECKED_EVERY_S:
            self._asked_at = now
            self._step.refuse_to_go_on(self._record, self._job_id)


class _LedgerRecorder:
    """Writes down in the ledger how far a transfer is."""

    def __init__(self, services: Services, transfer_id: str) -> None:
        self._transfers = services.store.transfers
        self._transfer_id = transfer_id

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:
        """Remember how instances stand now."""
        self._transfers.note(self._transfer_id, instances, bytes_sent=bytes_sent)

    def become(self, state: TransferState) -> None:
        """Remember how far the transfer has come."""
        self._transfers.become(self._transfer_id, state)


def _compared(source: ArchiveName) -> SameContent:
    """Return what compares the source's and the destination's copy, which knows Orthanc's as the left one."""

    def compared(sent: DicomFile, there: DicomFile) -> str | None:
        left, right = (sent, there) if source is ArchiveName.ORTHANC else (there, sent)
        differences = [one for one in same_content(left, right) if one.kind not in _ALLOWED]
        if not differences:
            return None
        places = dict.fromkeys(one.keyword or one.tag or one.kind.value for one in differences)
        named = ", ".join(list(places)[:_NAMED])
        return named if len(places) <= _NAMED else f"{named} and {len(places) - _NAMED} more"

    return compared


def _told(record: TransferRecord, failed: Sequence[TransferredInstance], remark: str) -> str:
    """Return why a transfer is not verified, for a person."""
    if remark:
        return f"All that arrived is verified, but: {remark}"
    if not failed:
        return f"{record.source} holds nothing of the study that could be sent."
    more = "" if len(failed) == 1 else f" The ledger tells of the other {len(failed) - 1}."
    return (
        f"{counted(len(failed), 'instance')} did not arrive in {record.destination} as they should. "
        f"{failed[0].sop_instance_uid}: {failed[0].detail}{more}"
    )
