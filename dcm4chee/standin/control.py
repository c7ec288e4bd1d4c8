"""``/dcm4chee-arc/ctrl`` and ``/dcm4chee-arc/monitor``: whether the archive runs, and what time it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcm4chee.standin.answers import plain_json
from dcm4chee.standin.archive import archive_of
from dcm4chee.standin.asking import OrthancSilentError
from dcm4chee.standin.clock import server_time
from dcm4chee.standin.views import VIEWS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def status(request: Request) -> Response:
    """Answer ``STARTED``, or ``STOPPED`` while the Orthanc behind does not answer."""
    try:
        await archive_of(request).orthanc.version()
    except OrthancSilentError:
        return plain_json({"status": "STOPPED"})
    return plain_json({"status": "STARTED"})


async def time_of_server(request: Request) -> Response:
    """Answer the archive's own time."""
    return plain_json({"serverTimeWithTimezone": server_time(archive_of(request).clock.now())})


async def application_entities(_: Request) -> Response:
    """Answer the AE titles."""
    return plain_json([{"dicomAETitle": title} for title in VIEWS])
