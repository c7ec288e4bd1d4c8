"""Dose in regions against closed forms: what a linear or Gaussian dose does in boxes, cylinders and balls."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import PlacedRegion, place, read_dose
from orthanc_plugins.rtstruct.choices import DOSE_METRICS
from orthanc_plugins.rtstruct.dose import Histogram, RegionDose, evaluate, histogram_file, is_metric
from orthanc_plugins.rtstruct.dose.histogram import metric
from orthanc_plugins.rtstruct.dose.lattice import MOST_CELLS, cut, layers
from tests.builders import (
    Box,
    Case,
    Cylinder,
    Difference,
    Ellipsoid,
    ImageFrame,
    ball,
    build_case,
    build_dose,
    linear,
    rotated,
    uniform,
)
from tests.unit.rtstruct.cases import SMALL, case_of, file_bytes, flat_grid, flat_region, placed_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from tests.builders.dose import DoseFunction

    type Floats = NDArray[np.float64]

FINE = ImageFrame(size=(60, 64, 64), spacing_mm=(1.0, 1.0), gap_mm=1.0)
TURNED = np.array(rotated(12, -8, 15)).reshape(2, 3)
TURNED_AXES = np.vstack((TURNED, np.cross(*TURNED)))


def volume_of(placed: PlacedRegion) -> float:
    return float(placed.area_mm2 @ placed.slab_mm) / 1000


def received(case: Case, dose: DoseFunction, *names: str, **options: Any) -> RegionDose:
    """Return what the first region of a case receives."""
    placed = placed_of(case)[0]
    built = read_dose(file_bytes(build_dose(case, dose, **options)))
    return evaluate(placed, volume_of(placed), built, names or DOSE_METRICS)[0]


def values(found: RegionDose) -> dict[str, float | None]:
    return {one.name: one.value for one in found.metrics}


def cap_share(height_in_radii: float) -> float:
    """Return the share of a ball beyond a plane at a height above its middle."""
    return (1 - height_in_radii) ** 2 * (2 + height_in_radii) / 4


def segment_share(height_in_radii: float) -> float:
    """Return the share of a disc beyond a line at a height above its middle."""
    x = height_in_radii
    return (math.acos(x) - x * math.sqrt(1 - x * x)) / math.pi


# Closed forms


def test_a_uniform_dose_is_every_value() -> None:
    found = received(
        case_of(Ellipsoid((0, 0, 0), (20, 20, 20))), uniform(20), "D98%", "D2cc", "V20Gy", "V21Gy"
    )
    assert (found.min, found.max, found.mean, found.median) == pytest.approx((20, 20, 20, 20), abs=1e-4)
    assert values(found) == pytest.approx({"D98%": 20, "D2cc": 20, "V20Gy": 100, "V21Gy": 0}, abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_linear_dose_in_a_box_is_spread_evenly(axis: int) -> None:
    slope = [0.0, 0.0, 0.0]
    slope[axis] = 0.5
    case = case_of(Box((0, 0, 0), (40, 40, 42)))  # 42: whole slabs
    low, high = 30 - 0.5 * (21 if axis == 2 else 20), 30 + 0.5 * (21 if axis == 2 else 20)
    found = received(case, linear(30, slope), "D95%", "D2%", "V20Gy", "V25Gy", "D1cc", "V25Gy[cc]")
    span = high - low
    assert found.volume_cc == pytest.approx(67.2, rel=1e-4)
    assert (found.min, found.max) == pytest.approx((low, high), abs=0.5 * found.sampled_every_mm / 2 + 0.01)
    assert found.mean == pytest.approx(30, abs=0.005)
    assert values(found) == pytest.approx(
        {
            "D95%": low + 0.05 * span,
            "D2%": high - 0.02 * span,
            "V20Gy": 100 * (high - 20) / span,
            "V25Gy": 100 * (high - 25) / span,
            "D1cc": high - span / 67.2,
            "V25Gy[cc]": 67.2 * (high - 25) / span,
        },
        abs=0.15,
    )


def test_a_linear_dose_across_a_cylinder_follows_the_segments_of_its_disc() -> None:
    case = case_of(Cylinder((0, 0, 0), (20, 20), 42))
    found = received(case, linear(30, (0.5, 0, 0)), "V25Gy", "V30Gy", "V37Gy")
    expected = {f"V{gy}Gy": 100 * segment_share((gy - 30) / 10) for gy in (25, 30, 37)}
    assert values(found) == pytest.approx(expected, abs=0.1)


def test_a_linear_dose_in_a_ball_follows_its_caps() -> None:
    case = case_of(Ellipsoid((0, 0, 0), (20, 20, 20)), frame=FINE)
    found = received(case, linear(30, (0.3, 0, 0.4)), "V23Gy", "V30Gy", "V37Gy", "D50%")
    expected = {f"V{gy}Gy": 100 * cap_share((gy - 30) / 10) for gy in (23, 30, 37)}
    assert values(found) == pytest.approx({**expected, "D50%": 30}, abs=0.1)
    assert found.mean == pytest.approx(30, abs=0.005)


def test_a_gaussian_dose_in_a_ball_around_it_is_a_matter_of_radius() -> None:
    case = case_of(Ellipsoid((0, 0, 0), (20, 20, 20)), frame=FINE)
    found = received(case, ball(60, 20), "D95%", "D50%", "D2%", "V50Gy", spacing_mm=(1.25, 1.25, 1.25))
    dose = {share: 60 * math.exp(-((share ** (1 / 3)) ** 2) / 2) for share in (0.95, 0.5, 0.02)}
    radius = math.sqrt(-2 * math.log(50 / 60))
    expected = {"D95%": dose[0.95], "D50%": dose[0.5], "D2%": dose[0.02], "V50Gy": 100 * radius**3}
    assert values(found) == pytest.approx(
        expected, abs=0.25
    )  # between dose voxels it is linear, not Gaussian
    assert found.max == pytest.approx(60, abs=0.1)


def test_a_hole_receives_nothing() -> None:
    shell = Difference(Ellipsoid((0, 0, 0), (20, 20, 20)), Ellipsoid((0, 0, 0), (10, 10, 10)))
    found = received(case_of(shell, frame=FINE), ball(60, 20), "V50Gy", spacing_mm=(1.25, 1.25, 1.25))
    radius = 20 * math.sqrt(-2 * math.log(50 / 60))
    expected = 100 * (radius**3 - 10**3) / (20**3 - 10**3)
    assert values(found) == pytest.approx({"V50Gy": expected}, abs=0.3)
    assert found.max == pytest.approx(60 * math.exp(-(10**2) / 800), abs=0.8)


@pytest.mark.parametrize("radius", [1.5, 2.5, 4.0])
def test_a_region_smaller_than_a_dose_voxel_has_its_dose(radius: float) -> None:
    case = case_of(Ellipsoid((1.3, 2.1, 0.5), (radius, radius, radius)), frame=FINE)
    found = received(case, linear(30, (0.5, 0, 0)), "D95%", "V30Gy", spacing_mm=(5, 5, 5))
    assert found.mean == pytest.approx(30.65, abs=0.01)
    assert found.volume_in_dose_cc == pytest.approx(found.volume_cc)
    assert found.max is not None
    assert found.max == pytest.approx(30.65 + 0.5 * radius, abs=0.05)


# However the dose grid lies


PLACEMENTS: dict[str, dict[str, Any]] = {
    "frames from head to feet": {"descending": True},
    "frames left out": {"uneven": True},
    "16 bits": {"bits": 16},
    "pixels that are not square": {"spacing_mm": (2.5, 1.5, 3.5)},
    "sagittal frames": {"axes": ((0, 1, 0), (0, 0, 1), (1, 0, 0)), "extent_mm": (120, 70, 120)},
    "rows from right to left": {"axes": ((-1, 0, 0), (0, -1, 0), (0, 0, 1))},
    "turned": {"axes": TURNED_AXES, "extent_mm": (90, 120, 120)},
}


@pytest.mark.parametrize("kind", PLACEMENTS)
def test_how_the_dose_grid_lies_changes_nothing(kind: str) -> None:
    case = case_of(Ellipsoid((5, -7, 3), (20, 15, 18)))
    dose = linear(40, (0.3, 0.2, -0.4))
    plain, other = received(case, dose), received(case, dose, **PLACEMENTS[kind])
    assert other.mean == pytest.approx(plain.mean, abs=0.005)
    assert values(other) == pytest.approx(values(plain), abs=0.1)
    assert other.volume_in_dose_cc == pytest.approx(plain.volume_in_dose_cc)


@pytest.mark.parametrize("position", ["HFP", "FFS", "FFDL", "SAGITTAL", "CORONAL"])
def test_how_the_patient_lies_changes_nothing(position: str) -> None:
    shape = Ellipsoid((5, -7, 3), (20, 15, 18))
    dose = linear(40, (0.3, 0.2, -0.4))
    plain = received(case_of(shape), dose)
    turned = received(case_of(shape, frame=SMALL.positioned(position)), dose)
    assert turned.mean == pytest.approx(plain.mean, abs=0.005)
    assert values(turned) == pytest.approx(values(plain), abs=0.1)


def test_a_tilted_gantry_and_oblique_images_are_followed() -> None:
    shape = Ellipsoid((0, 0, 0), (20, 15, 18))
    dose = linear(40, (0.3, 0.2, -0.4))
    for frame in (replace(SMALL, tilt_deg=12.0), replace(SMALL, orientation=rotated(10, 5, -7))):
        found = received(case_of(shape, frame=frame), dose)
        assert found.mean == pytest.approx(40, abs=0.05)


# Where there is no dose


def test_the_part_beyond_the_dose_grid_is_left_out_of_every_value() -> None:
    case = case_of(Box((0, 0, 0), (40, 40, 42)))
    found = received(case, linear(30, (0.5, 0, 0)), "V25Gy", extent_mm=(80, 80, 40), centre_mm=(20, 0, 0))
    assert found.volume_cc == pytest.approx(67.2, rel=1e-4)
    assert found.volume_in_dose_cc == pytest.approx(33.6, rel=0.02)
    assert found.mean == pytest.approx(35, abs=0.1)
    assert values(found) == {"V25Gy": 100}


def test_a_region_wholly_beyond_it_has_no_values() -> None:
    case = case_of(Ellipsoid((-40, 0, 0), (10, 10, 10)))
    found = received(case, uniform(20), "D95%", "V20Gy", extent_mm=(60, 60, 30), centre_mm=(40, 0, 0))
    assert found.volume_in_dose_cc == 0
    assert (found.min, found.max, found.mean, found.median) == (None,) * 4
    assert values(found) == {"D95%": None, "V20Gy": None}


# Cells


def test_overlapping_contours_of_one_region_are_counted_once() -> None:
    grid = flat_grid(rows=40, columns=40)
    region = flat_region([(5, 5), (25, 5), (25, 25), (5, 25)], [(15, 15), (35, 15), (35, 35), (15, 35)])
    placed = place(region, grid)[0]
    lattice = cut(placed, 0.5)
    covered = sum(float(layer.share.sum()) * layer.cell_mm3 for layer in layers(placed, lattice))
    assert covered == pytest.approx(400 + 400 - 100, rel=1e-3)


def test_cells_are_small_for_small_regions_and_bounded_for_large_ones() -> None:
    case = case_of(Ellipsoid((0, 0, 0), (1.5, 1.5, 3.0)), Box((0, 0, 0), (120, 120, 60)))
    small, large = placed_of(case)
    assert cut(small, 1.25).cell_mm < 0.15
    assert cut(large, 1.25).cell_mm == 1.25
    tiny = cut(large, 0.01)
    assert sum(layer.share.size for layer in layers(large, tiny)) <= MOST_CELLS * 1.01


@pytest.mark.parametrize("scale", [1.0, 1e-4])
@pytest.mark.parametrize("units", ["GY", "RELATIVE"])
def test_a_region_of_little_dose_has_values_as_exact_as_one_of_much(scale: float, units: str) -> None:
    """The dose grid reaches 60 Gy elsewhere; what the region receives goes from 0 to 40 times the scale."""
    case = case_of(Box((0, 0, 0), (40, 40, 42)))

    def dose(points: Floats) -> Floats:
        return np.where(points[:, 0] > 50, 60.0, np.maximum(points[:, 0] + 20, 0) * scale)

    found = received(case, dose, "D95%", "D50%", "D2%", units=units)
    median = found.median
    assert median == pytest.approx(20 * scale, rel=0.002)
    assert values(found) == pytest.approx({"D95%": 2 * scale, "D50%": median, "D2%": 39.2 * scale}, rel=0.01)


@pytest.mark.parametrize("split", [1, 7])
def test_a_half_without_dose_leaves_the_hotter_halfs_least_as_median(split: int) -> None:
    volumes = np.zeros(1000 * split)
    volumes[: 10 * split], volumes[500 * split : 510 * split] = 0.1 / 3 / split, 0.1 / 3 / split
    histogram = Histogram(0.01 / split, volumes, 0.0, 5.1, 2.6, split)
    assert histogram.dose_to(histogram.volume_ml / 2) == pytest.approx(5.0, abs=1e-6)


def test_the_steps_of_the_file_do_not_depend_on_the_region() -> None:
    case = case_of(Ellipsoid((0, 0, 0), (20, 20, 20)), Ellipsoid((45, 0, 0), (9, 9, 9)))
    dose = read_dose(file_bytes(build_dose(case, ball(60, 12))))
    found = [evaluate(placed, volume_of(placed), dose, ()) for placed in placed_of(case)]
    (hot,), (cold,) = (json.loads(histogram_file(1, "", [one]))["doses"] for one in found)
    assert hot["bin_width"] == cold["bin_width"] == 0.05
    assert found[1][1] is not None
    assert found[1][1].bin_width < 0.001
    for curve, (received_dose, _) in zip((hot, cold), found, strict=True):
        assert sum(curve["differential_cc"]) == pytest.approx(received_dose.volume_in_dose_cc, rel=1e-4)


# Numbers read from histograms


def test_doses_to_volumes_and_volumes_above_doses_are_linear_within_a_bin() -> None:
    histogram = Histogram(1.0, np.array([0.0, 4.0, 0.0, 6.0]), 1.0, 4.0, 2.9)
    assert histogram.dose_to(3.0) == pytest.approx(3.5)
    assert histogram.dose_to(8.0) == pytest.approx(1.5)
    assert (histogram.dose_to(0.0), histogram.dose_to(10.0), histogram.dose_to(10.1)) == (4.0, 1.0, None)
    assert [histogram.volume_above(dose) for dose in (0.0, 1.5, 2.0, 2.5, 3.5, 5.0)] == [10, 8, 6, 6, 3, 0]


def test_what_a_relative_dose_cannot_say_is_left_open() -> None:
    histogram = Histogram(0.1, np.ones(10), 0.0, 1.0, 0.5)
    assert metric("V20Gy", histogram, "relative").value is None
    assert metric("D50%", histogram, "relative").unit == "relative"


def test_a_metric_with_another_name_is_refused() -> None:
    for name in ("", "D", "D95", "V20", "V20%", "D101%", "Dmax", "D-5%", "D95% "):
        assert not is_metric(name)
        with pytest.raises(ValueError, match=r"no metric .*D95%, D2cc\).* V20Gy.* Mean"):
            metric(name, None, "Gy")


def test_shapes_of_a_whole_case_hold_their_planimetric_volume() -> None:
    case = build_case(frame=SMALL, regions=10)
    for placed in placed_of(case):
        lattice = cut(placed, 1.25)
        covered = sum(float(layer.share.sum()) * layer.cell_mm3 for layer in layers(placed, lattice))
        assert covered / 1000 == pytest.approx(volume_of(placed), rel=3e-3)
