from __future__ import annotations

from typing import Any

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES, StudyEntry
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.sync.federation import FoundIn, merge_patients, merge_studies


def entry(uid: str, patient: str = "P1", name: str = "DOE^JANE", date: str = "20260101") -> StudyEntry:
    attributes: dict[str, Any] = dict.fromkeys(STUDY_ATTRIBUTES, "")
    attributes |= {"PatientID": patient, "PatientName": name, "StudyDate": date}
    return StudyEntry(StudyUid(uid), ("CT",), 1, 2, attributes)


def test_each_study_stands_once_newest_first_and_says_where_it_is() -> None:
    merged = merge_studies([entry("1.1"), entry("1.2", date="20260301")], [entry("1.1"), entry("1.3")])
    assert [(study.study_uid, study.found_in) for study in merged] == [
        ("1.2", FoundIn.ONLY_ORTHANC),
        ("1.3", FoundIn.ONLY_DCM4CHEE),
        ("1.1", FoundIn.BOTH),
    ]


def test_an_archive_that_did_not_answer_makes_nothing_absent() -> None:
    study = merge_studies([entry("1.1")], None)[0]
    patient = merge_patients(None, [entry("1.1")])[0]
    assert study.found_in is FoundIn.UNKNOWN
    assert (patient.left_present, patient.right_present, patient.found_in) == (None, True, FoundIn.UNKNOWN)


def test_an_archive_that_answered_nothing_holds_nothing() -> None:
    assert merge_studies([entry("1.1")], [])[0].found_in is FoundIn.ONLY_ORTHANC
    assert merge_patients([], [entry("1.1")])[0].found_in is FoundIn.ONLY_DCM4CHEE
    assert merge_studies([], []) == []


def test_patients_are_told_by_their_identifier_and_sorted_by_name() -> None:
    left = [entry("1.1"), entry("1.2"), entry("1.3", patient="P2", name="abel^a")]
    patients = merge_patients(left, [entry("1.2"), entry("1.4")])
    assert [(one.patient_id, len(one.studies), one.found_in) for one in patients] == [
        ("P2", 1, FoundIn.ONLY_ORTHANC),
        ("P1", 3, FoundIn.BOTH),
    ]


def test_a_study_of_different_patients_stands_with_both() -> None:
    patients = merge_patients([entry("1.1", patient="P1")], [entry("1.1", patient="P2", name="ROE^R")])
    assert [(one.patient_id, one.left_present, one.right_present) for one in patients] == [
        ("P1", True, False),
        ("P2", False, True),
    ]


def test_no_name_and_no_identifier_is_shown_where_records_are_printed() -> None:
    patient = merge_patients([entry("1.1")], [entry("1.1")])[0]
    assert "DOE" not in repr(patient)
    assert "P1" not in repr(patient)
