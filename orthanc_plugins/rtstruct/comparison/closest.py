"""How far points lie from a triangle surface: the true distance to the nearest place on it.

The nearest triangle is found by its corners. Let r be a triangle's reach: every place on it lies within r of
one of its corners. If the nearest place to a point is at distance d, on a triangle's inside or on a side, the
line to it stands upright on that triangle or side; so a corner of the triangle lies within √(d² + r²) of the
point. Looking at all corners within that distance, d being the best found so far, finds the nearest place
without fail. A k-d tree gives the corners in order; for smooth meshes sixteen are nearly always enough.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from orthanc_plugins.rtstruct.comparison.triangles import Triangles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

NEIGHBOURS = 16
_AT_ONCE = 16_384
_LONG = 4.0
"""Triangles with a side longer than this many usual ones are cut first: one would widen every search."""
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
        a, b, c = (self.points[self.faces[:, corner]] for corner in range(3))
        shares = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
        areas: Floats = np.bincount(
            self.faces.reshape(-1), weights=np.repeat(shares, 3), minlength=len(self.points)
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


class _Search:
    """Finds the nearest triangle by its corners."""

    def __init__(self, points: Floats, faces: NDArray[np.int32]) -> None:
        corners, faces = _cut(points, faces)
        self._triangles = Triangles.of(corners[faces])
        reach = _reach(self._triangles)
        ones = np.ones(faces.size, dtype=np.int8)
        around = csr_array(
            (ones, (faces.reshape(-1), np.repeat(np.arange(len(faces)), 3))), shape=(len(corners), len(faces))
        )
        self._around, self._starts = around.indices, around.indptr
        used = np.flatnonzero(np.diff(self._starts))
        self._used = used
        self._reach_squared = np.zeros(len(corners))
        self._reach_squared[used] = np.maximum.reduceat(reach[self._around], self._starts[used]) ** 2
        self._longest_squared = float(self._reach_squared.max())
        self._tree = KDTree(corners[used])

    def squared(self, points: Floats) -> Floats:
        """Return the squared distance (n,) of each point (n, 3)."""
        nearest = np.full(len(points), np.inf)
        left, count = np.arange(len(points)), NEIGHBOURS
        while len(left):
            count = min(count, len(self._used))
            distance, corner = self._tree.query(points[left], k=np.arange(1, count + 1))
            nearest[left] = self._among(points[left], distance**2, self._used[corner])
            unseen = distance[:, -1] ** 2 < nearest[left] + self._longest_squared
            left = left[unseen] if count < len(self._used) else left[:0]
            count *= 2
        return nearest

    def _among(self, points: Floats, squared: Floats, corner: Indices) -> Floats:
        """Return the squared distance (n,) to the triangles around corners (n, k), nearest corner first."""
        rows = np.arange(len(points))
        nearest = self._around_corners(points, rows, corner[:, 0])
        row, place = np.nonzero(squared <= nearest[:, None] + self._reach_squared[corner])
        row, place = row[place > 0], place[place > 0]
        return np.minimum(nearest, self._around_corners(points, row, corner[row, place]))

    def _around_corners(self, points: Floats, row: Indices, corner: Indices) -> Floats:
        """Return the squared distance of each point to the triangles around the corners given for its row."""
        counts = self._starts[corner + 1] - self._starts[corner]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        triangle = self._around[np.repeat(self._starts[corner], counts) + within]
        point = np.repeat(row, counts)
        squared = self._triangles.taken(triangle).squared_to(points[point])
        nearest = np.full(len(points), np.inf)
        if len(row):
            np.minimum.at(nearest, row, np.minimum.reduceat(squared, ends - counts))
        return nearest


def _reach(triangles: Triangles) -> Floats:
    """Return a bound on how far a place on each triangle is from its nearest corner.

    It is the circumradius where no angle is obtuse (at most the longest side over √3) and less than half the
    longest side elsewhere: the smaller of the two bounds holds everywhere.
    """
    uu, uv, vv = triangles.products.T
    opposite = uu - 2 * uv + vv
    area_squared = uu * vv - uv * uv
    circumradius_squared = uu * vv * opposite / np.maximum(4 * area_squared, 1e-300)
    longest_squared = np.maximum(np.maximum(uu, vv), opposite)
    reach: Floats = np.sqrt(np.minimum(circumradius_squared, longest_squared / 3))
    return reach


def _cut(points: Floats, faces: NDArray[np.int32]) -> tuple[Floats, NDArray[np.int32]]:
    """Return points and faces with long triangles cut in two across their longest side, again and again."""
    limit = None
    for _ in range(_MOST_CUTS):
        corners = points[faces]
        sides = ((corners - np.roll(corners, -1, axis=1)) ** 2).sum(axis=2)
        longest = sides.max(axis=1)
        limit = _LONG**2 * float(np.median(longest)) if limit is None else limit
        long = np.flatnonzero(longest > limit)
        if not len(long):
            break
        side = sides[long].argmax(axis=1)
        a, b, c = (faces[long, (side + step) % 3] for step in range(3))
        middle = np.arange(len(points), len(points) + len(long), dtype=np.int32)
        points = np.concatenate((points, (points[a] + points[b]) / 2))
        keep = longest <= limit
        halves = (np.column_stack((a, middle, c)), np.column_stack((middle, b, c)))
        faces = np.concatenate((faces[keep], *halves))
    return points, faces
