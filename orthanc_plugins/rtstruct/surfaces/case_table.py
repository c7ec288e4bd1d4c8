"""The table of marching cubes, made from two rules instead of typed in.

A cell has a value at each of its eight corners; bit ``x + 2 y + 4 z`` of its case says that the corner (x, y,
z) is inside. Where the surface crosses an edge of the cell, it has one vertex.

The first rule joins vertices on the cell's faces: from where a walk around a face goes out, to where it next
comes in. It looks at the four corners of the face only, so the two cells beside it draw the same line, in
opposite directions: the surface is closed whatever the values are. Where two opposite corners of a face are
inside, the rule joins them, so that what is thin stays in one piece. The lines of a cell form loops.

The second rule fills a loop with triangles, never by a diagonal between two vertices of one face: the cell
beyond might draw it too, and four triangles would meet in one edge. Each loop has such a filling; of several,
the one with the shortest diagonals is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

type Loop = tuple[int, ...]
type Triangle = tuple[int, int, int]

CASES = 256
EDGES = tuple((axis, corner) for axis in range(3) for corner in range(8) if not corner >> axis & 1)
"""The twelve edges of a cell: the axis each runs along (0 is x) and the corner it starts from."""
_EDGE = {edge: number for number, edge in enumerate(EDGES)}
_SQUARE = ((0, 0), (1, 0), (1, 1), (0, 1))


@dataclass(frozen=True, eq=False)
class CaseTable:
    """The triangles of every case.

    Parameters
    ----------
    counts
        Shape (256,): how many triangles.
    first
        Shape (256,): where a case's triangles begin in ``corners``.
    corners
        Shape (triangles, 3): the edge that each corner lies on; anticlockwise seen from outside the region
        where x, y, z are right-handed.
    """

    counts: NDArray[np.intp]
    first: NDArray[np.intp]
    corners: NDArray[np.intp]


@cache
def case_table() -> CaseTable:
    """Return the table; made once, in about ten milliseconds."""
    filled = [[triangle for loop in loops(case) for triangle in filling(loop)] for case in range(CASES)]
    counts = np.array([len(triangles) for triangles in filled], dtype=np.intp)
    corners = np.array([triangle for triangles in filled for triangle in triangles], dtype=np.intp)
    return CaseTable(counts, np.cumsum(counts) - counts, corners)


def loops(case: int) -> list[Loop]:
    """Return the closed lines of a case as the edges they pass, turning left seen from outside.

    >>> loops(0b0000_0001)
    [(0, 4, 8)]
    """
    following: dict[int, int] = {}
    for corners, edges in _faces():
        inside = [bool(case >> corner & 1) for corner in corners]
        for place in range(4):
            if inside[place] and not inside[(place + 1) % 4]:
                onward = (place + 1) % 4
                while not inside[(onward + 1) % 4]:
                    onward = (onward + 1) % 4
                following[edges[onward]] = edges[place]
    found = []
    while following:
        loop = [min(following)]
        while (edge := following.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        found.append(tuple(loop))
    return found


def filling(loop: Loop) -> list[Triangle]:
    """Return the triangles of a loop, as edges of the cell, turning as the loop does.

    >>> filling((0, 4, 8))
    [(0, 4, 8)]
    """
    return min(_fillings(loop), key=_length)


def _fillings(loop: Loop) -> Iterator[list[Triangle]]:
    """Yield every way to fill a loop by diagonals through the cell's inside."""
    if len(loop) < 3:  # noqa: PLR2004 - a side
        yield []
        return
    for place in range(1, len(loop) - 1):
        first, apex, last = loop[0], loop[place], loop[-1]
        sides = ((first, apex), place == 1), ((apex, last), place == len(loop) - 2)
        if all(beside or not _share_face(*pair) for pair, beside in sides):
            halves = product(_fillings(loop[: place + 1]), _fillings(loop[place:]))
            for left, right in halves:
                yield [*left, (first, apex, last), *right]


def _length(triangles: list[Triangle]) -> float:
    """Return the sum of all sides, squared, with vertices at the middles of the edges."""
    points = np.array([_middle(edge) for triangle in triangles for edge in triangle]).reshape(-1, 3, 3)
    return float(((points - np.roll(points, 1, axis=1)) ** 2).sum())


def _middle(edge: int) -> list[float]:
    axis, corner = EDGES[edge]
    return [0.5 if other == axis else float(corner >> other & 1) for other in range(3)]


def _share_face(one: int, other: int) -> bool:
    """Return whether two edges lie in one face of the cell."""
    return any(one in edges and other in edges for _, edges in _faces())


@cache
def _faces() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Return each face's corners, anticlockwise seen from outside the cell, and the edges after each."""
    faces = []
    for axis in range(3):
        second, third = (axis + 1) % 3, (axis + 2) % 3
        for side in range(2):
            corners = [side << axis | u << second | v << third for u, v in _SQUARE]
            if not side:
                corners.reverse()
            pairs = zip(corners, corners[1:] + corners[:1], strict=True)
            edges = [_EDGE[(one ^ other).bit_length() - 1, one & other] for one, other in pairs]
            faces.append((tuple(corners), tuple(edges)))
    return tuple(faces)
