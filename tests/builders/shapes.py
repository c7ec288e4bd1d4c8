"""Solid shapes with exact plane sections and volumes in closed form.

Coordinates are (u, v, w) in mm: u along the image rows, v down the columns, w along the slice normal. A
shape is closed under the section w = constant: `rings` gives that section as polygons, outer rings and holes
alike, so even-odd filling of the rings is the section.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

type Points = NDArray[np.float64]
type Vector = tuple[float, float, float]

_SEGMENT_MM = 1.0
_FEWEST_POINTS = 48
_MOST_POINTS = 900


class Shape(Protocol):
    """A solid of known volume."""

    @property
    def volume_ml(self) -> float:
        """Volume in ml."""

    @property
    def surface_cm2(self) -> float | None:
        """Surface in cm², None where there is no closed form."""

    @property
    def bounds_mm(self) -> Points:
        """Shape (2, 3): lowest and highest u, v, w."""

    @property
    def centroid_mm(self) -> Points:
        """Shape (3,): centre of mass u, v, w."""

    def rings(self, w: float) -> list[Points]:
        """Return the rings, each (n, 2) of u, v in mm, where the plane w cuts the shape."""

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        """Return which of the points (u, v, w) lie inside."""


def ellipse(centre: tuple[float, float], a: float, b: float) -> Points:
    """Return a polygon on an ellipse whose area is the ellipse's own."""
    count = int(np.clip(2 * math.pi * max(a, b) / _SEGMENT_MM, _FEWEST_POINTS, _MOST_POINTS))
    angles = 2 * math.pi * (np.arange(count, dtype=np.float64) + 0.5) / count
    grow = math.sqrt(2 * math.pi / count / math.sin(2 * math.pi / count))
    return np.column_stack((centre[0] + a * grow * np.cos(angles), centre[1] + b * grow * np.sin(angles)))


@dataclass(frozen=True)
class Box:
    """A box along the image axes; ``size`` are its full lengths."""

    centre: Vector
    size: Vector

    @property
    def volume_ml(self) -> float:
        return math.prod(self.size) / 1000

    @property
    def surface_cm2(self) -> float:
        a, b, c = self.size
        return 2 * (a * b + b * c + a * c) / 100

    @property
    def bounds_mm(self) -> Points:
        half = np.array(self.size) / 2
        return np.array((np.array(self.centre) - half, np.array(self.centre) + half))

    @property
    def centroid_mm(self) -> Points:
        return np.array(self.centre)

    def rings(self, w: float) -> list[Points]:
        low, high = self.bounds_mm
        if not low[2] <= w < high[2]:
            return []
        return [np.array([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        low, high = self.bounds_mm
        inside: NDArray[np.bool_] = (u >= low[0]) & (u < high[0]) & (v >= low[1]) & (v < high[1])
        return inside & np.bool_(low[2] <= w < high[2])


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid along the image axes; three equal radii make a sphere."""

    centre: Vector
    radii: Vector

    @property
    def volume_ml(self) -> float:
        return 4 / 3 * math.pi * math.prod(self.radii) / 1000

    @property
    def surface_cm2(self) -> float | None:
        if len(set(self.radii)) > 1:
            return None
        return 4 * math.pi * self.radii[0] ** 2 / 100

    @property
    def bounds_mm(self) -> Points:
        return np.array((np.subtract(self.centre, self.radii), np.add(self.centre, self.radii)))

    @property
    def centroid_mm(self) -> Points:
        return np.array(self.centre)

    def rings(self, w: float) -> list[Points]:
        height = (w - self.centre[2]) / self.radii[2]
        if abs(height) >= 1:
            return []
        shrink = math.sqrt(1 - height**2)
        return [ellipse((self.centre[0], self.centre[1]), self.radii[0] * shrink, self.radii[1] * shrink)]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        across = ((u - self.centre[0]) / self.radii[0]) ** 2 + ((v - self.centre[1]) / self.radii[1]) ** 2
        inside: NDArray[np.bool_] = across + ((w - self.centre[2]) / self.radii[2]) ** 2 < 1
        return inside


@dataclass(frozen=True)
class Cylinder:
    """An elliptic cylinder that stands on the slices: radii across, height along w."""

    centre: Vector
    radii: tuple[float, float]
    height: float

    @property
    def volume_ml(self) -> float:
        return math.pi * self.radii[0] * self.radii[1] * self.height / 1000

    @property
    def surface_cm2(self) -> float | None:
        if self.radii[0] != self.radii[1]:
            return None
        return 2 * math.pi * self.radii[0] * (self.radii[0] + self.height) / 100

    @property
    def bounds_mm(self) -> Points:
        half = np.array((*self.radii, self.height / 2))
        return np.array((np.array(self.centre) - half, np.array(self.centre) + half))

    @property
    def centroid_mm(self) -> Points:
        return np.array(self.centre)

    def rings(self, w: float) -> list[Points]:
        if not -self.height / 2 <= w - self.centre[2] < self.height / 2:
            return []
        return [ellipse((self.centre[0], self.centre[1]), *self.radii)]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        across = ((u - self.centre[0]) / self.radii[0]) ** 2 + ((v - self.centre[1]) / self.radii[1]) ** 2
        inside: NDArray[np.bool_] = across < 1
        return inside & np.bool_(-self.height / 2 <= w - self.centre[2] < self.height / 2)


@dataclass(frozen=True)
class Torus:
    """A ring of circular section around the slice normal."""

    centre: Vector
    ring_radius: float
    tube_radius: float

    @property
    def volume_ml(self) -> float:
        return 2 * math.pi**2 * self.ring_radius * self.tube_radius**2 / 1000

    @property
    def surface_cm2(self) -> float:
        return 4 * math.pi**2 * self.ring_radius * self.tube_radius / 100

    @property
    def bounds_mm(self) -> Points:
        reach = np.array((self.ring_radius + self.tube_radius,) * 2 + (self.tube_radius,))
        return np.array((np.array(self.centre) - reach, np.array(self.centre) + reach))

    @property
    def centroid_mm(self) -> Points:
        return np.array(self.centre)

    def rings(self, w: float) -> list[Points]:
        height = w - self.centre[2]
        if abs(height) >= self.tube_radius:
            return []
        half = math.sqrt(self.tube_radius**2 - height**2)
        middle = (self.centre[0], self.centre[1])
        return [ellipse(middle, r, r) for r in (self.ring_radius + half, self.ring_radius - half)]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        radius = np.hypot(u - self.centre[0], v - self.centre[1])
        inside: NDArray[np.bool_] = (radius - self.ring_radius) ** 2 + (
            w - self.centre[2]
        ) ** 2 < self.tube_radius**2
        return inside


@dataclass(frozen=True)
class Fork:
    """A bifurcating vessel: one trunk below, two arms above that lean apart along u.

    Sections are circles of one radius; above the fork the two circles overlap until they are a diameter
    apart, and the section there is their union.
    """

    centre: Vector
    radius: float
    trunk: float
    arms: float
    lean: float = 0.8

    @property
    def _overlap_height(self) -> float:
        return self.radius / self.lean

    @property
    def volume_ml(self) -> float:
        circle = math.pi * self.radius**2
        doubled = 8 / 3 * self.radius**3 / (2 * self.lean)
        return (circle * self.trunk + 2 * circle * self.arms - doubled) / 1000

    @property
    def surface_cm2(self) -> None:
        return None

    @property
    def bounds_mm(self) -> Points:
        reach = self.radius + self.lean * self.arms
        relative = ((-reach, -self.radius, -self.trunk), (reach, self.radius, self.arms))
        bounds: Points = np.array(relative) + np.array(self.centre)
        return bounds

    @property
    def centroid_mm(self) -> Points:
        """Only u and v are exact, by symmetry; w is the middle of the bounds."""
        middle: Points = self.bounds_mm.mean(axis=0)
        return middle

    def rings(self, w: float) -> list[Points]:
        height = w - self.centre[2]
        if not -self.trunk <= height < self.arms:
            return []
        shift = max(height, 0.0) * self.lean
        u, v = self.centre[:2]
        if shift == 0:
            return [ellipse((u, v), self.radius, self.radius)]
        if shift >= self.radius:
            return [ellipse((u + side * shift, v), self.radius, self.radius) for side in (-1, 1)]
        return [self._joined(shift) + np.array((u, v))]

    def _joined(self, shift: float) -> Points:
        """Return the outline of two circles whose centres are ``2 shift`` apart."""
        corner = math.acos(-shift / self.radius)
        angles = np.linspace(-corner, corner, 180)
        right = np.column_stack((shift + self.radius * np.cos(angles), self.radius * np.sin(angles)))
        return np.vstack((right, -right))

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        height = w - self.centre[2]
        shift = max(height, 0.0) * self.lean
        across = np.minimum(np.abs(u - self.centre[0] - shift), np.abs(u - self.centre[0] + shift))
        inside: NDArray[np.bool_] = np.hypot(across, v - self.centre[1]) < self.radius
        return inside & np.bool_(-self.trunk <= height < self.arms)


@dataclass(frozen=True)
class Difference:
    """A shape with a hole; the hole lies wholly inside, so its rings are nested."""

    outer: Shape
    hole: Shape

    @property
    def volume_ml(self) -> float:
        return self.outer.volume_ml - self.hole.volume_ml

    @property
    def surface_cm2(self) -> float | None:
        outer, hole = self.outer.surface_cm2, self.hole.surface_cm2
        return None if outer is None or hole is None else outer + hole

    @property
    def bounds_mm(self) -> Points:
        return self.outer.bounds_mm

    @property
    def centroid_mm(self) -> Points:
        whole, hole = self.outer.volume_ml, self.hole.volume_ml
        centre: Points = (whole * self.outer.centroid_mm - hole * self.hole.centroid_mm) / (whole - hole)
        return centre

    def rings(self, w: float) -> list[Points]:
        return self.outer.rings(w) + self.hole.rings(w)

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        return self.outer.contains(u, v, w) & ~self.hole.contains(u, v, w)


@dataclass(frozen=True)
class Keyhole:
    """The same solid as a `Difference`, its hole reached by a cut of no width: one ring instead of two."""

    solid: Difference

    @property
    def volume_ml(self) -> float:
        return self.solid.volume_ml

    @property
    def surface_cm2(self) -> float | None:
        return self.solid.surface_cm2

    @property
    def bounds_mm(self) -> Points:
        return self.solid.bounds_mm

    @property
    def centroid_mm(self) -> Points:
        return self.solid.centroid_mm

    def rings(self, w: float) -> list[Points]:
        rings = self.solid.rings(w)
        if len(rings) < 2:
            return rings
        outer, hole = rings
        return [np.vstack((outer, outer[:1], hole[:1], hole[:0:-1], hole[:1]))]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        return self.solid.contains(u, v, w)


@dataclass(frozen=True)
class Together:
    """Several shapes that do not touch, as one region: several rings in a slice."""

    parts: tuple[Shape, ...]

    @property
    def volume_ml(self) -> float:
        return sum(part.volume_ml for part in self.parts)

    @property
    def surface_cm2(self) -> float | None:
        surfaces = [part.surface_cm2 for part in self.parts]
        return None if None in surfaces else sum(s for s in surfaces if s is not None)

    @property
    def bounds_mm(self) -> Points:
        bounds = np.array([part.bounds_mm for part in self.parts])
        return np.array((bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)))

    @property
    def centroid_mm(self) -> Points:
        weights = np.array([part.volume_ml for part in self.parts])
        centre: Points = weights @ np.array([part.centroid_mm for part in self.parts]) / weights.sum()
        return centre

    def rings(self, w: float) -> list[Points]:
        return [ring for part in self.parts for ring in part.rings(w)]

    def contains(self, u: Points, v: Points, w: float) -> NDArray[np.bool_]:
        inside = np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=bool)
        for part in self.parts:
            inside |= part.contains(u, v, w)
        return inside
