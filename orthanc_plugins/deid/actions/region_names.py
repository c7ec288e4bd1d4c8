"""Names of regions, of which those stay that name anatomy or a target (AAPM TG-263)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import allowed_region_name, replacement_region_name

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_ROI_NAME = 0x30060026


class CleanedRegionName:
    """C of Clean Descriptors, for ROI Name (3006,0026) and what repeats it.

    Parameters
    ----------
    otherwise
        What is done with a name that may not stay, where no number tells the region.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the name if it may stay, else one made of the region's number and type."""
        name = allowed_region_name(decoded(value, place.character_set), job.echoes)
        if name is None:
            if rule.tag != _ROI_NAME or place.region is None:
                return self.otherwise(value, rule, place, job)
            type_ = job.region_types.get(place.region, "")
            name = replacement_region_name(place.region, type_, job.region_names)
        new = name.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for names of regions: names of TG-263 and common synonyms stay unless they repeat the "
            "patient's or the staff's identity; others become ROI_7 or PTV_7, of the region's number and type"
        )
