"""WADO-RS (PS3.18 10.4) as dcm4chee answers it: what the archive holds is merged into each object.

Where nothing is hidden and nothing to be merged, Orthanc's own answer goes through as it comes.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydicom.uid import UID, ExplicitVRLittleEndian
from starlette.responses import Response, StreamingResponse

from dcm4chee.standin.answers import RefusedError, dicom_json, no_match
from dcm4chee.standin.archive import archive_of, root_url
from dcm4chee.standin.asking import OrthancSilentError, asking
from dcm4chee.standin.bulkdata import value_at
from dcm4chee.standin.media import accepted, accepts
from dcm4chee.standin.merged_file import merged_file
from dcm4chee.standin.metadata import metadata_of
from dcm4chee.standin.retrieval import Scope, retrieval

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from dcm4chee.standin.archive import Archive
    from dcm4chee.standin.retrieval import Retrieval, Retrieved

_DICOM = "application/dicom"
_JSON = ("application/dicom+json", "application/json")
_INNER_ROOT = "/dcm4chee-arc/aets/DCM4CHEE/rs"


async def retrieve(request: Request) -> Response:
    """Answer a study, a series or an object as DICOM files; 404, 406 or 304 as dcm4chee does."""
    found = await _found(request)
    if not accepts(request, (_DICOM,)):
        raise _not_accepted()
    if (unchanged := _unchanged(request, found)) is not None:
        return unchanged
    headers, syntax = _validators(found), _transfer_syntax(request)
    first = _sent_as(found.objects[0], syntax)
    if found.can_be_passed_on:
        return await _passed_on(request, headers, first)
    boundary = secrets.token_hex(16)
    # The first file is read before anything is answered: that it cannot be sent so is told by the status.
    content = await _content(archive_of(request).orthanc.url, found.objects[0], first)
    parts = _parts(archive_of(request), found, syntax, boundary, content)
    kind = f'multipart/related;type="{_DICOM}";transfer-syntax={first};boundary={boundary}'
    return StreamingResponse(parts, headers=headers | {"Content-Type": kind})


async def metadata(request: Request) -> Response:
    """Answer the metadata of a study, a series or an object."""
    archive, found = archive_of(request), await _found(request)
    if not accepts(request, _JSON):
        raise _not_accepted()
    if (unchanged := _unchanged(request, found)) is not None:
        return unchanged
    path = f"{_INNER_ROOT}/{request.url.path.partition('/rs/')[2]}"
    told = {one["00080018"]["Value"][0]: one for one in await archive.orthanc.get_json(path)}
    root = root_url(request)
    listed = [
        metadata_of(told[one.sop_instance_uid], one, root)
        for one in found.objects
        if one.sop_instance_uid in told
    ]
    return dicom_json(listed, headers=_validators(found))


async def bulk_data(request: Request) -> Response:
    """Answer one value of an object, at a path such as ``30060039/1/30060040/2/30060050``."""
    archive, found = archive_of(request), await _found(request)
    path = str(request.path_params.get("path", "7FE00010"))
    (wanted,) = found.objects
    stored = await archive.orthanc.file(wanted.orthanc_id)
    value = value_at(stored[0], path) if stored else None
    if value is None:
        raise no_match()
    boundary = secrets.token_hex(16)
    kind = f'multipart/related;type="application/octet-stream";boundary={boundary}'
    body = _part_head(boundary, "application/octet-stream") + value + _end(boundary)
    return Response(body, headers={"Content-Type": kind})


async def image(request: Request) -> Response:
    """Answer frames, renderings and thumbnails: Orthanc's own, of what is shown."""
    await _found(request)
    return await _passed_on(request, {})


async def _found(request: Request) -> Retrieval:
    archive, view = archive_of(request), archive_of(request).view(request)
    await archive.arrivals.catch_up()
    asked = request.path_params
    scope = Scope(asked["studyUID"], asked.get("seriesUID"), asked.get("objectUID"))
    found = retrieval(archive.state, view, scope)
    if not found.objects:
        raise no_match()
    return found


def _validators(found: Retrieval) -> dict[str, str]:
    changed = datetime.fromtimestamp(found.updated, UTC)
    return {"Last-Modified": format_datetime(changed, usegmt=True), "ETag": _tag(found)}


def _tag(found: Retrieval) -> str:
    return f'"{int(found.updated * 1000)}-{len(found.objects)}"'


def _unchanged(request: Request, found: Retrieval) -> Response | None:
    if request.headers.get("if-none-match") != _tag(found):
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_validators(found))


async def _passed_on(request: Request, headers: dict[str, str], syntax: str | None = None) -> Response:
    """Answer what Orthanc's DICOMweb answers, while it comes."""
    path = f"{_INNER_ROOT}/{request.url.path.partition('/rs/')[2]}"
    query = f"?{request.url.query}" if request.url.query else ""
    accept = ", ".join(request.headers.getlist("accept")) or "*/*"
    async with AsyncExitStack() as opened:
        root = archive_of(request).orthanc.url
        answer = await opened.enter_async_context(
            asking(root, "GET", path + query, headers={"Accept": accept})
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise no_match()
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise _not_accepted()
        kind = answer.content_type + (f"; transfer-syntax={syntax}" if syntax else "")
        kept_open = opened.pop_all()

    async def body() -> AsyncIterator[bytes]:
        async with kept_open:
            async for chunk in answer.chunks():
                yield chunk

    return StreamingResponse(body(), answer.status, headers | {"Content-Type": kind})


async def _parts(
    archive: Archive, found: Retrieval, syntax: str | None, boundary: str, content: bytes
) -> AsyncIterator[bytes]:
    """Yield the parts, of which the first has this content; one is in memory while the next is read."""
    root = archive.orthanc.url
    for number, wanted in enumerate(found.objects, 1):
        following = found.objects[number : number + 1]
        ahead = [asyncio.create_task(_content(root, one, _sent_as(one, syntax))) for one in following]
        try:
            yield _part_head(boundary, f"{_DICOM};transfer-syntax={_sent_as(wanted, syntax)}")
            if wanted.is_as_received:
                yield content
            else:
                yield merged_file(content, wanted.changes, wanted.originals)
            content = await ahead[0] if ahead else b""
        finally:
            for task in ahead:
                task.cancel()
    yield _end(boundary)


async def _content(root: str, wanted: Retrieved, sent_as: str) -> bytes:
    query = "" if sent_as == wanted.transfer_syntax else f"?transcode={sent_as}"
    async with asking(root, "GET", f"/instances/{wanted.orthanc_id}/file{query}") as answer:
        if answer.status != HTTPStatus.OK and query:
            raise _not_accepted()
        if answer.status != HTTPStatus.OK:
            raise OrthancSilentError(f"Orthanc answered {answer.status} for a file")
        return await answer.content()


def _not_accepted() -> RefusedError:
    return RefusedError(HTTPStatus.NOT_ACCEPTABLE, "Not accepted instances present.")


def _transfer_syntax(request: Request) -> str | None:
    """Return the transfer syntax a client asks for, None for the stored one (``*``)."""
    ranges = [one for one in accepted(request) if one.includes(_DICOM)]
    asked = ranges[0].parameters.get("transfer-syntax", str(ExplicitVRLittleEndian))
    return None if asked == "*" else asked


def _sent_as(wanted: Retrieved, syntax: str | None) -> str:
    """Return the transfer syntax of an object on its way: without wish only what is compressed is changed."""
    if syntax is None:
        return wanted.transfer_syntax
    is_default = syntax == ExplicitVRLittleEndian
    return wanted.transfer_syntax if is_default and not UID(wanted.transfer_syntax).is_compressed else syntax


def _part_head(boundary: str, kind: str) -> bytes:
    return f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode("ascii")


def _end(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode("ascii")
