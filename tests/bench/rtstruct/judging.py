"""Masks held against the truth, where their own headers put them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np

from tests.bench.rtstruct.reference import thickness_mm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.bench.rtstruct.reference import RegionTruth, Section
    from tests.builders import ImageFrame
    from tests.builders.shapes import Points

# Where a mask is looked at around an unevenly spaced plane, in halves of the gap: on it and near it, where a
# grid as fine as the smallest gap can be right.
_BESIDE = (-0.3, 0.0, 0.3)
_TO_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Mask:
    """A mask as it was written: ``inside`` has the axes of the file, ``affine_lps`` takes indices to mm."""

    inside: NDArray[np.bool_]
    affine_lps: NDArray[np.float64]

    @property
    def volume_ml(self) -> float:
        """Its voxels, counted, by the size its header gives them."""
        voxel_mm3 = abs(float(np.linalg.det(self.affine_lps[:3, :3])))
        return int(np.count_nonzero(self.inside)) * voxel_mm3 / 1000


@dataclass(frozen=True)
class Verdict:
    """How one region's mask compares; no mask has a Dice of 0 and a volume error of -1."""

    region: str
    true_ml: float
    dice: float
    volume_error: float

    def record(self) -> dict[str, Any]:
        """Return the verdict as a JSON object."""
        return asdict(self)


def read_mask(path: Path) -> Mask:
    """Return the mask of a NIfTI file."""
    image: Any = nibabel.load(path)
    return Mask(np.asarray(image.dataobj) > 0, _TO_LPS @ image.affine)


class _BySlice:
    """A mask of a program that gives arrays without a header: a slice for each image, in their order."""

    def __init__(self, mask: Mask, frame: ImageFrame) -> None:
        self._mask, self._frame = mask, frame
        there = [index for index in range(frame.size[0]) if index not in frame.missing]
        self._place = {float(frame.w_mm[index]): place for place, index in enumerate(there)}

    def at(self, w: float, look_mm: float) -> NDArray[np.bool_]:
        """Return the plane at w, whatever the distance from it: a slice has no thickness."""
        del look_mm
        _, rows, columns = self._frame.size
        plane = np.zeros((rows, columns), dtype=bool)
        place = self._place.get(w)
        if place is not None and place < self._mask.inside.shape[2]:
            given = self._mask.inside[:columns, :rows, place].T
            plane[: given.shape[0], : given.shape[1]] = given
        return plane


class _Placed:
    """A mask seen on the planes of a frame, at the centres of the images' pixels."""

    def __init__(self, mask: Mask, frame: ImageFrame) -> None:
        self._mask, self._frame = mask, frame
        self._to_index = np.linalg.inv(mask.affine_lps)
        filled = [np.flatnonzero(mask.inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        ends = np.array([(places[0] - 1, places[-1] + 1) for places in filled])
        corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
        lps = corners @ mask.affine_lps[:3, :3].T + mask.affine_lps[:3, 3]
        uvw = (lps - np.array(frame.centre_lps_mm)) @ frame.axes.T
        self._low, self._high = uvw.min(axis=0), uvw.max(axis=0)

    def at(self, w: float, look_mm: float) -> NDArray[np.bool_]:
        """Return what lies so far from the plane at w: shape (rows, columns) of the images."""
        u, v = self._frame.pixel_axes(w)
        plane = np.zeros((len(v), len(u)), dtype=bool)
        if not self._low[2] <= w + look_mm <= self._high[2]:
            return plane
        rows = slice(*np.searchsorted(v, (self._low[1], self._high[1])))
        columns = slice(*np.searchsorted(u, (self._low[0], self._high[0])))
        plane[rows, columns] = self._looked_up(u[columns], v[rows], w + look_mm)
        return plane

    def _looked_up(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        to_index = self._to_index[:3, :3] @ self._frame.axes.T
        origin = self._to_index[:3] @ np.append(self._frame.centre_lps_mm, 1) + to_index[:, 2] * w
        size = self._mask.inside.shape
        known = np.ones((len(v), len(u)), dtype=bool)
        places = []
        for axis in range(3):
            index = np.rint(origin[axis] + (to_index[axis, 1] * v)[:, None] + (to_index[axis, 0] * u)[None])
            known &= (index >= 0) & (index < size[axis])
            places.append(np.clip(index, 0, size[axis] - 1).astype(np.int32))
        found: NDArray[np.bool_] = self._mask.inside[tuple(places)] & known
        return found


def judge(truth: RegionTruth, mask: Mask | None, frame: ImageFrame, *, has_header: bool = True) -> Verdict:
    """Return how a mask compares with the truth.

    It is looked up at the centres of the images' pixels, on every plane that has a contour or an image, and
    where planes are unevenly spaced also beside them. Dice weighs each plane by its thickness. The array of a
    program without headers is taken as slices of the images and as a straight stack; the better one counts.
    """
    if mask is None or not mask.inside.any():
        return Verdict(truth.name, truth.volume_ml, 0.0, -1.0)
    verdict = _verdict(truth, _Placed(mask, frame), frame, mask.volume_ml)
    if has_header:
        return verdict
    return max(verdict, _verdict(truth, _BySlice(mask, frame), frame), key=lambda one: one.dice)


def _verdict(
    truth: RegionTruth, seen: _Placed | _BySlice, frame: ImageFrame, volume_ml: float | None = None
) -> Verdict:
    """Return the comparison of one way to see a mask; its volume is what was seen unless it is told."""
    looks = (0.0,) if frame.slices_mm is None else _BESIDE
    gaps = np.diff(frame.w_mm, prepend=frame.w_mm[0], append=frame.w_mm[-1])
    sections = {section.w_mm: section for section in truth.sections}
    common = mine = theirs = 0.0
    for plane, thickness in enumerate(thickness_mm(frame).tolist()):
        w = float(frame.w_mm[plane])
        section, share = sections.get(w), thickness / len(looks)
        for look in looks:
            values = seen.at(w, look * gaps[plane + (look > 0)] / 2)
            theirs += share * int(np.count_nonzero(values))
            if section is not None:
                common += share * _common(section, values)
                mine += share * int(np.count_nonzero(section.inside))
    if volume_ml is None:
        volume_ml = theirs * math.prod(frame.spacing_mm) / 1000
    dice = 2 * common / (mine + theirs) if mine + theirs else 0.0
    return Verdict(truth.name, truth.volume_ml, dice, volume_ml / truth.volume_ml - 1)


def _common(section: Section, values: NDArray[np.bool_]) -> int:
    """Return how many pixels of the plane are in both."""
    (row, column), wanted = section.first, section.inside
    here = values[row : row + wanted.shape[0], column : column + wanted.shape[1]]
    return int(np.count_nonzero(here & wanted))
