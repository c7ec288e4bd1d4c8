"""The triangles around the vertices of a surface, ready to be measured from the vertex they are around.

An entry is a triangle as seen from one of its corners c, with sides u and v from there. A point is looked at
from the corners near it, so most of what its distance to the triangle needs is known before it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

_TINY = 1e-300
"""Keeps quotients of degenerate triangles finite; far below any product of lengths that means something."""
_ROUNDING = 1 + 1e-9
_AT_ONCE = 4096
_AFTER, _BEFORE = np.array([1, 2, 0]), np.array([2, 0, 1])
"""Of the three corners, which comes next and which came before."""


class Rings:
    """All triangles around each vertex.

    ``reach_squared`` (n,) is the largest of the entries around a vertex: see `reaches_squared`.

    Parameters
    ----------
    points, faces
        Vertices (n, 3) in mm, and their numbers (m, 3).
    """

    def __init__(self, points: Floats, faces: NDArray[np.int32]) -> None:
        self._columns = [np.ascontiguousarray(axis) for axis in points.T]
        corners = np.ascontiguousarray(faces.T)
        self._sides = [np.empty(corners.size) for _ in self._columns]
        self._lengths, self._products, self._reaches = (np.empty(corners.size) for _ in range(3))
        for begin in range(0, len(faces), _AT_ONCE):
            self._measure(corners, slice(begin, begin + _AT_ONCE))
        self._starts, self._entries = _around(corners.reshape(-1), len(points))
        self._counts = np.diff(self._starts)
        self.used = np.flatnonzero(self._counts)
        self.reach_squared = np.zeros(len(points))
        begins = self._starts[self.used]
        self.reach_squared[self.used] = np.maximum.reduceat(self._reaches.take(self._entries), begins)

    def _measure(self, corners: NDArray[np.int32], part: slice) -> None:
        """Work out sides, their products and reaches of some triangles, of which corners (3, m) are given.

        Entries are sorted by which corner of the triangle it is, then by triangle.
        """
        here = corners[:, part]
        lengths, products = np.zeros(here.shape), np.zeros(here.shape)
        for axis, sides in zip(self._columns, self._sides, strict=True):
            places = axis.take(here)
            side = places[_AFTER] - places
            sides.reshape(corners.shape)[:, part] = side
            lengths += side * side
            products -= side * side[_BEFORE]
        self._lengths.reshape(corners.shape)[:, part] = lengths
        self._products.reshape(corners.shape)[:, part] = products
        reaches = reaches_squared(lengths, products, lengths[_BEFORE])
        self._reaches.reshape(corners.shape)[:, part] = reaches

    def squared(self, points: list[Floats], corner: Indices) -> Floats:
        """Return the squared distance (k,) of points, three axes of (k,), to the triangles around a vertex.

        Row n goes with vertex ``corner[n]``, which some triangle has to use.
        """
        away, apart = self._away(points, corner)
        entry, counts, begins = self._entries_of(corner)
        gain = self._gain([np.repeat(axis, counts) for axis in away], entry)
        return np.maximum(apart + np.minimum.reduceat(gain, begins), 0)

    def squared_below(self, points: list[Floats], corner: Indices, bound: Floats) -> Floats:
        """Return what `squared` does, or ``bound`` (k,) where nothing is nearer than that."""
        away, apart = self._away(points, corner)
        entry, counts, _ = self._entries_of(corner)
        row = np.repeat(np.arange(len(corner)), counts)
        near = np.flatnonzero((apart - bound).take(row) <= self._reaches.take(entry))
        row = row.take(near)
        gain = self._gain([axis.take(row) for axis in away], entry.take(near))
        nearest = bound.copy()
        np.minimum.at(nearest, row, np.maximum(apart.take(row) + gain, 0))
        return nearest

    def _away(self, points: list[Floats], corner: Indices) -> tuple[list[Floats], Floats]:
        """Return the way (k,) from vertices to points, axis by axis, and its squared length."""
        x, y, z = (point - axis.take(corner) for point, axis in zip(points, self._columns, strict=True))
        return [x, y, z], x * x + y * y + z * z

    def _entries_of(self, corner: Indices) -> tuple[Indices, Indices, Indices]:
        """Return the entries around vertices (k,), how many each has, and where they begin."""
        counts = self._counts.take(corner)
        begins = np.cumsum(counts) - counts
        within = np.repeat(self._starts.take(corner) - begins, counts)
        within += np.arange(len(within))
        return self._entries.take(within), counts, begins

    def _gain(self, away: list[Floats], entry: Indices) -> Floats:
        """Return how much nearer (squared) the triangle of an entry comes than its corner; never above 0.

        The side across from the corner is left to the other two corners' entries.
        """
        total = len(self._lengths)
        before = entry + 2 * (total // 3)
        before -= np.where(before >= total, total, 0)
        x, y, z = away
        first, second, third = self._sides
        pu = x * first.take(entry) + y * second.take(entry) + z * third.take(entry)
        pv = -(x * first.take(before) + y * second.take(before) + z * third.take(before))
        uu, uv, vv = self._lengths.take(entry), self._products.take(entry), self._lengths.take(before)
        gain = np.minimum(_along(pu, uu), _along(pv, vv))
        area = uu * vv - uv * uv
        one, other = vv * pu - uv * pv, uu * pv - uv * pu
        inside = (one > 0) & (other > 0) & (one + other < area)
        height = (one * pu + other * pv) / np.maximum(area, _TINY)
        return np.where(inside, np.minimum(gain, -height), gain)


def _around(flat: NDArray[np.int32], count: int) -> tuple[Indices, Indices]:
    """Return where the entries of each vertex begin (count + 1,), and the entries (k,), vertex by vertex."""
    entries = csr_array((np.arange(len(flat)), flat, np.arange(len(flat) + 1)), shape=(len(flat), count))
    by_vertex = entries.tocsc()
    return by_vertex.indptr.astype(np.intp), by_vertex.data


def _along(product: Floats, length: Floats) -> Floats:
    """Return how much nearer (squared) a side comes than its beginning."""
    share = np.clip(product / np.maximum(length, _TINY), 0, 1)
    gain: Floats = share * (share * length - 2 * product)
    return gain


def reaches_squared(uu: Floats, uv: Floats, vv: Floats) -> Floats:
    """Return how far (squared) from a corner the places lie to which it is the nearest of the three.

    They are a polygon in the triangle; its far corners are where the bisectors of the sides meet each other
    (the circumcentre, where no angle is obtuse) or the side across. Half of either side is always in reach.
    Given are u·u, u·v and v·v of the sides from the corner.
    """
    across, product, smaller = uu - 2 * uv + vv, uu * vv, np.minimum(uu, vv)
    longer = np.maximum(uu, vv)
    longest = np.maximum(longer, across)
    centre = product * across / np.maximum(4 * (product - uv * uv), _TINY)
    centre = np.minimum(np.maximum(centre, longest / 4), longest / 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        obtuse_here = np.maximum(uu / (uu - uv), vv / (vv - uv)) ** 2 * across / 4
        obtuse_beyond = product / (uv * uv) * smaller / 4
    reach = np.where(uv < 0, obtuse_here, np.where(uv > smaller, obtuse_beyond, centre))
    return np.maximum(reach, longer / 4) * _ROUNDING
