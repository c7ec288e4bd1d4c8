"""Any polygon against rational arithmetic: the rule of what is inside is held to the last point."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import place
from tests.unit.rtstruct import exact
from tests.unit.rtstruct.cases import flat_grid, flat_region, mask_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Points = list[tuple[float, float]]

SIZE = 12
GRID = flat_grid(SIZE, SIZE)


def on(step: Fraction) -> st.SearchStrategy[Points]:
    """Return rings whose points lie on a lattice, some of them beyond the image."""
    most = int(SIZE / step) + 2
    number = st.integers(-2, most).map(lambda n: float(n * step))
    return st.lists(st.tuples(number, number), min_size=3, max_size=14)


anywhere = st.lists(st.tuples(st.floats(-2, SIZE + 1), st.floats(-2, SIZE + 1)), min_size=3, max_size=14)
rings = st.one_of(on(Fraction(1)), on(Fraction(1, 4)), on(Fraction(1, 1024)), anywhere)


def filled(ring: Points | NDArray[np.float64]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = mask_of(place(flat_region(ring), GRID)[0])[0]
    return mask


def encloses_nothing(ring: Points) -> bool:
    return bool(exact.one_ring(np.array(ring)).area < 1e-9)


@given(rings)
@example([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])  # every side on pixel centres
@example([(1.0, 1.0), (5.0, 5.0), (5.0, 1.0), (1.0, 5.0)])  # crossing itself on a centre
@example([(2.0, 1.0), (2.0, 1.0), (5.0, 1.0), (8.0, 1.0), (8.0, 6.0), (2.0, 6.0), (2.0, 3.0), (2.0, 1.0)])
@example([(0.0, 0.0), (3.0, 7.0), (11.0, 7.0), (8.0, 0.0)])  # slanted sides through centres
@example([(-2.078125, 8.2265625), (1.78125, 2.234375), (10.0, 2.0), (10.0, 8.0)])  # its centre (0, 5) too
@example([(0.0, 0.0), (1.0, 0.0), (0.0, 0.03125), (0.0, 4.0)])  # a wedge too flat for any line of an estimate
def test_the_centres_inside_are_those_of_rational_arithmetic(ring: Points) -> None:
    if encloses_nothing(ring):
        return
    np.testing.assert_array_equal(filled(ring), exact.inside([np.array(ring)], SIZE, SIZE))


@given(st.lists(rings, min_size=2, max_size=4))
def test_exclusive_rings_are_even_odd_together(outlines: list[Points]) -> None:
    outlines = [ring for ring in outlines if not encloses_nothing(ring)]
    region = flat_region(*outlines, kind="CLOSEDPLANAR_XOR")
    mask = mask_of(place(region, GRID)[0])[0]
    np.testing.assert_array_equal(mask, exact.inside([np.array(ring) for ring in outlines], SIZE, SIZE))


@given(rings, st.integers(0, 13), st.booleans())
def test_where_a_ring_starts_and_which_way_it_turns_changes_nothing(
    ring: Points, first: int, turned: bool
) -> None:
    moved = np.roll(np.array(ring)[:: -1 if turned else 1], first, axis=0)
    np.testing.assert_array_equal(filled(ring), filled(moved))


@given(on(Fraction(1, 4)), st.data())
def test_points_on_its_sides_change_nothing(ring: Points, data: st.DataObject) -> None:
    quarters = st.integers(0, 4).map(lambda n: n / 4)
    richer: Points = []
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        shares = sorted(data.draw(st.lists(quarters, max_size=3)))
        richer += [(x0, y0), *((x0 + share * (x1 - x0), y0 + share * (y1 - y0)) for share in shares)]
    np.testing.assert_array_equal(filled(ring), filled(richer))


@given(on(Fraction(1, 4)), st.integers(-3, 3), st.integers(-3, 3))
def test_a_ring_moved_by_whole_pixels_has_its_mask_moved(ring: Points, right: int, down: int) -> None:
    wide = flat_grid(SIZE + 8, SIZE + 8)

    def mask(shift: tuple[int, int]) -> NDArray[np.bool_]:
        moved = np.array(ring) + 4 + np.array(shift)
        found: NDArray[np.bool_] = mask_of(place(flat_region(moved), wide)[0])[0]
        return found

    np.testing.assert_array_equal(np.roll(mask((0, 0)), (down, right), axis=(0, 1)), mask((right, down)))


@given(rings)
def test_areas_are_those_of_shapely(ring: Points) -> None:
    truth = exact.one_ring(np.rint(np.array(ring) * 1024) / 1024)
    if truth.area < 0.1:
        return
    placed, _ = place(flat_region(ring), flat_grid(SIZE, SIZE))
    assert float(placed.area_mm2.sum()) == pytest.approx(truth.area, rel=2e-3)
