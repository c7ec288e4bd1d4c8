"""Fill placed regions: masks of whole voxels, and coverage fields for smooth surfaces.

The rule of what is inside: a voxel belongs to a region when its centre does, with half-open edges. A centre
on the left or upper border is inside, on the right or lower border outside; so two regions that share a
border never both hold a voxel of it and never both miss one. Work stays in the region's own box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE
from orthanc_plugins.rtstruct.geometry.scan import crossings, ring_edges
from orthanc_plugins.rtstruct.geometry.sections import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.scan import Floats, Indices

type Box = tuple[int, int, int]

SUB_ROWS = 4
FULL = 240
"""Coverage of a voxel that lies wholly inside; `SUB_ROWS` lines add a quarter of it each."""
_LINE_FULL = FULL // SUB_ROWS


@dataclass(frozen=True, eq=False, repr=False)
class RegionMask(Brief):
    """The voxels of a region, as runs inside its own box.

    Parameters
    ----------
    offset
        (k, j, i) of the box's first voxel on the grid.
    shape
        (slices, rows, columns) of the box.
    starts, stops
        Shape (runs,): half-open ranges of flat C-order indices inside the box, ascending.
    """

    offset: Box
    shape: Box
    starts: Indices
    stops: Indices

    @cached_property
    def count(self) -> int:
        """How many voxels the region holds."""
        return int((self.stops - self.starts).sum())

    @property
    def voxels(self) -> NDArray[np.bool_]:
        """The box (slices, rows, columns), True inside; made anew at each call."""
        return self.part(0, self.shape[0])

    def part(self, first: int, stop: int) -> NDArray[np.bool_]:
        """Return slices first to stop of the box (stop - first, rows, columns), True inside."""
        _, rows, columns = self.shape
        begin, end = first * rows * columns, stop * rows * columns
        runs = slice(*np.searchsorted(self.starts, (begin, end)))
        shape = (stop - first, rows, columns)
        return filled(self.starts[runs] - begin, self.stops[runs] - begin, shape, 1).view(bool)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The place of the box in an array of the grid's shape."""
        return box_slices(self.offset, self.shape)

    def on_grid(self, shape: Box) -> NDArray[np.bool_]:
        """Return the mask on the whole grid, (slices, rows, columns)."""
        mask = np.zeros(shape, dtype=bool)
        mask[self.slices] = self.voxels
        return mask


def box_slices(offset: Box, shape: Box) -> tuple[slice, slice, slice]:
    """Return the place of a box in an array of the grid's shape.

    >>> box_slices((2, 0, 5), (1, 3, 4))
    (slice(2, 3, None), slice(0, 3, None), slice(5, 9, None))
    """
    k, j, i = (slice(low, low + size) for low, size in zip(offset, shape, strict=True))
    return (k, j, i)


def filled(starts: Indices, stops: Indices, shape: tuple[int, ...], value: int) -> NDArray[np.uint8]:
    """Return an array of a shape that holds the value in the given flat ranges and zero elsewhere."""
    size = int(np.prod(shape))
    bounds = np.empty(2 * len(starts) + 2, dtype=np.intp)
    bounds[0], bounds[-1] = 0, size
    bounds[1:-1:2], bounds[2:-1:2] = starts, stops
    pattern = np.zeros(len(bounds) - 1, dtype=np.uint8)
    pattern[1::2] = value
    flat: NDArray[np.uint8] = np.repeat(pattern, np.diff(bounds))
    return flat.reshape(shape)


def mask_from_voxels(voxels: NDArray[np.bool_], offset: Box) -> RegionMask:
    """Return the runs of a box (slices, rows, columns) of voxels."""
    rows = voxels.reshape(-1, voxels.shape[2])
    edges = np.zeros((rows.shape[0], rows.shape[1] + 2), dtype=np.int8)
    edges[:, 1:-1] = rows
    line, column = np.nonzero(np.diff(edges, axis=1))
    flat = line * rows.shape[1] + column
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return RegionMask(offset, shape, flat[::2], flat[1::2])


def rasterise(placed: PlacedRegion) -> RegionMask:
    """Return the voxels of a region on the grid it was placed on; empty when no centre lies inside.

    Returns
    -------
    mask
        Runs inside the region's own box: ``voxels`` is the box as bool (slices, rows, columns), ``slices``
        its place on the grid, ``on_grid`` the whole volume.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    on_planes = placed.chosen(placed.plane != NO_PLANE)
    box = _box(on_planes, 0.0)
    if box is None:
        return RegionMask((0, 0, 0), (0, 0, 0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    offset, shape = box
    mask = _runs(on_planes, offset, shape)
    if placed.grid.is_identity:
        return mask
    plane_of_slice = placed.grid.plane_of_slice
    low, high = np.searchsorted(plane_of_slice, (offset[0], offset[0] + shape[0]))
    return _on_slices(mask, plane_of_slice[low:high] - offset[0], int(low))


def _on_slices(mask: RegionMask, planes: Indices, first: int) -> RegionMask:
    """Return the mask of slices, the first of them given, that each show one of a mask's planes (slices,)."""
    size = mask.shape[1] * mask.shape[2]
    begins, ends = (np.searchsorted(mask.starts, bound * size) for bound in (planes, planes + 1))
    counts = ends - begins
    on_slice = np.repeat(np.arange(len(planes)), counts)
    run = np.arange(len(on_slice)) - np.repeat(np.cumsum(counts) - counts, counts) + begins[on_slice]
    moved = (on_slice - planes[on_slice]) * size
    shape = (len(planes), *mask.shape[1:])
    return RegionMask((first, *mask.offset[1:]), shape, mask.starts[run] + moved, mask.stops[run] + moved)


def _box(placed: PlacedRegion, margin: float) -> tuple[Box, Box] | None:
    """Return offset and shape (planes, rows, columns) of the voxels that rings can touch on the grid."""
    if not len(placed.plane):
        return None
    _, rows, columns = placed.grid.shape
    low = np.ceil(placed.points_px.min(axis=0) - margin).astype(int)
    high = np.ceil(placed.points_px.max(axis=0) + margin).astype(int)
    first, last = int(placed.plane.min()), int(placed.plane.max())
    i0, j0 = max(int(low[0]), 0), max(int(low[1]), 0)
    i1, j1 = min(int(high[0]), columns), min(int(high[1]), rows)
    if i1 <= i0 or j1 <= j0:
        return None
    return (first, j0, i0), (last - first + 1, j1 - j0, i1 - i0)


def _joined_rings(placed: PlacedRegion) -> NDArray[np.bool_]:
    """Return which rings share their plane and group with another one."""
    pairs = np.column_stack((placed.plane, placed.group))
    _, inverse, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    joined: NDArray[np.bool_] = counts[inverse.reshape(-1)] > 1
    return joined


def _runs(placed: PlacedRegion, offset: Box, shape: Box) -> RegionMask:
    """Return what all rings fill together, by sorting where their outlines cross the pixel rows."""
    meetings = _meetings(placed, placed.points_px, offset[0], (offset[1], offset[1] + shape[1]))
    column = np.clip(np.ceil(meetings.x) - offset[2], 0, shape[2]).astype(np.intp)
    keys = np.sort((meetings.plane * shape[1] + meetings.line) * (shape[2] + 1) + column)
    flat = keys - keys // (shape[2] + 1)
    starts, stops = flat[::2], flat[1::2]
    some = stops > starts
    return RegionMask(offset, shape, starts[some], stops[some])


@dataclass(frozen=True, eq=False)
class _Meetings:
    """Where the outline of a region meets lines, in any order; arrays of shape (meetings,).

    Ordered along each line, every other meeting is where the region begins. Planes and lines count from 0.
    """

    plane: Indices
    line: Indices
    x: Floats


def _meetings(placed: PlacedRegion, points: Floats, first_plane: int, lines: tuple[int, int]) -> _Meetings:
    """Return where the lines y = lines[0] … below lines[1] meet the outline of what rings are together.

    Rings that are joined are so on their own lines: no volume of a ring is made.
    """
    joined = _joined_rings(placed)
    edges, plane = ring_edges(points, placed.starts), placed.plane - first_plane
    if not joined.any():
        edge, line, x = crossings(edges, *lines)
        return _Meetings(plane[edges.ring[edge]], line - lines[0], x)
    of_joined = joined[edges.ring]
    edge, line, x = crossings(edges.chosen(~of_joined), *lines)
    union = stretches(edges.chosen(of_joined), plane, placed.group, *lines)
    return _Meetings(
        np.concatenate((plane[edges.ring[~of_joined][edge]], np.tile(union.level, 2))),
        np.concatenate((line, np.tile(union.line, 2))) - lines[0],
        np.concatenate((x, union.left, union.right)),
    )


def coverage(placed: PlacedRegion, scale: float = 1.0) -> tuple[NDArray[np.uint8], Box] | None:
    """Return how much of each pixel the region covers on the planes it is drawn on, in the region's own box.

    Parameters
    ----------
    placed
        As `place` gives it.
    scale
        Into how many cells a pixel's side is divided; below 1 pixels are joined.

    Returns
    -------
    field
        Shape (planes, rows, columns), uint8: 0 outside to `FULL` wholly inside; exact along the rows, of four
        lines across them. The first axis counts planes of the grid (``grid.heights_mm``), not slices.
    offset
        (plane, row, column) of the box's first cell; rows and columns in cells of the size asked for.

    None takes the place of both when the region lies outside the grid.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    on_planes = _scaled(placed.chosen(placed.plane != NO_PLANE), scale)
    box = _box(on_planes, 1.0)
    if box is None:
        return None
    offset, shape = box
    return _field(on_planes, offset, shape), offset


def _scaled(placed: PlacedRegion, scale: float) -> PlacedRegion:
    """Return a region on a grid of the same corner whose pixels are smaller by a factor."""
    if scale == 1:
        return placed
    slices, rows, columns = placed.grid.shape
    shape = (slices, math.ceil(rows * scale), math.ceil(columns * scale))
    points_px = (placed.points_px + 0.5) * scale - 0.5
    return replace(placed, points_px=points_px, grid=replace(placed.grid, shape=shape))


def _field(placed: PlacedRegion, offset: Box, shape: Box) -> NDArray[np.uint8]:
    """Return how much of each pixel rings cover together on a box of planes, rows and columns."""
    field = np.zeros(shape, dtype=np.uint8)
    scaled = placed.points_px * (1, SUB_ROWS) + (0.5 - offset[2], (SUB_ROWS - 1) / 2 - offset[1] * SUB_ROWS)
    lines, plane, x = _in_order(_meetings(placed, scaled, offset[0], (0, shape[1] * SUB_ROWS)), shape)
    for part in range(SUB_ROWS):
        here = lines % SUB_ROWS == part
        _add_line(field, plane[here] * shape[1] + lines[here] // SUB_ROWS, x[here])
    return field


def _in_order(meetings: _Meetings, shape: Box) -> tuple[Indices, Indices, Floats]:
    """Return sub-row, plane and column of every meeting, ordered so that pairs are stretches inside."""
    x = np.clip(meetings.x, 0, shape[2])
    stretch = shape[2] + 1.0
    keys = np.sort((meetings.plane * (shape[1] * SUB_ROWS) + meetings.line) * stretch + x)
    lines = np.floor(keys / stretch).astype(np.intp)
    return lines % (shape[1] * SUB_ROWS), lines // (shape[1] * SUB_ROWS), keys - lines * stretch


def _add_line(field: NDArray[np.uint8], row: Indices, x: Floats) -> None:
    """Add one sub-row's share to the field.

    Stretches run from ``x[0::2]`` to ``x[1::2]``; pixel c spans c to c + 1.
    """
    width = field.shape[2]
    left, right, row = x[::2], x[1::2], row[::2]
    first, last = np.floor(left).astype(np.intp), np.floor(right).astype(np.intp)
    within = first == last
    whole_from, whole_to = row * width + first + 1, row * width + last
    some = whole_to > whole_from
    field += filled(whole_from[some], whole_to[some], field.shape, _LINE_FULL)
    head = np.where(within, right - left, first + 1 - left)
    tail = right - last
    cell = np.concatenate((row * width + first, (row * width + last)[~within]))
    share = np.concatenate((head, tail[~within]))
    order = np.argsort(cell, kind="stable")
    cell, share = cell[order], share[order]
    # Summed up before they are rounded: hundreds of slivers in one pixel are no more than it holds.
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    cell, together = cell[begins], np.add.reduceat(share, begins) if len(begins) else share
    inside = cell < field.size
    field.reshape(-1)[cell[inside]] += np.rint(together[inside] * _LINE_FULL).astype(np.uint8)
