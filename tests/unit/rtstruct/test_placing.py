"""From contours to planes: repeats, overlaps, odd planes, and what is said about them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import Contour, Problem, Region, place, rasterise
from tests.builders import DAMAGES, Box, Case, Cylinder, Ellipsoid, build_case
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, flat_region, grid_of, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

CASE = case_of(Ellipsoid((2.0, 1.0, 0.0), (20.0, 20.0, 20.0)), Cylinder((0.0, 0.0, 0.0), (10.0, 12.0), 30.0))


def square(a: float, b: float) -> list[tuple[float, float]]:
    return [(a, a), (b, a), (b, b), (a, b)]


def lifted(ring: list[tuple[float, float]], z: float) -> NDArray[np.float64]:
    return np.column_stack((np.array(ring), np.full(len(ring), z)))


def placed_damage(kind: str, case: Case = CASE) -> tuple[float, int, list[Problem]]:
    """Return planimetric volume in ml, voxels and problems of the spoilt region."""
    structure_set = case.copied_structure_set()
    DAMAGES[kind](structure_set)
    region = read(case.with_structure_set(structure_set)).regions[0]
    placed, problems = place(region, grid_of(case))
    return float(placed.area_mm2 @ placed.slab_mm) / 1000, rasterise(placed).count, problems


WHOLE = placed_damage("no_contour_image_sequence")


def test_an_undamaged_region_has_no_problems_and_the_contours_volume() -> None:
    volume, _, problems = WHOLE
    assert not problems
    assert volume == pytest.approx(CASE.truth["shape 1"].contour_volume_ml, rel=5e-4)


@pytest.mark.parametrize("kind", ["stored_twice", "stored_nearly_twice"])
def test_repeated_contours_count_once_with_one_warning(kind: str) -> None:
    volume, voxels, problems = placed_damage(kind)
    assert volume == pytest.approx(WHOLE[0])
    assert voxels == WHOLE[1]
    assert [problem.code for problem in problems] == ["repeated_contour"]
    assert f"{CASE.truth['shape 1'].contours} contours" in problems[0].message


@pytest.mark.parametrize(
    "kind", ["references_absent_images", "no_contour_image_sequence", "slightly_off_plane"]
)
def test_contours_find_their_plane_by_position(kind: str) -> None:
    volume, voxels, problems = placed_damage(kind)
    assert volume == pytest.approx(WHOLE[0])
    assert voxels == WHOLE[1]
    assert not problems


def test_exclusive_type_gives_the_same_where_nothing_overlaps() -> None:
    assert placed_damage("exclusive_type") == WHOLE


def test_planes_half_way_go_to_the_nearest_with_one_warning() -> None:
    volume, voxels, problems = placed_damage("half_way_planes")
    assert volume == pytest.approx(WHOLE[0])
    assert voxels == WHOLE[1]
    assert [problem.code for problem in problems] == ["between_planes"]


def test_a_contour_that_crosses_itself_is_filled_even_odd_with_one_warning() -> None:
    volume, voxels, problems = placed_damage("crossing_itself")
    assert [problem.code for problem in problems] == ["crossing_itself"]
    assert 0 < voxels < WHOLE[1]
    assert 0 < volume < WHOLE[0]


def test_a_figure_of_eight_has_the_area_of_both_its_lobes() -> None:
    placed, problems = place(flat_region([(2.0, 2.0), (10.0, 10.0), (10.0, 2.0), (2.0, 10.0)]), flat_grid())
    assert [problem.code for problem in problems] == ["crossing_itself"]
    assert placed.area_mm2.sum() == pytest.approx(32, rel=1e-3)


def test_contours_off_every_slice_are_measured_but_not_filled() -> None:
    volume, voxels, problems = placed_damage("off_every_slice")
    assert voxels == 0
    assert volume == pytest.approx(WHOLE[0])
    assert [problem.code for problem in problems] == ["outside_stack"]


def test_partial_overlaps_are_joined_with_one_warning() -> None:
    region = flat_region(square(2, 8), [(5.0, 2.0), (11.0, 2.0), (11.0, 8.0), (5.0, 8.0)])
    placed, problems = place(region, flat_grid())
    assert [problem.code for problem in problems] == ["partial_overlap"]
    assert rasterise(placed).count == 9 * 6
    assert placed.area_mm2.sum() == pytest.approx(54, rel=0.01)


def test_partial_overlaps_of_exclusive_contours_are_cut_out() -> None:
    region = flat_region(
        square(2, 8), [(5.0, 2.0), (11.0, 2.0), (11.0, 8.0), (5.0, 8.0)], kind="CLOSEDPLANAR_XOR"
    )
    placed, problems = place(region, flat_grid())
    assert not problems
    assert rasterise(placed).count == 2 * 3 * 6
    assert placed.area_mm2.sum() == pytest.approx(36, rel=0.01)


def test_a_hole_in_one_of_two_overlapping_contours_stays_a_hole() -> None:
    wide = [(8.0, 1.0), (18.0, 1.0), (18.0, 11.0), (8.0, 11.0)]
    placed, _ = place(flat_region(square(1, 11), wide, square(3, 6)), flat_grid())
    assert rasterise(placed).count == 17 * 10 - 9


def test_contours_that_touch_are_no_overlap() -> None:
    region = flat_region(square(2, 6), [(6.0, 2.0), (9.0, 2.0), (9.0, 6.0), (6.0, 6.0)])
    placed, problems = place(region, flat_grid())
    assert not problems
    assert rasterise(placed).count == 7 * 4


def test_many_repeats_on_one_plane_collapse_to_one() -> None:
    placed, problems = place(flat_region(*[square(2, 8)] * 25), flat_grid())
    assert rasterise(placed).count == 36
    assert len(problems) == 1
    assert "24 contours" in problems[0].message


def test_contours_across_the_planes_are_left_out() -> None:
    upright = Contour(0, "CLOSED_PLANAR", np.array([(2.0, 2.0, 0.0), (2.0, 8.0, 0.0), (2.0, 5.0, 4.0)]))
    placed, problems = place(Region(1, "", (upright,)), flat_grid(slices=5))
    assert not placed.is_placed
    assert [problem.code for problem in problems] == ["not_parallel"]


def test_contours_without_area_are_left_out() -> None:
    _, problems = place(flat_region([(2.0, 2.0), (8.0, 2.0), (5.0, 2.0)]), flat_grid())
    assert [problem.code for problem in problems] == ["no_area"]


def test_contours_finer_than_the_images_do_not_become_rings() -> None:
    rings = [Contour(i, "CLOSED_PLANAR", lifted(square(2 + i / 4, 16 - i / 4), i / 2)) for i in range(8)]
    placed, problems = place(Region(1, "", tuple(rings)), flat_grid(slices=5))
    assert {problem.code for problem in problems} == {"finer_than_images"}
    per_slice = rasterise(placed).voxels.sum(axis=(1, 2))
    assert per_slice.tolist() == [196, 169, 144, 121]
    expected = sum((14 - i / 2) ** 2 * 0.5 for i in range(8))
    assert float(placed.area_mm2 @ placed.slab_mm) == pytest.approx(expected, rel=1e-3)


def stacked(*heights: float) -> Region:
    """Return a square of 100 mm² at every height."""
    contours = [
        Contour(number, "CLOSED_PLANAR", lifted(square(2, 12), z)) for number, z in enumerate(heights)
    ]
    return Region(1, "stacked", tuple(contours))


def test_levels_beside_each_other_stay_apart_though_most_lie_far_apart() -> None:
    placed, _ = place(stacked(0, 5, 10, 11), flat_grid(slices=16))
    assert sorted(placed.plane.tolist()) == [0, 5, 10, 11]
    assert placed.area_mm2 == pytest.approx([100] * 4)


def test_a_gap_between_parts_that_are_drawn_finer_than_images_is_not_filled() -> None:
    placed, problems = place(stacked(0, 0.5, 1, 1.5, 10, 10.5), flat_grid(slices=16))
    assert "finer_than_images" in [problem.code for problem in problems]
    assert float(placed.area_mm2 @ placed.slab_mm) == pytest.approx(100 * 0.5 * 6, rel=0.06)


def test_contours_beyond_the_images_stand_for_no_more_than_a_slice() -> None:
    far, near = (
        place(stacked(*heights), flat_grid(slices=16))[0]
        for heights in ((4, 9, 14, 19, 24), (20, 20.4, 20.8))
    )
    assert far.slab_mm == pytest.approx([1] * 5)
    assert near.slab_mm == pytest.approx([0.4] * 3)


def test_contours_on_every_second_plane_are_named_sparse() -> None:
    rings = [Contour(i, "CLOSED_PLANAR", lifted(square(2, 9), 2.0 * i)) for i in range(6)]
    _, problems = place(Region(1, "", tuple(rings)), flat_grid(slices=12))
    assert [problem.code for problem in problems] == ["sparse_contours"]


def test_very_many_rings_on_one_plane_end_soon_and_are_named() -> None:
    rng = np.random.default_rng(0)
    rings = [np.array([(x, y), (x + 9, y), (x, y + 9)]) for x, y in rng.uniform(0, 10, (5001, 2))]
    placed, problems = place(flat_region(*rings), flat_grid())
    assert {problem.code for problem in problems} == {"too_many_contours"}
    assert rasterise(placed).count > 0


@pytest.mark.parametrize("tilt", [0.0, 15.0])
def test_planimetric_volume_of_a_box_is_exact(tilt: float) -> None:
    case = case_of(Box((1.3, -2.2, 0.0), (30.0, 22.0, 24.0)), frame=replace(SMALL, tilt_deg=tilt))
    placed, _ = place(read(case).regions[0], grid_of(case))
    assert float(placed.area_mm2 @ placed.slab_mm) / 1000 == pytest.approx(15.84, rel=2e-4)


@pytest.mark.parametrize("number", range(10))
def test_every_region_of_the_sample_has_the_volume_of_its_contours(number: int) -> None:
    case = SAMPLE
    truth = list(case.truth.values())[number]
    placed, problems = place(read(case).regions[number], grid_of(case))
    assert not problems
    assert float(placed.area_mm2 @ placed.slab_mm) / 1000 == pytest.approx(truth.contour_volume_ml, rel=1e-3)


SAMPLE = build_case()
