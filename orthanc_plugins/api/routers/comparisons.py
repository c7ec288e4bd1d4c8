"""Both archives against each other: what was compared, everything there is, and one patient."""

import time
import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.both_archives import BothAnswers, Found, answers, ask_both
from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import JobIdPath, Joined, PageParameters, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.api.routers.study_comparison import NO_SECOND, REPORTS, Depth, report_file
from orthanc_plugins.archives.base import ArchiveName, StudyQuery
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import Job, JobKind, JobState, compare_archives_request
from orthanc_plugins.services import Services
from orthanc_plugins.store import ContentCheck
from orthanc_plugins.sync.federation import FederatedStudy, FoundIn, merge_studies
from orthanc_plugins.sync.timing import PairedTimes, time_pairs

router = APIRouter(prefix="/comparisons", tags=["both archives"])

_TIMING_S = 30.0
"""Seconds in which both archives are timed, or not at all."""


class StoredComparison(BaseModel):
    """The newest comparison of a study."""

    study_uid: str
    compared_at: datetime
    depth: str
    equal: bool
    classes: dict[str, int]
    comparison_url: str


class StoredPage(BaseModel):
    """A page of comparisons, newest first."""

    comparisons: list[StoredComparison]
    total: int
    limit: int
    offset: int


class StoredFilter(PageParameters):
    """Which comparisons to list."""

    equal: bool | None = Field(default=None, description="Only those that found the copies equal, or not.")


class GenerateRequest(BaseModel):
    """How to compare everything."""

    model_config = ConfigDict(extra="forbid")

    depth: Depth = Field(default="instance", description="`content`: read every instance on both sides, too.")
    again: bool = Field(
        default=False, description="Also the content of studies that are not known to have changed since."
    )
    synchronous: bool = Field(default=False, description="Wait for the outcome.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class GenerateAnswer(BaseModel):
    """How a comparison of everything stands, and what it found once it is done."""

    status: JobState
    job_id: str
    job_url: str
    studies: dict[str, int] | None = Field(
        description="Studies `same`, `differing`, `only_orthanc`, `only_dcm4chee` by what the archives list "
        "and what is known of their content at the end."
    )
    compared: int | None = Field(description="Studies whose content was compared in this run.")
    known: int | None = Field(description="Studies whose content was compared before and is as it was then.")
    classes: dict[str, int] | None = Field(
        description="Studies in which each class of difference was found, now or before."
    )
    incomplete: int | None = Field(description="Studies that could not be compared whole, now or before.")
    reports: dict[str, str]


class ArchiveFigures(BaseModel):
    """A patient in one archive; null throughout when it did not answer."""

    studies: int | None
    series: int | None
    instances: int | None
    avg_response_time_ms: float | None = Field(description="Mean of the timed answers to the same question.")


class PatientDifferences(BaseModel):
    """What of a patient is in one archive alone, and which of them answers faster."""

    missing_in_orthanc: list[str]
    missing_in_dcm4chee: list[str]
    differing: list[str] = Field(
        description="Studies in both whose numbers of series or instances differ, or whose content, as last "
        "compared and not changed since, was not found equal."
    )
    performance_ratio: float | None = Field(
        description="DCM4CHEE's time by Orthanc's, the median of pairs; null where it may be chance."
    )
    performance_note: str


class PatientComparison(BaseModel):
    """A patient in both archives."""

    patient_id: str
    dcm4chee: ArchiveFigures
    orthanc: ArchiveFigures
    differences: PatientDifferences
    archives: BothAnswers


@router.get("", summary="Comparisons of studies")
def list_comparisons(services: Joined, links: Linked, wanted: Annotated[StoredFilter, Query()]) -> StoredPage:
    """List the newest comparison of each study that was compared."""
    page = services.store.inventory.check_page(equal=wanted.equal, limit=wanted.limit, offset=wanted.offset)
    return StoredPage(
        comparisons=[_stored(links, check) for check in page.entries],
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.post(
    "/generate",
    summary="Compare everything",
    response_model=GenerateAnswer,
    responses={
        202: {"model": GenerateAnswer, "description": "It goes on; ask for the job."},
        409: problem_documented("No second archive is set."),
    },
)
async def generate(services: Joined, links: Linked, wanted: GenerateRequest | None = None) -> JSONResponse:
    """List both archives anew and compare them, study by study; the reports are made of what was found."""
    wanted = wanted or GenerateRequest()
    if ArchiveName.DCM4CHEE not in services.archives:
        raise Problem(HTTPStatus.CONFLICT, NO_SECOND)
    request = compare_archives_request(wanted.depth, again=wanted.again, token=uuid.uuid4().hex)
    await run_in_threadpool(services.queue.submit, request)
    job = await wait_for_job(services, request.job_id, wanted.wait_s if wanted.synchronous else 0)
    return failed_job_response(job) or _generated(links, job)


@router.get("/generated/{job_id}", summary="A comparison of everything", response_model=GenerateAnswer)
def show_generated(services: Joined, links: Linked, job_id: JobIdPath) -> JSONResponse:
    """Show how a comparison of everything stands and what it found."""
    job = _generation(services, job_id)
    return failed_job_response(job) or _generated(links, job)


@router.get("/generated/{job_id}/{name}", summary="Download a report of all", response_class=FileResponse)
def generated_report(services: Joined, job_id: JobIdPath, name: str) -> FileResponse:
    """Download what a comparison of everything found."""
    job = _generation(services, job_id)
    return report_file(services.comparisons / "archives" / job.job_id, name)


@router.get(
    "/{patient_id:path}",
    summary="Compare a patient's copies",
    responses={404: problem_documented("Neither archive holds a study of the patient.")},
)
def compare_patient(
    services: Joined,
    patient_id: Annotated[str, Path(max_length=64, description="PatientID, exactly.")],
) -> PatientComparison:
    """Compare what both archives hold of a patient, and how fast they say so: each is asked in turn."""
    query = StudyQuery(patient_id=patient_id)
    found = ask_both(services, (query,))
    left, right = (found[name] for name in ArchiveName)
    merged = merge_studies(left.studies, right.studies)
    if not merged and all(one.answer.state != "unavailable" for one in found.values()):
        raise Problem(HTTPStatus.NOT_FOUND, "No archive holds a study of the patient.")
    times, note = _timed(services, query, found)
    return PatientComparison(
        patient_id=patient_id,
        dcm4chee=_figures(right, None if times is None else times.right_mean_ms),
        orthanc=_figures(left, None if times is None else times.left_mean_ms),
        differences=PatientDifferences(
            missing_in_orthanc=_uids(merged, FoundIn.ONLY_DCM4CHEE),
            missing_in_dcm4chee=_uids(merged, FoundIn.ONLY_ORTHANC),
            differing=_differing(services, merged),
            performance_ratio=None if times is None else times.ratio,
            performance_note=note,
        ),
        archives=answers(found),
    )


def _timed(
    services: Services, query: StudyQuery, found: dict[ArchiveName, Found]
) -> tuple[PairedTimes | None, str]:
    """Return how long both take to list the patient's studies, and what may be said of it."""
    if any(one.studies is None for one in found.values()):
        return None, "Not timed: an archive did not answer."
    left, right = (services.archives[name] for name in ArchiveName)

    def timed() -> PairedTimes:
        return time_pairs(
            lambda: list(left.studies(query)), lambda: list(right.studies(query)), time.perf_counter
        )

    try:
        times = Question(right, timed, _TIMING_S).answer()
    except ArchiveError as error:
        return None, f"Not timed: {error}"
    how = f"{len(times.left_s)} pairs, each archive asked for the patient's studies in its own protocol"
    certain = f"p = {times.p_value:.3f} (sign flips)"
    if times.ratio is None:
        return times, f"{how}; the difference may be chance, {certain}."
    return times, f"{how}; {certain}."


def _figures(found: Found, mean_ms: float | None) -> ArchiveFigures:
    if found.studies is None:
        return ArchiveFigures(studies=None, series=None, instances=None, avg_response_time_ms=None)
    return ArchiveFigures(
        studies=len(found.studies),
        series=sum(entry.series_count for entry in found.studies),
        instances=sum(entry.instance_count for entry in found.studies),
        avg_response_time_ms=None if mean_ms is None else round(mean_ms, 1),
    )


def _counts_differ(study: FederatedStudy) -> bool:
    left, right = study.left, study.right
    return (
        left is not None
        and right is not None
        and (left.series_count, left.instance_count) != (right.series_count, right.instance_count)
    )


def _differing(services: Services, merged: list[FederatedStudy]) -> list[str]:
    """Return the studies that both hold and that are known to differ."""
    inventory = services.store.inventory
    pairs = inventory.pairs(study.study_uid for study in merged if study.found_in is FoundIn.BOTH)
    unequal = {uid for uid, check in inventory.checks(pairs).items() if check.is_unequal_now(pairs[uid])}
    return [study.study_uid for study in merged if _counts_differ(study) or study.study_uid in unequal]


def _uids(merged: list[FederatedStudy], where: FoundIn) -> list[str]:
    return [study.study_uid for study in merged if study.found_in is where]


def _generation(services: Services, job_id: str) -> Job:
    job = next(
        iter(services.queue.jobs(job_ids=[JobId(job_id)], kind=JobKind.COMPARE_ARCHIVES, limit=1)), None
    )
    if job is None:
        raise Problem(HTTPStatus.NOT_FOUND, "No comparison of everything has this identifier.")
    return job


def _generated(links: Links, job: Job) -> JSONResponse:
    result: dict[str, Any] = dict(job.result or {})
    done = job.state is JobState.SUCCEEDED
    reports = REPORTS if done else ()
    answer = GenerateAnswer(
        status=job.state,
        job_id=job.job_id,
        job_url=links.job(job.job_id),
        studies=result.get("studies"),
        compared=result.get("compared"),
        known=result.get("known"),
        classes=result.get("classes"),
        incomplete=result.get("incomplete"),
        reports={name: f"{links.root}/api/comparisons/generated/{job.job_id}/{name}" for name in reports},
    )
    return JSONResponse(answer.model_dump(mode="json"), HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


def _stored(links: Links, check: ContentCheck) -> StoredComparison:
    return StoredComparison(
        study_uid=check.study_uid,
        compared_at=check.checked_at,
        depth=check.depth,
        equal=check.equal,
        classes=dict(check.classes),
        comparison_url=links.comparison(check.study_uid),
    )
