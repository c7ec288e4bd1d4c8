"""X, Z, D and their combinations (PS3.15 E.1.1 and Table E.1-1a)."""

from __future__ import annotations

import struct

import pytest

from orthanc_plugins.deid.actions import ByType
from orthanc_plugins.deid.actions.dummies import dummy_value
from orthanc_plugins.deid.job import Job
from orthanc_plugins.deid.rules import Fate, Kind, Place, Rule, fate
from orthanc_plugins.deid.wire import EXPLICIT_LITTLE
from tests.builders.writing import BIG_ENDIAN, Element, Writing
from tests.unit.deid.objects import (
    CT,
    PATIENT,
    PLAN,
    PSEUDONYMS,
    REPORT,
    STRUCTURE_SET,
    new_dataset,
    new_uid,
    with_options,
)

BASIC = with_options()
UNKNOWN_CLASS = "1.2.3.4.5.6"
ACCESSION, STATION, OPERATORS, CONTENT_DATE = 0x00080050, 0x00081010, 0x00081070, 0x00080023


@pytest.mark.parametrize(
    ("letter", "of_type"),
    [
        ("X/Z/D", (Fate.REPLACED, Fate.EMPTIED, Fate.REMOVED)),
        ("X/Z", (Fate.EMPTIED, Fate.EMPTIED, Fate.REMOVED)),
        ("X/D", (Fate.REPLACED, Fate.REPLACED, Fate.REMOVED)),
        ("Z/D", (Fate.REPLACED, Fate.EMPTIED, Fate.EMPTIED)),
        ("X/Z/U*", (Fate.WALKED, Fate.WALKED, Fate.WALKED)),
        ("X", (Fate.REPLACED, Fate.EMPTIED, Fate.REMOVED)),
        ("Z", (Fate.EMPTIED, Fate.EMPTIED, Fate.EMPTIED)),
        ("D", (Fate.REPLACED, Fate.REPLACED, Fate.REPLACED)),
    ],
)
def test_an_action_is_settled_by_the_type(letter: str, of_type: tuple[Fate, Fate, Fate]) -> None:
    type_1, type_2, type_3 = (REPORT, CONTENT_DATE), (CT, ACCESSION), (CT, STATION)
    assert tuple(fate(letter, where, (), tag) for where, tag in (type_1, type_2, type_3)) == of_type


def test_of_an_unknown_type_the_object_stays_valid() -> None:
    assert fate("X/Z/D", UNKNOWN_CLASS, (), ACCESSION) is Fate.REPLACED
    assert fate("X/Z", UNKNOWN_CLASS, (), ACCESSION) is Fate.EMPTIED
    assert fate("X", UNKNOWN_CLASS, (), ACCESSION) is Fate.REMOVED


def test_what_is_private_is_of_type_3() -> None:
    assert fate("X/Z/D", CT, (), 0x00191001) is Fate.REMOVED


@pytest.mark.parametrize(
    ("sop_class_uid", "expected"), [(CT, None), (STRUCTURE_SET, ""), (UNKNOWN_CLASS, "REMOVED")]
)
def test_operators_go_as_the_object_allows(sop_class_uid: str, expected: str | None) -> None:
    made = new_dataset((Element(OPERATORS, "PN", "Secret^A"),), BASIC, sop_class_uid=sop_class_uid)
    assert ("OperatorsName" in made) == (expected is not None)
    assert made.get("OperatorsName") == expected


def test_each_letter_does_what_the_table_says() -> None:
    made = new_dataset(
        (
            Element(0x00080023, "DA", "20240305"),  # Z/D, Type 2C
            Element(0x00080050, "SH", "SECRET"),  # Z
            Element(0x00080080, "LO", "Secret"),  # X/Z/D, Type 3
            Element(0x00081030, "LO", "Secret"),  # X
            Element(0x00100010, "PN", "Secret"),
            Element(0x00100020, "LO", "Secret"),
            Element(0x00100030, "DA", "19590312"),  # Z
            Element(0x00100040, "CS", "F"),  # Z
            Element(0x00101010, "AS", "064Y"),  # X
            Element(0x00200010, "SH", "SECRET"),  # Z
            Element(0x00200052, "UI", "1.2.9"),  # U
            Element(0x0040A123, "PN", "Secret^B"),  # D
            Element(0x0040A121, "DA", "20240305"),  # D
            Element(0x0040A120, "DT", "20240305101500"),  # D
            Element(0x0040A122, "TM", "101500"),  # D
            Element(0x0040A124, "UI", "1.2.9"),  # U
        ),
        BASIC,
    )
    emptied = (
        "ContentDate", "AccessionNumber", "PatientBirthDate", "PatientSex", "StudyID",
    )  # fmt: skip
    assert [made[keyword].value for keyword in emptied] == [""] * 5
    for keyword in ("InstitutionName", "StudyDescription", "PatientAge"):
        assert keyword not in made
    assert made.PatientName == made.PatientID == PATIENT
    assert made.FrameOfReferenceUID == made.UID == new_uid("1.2.9")
    assert made.PersonName == "REMOVED"
    assert (made.Date, made.DateTime, made.Time) == ("19000101", "19000101000000", "000000")


def test_what_is_empty_stays_empty() -> None:
    made = new_dataset(
        (
            Element(0x00080050, "SH", ""),
            Element(0x00200052, "UI", ""),
            Element(0x0040A123, "PN", ""),
            Element(0x0040A121, "DA", ""),
        )
    )
    assert [made[keyword].value for keyword in ("AccessionNumber", "PersonName", "Date")] == [""] * 3
    assert not made.FrameOfReferenceUID


def test_a_value_of_padding_alone_counts_as_empty_or_is_replaced() -> None:
    made = new_dataset((Element(0x00200052, "UI", b"\0\0"), Element(0x00080020, "DA", b"        ")))
    assert not made.FrameOfReferenceUID
    assert not made.StudyDate


@pytest.mark.parametrize(
    ("vr", "expected"),
    [
        (b"AS", b"000D"),
        (b"CS", b"REMOVED "),
        (b"DA", b"19000101"),
        (b"DS", b"0 "),
        (b"DT", b"19000101000000"),
        (b"FD", bytes(8)),
        (b"IS", b"0 "),
        (b"LO", b"REMOVED "),
        (b"OB", bytes(8)),
        (b"PN", b"REMOVED "),
        (b"TM", b"000000"),
        (b"UR", b"urn:removed "),
        (b"US", bytes(2)),
        (b"UN", bytes(8)),
    ],
)
def test_dummies_are_legal_and_say_nothing(vr: bytes, expected: bytes) -> None:
    job = Job(PSEUDONYMS, PATIENT, -420, lambda _: False, lambda _: False)
    assert dummy_value(vr, b"Secret", job) == expected
    assert len(expected) % 2 == 0


def test_the_dummy_of_a_uid_is_the_projects_own() -> None:
    job = Job(PSEUDONYMS, PATIENT, -420, lambda _: False, lambda _: False)
    assert dummy_value(b"UI", b"1.2.9\0", job).rstrip(b"\0").decode() == new_uid("1.2.9")


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", BIG_ENDIAN])
def test_dummies_fit_every_encoding(syntax: str) -> None:
    made = new_dataset(
        (Element(0x0040A123, "PN", "Secret"), Element(0x00280010, "US", struct.pack("<H", 513))),
        BASIC,
        writing=Writing(syntax),
    )
    assert made.PersonName == "REMOVED"
    assert made.Rows == 513


def test_sequences_are_removed_emptied_replaced_or_walked() -> None:
    code = (
        Element(0x00080100, "SH", "S1"),
        Element(0x00080102, "SH", "99S"),
        Element(0x00080104, "LO", "Secret"),
    )
    reference = ((Element(0x00081155, "UI", "1.2.9"),),)
    elements = (
        Element(0x00081110, "SQ", reference),  # X/Z
        Element(0x00081140, "SQ", reference),  # X/Z/U*
        Element(0x00082112, "SQ", reference),  # X/Z/U*
        Element(0x00400275, "SQ", (code,)),  # X
        Element(0x300C0060, "SQ", reference),
    )
    made = new_dataset(elements, BASIC, sop_class_uid=PLAN)
    assert not made.get("ReferencedStudySequence")
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == new_uid("1.2.9")
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == new_uid("1.2.9")
    assert "RequestAttributesSequence" not in made
    assert made.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == new_uid("1.2.9")


@pytest.mark.parametrize(
    ("letter", "vr", "expected"),
    [
        ("X", b"SQ", Fate.REMOVED),  # nobody can say what a dummy would hold
        ("X", b"DA", Fate.REPLACED),
        ("D", b"SQ", Fate.REPLACED),
        ("X/D", b"SQ", Fate.REPLACED),
    ],
)
def test_a_sequence_that_may_not_go_is_removed_under_x_alone(letter: str, vr: bytes, expected: Fate) -> None:
    rule = Rule(CONTENT_DATE, Kind.ACTED, vr, frozenset({vr}), letter)
    job = Job(PSEUDONYMS, PATIENT, 0, lambda _: False, lambda _: False, sop_class_uid=REPORT)
    assert ByType(letter).fate(rule, Place(EXPLICIT_LITTLE), job) is expected
