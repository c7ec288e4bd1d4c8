"""Measures: planimetry, place, and intensities, with numbers found by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from orthanc_plugins.rtstruct import intensity_statistics, measure, place, rasterise, volume_ml
from orthanc_plugins.rtstruct.geometry.raster import mask_from_voxels
from orthanc_plugins.rtstruct.measures.region import PERCENTILES, half_layer_ml, largest_plane, volumes_agree
from tests.builders import Box
from tests.unit.rtstruct.cases import case_of, flat_grid, flat_region, grid_of, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

CASE = case_of(Box((11.0, -7.0, 6.0), (30.0, 22.0, 24.0)))


def test_measures_of_a_box() -> None:
    region = read(CASE).regions[0]
    found = measure(place(region, grid_of(CASE))[0], region)
    assert found is not None
    assert found.volume_ml == pytest.approx(15.84, rel=1e-4)
    np.testing.assert_allclose(found.centroid_lps_mm, CASE.truth["shape 1"].centroid_lps_mm, atol=0.01)
    size = np.subtract(found.bounding_box_lps_mm[1], found.bounding_box_lps_mm[0])
    np.testing.assert_allclose(size, [30.0, 22.0, 21.0], atol=1e-3)
    assert (found.contours, found.slices) == (8, 8)


def test_the_centroid_of_a_ring_with_an_off_centre_hole() -> None:
    outer = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    hole = [(5.0, 2.0), (9.0, 2.0), (9.0, 6.0), (5.0, 6.0)]
    region = flat_region(outer, hole)
    found = measure(place(region, flat_grid())[0], region)
    assert found is not None
    assert found.volume_ml == pytest.approx(0.084)
    np.testing.assert_allclose(
        found.centroid_lps_mm, [(500 - 16 * 7) / 84, (500 - 16 * 4) / 84, 0], atol=1e-3
    )


def test_nothing_that_encloses_area_has_no_measures() -> None:
    region = flat_region([(2.0, 2.0), (8.0, 2.0), (5.0, 2.0)])
    assert measure(place(region, flat_grid())[0], region) is None


def test_voxel_volume_counts_voxels() -> None:
    grid = flat_grid()
    mask = rasterise(place(flat_region([(2.0, 2.0), (6.0, 2.0), (6.0, 5.0), (2.0, 5.0)]), grid)[0])
    assert volume_ml(mask, grid) == pytest.approx(0.012)


def test_half_a_layer_is_what_a_rectangle_can_gain_from_whole_voxels() -> None:
    rectangle = [(2.0, 2.0), (6.0, 2.0), (6.0, 5.0), (2.0, 5.0)]
    placed = place(flat_region(rectangle), flat_grid())[0]
    assert half_layer_ml(placed) == pytest.approx((5 * 4 - 4 * 3) / 1000)
    hole = [(3.0, 3.0), (5.0, 3.0), (5.0, 4.0), (3.0, 4.0)]
    placed = place(flat_region(rectangle, hole), flat_grid())[0]
    assert half_layer_ml(placed) == pytest.approx((8 + 3 * 2 - 2 * 1) / 1000)
    assert half_layer_ml(place(flat_region(), flat_grid())[0]) == 0


@pytest.mark.parametrize(
    ("mask_ml", "half_layer", "agree"),
    [(104.0, 0.0, True), (94.0, 0.0, False), (94.0, 7.0, True), (120.0, 7.0, False)],
)
def test_volumes_agree_as_far_as_whole_voxels_can(mask_ml: float, half_layer: float, *, agree: bool) -> None:
    assert volumes_agree(100.0, mask_ml, half_layer) is agree


def test_the_largest_plane_has_the_largest_section() -> None:
    region = read(CASE).regions[0]
    assert largest_plane(place(region, grid_of(CASE))[0]) in range(10, 18)
    empty = flat_region([(2.0, 2.0), (8.0, 2.0), (5.0, 9.0)], z=40.0)
    assert largest_plane(place(empty, flat_grid())[0]) == -1


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_statistics_agree_with_numpy(kind: type[np.int16]) -> None:
    rng = np.random.default_rng(5)
    pixels: NDArray[np.int16] = rng.integers(-1024, 3000, (4, 9, 8)).astype(kind)
    voxels = rng.random((3, 7, 6)) < 0.5
    found = intensity_statistics(mask_from_voxels(voxels, (1, 2, 1)), pixels, np.arange(4), "HU")
    values = pixels[1:4, 2:9, 1:7][voxels].astype(float)
    assert found is not None
    assert found.voxels == len(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.sd == pytest.approx(values.std())
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert found.skewness == pytest.approx(scipy.stats.skew(values))
    assert found.kurtosis_excess == pytest.approx(scipy.stats.kurtosis(values))
    assert found.median == pytest.approx(np.median(values))
    assert found.iqr == pytest.approx(scipy.stats.iqr(values))
    for rank in PERCENTILES:
        assert found.percentiles[rank] == pytest.approx(np.percentile(values, rank))


def test_voxels_without_an_image_do_not_count() -> None:
    pixels = np.stack([np.full((5, 5), value, dtype=np.int16) for value in (10, 30)])
    mask = mask_from_voxels(np.ones((3, 2, 2), dtype=bool), (0, 1, 1))
    found = intensity_statistics(mask, pixels, np.array([0, -1, 1]), "HU")
    assert found is not None
    assert (found.voxels, found.mean, found.sd) == (8, 20.0, 10.0)
    assert intensity_statistics(mask, pixels, np.array([-1, -1, -1]), "HU") is None


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_equal_voxels_have_no_skewness(kind: type[np.int16]) -> None:
    mask = mask_from_voxels(np.ones((2, 2, 2), dtype=bool), (0, 0, 0))
    found = intensity_statistics(mask, np.full((2, 2, 2), 7, dtype=kind), np.arange(2), "HU")
    assert found is not None
    assert (found.sd, found.iqr, found.skewness, found.kurtosis_excess) == (0, 0, None, None)
