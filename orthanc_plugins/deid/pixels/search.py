"""Looking through all frames of an instance, each place as often as it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.deid.pixels.boxes import without_covered
from orthanc_plugins.deid.pixels.changes import changes, changes_near
from orthanc_plugins.deid.pixels.wording import is_technical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.deid.pixels.boxes import Box
    from orthanc_plugins.deid.pixels.finder import Reading, TextFinder
    from orthanc_plugins.deid.pixels.rendering import Picture, Renderer

_SURE = 0.9
_LEGIBLE = 0.5


def text_boxes(
    frames: NDArray[Any],
    renderer: Renderer,
    finder: TextFinder,
    counts: Callable[[Reading], bool] | None = None,
    *,
    near: Iterable[Box] | None = None,
) -> tuple[tuple[Box, ...], int]:
    """Return where text is in any frame, and how many frames were looked at.

    Parameters
    ----------
    frames
        Shape (frames, rows, columns, samples).
    counts
        Whether a text that was read is meant; without it all are, and none is read.
    near
        Only around these boxes is looked; everywhere if it is None.
    """
    found: list[Box] = []
    looked = 0
    for parts in changes(frames) if near is None else changes_near(frames, near):
        looked += 1
        for frame, part, is_moving in parts:
            shown = frame[part.top : part.bottom, part.left : part.right]
            for picture in renderer.pictures(shown):
                boxes = _boxes(picture, finder, counts, is_moving=is_moving)
                found.extend(box.moved(part.left, part.top) for box in boxes)
    return without_covered(found), looked


def is_identity(reading: Reading) -> bool:
    """Return whether a text may name somebody: all may but what is surely read and surely technical."""
    return reading.confidence < _SURE or not is_technical(reading.text)


def is_legible(reading: Reading) -> bool:
    """Return whether a text has two letters or digits that a machine can read, if not surely."""
    return reading.confidence >= _LEGIBLE and sum(one.isalnum() for one in reading.text) > 1


def _boxes(
    picture: Picture, finder: TextFinder, counts: Callable[[Reading], bool] | None, *, is_moving: bool
) -> Iterator[Box]:
    """Yield where a picture has text that is meant."""
    for box in finder.find(picture, is_moving=is_moving):
        if counts is None or counts(finder.read(picture, box)):
            yield box
