"""A study's two copies against each other, down to tag and pixel, and the reports of it.

Orthanc's process reads no instance: a comparison is a job, and what it found is kept until the next one. It
is told again only while both archives, asked now, list the study as they did then.
"""

from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import Joined, Parameters, study_uid_of, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.api.routers.studies import StudyPath
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveLate, ArchiveUnavailable, JobActive
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.jobs import JobRequest, JobState, compare_study_request, report_comparison_request
from orthanc_plugins.services import Services
from orthanc_plugins.store import ContentCheck
from orthanc_plugins.sync.differences import LEFT, RIGHT
from orthanc_plugins.sync.states import listed_state, tells_changes

router = APIRouter(prefix="/studies/{study}/comparison", tags=["both archives"])

Depth = Literal["instance", "content"]
NO_SECOND = "No second archive is set: write its address into Dcm4chee.Url of the settings, or DCM4CHEE_URL."
NOTHING_COMPARED = "Nothing was compared yet, or it was removed: ask for the comparison first."

COMPARISON = "comparison.json"
REPORTS = {
    "report.json": "application/json",
    "differences.csv": "text/csv; charset=utf-8",
    "report.html": "text/html; charset=utf-8",
    "report.pdf": "application/pdf",
}
"""Files beside a comparison, and their media types."""


class StudyComparison(BaseModel):
    """What the two copies of a study differ in; Orthanc is on the left, DCM4CHEE on the right."""

    study_uid: str
    depth: Depth = Field(description="`instance`: which there are; `content`: also what is in them.")
    compared_at: str
    current: bool | None = Field(
        description="Whether both archives, asked now, list the study as when it was compared; null: one of "
        "them does not answer."
    )
    equal: bool = Field(description="Whether everything was compared and nothing differs.")
    classes: dict[str, int] = Field(
        description="How many differences of each class: `missing_left` (in Orthanc), `missing_right` (in "
        "DCM4CHEE), `count`, `metadata`, `coerced`, `transfer_syntax_only`, `pixel`."
    )
    sides: dict[Literal["left", "right"], str] = Field(
        default={"left": LEFT, "right": RIGHT},
        description="Which archive `left` and `right` are, here and in each difference.",
    )
    left: dict[str, int] | None = Field(description="Series and instances in Orthanc; null: it has no copy.")
    right: dict[str, int] | None = Field(description="Series and instances in DCM4CHEE.")
    instances_compared: int
    differences: list[dict[str, Any]] = Field(
        description="Each with its values in Orthanc (`left`) and DCM4CHEE (`right`), and with the path of "
        "the element (`tag`), in which the first item of a sequence is `[0]`."
    )
    incomplete: list[str] = Field(description="What could not be read or compared, and why.")
    notes: list[str] = Field(
        description="What is worth saying beside the differences: why instances are missing, where that is "
        "known, and what was compared in another way than asked."
    )
    reports: dict[str, str]
    job_id: str
    job_url: str


class ComparisonPending(BaseModel):
    """A comparison that is not done yet: ask again."""

    status: JobState
    job_id: str
    job_url: str


class Choice(Parameters):
    """How to compare."""

    depth: Depth = Field(default="content", description="`instance` reads no content.")
    again: bool = Field(
        default=False, description="Compare again although both archives list the study as they did."
    )
    stored: bool = Field(default=False, description="Answer the newest comparison, be it current or not.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


@router.get(
    "",
    summary="Compare a study's two copies",
    response_model=StudyComparison,
    responses={
        202: {"model": ComparisonPending, "description": "It is not done yet: ask again."},
        404: problem_documented("Neither archive holds the study."),
        409: problem_documented("No second archive is set."),
        503: problem_documented("An archive does not answer: ask again later."),
    },
)
async def compare_study(
    services: Joined, links: Linked, study: StudyPath, wanted: Annotated[Choice, Query()]
) -> Response:
    """Answer every difference between the copies of a study.

    Both archives are asked for it first; only where they list it as when it was compared is it not compared
    anew.
    """
    if ArchiveName.DCM4CHEE not in services.archives:
        raise Problem(HTTPStatus.CONFLICT, NO_SECOND)
    study_uid = await run_in_threadpool(study_uid_of, services, study)
    job_id = compare_study_request(study_uid, wanted.depth).job_id
    known = False
    if not (wanted.stored or wanted.again):
        known = await run_in_threadpool(_is_known, services, study_uid, wanted.depth)
    if not wanted.stored and not known:
        await run_in_threadpool(_ask, services, study_uid, wanted.depth)
        job = await wait_for_job(services, job_id, wanted.wait_s)
        failed = failed_job_response(job)
        if failed is not None:
            return failed
        if not job.state.ended:
            pending = ComparisonPending(status=job.state, job_id=job_id, job_url=links.job(job_id))
            return JSONResponse(pending.model_dump(mode="json"), HTTPStatus.ACCEPTED)
    return await run_in_threadpool(_answer, services, links, study_uid, job_id, known=known)


@router.get(
    "/{name}",
    summary="Download a comparison's report",
    response_class=FileResponse,
    responses={
        200: {"content": {media_type: {} for media_type in REPORTS.values()}},
        404: problem_documented("Nothing was compared, or there is no such report."),
        503: problem_documented("It is being made: ask again."),
    },
)
async def report(
    services: Joined,
    study: StudyPath,
    name: Annotated[str, Path(description="One of " + ", ".join(REPORTS) + ".")],
) -> Response:
    """Download what the newest comparison of a study found, as data, a table, a page or on paper.

    One that was not made yet is made now, of what was found then.
    """
    study_uid = await run_in_threadpool(study_uid_of, services, study)
    folder = _folder(services, study_uid)
    if name in REPORTS and not _is_made(folder, name):
        job_id = await run_in_threadpool(_ask_for_reports, services, study_uid)
        job = await wait_for_job(services, job_id, _REPORT_WAIT_S)
        failed = failed_job_response(job)
        if failed is not None:
            return failed
        if not job.state.ended:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The report is being made: ask again.",
                headers={"Retry-After": "10"},
                job_id=job_id,
            )
    return report_file(folder, name)


def report_file(folder: FilePath, name: str) -> FileResponse:
    """Answer a report of a folder.

    Raises
    ------
    Problem
        There is no such report, or nothing was compared.
    """
    if name not in REPORTS:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no such report; there are {', '.join(REPORTS)}.")
    path = folder / name
    if not path.is_file():
        raise Problem(HTTPStatus.NOT_FOUND, NOTHING_COMPARED)
    return FileResponse(path, media_type=REPORTS[name], headers={"Content-Security-Policy": _NO_SCRIPT})


_REPORT_WAIT_S = 30.0
_NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'"


def _folder(services: Services, study_uid: StudyUid) -> FilePath:
    return services.comparisons / study_uid


def _is_known(services: Services, study_uid: StudyUid, depth: Depth) -> bool:
    """Return whether the newest comparison is deep enough and of the study as both archives list it now.

    Raises
    ------
    ArchiveError
        An archive does not answer, or refuses.
    """
    check = services.store.inventory.checks([study_uid]).get(study_uid)
    if check is None or (depth == "content" and check.depth != "content"):
        return False
    if not (_folder(services, study_uid) / COMPARISON).is_file():
        return False
    return tells_changes(check.left) and tells_changes(check.right) and bool(_still_so(services, check))


def _still_so(services: Services, check: ContentCheck) -> bool | None:
    """Return whether both archives, asked now, list a study as when it was compared.

    None where one lists it too slowly for somebody to wait.

    Raises
    ------
    ArchiveError
        An archive does not answer, or refuses.
    """
    asked = [
        Question(archive, partial(listed_state, archive, check.study_uid))
        for archive in (services.archives[name] for name in ArchiveName)
    ]
    try:
        left, right = (question.answer() for question in asked)
    except ArchiveLate:
        return None
    return (left, right) == (check.left, check.right)


def _is_made(folder: FilePath, name: str) -> bool:
    """Return whether there is a report that is no older than what it is of."""
    try:
        return (folder / name).stat().st_mtime_ns >= (folder / COMPARISON).stat().st_mtime_ns
    except FileNotFoundError:
        return False


def _ask_for_reports(services: Services, study_uid: StudyUid) -> JobId:
    """Ask for the reports of the newest comparison, and return the job that makes them."""
    check = services.store.inventory.checks([study_uid]).get(study_uid)
    if check is None or not (_folder(services, study_uid) / COMPARISON).is_file():
        raise Problem(HTTPStatus.NOT_FOUND, NOTHING_COMPARED)
    request = report_comparison_request(study_uid, check.checked_at)
    _submit_again(services, request)
    return request.job_id


def _ask(services: Services, study_uid: StudyUid, depth: Depth) -> None:
    """Ask for a comparison, again when it was done before."""
    _submit_again(services, compare_study_request(study_uid, depth))


def _submit_again(services: Services, request: JobRequest) -> None:
    """Ask for a job, and for it again when it was done before."""
    known = services.queue.jobs(job_ids=[request.job_id], limit=1)
    services.queue.submit(request)
    if known:
        with suppress(JobActive):  # someone else has asked at this moment
            services.queue.run_again(request.job_id)


def _answer(
    services: Services, links: Links, study_uid: StudyUid, job_id: JobId, *, known: bool
) -> JSONResponse:
    """Answer the newest comparison of a study; ``known``: that it is current is known already."""
    path = _folder(services, study_uid) / COMPARISON
    check = services.store.inventory.checks([study_uid]).get(study_uid)
    if check is None or not path.is_file():
        raise Problem(HTTPStatus.NOT_FOUND, NOTHING_COMPARED)
    current: bool | None = None
    with suppress(ArchiveUnavailable):
        current = known or _still_so(services, check)
    answer = StudyComparison(
        **orjson.loads(path.read_bytes()),
        current=current,
        reports={name: links.comparison(study_uid, f"/{name}") for name in REPORTS},
        job_id=job_id,
        job_url=links.job(job_id),
    )
    return JSONResponse(answer.model_dump(mode="json"))
