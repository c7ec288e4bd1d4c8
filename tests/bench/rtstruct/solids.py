"""Solids drawn with fewer points, and the surfaces that `tests.builders` leaves open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tests.builders import Cylinder, Difference, Ellipsoid, Keyhole, Shape, Together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.builders.shapes import Points, Vector


@dataclass(frozen=True)
class Thinned:
    """A solid whose sections have every n-th point only; the polygon's area stays the section's."""

    shape: Shape
    every: int

    @property
    def volume_ml(self) -> float:
        return self.shape.volume_ml

    @property
    def surface_cm2(self) -> float | None:
        return self.shape.surface_cm2

    @property
    def bounds_mm(self) -> Points:
        return self.shape.bounds_mm

    @property
    def centroid_mm(self) -> Points:
        return self.shape.centroid_mm

    def rings(self, w: float) -> list[Points]:
        return [_thinned_ring(ring, self.every) for ring in self.shape.rings(w)]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        return self.shape.contains(u, v, w)


def _thinned_ring(ring: Points, every: int) -> Points:
    kept = ring[::every]
    middle = kept.mean(axis=0)
    grown: Points = middle + (kept - middle) * math.sqrt(_area(ring) / _area(kept))
    return grown


def _area(ring: Points) -> float:
    """Return the area of a ring (n, 2)."""
    u, v = (ring - ring[0]).T
    return abs(float(np.dot(u, np.roll(v, -1)) - np.dot(v, np.roll(u, -1)))) / 2


def thinned(shape: Shape, every: int) -> Shape:
    """Return a solid drawn with every n-th point, parts and holes each for themselves."""
    match shape:
        case Ellipsoid() | Cylinder():
            return Thinned(shape, every)
        case Difference(outer, hole):
            return Difference(thinned(outer, every), thinned(hole, every))
        case Keyhole(Difference(outer, hole)):
            return Keyhole(Difference(thinned(outer, every), thinned(hole, every)))
        case Together(parts):
            return Together(tuple(thinned(part, every) for part in parts))
        case _:
            return shape


def surface_cm2(shape: Shape) -> float | None:
    """Return the surface of a solid, that of ellipsoids by quadrature; None where it is not known."""
    match shape:
        case Thinned(inner, _) | Keyhole(inner):
            return surface_cm2(inner)
        case Ellipsoid():
            return _ellipsoid_cm2(shape.radii)
        case Cylinder():
            return _cylinder_cm2(shape)
        case Difference(outer, hole):
            both = _sum((outer, hole))
            # at each end an opening was counted twice: in the solid's own end, and as the hole's
            return None if both is None else both - 4 * _opening_cm2(outer, hole)
        case Together(parts):
            return _sum(parts)
        case _:
            return shape.surface_cm2


def _opening_cm2(outer: Shape, hole: Shape) -> float:
    """Return the area of one opening where a hole goes through, 0 where it does not."""
    inner = hole.shape if isinstance(hole, Thinned) else hole
    if not isinstance(inner, Cylinder) or inner.bounds_mm[1, 2] < outer.bounds_mm[1, 2]:
        return 0.0
    return math.pi * inner.radii[0] * inner.radii[1] / 100


def _sum(parts: Sequence[Shape]) -> float | None:
    known = [found for part in parts if (found := surface_cm2(part)) is not None]
    return sum(known) if len(known) == len(parts) else None


def _cylinder_cm2(shape: Cylinder) -> float:
    """Return the surface of an elliptic cylinder, its circumference by even steps around."""
    turns = (np.arange(4000) + 0.5) * (2 * math.pi / 4000)
    a, b = shape.radii
    around = float(np.hypot(a * np.sin(turns), b * np.cos(turns)).sum() * (2 * math.pi / 4000))
    return (around * shape.height + 2 * math.pi * a * b) / 100


def _ellipsoid_cm2(radii_mm: Vector) -> float:
    """Return the surface of an ellipsoid: Gauss-Legendre in the height, even steps around."""
    a, b, c = radii_mm
    heights, weights = np.polynomial.legendre.leggauss(200)
    turns = (np.arange(400) + 0.5) * (2 * math.pi / 400)
    across = 1 - heights[:, None] ** 2
    x, y = np.cos(turns[None]) ** 2 * across, np.sin(turns[None]) ** 2 * across
    density = a * b * c * np.sqrt(x / a**2 + y / b**2 + heights[:, None] ** 2 / c**2)
    return float((weights @ density).sum() * (2 * math.pi / 400) / 100)
