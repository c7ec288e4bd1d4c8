"""Regions against each other: within one structure set, and one set against another.

Orthanc's process computes nothing: a comparison is a job, done by a worker in seconds, and kept until one of
the structure sets is deleted. Asked again, the answer is there.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import (
    INSTANCE_PATTERN,
    Joined,
    Parameters,
    SeriesUidPath,
    wait_for_job,
)
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.process import failed_job_response, structure_set_of
from orthanc_plugins.api.routers.results import Choice, result_of_series, results_content
from orthanc_plugins.errors import JobActive
from orthanc_plugins.identifiers import JobId, OrthancId
from orthanc_plugins.jobs import Job, JobState, compare_structures_request
from orthanc_plugins.reception import structure_subject
from orthanc_plugins.services import Services

router = APIRouter(prefix="/rtstruct", tags=["structure sets"])


class PairChoice(Parameters):
    """One pair of regions; both or neither."""

    region: int | None = Field(default=None, ge=0, description="ROI Number of the one region.")
    other: int | None = Field(default=None, ge=0, description="ROI Number of the other.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The pair that is meant, None for all.

        Raises
        ------
        Problem
            Only one of the two is given.
        """
        if self.region is None and self.other is None:
            return None
        if self.region is None or self.other is None:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Give both region and other, or neither.")
        return self.region, self.other


class SetChoice(PairChoice):
    """Which two structure sets are compared, and how."""

    a: str = Field(
        pattern=INSTANCE_PATTERN, description="SOP Instance UID (or Orthanc identifier) of the first set."
    )
    b: str = Field(pattern=INSTANCE_PATTERN, description="That of the second.")
    match: Literal["name", "overlap"] = Field(
        default="name", description="`name`: regions of the same name; `overlap`: of the greatest Dice."
    )


class WithinChoice(PairChoice, Choice):
    """Which structure set of the series, and which pair."""


class ComparisonPending(BaseModel):
    """A comparison that is not done yet: ask again."""

    status: JobState
    job_id: str
    job_url: str


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}}, "description": "What was found."},
    202: {"model": ComparisonPending, "description": "It is not done yet: ask again."},
    404: problem_documented("Orthanc does not hold the structure set, or it has no results."),
    422: problem_documented("The two cannot be compared, or a region is unknown."),
}


@router.get(
    "/comparison",
    summary="Compare two structure sets",
    response_class=FileResponse,
    responses=_RESPONSES,
)
async def compare_sets(services: Joined, links: Linked, wanted: Annotated[SetChoice, Query()]) -> Response:
    """Compare two structure sets that Orthanc holds: volumes shared, Dice, distances of surfaces."""
    first = await run_in_threadpool(structure_set_of, services, wanted.a)
    second = await run_in_threadpool(structure_set_of, services, wanted.b)
    job_id = await run_in_threadpool(_ask, services, (first, second), wanted.match, wanted.numbers)
    return await _answer(services, links, job_id, wanted.wait_s)


@router.get(
    "/{series_uid}/comparison",
    summary="Compare regions of a set",
    response_class=JSONResponse,
    responses=_RESPONSES,
)
async def compare_within(
    services: Joined, links: Linked, series_uid: SeriesUidPath, wanted: Annotated[WithinChoice, Query()]
) -> Response:
    """Answer every pair of regions as results.json has them, or one pair in full."""
    result = await run_in_threadpool(result_of_series, services, series_uid, wanted)
    content = await run_in_threadpool(results_content, services, result)
    numbers = wanted.numbers
    if numbers is None:
        return _table(content)
    known = {region["number"] for region in content["regions"]}
    for number in numbers:
        if number not in known:
            raise Problem(HTTPStatus.NOT_FOUND, f"The structure set has no region {number}.")
    instance = result.subject.instance_orthanc_id
    job_id = await run_in_threadpool(_ask, services, (instance, instance), "name", numbers)
    return await _answer(services, links, job_id, wanted.wait_s)


def _table(content: dict[str, Any]) -> JSONResponse:
    """Answer the table of ``results.json``."""
    if content.get("comparison") is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "The regions were not compared: set Structures.CompareRegions to true and process the structure "
            "set again, or ask for one pair with region and other.",
        )
    return JSONResponse(content["comparison"])


def _ask(
    services: Services, sets: tuple[OrthancId, OrthancId], match: str, numbers: tuple[int, int] | None
) -> JobId:
    """Ask for a comparison; what failed, was cancelled or removed is done again for whoever asks."""
    first, second = ((instance, services.orthanc.file_md5(instance)) for instance in sets)
    request = compare_structures_request(first, second, match, numbers)
    subject = structure_subject(services.orthanc, services.orthanc.instance(sets[0]))
    services.store.remember_subject(request.job_id, subject)
    services.queue.submit(request)
    job = services.queue.job(request.job_id)
    if job.state.ended and _file(services, job) is None:
        with suppress(JobActive):  # someone else has asked at this moment
            services.queue.run_again(request.job_id)
    return request.job_id


def _file(services: Services, job: Job) -> str | None:
    """Return the path of a finished comparison, None where it is not there."""
    made = None if job.state is not JobState.SUCCEEDED or job.result is None else job.result.get("file")
    path = None if made is None else services.exports / str(made)
    return None if path is None or not path.is_file() else str(path)


async def _answer(services: Services, links: Links, job_id: JobId, wait_s: float) -> Response:
    job = await wait_for_job(services, job_id, wait_s)
    path = await run_in_threadpool(_file, services, job)
    if path is not None:
        return FileResponse(path, media_type="application/json")
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    pending = ComparisonPending(status=job.state, job_id=job_id, job_url=links.job(job_id))
    return JSONResponse(pending.model_dump(mode="json"), HTTPStatus.ACCEPTED)
