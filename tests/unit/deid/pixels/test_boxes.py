"""Rectangles of pixels."""

from __future__ import annotations

import numpy as np

from orthanc_plugins.deid.pixels.boxes import Box, outside, painted, share_outside, without_covered


def test_a_box_is_cut_to_its_frame() -> None:
    assert Box(-3, 2, 12, 9).within(5, 10) == Box(0, 2, 10, 5)


def test_a_box_out_of_the_frame_has_no_pixels() -> None:
    assert Box(20, 20, 30, 30).within(5, 10).area == 0


def test_covered_and_empty_boxes_are_left_out() -> None:
    assert without_covered([Box(1, 1, 3, 3), Box(0, 0, 4, 4), Box(2, 2, 2, 9)]) == (Box(0, 0, 4, 4),)


def test_what_is_outside_and_the_boxes_are_the_frame_and_nothing_twice() -> None:
    inside = [Box(2, 1, 6, 4), Box(5, 3, 9, 7)]
    rest = outside(inside, 8, 10)
    counted = sum(painted([box], 8, 10).astype(int) for box in rest)
    assert np.array_equal(counted, ~painted(inside, 8, 10))


def test_outside_of_the_whole_frame_is_nothing() -> None:
    assert outside([Box(0, 0, 10, 8)], 8, 10) == ()


def test_the_share_outside_is_of_pixels() -> None:
    mask = painted([Box(0, 0, 4, 4)], 8, 10)
    assert share_outside(Box(2, 0, 6, 4), mask) == 0.5
    assert share_outside(Box(1, 1, 3, 3), mask) == 0
    assert share_outside(Box(0, 0, 0, 4), mask) == 0
