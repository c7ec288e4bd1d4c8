"""Which outlines on one plane touch, and which rings lie inside which: without a look at every pair.

Sides are sorted into strips, and along a strip by where they begin, so that only those near one another are
compared. Rings whose outlines do not touch lie apart or one wholly inside the other, and one point of the
smaller tells which. Points on a lattice of pixels / 1024 make both exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.scan import Edges, next_points, ring_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.scan import Floats, Indices

_MOST_PER_SIDE = 64
"""No more comparisons than this for every side of a ring, so that work grows as the contours do."""
_MOST_AT_LEAST, _MOST_AT_ALL = 200_000, 4_000_000
_BOXES_AT_ONCE = 1_000_000


def shared_boxes(boxes: Floats) -> Floats:
    """Return what each box (rings, 4: low x, low y, high x, high y) shares with others, as a box around it.

    That of a box that shares no area with any is empty: its low ends are infinite.

    >>> shared_boxes(np.array([(0.0, 0.0, 4.0, 4.0), (3.0, 1.0, 9.0, 2.0), (4.0, 3.0, 5.0, 5.0)])).tolist()
    [[3.0, 1.0, 4.0, 2.0], [3.0, 1.0, 4.0, 2.0], [inf, inf, -inf, -inf]]
    """
    shared = np.tile((np.inf, np.inf, -np.inf, -np.inf), (len(boxes), 1))
    some = max(_BOXES_AT_ONCE // max(len(boxes), 1), 1)
    low_x, low_y, high_x, high_y = boxes.T
    for begin in range(0, len(boxes), some):
        own = np.arange(begin, min(begin + some, len(boxes)))
        meet = (low_x[own, None] < high_x) & (low_x < high_x[own, None])
        meet &= (low_y[own, None] < high_y) & (low_y < high_y[own, None])
        meet[own - begin, own] = False
        one, other = np.nonzero(meet)
        one += begin
        first = np.flatnonzero(np.diff(one, prepend=-1))
        if len(one):
            lows, highs = np.maximum(boxes[one], boxes[other]), np.minimum(boxes[one], boxes[other])
            shared[one[first], :2] = np.minimum.reduceat(lows[:, :2], first)
            shared[one[first], 2:] = np.maximum.reduceat(highs[:, 2:], first)
    return shared


def touching(rings: Sequence[Floats], shared: Floats) -> list[tuple[int, int]] | None:
    """Return the pairs of rings whose outlines have a point in common; None when too much is near too much.

    ``shared`` (rings, 4) are the boxes outside of which no other ring reaches, as `shared_boxes` has them.

    >>> square = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])
    >>> anywhere = np.tile((0.0, 0.0, 9.0, 9.0), (3, 1))
    >>> touching([square, square + 2, square / 4 + 1], anywhere)
    [(0, 1), (1, 2)]
    """
    counts = np.array([len(ring) for ring in rings])
    starts = np.concatenate(list(rings))
    following = next_points(np.concatenate(((0,), np.cumsum(counts))))
    stops, ring = starts[following], np.repeat(np.arange(len(rings)), counts)
    reaching = (np.maximum(starts, stops) >= shared[ring, :2]) & (
        np.minimum(starts, stops) <= shared[ring, 2:]
    )
    near = np.flatnonzero(reaching[:, 0] & reaching[:, 1])
    if not len(near) or ring[near[0]] == ring[near[-1]]:
        return []
    starts, stops, ring = starts[near], stops[near], ring[near]
    found = _neighbours(starts, stops, ring)
    if found is None:
        return None
    a, b = found
    meet = _meet(starts[a], stops[a], starts[b], stops[b])
    keys = np.unique(np.minimum(ring[a], ring[b])[meet] * len(rings) + np.maximum(ring[a], ring[b])[meet])
    return list(zip((keys // len(rings)).tolist(), (keys % len(rings)).tolist(), strict=True))


def _most(sides: int) -> int:
    return min(max(_MOST_PER_SIDE * sides, _MOST_AT_LEAST), _MOST_AT_ALL)


def _neighbours(starts: Floats, stops: Floats, ring: Indices) -> tuple[Indices, Indices] | None:
    """Return pairs of sides (pairs,) of different rings whose boxes meet in a strip."""
    low, high = np.minimum(starts, stops), np.maximum(starts, stops)
    bottom, top = float(low[:, 1].min()), float(high[:, 1].max())
    usual = max(float((high - low).mean()), (top - bottom) / len(ring), 1e-9)
    first = ((low[:, 1] - bottom) // usual).astype(np.intp)
    counts = ((high[:, 1] - bottom) // usual).astype(np.intp) - first + 1
    most = _most(len(ring))
    if int(counts.sum()) > most:
        return None
    side = np.repeat(np.arange(len(ring)), counts)
    strip = first[side] + np.arange(len(side)) - np.repeat(np.cumsum(counts) - counts, counts)
    left, right = _within(starts[side], stops[side], bottom + strip * usual, usual)
    order = np.lexsort((left, strip))
    side, strip, left, right = side[order], strip[order], left[order], right[order]
    width = float(right.max() - left.min()) + 1.0
    base = strip * (2 * width) - left.min()
    later = np.searchsorted(base + left, base + right, side="right") - np.arange(1, len(side) + 1)
    if int(later.sum()) > most:
        return None
    one = np.repeat(np.arange(len(side)), later)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(later) - later, later)
    a, b = side[one], side[other]
    differ = (ring[a] != ring[b]) & (low[a, 1] <= high[b, 1]) & (low[b, 1] <= high[a, 1])
    return a[differ], b[differ]


def _within(starts: Floats, stops: Floats, bottom: Floats, height: float) -> tuple[Floats, Floats]:
    """Return from where to where along x sides run inside their strips, a trifle more for rounding."""
    rise = stops[:, 1] - starts[:, 1]
    level = rise == 0
    safe = np.where(level, 1, rise)
    ends = [np.clip((y - starts[:, 1]) / safe, 0, 1) for y in (bottom, bottom + height)]
    x0, x1 = (
        np.where(level, end, starts[:, 0] + t * (stops[:, 0] - starts[:, 0]))
        for t, end in zip(ends, (starts[:, 0], stops[:, 0]), strict=True)
    )
    return np.minimum(x0, x1) - 1e-6, np.maximum(x0, x1) + 1e-6


def _meet(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Return whether segments a-b and c-d, arrays (pairs, 2), have a point in common."""
    boxes = ((np.minimum(a, b) <= np.maximum(c, d)) & (np.minimum(c, d) <= np.maximum(a, b))).all(axis=1)
    beside = _side(a, b, c) * _side(a, b, d) <= 0
    across = _side(c, d, a) * _side(c, d, b) <= 0
    found: NDArray[np.bool_] = boxes & beside & across
    return found


def _side(a: Floats, b: Floats, point: Floats) -> Floats:
    """Return on which side of the lines from a to b points lie: -1, 0 or 1."""
    ahead, aside = b - a, point - a
    side: Floats = np.sign(ahead[:, 0] * aside[:, 1] - ahead[:, 1] * aside[:, 0])
    return side


def holders(rings: Sequence[Floats], sizes: Floats) -> tuple[Indices, Indices] | None:
    """Return pairs (pairs,) of rings, inner and outer: a point inside the inner lies in the larger outer.

    Parameters
    ----------
    rings
        Each (n, 2). The point is the middle of the widest stretch half-way up, so it is on no shared border.
    sizes
        Shape (rings,): what tells which of two is larger; of equal ones the earlier.

    >>> square = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])
    >>> inner, outer = holders([square / 4 + 1, square, square / 4 + 5], np.array([1.0, 16.0, 1.0]))
    >>> inner.tolist(), outer.tolist()
    ([0], [1])
    """
    counts = np.array([len(ring) for ring in rings])
    starts = np.concatenate(((0,), np.cumsum(counts)))
    points = np.concatenate(list(rings))
    heights = (
        np.minimum.reduceat(points[:, 1], starts[:-1]) + np.maximum.reduceat(points[:, 1], starts[:-1])
    ) / 2
    met = _along(ring_edges(points, starts), heights, _most(len(points)))
    if met is None:
        return None
    line, ring, x = met
    middle = _middles(line, ring, x, len(rings))
    rank = np.empty(len(rings), dtype=np.intp)
    rank[np.lexsort((np.arange(len(rings)), -sizes))] = np.arange(len(rings))
    left = (rank[ring] < rank[line]) & (x < middle[line])
    keys = np.sort(line[left] * len(rings) + ring[left])
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    inside = keys[first[np.diff(first, append=len(keys)) % 2 == 1]]
    return inside // len(rings), inside % len(rings)


def _along(edges: Edges, heights: Floats, most: int) -> tuple[Indices, Indices, Floats] | None:
    """Return line, ring and x (meetings,) of where sides meet the lines at some heights (lines,)."""
    order = np.argsort(heights, kind="stable")
    begins, ends = (np.searchsorted(heights[order], y) for y in (edges.y0, edges.y1))
    counts = ends - begins
    if int(counts.sum()) > most:
        return None
    edge = np.repeat(np.arange(len(counts)), counts)
    line = order[begins[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)]
    along = (heights[line] - edges.y0[edge]) * (edges.x1 - edges.x0)[edge]
    return line, edges.ring[edge], edges.x0[edge] + along / (edges.y1 - edges.y0)[edge]


def _middles(line: Indices, ring: Indices, x: Floats, rings: int) -> Floats:
    """Return the middle (rings,) of the widest stretch of each ring on its own line."""
    own = line == ring
    order = np.lexsort((x[own], line[own]))
    on, ends = line[own][order][::2], x[own][order]
    left, right = ends[::2], ends[1::2]
    by_width = np.lexsort((right - left, on))
    middle = np.full(rings, -np.inf)
    middle[on[by_width]] = ((left + right) / 2)[by_width]
    return middle
