"""What every route of the shim works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcm4chee.standin.answers import no_match
from dcm4chee.standin.views import VIEWS

if TYPE_CHECKING:
    from starlette.requests import Request

    from dcm4chee.standin.arrivals import Arrivals
    from dcm4chee.standin.clock import Clock
    from dcm4chee.standin.configuration import Configuration
    from dcm4chee.standin.orthanc_rest import Orthanc
    from dcm4chee.standin.rejections import Rejections
    from dcm4chee.standin.state import State
    from dcm4chee.standin.views import View


@dataclass(frozen=True)
class Archive:
    """The archive: its configuration, its index, the Orthanc behind it, its clock."""

    configuration: Configuration
    state: State
    orthanc: Orthanc
    clock: Clock
    rejections: Rejections
    arrivals: Arrivals

    def aet(self, request: Request) -> str:
        """Return the AE title in a request's path, which counts case; 404 when there is no such one."""
        title = str(request.path_params["aet"])
        if title not in VIEWS:
            raise no_match(f"No such Application Entity: {title}")
        return title

    def view(self, request: Request) -> View:
        """Return what the AE title in a request's path shows."""
        return VIEWS[self.aet(request)]


def archive_of(request: Request) -> Archive:
    """Return the archive of the application that a request is made to."""
    archive: Archive = request.app.state.archive
    return archive


def root_url(request: Request) -> str:
    """Return the address of the DICOMweb root as the client has it, without a slash at the end."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("x-forwarded-host", request.headers.get("host", ""))
    return f"{scheme}://{host}/dcm4chee-arc/aets/{request.path_params['aet']}/rs"
