"""Looking again at a study that was released: whether its destination still holds what was certified."""

import uuid
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import STUDY_PATTERN, Joined, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.orders import Asked, Choices, asked_for
from orthanc_plugins.api.problems import STATUS_OF_ERROR, Problem, problem_documented, problem_response
from orthanc_plugins.jobs import Job, verify_release_request
from orthanc_plugins.services import Services

router = APIRouter(prefix="/anonymize", tags=["de-identification"])

_STATUS_OF_FAILURE = {error.__name__: status for error, status in STATUS_OF_ERROR.items()}


class VerifyRequest(Choices):
    """Which study, as it was asked for when it was released."""

    patient_id: str | None = Field(
        default=None, max_length=64, description="PatientID; tells studies of one Study Instance UID apart."
    )
    study_id: str = Field(
        pattern=STUDY_PATTERN, description="Study Instance UID, or Orthanc identifier of the study."
    )
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class VerifyAnswer(BaseModel):
    """What was found, or how far the job is."""

    status: str = Field(
        description="`queued`, `running`; then `as_certified` (all that was certified is there, and nothing "
        "has changed but what the destination may change), `otherwise`, `gone` or `changed` (the original)."
    )
    found: str | None = Field(description="What is otherwise there than was certified.")
    release_id: str
    release_url: str
    certificate_url: str = Field(description="Of the files as they are now, where it is `as_certified`.")
    job_id: str
    job_url: str


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    202: {"model": VerifyAnswer, "description": "It is not done yet."},
    404: problem_documented("Orthanc does not hold the study, or it was not released and certified."),
    409: problem_documented("Several studies may be meant."),
    422: problem_documented("The study is de-identified otherwise now: nothing can be compared."),
    503: problem_documented("The destination, Orthanc or the database does not answer: ask again later."),
}


@router.post(
    "/verify", summary="Verify a released study again", response_model=VerifyAnswer, responses=_DOCUMENTED
)
async def verify_release(request: VerifyRequest, services: Joined, links: Linked, user: User) -> JSONResponse:
    """Download a delivered study and validate it again; nothing is sent but a certificate of it."""
    asked, job = await run_in_threadpool(_begun, services, request, user)
    job = await wait_for_job(services, job.job_id, request.wait_s)
    return await run_in_threadpool(_answer, services, links, asked, job)


def _begun(services: Services, request: VerifyRequest, user: str | None) -> tuple[Asked, Job]:
    asked = asked_for(services, request.study_id, request.patient_id, request, user)
    record = services.store.releases.find(asked.release_id)
    if record is None or not record.certificate_sha256:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "The study was not released and certified, as it is now and by this project and profile: ask for "
            "that (POST api/anonymize).",
        )
    job_id = services.queue.submit(verify_release_request(asked.order, uuid.uuid4().hex))
    return asked, services.queue.job(job_id)


def _answer(services: Services, links: Links, asked: Asked, job: Job) -> JSONResponse:
    if job.failure is not None:
        status = _STATUS_OF_FAILURE.get(job.failure.name, HTTPStatus.INTERNAL_SERVER_ERROR)
        told = {"error": job.failure.name, "job_id": job.job_id}
        return problem_response(status, job.failure.message, release_id=asked.release_id, **told)
    record = services.store.releases.find(asked.release_id)
    outcome = (job.result or {}).get("outcome") if job.state.ended else None
    answer = VerifyAnswer(
        status=str(outcome or job.state.value),
        found=record.look_found if record is not None and outcome == "otherwise" else None,
        release_id=asked.release_id,
        release_url=links.release(asked.release_id),
        certificate_url=links.release(asked.release_id, "/certificate.json"),
        job_id=job.job_id,
        job_url=links.job(job.job_id),
    )
    return JSONResponse(answer.model_dump(), HTTPStatus.OK if job.state.ended else HTTPStatus.ACCEPTED)
