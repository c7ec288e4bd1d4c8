"""Compares a study between the archives: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.workflows.absences import with_reasons
from orthanc_plugins.workflows.compared_copies import compared_copies, keep_compared

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.sync.differences import Depth


class StudyCheck:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def compare(self, study_uid: str, depth: Depth) -> dict[str, JsonValue]:
        """Compare a study and keep what was found; the job's result counts it."""
        services = self._services
        compared = compared_copies(services.archives, StudyUid(study_uid), depth)
        keep_compared(services, with_reasons(services, compared))
        comparison = compared.comparison
        return {
            "outcome": "equal" if comparison.equal else "differs" if comparison.differences else "incomplete",
            "depth": comparison.depth,
            "instances_compared": comparison.instances_compared,
            "classes": {kind.value: count for kind, count in comparison.classes.items()},
            "incomplete": len(comparison.incomplete),
        }
