"""Heights that belong to one plane: those of parts drawn a little apart, and not those drawn finer.

Parts of a region, or regions of a set, may lie a tenth of a millimetre to a third of a gap beside each other
along the normal: they are on one plane. Where a region is drawn finer than the images, such heights are
planes of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.grid import (
    BRIDGED,
    HOLE,
    JITTER_MM,
    SAME_PLANE,
    THICKEST_MM,
    thinned,
    usual_gap,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placed import PlacedRegion

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

_FEWEST_GAPS = 3
"""Fewer gaps than this do not tell a rhythm."""
_MOST_COMPARED = 32
_SAME_SLAB = 1e-6
_ROUNDING = 1e-6


def levels_of(placed: PlacedRegion) -> tuple[Floats, Indices]:
    """Return the distinct heights (levels,) a region is drawn at, and each ring's level (rings,).

    Heights are one level where they follow one another closer than 0.3 of a gap and reach no farther than
    that in all. Longer chains are drawn finer. A few chains could be either: they are one level each where
    their rings lie beside one another.
    """
    order = np.argsort(placed.height_mm, kind="stable")
    ordered = placed.height_mm[order]
    tolerance = SAME_PLANE * _gap(placed.grid, ordered) + _ROUNDING
    begins = np.concatenate(((0,), np.flatnonzero(np.diff(ordered) > tolerance) + 1))
    ends = np.append(begins[1:], len(ordered))
    in_rhythm = len(begins) >= _FEWEST_GAPS and (
        np.median(np.diff(ordered[begins])) <= BRIDGED / SAME_PLANE * tolerance
    )
    spreads = ordered[ends - 1] - ordered[begins]
    doubtful = np.flatnonzero((spreads > JITTER_MM) & ((spreads > tolerance) | (not in_rhythm)))
    bottoms = ordered[begins]
    if len(doubtful):
        boxes = _boxes(placed)
        more = [bottoms]
        for begin, end in zip(begins[doubtful].tolist(), ends[doubtful].tolist(), strict=True):
            chain = ordered[begin:end]
            spread = float(chain[-1] - chain[0])
            if spread > tolerance or not _apart(chain, boxes[order[begin:end]]):
                more.append(thinned(chain, SAME_PLANE * (usual_gap(chain) or spread)))
        bottoms = np.unique(np.concatenate(more))
    return _joined(placed, order, np.searchsorted(bottoms, placed.height_mm, side="right") - 1)


def _joined(placed: PlacedRegion, order: Indices, level: Indices) -> tuple[Floats, Indices]:
    """Return mean heights (levels,) and each ring's level, those that one plane of the grid holds joined.

    Levels are ascending. Those within 0.3 of a gap of one plane are one where their rings, in the ``order``
    (rings,) of their heights, lie beside one another.
    """
    heights = _means(placed.height_mm, level)
    plane, distance = placed.grid.nearest_planes(heights)
    on = np.flatnonzero(distance <= SAME_PLANE)
    crowded, count = np.unique(plane[on], return_counts=True)
    crowded = crowded[count > 1]
    if not len(crowded):
        return heights, level
    boxes, ordered = _boxes(placed), level[order]
    target = np.arange(len(heights))
    for held in crowded.tolist():
        mine = on[plane[on] == held]
        rings = order[np.searchsorted(ordered, mine[0]) : np.searchsorted(ordered, mine[-1], side="right")]
        if _apart(placed.height_mm[rings], boxes[rings]):
            target[mine] = mine[0]
    level = np.unique(target[level], return_inverse=True)[1].reshape(-1)
    return _means(placed.height_mm, level), level


def _means(heights_mm: Floats, level: Indices) -> Floats:
    """Return the mean height (levels,) of the rings (rings,) of each level."""
    means: Floats = np.bincount(level, weights=heights_mm) / np.bincount(level)
    return means


def own_gap(heights_mm: Floats, grid: VoxelGrid) -> float | None:
    """Return the gap of a region's own stack, of its levels (levels,), on a grid without images.

    None where there are images, or the levels do not tell a stack.
    """
    if grid.kind != "contours_only" or len(heights_mm) < 2:  # noqa: PLR2004 - no gap
        return None
    usual = float(np.median(np.diff(heights_mm)))
    return usual if _is_stack(usual, grid) else None


def own_stack(placed: PlacedRegion) -> VoxelGrid:
    """Return the grid a region is placed on: without images one of its own, where others' planes differ.

    Its planes are the region's levels. Where it skips a plane that others are drawn on, at a place where its
    own stack would have one, that is a plane too. Pixels are the same.
    """
    grid = placed.grid
    if grid.kind != "contours_only" or not len(placed.height_mm):
        return grid
    heights, _ = levels_of(placed)
    usual = own_gap(heights, grid)
    if usual is None:
        return grid
    planes = np.sort(np.concatenate((heights, _skipped(heights, usual, grid.heights_mm))))
    own = replace(
        grid,
        origin_lps_mm=grid.origin_lps_mm + grid.normal * (planes[0] - grid.heights_mm[0]),
        steps_lps_mm=np.array((grid.normal * usual, *grid.steps_lps_mm[1:])),
        shape=(len(planes), *grid.shape[1:]),
        heights_mm=planes,
        image_of_plane=np.full(len(planes), -1, dtype=np.intp),
        plane_of_slice=np.arange(len(planes), dtype=np.intp),
    )
    of_others, _ = grid.nearest_planes(heights)
    own_slabs, their_slabs = own.slabs_mm[np.searchsorted(planes, heights)], grid.slabs_mm[of_others]
    alike = np.abs(own_slabs - their_slabs) <= _SAME_SLAB * own_slabs
    return grid if (np.diff(of_others) > 0).all() and alike.all() else own


def _gap(grid: VoxelGrid, ordered_mm: Floats) -> float:
    """Return the gap that tells which heights (rings,), ascending, are one plane's."""
    if grid.kind != "contours_only":
        return grid.spacing_mm[0]
    own = usual_gap(ordered_mm)
    if own is None or not _is_stack(own, grid):
        return grid.spacing_mm[0]
    if int(np.count_nonzero(np.diff(ordered_mm) > JITTER_MM)) < _FEWEST_GAPS:
        return max(own, grid.spacing_mm[0])
    return own


def _is_stack(gap_mm: float, grid: VoxelGrid) -> bool:
    """Return whether contours this far apart are neighbours, where there are only contours."""
    return gap_mm <= max(THICKEST_MM, BRIDGED * grid.spacing_mm[0])


def _skipped(heights_mm: Floats, usual: float, others_mm: Floats) -> Floats:
    """Return the heights of others' planes where a region's own stack leaves a hole and would have one."""
    below = np.searchsorted(heights_mm, others_mm, side="right") - 1
    inner = (below >= 0) & (below < len(heights_mm) - 1)
    others, below = others_mm[inner], below[inner]
    low, high = heights_mm[below], heights_mm[below + 1]
    steps = np.rint((others - low) / usual)
    in_place = np.abs(others - low - steps * usual) <= SAME_PLANE * usual
    hole = (high - low > HOLE * usual) & (steps > 0) & (high - others > (1 - SAME_PLANE) * usual)
    return thinned(others[in_place & hole], SAME_PLANE * usual)


def _boxes(placed: PlacedRegion) -> Floats:
    """Return the box of each ring: shape (rings, 2, 2), lowest and highest column and row."""
    first = placed.starts[:-1]
    ends = (extreme.reduceat(placed.points_px, first) for extreme in (np.minimum, np.maximum))
    return np.stack(list(ends), axis=1)


def _apart(heights_mm: Floats, boxes: Floats) -> bool:
    """Return whether rings (rings,) at ascending heights lie beside one another where these differ.

    ``boxes`` (rings, 2, 2) are theirs; those of different heights must not overlap.
    """
    bottoms = thinned(heights_mm, JITTER_MM)
    if len(bottoms) > _MOST_COMPARED:
        return False
    first = np.searchsorted(heights_mm, bottoms)
    low, high = np.minimum.reduceat(boxes[:, 0], first), np.maximum.reduceat(boxes[:, 1], first)
    meets = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)
    return int(np.count_nonzero(meets)) == len(bottoms)
