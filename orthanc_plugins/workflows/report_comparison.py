"""Makes the reports of a study's newest comparison: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from orthanc_plugins.errors import NotFound
from orthanc_plugins.sync.differences import Comparison
from orthanc_plugins.workflows.compared_copies import COMPARISON, write_reports

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services


class ComparisonReports:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def write(self, study_uid: str) -> dict[str, JsonValue]:
        """Write the reports beside the comparison, again where it was another one by then.

        Raises
        ------
        NotFound
            What the comparison found was removed.
        """
        path = self._services.comparisons / study_uid / COMPARISON
        written = b""
        try:
            while (content := path.read_bytes()) != written:
                write_reports(Comparison.from_json(orjson.loads(content)), path.parent)
                written = content
        except FileNotFoundError:
            raise NotFound("What the comparison found was removed: compare again.", archive="suite") from None
        return {"outcome": "done"}
