"""The layers a surface is made on: the planes that hold something, and what lies above and below them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.grid import BRIDGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid

EMPTY = -1
SHARP = 0.99
"""Where a flat end is drawn once more, as a share of the way to half a slab beyond its plane."""
TAPERED = 0.85
"""An end tapers where its section is smaller than this share of the one before."""


UNKNOWN = 0.5
"""How far a part rises that ends where others go on, as a share of the gap."""
_LEAST, _MOST = 0.05, 0.98


@dataclass(frozen=True, eq=False)
class Layers:
    """Layers from low to high.

    Parameters
    ----------
    planes
        Shape (n,): the plane each shows, counted from the first of the region's box; `EMPTY` shows nothing.
        The first and the last are empty.
    heights_mm
        Shape (n,): where they lie along the normal.
    peaks
        Shape (n - 1,): how far what ends in the gap above a layer rises into it, as a share of the gap; 0
        where it ends flat, half-way.
    """

    planes: NDArray[np.intp]
    heights_mm: NDArray[np.float64]
    peaks: NDArray[np.float64]


@dataclass(frozen=True)
class _Layer:
    plane: int
    height_mm: float
    peak_above: float = UNKNOWN


def slabs_of(grid: VoxelGrid) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return how far the slab of each plane (n,) reaches down and up in mm, and if it meets the next."""
    gaps = np.diff(grid.heights_mm)
    if len(gaps) == 0:
        gaps = np.array([grid.spacing_mm[0]])
    met = np.ones(len(gaps), dtype=bool)
    if grid.kind == "contours_only":
        usual = float(np.median(gaps))
        met = gaps <= BRIDGED * usual
        gaps = np.where(met, gaps, usual)
    below, above = np.concatenate((gaps[:1], gaps)), np.concatenate((gaps, gaps[-1:]))
    planes = len(grid.heights_mm)
    return below[:planes] / 2, above[-planes:] / 2, np.append(met, False)[:planes]


def layers_of(grid: VoxelGrid, first: int, areas: NDArray[np.float64]) -> Layers:
    """Return the layers of a region.

    Parameters
    ----------
    first
        The plane of the grid that is the first of the region's box.
    areas
        Shape (planes,): how much of each plane of the box the region covers, in any unit.
    """
    below, above, met = slabs_of(grid)
    layers: list[_Layer] = []
    for run in _runs(areas > 0, met[first : first + len(areas)]):
        own = areas[run]
        bottom, top = run[0] + first, run[-1] + first
        layers.extend(_end(run[0], grid.heights_mm[bottom], -below[bottom], _peak(own)))
        layers.extend(_Layer(plane, float(grid.heights_mm[first + plane])) for plane in run[:-1])
        end = _end(run[-1], grid.heights_mm[top], above[top], _peak(own[::-1]))
        layers.append(_Layer(run[-1], float(grid.heights_mm[top]), _peak(own[::-1])))
        layers.extend(end[::-1])
    planes = np.array([layer.plane for layer in layers], dtype=np.intp)
    heights = np.array([layer.height_mm for layer in layers])
    return Layers(planes, heights, np.array([layer.peak_above for layer in layers[:-1]]))


def _runs(filled: NDArray[np.bool_], met: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Yield stretches of planes that hold something and whose slabs meet."""
    run: list[int] = []
    for plane in np.flatnonzero(filled).tolist():
        if run and (plane != run[-1] + 1 or not met[run[-1]]):
            yield run
            run = []
        run.append(plane)
    if run:
        yield run


def _peak(areas: NDArray[np.float64]) -> float:
    """Return how far a stretch goes on beyond its first plane, as a share of the gap; 0 where it ends flat.

    Sections of a rounded body grow in proportion to the distance from its end, so two of them tell where it
    is. A stretch of two planes is too short to tell.
    """
    if len(areas) < 3 or areas[0] >= TAPERED * areas[1]:  # noqa: PLR2004 - see above
        return 0.0
    return float(np.clip(areas[0] / (areas[1] - areas[0]), _LEAST, _MOST))


def _end(plane: int, height_mm: float, slab_mm: float, peak: float) -> list[_Layer]:
    """Return the layers beyond the plane where a stretch ends, the outermost first.

    Half-way between the last layer that shows something and the empty one is half a slab beyond the plane. A
    flat end is shown twice, so that its rim is sharp.
    """
    if peak > 0:
        return [_Layer(EMPTY, height_mm + 2 * slab_mm, peak)]
    return [
        _Layer(EMPTY, height_mm + (2 - SHARP) * slab_mm, peak_above=0.0),
        _Layer(plane, height_mm + SHARP * slab_mm, peak_above=0.0),
    ]
