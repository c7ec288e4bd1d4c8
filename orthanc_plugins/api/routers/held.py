"""Objects of a release that wait for a person: shown, decided of, and the release going on.

What is looked at are originals: that somebody did is recorded, once an hour for each object and person.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.deciding import (
    DecisionRequest,
    PixelBox,
    decided,
    project_of_release,
    resumed,
    revoked,
)
from orthanc_plugins.api.dependencies import Joined, PageParameters, Parameters
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.people import person, record_access
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.releases import ReleaseIdPath, record_of
from orthanc_plugins.audit.codes import Action
from orthanc_plugins.rules.holds import WORDS_OF_HOLD, Decide, Hold, Why, allowed_of
from orthanc_plugins.services import Services
from orthanc_plugins.store import (
    DecisionRecord,
    HeldRecord,
    ReleaseRecord,
    ReleaseState,
    ShownFiles,
    held_picture,
)

router = APIRouter(prefix="/releases", tags=["de-identification"])

_MOST_REMEMBERED = 10_000
_UID = r"^2\.25\.[0-9]{1,39}$"
HeldPath = Annotated[str, Path(pattern=_UID, description="New SOP Instance UID of a held object.")]


class HoldTold(BaseModel):
    """A rule that holds an object."""

    hold: Hold
    words: str


class DecisionTold(BaseModel):
    """What was decided of an object."""

    decide: Decide
    reason: Why
    boxes: list[PixelBox]
    frames: list[int]
    by: str
    at: datetime


class HeldTold(BaseModel):
    """An object that waits for a person."""

    sop_instance_uid: str = Field(description="The new one.")
    sop_class_uid: str
    holds: list[HoldTold]
    boxes: list[PixelBox] = Field(description="Where text was found.")
    frames: int = Field(
        description="How many can be looked at; 0: none can, and only `leave_out` settles it."
    )
    rows: int
    columns: int
    frames_url: str = Field(
        description="Address of the pictures of its frames: behind it stands the number from 1 and `.png`; "
        "`?boxes=true` draws the boxes."
    )
    may: list[Decide] = Field(description="What may be decided of it in this project.")
    decision: DecisionTold | None
    href: str


class HeldPage(BaseModel):
    """A page of the objects that a release waits for."""

    objects: list[HeldTold]
    undecided: int
    total: int
    limit: int
    offset: int


class DecisionsRequest(DecisionRequest):
    """What becomes of several held objects alike."""

    objects: list[Annotated[str, Field(pattern=_UID)]] = Field(min_length=1, max_length=1000)


class Resumed(BaseModel):
    """The job that goes on with a release."""

    release_id: str
    release_url: str
    job_id: str
    job_url: str


class PictureParameters(Parameters):
    """How a frame is shown."""

    boxes: bool = Field(default=False, description="Draw lines around the text that was found.")


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    403: problem_documented("The project does not allow it, or nobody has signed in."),
    404: problem_documented("There is no such release, or it waits for no such object."),
    409: problem_documented(
        "The release waits for nobody, or no such decision settles what holds the object."
    ),
}


@router.get("/{release_id}/held", summary="List held objects", responses=_DOCUMENTED)
def list_held(
    services: Joined,
    links: Linked,
    user: User,
    release_id: ReleaseIdPath,
    wanted: Annotated[PageParameters, Query()],
) -> HeldPage:
    """List the objects that a release waits for, with what holds each and what may be decided."""
    person(services, user)
    release = record_of(services, release_id)
    page = services.store.held.page(release_id, limit=wanted.limit, offset=wanted.offset)
    standing = {one.content: one for one in services.store.held.decisions(release_id)}
    return HeldPage(
        objects=[_told(services, links, release, one, standing.get(one.content)) for one in page.entries],
        undecided=services.store.held.undecided(release_id),
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.get(
    "/{release_id}/held/{sop}/frames/{frame}.png",
    summary="Look at a held frame",
    response_class=FileResponse,
    responses=_DOCUMENTED,
)
def show_frame(  # noqa: PLR0913, PLR0917 - what the route is handed
    request: Request,
    services: Joined,
    user: User,
    release_id: ReleaseIdPath,
    sop: HeldPath,
    frame: Annotated[int, Path(ge=1, le=100_000)],
    wanted: Annotated[PictureParameters, Query()],
) -> FileResponse:
    """Answer a frame of the original, after it was recorded that somebody looks at it."""
    who = person(services, user)
    release, held = _waiting(services, release_id, sop)
    files = ShownFiles(services.data, "held")
    name = held_picture(sop, frame, boxes=wanted.boxes and bool(held.boxes))
    path = files.path(release_id, name)
    if path is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"There is no such picture: the object has {held.frames} frames, and pictures are kept for "
            "Retention.HeldPictureDays. Ask for the study again to have them made anew.",
        )
    if _is_news(request, (release_id, sop, who)):
        record_access(services, release, held, who, action=Action.READ, reason="held_looked_at")
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": "no-store"})


@router.post("/{release_id}/held/{sop}/decision", summary="Decide of a held object", responses=_DOCUMENTED)
def decide(  # noqa: PLR0913, PLR0917 - likewise
    services: Joined,
    links: Linked,
    user: User,
    release_id: ReleaseIdPath,
    sop: HeldPath,
    wanted: DecisionRequest,
) -> HeldTold:
    """Decide what becomes of an object, in place of what was decided before; recorded under the own name."""
    release, held = _deciding(services, release_id, sop)
    decided(services, release, held, wanted, user)
    return _now(services, links, release, held)


@router.post("/{release_id}/held/decisions", summary="Decide of several held objects", responses=_DOCUMENTED)
def decide_all(
    services: Joined, links: Linked, user: User, release_id: ReleaseIdPath, wanted: DecisionsRequest
) -> list[HeldTold]:
    """Decide the same of several objects, such as of all slices of a head; one that may not be ends it."""
    told = []
    for sop in dict.fromkeys(wanted.objects):
        release, held = _deciding(services, release_id, sop)
        decided(services, release, held, wanted, user)
        told.append(_now(services, links, release, held))
    return told


@router.delete("/{release_id}/held/{sop}/decision", summary="Take back a decision", responses=_DOCUMENTED)
def revoke(services: Joined, links: Linked, user: User, release_id: ReleaseIdPath, sop: HeldPath) -> HeldTold:
    """Take back what was decided of an object, as long as the study has not left."""
    release, held = _waiting(services, release_id, sop)
    revoked(services, release, held, user)
    return _now(services, links, release, held)


@router.post(
    "/{release_id}/resume",
    summary="Have a held release go on",
    status_code=HTTPStatus.ACCEPTED,
    responses=_DOCUMENTED,
)
def resume(services: Joined, links: Linked, user: User, release_id: ReleaseIdPath) -> Resumed:
    """Make and check the study anew as was decided of its objects, and deliver it."""
    job_id = resumed(services, record_of(services, release_id), user)
    return Resumed(
        release_id=release_id, release_url=links.release(release_id), job_id=job_id, job_url=links.job(job_id)
    )


def _waiting(services: Services, release_id: str, sop: str) -> tuple[ReleaseRecord, HeldRecord]:
    release, held = record_of(services, release_id), services.store.held.find(release_id, sop)
    if held is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "The release waits for no such object: GET its `held` lists them."
        )
    return release, held


def _deciding(services: Services, release_id: str, sop: str) -> tuple[ReleaseRecord, HeldRecord]:
    release, held = _waiting(services, release_id, sop)
    if release.state is not ReleaseState.HELD:
        raise Problem(HTTPStatus.CONFLICT, f"The release does not wait for a person: it is {release.state}.")
    return release, held


def _is_news(request: Request, who_saw_what: tuple[str, str, str]) -> bool:
    """Return whether it is not yet recorded that somebody looks at an object in this hour."""
    seen: dict[tuple[str, ...], None] = request.app.state.looked_at
    key = (*who_saw_what, f"{datetime.now(UTC):%Y%m%d%H}")
    if key in seen:
        return False
    seen[key] = None
    if len(seen) > _MOST_REMEMBERED:
        del seen[next(iter(seen))]
    return True


def _now(services: Services, links: Links, release: ReleaseRecord, held: HeldRecord) -> HeldTold:
    standing = {one.content: one for one in services.store.held.decisions(release.release_id)}
    return _told(services, links, release, held, standing.get(held.content))


def _told(
    services: Services,
    links: Links,
    release: ReleaseRecord,
    held: HeldRecord,
    decision: DecisionRecord | None,
) -> HeldTold:
    allowed = project_of_release(services, release).decisions
    href = links.release(release.release_id, f"/held/{held.sop_instance_uid}")
    return HeldTold(
        sop_instance_uid=held.sop_instance_uid,
        sop_class_uid=held.sop_class_uid,
        holds=[HoldTold(hold=hold, words=WORDS_OF_HOLD[hold]) for hold in held.holds],
        boxes=[_box(corners) for corners in held.boxes],
        frames=held.frames,
        rows=held.rows,
        columns=held.columns,
        frames_url=f"{href}/frames/",
        may=[one for one in allowed_of(held.holds) if one in allowed],
        decision=None if decision is None else _decision(decision),
        href=href,
    )


def _decision(one: DecisionRecord) -> DecisionTold:
    return DecisionTold(
        decide=one.decide,
        reason=one.why,
        boxes=[_box(corners) for corners in one.boxes],
        frames=list(one.frames),
        by=one.decided_by,
        at=one.decided_at,
    )


def _box(corners: tuple[int, int, int, int]) -> PixelBox:
    left, top, right, bottom = corners
    return PixelBox(left=left, top=top, right=right, bottom=bottom)
