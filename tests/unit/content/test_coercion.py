"""A difference is the archive's own doing only where its record proves it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders.objects import header, with_value, without
from tests.builders.writing import IMPLICIT, Element, Elements, Writing, part_10
from tests.unit.content.copies import compared, told

BEFORE = header()
CODE = (Element(0x00080100, "SH", "P1"),)


def recorded(after: Elements, *values: Element, reason: str = "COERCE", more: Elements = ()) -> Elements:
    """Return elements with a record of what some of them were before."""
    record = (
        Element(0x04000550, "SQ", (values,)),
        Element(0x04000562, "DT", "20261129120000"),
        Element(0x04000563, "LO", "DCM4CHEE"),
        Element(0x04000564, "LO", ""),
        Element(0x04000565, "CS", reason),
    )
    return (*after, *more, Element(0x04000561, "SQ", (record,)))


def test_a_value_whose_former_one_is_recorded_is_coerced() -> None:
    after = recorded(
        with_value(BEFORE, 0x00100010, "MUELLER^AENNE"), Element(0x00100010, "PN", "Müller^Änne")
    )
    found = compared(part_10(BEFORE), part_10(after, Writing(syntax=IMPLICIT, character_set="ISO_IR 100")))
    assert [(one.kind.value, one.tag) for one in found.differences] == [("coerced", "00100010")]
    assert found.differences[0].detail == (
        "DCM4CHEE's copy records that the value was changed to its own values, by DCM4CHEE, "
        "at 20261129120000; before, it was that of Orthanc's copy."
    )


def test_a_record_of_another_value_proves_nothing() -> None:
    after = recorded(with_value(BEFORE, 0x00100010, "MUELLER^AENNE"), Element(0x00100010, "PN", "Meier^Änne"))
    assert told(part_10(BEFORE), part_10(after)) == [("metadata", "00100010")]


def test_a_record_of_another_attribute_proves_nothing() -> None:
    after = recorded(with_value(BEFORE, 0x00100010, "MUELLER^AENNE"), Element(0x00100020, "LO", "ID-0042"))
    assert told(part_10(BEFORE), part_10(after)) == [("metadata", "00100010")]


def test_an_attribute_that_the_archive_added_is_coerced_where_it_is_recorded_as_empty() -> None:
    before = without(BEFORE, 0x00080050)
    with_record = recorded(BEFORE, Element(0x00080050, "SH", ""))
    assert told(part_10(before), part_10(with_record)) == [("coerced", "00080050")]
    unrecorded = recorded(BEFORE, Element(0x00100020, "LO", "X"))
    assert told(part_10(before), part_10(unrecorded)) == [("metadata", "00080050")]


def test_an_attribute_that_the_archive_removed_is_coerced_where_its_value_is_recorded() -> None:
    after = recorded(without(BEFORE, 0x00081030), Element(0x00081030, "LO", "Straße 7"))
    assert told(part_10(BEFORE), part_10(after)) == [("coerced", "00081030")]


def test_a_record_itself_is_no_difference() -> None:
    assert told(part_10(BEFORE), part_10(recorded(BEFORE, Element(0x00100020, "LO", "X")))) == []


def test_inside_a_sequence_the_whole_of_it_is_to_be_recorded() -> None:
    before = (*BEFORE, Element(0x00081032, "SQ", (CODE,)))
    after = (*BEFORE, Element(0x00081032, "SQ", ((Element(0x00080100, "SH", "P2"),),)))
    proven = recorded(after, Element(0x00081032, "SQ", (CODE,)))
    assert told(part_10(before), part_10(proven)) == [("coerced", "00081032[0].00080100")]
    other = recorded(after, Element(0x00081032, "SQ", (CODE, CODE)))
    assert told(part_10(before), part_10(other)) == [("metadata", "00081032[0].00080100")]


def test_a_private_element_is_told_by_its_creator_in_the_record_too() -> None:
    value = Element(0x00290001, "LO", "was", "VENDOR")
    before, after = (*BEFORE, value), (*BEFORE, replace(value, value="is"))
    assert told(part_10(before), part_10(recorded(after, value), Writing(first_block=0x40))) == [
        ("coerced", "0029[VENDOR]01")
    ]


def test_the_earlier_of_two_records_proves_too() -> None:
    second = (Element(0x04000550, "SQ", ((Element(0x00100020, "LO", "ID-1"),),)),)
    first = (Element(0x04000550, "SQ", ((Element(0x00100020, "LO", "ID-0042"),),)),)
    after = (*with_value(BEFORE, 0x00100020, "ID-2"), Element(0x04000561, "SQ", (second, first)))
    found = compared(part_10(BEFORE), part_10(after))
    assert found.differences[0].kind.value == "coerced"
    assert found.differences[0].detail == (
        "DCM4CHEE's copy records that the value was changed; before, it was that of Orthanc's copy."
    )


@pytest.mark.parametrize(("reason", "words"), [("CORRECT", " to correct it,"), ("OTHER", " (OTHER),")])
def test_the_reason_is_told(reason: str, words: str) -> None:
    after = recorded(
        with_value(BEFORE, 0x00100020, "ID-2"), Element(0x00100020, "LO", "ID-0042"), reason=reason
    )
    assert f"was changed{words}" in compared(part_10(BEFORE), part_10(after)).differences[0].detail


def test_pixels_are_never_coerced() -> None:
    before = (*BEFORE, Element(0x00420011, "OB", b"%PDF-1"))
    after = recorded((*BEFORE, Element(0x00420011, "OB", b"%PDF-2")), Element(0x00420011, "OB", b"%PDF-1"))
    assert told(part_10(before), part_10(after)) == [("pixel", "00420011")]
