"""Filling: pixel centres, half-open edges, holes, neighbours, and agreement with an exact reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.rtstruct import coverage, place, rasterise
from orthanc_plugins.rtstruct.geometry.raster import FULL, mask_from_voxels
from tests.builders import (
    PATIENT_POSITIONS,
    Box,
    Cylinder,
    Difference,
    Ellipsoid,
    Fork,
    Keyhole,
    Shape,
    Together,
    Torus,
    rotated,
)
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, flat_region, placed_of

SQUARE = [(2.0, 3.0), (6.0, 3.0), (6.0, 5.0), (2.0, 5.0)]
SHAPES: dict[str, Shape] = {
    "box": Box((1.0, -3.0, 0.0), (31.0, 21.0, 24.0)),
    "sphere": Ellipsoid((3.3, 1.7, 0.4), (22.0, 22.0, 22.0)),
    "ellipsoid": Ellipsoid((-4.1, 2.2, 1.0), (35.0, 18.0, 25.0)),
    "cylinder": Cylinder((2.5, 2.5, 0.0), (17.0, 17.0), 30.0),
    "shell": Difference(
        Ellipsoid((0.7, 0.3, 0.0), (30.0, 28.0, 28.0)), Ellipsoid((0.7, 0.3, 0.0), (18, 15, 14))
    ),
    "keyhole": Keyhole(
        Difference(Cylinder((0.3, 0.9, 0.0), (28.0, 22.0), 36.0), Cylinder((0.3, 0.9, 0.0), (12, 9), 36.0))
    ),
    "torus": Torus((1.1, 0.4, 0.3), 26.0, 12.0),
    "fork": Fork((0.6, 1.2, 0.0), 9.0, 24.0, 27.0),
    "two parts": Together(
        (Ellipsoid((-25.0, 1.0, 2.0), (14.0, 15.0, 18.0)), Ellipsoid((24.0, 3.0, -4.0), (15.0, 12.0, 20.0)))
    ),
}


def test_a_centre_on_the_left_or_upper_border_is_inside_on_the_other_two_outside() -> None:
    placed, _ = place(flat_region(SQUARE), flat_grid())
    inside = np.argwhere(rasterise(placed).on_grid((1, 20, 20))[0])
    assert inside[:, 0].min() == 3
    assert inside[:, 0].max() == 4
    assert inside[:, 1].min() == 2
    assert inside[:, 1].max() == 5
    assert len(inside) == 8


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_direction_and_starting_point_change_nothing(turn: int, first: int) -> None:
    expected = rasterise(place(flat_region(SQUARE), flat_grid())[0])
    ring = np.roll(np.array(SQUARE)[::turn], first, axis=0)
    mask = rasterise(place(flat_region(ring), flat_grid())[0])
    np.testing.assert_array_equal(mask.on_grid((1, 20, 20)), expected.on_grid((1, 20, 20)))


def test_collinear_and_repeated_points_change_nothing() -> None:
    ring = [(2.0, 3.0), (2.0, 3.0), (4.0, 3.0), (6.0, 3.0), (6.0, 4.5), (6.0, 5.0), (2.0, 5.0), (2.0, 3.0)]
    assert rasterise(place(flat_region(ring), flat_grid())[0]).count == 8


def test_a_ring_inside_a_ring_is_a_hole_and_a_third_an_island() -> None:
    def box(a: float, b: float) -> list[tuple[float, float]]:
        return [(a, a), (b, a), (b, b), (a, b)]

    placed, problems = place(flat_region(box(0, 18), box(3, 15), box(6, 12)), flat_grid())
    assert not problems
    assert rasterise(placed).count == 18**2 - 12**2 + 6**2
    assert placed.area_mm2.tolist() == pytest.approx([324, -144, 36])


def test_runs_and_voxels_are_the_same_thing() -> None:
    voxels = np.random.default_rng(3).random((3, 7, 9)) < 0.4
    mask = mask_from_voxels(voxels, (1, 2, 3))
    np.testing.assert_array_equal(mask.voxels, voxels)
    assert mask.count == int(voxels.sum())


@pytest.mark.parametrize("name", SHAPES)
def test_known_shapes_fill_as_the_shape_itself_does(name: str) -> None:
    shape = SHAPES[name]
    placed = placed_of(case_of(shape))[0]
    mask = rasterise(placed).on_grid(placed.grid.shape)
    u, v = SMALL.pixel_axes(0.0)
    expected = np.stack([shape.contains(u[None, :], v[:, None], float(w)) for w in SMALL.w_mm])
    assert dice(mask, expected) > 0.995


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum()))


@pytest.mark.parametrize("position", [*PATIENT_POSITIONS, "oblique", "tilted", "non-square"])
def test_the_mask_is_right_for_every_orientation(position: str) -> None:
    frame = {
        "oblique": replace(SMALL, orientation=rotated(12, -8, 15)),
        "tilted": replace(SMALL, tilt_deg=15.0),
        "non-square": replace(SMALL, size=(24, 50, 80), spacing_mm=(2.4, 1.6)),
    }.get(position) or SMALL.positioned(position)
    shape = SHAPES["two parts"]
    placed = placed_of(case_of(shape, frame=frame))[0]
    mask = rasterise(placed).on_grid(placed.grid.shape)
    expected = []
    for w in frame.w_mm:
        u, v = frame.pixel_axes(float(w))
        expected.append(shape.contains(u[None, :], v[:, None], float(w)))
    assert dice(mask, np.stack(expected)) > 0.995


def test_uneven_planes_fill_the_slices_nearest_to_them() -> None:
    heights = tuple(np.cumsum([0.0, 2, 2, 2, 3, 3, 3, 3, 3, 2, 2, 2]).tolist())
    middle = (heights[0] + heights[-1]) / 2
    frame = replace(SMALL, size=(12, 64, 64), slices_mm=tuple(h - middle for h in heights))
    placed = placed_of(case_of(Cylinder((0.0, 0.0, 0.0), (20.0, 20.0), 100.0), frame=frame))[0]
    mask = rasterise(placed)
    assert placed.grid.kind == "uneven"
    assert mask.shape[0] == placed.grid.shape[0]
    per_slice = mask.voxels.sum(axis=(1, 2))
    assert per_slice.min() == per_slice.max()


def test_contours_on_missing_slices_are_filled() -> None:
    whole = case_of(SHAPES["sphere"])
    holed = case_of(SHAPES["sphere"], frame=replace(SMALL, missing=(8, 9, 14)))
    first, second = placed_of(whole)[0], placed_of(holed)[0]
    assert len(holed.images) == 21
    np.testing.assert_array_equal(
        rasterise(first).on_grid((24, 64, 64)), rasterise(second).on_grid((24, 64, 64))
    )


def test_a_region_partly_outside_is_clipped() -> None:
    placed, problems = place(flat_region([(15.0, 3.0), (25.0, 3.0), (25.0, 5.0), (15.0, 5.0)]), flat_grid())
    mask = rasterise(placed)
    assert mask.count == 5 * 2
    assert [problem.code for problem in problems] == ["outside_image"]
    assert placed.area_mm2.sum() == pytest.approx(20)


def test_a_region_wholly_beside_the_images_gives_an_empty_mask() -> None:
    placed, _ = place(flat_region([(-9.0, 3.0), (-5.0, 3.0), (-5.0, 5.0)]), flat_grid())
    assert rasterise(placed).count == 0
    assert coverage(placed) is None or coverage(placed)[0].max() == 0  # type: ignore[index]


@pytest.mark.parametrize("teeth", [90, 119, 300])
def test_hundreds_of_teeth_in_one_pixel_cover_no_more_and_no_less_of_it_than_they_do(teeth: int) -> None:
    """Rounded one by one, each would count as a sixtieth of the pixel, or as nothing."""
    share = 0.9
    lefts = 4.5 + np.arange(teeth) / teeth
    rights = lefts + share / teeth
    teeth_xy = [
        point for a, b in zip(lefts, rights, strict=True) for point in ((a, 2), (a, 12), (b, 12), (b, 2))
    ]
    comb = [*teeth_xy, (rights[-1], 1), (lefts[0], 1)]
    covered = coverage(place(flat_region(comb), flat_grid())[0])
    assert covered is not None
    field, (_, top, left) = covered
    across_the_teeth = field[0, 5 - top : 10 - top, 5 - left]
    np.testing.assert_allclose(across_the_teeth / FULL, share, atol=2 / FULL)


def test_coverage_is_the_share_of_the_pixel() -> None:
    placed, _ = place(flat_region([(2.25, 3.0), (6.0, 3.0), (6.0, 5.5), (2.25, 5.5)]), flat_grid())
    covered = coverage(placed)
    assert covered is not None
    field, offset = covered
    whole = np.zeros((20, 20))
    whole[offset[1] : offset[1] + field.shape[1], offset[2] : offset[2] + field.shape[2]] = field[0] / FULL
    assert whole[4, 4] == 1
    assert whole[4, 2] == pytest.approx(0.25)
    assert whole[4, 6] == pytest.approx(0.5)
    assert whole[3, 4] == pytest.approx(0.5)
    assert whole[5, 4] == pytest.approx(1)
    assert whole[6, 4] == 0
    assert whole.sum() == pytest.approx(3.75 * 2.5)


points = st.tuples(st.integers(0, 160).map(lambda n: n / 8), st.integers(0, 160).map(lambda n: n / 8))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(points, min_size=3, max_size=12, unique=True))
def test_simple_polygons_agree_with_shapely_off_the_border(
    ring: list[tuple[float, float]],
) -> None:
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid or polygon.area < 0.5:
        return
    placed, _ = place(flat_region(ring), flat_grid(22, 22))
    mask = rasterise(placed).on_grid((1, 22, 22))[0]
    rows, columns = np.mgrid[:22, :22]
    centres = shapely.points(columns, rows)
    border = shapely.dwithin(polygon.boundary, centres, 0.01)
    np.testing.assert_array_equal(mask[~border], shapely.contains(polygon, centres)[~border])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(points, min_size=2, max_size=6, unique=True))
def test_neighbours_share_no_voxel_and_miss_none(cut: list[tuple[float, float]]) -> None:
    cut = sorted((x, y) for x, y in cut if 0 < y < 20)
    if len({y for _, y in cut}) < len(cut) or len(cut) < 2:
        return
    cut = sorted(cut, key=lambda point: point[1])
    left = [(0.0, 0.0), (10.0, 0.0), *cut, (10.0, 20.0), (0.0, 20.0)]
    right = [(20.0, 0.0), (20.0, 20.0), (10.0, 20.0), *reversed(cut), (10.0, 0.0)]
    masks = [
        rasterise(place(flat_region(ring), flat_grid(22, 22))[0]).on_grid((1, 22, 22))
        for ring in (left, right)
    ]
    assert not (masks[0] & masks[1]).any()
    assert int(masks[0].sum() + masks[1].sum()) == 400
