"""What an object says of its de-identification is what is claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.sequence import Sequence as DicomSequence

from orthanc_plugins.validation import Claims
from tests.unit.validation.studies import CODES, Study, code, mark

if TYPE_CHECKING:
    from pathlib import Path


def told(study: Study, folder: Path) -> dict[str, str]:
    return {one.location: one.text for one in study.findings(folder) if one.check == "markers"}


@pytest.mark.parametrize(
    ("keyword", "value", "location"),
    [
        ("PatientIdentityRemoved", "NO", "(0012,0062)"),
        ("PatientIdentityRemoved", None, "(0012,0062)"),
        ("DeidentificationMethod", None, "(0012,0063)"),
        ("LongitudinalTemporalInformationModified", "REMOVED", "(0028,0303)"),
        ("LongitudinalTemporalInformationModified", None, "(0028,0303)"),
        ("BurnedInAnnotation", "NO", "(0028,0301)"),
        ("RecognizableVisualFeatures", "NO", "(0028,0302)"),
    ],
)
def test_a_mark_that_is_missing_or_false_is_found(
    study: Study, tmp_path: Path, keyword: str, value: str | None, location: str
) -> None:
    if value is None:
        del study.released["ct1"][keyword]
    else:
        setattr(study.released["ct1"], keyword, value)
    assert list(told(study, tmp_path)) == [location]


@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_a_mark_of_yes_claims_nothing(study: Study, tmp_path: Path, keyword: str) -> None:
    setattr(study.released["ct1"], keyword, "YES")
    assert told(study, tmp_path) == {}


def test_only_a_document_that_was_replaced_shows_nothing(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].EncapsulatedDocument = b"%PDF-1.4 first"
    study.released["ct1"].BurnedInAnnotation = "NO"
    assert list(told(study, tmp_path)) == ["(0028,0301)"]
    study.released["ct1"].EncapsulatedDocument = b"%PDF-1.4 other"
    assert told(study, tmp_path) == {}


def test_marks_of_what_was_done_are_allowed(study: Study, tmp_path: Path) -> None:
    codes = CODES | {"113102"}
    uid = study.originals["ct1"].SOPInstanceUID
    study.claims = Claims(codes | {"113101"}, "modified", pixels_cleaned=True, masked={uid: ()})
    for one in study.released.values():
        mark(one, codes)
        one.RecognizableVisualFeatures = "NO"
    mark(study.released["ct1"], codes | {"113101"})
    study.released["ct1"].BurnedInAnnotation = "NO"
    assert study.findings(tmp_path) == []


def test_only_objects_whose_pixels_were_cleaned_may_say_so(study: Study, tmp_path: Path) -> None:
    codes = CODES | {"113101"}
    uid = study.originals["ct1"].SOPInstanceUID
    study.claims = Claims(codes, "modified", pixels_cleaned=True, masked={uid: ()})
    mark(study.released["ct2"], codes)
    study.released["ct2"].BurnedInAnnotation = "NO"
    texts = [one.text for one in study.findings(tmp_path)]
    assert texts == [
        "codes of methods are missing: 113101",
        "a code stands there that is not claimed",
        "it says NO, and pixels were not cleaned",
    ]


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (CODES - {"113104", "113105"}, "codes of methods are missing: 113104, 113105"),
        (CODES | {"113110"}, "a code stands there that is not claimed"),
        (frozenset[str](), "codes of methods are missing: 113100, 113103, 113104, 113105, 113107"),
    ],
)
def test_codes_of_methods_are_exactly_those_claimed(
    study: Study, tmp_path: Path, codes: frozenset[str], text: str
) -> None:
    mark(study.released["ct1"], codes)
    assert told(study, tmp_path) == {"(0012,0064)": text}


def test_a_code_of_another_scheme_is_not_the_code(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].DeidentificationMethodCodeSequence[0].CodingSchemeDesignator = "99X"
    texts = {one.text for one in study.findings(tmp_path)}
    assert texts == {"codes of methods are missing: 113100", "a code stands there that is not claimed"}


def test_a_code_that_stands_there_twice_is_found(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].DeidentificationMethodCodeSequence.append(code("113100", "DCM", "x"))
    assert told(study, tmp_path) == {"(0012,0064)": "a code of a method stands there twice"}


def test_codes_of_earlier_methods_stay(study: Study, tmp_path: Path) -> None:
    earlier = code("113112", "DCM", "Retain Institution Identity Option")
    study.originals["ct1"].DeidentificationMethodCodeSequence = DicomSequence([earlier])
    assert told(study, tmp_path) == {"(0012,0064)": "codes of earlier methods are missing"}
    study.released["ct1"].DeidentificationMethodCodeSequence.append(earlier)
    assert told(study, tmp_path) == {}


@pytest.mark.parametrize(("value", "scheme"), [("4711", "XNAT"), ("113112", "99SITE"), ("113113", "DCM")])
def test_codes_that_are_none_of_the_standard_need_not_stay_and_may_not(
    study: Study, tmp_path: Path, value: str, scheme: str
) -> None:
    foreign = code(value, scheme, "of another program")
    study.originals["ct1"].DeidentificationMethodCodeSequence = DicomSequence([foreign])
    assert told(study, tmp_path) == {}
    study.released["ct1"].DeidentificationMethodCodeSequence.append(foreign)
    assert told(study, tmp_path) == {"(0012,0064)": "a code stands there that is not claimed"}
