"""What the rings of one level enclose together: as stretches of lines, and as moments of area.

A level is all rings of a region at one height. Mostly its rings lie apart or inside one another, and sums
over rings are exact. Where rings cross themselves or overlap in part, sums would count area twice; there the
level is cut by lines, and what lies inside, by the rules of `combine`, is summed up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.scan import MOST_CROSSINGS, crossings, next_points, ring_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.scan import Edges, Floats, Indices

_MOMENT_LINES = 256
"""Lines over the height of a level whose rings do not simply add up."""
_SAME_AREA = 1e-6


@dataclass(frozen=True, eq=False)
class Stretches:
    """Parts of lines that lie inside, arrays of shape (stretches,): from ``left`` to ``right`` on ``line``.

    ``level`` numbers what was cut.
    """

    level: Indices
    line: Indices
    left: Floats
    right: Floats


@dataclass(frozen=True, eq=False)
class SectionMoments:
    """Where the area of sections lies; arrays of shape (parts, …).

    A part is a ring, holes negative, or a whole level whose rings do not simply add up.

    Parameters
    ----------
    ring
        Shape (parts,): a ring that tells the part's height and slab.
    volume_mm3
        Shape (parts,): area times slab, negative for holes.
    centroid_px
        Shape (parts, 2): column and row of the centre of mass.
    spread_px2
        Shape (parts, 3): variances of column and row and their covariance, about the part's own centre.
    """

    ring: Indices
    volume_mm3: Floats
    centroid_px: Floats
    spread_px2: Floats


def stretches(edges: Edges, level: Indices, group: Indices, first: int, stop: int) -> Stretches:
    """Return what lies inside on the lines y = first, first + 1, … below stop, level by level.

    Each ring is filled even-odd; rings of one level and group are joined, groups are exclusive-or.

    Parameters
    ----------
    edges
        The rings' sides, in units in which the lines are at whole numbers.
    level, group
        Shape (rings,): see `PlacedRegion`.

    Raises
    ------
    GeometryError
        There are more crossings than any real region has.
    """
    edge, line, x = crossings(edges, first, stop)
    ring = edges.ring[edge]
    row = level[ring] * (stop - first) + line - first
    order = np.lexsort((x, ring, row))
    row, group_of, x = row[order], group[ring[order]], x[order]
    step = np.ones(len(x), dtype=np.int8)
    step[1::2] = -1  # a ring meets a line an even number of times
    order = np.lexsort((-step, x, group_of, row))
    row, x, step = row[order], x[order], step[order]
    depth = np.cumsum(step, dtype=np.intp)
    border = depth == np.where(step > 0, 1, 0)
    row, x = row[border], x[border]
    order = np.lexsort((x, row))
    row, x = row[order], x[order]
    left, right, row = x[::2], x[1::2], row[::2]
    some = right > left
    return Stretches(row[some] // (stop - first), row[some] % (stop - first) + first, left[some], right[some])


def section_moments(placed: PlacedRegion) -> SectionMoments:
    """Return where the area of a region's sections lies: exact for polygons, by lines where they overlap."""
    whole, irregular = _ring_moments(placed)
    if not irregular.any():
        return whole
    rings = np.flatnonzero(irregular)
    odd = _level_moments(placed.chosen(irregular))
    return SectionMoments(
        np.concatenate((whole.ring[~irregular], rings[odd.ring])),
        np.concatenate((whole.volume_mm3[~irregular], odd.volume_mm3)),
        np.concatenate((whole.centroid_px[~irregular], odd.centroid_px)),
        np.concatenate((whole.spread_px2[~irregular], odd.spread_px2)),
    )


def misleading(placed: PlacedRegion) -> NDArray[np.bool_]:
    """Return which rings (rings,) lie on a level where areas of polygons do not simply add up."""
    return _ring_moments(placed)[1]


def _ring_moments(placed: PlacedRegion) -> tuple[SectionMoments, NDArray[np.bool_]]:
    """Return the moments of polygons by Green's theorem, each about its own centre, and which mislead.

    They mislead (rings,) on levels where what a ring adds to the section is not the area of its polygon.
    """
    starts = placed.starts[:-1]
    rings = np.arange(len(starts))
    if not len(rings):
        nothing = np.zeros(0)
        none = SectionMoments(rings, nothing, nothing.reshape(0, 2), nothing.reshape(0, 3))
        return none, np.zeros(0, dtype=bool)
    following = next_points(placed.starts)
    ring = np.repeat(rings, np.diff(placed.starts))
    x, y = (placed.points_px[:, axis] - placed.centroid_px[ring, axis] for axis in (0, 1))
    u, v = x[following], y[following]
    cross = x * v - u * y
    twice_area = np.add.reduceat(cross, starts)
    terms = (
        (x * x + x * u + u * u) / 6,
        (y * y + y * v + v * v) / 6,
        (x * (v + 2 * y) + u * (y + 2 * v)) / 12,
    )
    spread = np.column_stack([np.add.reduceat(term * cross, starts) for term in terms])
    spread /= np.where(twice_area == 0, 1, twice_area)[:, None]
    _, down, across = placed.grid.spacing_mm
    drawn = np.abs(twice_area) / 2 * down * across
    odd = np.abs(np.abs(placed.area_mm2) - drawn) > _SAME_AREA * drawn
    moments = SectionMoments(rings, placed.area_mm2 * placed.slab_mm, placed.centroid_px, spread)
    return moments, np.isin(placed.height_mm, placed.height_mm[odd])


def _level_moments(placed: PlacedRegion) -> SectionMoments:
    """Return the moments of whole levels, by lines over each one's own height.

    Their volumes remain those that planimetry gives them.
    """
    _, first, level = np.unique(placed.height_mm, return_index=True, return_inverse=True)
    y = placed.points_px[:, 1]
    level_of_point = np.repeat(level, np.diff(placed.starts))
    low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    np.minimum.at(low, level_of_point, y)
    np.maximum.at(high, level_of_point, y)
    lines = max(min(_MOMENT_LINES, MOST_CROSSINGS // len(y)), 1)
    height = (high - low) / lines
    scaled = np.column_stack(
        (placed.points_px[:, 0], (y - low[level_of_point]) / height[level_of_point] - 0.5)
    )
    found = stretches(ring_edges(scaled, placed.starts), level, placed.group, 0, lines)
    width, x = found.right - found.left, (found.left + found.right) / 2
    row = (found.line + 0.5) * height[found.level] + low[found.level]
    area = np.bincount(found.level, width, len(first))

    def mean(values: Floats) -> Floats:
        total: Floats = np.bincount(found.level, width * values, len(first))
        return total / np.where(area > 0, area, 1)

    centre_x, centre_row = mean(x), mean(row)
    dx, dy = x - centre_x[found.level], row - centre_row[found.level]
    spread = np.column_stack((mean(dx * dx + width**2 / 12), mean(dy * dy) + height**2 / 12, mean(dx * dy)))
    volume = np.bincount(level, placed.area_mm2 * placed.slab_mm, len(first))
    return SectionMoments(first, volume, np.column_stack((centre_x, centre_row)), spread)
