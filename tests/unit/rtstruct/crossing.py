"""Whether a surface crosses itself: triangle against triangle, for small meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACHES = 1e-9


def crossings(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> int:
    """Return how often a side of a triangle passes through another one that shares no vertex with it."""
    corners = vertices[faces].astype(np.float64)
    middles = corners.mean(axis=1)
    radii = np.linalg.norm(corners - middles[:, None], axis=2).max(axis=1)
    found = 0
    order = np.argsort(radii)
    for share in np.array_split(order, max(1, len(order) // 2000)):
        near = cKDTree(middles[share]).query_ball_point(middles, radii + radii[share].max())
        first = np.repeat(np.arange(len(faces)), [len(some) for some in near])
        second = share[np.concatenate([np.asarray(some, dtype=np.intp) for some in near])]
        apart = (faces[first][:, :, None] != faces[second][:, None, :]).all(axis=(1, 2))
        first, second = first[apart], second[apart]
        close = np.linalg.norm(middles[first] - middles[second], axis=1) <= radii[first] + radii[second]
        first, second = first[close], second[close]
        for side in range(3):
            found += int(
                _pierces(corners[first, side], corners[first, (side + 1) % 3], corners[second]).sum()
            )
    return found


def _pierces(
    start: NDArray[np.float64], stop: NDArray[np.float64], triangle: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return whether segments (n, 3) pass through the inside of triangles (n, 3, 3)."""
    a, b, c = triangle.transpose(1, 0, 2)
    along = stop - start
    across = np.cross(along, c - a)
    scale = np.einsum("ij,ij->i", b - a, across)
    some = np.abs(scale) > 0
    inverse = 1 / np.where(some, scale, 1)
    u = np.einsum("ij,ij->i", start - a, across) * inverse
    turned = np.cross(start - a, b - a)
    v = np.einsum("ij,ij->i", along, turned) * inverse
    t = np.einsum("ij,ij->i", c - a, turned) * inverse
    inside = (u > _REACHES) & (v > _REACHES) & (u + v < 1 - _REACHES)
    passes: NDArray[np.bool_] = some & inside & (t > _REACHES) & (t < 1 - _REACHES)
    return passes
