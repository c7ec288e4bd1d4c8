"""Errors as HTTP answers: RFC 9457 problem details, in one place."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from orthanc_plugins.api.dependencies import MEANING_OF_PATTERN
from orthanc_plugins.errors import (
    ArchiveError,
    ArchiveLate,
    ArchiveRefused,
    ArchiveUnavailable,
    AuditError,
    BenchmarkError,
    BenchmarkRefused,
    ComparisonError,
    ConfigurationError,
    CustodyError,
    DeidError,
    GeometryError,
    HeldForReview,
    InstancesNotTaken,
    InvalidDicom,
    JobActive,
    JobError,
    JobNotFound,
    KeyUnusable,
    NoDecoder,
    NotFound,
    PacsSuiteError,
    ProfileError,
    ReleaseRefused,
    RepairError,
    RepairNotFound,
    StoreError,
    TransferError,
    TransferNotFound,
    ZipRefused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_OF_ERROR: dict[type[PacsSuiteError], HTTPStatus] = {
    PacsSuiteError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ArchiveError: HTTPStatus.BAD_GATEWAY,
    ArchiveUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InstancesNotTaken: HTTPStatus.SERVICE_UNAVAILABLE,
    ArchiveLate: HTTPStatus.SERVICE_UNAVAILABLE,
    ArchiveRefused: HTTPStatus.BAD_GATEWAY,
    NotFound: HTTPStatus.NOT_FOUND,
    ZipRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidDicom: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoDecoder: HTTPStatus.UNPROCESSABLE_ENTITY,
    GeometryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ComparisonError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BenchmarkError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BenchmarkRefused: HTTPStatus.CONFLICT,
    RepairError: HTTPStatus.CONFLICT,
    RepairNotFound: HTTPStatus.NOT_FOUND,
    TransferError: HTTPStatus.BAD_GATEWAY,
    TransferNotFound: HTTPStatus.NOT_FOUND,
    DeidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProfileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyUnusable: HTTPStatus.INTERNAL_SERVER_ERROR,
    HeldForReview: HTTPStatus.CONFLICT,
    ReleaseRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    CustodyError: HTTPStatus.INTERNAL_SERVER_ERROR,
    AuditError: HTTPStatus.INTERNAL_SERVER_ERROR,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    JobError: HTTPStatus.SERVICE_UNAVAILABLE,
    JobNotFound: HTTPStatus.NOT_FOUND,
    JobActive: HTTPStatus.CONFLICT,
}
"""HTTP status of each of the suite's errors; a test fails on one that is missing."""


_PLACES = {"body": "field", "query": "query parameter", "path": "path parameter"}
"""Where something in a request stands, for a person."""


class ProblemDetails(BaseModel):
    """What went wrong and what to do (RFC 9457); some problems add members of their own."""

    type: str
    title: str
    status: int
    detail: str


class Problem(HTTPException):
    """A request a route cannot answer, with what to do instead; ``extension`` are members of its own."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **extension: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.extension = extension


def problem_response(status: int, detail: str, **extension: Any) -> JSONResponse:
    """Return a problem details answer (RFC 9457)."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse({**content, **extension}, status, media_type=MEDIA_TYPE)


def problem_documented(description: str) -> dict[str, Any]:
    """Return how OpenAPI describes an answer that is a problem."""
    schema = {"schema": ProblemDetails.model_json_schema()}
    return {"description": description, "content": {MEDIA_TYPE: schema}}


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the routes as problem details."""
    app.add_exception_handler(PacsSuiteError, _suite_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Exception, _unforeseen_error)


def _suite_error(_request: Request, error: Exception) -> JSONResponse:
    status = next(STATUS_OF_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_ERROR)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("A route answered %d: %s", status, error)
    return problem_response(status, str(error))


def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    unknown_route = error.detail == HTTPStatus.NOT_FOUND.phrase
    detail = (
        "There is no such route: /pacs/docs lists those there are." if unknown_route else str(error.detail)
    )
    extension = error.extension if isinstance(error, Problem) else {}
    answer = problem_response(error.status_code, detail, **extension)
    answer.headers.update(error.headers or {})
    return answer


def _unforeseen_error(_request: Request, _error: Exception) -> JSONResponse:
    """Answer without the error's text, which may quote a patient's data; the bridge logs where it was."""
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "The suite met a fault it does not know; Orthanc's log tells where."
    )


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what is wrong with a request and what it should be, never the value that was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"]), "what": _expected(fault)} for fault in found
    ]
    if found[0]["loc"] == ("body",) and not _said_to_be_json(request):
        return problem_response(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body was not sent as JSON: send it with the header Content-Type: application/json.",
            faults=faults,
        )
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, _first_fault(found[0]), faults=faults)


def _said_to_be_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _first_fault(fault: Mapping[str, Any]) -> str:
    """Return what a person must know of a fault that pydantic or the parser of JSON found."""
    place, *names = fault["loc"]
    if fault["type"] == "json_invalid":
        return f"The body is not valid JSON: {fault['ctx']['error']} at character {names[0] + 1}."
    if not names:
        return "The body should be a JSON object: /pacs/docs tells its fields."
    name = f"{_PLACES[place]} {'.'.join(str(part) for part in names)}"
    if fault["type"] == "extra_forbidden":
        return f"There is no {name} here: /pacs/docs tells those there are."
    return f"The {name} is not valid. {_expected(fault)}."


def _expected(fault: Mapping[str, Any]) -> str:
    """Return what should have been sent; a pattern in words."""
    meaning = MEANING_OF_PATTERN.get(fault.get("ctx", {}).get("pattern", ""))
    return str(fault["msg"]) if meaning is None else f"It should be {meaning}"
