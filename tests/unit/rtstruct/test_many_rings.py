"""Many rings on one plane: combined as few are, by work that grows as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import Problem, mesh, place, rasterise
from orthanc_plugins.rtstruct.geometry import combine, nested, touching
from orthanc_plugins.rtstruct.geometry.areas import section
from tests.unit.rtstruct import exact
from tests.unit.rtstruct.cases import flat_grid, flat_region

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Floats = NDArray[np.float64]

GRID = flat_grid(200, 200)


def circle(radius: float, middle: tuple[float, float] = (100, 100), count: int = 40) -> Floats:
    angles = 2 * np.pi * np.arange(count) / count
    ring: Floats = np.array(middle) + radius * np.column_stack((np.cos(angles), np.sin(angles)))
    return ring


def square(low: tuple[float, float], size: float) -> Floats:
    ring: Floats = np.array(low) + size * np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    return ring


def combined(*rings: Floats, kind: str = "CLOSED_PLANAR") -> tuple[float, int, list[Problem]]:
    """Return planimetric area, pixels and problems of rings on one plane."""
    placed, problems = place(flat_region(*rings, kind=kind), GRID)
    return float(placed.area_mm2.sum()), rasterise(placed).count, problems


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_sixty_five_rings_inside_one_another_are_holes_and_islands(kind: str) -> None:
    rings = [circle(radius) for radius in np.linspace(95, 15, 65)]
    area, pixels, problems = combined(*rings[::-1], kind=kind)
    signs = (-1.0) ** np.arange(65)
    assert not problems
    assert area == pytest.approx(signs @ [shapely.Polygon(ring).area for ring in rings], rel=1e-4)
    assert pixels == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_an_outline_with_two_thousand_holes_has_their_area_less(kind: str) -> None:
    holes = [square((2.5 + 4 * (n % 48), 2.5 + 4 * (n // 48)), 2) for n in range(2001)]
    area, pixels, problems = combined(square((0.5, 0.5), 196), *holes, kind=kind)
    assert not problems
    assert area == pytest.approx(196**2 - 4 * 2001)
    assert pixels == 196**2 - 4 * 2001


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_what_is_too_entangled_has_the_area_that_is_filled(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combine, "MOST_RINGS", 20)
    rings = [circle(radius) for radius in np.linspace(90, 30, 25)]
    area, pixels, problems = combined(*rings, kind=kind)
    truth = (-1.0) ** np.arange(25) @ [shapely.Polygon(ring).area for ring in rings]
    assert area == pytest.approx(truth, rel=1e-4)
    assert pixels == pytest.approx(area, rel=0.02)
    assert [problem.code for problem in problems] == (
        ["too_many_contours"] if kind == "CLOSED_PLANAR" else []
    )


def test_a_mesh_of_very_many_holes_is_not_blown_up() -> None:
    holes = [square((2.5 + 4 * (n % 48), 2.5 + 4 * (n // 48)), 2) for n in range(2001)]
    placed, _ = place(flat_region(square((0.5, 0.5), 196), *holes), GRID)
    surface = mesh(placed)
    assert surface is not None
    assert surface.volume_ml == pytest.approx((196**2 - 4 * 2001) / 1000, rel=2e-3)


def counted(*rings: Floats) -> int:
    """Return how many pairs of rings are measured."""
    with mock.patch.object(nested, "section", wraps=section) as measured:
        combined(*rings)
    return measured.call_count


def test_rings_that_touch_nothing_are_not_measured_in_pairs() -> None:
    assert counted(*[circle(radius) for radius in np.linspace(95, 15, 62)]) == 0
    islands = [square((2.5 + 8 * (n % 23), 2.5 + 8 * (n // 23)), 4) for n in range(500)]
    assert counted(square((0.5, 0.5), 190), *islands) == 0


def test_rings_that_all_overlap_are_measured_about_once_each() -> None:
    rng = np.random.default_rng(0)
    rings = [circle(radius, tuple(rng.uniform(80, 120, 2))) for radius in rng.uniform(40, 70, 60)]
    assert counted(*rings) <= combine.MOST_MEASURED * 60 + 64
    area, _, problems = combined(*rings)
    assert [problem.code for problem in problems] == ["partial_overlap"]
    assert area == pytest.approx(shapely.union_all([shapely.Polygon(ring) for ring in rings]).area, rel=1e-3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.sampled_from([1.0, 4.0, 1024.0]))
def test_rings_touch_where_shapely_says_so(seed: int, count: int, lattice: float) -> None:
    rng = np.random.default_rng(seed)
    rings = [
        np.round((rng.uniform(0, 12, 2) + rng.uniform(-5, 5, (rng.integers(3, 7), 2))) * lattice) / lattice
        for _ in range(count)
    ]
    outlines = [shapely.LinearRing(ring) for ring in rings]
    expected = {
        (a, b) for a in range(count) for b in range(a + 1, count) if outlines[a].intersects(outlines[b])
    }
    anywhere = np.tile((-9.0, -9.0, 99.0, 99.0), (count, 1))
    assert set(touching.touching(rings, anywhere) or ()) == expected
    boxes = np.array([(*ring.min(axis=0), *ring.max(axis=0)) for ring in rings])
    inner = {
        (a, b) for a, b in expected if shapely.box(*boxes[a]).intersection(shapely.box(*boxes[b])).area > 0
    }
    assert set(touching.touching(rings, touching.shared_boxes(boxes)) or ()) >= inner


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_what_holds_a_ring_is_what_even_odd_says(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rings = [circle(rng.uniform(1, 60), tuple(rng.uniform(60, 140, 2)), 24) for _ in range(count)]
    areas = np.array([shapely.Polygon(ring).area for ring in rings])
    found = touching.holders(rings, areas)
    assert found is not None
    pairs = set(zip(*(ends.tolist() for ends in found), strict=True))
    shapes = [shapely.Polygon(ring) for ring in rings]
    for a in range(count):
        for b in range(count):
            if areas[a] < areas[b] and not shapes[a].exterior.intersects(shapes[b].exterior):
                assert ((a, b) in pairs) == shapes[b].contains(shapes[a])


def test_sides_without_number_near_one_another_are_given_up() -> None:
    rng = np.random.default_rng(0)
    everywhere = np.tile((0.0, 0.0, 9.0, 9.0), (4, 1))
    assert touching.touching([rng.uniform(0, 9, (900, 2)) for _ in range(4)], everywhere) is None
    area, _, problems = combined(*(rng.uniform(0, 90, (900, 2)) for _ in range(4)))
    assert "too_many_contours" in {problem.code for problem in problems}
    assert 0 < area < 90**2


@given(st.integers(0, 2**32 - 1))
def test_any_rings_have_the_area_that_is_filled(seed: int) -> None:
    """Nested, apart, touching and overlapping at random: what is measured is what is filled."""
    rng = np.random.default_rng(seed)
    rings = [
        circle(rng.uniform(5, 40), tuple(rng.integers(50, 150, 2)), int(rng.integers(4, 30)))
        for _ in range(rng.integers(2, 12))
    ]
    placed, _ = place(flat_region(*rings), GRID)
    truth = shapely.Polygon()
    for group in np.unique(placed.group):
        members = [
            exact.one_ring(placed.points_px[placed.starts[ring] : placed.starts[ring + 1]])
            for ring in np.flatnonzero(placed.group == group)
        ]
        truth = truth.symmetric_difference(shapely.union_all(members))
    assert placed.area_mm2.sum() == pytest.approx(truth.area, rel=1e-4, abs=0.1)
