"""Rings that are joined: what they fill together, in memory and work of their own planes."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import PlacedRegion, coverage, rasterise
from orthanc_plugins.rtstruct.geometry.raster import FULL
from tests.unit.rtstruct.cases import flat_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

type Floats = NDArray[np.float64]

MEGABYTE = 2**20


def box(low: float, high: float) -> Floats:
    return np.array([(low, low), (high, low), (high, high), (low, high)])


def placed(rings: Sequence[Floats], planes: Sequence[int], groups: Sequence[int], size: int) -> PlacedRegion:
    """Return rings in pixels as a region: nothing of it but planes and groups is looked at in filling."""
    counts = [len(ring) for ring in rings]
    each = np.zeros(len(rings))
    return PlacedRegion(
        number=1,
        grid=flat_grid(size, size, slices=max(planes) + 1),
        points_px=np.concatenate(rings),
        starts=np.concatenate(((0,), np.cumsum(counts))).astype(np.intp),
        plane=np.array(planes, dtype=np.intp),
        height_mm=np.array(planes, dtype=np.float64),
        slab_mm=each + 1,
        group=np.array(groups, dtype=np.intp),
        area_mm2=each,
        centroid_px=np.zeros((len(rings), 2)),
        contour=np.arange(len(rings), dtype=np.intp),
    )


def peak(region: PlacedRegion) -> int:
    """Return how many bytes filling a region takes at most."""
    tracemalloc.start()
    try:
        rasterise(region)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rings_joined_on_every_plane_take_no_volume_of_memory() -> None:
    planes = [plane for plane in range(60) for _ in range(2)]
    wide = np.array((4, 1))
    region = placed([box(3.5, 240.5) * wide, box(10.5, 250.5) * wide] * 60, planes, [0] * 120, 1010)
    assert peak(region) < 60 * 247 * 988 / 2
    assert rasterise(region).count == 4 * 60 * (237**2 + 240**2 - 230**2)


def test_a_long_chain_of_small_rings_takes_the_memory_of_its_plane() -> None:
    chain = [box(place / 4, place / 4 + 1.25) for place in range(1900)]
    region = placed([*chain, box(10, 490)], [*[0] * 1900, 40], [*[0] * 1900, 1], 500)
    assert peak(region) < 8 * MEGABYTE


def alone(ring: Floats, size: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = rasterise(placed([ring], [0], [0], size)).on_grid((1, size, size))[0]
    return found


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_groups_are_exclusive_or_and_rings_of_one_are_joined(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rings = [np.round(rng.uniform(-3, 23, (rng.integers(3, 9), 2)) * 8) / 8 for _ in range(count)]
    groups = rng.integers(0, 3, count)
    expected = np.zeros((20, 20), dtype=bool)
    for group in np.unique(groups):
        members = [alone(ring, 20) for ring, own in zip(rings, groups, strict=True) if own == group]
        expected ^= np.logical_or.reduce(members)
    region = placed(rings, [0] * count, groups.tolist(), 20)
    np.testing.assert_array_equal(rasterise(region).on_grid((1, 20, 20))[0], expected)


def test_the_cover_of_joined_rings_is_exact_in_pixels_that_both_fill_in_part() -> None:
    """Two strips that end in one pixel, a quarter and a half of it: three quarters, not a half."""
    strips = [
        np.array([(2.5, 2.5), (7.75, 2.5), (7.75, 5.5), (2.5, 5.5)]),
        np.array([(8.0, 2.5), (12.5, 2.5), (12.5, 5.5), (8.0, 5.5)]),
        np.array([(2.5, 3.5), (12.5, 3.5), (12.5, 4.5), (2.5, 4.5)]),
    ]
    found = coverage(placed(strips, [0] * 3, [0] * 3, 16))
    assert found is not None
    field, (_, row, column) = found
    assert field[0, 3 - row, 8 - column] == FULL * 3 / 4
    assert field[0, 4 - row, 8 - column] == FULL


@pytest.mark.parametrize("planes", [(0, 1, 2), (0, 0, 1, 2, 2)])
def test_slices_show_the_plane_that_is_nearest(planes: tuple[int, ...]) -> None:
    region = placed([box(2, 5), box(3, 9), box(1, 4)], [0, 1, 2], [0, 1, 2], 12)
    shown = replace(
        region, grid=replace(region.grid, shape=(len(planes), 12, 12), plane_of_slice=np.array(planes))
    )
    flat = rasterise(region).on_grid((3, 12, 12))
    np.testing.assert_array_equal(rasterise(shown).on_grid((len(planes), 12, 12)), flat[list(planes)])
    assert all(a <= b for a, b in pairwise(rasterise(shown).starts.tolist()))
