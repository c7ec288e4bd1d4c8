"""Distances and overlaps against judges that share no code with the engine."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.distance import directed_hausdorff

from orthanc_plugins.rtstruct import (
    compare_regions,
    nearest_distances,
    surface_distances,
)
from orthanc_plugins.rtstruct.comparison import Voxels
from orthanc_plugins.rtstruct.comparison.closest import Surface
from orthanc_plugins.rtstruct.comparison.nearest import nearly_nearest_distances
from orthanc_plugins.rtstruct.comparison.rings import reaches_squared
from orthanc_plugins.rtstruct.comparison.triangles import Triangles, triangle_distances
from orthanc_plugins.rtstruct.geometry.raster import mask_from_voxels
from tests.builders import Box
from tests.unit.rtstruct.cases import flat_grid
from tests.unit.rtstruct.compared import FRAME, ball, bodies, random_mesh, sampled_triangle, surface_of

sitk: Any = SimpleITK


def test_triangles_are_as_far_apart_as_their_nearest_places() -> None:
    generator = np.random.default_rng(1)
    corners = generator.normal(size=(20, 3, 3))
    others = generator.normal(size=(20, 3, 3)) + np.array((1.5, 0, 0))
    found = np.sqrt(triangle_distances(corners, others))
    for one, other, distance in zip(corners, others, found, strict=True):
        first, second = sampled_triangle(one), sampled_triangle(other)
        nearest = min(float(np.linalg.norm(second - point, axis=1).min()) for point in first)
        assert distance <= nearest + 1e-9
        assert nearest - distance < 0.25
    assert (found == 0).any()
    assert (found > 0).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_point_is_as_far_from_a_surface_as_from_the_nearest_of_all_triangles(seed: int) -> None:
    made = random_mesh(seed)
    points = np.random.default_rng(seed + 100).normal(scale=25, size=(200, 3))
    corners = made.vertices_lps_mm.astype(np.float64)[made.faces]
    brute = [
        Triangles.of(corners).squared_to(np.broadcast_to(point, (len(corners), 3))).min() for point in points
    ]
    assert Surface(made).distances_to(points) == pytest.approx(np.sqrt(brute), abs=1e-7)


def test_a_corner_reaches_as_far_as_the_places_it_is_nearest_to() -> None:
    shapes = [
        ((0, 0, 0), (4, 0, 0), (1.5, 3, 0)),  # acute
        ((0, 0, 0), (9, 0, 0), (2, 1, 0)),  # obtuse
        ((0, 0, 0), (3, 0, 0), (0, 2, 0)),  # right
        ((0, 0, 0), (8, 0, 0), (4, 1e-4, 0)),  # a sliver
        ((0, 0, 0), (8, 0, 0), (7.9999, 1e-4, 0)),  # a needle
        ((0, 0, 0), (5, 0, 0), (5, 0, 0)),  # two corners in one place
    ]
    for shape in np.array(shapes, dtype=np.float64):
        places = sampled_triangle(shape, 200)
        apart = np.linalg.norm(places[:, None] - shape, axis=2)
        for corner in range(3):
            u, v = shape[(corner + 1) % 3] - shape[corner], shape[(corner + 2) % 3] - shape[corner]
            reach = reaches_squared(*(np.array([product]) for product in (u @ u, u @ v, v @ v)))[0] ** 0.5
            own = apart[:, corner] <= apart.min(axis=1) + 1e-9
            farthest = max(float(apart[own, corner].max()), float(np.sqrt(max(u @ u, v @ v))) / 2)
            assert farthest <= reach + 1e-6
            assert reach <= farthest * 1.16 + 0.1


@pytest.mark.parametrize("seed", range(3))
def test_a_point_is_as_far_from_a_rough_surface_as_from_the_nearest_of_all_triangles(seed: int) -> None:
    """Corners are shared, no triangle is like another, and points lie on, near and far from the surface."""
    generator = np.random.default_rng(seed)
    made = surface_of(bodies(ball(0.0, 9.0), frame=replace(FRAME, size=(12, 40, 40)))[0][0])
    points = made.vertices_lps_mm + generator.normal(scale=0.4, size=made.vertices_lps_mm.shape)
    rough = replace(made, vertices_lps_mm=points.astype(np.float32))
    corners = rough.vertices_lps_mm.astype(np.float64)[rough.faces]
    queries = np.concatenate(
        [
            rough.vertices_lps_mm[:40] + generator.normal(scale=scale, size=(40, 3))
            for scale in (0, 0.5, 4, 40)
        ]
    )
    brute = [
        Triangles.of(corners).squared_to(np.broadcast_to(point, (len(corners), 3))).min() for point in queries
    ]
    assert Surface(rough).distances_to(queries) == pytest.approx(np.sqrt(brute), abs=1e-6)


@pytest.mark.parametrize("at", [0.0, 60.0, 200.0])
def test_surfaces_are_as_far_apart_as_the_nearest_of_all_their_triangles(at: float) -> None:
    made = [random_mesh(7), random_mesh(8, at=at), random_mesh(9, at=-at)]
    pairs = list(combinations(range(3), 2))
    brute = []
    for one, other in pairs:
        first, second = (m.vertices_lps_mm.astype(np.float64)[m.faces] for m in (made[one], made[other]))
        rows = np.repeat(np.arange(len(first)), len(second))
        columns = np.tile(np.arange(len(second)), len(first))
        brute.append(float(np.sqrt(triangle_distances(first[rows], second[columns]).min())))
    assert nearest_distances(made, pairs) == pytest.approx(brute, abs=1e-4)


def test_the_short_search_finds_what_the_full_one_does_up_to_its_limit() -> None:
    shapes = [ball(-24.0, 8.0), ball(0.0, 9.0), ball(20.0, 8.0), ball(6.0, 5.0), ball(0.0, 30.0)]
    made, _ = bodies(*shapes)
    surfaces = [surface_of(body) for body in made]
    pairs = list(combinations(range(len(made)), 2))
    full = nearest_distances(surfaces, pairs)
    short = nearly_nearest_distances(surfaces, pairs, 10.0)
    assert any(found is None for found in short)
    for exact, found in zip(full, short, strict=True):
        assert (found is None) == (exact >= 10.0)
        assert found is None or found == pytest.approx(exact, abs=1e-4)


def test_masks_share_the_voxels_that_both_hold() -> None:
    grid = flat_grid(30, 40, 12)
    generator = np.random.default_rng(3)
    made = []
    for _ in range(6):
        low = generator.integers(0, 6, 3)
        box = generator.random(generator.integers(1, 7, 3)) < 0.5
        box[0, 0, 0] = True
        made.append(mask_from_voxels(box, (int(low[0]), int(low[1]), int(low[2]))))
    for one, other in combinations(made, 2):
        both = int((one.on_grid(grid.shape) & other.on_grid(grid.shape)).sum())
        assert Voxels(one, grid).shared(Voxels(other, grid)) == both
        middle = np.argwhere(one.on_grid(grid.shape)).mean(axis=0)
        assert Voxels(one, grid).centroid_lps_mm == pytest.approx(middle[::-1])


# Other judges


def test_simpleitk_finds_the_same_overlap_and_much_the_same_distances() -> None:
    made, grid = bodies(ball(-4.0, 15.0), Box((5.0, 2.0, 0.0), (26.0, 20.0, 24.0)))
    found = compare_regions(made[0], made[1], grid)
    assert found.overlap is not None
    assert found.surface is not None
    images = [sitk.GetImageFromArray(body.mask.on_grid(grid.shape).astype(np.uint8)) for body in made]
    for image in images:
        image.SetSpacing(grid.spacing_mm[::-1])
    judge = sitk.LabelOverlapMeasuresImageFilter()
    judge.Execute(images[1], images[0])
    assert found.overlap.dice == pytest.approx(judge.GetDiceCoefficient(), abs=1e-9)
    assert found.overlap.jaccard == pytest.approx(judge.GetJaccardCoefficient(), abs=1e-9)
    farthest = sitk.HausdorffDistanceImageFilter()
    farthest.Execute(*images)
    half_voxel = float(np.linalg.norm(grid.spacing_mm)) / 2
    # its distances lead from voxel to voxel of the whole mask, ours between smooth surfaces
    assert found.surface.hausdorff_mm == pytest.approx(farthest.GetHausdorffDistance(), abs=2 * half_voxel)


def test_scipy_finds_much_the_same_hausdorff_distance_on_the_vertices() -> None:
    made, _ = bodies(ball(-3.0, 14.0), ball(4.0, 17.0))
    first, second = (surface_of(body) for body in made)
    found = surface_distances(first, second)
    for way, (here, there) in (
        (found.region_to_other, (first, second)),
        (found.other_to_region, (second, first)),
    ):
        points = directed_hausdorff(here.vertices_lps_mm, there.vertices_lps_mm)[0]
        assert way.max_mm <= points + 1e-4
        assert way.max_mm == pytest.approx(points, abs=0.5)
