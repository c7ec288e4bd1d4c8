"""Partial volumes against exact areas of polygon and pixel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
import shapely
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import fractions, measure, place, rasterise
from orthanc_plugins.rtstruct.geometry import partial
from orthanc_plugins.rtstruct.geometry.partial import SUB_ROWS, WHOLE
from orthanc_plugins.rtstruct.nifti import box_nifti
from tests.builders import Ellipsoid, ImageFrame, Together
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, flat_region, grid_of, placed_of, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import VoxelGrid

    type Floats = NDArray[np.float64]
    type Ring = Sequence[tuple[float, float]] | Floats

SIZE = 14
HALF_A_STEP = 0.5 / WHOLE + 1e-9
GRID = flat_grid(SIZE, SIZE)

coordinates = st.integers(-2 * 1024, (SIZE + 1) * 1024).map(lambda value: value / 1024)
points = st.tuples(coordinates, coordinates)


def filled(*rings: Ring, kind: str = "CLOSED_PLANAR", grid: VoxelGrid = GRID) -> Floats:
    """Return the share of each pixel (rows, columns) that rings on the first plane fill."""
    found = fractions(place(flat_region(*rings, kind=kind), grid)[0])
    whole = np.zeros(grid.shape)
    if found is not None:
        k, j, i = (
            slice(low, low + size) for low, size in zip(found.offset, found.fractions.shape, strict=True)
        )
        whole[k, j, i] = found.fractions / WHOLE
    plane: Floats = whole[0]
    return plane


def exact(area: shapely.Geometry) -> Floats:
    j, i = np.mgrid[:SIZE, :SIZE]
    pixels = shapely.box(i - 0.5, j - 0.5, i + 0.5, j + 0.5)
    shares: Floats = shapely.area(shapely.intersection(pixels, area))
    return shares


def star(seed: int, corners: int) -> Floats:
    """Return a ring that does not cross itself, on whole 1024ths of pixels."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(corners)) * 2 * math.pi
    radii = rng.uniform(0.5, 9, corners)
    ring: Floats = np.column_stack((np.cos(angles), np.sin(angles))) * radii[:, None] + 6.3
    return np.rint(ring * 1024) / 1024


@pytest.mark.parametrize("corners", [3, 5, 17, 80])
@pytest.mark.parametrize("seed", range(6))
def test_a_ring_fills_its_exact_share_of_every_pixel(seed: int, corners: int) -> None:
    """Rings that reach beyond the image are cut there."""
    ring = star(seed, corners)
    assert np.abs(filled(ring) - exact(shapely.Polygon(ring))).max() <= HALF_A_STEP


@settings(deadline=None, derandomize=True)
@given(points, points, points)
def test_any_triangle_does(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    triangle = shapely.Polygon((a, b, c))
    if triangle.area > 0.2:  # smaller ones may be taken to enclose nothing
        assert np.abs(filled([a, b, c]) - exact(triangle)).max() <= HALF_A_STEP


OUTER: Ring = [(0.7, 0.9), (12.2, 1.3), (11.1, 12.8), (1.4, 11.6)]
HOLE: Ring = [(3.1, 3.3), (9.2, 2.8), (8.4, 9.9), (4.6, 8.2)]
ISLAND: Ring = [(5.2, 4.1), (7.3, 4.6), (6.4, 6.9)]


@pytest.mark.parametrize("turns", [(1, 1, 1), (1, -1, 1), (-1, 1, 1), (-1, -1, -1)])
def test_holes_and_islands_count_whichever_way_they_are_drawn(turns: tuple[int, int, int]) -> None:
    rings = [ring[::turn] for ring, turn in zip((OUTER, HOLE, ISLAND), turns, strict=True)]
    area = shapely.union(
        shapely.difference(shapely.Polygon(OUTER), shapely.Polygon(HOLE)), shapely.Polygon(ISLAND)
    )
    assert np.abs(filled(*rings) - exact(area)).max() <= HALF_A_STEP + 1 / 1024


def test_a_keyhole_fills_what_ring_and_hole_fill() -> None:
    keyhole = [*OUTER, OUTER[0], HOLE[0], *HOLE[:0:-1], HOLE[0]]
    np.testing.assert_allclose(filled(keyhole), filled(OUTER, HOLE), atol=1 / WHOLE)


LEFT: Ring = [(1.25, 1.5), (8.0, 2.0), (7.5, 9.0), (1.0, 8.5)]
RIGHT: Ring = [(5.0, 5.25), (12.5, 5.75), (12.0, 12.0), (5.5, 12.5)]


@pytest.mark.parametrize(
    ("rings", "kind", "area"),
    [
        ([LEFT, RIGHT], "CLOSED_PLANAR", shapely.union(shapely.Polygon(LEFT), shapely.Polygon(RIGHT))),
        (
            [LEFT, RIGHT],
            "CLOSEDPLANAR_XOR",
            shapely.symmetric_difference(shapely.Polygon(LEFT), shapely.Polygon(RIGHT)),
        ),
    ],
    ids=["joined", "exclusive"],
)
def test_rings_that_overlap_in_part_are_off_by_their_borders_only(
    rings: list[Ring], kind: str, area: shapely.Geometry
) -> None:
    borders = 2  # in any pixel of these
    bound = borders / (2 * SUB_ROWS) + HALF_A_STEP
    assert np.abs(filled(*rings, kind=kind) - exact(area)).max() <= bound


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(points, min_size=4, max_size=6, unique=True))
def test_rings_that_cross_themselves_are_filled_even_odd(ring: list[tuple[float, float]]) -> None:
    area = shapely.make_valid(shapely.Polygon(ring))
    if area.area > 1:
        loop = 0.25  # one smaller than a pixel may be missed
        bound = len(ring) / (2 * SUB_ROWS) + HALF_A_STEP + loop
        assert np.abs(filled(ring) - exact(area)).max() <= bound


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_that_share_borders_sum_up_to_one(seed: int) -> None:
    """A square cut into cells about its middle: each voxel is shared out among them."""
    rng = np.random.default_rng(seed)
    middle = np.rint(rng.uniform(5, 8, 2) * 1024) / 1024
    rim = [(-0.5, -0.5), (SIZE - 0.5, -0.5), (SIZE - 0.5, SIZE - 0.5), (-0.5, SIZE - 0.5)]
    cells = [[rim[side], rim[(side + 1) % 4], tuple(middle.tolist())] for side in range(4)]
    together = sum(filled(cell) for cell in cells)
    assert np.abs(together - 1).max() <= len(cells) * HALF_A_STEP


def test_a_half_of_the_fraction_is_the_mask_but_on_borders() -> None:
    """The centre rule and half of the area differ only in pixels that a border runs through."""
    placed = placed_of(case_of(Ellipsoid((0.0, 0.0, 0.0), (22.0, 14.0, 20.0))))[0]
    found, mask = fractions(placed), rasterise(placed).on_grid(placed.grid.shape)
    assert found is not None
    whole = np.zeros(placed.grid.shape, dtype=np.uint8)
    k, j, i = (slice(low, low + size) for low, size in zip(found.offset, found.fractions.shape, strict=True))
    whole[k, j, i] = found.fractions
    assert mask[whole == WHOLE].all()
    assert not mask[whole == 0].any()
    assert np.count_nonzero((whole > WHOLE / 2) != mask) < 0.01 * mask.sum()


@pytest.mark.parametrize(
    "frame",
    [
        SMALL,
        replace(SMALL, tilt_deg=12.0),
        replace(SMALL, missing=(9, 10)),
        replace(SMALL, slices_mm=tuple(np.cumsum([2.0, 3.0, 5.0] * 8).tolist())),
    ],
    ids=["even", "tilted", "missing slices", "uneven"],
)
def test_fractions_lie_on_the_slices_that_the_mask_lies_on(frame: ImageFrame) -> None:
    shape = Together((
        Ellipsoid((-20.0, 0.0, 10.0), (15.0, 22.0, 28.0)),
        Ellipsoid((30.0, 5.0, 15.0), (9.0, 9.0, 16.0)),
    ))  # fmt: skip
    case = case_of(shape, frame=frame)
    placed = placed_of(case)[0]
    found, mask = fractions(placed), rasterise(placed)
    assert found is not None
    filled_slices = found.offset[0] + np.flatnonzero(found.fractions.any(axis=(1, 2)))
    masked_slices = mask.offset[0] + np.flatnonzero(mask.voxels.any(axis=(1, 2)))
    assert filled_slices.tolist() == masked_slices.tolist()
    assert found.volume_ml(placed.grid) == pytest.approx(mask.count * placed.grid.voxel_ml, rel=0.01)


def test_the_volume_is_the_planimetric_one() -> None:
    case = case_of(Ellipsoid((1.0, 2.0, 0.0), (20.0, 14.0, 18.0)))
    region = read(case).regions[0]
    placed = place(region, grid_of(case))[0]
    measures, found = measure(placed, region), fractions(placed)
    assert measures is not None
    assert found is not None
    assert found.volume_ml(placed.grid) == pytest.approx(measures.volume_ml, rel=2e-4)


def test_portions_of_planes_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = placed_of(case_of(Ellipsoid((1.0, 2.0, 0.0), (20.0, 14.0, 18.0))))[0]
    at_once = fractions(placed)
    monkeypatch.setattr(partial, "_PIXELS_AT_ONCE", 1)
    by_plane = fractions(placed)
    assert at_once is not None
    assert by_plane is not None
    np.testing.assert_array_equal(at_once.fractions, by_plane.fractions)


@pytest.mark.parametrize("at_once", [1, 2_000_000], ids=["plane by plane", "at once"])
def test_loops_inside_one_pixel_count_on_their_own_plane(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As areas of a polygon the two loops of a figure of eight cancel out, to nothing that looks wrong."""
    monkeypatch.setattr(partial, "_PIXELS_AT_ONCE", at_once)
    grid = flat_grid(SIZE, SIZE, 7)
    plain = np.array([(4.6, 4.6), (5.4, 4.6), (5.4, 5.4), (4.6, 5.4)])
    eight = plain[[0, 2, 1, 3]]
    rings = [
        replace(flat_region(ring, z=z).contours[0], index=int(z))
        for z, ring in ((2.0, plain), (3.0, plain), (4.0, eight), (5.0, plain))
    ]
    found = fractions(place(replace(flat_region(plain), contours=tuple(rings)), grid)[0])
    assert found is not None
    assert found.offset == (2, 5, 5)
    shares = found.fractions[:, 0, 0] / WHOLE
    np.testing.assert_allclose(shares, (0.64, 0.64, 0.32, 0.64), atol=1 / (2 * SUB_ROWS))


def test_what_lies_outside_the_grid_fills_nothing() -> None:
    assert fractions(place(flat_region([(50.0, 1.0), (60.0, 1.0), (55.0, 9.0)]), GRID)[0]) is None
    assert fractions(place(flat_region([(1.0, 1.0), (6.0, 1.0), (5.0, 9.0)], z=40.0), GRID)[0]) is None


def test_contours_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "MOST_CROSSINGS", 20)
    with pytest.raises(GeometryError, match="entangled"):
        filled(OUTER)


def test_readers_of_the_file_see_fractions_of_one(tmp_path: Path) -> None:
    placed = placed_of(case_of(Ellipsoid((1.0, 2.0, 0.0), (20.0, 14.0, 18.0))))[0]
    found = fractions(placed)
    assert found is not None
    path = tmp_path / "one.partial.nii.gz"
    path.write_bytes(box_nifti(found.fractions, found.offset, placed.grid, 1 / WHOLE))
    image: Any = nibabel.load(path)
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, placed.grid.affine_ras, atol=1e-4)
    values = image.get_fdata()
    assert values.shape == placed.grid.shape[::-1]
    assert values.max() == pytest.approx(1)
    assert values.sum() * placed.grid.voxel_ml == pytest.approx(found.volume_ml(placed.grid))


def test_no_reader_sees_more_than_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "partial.nii.gz"
    path.write_bytes(box_nifti(np.full((1, SIZE, SIZE), WHOLE, np.uint8), (0, 0, 0), GRID, 1 / WHOLE))
    loaded: Any = nibabel.Nifti1Image.from_filename(path)
    other: Any = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    for highest in (loaded.get_fdata().max(), np.asarray(loaded.dataobj).max(), other.max()):
        assert 1 - 1e-6 < highest <= 1
