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

"Points in space lying along the path defined by the contour are considered to be part of the ROI" (the same
clause). For a voxel whose centre lies exactly on a path that cannot hold for two regions that share it, so
the half-open rule of `raster` gives it to one of them; volumes do not change by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.areas import section
from orthanc_plugins.rtstruct.geometry.scan import lattice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

type Floats = NDArray[np.float64]

REPEAT_BOX_MM = 0.1
"""Rings whose boxes agree within this, areas within `REPEAT_AREA` and insides by `ALIKE` are one ring."""
REPEAT_AREA = 0.01
ALIKE = 0.9
"""This share of a repeat lies inside the ring it repeats; the two halves of a square share nothing."""
_SMALL_MM = 10 * REPEAT_BOX_MM
"""Rings no wider than this may be out by a tenth of their size, and need half of `ALIKE` only."""
NESTED = 0.95
"""A ring of which this share lies inside another is inside it."""
APART = 0.005
"""Rings that share less than this part of the smaller one are apart."""
MOST_RINGS = 5000
"""Beyond this many rings on a plane, or pairs to compare, everything is even-odd without a closer look."""
MOST_PAIRS = 2000
_LINES = 64


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
        everything = list(range(len(plane.rings)))
        return Combination(everything, everything, plane.areas_mm2.tolist(), [], too_many=True)
    kept, repeats = _collapse(plane)
    pairs = _touching(plane, kept)
    if len(pairs) > MOST_PAIRS:
        return Combination(
            kept, list(range(len(kept))), plane.areas_mm2[kept].tolist(), repeats, too_many=True
        )
    holders = dict.fromkeys(kept, 0)
    joined = {ring: ring for ring in kept}
    partial = overlaps = False
    for a, b in pairs:
        small, large = (a, b) if plane.areas_mm2[a] <= plane.areas_mm2[b] else (b, a)
        share = _shared(plane, small, large)
        partial |= 0 < share < 1
        if share >= NESTED:
            holders[small] += 1
        elif share > APART and not (plane.exclusive[a] or plane.exclusive[b]):
            overlaps = True
            _join(joined, a, b)
    roots = [_root(joined, ring) for ring in kept]
    if partial:
        contributions, centre = _partial_contributions(plane, kept, roots)
        return Combination(kept, roots, contributions, repeats, overlaps, centre=centre)
    contributions = [float(plane.areas_mm2[ring]) * (-1 if holders[ring] % 2 else 1) for ring in kept]
    return Combination(kept, roots, contributions, repeats, overlaps)


def _collapse(plane: PlaneRings) -> tuple[list[int], list[int]]:
    """Return the rings that stay and those that repeat one of them."""
    boxes = plane.boxes * np.tile(plane.pixel_mm, 2)
    gone = np.zeros(len(plane.rings), dtype=bool)
    compared = 0
    for index in range(len(plane.rings) - 1):
        if gone[index] or plane.exclusive[index]:
            continue
        later = slice(index + 1, None)
        same_box = (np.abs(boxes[later] - boxes[index]) <= REPEAT_BOX_MM).all(axis=1)
        same_area = (
            np.abs(plane.areas_mm2[later] - plane.areas_mm2[index]) <= REPEAT_AREA * plane.areas_mm2[index]
        )
        close = np.flatnonzero(same_box & same_area & ~plane.exclusive[later] & ~gone[later]) + index + 1
        gone[close] = (
            [_alike(plane, index, other) for other in close.tolist()] if compared < MOST_PAIRS else True
        )
        compared += len(close)
    return np.flatnonzero(~gone).tolist(), np.flatnonzero(gone).tolist()


def _alike(plane: PlaneRings, a: int, b: int) -> bool:
    """Return whether two rings of nearly one box and area enclose nearly the same."""
    width_mm = float(((plane.boxes[a, 2:] - plane.boxes[a, :2]) * plane.pixel_mm).min())
    return _shared(plane, a, b) >= (ALIKE / 2 if width_mm <= _SMALL_MM else ALIKE)


def _touching(plane: PlaneRings, kept: list[int]) -> list[tuple[int, int]]:
    """Return the pairs of rings whose boxes overlap, at most one more than are looked at."""
    pairs: list[tuple[int, int]] = []
    boxes = plane.boxes[kept]
    for place, ring in enumerate(kept[:-1]):
        others = boxes[place + 1 :]
        apart = (others[:, :2] >= boxes[place, 2:]) | (others[:, 2:] <= boxes[place, :2])
        pairs.extend((ring, kept[place + 1 + int(other)]) for other in np.flatnonzero(~apart.any(axis=1)))
        if len(pairs) > MOST_PAIRS:
            break
    return pairs


def _shared(plane: PlaneRings, small: int, large: int) -> float:
    """Return which share of the smaller ring lies inside the larger one: all, none, or exactly how much."""
    low = np.maximum(plane.boxes[small, :2], plane.boxes[large, :2])
    high = np.minimum(plane.boxes[small, 2:], plane.boxes[large, 2:])
    first = lattice(plane.rings[small], low, high, _LINES)
    both = int(np.count_nonzero(first & lattice(plane.rings[large], low, high, _LINES)))
    if both == 0:
        return 0.0
    whole_box = bool((low == plane.boxes[small, :2]).all() and (high == plane.boxes[small, 2:]).all())
    if whole_box and both == int(np.count_nonzero(first)):
        return 1.0
    joined, _ = section([plane.rings[small], plane.rings[large]], np.zeros(2, dtype=np.intp))
    areas_px = plane.areas_mm2[[small, large]] / float(np.prod(plane.pixel_mm))
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
