"""How dcm4chee answers what it refuses, and in whose name everything is answered."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response


class RefusedError(HTTPException):
    """A request that dcm4chee refuses with a status and ``{"errorMessage": …}`` as plain text."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(status, message)

    @property
    def response(self) -> Response:
        """The answer."""
        return Response(
            json.dumps({"errorMessage": self.detail}), self.status_code, media_type="text/plain;charset=UTF-8"
        )


def dicom_json(
    content: object, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    """Return an answer in DICOM's JSON model."""
    return Response(_encoded(content), status, headers, "application/dicom+json")


def plain_json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return an answer in JSON."""
    return Response(_encoded(content), status, media_type="application/json")


def _encoded(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def no_match(message: str = "No matches found.") -> RefusedError:
    """Return the refusal of what is not there."""
    return RefusedError(HTTPStatus.NOT_FOUND, message)
