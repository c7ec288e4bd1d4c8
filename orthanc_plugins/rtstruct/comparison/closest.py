"""How far points lie from a triangle surface: the true distance to the nearest place on it.

The nearest triangle is found by its corners. If the nearest place to a point p is at distance d, on a
triangle's inside or on a side, the line to it stands upright on that triangle or side. So the corner c
nearest to that place has |p - c|² = d² + s², where s, how far the place is from c, is at most c's reach r
(`rings`): |p - c|² - r² ≤ d². Looking at all vertices for which that holds, d being the best found so far,
finds the nearest place without fail.

A k-d tree gives the vertices in the order of |p - c|² - r²: that is the distance in four dimensions, less a
constant, when each vertex is lifted by √(R² - r²), R being the longest reach. Five are nearly always enough.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from orthanc_plugins.rtstruct.comparison.rings import Rings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

NEIGHBOURS = 5
_AT_ONCE = 4096
_SAMPLED = 4096
"""Triangles that tell how long a side usually is, about so many of all."""
_LONG = 4.0
"""Triangles with a side longer than this many usual ones are cut first: every point around would try them."""
_MOST_CUTS = 24


class Surface:
    """A triangle surface that can be asked for distances.

    Parameters
    ----------
    mesh
        The surface; it need not be closed.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.points = mesh.vertices_lps_mm.astype(np.float64)
        self.faces = mesh.faces

    @cached_property
    def areas_mm2(self) -> Floats:
        """Shape (n,): the area each vertex stands for, a third of that of the triangles around it."""
        columns, corners = np.ascontiguousarray(self.points.T), np.ascontiguousarray(self.faces.T)
        shares = np.concatenate(
            [
                _areas(columns, corners[:, begin : begin + _AT_ONCE]) / 3
                for begin in range(0, len(self.faces), _AT_ONCE)
            ]
        )
        areas: Floats = np.bincount(
            corners.reshape(-1), weights=np.tile(shares, 3), minlength=len(self.points)
        )
        return areas

    @cached_property
    def _search(self) -> _Search:
        return _Search(self.points, self.faces)

    def distances_to(self, points: Floats) -> Floats:
        """Return the distance (n,) in mm of each point (n, 3) to the nearest place on the surface."""
        squared = np.empty(len(points))
        for begin in range(0, len(points), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            squared[part] = self._search.squared(points[part])
        return np.sqrt(squared)


def _areas(columns: Floats, corners: NDArray[np.int32]) -> Floats:
    """Return the areas (m,) of triangles, given all vertices (3, n) and the triangles' (3, m)."""
    (x, p), (y, q), (z, r) = (
        (axis.take(corners[1]) - start, axis.take(corners[2]) - start)
        for axis in columns
        for start in (axis.take(corners[0]),)
    )
    areas: Floats = np.sqrt((y * r - z * q) ** 2 + (z * p - x * r) ** 2 + (x * q - y * p) ** 2) / 2
    return areas


class _Search:
    """Finds the nearest triangle by its corners."""

    def __init__(self, points: Floats, faces: NDArray[np.int32]) -> None:
        corners, faces = _cut(points, faces)
        self._rings = Rings(corners, faces)
        self._used = self._rings.used
        self._longest_squared = float(self._rings.reach_squared.max())
        lifted = np.sqrt(self._longest_squared - self._rings.reach_squared)
        self._tree = KDTree(np.column_stack((corners, lifted))[self._used], balanced_tree=False)

    def squared(self, points: Floats) -> Floats:
        """Return the squared distance (n,) of each point (n, 3)."""
        nearest = np.empty(len(points))
        flat = np.column_stack((points, np.zeros(len(points))))
        left, count = np.arange(len(points)), NEIGHBOURS
        while len(left):
            count = min(count, len(self._used))
            distance, corner = self._tree.query(flat[left], k=np.arange(1, count + 1))
            within = distance**2 - self._longest_squared
            nearest[left] = self._among(points[left], within, self._used[corner])
            unseen = within[:, -1] < nearest[left]
            left = left[unseen] if count < len(self._used) else left[:0]
            count *= 2
        return nearest

    def _among(self, points: Floats, within: Floats, corner: Indices) -> Floats:
        """Return the squared distance (n,) to the triangles around vertices (n, k).

        ``within`` (n, k), ascending, is the squared distance from which on a vertex matters.
        """
        columns = [np.ascontiguousarray(axis) for axis in points.T]
        nearest = self._rings.squared(columns, corner[:, 0])
        row, place = np.nonzero(within[:, 1:] <= nearest[:, None])
        if len(row):
            others = [axis.take(row) for axis in columns]
            found = self._rings.squared_below(others, corner[row, place + 1], nearest.take(row))
            np.minimum.at(nearest, row, found)
        return nearest


def _cut(points: Floats, faces: NDArray[np.int32]) -> tuple[Floats, NDArray[np.int32]]:
    """Return points and faces with long triangles cut in two across their longest side, again and again."""
    columns = np.ascontiguousarray(points.T, dtype=np.float64)
    limit = None
    for _ in range(_MOST_CUTS):
        sides = _sides_squared(columns, faces)
        longest = np.maximum(np.maximum(sides[0], sides[1]), sides[2])
        if limit is None:
            limit = _LONG**2 * float(np.median(longest[:: len(faces) // _SAMPLED + 1]))
        long = np.flatnonzero(longest > limit)
        if not len(long):
            break
        side = sides[:, long].argmax(axis=0)
        a, b, c = (faces[long, (side + step) % 3] for step in range(3))
        middle = np.arange(columns.shape[1], columns.shape[1] + len(long), dtype=np.int32)
        columns = np.concatenate((columns, (columns[:, a] + columns[:, b]) / 2), axis=1)
        halves = (np.column_stack((a, middle, c)), np.column_stack((middle, b, c)))
        faces = np.concatenate((faces[longest <= limit], *halves))
    return columns.T, faces


def _sides_squared(columns: Floats, faces: NDArray[np.int32]) -> Floats:
    """Return the squared lengths (3, m) of the sides of triangles, each from its corner to the next."""
    corners = np.ascontiguousarray(faces.T)
    squared = np.zeros(corners.shape)
    for begin in range(0, len(faces), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        for axis in columns:
            ends = axis.take(corners[:, part])
            squared[:, part] += (ends - ends[[1, 2, 0]]) ** 2
    return squared
