"""What two masks share, counted on their runs.

Two regions of one grid share the voxels that lie in a run of either. A region of another grid is laid on the
first one's: a voxel belongs to it when the voxel of its own grid around the same place does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.raster import RegionMask, mask_from_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid

type Vector = tuple[float, float, float]
type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

_CENTRE_ROUNDING = 1e-6


@dataclass(frozen=True, repr=False)
class Overlap(Brief):
    """How two regions lie over each other; the first is the region, the second the other.

    ``method`` says what was counted: volumes are those of voxels, as ``volume_voxels_cc`` of a region's own
    results, and ``volume_ratio`` is the other's through the region's. Shares are 0 to 1. ``offset_lps_mm``
    leads from the region's centre of mass to the other's.
    """

    volume_voxels_cc: float
    other_volume_voxels_cc: float
    intersection_cc: float
    union_cc: float
    only_region_cc: float
    only_other_cc: float
    dice: float
    jaccard: float
    region_inside_other: float
    other_inside_region: float
    volume_ratio: float
    offset_lps_mm: Vector
    centroid_distance_mm: float
    method: str = "voxels"


class Voxels:
    """A mask in the order of its whole grid, ready to be counted against others of the same grid.

    Parameters
    ----------
    mask
        It must hold a voxel. Its runs become ``starts``, ``stops`` and ``lengths`` (runs,), in voxels of the
        whole grid in C order.
    grid
        The grid it was filled on.
    """

    def __init__(self, mask: RegionMask, grid: VoxelGrid) -> None:
        _, rows, columns = grid.shape
        _, height, width = mask.shape
        line, column = np.divmod(mask.starts, width)
        k, j = np.divmod(line, height)
        k, j, i = k + mask.offset[0], j + mask.offset[1], column + mask.offset[2]
        self.lengths = mask.stops - mask.starts
        self.starts = (k * rows + j) * columns + i
        self.stops = self.starts + self.lengths
        self._weights = _voxel_weights(grid)[k]
        self._middles = np.column_stack((k, j, i + (self.lengths - 1) / 2))
        self._grid = grid
        self._before = np.concatenate(((0.0,), np.cumsum(self.lengths * self._weights)))

    @property
    def voxel_ml(self) -> float:
        """The volume of a voxel of the grid."""
        return self._grid.voxel_ml

    @property
    def count(self) -> float:
        """How many voxels there are; one of a thicker slice than the grid's counts for more."""
        return float(self._before[-1])

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.starts)

    @cached_property
    def centroid_lps_mm(self) -> Floats:
        """Centre of mass (3,) of the voxels."""
        weights = self.lengths * self._weights
        middles = self._grid.planes_to_patient(self._middles) if self._is_of_contours else None
        if middles is not None:
            centre: Floats = weights @ middles / weights.sum()
            return centre
        mean: Floats = self._grid.to_patient((weights @ self._middles / weights.sum())[None])[0]
        return mean

    @property
    def _is_of_contours(self) -> bool:
        return self._grid.kind == "contours_only"

    def shared(self, other: Voxels) -> float:
        """Return how many voxels both hold, as `count` counts."""
        few, many = sorted((self, other), key=lambda one: one.runs)
        begin = int(np.searchsorted(few.stops, many.starts[0], side="right"))
        end = int(np.searchsorted(few.starts, many.stops[-1], side="left"))
        if end <= begin:
            return 0.0
        part = slice(begin, end)
        return float((many.below(few.stops[part]) - many.below(few.starts[part])).sum())

    def below(self, places: Indices) -> Floats:
        """Return how many voxels (n,) come before places (n,) in the order of the grid, as `count` counts."""
        run = np.searchsorted(self.starts, places, side="right") - 1
        inside = np.minimum(places - self.starts[run], self.lengths[run])
        below: Floats = np.where(run >= 0, self._before[run] + inside * self._weights[run], 0)
        return below


def _voxel_weights(grid: VoxelGrid) -> Floats:
    """Return for how many voxels one of each slice (slices,) counts: contours alone differ in thickness.

    Elsewhere they are ones, so that sums are exact and what is equal is found equal.
    """
    if grid.kind == "contours_only":
        weights: Floats = grid.slabs_mm / grid.spacing_mm[0]
        return weights
    return np.ones(grid.shape[0])


def overlap(region: Voxels, other: Voxels) -> Overlap:
    """Return how two regions of one grid lie over each other."""
    own, theirs = region.count, other.count
    shared = min(region.shared(other), own, theirs)
    union = own + theirs - shared
    voxel_ml = region.voxel_ml
    offset = other.centroid_lps_mm - region.centroid_lps_mm
    x, y, z = offset.tolist()
    return Overlap(
        volume_voxels_cc=own * voxel_ml,
        other_volume_voxels_cc=theirs * voxel_ml,
        intersection_cc=shared * voxel_ml,
        union_cc=union * voxel_ml,
        only_region_cc=(own - shared) * voxel_ml,
        only_other_cc=(theirs - shared) * voxel_ml,
        dice=2 * shared / (own + theirs),
        jaccard=shared / union,
        region_inside_other=shared / own,
        other_inside_region=shared / theirs,
        volume_ratio=theirs / own,
        offset_lps_mm=(x, y, z),
        centroid_distance_mm=float(np.linalg.norm(offset)),
    )


def on_grid(mask: RegionMask, own: VoxelGrid, grid: VoxelGrid) -> RegionMask:
    """Return a mask of one grid on another one, by the voxel around each voxel's centre."""
    box = _box_on(mask, own, grid)
    if box is None:
        return RegionMask((0, 0, 0), (0, 0, 0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    low, high = box
    inside = mask.voxels
    rows, columns = np.arange(low[1], high[1]), np.arange(low[2], high[2])
    plane = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    found = np.zeros((high[0] - low[0], len(rows), len(columns)), dtype=bool)
    for place, k in enumerate(range(low[0], high[0])):
        centres = _centres(np.column_stack((np.full(len(plane), k), plane)), grid)
        found[place] = _holds(inside, mask.offset, _own_index(centres, own)).reshape(found.shape[1:])
    return mask_from_voxels(found, (low[0], low[1], low[2]))


def _centres(indices: Indices, grid: VoxelGrid) -> Floats:
    """Return the voxels' centres (n, 3) in LPS mm."""
    precise = indices.astype(np.float64)
    return grid.planes_to_patient(precise) if grid.kind == "contours_only" else grid.to_patient(precise)


def _own_index(points_lps_mm: Floats, own: VoxelGrid) -> Indices:
    """Return the voxel (n, 3) of a grid around each point; -1 for the slice where there is none."""
    index = own.to_index(points_lps_mm)
    nearest = np.floor(index + 0.5 + _CENTRE_ROUNDING).astype(np.intp)
    if own.kind == "contours_only":
        nearest[:, 0], _ = own.nearest_planes(own.heights_of(points_lps_mm))
    return nearest


def _holds(inside: NDArray[np.bool_], offset: tuple[int, int, int], index: Indices) -> NDArray[np.bool_]:
    """Return whether a mask's box (slices, rows, columns) holds voxels (n, 3) of its grid."""
    place = index - np.array(offset)
    there = ((place >= 0) & (place < inside.shape)).all(axis=1)
    held = np.zeros(len(index), dtype=bool)
    held[there] = inside[tuple(place[there].T)]
    return held


def _box_on(mask: RegionMask, own: VoxelGrid, grid: VoxelGrid) -> tuple[list[int], list[int]] | None:
    """Return the first voxel of a grid and the one after the last that a mask's box can touch."""
    if not mask.count:
        return None
    corners = np.stack(np.meshgrid(*([-1, size] for size in mask.shape)), axis=-1).reshape(-1, 3)
    points = own.planes_to_patient((corners + np.array(mask.offset)).astype(np.float64))
    index = grid.to_index(points)
    if grid.kind == "contours_only":
        heights = grid.heights_of(points)
        index[:, 0] = np.interp(heights, grid.heights_mm, np.arange(len(grid.heights_mm)))
    low = np.maximum(np.floor(index.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)) + 2, grid.shape).astype(int)
    return None if (high <= low).any() else (low.tolist(), high.tolist())
