"""What two rings on one plane are to each other: apart, a hole, an overlap, or one outline drawn twice.

Both a repeat and the inner outline of a thin rind lie almost wholly inside a ring of almost their size. What
tells them apart is the distance: a rind is as thick as somebody drew it nearly all around, while repeats
cross the outline or run along it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.areas import section
from orthanc_plugins.rtstruct.geometry.scan import ring_edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.scan import Floats

NESTED = 0.95
"""A ring of which this share lies inside another is inside it."""
APART = 0.005
"""Rings that share less than this part of the smaller one are apart."""
ALIKE = 0.9
"""Rings with this share of what they enclose together in common are alike: a rind, or drawn twice."""
CLEARLY_SMALLER = 0.5
"""With less than this in common, the inner ring is a hole, however thin what is around it."""
RIND_MM = 0.25
"""A rind is no thinner than this, nor than half a pixel where pixels are finer; repeats may be so far off."""
RIND_AROUND = 0.75
"""This share of its inner outline lies inside by the thickness of a rind; of a repeat's, half at most."""
_ALONG = 64
_AT_ONCE = 500_000
_ROUNDING = 1e-9


class Relation(Enum):
    """What the smaller of two rings is to the larger one."""

    APART = auto()
    HOLE = auto()
    OVERLAP = auto()
    SAME = auto()


def relation(small: Floats, large: Floats, areas_px: Floats, pixel_mm: Floats) -> tuple[Relation, bool]:
    """Return what a ring is to a larger one whose outline it meets, and whether it lies in it in part.

    Parameters
    ----------
    small, large
        Each (n, 2), in pixels.
    areas_px
        Shape (2,): the even-odd area of each.
    pixel_mm
        Shape (2,): width and height of a pixel.
    """
    joined, _ = section([small, large], np.zeros(2, dtype=np.intp))
    own, whole = areas_px.tolist()
    common = min(max(own + whole - joined, 0.0), own)
    in_part = _ROUNDING * own < common < (1 - _ROUNDING) * own
    if common <= APART * own:
        return Relation.APART, in_part
    if common < NESTED * own:
        return Relation.OVERLAP, in_part
    if not _drawn_twice(small, large, (own, whole, common), pixel_mm):
        return Relation.HOLE, in_part
    lost = (own - common) * float(np.prod(pixel_mm))
    return (Relation.SAME if lost <= _thin(small, pixel_mm) else Relation.OVERLAP), in_part


def is_repeat_inside(small: Floats, large: Floats, areas_px: Floats, pixel_mm: Floats) -> bool:
    """Return whether a ring wholly inside another, nowhere meeting its outline, is the same drawn twice."""
    own, whole = areas_px.tolist()
    return _drawn_twice(small, large, (own, whole, own), pixel_mm)


def _drawn_twice(
    small: Floats, large: Floats, areas_px: tuple[float, float, float], pixel_mm: Floats
) -> bool:
    """Return whether a ring nearly inside another (areas: own, other's, common) repeats its outline."""
    own, whole, common = areas_px
    if common < CLEARLY_SMALLER * (own + whole - common):
        return False
    differing = (own + whole - 2 * common) * float(np.prod(pixel_mm))
    if differing <= _thin(small, pixel_mm):
        return True
    return common >= ALIKE * (own + whole - common) and not _is_rind(small, large, pixel_mm)


def _rind_mm(pixel_mm: Floats) -> float:
    return min(RIND_MM, float(pixel_mm.min()) / 2)


def _thin(ring: Floats, pixel_mm: Floats) -> float:
    """Return the area in mm² of the thinnest rind along a ring."""
    sides = (np.roll(ring, -1, axis=0) - ring) * pixel_mm
    return _rind_mm(pixel_mm) * float(np.hypot(sides[:, 0], sides[:, 1]).sum())


def _is_rind(inner: Floats, outer: Floats, pixel_mm: Floats) -> bool:
    """Return whether an outline keeps the distance of a rind to the one around it, nearly all along."""
    points = _along(inner * pixel_mm, _ALONG)
    within = _inside(points, outer * pixel_mm)
    if np.count_nonzero(within) < RIND_AROUND * len(points):
        return False
    far = _distances(points[within], outer * pixel_mm) >= _rind_mm(pixel_mm)
    return bool(np.count_nonzero(far) >= RIND_AROUND * len(points))


def _along(ring: Floats, count: int) -> Floats:
    """Return points (count, 2) that are evenly spread along a ring."""
    closed = np.vstack((ring, ring[:1]))
    run = np.concatenate(((0.0,), np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    at = (np.arange(count) + 0.5) / count * run[-1]
    return np.column_stack([np.interp(at, run, closed[:, axis]) for axis in (0, 1)])


def _portions(points: Floats, sides: int) -> Iterator[Floats]:
    """Yield points some at a time, shaped (some, 1, 2), so that memory stays small beside many sides."""
    some = max(_AT_ONCE // sides, 1)
    for begin in range(0, len(points), some):
        yield points[begin : begin + some, None]


def _inside(points: Floats, ring: Floats) -> NDArray[np.bool_]:
    """Return which points (points, 2) lie inside a ring."""
    edges = ring_edges(ring, np.array((0, len(ring))))
    slope = (edges.x1 - edges.x0) / (edges.y1 - edges.y0)
    found = []
    for part in _portions(points, len(ring)):
        x, y = part[..., 0], part[..., 1]
        left = (edges.y0 <= y) & (y < edges.y1) & (edges.x0 + (y - edges.y0) * slope < x)
        found.append(left.sum(axis=1) % 2 == 1)
    return np.concatenate(found)


def _distances(points: Floats, ring: Floats) -> Floats:
    """Return how far points (points, 2) lie from the outline of a ring."""
    sides = np.roll(ring, -1, axis=0) - ring
    lengths = np.maximum((sides**2).sum(axis=1), np.finfo(np.float64).tiny)
    found = []
    for part in _portions(points, len(ring)):
        away = part - ring
        share = np.clip((away * sides).sum(axis=2) / lengths, 0, 1)
        found.append(((away - share[..., None] * sides) ** 2).sum(axis=2).min(axis=1))
    return np.sqrt(np.concatenate(found))
