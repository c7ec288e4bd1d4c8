"""What a real XNAT does not have: faults on demand, and the end of all sessions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import ValidationError

from xnat_standin.answers import bad_request, plain_json
from xnat_standin.faults import Fault
from xnat_standin.outside import NAME

if TYPE_CHECKING:
    from starlette.responses import Response

    from xnat_standin.asking import Asked


def name(asked: Asked) -> Response:
    """Tell what this is."""
    return plain_json({"name": NAME, "version": asked.xnat.configuration.version})


def faults(asked: Asked) -> Response:
    """Tell, add or clear the faults that are still to happen."""
    if asked.method == "DELETE":
        asked.xnat.faults.clear()
    elif asked.method == "POST":
        try:
            asked.xnat.faults.add(Fault.model_validate_json(asked.text))
        except ValidationError as error:
            raise bad_request(str(error)) from error
    pending = [fault.model_dump() for fault in asked.xnat.faults.pending()]
    return plain_json(pending, HTTPStatus.CREATED if asked.method == "POST" else HTTPStatus.OK)


def expire(asked: Asked) -> Response:
    """End all server sessions."""
    asked.xnat.logins.expire()
    return plain_json({})
