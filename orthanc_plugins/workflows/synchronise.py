"""A round of synchronisation that somebody asked for: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.synchronisation import Rounds

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services


class RequestedRound:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, job_id: JobId, scope: str) -> dict[str, JsonValue]:
        """Do a round; ``scope`` is ``full`` or ``changed``. The job's result tells what it asked for.

        Raises
        ------
        ArchiveUnavailable
            Another round runs: this one is tried again once that has ended.
        """
        outcome = Rounds(self._services).run(job_id, "request", full=scope == "full")
        if outcome.state == "skipped":
            raise ArchiveUnavailable(" ".join(outcome.errors), archive="both")
        return {
            "outcome": outcome.state,
            "run_id": outcome.run_id,
            "differing": outcome.differing,
            "transfers": list(outcome.transfers),
            "errors": list(outcome.errors),
            "notes": list(outcome.notes),
        }
