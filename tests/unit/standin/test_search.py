"""The index and what is found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dcm4chee.standin.dataset import read_received
from dcm4chee.standin.query import parse_query
from dcm4chee.standin.search import _FROM, Search, within
from dcm4chee.standin.state import State, StoredFile
from dcm4chee.standin.tags import Level
from dcm4chee.standin.views import VIEWS
from tests.standin_objects import build_object, build_series, content_of, new_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

MAIN = VIEWS["DCM4CHEE"]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.sqlite")
    yield opened
    opened.close()


def add(state: State, dataset: Dataset, at: float = 1000.0, **options: Any) -> bool:
    received = read_received(content_of(dataset))
    file = StoredFile(options.pop("orthanc_id", f"id of {received.sop_instance_uid}"), 100, new_uid())
    return state.add(received, file, **{"source": "", "at": at, **options})


def found(state: State, text: str = "", level: Level = Level.STUDY, view: str = "DCM4CHEE") -> list[Any]:
    matches = Search(state, VIEWS[view], level, parse_query(text)).matches(-1, 0)
    return [match for match in matches if match.is_shown(level)]


def texts(state: State, text: str, tag: str, level: Level = Level.STUDY) -> list[str]:
    return [match.attributes[tag]["Value"][0] for match in found(state, text, level)]


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ("PatientID=AB", False),
        ("PatientID=AB*", True),
        ("PatientID=ab*", False),
        ("PatientID=A?[1]", True),
        ("PatientSex=f", True),
        ("StudyDescription=THORAX", True),
        ("StudyDescription=thorax", False),
        ("StudyDescription=Tho*", True),
        ("AccessionNumber=A1", True),
        ("ModalitiesInStudy=ct", True),
        ("ModalitiesInStudy=MR", False),
        ("ModalitiesInStudy=CT,MR", True),
        ("ModalitiesInStudy=CT,MR&allOfModalitiesInStudy=true", False),
        ("SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.2", True),
        ("SOPClassesInStudy=1.2.3", False),
        ("Modality=CT", True),
        ("Modality=MR", False),
        ("SeriesNumber=1", True),
        ("SeriesNumber=one", True),
        ("InstitutionName=Klinik", False),
        ("SliceThickness=99", True),
        ("StudySizeInKB=0-1", True),
        ("StudySizeInKB=5-", False),
        ("incomplete=true", False),
        ("ExpirationState=FROZEN", False),
        ("storageVerificationFailed=true", False),
    ],
)
def test_what_matches_a_study(state: State, asked: str, *, matches: bool) -> None:
    add(state, build_object(PatientID="AB[1]"))
    assert bool(found(state, asked)) is matches


def test_a_study_matches_when_one_series_has_all_that_is_asked(state: State) -> None:
    first = build_object(Modality="CT", SeriesDescription="Lung")
    add(state, first)
    add(
        state,
        build_object(StudyInstanceUID=first.StudyInstanceUID, Modality="MR", SeriesDescription="Brain"),
    )
    assert found(state, "Modality=CT&SeriesDescription=LUNG")
    assert not found(state, "Modality=CT&SeriesDescription=BRAIN")


def test_order_is_that_of_insertion_whatever_changes(state: State) -> None:
    datasets = [build_object(StudyID=str(number)) for number in (3, 1, 2)]
    for dataset in datasets:
        add(state, dataset)
    add(state, build_object(StudyInstanceUID=datasets[0].StudyInstanceUID))
    assert texts(state, "", "00200010") == ["3", "1", "2"]
    assert texts(state, "orderby=StudyID", "00200010") == ["1", "2", "3"]
    assert texts(state, "orderby=-StudyID", "00200010") == ["3", "2", "1"]
    assert texts(state, "orderby=SliceThickness", "00200010") == ["3", "1", "2"]


def test_receive_times(state: State) -> None:
    first = build_object()
    add(state, first, at=1000.0)
    add(state, build_object(StudyInstanceUID=first.StudyInstanceUID), at=2000.0)
    late = "19700101003000%2B0000-"
    assert not found(state, f"StudyReceiveDateTime={late}")
    assert found(state, f"SeriesReceiveDateTime={late}")
    assert len(found(state, f"SeriesReceiveDateTime={late}", Level.SERIES)) == 1
    assert found(state, "PatientCreateDateTime=-19700101003000%2B0000", Level.PATIENT)


def test_a_window_of_receive_times_is_read_from_an_index(state: State) -> None:
    search = Search(state, MAIN, Level.STUDY, parse_query("SeriesReceiveDateTime=2026-"))
    where, values = search._where
    plan = state.rows(f"EXPLAIN QUERY PLAN SELECT study.pk FROM study WHERE {where}", values)
    steps = " ".join(str(row["detail"]) for row in plan)
    assert "series_received" in steps
    assert "SCAN study" not in steps


@pytest.mark.parametrize(
    ("asked", "level"),
    [
        ("StudyInstanceUID=1.2", Level.STUDY),
        ("StudyInstanceUID=1.2,1.3", Level.INSTANCE),
        ("SeriesInstanceUID=1.2", Level.INSTANCE),
        ("SOPInstanceUID=1.2", Level.INSTANCE),
        ("PatientID=1", Level.STUDY),
        ("AccessionNumber=1", Level.SERIES),
        ("StudyDate=20260101-20260102", Level.STUDY),
    ],
)
def test_common_questions_do_not_read_the_whole_archive(state: State, asked: str, level: Level) -> None:
    search = Search(state, MAIN, level, parse_query(asked))
    where, values = search._where
    plan = state.rows(f"EXPLAIN QUERY PLAN SELECT COUNT(*) FROM {_FROM[level]} WHERE {where}", values)
    scans = [str(row["detail"]) for row in plan if str(row["detail"]).startswith("SCAN")]
    assert all("json_each" in scan for scan in scans), scans


def test_counts_of_what_is_shown(state: State) -> None:
    datasets = build_series(3)
    for dataset in datasets:
        add(state, dataset)
    pk = state.previous(datasets[0].SOPInstanceUID).pk  # type: ignore[union-attr]
    state.reject([pk], "113001^DCM", 5.0)
    (match,) = found(state)
    assert (match.study.instances, match.study.rejection) == (2, "PARTIAL")
    assert len(found(state, "", Level.INSTANCE)) == 2
    assert len(found(state, "", Level.INSTANCE, "IOCM_QUALITY")) == 1
    assert found(state, "", Level.STUDY, "IOCM_QUALITY")
    assert not found(state, "", Level.STUDY, "IOCM_PAT_SAFETY")
    assert found(state, "", Level.STUDY, "AS_RECEIVED")[0].study.instances == 3


def test_a_study_of_which_nothing_is_shown_is_counted_and_takes_its_place_in_a_page(state: State) -> None:
    hidden, shown = build_object(), build_object()
    for dataset in (hidden, shown):
        add(state, dataset)
    state.reject([state.previous(hidden.SOPInstanceUID).pk], "113039^DCM", 5.0)  # type: ignore[union-attr]
    search = Search(state, MAIN, Level.STUDY, parse_query(""))
    assert search.count() == 2
    assert [match.is_shown(Level.STUDY) for match in search.matches(1, 0)] == [False]
    assert [match.is_shown(Level.STUDY) for match in search.matches(1, 1)] == [True]
    assert search.matches(1, 2) == []


def test_series_and_instances_of_one_study(state: State) -> None:
    datasets = build_series(2)
    other = build_object()
    for dataset in (*datasets, other):
        add(state, dataset)
    query = within(parse_query(""), datasets[0].StudyInstanceUID, datasets[0].SeriesInstanceUID)
    search = Search(state, MAIN, Level.INSTANCE, query)
    assert search.count() == 2
    assert Search(state, MAIN, Level.STUDY, query).size() == 200


# The index itself


def test_what_is_there_already_is_entered_once(state: State) -> None:
    dataset = build_object()
    received = read_received(content_of(dataset))
    file = StoredFile("id", 100, "digest")
    assert state.add(received, file, source="", at=1.0)
    assert state.add(received, file, source="", at=2.0)
    assert [match.row["study_updated"] for match in found(state)] == [1.0]


def test_another_content_takes_the_place_and_keeps_a_rejection(state: State) -> None:
    dataset = build_object()
    add(state, dataset)
    state.reject([state.previous(dataset.SOPInstanceUID).pk], "113001^DCM", 2.0)  # type: ignore[union-attr]
    dataset.InstanceNumber = "9"
    add(state, dataset)
    previous = state.previous(dataset.SOPInstanceUID)
    assert previous is not None
    assert previous.rejected == "113001^DCM"
    (match,) = found(state, "", Level.INSTANCE, "AS_RECEIVED")
    assert match.attributes["00200013"]["Value"] == ["9"]


def test_another_file_of_the_same_uid_is_passed_over(state: State) -> None:
    dataset = build_object()
    add(state, dataset)
    other = build_object(SOPInstanceUID=dataset.SOPInstanceUID)
    assert not add(state, other, orthanc_id="another")
    assert state.files_known() == 2
    assert len(found(state)) == 1


def test_what_is_forgotten_takes_empty_series_and_studies_with_it(state: State) -> None:
    datasets = build_series(2)
    for dataset in datasets:
        add(state, dataset)
    state.forget([f"id of {datasets[0].SOPInstanceUID}"])
    assert found(state)[0].study.instances == 1
    state.forget([f"id of {datasets[1].SOPInstanceUID}"])
    assert found(state) == []
    assert len(found(state, "", Level.PATIENT)) == 1
    assert state.files_known() == 0


def test_a_failed_transaction_changes_nothing(state: State) -> None:
    def fail() -> None:
        with state.transaction():
            state.remember("a", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert state.setting("a") is None


def test_state_is_kept_in_its_file(tmp_path: Path) -> None:
    first = State(tmp_path / "kept.sqlite")
    dataset = build_object()
    add(first, dataset)
    first.remember("changes seen", "17")
    first.close()
    again = State(tmp_path / "kept.sqlite")
    assert again.setting("changes seen") == "17"
    assert len(found(again)) == 1
    again.close()


def test_patients_are_told_apart_by_issuer(state: State) -> None:
    add(state, build_object(PatientID="1", IssuerOfPatientID="A"))
    add(state, build_object(PatientID="1", IssuerOfPatientID="B"))
    add(state, build_object(PatientID="1", IssuerOfPatientID="A"))
    assert len(found(state, "PatientID=1", Level.PATIENT)) == 2
