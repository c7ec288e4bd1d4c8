"""Cross polygons with lines: the one primitive behind masks, areas and coverage.

A ring is a closed polygon given as points (n, 2): column x and row y, in pixels or any other unit. All
functions take many rings at once: their points one after another, and ``starts`` (rings + 1), where each
begins. Inside is even-odd, edges are half-open: a line at y meets an edge that runs from y0 to y1 when
y0 <= y < y1, so each ring meets each line an even number of times and a shared border counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

MOST_CROSSINGS = 20_000_000
"""More than this many meetings of edges and lines in one region is damage; it bounds time and memory."""
_AREA_LINES = 64
_RINGS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Edges:
    """The sides of rings, each from its lower to its higher end; level sides are left out.

    Arrays have shape (edges,). ``ring`` is the ring a side belongs to. The fixed direction makes the
    crossings of a side the same to the last bit for every ring that has it.
    """

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    ring: Indices

    def chosen(self, some: NDArray[np.bool_]) -> Edges:
        """Return some of the sides, (edges,) True for those that stay."""
        return Edges(self.x0[some], self.y0[some], self.x1[some], self.y1[some], self.ring[some])


def next_points(starts: Indices) -> Indices:
    """Return the number of the point (n,) that follows each in its ring, the first one after the last.

    >>> next_points(np.array([0, 3, 5])).tolist()
    [1, 2, 0, 4, 3]
    """
    following = np.arange(1, starts[-1] + 1)
    following[starts[1:] - 1] = starts[:-1]
    return following


def ring_edges(points: Floats, starts: Indices) -> Edges:
    """Return the sides of rings, each closed from its last point to its first."""
    counts = np.diff(starts)
    following = next_points(starts)
    x, y = points[:, 0], points[:, 1]
    other_x, other_y = x[following], y[following]
    swap = other_y < y
    sloped = other_y != y
    ring = np.repeat(np.arange(len(counts)), counts)
    return Edges(
        np.where(swap, other_x, x)[sloped],
        np.where(swap, other_y, y)[sloped],
        np.where(swap, x, other_x)[sloped],
        np.where(swap, y, other_y)[sloped],
        ring[sloped],
    )


def crossings(edges: Edges, first: int, stop: int) -> tuple[Indices, Indices, Floats]:
    """Return where sides meet the lines y = first, first + 1, … below stop.

    Returns
    -------
    edge, line, x
        Each of shape (crossings,): the side, the whole number y, and the place along the line.

    Raises
    ------
    GeometryError
        There are more crossings than any real region has.
    """
    low = np.clip(np.ceil(edges.y0), first, stop).astype(np.intp)
    high = np.clip(np.ceil(edges.y1), first, stop).astype(np.intp)
    counts = high - low
    total = int(counts.sum())
    if total > MOST_CROSSINGS:
        raise GeometryError(f"The contours are too entangled: {total} crossings with the image rows.")
    edge = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    line = low[edge] + within
    along = (line - edges.y0[edge]) * (edges.x1 - edges.x0)[edge]
    return edge, line, edges.x0[edge] + along / (edges.y1 - edges.y0)[edge]


def shoelace(points: Floats, starts: Indices) -> tuple[Floats, Floats]:
    """Return the signed area (rings,) and the centroid (rings, 2) of each ring.

    The centroid of a ring without area is the mean of its points.
    """
    following = next_points(starts)
    counts = np.diff(starts)
    anchor = np.repeat(points[starts[:-1]], counts, axis=0)
    a, b = points - anchor, points[following] - anchor
    cross = a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]
    area = np.add.reduceat(cross, starts[:-1]) / 2
    moment = np.add.reduceat((a + b) * cross[:, None], starts[:-1], axis=0) / 6
    plain = np.add.reduceat(a, starts[:-1], axis=0) / counts[:, None]
    flat = np.abs(area) < 1e-9  # noqa: PLR2004 - pixels squared, rounding
    relative = np.where(flat[:, None], plain, moment / np.where(flat, 1, area)[:, None])
    return area, relative + points[starts[:-1]]


def even_odd_areas(points: Floats, starts: Indices) -> Floats:
    """Return the area (rings,) that even-odd filling gives each ring alone, crossing itself or not.

    Each ring is cut by 64 lines over its own height, so small rings are measured as well as large ones.
    """
    areas = np.zeros(len(starts) - 1)
    for begin in range(0, len(areas), _RINGS_AT_ONCE):
        stop = min(begin + _RINGS_AT_ONCE, len(areas))
        own = starts[begin : stop + 1]
        areas[begin:stop] = _even_odd_areas(points[own[0] : own[-1]], own - own[0])
    return areas


def _even_odd_areas(points: Floats, starts: Indices) -> Floats:
    lowest = np.minimum.reduceat(points[:, 1], starts[:-1])
    height = np.maximum.reduceat(points[:, 1], starts[:-1]) - lowest
    step = np.where(height > 0, height, 1) / _AREA_LINES
    counts = np.diff(starts)
    lines_up = (points[:, 1] - np.repeat(lowest, counts)) / np.repeat(step, counts) - 0.5
    edges = ring_edges(np.column_stack((points[:, 0], lines_up)), starts)
    edge, line, x = crossings(edges, 0, _AREA_LINES)
    ring = edges.ring[edge]
    order = np.lexsort((x, ring * _AREA_LINES + line))
    x, ring = x[order], ring[order]
    widths = np.bincount(ring[::2], weights=x[1::2] - x[::2], minlength=len(counts))
    areas: Floats = widths * step
    return areas


def lattice(points: Floats, low: Floats, high: Floats, lines: int) -> NDArray[np.bool_]:
    """Return which centres of a lattice (lines, lines) over a box lie inside one ring.

    ``low`` and ``high`` (2,) are the corners x, y of the box.
    """
    scaled = (points - low) / (high - low) * lines - 0.5
    edges = ring_edges(scaled, np.array([0, len(points)]))
    _, line, x = crossings(edges, 0, lines)
    column = np.clip(np.ceil(x), 0, lines).astype(np.intp)
    toggles = np.bincount(line * (lines + 1) + column, minlength=lines * (lines + 1))
    inside: NDArray[np.bool_] = (np.cumsum(toggles.reshape(lines, lines + 1), axis=1)[:, :lines] & 1).astype(
        bool
    )
    return inside
