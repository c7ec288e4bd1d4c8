"""One object in every way that the standard allows to write it: the same comes out."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest

from tests.builders.writing import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    UNCOMPRESSED,
    Element,
    Writing,
    part_10,
)
from tests.unit.deid.objects import PATIENT, SOP_UID, base, new_bytes, new_uid, read

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

REFERENCE = (Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", "1.2.9"))
SERIES = (
    Element(0x0008114A, "SQ", (REFERENCE, REFERENCE)),
    Element(0x00100010, "PN", "Secret^Inner"),
    Element(0x0020000E, "UI", "1.2.8"),
)
OBJECT = (
    *base(),
    Element(0x00080050, "SH", "ACC-SECRET"),
    Element(0x00080060, "CS", "CT"),
    Element(0x00081115, "SQ", (SERIES, ())),
    Element(0x00081140, "SQ", ()),
    Element(0x00100010, "PN", "Secret^Outer"),
    Element(0x00100020, "LO", "SECRET-1"),
    Element(0x00180050, "DS", "2.5"),
    Element(0x00190001, "SQ", ((Element(0x00100010, "PN", "Secret^Private"),),), "EXAMPLE SECRET"),
    Element(0x00280010, "US", b"\2\0"),
    Element(0x00280011, "US", b"\3\0"),
    Element(0x00280100, "US", b"\x10\0"),
    Element(0x7FE00010, "OW", bytes(range(12))),
)
OPEN = (False, True)
SECRETS = (b"secret", b"1.2.9\0", b"1.2.8\0", SOP_UID.encode() + b"\0")


def check(made: Dataset) -> None:
    """Compare what came out with what is expected of every writing of the object."""
    assert made.PatientName == made.PatientID == PATIENT
    assert made.Modality == "CT"
    assert made.SliceThickness == 2.5
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID == new_uid(SOP_UID)
    first, second = made.ReferencedSeriesSequence
    assert first.SeriesInstanceUID == new_uid("1.2.8")
    assert "PatientName" in first
    assert [item.ReferencedSOPInstanceUID for item in first.ReferencedInstanceSequence] == [
        new_uid("1.2.9")
    ] * 2
    assert not second
    assert len(made.ReferencedImageSequence) == 0
    assert not any(element.tag.is_private for element in made.iterall())
    assert (made.Rows, made.Columns) == (2, 3)
    assert not any(element.tag.element == 0 for element in made.iterall())


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
@pytest.mark.parametrize("open_lengths", OPEN)
@pytest.mark.parametrize("group_lengths", OPEN)
def test_every_writing_of_an_object_comes_out_the_same(
    syntax: str, open_lengths: bool, group_lengths: bool
) -> None:
    writing = Writing(syntax, open_lengths=open_lengths, group_lengths=group_lengths)
    data = new_bytes(part_10(OBJECT, writing))
    made = read(data)
    check(made)
    assert made.file_meta.TransferSyntaxUID == syntax
    assert len(data) % 2 == 0
    if syntax != DEFLATED:
        assert not any(secret in data.lower() for secret in SECRETS)
    order = -1 if syntax == BIG_ENDIAN else 1
    pixels = b"".join(bytes((at, at + 1))[::order] for at in range(0, 12, 2))
    assert made.PixelData == pixels


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("open_lengths", OPEN)
def test_a_sequence_of_vr_un_holds_implicit_items_and_is_walked(syntax: str, open_lengths: bool) -> None:
    unknown = frozenset({0x00081115, 0x00191001, 0x00100010})
    data = new_bytes(part_10(OBJECT, Writing(syntax, open_lengths=open_lengths, unknown=unknown)))
    assert b"secret" not in data.lower()
    assert data.count(new_uid("1.2.9").encode()) == 2
    if (
        syntax == EXPLICIT
    ):  # pydicom reads items in UN in the order of the file, and PS3.5 6.2.2 in little endian
        check(read(data))


def test_an_element_of_vr_un_gets_the_representation_of_the_dictionary() -> None:
    writing = Writing(unknown=frozenset({0x00100010}))
    assert b"\x10\0\x10\0PN" in new_bytes(part_10(OBJECT, writing))


@pytest.mark.parametrize("open_lengths", OPEN)
def test_lengths_fit_where_values_grew_and_shrank(open_lengths: bool) -> None:
    grown = tuple(
        (Element(0x00081155, "UI", f"1.{number}"), Element(0x00081030, "LO", "Secret " * number))
        for number in range(1, 9)
    )
    level = (Element(0x00081155, "UI", "1.5"),)
    for _ in range(5):
        level = (Element(0x00081115, "SQ", (level, *grown)), Element(0x00081155, "UI", "1.5"))  # type: ignore[assignment] # a longer tuple
    data = new_bytes(part_10((*base(), *level), Writing(open_lengths=open_lengths)))
    made, depth = read(data), 0
    while "ReferencedSeriesSequence" in made:
        uids = [item.ReferencedSOPInstanceUID for item in made.ReferencedSeriesSequence]
        assert uids == [new_uid("1.5"), *(new_uid(f"1.{number}") for number in range(1, 9))]
        made, depth = made.ReferencedSeriesSequence[0], depth + 1
    assert depth == 5
    assert new_bytes(data, "basic").count(b"SQ\0\0\xff\xff\xff\xff") == (5 if open_lengths else 0)


def test_trailing_padding_goes() -> None:
    data = new_bytes(part_10(OBJECT, Writing(trailing=64)))
    check(read(data))
    assert b"\xfc\xff\xfc\xff" not in data


def test_elements_out_of_order_lose_their_identities_all_the_same() -> None:
    elements = tuple(element for element in OBJECT if element.tag != 0x7FE00010)
    for seed in range(12):
        data = new_bytes(part_10(elements, Writing(shuffled=seed)))
        assert b"secret" not in data.lower()
        assert read(data).PatientName == PATIENT
        assert data.count(b"\x12\0\x62\0CS") == 1


def test_a_file_mapped_into_memory_comes_out_the_same(tmp_path: Path) -> None:
    data = part_10(OBJECT, Writing(IMPLICIT))
    path = tmp_path / "object.dcm"
    path.write_bytes(data)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        made = new_bytes(mapped)
    assert made == new_bytes(data)


@pytest.mark.parametrize("zeros", [8, 13, 512])
def test_zeros_after_the_data_set_are_left_out(zeros: int) -> None:
    data = part_10(OBJECT, Writing(EXPLICIT))
    assert new_bytes(data + bytes(zeros)) == new_bytes(data)
