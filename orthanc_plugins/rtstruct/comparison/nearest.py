"""The nearest distance between surfaces, for many pairs of many surfaces at once.

Boxes first (`cells`): a quick way down finds two places near each other; then only boxes are kept that may
hold nearer ones. What is left, usually a few boxes of each pair, is settled triangle by triangle, exactly.

Which triangles: let the surfaces be nearest at distance d. The line between the two places stands upright on
the insides or sides they lie on, and each is within a reach r of a corner of its triangle (`rings`). So
corners of the two triangles lie within √(d² + (r₁ + r₂)²) of each other, and d is at most the distance of any
two corners. That is also why it is enough to sort vertices into boxes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.comparison.cells import Forest, forest
from orthanc_plugins.rtstruct.comparison.triangles import triangle_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Singles = NDArray[np.float32]
type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

TOUCHING_MM = 0.01
"""Surfaces nearer than this touch, and their distance is zero: they are drawn no more exactly than that."""
_ROUNDING_MM = 1e-3
_SETTLED = 3
"""How many pairs of boxes of a pair of surfaces are looked at in full where time is short."""
_AT_ONCE = 16_384
_FIRST, _MORE, _MOST = 8, 4, 2048
"""Pairs of boxes whose triangles are looked at together: few at first, for they often settle it."""


def nearest_distances(surfaces: Sequence[Mesh], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """Return the nearest distance in mm between two surfaces, for each pair of places in the sequence.

    Zero where they cross or touch; where one lies inside the other, the narrowest margin between them.
    """
    return _Nearest(surfaces, pairs).exact() if pairs else []


def nearly_nearest_distances(
    surfaces: Sequence[Mesh], pairs: Sequence[tuple[int, int]], farthest_mm: float
) -> list[float | None]:
    """Return what `nearest_distances` does, in a fraction of the time.

    None where the distance is ``farthest_mm`` or more. The nearest vertices are found without fail, then the
    triangles around the `_SETTLED` nearest places are looked at. So a distance may be too large, by less than
    triangles are wide, and never too small.
    """
    return _Nearest(surfaces, pairs).approximate(farthest_mm) if pairs else []


class _Nearest:
    """The search over all pairs.

    ``bound`` (pairs,) is the smallest distance known of each pair of surfaces; ``wide`` (pairs,) the
    square of what the corners of the nearest triangles may be apart beside it.
    """

    def __init__(self, surfaces: Sequence[Mesh], pairs: Sequence[tuple[int, int]]) -> None:
        self._surfaces = surfaces
        self._forest = forest(surfaces)
        self._doubled_middles = self._forest.low + self._forest.high
        self._first, self._second = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
        reach = self._forest.longest_side_mm / np.float32(np.sqrt(3))
        self.wide = (reach[self._first] + reach[self._second]) ** 2
        self.bound = np.full(len(pairs), np.inf, dtype=np.float32)

    def exact(self) -> list[float]:
        """Return the nearest distances, zero where surfaces touch."""
        pair, a, b, gap = self._kept()
        order = np.lexsort((gap, pair))
        pair, a, b, gap = pair[order], a[order], b[order], gap[order]
        count = _FIRST
        while len(pair):
            begins = np.searchsorted(pair, pair)
            now = np.arange(len(pair)) - begins < count
            self._settle(pair[now], a[now], b[now])
            left = ~now & (self.bound[pair] > TOUCHING_MM) & (gap**2 <= self._limit(pair))
            pair, a, b, gap = pair[left], a[left], b[left], gap[left]
            count = min(count * _MORE, _MOST)
        return self._told()

    def approximate(self, farthest_mm: float) -> list[float | None]:
        """Return distances that are exact but for the triangles, None from ``farthest_mm`` on."""
        wide, self.wide = self.wide, np.zeros_like(self.wide)
        self.bound[:] = farthest_mm
        pair, a, b, _ = self._kept()
        apart = self._vertices_apart(pair, a, b)
        order = np.lexsort((apart, pair))
        order = order[np.arange(len(pair)) - np.searchsorted(pair, pair) < _SETTLED]
        self.wide = wide
        self._settle(pair[order], a[order], b[order])
        return [found if found < farthest_mm else None for found in self._told()]

    def _vertices_apart(self, pair: Indices, a: Indices, b: Indices) -> Singles:
        """Return the distance (n,) of the nearest vertices in boxes, and lower the bounds to them."""
        apart = np.empty(len(pair), dtype=np.float32)
        for begin in range(0, len(pair), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            counts, _, _, squared = self._vertex_pairs(a[part], b[part])
            apart[part] = np.sqrt(np.minimum.reduceat(squared, np.cumsum(counts) - counts))
        np.minimum.at(self.bound, pair, apart)
        return apart

    def _vertex_pairs(self, a: Indices, b: Indices) -> tuple[Indices, Indices, Indices, Singles]:
        """Return how many pairs of vertices two boxes have (n,), and their places and squared distances."""
        starts, stops = self._forest.starts, self._forest.stops
        counts, others = stops[a] - starts[a], stops[b] - starts[b]
        source, i, j = _products(counts, others)
        i, j = starts[a][source] + i, starts[b][source] + j
        squared = np.zeros(len(source), dtype=np.float32)
        for axis in self._forest.places:
            squared += (axis.take(i) - axis.take(j)) ** 2
        return counts * others, i, j, squared

    def _told(self) -> list[float]:
        found: list[float] = np.where(self.bound > TOUCHING_MM, self.bound, 0).astype(np.float64).tolist()
        return found

    def _limit(self, pair: Indices) -> Singles:
        """Return the squared distance (n,) within which corners of the nearest triangles lie."""
        limit: Singles = (self.bound[pair] + np.float32(_ROUNDING_MM)) ** 2 + self.wide[pair]
        return limit

    def _kept(self) -> tuple[Indices, Indices, Indices, Singles]:
        """Return pair, boxes and distance of the finest boxes that may hold the nearest places."""
        pair, a, b = self._roots()
        while True:
            gap = self._gaps(a, b)
            if len(pair):
                self._descend(*self._most_promising(pair, a, b, gap))
            near = gap**2 <= self._limit(pair)
            pair, a, b, gap = pair[near], a[near], b[near], gap[near]
            if self._are_finest(a, b):
                return pair, a, b, gap
            pair, a, b = self._opened(pair, a, b)

    def _descend(self, pair: Indices, a: Indices, b: Indices) -> None:
        """Find two near places of each pair of surfaces, going from one box of either to a finer one."""
        while not self._are_finest(a, b):
            pair, a, b = self._opened(pair, a, b)
            pair, a, b = self._most_promising(pair, a, b, self._gaps(a, b))
        self._vertices_apart(pair, a, b)

    def _most_promising(
        self, pair: Indices, a: Indices, b: Indices, gap: Singles
    ) -> tuple[Indices, Indices, Indices]:
        """Return one pair of boxes for each pair of surfaces: close to each other, and in their middles."""
        cost = gap + np.sqrt(self._middles(a, b))
        begins = np.flatnonzero(np.concatenate(((True,), pair[1:] != pair[:-1])))
        least = np.repeat(np.minimum.reduceat(cost, begins), np.diff(begins, append=len(pair)))
        hits = np.flatnonzero(cost <= least)
        hits = hits[np.concatenate(((True,), pair[hits][1:] != pair[hits][:-1]))]
        return pair[hits], a[hits], b[hits]

    def _are_finest(self, a: Indices, b: Indices) -> bool:
        return bool(self._forest.finest[a].all() and self._forest.finest[b].all())

    def _roots(self) -> tuple[Indices, Indices, Indices]:
        roots = self._forest.roots
        return np.arange(len(self.bound)), roots[self._first], roots[self._second]

    def _opened(self, pair: Indices, a: Indices, b: Indices) -> tuple[Indices, Indices, Indices]:
        """Return the pairs of what is inside the boxes; the finest stay as they are."""
        finest, starts, stops = self._forest.finest, self._forest.starts, self._forest.stops
        a_first, b_first = (np.where(finest[box], box, starts[box]) for box in (a, b))
        a_count, b_count = (np.where(finest[box], 1, stops[box] - starts[box]) for box in (a, b))
        source, i, j = _products(a_count, b_count)
        return pair[source], a_first[source] + i, b_first[source] + j

    def _gaps(self, a: Indices, b: Indices) -> Singles:
        """Return the distance (n,) of the boxes a and b."""
        squared = np.zeros(len(a), dtype=np.float32)
        for low, high in zip(self._forest.low, self._forest.high, strict=True):
            apart = np.maximum(low.take(b) - high.take(a), low.take(a) - high.take(b))
            np.maximum(apart, 0, out=apart)
            squared += apart * apart
        return np.sqrt(squared)

    def _middles(self, a: Indices, b: Indices) -> Singles:
        """Return the squared distance (n,) of the middles of the boxes a and b, times four."""
        squared = np.zeros(len(a), dtype=np.float32)
        for middle in self._doubled_middles:
            squared += (middle.take(a) - middle.take(b)) ** 2
        return squared

    def _settle(self, pair: Indices, a: Indices, b: Indices) -> None:
        """Lower the bounds to the distances of the triangles around the vertices in the boxes."""
        counts, i, j, squared = self._vertex_pairs(a, b)
        pair = np.repeat(pair, counts)
        np.minimum.at(self.bound, pair, np.sqrt(squared))
        near = squared <= self._limit(pair)
        pair, i, j = pair[near], i[near], j[near]
        if not len(pair):
            return
        around = _Around.of(np.unique(np.concatenate((i, j))), self._forest, self._surfaces)
        source, one, other = around.products(i, j)
        _, once = np.unique(one * len(around.corners) + other, return_index=True)
        pair, one, other = pair[source[once]], one[once], other[once]
        near = around.gaps_squared(one, other) <= (self.bound[pair] + _ROUNDING_MM) ** 2
        exact = triangle_distances(around.corners[one[near]], around.corners[other[near]])
        np.minimum.at(self.bound, pair[near], np.sqrt(exact).astype(np.float32))


class _Around:
    """The triangles around some vertices.

    Parameters
    ----------
    places
        Shape (n,): the vertices, by their place in the forest, ascending.
    starts
        Shape (n + 1,): where those of each vertex begin in ``triangle``.
    triangle
        Shape (entries,): row of ``corners``.
    corners
        Shape (m, 3, 3): each triangle once, in mm.
    """

    def __init__(self, places: Indices, starts: Indices, triangle: Indices, corners: Floats) -> None:
        self._places, self._starts, self._triangle = places, starts, triangle
        self.corners = corners
        self._low, self._high = corners.min(axis=1).T, corners.max(axis=1).T

    @classmethod
    def of(cls, places: Indices, trees: Forest, surfaces: Sequence[Mesh]) -> _Around:
        """Return the triangles around vertices of any of the surfaces."""
        bounds = np.searchsorted(places, trees.first_place)
        owner, triangle, corners, known = [], [], [], 0
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            begin, stop = bounds[number], bounds[number + 1]
            mesh, own = surfaces[number], trees.vertices[places[begin:stop]]
            wanted = np.zeros(len(mesh.vertices_lps_mm), dtype=bool)
            wanted[own] = True
            hits = np.flatnonzero(wanted.take(mesh.faces.reshape(-1)))
            order = np.argsort(own)
            vertex = mesh.faces.reshape(-1)[hits]
            owner.append(begin + order[np.searchsorted(own, vertex, sorter=order)])
            faces, row = np.unique(hits // 3, return_inverse=True)
            triangle.append(known + row)
            corners.append(mesh.vertices_lps_mm[mesh.faces[faces]].astype(np.float64))
            known += len(faces)
        owners, triangles = np.concatenate(owner), np.concatenate(triangle)
        order = np.argsort(owners, kind="stable")
        starts = np.searchsorted(owners[order], np.arange(len(places) + 1))
        return cls(places, starts, triangles[order], np.concatenate(corners))

    def products(self, first: Indices, second: Indices) -> tuple[Indices, Indices, Indices]:
        """Return every triangle around a vertex with every one around another, and whose row it is.

        ``first`` and ``second`` (n,) are places of vertices in the forest.
        """
        first, second = (np.searchsorted(self._places, side) for side in (first, second))
        counts = np.diff(self._starts)
        source, i, j = _products(counts[first], counts[second])
        one = self._triangle[self._starts[first][source] + i]
        return source, one, self._triangle[self._starts[second][source] + j]

    def gaps_squared(self, one: Indices, other: Indices) -> Floats:
        """Return the squared distance (n,) of the boxes around two triangles."""
        squared = np.zeros(len(one))
        for low, high in zip(self._low, self._high, strict=True):
            apart = np.maximum(low[other] - high[one], low[one] - high[other])
            squared += np.maximum(apart, 0) ** 2
        return squared


def _products(counts: Indices, others: Indices) -> tuple[Indices, Indices, Indices]:
    """Return all pairs of 0, 1, … below ``counts`` and below ``others`` (n,), and the row each belongs to."""
    row = np.repeat(np.arange(len(counts)), counts)
    first = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    beside = others[row]
    ends = np.cumsum(beside)
    second = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - beside, beside)
    return np.repeat(row, beside), np.repeat(first, beside), second
