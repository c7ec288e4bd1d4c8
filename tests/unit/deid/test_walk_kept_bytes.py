"""What needs no action is copied as bytes."""

from __future__ import annotations

import struct

import pytest

from orthanc_plugins.errors import InvalidDicom
from tests.builders.writing import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    Element,
    Elements,
    Writing,
    data_set,
    encapsulated,
    part_10,
)
from tests.unit.deid.objects import STRUCTURE_SET, base, deidentified, new_bytes, new_dataset, read

CONTOUR = "\\".join(f"{number / 7:.10g}" for number in range(900))
ODD_CONTOUR = "-0.0\\1E+2 \\ 3.14159265358979323846\\+.5\\0012.500"
NUMBERS: Elements = (
    Element(0x00180050, "DS", " 2.50 "),
    Element(0x00189087, "FD", struct.pack("<d", 0.1)),
    Element(0x00200032, "DS", "-1.50000\\2.e0\\3"),
    Element(0x00201041, "DS", "+0017.25"),
    Element(0x00280002, "US", b"\1\0"),
    Element(0x00280010, "US", b"\2\0"),
    Element(0x00280011, "US", b"\2\0"),
    Element(0x00280030, "DS", "0.9765625\\0.97656250"),
    Element(0x00280100, "US", b"\x10\0"),
    Element(0x00280106, "US", b"\1\0"),
    Element(0x00281050, "DS", "40"),
)
PIXELS = bytes(range(8))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_numbers_and_pixels_stay_byte_for_byte(syntax: str) -> None:
    writing = Writing(syntax, character_set="")
    made = new_bytes(part_10((*base(), *NUMBERS, Element(0x7FE00010, "OW", PIXELS)), writing), "basic")
    for element in (*NUMBERS, Element(0x7FE00010, "OW", PIXELS)):
        assert data_set((element,), writing) in made


def contour_set(writing: Writing) -> bytes:
    contours = tuple(
        (
            Element(0x30060042, "CS", "CLOSED_PLANAR"),
            Element(0x30060046, "IS", "300"),
            Element(0x30060050, "DS", text),
        )
        for text in (CONTOUR, ODD_CONTOUR)
    )
    region = (Element(0x30060040, "SQ", contours), Element(0x30060084, "IS", "1"))
    return part_10((*base(STRUCTURE_SET), Element(0x30060039, "SQ", (region,))), writing)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_points_of_contours_stay_byte_for_byte(syntax: str, open_lengths: bool) -> None:
    writing = Writing(syntax, open_lengths=open_lengths, character_set="")
    made = new_bytes(contour_set(writing))
    for text in (CONTOUR, ODD_CONTOUR):
        assert data_set((Element(0x30060050, "DS", text),), writing) in made


def test_what_is_kept_is_no_copy() -> None:
    data = contour_set(Writing(open_lengths=True))
    pieces = deidentified(data).pieces
    kept = [piece for piece in pieces if isinstance(piece, memoryview) and piece.obj is data]
    assert sum(map(len, kept)) > len(CONTOUR) + len(ODD_CONTOUR)


def test_a_codestream_without_comments_stays_byte_for_byte() -> None:
    value = encapsulated([b"\1\0\0\0 run lengths", b"of a second frame"], split=10)
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + value
    data = part_10((*base(), *NUMBERS[4:]), Writing("1.2.840.10008.1.2.5"))
    assert new_bytes(data + pixels).endswith(pixels)


def test_a_comment_in_a_codestream_goes() -> None:
    scan = b"\xff\xda\0\2entropy\xff\xd9"
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
    head = part_10((*base(), *NUMBERS[4:]), Writing("1.2.840.10008.1.2.4.50"))
    made = new_bytes(head + pixels + encapsulated([b"\xff\xd8\xff\xfe\0\x0aDoe^John" + scan]))
    assert b"Doe" not in made
    assert made.endswith(pixels + encapsulated([b"\xff\xd8" + scan]))


def test_pixels_written_as_text_are_refused() -> None:
    with pytest.raises(InvalidDicom, match="as text"):
        new_bytes(part_10((*base(), *NUMBERS[4:], Element(0x7FE00010, "LO", "Doe^John"))))


def test_bytes_behind_the_pixels_are_cut() -> None:
    image = (*NUMBERS[4:], Element(0x7FE00010, "OW", PIXELS + b"Doe^John"))
    made = new_bytes(part_10((*base(), *image)))
    assert b"Doe" not in made
    assert read(made).PixelData == PIXELS


@pytest.mark.parametrize(("frames", "kept"), [("2", 16), ("1", 8), ("", 8), ("x", 8), ("1" * 5000, 24)])
def test_the_number_of_frames_counts(frames: str, kept: int) -> None:
    image = (*NUMBERS[4:5], Element(0x00280008, "IS", frames), *NUMBERS[5:])
    made = new_bytes(part_10((*base(), *image, Element(0x7FE00010, "OW", bytes(range(24))))))
    assert made.endswith(struct.pack("<L", kept) + bytes(range(kept))) or len(frames) > 100


def test_binary_numbers_of_vr_un_stay() -> None:
    writing = Writing(unknown=frozenset({0x00280106}))
    made = new_bytes(part_10((*base(), Element(0x00280106, "US", b"\1\2")), writing))
    assert b"\x28\0\x06\1UN\0\0\2\0\0\0\1\2" in made


def test_pixels_inside_a_sequence_are_removed() -> None:
    image = (*NUMBERS[4:], Element(0x7FE00010, "OW", PIXELS))
    made = new_bytes(part_10((*base(), *image, Element(0x00081140, "SQ", (image,)))))
    assert made.count(PIXELS) == 1


@pytest.mark.parametrize(
    ("tag", "vr", "bits"), [(0x7FE00008, "OF", b"\x20\0"), (0x7FE00009, "OD", b"\x40\0")]
)
def test_bytes_behind_pixels_of_floating_point_are_cut(tag: int, vr: str, bits: bytes) -> None:
    size = 4 * bits[0] // 8
    image = (*NUMBERS[4:7], Element(0x00280100, "US", bits), Element(tag, vr, bytes(size) + b"Doe^John"))
    made = new_bytes(part_10((*base(), *image)))
    assert made.endswith(struct.pack("<L", size) + bytes(size))


def test_a_number_as_long_as_an_identifier_stays_only_where_it_repeats_none() -> None:
    made = new_dataset(
        (
            Element(0x00080050, "SH", "ACC-4815162"),
            Element(0x00200011, "IS", "4815162"),
            Element(0x00200012, "IS", "4815163"),
        )
    )
    assert (made.SeriesNumber, made.AcquisitionNumber) == (None, 4815163)
