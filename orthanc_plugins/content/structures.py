"""Structure sets by meaning: what differs between the regions of two copies, in numbers a person knows.

Regions are told by their numbers, whatever their order; numbers written otherwise are the same ones. So what
is left are regions that really differ: which are missing, how many contours and points, and their volumes, by
planimetry of the contours alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins import rtstruct
from orthanc_plugins.content.attributes import CONTOURS
from orthanc_plugins.content.findings import side
from orthanc_plugins.content.representations import keyword_of
from orthanc_plugins.errors import GeometryError, InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.content.attributes import Apart
    from orthanc_plugins.rtstruct import Region, StructureSet, VoxelGrid

_LISTED, _DRAWN = "30060020[", "30060039["
_ITEMS = (_LISTED, _DRAWN, "30060080[")
_SAME_CC = 0.005
"""Volumes are shown to a hundredth."""


@dataclass(frozen=True)
class RegionSummary:
    """A region in numbers; ``volume_cc`` is None where no contour encloses area."""

    number: int
    name: str
    contours: int
    points: int
    volume_cc: float | None

    def __str__(self) -> str:
        volume = "no volume" if self.volume_cc is None else f"{self.volume_cc:.2f} cc"
        return f"{volume}, {self.contours:,} contours, {self.points:,} points"


def told_by_regions(apart: Sequence[Apart], left: bytes, right: bytes) -> list[Apart]:
    """Return what differs between two structure sets, with what it means for their regions.

    Parameters
    ----------
    apart
        What their data sets differ in.
    left, right
        The files. Where one cannot be read as a structure set, differences stay as they are.
    """
    if not any(one.region is not None for one in apart):
        return list(apart)
    try:
        sets = (_Set(left), _Set(right))
    except InvalidDicom:
        return list(apart)
    listed = {(one.region, one.finding.left is None) for one in apart if _is_item(one, (_LISTED,))}
    told = []
    for one in apart:
        if _is_item(one, _ITEMS) and (one.region, one.finding.left is None) in listed:
            if _is_item(one, (_LISTED,)):
                told.append(_only_there(one, sets))
        elif one.finding.keyword == keyword_of(CONTOURS) and one.region is not None:
            told.append(_changed(one, one.region, sets))
        else:
            told.append(one)
    return told


def _is_item(one: Apart, sequences: tuple[str, ...]) -> bool:
    """Return whether a finding is that only one copy has an item of one of these sequences."""
    finding = one.finding
    there = one.region is not None and (finding.left is None) != (finding.right is None)
    return there and (finding.tag or "").startswith(sequences) and (finding.tag or "").endswith("]")


class _Set:
    """The regions of one structure set."""

    def __init__(self, content: bytes) -> None:
        self._structure_set: StructureSet = rtstruct.read_structure_set(content)
        rings = self._structure_set.rings_lps_mm()
        try:
            self._grid: VoxelGrid | None = rtstruct.grid_from_contours(rings)
        except GeometryError:
            self._grid = None

    def region(self, number: int) -> Region | None:
        """Return the region of a number."""
        try:
            return self._structure_set.region(number)
        except KeyError:
            return None

    def summary(self, region: Region) -> RegionSummary:
        """Return a region in numbers."""
        contours = (*region.contours, *region.open_contours)
        points = sum(len(contour.points_lps_mm) for contour in contours)
        return RegionSummary(region.number, region.name, len(contours), points, self._volume_cc(region))

    def _volume_cc(self, region: Region) -> float | None:
        if self._grid is None or not region.contours:
            return None
        try:
            found = rtstruct.measure(rtstruct.place(region, self._grid)[0], region)
        except GeometryError:
            return None
        return None if found is None else found.volume_ml


def _only_there(one: Apart, sets: tuple[_Set, _Set]) -> Apart:
    """Return the finding that only one copy has a region."""
    is_left = one.finding.right is None
    found = sets[0 if is_left else 1]
    region = None if one.region is None else found.region(one.region)
    if region is None:
        return one
    summary = found.summary(region)
    detail = f"Region {summary.number} “{summary.name}” is only in {side(left=is_left)}'s copy: {summary}."
    shown = (str(summary), None) if is_left else (None, str(summary))
    return one._replace(finding=one.finding._replace(left=shown[0], right=shown[1], detail=detail))


def _changed(one: Apart, number: int, sets: tuple[_Set, _Set]) -> Apart:
    """Return the finding that a region's contours differ."""
    left, right = (found.region(number) for found in sets)
    if left is None or right is None:
        return one
    before, after = sets[0].summary(left), sets[1].summary(right)
    parts = [_volumes(before, after), _count(before.contours, after.contours, "contour")]
    parts.append(_count(before.points, after.points, "point"))
    if (before.contours, before.points) == (after.contours, after.points):
        parts.append(_moved(left, right))
    told = ", ".join(part for part in parts if part)
    detail = f"Region {number} “{before.name or after.name}”, from Orthanc's copy to DCM4CHEE's: {told}."
    finding = one.finding._replace(left=str(before), right=str(after), detail=detail)
    return one._replace(finding=finding)


def _volumes(before: RegionSummary, after: RegionSummary) -> str:
    if before.volume_cc is None or after.volume_cc is None:
        return "" if before.volume_cc == after.volume_cc else "volume lost or gained"
    if abs(before.volume_cc - after.volume_cc) < _SAME_CC:
        return "the same volume"
    return f"volume {before.volume_cc:.2f} → {after.volume_cc:.2f} cc"


def _count(before: int, after: int, what: str) -> str:
    if before == after:
        return ""
    apart = abs(after - before)
    return f"{apart:,} {what}{'s' if apart > 1 else ''} {'more' if after > before else 'fewer'}"


def _moved(left: Region, right: Region) -> str:
    """Return how contours of the same number of points differ."""
    pairs = list(zip(_rings(left), _rings(right), strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return "points divided otherwise among contours"
    farthest = max(
        (float(np.linalg.norm(one - other, axis=1).max(initial=0.0)) for one, other in pairs), default=0.0
    )
    if not farthest:
        return "points the same, what is said of the contours is not"
    if sorted(map(_ring_key, _rings(left))) == sorted(map(_ring_key, _rings(right))):
        return "the same contours begun or turned otherwise"
    return f"points moved by up to {farthest:.3g} mm"


def _rings(region: Region) -> list[NDArray[np.float64]]:
    contours = sorted((*region.contours, *region.open_contours), key=lambda contour: contour.index)
    return [contour.points_lps_mm for contour in contours]


def _ring_key(points: NDArray[np.float64]) -> bytes:
    """Return a key that a ring keeps wherever it begins and whichever way it turns."""
    first = min(range(len(points)), key=lambda k: tuple(points[k]))
    turned = np.roll(points, -first, axis=0)
    return min(turned.tobytes(), np.roll(turned[::-1], 1, axis=0).tobytes())
