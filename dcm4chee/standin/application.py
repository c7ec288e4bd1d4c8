"""The shim as one ASGI application: its routes, what goes round them, and what it holds open."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from dcm4chee.standin import control, management, qido, rejection, stow, wado
from dcm4chee.standin.answers import RefusedError
from dcm4chee.standin.archive import Archive
from dcm4chee.standin.arrivals import Arrivals
from dcm4chee.standin.asking import OrthancSilentError
from dcm4chee.standin.clock import Clock
from dcm4chee.standin.naming import Named
from dcm4chee.standin.orthanc_rest import Orthanc
from dcm4chee.standin.rejections import Rejections
from dcm4chee.standin.state import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from dcm4chee.standin.configuration import Configuration

_LOGGER = logging.getLogger(__name__)
_ROOT = "/dcm4chee-arc"
_RS = f"{_ROOT}/aets/{{aet}}/rs"
_STUDY = f"{_RS}/studies/{{studyUID}}"
_SERIES = f"{_STUDY}/series/{{seriesUID}}"
_OBJECT = f"{_SERIES}/instances/{{objectUID}}"
_FOLLOW_PAUSE_S = 1.0


def create_app(configuration: Configuration) -> Starlette:
    """Return the application that answers in dcm4chee's place."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(Named)],
        exception_handlers={
            RefusedError: _refused,
            OrthancSilentError: _no_answer,
            ClientDisconnect: _gone,
        },
        lifespan=_open,
    )
    app.state.configuration = configuration
    return app


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    """Open the index and the way to Orthanc while the application runs, and follow what Orthanc gets."""
    configuration: Configuration = app.state.configuration
    state, orthanc = State(configuration.state_file), Orthanc(configuration.orthanc_url)
    clock = Clock(configuration.clock_skew_s)
    rejections = Rejections(state, orthanc)
    arrivals = Arrivals(state, orthanc, clock, rejections)
    app.state.archive = Archive(configuration, state, orthanc, clock, rejections, arrivals)
    following = asyncio.create_task(arrivals.follow(_FOLLOW_PAUSE_S))
    following.add_done_callback(_tell_end)
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        state.close()


def _tell_end(following: asyncio.Task[None]) -> None:
    """Log why nothing is followed any more; requests then find by themselves what is new."""
    if not following.cancelled() and (error := following.exception()) is not None:
        _LOGGER.error("What Orthanc gets is no longer followed.", exc_info=error)


def _routes() -> list[Route]:
    return [
        Route(f"{_ROOT}/ctrl/status", control.status),
        Route(f"{_ROOT}/monitor/serverTime", control.time_of_server),
        Route(f"{_ROOT}/aets", control.application_entities),
        *_searches(),
        *_retrievals(),
        *_changes(),
    ]


def _searches() -> list[Route]:
    levels = ("patients", "studies", "series", "instances")
    paths = [
        *(f"{_RS}/{level}" for level in levels),
        f"{_STUDY}/series",
        f"{_STUDY}/instances",
        f"{_SERIES}/instances",
    ]
    return [
        *(Route(path, qido.search, methods=["GET"]) for path in paths),
        *(Route(f"{path}/count", qido.count, methods=["GET"]) for path in paths),
        Route(f"{_RS}/studies/size", qido.size, methods=["GET"]),
    ]


def _retrievals() -> list[Route]:
    scopes = (_STUDY, _SERIES, _OBJECT)
    images = [f"{scope}/{kind}" for scope in scopes for kind in ("rendered", "thumbnail")]
    images += [f"{_OBJECT}/frames/{{frames:path}}"]
    return [
        *(Route(scope, wado.retrieve, methods=["GET"]) for scope in scopes),
        *(Route(f"{scope}/metadata", wado.metadata, methods=["GET"]) for scope in scopes),
        Route(f"{_OBJECT}/pixeldata", wado.bulk_data, methods=["GET"]),
        Route(f"{_OBJECT}/bulkdata/{{path:path}}", wado.bulk_data, methods=["GET"]),
        *(Route(path, wado.image, methods=["GET"]) for path in images),
    ]


def _changes() -> list[Route]:
    scopes = (_STUDY, _SERIES, _OBJECT)
    return [
        Route(f"{_RS}/studies", stow.store_instances, methods=["POST"]),
        Route(_STUDY, stow.store_instances, methods=["POST"]),
        Route(_STUDY, management.delete_study, methods=["DELETE"]),
        Route(_STUDY, management.update_study, methods=["PUT"]),
        Route(_SERIES, management.update_series, methods=["PUT"]),
        Route(f"{_RS}/patients/{{patientID}}", management.update_patient, methods=["PUT"]),
        Route(f"{_RS}/patients/{{patientID}}", management.delete_patient, methods=["DELETE"]),
        *(Route(f"{scope}/reject/{{code}}", rejection.reject, methods=["POST"]) for scope in scopes),
        *(Route(f"{scope}/stgver", management.verify_storage, methods=["POST"]) for scope in scopes),
    ]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response


async def _no_answer(_: Request, error: Exception) -> Response:
    """Answer as dcm4chee does when its storage fails: 500 with a stack trace as plain text."""
    trace = f"{type(error).__name__}: {error}\n\tat {__name__}"
    return Response(trace, HTTPStatus.INTERNAL_SERVER_ERROR, media_type="text/plain")


async def _gone(request: Request, _: Exception) -> Response:
    """Say in a line that a client went away in the middle of its request; nobody gets the answer."""
    _LOGGER.warning(
        "A client went away in the middle of a %s: what had not come is not stored.", request.method
    )
    return Response(status_code=HTTPStatus.BAD_REQUEST)
