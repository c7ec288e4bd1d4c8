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
    from collections.abc import Iterator

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
_LARGEST_TABLE = 1 << 16
"""Values told apart by a table; of floats and words of 32 bits there may be more."""
_BAND = 64
"""Rows that are drawn at once."""
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
        different: list[Picture] = []
        for picture in drawn:
            if picture.size and not any(np.array_equal(picture, one) for one in different):
                different.append(picture)
        return tuple(picture for picture in different if picture.min() != picture.max())

    def shown(self, frame: NDArray[Any]) -> Picture:
        """Return a frame as a person looks at it: greys in their full range, colours as they are."""
        if self.photometric == _PALETTE:
            return self._by_palette(frame[..., 0])
        if frame.shape[2] > 1:
            return self._colours(frame)[0]
        grey = np.nan_to_num(frame[..., 0])
        low, high = float(grey.min()), float(grey.max())
        drawn = _within(grey, low, high) if low < high else np.zeros(grey.shape, np.uint8)
        return _in_three(_TOP - drawn if self.photometric == "MONOCHROME1" else drawn)

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
        return tuple(_in_three(_TOP - one if turned else one) for one in drawn)

    def _colours(self, frame: NDArray[Any]) -> tuple[Picture, ...]:
        """Return a frame in its colours, and its brightness with its levels spread."""
        coloured = _eight_bits(frame, self.stored_bits)
        if self.photometric == "YBR_FULL":
            coloured = np.asarray(convert_color_space(coloured, "YBR_FULL", "RGB"), np.uint8)
        return coloured, _in_three(_spread(coloured.sum(axis=2, dtype=np.uint16)))

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


def _in_three(grey: NDArray[np.uint8]) -> Picture:
    """Return a grey picture as red, green and blue, which are the same memory."""
    return np.broadcast_to(grey[..., np.newaxis], (*grey.shape, 3))


def _within(grey: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return grey values from lowest to highest as 8 bits."""

    def shown(values: NDArray[Any]) -> NDArray[np.uint8]:
        share = (np.clip(values.astype(np.float32), low, high) - low) / (high - low)
        return (share * _TOP).astype(np.uint8)

    if not _has_few_values(grey):
        return shown(grey)
    lowest = int(grey.min())
    return _looked_up(grey, lowest, shown(np.arange(lowest, int(grey.max()) + 1)))


def _spread(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey values by how many are lower: what differs by one level is told apart."""
    if not _has_few_values(grey):
        _, places, counts = np.unique(grey, return_inverse=True, return_counts=True)
        return _ranked(counts)[places.reshape(grey.shape)]
    lowest, counts = int(grey.min()), np.zeros(1 + int(grey.max()) - int(grey.min()), np.int64)
    for band in _bands(grey):
        counts += np.bincount(_places(band, lowest).ravel(), minlength=len(counts))
    return _looked_up(grey, lowest, _ranked(counts))


def _ranked(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return for each value, of which there are so many, how many are lower, as 8 bits."""
    lower = np.cumsum(counts) - counts
    return (lower * _TOP // max(1, int(lower[-1]))).astype(np.uint8)


def _has_few_values(grey: NDArray[Any]) -> bool:
    """Return whether values are whole numbers of a range that a table can have."""
    return grey.dtype.kind in "iu" and int(grey.max()) - int(grey.min()) < _LARGEST_TABLE


def _looked_up(grey: NDArray[Any], lowest: int, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what a table, whose first entry is of the lowest value, has for each value."""
    found = np.empty(grey.shape, np.uint8)
    for band, target in zip(_bands(grey), _bands(found), strict=True):
        target[...] = table[_places(band, lowest)]
    return found


def _places(band: NDArray[Any], lowest: int) -> NDArray[np.int64]:
    return band.astype(np.int64) - lowest


def _bands(picture: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield some rows after others, so that what is made of them takes little memory."""
    return (picture[top : top + _BAND] for top in range(0, len(picture), _BAND))


def _eight_bits(samples: NDArray[Any], bits: int) -> Picture:
    """Return samples of so many bits as 8."""
    shifted = samples >> (bits - _BYTE) if bits > _BYTE else samples
    return np.ascontiguousarray(shifted).astype(np.uint8)
