"""Pixel Data that is longer than the pixels are (PS3.5 8.1.1): what follows them is none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLES, PHOTOMETRIC_422, FRAMES, ROWS, COLUMNS, BITS_ALLOCATED = (
    0x00280002,
    0x00280004,
    0x00280008,
    0x00280010,
    0x00280011,
    0x00280100,
)
"""Under the tag of Photometric Interpretation stands 1 for YBR_FULL_422, whose chrominance is halved."""


def pixel_bytes(numbers: Mapping[int, int]) -> int | None:
    """Return how many bytes native pixels take, without padding; None when the image does not tell.

    Parameters
    ----------
    numbers
        The Image Pixel Module's numbers by tag; what is missing counts as 1, but rows, columns and bits.
    """
    if not {ROWS, COLUMNS, BITS_ALLOCATED} <= numbers.keys():
        return None
    bits = numbers[ROWS] * numbers[COLUMNS] * numbers.get(FRAMES, 1) * numbers[BITS_ALLOCATED]
    samples = 2 if numbers.get(PHOTOMETRIC_422) else numbers.get(SAMPLES, 1)
    return (bits * samples + 7) // 8


def without_surplus(value: memoryview, numbers: Mapping[int, int]) -> bytes | None:
    """Return native pixel data without what follows the pixels, of even length; None if nothing does.

    Raises
    ------
    InvalidDicom
        The image does not tell how much of the value is pixels.
    """
    size = pixel_bytes(numbers)
    if size is None and len(value):
        raise InvalidDicom("Pixels stand there before or without their rows, columns or bits allocated.")
    if size is None or len(value) < size:
        return None  # what is too short holds nothing else
    padding = size % 2
    if len(value) == size + padding and (not padding or value[size] == 0):
        return None
    return bytes(value[:size]) + b"\0" * padding
