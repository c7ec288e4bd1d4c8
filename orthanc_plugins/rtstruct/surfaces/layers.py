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
"""An end tapers where its section is smaller than this share of the one before, or foretells its end."""


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


def layers_of(
    grid: VoxelGrid, first: int, areas: NDArray[np.float64], thickness: NDArray[np.float64]
) -> Layers:
    """Return the layers of a region.

    Parameters
    ----------
    first
        The plane of the grid that is the first of the region's box.
    areas, thickness
        Shape (planes,): how much of each plane of the box the region covers, and how thick its section is, in
        any unit.
    """
    below, above, met = slabs_of(grid)
    heights_mm = grid.heights_mm[first : first + len(areas)]
    layers: list[_Layer] = []
    for run in _runs(areas > 0, met[first : first + len(areas)]):
        low, high = (_peak(areas[end], heights_mm[end], thickness[end]) for end in (run[:3], run[:-4:-1]))
        bottom, top = run[0] + first, run[-1] + first
        layers.extend(_end(run[0], grid.heights_mm[bottom], -below[bottom], low))
        layers.extend(_Layer(plane, float(grid.heights_mm[first + plane])) for plane in run[:-1])
        layers.append(_Layer(run[-1], float(grid.heights_mm[top]), high))
        layers.extend(_end(run[-1], grid.heights_mm[top], above[top], high)[::-1])
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


def _peak(
    areas: NDArray[np.float64], heights_mm: NDArray[np.float64], thickness: NDArray[np.float64]
) -> float:
    """Return how far a stretch goes on beyond its last plane, as a share of the gap; 0 where it ends flat.

    The square of the thickness is a parabola over the height in a ball, an ellipsoid, a ring and a lying rod
    alike, so the last three sections, the outermost first, tell where it comes to nothing. A stretch of two
    planes is too short to tell.
    """
    if len(areas) < 3:  # noqa: PLR2004 - see above
        return 0.0
    tapers = areas[0] < TAPERED * areas[1]
    squares = thickness**2
    near, far = np.abs(heights_mm[1:] - heights_mm[0])
    first = (squares[1] - squares[0]) / near
    bend = ((squares[2] - squares[1]) / (far - near) - first) / far
    slope = first - bend * near
    if slope <= 0:
        return _MOST if tapers else 0.0
    distance = 2 * squares[0] / (slope + np.sqrt(max(slope**2 - 4 * bend * squares[0], 0.0)))
    if not tapers and distance > near:
        return 0.0
    return float(np.clip(distance / near, _LEAST, _MOST))


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
