"""Partial volume: which share of each voxel a region fills, as 8-bit fractions.

Where a plane's rings lie apart or inside one another, the share of a pixel is the exact area of polygon and
pixel, so the only error is that of eight bits, half of 1/255. Where rings cross themselves or overlap in
part, the plane is cut by `SUB_ROWS` lines a row instead: exact along the row, and across it off by no more
than ``1 / (2 SUB_ROWS)`` for each border that runs through the pixel. A loop smaller than a pixel, of a ring
that crosses itself nowhere else, may be missed.

Across the planes nothing is partial: a section fills the slice it is drawn on, as planimetry has it, and how
the region ends between two slices is not modelled. Neighbours that share a border sum up to one, within the
rounding of each to 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE
from orthanc_plugins.rtstruct.geometry.raster import box_slices
from orthanc_plugins.rtstruct.geometry.scan import MOST_CROSSINGS, next_points, ring_edges
from orthanc_plugins.rtstruct.geometry.sections import misleading, stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import Box
    from orthanc_plugins.rtstruct.geometry.scan import Floats, Indices

WHOLE = 255
"""The fraction of a voxel that lies wholly inside."""
SUB_ROWS = 16
"""Lines a row where areas of rings do not simply add up."""
_PIXELS_AT_ONCE = 2_000_000
_VISIBLE = 0.5 / WHOLE
"""A plane whose areas come out below nothing or above a whole by more than this crosses itself."""


@dataclass(frozen=True, eq=False, repr=False)
class PartialMask(Brief):
    """How much of each voxel a region fills, inside its own box.

    ``offset`` is (k, j, i) of the box's first voxel on the grid; ``fractions`` (slices, rows, columns) is
    uint8, 0 outside to `WHOLE` inside.
    """

    offset: Box
    fractions: NDArray[np.uint8]

    def volume_ml(self, grid: VoxelGrid) -> float:
        """Return the volume in millilitres: the sum of all fractions."""
        return float(self.fractions.sum(dtype=np.int64)) / WHOLE * grid.voxel_ml

    def on_grid(self, shape: Box) -> NDArray[np.uint8]:
        """Return the fractions on the whole grid, (slices, rows, columns)."""
        slices, rows, columns = self.fractions.shape
        volume = np.zeros(shape, dtype=np.uint8)
        volume[box_slices(self.offset, (slices, rows, columns))] = self.fractions
        return volume


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Parts of sides, each inside one pixel: arrays of shape (pieces,).

    ``height`` is how much of the row the side spans, negative where the region ends there; ``place`` is how
    far across the pixel it runs, 0 to 1. ``pixel`` counts along rows that are one pixel longer than the box.
    """

    pixel: Indices
    height: Floats
    place: Floats

    def areas(self, shape: Box) -> Floats:
        """Return the area (planes, rows, columns) of every pixel inside, 1 for a whole one."""
        planes, rows, columns = shape
        size = planes * rows * (columns + 1)
        sums = np.bincount(self.pixel, self.height * (1 - self.place), size + 1)
        sums += np.bincount(self.pixel + 1, self.height * self.place, size + 1)
        areas: Floats = np.cumsum(sums[:-1].reshape(planes, rows, columns + 1), axis=2)[:, :, :-1]
        return areas


def fractions(placed: PlacedRegion) -> PartialMask | None:
    """Return how much of each voxel a region fills; None when it lies outside the grid.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    on_planes = placed.chosen(placed.plane != NO_PLANE)
    found = _box(on_planes)
    if found is None:
        return None
    offset, shape = found
    _refuse_entangled(on_planes, shape)
    odd = np.unique(on_planes.plane[misleading(on_planes)]) - offset[0]
    values = np.zeros(shape, dtype=np.uint8)
    for begin, stop in _portions(shape):
        some = on_planes.chosen((on_planes.plane >= begin + offset[0]) & (on_planes.plane < stop + offset[0]))
        if not len(some.plane):
            continue
        areas = _areas(some, (offset[0] + begin, *offset[1:]), (stop - begin, *shape[1:]), odd - begin)
        values[begin:stop] = np.rint(areas * WHOLE)
    grid = placed.grid
    if grid.is_identity:
        return PartialMask(offset, values)
    low, high = np.searchsorted(grid.plane_of_slice, (offset[0], offset[0] + shape[0]))
    return PartialMask((int(low), *offset[1:]), values[grid.plane_of_slice[low:high] - offset[0]])


def _box(placed: PlacedRegion) -> tuple[Box, Box] | None:
    """Return offset and shape (planes, rows, columns) of the voxels that rings touch on the grid."""
    if not len(placed.plane):
        return None
    limit = np.array(placed.grid.shape[:0:-1])
    low = np.clip(np.floor(placed.points_px.min(axis=0) + 0.5), 0, limit).astype(int)
    high = np.clip(np.ceil(placed.points_px.max(axis=0) + 0.5), 0, limit).astype(int)
    (i, j), (columns, rows) = low.tolist(), (high - low).tolist()
    if columns <= 0 or rows <= 0:
        return None
    first, last = int(placed.plane.min()), int(placed.plane.max())
    return (first, j, i), (last - first + 1, rows, columns)


def _portions(shape: Box) -> Iterator[tuple[int, int]]:
    """Yield ranges of planes that are worked on at a time, so that memory stays near the box's own."""
    planes = max(_PIXELS_AT_ONCE // (shape[1] * shape[2]), 1)
    for begin in range(0, shape[0], planes):
        yield begin, min(begin + planes, shape[0])


def _refuse_entangled(placed: PlacedRegion, shape: Box) -> None:
    """Raise where sides run through more pixels than any real region's."""
    following = next_points(placed.starts)
    spans = np.abs(placed.points_px[following] - placed.points_px)
    pieces = float(np.minimum(spans, (shape[2] + 2, shape[1] + 2)).sum()) + 2 * len(spans)
    if pieces > MOST_CROSSINGS:
        raise GeometryError(f"The contours are too entangled: their sides run through {pieces:.0f} pixels.")


def _areas(placed: PlacedRegion, offset: Box, shape: Box, odd: Indices) -> Floats:
    """Return the area (planes, rows, columns) of pixels inside, ``odd`` planes and crossing ones by lines."""
    plane = placed.plane - offset[0]
    points = placed.points_px + np.array((0.5 - offset[2], 0.5 - offset[1]))
    areas = _side_pieces(placed, points, plane, shape).areas(shape)
    wrong = (areas.min(axis=(1, 2)) < -_VISIBLE) | (areas.max(axis=(1, 2)) > 1 + _VISIBLE)
    wrong[odd[(odd >= 0) & (odd < shape[0])]] = True
    for one in np.flatnonzero(wrong).tolist():
        rings = plane == one
        own = points[np.repeat(rings, np.diff(placed.starts))]
        areas[one] = _line_pieces(placed.chosen(rings), own, shape).areas((1, *shape[1:]))[0]
    return np.clip(areas, 0, 1, out=areas)


def _line_pieces(placed: PlacedRegion, points: Floats, shape: Box) -> _Pieces:
    """Return upright sides, one sub-row high, at both ends of every stretch inside on one plane."""
    edges = ring_edges(points * (1, SUB_ROWS) - (0, 0.5), placed.starts)
    level = np.zeros(len(placed.plane), dtype=np.intp)
    found = stretches(edges, level, placed.group, 0, shape[1] * SUB_ROWS)
    x = np.clip(np.concatenate((found.left, found.right)), 0, shape[2])
    row = np.tile(found.line // SUB_ROWS, 2)
    height = np.repeat((1 / SUB_ROWS, -1 / SUB_ROWS), len(found.line))
    column = np.floor(x).astype(np.intp)
    return _Pieces(row * (shape[2] + 1) + column, height, x - column)


def _side_pieces(placed: PlacedRegion, points: Floats, plane: Indices, shape: Box) -> _Pieces:
    """Return the sides of rings cut at the borders of rows and columns; holes count the other way round.

    Each side is cut from its lower to its higher end, so that neighbours cut a shared one alike.
    """
    following = next_points(placed.starts)
    ring = np.repeat(np.arange(len(plane)), np.diff(placed.starts))
    x, y = points.T
    turned = np.add.reduceat(x * y[following] - x[following] * y, placed.starts[:-1])
    sign = np.where(y[following] < y, 1.0, -1.0) * (np.sign(turned) * np.sign(placed.area_mm2))[ring]
    edges = ring_edges(points, placed.starts)
    sign = sign[y[following] != y]
    low = np.clip(np.floor(edges.y0), 0, shape[1]).astype(np.intp)
    high = np.clip(np.ceil(edges.y1), 0, shape[1]).astype(np.intp)
    side, row = _counted(low, high)
    y0, y1 = edges.y0[side], edges.y1[side]
    below, above = np.maximum(y0, row), np.minimum(y1, row + 1)
    x0, slope = edges.x0[side], ((edges.x1 - edges.x0) / (edges.y1 - edges.y0))[side]
    start, stop = x0 + (below - y0) * slope, x0 + (above - y0) * slope
    left, right = np.minimum(start, stop), np.maximum(start, stop)
    line = plane[edges.ring[side]] * shape[1] + row
    return _column_pieces(line, sign[side] * (above - below), left, right, shape[2])


def _column_pieces(line: Indices, height: Floats, left: Floats, right: Floats, columns: int) -> _Pieces:
    """Return parts of sides, each inside one row, cut at the borders of columns.

    What lies left of the box counts at its left border, and what lies right of it in one column more.
    """
    first = np.clip(np.floor(left), -1, columns).astype(np.intp)
    last = np.clip(np.ceil(right) - 1, first, columns).astype(np.intp)
    side, column = _counted(first, last + 1)
    left, right = left[side], right[side]
    begin = np.maximum(left, np.where(column < 0, -np.inf, column))
    end = np.minimum(right, np.where(column == columns, np.inf, column + 1))
    width = right - left
    share = np.where(width > 0, (end - begin) / np.where(width > 0, width, 1), 1)
    inside = (column >= 0) & (column < columns)
    place = np.where(inside, np.clip((begin + end) / 2 - column, 0, 1), 0)
    return _Pieces(line[side] * (columns + 1) + np.maximum(column, 0), height[side] * share, place)


def _counted(low: Indices, high: Indices) -> tuple[Indices, Indices]:
    """Return the number of each range and its members low, low + 1, … below high, range after range."""
    counts = np.maximum(high - low, 0)
    which = np.repeat(np.arange(len(counts)), counts)
    member = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + low[which]
    return which, member
