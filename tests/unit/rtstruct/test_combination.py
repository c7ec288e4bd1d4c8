"""Rings on one plane: what they mean together, against shapely's boolean operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import PlacedRegion, Problem, place, rasterise
from tests.unit.rtstruct import exact
from tests.unit.rtstruct.cases import flat_grid, flat_region, mask_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Points = NDArray[np.float64]

SIZE = 40
GRID = flat_grid(SIZE, SIZE)
numbers = st.floats(0, 1, allow_nan=False)


@st.composite
def blobs(draw: st.DrawFn, low: float = 3.0, high: float = 14.0) -> Points:
    """Return a star-shaped ring, as organs are: no crossing, any number of points."""
    count = draw(st.integers(5, 40))
    radii = np.array(draw(st.lists(st.floats(low, high), min_size=count, max_size=count)))
    smooth = (radii + np.roll(radii, 1) + np.roll(radii, -1)) / 3
    angles = 2 * np.pi * (np.arange(count) + draw(numbers)) / count
    centre = np.array((draw(st.floats(14, 26)), draw(st.floats(14, 26))))
    ring: Points = centre + smooth[:, None] * np.column_stack((np.cos(angles), np.sin(angles)))
    return ring


def combined(*rings: Points, kind: str = "CLOSED_PLANAR") -> tuple[PlacedRegion, list[Problem]]:
    return place(flat_region(*rings, kind=kind), GRID)


def check(placed: PlacedRegion, section: Any, tolerance: float = 1e-3) -> None:
    """Assert that a placed region has a section's area, centre and voxels (off the very border)."""
    area = float(placed.area_mm2.sum())
    assert area == pytest.approx(section.area, rel=tolerance, abs=0.02)
    middle = placed.area_mm2 @ placed.centroid_px / area
    assert middle == pytest.approx(section.centroid.coords[0], abs=0.02)
    mask = mask_of(placed)[0]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    centres = shapely.points(columns, rows)
    certain = ~shapely.dwithin(section.boundary, centres, 2e-3)
    np.testing.assert_array_equal(mask[certain], shapely.contains(section, centres)[certain])


def shrunk(ring: Points, share: float) -> Points:
    middle = ring.mean(axis=0)
    smaller: Points = middle + (ring - middle) * share
    return smaller


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


@given(
    blobs(8, 14), st.lists(st.floats(0.4, 0.85), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_nested_rings_are_holes_and_islands_by_turns(ring: Points, shares: list[float], rng: Any) -> None:
    nest = [ring]
    for share in shares:
        nest.append(shrunk(nest[-1], share))
        assume(shapely.Polygon(nest[-2]).contains_properly(shapely.Polygon(nest[-1])))
    section = exact.even_odd(nest)
    drawn = [one[:: rng.choice((1, -1))] for one in nest]
    rng.shuffle(drawn)
    placed, problems = combined(*drawn)
    assert not problems
    check(placed, section)


@given(blobs(6, 14), st.integers(1, 24), st.randoms(use_true_random=False))
def test_repeats_collapse_whatever_their_start_turn_and_jitter(ring: Points, times: int, rng: Any) -> None:
    def repeated() -> Points:
        jitter = np.array((rng.uniform(-0.04, 0.04), rng.uniform(-0.04, 0.04)))
        again: Points = np.roll(ring[:: rng.choice((1, -1))], rng.randrange(len(ring)), axis=0) + jitter
        return again

    repeats = [repeated() for _ in range(times)]
    placed, problems = combined(ring, *repeats)
    assert codes(problems) == ["repeated_contour"]
    assert f"{times} contour" in problems[0].message
    check(placed, shapely.Polygon(ring))


@given(blobs(8, 14), st.floats(0.3, 0.8), st.integers(0, 39), st.integers(0, 39))
def test_a_keyhole_is_the_ring_with_its_hole(ring: Points, share: float, outer: int, inner: int) -> None:
    hole = shrunk(ring, share)
    assume(shapely.Polygon(ring).contains_properly(shapely.Polygon(hole)))
    around, within = (np.roll(one, -start, axis=0) for one, start in ((ring, outer), (hole, inner)))
    cut = np.vstack((around, around[:1], within[:1], within[:0:-1], within[:1]))
    nested, _ = combined(ring, hole)
    placed, problems = combined(cut)
    assert not problems
    np.testing.assert_array_equal(mask_of(placed), mask_of(nested))
    assert float(placed.area_mm2.sum()) == pytest.approx(float(nested.area_mm2.sum()), rel=1e-6)


@given(blobs(), blobs())
def test_rings_that_overlap_in_part_are_joined_with_a_warning(first: Points, second: Points) -> None:
    a, b = shapely.Polygon(first), shapely.Polygon(second)
    share = a.intersection(b).area / min(a.area, b.area)
    assume(0.02 < share < 0.93)
    placed, problems = combined(first, second)
    assert codes(problems) == ["partial_overlap"]
    check(placed, a.union(b))


@given(blobs(5, 7), blobs(6, 9))
def test_a_hole_in_joined_rings_stays_a_hole(first: Points, second: Points) -> None:
    first, second = first - first.mean(axis=0) + (12, 20), second - second.mean(axis=0) + (22, 20)
    hole = shrunk(second, 0.2) + np.array((3, 0))
    a, b, inner = (shapely.Polygon(ring) for ring in (first, second, hole))
    share = a.intersection(b).area / min(a.area, b.area)
    assume(0.02 < share < 0.93 and b.contains_properly(inner) and not a.intersects(inner))
    placed, problems = combined(first, second, hole)
    assert codes(problems) == ["partial_overlap"]
    check(placed, a.union(b).difference(inner))


@given(st.lists(blobs(), min_size=2, max_size=5))
def test_exclusive_rings_are_exclusive_or_however_they_lie(rings: list[Points]) -> None:
    section = exact.even_odd(rings)
    assume(section.area > 1)
    placed, problems = combined(*rings, kind="CLOSEDPLANAR_XOR")
    assert not problems
    check(placed, section)


def test_equal_exclusive_rings_cancel_as_the_standard_has_it() -> None:
    ring = np.array([(2.0, 2.0), (9.0, 2.0), (9.0, 9.0)])
    assert rasterise(combined(ring, ring, kind="CLOSEDPLANAR_XOR")[0]).count == 0
    assert combined(ring, ring, ring, kind="CLOSEDPLANAR_XOR")[0].area_mm2.sum() == pytest.approx(24.5)


@given(blobs(), st.integers(0, 38), st.integers(2, 37))
def test_a_region_cut_in_two_is_the_region(ring: Points, start: int, length: int) -> None:
    """Both parts hold the cut; nothing is lost there and nothing counts twice."""
    ring = np.roll(ring, start, axis=0)
    length = min(length, len(ring) - 2)
    parts = ring[: length + 1], np.vstack((ring[length:], ring[:1]))
    areas = [shapely.Polygon(part) for part in parts]
    assume(all(part.is_valid and part.area > 0.5 for part in areas) and not areas[0].overlaps(areas[1]))
    whole, _ = combined(ring)
    placed, _ = combined(*parts)
    np.testing.assert_array_equal(mask_of(placed), mask_of(whole))
    assert float(placed.area_mm2.sum()) == pytest.approx(float(whole.area_mm2.sum()), rel=2e-3)


def test_the_two_halves_of_a_square_are_no_repeats() -> None:
    upper = np.array([(2.0, 2.0), (10.0, 2.0), (10.0, 10.0)])
    lower = np.array([(2.0, 2.0), (10.0, 10.0), (2.0, 10.0)])
    placed, problems = combined(upper, lower)
    assert not problems
    assert rasterise(placed).count == 64
    assert placed.area_mm2.sum() == pytest.approx(64)


def test_a_hole_that_sticks_out_a_little_is_counted_as_it_is_filled() -> None:
    outer = np.array([(2.0, 2.0), (22.0, 2.0), (22.0, 22.0), (2.0, 22.0)])
    hole = np.array([(8.0, 1.6), (18.0, 1.6), (18.0, 11.6), (8.0, 11.6)])
    placed, _ = combined(outer, hole)
    check(placed, exact.even_odd([outer, hole]), tolerance=1e-6)
