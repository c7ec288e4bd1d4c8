"""Numbers, codes, geometry and the trees of reports stay; what is changed or lost is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from orthanc_plugins.validation import Claims
from tests.builders.structure_set import set_contour_data
from tests.unit.validation.studies import CODES, PR, SR, Study, code, de_identified, mark

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "a number was changed"
CODE = "a code was changed"
TERM = "a term was changed"
ITEMS = "it has another number of items"
GONE = "it is gone, and the object cannot be used without it"
CONTOURS = "contours are not the same bytes"


def told(study: Study, folder: Path) -> list[tuple[str, str]]:
    return [(one.location, one.text) for one in study.findings(folder) if one.check == "content"]


LINE = "GraphicAnnotationSequence.0.GraphicObjectSequence.0"
LINE_PLACE = "(0070,0001)[1].(0070,0009)[1]"
MEASURE, MEASURE_PLACE = "ContentSequence.1", "(0040,A730)[2]"
VALUE, VALUE_PLACE = f"{MEASURE}.MeasuredValueSequence.0", f"{MEASURE_PLACE}.(0040,A300)[1]"
UNIT, UNIT_PLACE = f"{VALUE}.MeasurementUnitsCodeSequence.0", f"{VALUE_PLACE}.(0040,08EA)[1]"
NAME, NAME_PLACE = f"{MEASURE}.ConceptNameCodeSequence.0", f"{MEASURE_PLACE}.(0040,A043)[1]"
AREA, AREA_PLACE = f"{MEASURE}.ContentSequence.0", f"{MEASURE_PLACE}.(0040,A730)[1]"


def change(study: Study, name: str, path: str, value: object) -> None:
    """Set an element of a released object to a value, or remove it."""
    dataset: Dataset = study.released[name]
    *steps, keyword = path.split(".")
    for sequence, number in zip(steps[::2], steps[1::2], strict=True):
        dataset = dataset[sequence].value[int(number)]
    if value is None:
        del dataset[keyword]
    else:
        setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("name", "path", "value", "location", "text"),
    [
        (SR, f"{VALUE}.NumericValue", "0", f"{VALUE_PLACE}.(0040,A30A)", NUMBER),
        (SR, f"{UNIT}.CodeValue", "cm", f"{UNIT_PLACE}.(0008,0100)", CODE),
        (SR, f"{NAME}.CodingSchemeDesignator", "SRT", f"{NAME_PLACE}.(0008,0102)", CODE),
        (SR, f"{NAME}.CodeValue", None, f"{NAME_PLACE}.(0008,0100)", GONE),
        (SR, f"{MEASURE}.ValueType", "TEXT", f"{MEASURE_PLACE}.(0040,A040)", TERM),
        (SR, f"{MEASURE}.MeasuredValueSequence", [], f"{MEASURE_PLACE}.(0040,A300)", GONE),
        (SR, f"{AREA}.GraphicData", [1.5, 2.5, 7.25, 8.0], f"{AREA_PLACE}.(0070,0022)", NUMBER),
        (SR, f"{AREA}.GraphicType", "POINT", f"{AREA_PLACE}.(0070,0023)", TERM),
        (SR, "ContentSequence", [Dataset()] * 3, "(0040,A730)", ITEMS),
        (SR, "ContentSequence", [], "(0040,A730)", GONE),
        (PR, f"{LINE}.GraphicData", [0.0, 0.0, 0.0, 0.0], f"{LINE_PLACE}.(0070,0022)", NUMBER),
        (PR, f"{LINE}.GraphicData", None, f"{LINE_PLACE}.(0070,0022)", GONE),
        (PR, f"{LINE}.GraphicDimensions", 0, f"{LINE_PLACE}.(0070,0020)", NUMBER),
        ("ct1", "RescaleIntercept", "0", "(0028,1052)", NUMBER),
        ("ct1", "PixelSpacing", ["2.0", "2.5"], "(0028,0030)", NUMBER),
        ("ct1", "ImagePositionPatient", None, "(0020,0032)", GONE),
        ("ct1", "PixelRepresentation", 1, "(0028,0103)", NUMBER),
        ("rtstruct", "StructureSetROISequence.0.ROINumber", "9", "(3006,0020)[1].(3006,0022)", NUMBER),
        ("rtstruct", "ROIContourSequence", [Dataset()], "(3006,0039)", ITEMS),
    ],
)  # fmt: skip
def test_what_is_falsified_or_lost_is_found(
    study: Study, tmp_path: Path, name: str, path: str, value: object, location: str, text: str
) -> None:
    change(study, name, path, value)
    assert (location, text) in told(study, tmp_path)


@pytest.mark.parametrize("spelling", ["-1024.0", "-1.024E3", "-1024"])
def test_a_number_may_be_spelt_otherwise(study: Study, tmp_path: Path, spelling: str) -> None:
    assert study.originals["ct1"].RescaleIntercept == -1024
    tag = Tag(0x00281052)
    value = spelling.encode() + b" " * (len(spelling) % 2)
    study.released["ct1"][tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    assert told(study, tmp_path) == []


def test_contours_may_not_be_spelt_otherwise(study: Study, tmp_path: Path) -> None:
    contour = study.released["rtstruct"].ROIContourSequence[0].ContourSequence[0]
    numbers = [str(number) for number in contour.ContourData]
    set_contour_data(contour, "\\".join([*numbers[:-1], f"{numbers[-1]}0"]).encode())
    assert told(study, tmp_path) == [("(3006,0039)[1].(3006,0040)[1].(3006,0050)", CONTOURS)]
    del contour.ContourData
    assert [text for _, text in told(study, tmp_path)] == [GONE]


def test_numbers_of_implicit_files_are_compared_too(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        side["ct1"].SmallestImagePixelValue = 3
    assert study.findings(tmp_path) == []
    study.released["ct1"].SmallestImagePixelValue = 4
    assert told(study, tmp_path) == [("(0028,0106)", NUMBER)]


def test_numbers_that_are_removed_as_a_patients_are_no_loss(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].PatientWeight = "71.5"
    assert told(study, tmp_path) == []
    study.released["ct1"].PatientWeight = "70"
    assert told(study, tmp_path) == [("(0010,1030)", NUMBER)]


def test_codes_and_labels_of_a_house_may_be_changed(study: Study, tmp_path: Path) -> None:
    study.originals[SR].ContentSequence[1].ConceptNameCodeSequence[0].CodingSchemeDesignator = "99NORD"
    study.originals[PR].ContentLabel, study.released[PR].ContentLabel = "KRUGER", "LABEL"
    study.released[SR] = de_identified(study.originals[SR])
    change(study, SR, f"{NAME}.CodeValue", "0")
    change(study, SR, f"{NAME}.CodingSchemeDesignator", "DCM")
    assert told(study, tmp_path) == []
    change(study, SR, f"{UNIT}.CodeValue", "0")
    assert told(study, tmp_path) == [(f"{UNIT_PLACE}.(0008,0100)", CODE)]


def test_sequences_of_identity_may_be_emptied_or_made_anew(study: Study, tmp_path: Path) -> None:
    person = Dataset()
    person.PersonIdentificationCodeSequence = DicomSequence([code("STAFF-4711", "99NOR", "Quandt")])
    study.originals["ct1"].OperatorIdentificationSequence = DicomSequence([person, person])
    released = de_identified(study.originals["ct1"])
    other = Dataset()
    other.PersonIdentificationCodeSequence = DicomSequence([code("0", "DCM", "x")])
    released.OperatorIdentificationSequence = DicomSequence([other])
    study.released["ct1"] = released
    assert study.findings(tmp_path) == []


def test_a_tree_that_is_not_claimed_to_be_cleaned_may_go_but_not_be_falsified(
    study: Study, tmp_path: Path
) -> None:
    codes = CODES - {"113104"}
    study.claims = Claims(codes, "modified")
    for one in study.released.values():
        mark(one, codes)
    change(study, SR, f"{VALUE}.NumericValue", "0")
    assert [text for _, text in told(study, tmp_path)] == [NUMBER]
    study.released[SR].ContentSequence = DicomSequence()
    assert study.findings(tmp_path) == []


def age(study: Study, original: str, released: str, unit: str, *, fraction: bool = False) -> None:
    """Make the report's number an age, as it was and as it leaves."""
    for one, number in ((study.originals[SR], original), (study.released[SR], released)):
        content = one.ContentSequence[1]
        content.ConceptNameCodeSequence[0].CodeValue = "121033"
        value = content.MeasuredValueSequence[0]
        value.MeasurementUnitsCodeSequence[0].CodeValue = unit
        value.NumericValue = number
        if fraction:
            value.FloatingPointValue = float(number)


@pytest.mark.parametrize(
    ("original", "released", "unit"),
    [
        ("95", "90", "a"),
        ("90", "90", "a"),
        ("1200", "1080", "mo"),
        ("33000", "32873", "d"),
        ("89", "89", "a"),
    ],
)
def test_an_age_in_a_report_may_be_told_as_90_years(
    study: Study, tmp_path: Path, original: str, released: str, unit: str
) -> None:
    age(study, original, released, unit)
    assert told(study, tmp_path) == []


@pytest.mark.parametrize(("original", "released"), [("68", "90"), ("95", "85"), ("68", "67")])
def test_another_age_in_a_report_is_a_changed_number(
    study: Study, tmp_path: Path, original: str, released: str
) -> None:
    age(study, original, released, "a")
    assert [text for _, text in told(study, tmp_path)] == [NUMBER]


@pytest.mark.parametrize(("number", "unit"), [("95", "a"), ("1200", "mo"), ("5000", "wk"), ("91", "kg")])
def test_an_age_in_a_report_of_more_than_89_years_is_no_number_to_leave(
    study: Study, tmp_path: Path, number: str, unit: str
) -> None:
    age(study, number, number, unit, fraction=True)
    found = [one for one in study.findings(tmp_path) if "singles people out" in one.text]
    assert len(found) == 2


def test_the_age_of_a_reports_subject_may_go(study: Study, tmp_path: Path) -> None:
    change(study, SR, f"{MEASURE}.MeasuredValueSequence", [])
    for one in (study.originals[SR], study.released[SR]):
        one.ContentSequence[1].ConceptNameCodeSequence[0].CodeValue = "121033"
    assert told(study, tmp_path) == []


def test_a_number_that_has_become_a_text_is_told_as_that(study: Study, tmp_path: Path) -> None:
    rows = b"\x28\0\x10\0"
    study.bytes_of["ct1"] = lambda data: data.replace(rows + b"US", rows + b"UI")
    assert ("(0028,0010)", "a number has become something else") in told(study, tmp_path)
