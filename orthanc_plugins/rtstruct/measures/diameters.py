"""Largest distances: between any two points, and across a region on one of its planes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.scan import MOST_CROSSINGS, ring_edges
from orthanc_plugins.rtstruct.geometry.sections import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

_CHORD_LINES = 1024
_PAIRS_COMPARED = 2_000_000
"""So many pairs of points are compared one by one; of more, a tree finds the farthest."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class PlaneDiameter(Brief):
    """The longest diameter of an outline on a plane and, across it, the longest chord.

    Parameters
    ----------
    plane
        The grid's plane; `NO_PLANE` where the contour lies on none.
    length_mm, ends_lps_mm
        The longest distance between two points of one outline, and those points, shape (2, 3).
    short_mm, short_ends_lps_mm
        The longest stretch inside the outline perpendicular to it, of 1,024 that are looked at, and its ends.
    """

    plane: int
    length_mm: float
    ends_lps_mm: Floats
    short_mm: float
    short_ends_lps_mm: Floats


def farthest_pair(points: Floats | NDArray[np.float32]) -> tuple[int, int]:
    """Return which two of the points (n, 2 or 3) are farthest apart: exactly, without comparing all of them.

    From the point farthest from the middle to the one farthest from that is a long pair. A longer one has an
    end outside the ball about that pair, and its other end not far inside. Only such points are compared.
    """
    columns = np.ascontiguousarray(points.T, dtype=np.float64)

    def squares(centre: Floats) -> Floats:
        total: Floats = sum((column - at) ** 2 for column, at in zip(columns, centre, strict=True))
        return total

    first = int(squares((columns.min(axis=1) + columns.max(axis=1)) / 2).argmax())
    from_first = squares(columns[:, first])
    second = int(from_first.argmax())
    length = math.sqrt(from_first[second])
    middle = (columns[:, first] + columns[:, second]) / 2
    away = squares(middle)
    reach = math.sqrt(away.max())
    outside = np.flatnonzero(away > (length / 2) ** 2 * (1 + _ROUNDING))
    if not len(outside):
        return first, second
    left = np.flatnonzero(away >= max(length - reach, 0) ** 2 * (1 - _ROUNDING))
    some, others = columns[:, outside].T - middle, columns[:, left].T - middle
    nearest = _farthest_of(some, others, length)
    distances = np.linalg.norm(some - others[nearest], axis=1)
    best = int(distances.argmax())
    if distances[best] <= length:
        return first, second
    return int(outside[best]), int(left[nearest[best]])


def _farthest_of(some: Floats, others: Floats, length: float) -> Indices:
    """Return for each of some points the farthest of others, 0 where none is farther than a length.

    All are given about one middle. Of many, the farthest from a point a is found as the nearest to it, in one
    dimension more: with R the largest distance from the middle and b' = (-b, √(2 R² - 2 |b|²)),
    |a - b|² = 2 |a|² + 2 R² - |a - b'|².
    """
    squares = np.einsum("ij,ij->i", others, others)
    if len(some) * len(others) <= _PAIRS_COMPARED:
        return np.asarray((squares - 2 * (some @ others.T)).argmax(axis=1), dtype=np.intp)
    from scipy.spatial import KDTree  # noqa: PLC0415 - masks alone need not wait for it

    largest = float(squares.max())
    lifted = np.column_stack((-others, np.sqrt(2 * (largest - squares))))
    tree = KDTree(lifted, compact_nodes=False, balanced_tree=False)
    farthest = float((some**2).sum(axis=1).max())
    bound = math.sqrt(max(2 * farthest + 2 * largest - length**2, 0)) * (1 + _ROUNDING)
    _, found = tree.query(np.column_stack((some, np.zeros(len(some)))), distance_upper_bound=bound)
    return np.where(found < len(others), found, 0)


def plane_diameter(placed: PlacedRegion) -> PlaneDiameter:
    """Return the longest diameter that any outline of a region, of one contour at least, has on its plane.

    An outline is one contour, or several that overlap in part; parts drawn apart are not bridged.
    """
    outline = _outline_of_ring(placed)
    points, starts = _in_order(placed, outline)
    pairs, longest = _walks(points, starts)
    lengths = np.linalg.norm(points[pairs[0]] - points[pairs[1]], axis=1)
    best = int(lengths.argmax())
    length, ends = float(lengths[best]), points[pairs[:, best]]
    for one in np.argsort(-longest).tolist():
        if longest[one] <= length * (1 + _ROUNDING):
            break
        own = points[starts[one] : starts[one + 1]]
        pair = own[list(farthest_pair(own))]
        if (distance := float(np.linalg.norm(pair[1] - pair[0]))) > length:
            best, length, ends = one, distance, pair
    return _with_chord(placed.chosen(outline == best), ends, length)


def _outline_of_ring(placed: PlacedRegion) -> Indices:
    """Return the number of the outline that each ring (rings,) is of, from zero on."""
    level = np.unique(placed.height_mm, return_inverse=True)[1]
    groups = int(placed.group.max()) + 1
    return np.asarray(np.unique(level * groups + placed.group, return_inverse=True)[1], dtype=np.intp)


def _in_order(placed: PlacedRegion, outline: Indices) -> tuple[Floats, Indices]:
    """Return the points (n, 2) in mm, outline by outline, and (outlines + 1,) where each begins."""
    _, down, across = placed.grid.spacing_mm
    order = np.argsort(outline, kind="stable")
    counts = np.diff(placed.starts)[order]
    ends = np.cumsum(counts)
    index = np.arange(ends[-1]) + np.repeat(placed.starts[order] - (ends - counts), counts)
    x, y = placed.points_px[index].T
    starts = np.concatenate(((0,), np.cumsum(np.bincount(outline[order], counts).astype(np.intp))))
    return np.column_stack((x * across, y * down)), starts


def _walks(points: Floats, starts: Indices) -> tuple[Indices, Floats]:
    """Return two points (2, outlines) far apart in each outline, and what no two there can exceed.

    The points are found as in `farthest_pair`; the bound is the diameter of the smallest circle about their
    middle that holds the outline.
    """
    x, y = points.T
    own = np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    def squares(centre_x: Floats, centre_y: Floats) -> tuple[Floats, Floats]:
        found: Floats = (x - centre_x[own]) ** 2 + (y - centre_y[own]) ** 2
        return found, np.maximum.reduceat(found, starts[:-1])

    def farthest_from(centre_x: Floats, centre_y: Floats) -> Indices:
        distance, largest = squares(centre_x, centre_y)
        hits = np.flatnonzero(distance == largest[own])
        chosen = np.zeros(len(starts) - 1, dtype=np.intp)
        chosen[own[hits]] = hits
        return chosen

    middle = [
        (np.minimum.reduceat(part, starts[:-1]) + np.maximum.reduceat(part, starts[:-1])) / 2
        for part in (x, y)
    ]
    first = farthest_from(*middle)
    second = farthest_from(x[first], y[first])
    _, reach = squares((x[first] + x[second]) / 2, (y[first] + y[second]) / 2)
    return np.array((first, second)), 2 * np.sqrt(reach)


def _with_chord(placed: PlacedRegion, ends_mm: Floats, length: float) -> PlaneDiameter:
    """Return the diameter of an outline (a region of its rings) with the longest chord across it."""
    _, down, across = placed.grid.spacing_mm
    pixel = np.array((across, down))
    axis = (ends_mm[1] - ends_mm[0]) / length
    turn = np.array((axis, (-axis[1], axis[0])))
    turned = (placed.points_px * pixel - ends_mm[0]) @ turn.T
    lines = max(min(_CHORD_LINES, MOST_CROSSINGS // len(turned)), 1)
    step = length / lines
    edges = ring_edges(np.column_stack((turned[:, 1], turned[:, 0] / step - 0.5)), placed.starts)
    together = np.zeros(len(placed.plane), dtype=np.intp)
    found = stretches(edges, together, together, 0, lines)
    longest = int((found.right - found.left).argmax())
    u, low, high = (found.line[longest] + 0.5) * step, found.left[longest], found.right[longest]
    chord_mm = np.array(((u, low), (u, high))) @ turn + ends_mm[0]
    return PlaneDiameter(
        plane=int(placed.plane[0]),
        length_mm=length,
        ends_lps_mm=_in_patient(placed, ends_mm / pixel),
        short_mm=float(high - low),
        short_ends_lps_mm=_in_patient(placed, chord_mm / pixel),
    )


def _in_patient(placed: PlacedRegion, ends_px: Floats) -> Floats:
    """Return two points (2, 2), given as column and row at the height of a region's first ring, in LPS mm."""
    grid = placed.grid
    slices = (placed.height_mm[0] - float(np.dot(grid.origin_lps_mm, grid.normal))) / grid.spacing_mm[0]
    return grid.to_patient(np.column_stack((np.full(2, slices), ends_px[:, ::-1])))
