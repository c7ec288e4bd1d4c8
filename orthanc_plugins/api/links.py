"""The addresses of the suite's resources, as its answers tell them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request


@dataclass(frozen=True)
class Links:
    """Makes addresses that a client can follow on the host it asked, whatever it asked through.

    Parameters
    ----------
    root
        Path of the suite on that host: where Orthanc mounts it, behind what a reverse proxy puts in front.
    """

    root: str

    def job(self, job_id: str) -> str:
        """Return the address of a job."""
        return f"{self.root}/api/jobs/{job_id}"

    def results(self, series_uid: str) -> str:
        """Return the address of the results of a structure set."""
        return f"{self.root}/api/rtstruct/{series_uid}"

    def file(self, series_uid: str, name: str) -> str:
        """Return the address of a file about the whole structure set."""
        return f"{self.results(series_uid)}/{name}"

    def region_file(self, series_uid: str, number: int, name: str) -> str:
        """Return the address of a file about one region."""
        return f"{self.results(series_uid)}/regions/{number}/{name}"


def _links(request: Request) -> Links:
    return Links(request.scope.get("root_path", ""))


Linked = Annotated[Links, Depends(_links)]
"""The addresses, as a route's parameter."""
