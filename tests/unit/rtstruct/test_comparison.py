"""Regions against each other: closed forms, brute force, and judges that share no code with the engine."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.distance import directed_hausdorff

from orthanc_plugins.rtstruct import (
    Mesh,
    PairTable,
    RegionComparison,
    compare_regions,
    mesh,
    nearest_distances,
    pair_table,
    rasterise,
    surface_distances,
)
from orthanc_plugins.rtstruct.comparison import Body, Voxels, overlap
from orthanc_plugins.rtstruct.comparison.closest import Surface
from orthanc_plugins.rtstruct.comparison.nearest import nearly_nearest_distances
from orthanc_plugins.rtstruct.comparison.rings import reaches_squared
from orthanc_plugins.rtstruct.comparison.triangles import Triangles, triangle_distances
from orthanc_plugins.rtstruct.geometry.raster import RegionMask, mask_from_voxels
from tests.builders import Box, Ellipsoid, ImageFrame, Shape, Together, rotated
from tests.unit.rtstruct.cases import case_of, flat_grid, placed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import VoxelGrid

sitk: Any = SimpleITK

FRAME = ImageFrame(size=(36, 72, 72), spacing_mm=(1.0, 1.0), gap_mm=2.0)
RADIUS = 20.0


def ball(x: float = 0.0, radius: float = RADIUS) -> Ellipsoid:
    return Ellipsoid((x, 0.0, 0.0), (radius, radius, radius))


def bodies(*shapes: Shape, frame: ImageFrame = FRAME) -> tuple[list[Body], VoxelGrid]:
    placed = placed_of(case_of(*shapes, frame=frame))
    made = [Body(one.number, f"shape {one.number}", rasterise(one), mesh(one)) for one in placed]
    return made, placed[0].grid


def compared(first: Shape, second: Shape, frame: ImageFrame = FRAME) -> RegionComparison:
    made, grid = bodies(first, second, frame=frame)
    return compare_regions(made[0], made[1], grid)


def surface_of(body: Body) -> Mesh:
    assert body.surface is not None
    return body.surface


def lens_ml(radius: float, apart: float) -> float:
    return pi * (4 * radius + apart) * (2 * radius - apart) ** 2 / 12 / 1000


def random_mesh(seed: int, count: int = 60, at: float = 0.0) -> Mesh:
    """A soup of triangles of very different sizes, with a sliver among them."""
    generator = np.random.default_rng(seed)
    corners = generator.normal(scale=10, size=(count, 1, 3)) + generator.normal(scale=3, size=(count, 3, 3))
    corners[0] = ((-40, 0, 0), (40, 0, 0), (0, 0.01, 0))
    points = (corners.reshape(-1, 3) + np.array((at, 0, 0))).astype(np.float32)
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    return Mesh(points, faces, closed=False, parts=1, cavities=0, tunnels=0, volume_ml=1.0, surface_cm2=20.0)


def sampled_triangle(corners: NDArray[np.float64], steps: int = 24) -> NDArray[np.float64]:
    """Points (n, 3) all over a triangle, its corners among them."""
    u, v = np.meshgrid(*[np.linspace(0, 1, steps)] * 2)
    inside = u + v <= 1 + 1e-12
    return np.asarray(
        corners[0] + u[inside, None] * (corners[1] - corners[0]) + v[inside, None] * (corners[2] - corners[0])
    )


# Closed forms


@pytest.mark.parametrize("apart", [4.0, 10.0, 25.0])
def test_two_balls_share_a_lens(apart: float) -> None:
    found = compared(ball(-apart / 2), ball(apart / 2)).overlap
    assert found is not None
    volume, lens = 4 / 3 * pi * RADIUS**3 / 1000, lens_ml(RADIUS, apart)
    assert found.dice == pytest.approx(lens / volume, abs=0.005)
    assert found.jaccard == pytest.approx(found.dice / (2 - found.dice))
    assert found.intersection_cc == pytest.approx(lens, rel=0.02)
    assert found.union_cc == pytest.approx(2 * volume - lens, rel=0.01)
    assert found.only_region_cc + found.intersection_cc == pytest.approx(found.volume_voxels_cc)
    assert found.region_inside_other == pytest.approx(lens / volume, abs=0.005)
    assert found.centroid_distance_mm == pytest.approx(apart, abs=0.02)
    assert np.linalg.norm(found.offset_lps_mm) == pytest.approx(found.centroid_distance_mm)


@pytest.mark.parametrize("apart", [4.0, 10.0])
def test_the_hausdorff_distance_of_two_balls_is_their_offset(apart: float) -> None:
    found = compared(ball(-apart / 2), ball(apart / 2)).surface
    assert found is not None
    assert found.hausdorff_mm == pytest.approx(apart, abs=0.3)
    assert found.hd95_mm <= found.hausdorff_mm
    assert found.region_to_other.mean_mm == pytest.approx(found.other_to_region.mean_mm, abs=0.02)


def test_balls_in_one_another_are_apart_by_the_margin_everywhere() -> None:
    found = compared(ball(radius=14.0), ball(radius=22.0))
    surface = found.surface
    assert surface is not None
    assert found.relation == "inside"
    assert found.overlap is not None
    assert (found.overlap.region_inside_other, found.overlap.only_region_cc) == (1.0, 0.0)
    assert found.nearest_mm == pytest.approx(8.0, abs=FRAME.gap_mm / 2)
    for way in (surface.region_to_other, surface.other_to_region):
        assert (way.mean_mm, way.rms_mm, way.p95_mm, way.max_mm) == pytest.approx((8, 8, 8, 8), abs=0.6)
    assert surface.surface_dice == {"1": 0.0, "2": 0.0, "3": 0.0}
    assert found.reach_mm is not None
    assert set(found.reach_mm) == {"left", "right", "posterior", "anterior", "superior", "inferior"}
    assert list(found.reach_mm.values()) == pytest.approx([8.0] * 6, abs=0.7)


def test_balls_beside_each_other_are_as_far_apart_as_their_nearest_points() -> None:
    found = compared(ball(-16.0, 10.0), ball(16.0, 12.0))
    assert found.relation == "apart"
    assert found.nearest_mm == pytest.approx(10.0, abs=0.15)
    assert found.overlap is not None
    assert found.overlap.dice == 0.0


def test_boxes_that_cross_touch_and_share_what_both_cover() -> None:
    found = compared(Box((-5.0, 0.0, 0.0), (20.0, 20.0, 20.0)), Box((5.0, 0.0, 0.0), (20.0, 20.0, 20.0)))
    assert found.overlap is not None
    assert found.overlap.dice == pytest.approx(0.5, abs=0.01)
    assert found.nearest_mm == 0.0
    assert found.reach_mm is not None
    assert found.reach_mm["left"] == pytest.approx(10.0, abs=0.1)
    assert found.reach_mm["right"] == pytest.approx(-10.0, abs=0.1)


def test_a_region_with_parts_inside_and_outside_of_another_crosses_it_nowhere() -> None:
    parts = Together((ball(0.0, 6.0), ball(28.0, 5.0)))
    found = compared(parts, ball(0.0, 16.0))
    assert found.relation == "overlapping"
    assert found.nearest_mm == pytest.approx(7.0, abs=0.4)


def test_a_region_is_itself() -> None:
    found = compared(ball(), ball())
    assert found.relation == "equal"
    assert found.overlap is not None
    assert (found.overlap.dice, found.overlap.only_region_cc, found.overlap.volume_ratio) == (1.0, 0.0, 1.0)
    assert found.surface is not None
    assert found.surface.hausdorff_mm < 1e-5
    assert set(found.surface.surface_dice.values()) == {1.0}
    assert found.nearest_mm == 0.0


# What changes nothing


def test_swapping_the_two_swaps_what_is_directed_and_nothing_else() -> None:
    one, other = compared(ball(-4.0), ball(5.0, 15.0)), compared(ball(5.0, 15.0), ball(-4.0))
    assert one.overlap is not None
    assert other.overlap is not None
    assert one.overlap.dice == pytest.approx(other.overlap.dice)
    assert one.overlap.region_inside_other == pytest.approx(other.overlap.other_inside_region)
    assert one.overlap.volume_ratio == pytest.approx(1 / other.overlap.volume_ratio)
    assert one.surface is not None
    assert other.surface is not None
    assert one.surface.region_to_other == other.surface.other_to_region
    assert one.surface.hd95_mm == other.surface.hd95_mm
    assert one.nearest_mm == other.nearest_mm
    assert one.reach_mm is not None
    assert other.reach_mm is not None
    assert list(one.reach_mm.values()) == pytest.approx([-value for value in other.reach_mm.values()])


def test_turning_the_patient_changes_no_number() -> None:
    plain = compared(ball(-6.0, 14.0), ball(7.0, 12.0))
    turned = compared(
        ball(-6.0, 14.0), ball(7.0, 12.0), replace(FRAME, orientation=rotated(20.0, -35.0, 50.0))
    )
    assert plain.surface is not None
    assert turned.surface is not None
    assert turned.overlap is not None
    assert plain.overlap is not None
    assert turned.overlap.dice == pytest.approx(plain.overlap.dice, abs=1e-9)
    assert turned.surface.mean_mm == pytest.approx(plain.surface.mean_mm, abs=1e-3)
    assert turned.surface.hausdorff_mm == pytest.approx(plain.surface.hausdorff_mm, abs=1e-3)
    assert turned.nearest_mm == pytest.approx(plain.nearest_mm, abs=1e-3)


# Brute force


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


# The table of a set


def table_of(*shapes: Shape) -> PairTable:
    return pair_table(*bodies(*shapes))


def test_the_table_holds_every_pair_with_what_a_single_one_gives() -> None:
    shapes = (ball(-4.0, 12.0), ball(-1.0, 12.0), ball(26.0, 6.0))
    made, grid = bodies(*shapes)
    table = pair_table(made, grid)
    assert [(pair.region, pair.other) for pair in table.pairs] == [(1, 2), (1, 3), (2, 3)]
    for pair in table.pairs:
        single = compare_regions(made[pair.region - 1], made[pair.other - 1], grid)
        assert pair.overlap == single.overlap
        assert pair.relation == single.relation
        assert pair.nearest_mm is None or pair.nearest_mm == pytest.approx(single.nearest_mm, abs=1e-4)
    assert table.pairs[0].surface == compare_regions(made[0], made[1], grid).surface
    assert table.pairs[1].surface is None
    assert table.pairs[2].nearest_mm == pytest.approx(9.0, abs=0.3)


def test_the_table_leaves_out_regions_without_a_voxel_and_distances_beyond_its_limit() -> None:
    made, grid = bodies(ball(-28.0, 5.0), ball(28.0, 5.0))
    nothing = RegionMask((0, 0, 0), (0, 0, 0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    table = pair_table([*made, Body(9, "nothing", nothing, None)], grid)
    assert [(pair.region, pair.other, pair.nearest_mm) for pair in table.pairs] == [(1, 2, None)]
    assert table.left_out == 1


def test_a_region_without_a_surface_has_an_overlap_and_no_distances() -> None:
    made, grid = bodies(ball(-4.0), ball(4.0))
    bare = replace(made[0], surface=None)
    found = compare_regions(bare, made[1], grid)
    assert found.overlap is not None
    assert (found.nearest_mm, found.reach_mm, found.surface) == (None, None, None)
    assert pair_table([bare, made[1]], grid).pairs[0].nearest_mm is None


def test_too_many_pairs_are_not_compared_and_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pair_table.__globals__, "MOST_PAIRS", 2)
    table = table_of(ball(-4.0, 8.0), ball(0.0, 8.0), ball(4.0, 8.0))
    assert table.too_many
    assert table.pairs == ()
    assert table.no_pairs_because == "3 regions are 3 pairs, more than the 2 that are compared"
    assert table_of(ball(-4.0, 8.0), ball(0.0, 8.0)).no_pairs_because is None


def test_every_pair_of_as_many_regions_as_a_whole_body_segmentation_writes_is_compared() -> None:
    made, grid = bodies(ball(0.0, 3.0))
    bare = replace(made[0], surface=None)
    table = pair_table([replace(bare, number=number) for number in range(1, 105)], grid)
    assert len(table.pairs) == 104 * 103 // 2
    assert all(pair.overlap.dice == 1 for pair in table.pairs)


def test_a_pair_says_why_it_has_no_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    made, grid = bodies(ball(-28.0, 6.0), ball(-27.0, 6.0), ball(-27.0, 6.5), ball(28.0, 6.0))
    sizes = {(1, 2): 0, (1, 3): 0, (2, 3): 0}
    for one, other in sizes:
        sizes[one, other] = sum(len(surface_of(made[n - 1]).vertices_lps_mm) for n in (one, other))
    alike = pair_table(made[:3], grid)
    assert all(pair.surface is not None and pair.no_surface_because is None for pair in alike.pairs)
    monkeypatch.setitem(pair_table.__globals__, "MOST_SAMPLES", max(sizes.values()))
    bare = Body(5, "bare", made[0].mask, None)
    told = {
        (pair.region, pair.other): (pair.no_nearest_because, pair.no_surface_because, pair.surface is None)
        for pair in pair_table([*made, bare], grid).pairs
    }
    assert told[1, 4] == ("farther", "not_alike", True)
    assert told[1, 5] == ("no_mesh", "no_mesh", True)
    assert sorted(str(told[pair][1]) for pair in sizes) == ["None", "too_many_vertices", "too_many_vertices"]
    assert all((told[pair][1] is None) != told[pair][2] for pair in sizes)


def test_overlap_is_counted_once_where_both_are_the_same_object() -> None:
    made, grid = bodies(ball(0.0, 9.0), ball(1.0, 9.0))
    voxels = Voxels(made[0].mask, grid)
    assert overlap(voxels, voxels).dice == 1.0
