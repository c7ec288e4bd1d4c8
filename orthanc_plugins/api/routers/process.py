"""Asking for a structure set to be processed, and waiting for what comes out."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import (
    INSTANCE_PATTERN,
    STUDY_PATTERN,
    UID_PATTERN,
    Joined,
    study_uid_of,
    wait_for_job,
)
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import STATUS_OF_ERROR, Problem, problem_documented, problem_response
from orthanc_plugins.api.routers.jobs import Phase, Waiting, phases_of, waiting_for
from orthanc_plugins.api.routers.results import results_content
from orthanc_plugins.archives import SeriesRecord
from orthanc_plugins.errors import JobActive, JobError
from orthanc_plugins.identifiers import (
    RT_STRUCTURE_SET_STORAGE,
    JobId,
    OrthancId,
    is_dicom_uid,
    is_orthanc_id,
)
from orthanc_plugins.jobs import Job, JobState
from orthanc_plugins.reception import Reception
from orthanc_plugins.services import Services
from orthanc_plugins.store import ResultRecord, StructureSubject

router = APIRouter(tags=["structure sets"])

_STATUS_OF_FAILURE = {error.__name__: status for error, status in STATUS_OF_ERROR.items()} | {
    JobError.__name__: HTTPStatus.INTERNAL_SERVER_ERROR
}
"""Status of a failed job by its failure's name; as a job's failure JobError is a fault of the suite."""


class ProcessRequest(BaseModel):
    """Which structure set to process, and how long to wait for the results."""

    model_config = ConfigDict(extra="forbid")

    study_instance_uid: str = Field(
        pattern=STUDY_PATTERN, description="Study Instance UID, or Orthanc identifier of the study."
    )
    series_instance_uid: str | None = Field(
        default=None,
        pattern=UID_PATTERN,
        description="Series of the structure set; may be left out when the study has one only.",
    )
    sop_instance_uid: str | None = Field(
        default=None,
        pattern=UID_PATTERN,
        description="The structure set; may be left out when study or series has one only.",
    )
    again: bool = Field(default=False, description="Process it again even though there are results.")
    synchronous: bool = Field(default=True, description="Wait for the results.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class StructureProblem(BaseModel):
    """Something that is wrong with the structure set, a region or the images, as in results.json."""

    code: str = Field(description="Stable word for programs, such as `absent_images`.")
    message: str = Field(description="What is wrong, and what was done about it.")
    severity: str = Field(description="`error`: it could not be done; `warning`: it was done all the same.")
    region: int | None = Field(default=None, description="ROI Number; null when the whole set is meant.")
    region_name: str | None = None
    contours: list[int] = Field(
        default=[],
        description="Places in the Contour Sequence from 0, the first twenty; messages count from 1.",
    )


class Roi(BaseModel):
    """A region of the structure set; a number is null where it could not be measured."""

    number: int
    name: str
    state: str
    problems: list[StructureProblem] = Field(
        description="What is wrong with it; contours may be left out of a region that is `done`."
    )
    volume_cc: float | None = Field(description="Planimetric, from the contours.")
    volume_voxels_cc: float | None = Field(description="That of the mask, by counting voxels.")
    surface_cm2: float | None
    mask_path: str | None = Field(description="Relative to the folder of the results.")
    stl_path: str | None
    mask_url: str | None
    stl_url: str | None


class ProcessAnswer(BaseModel):
    """What came out of a structure set, or how far its job is."""

    status: JobState
    series_instance_uid: str | None = Field(description="Series of the structure set.")
    sop_instance_uid: str | None = Field(description="The structure set this is about.")
    job_id: str
    job_url: str
    rois: list[Roi]
    problems: list[StructureProblem] = Field(
        description="All there are: those of the whole set, such as missing images, then each region's."
    )
    processing_time_s: float | None
    phases: list[Phase]
    waiting: Waiting | None = Field(description="What the job waits for; null when it does not wait.")
    results_folder: str | None = Field(description="Relative to the exports directory.")
    results_url: str | None
    viewer_url: str | None


@router.post(
    "/process",
    summary="Process a structure set",
    response_model=ProcessAnswer,
    responses={
        202: {"model": ProcessAnswer, "description": "It is not done yet; `waiting` tells what is missing."},
        404: problem_documented("Orthanc does not hold the study or series, or has lost it meanwhile."),
        409: problem_documented("Several structure sets may be meant, or the job was cancelled."),
        415: problem_documented("The body was not sent as application/json."),
        422: problem_documented("There is no structure set, or it cannot be used."),
        500: problem_documented("The suite met a fault it does not know."),
        502: problem_documented("Orthanc refused what the job asked of it."),
        503: problem_documented("Orthanc or the database does not answer: ask again later."),
    },
)
async def process(request: ProcessRequest, services: Joined, links: Linked) -> JSONResponse:
    """Process a structure set and answer its regions; 202 with the job when that takes longer.

    What is already done is answered at once, what was cancelled is done again.
    """
    job_id = await run_in_threadpool(_submit, services, request)
    job = await wait_for_job(services, job_id, request.wait_s if request.synchronous else 0)
    return await run_in_threadpool(_answer, services, links, job)


@router.get(
    "/extract-rt/{instance_id}",
    summary="Extract contours",
    response_class=FileResponse,
    responses={200: {"content": {"application/json": {}}}},
)
async def extract_rt(
    services: Joined,
    links: Linked,
    instance_id: Annotated[
        str, Path(pattern=INSTANCE_PATTERN, description="Orthanc identifier or SOP Instance UID.")
    ],
) -> Response:
    """Answer the regions and contours of a structure set as JSON, points in mm, LPS."""
    instance = await run_in_threadpool(structure_set_of, services, instance_id)
    result = await run_in_threadpool(services.store.result_of_instance, instance)
    if result is None:
        job_id = await run_in_threadpool(_ask, services, instance)
        job = await wait_for_job(services, job_id, ProcessRequest.model_fields["wait_s"].default)
        result = await run_in_threadpool(services.store.result_of_instance, instance)
        if result is None:
            return await run_in_threadpool(_answer, services, links, job)
    path = services.exports / result.folder / "contours.json"
    if not path.is_file():
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "The contours were not exported: add json to Structures.Formats, then ask POST api/process "
            'with "again": true.',
        )
    return FileResponse(path, media_type="application/json")


def _submit(services: Services, request: ProcessRequest) -> JobId:
    return _ask(services, _meant(services, request), again=request.again)


def _ask(services: Services, instance: OrthancId, *, again: bool = False) -> JobId:
    """Ask for the processing of a structure set; what was cancelled is done again for whoever asks."""
    reception = Reception(services.orthanc, services.store, services.queue)
    job_id = reception.structure_set_stored(instance)
    if again or services.queue.job(job_id).state is JobState.CANCELLED:
        with suppress(JobActive):  # it is being done at this moment
            services.queue.run_again(job_id)
    return job_id


def _meant(services: Services, request: ProcessRequest) -> OrthancId:
    """Return the structure set that is meant; when it may be one of several, none is chosen."""
    wanted = request.sop_instance_uid
    found = [
        (series.series_uid, instance)
        for series in _structure_series(services, request)
        for instance in services.orthanc.instances_of_series(series.orthanc_id)
        if wanted in {None, instance.sop_instance_uid}
    ]
    if len(found) == 1:
        return found[0][1].orthanc_id
    if not found and wanted is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The study holds no RT Structure Set.")
    if not found:
        raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this structure set in this study.")
    listed = ", ".join(f"{instance.sop_instance_uid} (series {series_uid})" for series_uid, instance in found)
    raise Problem(
        HTTPStatus.CONFLICT,
        f"Several structure sets may be meant; name one as sop_instance_uid: {listed}.",
        structure_sets=[
            {"series_instance_uid": series_uid, "sop_instance_uid": instance.sop_instance_uid}
            for series_uid, instance in found
        ],
    )


def _structure_series(services: Services, request: ProcessRequest) -> list[SeriesRecord]:
    """Return the series of structure sets that may be meant; a series of images stands for all of them."""
    orthanc = services.orthanc
    studies = orthanc.lookup(study_uid_of(services, request.study_instance_uid), "Study")
    if not studies:
        raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this study.")
    series = [found for study in studies for found in orthanc.series_of_study(study)]
    sets = [found for found in series if found.holds_structure_sets]
    wanted = request.series_instance_uid
    if wanted is not None and wanted not in {found.series_uid for found in series}:
        raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this series in this study.")
    return [found for found in sets if found.series_uid == wanted] or sets


def structure_set_of(services: Services, instance_id: str) -> OrthancId:
    """Return the structure set of an Orthanc identifier or SOP Instance UID.

    Raises
    ------
    Problem
        Orthanc does not hold it, or it is none.
    """
    if is_orthanc_id(instance_id):
        instance = OrthancId(instance_id)
    elif is_dicom_uid(instance_id):
        found = services.orthanc.lookup(instance_id, "Instance")
        if not found:
            raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this instance.")
        instance = found[0]
    else:
        raise Problem(HTTPStatus.BAD_REQUEST, "This is neither an Orthanc identifier nor a SOP Instance UID.")
    if services.orthanc.sop_class(instance) != RT_STRUCTURE_SET_STORAGE:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This instance is not an RT Structure Set.")
    return instance


def failed_job_response(job: Job) -> JSONResponse | None:
    """Return the answer for a job that failed or was cancelled, None for any other."""
    if job.failure is not None:
        status = _STATUS_OF_FAILURE.get(job.failure.name, HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem_response(status, job.failure.message, error=job.failure.name, job_id=job.job_id)
    if job.state is JobState.CANCELLED:
        return problem_response(
            HTTPStatus.CONFLICT, "The job was cancelled: ask again to have it done.", job_id=job.job_id
        )
    return None


def _answer(services: Services, links: Links, job: Job) -> JSONResponse:
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    result = services.store.result_of_job(job.job_id) if job.state is JobState.SUCCEEDED else None
    if job.state is JobState.SUCCEEDED and result is None:
        return problem_response(
            HTTPStatus.NOT_FOUND,
            "The results were removed with their structure set: send it to Orthanc again.",
            job_id=job.job_id,
        )
    answer = _process_answer(services, links, job, result)
    return JSONResponse(
        answer.model_dump(mode="json"), HTTPStatus.ACCEPTED if result is None else HTTPStatus.OK
    )


def _process_answer(services: Services, links: Links, job: Job, result: ResultRecord | None) -> ProcessAnswer:
    phases = phases_of(services, job)
    content: dict[str, Any] = {} if result is None else results_content(services, result)
    subject = services.store.subjects([job.job_id]).get(job.job_id)
    return ProcessAnswer(
        status=job.state,
        series_instance_uid=None if subject is None else subject.series_uid,
        sop_instance_uid=None if subject is None else subject.sop_instance_uid,
        job_id=job.job_id,
        job_url=links.job(job.job_id),
        rois=[_roi(links, region, result.subject) for region in content["regions"]] if result else [],
        problems=content.get("problems", []),
        processing_time_s=round(sum(phase.duration_s or 0 for phase in phases), 3) if phases else None,
        phases=phases,
        waiting=waiting_for(services, job),
        results_folder=None if result is None else result.folder,
        results_url=None if result is None else links.results(result.subject),
        viewer_url=None if result is None else services.viewer_link(result.subject.study_uid),
    )


def _roi(links: Links, region: dict[str, Any], of: StructureSubject) -> Roi:
    number = region["number"]
    mask, mesh = region.get("mask_path"), region.get("stl_path")
    return Roi(
        number=number,
        name=region["name"],
        state=region["state"],
        problems=region.get("problems", []),
        volume_cc=region.get("volume_cc"),
        volume_voxels_cc=region.get("volume_voxels_cc"),
        surface_cm2=region.get("surface_cm2"),
        mask_path=mask,
        stl_path=mesh,
        mask_url=None if mask is None else links.region_file(of, number, "mask.nii.gz"),
        stl_url=None if mesh is None else links.region_file(of, number, "mesh.stl"),
    )
