"""Uploads: one DICOM file or a zip, as a form or as the body."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.errors import ArchiveRefused

router = APIRouter(tags=["upload"])

LARGEST_FILE_BYTES = 4 * 1024**3
"""An entry of a zip that would unpack to more is refused."""

_MOST_FILES = 10_000
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""Beginnings of a zip, of an empty one and of one in several parts."""
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What Python's zipfile raises on a zip that is damaged, encrypted or packed in an unknown way."""
_BODY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    }
}


class FileOutcome(BaseModel):
    """What became of one file."""

    name: str = Field(description="Name as given, or the path inside the zip.")
    outcome: Literal["stored", "already_stored", "rejected"]
    reason: str | None = Field(default=None, description="Why it was rejected.")
    instance_id: str | None = Field(default=None, description="Orthanc identifier of the instance.")
    study_id: str | None = Field(default=None, description="Orthanc identifier of the study.")


class UploadReport(BaseModel):
    """What became of every file of an upload."""

    stored: int
    already_stored: int
    rejected: int
    files: list[FileOutcome]


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


@router.put("/upload", openapi_extra=_REQUEST)
@router.post("/upload", openapi_extra=_REQUEST)
async def upload(request: Request, services: Joined) -> UploadReport:
    """Store a DICOM file, or every file of a zip, and tell what became of each.

    Structure sets among them are processed like those that arrive in any other way. A form that goes
    to Orthanc's own port must be sent with PUT: Orthanc unpacks a posted one itself and answers nothing.
    """
    parts = await _parts(request)
    if not any(content for _, content in parts):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "The upload is empty: send a DICOM file or a zip of DICOM files."
        )
    files = await run_in_threadpool(_store_all, services.orthanc, parts)
    counts = {
        kind: sum(file.outcome == kind for file in files) for kind in ("stored", "already_stored", "rejected")
    }
    return UploadReport(files=files, **counts)


async def _parts(request: Request) -> list[tuple[str, bytes]]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return [("body", await request.body())]
    async with request.form(max_files=_MOST_FILES) as form:
        return [
            (part.filename or field, await part.read())
            for field, part in form.multi_items()
            if isinstance(part, UploadFile)
        ]


def _store_all(orthanc: OrthancRest, parts: list[tuple[str, bytes]]) -> list[FileOutcome]:
    outcomes: list[FileOutcome] = []
    for name, content in parts:
        if content.startswith(_ZIP_MAGICS):
            outcomes.extend(_store_zip(orthanc, name, content))
        else:
            outcomes.append(_store(orthanc, name, content))
    return outcomes


def _store_zip(orthanc: OrthancRest, name: str, content: bytes) -> Iterator[FileOutcome]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _UNREADABLE as error:
        yield _rejected(name, f"The zip cannot be opened ({type(error).__name__}): was it sent whole?")
        return
    with archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if not files:
            yield _rejected(name, "The zip holds no file.")
        for entry in files:
            if entry.file_size > LARGEST_FILE_BYTES:
                yield _rejected(entry.filename, "It would unpack to more than 4 GiB.")
                continue
            try:
                unpacked = archive.read(entry)
            except _UNREADABLE as error:
                yield _rejected(
                    entry.filename, f"It cannot be unpacked ({type(error).__name__}): damaged or encrypted."
                )
            else:
                yield _store(orthanc, entry.filename, unpacked)


def _store(orthanc: OrthancRest, name: str, content: bytes) -> FileOutcome:
    if not content:
        return _rejected(name, "The file is empty.")
    if content.startswith(_ZIP_MAGICS):
        return _rejected(name, "A zip inside a zip is not unpacked: send it by itself.")
    try:
        stored = orthanc.upload(content)
    except ArchiveRefused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return _rejected(
            name, "Orthanc cannot read it as DICOM: not a DICOM file, truncated, or without identifiers."
        )
    return FileOutcome(
        name=name,
        outcome="already_stored" if stored.already_stored else "stored",
        instance_id=stored.instance,
        study_id=stored.study,
    )


def _rejected(name: str, reason: str) -> FileOutcome:
    return FileOutcome(name=name, outcome="rejected", reason=reason)
