"""Exact distances between points, segments and triangles, many at a time.

All arrays run over pairs: row n of one goes with row n of the other. Distances are squared, in mm², and
nothing here knows of meshes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Mask = NDArray[np.bool_]

_TINY = 1e-300
"""Keeps quotients of degenerate edges finite; far below any product of lengths that means something."""
_SIDES = ((0, 1), (1, 2), (2, 0))


@dataclass(frozen=True, eq=False)
class Triangles:
    """Triangles with what a distance to them needs, worked out once.

    ``corner`` (m, 3) is the first corner, ``u`` and ``v`` (m, 3) lead from it to the other two; ``products``
    (m, 3) holds u·u, u·v and v·v.
    """

    corner: Floats
    u: Floats
    v: Floats
    products: Floats

    @classmethod
    def of(cls, corners: Floats) -> Triangles:
        """Return the triangles with these corners (m, 3, 3)."""
        u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        return cls(corners[:, 0], u, v, np.stack((_dot(u, u), _dot(u, v), _dot(v, v)), axis=1))

    def taken(self, which: NDArray[np.intp]) -> Triangles:
        """Return some of the triangles, in the order asked."""
        return Triangles(self.corner[which], self.u[which], self.v[which], self.products[which])

    def squared_to(self, points: Floats) -> Floats:
        """Return the squared distance (m,) of each triangle to the point (m, 3) of the same row.

        The nearest place is on one of the three sides, or inside when the point's foot is.
        """
        uu, uv, vv = self.products.T
        away = points - self.corner
        pp, pu, pv = _dot(away, away), _dot(away, self.u), _dot(away, self.v)
        opposite = uu - 2 * uv + vv
        along = pv - pu - uv + uu
        nearest = _to_segment(pp, pu, uu)
        np.minimum(nearest, _to_segment(pp, pv, vv), out=nearest)
        np.minimum(nearest, _to_segment(pp - 2 * pu + uu, along, opposite), out=nearest)
        area = uu * vv - uv * uv
        first, second = vv * pu - uv * pv, uu * pv - uv * pu
        inside = (first > 0) & (second > 0) & (first + second < area)
        height = pp - (first * pu + second * pv) / np.maximum(area, _TINY)
        return np.maximum(np.where(inside, np.minimum(nearest, height), nearest), 0)


def _dot(a: Floats, b: Floats) -> Floats:
    product: Floats = np.einsum("ij,ij->i", a, b)
    return product


def _to_segment(squared: Floats, along: Floats, length: Floats) -> Floats:
    """Return squared distances to segments.

    Given are the squared distance to the start, the product with the segment, and its squared length.
    """
    share = np.clip(along / np.maximum(length, _TINY), 0, 1)
    distance: Floats = squared + share * (share * length - 2 * along)
    return distance


def triangle_distances(corners: Floats, others: Floats) -> Floats:
    """Return the squared distances (n,) between triangles with corners (n, 3, 3); 0 where they cross."""
    first, second = Triangles.of(corners), Triangles.of(others)
    nearest = np.full(len(corners), np.inf)
    crossing = np.zeros(len(corners), dtype=bool)
    for corner in range(3):
        np.minimum(nearest, first.squared_to(others[:, corner]), out=nearest)
        np.minimum(nearest, second.squared_to(corners[:, corner]), out=nearest)
    for start, stop in _SIDES:
        crossing |= _pierces(corners[:, start], corners[:, stop], second)
        crossing |= _pierces(others[:, start], others[:, stop], first)
        for begin, end in _SIDES:
            sides = _segment_distances(corners[:, start], corners[:, stop], others[:, begin], others[:, end])
            np.minimum(nearest, sides, out=nearest)
    nearest[crossing] = 0
    return nearest


def _pierces(start: Floats, stop: Floats, triangles: Triangles) -> Mask:
    """Return which segments pass through the inside of their triangle."""
    normal = np.cross(triangles.u, triangles.v)
    away = start - triangles.corner
    before, after = _dot(away, normal), _dot(stop - triangles.corner, normal)
    apart = before - after
    share = before / np.where(apart == 0, 1, apart)
    foot = away + share[:, None] * (stop - start)
    uu, uv, vv = triangles.products.T
    pu, pv = _dot(foot, triangles.u), _dot(foot, triangles.v)
    first, second = vv * pu - uv * pv, uu * pv - uv * pu
    inside = (first >= 0) & (second >= 0) & (first + second <= uu * vv - uv * uv)
    through: Mask = inside & (before * after <= 0) & (apart != 0)
    return through


def _segment_distances(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Return the squared distances (n,) between the segments ab and cd, each end (n, 3)."""
    u, v, w = b - a, d - c, a - c
    uu, uv, vv, uw, vw = _dot(u, u), _dot(u, v), _dot(v, v), _dot(u, w), _dot(v, w)
    apart = uu * vv - uv * uv
    share = np.clip((uv * vw - vv * uw) / np.where(apart > 0, apart, np.inf), 0, 1)
    other = np.clip((uv * share + vw) / np.maximum(vv, _TINY), 0, 1)
    share = np.clip((uv * other - uw) / np.maximum(uu, _TINY), 0, 1)
    between = w + share[:, None] * u - other[:, None] * v
    return _dot(between, between)
