"""Where a dose grid lies: Image Position and Orientation, Pixel Spacing and Grid Frame Offset Vector.

The offsets (3004,000C) mean one of two things (PS3.3 C.8.8.3.2). Where the first is zero they are distances
from the first frame along the normal, row direction times column direction. Where the first is the z of Image
Position (Patient) and rows and columns lie along x and y, they are the frames' own z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.reading.elements import REACH_MM, raw, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

type Floats = NDArray[np.float64]

_FRAMES = 0x00280008
_SLICE_THICKNESS = 0x00180050
_POSITION = 0x00200032
_ORIENTATION = 0x00200037
_PIXEL_SPACING = 0x00280030
_OFFSETS = 0x3004000C
_SAME_MM = 0.01
"""Positions that differ by less are one; planning systems round to a tenth of that."""
_SQUARE = 1e-3
"""How far direction cosines may be from unit length and from a right angle."""


@dataclass(frozen=True, eq=False, repr=False)
class DosePlacement(Brief):
    """Where the voxels of a dose grid lie.

    Parameters
    ----------
    origin_lps_mm
        Shape (3,): centre of the first voxel of the frame at height zero.
    axes
        Shape (3, 3): unit vectors across the frames, down a column (rows), along a row (columns), in LPS.
    heights_mm
        Shape (frames,): positions of the frames along the first axis, strictly ascending, uneven or not.
    pixel_spacing_mm
        Between rows, between columns.
    rows, columns
        Size of a frame.
    thickness_mm
        What a single frame stands for; with several, the gaps between them say so.
    """

    origin_lps_mm: Floats
    axes: Floats
    heights_mm: Floats
    pixel_spacing_mm: tuple[float, float]
    rows: int
    columns: int
    thickness_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, rows, columns)."""
        return (len(self.heights_mm), self.rows, self.columns)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Between frames (the median), rows and columns."""
        gaps = np.diff(self.heights_mm)
        return (float(np.median(gaps)) if len(gaps) else self.thickness_mm, *self.pixel_spacing_mm)

    def to_grid(self, points_lps_mm: Floats) -> Floats:
        """Return height in mm, row and column (n, 3) of patient positions (n, 3)."""
        placed: Floats = (points_lps_mm - self.origin_lps_mm) @ self.axes.T
        placed /= (1.0, *self.pixel_spacing_mm)
        return placed

    def frames_at(self, heights_mm: Floats) -> Floats:
        """Return the frames (n,), whole numbers at their planes, of heights (n,); NaN beyond the grid.

        The grid ends half a gap beyond its first and last frame; there the outermost frame's number is given.
        """
        own = self.heights_mm
        gaps = np.diff(own) if len(own) > 1 else np.array([self.thickness_mm])
        frames = np.interp(heights_mm, own, np.arange(len(own), dtype=np.float64))
        beyond = (heights_mm < own[0] - gaps[0] / 2) | (heights_mm > own[-1] + gaps[-1] / 2)
        return np.where(beyond, np.nan, frames)

    def lines_at(self, places: Floats, count: int) -> Floats:
        """Return rows or columns (n,) held inside the grid's ``count``; NaN beyond its edges."""
        beyond = (places < -0.5) | (places > count - 0.5)  # noqa: PLR2004 - the edge of a voxel
        return np.where(beyond, np.nan, np.clip(places, 0, count - 1))


def read_placement(dataset: Dataset, name: str) -> tuple[DosePlacement, NDArray[np.intp] | None]:
    """Return where a grid lies, and the order that sorts its frames by height; None when they are sorted.

    Raises
    ------
    InvalidDicom
        An element is missing or damaged, or the frames' places are in doubt.
    """
    position = _numbers(dataset, _POSITION, 3)
    cosines = _numbers(dataset, _ORIENTATION, 6)
    spacing = _numbers(dataset, _PIXEL_SPACING, 2)
    if position is None or cosines is None or spacing is None or min(spacing) <= 0:
        raise InvalidDicom(f"{name} has no usable position, orientation or pixel spacing.")
    rows, columns = _size(dataset, name)
    axes = _axes(cosines, name)
    offsets = _offsets(dataset, position, axes[0], name)
    order = np.argsort(offsets, kind="stable")
    heights = offsets[order]
    thickness = _numbers(dataset, _SLICE_THICKNESS, 1)
    if len(heights) == 1 and (thickness is None or thickness[0] <= 0):
        raise InvalidDicom(f"{name} has a single frame and no Slice Thickness: it holds no volume.")
    if len(heights) > 1 and float(np.diff(heights).min()) < _SAME_MM:
        raise InvalidDicom(f"{name} has two frames at one place in its Grid Frame Offset Vector.")
    placement = DosePlacement(
        origin_lps_mm=position,
        axes=axes,
        heights_mm=heights,
        pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
        rows=rows,
        columns=columns,
        thickness_mm=float(thickness[0]) if thickness is not None else 0.0,
    )
    return placement, None if bool((np.diff(order) == 1).all()) else order


def _size(dataset: Dataset, name: str) -> tuple[int, int]:
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidDicom(f"{name} does not say how many rows and columns its grid has.") from error
    if min(rows, columns) < 1:
        raise InvalidDicom(f"{name} has a grid of {rows} rows and {columns} columns.")
    return rows, columns


def _axes(cosines: Floats, name: str) -> Floats:
    """Return the unit vectors across frames, down and along."""
    along, down = cosines[:3], cosines[3:]
    lengths = np.array((np.linalg.norm(along), np.linalg.norm(down)))
    if np.abs(lengths - 1).max() > _SQUARE or abs(float(along @ down)) > _SQUARE:
        raise InvalidDicom(f"{name} has an orientation that is not two unit vectors at a right angle.")
    along = along / lengths[0]
    down = down - along * float(along @ down)
    down = down / np.linalg.norm(down)
    axes: Floats = np.array((np.cross(along, down), down, along))
    return axes


def _offsets(dataset: Dataset, position: Floats, normal: Floats, name: str) -> Floats:
    """Return the heights (frames,) along the normal from Image Position (Patient), in the file's order."""
    frames = whole_number(dataset, _FRAMES) or 1
    values = _numbers(dataset, _OFFSETS, frames)
    if values is None:
        if frames == 1:
            return np.zeros(1)
        raise InvalidDicom(
            f"{name} has {frames} frames and no usable Grid Frame Offset Vector of as many numbers."
        )
    if abs(values[0]) < _SAME_MM:
        relative: Floats = values - values[0]
        return relative
    across_z = abs(abs(float(normal[2])) - 1) < _SQUARE
    if across_z and abs(values[0] - position[2]) < _SAME_MM:
        along: Floats = (values - values[0]) * math.copysign(1.0, normal[2])
        return along
    if frames == 1:
        return np.zeros(1)
    raise InvalidDicom(
        f"{name} has a Grid Frame Offset Vector that begins neither at zero nor at the z of its position "
        "in axial frames: where its frames lie is in doubt."
    )


def _numbers(dataset: Dataset, tag: int, count: int) -> Floats | None:
    """Return the decimal strings of an element, None unless they are so many finite numbers within reach."""
    try:
        values = np.array(raw(dataset, tag).strip(b" \0").split(b"\\"), dtype=np.float64)
    except ValueError:
        return None
    usable = (
        len(values) == count and bool(np.isfinite(values).all()) and float(np.abs(values).max()) < REACH_MM
    )
    return values if usable else None
