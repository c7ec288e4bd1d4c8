"""Asking for a study to be de-identified and delivered, and waiting for it.

The pseudonym is in the record of the release, whose identifier only the project's key gives: it is computed
for the answer, and original and pseudonym meet there and nowhere else.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import STUDY_PATTERN, Joined, Parameters, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.orders import Asked, Choices, submit
from orthanc_plugins.api.problems import STATUS_OF_ERROR, problem_documented, problem_response
from orthanc_plugins.api.routers.studies import StudyPath
from orthanc_plugins.errors import (
    ArchiveUnavailable,
    AuditError,
    HeldForReview,
    JobError,
    ProfileError,
    ReleaseRefused,
)
from orthanc_plugins.jobs import Job, JobFailure, JobState
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.rules.profiles import Dates, profile_summary
from orthanc_plugins.services import Services
from orthanc_plugins.store import JOB_TELLS, ReleaseRecord

router = APIRouter(prefix="/anonymize", tags=["de-identification"])

_STATUS_OF_FAILURE = {error.__name__: status for error, status in STATUS_OF_ERROR.items()} | {
    JobError.__name__: HTTPStatus.INTERNAL_SERVER_ERROR
}
"""Status of a failed job by its failure's name; as a job's failure JobError is a fault of the suite."""


_TOLD_ELSEWHERE = frozenset({HeldForReview.__name__, ReleaseRefused.__name__, ArchiveUnavailable.__name__})
"""Failures whose words might name the released side: the record of the release has them, not the job."""


class Wishes(Choices):
    """How a study is to be de-identified, and how long the answer may take."""

    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class AnonymizeRequest(Wishes):
    """Which study to de-identify, and how."""

    patient_id: str | None = Field(
        default=None, max_length=64, description="PatientID; tells studies of one Study Instance UID apart."
    )
    study_id: str = Field(
        pattern=STUDY_PATTERN, description="Study Instance UID, or Orthanc identifier of the study."
    )


class AnonymizeAnswer(BaseModel):
    """What became of a study, or how far its job is."""

    status: str = Field(
        description="`queued`, `running`; then `certified` (delivered, asked back and certified: this alone "
        "is success), `held` (a person has to look), `refused`, `failed`, `gone`, `changed` (ask again)."
    )
    project: str
    profile: str
    dates: Dates | None = Field(
        description="What the profile does to dates, with `keep_series_date`, too: `moved by whole weeks`, "
        "by as many for all of a patient, `kept` as they were, or `removed`; null: there is no such profile."
    )
    original_patient_id: str
    anonymized_patient_id: str | None
    study_instance_uid: str | None = Field(description="The new one.")
    xnat_project: str | None
    destination: str | None = Field(description="Kind and name.")
    address: str | None = Field(description="Where a person finds the study.")
    download_url: str | None = Field(description="All of its files as one ZIP, where XNAT holds it.")
    instances: int
    certificate_url: str | None
    release_id: str
    release_url: str
    job_id: str
    job_url: str
    held: int = Field(description="How many objects wait for a person's decision.")
    held_url: str = Field(description="Where they are shown and decided of.")
    reason: str | None = Field(
        description="Why it was held, refused or not taken; of what is certified, what else stands there."
    )


class ProjectAnswer(BaseModel):
    """A project of the settings."""

    name: str
    is_default: bool
    profiles: list[str] = Field(description="Those that may be asked for; the first is taken otherwise.")
    longitudinal_profile: str | None = Field(description="What `keep_series_date` asks for.")
    patients: str | None = Field(description="`keyed` or `numbered`; null: as the profile has it.")
    destination: str = Field(description="Its kind.")
    xnat_project: str | None
    reversible: bool = Field(description="Not any more where the mapping was destroyed.")
    custodians: list[str]
    ready: bool = Field(description="Nothing that its jobs need is missing, or contradicts what was fixed.")
    reason: str | None = Field(description="All that is missing or contradicts, and what to do.")


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    202: {"model": AnonymizeAnswer, "description": "It is not done yet."},
    404: problem_documented("Orthanc does not hold the study, or there is no such project."),
    409: problem_documented("A person has to look at the study, or several studies may be meant."),
    422: problem_documented("The study is not to leave, or the project does not allow what was asked."),
    500: problem_documented("A key, the register or the audit trail is missing or not usable."),
    502: problem_documented("The destination does not take the study."),
    503: problem_documented("The destination, Orthanc or the database does not answer: ask again later."),
}


@router.post("", summary="De-identify a study", response_model=AnonymizeAnswer, responses=_DOCUMENTED)
async def anonymize(request: AnonymizeRequest, services: Joined, links: Linked, user: User) -> JSONResponse:
    """De-identify a study, check it, deliver and certify it; 202 with the job when that takes longer."""
    asked = await run_in_threadpool(submit, services, request.study_id, request.patient_id, request, user)
    return await _awaited(services, links, asked, request.wait_s)


@router.post(
    "/study/{study}",
    summary="De-identify a study by address",
    response_model=AnonymizeAnswer,
    responses=_DOCUMENTED,
)
async def anonymize_study(
    study: StudyPath, services: Joined, links: Linked, user: User, wishes: Wishes | None = None
) -> JSONResponse:
    """Do as `POST api/anonymize` does; the body may be left out."""
    wanted = wishes or Wishes()
    asked = await run_in_threadpool(submit, services, study, None, wanted, user)
    return await _awaited(services, links, asked, wanted.wait_s)


@router.get("/projects", summary="List projects")
def list_projects(services: Joined, _: Annotated[Parameters, Query()]) -> list[ProjectAnswer]:
    """List the projects of the settings, and whether they can be used."""
    return [_project_told(services, project) for project in services.deidentification.projects.values()]


def _project_told(services: Services, project: DeidentificationProject) -> ProjectAnswer:
    faults = (services.deidentification.fault_of(project), _trail_fault(services))
    reason = " ".join(fault for fault in faults if fault is not None) or None
    custodian = services.deidentification.custodian
    return ProjectAnswer(
        name=project.name,
        is_default=project.name == services.deidentification.default_project,
        profiles=list(project.profiles),
        longitudinal_profile=project.longitudinal_profile,
        patients=project.patients,
        destination=project.destination.kind,
        xnat_project=project.destination.xnat_project,
        reversible=project.reversible and not custodian.is_identities_destroyed(project.name),
        custodians=list(project.custodians),
        ready=reason is None,
        reason=reason,
    )


def _trail_fault(services: Services) -> str | None:
    try:
        services.deidentification.custodian.trail()
    except AuditError as error:
        return str(error)
    return None


async def _awaited(services: Services, links: Links, asked: Asked, wait_s: float) -> JSONResponse:
    job = await wait_for_job(services, asked.job_id, wait_s)
    return await run_in_threadpool(_answer, services, links, asked, job)


def _answer(services: Services, links: Links, asked: Asked, job: Job) -> JSONResponse:
    release = services.store.releases.find(asked.release_id)
    answer = _told(services, links, asked, job, release).model_dump(mode="json")
    if job.failure is not None:
        status = _STATUS_OF_FAILURE.get(job.failure.name, HTTPStatus.INTERNAL_SERVER_ERROR)
        answer["reason"] = text = _why(job.failure, release) + _waiting(answer)
        # A problem has a status of its own, HTTP's; what became of the study is its outcome.
        return problem_response(status, text, outcome=answer.pop("status"), error=job.failure.name, **answer)
    if job.state is JobState.CANCELLED:
        return problem_response(
            HTTPStatus.CONFLICT, "The job was cancelled: ask again to have it done.", job_id=job.job_id
        )
    return JSONResponse(answer, HTTPStatus.OK if job.state.ended else HTTPStatus.ACCEPTED)


def _why(failure: JobFailure, release: ReleaseRecord | None) -> str:
    """Return why a job failed: the release's reason where the job's error does not tell, else the error."""
    reason = "" if release is None else release.reason
    return reason if reason not in {"", JOB_TELLS} and failure.name in _TOLD_ELSEWHERE else failure.message


def _waiting(answer: Mapping[str, Any]) -> str:
    """Return how many objects wait for a decision, and where; empty where none does."""
    count = answer["held"]
    waits = "1 object waits" if count == 1 else f"{count:,} objects wait"
    return f" {waits} for a person's decision: GET {answer['held_url']} shows them." if count else ""


def _dates(services: Services, profile: str) -> Dates | None:
    try:
        return profile_summary(profile, services.deidentification.profiles).dates
    except ProfileError:
        return None  # the job fails by it, and says so


def _told(
    services: Services, links: Links, asked: Asked, job: Job, release: ReleaseRecord | None
) -> AnonymizeAnswer:
    certified = release is not None and bool(release.certificate_sha256)
    return AnonymizeAnswer(
        status=_status(job, release),
        project=asked.project.name,
        profile=asked.order.profile,
        dates=_dates(services, asked.order.profile),
        original_patient_id=asked.patient_id,
        anonymized_patient_id=(release.pseudonym or None) if release else None,
        study_instance_uid=(release.study_uid or None) if release else None,
        xnat_project=asked.project.destination.xnat_project,
        destination=(release.destination or None) if release else None,
        address=(release.address or None) if release else None,
        download_url=_download_url(asked.project, release),
        instances=release.instances if release else 0,
        certificate_url=links.release(asked.release_id, "/certificate.json") if certified else None,
        release_id=asked.release_id,
        release_url=links.release(asked.release_id),
        job_id=job.job_id,
        job_url=links.job(job.job_id),
        held=services.store.held.counts([asked.release_id]).get(asked.release_id, 0),
        held_url=links.release(asked.release_id, "/held"),
        reason=(release.reason or None) if release else None,
    )


def _status(job: Job, release: ReleaseRecord | None) -> str:
    if not job.state.ended:
        return job.state.value
    outcome = (job.result or {}).get("outcome")
    if isinstance(outcome, str):
        return outcome
    return release.state.value if release is not None and release.state.ended else "failed"


def _download_url(project: DeidentificationProject, release: ReleaseRecord | None) -> str | None:
    if release is None or not release.address or project.destination.kind != "xnat":
        return None
    return f"{release.address.partition('?')[0]}/scans/ALL/files?format=zip"
