"""What a release would make of a study, shown before anything is sent: values and pictures of originals.

Only whoever asked for a preview is shown it; that originals are read for it, its job records.
"""

import uuid
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import Joined, PageParameters
from orthanc_plugins.api.links import Linked
from orthanc_plugins.api.orders import Choices, asked_for
from orthanc_plugins.api.people import person
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.studies import StudyPath
from orthanc_plugins.jobs import preview_release_request
from orthanc_plugins.services import Services
from orthanc_plugins.store import ShownFiles

router = APIRouter(tags=["de-identification"])

_NO_STORE = {"Cache-Control": "no-store"}
PreviewPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Identifier of a preview.")]
type Group = Literal[
    "identity", "dates", "uids", "descriptions", "structures", "private", "marks", "technical"
]
type Fate = Literal["removed", "emptied", "replaced", "cleaned", "kept", "added"]
type State = Literal["released", "masked", "held", "refused", "left_out"]


class PreviewRequest(Choices):
    """For which project and by which profile, and of how many objects."""

    patient_id: str | None = Field(default=None, max_length=64, description="As of `POST api/anonymize`.")
    sample: int = Field(
        default=0, ge=0, le=100_000, description="Of so many objects, spread over the study; 0: of all."
    )


class PreviewBegun(BaseModel):
    """The preview that is being made."""

    preview_id: str
    preview_url: str
    job_id: str
    job_url: str


class AttributeParameters(PageParameters):
    """Which attributes to list."""

    group: Group | None = Field(default=None, description="Only those about this.")
    fate: Fate | None = Field(default=None, description="Only those that this becomes of in some object.")


class ObjectParameters(PageParameters):
    """Which objects to list."""

    state: State | None = Field(default=None, description="Only those that this becomes of.")


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    403: problem_documented("Somebody else asked for the preview, or nobody has signed in."),
    404: problem_documented("There is no such preview, or none any more: Retention.PreviewHours."),
}


@router.post(
    "/studies/{study}/deidentification/preview",
    summary="Preview a de-identification",
    status_code=HTTPStatus.ACCEPTED,
)
def ask(
    study: StudyPath, services: Joined, links: Linked, user: User, wanted: PreviewRequest
) -> PreviewBegun:
    """Find out what a release would make of a study; nothing is released, registered or certified."""
    person(services, user)
    asked = asked_for(services, study, wanted.patient_id, wanted, user)
    preview_id = uuid.uuid4().hex
    request = preview_release_request(asked.order, preview_id, wanted.sample)
    known = {"asker": user or "", "job_id": request.job_id}
    ShownFiles(services.data, "previews").keep_json(preview_id, "asked.json", known)
    services.queue.submit(request)
    return PreviewBegun(
        preview_id=preview_id,
        preview_url=f"{links.root}/api/previews/{preview_id}",
        job_id=request.job_id,
        job_url=links.job(request.job_id),
    )


@router.get("/previews/{preview_id}", summary="Show a preview", responses=_DOCUMENTED)
def show(services: Joined, links: Linked, user: User, preview_id: PreviewPath) -> JSONResponse:
    """Answer how the release would end, which identity results and what the check found, once it is done."""
    asked = _asked(services, user, preview_id)
    summary = ShownFiles(services.data, "previews").read_json(preview_id, "summary.json")
    job = {"job_id": asked["job_id"], "job_url": links.job(asked["job_id"])}
    return JSONResponse({"done": summary is not None, **job, **(summary or {})}, headers=_NO_STORE)


@router.get(
    "/previews/{preview_id}/attributes", summary="List attributes of a preview", responses=_DOCUMENTED
)
def list_attributes(
    services: Joined, user: User, preview_id: PreviewPath, wanted: Annotated[AttributeParameters, Query()]
) -> JSONResponse:
    """List what becomes of each attribute, with values of before and after."""
    rows = [
        row
        for row in _rows(services, user, preview_id, "attributes.json")
        if wanted.group in {None, row["group"]} and (wanted.fate is None or wanted.fate in row["fates"])
    ]
    return _page("attributes", rows, wanted)


@router.get("/previews/{preview_id}/objects", summary="List objects", responses=_DOCUMENTED)
def list_objects(
    services: Joined,
    links: Linked,
    user: User,
    preview_id: PreviewPath,
    wanted: Annotated[ObjectParameters, Query()],
) -> JSONResponse:
    """List what becomes of each object and its pixels, and what holds or refuses it."""
    rows = _rows(services, user, preview_id, "objects.json")
    below = f"{links.root}/api/previews/{preview_id}/objects"
    told = [
        {**row, "pictures": {name: f"{below}/{row['number']}/{name}.png" for name in row["pictures"]}}
        for row in rows
        if wanted.state in {None, row["state"]}
    ]
    return _page("objects", told, wanted)


@router.get(
    "/previews/{preview_id}/objects/{number}/{which}.png",
    summary="Look at an object of a preview",
    response_class=FileResponse,
    responses=_DOCUMENTED,
)
def show_picture(
    services: Joined,
    user: User,
    preview_id: PreviewPath,
    number: Annotated[int, Path(ge=1)],
    which: Literal["before", "after"],
) -> FileResponse:
    """Answer the first frame, before with what was found, or after as it would leave."""
    _asked(services, user, preview_id)
    path = ShownFiles(services.data, "previews").path(preview_id, f"object-{number}-{which}.png")
    if path is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such picture: `pictures` of the object lists them.")
    return FileResponse(path, media_type="image/png", headers=_NO_STORE)


@router.delete("/previews/{preview_id}", summary="Remove a preview", responses=_DOCUMENTED)
def remove(services: Joined, user: User, preview_id: PreviewPath) -> dict[str, bool]:
    """Remove the values and pictures of a preview."""
    _asked(services, user, preview_id)
    return {"removed": ShownFiles(services.data, "previews").remove(preview_id)}


def _asked(services: Services, user: str | None, preview_id: str) -> dict[str, str]:
    """Return who asked for a preview and which job makes it, to whoever did."""
    person(services, user)
    asked: dict[str, str] | None = ShownFiles(services.data, "previews").read_json(preview_id, "asked.json")
    if asked is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such preview, or none any more: ask for another.")
    if asked["asker"] != (user or ""):
        raise Problem(HTTPStatus.FORBIDDEN, "Somebody else asked for this preview: ask for one of your own.")
    return asked


def _rows(services: Services, user: str | None, preview_id: str, name: str) -> list[dict[str, Any]]:
    _asked(services, user, preview_id)
    rows: list[dict[str, Any]] | None = ShownFiles(services.data, "previews").read_json(preview_id, name)
    return rows or []


def _page(name: str, rows: list[dict[str, Any]], wanted: PageParameters) -> JSONResponse:
    shown = rows[wanted.offset : wanted.offset + wanted.limit]
    page = {name: shown, "total": len(rows), "limit": wanted.limit, "offset": wanted.offset}
    return JSONResponse(page, headers=_NO_STORE)
