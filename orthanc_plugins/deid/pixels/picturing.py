"""Frames as PNG, for a person to look at: as they are, and with boxes drawn around what was found."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from orthanc_plugins.deid.pixels.native import values_of
from orthanc_plugins.deid.pixels.rendering import renderer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from orthanc_plugins.deid.pixels.boxes import Box
    from orthanc_plugins.deid.pixels.rendering import Picture

_LINE = (255, 64, 64)
_WIDTH = 2
"""Pixels of the line around a box, which lies outside of it."""


@dataclass(frozen=True)
class Frames:
    """The frames of an instance as pictures, each drawn when it is asked for."""

    count: int
    rows: int
    columns: int
    _values: NDArray[Any]
    _draw: Any

    def png(self, number: int, boxes: Iterable[Box] = (), *, longest: int | None = None) -> bytes:
        """Return a frame, numbered from 1, as PNG.

        Parameters
        ----------
        boxes
            Drawn as lines around what is in them.
        longest
            Pixels of the longer side at most; a pixel of the frame is a pixel of the picture without it.
        """
        picture = np.array(self._draw(self._values[number - 1]))
        for box in boxes:
            _outline(picture, box)
        image = Image.fromarray(picture)
        if longest is not None:
            image.thumbnail((longest, longest))
        stream = BytesIO()
        image.save(stream, "PNG", compress_level=1)
        return stream.getvalue()


def frames_of(dataset: Dataset) -> Frames:
    """Return the frames of an instance.

    Raises
    ------
    HeldForReview
        They cannot be decoded, or are of a kind that is not drawn here.
    """
    values = values_of(dataset)
    return Frames(
        len(values.frames), values.rows, values.columns, values.frames, renderer(dataset, values).shown
    )


def _outline(picture: Picture, box: Box) -> None:
    """Draw a line around a box, as far as it lies in the picture."""
    rows, columns = picture.shape[:2]
    outer, inner = box.grown(_WIDTH).within(rows, columns), box.within(rows, columns)
    kept = picture[inner.top : inner.bottom, inner.left : inner.right].copy()
    picture[outer.top : outer.bottom, outer.left : outer.right] = _LINE
    picture[inner.top : inner.bottom, inner.left : inner.right] = kept
