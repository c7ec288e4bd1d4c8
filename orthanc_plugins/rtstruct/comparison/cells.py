"""Surfaces sorted into boxes of boxes, so that what is far apart is told apart at a glance.

The vertices of a surface are gathered in small cubes of space, about `_PER_CELL` in each; cubes twice as
wide hold those, and so on up to one. Each has the tight box of its vertices. Sorting the vertices once,
by the binary digits of their cube's place, brings those of every cube of every size together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Singles = NDArray[np.float32]
type Indices = NDArray[np.intp]

_PER_CELL = 8
_MOST_DIGITS = 20
_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class Forest:
    """Several surfaces, one after another.

    Parameters
    ----------
    places
        Shape (3, n): all vertices, those of one box together.
    vertices
        Shape (n,): which vertex of its own mesh each of them is.
    first_place
        Shape (surfaces + 1,): where the vertices of each surface begin.
    low, high
        Shape (3, boxes): corners of the boxes.
    starts, stops
        Shape (boxes,): what a box holds: numbers of other boxes, or places of vertices where ``finest``.
    finest
        Shape (boxes,): which boxes hold vertices.
    roots
        Shape (surfaces,): each surface's widest box, which holds all of it.
    longest_side_mm
        Shape (surfaces,): the longest side of any triangle.
    """

    places: Singles
    vertices: Indices
    first_place: Indices
    low: Singles
    high: Singles
    starts: Indices
    stops: Indices
    finest: NDArray[np.bool_]
    roots: Indices
    longest_side_mm: Singles


@dataclass(frozen=True, eq=False)
class _Tree:
    """The boxes of one surface, widest first, as in `Forest` but counted from the surface's own beginning."""

    places: Singles
    vertices: Indices
    low: Singles
    high: Singles
    starts: Indices
    stops: Indices
    finest: NDArray[np.bool_]


def forest(surfaces: Sequence[Mesh]) -> Forest:
    """Return surfaces sorted into boxes."""
    trees = [_tree(surface) for surface in surfaces]
    first_place = np.cumsum([0, *(len(tree.vertices) for tree in trees)])
    roots = np.cumsum([0, *(len(tree.starts) for tree in trees)])
    shifts = [
        np.where(tree.finest, place, root)
        for tree, place, root in zip(trees, first_place[:-1], roots[:-1], strict=True)
    ]
    return Forest(
        places=np.concatenate([tree.places for tree in trees], axis=1),
        vertices=np.concatenate([tree.vertices for tree in trees]),
        first_place=first_place,
        low=np.concatenate([tree.low for tree in trees], axis=1),
        high=np.concatenate([tree.high for tree in trees], axis=1),
        starts=np.concatenate([tree.starts + shift for tree, shift in zip(trees, shifts, strict=True)]),
        stops=np.concatenate([tree.stops + shift for tree, shift in zip(trees, shifts, strict=True)]),
        finest=np.concatenate([tree.finest for tree in trees]),
        roots=roots[:-1],
        longest_side_mm=np.array([_longest_side(surface) for surface in surfaces], dtype=np.float32),
    )


def _tree(mesh: Mesh) -> _Tree:
    columns = np.ascontiguousarray(mesh.vertices_lps_mm.T)
    keys, digits = _keys(columns, mesh)
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], np.stack([axis.take(order) for axis in columns])
    low = high = places
    bounds: list[Indices] = []
    lows: list[Singles] = []
    highs: list[Singles] = []
    counted = np.arange(len(keys))
    for digit in range(digits + 1):
        cube = keys >> (3 * digit)
        begins = np.flatnonzero(np.concatenate(((True,), cube[1:] != cube[:-1])))
        low, high = np.minimum.reduceat(low, begins, axis=1), np.maximum.reduceat(high, begins, axis=1)
        bounds.insert(0, np.append(begins, len(counted)))
        lows.insert(0, low)
        highs.insert(0, high)
        keys, counted = keys[begins], begins
    sizes = [len(bound) - 1 for bound in bounds]
    shifts = [*np.cumsum(sizes)[:-1].tolist(), 0]
    return _Tree(
        places=places,
        vertices=order,
        low=np.concatenate(lows, axis=1),
        high=np.concatenate(highs, axis=1),
        starts=np.concatenate([bound[:-1] + shift for bound, shift in zip(bounds, shifts, strict=True)]),
        stops=np.concatenate([bound[1:] + shift for bound, shift in zip(bounds, shifts, strict=True)]),
        finest=np.repeat((False, True), (sum(sizes[:-1]), sizes[-1])),
    )


def _keys(columns: Singles, mesh: Mesh) -> tuple[NDArray[np.int64], int]:
    """Return each vertex's cube (n,) as one number, and to how many binary digits its places are told.

    The digits of the three axes stand beside one another, so that a shift gives the wider cube.
    """
    low = columns.min(axis=1)
    extent = float((columns.max(axis=1) - low).max())
    size = float(np.sqrt(100 * mesh.surface_cm2 / columns.shape[1] * _PER_CELL))
    most = 2**_MOST_DIGITS
    size = max(size, extent / (most - 1), 1e-6)
    cube = ((columns - low[:, None]) * np.float32(1 / size)).astype(np.int32)
    digits = int(cube.max()).bit_length()
    keys = np.zeros(columns.shape[1], dtype=np.int64)
    for digit in range(digits):
        for axis in range(3):
            keys |= ((cube[axis] >> digit) & 1).astype(np.int64) << (3 * digit + axis)
    return keys, digits


def _longest_side(mesh: Mesh) -> float:
    columns = np.ascontiguousarray(mesh.vertices_lps_mm.T)
    longest = 0.0
    for begin in range(0, len(mesh.faces), _AT_ONCE):
        corners = mesh.faces[begin : begin + _AT_ONCE].T
        squared = np.zeros(corners.shape, dtype=np.float32)
        for axis in columns:
            ends = axis.take(corners)
            squared += (ends - ends[[1, 2, 0]]) ** 2
        longest = max(longest, float(squared.max()))
    return float(np.sqrt(longest))
