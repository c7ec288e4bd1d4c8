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
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.deid.pixels.finder import TextFinder
    from orthanc_plugins.deid.pixels.rendering import Picture, Renderer

_AROUND_CHANGES = 48
"""Pixels around what changed: a text of which one letter changed is seen whole."""


def text_boxes(
    frames: NDArray[Any], renderer: Renderer, finder: TextFinder, *, keep_technical: bool
) -> tuple[tuple[Box, ...], int]:
    """Return where text is in any frame, and how many frames were looked at.

    Parameters
    ----------
    frames
        Shape (frames, rows, columns, samples).
    keep_technical
        Leave out text that is surely technical in every picture that shows it.
    """
    found: list[Box] = []
    looked = 0
    for frame, part in _changes(frames):
        looked += 1
        shown = frame[part.top : part.bottom, part.left : part.right]
        for picture in renderer.pictures(shown):
            boxes = _boxes(picture, finder, keep_technical=keep_technical)
            found.extend(box.moved(part.left, part.top) for box in boxes)
    return without_covered(found), looked


def _boxes(picture: Picture, finder: TextFinder, *, keep_technical: bool) -> Iterator[Box]:
    """Yield where a picture has text that is to be painted over."""
    for box in finder.find(picture):
        text = finder.read(picture, box) if keep_technical else None
        if text is None or not is_technical(text):
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
