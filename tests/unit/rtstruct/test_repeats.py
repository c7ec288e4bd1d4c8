"""Contours stored twice but not quite alike, beside the thin rinds that look much like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import place, rasterise
from tests.unit.rtstruct import exact
from tests.unit.rtstruct.cases import flat_grid, flat_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import PlacedRegion, Problem

type Floats = NDArray[np.float64]

GRID = flat_grid(240, 340)
SAID = {"repeated_contour", "partial_overlap"}
seeds = st.integers(0, 2**32 - 1)


def ellipse(width: float, height: float, count: int = 400, waves: float = 0.0) -> Floats:
    """Return a ring in the middle of the grid, smooth or with the bays of an organ."""
    angles = 2 * np.pi * np.arange(count) / count
    radius = 1 + waves * np.sin(5 * angles)
    return np.column_stack(
        (170 + radius * width / 2 * np.cos(angles), 120 + radius * height / 2 * np.sin(angles))
    )


BODY = ellipse(300, 200)
ORGAN = ellipse(60, 45, 150, 0.1)


def combined(*rings: Floats, kind: str = "CLOSED_PLANAR") -> tuple[PlacedRegion, list[Problem]]:
    return place(flat_region(*rings, kind=kind), GRID)


def area(*rings: Floats, kind: str = "CLOSED_PLANAR") -> float:
    return float(combined(*rings, kind=kind)[0].area_mm2.sum())


def jittered(ring: Floats, size_mm: float, rng: np.random.Generator) -> Floats:
    moved: Floats = ring + rng.uniform(-size_mm, size_mm, ring.shape)
    return moved


def resampled(ring: Floats, rng: np.random.Generator) -> Floats:
    """Return points at other places along a ring."""
    closed = np.vstack((ring, ring[:1]))
    run = np.concatenate(((0.0,), np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    at = np.sort(rng.uniform(0, run[-1], len(ring) * 2 // 3))
    return np.column_stack([np.interp(at, run, closed[:, axis]) for axis in (0, 1)])


def one_side_off(ring: Floats, _: np.random.Generator) -> Floats:
    right = ring[:, 0] > ring[:, 0].max() - 20
    return ring - np.column_stack((0.2 * right, 0 * right))


REPEATS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "one side off": one_side_off,
    "resampled": resampled,
    "rounded": lambda ring, _: np.round(ring * 2) / 2,
    "rounded down": lambda ring, _: np.floor(ring * 2) / 2,
    "without its extreme point": lambda ring, _: np.delete(ring, ring[:, 0].argmax(), axis=0),
    "every third point": lambda ring, _: ring[::3],
    "smaller by a little": lambda ring, _: ring + (ring.mean(axis=0) - ring) * 0.002,
    "moved": lambda ring, _: ring + 0.3,
    "turned": lambda ring, _: ring[::-1] + 0.15,
}


@pytest.mark.parametrize("change", REPEATS)
@pytest.mark.parametrize("ring", [BODY, ORGAN], ids=["body", "organ"])
@pytest.mark.parametrize("first", [True, False])
def test_a_contour_stored_again_nearly_alike_counts_once_and_is_named(
    ring: Floats, change: str, *, first: bool
) -> None:
    again = REPEATS[change](ring, np.random.default_rng(0))
    rings = (ring, again) if first else (again, ring)
    placed, problems = combined(*rings)
    one, both = shapely.Polygon(ring), exact.one_ring(ring).union(exact.one_ring(again))
    assert 0.995 * min(one.area, exact.one_ring(again).area) < placed.area_mm2.sum() < 1.005 * both.area
    assert rasterise(placed).count == pytest.approx(one.area, rel=0.03)
    assert len(problems) == 1
    assert problems[0].code in SAID


@given(seed=seeds, size_mm=st.floats(0.05, 2.0), ring=st.sampled_from([BODY, ORGAN]), anew=st.booleans())
def test_jitter_of_any_size_never_erases(seed: int, size_mm: float, ring: Floats, *, anew: bool) -> None:
    rng = np.random.default_rng(seed)
    again = jittered(resampled(ring, rng) if anew else ring, size_mm, rng)
    placed, problems = combined(ring, again)
    one, other = shapely.Polygon(ring), exact.one_ring(again)
    assert 0.995 * min(one.area, other.area) < placed.area_mm2.sum() < 1.005 * one.union(other).area
    assert SAID & {problem.code for problem in problems}


@given(seeds, st.floats(0.05, 1.0), st.integers(2, 5))
def test_a_hole_stays_one_when_both_outlines_are_stored_nearly_alike(
    seed: int, size_mm: float, times: int
) -> None:
    rng = np.random.default_rng(seed)
    hole = ellipse(100, 60, 200)
    rings = [jittered(ring, size_mm, rng) for ring in (BODY, hole) for _ in range(times)]
    rng.shuffle(rings)
    truth = shapely.Polygon(BODY).area - shapely.Polygon(hole).area
    slack = 1.1 * size_mm * (shapely.Polygon(BODY).length + shapely.Polygon(hole).length)
    assert area(*rings) == pytest.approx(truth, abs=slack)


@given(thickness_mm=st.floats(0.5, 5.0), ring=st.sampled_from([BODY, ORGAN]), turned=st.booleans())
def test_a_rind_is_a_rind_however_thin_it_is_drawn(
    thickness_mm: float, ring: Floats, *, turned: bool
) -> None:
    outer = shapely.Polygon(ring)
    inner = np.array(outer.buffer(-thickness_mm).exterior.coords[:-1])
    placed, problems = combined(ring, inner[::-1] if turned else inner)
    assert not problems
    assert placed.area_mm2.sum() == pytest.approx(outer.area - shapely.Polygon(inner).area, rel=2e-3)


def test_a_rind_that_touches_its_outline_in_places_stays_a_rind() -> None:
    inner = np.array(shapely.Polygon(BODY).buffer(-3).exterior.coords[:-1])
    near = inner.copy()
    left = near[:, 0] < near[:, 0].min() + 1
    near[left, 0] -= 3.2
    placed, problems = combined(BODY, near)
    assert not problems
    assert placed.area_mm2.sum() == pytest.approx(exact.even_odd([BODY, near]).area, rel=2e-3)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_hole_along_a_side_of_its_outline_stays_a_hole(share: float) -> None:
    outer = np.array([(20.0, 20.0), (120.0, 20.0), (120.0, 120.0), (20.0, 120.0)])
    hole = 20 + (outer - 20) * (share, 1) * (1, 0.9) + (0, 5)
    placed, problems = combined(outer, hole)
    assert not problems
    assert placed.area_mm2.sum() == pytest.approx(1e4 * (1 - 0.9 * share), rel=1e-3)


@pytest.mark.parametrize("change", REPEATS)
def test_exclusive_rings_are_never_repeats(change: str) -> None:
    again = REPEATS[change](ORGAN, np.random.default_rng(0))
    placed, problems = combined(ORGAN, again, kind="CLOSEDPLANAR_XOR")
    truth = exact.even_odd([np.round(ring * 1024) / 1024 for ring in (ORGAN, again)]).area
    assert not problems
    assert placed.area_mm2.sum() == pytest.approx(truth, rel=1e-3, abs=0.05)


def test_islands_in_a_hole_stored_twice_are_islands_once() -> None:
    rings = [ellipse(width, width * 0.7) for width in (300, 200, 100)]
    again = [ring[::3] for ring in rings]
    truth = area(*rings)
    assert area(*rings, *again) == pytest.approx(truth, rel=2e-3)
    assert area(*again, *rings) == pytest.approx(truth, rel=2e-3)
