"""What routes are handed."""

import asyncio
import time
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.identifiers import JobId, OrthancId, StudyUid, is_orthanc_id
from orthanc_plugins.jobs import Job, JobState
from orthanc_plugins.services import Services

_POLL_S = 0.1

UID_PATTERN = r"^(?:[0-9.]{1,64}|invalid-[0-9a-f]{0,64})$"
"""A DICOM UID in a route, or what stands for one that is not valid."""

STUDY_PATTERN = r"^(?:[0-9.]{1,64}|[0-9a-f]{8}(?:-[0-9a-f]{8}){4})$"
"""A study in a route: its Study Instance UID or its Orthanc identifier."""

INSTANCE_PATTERN = r"^[0-9a-f.-]{1,64}$"
"""What may be an instance in a route: its SOP Instance UID or its Orthanc identifier."""

JOB_ID_PATTERN = r"^[A-Za-z0-9._-]{1,200}$"
"""A job's identifier in a route."""

_UID = "DICOM UID (digits and dots, at most 64 characters)"
MEANING_OF_PATTERN = {
    UID_PATTERN: f"a {_UID}",
    STUDY_PATTERN: f"a {_UID} or an Orthanc identifier",
    INSTANCE_PATTERN: f"a {_UID} or an Orthanc identifier",
    JOB_ID_PATTERN: "a job_id as GET /pacs/api/jobs tells it",
}
"""What something of a pattern is, for a person."""


def _services(request: Request) -> Services:
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("The application was made without services.")
    return services


Joined = Annotated[Services, Depends(_services)]
"""The services, as a route's parameter."""

SeriesUidPath = Annotated[
    str, Path(pattern=UID_PATTERN, description="Series Instance UID of an RT Structure Set.")
]
JobIdPath = Annotated[str, Path(pattern=JOB_ID_PATTERN, description="Identifier of a job.")]


class Parameters(BaseModel):
    """The query of a route; a parameter it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class PageParameters(Parameters):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=500)
    offset: int = Field(default=0, ge=0)


def study_uid_of(services: Services, study: str) -> StudyUid:
    """Return the Study Instance UID of a study named by it or by its Orthanc identifier.

    Raises
    ------
    NotFound
        Orthanc does not hold a study of this Orthanc identifier.
    """
    return services.orthanc.study_uid(OrthancId(study)) if is_orthanc_id(study) else StudyUid(study)


async def wait_for_job(services: Services, job_id: JobId, wait_s: float) -> Job:
    """Return a job once it has ended or waits for images, or as it stands after ``wait_s`` seconds."""
    deadline = time.monotonic() + wait_s
    while True:
        job = await run_in_threadpool(services.queue.job, job_id)
        if job.state.ended or job.state is JobState.WAITING or time.monotonic() >= deadline:
            return job
        await asyncio.sleep(_POLL_S)
