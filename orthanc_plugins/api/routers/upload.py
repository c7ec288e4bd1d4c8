"""Uploads: one DICOM file or a zip, as a form or as the body."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import IO, Any, Literal, NoReturn

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.api.incoming import FileRejectedError, IncomingFile, incoming_files
from orthanc_plugins.api.problems import Problem, problem_documented, problem_response
from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.services import Services, UploadLimits
from orthanc_plugins.zips import MOST_ENTRIES

router = APIRouter(tags=["upload"])

_MOST_PARTS = 10_000
"""A form of more files is refused."""
_MEGABYTE = 10**6
_BODY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    }
}
_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _FORM,
            "application/dicom": _BODY,
            "application/zip": _BODY,
            "application/octet-stream": _BODY,
        },
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: problem_documented("The upload is empty."),
    413: problem_documented("It would unpack to more than Uploads.LargestTotalMb; nothing was stored."),
    422: problem_documented("Nothing of it could be stored; the problem's files say why of each."),
}


class FileOutcome(BaseModel):
    """What became of one file."""

    name: str = Field(description="Name as given, or the path inside the zip.")
    outcome: Literal["stored", "already_stored", "rejected"] = Field(
        description="already_stored: Orthanc held an instance of this SOP Instance UID before."
    )
    reason: str | None = Field(default=None, description="Why it was rejected.")
    instance_id: str | None = Field(default=None, description="Orthanc identifier of the instance.")
    study_id: str | None = Field(default=None, description="Orthanc identifier of the study.")


class UploadReport(BaseModel):
    """What became of every file of an upload."""

    stored: int
    already_stored: int
    rejected: int
    files: list[FileOutcome]


_ROUTE: dict[str, Any] = {
    "summary": "Upload files",
    "response_model": UploadReport,
    "responses": _RESPONSES,
    "openapi_extra": _REQUEST,
}


@router.put("/upload", **_ROUTE)
@router.post("/upload", **_ROUTE)
async def upload(request: Request, services: Joined) -> UploadReport | JSONResponse:
    """Store a DICOM file, or every file of a zip, and tell what became of each.

    200 when at least one of them is in Orthanc now, 422 when none is. Structure sets among them are
    processed like those that arrive in any other way. A form that goes to Orthanc's own port must be sent
    with PUT: Orthanc unpacks a posted one itself and answers nothing.
    """
    async with _sources(request) as sources:
        files = await run_in_threadpool(_store_all, services, sources)
    counts = {
        kind: sum(file.outcome == kind for file in files) for kind in ("stored", "already_stored", "rejected")
    }
    report = UploadReport(files=files, **counts)
    if report.rejected == len(files):
        detail = "Nothing was stored: every file of the upload was rejected, for the reasons given in files."
        return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, detail, **report.model_dump())
    return report


@router.api_route("/upload", methods=["GET", "DELETE"], include_in_schema=False, response_model=None)
def refuse_other_methods() -> NoReturn:
    """Say how an upload is sent; both ways of it, where the framework would name one."""
    raise Problem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Send a DICOM file or a zip with POST or PUT.",
        headers={"Allow": "POST, PUT"},
    )


@asynccontextmanager
async def _sources(request: Request) -> AsyncIterator[list[tuple[str, IO[bytes]]]]:
    """Give the files of the request by name, for as long as they can be read."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        yield [("body", io.BytesIO(await request.body()))]
        return
    async with request.form(max_files=_MOST_PARTS) as form:
        yield [
            (part.filename or field, part.file)
            for field, part in form.multi_items()
            if isinstance(part, UploadFile)
        ]


def _store_all(services: Services, sources: list[tuple[str, IO[bytes]]]) -> list[FileOutcome]:
    if not any(source.seek(0, io.SEEK_END) for _, source in sources):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "The upload is empty: send a DICOM file or a zip of DICOM files."
        )
    limits = services.upload_limits
    files = [file for name, source in sources for file in incoming_files(name, source)]
    _refuse_too_much(files, limits)
    return [_store(services.orthanc, file, limits) for file in files]


def _refuse_too_much(files: list[IncomingFile], limits: UploadLimits) -> None:
    if len(files) > MOST_ENTRIES:
        raise Problem(
            HTTPStatus.CONTENT_TOO_LARGE,
            f"The upload holds {len(files)} files, more than {MOST_ENTRIES}: send it in parts. "
            "Nothing was stored.",
        )
    total = sum(file.size for file in files)
    if total > limits.largest_total_bytes:
        raise Problem(
            HTTPStatus.CONTENT_TOO_LARGE,
            f"The upload would unpack to {total // _MEGABYTE} MB, more than "
            f"{limits.largest_total_bytes // _MEGABYTE} MB: send it in parts, or raise "
            "Uploads.LargestTotalMb. Nothing was stored.",
        )


def _store(orthanc: OrthancRest, file: IncomingFile, limits: UploadLimits) -> FileOutcome:
    if file.size > limits.largest_file_bytes:
        most = limits.largest_file_bytes // _MEGABYTE
        return _rejected(file, f"It is larger than {most} MB unpacked: see Uploads.LargestFileMb.")
    try:
        stored = orthanc.upload(file.read())
    except FileRejectedError as error:
        return _rejected(file, str(error))
    except ArchiveRefused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return _rejected(
            file, "Orthanc cannot read it as DICOM: not a DICOM file, truncated, or without identifiers."
        )
    return FileOutcome(
        name=file.name,
        outcome="already_stored" if stored.already_stored else "stored",
        instance_id=stored.instance,
        study_id=stored.study,
    )


def _rejected(file: IncomingFile, reason: str) -> FileOutcome:
    return FileOutcome(name=file.name, outcome="rejected", reason=reason)
