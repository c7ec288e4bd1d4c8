"""Queries, as facts/dcm4chee.md sections 3 and 7 say that dcm4chee answers them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.contract.standin.asked import (
    found,
    get,
    query,
    study_of,
    value,
)
from tests.standin_objects import (
    build_object,
    build_series,
    content_of,
    new_uid,
    stow,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


def test_no_match_is_204_without_a_body(dcm4chee: StandIn) -> None:
    answer = get(dcm4chee, f"/studies?StudyInstanceUID={new_uid()}")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "asked",
    [
        "limit=0",
        "limit=100000",
        "limit=x",
        "offset=100000",
        "offset=-1",
        "fuzzymatching=yes",
        "includedefaults=1",
        "unknown=1",
        "includefield=NoSuchKeyword",
        "orderby=NoSuchKeyword",
        "NoSuchKeyword=1",
        "StudyReceiveDateTime=yesterday",
    ],
)
def test_what_is_not_known_is_refused(dcm4chee: StandIn, asked: str) -> None:
    answer = get(dcm4chee, f"/studies?{asked}")
    assert answer.status_code == 400
    assert answer.json()["errorMessage"].startswith("Invalid Query Parameter")


def test_study_description_is_returned_only_when_asked_for(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    (match,) = found(dcm4chee, query(dataset))
    assert "00081030" not in match
    for asked in ("00081030", "StudyDescription"):
        (match,) = found(dcm4chee, query(dataset, f"&includefield={asked}"))
        assert value(match, "00081030") == "Thorax"


def test_default_attributes_of_each_level(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    study = {
        "00080005", "00080020", "00080030", "00080050", "00080054", "00080056", "00080061", "00080090",
        "00081190", "00100010", "00100020", "00100030", "00100040", "0020000D", "00200010", "00201206",
        "00201208",
    }  # fmt: skip
    (match,) = found(dcm4chee, query(dataset))
    assert set(match) == study
    (series,) = found(dcm4chee, f"{study_of(dataset)}/series")
    always = {"00080005", "00080054", "00080056", "00081190", "0020000D"}
    own = {
        "00080060", "0008103E", "00200011", "0020000E", "00201209", "00400244", "00400245", "00400275",
    }  # fmt: skip
    assert set(series) == always | own
    (all_series,) = found(dcm4chee, query(dataset, level="series"))
    assert set(all_series) == study | own
    (instance,) = found(dcm4chee, f"{study_of(dataset)}/series/{dataset.SeriesInstanceUID}/instances")
    assert set(instance) == always | {
        "00080016", "00080018", "0020000E", "00083002", "00200013", "00280008", "00280010", "00280011",
        "00280100",
    }  # fmt: skip
    assert instance["00280008"] == {"vr": "IS"}  # asked for and not there: empty
    (only,) = found(dcm4chee, query(dataset, "&includedefaults=false"))
    assert not {"00100010", "00080020"} & set(only)


def test_numbers_that_are_strings_in_dicom_are_strings(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    (match,) = found(dcm4chee, query(dataset))
    assert match["00201208"] == {"vr": "IS", "Value": ["1"]}
    (metadata,) = get(dcm4chee, f"{study_of(dataset)}/metadata").json()
    assert metadata["00200013"] == {"vr": "IS", "Value": ["1"]}
    assert metadata["00180050"] == {"vr": "DS", "Value": ["2.50"]}
    assert metadata["00280010"] == {"vr": "US", "Value": [8]}


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ("MUELLER", True),
        ("MUELLER^ANNA", True),
        ("MUELL", False),
        ("MUELL*", True),
        ("M?ELLER", True),
        ("MUELLER^A*", True),
        ("*ANNA*", True),
        ("Mueller", True),
        ("mueller", True),
    ],
)
def test_names_match_by_whole_leading_components(dcm4chee: StandIn, *, asked: str, matches: bool) -> None:
    dataset = build_object(PatientName="Mueller^Anna^Maria", PatientID=new_uid())
    stow(dcm4chee.url, dataset)
    if asked == "mueller":
        matches = False  # dcm4chee leaves case aside only where capitals are asked for
    assert bool(found(dcm4chee, query(dataset, f"&PatientName={asked}"))) is matches


def test_values_between_commas_are_alternatives(dcm4chee: StandIn) -> None:
    first, second = build_object(), build_object()
    stow(dcm4chee.url, first, second)
    uids = f"{first.StudyInstanceUID},{second.StudyInstanceUID}"
    assert len(found(dcm4chee, f"/studies?StudyInstanceUID={uids}")) == 2
    assert len(found(dcm4chee, f"/studies?StudyInstanceUID={uids}&ModalitiesInStudy=MR,CT")) == 2


def test_a_thousand_uids_are_asked_for_at_once(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    uids = ",".join([*(f"2.25.{10**37 + number}" for number in range(1500)), dataset.StudyInstanceUID])
    assert len(found(dcm4chee, f"/studies?StudyInstanceUID={uids}")) == 1


def test_dates_and_times_are_ranges(dcm4chee: StandIn) -> None:
    dataset = build_object(StudyDate="20260315", StudyTime="081500")
    stow(dcm4chee.url, dataset)
    for more, matches in [
        ("&StudyDate=20260315", True),
        ("&StudyDate=20260301-20260331", True),
        ("&StudyDate=-20260314", False),
        ("&StudyDate=20260315-", True),
        ("&StudyDate=20260314-20260315&StudyTime=0900-0800", False),
        ("&StudyDate=20260314-20260315&StudyTime=0900-0830", True),
    ]:
        assert bool(found(dcm4chee, query(dataset, more))) is matches, more


def test_order_is_that_of_arrival_or_what_is_asked_for(dcm4chee: StandIn) -> None:
    patient = new_uid()
    datasets = [build_object(PatientID=patient, StudyDate=date) for date in ("20260105", "20260103")]
    datasets.append(build_object(PatientID=patient, StudyDate="20260104"))
    stow(dcm4chee.url, *datasets)
    dates = [value(match, "00080020") for match in found(dcm4chee, f"/studies?PatientID={patient}")]
    assert dates == ["20260105", "20260103", "20260104"]
    ordered = found(dcm4chee, f"/studies?PatientID={patient}&orderby=-StudyDate")
    assert [value(match, "00080020") for match in ordered] == ["20260105", "20260104", "20260103"]
    pages = [found(dcm4chee, f"/studies?PatientID={patient}&limit=1&offset={number}") for number in range(4)]
    assert [value(page[0], "00080020") for page in pages[:3]] == dates
    assert pages[3] == []


def test_counts_and_sizes(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    for level, count in (("patients", None), ("studies", 1), ("series", 1), ("instances", 3)):
        answer = get(dcm4chee, query(datasets[0], level=f"{level}/count"))
        assert answer.status_code == 200
        if count is not None:
            assert answer.json() == {"count": count}
    size = sum(len(content_of(dataset)) for dataset in datasets)
    assert get(dcm4chee, query(datasets[0], level="studies/size")).json() == {"size": size}


def test_only_json_is_spoken(dcm4chee: StandIn) -> None:
    assert get(dcm4chee, "/studies?limit=1", Accept="image/png").status_code == 406


def test_archives_own_attributes_are_returned_when_asked_for(dcm4chee: StandIn) -> None:
    dataset = build_object()
    before = datetime.now(UTC)
    stow(dcm4chee.url, dataset)
    (plain,) = found(dcm4chee, query(dataset, level="instances"))
    assert not [tag for tag in plain if tag.startswith("7777")]
    for asked in ("&includefield=77770010", "&includefield=all"):
        (match,) = found(dcm4chee, query(dataset, asked, level="instances"))
        assert value(match, "77770010") == "DCM4CHEE Archive 5"
        received = datetime.strptime(value(match, "77771020"), "%Y%m%d%H%M%S.%f%z")
        assert abs((received - before).total_seconds()) < 5
        content = content_of(dataset)
        assert value(match, "77771053") == len(content)
        assert value(match, "77771054") == hashlib.md5(content).hexdigest()
        assert value(match, "77771052") == "1.2.840.10008.1.2.1"
        assert value(match, "77771029") * 1000 + value(match, "7777102A") == len(content)


def test_receive_time_is_filtered_by_and_asked_for_its_own_attributes_come(dcm4chee: StandIn) -> None:
    first = build_object()
    stow(dcm4chee.url, first)
    (match,) = found(dcm4chee, query(first, "&includefield=77770010"))
    received = value(match, "77771020").replace("+", "%2B")
    for name in ("StudyReceiveDateTime", "SeriesReceiveDateTime"):
        (again,) = found(dcm4chee, query(first, f"&{name}={received}-"))
        assert "77771020" in again  # a key of block 7777 asks for the block
        assert found(dcm4chee, query(first, f"&{name}=20000101-20000102")) == []
        assert found(dcm4chee, query(first, f"&{name}=-20000102")) == []


def test_a_new_series_moves_the_series_receive_time_and_a_new_instance_does_not(dcm4chee: StandIn) -> None:
    first = build_object()
    stow(dcm4chee.url, first)
    (match,) = found(dcm4chee, query(first, "&includefield=77770010", level="series"))
    study_received, series_received = value(match, "77771020"), value(match, "77771030")
    more = build_object(StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID)
    stow(dcm4chee.url, more)
    (match,) = found(dcm4chee, query(first, "&includefield=77770010", level="series"))
    assert (value(match, "77771020"), value(match, "77771030")) == (study_received, series_received)
    stow(dcm4chee.url, build_object(StudyInstanceUID=first.StudyInstanceUID))
    times = [
        value(match, "77771030")
        for match in found(dcm4chee, query(first, "&includefield=77770010", level="series"))
    ]
    assert times[0] == series_received < times[1]


def test_patients_are_searched(dcm4chee: StandIn) -> None:
    patient = new_uid()
    stow(dcm4chee.url, build_object(PatientID=patient), build_object(PatientID=patient))
    (match,) = found(dcm4chee, f"/patients?PatientID={patient}&includefield=NumberOfPatientRelatedStudies")
    assert (value(match, "00100020"), value(match, "00201200")) == (patient, "2")
