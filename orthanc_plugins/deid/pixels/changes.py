"""What is to be looked at of each frame: all of the first, then the parts that changed.

Where a frame equals the one before it, that was looked at already. So a still picture costs one look, a clock
in its corner a small one each time it ticks, and only what moves costs as much as it is large. No frame is
skipped by chance: text that is there for a single frame is a leak as any other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from orthanc_plugins.deid.pixels.boxes import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

_AROUND = 48
"""Pixels around what changed: a text of which one letter changed is seen whole."""


class Part(NamedTuple):
    """A part of a frame, shape (rows, columns, samples) the frame; whether what it shows has moved."""

    frame: NDArray[Any]
    box: Box
    is_moving: bool


def changes(frames: NDArray[Any]) -> Iterator[tuple[Part, ...]]:
    """Yield for each frame the parts that are to be looked at; frames without any are left out.

    Parameters
    ----------
    frames
        Shape (frames, rows, columns, samples).
    """
    _, rows, columns, _ = frames.shape
    yield (Part(frames[0], Box(0, 0, columns, rows), is_moving=False),)
    for before, frame in pairwise(frames):
        if parts := tuple(Part(frame, box, is_moving=True) for box in _changed(before, frame)):
            yield parts


def changes_near(frames: NDArray[Any], boxes: Iterable[Box]) -> Iterator[tuple[Part, ...]]:
    """Yield for each frame the parts around boxes: in the first frame all, then those that changed."""
    _, rows, columns, _ = frames.shape
    near = _apart([box.grown(_AROUND).within(rows, columns) for box in boxes])
    before = None
    for frame in frames:
        parts = tuple(
            Part(frame, box, is_moving=False)
            for box in near
            if before is None or not np.array_equal(_within(before, box), _within(frame, box))
        )
        before = frame
        if parts:
            yield parts


def _changed(before: NDArray[Any], frame: NDArray[Any]) -> tuple[Box, ...]:
    """Return boxes around all pixels that differ, with some around them; none where none does."""
    differs = (before != frame).any(axis=2)
    if not differs.any():
        return ()
    rows, columns = differs.shape
    padded = np.zeros((-(-rows // _AROUND) * _AROUND, -(-columns // _AROUND) * _AROUND), np.bool_)
    padded[:rows, :columns] = differs
    blocks = padded.reshape(padded.shape[0] // _AROUND, _AROUND, -1, _AROUND).any(axis=(1, 3))
    _, _, groups, _ = cv2.connectedComponentsWithStats(blocks.astype(np.uint8), connectivity=8)
    found = []
    for left, top, width, height, _ in groups[1:].tolist():  # the first group is what has not changed
        group = Box(left, top, left + width, top + height).times(_AROUND).within(rows, columns)
        found.append(_tight(differs, group).grown(_AROUND).within(rows, columns))
    return _apart(found)


def _tight(differs: NDArray[np.bool_], group: Box) -> Box:
    """Return the box around the pixels that differ within a box, which has some."""
    inside = _within(differs, group)
    down, across = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    tight = Box(int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1)
    return tight.moved(group.left, group.top)


def _apart(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Return boxes that have all the pixels of others, and none of them twice."""
    apart: list[Box] = []
    for box in boxes:
        joined = box
        while touched := [one for one in apart if one.meets(joined)]:
            apart = [one for one in apart if one not in touched]
            joined = joined.around(*touched)
        apart.append(joined)
    return tuple(sorted(apart))


def _within(frame: NDArray[Any], box: Box) -> NDArray[Any]:
    return frame[box.top : box.bottom, box.left : box.right]
