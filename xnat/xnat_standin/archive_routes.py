"""Services on sessions of the prearchive: archive, validate, move, delete, rebuild."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from xnat_standin.access import editable
from xnat_standin.answers import RefusedError, bad_request, not_found, uri_list
from xnat_standin.archiving import Wanted
from xnat_standin.importing import is_automatic
from xnat_standin.prearchive import url_of
from xnat_standin.prearchive_routes import check, moved
from xnat_standin.tables import table

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

    from xnat_standin.asking import Asked

_SOURCE = re.compile(r"(?:/data)?/prearchive/projects/([^/]+)/([^/]+)/([^/]+)/?")
_DESTINATION = re.compile(
    r"(?:/data)?/archive/projects/(?P<project>[^/]+)(?:/subjects/(?P<subject>[^/]+))?"
    r"(?:/experiments/(?P<session>[^/]+))?/?"
)


def archive(asked: Asked) -> Response:
    """Archive a session; the answer is where it is."""
    row, wanted = _source(asked), _wanted(asked)
    if wanted.project is not None:
        editable(asked.xnat, asked.user, wanted.project)
    redirects = asked.flag("redirect") or is_automatic(asked.xnat, row["pk"])
    uri = f"/data{asked.xnat.archiver.archive(row, wanted)}"
    if redirects:
        return RedirectResponse(uri, HTTPStatus.SEE_OTHER)
    return uri_list([uri])


def validate(asked: Asked) -> Response:
    """Tell what speaks against archiving a session."""
    problems = asked.xnat.archiver.problems(_source(asked), _wanted(asked))
    rows = [{"code": str(one.code), "type": one.type, "message": one.message} for one in problems]
    return table(rows, ["code", "type", "message"], asked.parameters)


def work(asked: Asked) -> Response:
    """Move, delete or build again, and answer when it is done (a real XNAT may answer before)."""
    row = _source(asked)
    match asked.names["operation"]:
        case "move":
            return uri_list([f"/data{moved(asked, row)}"])
        case "delete":
            asked.xnat.prearchive.forget(row["pk"])
            return uri_list([])
        case "rebuild":
            asked.xnat.prearchive.build(row["pk"])
            return uri_list([f"/data{url_of(row)}"])
        case operation:
            raise not_found(f"Unsupported operation: {operation}")


def _source(asked: Asked) -> sqlite3.Row:
    source = asked.parameters.get("src")
    if not source:
        raise bad_request("src is missing.")
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise bad_request("src is no session of the prearchive.")
    row = asked.xnat.prearchive.find(*match.groups())
    if row is None:
        raise not_found("The prearchive session does not exist.")
    check(asked, row)
    return row


def _wanted(asked: Asked) -> Wanted:
    say = asked.parameters.get
    match = _DESTINATION.fullmatch(say("dest", ""))
    if say("dest") and match is None:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The destination is not of the archive.")
    named = match.groupdict() if match else {}
    return Wanted(
        project=named.get("project") or say("project"),
        subject=named.get("subject") or say("subject"),
        session=named.get("session") or say("session"),
        overwrite=say("overwrite", "none"),
        overwrite_files=asked.flag("overwrite_files"),
    )
