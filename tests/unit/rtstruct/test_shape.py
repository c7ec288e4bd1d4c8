"""Shape of solids that are known in closed form, in any position, and what must not change it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from orthanc_plugins.rtstruct import measure, mesh, place, shape_of
from orthanc_plugins.rtstruct.geometry.areas import section
from orthanc_plugins.rtstruct.measures.moments import (
    PrincipalAxes,
    point_covariance,
    principal_axes,
    volume_moments,
)
from orthanc_plugins.rtstruct.measures.shape import Roundness, roundness
from tests.builders import Box, Difference, Ellipsoid, ImageFrame, Torus
from tests.builders.images import PATIENT_POSITIONS, rotated
from tests.unit.rtstruct.cases import case_of, flat_grid, flat_region, grid_of, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.results import Shape as Found
    from tests.builders import Shape

    type Floats = NDArray[np.float64]
    type Ring = Sequence[tuple[float, float]]

GAP = 1.5
FRAME = ImageFrame(size=(48, 64, 64), spacing_mm=(1.5, 1.0), gap_mm=GAP)
OBLIQUE = rotated(12, -8, 15)
FRAMES = {
    name: replace(FRAME, orientation=orientation)
    for name, orientation in (*PATIENT_POSITIONS.items(), ("oblique", OBLIQUE))
}
BOX = Box((3.0, -4.0, 0.0), (40.0, 24.0, 30.0))
ELLIPSOID = Ellipsoid((-2.0, 3.0, 1.0), (18.0, 12.0, 26.0))
TORUS = Torus((1.0, 2.0, 0.0), 20.0, 9.0)
VARIANCES = {
    BOX: np.square(BOX.size) / 12,
    ELLIPSOID: np.square(ELLIPSOID.radii) / 5,
    TORUS: np.array((20**2 / 2 + 3 * 9**2 / 8, 20**2 / 2 + 3 * 9**2 / 8, 9**2 / 4)),
}
SHAPES = {"box": BOX, "ellipsoid": ELLIPSOID, "torus": TORUS}
BOUND = {BOX: 1e-6, ELLIPSOID: 2e-3, TORUS: 1.5e-2}
"""Of lengths of axes, relative; they span 20, 35 and 12 slices."""


def found_of(shape: Shape, frame: ImageFrame = FRAME) -> Found:
    case = case_of(shape, frame=frame)
    region = read(case).regions[0]
    placed = place(region, grid_of(case))[0]
    measures = measure(placed, region)
    assert measures is not None
    return shape_of(measures, mesh(placed), placed)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_principal_axes_are_those_of_the_solid_in_any_position(shape: Shape, frame: ImageFrame) -> None:
    case = case_of(shape, frame=frame)
    moments = volume_moments(place(read(case).regions[0], grid_of(case))[0])
    assert moments is not None
    axes = principal_axes(moments.covariance_mm2)
    order = np.argsort(-VARIANCES[shape])
    np.testing.assert_allclose(axes.lengths_mm, 4 * np.sqrt(VARIANCES[shape][order]), rtol=BOUND[shape])
    truth = frame.axes[order]
    alike = np.abs((axes.directions * truth).sum(axis=1))
    round_ones = 2 if shape is TORUS else 0  # two of its axes are any in their plane
    np.testing.assert_allclose(alike[round_ones:], 1, atol=1e-6)
    np.testing.assert_allclose(axes.directions @ axes.directions.T, np.eye(3), atol=1e-12)
    centre = case.truth["shape 1"].centroid_lps_mm
    np.testing.assert_allclose(moments.centroid_lps_mm, centre, atol=0.02)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_extents_are_those_of_a_box_in_any_position(frame: ImageFrame) -> None:
    """Its ends fall on no slice: each is known to half a gap."""
    found = found_of(BOX, frame)
    expected = np.abs(frame.axes.T) @ np.array(BOX.size)
    slack = np.abs(frame.axes[2]) * GAP + 0.01
    assert (np.abs(np.array(found.extent_lps_mm) - expected) <= slack).all()


def test_the_values_of_a_ball() -> None:
    found = found_of(Ellipsoid((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)))
    assert found.sphericity == pytest.approx(1, abs=0.015)
    assert found.asphericity == pytest.approx(0, abs=0.015)
    assert found.spherical_disproportion == pytest.approx(1, abs=0.015)
    assert found.compactness_1 == pytest.approx(1 / (6 * math.pi), rel=0.025)
    assert found.compactness_2 == pytest.approx(1, abs=0.045)
    assert found.surface_to_volume_per_mm == pytest.approx(3 / 20, rel=0.015)
    assert (found.elongation, found.flatness) == pytest.approx((1, 1), abs=2e-3)
    assert found.major_axis_mm == pytest.approx(40 * math.sqrt(4 / 5), rel=2e-3)


@pytest.mark.parametrize("frame", [FRAME, FRAMES["SAGITTAL"], FRAMES["oblique"]])
def test_the_diameters_of_an_ellipsoid(frame: ImageFrame) -> None:
    found = found_of(ELLIPSOID, frame)
    assert found.diameter_3d is not None
    assert found.diameter_3d.length_mm == pytest.approx(52, abs=GAP)
    long = np.diff(np.array(found.diameter_3d.ends_lps_mm), axis=0)[0]
    assert np.linalg.norm(long) == pytest.approx(found.diameter_3d.length_mm)
    assert abs(long @ frame.axes[2]) / np.linalg.norm(long) > 0.95
    across = found.diameter_in_slice
    assert (across.length_mm, across.short_axis_mm) == pytest.approx((36, 24), rel=5e-3)
    along = np.diff(np.array(across.ends_lps_mm), axis=0)[0]
    assert abs(along @ frame.axes[0]) / np.linalg.norm(along) > 0.99
    w = (np.array(across.ends_lps_mm) - frame.centre_lps_mm) @ frame.axes[2]
    assert across.slice_index is not None
    np.testing.assert_allclose(w, 1.0, atol=GAP)
    np.testing.assert_allclose(w, frame.w_mm[across.slice_index], atol=1e-4)


def test_values_of_a_turned_scene_differ_only_where_directions_are_told() -> None:
    upright, turned = found_of(ELLIPSOID), found_of(ELLIPSOID, FRAMES["oblique"])
    for field in dataclasses.fields(upright):
        one, other = getattr(upright, field.name), getattr(turned, field.name)
        if isinstance(one, float):
            assert other == pytest.approx(one, rel=1e-4), field.name
    assert upright.diameter_in_slice.length_mm == pytest.approx(turned.diameter_in_slice.length_mm, rel=1e-4)
    assert upright.diameter_in_slice.slice_index == turned.diameter_in_slice.slice_index
    axes = np.array(FRAME.axes).T @ np.array(FRAMES["oblique"].axes)
    same = np.abs((np.array(upright.axes_lps) @ axes * np.array(turned.axes_lps)).sum(axis=1))
    np.testing.assert_allclose(same, 1, atol=1e-5)


def test_a_tilted_gantry_changes_no_axis() -> None:
    upright, tilted = found_of(ELLIPSOID), found_of(ELLIPSOID, replace(FRAME, tilt_deg=15.0))
    assert tilted.major_axis_mm == pytest.approx(upright.major_axis_mm, rel=2e-3)
    assert tilted.least_axis_mm == pytest.approx(upright.least_axis_mm, rel=2e-3)
    assert tilted.diameter_in_slice.length_mm == pytest.approx(upright.diameter_in_slice.length_mm, rel=1e-3)


def test_contours_that_are_holes_are_counted() -> None:
    outer = Box((0.0, 0.0, 0.0), (40.0, 30.0, 9.0))
    found = found_of(Difference(outer, Box((0.0, 0.0, 0.0), (10.0, 10.0, 4.5))))
    assert found.contour_holes == 3
    assert found_of(outer).contour_holes == 0


def covariance_of(*rings: Ring, kind: str = "CLOSED_PLANAR") -> tuple[Floats, Floats]:
    moments = volume_moments(place(flat_region(*rings, kind=kind), flat_grid(40, 40))[0])
    assert moments is not None
    return moments.centroid_lps_mm[:2], moments.covariance_mm2[:2, :2]


def sampled(area: shapely.Geometry, step: float = 0.02) -> tuple[Floats, Floats]:
    """Return centre and covariance of an area by sampling it."""
    x, y = np.meshgrid(np.arange(0, 40, step) + step / 2, np.arange(0, 40, step) + step / 2)
    inside = shapely.contains_xy(area, x, y)
    points = np.column_stack((x[inside], y[inside]))
    return points.mean(axis=0), np.cov(points.T, bias=True)


BOW_TIE: Ring = [(2.0, 2.0), (22.0, 14.0), (22.0, 4.0), (2.0, 16.0)]
LEFT: Ring = [(3.0, 3.0), (17.0, 3.0), (17.0, 15.0), (3.0, 15.0)]
RIGHT: Ring = [(12.0, 9.0), (30.0, 9.0), (30.0, 21.0), (12.0, 21.0)]


@pytest.mark.parametrize(
    ("rings", "kind", "area"),
    [
        ([LEFT], "CLOSED_PLANAR", shapely.Polygon(LEFT)),
        ([LEFT[::-1]], "CLOSED_PLANAR", shapely.Polygon(LEFT)),
        ([BOW_TIE], "CLOSED_PLANAR", shapely.make_valid(shapely.Polygon(BOW_TIE))),
        ([LEFT, RIGHT], "CLOSED_PLANAR", shapely.union(shapely.Polygon(LEFT), shapely.Polygon(RIGHT))),
        (
            [LEFT, RIGHT],
            "CLOSEDPLANAR_XOR",
            shapely.symmetric_difference(shapely.Polygon(LEFT), shapely.Polygon(RIGHT)),
        ),
    ],
    ids=["ring", "other way round", "crossing itself", "joined", "exclusive"],
)
def test_the_moments_of_what_rings_enclose_together(
    rings: list[Ring], kind: str, area: shapely.Geometry
) -> None:
    centre, covariance = covariance_of(*rings, kind=kind)
    expected_centre, expected = sampled(area)
    np.testing.assert_allclose(centre, expected_centre, atol=0.02)
    np.testing.assert_allclose(covariance, expected, rtol=0.005, atol=0.02)


def test_rectangles_that_overlap_have_their_exact_moments() -> None:
    """Borders lie where lines have theirs (256 over 16 pixels), so cutting into lines loses nothing."""
    low: Ring = [(2.0, 3.0), (10.0, 3.0), (10.0, 11.0), (2.0, 11.0)]
    high: Ring = [(6.0, 7.0), (14.0, 7.0), (14.0, 19.0), (6.0, 19.0)]
    parts = (
        (64.0, (6.0, 7.0), (8.0, 8.0)),
        (96.0, (10.0, 13.0), (8.0, 12.0)),
        (-16.0, (8.0, 9.0), (4.0, 4.0)),
    )
    areas = np.array([area for area, _, _ in parts])
    centres = np.array([centre for _, centre, _ in parts])
    sizes = np.array([size for _, _, size in parts])
    middle = areas @ centres / areas.sum()
    off = centres - middle
    expected = ((off * areas[:, None]).T @ off + np.diag(areas @ np.square(sizes) / 12)) / areas.sum()
    centre, covariance = covariance_of(low, high)
    np.testing.assert_allclose(centre, middle, rtol=1e-9)
    np.testing.assert_allclose(covariance, expected, rtol=1e-9)


def test_slanted_sides_have_their_exact_centre() -> None:
    """Strips between the heights of corners are trapezoids, not rectangles."""
    triangle = np.array([(0.0, 0.0), (6.0, 0.0), (0.0, 3.0)])
    area, centre = section([triangle], np.array([0]))
    assert area == pytest.approx(9)
    np.testing.assert_allclose(centre, triangle.mean(axis=0), rtol=1e-12)


def test_splitting_a_ring_into_two_parts_changes_no_moment() -> None:
    whole: Ring = [(2.0, 2.0), (20.0, 5.0), (18.0, 19.0), (4.0, 15.0)]
    square = shapely.Polygon(whole)
    parts = [
        list(shapely.intersection(square, half).exterior.coords)[:-1]
        for half in (shapely.box(0, 0, 11, 40), shapely.box(11, 0, 40, 40))
    ]
    for one, other in zip(covariance_of(whole), covariance_of(*parts), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_covariance_of_points_is_that_of_samples() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(50, 3)) * (5, 2, 1)
    np.testing.assert_allclose(point_covariance(points), np.cov(points.T))
    assert not point_covariance(points[:1]).any()


def test_a_single_point_has_no_proportions() -> None:
    axes = principal_axes(np.zeros((3, 3)))
    assert (axes.elongation, axes.flatness) == (None, None)
    assert PrincipalAxes(np.array((4.0, 2.0, 1.0)), np.eye(3)).flatness == 0.25


def test_an_open_surface_has_no_roundness() -> None:
    case = case_of(Ellipsoid((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)))
    region = read(case).regions[0]
    placed = place(region, grid_of(case))[0]
    measures, surface = measure(placed, region), mesh(placed)
    assert measures is not None
    assert surface is not None
    assert roundness(replace(surface, closed=False)) is None
    assert roundness(None) is None
    bare = shape_of(measures, None, placed)
    assert (bare.sphericity, bare.compactness_1, bare.diameter_3d) == (None, None, None)
    assert bare.major_axis_mm == pytest.approx(40 * math.sqrt(4 / 5), rel=0.01)


def test_a_cube_is_as_round_as_a_cube() -> None:
    cube = Roundness(1000, 600)
    assert cube.sphericity == pytest.approx((math.pi / 6) ** (1 / 3))
    assert cube.compactness_2 == pytest.approx(math.pi / 6)
    assert cube.asphericity == pytest.approx((6 / math.pi) ** (1 / 3) - 1)
    assert cube.surface_to_volume_per_mm == pytest.approx(0.6)
