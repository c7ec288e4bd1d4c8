"""Our PNG files are read by others as what was drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from orthanc_plugins.rtstruct.drawing.png import png_bytes


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (512, 511)])
def test_colours_come_back(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png_bytes(Image.fromarray(drawn)))) as read:
        assert read.mode == "RGB"
        assert np.array_equal(np.asarray(read), drawn)


def test_a_palette_comes_back() -> None:
    picture = Image.new("P", (5, 4), 255)
    picture.putpalette([*(level for grey in range(255) for level in (grey,) * 3), 10, 20, 30])
    with Image.open(io.BytesIO(png_bytes(picture))) as read:
        assert read.mode == "P"
        assert read.convert("RGB").getpixel((4, 3)) == (10, 20, 30)


def test_facts_come_back_and_the_file_is_whole() -> None:
    content = png_bytes(Image.new("RGB", (3, 3)), {"legend-top-px": "12"})
    with Image.open(io.BytesIO(content)) as read:
        read.load()
        assert read.info["legend-top-px"] == "12"
    with Image.open(io.BytesIO(content)) as read:
        read.verify()


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture = Image.effect_noise((200, 100), 40).convert("RGB")
    assert png_bytes(picture) == png_bytes(picture.copy())
