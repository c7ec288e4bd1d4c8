"""Regions against each other: closed forms, and what no turn of the patient may change."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from tests.builders import Box, Together, rotated
from tests.unit.rtstruct.compared import FRAME, RADIUS, ball, compared, lens_ml


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
