"""How far the decoded values of two images are apart, frame by frame in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from pydicom.pixels.processing import convert_color_space

from orthanc_plugins.content.datasets import DOUBLE_PIXELS, FLOAT_PIXELS
from orthanc_plugins.content.frames import describe, frames_of
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.content.coded import Pixels
    from orthanc_plugins.content.frames import Frame, PixelDescription

_FLOATS = {FLOAT_PIXELS: "<f4", DOUBLE_PIXELS: "<f8"}


@dataclass
class Deviation:
    """What differs between the frames of two images.

    Parameters
    ----------
    frames
        How many each has, left and right.
    shapes
        Shapes of the first frames, left and right, that are not of one shape.
    first_frame, differing_frames
        Which differs first, counted from 1, and how many do.
    values, differing_values
        How many values were compared, and how many differ.
    largest, total
        By how much they differ at most, and together.
    errors
        Why a side could not be decoded, by whether it is the left one. The rest is then not to be used.
    """

    frames: list[int] = field(default_factory=lambda: [0, 0])
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    first_frame: int = 0
    differing_frames: int = 0
    values: int = 0
    differing_values: int = 0
    largest: float = 0.0
    total: float = 0.0
    errors: dict[bool, InvalidDicom] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return self.differing_frames > 0 or self.frames[0] != self.frames[1]

    @property
    def sentence(self) -> str:
        """What differs, for a person."""
        left, right = self.frames
        if left != right:
            return f"Orthanc's copy has {left:,} frames, DCM4CHEE's {right:,}."
        if self.shapes is not None:
            one, other = (" × ".join(map(str, shape)) for shape in self.shapes)  # noqa: RUF001 - a size
            return f"Frames are of different shape: {one} in Orthanc's copy, {other} in DCM4CHEE's."
        where = ""
        if left > 1:
            where = f" in {self.differing_frames:,} of {left:,} frames, first in frame {self.first_frame:,}"
        return (
            f"{self.differing_values:,} of {self.values:,} values differ{where}: by up to {self.largest:g}, "
            f"by {self.total / self.values:.3g} on average over all."
        )


def deviation(left: Pixels, right: Pixels, *, as_rgb: bool = False) -> Deviation:
    """Return how far the values of two images are apart.

    Parameters
    ----------
    left, right
        Orthanc's and DCM4CHEE's.
    as_rgb
        Convert the colours of that which is YBR_FULL first (PS3.3 C.7.6.3.1.2).
    """
    found = Deviation()
    sides = (_Side(left, as_rgb=as_rgb), _Side(right, as_rgb=as_rgb))
    while True:
        pair = [side.next() for side in sides]
        for place, (side, frame) in enumerate(zip(sides, pair, strict=True)):
            found.frames[place] += frame is not None
            if side.error is not None:
                found.errors[place == 0] = side.error
        one, other = pair
        if found.errors or (one is None and other is None):
            _finish(sides, found)
            return found
        if one is not None and other is not None:
            _add(found, one, other, sides)


class _Side:
    """The frames of one image, and why there are no more of them."""

    def __init__(self, pixels: Pixels, *, as_rgb: bool) -> None:
        self.error: InvalidDicom | None = None
        self._pixels = pixels
        self._converts = as_rgb and pixels.colours == "YBR_FULL"
        self._frames = frames_of(pixels.data_set, pixels.transfer_syntax_uid)

    def next(self) -> Frame | None:
        """Return the next frame, None when there is none or it cannot be decoded."""
        try:
            frame = next(self._frames, None)
            if frame is None or not self._converts:
                return frame
            return convert_color_space(frame, "YBR_FULL", "RGB")  # type: ignore[no-any-return, unused-ignore]
        except InvalidDicom as error:
            self.error = error
            return None

    def numbers(self, frame: Frame) -> NDArray[np.float64]:
        """Return the values of a frame as the numbers they stand for."""
        return _numbers(frame, describe(self._pixels.data_set))


def _finish(sides: tuple[_Side, _Side], found: Deviation) -> None:
    """Decode the rest where one side failed: whether the other one can be read is to be told."""
    for place, side in enumerate(sides):
        while side.error is None and side.next() is not None:
            found.frames[place] += 1
        if side.error is not None:
            found.errors[place == 0] = side.error


def _add(found: Deviation, left: Frame, right: Frame, sides: tuple[_Side, _Side]) -> None:
    """Add what two frames differ in."""
    found.values += max(left.size, right.size)
    alike = left.shape == right.shape
    if alike and np.array_equal(left, right):
        return
    found.differing_frames += 1
    found.first_frame = found.first_frame or found.frames[0]
    if not alike:
        found.shapes = found.shapes or (left.shape, right.shape)
        return
    apart = np.abs(sides[0].numbers(left) - sides[1].numbers(right))
    apart = apart[np.isfinite(apart)]
    found.differing_values += int(np.count_nonzero(left != right))
    found.largest = max(found.largest, float(apart.max(initial=0.0)))
    found.total += float(apart.sum())


def _numbers(frame: Frame, description: PixelDescription) -> NDArray[np.float64]:
    """Return unsigned values as the numbers they stand for: floats, or signed (PS3.5 8.1.1)."""
    if description.element in _FLOATS:
        return frame.view(_FLOATS[description.element]).astype(np.float64)
    numbers = frame.astype(np.float64)
    if description.signed:
        numbers[frame >> (description.stored - 1) & 1 == 1] -= 2.0**description.stored
    return numbers
