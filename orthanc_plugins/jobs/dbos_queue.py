"""The queue of jobs on DBOS: asks for, shows and changes workflows without running any."""

from __future__ import annotations

import functools
import hashlib
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbos import DBOSClient, EnqueueOptions
from dbos import error as dbos_error
from dbos._schemas.system_database import SystemSchema
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from orthanc_plugins.errors import JobActive, JobError, JobNotFound
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs.messages import WAITING, Job, JobFailure, JobKind, JobRequest, JobState, JobStep
from orthanc_plugins.jobs.serialisation import SERIALISER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from dbos import WorkflowStatus

APPLICATION = "pacs-suite"
"""Name under which workflows, queues and workers find each other in the database."""

APPLICATION_VERSION = "1"
"""Raised when a workflow's steps change so that a half-done one cannot go on with the new code."""

_PAGE = 200
_REVISED = 32
"""Jobs whose standing makes the queue's revision: the newest, and the newest that are under way."""
_ASKED_AGAIN = "asked_again_epoch_ms"
"""Attribute of a workflow that was rewound: DBOS itself remembers the first request alone."""

_STATES = {
    "DELAYED": JobState.QUEUED,
    "ENQUEUED": JobState.QUEUED,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.SUCCEEDED,
    "ERROR": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
}
_MADE = SystemSchema.workflow_status.c
_NEWEST = (
    select(_MADE.created_at, _MADE.workflow_uuid, _MADE.status, _MADE.updated_at)
    .order_by(_MADE.created_at.desc())
    .limit(_REVISED)
)
_UNDER_WAY = (
    select(_MADE.workflow_uuid, _MADE.status, _MADE.updated_at)
    .where(_MADE.status.in_(["DELAYED", "ENQUEUED", "PENDING"]))
    .order_by(_MADE.created_at.desc())
    .limit(_REVISED)
)
"""An old job that is done again is no more among the newest, but under way until it ends."""
_ABANDONED = JobFailure(
    "Abandoned",
    "The worker ended again and again while it did this job, so it was given up: see the worker's log "
    "for what ended it, often too little memory.",
)


def _as_job_error[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors of DBOS and its database into the suite's."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except dbos_error.DBOSNonExistentWorkflowError as error:
            raise JobNotFound("No job has this identifier.") from error
        except dbos_error.DBOSException as error:
            raise JobError(f"The queue of jobs refused {method.__name__}: {error}") from error
        except SQLAlchemyError as error:
            raise JobError(
                f"The database of jobs did not do {method.__name__}: {type(error).__name__}. "
                "The worker makes it at its first start: check that it runs, DatabaseUrl and disk space."
            ) from error

    return wrapped


class DbosQueue:
    """The JobQueue on the database that the workers share.

    Parameters
    ----------
    url
        SQLAlchemy address of DBOS's system database. The worker makes and migrates it; an absent
        one raises JobError at the first call, not here.
    announce
        Called once a job can be taken from the queue, to tell the workers.
    """

    def __init__(self, url: str, announce: Callable[[], None] = lambda: None) -> None:
        self._announce = announce
        self._database = make_url(url)
        self._client = DBOSClient(
            system_database_url=url,
            serializer=SERIALISER,
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )

    def close(self) -> None:
        """Give back all connections."""
        self._client.destroy()

    @_as_job_error
    def submit(self, request: JobRequest) -> JobId:
        """Ask for work. Asking again for the same job changes nothing, whatever its state."""
        self._refuse_absent_file()
        if self._client.list_workflows(workflow_ids=[request.job_id], load_input=False, load_output=False):
            return request.job_id  # DBOS would warn of a workflow that has left its queue
        options = EnqueueOptions(
            workflow_name=request.kind.value,
            queue_name=request.kind.queue,
            workflow_id=request.job_id,
            app_version=APPLICATION_VERSION,
        )
        if request.turn:  # DBOS counts from 1, and takes none for the first of all
            options["priority"] = request.turn
        self._client.enqueue(options, *request.arguments)
        self._announce()
        return request.job_id

    @_as_job_error
    def run_again(self, job_id: JobId) -> None:
        """Do a paused or ended job again from its start."""
        job = self.job(job_id)
        if not job.state.ended and job.state is not JobState.WAITING:
            raise JobActive(f"The job is {job.state}: it can be done again once it has ended.")
        asked_at = {_ASKED_AGAIN: time.time_ns() // 1_000_000}
        self._rewind(job)
        self._client.update_workflow_attributes(job_id, asked_at)
        self._announce()

    def _rewind(self, job: Job) -> None:
        self._client.rewind_workflow(
            job.job_id, queue_name=job.kind.queue, application_version=APPLICATION_VERSION
        )

    @_as_job_error
    def cancel(self, job_id: JobId) -> None:
        """Stop a queued, paused or running job at its next step; an ended one stays as it is."""
        job = self.job(job_id)
        if job.state is JobState.WAITING:
            self._rewind(job)  # what has paused cannot be cancelled, what is queued can
        if not job.state.ended:
            self._client.cancel_workflow(job_id)

    @_as_job_error
    def job(self, job_id: JobId) -> Job:
        """Return a job as it stands now."""
        found = self.jobs(job_ids=[job_id], limit=1)
        if not found:
            raise JobNotFound("No job has this identifier.")
        return found[0]

    @_as_job_error
    def jobs(  # noqa: PLR0913 - each is a filter of its own
        self,
        *,
        job_ids: Sequence[JobId] | None = None,
        beginnings: Sequence[str] | None = None,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs, those first asked for last at the top: of the given identifiers, states and kind."""
        self._refuse_absent_file()
        if any(wanted is not None and not wanted for wanted in (job_ids, beginnings)):
            return []  # DBOS takes an empty list for no filter
        found: list[Job] = []
        read = 0
        while len(found) < offset + limit:
            page = self._page(job_ids=job_ids, beginnings=beginnings, states=states, kind=kind, offset=read)
            found += [job for job in map(_job, page) if states is None or job.state in states]
            read += len(page)
            if len(page) < _PAGE:
                break
        return found[offset : offset + limit]

    def _page(
        self,
        *,
        job_ids: Sequence[JobId] | None,
        beginnings: Sequence[str] | None,
        states: Collection[JobState] | None,
        kind: JobKind | None,
        offset: int,
    ) -> list[WorkflowStatus]:
        kinds = [kind.value] if kind is not None else [known.value for known in JobKind]
        return self._client.list_workflows(
            workflow_ids=None if job_ids is None else list(job_ids),
            workflow_id_prefix=None if beginnings is None else list(beginnings),
            status=None if states is None else _statuses(states),
            name=kinds,
            limit=_PAGE,
            offset=offset,
            sort_desc=True,
        )

    @_as_job_error
    def steps(self, job_id: JobId) -> list[JobStep]:
        """Return the finished steps of a job in their order."""
        self._refuse_absent_file()
        return [_step(step) for step in self._client.list_workflow_steps(job_id) or []]

    @_as_job_error
    def counts(self) -> Mapping[tuple[JobKind, JobState], int]:
        """Return how many jobs of each kind are in each state; a paused job counts as succeeded."""
        self._refuse_absent_file()
        # DBOS lists workflows and counts none: 3.9 s for 100,000 of them, by the database 0.13 s.
        made = SystemSchema.workflow_status.c
        query = (
            select(made.name, made.status, func.count())
            .where(made.name.in_([known.value for known in JobKind]))
            .group_by(made.name, made.status)
        )
        counts: Counter[tuple[JobKind, JobState]] = Counter()
        with self._client._sys_db.engine.connect() as connection:  # noqa: SLF001 - see above
            for name, status, count in connection.execute(query):
                counts[JobKind(name), _STATES[status]] += count
        return counts

    @_as_job_error
    def revision(self) -> str:
        """Return a short token that changes when a job is asked for, taken up or ends."""
        self._refuse_absent_file()
        token = hashlib.sha256()
        with self._client._sys_db.engine.connect() as connection:  # noqa: SLF001 - DBOS reads whole jobs
            for row in (*connection.execute(_NEWEST), *connection.execute(_UNDER_WAY)):
                token.update(f"{tuple(row)!r}\n".encode())
        return token.hexdigest()[:16]

    def _refuse_absent_file(self) -> None:
        """Refuse to let SQLite make an empty database where the worker has not yet made the real one."""
        name = self._database.database
        if self._database.get_backend_name() == "sqlite" and name is not None and not Path(name).exists():
            raise JobError(
                "The database of jobs does not exist yet: the worker makes it at its first start. "
                "Check that the worker runs (scripts/status)."
            )


def _statuses(states: Collection[JobState]) -> list[str]:
    wanted = {JobState.SUCCEEDED if state is JobState.WAITING else state for state in states}
    return [status for status, state in _STATES.items() if state in wanted]


def _job(status: WorkflowStatus) -> Job:
    result = status.output if isinstance(status.output, dict) else None
    state = _STATES[status.status]
    if state is JobState.SUCCEEDED and result is not None and result.get("outcome") == WAITING:
        state = JobState.WAITING
    requested = (status.attributes or {}).get(_ASKED_AGAIN, status.created_at)
    return Job(
        job_id=JobId(status.workflow_id),
        kind=JobKind(status.name),
        state=state,
        requested_at=_time(requested),
        started_at=_time(_not_before(requested, status.dequeued_at)),
        ended_at=_time(status.completed_at),
        worker=status.executor_id,
        result=result,
        failure=_ABANDONED if status.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED" else _failure(status.error),
    )


def _step(step: Mapping[str, Any]) -> JobStep:
    started, completed = step["started_at_epoch_ms"], step["completed_at_epoch_ms"]
    return JobStep(
        name=step["function_name"],
        started_at=_time(started),
        duration_s=None if started is None or completed is None else (completed - started) / 1000,
        failure=_failure(step["error"]),
    )


def _failure(error: BaseException | None) -> JobFailure | None:
    if error is None:
        return None
    return JobFailure(str(getattr(error, "name", type(error).__name__)), str(error))


def _not_before(requested_ms: int | None, started_ms: int | None) -> int | None:
    """Return when a job was started, by a worker that took the time before it looked for one to start."""
    return started_ms if requested_ms is None or started_ms is None else max(requested_ms, started_ms)


def _time(epoch_ms: int | None) -> datetime | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC)
