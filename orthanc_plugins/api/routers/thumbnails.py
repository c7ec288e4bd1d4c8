"""Small pictures of studies, as each archive renders them itself."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import UID_PATTERN, Joined, Parameters
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.archives.base import ArchiveName, InstanceEntry
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.services import Services

router = APIRouter(prefix="/studies", tags=["both archives"])

_WITHOUT_PICTURE = frozenset(
    {"RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "KO", "PR", "REG", "DOC", "PLAN", "SEG", "M3D", "AU"}
)
"""Modalities that are asked for no picture while a study holds others."""

_KINDS = {b"\x89P": "image/png", b"\xff\xd8": "image/jpeg"}
"""Media types by how a picture begins: nothing else is passed on to a browser."""


class ThumbnailParameters(Parameters):
    """Of what a picture is wanted."""

    archive: ArchiveName = Field(default=ArchiveName.ORTHANC, description="Whose rendering it is.")
    series: str | None = Field(default=None, pattern=UID_PATTERN, description="Series Instance UID.")
    instance: str | None = Field(default=None, pattern=UID_PATTERN, description="SOP Instance UID.")
    size: int = Field(default=160, ge=16, le=1024, description="Longest side in pixels.")


@router.get(
    "/{study_uid}/thumbnail",
    summary="Show a small picture",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}, "image/jpeg": {}}},
        304: {"description": "It is the picture that `If-None-Match` names."},
        404: problem_documented("The archive does not hold it, has no picture of it, or is not set."),
    },
)
def thumbnail(
    request: Request,
    services: Joined,
    study_uid: Annotated[str, Path(pattern=UID_PATTERN)],
    asked: Annotated[ThumbnailParameters, Query()],
) -> Response:
    """Show an image of a study, series or instance as the archive renders it.

    Of a study it is one of its largest series of images, of a series the one in the middle by SOP Instance
    UID: the same one in both archives where both hold the same.
    """
    picture = _picture(services, StudyUid(study_uid), asked)
    kind = _KINDS.get(picture[:2])
    if kind is None:
        raise _no_picture(asked)
    tag = f'"{hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(picture, media_type=kind, headers=headers)


def _picture(services: Services, study_uid: StudyUid, asked: ThumbnailParameters) -> bytes:
    archive = services.archives.get(asked.archive)
    if archive is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"The archive {asked.archive} is not set up here.")

    def ask() -> bytes:
        chosen = _chosen(archive.instances(study_uid), asked)
        if chosen is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"{asked.archive} does not hold what a picture is wanted of.")
        try:
            return archive.picture(chosen, asked.size)
        except ArchiveRefused as refusal:
            raise _no_picture(asked) from refusal

    return Question(archive, ask).answer()


def _chosen(held: Sequence[InstanceEntry], asked: ThumbnailParameters) -> InstanceEntry | None:
    """Return the instance that is shown, None where nothing is held of what is asked for."""
    wanted = [
        one
        for one in held
        if asked.series in {None, one.series_uid} and asked.instance in {None, one.sop_instance_uid}
    ]
    images = [one for one in wanted if one.modality not in _WITHOUT_PICTURE] or wanted
    series: dict[str, list[InstanceEntry]] = defaultdict(list)
    for one in images:
        series[one.series_uid].append(one)
    if not series:
        return None
    largest = max(series.items(), key=lambda of: (len(of[1]), of[0]))[1]
    largest.sort(key=lambda one: [part.zfill(64) for part in one.sop_instance_uid.split(".")])
    return largest[len(largest) // 2]


def _no_picture(asked: ThumbnailParameters) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND, f"{asked.archive} has no picture of it: it may hold no pixels, or unusual ones."
    )
