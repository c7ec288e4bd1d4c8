"""Anonymisation scripts: ``/xapi/anonymize`` and the older ``/data/config/edit``."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from xnat_standin.access import owned
from xnat_standin.answers import RefusedError, bad_request, not_found, plain_json, text
from xnat_standin.scripts import DEFAULT_SITE_SCRIPT, SITE, project_scope
from xnat_standin.tables import table

if TYPE_CHECKING:
    from xnat_standin.asking import Asked


def default_script(_: Asked) -> Response:
    """Tell the script that a new site has."""
    return text(DEFAULT_SITE_SCRIPT)


def script(asked: Asked) -> Response:
    """Tell or replace a script; 204 where there is none."""
    scope = _scope(asked)
    if asked.method == "GET":
        row = asked.xnat.scripts.newest(scope)
        return text(row["body"]) if row else Response(status_code=HTTPStatus.NO_CONTENT)
    if asked.content_type != "text/plain":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A script is text/plain.")
    asked.xnat.scripts.store(scope, asked.text, asked.user.name)
    return plain_json({})


def enabled(asked: Asked) -> Response:
    """Tell whether a script is on, or switch it: ``enable`` in the query, whatever the body."""
    scope = _scope(asked)
    if asked.method == "GET":
        return plain_json(asked.xnat.scripts.is_enabled(scope))
    if asked.content_type != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The content type must be application/json.")
    if asked.parameters.get("enable") not in {"true", "false"}:
        raise bad_request("enable must be true or false.")
    asked.xnat.scripts.enable(scope, enabled=asked.flag("enable"))
    return plain_json({})


def configured_script(asked: Asked) -> Response:
    """Tell or replace a script, the older way."""
    scope = _scope(asked)
    if asked.method == "PUT":
        asked.xnat.scripts.store(scope, asked.text, asked.user.name)
        return text("", HTTPStatus.CREATED)
    row = asked.xnat.scripts.newest(scope)
    if row is None:
        raise not_found("There is no script.")
    created = datetime.fromtimestamp(row["created"], UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    cells = {
        "project": asked.names.get("project", ""),
        "user": row["user"],
        "create_date": created,
        "script": row["body"],
        "id": str(row["id"]),
    }
    return table([cells], list(cells), asked.parameters)


def configured_status(asked: Asked) -> Response:
    """Tell whether a script is on, or switch it, the older way."""
    scope = _scope(asked)
    if asked.method == "PUT":
        asked.xnat.scripts.enable(scope, enabled=asked.flag("activate"))
        return text("")
    cells = {
        "project": asked.names.get("project", ""),
        "edit": str(asked.xnat.scripts.is_enabled(scope)).lower(),
    }
    return table([cells], list(cells), asked.parameters)


def _scope(asked: Asked) -> str:
    """Return whose script it is, when this user may do so with it: everybody may read that of the site."""
    project = asked.names.get("project")
    if project is None:
        if asked.method != "GET":
            asked.needs_admin()
        return SITE
    owned(asked.xnat, asked.user, project)
    return project_scope(project)
