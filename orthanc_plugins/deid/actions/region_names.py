"""Names of regions and segments, of which those stay that name anatomy or a target (AAPM TG-263)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import (
    allowed_region_name,
    replacement_region_name,
    replacement_segment_label,
)

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Action, Place, Rule

_SEGMENT_LABEL = 0x00620005


class NumberedName:
    """Z and D for ROI Name (3006,0026) and Segment Label (0062,0005): a viewer lists regions by them.

    Parameters
    ----------
    otherwise
        What is done where no number tells the region.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return a name of the region's number and type, or of the segment's number, that no other has."""
        if place.region is None:
            return self.otherwise(value, rule, place, job)
        if rule.tag == _SEGMENT_LABEL:
            name = replacement_segment_label(place.region, job.region_names)
        else:
            type_ = job.region_types.get(place.region, "")
            name = replacement_region_name(place.region, type_, job.region_names)
        return _encoded(name)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "names of regions and labels of segments that may not stay: ROI_7 or PTV_7, of the region's "
            "number and type, and Segment 7, so each is told from the others"
        )


class CleanedRegionName:
    """C of Clean Descriptors, for names of regions and labels of segments.

    Parameters
    ----------
    otherwise
        What is done with a name that may not stay.
    """

    def __init__(self, otherwise: Action) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the name if it may stay."""
        name = allowed_region_name(decoded(value, place.character_set), job.echoes_initials)
        return self.otherwise(value, rule, place, job) if name is None else _encoded(name)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for names of regions: names of TG-263 and words of seven languages stay unless they repeat "
            "the patient's or the staff's identity, initials included"
        )


def _encoded(name: str) -> bytes:
    new = name.encode()
    return new + b" " * (len(new) % 2)
