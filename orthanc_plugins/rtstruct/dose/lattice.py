"""Cut a placed region into small cells: how much of each it covers, whatever grid the images have.

The solid is the one that planimetry measures: every section stands for its slab. A section's box is cut into
cells of a size that suits the region, not the image, so a region of a few pixels gets as many cells as an
organ; slabs are cut into layers no thicker than a cell is wide.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.scan import crossings, ring_edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

CELLS_WANTED = 100_000
"""A region is cut into about as many cells, unless they would be wider than the caller allows."""
MOST_CELLS = 3_000_000
"""In the region's box; cells grow until it holds no more, which bounds time."""
MOST_CELLS_AT_ONCE = 200_000
"""In the sections looked at together, which bounds memory."""
MOST_CELLS_IN_PLANE = 500_000
_LINES = 4
"""Lines across a cell that its coverage is taken from; along them it is exact."""
_GROWTH = 1.25
_NOTHING = 1e-6
_SAME_MM = 1e-6


@dataclass(frozen=True, eq=False)
class Lattice:
    """Cells over the box of a region's sections.

    Parameters
    ----------
    heights_mm, slabs_mm
        Shape (levels,): where sections lie along the normal, ascending, and how thick they stand.
    level
        Shape (rings,): the level of each ring of the placed region.
    corner_px, step_px
        (column, row) of the box's first corner, and the size of a cell, in pixels of the grid.
    shape
        (rows, columns) of cells.
    cell_mm
        The side of a cell, at most.
    """

    heights_mm: Floats
    slabs_mm: Floats
    level: Indices
    corner_px: Floats
    step_px: Floats
    shape: tuple[int, int]
    cell_mm: float

    @property
    def rows_px(self) -> Floats:
        """Shape (rows,): row of the grid at the middle of each row of cells."""
        middles: Floats = self.corner_px[1] + (np.arange(self.shape[0]) + 0.5) * self.step_px[1]
        return middles

    @property
    def columns_px(self) -> Floats:
        """Shape (columns,): column of the grid at the middle of each column of cells."""
        middles: Floats = self.corner_px[0] + (np.arange(self.shape[1]) + 0.5) * self.step_px[0]
        return middles


@dataclass(frozen=True, eq=False)
class Layer:
    """Cells of some consecutive sections at one height within each slab.

    ``heights_mm`` has shape (levels,); ``share``, shape (levels, rows, columns), is how much of each cell the
    region covers, 0 to 1; a cell is ``thickness_mm`` thick and holds ``cell_mm3``.
    """

    heights_mm: Floats
    share: Floats
    thickness_mm: float
    cell_mm3: float


def cut(placed: PlacedRegion, widest_mm: float) -> Lattice:
    """Return the cells for a region, no wider than asked unless that would be too many.

    The region must enclose a volume.
    """
    heights, first, level = np.unique(placed.height_mm, return_index=True, return_inverse=True)
    slabs = placed.slab_mm[first]
    _, down, across = placed.grid.spacing_mm
    pixel = np.array((across, down))
    low, high = placed.points_px.min(axis=0), placed.points_px.max(axis=0)
    extent_mm = (high - low) * pixel
    volume = float(placed.area_mm2 @ placed.slab_mm)
    cell = min(widest_mm, (volume / CELLS_WANTED) ** (1 / 3))
    while _too_many(extent_mm, slabs, cell):
        cell *= _GROWTH
    columns, rows = (max(1, math.ceil(side / cell)) for side in extent_mm.tolist())
    step = np.maximum(extent_mm, cell / 2) / (columns, rows) / pixel
    return Lattice(heights, slabs, level.reshape(-1), low, step, (rows, columns), cell)


def _too_many(extent_mm: Floats, slabs_mm: Floats, cell: float) -> bool:
    in_plane = float(np.ceil(np.maximum(extent_mm / cell, 1)).prod())
    layers = float(np.ceil(slabs_mm / cell).sum())
    return in_plane > MOST_CELLS_IN_PLANE or in_plane * layers > max(MOST_CELLS, len(slabs_mm))


def layers(placed: PlacedRegion, lattice: Lattice) -> Iterator[Layer]:
    """Yield all cells of a region, a few sections at a time.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    _, down, across = placed.grid.spacing_mm
    area_mm2 = float(lattice.step_px.prod()) * down * across
    for begin, stop in _stretches(lattice):
        share = _covered(placed, lattice, begin, stop)
        slab = float(lattice.slabs_mm[begin])
        cuts = max(1, math.ceil(slab / lattice.cell_mm))
        thickness = slab / cuts
        for part in range(cuts):
            heights = lattice.heights_mm[begin:stop] + (part + 0.5) * thickness - slab / 2
            yield Layer(heights, share, thickness, area_mm2 * thickness)


def _stretches(lattice: Lattice) -> Iterator[tuple[int, int]]:
    """Yield ranges of consecutive sections of one thickness, no more at once than memory is meant for."""
    together = max(1, MOST_CELLS_AT_ONCE // math.prod(lattice.shape))
    turns = np.flatnonzero(np.abs(np.diff(lattice.slabs_mm)) > _SAME_MM) + 1
    for first, last in itertools.pairwise((0, *turns.tolist(), len(lattice.slabs_mm))):
        for begin in range(first, last, together):
            yield begin, min(begin + together, last)


def _covered(placed: PlacedRegion, lattice: Lattice, begin: int, stop: int) -> Floats:
    """Return the share (levels, rows, columns) of each cell that the sections cover."""
    here = (lattice.level >= begin) & (lattice.level < stop)
    placed, level = placed.chosen(here), lattice.level[here] - begin
    pairs = np.column_stack((level, placed.group))
    _, inverse, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    joined = counts[inverse.reshape(-1)] > 1
    share = _even_odd(placed.chosen(~joined), level[~joined], lattice, stop - begin)
    for pair in np.unique(inverse.reshape(-1)[joined]):
        union = np.zeros(lattice.shape)
        for ring in np.flatnonzero(inverse.reshape(-1) == pair):
            alone = placed.chosen(np.arange(len(level)) == ring)
            union = np.maximum(union, _even_odd(alone, np.zeros(1, dtype=np.intp), lattice, 1)[0])
            at = int(level[ring])
        share[at] = np.maximum(share[at], union) - np.minimum(share[at], union)
    return share


def _even_odd(placed: PlacedRegion, level: Indices, lattice: Lattice, levels: int) -> Floats:
    """Return the share (levels, rows, columns) of each cell that rings cover by the even-odd rule.

    Every crossing of a line turns the region on or off for all that lies to its right; the sum of these
    steps along the line is the coverage, exact within a cell as well.
    """
    rows, columns = lattice.shape
    points = (placed.points_px - lattice.corner_px) / lattice.step_px
    edges = ring_edges(np.column_stack((points[:, 0], points[:, 1] * _LINES - 0.5)), placed.starts)
    edge, line, x = crossings(edges, 0, rows * _LINES)
    across = level[edges.ring[edge]] * (rows * _LINES) + line
    stretch = columns + 1.0
    keys = np.sort(across * stretch + np.clip(x, 0, columns))
    across = np.floor(keys / stretch).astype(np.intp)
    x, row = keys - across * stretch, across // _LINES
    turn = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) / _LINES
    cell = np.floor(x).astype(np.intp)
    first = row * (columns + 2) + cell
    into = x - cell
    size = levels * rows * (columns + 2)
    steps = np.zeros(size)
    steps += np.bincount(first, turn * (1 - into), size)
    steps += np.bincount(first + 1, turn * into, size)
    share: Floats = np.cumsum(steps.reshape(levels, rows, columns + 2), axis=2)[:, :, :columns]
    share[share < _NOTHING] = 0  # what rounding leaves right of a region
    return share
