"""Heights a little beside each other along the normal are one plane; those drawn finer are their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import (
    Contour,
    ImageRecord,
    PlacedRegion,
    Problem,
    Region,
    VoxelGrid,
    build_grid,
    extract,
    grid_from_contours,
    mesh,
    place,
    rasterise,
)
from tests.builders import Box
from tests.unit.rtstruct.cases import SMALL, case_of, file_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

GAP = 3.0
PLANES = [GAP * k for k in range(2, 9)]


def square(z: float, low: float = 0.3, side: float = 10.0) -> NDArray[np.float64]:
    high = low + side
    return np.array([(low, 0.4, z), (high, 0.4, z), (high, 0.4 + side, z), (low, 0.4 + side, z)])


def region(*rings: NDArray[np.float64], number: int = 1) -> Region:
    return Region(number, "", tuple(Contour(at, "CLOSED_PLANAR", ring) for at, ring in enumerate(rings)))


def lungs(left: Iterable[float], right: Iterable[float]) -> Region:
    """Return squares of 100 mm² beside one another, at their heights."""
    return region(*(square(z) for z in left), *(square(z, 20.3) for z in right))


def images(*heights: float) -> VoxelGrid:
    orientation = (1, 0, 0, 0, 1, 0)
    return build_grid(
        [
            ImageRecord(f"1.{at}", (-20.0, -20.0, z), orientation, 60, 60, (1, 1))
            for at, z in enumerate(heights)
        ]
    )[0]


def bare(*regions: Region) -> VoxelGrid:
    return grid_from_contours([contour.points_lps_mm for one in regions for contour in one.contours])


def volume_mm3(placed: PlacedRegion) -> float:
    return float(placed.area_mm2 @ placed.slab_mm)


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def assert_whole_on_images(both: Region, planes: int) -> None:
    """Two lungs of 100 mm² on so many planes are placed on images without a word, and lose nothing."""
    placed, problems = place(both, images(*np.arange(12) * GAP))
    assert not problems
    assert volume_mm3(placed) == pytest.approx(planes * 200 * GAP)
    assert rasterise(placed).count == planes * 200


@pytest.mark.parametrize(("left", "right"), [(0.0, 0.134), (-0.06, 0.06), (0.0, 0.8), (-0.4, 0.4), (0.05, 0)])
def test_parts_a_little_beside_each_other_are_whole(left: float, right: float) -> None:
    both = lungs([z + left for z in PLANES], [z + right for z in PLANES])
    assert_whole_on_images(both, len(PLANES))
    alone, problems = place(both, bare(both))
    assert not problems
    assert volume_mm3(alone) == pytest.approx(len(PLANES) * 200 * GAP, rel=1e-3)


@pytest.mark.parametrize(("left", "right"), [(-0.75, 0.75), (-0.85, 0.2), (-0.8, 0.8)])
def test_parts_on_both_sides_of_an_image_but_near_it_are_on_it(left: float, right: float) -> None:
    both = lungs([z + left for z in PLANES], [z + right for z in PLANES])
    assert_whole_on_images(both, len(PLANES))


def test_parts_beside_each_other_on_one_plane_or_two_are_whole() -> None:
    for planes in (PLANES[:1], PLANES[:2]):
        both = lungs(planes, [z + 0.134 for z in planes])
        assert_whole_on_images(both, len(planes))


def test_a_wall_whose_holes_lie_a_little_higher_keeps_its_holes() -> None:
    wall = region(*(square(z, 0, 20) for z in PLANES), *(square(z + 0.134, 0.5, 19) for z in PLANES))
    placed, problems = place(wall, images(*np.arange(12) * GAP))
    assert not problems
    assert volume_mm3(placed) == pytest.approx(len(PLANES) * (20**2 - 19**2) * GAP)


@pytest.mark.parametrize("step", [0.25, 0.5, 0.75, 1.0, 1.4])
@pytest.mark.parametrize("lowest", [6.0, 6.2, 6.75])
def test_what_is_drawn_finer_than_the_images_makes_no_rings(step: float, lowest: float) -> None:
    heights = lowest + np.arange(0, 15, step)
    cone = region(*(square(float(z), 0.3, 15 - 0.5 * (float(z) - lowest)) for z in heights))
    placed, problems = place(cone, images(*np.arange(12) * GAP))
    assert "finer_than_images" in codes(problems)
    assert volume_mm3(placed) == pytest.approx(
        sum((15 - 0.5 * (z - lowest)) ** 2 for z in heights) * step, rel=1e-3
    )
    mask = rasterise(placed)
    sides = np.sqrt(mask.voxels.sum(axis=(1, 2)))
    planes = (np.arange(len(sides)) + mask.offset[0]) * GAP
    np.testing.assert_allclose(sides, 15 - 0.5 * (planes - lowest), atol=1.3)


@pytest.mark.parametrize("heights", [(6.0, 6.5), (6.0, 6.5, 12.0, 12.5), (6.0, 6.8, 18.0, 18.8, 30.0, 30.8)])
def test_a_few_sections_drawn_finer_are_no_ring_with_a_hole(heights: tuple[float, ...]) -> None:
    small = region(*(square(z, 0.3 + 0.5 * (at % 2), 10 - at % 2) for at, z in enumerate(heights)))
    placed, problems = place(small, images(*np.arange(12) * GAP))
    assert "finer_than_images" in codes(problems)
    assert (placed.area_mm2 > 0).all()
    assert rasterise(placed).count == 100 * len(heights) // 2


A, B = [0.0, 3.0, 6.0], [1.5, 4.5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (A, B),
        (PLANES, [z + 0.134 for z in PLANES]),
        (PLANES, [z + 0.05 for z in PLANES]),
        (PLANES, [z + 1.5 for z in PLANES]),
        (PLANES, [z + 1.0 for z in PLANES]),
        (PLANES, list(np.arange(0, 30, 1.25))),
        (PLANES, list(np.arange(0, 30, 0.5))),
        (PLANES, list(np.arange(0, 30, 5.0))),
        ([0.0, 5.0, 10.0, 15.0], [2.0, 7.0, 12.0]),
    ],
)
def test_each_region_has_the_volume_of_its_own_stack_without_images(
    first: list[float], second: list[float]
) -> None:
    regions = [region(*(square(z, low) for z in heights)) for low, heights in ((0, first), (2, second))]
    for one, heights in zip(regions, (first, second), strict=True):
        placed, problems = place(one, bare(*regions))
        gap = float(np.median(np.diff(heights)))
        assert not problems
        assert volume_mm3(placed) == pytest.approx(100 * gap * len(heights), rel=1e-3)
        made = mesh(placed)
        assert made is not None
        assert made.parts == 1
        assert made.volume_ml * 1000 == pytest.approx(volume_mm3(placed), rel=0.005)


def test_regions_of_many_planes_beside_each_other_have_surfaces_of_their_volume() -> None:
    regions = [region(*(square(z + beside) for z in PLANES)) for beside in (0.0, 0.134)]
    for one in regions:
        made = mesh(place(one, bare(*regions))[0])
        assert made is not None
        assert made.volume_ml * 1000 == pytest.approx(len(PLANES) * 100 * GAP, rel=0.005)


def test_a_plane_that_others_are_drawn_on_is_missed_without_images_too() -> None:
    whole, holed = (
        region(*(square(z) for z in PLANES)),
        region(*(square(z) for z in PLANES if z != PLANES[3])),
    )
    placed, problems = place(holed, bare(whole, holed))
    assert codes(problems) == ["missing_contours"]
    assert volume_mm3(placed) == pytest.approx((len(PLANES) - 1) * 100 * GAP)


def test_single_sections_far_apart_are_as_thick_as_the_other_regions() -> None:
    others, markers = region(*(square(z) for z in PLANES)), region(square(6.0), square(24.0))
    placed, _ = place(markers, bare(others, markers))
    assert placed.slab_mm == pytest.approx([GAP, GAP])


def test_regions_between_each_others_planes_are_compared_without_images(tmp_path: Path) -> None:
    """Two boxes that overlap to half and one far above; the second's planes are 1.5 mm beside the others'."""
    frame = replace(SMALL, size=(48, 64, 64), gap_mm=1.5)
    boxes = [Box((x, 0.0, z), (30.0, 30.0, 24.0)) for x, z in ((0.0, -18.0), (15.0, -18.0), (0.0, 18.0))]
    case = case_of(*boxes, frame=frame)
    structure_set = case.copied_structure_set()
    heights = [float(z) + frame.centre_lps_mm[2] for z in frame.w_mm]
    for number, item in enumerate(structure_set.ROIContourSequence):
        kept = heights[number % 2 :: 2]
        item.ContourSequence = [
            one for one in item.ContourSequence if np.abs(np.array(kept) - one.ContourData[2]).min() < 0.1
        ]
    found = extract(file_bytes(structure_set), None, tmp_path)
    assert found.comparison is not None
    overlaps = {(pair.region, pair.other): pair.overlap.dice for pair in found.comparison.pairs}
    assert overlaps[1, 2] == pytest.approx(0.5, abs=0.06)
    assert overlaps[1, 3] == overlaps[2, 3] == 0
