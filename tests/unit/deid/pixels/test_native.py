"""Pixels are painted where they lie, in whatever way they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from orthanc_plugins.deid.pixels.boxes import Box
from orthanc_plugins.deid.pixels.masking import paint
from orthanc_plugins.deid.pixels.native import clear_spare_bits, values_of, with_values
from orthanc_plugins.errors import HeldForReview
from tests.unit.deid.pixels.pictures import instance

RNG = np.random.default_rng(3)
KINDS = pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((1, 6, 7), np.uint8, {}),
        ((3, 6, 8), np.uint16, {}),
        ((1, 6, 7), np.int16, {}),
        ((1, 6, 7), np.uint32, {}),
        ((2, 6, 7, 3), np.uint8, {"photometric": "RGB"}),
        ((2, 6, 7, 3), np.uint8, {"photometric": "RGB", "PlanarConfiguration": 1}),
        ((1, 6, 7, 3), np.uint8, {"photometric": "YBR_FULL"}),
    ],
)


def values(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    return RNG.integers(1, 120, shape).astype(dtype)


@KINDS
def test_only_the_pixels_of_a_box_change(shape: tuple[int, ...], dtype: Any, said: dict[str, Any]) -> None:
    before = values(shape, dtype)
    dataset = instance(before, **said)
    read = values_of(dataset)
    paint(read.frames, [Box(2, 1, 5, 4)], np.zeros(read.frames.shape[3]))
    with_values(dataset, read)
    after = values_of(dataset).frames.reshape(before.shape)
    expected = before.copy()
    expected[:, 1:4, 2:5] = 0
    assert np.array_equal(after, expected)


@KINDS
def test_what_is_not_painted_stays_byte_for_byte(
    shape: tuple[int, ...], dtype: Any, said: dict[str, Any]
) -> None:
    dataset = instance(values(shape, dtype), **said)
    content = dataset.PixelData
    with_values(dataset, values_of(dataset))
    assert dataset.PixelData == content


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize(("shape", "photometric"), [((2, 32, 34), "MONOCHROME2"), ((1, 32, 34, 3), "RGB")])
def test_compressed_pixels_are_uncompressed_with_their_values(
    syntax: str, shape: tuple[int, ...], photometric: str
) -> None:
    before = values(shape, np.uint8)
    dataset = instance(before, photometric=photometric)
    dataset.compress(syntax, generate_instance_uid=False)
    read = values_of(dataset)
    assert read.held is None
    with_values(dataset, read)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.PixelData == before.tobytes()
    assert dataset.PhotometricInterpretation == photometric


def test_pixels_that_cannot_be_decoded_are_held() -> None:
    dataset = instance(values((1, 6, 7), np.uint8))
    dataset.PixelData = dataset.PixelData[:10]
    with pytest.raises(HeldForReview, match="cannot be decoded"):
        values_of(dataset)


def test_bits_that_are_no_value_are_cleared() -> None:
    dataset = instance(np.array([[[0x0FFF, 0xF001], [5, 0x1000]]], np.uint16), BitsStored=12)
    read = values_of(dataset)
    assert clear_spare_bits(read)
    with_values(dataset, read)
    assert np.frombuffer(dataset.PixelData, "<u2").tolist() == [0x0FFF, 0x001, 5, 0]


def test_the_sign_of_a_value_is_no_spare_bit() -> None:
    read = values_of(instance(np.array([[[-1024, 2047], [-1, 0]]], np.int16), BitsStored=12))
    assert not clear_spare_bits(read)


@pytest.mark.parametrize(
    ("dtype", "vr"), [(np.uint8, "OB"), (np.uint8, "OW"), (np.uint16, "OW"), (np.int16, "OW")]
)
def test_big_endian_pixels_are_painted_in_their_own_order(dtype: Any, vr: str) -> None:
    before = values((2, 6, 8), dtype)
    dataset = instance(before)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    words = before.astype(before.dtype.newbyteorder(">")).tobytes()
    if before.itemsize == 1 and vr == "OW":
        words = np.frombuffer(words, "<u2").astype(">u2").tobytes()
    dataset.PixelData = words
    dataset["PixelData"].VR = vr
    read = values_of(dataset)
    assert np.array_equal(read.frames[..., 0], before)
    paint(read.frames, [Box(2, 1, 5, 4)], np.zeros(1))
    with_values(dataset, read)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    expected = before.copy()
    expected[:, 1:4, 2:5] = 0
    assert np.array_equal(values_of(dataset).frames[..., 0], expected)
    assert len(dataset.PixelData) == len(words)


def test_big_endian_pixels_whose_order_cannot_be_told_are_held() -> None:
    dataset = instance(values((1, 6, 8), np.uint32))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    with pytest.raises(HeldForReview, match=r"big endian order .* 8 or 16 bits"):
        values_of(dataset)
