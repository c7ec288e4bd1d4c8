"""Asking for many studies to be de-identified and delivered, as a list of them in a page does."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import STUDY_PATTERN, Joined
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.orders import Choices, project_of, submit
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.errors import NotFound
from orthanc_plugins.services import Services

router = APIRouter(prefix="/anonymize", tags=["de-identification"])

_StudyId = Annotated[str, StringConstraints(pattern=STUDY_PATTERN)]


class AnonymizeStudiesRequest(Choices):
    """Which studies to de-identify, and how."""

    study_ids: list[_StudyId] = Field(
        min_length=1,
        max_length=200,
        description="Study Instance UIDs, or Orthanc identifiers of studies; one that is named twice counts "
        "once.",
    )


class StudyTaken(BaseModel):
    """A study whose job was asked for."""

    study_id: str
    release_id: str
    release_url: str
    job_id: str
    job_url: str


class StudyNotTaken(BaseModel):
    """A study for which no job was asked."""

    study_id: str
    detail: str = Field(description="Why not, and what to do.")


class AnonymizeStudiesAnswer(BaseModel):
    """What was asked for, and what was not."""

    project: str
    studies: list[StudyTaken]
    not_taken: list[StudyNotTaken]


@router.post(
    "/studies",
    summary="De-identify several studies",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        404: problem_documented("Orthanc holds none of the studies, or there is no such project."),
        422: problem_documented("The project does not allow what was asked."),
    },
)
def anonymize_studies(
    request: AnonymizeStudiesRequest, services: Joined, links: Linked, user: User
) -> AnonymizeStudiesAnswer:
    """Ask for a job for each study, and do not wait for them."""
    project = project_of(services, request.project)
    asked = [_asked(services, links, study, request, user) for study in dict.fromkeys(request.study_ids)]
    taken = [one for one in asked if isinstance(one, StudyTaken)]
    missed = [one for one in asked if isinstance(one, StudyNotTaken)]
    if not taken:
        raise Problem(HTTPStatus.NOT_FOUND, f"None of the studies was taken. The first: {missed[0].detail}")
    return AnonymizeStudiesAnswer(project=project.name, studies=taken, not_taken=missed)


def _asked(
    services: Services, links: Links, study_id: str, choices: Choices, user: str | None
) -> StudyTaken | StudyNotTaken:
    """Return a study's job, or why there is none; what concerns all of them is raised."""
    try:
        asked = submit(services, study_id, None, choices, user)
    except NotFound as error:
        return StudyNotTaken(study_id=study_id, detail=str(error))
    except Problem as problem:
        if problem.status_code not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            raise
        return StudyNotTaken(study_id=study_id, detail=problem.detail)
    return StudyTaken(
        study_id=study_id,
        release_id=asked.release_id,
        release_url=links.release(asked.release_id),
        job_id=asked.job_id,
        job_url=links.job(asked.job_id),
    )
