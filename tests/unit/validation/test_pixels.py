"""Pixels are the original's, but for the boxes that were masked."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from orthanc_plugins.validation import Box, Claims, check_study
from tests.unit.validation.studies import CODES, Study, mark

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = "(7FE0,0010)"


def told(study: Study, folder: Path) -> list[tuple[str, str]]:
    return [(one.location, one.text) for one in study.findings(folder) if one.check == "pixels"]


def _change(study: Study, row: int, column: int) -> None:
    """Change one pixel of the first image."""
    released = study.released["ct1"]
    pixels = np.frombuffer(released.PixelData, "<u2").reshape(16, 16).copy()
    pixels[row, column] ^= 1
    released.PixelData = pixels.tobytes()


def _claim_masked(study: Study, *boxes: Box) -> None:
    codes = CODES | {"113101"}
    uid = study.originals["ct1"].SOPInstanceUID
    study.claims = Claims(codes, "modified", pixels_cleaned=True, masked={uid: boxes})
    mark(study.released["ct1"], codes)


def test_a_changed_pixel_is_found(study: Study, tmp_path: Path) -> None:
    _change(study, 3, 4)
    assert told(study, tmp_path) == [(PIXELS, "frame 1 differs in 1 pixels that may not")]


def test_cleaning_alone_allows_no_difference(study: Study, tmp_path: Path) -> None:
    _change(study, 3, 4)
    _claim_masked(study)
    assert [text for _, text in told(study, tmp_path)] == ["frame 1 differs in 1 pixels that may not"]


@pytest.mark.parametrize(
    ("row", "column", "allowed"), [(2, 4, True), (3, 7, True), (4, 4, False), (2, 8, False), (1, 4, False)]
)
def test_masked_boxes_may_differ_and_nothing_beside_them(
    study: Study, tmp_path: Path, row: int, column: int, allowed: bool
) -> None:
    _change(study, row, column)
    _claim_masked(study, Box(top=2, left=4, bottom=4, right=8))
    assert study.check(tmp_path).passed is allowed


def test_boxes_of_one_image_are_not_those_of_another(study: Study, tmp_path: Path) -> None:
    _claim_masked(study, Box(0, 0, 16, 16))
    study.released["ct2"].PixelData = study.released["ct2"].PixelData[:-2] + b"\1\2"
    assert [text for _, text in told(study, tmp_path)] == ["frame 1 differs in 1 pixels that may not"]


def test_pixels_of_another_size_are_found(study: Study, tmp_path: Path) -> None:
    released = study.released["ct1"]
    released.Rows, released.PixelData = 15, released.PixelData[:-32]
    assert told(study, tmp_path) == [(PIXELS, "frame 1 has another size")]


def test_pixels_out_of_nowhere_are_found(study: Study, tmp_path: Path) -> None:
    study.released["rtstruct"].PixelData = b"ab"
    assert told(study, tmp_path) == [(PIXELS, "there are pixels that the original has not")]


def test_missing_pixels_are_found(study: Study, tmp_path: Path) -> None:
    del study.released["ct1"].PixelData
    found = [(one.check, one.location) for one in study.findings(tmp_path)]
    assert found == [("content", PIXELS)]


def test_pixels_that_cannot_be_decoded_are_an_error(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        side["ct1"].PixelData = encapsulate([b"no JPEG"])
    assert told(study, tmp_path) == [], "equal bytes need no decoder"
    study.released["ct1"].PixelData = encapsulate([b"no jpeg"])
    ((location, text),) = told(study, tmp_path)
    assert location == ""
    assert text.startswith("the check could not be made: ")


def test_a_codestream_may_be_written_otherwise(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].compress(RLELossless, generate_instance_uid=False)
    padded = study.released["ct1"].PixelData
    study.released["ct1"].PixelData = encapsulate([_frame(padded) + b"\0\0"])
    assert study.check(tmp_path).passed
    damaged = bytearray(_frame(padded))
    damaged[65] ^= 1
    study.released["ct1"].PixelData = encapsulate([bytes(damaged)])
    ((location, text),) = told(study, tmp_path)
    assert location == PIXELS
    assert text.startswith("frame 1 differs in ")


def _in_big_endian(content: bytes) -> bytes:
    """Return a file in Explicit VR Big Endian, with the same bytes of pixels."""
    one = dcmread(BytesIO(content))
    before = one.PixelData
    one.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    written = BytesIO()
    dcmwrite(written, one, implicit_vr=False, little_endian=False)
    assert dcmread(BytesIO(written.getvalue())).PixelData == before
    return written.getvalue()


def test_the_same_bytes_in_another_order_are_other_pixels(study: Study, tmp_path: Path) -> None:
    study.bytes_of["ct1"] = _in_big_endian
    ((place, text),) = told(study, tmp_path)
    assert place == PIXELS
    assert text.startswith("frame 1 differs in ")


@pytest.mark.parametrize("bit", [0, 4, 11])
def test_every_stored_bit_of_pixels_in_big_endian_order_is_compared(
    study: Study, tmp_path: Path, bit: int
) -> None:
    for side in (study.originals, study.released):
        side["ct1"].BitsStored, side["ct1"].HighBit = 12, 11
    pairs = study.write(tmp_path)
    changed = (np.frombuffer(study.released["ct1"].PixelData, "<u2") & 0x0FFF).astype(">u2")
    for path, flipped in ((pairs[0].original, 0), (pairs[0].released, 1 << bit)):
        changed[17] ^= flipped
        one = dcmread(path)
        one.PixelData = changed.tobytes()
        one.save_as(path)
        path.write_bytes(_in_big_endian(path.read_bytes()))
    found = [one.text for one in check_study(pairs, study.claims).findings if one.check == "pixels"]
    assert found == ["frame 1 differs in 1 pixels that may not"]


def test_a_decoder_that_panics_is_an_error(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].compress(RLELossless, generate_instance_uid=False)
    damaged = bytearray(_frame(study.released["ct1"].PixelData))
    damaged[70] ^= 1
    study.released["ct1"].PixelData = encapsulate([bytes(damaged)])
    ((_, text),) = told(study, tmp_path)
    assert text.startswith("the check could not be made: ")


def _frame(value: bytes) -> bytes:
    """Return the only fragment of an encapsulated value (PS3.5 A.4)."""
    table = int.from_bytes(value[4:8], "little")
    start = 8 + table + 8
    return value[start : start + int.from_bytes(value[start - 4 : start], "little")]


def _with_overlay(study: Study) -> None:
    """Put an overlay into bit 15 of pixels of 12 bits."""
    for side in (study.originals, study.released):
        one = side["ct1"]
        one.BitsStored, one.HighBit = 12, 11
        pixels = np.frombuffer(one.PixelData, "<u2") & 0x0FFF
        one.PixelData = (pixels | 0x8000).tobytes()
    study.originals["ct1"].add_new(0x60000100, "US", 16)
    study.originals["ct1"].add_new(0x60000102, "US", 15)


def test_an_overlay_that_is_left_in_bits_of_pixels_is_found(study: Study, tmp_path: Path) -> None:
    _with_overlay(study)
    assert told(study, tmp_path) == [(PIXELS, "an overlay is left in bits beside the stored ones")]


def test_bits_beside_the_stored_ones_may_be_cleared(study: Study, tmp_path: Path) -> None:
    _with_overlay(study)
    pixels = np.frombuffer(study.released["ct1"].PixelData, "<u2") & 0x0FFF
    study.released["ct1"].PixelData = pixels.tobytes()
    assert study.check(tmp_path).passed
