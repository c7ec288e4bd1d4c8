"""Jobs: what was asked for, how it stands, and changing that."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import STUDY_PATTERN, JobIdPath, Joined, PageParameters, study_uid_of
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import Job, JobFailure, JobKind, JobState, beginnings_of_study, transfer_of_job
from orthanc_plugins.services import Services
from orthanc_plugins.store import AwaitedImages, PhaseRecord, StructureSubject, TransferFilter

router = APIRouter(prefix="/jobs", tags=["jobs"])

_TRANSFERS = 200
"""How many transfers of a study are looked at, the newest; SQLite takes a thousand conditions."""
_ENDED = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "been cancelled already",
}


class Failure(BaseModel):
    """Why something failed: the error's name and what a person can do."""

    name: str
    message: str


class Waiting(BaseModel):
    """What a job waits for."""

    since: datetime
    reason: str
    image_series_uid: str | None = Field(
        description="Series the structure set refers to; null when it names none."
    )
    images_present: int
    images_missing: int


class JobSummary(BaseModel):
    """A job as it stands now; times are UTC."""

    job_id: str
    kind: JobKind
    state: JobState
    requested_at: datetime | None = Field(description="When the last run was asked for.")
    started_at: datetime | None = Field(description="When the last run began; null while it is queued.")
    ended_at: datetime | None = Field(description="When the last run ended, paused or was cancelled.")
    duration_s: float | None = Field(description="From start to end of the last run.")
    worker: str | None
    study_uid: str | None
    series_uid: str | None
    sop_instance_uid: str | None
    waiting: Waiting | None
    error: Failure | None
    href: str = Field(description="Address of the job: an absolute path on the host asked.")


class Step(BaseModel):
    """A finished step of a job."""

    name: str
    started_at: datetime | None
    duration_s: float | None
    error: Failure | None


type PhaseState = Literal["running", "done", "failed", "cancelled", "interrupted"]

_UNFINISHED: dict[JobState, PhaseState] = {
    JobState.QUEUED: "interrupted",
    JobState.RUNNING: "running",
    JobState.CANCELLED: "cancelled",
}
"""What a phase is that was not done to its end, by its job's state; failed in every other."""


class Phase(BaseModel):
    """A phase of a job's work; ``duration_s`` is null unless it was done to its end."""

    name: str
    state: PhaseState = Field(description="`interrupted`: its worker ended, it will be done again.")
    started_at: datetime
    duration_s: float | None


class JobDetail(JobSummary):
    """A job with its steps, its phases and where its results are."""

    steps: list[Step]
    phases: list[Phase]
    result: dict[str, Any] | None
    results_url: str | None = Field(
        description="Results this job has made; those of an earlier run stay until new ones replace them."
    )


class JobPage(BaseModel):
    """A page of jobs, those first asked for last at the top."""

    jobs: list[JobSummary]
    limit: int
    offset: int


class JobFilter(PageParameters):
    """Which jobs to list."""

    state: JobState | None = Field(default=None, description="Only jobs in this state.")
    kind: JobKind | None = Field(default=None, description="Only jobs of this kind.")
    study: str | None = Field(
        default=None,
        pattern=STUDY_PATTERN,
        description="Only jobs of this study, by UID or Orthanc identifier.",
    )


@router.get("", summary="List jobs")
def list_jobs(services: Joined, links: Linked, wanted: Annotated[JobFilter, Query()]) -> JobPage:
    """List jobs, those first asked for last at the top."""
    known, beginnings = (None, None) if wanted.study is None else _of_study(services, wanted.study)
    job_ids: list[JobId] | None = None
    if wanted.state is JobState.WAITING:
        waiting = [*services.store.awaited(blocking=True), *services.store.transfers.waiting_jobs()]
        job_ids = waiting if known is None else [job_id for job_id in waiting if job_id in known]
    found = services.queue.jobs(
        job_ids=job_ids,
        beginnings=beginnings,
        states=None if wanted.state is None else [wanted.state],
        kind=wanted.kind,
        limit=wanted.limit,
        offset=wanted.offset,
    )
    return JobPage(jobs=_summaries(services, links, found), limit=wanted.limit, offset=wanted.offset)


def _of_study(services: Services, study: str) -> tuple[list[JobId], list[str]]:
    """Return the jobs that the store knows to act on a study, and how the identifiers of all begin."""
    study_uid = study_uid_of(services, study)
    transfers, _ = services.store.transfers.transfers(TransferFilter(study_uid=study_uid), limit=_TRANSFERS)
    known = [*services.store.jobs_of_study(study_uid), *(one.job_id for one in transfers)]
    held = services.orthanc.lookup(study_uid, "Study")
    return known, [*known, *beginnings_of_study(study_uid, held)]


@router.get("/{job_id}", summary="Show a job")
def show_job(services: Joined, links: Linked, job_id: JobIdPath) -> JobDetail:
    """Show a job with its steps and phases."""
    return _detail(services, links, JobId(job_id))


@router.post(
    "/{job_id}/cancel", summary="Cancel a job", responses={409: problem_documented("The job has ended.")}
)
def cancel_job(services: Joined, links: Linked, job_id: JobIdPath) -> JobDetail:
    """Stop a queued, running or waiting job; one that has ended is a conflict."""
    wanted = JobId(job_id)
    job = services.queue.job(wanted)
    before = job.state
    if not before.ended:
        if job.kind is JobKind.TRANSFER_STUDY:
            services.store.transfers.cancel(transfer_of_job(wanted))
        services.queue.cancel(wanted)
    after = services.queue.job(wanted).state
    if before.ended or after is not JobState.CANCELLED:
        raise Problem(HTTPStatus.CONFLICT, f"The job has {_ENDED[after]}: there is nothing left to cancel.")
    services.store.no_longer_awaits(wanted)
    return _detail(services, links, wanted)


@router.post(
    "/{job_id}/retry",
    summary="Do a job again",
    responses={409: problem_documented("The job has succeeded, is queued or runs.")},
)
def retry_job(services: Joined, links: Linked, job_id: JobIdPath) -> JobDetail:
    """Do a waiting, failed or cancelled job again from its start; any other is a conflict."""
    wanted = JobId(job_id)
    job = services.queue.job(wanted)
    if job.state is JobState.SUCCEEDED:
        raise Problem(
            HTTPStatus.CONFLICT,
            "The job has succeeded. To process a structure set again although it has results, "
            'ask POST api/process with "again": true.',
        )
    if job.kind is JobKind.TRANSFER_STUDY and job.state.ended:
        services.store.transfers.ask_again(transfer_of_job(wanted))
    services.queue.run_again(wanted)
    return _detail(services, links, wanted)


def _summaries(services: Services, links: Links, jobs: list[Job]) -> list[JobSummary]:
    """Return jobs with what they act on and what they wait for."""
    job_ids = [job.job_id for job in jobs]
    subjects = services.store.subjects(job_ids)
    waiting = services.store.waiting_among(job_ids)
    return [
        JobSummary(**_summary(links, job, subjects.get(job.job_id), waiting.get(job.job_id))) for job in jobs
    ]


def _detail(services: Services, links: Links, job_id: JobId) -> JobDetail:
    job = services.queue.job(job_id)
    subject = services.store.subjects([job_id]).get(job_id)
    awaited = services.store.waiting_among([job_id]).get(job_id)
    steps = [
        Step(
            name=step.name,
            started_at=step.started_at,
            duration_s=step.duration_s,
            error=_failure(step.failure),
        )
        for step in services.queue.steps(job_id)
    ]
    made = services.store.result_of_job(job_id)
    return JobDetail(
        **_summary(links, job, subject, awaited),
        steps=steps,
        phases=phases_of(services, job),
        result=None if job.result is None else dict(job.result),
        results_url=None if made is None else links.results(made.subject),
    )


def phases_of(services: Services, job: Job) -> list[Phase]:
    """Return the phases of a job's last run, each with how it stands."""
    return [
        Phase(
            name=phase.name,
            state="done" if phase.duration_s is not None else _UNFINISHED.get(job.state, "failed"),
            started_at=phase.started_at,
            duration_s=phase.duration_s,
        )
        for phase in services.store.phases(job.job_id)
        if not _of_earlier_run(phase, job)
    ]


def _of_earlier_run(phase: PhaseRecord, job: Job) -> bool:
    """Return whether a phase is still remembered from before the job was asked for again."""
    replaced = job.state in {JobState.SUCCEEDED, JobState.FAILED, JobState.WAITING}
    return not replaced and job.requested_at is not None and phase.started_at < job.requested_at


def waiting_for(services: Services, job: Job) -> Waiting | None:
    """Return what a job waits for, None when it does not wait."""
    if job.state is not JobState.WAITING:
        return None
    return _waiting(services.store.waiting_among([job.job_id]).get(job.job_id))


def _summary(
    links: Links, job: Job, subject: StructureSubject | None, awaited: AwaitedImages | None
) -> dict[str, Any]:
    ran_s = None
    if job.started_at is not None and job.ended_at is not None:
        ran_s = (job.ended_at - job.started_at).total_seconds()
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "state": job.state,
        "requested_at": job.requested_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "duration_s": ran_s,
        "worker": job.worker,
        "study_uid": None if subject is None else subject.study_uid,
        "series_uid": None if subject is None else subject.series_uid,
        "sop_instance_uid": None if subject is None else subject.sop_instance_uid,
        "waiting": _waiting(awaited) if job.state is JobState.WAITING else None,
        "error": _failure(job.failure),
        "href": links.job(job.job_id),
    }


def _failure(failure: JobFailure | None) -> Failure | None:
    return None if failure is None else Failure(name=failure.name, message=failure.message)


def _waiting(awaited: AwaitedImages | None) -> Waiting | None:
    if awaited is None:
        return None
    return Waiting(
        since=awaited.since,
        reason=awaited.reason,
        image_series_uid=awaited.image_series_uid,
        images_present=awaited.images_present,
        images_missing=awaited.images_missing,
    )
