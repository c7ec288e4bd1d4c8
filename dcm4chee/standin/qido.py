"""QIDO-RS (PS3.18 10.6) as dcm4chee answers it: searching, ``/count`` and ``/studies/size``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from dcm4chee.standin.answers import dicom_json, plain_json
from dcm4chee.standin.archive import archive_of, root_url
from dcm4chee.standin.media import accepts
from dcm4chee.standin.query import parse_query
from dcm4chee.standin.returned import returned_attributes, returned_tags
from dcm4chee.standin.search import Search, within
from dcm4chee.standin.tags import Level

if TYPE_CHECKING:
    from starlette.requests import Request

_LEVELS = {
    "patients": Level.PATIENT,
    "studies": Level.STUDY,
    "series": Level.SERIES,
    "instances": Level.INSTANCE,
}
_ACCEPTED = ("application/dicom+json", "application/json")
_WITHOUT_LIMIT = -1


async def search(request: Request) -> Response:
    """Answer a search: 200 with matches, 204 without, 400 for what is not known, 406 for other formats."""
    level, found = await _prepared(request)
    if not accepts(request, _ACCEPTED):
        return Response(status_code=HTTPStatus.NOT_ACCEPTABLE)
    query, most = found.query, archive_of(request).configuration.qido_max_number_of_results
    remaining, limit = 0, query.limit or _WITHOUT_LIMIT
    if query.limit is None or query.limit > most:
        left = found.count() - query.offset
        if left <= 0:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        remaining = left - most
        limit = most if remaining > 0 else limit
    matches = found.matches(limit, query.offset)
    if not matches:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    headers = {"Cache-Control": "no-cache"}
    if remaining > 0:
        text = f"There are {remaining} additional results that can be requested"
        headers["Warning"] = f'299 {request.headers.get("host", "localhost")} "{text}"'
    asked = request.path_params
    tags = returned_tags(query, level, in_study="studyUID" in asked, in_series="seriesUID" in asked)
    root = root_url(request)
    shown = [match for match in matches if match.is_shown(level)]
    return dicom_json(
        [returned_attributes(match, level, query, tags, root) for match in shown], headers=headers
    )


async def count(request: Request) -> Response:
    """Answer how many match; dcm4chee counts those of which nothing is shown, too."""
    _, found = await _prepared(request)
    return plain_json({"count": found.count()})


async def size(request: Request) -> Response:
    """Answer the bytes of all studies that match."""
    _, found = await _prepared(request)
    return plain_json({"size": found.size()})


async def _prepared(request: Request) -> tuple[Level, Search]:
    archive = archive_of(request)
    view = archive.view(request)
    query = parse_query(request.url.query)
    study_uid = request.path_params.get("studyUID")
    if study_uid is not None:
        query = within(query, study_uid, request.path_params.get("seriesUID"))
    words = [word for word in request.url.path.split("/") if word not in {"count", "size"}]
    level = _LEVELS[words[-1]]
    await archive.arrivals.catch_up()
    return level, Search(archive.state, view, level, query)
