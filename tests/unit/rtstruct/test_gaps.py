"""Planes that a region skips are told, once; parts that lie apart skip none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import Contour, Region, place
from orthanc_plugins.rtstruct.geometry.gaps import where
from tests.builders import Ellipsoid
from tests.unit.rtstruct.cases import case_of, flat_grid, grid_of, read
from tests.unit.rtstruct.extraction import codes, run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import Problem

BALL = case_of(Ellipsoid((0, 0, 0), (18, 18, 18)))


def square(low: float, high: float, z: float, aside: float = 0.0) -> NDArray[np.float64]:
    corners = ((low + aside, low), (high + aside, low), (high + aside, high), (low + aside, high))
    return np.array([(x, y, z) for x, y in corners])


def found(*rings: NDArray[np.float64], slices: int = 12) -> list[Problem]:
    contours = tuple(Contour(place, "CLOSED_PLANAR", ring) for place, ring in enumerate(rings))
    return place(Region(6, "", contours), flat_grid(slices=slices))[1]


def test_a_contour_missing_in_the_middle_is_told_with_its_plane() -> None:
    (told,) = found(*(square(2, 9, z) for z in (1, 2, 4, 5)))
    assert (told.code, told.region, told.severity) == ("missing_contours", 6, "warning")
    assert told.message == (
        "Region 6: no contour on 1 plane between z = 2.0 and 4.0 mm (at z = 3.0 mm), though it is drawn on "
        "both sides; nothing is put there, and its volume counts the planes drawn on only."
    )


def test_all_gaps_of_a_region_are_one_warning() -> None:
    (told,) = found(*(square(2, 9, z) for z in (0, 1, 5, 6, 8, 9)))
    assert "no contour on 4 planes between z = 1.0 and 5.0 mm, between z = 6.0 and 8.0 mm" in told.message


@pytest.mark.parametrize("aside", [10.0, 5.0])
def test_parts_that_do_not_face_each_other_have_nothing_between_them(aside: float) -> None:
    rings = [square(2, 9, z) for z in (0, 1, 2)] + [square(2, 9, z, aside) for z in (6, 7, 8)]
    assert found(*rings) == []


def test_a_part_that_ends_beside_one_that_goes_on_is_no_gap() -> None:
    left, right = [square(1, 6, z) for z in range(4)], [square(1, 6, z, 9) for z in range(12)]
    assert found(*left, *right) == []


def test_a_small_section_in_front_of_a_ring_with_a_hole_does_not_face_it() -> None:
    rings = [square(1, 15, 2), square(3, 13, 2), square(5, 11, 5)]
    assert found(*rings) == []
    assert [problem.code for problem in found(rings[0], rings[2])] == ["missing_contours"]


@pytest.mark.parametrize(
    ("stride", "words"),
    [(2, ("every second plane", "one half")), (3, ("every third", "one third")), (5, ("every 5th", "1/5"))],
)
def test_a_region_on_every_nth_plane_is_told_so_and_nothing_else(stride: int, words: tuple[str, str]) -> None:
    (told,) = found(*(square(2, 9, float(stride * z)) for z in range(5)), slices=30)
    assert told.code == "sparse_contours"
    assert all(word in told.message for word in words)


def test_a_contour_that_was_left_out_tells_of_the_plane_it_leaves_empty(tmp_path: Path) -> None:
    structure_set = BALL.copied_structure_set()
    spoilt = structure_set.ROIContourSequence[0].ContourSequence[4]
    height = float(spoilt.ContourData[2])
    spoilt.ContourData = spoilt.ContourData[:6]
    (region,) = run(BALL.with_structure_set(structure_set), tmp_path).regions
    assert codes(region) == ["too_few_points"]
    assert f"No contour on 1 plane between z = {height - 3:.1f}" in region.problems[0].message
    assert f"(at z = {height:.1f} mm)" in region.problems[0].message


def test_a_contour_across_the_planes_tells_of_the_plane_it_leaves_empty() -> None:
    slanted = square(2, 9, 3) + np.array([[0, 0, 0], [0, 0, 0], [0, 0, 2], [0, 0, 2]])
    (told,) = found(*(square(2, 9, z) for z in (1, 2)), slanted, *(square(2, 9, z) for z in (4, 5)))
    assert told.code == "not_parallel"
    assert (
        "(item 3 of its Contour Sequence, counted from 1, between z = 3.0 and 5.0 mm). No contour on 1 "
        in (told.message)
    )


def test_a_whole_region_skips_nothing() -> None:
    assert place(read(BALL).regions[0], grid_of(BALL))[1] == []


def test_positions_are_named_by_the_axis_they_lie_on() -> None:
    grid = flat_grid()
    heights = np.array((-2.0, 3.5))
    oblique = replace(grid, normal=np.array((0.0, 0.6, 0.8)))
    assert where(grid, heights) == "between z = -2.0 and 3.5 mm"
    assert where(replace(grid, normal=np.array((0, 0, -1.0))), heights) == "between z = -3.5 and 2.0 mm"
    assert where(replace(grid, normal=np.array((1.0, 0, 0))), heights[:1]) == "at x = -2.0 mm"
    assert where(oblique, heights[1:]) == "at 3.5 mm along the images' normal"
