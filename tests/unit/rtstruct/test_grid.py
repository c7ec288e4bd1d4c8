"""Geometry: where voxels and planes lie, for every orientation and spacing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import ImageRecord, build_grid, grid_from_contours
from orthanc_plugins.rtstruct.geometry.stack import stack_images
from tests.builders import PATIENT_POSITIONS, Box, ImageFrame, rotated
from tests.unit.rtstruct.cases import SMALL, case_of, grid_of, series

if TYPE_CHECKING:
    from numpy.typing import NDArray


def axial(*heights: float, spacing: tuple[float, float] = (2.0, 1.5)) -> list[ImageRecord]:
    return [
        ImageRecord(f"1.{index}", (-10.0, -20.0, z), (1, 0, 0, 0, 1, 0), 8, 6, spacing)
        for index, z in enumerate(heights)
    ]


def test_axial_grid_by_hand() -> None:
    grid, _, problems = build_grid(axial(30.0, 33.0, 36.0, 39.0))
    assert not problems
    assert grid.kind == "even"
    assert grid.shape == (4, 8, 6)
    assert grid.spacing_mm == (3.0, 2.0, 1.5)
    assert grid.voxel_ml == pytest.approx(0.009)
    np.testing.assert_allclose(grid.to_patient(np.array([(2.0, 3.0, 4.0)])), [(-4.0, -14.0, 36.0)])
    lps = [(1.5, 0.0, 0.0, -10.0), (0.0, 2.0, 0.0, -20.0), (0.0, 0.0, 3.0, 30.0), (0.0, 0.0, 0.0, 1.0)]
    ras = [(-1.5, 0.0, 0.0, 10.0), (0.0, -2.0, 0.0, 20.0), (0.0, 0.0, 3.0, 30.0), (0.0, 0.0, 0.0, 1.0)]
    np.testing.assert_allclose(grid.affine_lps, np.array(lps))
    np.testing.assert_allclose(grid.affine_ras, np.array(ras))


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
def test_indices_and_positions_are_inverse_for_every_patient_position(position: str) -> None:
    grid = grid_of(case_of(Box((0, 0, 0), (20, 20, 12)), frame=SMALL.positioned(position)))
    indices = np.array([(0.0, 0.0, 0.0), (5.0, 7.25, 3.5), (23.0, 63.0, 63.0)])
    np.testing.assert_allclose(grid.to_index(grid.to_patient(indices)), indices, atol=1e-9)
    assert np.linalg.det(grid.steps_lps_mm[::-1]) > 0


@pytest.mark.parametrize("position", [*PATIENT_POSITIONS, "oblique"])
def test_the_grid_lies_where_the_frame_says(position: str) -> None:
    oblique = replace(SMALL, orientation=rotated(12, -8, 15))
    frame = oblique if position == "oblique" else SMALL.positioned(position)
    grid = grid_of(case_of(Box((0, 0, 0), (20, 20, 12)), frame=frame))
    first, last = (frame.origin_lps_mm(float(frame.w_mm[k])) for k in (0, -1))
    np.testing.assert_allclose(grid.to_patient(np.array([(0.0, 0.0, 0.0)]))[0], first, atol=1e-6)
    np.testing.assert_allclose(grid.to_patient(np.array([(23.0, 0.0, 0.0)]))[0], last, atol=1e-6)


def test_directions_that_are_rounded_become_a_right_handed_set_of_unit_vectors() -> None:
    """Row and column a little too long, and not quite perpendicular, as files with few digits have them."""
    turned = rotated(12, -8, 15)
    row, column = np.array(turned[:3]) * 1.004, np.array(turned[3:]) * 1.003 + np.array(turned[:3]) * 0.002
    images = [
        replace(image, orientation=(*row.tolist(), *column.tolist())) for image in axial(30.0, 33.0, 36.0)
    ]
    stack, _ = stack_images(images)
    axes = np.array((stack.row, stack.column, stack.normal))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(stack.row, turned[:3], atol=1e-12)
    np.testing.assert_allclose(stack.column, turned[3:], atol=1e-12)
    np.testing.assert_allclose(stack.heights_mm, stack.origins_lps_mm @ stack.normal, atol=1e-12)
    assert (np.diff(stack.heights_mm) > 0).all()


def test_order_of_images_and_instance_numbers_do_not_matter() -> None:
    ordered = axial(30.0, 33.0, 36.0)
    grid, stack, _ = build_grid([ordered[2], ordered[0], ordered[1]])
    assert [image.sop_instance_uid for image in stack.images] == ["1.0", "1.1", "1.2"]
    np.testing.assert_array_equal(grid.affine_ras, build_grid(ordered)[0].affine_ras)


def test_rounded_positions_of_pet_are_even() -> None:
    grid, _, problems = build_grid(axial(0.0, 3.27, 6.54, 9.81, 13.08, 16.36))
    assert grid.kind == "even"
    assert not problems
    assert grid.spacing_mm[0] == pytest.approx(16.36 / 5)


def test_missing_slices_keep_their_place() -> None:
    grid, _, problems = build_grid(axial(0.0, 3.0, 6.0, 15.0, 18.0))
    assert grid.kind == "missing_slices"
    assert grid.shape[0] == 7
    assert grid.plane_of_slice.tolist() == [0, 1, 2, 2, 3, 3, 4]
    assert grid.image_of_plane.tolist() == [0, 1, 2, 3, 4]
    assert [problem.code for problem in problems] == ["missing_slices"]
    assert "2 slices" in problems[0].message


def test_contours_where_an_image_is_missing_make_a_plane() -> None:
    ring = np.array([(0.0, 0.0, 9.0), (5.0, 0.0, 9.0), (5.0, 5.0, 9.0)])
    grid, _, _ = build_grid(axial(0.0, 3.0, 6.0, 15.0, 18.0), [ring])
    assert grid.heights_mm.tolist() == [0.0, 3.0, 6.0, 9.0, 15.0, 18.0]
    assert grid.image_of_plane.tolist() == [0, 1, 2, -1, 3, 4]
    assert grid.plane_of_slice.tolist() == [0, 1, 2, 3, 3, 4, 5]
    assert grid.slabs_mm.tolist() == [3.0, 3.0, 3.0, 4.5, 4.5, 3.0]


def test_uneven_spacing_is_resampled_at_the_smallest_gap() -> None:
    grid, _, problems = build_grid(axial(0.0, 2.0, 4.0, 7.0, 10.0))
    assert grid.kind == "uneven"
    assert grid.shape[0] == 6
    assert grid.spacing_mm[0] == pytest.approx(2.0)
    assert grid.plane_of_slice.tolist() == [0, 1, 2, 3, 3, 4]
    assert grid.slabs_mm.tolist() == [2.0, 2.0, 2.5, 3.0, 3.0]
    assert [problem.code for problem in problems] == ["uneven_spacing"]


def test_gaps_that_differ_a_little_are_one_spacing_unless_they_add_up() -> None:
    jittered, _, problems = build_grid(axial(0.0, 3.0, 6.0, 9.25, 12.2))
    assert (jittered.kind, jittered.shape[0], problems) == ("even", 5, [])
    halves = np.concatenate((np.arange(50) * 3.0, 147 + np.arange(1, 51) * 3.12))
    grid, _, problems = build_grid(axial(*halves.tolist()))
    assert [problem.code for problem in problems] == ["uneven_spacing"]
    own = grid.to_patient(np.column_stack((np.arange(grid.shape[0]), *np.zeros((2, grid.shape[0])))))[:, 2]
    assert np.abs(own - grid.heights_mm[grid.plane_of_slice]).max() < 3.12 / 2 + 1e-6


def test_a_contour_beside_an_image_makes_no_second_plane_there() -> None:
    ring = np.array([(0.0, 0.0, 7.1), (5.0, 0.0, 7.1), (5.0, 5.0, 7.1)])
    grid, _, _ = build_grid(axial(0.0, 3.0, 6.0, 15.0, 18.0), [ring])
    assert grid.heights_mm.tolist() == [0.0, 3.0, 6.0, 15.0, 18.0]


@pytest.mark.parametrize(
    ("heights", "filled_in"),
    [
        ((0.0, 3.0, 6.0), []),
        ((0.0, 3.0, 6.0, 15.0, 18.0), [3, 4]),
        ((0.0, 2.0, 4.0, 7.0, 10.0), []),
        ((0.0, 2.0, 4.0, 7.0, 10.0, 20.0, 23.0), [7, 8, 9]),
    ],
)
def test_slices_in_a_hole_are_filled_in(heights: tuple[float, ...], filled_in: list[int]) -> None:
    grid, _, _ = build_grid(axial(*heights))
    assert np.flatnonzero(grid.filled_in).tolist() == filled_in


def test_gantry_tilt_shears_the_steps_between_slices() -> None:
    frame = replace(SMALL, tilt_deg=15.0)
    grid = grid_of(case_of(Box((0, 0, 0), (20, 20, 12)), frame=frame))
    assert grid.spacing_mm[0] == pytest.approx(3.0)
    assert grid.steps_lps_mm[0][1] == pytest.approx(3.0 * np.tan(np.radians(15)))
    assert grid.voxel_ml == pytest.approx(0.012)


def test_a_localiser_among_the_images_is_left_out() -> None:
    localiser = replace(axial(0.0)[0], sop_instance_uid="9", orientation=(0, 1, 0, 0, 0, -1))
    grid, _, problems = build_grid([localiser, *axial(0.0, 3.0, 6.0)])
    assert grid.shape[0] == 3
    assert [problem.code for problem in problems] == ["other_geometry"]


def jittered(edge: float, images: list[ImageRecord]) -> list[ImageRecord]:
    """Return images turned by a little, every other one by two millionths more."""
    across = float(np.sqrt(1 - edge**2))
    return [
        replace(image, orientation=(across, edge + (-1) ** place * 1e-6, 0, -edge, across, 0))
        for place, image in enumerate(images)
    ]


@pytest.mark.parametrize("edge", [0.0005, 0.1235, -0.0015])
def test_directions_that_differ_in_a_late_digit_are_one_orientation(edge: float) -> None:
    images = jittered(edge, axial(0.0, 3.0, 6.0, 9.0, 12.0))
    stack, problems = stack_images(images)
    assert (len(stack.images), problems) == (5, [])


def test_pixel_spacings_that_differ_in_a_late_digit_are_one() -> None:
    spacings = (0.97655, 0.976549, 0.97655, 0.976551)
    images = [
        replace(image, pixel_spacing_mm=(spacing, spacing))
        for image, spacing in zip(axial(0.0, 3.0, 6.0, 9.0), spacings, strict=True)
    ]
    stack, problems = stack_images(images)
    assert (len(stack.images), problems) == (4, [])


def test_images_whose_directions_jitter_are_more_than_localisers_that_are_all_alike() -> None:
    images = jittered(0.0005, axial(0.0, 3.0, 6.0, 9.0))
    localisers = [
        replace(image, sop_instance_uid=f"9.{place}", orientation=(0, 1, 0, 0, 0, -1))
        for place, image in enumerate(axial(0.0, 3.0, 6.0))
    ]
    stack, (problem,) = stack_images([*localisers, *images])
    assert [image.sop_instance_uid for image in stack.images] == ["1.0", "1.1", "1.2", "1.3"]
    assert problem.message.startswith("3 of 7 images")


def test_directions_that_are_no_numbers_are_refused() -> None:
    images = [replace(image, orientation=(float("nan"), 0, 0, 0, 1, 0)) for image in axial(0.0, 3.0)]
    with pytest.raises(GeometryError, match="perpendicular unit vectors"):
        stack_images(images)


LAST = ImageRecord("1.3", (-10.0, -20.0, 9.0), (1, 0, 0, 0, 1, 0), 8, 6, (2.0, 1.5))


@pytest.mark.parametrize(
    "other",
    [
        replace(LAST, orientation=(1, 0.002, 0, 0, 1, 0)),
        replace(LAST, pixel_spacing_mm=(2.0, 1.501)),
        replace(LAST, rows=9),
        replace(LAST, columns=7),
    ],
)
def test_images_of_another_geometry_are_left_out(other: ImageRecord) -> None:
    stack, (problem,) = stack_images([*axial(0.0, 3.0, 6.0), other])
    assert len(stack.images) == 3
    assert problem.code == "other_geometry"
    assert len(stack_images([*axial(0.0, 3.0, 6.0), LAST])[0].images) == 4


def test_two_images_at_one_position_count_once() -> None:
    twice = replace(axial(3.0)[0], sop_instance_uid="1.9")
    grid, _, problems = build_grid([*axial(0.0, 3.0, 6.0), twice])
    assert grid.shape[0] == 3
    assert [problem.code for problem in problems] == ["repeated_position"]


def test_a_single_image_takes_its_thickness() -> None:
    grid, _, _ = build_grid([replace(axial(5.0)[0], thickness_mm=4.0)])
    assert grid.shape[0] == 1
    assert grid.spacing_mm[0] == 4.0
    assert grid.slabs_mm.tolist() == [4.0]


def test_images_beside_one_another_are_refused() -> None:
    images = axial(0.0, 3.0, 6.0)
    images[1] = replace(images[1], position_lps_mm=(40.0, -20.0, 3.0))
    with pytest.raises(GeometryError, match="do not form one volume"):
        stack_images(images)


def test_no_images_are_refused() -> None:
    with pytest.raises(GeometryError, match="no images"):
        build_grid([])


def test_nearly_equal_positions_cannot_make_a_huge_grid() -> None:
    grid, _, _ = build_grid(axial(0.0, 0.02, 500.0, 1000.0, 1500.0))
    assert grid.shape[0] <= 16 * 5


def test_heights_half_way_go_to_the_lower_plane_and_beyond_half_a_gap_to_none() -> None:
    grid, _, _ = build_grid(axial(0.0, 3.0, 6.0))
    planes, distance = grid.nearest_planes(np.array([-1.6, -1.0, 1.5, 1.6, 4.5, 7.4, 7.6]))
    assert planes.tolist() == [-1, 0, 0, 1, 1, 2, -1]
    assert distance[2] == pytest.approx(0.5)


def test_the_same_point_gets_the_same_bits_wherever_it_stands() -> None:
    frame = ImageFrame(size=(24, 64, 64), orientation=rotated(12, -8, 15))
    grid = grid_of(case_of(Box((0, 0, 0), (20, 20, 12)), frame=frame))
    points = np.random.default_rng(1).normal(0, 100, (101, 3))
    together = grid.to_index(points)
    for index in (0, 13, 100):
        np.testing.assert_array_equal(grid.to_index(points[index : index + 1])[0], together[index])


def test_planes_to_patient_follows_uneven_planes_and_their_caps() -> None:
    grid, _, _ = build_grid(axial(0.0, 2.0, 4.0, 7.0, 10.0))
    at = np.array([(-0.5, 0.0, 0.0), (2.5, 0.0, 0.0), (4.5, 0.0, 0.0)])
    np.testing.assert_allclose(grid.planes_to_patient(at)[:, 2], [-1.0, 5.5, 11.5])


def test_a_grid_from_contours_alone_has_their_planes() -> None:
    rings = [np.array([(0.0, 0.0, z), (30.0, 0.0, z), (30.0, 20.0, z)]) for z in (5.0, 8.0, 11.0)]
    grid = grid_from_contours(rings)
    assert grid.kind == "contours_only"
    np.testing.assert_allclose(grid.heights_mm, [5.0, 8.0, 11.0])
    np.testing.assert_allclose(np.abs(grid.normal), [0, 0, 1])
    with pytest.raises(GeometryError, match="nothing can be measured"):
        grid_from_contours([])


def test_a_gap_between_parts_of_contours_alone_belongs_to_neither() -> None:
    heights = (0.0, 2.0, 4.0, 30.0, 32.0)
    rings = [np.array([(0.0, 0.0, z), (30.0, 0.0, z), (30.0, 20.0, z)]) for z in heights]
    np.testing.assert_allclose(grid_from_contours(rings).slabs_mm, [2.0] * 5)


def stacked(*heights: float) -> list[NDArray[np.float64]]:
    return [np.array([(0.0, 0.0, z), (30.0, 0.0, z), (30.0, 20.0, z)]) for z in heights]


@pytest.mark.parametrize("apart", [0.05, 0.134, 0.8])
def test_contours_a_little_beside_each_other_are_on_one_plane(apart: float) -> None:
    heights = [3.0 * k + beside for k in range(5) for beside in (0.0, apart)]
    grid = grid_from_contours(stacked(*heights))
    np.testing.assert_allclose(grid.heights_mm, np.arange(5) * 3.0)
    assert grid.spacing_mm[0] == pytest.approx(3.0)


def test_three_sets_of_planes_beside_each_other_are_one() -> None:
    heights = [5.0 * k + beside for k in range(4) for beside in (0.0, 0.3, 1.1)]
    assert grid_from_contours(stacked(*heights)).slabs_mm == pytest.approx([5.0] * 4)


@pytest.mark.parametrize(
    "heights", [(0, 1, 2, 3, 10, 11, 12, 13), (0, 1, 40, 41, 80, 81), (0, 0.5, 1, 1.5, 2), (0, 1.5, 3, 4.5)]
)
def test_planes_that_lie_apart_stay_apart(heights: tuple[float, ...]) -> None:
    np.testing.assert_allclose(grid_from_contours(stacked(*heights)).heights_mm, heights)


def test_the_series_says_its_unit() -> None:
    assert series(case_of(Box((0, 0, 0), (20, 20, 12)))).unit == "HU"
