"""Elements that are written as something else than the dictionary says."""

from __future__ import annotations

import pytest

from tests.builders.writing import Element, Writing, part_10
from tests.unit.deid.objects import PATIENT, base, new_bytes, new_dataset, read

SECRET = b"Doe^John"


@pytest.mark.parametrize("vr", ["OB", "UN", "UT", "LT", "OW", "US", "SH", "UI", "DA"])
@pytest.mark.parametrize(
    "tag",
    [
        0x00100010,
        0x00100020,
        0x00080050,
        0x00080090,
        0x00081030,
        0x00100030,
        0x00101010,
        0x00081070,
        0x00204000,
        0x0040A123,
        0x00200052,
        0x00080020,
        0x00181000,
    ],
)
def test_an_identity_goes_whatever_it_is_written_as(tag: int, vr: str) -> None:
    made = new_bytes(part_10((*base(), Element(tag, vr, SECRET))))
    assert b"Doe" not in made
    read(made)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280010, "LO", "Doe^John"),  # Rows, US
        (0x00280030, "LO", "Doe^John"),  # Pixel Spacing, DS
        (0x00180050, "DS", "Doe^John"),
        (0x00200013, "IS", "Doe John"),
        (0x00080060, "CS", "Doe^John"),
        (0x00080060, "CS", "doe john"),
        (0x00081150, "UI", "1.2.Doe.John"),
        (0x00189073, "ST", "Doe^John"),  # Acquisition Duration, FD
        (0x00080016, "LO", "Doe^John"),
        (0x00185100, "OB", "Doe^John"),  # Patient Position, CS
        (0x00080070, "OB", "Doe^John"),  # Manufacturer, LO
    ],
)
def test_a_kept_value_that_is_not_what_it_should_be_goes(tag: int, vr: str, value: str) -> None:
    elements = tuple(element for element in base() if element.tag != tag)
    if tag == 0x00080016:
        elements = (*elements, base()[0])
    assert b"doe" not in new_bytes(part_10((*elements, Element(tag, vr, value)))).lower()


def test_what_falls_leaves_the_object_valid() -> None:
    made = new_dataset(
        (
            Element(0x00280010, "LO", "Secret"),
            Element(0x00280030, "DS", "Secret"),
            Element(0x00180050, "DS", "Secret"),
            Element(0x00080070, "OB", b"Secret"),
            Element(0x00081150, "UI", "1.2.Secret"),
        )
    )
    assert made["Rows"].VR == "US"
    assert made["ReferencedSOPClassUID"].value.startswith("2.25.")
    for keyword in ("PixelSpacing", "SliceThickness", "Manufacturer"):
        assert str(made.get(keyword, "")) in {"", "0.0", "0", "REMOVED", "None"}


def test_a_kept_text_may_be_written_as_another_text() -> None:
    made = new_dataset((Element(0x00080070, "SH", "Contoso"), Element(0x00180050, "LO", "2.5 ")))
    assert made.Manufacturer == "Contoso"
    assert str(made.SliceThickness).strip() == "2.5"


def test_a_kept_element_of_vr_un_stays_as_it_is() -> None:
    element = Element(0x00080070, "LO", "Contoso ")
    data = part_10((*base(), element), Writing(unknown=frozenset({0x00080070})))
    assert b"\x08\0\x70\0UN\0\0\x08\0\0\0Contoso " in new_bytes(data)


def test_a_replaced_value_gets_the_representation_of_the_dictionary() -> None:
    made = new_bytes(part_10((*base(), Element(0x00100010, "OB", SECRET))))
    assert b"\x10\0\x10\0PN\x0a\0" + PATIENT.encode() in made.replace(b"DEID-TEST ", b"DEID-TEST")


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00280010, "US"),  # Rows, one
        (0x00280106, "US"),  # Smallest Image Pixel Value, one of US or SS
        (0x00280106, "UN"),
        (0x00189073, "FD"),  # Acquisition Duration, one
        (0x00281101, "US"),  # Red Palette Color Lookup Table Descriptor, three
    ],
)
def test_more_binary_numbers_than_the_dictionary_allows_may_be_text_and_go(tag: int, vr: str) -> None:
    assert b"Doe" not in new_bytes(part_10((*base(), Element(tag, vr, b"Doe^John and others "))))


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280010, "US", b"\x40\1"),
        (0x00281101, "US", b"\0\1\0\0\x10\0"),
        (0x00700022, "FL", bytes(range(40))),
        (0x00189087, "FD", bytes(range(8))),
    ],
)
def test_as_many_binary_numbers_as_the_dictionary_allows_stay(tag: int, vr: str, value: bytes) -> None:
    assert value in new_bytes(part_10((*base(), Element(tag, vr, value))))
