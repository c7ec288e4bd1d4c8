"""Say whether a structure set and an image series belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.problems import Problem

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import Region, StructureSet


HOW_TO_ALLOW = "if the two are known to agree, give allow_other_frame=True"
"""What to do about another frame of reference, as it ends a message to who calls the engine from Python."""


def strangers(
    structure_set: StructureSet,
    images: ImageSeries,
    how_to_allow: str = HOW_TO_ALLOW,
    *,
    allow_other_frame: bool,
) -> tuple[list[Region], list[Problem]]:
    """Return the regions drawn in another frame of reference than the images', and what is odd.

    Raises
    ------
    GeometryError
        No region lies in the images' frame of reference, and that is not allowed.
    """
    problems = _reference_problems(structure_set, images)
    if not structure_set.regions:
        return [], problems
    frames = images.frame_of_reference_uids
    stated = [
        region.frame_of_reference_uid or structure_set.frame_of_reference_uid
        for region in structure_set.regions
    ]
    if not frames or not any(stated):
        text = "The frame of reference is not stated; images and contours are taken to share one."
        return [], [*problems, Problem("frame_of_reference_unknown", text)]
    others = [
        region for region, uid in zip(structure_set.regions, stated, strict=True) if uid and uid not in frames
    ]
    if not others:
        return [], problems
    text = (
        f"{len(others)} of {len(stated)} regions are drawn in another frame of reference than the images': "
        f"{stated[structure_set.regions.index(others[0])]} instead of {', '.join(sorted(frames))}"
    )
    if allow_other_frame:
        note = f"{text}. They were placed on the images all the same, as asked."
        return [], [*problems, Problem("other_frame_of_reference", note)]
    if len(others) == len(stated):
        raise GeometryError(f"{text}. Give the series that the structures were drawn on; {how_to_allow}.")
    return others, problems


def _reference_problems(structure_set: StructureSet, images: ImageSeries) -> list[Problem]:
    """Return warnings of images left out, and where the set refers to images or a series not these."""
    problems = list(images.problems)
    referenced = structure_set.referenced_series_uids
    if referenced and images.series_uid and images.series_uid not in referenced:
        text = f"The structure set refers to series {referenced[0]}, not to {images.series_uid}."
        problems.append(Problem("other_series", text))
    held = {image.sop_instance_uid for image in images.images}
    others = [named for uid, named in structure_set.referenced_images.items() if uid != images.series_uid]
    elsewhere = frozenset[str]().union(*others) if images.series_uid in referenced else frozenset()
    expected = [
        uid for uid in structure_set.referenced_sop_instance_uids if uid in held or uid not in elsewhere
    ]
    absent = [uid for uid in expected if uid not in held]
    if absent:
        text = (
            f"{len(absent)} of {len(expected)} referenced images are not in the series; "
            "contours were matched by position."
        )
        problems.append(Problem("absent_images", text))
    return problems
