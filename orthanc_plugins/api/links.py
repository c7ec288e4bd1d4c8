"""The addresses of the suite's resources, as its answers tell them."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import StructureSubject


@dataclass(frozen=True)
class Links:
    """Makes addresses that a client can follow on the host it asked, whatever it asked through.

    An address of results names series and SOP Instance UID: a series may hold several structure sets, and
    what is told of one must never lead to another that came later.

    Parameters
    ----------
    root
        Path of the suite on that host: where Orthanc mounts it, behind what a reverse proxy puts in front.
    """

    root: str

    def job(self, job_id: str) -> str:
        """Return the address of a job."""
        return f"{self.root}/api/jobs/{job_id}"

    def transfer(self, transfer_id: str) -> str:
        """Return the address of a transfer."""
        return f"{self.root}/api/transfers/{transfer_id}"

    def comparison(self, study_uid: StudyUid, below: str = "") -> str:
        """Return the address of the comparison of a study between the archives, or of something below it."""
        return f"{self.root}/api/studies/{study_uid}/comparison{below}"

    def repair(self, repair_id: str, below: str = "") -> str:
        """Return the address of a repair, or of something below it."""
        return f"{self.root}/api/repairs/{repair_id}{below}"

    def release(self, release_id: str, below: str = "") -> str:
        """Return the address of a release, or of something below it."""
        return f"{self.root}/api/releases/{release_id}{below}"

    def benchmark(self, benchmark_id: str) -> str:
        """Return the address of a benchmark."""
        return f"{self.root}/api/benchmarks/{benchmark_id}"

    def page(self, path: str) -> str:
        """Return the address of a page of the dashboard; ``path`` is encoded, and begins below ``ui/``."""
        return f"{self.root}/ui/{path}"

    def results(self, of: StructureSubject) -> str:
        """Return the address of the results of a structure set."""
        return self._of_set(of, "")

    def file(self, of: StructureSubject, name: str) -> str:
        """Return the address of a file about the whole structure set."""
        return self._of_set(of, f"/{name}")

    def region_file(self, of: StructureSubject, number: int, name: str) -> str:
        """Return the address of a file about one region."""
        return self._of_set(of, f"/regions/{number}/{name}")

    def _of_set(self, of: StructureSubject, below: str) -> str:
        chosen = urlencode({"sop_instance_uid": of.sop_instance_uid})
        return f"{self.root}/api/rtstruct/{of.series_uid}{below}?{chosen}"


def _links(request: Request) -> Links:
    return Links(request.scope.get("root_path", ""))


Linked = Annotated[Links, Depends(_links)]
"""The addresses, as a route's parameter."""
