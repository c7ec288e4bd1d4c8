"""Looking through all frames of an instance, each place as often as it changes.

Every pixel of every frame is looked at. Where a frame equals the one before it, that was done already; so
only the part around all that changed is looked at anew, and a film of a still picture costs one look. No
frame is skipped by chance: text that is there for a single frame is a leak as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.deid.pixels.boxes import Box, without_covered
from orthanc_plugins.deid.pixels.wording import is_technical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.deid.pixels.finder import Reading, TextFinder
    from orthanc_plugins.deid.pixels.rendering import Picture, Renderer

_SURE = 0.9
_LEGIBLE = 0.5
_AROUND_CHANGES = 48
"""Pixels around what changed: a text of which one letter changed is seen whole."""


def text_boxes(
    frames: NDArray[Any],
    renderer: Renderer,
    finder: TextFinder,
    counts: Callable[[Reading], bool] | None = None,
) -> tuple[tuple[Box, ...], int]:
    """Return where text is in any frame, and how many frames were looked at.

    Parameters
    ----------
    frames
        Shape (frames, rows, columns, samples).
    counts
        Whether a text that was read is meant; without it all are, and none is read.
    """
    found: list[Box] = []
    looked = 0
    for frame, part in _changes(frames):
        looked += 1
        shown = frame[part.top : part.bottom, part.left : part.right]
        for picture in renderer.pictures(shown):
            boxes = _boxes(picture, finder, counts)
            found.extend(box.moved(part.left, part.top) for box in boxes)
    return without_covered(found), looked


def is_identity(reading: Reading) -> bool:
    """Return whether a text may name somebody: all may but what is surely read and surely technical."""
    return reading.confidence < _SURE or not is_technical(reading.text)


def is_legible(reading: Reading) -> bool:
    """Return whether a text has two letters or digits that a machine can read, if not surely."""
    return reading.confidence >= _LEGIBLE and sum(one.isalnum() for one in reading.text) > 1


def _boxes(picture: Picture, finder: TextFinder, counts: Callable[[Reading], bool] | None) -> Iterator[Box]:
    """Yield where a picture has text that is meant."""
    for box in finder.find(picture):
        if counts is None or counts(finder.read(picture, box)):
            yield box


def _changes(frames: NDArray[Any]) -> Iterator[tuple[NDArray[Any], Box]]:
    """Yield frames and the part of each that is to be looked at."""
    _, rows, columns, _ = frames.shape
    before = None
    for frame in frames:
        part = Box(0, 0, columns, rows) if before is None else _changed(before, frame)
        before = frame
        if part.area:
            yield frame, part


def _changed(before: NDArray[Any], frame: NDArray[Any]) -> Box:
    """Return the box around all pixels that differ, with some around it; an empty one where none does."""
    differs = (before != frame).any(axis=2)
    down, across = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not down.size:
        return Box(0, 0, 0, 0)
    box = Box(int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1)
    return box.grown(_AROUND_CHANGES).within(*differs.shape)
