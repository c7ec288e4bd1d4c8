"""Dates are as is claimed: moved together by whole weeks, gone, or as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.validation import Claims
from tests.unit.validation.studies import CODES, SR, Study, de_identified, mark

if TYPE_CHECKING:
    from pathlib import Path

MOVED = "20181108"
"""20200102 less 60 weeks; both are Thursdays."""
NOT_WEEKS = "it was not moved by whole weeks"
OTHERWISE = "it was moved otherwise than the patient's other dates"
ORIGINAL = "it is the original's date"
REMAINS = "it is the original's date or time"
TIME = "a time of day was changed"


def told(study: Study, folder: Path) -> list[tuple[str, str]]:
    return [(one.location, one.text) for one in study.findings(folder) if one.check == "dates"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("20181101", OTHERWISE),
        ("20181109", NOT_WEEKS),
        ("20200102", ORIGINAL),
        ("", None),
        ("19000101", None),
    ],
)
def test_a_date_moves_with_the_others_by_whole_weeks(
    study: Study, tmp_path: Path, value: str, text: str | None
) -> None:
    assert study.released["ct1"].SeriesDate == MOVED
    study.released["ct1"].SeriesDate = value
    assert told(study, tmp_path) == ([("(0008,0021)", text)] if text else [])


def test_patients_of_one_set_may_move_apart(study: Study, tmp_path: Path) -> None:
    study.originals["ct2"].PatientID = "HOSP-2"
    released = study.released["ct2"]
    released.StudyDate = released.SeriesDate = released.ContentDate = "20171109"
    assert told(study, tmp_path) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("20181108081500.25", None),
        ("20181108081500.25+0100", TIME),
        ("20181108081501.25", TIME),
        ("20181108", TIME),
        ("2018", "it is no date any more"),
        ("20181115081500.25", OTHERWISE),
        ("20200102081500.25", ORIGINAL),
    ],
)
def test_a_moment_moves_with_its_time_of_day(
    study: Study, tmp_path: Path, value: str, text: str | None
) -> None:
    study.originals["ct1"].AcquisitionDateTime = "20200102081500.25"
    study.released["ct1"].AcquisitionDateTime = value
    assert told(study, tmp_path) == ([("(0008,002A)", text)] if text else [])


def test_times_of_day_stay_when_dates_move(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].SeriesTime = "030406"
    assert told(study, tmp_path) == [("(0008,0031)", TIME)]


def test_the_birth_date_may_be_moved_in_any_way_and_not_stay(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PatientBirthDate = "19470101"
    assert told(study, tmp_path) == []
    study.released["ct1"].PatientBirthDate = "19471231"
    assert told(study, tmp_path) == [("(0010,0030)", ORIGINAL)]


def test_a_machines_dates_do_not_stay_and_need_not_move_along(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].DateOfLastCalibration = "20191230"
    study.released["ct1"].DateOfLastCalibration = "19990105"
    assert told(study, tmp_path) == []
    study.released["ct1"].DateOfLastCalibration = "20191230"
    assert told(study, tmp_path) == [("(0018,1200)", ORIGINAL)]
    study.claims = Claims(CODES | {"113109"}, "modified")
    for one in study.released.values():
        mark(one, CODES | {"113109"})
    assert told(study, tmp_path) == []


def test_dates_of_vocabularies_stay(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].ContextGroupVersion = "20020904"
    study.released["ct1"].ContextGroupVersion = "20020904"
    assert study.findings(tmp_path) == []


def _claim(study: Study, codes: frozenset[str], longitudinal: str) -> None:
    study.claims = Claims(codes, longitudinal)  # type: ignore[arg-type] # one of three words
    for one in study.released.values():
        mark(one, codes, longitudinal.upper())
        if longitudinal == "removed":
            one.StudyTime = one.SeriesTime = one.ContentTime = ""
            if "StructureSetTime" in one:
                one.StructureSetTime = ""


def test_dates_that_are_claimed_to_be_removed_are_not_those_of_the_originals(
    study: Study, tmp_path: Path
) -> None:
    _claim(study, CODES - {"113107"}, "removed")
    assert told(study, tmp_path) == []
    study.released["ct1"].SeriesDate = "20200102"
    study.released["ct1"].SeriesTime = "030405"
    assert told(study, tmp_path) == [("(0008,0021)", REMAINS), ("(0008,0031)", REMAINS)]
    study.released["ct1"].SeriesTime = ""
    study.released["ct1"].SeriesDate = "19991231"
    study.originals["ct2"].AcquisitionDate = "19991231"
    study.released["ct2"] = de_identified(study.originals["ct2"])
    _claim(study, CODES - {"113107"}, "removed")
    found = [one for one in study.findings(tmp_path) if one.check == "residual"]
    assert [one.location for one in found] == ["(0008,0021)"], "another object's date"


def test_a_placeholder_may_stay(study: Study, tmp_path: Path) -> None:
    _claim(study, CODES - {"113107"}, "removed")
    for side in (study.originals, study.released):
        side["ct1"].AcquisitionDate = "19000101"
    assert study.findings(tmp_path) == []


def test_dates_that_are_claimed_to_be_unmodified_are_those_of_the_originals(
    study: Study, tmp_path: Path
) -> None:
    _claim(study, CODES - {"113107"} | {"113106"}, "unmodified")
    found = told(study, tmp_path)
    assert {text for _, text in found} == {"it is claimed to be unmodified, and is not"}


def test_a_birth_date_in_a_report_may_not_be_moved(study: Study, tmp_path: Path) -> None:
    study.originals[SR].ContentSequence[0].Date = "19471231"
    made = study.released[SR] = de_identified(study.originals[SR])
    place = "(0040,A730)[1].(0040,A121)"
    assert told(study, tmp_path) == [(place, "a birth date was moved")]
    made.ContentSequence[0].Date = "19000101"
    assert told(study, tmp_path) == []
