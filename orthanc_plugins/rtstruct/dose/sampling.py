"""The dose in a region: every cell looked up on the dose grid, linearly in all three directions.

Where the dose grid is parallel to the cells, whichever way its axes run, each direction is interpolated by
itself for a whole box of cells; otherwise the cells that the region covers are looked up one by one. Beyond
the dose grid nothing is known: those cells take no part.

A cell does not have one dose but a range of them, as wide as the dose changes across it. Its volume is spread
evenly over that range: else a dose that rises along an axis of the cells would come in as many steps as there
are layers of them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.dose.histogram import ON_EDGE, Histogram, bins_for, split_for
from orthanc_plugins.rtstruct.dose.lattice import cut, layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.dose.lattice import Lattice, Layer
    from orthanc_plugins.rtstruct.dose.reading import Dose
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion

type Floats = NDArray[np.float64]
type _Range = tuple[float, float]
type _Places = tuple[Floats, Floats, Floats]
FINEST_NEEDED = 0.5
"""Cells are no wider than this share of the dose grid's smallest step: between its values dose is linear."""
_PARALLEL = 0.02
"""Axes that part by less than this share of a dose voxel over the whole region count as parallel."""
_WHOLE = 1 - 1e-6
_CORE = 0.5
"""A cell covered by at least this share has its middle inside, and counts for minimum and maximum."""


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells, each array (cells,): the dose at their middle, the range it spans, their covered share."""

    doses: NDArray[np.float32]
    spans: NDArray[np.float32]
    share: Floats


_NO_CELLS = _Cells(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.float32), np.zeros(0))


@dataclass(eq=False)
class _Tally:
    """What has been counted. ``turns_mm3`` is how much the volume in a bin differs from the one before.

    ``core`` is the range of cells with their middle inside, ``all`` that of every cell.
    """

    bin_width: float
    split: int
    highest: float
    turns_mm3: Floats
    whole_mm3: float = 0.0
    dose_mm3: float = 0.0
    all: _Range = (np.inf, -np.inf)
    core: _Range = (np.inf, -np.inf)

    def add(self, cells: _Cells, cell_mm3: float) -> None:
        """Count cells of one size."""
        if not len(cells.doses):
            return
        half = cells.spans / 2
        most = np.float32(self.highest)
        low = np.minimum(np.maximum(cells.doses - half, np.float32(0)), most)
        high = np.minimum(cells.doses + half, most)
        first, last = self._bins(low), self._bins(high) + 1
        each = cells.share / (last - first)
        count = len(self.turns_mm3)
        self.turns_mm3 += cell_mm3 * np.bincount(first, each, count)
        self.turns_mm3 -= cell_mm3 * np.bincount(last, each, count)
        self.dose_mm3 += float((cells.doses * cells.share).sum()) * cell_mm3
        self.all = _wider(self.all, cells.doses, cells.doses)
        core, full = cells.share >= _CORE, cells.share > _WHOLE
        self.core = _wider(self.core, cells.doses[core], cells.doses[core])
        self.core = _wider(self.core, low[full], high[full])

    def _bins(self, doses: NDArray[np.float32]) -> NDArray[np.intp]:
        bins: NDArray[np.intp] = (doses * np.float32(1 / self.bin_width) + np.float32(ON_EDGE)).astype(
            np.intp
        )
        return bins

    def histogram(self, volume_ml: float) -> Histogram | None:
        """Return the histogram, scaled so that the whole region holds a volume; None where all is outside."""
        volumes = np.maximum(np.cumsum(self.turns_mm3)[:-1], 0)
        inside = float(volumes.sum())
        if not inside > 0:
            return None
        low, high = self.core if self.core[0] <= self.core[1] else self.all
        mean = min(max(self.dose_mm3 / inside, low), high)
        share = min(inside / self.whole_mm3, 1.0)
        return Histogram(self.bin_width, volumes * (share * volume_ml / inside), low, high, mean, self.split)


def _wider(known: _Range, lows: NDArray[np.float32], highs: NDArray[np.float32]) -> _Range:
    if not len(lows):
        return known
    return min(known[0], float(lows.min())), max(known[1], float(highs.max()))


def sample(placed: PlacedRegion, volume_ml: float, dose: Dose) -> tuple[Histogram | None, float]:
    """Return the histogram of the dose in a region, and the side of the cells it is made of, in mm.

    Parameters
    ----------
    volume_ml
        What the whole region holds, inside the dose grid and outside; the histogram holds the part inside,
        and is None where there is none.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    lattice = cut(placed, FINEST_NEEDED * min(dose.placement.spacing_mm))
    view = _View.of(placed.grid, lattice, dose)
    highest = view.highest()
    width, _ = bins_for(dose.maximum, dose.unit)
    split = split_for(width, highest)
    count = math.floor(highest / width * split + ON_EDGE) + 2
    tally = _Tally(width / split, split, highest, np.zeros(count + 1))
    for layer in layers(placed, lattice):
        tally.whole_mm3 += float(layer.share.sum()) * layer.cell_mm3
        tally.add(view.doses(layer), layer.cell_mm3)
    return tally.histogram(volume_ml), lattice.cell_mm


@dataclass(frozen=True, eq=False)
class _View:
    """A dose grid as seen from a region's cells.

    ``along`` (3, 3) and ``origin`` (3,) take slice, row and column of the region's grid to height in mm, row
    and column of the dose's. ``axis`` names the dose's axis along each of the grid's, None where they are not
    parallel.
    """

    grid: VoxelGrid
    lattice: Lattice
    dose: Dose
    along: Floats
    origin: Floats
    axis: tuple[int, int, int] | None

    @classmethod
    def of(cls, grid: VoxelGrid, lattice: Lattice, dose: Dose) -> _View:
        ends = dose.placement.to_grid(grid.to_patient(np.vstack((np.zeros(3), np.eye(3)))))
        along = ends[1:] - ends[0]
        extent = np.array(
            (
                np.ptp(lattice.heights_mm) / grid.spacing_mm[0] + 1,
                lattice.step_px[1] * lattice.shape[0],
                lattice.step_px[0] * lattice.shape[1],
            )
        )
        voxels = np.abs(along) * extent[:, None] / (dose.placement.spacing_mm[0], 1, 1)
        main = voxels.argmax(axis=1)
        aside = voxels.copy()
        aside[np.arange(3), main] = 0
        parallel = len(set(main.tolist())) == 3 and float(aside.max()) < _PARALLEL  # noqa: PLR2004 - axes
        a, b, c = main.tolist()
        return cls(grid, lattice, dose, along, ends[0], (a, b, c) if parallel else None)

    def highest(self) -> float:
        """Return a dose that no cell exceeds: the largest one around the region's box."""
        lattice, placement = self.lattice, self.dose.placement
        foot = float(self.grid.origin_lps_mm @ self.grid.normal)
        reach = np.stack(
            (lattice.heights_mm - lattice.slabs_mm / 2, lattice.heights_mm + lattice.slabs_mm / 2)
        )
        rows, columns = lattice.shape
        ends = (
            (
                (float(reach.min()) - foot) / self.grid.spacing_mm[0],
                (float(reach.max()) - foot) / self.grid.spacing_mm[0],
            ),
            (lattice.corner_px[1], lattice.corner_px[1] + rows * lattice.step_px[1]),
            (lattice.corner_px[0], lattice.corner_px[0] + columns * lattice.step_px[0]),
        )
        corners = np.array(list(itertools.product(*ends))) @ self.along + self.origin
        corners[:, 0] = np.interp(corners[:, 0], placement.heights_mm, np.arange(placement.shape[0]))
        last = np.array(placement.shape) - 1
        low = np.clip(np.floor(corners.min(axis=0)), 0, last).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)), 0, last).astype(int) + 1
        around = self.dose.stored[
            tuple(slice(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True))
        ]
        return float(np.float32(around.max()) * np.float32(self.dose.scaling))

    def doses(self, layer: Layer) -> _Cells:
        """Return the cells that the region covers and that lie inside the dose grid."""
        height = layer.heights_mm - float(self.grid.origin_lps_mm @ self.grid.normal)
        at = (height / self.grid.spacing_mm[0], self.lattice.rows_px, self.lattice.columns_px)
        sides = np.array((layer.thickness_mm / self.grid.spacing_mm[0], *self.lattice.step_px[::-1]))
        across = sides[:, None] * self.along / (self.dose.placement.spacing_mm[0], 1, 1)
        if self.axis is not None:
            return self._boxwise(layer.share, at, across, self.axis)
        return self._cellwise(layer.share, at, across)

    def _boxwise(self, share: Floats, at: _Places, across: Floats, axis: tuple[int, int, int]) -> _Cells:
        """Interpolate direction by direction."""
        middle = np.array([float(places.mean()) for places in at])
        places = []
        for own, (other, line) in enumerate(zip(axis, at, strict=True)):
            here = self.origin[other] + middle @ self.along[:, other]
            places.append(self._voxels(here + (line - middle[own]) * self.along[own, other], other))
        known = [np.flatnonzero(~np.isnan(line)) for line in places]
        if not all(len(line) for line in known):
            return _NO_CELLS
        if any(len(line) < size for line, size in zip(known, share.shape, strict=True)):
            share = share[np.ix_(*known)]
        places = [line[there] for line, there in zip(places, known, strict=True)]
        first = [int(line.min()) for line in places]
        needed = tuple(slice(low, int(line.max()) + 2) for low, line in zip(first, places, strict=True))
        doses = self.dose.stored.transpose(axis)[needed] * np.float32(self.dose.scaling)
        spans = _spans(doses, across[:, axis])
        for own, (low, line) in enumerate(zip(first, places, strict=True)):
            doses = _interpolated(doses, own, line - low)
            spans = spans.take(np.rint(line - low).astype(np.intp), own)
        covered = np.flatnonzero(share)
        return _Cells(doses.reshape(-1)[covered], spans.reshape(-1)[covered], share.reshape(-1)[covered])

    def _cellwise(self, share: Floats, at: _Places, across: Floats) -> _Cells:
        """Look every covered cell up by itself."""
        from scipy.ndimage import map_coordinates  # noqa: PLC0415 - scipy takes 0.1 s, needed by few

        k, j, i = np.nonzero(share)
        voxels = np.empty((3, len(k)))
        for axis in range(3):
            lines = [line * self.along[own, axis] for own, line in enumerate(at)]
            voxels[axis] = self._voxels(lines[0][k] + lines[1][j] + lines[2][i] + self.origin[axis], axis)
        known = ~np.isnan(voxels).any(axis=0)
        if not known.any():
            return _NO_CELLS
        voxels = voxels[:, known]
        low, high = np.floor(voxels.min(axis=1)).astype(int), np.ceil(voxels.max(axis=1)).astype(int) + 1
        needed = tuple(slice(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True))
        doses = self.dose.stored[needed] * np.float32(self.dose.scaling)
        voxels -= low[:, None]
        nearest = np.rint(voxels).astype(np.intp)
        spans = _spans(doses, across)[nearest[0], nearest[1], nearest[2]]
        found = map_coordinates(doses, voxels, order=1, mode="nearest")
        return _Cells(found, spans, share[k, j, i][known])

    def _voxels(self, places: Floats, axis: int) -> Floats:
        """Return frames, rows or columns of places along one of the dose's axes; NaN beyond its grid."""
        placement = self.dose.placement
        if axis == 0:
            return placement.frames_at(places)
        return placement.lines_at(places, placement.shape[axis])


def _spans(doses: NDArray[np.float32], across: Floats) -> NDArray[np.float32]:
    """Return how far the dose changes across a cell at every voxel of a box.

    ``across`` (3, 3) holds a cell's sides as rows, in voxels of the box. Where the dose changes along one
    side the change is spread evenly; along several, the range is that of an even spread of the same variance.
    """
    changes = [
        np.gradient(doses, axis=axis) if doses.shape[axis] > 1 else np.zeros_like(doses) for axis in range(3)
    ]
    squares = np.zeros_like(doses)
    for side in across.astype(np.float32):
        change = sum((part * change for part, change in zip(side, changes, strict=True)), np.float32(0))
        squares += change * change
    spans: NDArray[np.float32] = np.sqrt(squares)
    return spans


def _interpolated(box: NDArray[np.float32], axis: int, places: Floats) -> NDArray[np.float32]:
    """Return values (…, n, …) at places (n,), in voxels, along one axis."""
    below = places.astype(np.intp)
    wide = [1, 1, 1]
    wide[axis] = len(places)
    share = (places - below).astype(np.float32).reshape(wide)
    low = box.take(below, axis)
    high: NDArray[np.float32] = box.take(np.minimum(below + 1, box.shape[axis] - 1), axis)
    high -= low
    high *= share
    high += low
    return high
