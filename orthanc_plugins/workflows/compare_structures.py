"""Compares two structure sets in Orthanc: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.orthanc_images import find_images, load_series
from orthanc_plugins.reception import structure_subject
from orthanc_plugins.rtstruct import compare_structure_sets, read_structure_set
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.workflows.comparison_files import comparison_path
from orthanc_plugins.workflows.extract_structures import HOW_TO_ALLOW

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.rtstruct import ImageSeries, Match, StructureSet
    from orthanc_plugins.services import Services


class StructureComparison:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._orthanc = services.orthanc

    def compare(
        self, job_id: JobId, first: str, second: str, match: Match, pair: str
    ) -> dict[str, JsonValue]:
        """Compare two structure sets and write what was found; ``pair`` is as in the request.

        Sets whose images are not in Orthanc are compared by their contours alone.
        """
        instances = [OrthancId(first), OrthancId(second)]
        subjects = [structure_subject(self._orthanc, self._orthanc.instance(one)) for one in instances]
        sets = [read_structure_set(self._orthanc.file(instance)) for instance in instances]
        one, _, other = pair.partition("=")
        compared = compare_structure_sets(
            sets[0],
            sets[1],
            *self._images(sets, instances),
            pairs=[(int(one), int(other))] if pair else [],
            match=match,
            allow_other_frame=not self._services.require_same_frame_of_reference,
            how_to_allow=HOW_TO_ALLOW,
        )
        path = comparison_path((subjects[0].sop_instance_uid, subjects[1].sop_instance_uid), job_id)
        write_whole(self._services.exports / path, compared.to_json_bytes())
        return {"outcome": "done", "file": path.as_posix(), "pairs": len(compared.pairs)}

    def _images(
        self, sets: list[StructureSet], instances: list[OrthancId]
    ) -> tuple[ImageSeries | None, ImageSeries | None]:
        """Return the series each set was drawn on, loaded once where it is the same."""
        found = [
            find_images(self._orthanc, structure_set, self._orthanc.instance(instance), wait=False).series
            for structure_set, instance in zip(sets, instances, strict=True)
        ]
        loaded = {series: load_series(self._orthanc, series) for series in found if series is not None}
        first, second = (None if series is None else loaded[series] for series in found)
        return first, second
