"""Masks held against the truth, where their own headers put them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np

from tests.bench.rtstruct.reference import thickness_mm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.bench.rtstruct.reference import RegionTruth
    from tests.builders import ImageFrame
    from tests.builders.shapes import Points

_TO_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Mask:
    """A mask as it was written: ``inside`` has the axes of the file, ``affine_lps`` takes its indices to mm."""

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
    image: Any = nibabel.load(path)  # type: ignore[attr-defined]
    return Mask(np.asarray(image.dataobj) > 0, _TO_LPS @ image.affine)


class _Planes:
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

    def at(self, w: float) -> NDArray[np.bool_]:
        """Return the plane at w: shape (rows, columns) of the images."""
        u, v = self._frame.pixel_axes(w)
        plane = np.zeros((len(v), len(u)), dtype=bool)
        if not self._low[2] <= w <= self._high[2]:
            return plane
        rows = slice(*np.searchsorted(v, (self._low[1], self._high[1])))
        columns = slice(*np.searchsorted(u, (self._low[0], self._high[0])))
        plane[rows, columns] = self._looked_up(u[columns], v[rows], w)
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


def judge(truth: RegionTruth, mask: Mask | None, frame: ImageFrame) -> Verdict:
    """Return how a mask compares with the truth on the planes of the truth.

    Dice weighs each plane by its thickness; what a mask holds on planes that have no contour counts too.
    """
    if mask is None or not mask.inside.any():
        return Verdict(truth.name, truth.volume_ml, 0.0, -1.0)
    planes = _Planes(mask, frame)
    drawn = {section.w_mm: section for section in truth.sections}
    common = total = 0.0
    for w, thickness in zip(frame.w_mm.tolist(), thickness_mm(frame).tolist(), strict=True):
        values = planes.at(w)
        total += thickness * int(np.count_nonzero(values))
        if (section := drawn.get(w)) is not None:
            (row, column), wanted = section.first, section.inside
            here = values[row : row + wanted.shape[0], column : column + wanted.shape[1]]
            common += thickness * int(np.count_nonzero(here & wanted))
            total += thickness * int(np.count_nonzero(wanted))
    dice = 2 * common / total if total else 0.0
    return Verdict(truth.name, truth.volume_ml, dice, mask.volume_ml / truth.volume_ml - 1)
