"""Where voxels lie: the grid that masks are made on, and the planes that regions are drawn on.

Frames: patient positions are mm in LPS (x to the left, y to the back, z to the head); indices are
(k, j, i) = (slice, row, column), zero-based, whole numbers at voxel centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.stack import Stack, stack_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.images import ImageRecord

type Floats = NDArray[np.float64]
type GridKind = Literal["even", "missing_slices", "uneven", "contours_only"]

SAME_PLANE = 0.3
"""A contour within this share of a gap from a plane lies on it."""
HOLE = 1.5
"""A gap wider than this many ordinary gaps is one where images are missing."""
BRIDGED = 2.5
"""Without images, planes farther apart than this many ordinary gaps are not joined."""
JITTER_MM = 0.1
"""Heights closer than this are one, whatever the gap."""
_RHYTHM = 0.1
"""Gaps that differ by less than this share are alike."""
_FEWEST_PLANES = 3
THICKEST_MM = 10.0
"""No slice is thicker: contours farther apart, with nothing else to go by, are no stack."""
_MOST_SLICES = 8192
_MOST_SLICES_PER_PLANE = 16
_CONTOUR_GRID = 1024
_TO_RAS = np.diag((-1.0, -1.0, 1.0, 1.0))


@dataclass(frozen=True, eq=False, repr=False)
class VoxelGrid(Brief):
    """A regular grid of voxels, and the planes it is filled from.

    Parameters
    ----------
    origin_lps_mm
        Shape (3,): centre of voxel (0, 0, 0).
    steps_lps_mm
        Shape (3, 3): rows are the steps to the next slice k, row j and column i. The step between slices
        is sheared where the gantry was tilted.
    shape
        (slices, rows, columns).
    normal
        Shape (3,): unit vector across the slices, towards higher k.
    heights_mm
        Shape (m,): positions of the planes along the normal, ascending. The images' planes, and those of
        contours drawn where an image is missing.
    image_of_plane
        Shape (m,): index of the plane's image in the stack, -1 where it has none.
    plane_of_slice
        Shape (slices,): the plane each slice is filled from, never decreasing.
    kind
        ``even``: one slice for each image. ``missing_slices``: even, but some have no image. ``uneven``:
        resampled along the normal. ``contours_only``: made from contours, there were no images.
    """

    origin_lps_mm: Floats
    steps_lps_mm: Floats
    shape: tuple[int, int, int]
    normal: Floats
    heights_mm: Floats
    image_of_plane: NDArray[np.intp]
    plane_of_slice: NDArray[np.intp]
    kind: GridKind = "even"

    @cached_property
    def _inverse(self) -> Floats:
        inverse: Floats = np.linalg.inv(self.steps_lps_mm)
        return inverse

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slices (along the normal), rows and columns."""
        k, j, i = self.steps_lps_mm
        return (float(np.dot(k, self.normal)), float(np.linalg.norm(j)), float(np.linalg.norm(i)))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(abs(np.linalg.det(self.steps_lps_mm))) / 1000

    @property
    def is_identity(self) -> bool:
        """Whether slice k is filled from plane k, for every k."""
        return len(self.heights_mm) == self.shape[0]

    @cached_property
    def slabs_mm(self) -> Floats:
        """Shape (m,): the thickness each plane stands for, half-way to its neighbours."""
        gaps = np.diff(self.heights_mm)
        if len(gaps) == 0:
            return np.array([self.spacing_mm[0]])
        if self.kind == "contours_only":
            usual = float(np.median(gaps))
            gaps = np.where(gaps > BRIDGED * usual, usual, gaps)
        slabs: Floats = (np.concatenate((gaps[:1], gaps)) + np.concatenate((gaps, gaps[-1:]))) / 2
        return slabs

    @property
    def filled_in(self) -> NDArray[np.bool_]:
        """Shape (slices,): slices in a gap where images are missing, filled from a plane beside it."""
        if self.is_identity:
            return np.zeros(self.shape[0], dtype=bool)
        usual = (
            self.spacing_mm[0]
            if self.kind == "missing_slices"
            else float(np.median(np.diff(self.heights_mm)))
        )
        own = self.heights_mm[0] + np.arange(self.shape[0]) * self.spacing_mm[0]
        distant: NDArray[np.bool_] = np.abs(own - self.heights_mm[self.plane_of_slice]) > HOLE / 2 * usual
        return distant

    @property
    def affine_lps(self) -> Floats:
        """Shape (4, 4): takes (i, j, k, 1), column first as NIfTI does, to LPS mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.steps_lps_mm[::-1].T
        affine[:3, 3] = self.origin_lps_mm
        return affine

    @property
    def affine_ras(self) -> Floats:
        """Shape (4, 4): takes (i, j, k, 1) to RAS mm, as NIfTI stores it."""
        affine: Floats = _TO_RAS @ self.affine_lps
        return affine

    def to_patient(self, indices: Floats) -> Floats:
        """Return the patient positions (n, 3) in LPS mm of voxel indices (n, 3), columns k, j, i."""
        return _combined(indices, self.steps_lps_mm) + self.origin_lps_mm

    def to_index(self, points_lps_mm: Floats) -> Floats:
        """Return the voxel indices (n, 3), columns k, j, i, of patient positions (n, 3) in LPS mm.

        The same point gives the same bits whatever it is asked with: neighbours that share a border agree.
        """
        return _combined(points_lps_mm - self.origin_lps_mm, self._inverse)

    def heights_of(self, points_lps_mm: Floats) -> Floats:
        """Return the positions (n,) of points (n, 3) along the normal, in mm."""
        x, y, z = points_lps_mm.T
        return np.asarray(x * self.normal[0] + y * self.normal[1] + z * self.normal[2])

    def planes_to_patient(self, indices: Floats) -> Floats:
        """Return LPS mm of points (n, 3) given as plane, row, column, for planes of any spacing.

        Planes may be fractions, and lie up to one plane beyond the first and the last.
        """
        if self.is_identity and self.kind == "even":
            return self.to_patient(indices)
        heights = self.heights_mm
        gap = self.spacing_mm[0]
        first, last = (heights[1] - heights[0], heights[-1] - heights[-2]) if len(heights) > 1 else (gap, gap)
        known = np.concatenate(((heights[0] - first,), heights, (heights[-1] + last,)))
        at = np.interp(indices[:, 0] + 1, np.arange(len(known)), known)
        slices = (at - float(np.dot(self.origin_lps_mm, self.normal))) / gap
        return self.to_patient(np.column_stack((slices, indices[:, 1], indices[:, 2])))

    def nearest_planes(self, heights_mm: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Return the plane nearest to each height, -1 beyond half a gap, and the distance in local gaps.

        A height half-way between two planes goes to the lower one.
        """
        own = self.heights_mm
        gaps = np.diff(own) if len(own) > 1 else np.array([self.spacing_mm[0]])
        middles = own[:-1] + gaps[: len(own) - 1] * 0.501
        planes = np.searchsorted(middles, heights_mm)
        above = heights_mm > own[planes]
        local = gaps[np.clip(planes - np.where(above, 0, 1), 0, len(gaps) - 1)]
        distance = np.abs(heights_mm - own[planes]) / local
        return np.where(distance > 0.501, -1, planes), distance  # noqa: PLR2004 - half, and rounding


def _combined(vectors: Floats, rows: Floats) -> Floats:
    """Return ``vectors @ rows`` for three columns, rounded alike wherever a vector stands in the array."""
    a, b, c = (vectors[:, axis, None] for axis in range(3))
    product: Floats = a * rows[0] + b * rows[1] + c * rows[2]
    return product


def build_grid(
    images: Sequence[ImageRecord], rings_lps_mm: Sequence[Floats] = ()
) -> tuple[VoxelGrid, Stack, list[Problem]]:
    """Return the grid of a series, the stack of its images, and what is odd about them.

    Parameters
    ----------
    images
        The images of one series, in any order.
    rings_lps_mm
        The contours to come, each (n, 3). Those in a gap where an image is missing make planes of their own.

    Raises
    ------
    GeometryError
        The images do not form one volume.
    """
    stack, problems = stack_images(images)
    heights, image_of_plane = _planes(stack, rings_lps_mm)
    slices, gap = _slices(stack, len(heights))
    nearest = np.searchsorted((heights[:-1] + heights[1:]) / 2, heights[0] + np.arange(slices) * gap - 1e-6)
    if len(heights) == slices:
        nearest = np.arange(slices)
    down, across = stack.images[0].pixel_spacing_mm
    between = stack.normal * gap
    if slices > 1:
        between = (stack.origins_lps_mm[-1] - stack.origins_lps_mm[0]) / (slices - 1)
    grid = VoxelGrid(
        origin_lps_mm=stack.origins_lps_mm[0],
        steps_lps_mm=np.array((between, stack.column * down, stack.row * across)),
        shape=(slices, stack.images[0].rows, stack.images[0].columns),
        normal=stack.normal,
        heights_mm=heights,
        image_of_plane=image_of_plane,
        plane_of_slice=np.asarray(nearest, dtype=np.intp),
        kind=stack.spacing,
    )
    return grid, stack, problems


def _slices(stack: Stack, planes: int) -> tuple[int, float]:
    """Return how many slices the grid has and their distance, bounded by what the images justify."""
    span = float(stack.heights_mm[-1] - stack.heights_mm[0])
    most = min(_MOST_SLICES, _MOST_SLICES_PER_PLANE * planes)
    if len(stack.images) > most:
        raise GeometryError(f"The series holds {len(stack.images)} positions; at most {most} can be handled.")
    count = min(round(span / stack.gap_mm) + 1, most)
    return count, span / (count - 1) if count > 1 else stack.gap_mm


def _planes(stack: Stack, rings_lps_mm: Sequence[Floats]) -> tuple[Floats, NDArray[np.intp]]:
    """Return the heights of images and of contours in the holes between them, and each one's image."""
    own = stack.heights_mm
    indices = np.arange(len(own), dtype=np.intp)
    if len(rings_lps_mm) == 0 or len(own) < 2 or stack.spacing == "even":  # noqa: PLR2004 - no gap
        return own, indices
    gaps = np.diff(own)
    usual = stack.gap_mm if stack.spacing == "missing_slices" else float(np.median(gaps))
    asked = np.unique([float((ring @ stack.normal).mean()) for ring in rings_lps_mm])
    asked = asked[(asked > own[0]) & (asked < own[-1])]
    below = np.searchsorted(own, asked) - 1
    free = np.minimum(asked - own[below], own[below + 1] - asked) > SAME_PLANE * usual
    extra = thinned(asked[(gaps[below] > HOLE * usual) & free], SAME_PLANE * usual)
    if stack.spacing == "missing_slices":
        extra = own[0] + np.unique(np.rint((extra - own[0]) / usual)) * usual
        extra = extra[[float(np.abs(own - height).min()) > SAME_PLANE * usual for height in extra]]
    heights = np.concatenate((own, extra))
    order = np.argsort(heights)
    images = np.concatenate((indices, np.full(len(extra), -1, dtype=np.intp)))
    return heights[order], images[order]


def thinned(sorted_values: Floats, tolerance: float) -> Floats:
    """Return ascending values less those within the tolerance of the last one kept.

    >>> thinned(np.array([0.0, 0.05, 1.0, 1.02]), 0.1).tolist()
    [0.0, 1.0]
    """
    kept: list[float] = []
    for value in sorted_values.tolist():
        if not kept or value - kept[-1] > tolerance:
            kept.append(value)
    return np.array(kept, dtype=np.float64)


def usual_gap(sorted_heights_mm: Floats) -> float | None:
    """Return the distance between the planes that contours at ascending heights are drawn on.

    Where heights come in close groups a gap apart, it is that of the groups: parts or regions that lie a
    little beside each other. None where all heights are one.

    >>> usual_gap(np.array([0.0, 3.0, 6.0])), usual_gap(np.array([0.0, 0.2, 3.0, 3.2, 6.0, 6.2]))
    (3.0, 3.0)
    """
    heights = thinned(sorted_heights_mm, JITTER_MM)
    gaps = np.diff(heights)
    if len(gaps) == 0:
        return None
    ordered = np.sort(gaps)
    wider = ordered[1:] / ordered[:-1]
    if len(wider) and float(wider.max()) > (1 - SAME_PLANE) / SAME_PLANE:
        apart = gaps > ordered[int(wider.argmax())]
        first, last = heights[np.append(True, apart)], heights[np.append(apart, True)]
        steps = np.diff(first)
        step = float(np.median(steps))
        compact = float((last - first).max()) <= SAME_PLANE * step
        alike = int(np.count_nonzero(np.abs(steps - step) <= _RHYTHM * step))
        if compact and step <= THICKEST_MM and len(first) >= _FEWEST_PLANES and 2 * alike >= len(steps):
            return step
    return float(np.median(gaps))


def grid_from_contours(rings_lps_mm: Sequence[Floats]) -> VoxelGrid:
    """Return a grid that holds contours (each (n, 3), LPS mm) where no image says where voxels lie.

    Its planes are the contours' own; its pixels only measure, they are no one's voxels.

    Raises
    ------
    GeometryError
        There is no contour, or none encloses an area.
    """
    if not rings_lps_mm:
        raise GeometryError("Neither images nor contours are there: nothing can be measured.")
    normal, row = _contour_axes(rings_lps_mm)
    column = np.cross(normal, row)
    points = np.concatenate(rings_lps_mm)
    across, down = points @ row, points @ column
    middles = np.sort([float((ring @ normal).mean()) for ring in rings_lps_mm])
    usual = usual_gap(middles) or 1.0
    heights = thinned(middles, SAME_PLANE * usual)
    extent = max(float(np.ptp(across)), float(np.ptp(down)), 1.0)
    pixel = max(1.0, extent / _CONTOUR_GRID)
    size = int(np.ceil(extent / pixel)) + 3
    corner = row * (across.min() - pixel) + column * (down.min() - pixel) + normal * heights[0]
    return VoxelGrid(
        origin_lps_mm=corner,
        steps_lps_mm=np.array((normal * usual, column * pixel, row * pixel)),
        shape=(len(heights), size, size),
        normal=normal,
        heights_mm=heights,
        image_of_plane=np.full(len(heights), -1, dtype=np.intp),
        plane_of_slice=np.arange(len(heights), dtype=np.intp),
        kind="contours_only",
    )


def _contour_axes(rings_lps_mm: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the normal of the largest contour, pointing along its largest component, and a row direction."""
    normals = np.array(
        [np.cross(ring - ring[0], np.roll(ring, -1, axis=0) - ring[0]).sum(axis=0) for ring in rings_lps_mm]
    )
    lengths = np.linalg.norm(normals, axis=1)
    largest = int(lengths.argmax())
    if lengths[largest] == 0:
        raise GeometryError("No contour encloses an area: nothing can be measured.")
    normal = normals[largest] / lengths[largest]
    normal = normal * np.sign(normal[np.abs(normal).argmax()])
    along = np.eye(3)[np.abs(normal).argsort()[0]]
    row = along - normal * float(np.dot(along, normal))
    return normal, row / np.linalg.norm(row)
