"""What the search for an identity knows of options, dates, reports and places."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag

from orthanc_plugins.validation import Claims
from tests.unit.validation.residues import remade, residual
from tests.unit.validation.studies import CODES, SR, Study, code, mark

if TYPE_CHECKING:
    from pathlib import Path


def test_an_original_uid_is_found_even_in_text_and_with_something_added(study: Study, tmp_path: Path) -> None:
    uid = str(study.originals["ct2"].SOPInstanceUID)
    study.released["ct1"].ImageComments = f"see {uid}.77"
    (finding,) = residual(study, tmp_path)
    assert (finding.location, finding.text[:5]) == ("(0020,4000)", "a UID")
    assert uid not in str(finding)


def test_registered_uids_and_classes_are_no_identity(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    study.released["ct1"].FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    assert residual(study, tmp_path) == []


def test_places_are_told_within_sequences(study: Study, tmp_path: Path) -> None:
    study.released[SR].ContentSequence[0].PersonName = "Lindqvist^Bo"
    assert {one.location for one in residual(study, tmp_path)} == {"(0040,A730)[1].(0040,A123)"}


def test_an_age_over_ninety_is_told(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PatientAge = "090Y"
    study.released["ct2"].PatientAge = "091Y"
    assert [one.location for one in residual(study, tmp_path)] == ["(0010,1010)"]


@pytest.mark.parametrize(
    ("option", "keyword", "value"),
    [
        ("113109", "DeviceSerialNumber", "SN-4471-X"),
        ("113109", "StationName", "LINAC7"),
        ("113112", "InstitutionName", "Nordheim Klinikum"),
    ],
)
def test_what_an_option_retains_may_stay(
    study: Study, tmp_path: Path, option: str, keyword: str, value: str
) -> None:
    setattr(study.released["ct1"], keyword, value)
    assert residual(study, tmp_path) != []
    study.claims = Claims(CODES | {option}, "modified")
    for one in study.released.values():
        mark(one, CODES | {option})
    assert study.findings(tmp_path) == []


def test_dates_that_are_claimed_to_be_unmodified_may_stay_but_for_the_birth_date(
    study: Study, tmp_path: Path
) -> None:
    codes = CODES - {"113107"} | {"113106"}
    study.claims = Claims(codes, "unmodified")
    for name, one in study.released.items():
        mark(one, codes, "UNMODIFIED")
        for element in study.originals[name].iterall():
            if element.VR == "DA" and element.keyword != "PatientBirthDate":
                one[element.tag].value = element.value
    assert study.findings(tmp_path) == []
    study.released["ct1"].ImageComments = "31.12.1947 and 2020-01-02"
    assert [one.text for one in residual(study, tmp_path)] == [
        "a birth date of the originals is in its bytes (utf-8)"
    ]


def test_a_date_that_another_was_moved_to_is_no_residue(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].SeriesDate = "20181108"  # 60 weeks before StudyDate
    remade(study, "ct1")
    assert study.released["ct1"].StudyDate == "20181108"
    assert residual(study, tmp_path) == []
    study.released["ct1"].SeriesDate = "20181108"
    assert {one.check for one in study.findings(tmp_path)} == {"dates"}


def test_a_date_that_was_not_moved_excuses_no_other(study: Study, tmp_path: Path) -> None:
    day = study.originals["ct1"].StudyDate
    for side in (study.originals, study.released):
        item = code("P5-09051", "SRT", "CT")
        item.ContextGroupVersion = day
        side["ct1"].ProcedureCodeSequence = DicomSequence([item])
    study.released["ct1"].ImageComments = f"seen {day}"
    found = [one.location for one in residual(study, tmp_path)]
    assert found == ["(0008,1032)[1].(0008,0106)", "(0020,4000)"]


@pytest.mark.parametrize("value", ["31.12.1939", "1939/12/31", "1939-12-31", "39.12.31"])
def test_what_stands_in_the_place_of_a_date_is_searched_for_as_it_is_written(
    study: Study, tmp_path: Path, value: str
) -> None:
    tag = Tag(0x00080022)
    padded = value.encode() + b" " * (len(value) % 2)
    original = study.originals["ct1"]
    original[tag] = RawDataElement(tag, "DA", len(padded), padded, 0, False, True)
    study.released["ct2"].ImageComments = value
    assert [one.location for one in residual(study, tmp_path)][:1] == ["(0020,4000)"]


def test_a_telling_word_of_an_institution_or_address_is_enough(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].PatientAddress = "Krugergasse 7, Lindau"
    study.originals["ct1"].InstitutionalDepartmentName = "Radiology"
    study.released["ct2"].ImageComments = "Klinikum, Radiology"
    assert residual(study, tmp_path) == []
    for text in ("from nordheim", "KRUGERGASSE", "Lindau"):
        study.released["ct2"].ImageComments = text
        assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}, text


def test_what_a_report_says_of_its_subject_is_searched_for(study: Study, tmp_path: Path) -> None:
    items = study.originals[SR].ContentSequence
    subject = copy.deepcopy(items[0])
    subject.ConceptNameCodeSequence = DicomSequence([code("121030", "DCM", "Subject ID")])
    subject.ValueType, subject.TextValue = "TEXT", "KH-90210-7"
    items.append(subject)
    made = remade(study, SR)
    made.ContentSequence[2].TextValue = ""
    assert residual(study, tmp_path) == []
    study.released["ct2"].ImageComments = "of KH-90210-7"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}


def test_identity_of_private_and_nested_elements_is_gathered(study: Study, tmp_path: Path) -> None:
    original = study.originals["ct1"]
    person = Dataset()
    identified = code("STAFF-4711", "99NOR", "Hollerbach, Chief of Physics")
    person.PersonIdentificationCodeSequence = DicomSequence([identified])
    person.PersonName = "Quandt^Pia"
    original.OperatorIdentificationSequence = DicomSequence([person])
    original.private_block(0x0099, "NORDHEIM", create=True).add_new(1, "PN", "Vestergaard^Ole")
    for text in ("STAFF-4711", "Hollerbach", "Quandt", "Vestergaard"):
        study.released["ct2"].ImageComments = text
        assert [one.location for one in residual(study, tmp_path)][:1] == ["(0020,4000)"], text


def test_a_long_number_in_an_identifier_is_searched_for_by_itself_but_for_a_date(
    study: Study, tmp_path: Path
) -> None:
    for original in study.originals.values():
        original.AccessionNumber, original.StudyID = "ZX-4815162", "MR20200102081500"
    study.released["ct2"].ImageComments = "at 20200102081500"
    assert {one.text for one in residual(study, tmp_path)} == {
        "a date of the originals is in its bytes (utf-8)"
    }
    study.released["ct2"].ImageComments = ""
    study.released["ct2"].SeriesNumber = "4815162"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,0011)"}


def test_initials_that_are_a_word_of_technique_are_not_met_among_words(study: Study, tmp_path: Path) -> None:
    for original in study.originals.values():
        original.OperatorsName = "PA^CT"
    study.released["ct2"].SeriesDescription = "CT Thorax PA"
    assert residual(study, tmp_path) == []
    for original in study.originals.values():
        original.OperatorsName = "QX"
    study.released["ct2"].SeriesDescription = "CT Thorax QX"
    assert {one.location for one in residual(study, tmp_path)} == {"(0008,103E)"}


def test_a_time_of_day_that_is_an_identifier_as_well_is_the_time_it_was(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].AccessionNumber = study.originals["ct1"].StudyTime = "101112"
    study.released["ct1"].StudyTime = "101112"
    assert residual(study, tmp_path) == []
    study.originals["ct1"].StudyTime = "101113"
    assert {one.location for one in residual(study, tmp_path)} == {"(0008,0030)"}
    study.originals["ct1"].StudyTime = "101112"
    study.released["ct1"].SeriesNumber = "101112"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,0011)"}
