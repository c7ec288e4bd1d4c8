"""The stand-in as one ASGI application: its routes, and what it holds open."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from xnat_standin import (
    archive_routes,
    control,
    dump,
    importing,
    login_routes,
    object_routes,
    prearchive_routes,
    schemas,
    script_routes,
    site_routes,
)
from xnat_standin.answers import RefusedError
from xnat_standin.asking import endpoint
from xnat_standin.outside import Outside
from xnat_standin.rebuilder import Rebuilder
from xnat_standin.receiver import start_receiver
from xnat_standin.xnat import open_xnat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from xnat_standin.asking import Handler
    from xnat_standin.configuration import Configuration

_LOGGER = logging.getLogger(__name__)
_READ, _CHANGE, _SEND = ["GET"], ["GET", "PUT"], ["POST", "PUT"]
_ALL = ["GET", "POST", "PUT", "DELETE"]
_SETTINGS = ("prearchive_code", "quarantine_code", "accessibility", "current_arc")
_SESSION = "/data/prearchive/projects/{project}/{timestamp}/{folder}"
_SCAN = f"{_SESSION}/scans/{{scan}}"


def create_app(configuration: Configuration) -> Outside:
    """Return the application that answers in XNAT's place."""
    app = Starlette(
        routes=_routes(),
        exception_handlers={
            RefusedError: _refused,
            HTTPException: _no_route,
            ClientDisconnect: _gone,
        },
        lifespan=_open,
    )
    app.state.configuration = configuration
    return Outside(app)


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    """Open what is kept, listen for C-STORE and look after idle sessions while the application runs."""
    configuration: Configuration = app.state.configuration
    xnat = app.state.xnat = open_xnat(configuration)
    rebuilder = Rebuilder(xnat)
    port = configuration.dicom_port
    receiver = start_receiver(xnat, port) if port is not None else None
    rebuilder.start()
    try:
        yield
    finally:
        if receiver is not None:
            receiver.shutdown()
        rebuilder.stop()
        xnat.close()


def _routes() -> list[Route]:
    return [
        *_route("/", login_routes.page, _READ),
        *_route("/app/template/Login.vm", login_routes.page, _READ),
        *_site(),
        *_logins(),
        *_scripts(),
        *_services(),
        *_prearchive(),
        *_route("/data/projects/{project}/users", object_routes.members, _READ),
        *_route("/data/projects/{project}/users/{role}/{user}", object_routes.members, ["PUT"]),
        *(route for name in _SETTINGS for route in _setting(name)),
        *_route("/data/{path:path}", object_routes.objects, _ALL),
    ]


def _route(path: str, handler: Handler, methods: Sequence[str]) -> list[Route]:
    return [Route(path, endpoint(handler), methods=list(methods))]


def _setting(name: str) -> list[Route]:
    path = f"/data/projects/{{project}}/{name}"
    return [
        *_route(path, object_routes.setting, _READ),
        *_route(f"{path}/{{value}}", object_routes.setting, ["PUT"]),
    ]


def _site() -> list[Route]:
    return [
        *_route("/standin", control.name, _READ),
        *_route("/standin/faults", control.faults, ["GET", "POST", "DELETE"]),
        *_route("/standin/sessions/expire", control.expire, ["POST"]),
        *_route("/xapi/siteConfig", site_routes.preferences, ["GET", "POST"]),
        *_route("/xapi/siteConfig/buildInfo", site_routes.build_info, _READ),
        *_route("/xapi/siteConfig/{name}", site_routes.preference, ["GET", "POST"]),
        *_route("/xapi/users", site_routes.users, ["GET", "POST"]),
        *_route("/xapi/users/username", site_routes.user_name, _READ),
        *_route("/xapi/users/{user}", site_routes.user, _CHANGE),
        *_route("/data/users", site_routes.user_table, _READ),
        *_route("/xapi/dicomscp", site_routes.receivers, _READ),
        *_route("/xapi/schemas", schemas.schemas, _READ),
        *_route("/xapi/schemas/{schema}", schemas.schema, _READ),
        *_route("/data/search/elements", schemas.elements, _READ),
        *_route("/data/search/elements/{element}", schemas.element, _READ),
    ]


def _logins() -> list[Route]:
    tokens = "/data/services/tokens"
    return [
        *_route("/data/JSESSION", login_routes.session, ["GET", "POST", "DELETE"]),
        *_route("/data/auth", login_routes.who, _READ),
        *_route("/data/services/auth", login_routes.log_in, _SEND),
        *_route(f"{tokens}/issue", login_routes.issue_token, _READ),
        *_route(f"{tokens}/issue/user/{{user}}", login_routes.issue_token, _READ),
        *_route(f"{tokens}/validate/{{alias}}/{{secret}}", login_routes.validate_token, _READ),
        *_route(f"{tokens}/invalidate/{{alias}}", login_routes.invalidate_token, _READ),
        *_route(f"{tokens}/invalidate/{{alias}}/{{secret}}", login_routes.invalidate_token, _READ),
    ]


def _scripts() -> list[Route]:
    routes = _route("/xapi/anonymize/default", script_routes.default_script, _READ)
    for place in ("site", "projects/{project}"):
        routes += _route(f"/xapi/anonymize/{place}", script_routes.script, _CHANGE)
        routes += _route(f"/xapi/anonymize/{place}/enabled", script_routes.enabled, _CHANGE)
    for place in ("", "/projects/{project}"):
        root = f"/data/config/edit{place}/image/dicom"
        routes += _route(f"{root}/script", script_routes.configured_script, _CHANGE)
        routes += _route(f"{root}/status", script_routes.configured_status, _CHANGE)
    return routes


def _services() -> list[Route]:
    return [
        *_route("/data/services/import", importing.import_files, _SEND),
        *_route("/data/services/archive", archive_routes.archive, ["POST"]),
        *_route("/data/services/validate-archive", archive_routes.validate, ["POST"]),
        *_route("/data/services/prearchive/{operation}", archive_routes.work, ["POST"]),
        *_route("/data/services/dicomdump", dump.dump, _READ),
    ]


def _prearchive() -> list[Route]:
    files = f"{_SCAN}/resources/{{resource}}/files"
    return [
        *_route("/data/prearchive/projects", prearchive_routes.sessions, _READ),
        *_route("/data/prearchive/projects/{project}", prearchive_routes.sessions, _READ),
        *_route(_SESSION, prearchive_routes.session, _ALL),
        *_route(f"{_SESSION}/logs", prearchive_routes.logs, _READ),
        *_route(f"{_SESSION}/logs/{{which}}", prearchive_routes.logs, _READ),
        *_route(f"{_SESSION}/scans", prearchive_routes.scans, _READ),
        *_route(f"{_SCAN}/resources", prearchive_routes.resources, _READ),
        *_route(files, prearchive_routes.files, _READ),
        *_route(f"{files}/{{file}}", prearchive_routes.files, _READ),
    ]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response


async def _no_route(_: Request, error: Exception) -> Response:
    """Answer what no route is for as XNAT's REST library does."""
    assert isinstance(error, HTTPException)
    return RefusedError(error.status_code, error.detail).response


async def _gone(request: Request, _: Exception) -> Response:
    """Say in a line that a client went away in the middle of its request; nobody gets the answer."""
    _LOGGER.warning(
        "A client went away in the middle of a %s: what had not come is not stored.", request.method
    )
    return Response(status_code=HTTPStatus.BAD_REQUEST)
