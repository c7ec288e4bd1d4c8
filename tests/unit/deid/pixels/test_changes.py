"""Of each frame what changed is looked at, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.deid.pixels.boxes import Box, painted
from orthanc_plugins.deid.pixels.changes import changes, changes_near

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = Box(0, 0, 900, 700)


def still(frames: int) -> NDArray[np.uint8]:
    return np.zeros((frames, 700, 900, 1), np.uint8)


def boxes_of(frames: NDArray[np.uint8]) -> list[list[Box]]:
    return [[part.box for part in parts] for parts in changes(frames)]


def test_of_a_still_film_the_first_frame_is_looked_at_alone() -> None:
    assert boxes_of(still(3)) == [[WHOLE]]


def test_what_changes_far_apart_is_looked_at_apart() -> None:
    frames = still(3)
    frames[1:, 10:20, 10:20] = 1
    frames[1:, 600:650, 800:850] = 1
    assert boxes_of(frames) == [[WHOLE], [Box(0, 0, 68, 68), Box(752, 552, 898, 698)]]
    (first,), second = changes(frames)
    assert not first.is_moving
    assert all(part.is_moving for part in second)


def test_what_is_there_for_a_single_frame_is_looked_at_as_it_comes_and_goes() -> None:
    frames = still(3)
    frames[1, 300:310, 300:310] = 1
    assert boxes_of(frames) == [[WHOLE], [Box(252, 252, 358, 358)], [Box(252, 252, 358, 358)]]


@pytest.mark.parametrize("seed", range(8))
def test_all_that_changed_is_in_one_part_with_what_is_around_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = still(2)
    places = np.column_stack((rng.integers(0, 700, 5 * seed + 1), rng.integers(0, 900, 5 * seed + 1)))
    frames[1, places[:, 0], places[:, 1]] = 1
    _, parts = boxes_of(frames)
    for row, column in places.tolist():
        around = Box(column, row, column + 1, row + 1).grown(48).within(700, 900)
        assert any(part.covers(around) for part in parts)
    assert sum(part.area for part in parts) == painted(parts, 700, 900).sum()


def test_near_boxes_the_first_frame_is_looked_at_and_what_changed_after_it() -> None:
    frames = still(4)
    frames[1:, 600:650, 800:850] = 1
    frames[2:, 110:120, 60:90] = 1
    found = [[part.box for part in parts] for parts in changes_near(frames, [Box(60, 60, 100, 80)])]
    assert found == [[Box(12, 12, 148, 128)], [Box(12, 12, 148, 128)]]
