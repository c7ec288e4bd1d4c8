"""Regions that share borders: every voxel of the plane belongs to exactly one of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import place
from tests.builders import rotated
from tests.unit.rtstruct.cases import flat_grid, flat_region, mask_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 24
GRID = flat_grid(SIZE, SIZE)
LATTICES = {"pixel centres": 1.0, "quarters": 0.25, "anywhere": 0.0}
seeds = st.integers(0, 2**32 - 1)


def cells(seed: int, lattice: float, count: int = 12) -> list[NDArray[np.float64]]:
    """Return rings that tile the image: Voronoi cells, vertices moved to a lattice, sides shared."""
    rng = np.random.default_rng(seed)
    frame = shapely.box(-1, -1, SIZE, SIZE)
    sites = shapely.MultiPoint(rng.uniform(0, SIZE - 1, (count, 2)))
    borders = shapely.voronoi_polygons(sites, extend_to=frame, only_edges=True)
    drawn = shapely.unary_union([borders.intersection(frame), frame.exterior])
    if lattice:
        drawn = shapely.set_precision(drawn, lattice)
    faces = shapely.get_parts(shapely.polygonize([shapely.node(drawn)]))
    return [np.array(face.exterior.coords[:-1]) for face in faces]


def holders(rings: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Return how many of the rings, each a region of its own, hold each voxel."""
    return np.sum([mask_of(place(flat_region(ring), GRID)[0])[0] for ring in rings], axis=0, dtype=np.int64)


@pytest.mark.parametrize("lattice", LATTICES)
@given(seed=seeds)
def test_every_voxel_of_a_tiling_belongs_to_one_cell(lattice: str, seed: int) -> None:
    rings = cells(seed, LATTICES[lattice])
    assert len(rings) > 3
    assert (holders(rings) == 1).all()


@given(seeds)
def test_a_fan_of_triangles_around_a_pixel_centre_leaves_nothing_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    middle = rng.integers(6, 18, 2)
    corners = [(-1, -1), (SIZE, -1), (SIZE, SIZE), (-1, SIZE), (-1, -1)]
    sides = [np.linspace(a, b, rng.integers(2, 9))[:-1] for a, b in pairwise(corners)]
    around = np.vstack((*sides, corners[:1]))
    fan = [np.array([middle, a, b]) for a, b in pairwise(around)]
    assert (holders(fan) == 1).all()


@given(seeds)
def test_neighbours_need_not_have_the_same_points_on_their_border(seed: int) -> None:
    """One side of three cells, through pixel centres: whole in one of them, in two parts in the others."""
    rng = np.random.default_rng(seed)
    corner, step = rng.integers(0, 5, 2), rng.integers(1, 40, 2) / 16
    near, via, far = corner - 5 * step, corner + 7 * step, corner + 48 * step
    third = np.array((SIZE, -1))
    cells_around = [
        np.array([near, far, third]),
        np.array([near, (-1, SIZE), via]),
        np.array([via, (-1, SIZE), far]),
    ]
    whole = np.array([near, (-1, SIZE), far, third])
    mask = mask_of(place(flat_region(whole), GRID)[0])[0]
    np.testing.assert_array_equal(holders(cells_around), mask)


@given(seeds)
def test_cells_joined_to_one_region_fill_the_image(seed: int) -> None:
    """All cells as contours of one region: the shared sides are neither overlaps nor gaps."""
    placed, _ = place(flat_region(*cells(seed, 0.25)), GRID)
    assert mask_of(placed).all()


@given(seeds)
def test_neighbours_agree_on_oblique_images_too(seed: int) -> None:
    """Points of shared sides are told in patient coordinates, as files hold them, to a tenth of a micron."""
    orientation = np.array(rotated(12, -8, 15))
    axes = np.array((orientation[:3], orientation[3:]))
    grid = flat_grid(SIZE, SIZE)
    normal = np.cross(*axes)
    turned = replace(
        grid,
        origin_lps_mm=np.array((31.234, -77.7, 512.3)),
        steps_lps_mm=np.array((normal * 3.0, axes[1] * 0.9765625, axes[0] * 0.9765625)),
        normal=normal,
        heights_mm=np.array((float(normal @ (31.234, -77.7, 512.3)),)),
    )
    masks = []
    for ring in cells(seed, 0.25):
        points = np.round(turned.origin_lps_mm + ring @ axes * 0.9765625, 4)
        region = flat_region(ring)
        contour = replace(region.contours[0], points_lps_mm=points)
        masks.append(mask_of(place(replace(region, contours=(contour,)), turned)[0])[0])
    assert (np.sum(masks, axis=0) == 1).all()
