"""Structured reports stay usable without saying who (PS3.15 E.3.4, Clean Structured Content)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, Element, Elements, Writing
from tests.unit.deid.objects import REPORT, new_dataset, new_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

OBSERVER = ("121008", "DCM", "Person Observer Name")
FINDING = ("121071", "DCM", "Finding")
COMMENT = ("121106", "DCM", "Comment")
ALGORITHM_VERSION = ("111003", "DCM", "Algorithm Version")


def code(tag: int, value: str, scheme: str, meaning: str) -> Element:
    item = (
        Element(0x00080100, "SH", value),
        Element(0x00080102, "SH", scheme),
        Element(0x00080104, "LO", meaning),
    )
    return Element(tag, "SQ", (item,))


def content(kind: str, concept: tuple[str, str, str], *more: Element) -> Elements:
    return (Element(0x0040A040, "CS", kind), code(0x0040A043, *concept), *more)


def report(*items: Elements, profile: str = "basic", writing: Writing | None = None) -> list[Dataset]:
    made = new_dataset((Element(0x0040A730, "SQ", items),), profile, sop_class_uid=REPORT, writing=writing)
    return list(made.ContentSequence)


@pytest.mark.parametrize("profile", ["basic", "research_rt", "longitudinal", "strict"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_measures_codes_and_references_stay(profile: str, syntax: str) -> None:
    measured = (
        Element(0x0040A30A, "DS", "42.50"),
        code(0x004008EA, "mm", "UCUM", "mm"),
    )
    number, found, place, image = report(
        content("NUM", ("410668003", "SCT", "Length"), Element(0x0040A300, "SQ", (measured,))),
        content("CODE", FINDING, code(0x0040A168, "39607008", "SCT", "Lung")),
        content(
            "SCOORD",
            ("111030", "DCM", "Image Region"),
            Element(0x00700022, "FL", bytes(range(16))),
            Element(0x00700023, "CS", "POLYLINE"),
        ),
        content(
            "IMAGE",
            ("121191", "DCM", "Referenced Segment"),
            Element(
                0x00081199,
                "SQ",
                (
                    (
                        Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
                        Element(0x00081155, "UI", "1.2.9"),
                    ),
                ),
            ),
        ),
        profile=profile,
        writing=Writing(syntax),
    )
    value = number.MeasuredValueSequence[0]
    assert str(value.NumericValue.original_string) == "42.50"
    assert value.MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert number.ConceptNameCodeSequence[0].CodeMeaning == "Length"
    assert found.ConceptCodeSequence[0].CodeMeaning == "Lung"
    assert len(place.GraphicData) == 4
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == new_uid("1.2.9")


def test_names_of_persons_and_prose_become_dummies() -> None:
    name, comment = report(
        content("PNAME", OBSERVER, Element(0x0040A123, "PN", "Lindqvist^Bo")),
        content("TEXT", COMMENT, Element(0x0040A160, "UT", "Mr Oberhuber was seen again")),
    )
    assert name.PersonName == "REMOVED"
    assert comment.TextValue == "REMOVED"


def test_a_text_of_a_technical_concept_stays() -> None:
    version, finding = report(
        content("TEXT", ALGORITHM_VERSION, Element(0x0040A160, "UT", "v2.1 beta")),
        content("TEXT", FINDING, Element(0x0040A160, "UT", "lung, Oberhuber")),
    )
    assert version.TextValue == "v2.1 beta"
    assert finding.TextValue == "lung"


def test_a_technical_text_that_repeats_the_staff_goes() -> None:
    version, _ = report(
        content("TEXT", ALGORITHM_VERSION, Element(0x0040A160, "UT", "Lindqvist 2.1")),
        content("PNAME", OBSERVER, Element(0x0040A123, "PN", "Lindqvist^Bo")),
    )
    assert version.TextValue == "REMOVED"


def test_a_text_of_no_concept_and_of_a_concept_behind_it_goes() -> None:
    (none,) = report((Element(0x0040A160, "UT", "v2.1"),))
    assert none.TextValue == "REMOVED"
    late = content("TEXT", ALGORITHM_VERSION, Element(0x0040A160, "UT", "v2.1"))
    first, second = report(late, (Element(0x0040A160, "UT", "v2.1"),))
    assert (first.TextValue, second.TextValue) == ("v2.1", "REMOVED")


def test_dates_and_uids_of_items_go_by_the_options() -> None:
    items = (
        content("DATE", ("111060", "DCM", "Study Date"), Element(0x0040A121, "DA", "20240305")),
        content("UIDREF", ("110180", "DCM", "Study Instance UID"), Element(0x0040A124, "UI", "1.2.9")),
    )
    day, uid = report(*items, profile="longitudinal")
    assert day.Date == "20230110"
    assert new_uid("1.2.9") == uid.UID
    day, _ = report(*items, profile="basic")
    assert day.Date == "19000101"


@pytest.mark.parametrize(
    ("value", "scheme", "meaning", "expected"),
    [
        ("39607008", "SCT", "Lung", "Lung"),
        ("39607008", "SCT", "Lung of Oberhuber", "Lung structure"),
        ("uV", "UCUM", "microvolt", "uV"),
        ("X1", "99SITE", "thorax", "thorax"),
        ("X1", "99SITE", "Oberhuber", "X1"),
        ("778812345", "99SITE", "Oberhuber", None),
    ],
)
def test_the_meaning_of_a_code_is_the_standards_or_made_of_known_words(
    value: str, scheme: str, meaning: str, expected: str | None
) -> None:
    (found,) = report(content("CODE", FINDING, code(0x0040A168, value, scheme, meaning)))
    told = found.ConceptCodeSequence[0].get("CodeMeaning")
    assert told == expected or (expected is None and told in {None, "", "REMOVED"})


def test_a_dummy_of_a_sequence_of_codes_is_a_code_that_says_nothing() -> None:
    made = new_dataset((code(0x00401101, "S1", "99SITE", "Oberhuber"),), "basic", sop_class_uid=REPORT)
    for item in made.get("PersonIdentificationCodeSequence") or ():
        assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == (
            "REMOVED",
            "99PACSSUITE",
            "Removed",
        )


@pytest.mark.parametrize("concept", [("121031", "DCM", "Subject Birth Date"), ("G1", "99A", "geboren")])
def test_a_birth_date_in_a_report_does_not_move_with_the_patients_dates(
    concept: tuple[str, str, str],
) -> None:
    dates = Element(0x0040A121, "DA", "19510317"), Element(0x0040A121, "DA", "20240305")
    items = (content("DATE", concept, dates[0]), content("DATE", FINDING, dates[1]))
    more = Element(0x00100030, "DA", "19510317"), Element(0x0040A730, "SQ", items)
    made = new_dataset(more, "research_rt", sop_class_uid=REPORT)
    assert [item.get("Date") for item in made.ContentSequence] == ["19000101", "20230110"]


def subject_age(number: str, unit: str, profile: str, *more: Element, syntax: str = EXPLICIT) -> Dataset:
    """Return what becomes of an age, the item of the report."""
    measured = (code(0x004008EA, unit, "UCUM", "of somebody"), Element(0x0040A30A, "DS", number), *more)
    age = content("NUM", ("121033", "DCM", "Subject Age"), Element(0x0040A300, "SQ", (measured,)))
    (made,) = report(age, profile=profile, writing=Writing(syntax))
    return made


@pytest.mark.parametrize("profile", ["basic", "strict"])
def test_the_age_of_the_subject_in_a_report_is_emptied_where_patients_age_goes(profile: str) -> None:
    assert list(subject_age("68", "a", profile).MeasuredValueSequence) == []


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize(
    ("number", "unit", "kept"),
    [
        ("68", "a", "68"),
        ("89.5", "a", "89.5"),
        ("90", "a", "90"),
        ("104", "a", "90"),
        ("18", "mo", "18"),
        ("1200", "mo", "1080"),
        ("4700", "wk", "4696"),
        ("6", "wk", "6"),
        ("40000", "d", "32873"),
        ("3", "d", "3"),
        ("12", "h", "12"),
    ],
)
def test_the_age_of_the_subject_in_a_report_stays_where_patients_age_does_but_not_above_89_years(
    number: str, unit: str, kept: str, syntax: str
) -> None:
    floating = Element(0x0040A161, "FD", bytes(8))
    (value,) = subject_age(number, unit, "research_rt", floating, syntax=syntax).MeasuredValueSequence
    assert str(value.NumericValue) == kept
    (of_unit,) = value.MeasurementUnitsCodeSequence
    assert (of_unit.CodeValue, of_unit.CodingSchemeDesignator) == (unit, "UCUM")
    assert of_unit.CodeMeaning in {"year", "month", "week", "day", "hour"}
    assert "FloatingPointValue" not in value


@pytest.mark.parametrize(
    ("number", "unit"), [("68", "kg"), ("sixty", "a"), ("-3", "a"), ("1e9", "a"), ("6\\7", "a"), ("", "a")]
)
def test_what_is_no_age_in_a_unit_of_time_is_emptied(number: str, unit: str) -> None:
    assert list(subject_age(number, unit, "research_rt").MeasuredValueSequence) == []


def test_a_second_value_in_a_code_goes_though_the_first_may_stay() -> None:
    two = Element(
        0x0040A168,
        "SQ",
        (
            (
                Element(0x00080100, "SH", "39607008"),
                Element(0x00080102, "SH", "SCT"),
                Element(0x00080104, "LO", "Lung"),
                Element(0x00080119, "UC", "Brosia's lung"),
            ),
        ),
    )
    (made,) = report(content("CODE", FINDING, two))
    (found,) = made.ConceptCodeSequence
    assert found.CodeValue == "39607008"
    assert "Brosia" not in str(found.get("LongCodeValue"))


def test_a_uid_of_a_houses_own_codes_is_replaced_and_that_of_a_standards_stays() -> None:
    items = tuple(
        (Element(0x00080102, "SH", scheme), Element(0x0008010C, "UI", uid))
        for scheme, uid in (("99A", "2.16.840.1.113883.3.4815"), ("DCM", "1.2.840.10008.2.16.4"))
    )
    made = new_dataset((Element(0x00080110, "SQ", items),), "basic", sop_class_uid=REPORT)
    own, public = (item.CodingSchemeUID for item in made.CodingSchemeIdentificationSequence)
    assert (own, public) == (new_uid("2.16.840.1.113883.3.4815"), "1.2.840.10008.2.16.4")


def test_a_scheme_stays_that_is_a_standards_or_named_as_a_sites_and_a_name_does_not() -> None:
    schemes = ("SCT", "99ACME", "L", "Brosias", "99BROSIA")
    codes = tuple(content("CODE", FINDING, code(0x0040A168, "LU1", scheme, "Lung")) for scheme in schemes)
    more = Element(0x00080090, "PN", "Brosia^A"), Element(0x0040A730, "SQ", codes)
    made = new_dataset(more, "basic", sop_class_uid=REPORT)
    found = [item.ConceptCodeSequence[0].CodingSchemeDesignator for item in made.ContentSequence]
    assert found == ["SCT", "99ACME", "L", "REMOVED", "REMOVED"]
