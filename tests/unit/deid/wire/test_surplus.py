"""How much of Pixel Data is pixels (PS3.5 8.1.1)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.wire.surplus import (
    BITS_ALLOCATED,
    COLUMNS,
    FRAMES,
    PHOTOMETRIC_422,
    ROWS,
    SAMPLES,
    pixel_bytes,
    without_surplus,
)
from orthanc_plugins.errors import InvalidDicom

IMAGE = {ROWS: 3, COLUMNS: 5, BITS_ALLOCATED: 16}


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({}, 30),
        ({FRAMES: 4}, 120),
        ({SAMPLES: 3, BITS_ALLOCATED: 8}, 45),
        ({SAMPLES: 3, BITS_ALLOCATED: 8, PHOTOMETRIC_422: 1}, 30),
        ({BITS_ALLOCATED: 1}, 2),
        ({BITS_ALLOCATED: 1, FRAMES: 2}, 4),
        ({BITS_ALLOCATED: 12}, 23),
        ({FRAMES: 0}, 0),
    ],
)
def test_the_size_of_the_pixels_is_told_by_the_image(more: dict[int, int], size: int) -> None:
    assert pixel_bytes(IMAGE | more) == size


@pytest.mark.parametrize("missing", [ROWS, COLUMNS, BITS_ALLOCATED])
def test_pixels_of_unknown_size_are_refused(missing: int) -> None:
    numbers = {tag: number for tag, number in IMAGE.items() if tag != missing}
    assert pixel_bytes(numbers) is None
    assert without_surplus(memoryview(b""), numbers) is None
    with pytest.raises(InvalidDicom, match="rows, columns or bits"):
        without_surplus(memoryview(b"Doe^John"), numbers)


def test_what_follows_the_pixels_is_cut() -> None:
    assert without_surplus(memoryview(b"p" * 30 + b"Doe^John"), IMAGE) == b"p" * 30


@pytest.mark.parametrize("size", [0, 28, 30])
def test_pixels_that_are_whole_or_too_few_stay(size: int) -> None:
    assert without_surplus(memoryview(b"p" * size), IMAGE) is None


def test_the_byte_that_pads_is_zero() -> None:
    odd = {ROWS: 3, COLUMNS: 5, BITS_ALLOCATED: 8}
    assert without_surplus(memoryview(b"p" * 15 + b"\0"), odd) is None
    assert without_surplus(memoryview(b"p" * 15 + b"J"), odd) == b"p" * 15 + b"\0"
    assert without_surplus(memoryview(b"p" * 15), odd) == b"p" * 15 + b"\0"
