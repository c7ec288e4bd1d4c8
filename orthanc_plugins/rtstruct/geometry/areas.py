"""Exact area and centre of what rings enclose together, whether they cross themselves or each other.

The plane is cut into strips at every point and every crossing. No side begins, ends or crosses another
inside a strip, so what lies inside is trapezoids, and their areas and moments are exact. The work is
bounded: rings too entangled for that are cut into strips of one height instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.scan import ring_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.scan import Edges

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

MOST_PIECES = 1_000_000
"""More sides in strips, or pairs of sides, than this are not looked at; it bounds time and memory."""
_FEWEST_STRIPS = 64
_PIECES_OF_STRIPS = 200_000


def section(rings: Sequence[Floats], groups: Indices) -> tuple[float, Floats]:
    """Return the area and the centroid (2,) of what rings enclose together.

    Parameters
    ----------
    rings
        Each (n, 2): column and row of its points. One ring alone is filled even-odd.
    groups
        Shape (rings,): rings of one group are joined, groups are exclusive-or.

    >>> square = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)])
    >>> area, centre = section([square, square + 1], np.array([0, 0]))
    >>> float(area), centre.tolist()
    (7.0, [1.5, 1.5])
    >>> float(section([square, square + 1], np.array([0, 1]))[0])
    6.0
    """
    counts = np.array([len(ring) for ring in rings])
    edges = ring_edges(np.concatenate(rings), np.concatenate(((0,), np.cumsum(counts))))
    levels = _levels(edges)
    edge, strip, x = _middles(edges, levels)
    order = _outline(strip, x, edges.ring[edge], groups)
    edge, strip, x = edge[order], strip[order], x[order]
    return _sum_trapezoids(edges, levels, edge, strip, x)


def _levels(edges: Edges) -> Floats:
    """Return the heights (strips + 1,) between which no side begins, ends or crosses another."""
    ends = np.unique(np.concatenate((edges.y0, edges.y1)))
    levels = np.unique(np.concatenate((ends, _crossing_heights(edges))))
    if _pieces(edges, levels) <= MOST_PIECES:
        return levels
    if _pieces(edges, ends) <= MOST_PIECES:
        return ends
    sides_a_strip = float((edges.y1 - edges.y0).sum()) / float(ends[-1] - ends[0])
    strips = max(_FEWEST_STRIPS, int(_PIECES_OF_STRIPS / sides_a_strip))
    return np.linspace(ends[0], ends[-1], strips + 1)


def _pieces(edges: Edges, levels: Floats) -> int:
    return int((np.searchsorted(levels, edges.y1) - np.searchsorted(levels, edges.y0)).sum())


def _crossing_heights(edges: Edges) -> Floats:
    """Return the heights at which sides cross, none when there are too many pairs to compare."""
    order = np.argsort(edges.y0, kind="stable")
    begins = edges.y0[order]
    later = np.searchsorted(begins, edges.y1[order]) - np.arange(1, len(order) + 1)
    if int(later.sum()) > MOST_PIECES:
        return np.zeros(0)
    first = np.repeat(np.arange(len(order)), later)
    within = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    a, b = order[first], order[first + 1 + within]
    slope = (edges.x1 - edges.x0) / (edges.y1 - edges.y0)
    low, high = edges.y0[b], np.minimum(edges.y1[a], edges.y1[b])
    apart = edges.x0[b] - (edges.x0[a] + (low - edges.y0[a]) * slope[a])
    closing = slope[a] - slope[b]
    with np.errstate(divide="ignore", invalid="ignore"):
        height = low + apart / closing
    meets: Floats = height[(height > low) & (height < high)]
    return meets


def _middles(edges: Edges, levels: Floats) -> tuple[Indices, Indices, Floats]:
    """Return side, strip and x of every meeting of a side with the middle of a strip."""
    middles = (levels[:-1] + levels[1:]) / 2
    low, high = np.searchsorted(middles, edges.y0), np.searchsorted(middles, edges.y1)
    counts = high - low
    edge = np.repeat(np.arange(len(counts)), counts)
    strip = low[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    slope = (edges.x1 - edges.x0) / (edges.y1 - edges.y0)
    return edge, strip, edges.x0[edge] + (middles[strip] - edges.y0[edge]) * slope[edge]


def _outline(strip: Indices, x: Floats, ring: Indices, group: Indices) -> Indices:
    """Return which meetings bound the section, ordered so that pairs are stretches inside.

    A stretch begins at every other meeting of a ring; joined, it lasts while any ring of the group does.
    """
    order = np.lexsort((x, strip, ring))
    entering = np.ones(len(order), dtype=np.intp)
    entering[1::2] = -1
    regroup = np.lexsort((x[order], strip[order], group[ring[order]]))
    order, entering = order[regroup], entering[regroup]
    depth = np.cumsum(entering)
    bounds = order[(depth == 0) | (depth == entering)]
    outline: Indices = bounds[np.lexsort((x[bounds], strip[bounds]))]
    return outline


def _sum_trapezoids(
    edges: Edges, levels: Floats, edge: Indices, strip: Indices, x: Floats
) -> tuple[float, Floats]:
    """Return the area and centroid of the stretches between meetings 0 and 1, 2 and 3, and so on."""
    height = np.diff(levels)[strip[::2]]
    middle = ((levels[:-1] + levels[1:]) / 2)[strip[::2]]
    slope = ((edges.x1 - edges.x0) / (edges.y1 - edges.y0))[edge]
    left, right, leaning = x[::2], x[1::2], slope[1::2] - slope[::2]
    areas = (right - left) * height
    area = float(areas.sum())
    if not area > 0:
        return 0.0, np.array((edges.x0.mean(), edges.y0.mean()))
    squares = x**2 + slope**2 * np.repeat(height, 2) ** 2 / 12
    moment_x = ((squares[1::2] - squares[::2]) * height).sum() / 2
    moment_y = (areas * middle + leaning * height**3 / 12).sum()
    return area, np.array((moment_x, moment_y)) / area
