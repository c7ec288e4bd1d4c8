"""A structure set as it was read: its regions, their contours, and what is wrong with them (PS3.3 A.19)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.rtstruct.brief import Brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.problems import Problem


CLOSED_TYPES = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR"})
OPEN_TYPES = frozenset({"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"})


@dataclass(frozen=True, eq=False, repr=False)
class Contour(Brief):
    """One item of a Contour Sequence.

    ``points_lps_mm`` has shape (n, 3): x, y, z in mm, LPS, as the file gives them; a closed contour's last
    point joins its first. ``index`` is the zero-based place in the Contour Sequence, ``geometric_type`` one
    of `CLOSED_TYPES` or `OPEN_TYPES` (PS3.3 C.8.8.6.1).
    """

    index: int
    geometric_type: str
    points_lps_mm: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Region(Brief):
    """One ROI of a structure set.

    ``contours`` enclose area; ``open_contours`` are points and lines, kept but never filled. ``name`` is
    ROI Name without trailing padding, otherwise as it stands. ``colour_rgb`` is 0 to 255 each.
    """

    number: int
    name: str
    contours: tuple[Contour, ...] = ()
    open_contours: tuple[Contour, ...] = ()
    colour_rgb: tuple[int, int, int] | None = None
    interpreted_type: str = ""
    frame_of_reference_uid: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class StructureSet(Brief):
    """An RT Structure Set: what it refers to, and its regions in file order.

    ``referenced_images`` holds, by series, the images that the set names in it, while
    ``referenced_sop_instance_uids`` has also those that only contours name. ``left_out`` are regions that
    were not chosen (see `RegionChoice`): nothing is made of them, but they tell where planes lie, so that a
    region comes out the same alone.
    """

    sop_instance_uid: str
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    label: str
    regions: tuple[Region, ...]
    referenced_series_uids: tuple[str, ...] = ()
    referenced_sop_instance_uids: tuple[str, ...] = ()
    referenced_images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    left_out: tuple[Region, ...] = ()

    def rings_lps_mm(self, without: Sequence[Region] = ()) -> list[NDArray[np.float64]]:
        """Return all closed contours, each (n, 3) in LPS mm: also of regions left out, but not of some."""
        apart = {id(region) for region in without}
        held = [region for region in (*self.regions, *self.left_out) if id(region) not in apart]
        return [contour.points_lps_mm for region in held for contour in region.contours]

    def region(self, number: int) -> Region:
        """Return the first region with an ROI Number.

        Raises
        ------
        KeyError
            No region has this number.
        """
        for region in self.regions:
            if region.number == number:
                return region
        raise KeyError(number)
