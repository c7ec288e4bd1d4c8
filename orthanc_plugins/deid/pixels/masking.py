"""Painting over: pixels in boxes get one value in every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from orthanc_plugins.deid.pixels.boxes import Box


def paint(
    frames: NDArray[Any],
    boxes: Iterable[Box],
    sample_values: NDArray[Any],
    numbers: Collection[int] = (),
) -> None:
    """Paint boxes in all frames, or in some.

    Parameters
    ----------
    frames
        Shape (frames, rows, columns, samples), which is changed.
    boxes
        What is out of the frames is left out.
    sample_values
        Shape (samples,): what every pixel of the boxes gets.
    numbers
        Of the frames, from 1; all where none is given.
    """
    _, rows, columns, _ = frames.shape
    chosen = slice(None) if not numbers else [number - 1 for number in sorted(numbers)]
    for box in boxes:
        inside = box.within(rows, columns)
        frames[chosen, inside.top : inside.bottom, inside.left : inside.right] = sample_values.astype(
            frames.dtype
        )
