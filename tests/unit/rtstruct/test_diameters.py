"""Longest distances: the farthest pair of points, and diameters of outlines on their planes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from orthanc_plugins.rtstruct import farthest_pair, place
from orthanc_plugins.rtstruct.measures import diameters
from orthanc_plugins.rtstruct.measures.diameters import PlaneDiameter, plane_diameter
from tests.unit.rtstruct.cases import flat_grid, flat_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    type Floats = NDArray[np.float64]


def ball(count: int, seed: int, wobble: float) -> Floats:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3))
    points *= (20 + wobble * rng.random((count, 1))) / np.linalg.norm(points, axis=1, keepdims=True)
    return points


def constant_width(count: int) -> Floats:
    """Return points on a Reuleaux triangle of width 30, where every direction is nearly the longest."""
    corners = np.array([(math.cos(angle), math.sin(angle)) for angle in np.arange(3) * 2 * math.pi / 3])
    corners *= 30 / math.sqrt(3)
    arcs = []
    for corner in range(3):
        one, other = corners[(corner + 1) % 3] - corners[corner], corners[(corner + 2) % 3] - corners[corner]
        share = np.linspace(0, 1, count)[:, None]
        chord = one + (other - one) * share
        arcs.append(corners[corner] + 30 * chord / np.linalg.norm(chord, axis=1, keepdims=True))
    return np.concatenate(arcs)


@settings(deadline=None, derandomize=True)
@given(
    st.integers(2, 3).flatmap(
        lambda across: arrays(
            np.float64, st.tuples(st.integers(1, 40), st.just(across)), elements=st.integers(-9, 9)
        )
    )
)
def test_the_farthest_pair_is_that_of_comparing_all(points: Floats) -> None:
    first, second = farthest_pair(points)
    assert np.linalg.norm(points[first] - points[second]) == pytest.approx(cdist(points, points).max())


@pytest.mark.parametrize("compared", [0, 10**9], ids=["by the tree", "one by one"])
@pytest.mark.parametrize(
    "points",
    [
        *(ball(1500, seed, wobble) for seed, wobble in enumerate((0.0, 0.05, 1.0, 8.0))),
        ball(1500, 9, 0.3) * (1.0, 0.95, 0.5),
        constant_width(300),
    ],
    ids=["ball", "rough ball", "rougher ball", "cloud", "lens", "Reuleaux triangle"],
)
def test_of_many_points_too(points: Floats, compared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diameters, "_PAIRS_COMPARED", compared)
    first, second = farthest_pair(points)
    assert np.linalg.norm(points[first] - points[second]) == pytest.approx(cdist(points, points).max())


def measured(*rings: Sequence[tuple[float, float]] | Floats, kind: str = "CLOSED_PLANAR") -> PlaneDiameter:
    found = plane_diameter(place(flat_region(*rings, kind=kind), flat_grid(60, 60))[0])
    assert found is not None
    return found


def test_a_rectangle_has_its_diagonal_and_the_chord_across() -> None:
    found = measured([(2.0, 2.0), (42.0, 2.0), (42.0, 32.0), (2.0, 32.0)])
    assert found.length_mm == pytest.approx(50)
    assert found.plane == 0
    ends = {tuple(end) for end in found.ends_lps_mm.round(6).tolist()}
    assert ends in ({(2, 2, 0), (42, 32, 0)}, {(42, 2, 0), (2, 32, 0)})
    assert found.short_mm == pytest.approx(30 / 0.8, rel=2e-3)


def test_the_short_axis_is_perpendicular_and_of_its_length() -> None:
    angles = np.linspace(0, 2 * math.pi, 400, endpoint=False)
    turn = np.array(((0.8, 0.6), (-0.6, 0.8)))
    ellipse = np.column_stack((20 * np.cos(angles), 9 * np.sin(angles))) @ turn + (30, 30)
    found = measured(ellipse)
    assert (found.length_mm, found.short_mm) == pytest.approx((40, 18), rel=1e-3)
    long, short = np.diff(found.ends_lps_mm, axis=0)[0], np.diff(found.short_ends_lps_mm, axis=0)[0]
    assert np.linalg.norm(short) == pytest.approx(found.short_mm)
    assert abs(long @ short) < 1e-6 * found.length_mm * found.short_mm


def test_parts_drawn_apart_are_not_bridged() -> None:
    small = [(2.0, 2.0), (5.0, 2.0), (5.0, 6.0), (2.0, 6.0)]
    large = [(40.0, 40.0), (46.0, 40.0), (46.0, 48.0), (40.0, 48.0)]
    assert measured(small, large).length_mm == pytest.approx(10)


def test_contours_that_overlap_in_part_are_one_outline() -> None:
    left = [(2.0, 2.0), (22.0, 2.0), (22.0, 4.0), (2.0, 4.0)]
    right = [(12.0, 2.0), (32.0, 2.0), (32.0, 4.0), (12.0, 4.0)]
    assert measured(left, right).length_mm == pytest.approx(math.hypot(30, 2))
    tall = [(14.0, 3.0), (20.0, 3.0), (20.0, 27.0), (14.0, 27.0)]
    flat = [(2.0, 1.0), (50.0, 1.0), (50.0, 4.0), (2.0, 4.0)]
    cross = measured(flat, tall)
    assert cross.length_mm == pytest.approx(math.hypot(48, 3))
    assert cross.short_mm == pytest.approx(26, rel=0.02)


def test_a_hole_does_not_cut_the_diameter() -> None:
    outer = [(2.0, 2.0), (42.0, 2.0), (42.0, 32.0), (2.0, 32.0)]
    hole = [(10.0, 10.0), (30.0, 10.0), (30.0, 20.0), (10.0, 20.0)]
    assert measured(outer, hole).length_mm == pytest.approx(50)


def test_one_outline_among_many_alike_is_found() -> None:
    rng = np.random.default_rng(4)
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    circle = np.column_stack((np.cos(angles), np.sin(angles)))
    rings = [circle * 4 * (1 + 0.02 * rng.random((60, 1))) + (6 + 10 * column, 6 + 10 * row)
             for row in range(5) for column in range(5)]  # fmt: skip
    expected = max(float(cdist(ring, ring).max()) for ring in rings)
    assert measured(*rings).length_mm == pytest.approx(expected, abs=2e-3)
