"""STOW-RS (PS3.18 10.5) as dcm4chee answers it (``StowRS``): statuses and failure reasons."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydicom.uid import generate_uid
from starlette.responses import Response

from dcm4chee.standin.answers import RefusedError, dicom_json, no_match
from dcm4chee.standin.archive import archive_of, root_url
from dcm4chee.standin.dataset import NotDicomError, read_received, with_preamble
from dcm4chee.standin.media import accepts, media_type
from dcm4chee.standin.multipart import UnfinishedError, parts_of
from dcm4chee.standin.store import StoreFailedError, store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from dcm4chee.standin.archive import Archive
    from dcm4chee.standin.dataset import Attributes, Received
    from dcm4chee.standin.multipart import Part

_DICOM = "application/dicom"
_ACCEPTED = ("application/dicom+json",)
_PARSE_FAILED = 0xC499
_OTHER_STUDY = 0xC409
_NOT_DICOM_CLASS = "1.2.40.0.13.1.1.5.1"


@dataclass
class _Answer:
    """What became of the parts."""

    root: str
    stored: list[Attributes] = field(default_factory=list)
    failed: list[Attributes] = field(default_factory=list)
    studies: set[str] = field(default_factory=set)
    warning: str | None = None

    def add_stored(self, received: Received) -> None:
        self.studies.add(received.study_uid)
        url = (
            f"{self.root}/studies/{received.study_uid}/series/{received.series_uid}"
            f"/instances/{received.sop_instance_uid}"
        )
        self.stored.append(_reference(received) | {"00081190": {"vr": "UR", "Value": [url]}})

    def add_failed(self, reference: Attributes, reason: int, said: str) -> None:
        self.failed.append(reference | {"00081197": {"vr": "US", "Value": [reason]}})
        self.warning = f'299 dcm4chee-arc "{said}"'

    def response(self) -> Response:
        """Return 200 when all were stored, 202 when some were, 409 when none was."""
        content: Attributes = {}
        if len(self.studies) == 1:
            url = f"{self.root}/studies/{next(iter(self.studies))}"
            content["00081190"] = {"vr": "UR", "Value": [url]}
        if self.failed:
            content["00081198"] = {"vr": "SQ", "Value": self.failed}
        if self.stored:
            content["00081199"] = {"vr": "SQ", "Value": self.stored}
        status = HTTPStatus.CONFLICT
        if self.stored:
            status = HTTPStatus.ACCEPTED if self.failed else HTTPStatus.OK
        headers = {"Warning": self.warning} if self.warning else None
        return dicom_json(dict(sorted(content.items())), status, headers)


async def store_instances(request: Request) -> Response:
    """Store the parts of a request, in their order; parts of another type are skipped."""
    archive = archive_of(request)
    if not archive.view(request).stores:
        title = request.path_params["aet"]
        raise no_match(f"No Web Application with STOW_RS service class found for Application Entity: {title}")
    boundary = _boundary(request)
    if not accepts(request, _ACCEPTED):
        return Response(status_code=HTTPStatus.NOT_ACCEPTABLE)
    await archive.arrivals.catch_up()
    answer = _Answer(root_url(request))
    try:
        async for part in _one_ahead(parts_of(request.stream(), boundary)):
            if part.media_type.name == _DICOM:
                await _store_part(archive, part, request.path_params.get("studyUID"), answer)
    except UnfinishedError:
        trace = "java.io.EOFException: Unexpected end of multipart body"
        return Response(trace, HTTPStatus.INTERNAL_SERVER_ERROR, media_type="text/plain")
    return answer.response()


async def _one_ahead(parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    """Yield the parts, while each is worked on the next is read."""
    ahead = asyncio.create_task(_next(parts))
    try:
        while (part := await ahead) is not None:
            ahead = asyncio.create_task(_next(parts))
            yield part
    finally:
        ahead.cancel()


async def _next(parts: AsyncIterator[Part]) -> Part | None:
    return await anext(parts, None)


def _boundary(request: Request) -> str:
    given = media_type(request.headers.get("content-type", ""))
    if given.name != "multipart/related" or given.of_parts != _DICOM:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Cannot consume content type")
    boundary = given.parameters.get("boundary")
    if not boundary:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Missing Boundary Parameter")
    return boundary


async def _store_part(archive: Archive, part: Part, study_uid: str | None, answer: _Answer) -> None:
    content = with_preamble(part.content)
    try:
        received = read_received(content)
    except NotDicomError as error:
        answer.add_failed(_unreadable(), _PARSE_FAILED, f"Failed to parse: {error}")
        return
    if study_uid is not None and received.study_uid != study_uid:
        said = f"Study Instance UID differs from the one in the address: {study_uid}"
        answer.add_failed(_reference(received), _OTHER_STUDY, said)
        return
    try:
        await store(archive, received, content)
    except StoreFailedError as error:
        answer.add_failed(_reference(received), error.status, str(error))
    else:
        answer.add_stored(received)


def _reference(received: Received) -> Attributes:
    return {
        "00081150": {"vr": "UI", "Value": [received.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [received.sop_instance_uid]},
    }


def _unreadable() -> Attributes:
    """Return how dcm4chee refers to what it could not read: a class of its own, and any UID."""
    return {
        "00081150": {"vr": "UI", "Value": [_NOT_DICOM_CLASS]},
        "00081155": {"vr": "UI", "Value": [generate_uid(prefix=None)]},
    }
