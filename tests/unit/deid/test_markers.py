"""What an object says of its own de-identification (PS3.15 E.1.1 and E.3, PS3.3 C.12.1)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.markers import longitudinal, method_codes
from orthanc_plugins.deid.profile import Profile, load_profile
from orthanc_plugins.deid.standard import Option
from tests.builders.writing import EXPLICIT, UNCOMPRESSED, Element, Writing, data_set, part_10
from tests.unit.deid.objects import base, new_bytes, new_dataset, read, with_options

OLD = (
    Element(0x00120062, "CS", "NO"),
    Element(0x00120063, "LO", "another tool"),
    Element(0x0018A001, "SQ", ((Element(0x00080070, "LO", "Secret"),),)),
    Element(0x00280301, "CS", "NO"),
    Element(0x00280302, "CS", "NO"),
    Element(0x00280303, "CS", "UNMODIFIED"),
)
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
MARKS = (0x00120062, 0x00120063, 0x00120064, 0x0018A001, 0x00280303)


def code(value: str, scheme: str = "DCM", meaning: str = "Some Option") -> tuple[Element, ...]:
    return (
        Element(0x00080100, "SH", value),
        Element(0x00080102, "SH", scheme),
        Element(0x00080104, "LO", meaning),
    )


def tags(data: bytes) -> list[int]:
    """Return the tags at the top level of an explicit data set, in their order."""
    from orthanc_plugins.deid.wire import read_part10, skip_value  # noqa: PLC0415 - the walk is told apart

    file = read_part10(data)
    position, found = file.begin, []
    while position < len(data):
        head = file.encoding.header(data, position)
        found.append(head.tag)
        position = skip_value(data, head, file.encoding, len(data))
    return found


@pytest.mark.parametrize("old", [(), OLD])
@pytest.mark.parametrize(
    "more", [(), (Element(0x00280010, "US", b"\2\0"), Element(0x60000010, "US", b"\2\0"))]
)
def test_marks_stand_once_and_in_the_order_of_tags(
    old: tuple[Element, ...], more: tuple[Element, ...]
) -> None:
    found = tags(new_bytes(part_10((*base(), *old, *more))))
    assert found == sorted(set(found))
    assert set(MARKS) <= set(found)
    assert 0x00280301 not in found
    assert 0x00280302 not in found


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_marks_say_what_was_done(syntax: str) -> None:
    made = new_dataset(OLD, writing=Writing(syntax))
    profile = load_profile("research_rt")
    assert made.PatientIdentityRemoved == "YES"
    assert list(made.DeidentificationMethod) == [
        "Orthanc PACS Suite 1.2.3",
        "PS3.15 2026d Basic Profile, options of profile research_rt",
        f"policy {profile.digest[:32]}",
    ]
    assert all(len(value) <= 64 for value in made.DeidentificationMethod)
    codes = [
        (item.CodeValue, item.CodingSchemeDesignator) for item in made.DeidentificationMethodCodeSequence
    ]
    assert codes == [
        (value, "DCM") for value in ("113100", "113103", "113104", "113105", "113107", "113108", "113111")
    ]
    assert (
        made.DeidentificationMethodCodeSequence[0].CodeMeaning == "Basic Application Confidentiality Profile"
    )
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    (equipment,) = made.ContributingEquipmentSequence
    assert (equipment.Manufacturer, equipment.SoftwareVersions) == ("Orthanc PACS Suite", "1.2.3")
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109104"


@pytest.mark.parametrize(
    ("options", "codes", "dates"),
    [
        ((), ("113100",), "REMOVED"),
        ((Option.RETAIN_LONGITUDINAL_FULL_DATES,), ("113100", "113106"), "UNMODIFIED"),
        ((Option.RETAIN_LONGITUDINAL_MODIFIED_DATES,), ("113100", "113107"), "MODIFIED"),
        (
            (
                Option.RETAIN_UIDS,
                Option.RETAIN_DEVICE_IDENTITY,
                Option.RETAIN_INSTITUTION_IDENTITY,
                Option.RETAIN_SAFE_PRIVATE,
                Option.RETAIN_PATIENT_CHARACTERISTICS,
            ),
            ("113100", "113108", "113109", "113110", "113111", "113112"),
            "REMOVED",
        ),
        (
            (Option.CLEAN_DESCRIPTORS, Option.CLEAN_GRAPHICS, Option.CLEAN_STRUCTURED_CONTENT),
            ("113100", "113103", "113104", "113105"),
            "REMOVED",
        ),
    ],
)
def test_codes_are_those_of_the_options(
    options: tuple[Option, ...], codes: tuple[str, ...], dates: str
) -> None:
    profile = with_options(*options)
    assert method_codes(profile, pixels_cleaned=False) == codes
    assert longitudinal(profile) == dates
    assert method_codes(profile, pixels_cleaned=True) == tuple(sorted((*codes, "113101")))


def test_pixels_are_said_to_be_clean_only_where_they_were_cleaned() -> None:
    data = part_10((*base(), *OLD))
    made = new_bytes(data, pixels_cleaned=True)
    assert tags(made).count(0x00280301) == 1
    cleaned = read(made)
    assert cleaned.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in cleaned.DeidentificationMethodCodeSequence]
    left = read(new_bytes(data))
    assert "BurnedInAnnotation" not in left
    assert "113101" not in [item.CodeValue for item in left.DeidentificationMethodCodeSequence]


def test_codes_of_earlier_methods_stay_and_foreign_ones_go() -> None:
    earlier = (
        code("113106"),
        code("113100"),
        code("113101"),
        code("999999"),
        code("113109", "99SECRET"),
        code("SECRET", "99SECRET", "Doe"),
    )
    made = new_dataset((Element(0x00120064, "SQ", earlier),))
    values = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert values == [
        "113106", "113100", "113101", "113103", "113104", "113105", "113107", "113108", "113111",
    ]  # fmt: skip
    assert "Doe" not in str(made)
    assert "Some Option" not in str(made)


def test_marks_in_items_go() -> None:
    made = new_dataset((Element(0x00081115, "SQ", ((*OLD, Element(0x00120064, "SQ", (code("113100"),))),)),))
    assert len(made.ReferencedSeriesSequence[0]) == 0


def test_the_name_of_a_profile_fits_the_mark() -> None:
    profile = Profile(name="a" * 32, summary="for one test")
    made = new_dataset((), profile)
    assert all(len(value) <= 64 for value in made.DeidentificationMethod)


def test_preamble_and_file_meta_information_are_new() -> None:
    old = part_10(base(), Writing(EXPLICIT))
    source = data_set(
        (Element(0x00020016, "AE", "SECRET"), Element(0x00020102, "OB", b"SECRET")), Writing(character_set="")
    )
    at = 144 + int.from_bytes(old[140:144], "little")
    made = new_bytes(b"II*\0SECRET".ljust(128, b"S") + old[128:at] + source + old[at:])
    assert made[:132] == bytes(128) + b"DICM"
    assert b"SECRET" not in made
    assert len(read(made).file_meta) == 7


def test_a_document_that_was_replaced_shows_nothing() -> None:
    document = Element(0x00420011, "OB", b"%PDF-1.4 Doe")
    assert new_dataset((document,), sop_class_uid=PDF).BurnedInAnnotation == "NO"
    assert "BurnedInAnnotation" not in new_dataset(())
