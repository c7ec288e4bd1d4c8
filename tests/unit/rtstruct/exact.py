"""Slow and exact answers, by rational arithmetic or by clipping, to what the engine answers fast."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from orthanc_plugins.rtstruct.geometry.placing import SNAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

type Point = tuple[Fraction, Fraction]
type Rings = Sequence[NDArray[np.float64]]


def snapped(ring: NDArray[np.float64]) -> list[Point]:
    """Return the points (n, 2) of a ring as fractions, on the lattice that contours are rounded to."""
    return [(Fraction(round(x * SNAP), SNAP), Fraction(round(y * SNAP), SNAP)) for x, y in ring.tolist()]


def crossings_to_the_left(ring: Sequence[Point], column: int, row: int) -> int:
    """Count the sides of a ring that a line meets at or to the left of a pixel's centre.

    A side that runs from y0 down to y1 meets the line of a row when y0 <= row < y1.
    """
    count = 0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 <= row) != (y1 <= row):
            count += x0 + (row - y0) * (x1 - x0) / (y1 - y0) <= column
    return count


def inside(rings: Rings, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return which pixel centres (rows, columns) lie inside rings given in pixels, by even-odd."""
    exact = [snapped(ring) for ring in rings]
    return np.array(
        [
            [sum(crossings_to_the_left(ring, column, row) for ring in exact) % 2 for column in range(columns)]
            for row in range(rows)
        ],
        dtype=bool,
    )


def even_odd(rings: Rings) -> Any:
    """Return what rings enclose by even-odd, each of them and all together, as a shapely geometry."""
    section: Any = shapely.Polygon()
    for ring in rings:
        section = section.symmetric_difference(one_ring(ring))
    return section


def one_ring(ring: NDArray[np.float64]) -> Any:
    """Return what one ring encloses by even-odd, crossing itself or not, as a shapely geometry."""
    closed = np.vstack((ring, ring[:1]))
    sides = [shapely.LineString(pair) for pair in pairwise(closed)]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(sides)]))
    exact = snapped(ring)
    kept = [
        face
        for face in faces
        if winding_parity(exact, *(Fraction(c) for c in face.representative_point().coords[0]))
    ]
    return shapely.union_all(kept)


def winding_parity(ring: Sequence[Point], x: Fraction, y: Fraction) -> bool:
    """Return whether a point off the outline lies inside a ring by even-odd."""
    odd = False
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 <= y) != (y1 <= y):
            odd ^= x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
    return odd


def coverage(section: Any, rows: int, columns: int) -> NDArray[np.float64]:
    """Return which share of each pixel (rows, columns) a shapely geometry covers, by clipping it."""
    covered = np.zeros((rows, columns))
    if section.is_empty:
        return covered
    left, top, right, bottom = section.bounds
    i0, i1 = max(int(left), 0), min(int(right) + 2, columns)
    j0, j1 = max(int(top), 0), min(int(bottom) + 2, rows)
    j, i = np.mgrid[j0:j1, i0:i1]
    pixels = shapely.box(i - 0.5, j - 0.5, i + 0.5, j + 0.5)
    shapely.prepare(section)
    shares = shapely.contains_properly(section, pixels).astype(float)
    partly = shapely.intersects(section, pixels) & (shares == 0)
    for place in np.argwhere(partly):
        pixel = pixels[tuple(place)]
        shares[tuple(place)] = shapely.clip_by_rect(section, *pixel.bounds).area
    covered[j0:j1, i0:i1] = shares
    return covered
