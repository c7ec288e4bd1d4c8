"""The jobs of repairs: asked for, one at a time, and told where one ended without its repair."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobError, RepairError
from orthanc_plugins.jobs import JobState
from orthanc_plugins.store import RepairState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.jobs import JobRequest
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import RepairRecord

_ASKED_FOR_WITHIN = timedelta(seconds=30)
"""How long a repair may be at work before its job is known; who asked for it may have ended meanwhile."""


def settled(services: Services, record: RepairRecord) -> RepairRecord:
    """Return a repair; one whose job was cancelled or given up is no longer at work, and told so."""
    if not record.state.at_work:
        return record
    # Looked at before the job: one that is not asked for any more has its job, if it ever gets one.
    is_asked_for = services.store.leases.holder(_lease(record.repair_id)) is not None
    jobs = services.queue.jobs(job_ids=[record.job_id], limit=1)
    if jobs and (not jobs[0].state.ended or jobs[0].state is JobState.SUCCEEDED):
        return record
    if is_asked_for and not jobs:
        return record
    record = services.store.repairs.repair(record.repair_id)
    if not record.state.at_work:
        return record
    why = jobs[0].failure.message if jobs and jobs[0].failure is not None else "Its job was cancelled."
    return services.store.repairs.end(record.repair_id, _cut_off(services, record), ("Interrupted", why))


def _cut_off(services: Services, record: RepairRecord) -> RepairState:
    if record.state is RepairState.UNDOING:
        return RepairState.UNDO_FAILED
    touched = record.done or services.store.repairs.changes(record.repair_id)
    return RepairState.PARTLY if touched else RepairState.FAILED


def begin(services: Services, record: RepairRecord, state: RepairState, request: JobRequest, by: str) -> None:
    """Let a worker have a repair; asked for twice at the same moment, one of the two is refused."""
    repairs = services.store.repairs
    with asking(services, record.repair_id, request):
        if not repairs.begin(record.repair_id, state, request.job_id, by, among=[record.state]):
            raise _asked_twice()
        submit(services, record.repair_id, request, back_to=record.state)


@contextmanager
def asking(services: Services, repair_id: str, request: JobRequest) -> Iterator[None]:
    """Have nobody take a repair whose job is about to be asked for as one whose job is lost."""
    leases, name = services.store.leases, _lease(repair_id)
    if not leases.acquire(name, request.job_id, _ASKED_FOR_WITHIN):
        raise _asked_twice()
    try:
        yield
    finally:
        leases.release(name, request.job_id)


def submit(
    services: Services, repair_id: str, request: JobRequest, back_to: RepairState = RepairState.FAILED
) -> None:
    """Ask for a job; should that fail, the repair is not left waiting for it."""
    try:
        services.queue.submit(request)
    except JobError as error:
        services.store.repairs.end(repair_id, back_to, (type(error).__name__, str(error)))
        raise


def _asked_twice() -> RepairError:
    return RepairError("Somebody else has asked for the repair at this moment: see how it stands.")


def _lease(repair_id: str) -> str:
    return f"repair-asked:{repair_id}"
