"""Decide what the rings on one plane mean together (PS3.3 C.8.8.6.3).

The standard draws a hole in one of two ways. A *keyhole* is one CLOSED_PLANAR contour that runs around the
outside, along a channel "arbitrarily narrow", around the hole and back. Or all contours of the ROI are of
type CLOSEDPLANAR_XOR, and the ROI is their exclusive disjunction, in whatever order. What several
CLOSED_PLANAR contours on a plane mean together it does not say, and planning systems write them nested, side
by side, overlapping and more than once. Here:

- Even-odd filling makes keyholes what they are meant to be, without a look at the channel.
- CLOSEDPLANAR_XOR rings are always exclusive-or, so two that are equal cancel, as that type says.
- Repeats of a CLOSED_PLANAR ring are collapsed first: even-odd filling would erase the region.
- CLOSED_PLANAR rings inside others are holes and islands by turns, whichever way they are drawn.
- Those that overlap in part are joined, with a warning: exclusive-or would cut the overlap out.

A hole is clearly smaller than the ring around it, or lies inside it with distance, as the inner outline of a
rind does (`nested`). Outlines that enclose almost the same and cross, or run along one another, are one thing
drawn twice: resampled, rounded, smoothed or corrected. Where they differ by less than a quarter of a
millimetre all around, one of them stays; where by more, they are joined, so that nothing drawn is lost.

"Points in space lying along the path defined by the contour are considered to be part of the ROI" (the same
clause). For a voxel whose centre lies exactly on a path that cannot hold for two regions that share it, so
the half-open rule of `raster` gives it to one of them; volumes do not change by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.areas import section
from orthanc_plugins.rtstruct.geometry.nested import ALIKE, Relation, is_repeat_inside, relation
from orthanc_plugins.rtstruct.geometry.scan import lattice
from orthanc_plugins.rtstruct.geometry.touching import holders, shared_boxes, touching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

REPEAT_BOX_MM = 0.1
"""Rings whose boxes agree within this, areas within `REPEAT_AREA`, insides by `ALIKE` are one ring."""
REPEAT_AREA = 0.01
_SMALL_MM = 10 * REPEAT_BOX_MM
"""Rings no wider than this may be out by a tenth of their size, and need half of `ALIKE` only."""
MOST_RINGS = 5000
"""Beyond this many rings on a plane everything is even-odd without a closer look."""
MOST_REPEATS = 2000
"""After this many comparisons, rings of one box and area are repeats without a look at their insides."""
MOST_MEASURED = 4
"""Touching rings are measured in pairs, for every ring no more than this many (neighbours in a tiling: 3)."""
_LEAST_MEASURED = 64
_WEIGHTS = np.sqrt((2.0, 3.0, 5.0, 7.0))
_MOST_ALIKE = 64
_FEW_RINGS = 4
_LINES = 64
_FEW = 256
"""A share counted of fewer points of a lattice than this is measured."""


@dataclass(eq=False)
class PlaneRings:
    """Rings on one plane: points (n, 2) in pixels, even-odd areas in mm², and which are exclusive-or."""

    rings: Sequence[Floats]
    areas_mm2: Floats
    exclusive: NDArray[np.bool_]
    pixel_mm: Floats

    boxes: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.boxes = np.array([(*ring.min(axis=0), *ring.max(axis=0)) for ring in self.rings])

    def pair(self, small: int, large: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Return two rings, their areas (2,) in pixels and the pixel's size (2,) in mm."""
        areas_px = self.areas_mm2[[small, large]] / float(np.prod(self.pixel_mm))
        return self.rings[small], self.rings[large], areas_px, self.pixel_mm


@dataclass(frozen=True, eq=False)
class Combination:
    """What is kept of the rings on a plane.

    ``kept`` lists the rings that remain; ``groups`` and ``contributions_mm2`` go with them: rings of one
    group are joined, groups are exclusive-or; a contribution is the area a ring adds, negative for a hole.
    ``centre`` (2,), in pixels, is where the mass of all of them lies if rings overlap in part, else None.
    """

    kept: list[int]
    groups: list[int]
    contributions_mm2: list[float]
    repeats: list[int]
    overlaps: bool = False
    too_many: bool = False
    centre: Floats | None = None


def combine(plane: PlaneRings) -> Combination:
    """Return how the rings of a plane go together."""
    if len(plane.rings) > MOST_RINGS:
        return _even_odd(plane, list(range(len(plane.rings))), [])
    kept, repeats = _collapse(plane)
    shared = shared_boxes(plane.boxes[kept])
    some = np.isfinite(shared[:, 0])
    if not some.any():
        return Combination(kept, kept, plane.areas_mm2[kept].tolist(), repeats)
    near = np.array(kept)[some].tolist()
    outlines = [plane.rings[ring] for ring in near]
    met, inside = touching(outlines, shared[some]), holders(outlines, plane.areas_mm2[near])
    if met is None or inside is None:
        return _even_odd(plane, kept, repeats)
    nest = _Nest(plane, near, met, inside)
    if not nest.decide():
        return _even_odd(plane, kept, repeats)
    repeats = sorted((*repeats, *nest.repeats))
    kept = [ring for ring in kept if ring not in nest.repeats]
    roots = [_root(nest.joined, ring) if ring in nest.joined else ring for ring in kept]
    if nest.partial:
        contributions, centre = _partial_contributions(plane, kept, roots)
        return Combination(kept, roots, contributions, repeats, nest.overlaps, centre=centre)
    contributions = [float(plane.areas_mm2[ring]) * (-1 if nest.is_hole(ring) else 1) for ring in kept]
    return Combination(kept, roots, contributions, repeats)


def _even_odd(plane: PlaneRings, kept: list[int], repeats: list[int]) -> Combination:
    """Return all rings as exclusive-or, with the area that they fill so."""
    contributions, centre = _partial_contributions(plane, kept, kept)
    too_many = not plane.exclusive[kept].all()
    return Combination(kept, kept, contributions, repeats, too_many=too_many, centre=centre)


class _Nest:
    """Rings near one another, and what is found about them from the largest to the smallest."""

    def __init__(
        self, plane: PlaneRings, near: list[int], met: list[tuple[int, int]], inside: tuple[Indices, Indices]
    ) -> None:
        self.plane = plane
        areas = plane.areas_mm2
        self.order = sorted(near, key=lambda ring: (-areas[ring], ring))
        self.joined = {ring: ring for ring in near}
        self.repeats: set[int] = set()
        self.partial = self.overlaps = False
        self._touching: dict[int, list[int]] = {ring: [] for ring in near}
        self._holders: dict[int, list[int]] = {ring: [] for ring in near}
        rank = {ring: place for place, ring in enumerate(self.order)}
        for a, b in met:
            large, small = sorted((near[a], near[b]), key=rank.__getitem__)
            self._touching[small].append(large)
        for inner, outer in zip(*(ends.tolist() for ends in inside), strict=True):
            self._holders[near[inner]].append(near[outer])
        for several in (*self._touching.values(), *self._holders.values()):
            several.sort(key=lambda ring: -rank[ring])

    def decide(self) -> bool:
        """Find repeats and what is joined; return False when there is too much to measure."""
        left = MOST_MEASURED * len(self.order) + _LEAST_MEASURED
        for ring in self.order:
            left -= self._look_at(ring)
            if left < 0:
                return False
        return True

    def is_hole(self, ring: int) -> bool:
        """Return whether an odd number of rings holds one, where none overlap in part."""
        return bool(sum(holder not in self.repeats for holder in self._holders.get(ring, ())) % 2)

    def _look_at(self, ring: int) -> int:
        """Decide what a ring is to those that are larger, nearest in size first; return how many it took."""
        measured = 0
        for other in self._touching[ring]:
            if other in self.repeats or _root(self.joined, ring) == _root(self.joined, other):
                continue
            if self.plane.exclusive[[ring, other]].any():
                self.partial = True
                continue
            measured += 1
            found, in_part = relation(*self.plane.pair(ring, other))
            if found is Relation.SAME:
                self.repeats.add(ring)
                return measured
            self.partial |= in_part
            if found is Relation.OVERLAP:
                self.overlaps = True
                _join(self.joined, ring, other)
        holder = next((one for one in self._holders[ring] if one not in self.repeats), None)
        if holder is None or holder in self._touching[ring] or self.plane.exclusive[[ring, holder]].any():
            return measured
        if is_repeat_inside(*self.plane.pair(ring, holder)):
            self.repeats.add(ring)
        return measured


def _collapse(plane: PlaneRings) -> tuple[list[int], list[int]]:
    """Return the rings that stay and those that repeat one of them."""
    boxes = plane.boxes * np.tile(plane.pixel_mm, 2)
    gone = np.zeros(len(plane.rings), dtype=bool)
    compared = 0
    for index in np.flatnonzero(_not_alone(boxes)).tolist() if len(boxes) > _FEW_RINGS else range(len(boxes)):
        if gone[index] or plane.exclusive[index]:
            continue
        later = slice(index + 1, None)
        same_box = (np.abs(boxes[later] - boxes[index]) <= REPEAT_BOX_MM).all(axis=1)
        same_area = (
            np.abs(plane.areas_mm2[later] - plane.areas_mm2[index]) <= REPEAT_AREA * plane.areas_mm2[index]
        )
        close = np.flatnonzero(same_box & same_area & ~plane.exclusive[later] & ~gone[later]) + index + 1
        gone[close] = (
            [_alike(plane, index, other) for other in close.tolist()] if compared < MOST_REPEATS else True
        )
        compared += len(close)
    return np.flatnonzero(~gone).tolist(), np.flatnonzero(gone).tolist()


def _not_alone(boxes: Floats) -> NDArray[np.bool_]:
    """Return which boxes (rings, 4) in mm agree with another; all when too many nearly do.

    Boxes that agree have nearly one sum of their sides, so only those next to one another in it are compared.
    """
    sums = boxes @ _WEIGHTS
    order = np.argsort(sums, kind="stable")
    reach = sums[order] + REPEAT_BOX_MM * _WEIGHTS.sum()
    later = np.searchsorted(sums[order], reach, side="right") - np.arange(1, len(order) + 1)
    if int(later.sum()) > _MOST_ALIKE * len(order):
        return np.ones(len(boxes), dtype=bool)
    one = np.repeat(np.arange(len(order)), later)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(later) - later, later)
    a, b = order[one], order[other]
    agree = (np.abs(boxes[a] - boxes[b]) <= REPEAT_BOX_MM).all(axis=1)
    found = np.zeros(len(boxes), dtype=bool)
    found[a[agree]] = found[b[agree]] = True
    return found


def _alike(plane: PlaneRings, a: int, b: int) -> bool:
    """Return whether two rings of nearly one box and area enclose nearly the same."""
    width_mm = float(((plane.boxes[a, 2:] - plane.boxes[a, :2]) * plane.pixel_mm).min())
    return _shared(plane, a, b) >= (ALIKE / 2 if width_mm <= _SMALL_MM else ALIKE)


def _shared(plane: PlaneRings, small: int, large: int) -> float:
    """Return which share of a ring lies inside another: counted where that is plain, else measured."""
    low = np.maximum(plane.boxes[small, :2], plane.boxes[large, :2])
    high = np.minimum(plane.boxes[small, 2:], plane.boxes[large, 2:])
    first = lattice(plane.rings[small], low, high, _LINES)
    both = int(np.count_nonzero(first & lattice(plane.rings[large], low, high, _LINES)))
    counted = both / max(int(np.count_nonzero(first)), 1)
    if np.count_nonzero(first) >= _FEW and not ALIKE / 4 < counted < (1 + ALIKE) / 2:
        return counted
    ring, other, areas_px, _ = plane.pair(small, large)
    joined, _ = section([ring, other], np.zeros(2, dtype=np.intp))
    return min(max((float(areas_px.sum()) - joined) / float(areas_px[0]), 0.0), 1.0)


def _root(joined: dict[int, int], ring: int) -> int:
    while joined[ring] != ring:
        joined[ring] = joined[joined[ring]]
        ring = joined[ring]
    return ring


def _join(joined: dict[int, int], a: int, b: int) -> None:
    first, second = _root(joined, a), _root(joined, b)
    joined[max(first, second)] = min(first, second)


def _partial_contributions(
    plane: PlaneRings, kept: list[int], roots: list[int]
) -> tuple[list[float], Floats]:
    """Return contributions where rings overlap in part: the combined area, shared out by ring area."""
    area_px, centre = section([plane.rings[ring] for ring in kept], np.array(roots))
    whole = float(plane.areas_mm2[kept].sum())
    share = area_px * float(np.prod(plane.pixel_mm)) / whole
    return [share * float(plane.areas_mm2[ring]) for ring in kept], centre
