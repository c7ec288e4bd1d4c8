"""Frames as pictures that text is looked for in: 8 bits of red, green and blue.

One window shows not all text: white on 12 bits vanishes in the window of soft tissue, grey on grey in the
full range. So a frame gives several pictures. MONOCHROME1 is turned around (PS3.3 C.7.6.3.1.2), colours by
palette are shown by their numbers too, as a palette can draw text in the colour of its ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from orthanc_plugins.deid.pixels.header import numbers
from orthanc_plugins.errors import HeldForReview

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from orthanc_plugins.deid.pixels.native import PixelValues

type Picture = NDArray[np.uint8]
"""Shape (rows, columns, 3): red, green, blue."""

_TOP = 255
_COLOURS = frozenset({"RGB", "YBR_FULL"})
_GREYS = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PALETTE = "PALETTE COLOR"
_MOST_WINDOWS = 2
_BYTE = 8


@dataclass(frozen=True)
class Renderer:
    """Draws frames of one instance.

    ``windows`` are lowest and highest values that are told apart, as Window Center and Window Width have
    them.
    """

    dataset: Dataset
    photometric: str
    stored_bits: int
    windows: tuple[tuple[float, float], ...]

    def pictures(self, frame: NDArray[Any]) -> tuple[Picture, ...]:
        """Return the pictures of a frame, which has shape (rows, columns, samples), none twice."""
        drawn = self._greys(frame[..., 0]) if frame.shape[2] == 1 else self._colours(frame)
        if self.photometric == _PALETTE:
            drawn = (self._by_palette(frame[..., 0]), *drawn)
        different: dict[bytes, Picture] = {picture.tobytes(): picture for picture in drawn if picture.size}
        return tuple(picture for picture in different.values() if picture.min() != picture.max())

    def darkest(self, values: PixelValues) -> NDArray[Any]:
        """Return the samples of a pixel that is painted over: one that is there, or black.

        Where grey values are painted, the lowest that the frames have: no value is added that could move
        the range in which a reader shows the image.
        """
        if self.photometric in _GREYS:
            frames = values.frames
            return np.array([frames.max() if self.photometric == "MONOCHROME1" else frames.min()])
        if self.photometric == _PALETTE:
            present = np.unique(values.frames)
            return present[[self._by_palette(present[np.newaxis]).sum(axis=2, dtype=np.int64).argmin()]]
        middle = 1 << (self.stored_bits - 1)
        return np.array([0, middle, middle] if self.photometric == "YBR_FULL" else [0, 0, 0])

    def _greys(self, grey: NDArray[Any]) -> tuple[Picture, ...]:
        """Return a frame in its full range, in its windows, and with its levels spread."""
        if not np.isfinite(grey).all():
            grey = np.nan_to_num(grey)
        ranges = ((float(grey.min()), float(grey.max())), *self.windows)
        drawn = [_within(grey, *one) for one in ranges if one[0] < one[1]]
        drawn.append(_spread(grey))
        turned = self.photometric == "MONOCHROME1"
        return tuple(np.repeat((_TOP - one if turned else one)[..., np.newaxis], 3, axis=2) for one in drawn)

    def _colours(self, frame: NDArray[Any]) -> tuple[Picture, ...]:
        """Return a frame in its colours, and its brightness with its levels spread."""
        coloured = _eight_bits(frame, self.stored_bits)
        if self.photometric == "YBR_FULL":
            coloured = np.asarray(convert_color_space(coloured, "YBR_FULL", "RGB"), np.uint8)
        brightness = _spread(coloured.astype(np.uint16).sum(axis=2))
        return coloured, np.repeat(brightness[..., np.newaxis], 3, axis=2)

    def _by_palette(self, numbers: NDArray[Any]) -> Picture:
        """Return a frame in the colours of its palette (PS3.3 C.7.9)."""
        try:
            coloured = np.asarray(apply_color_lut(numbers, self.dataset))[..., :3]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise HeldForReview(
                f"colours are by a palette that cannot be read ({type(error).__name__})"
            ) from None
        return _eight_bits(coloured, coloured.dtype.itemsize * _BYTE)


def renderer(dataset: Dataset, values: PixelValues) -> Renderer:
    """Return what draws the frames of an instance.

    Raises
    ------
    HeldForReview
        Its photometric interpretation is none that is drawn here.
    """
    samples = 3 if values.photometric in _COLOURS else 1
    known = values.photometric in _COLOURS | _GREYS | {_PALETTE}
    if not known or values.frames.shape[3] != samples:
        raise HeldForReview("the photometric interpretation of pixels is none that can be looked at")
    return Renderer(dataset, values.photometric, values.stored_bits, tuple(_windows(dataset)))


def _windows(dataset: Dataset) -> list[tuple[float, float]]:
    """Return lowest and highest stored values of the first windows (PS3.3 C.11.2.1.2)."""
    slope = (numbers(dataset, "RescaleSlope") or (1.0,))[0] or 1.0
    intercept = (numbers(dataset, "RescaleIntercept") or (0.0,))[0]
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    ends = (
        sorted(((centre + side * width / 2) - intercept) / slope for side in (-1, 1))
        for centre, width in zip(centres, widths, strict=False)
    )
    return [(low, high) for low, high in ends][:_MOST_WINDOWS]


def _within(grey: NDArray[Any], low: float, high: float) -> Picture:
    """Return grey values from lowest to highest as 8 bits."""
    share = (np.clip(grey.astype(np.float32), low, high) - low) / (high - low)
    return (share * _TOP).astype(np.uint8)


def _spread(grey: NDArray[Any]) -> Picture:
    """Return grey values by how many are lower: what differs by one level is told apart."""
    _, places, counts = np.unique(grey, return_inverse=True, return_counts=True)
    lower = np.cumsum(counts) - counts
    most = max(1, int(lower[-1]))
    return (lower * _TOP // most).astype(np.uint8)[places.reshape(grey.shape)]


def _eight_bits(samples: NDArray[Any], bits: int) -> Picture:
    """Return samples of so many bits as 8."""
    shifted = samples >> (bits - _BYTE) if bits > _BYTE else samples
    return np.ascontiguousarray(shifted).astype(np.uint8)
