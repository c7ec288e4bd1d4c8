"""Pixels: a lossless transcoding is told from a changed value, and damage from both."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import JPEG2000, JPEG2000Lossless, RLELossless

from orthanc_plugins.content import compare_files, instance_digest
from orthanc_plugins.content.frames import frames_of
from orthanc_plugins.errors import NoDecoder
from tests.builders.objects import PIXEL_DATA, image, us, with_value, without
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, UNCOMPRESSED, Element, Writing, encapsulated, part_10
from tests.unit.content.copies import alike, compared, dicom_file, told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.content.findings import Finding
    from tests.builders.writing import Elements

RECODED, PIXEL = [("transfer_syntax_only", "00020010")], [("pixel", "7FE00010")]
RNG = np.random.default_rng(7)


def pattern(*shape: int, dtype: Any = np.uint16, top: int = 4095) -> NDArray[Any]:
    """Return values that no shift, swap or cut leaves as they are."""
    low = -top if np.dtype(dtype).kind == "i" else 0
    return RNG.integers(low, top + 1, shape).astype(dtype)


def transcoded(content: bytes, syntax: str, **options: Any) -> bytes:
    """Return a file compressed by pydicom."""
    data_set = pydicom.dcmread(io.BytesIO(content))
    data_set.compress(syntax, generate_instance_uid=False, **options)
    out = io.BytesIO()
    data_set.save_as(out)
    return out.getvalue()


def only(left: bytes, right: bytes) -> Finding:
    found = compared(left, right)
    assert not found.incomplete
    assert len(found.differences) == 1
    return found.differences[0]


GREY = part_10(image(pattern(37, 33), stored=12))
SIGNED = part_10(image(pattern(36, 34, dtype=np.int16, top=2047), stored=12))
BYTES = part_10(image(pattern(35, 39, dtype=np.uint8, top=255)))
COLOUR = part_10(image(pattern(33, 37, 3, dtype=np.uint8, top=255), photometric="RGB"))
MULTI = part_10(image(pattern(5, 34, 33), frames=5))
KINDS = pytest.mark.parametrize(
    "content", [GREY, SIGNED, BYTES, COLOUR, MULTI], ids=["12 bits", "signed", "8 bits", "colour", "frames"]
)


@KINDS
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_a_lossless_transcoding_is_told_as_one(content: bytes, syntax: str) -> None:
    coded = transcoded(content, syntax)
    assert told(content, coded) == RECODED
    digests = [instance_digest(dicom_file(one), decode=True) for one in (content, coded)]
    assert digests[0].recoded_as(digests[1])


@KINDS
def test_a_transcoding_between_two_compressions_is_told_as_one(content: bytes) -> None:
    found = only(transcoded(content, RLELossless), transcoded(content, JPEG2000Lossless))
    assert (found.kind.value, found.left) == ("transfer_syntax_only", "RLE Lossless")
    assert found.right == "JPEG 2000 Image Compression (Lossless Only)"


@KINDS
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_one_value_that_changed_is_found_through_a_transcoding(content: bytes, syntax: str) -> None:
    data_set = pydicom.dcmread(io.BytesIO(content))
    middle = len(data_set.PixelData) // 2
    value = bytearray(data_set.PixelData)
    value[middle] ^= 1
    data_set.PixelData = bytes(value)
    out = io.BytesIO()
    data_set.save_as(out)
    assert told(content, transcoded(out.getvalue(), syntax)) == PIXEL


@KINDS
@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_pixels_say_the_same_in_every_uncompressed_writing(content: bytes, syntax: str) -> None:
    data_set = pydicom.dcmread(io.BytesIO(content))
    elements = elements_of(data_set)
    assert alike(part_10(elements), part_10(elements, Writing(syntax=syntax)))


def elements_of(data_set: pydicom.Dataset) -> Elements:
    """Return a flat data set of text and words as elements."""
    found = []
    for element in data_set:
        if element.tag == 0x00080005:
            continue
        text = element.VR in {"UI", "DA", "SH", "CS", "LO", "PN", "DS", "IS"}
        value = (
            str(element.value) if text else us(element.value) if element.VR == "US" else bytes(element.value)
        )
        found.append(Element(int(element.tag), element.VR, value))
    return tuple(found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5 * 12 * 10 - 1), st.integers(0, 15))
def test_any_bit_of_any_value_that_changed_is_found(place: int, bit: int) -> None:
    values = pattern(5, 12, 10, top=65535)
    other = values.copy()
    other.reshape(-1)[place] ^= 1 << bit
    found = only(
        part_10(image(values, frames=5)), part_10(image(other, frames=5), Writing(syntax=BIG_ENDIAN))
    )
    assert found.kind.value == "pixel"
    frame = place // 120 + 1
    assert found.detail == (
        f"1 of 600 values differ in 1 of 5 frames, first in frame {frame}: by up to {1 << bit:g}, "
        f"by {(1 << bit) / 600:.3g} on average over all."
    )


@pytest.mark.parametrize(("stored", "high_bit"), [(12, None), (12, 15), (10, 12)])
def test_bits_that_are_not_stored_are_no_value(stored: int, high_bit: int | None) -> None:
    shift = 0 if high_bit is None else high_bit + 1 - stored
    values = (pattern(6, 6, top=(1 << stored) - 1) << shift).astype(np.uint16)
    noise = pattern(6, 6, top=65535) & ~np.uint16(((1 << stored) - 1) << shift)
    clean, noisy = (part_10(image(one, stored=stored, high_bit=high_bit)) for one in (values, values | noise))
    assert alike(clean, noisy)
    changed = part_10(image(values ^ np.uint16(1 << shift), stored=stored, high_bit=high_bit))
    assert told(clean, changed) == PIXEL


def test_overlays_in_bits_that_are_not_stored_are_values() -> None:
    values = pattern(6, 6, top=4095)
    drawn = values | np.uint16(1 << 14)
    overlay = (Element(0x60000100, "US", us(16)), Element(0x60000102, "US", us(14)))
    plain, marked = (part_10(image(one, stored=12, extra=overlay)) for one in (values, drawn))
    assert told(plain, marked) == PIXEL


def test_samples_in_another_order_are_coding() -> None:
    values = pattern(5, 4, 3, dtype=np.uint8, top=255)
    one, other = (part_10(image(values, photometric="RGB", planar=planar)) for planar in (0, 1))
    assert told(one, other) == [("transfer_syntax_only", "7FE00010")]


def test_a_planar_configuration_that_is_only_said_to_be_another_differs() -> None:
    elements = image(pattern(5, 4, 3, dtype=np.uint8, top=255), photometric="RGB")
    other = with_value(elements, 0x00280006, us(1))
    assert told(part_10(elements), part_10(other)) == [("metadata", "00280006")]


@pytest.mark.parametrize(
    ("tag", "value"),
    [(0x00280004, "MONOCHROME1"), (0x00280010, us(13)), (0x00280101, us(10)), (0x00280103, us(1))],
    ids=["photometric", "rows", "bits stored", "signed"],
)
def test_equal_pixels_that_are_said_to_be_read_otherwise_differ_in_what_is_said(
    tag: int, value: str | bytes
) -> None:
    elements = image(pattern(17, 13), stored=12)
    found = compared(part_10(elements), part_10(with_value(elements, tag, value)))
    assert [(one.kind.value, one.tag) for one in found.differences] == [("metadata", f"{tag:08X}")]


def test_an_inverted_image_differs_also_when_it_is_compressed() -> None:
    elements = image(pattern(17, 13), stored=12)
    inverted = part_10(with_value(elements, 0x00280004, "MONOCHROME1"))
    found = told(part_10(elements), transcoded(inverted, RLELossless))
    assert found == [("metadata", "00280004"), *RECODED]


def test_colours_written_as_luminance_are_the_same_colours() -> None:
    luminance = np.full((8, 8, 3), (90, 128, 128), np.uint8)
    rgb = np.full((8, 8, 3), 90, np.uint8)
    one = part_10(image(luminance, photometric="YBR_FULL"))
    other = part_10(image(rgb, photometric="RGB"))
    found = only(one, other)
    assert (found.kind.value, found.detail) == (
        "transfer_syntax_only",
        "Colours are coded otherwise, and are the same when converted to RGB.",
    )
    brighter = part_10(image(rgb + np.uint8(9), photometric="RGB"))
    assert only(one, brighter).detail.startswith("192 of 192 values differ: by up to 9,")


def test_a_lossy_compression_is_told_with_how_far_values_are_apart() -> None:
    values = (np.add.outer(np.arange(64), np.arange(64)) * 30 + pattern(64, 64, top=50)).astype(np.uint16)
    content = part_10(image(values, stored=12, extra=(Element(0x00282110, "CS", "00"),)))
    lossy = transcoded(content, JPEG2000, j2k_cr=[20])
    found = compared(content, lossy.replace(b"(\0\x10!CS\2\x0000", b"(\0\x10!CS\2\x0001"))
    assert [(one.kind.value, one.tag) for one in found.differences] == [("metadata", "00282110"), *PIXEL]
    assert "values differ: by up to" in found.differences[1].detail
    assert "DCM4CHEE's is compressed with loss." in found.differences[1].detail


def test_frames_that_are_missing_are_told() -> None:
    values = pattern(5, 12, 10)
    found = compared(part_10(image(values, frames=5)), part_10(image(values[:4], frames=4)))
    assert [(one.kind.value, one.tag) for one in found.differences] == [("metadata", "00280008"), *PIXEL]
    assert found.differences[1].detail == "Orthanc's copy has 5 frames, DCM4CHEE's 4."


def test_images_of_another_size_are_told() -> None:
    found = compared(part_10(image(pattern(8, 6))), part_10(image(pattern(8, 7))))
    assert found.differences[-1].detail == (
        "Frames are of different shape: 8 × 6 in Orthanc's copy, 8 × 7 in DCM4CHEE's."  # noqa: RUF001
    )


def test_pixels_on_one_side_only_are_told() -> None:
    elements = image(pattern(4, 4))
    found = compared(part_10(elements), part_10(without(elements, PIXEL_DATA)))
    assert [(one.kind.value, one.tag, one.right) for one in found.differences] == [
        ("pixel", "7FE00010", None)
    ]
    assert found.differences[0].detail == "Only Orthanc's copy has pixels."


def test_pixels_without_a_value_are_none() -> None:
    elements = image(pattern(4, 4))
    assert alike(part_10(without(elements, PIXEL_DATA)), part_10(with_value(elements, PIXEL_DATA, b"")))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("cut", [40, 12])
def test_a_compressed_image_that_is_cut_short_is_found(syntax: str, cut: int) -> None:
    whole = transcoded(GREY, syntax)
    assert told(GREY, whole[:-cut]) == PIXEL


def test_an_image_that_is_cut_short_on_one_side_is_found() -> None:
    found = only(GREY, GREY[:-10])
    assert found.kind.value == "pixel"
    assert found.detail == (
        "The pixels of one copy cannot be decoded, those of the other can. "
        "DCM4CHEE's: of 2,442 bytes, 2,432 are there."
    )


def test_images_that_are_damaged_alike_are_the_same_bytes_and_it_is_said() -> None:
    found = compared(GREY[:-10], GREY[:-10])
    assert not found.differences
    assert not found.incomplete
    note = (
        "the pixels of both copies are the same bytes, and damaged: of 2,442 bytes of pixels that are "
        "announced, 2,432 are there."
    )
    assert found.notes == [note]
    digest = instance_digest(dicom_file(GREY[:-10]))
    assert not digest.same_as(digest), "it is to be looked at, so that it is said"


def test_images_that_are_damaged_in_different_ways_cannot_be_compared() -> None:
    found = compared(GREY[:-10], GREY[:-20])
    assert not found.differences
    reason = (
        "pixels differ in their bytes and cannot be decoded. Orthanc's: of 2,442 bytes, 2,432 are there; "
        "DCM4CHEE's: of 2,442 bytes, 2,422 are there."
    )
    assert found.incomplete == [reason]


def test_a_coding_that_nothing_decodes_is_compared_by_its_bytes() -> None:
    video = image(pattern(4, 4, dtype=np.uint8, top=255))
    writing = Writing(syntax="1.2.840.10008.1.2.4.100")

    def film(content: bytes) -> bytes:
        held = encapsulated([content])
        plain = part_10(without(video, PIXEL_DATA), writing)
        return plain + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + held

    assert alike(film(b"MPEG"), film(b"MPEG"))
    found = compared(film(b"MPEG"), film(b"MPG4"))
    assert found.incomplete[0].startswith(
        "pixels differ in their bytes and cannot be decoded. Orthanc's: nothing here"
    )
    with pytest.raises(NoDecoder):
        list(frames_of(read(film(b"MPEG")), writing.syntax))


def read(content: bytes) -> Any:
    from orthanc_plugins.content.encoding import read_object  # noqa: PLC0415 - it is shown by itself here

    return read_object(content).data_set


@pytest.mark.parametrize("change", [{"offsets": False}, {"split": 40}], ids=["without table", "in fragments"])
def test_frames_that_are_wrapped_otherwise_are_the_same(change: dict[str, Any]) -> None:
    coded = transcoded(MULTI, RLELossless)
    data_set = pydicom.dcmread(io.BytesIO(coded))
    frames = list(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=5))
    if "split" in change:
        data_set.NumberOfFrames, frames = 1, frames[:1]
    one, other = (wrapped(data_set, encapsulated(frames, **kind)) for kind in ({}, change))
    assert alike(one, other)


def wrapped(data_set: pydicom.Dataset, pixels: bytes) -> bytes:
    data_set.PixelData = pixels
    out = io.BytesIO()
    data_set.save_as(out)
    return out.getvalue()


def test_pixels_compressed_anew_in_the_same_way_are_coding() -> None:
    noise = part_10(image(pattern(32, 32), stored=16))
    one, other = (transcoded(noise, JPEG2000Lossless), transcoded(noise, JPEG2000Lossless))
    data_set = pydicom.dcmread(io.BytesIO(other))
    frame = next(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=1))
    comment = b"\xff\x64\0\x06\0\1hi"  # another comment marker of JPEG 2000 ahead of its first tile
    altered = frame.replace(b"\xff\x90", comment + b"\xff\x90", 1)
    found = only(one, wrapped(data_set, encapsulated([altered])))
    assert (found.kind.value, found.detail) == (
        "transfer_syntax_only",
        "The pixels were compressed anew in the same way: other bytes, and the same values.",
    )


def test_float_pixels_are_compared_bit_for_bit() -> None:
    values = np.array([[0.5, np.nan], [1e30, -0.0]], "<f4")
    base = without(image(pattern(2, 2)), PIXEL_DATA)

    def held(array: NDArray[Any]) -> bytes:
        return part_10((*base, Element(0x7FE00008, "OF", array.tobytes())))

    assert alike(held(values), held(values))
    other = values.copy()
    other[0, 0] = 0.75
    found = only(held(values), held(other))
    assert (found.kind.value, found.tag) == ("pixel", "7FE00008")
    assert found.detail.startswith("1 of 4 values differ: by up to 0.25,")


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_single_bits_are_compared(syntax: str) -> None:
    mask = RNG.integers(0, 2, (3, 5, 7)).astype(np.uint8)

    def segmentation(bits: NDArray[np.uint8], writing: Writing) -> bytes:
        elements = image(bits, frames=3)
        for tag, value in ((0x00280100, us(1)), (0x00280101, us(1)), (0x00280102, us(0))):
            elements = with_value(elements, tag, value)
        packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
        held = replace(elements[-1], value=packed)
        return part_10((*elements[:-1], held), writing)

    other = mask.copy()
    other[2, 4, 6] ^= 1
    assert alike(segmentation(mask, Writing()), segmentation(mask, Writing(syntax=syntax)))
    found = only(segmentation(mask, Writing()), segmentation(other, Writing(syntax=syntax)))
    assert "1 of 105 values differ in 1 of 3 frames, first in frame 3" in found.detail


def test_32_bit_values_are_pairs_of_words_in_big_endian_files() -> None:
    dose = image(pattern(3, 4, 4, dtype=np.uint32, top=2**31), frames=3)
    assert alike(part_10(dose), part_10(dose, Writing(syntax=BIG_ENDIAN)))


def test_icons_are_compared_by_their_values() -> None:
    def pictured(icon: NDArray[Any], coded: str = "") -> bytes:
        small = tuple(one for one in image(icon) if one.tag >> 16 in {0x0028, 0x7FE0})
        content = part_10(image(np.zeros((4, 4), np.uint8), extra=(Element(0x00880200, "SQ", (small,)),)))
        return transcoded(content, coded) if coded else content

    icon = pattern(4, 4, dtype=np.uint8, top=255)
    assert alike(pictured(icon), pictured(icon))
    assert told(pictured(icon), pictured(icon, RLELossless)) == RECODED
    assert told(pictured(icon), pictured(icon ^ np.uint8(1))) == [("pixel", "00880200[0].7FE00010")]


def test_values_that_need_more_bits_than_are_allocated_are_damage() -> None:
    wide = transcoded(part_10(image(pattern(40, 40), stored=16)), JPEG2000Lossless)
    narrow = wide
    for element, number in ((0, 8), (1, 8), (2, 7)):
        head = b"(\0" + bytes((element, 1)) + b"US\2\0"
        at = narrow.index(head) + len(head)
        narrow = narrow[:at] + us(number) + narrow[at + 2 :]
    found = compare_files(
        dicom_file(narrow), dicom_file(part_10(image(pattern(40, 40, dtype=np.uint8, top=255))))
    )
    assert "they decode to more bits than Bits Allocated has" in found.differences[-1].detail


def test_a_header_that_no_image_can_have_is_damage() -> None:
    elements = with_value(image(pattern(4, 4)), 0x00280101, us(40))
    other = with_value(elements, PIXEL_DATA, bytes(32))
    found = compared(part_10(elements), part_10(other))
    assert "no image can have its Rows" in found.incomplete[0]
