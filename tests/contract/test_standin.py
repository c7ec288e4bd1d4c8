"""DCM4CHEE's stand-in, real Orthanc and shim, against what facts/dcm4chee.md says of dcm4chee."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from pynetdicom import AE

from tests.stack import eventually
from tests.standin import running_standin
from tests.standin_objects import (
    STOW_HEADERS,
    build_object,
    build_series,
    content_of,
    multipart,
    new_uid,
    parts_of,
    stow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

    from tests.standin import StandIn

AS_STORED = {"Accept": 'multipart/related;type="application/dicom";transfer-syntax=*'}


@pytest.fixture(scope="module")
def dcm4chee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A stand-in that all tests of this module share; each has studies of its own."""
    with running_standin(tmp_path_factory.mktemp("dcm4chee")) as standin:
        yield standin


def get(dcm4chee: StandIn, path: str, **headers: str) -> requests.Response:
    return requests.get(dcm4chee.url + path, headers=headers, timeout=60)


def found(dcm4chee: StandIn, path: str) -> list[dict[str, Any]]:
    answer = get(dcm4chee, path)
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


def value(attributes: dict[str, Any], tag: str) -> Any:
    return attributes[tag].get("Value", [None])[0]


def study_of(dataset: Dataset) -> str:
    return f"/studies/{dataset.StudyInstanceUID}"


def path_of(dataset: Dataset) -> str:
    return f"{study_of(dataset)}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"


def query(dataset: Dataset, more: str = "", level: str = "studies") -> str:
    return f"/{level}?StudyInstanceUID={dataset.StudyInstanceUID}{more}"


def retrieved(dcm4chee: StandIn, path: str) -> list[Dataset]:
    answer = requests.get(dcm4chee.url + path, headers=AS_STORED, timeout=60)
    assert answer.status_code == 200, answer.text
    return [dcmread(io.BytesIO(part)) for part in parts_of(answer)]


def failure_reasons(answer: requests.Response) -> list[int]:
    return [value(item, "00081197") for item in answer.json().get("00081198", {}).get("Value", [])]


def reject(dcm4chee: StandIn, path: str, code: str = "113001^DCM") -> requests.Response:
    return requests.post(f"{dcm4chee.url}{path}/reject/{code.replace('^', '%5E')}", timeout=60)


def c_store(dcm4chee: StandIn, dataset: Dataset, calling: str = "MODALITY") -> int:
    entity = AE(ae_title=calling)
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate(dcm4chee.dicom_host, dcm4chee.dicom_port, ae_title=dcm4chee.aet)
    assert association.is_established
    status: int = association.send_c_store(dataset).Status
    association.release()
    return status


# Control


def test_it_names_itself_in_every_answer(dcm4chee: StandIn) -> None:
    for path in ("/studies?limit=1", "/studies?unknown=1", "/nowhere", "/studies/1.2/metadata"):
        server = get(dcm4chee, path).headers["Server"]
        assert re.fullmatch(r"DCM4CHEE stand-in \(Orthanc 1\.\d+\.\d+\)", server)


def test_control_tells_that_it_runs_and_what_time_it_has(dcm4chee: StandIn) -> None:
    status = requests.get(f"{dcm4chee.root}/ctrl/status", timeout=10)
    assert (status.status_code, status.json()) == (200, {"status": "STARTED"})
    told = requests.get(f"{dcm4chee.root}/monitor/serverTime", timeout=10).json()["serverTimeWithTimezone"]
    moment = datetime.strptime(told, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((moment - datetime.now(UTC)).total_seconds()) < 5


def test_unknown_application_entity_is_not_found_and_case_counts(dcm4chee: StandIn) -> None:
    for title in ("NOBODY", "dcm4chee"):
        answer = requests.get(f"{dcm4chee.root}/aets/{title}/rs/studies", timeout=10)
        assert answer.status_code == 404
        assert answer.json() == {"errorMessage": f"No such Application Entity: {title}"}
        assert answer.headers["Content-Type"].startswith("text/plain")


# QIDO


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


# STOW


def test_all_stored_is_200_and_tells_where(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    answer = stow(dcm4chee.url, *datasets)
    assert answer.status_code == 200
    assert value(answer.json(), "00081190") == dcm4chee.url + study_of(datasets[0])
    references = answer.json()["00081199"]["Value"]
    assert [value(item, "00081155") for item in references] == [one.SOPInstanceUID for one in datasets]
    assert value(references[0], "00081190") == dcm4chee.url + path_of(datasets[0])
    assert "00081198" not in answer.json()


def test_some_stored_is_202_with_reasons(dcm4chee: StandIn) -> None:
    good = build_object()
    answer = stow(dcm4chee.url, good, b"no DICOM", build_object(), path=study_of(good))
    assert answer.status_code == 202
    assert sorted(failure_reasons(answer)) == [0xC409, 0xC499]
    assert answer.headers["Warning"].startswith('299 dcm4chee-arc "')
    assert [value(item, "00081155") for item in answer.json()["00081199"]["Value"]] == [good.SOPInstanceUID]


@pytest.mark.parametrize("contents", [(), (b"no DICOM",)], ids=["no part", "no DICOM"])
def test_none_stored_is_409(dcm4chee: StandIn, contents: tuple[bytes, ...]) -> None:
    assert stow(dcm4chee.url, *contents).status_code == 409


def test_a_truncated_file_is_not_stored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    answer = stow(dcm4chee.url, content_of(dataset)[:-20])
    assert (answer.status_code, failure_reasons(answer)) == (409, [0xC499])
    assert found(dcm4chee, query(dataset)) == []


@pytest.mark.parametrize(
    ("kind", "accept", "status"),
    [
        ("multipart/form-data; boundary=boundary", "application/dicom+json", 415),
        ("application/dicom", "application/dicom+json", 415),
        ('multipart/related; type="application/dicom"', "application/dicom+json", 400),
        (STOW_HEADERS["Content-Type"], "text/html", 406),
    ],
)
def test_wrong_media_types_are_refused(dcm4chee: StandIn, kind: str, accept: str, status: int) -> None:
    answer = requests.post(
        f"{dcm4chee.url}/studies",
        data=multipart(content_of(build_object())),
        headers={"Content-Type": kind, "Accept": accept},
        timeout=30,
    )
    assert answer.status_code == status


def test_parts_of_another_type_are_skipped(dcm4chee: StandIn) -> None:
    dataset = build_object()
    body = multipart(b"{}", kind="application/json")[: -len(b"--boundary--\r\n")]
    answer = requests.post(
        f"{dcm4chee.url}/studies",
        data=body + multipart(content_of(dataset)),
        headers=STOW_HEADERS,
        timeout=30,
    )
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 1


def test_body_without_its_end_is_500_and_what_came_before_is_kept(dcm4chee: StandIn) -> None:
    dataset = build_object()
    body = multipart(content_of(dataset), content_of(build_object()))[:-200]
    answer = requests.post(f"{dcm4chee.url}/studies", data=body, headers=STOW_HEADERS, timeout=30)
    assert answer.status_code == 500
    assert "EOFException" in answer.text
    assert len(found(dcm4chee, query(dataset))) == 1


def test_a_duplicate_with_other_content_is_success_and_ignored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    other = build_object(
        StudyInstanceUID=dataset.StudyInstanceUID,
        SeriesInstanceUID=dataset.SeriesInstanceUID,
        SOPInstanceUID=dataset.SOPInstanceUID,
        PixelData=bytes(128),
    )
    assert stow(dcm4chee.url, other).status_code == 200
    (kept,) = retrieved(dcm4chee, path_of(dataset))
    assert kept.PixelData == dataset.PixelData


def test_views_other_than_the_main_one_store_nothing(dcm4chee: StandIn) -> None:
    answer = stow(f"{dcm4chee.root}/aets/AS_RECEIVED/rs", build_object())
    assert answer.status_code == 404
    assert answer.json()["errorMessage"].startswith("No Web Application with STOW_RS service class")


def test_missing_patient_id_is_made_up(dcm4chee: StandIn) -> None:
    dataset = build_object(PatientID="")
    assert stow(dcm4chee.url, dataset).status_code == 200
    (match,) = found(dcm4chee, query(dataset))
    made_up = value(match, "00100020")
    assert re.fullmatch(r"P-\d{8}", made_up)
    (sent,) = retrieved(dcm4chee, study_of(dataset))
    assert sent.PatientID == made_up


# Coercion


def test_what_came_first_wins_and_the_change_is_recorded(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription="First", PatientName="Müller^Ännchen")
    second = build_object(
        StudyInstanceUID=first.StudyInstanceUID,
        SeriesInstanceUID=first.SeriesInstanceUID,
        PatientID=first.PatientID,
        StudyDescription="Second",
        PatientName="Mueller^A",
        InstanceNumber="2",
    )
    stow(dcm4chee.url, first, second)
    sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(first))}
    coerced = sent[second.SOPInstanceUID]
    assert (coerced.StudyDescription, coerced.PatientName) == ("First", "Müller^Ännchen")
    (item,) = coerced.OriginalAttributesSequence
    (before,) = item.ModifiedAttributesSequence
    assert (before.StudyDescription, before.PatientName) == ("Second", "Mueller^A")
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert item.ModifyingSystem == "dcm4chee-arc"
    assert re.fullmatch(r"\d{14}\.\d{3}[+-]\d{4}", item.AttributeModificationDateTime)
    assert coerced.PixelData == second.PixelData
    assert (coerced.InstanceNumber, coerced.SliceThickness) == ("2", "2.50")
    untouched = sent[first.SOPInstanceUID]
    assert content_of(untouched) == content_of(first)
    (told,) = get(dcm4chee, f"{path_of(second)}/metadata").json()
    assert value(told, "00081030") == "First"
    assert value(told["04000561"]["Value"][0], "04000565") == "COERCE"


def test_what_was_missing_is_supplemented(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription=None)
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, StudyDescription="Later")
    stow(dcm4chee.url, first, second)
    sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(first))}
    assert sent[first.SOPInstanceUID].StudyDescription == "Later"
    assert "OriginalAttributesSequence" not in sent[first.SOPInstanceUID]


def test_as_received_is_not_merged(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription="First")
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, StudyDescription="Second")
    stow(dcm4chee.url, first, second)
    url = f"{dcm4chee.root}/aets/AS_RECEIVED/rs{path_of(second)}"
    answer = requests.get(url, headers=AS_STORED, timeout=30)
    (sent,) = parts_of(answer)
    assert sent == content_of(second)


def test_an_object_of_another_patient_joins_the_patient_of_its_study(dcm4chee: StandIn) -> None:
    first = build_object(PatientID="ONE")
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, PatientID="TWO")
    assert stow(dcm4chee.url, first, second).status_code == 200
    assert {one.PatientID for one in retrieved(dcm4chee, study_of(first))} == {"ONE"}
    (match,) = found(dcm4chee, query(first))
    assert (value(match, "00100020"), value(match, "00201208")) == ("ONE", "2")


def test_study_attributes_are_replaced_and_the_change_recorded_on_request(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    sent = {
        "0020000D": {"vr": "UI", "Value": [dataset.StudyInstanceUID]},
        "00100020": {"vr": "LO", "Value": [dataset.PatientID]},
        "00081030": {"vr": "LO", "Value": ["Corrected"]},
        "00080020": {"vr": "DA", "Value": ["20260102"]},
    }
    url = f"{dcm4chee.url}{study_of(dataset)}?reasonForModification=CORRECT&sourceOfPreviousValues=RIS"
    assert requests.put(url, json=sent, timeout=30).status_code == 200
    (changed,) = retrieved(dcm4chee, study_of(dataset))
    assert changed.StudyDescription == "Corrected"
    (item,) = changed.OriginalAttributesSequence
    assert item.ReasonForTheAttributeModification == "CORRECT"
    assert item.SourceOfPreviousValues == "RIS"
    assert item.ModifiedAttributesSequence[0].StudyDescription == "Thorax"
    (match,) = found(dcm4chee, query(dataset))
    assert match["00080050"] == {"vr": "SH"}  # what is not sent is removed
    assert value(match, "00100010") == {"Alphabetic": "Doe^Jane"}  # PUT of a study is not one of its patient


def test_wrong_updates_of_studies_are_refused(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    sent = {
        "0020000D": {"vr": "UI", "Value": [dataset.StudyInstanceUID]},
        "00100020": {"vr": "LO", "Value": [dataset.PatientID]},
    }
    url = dcm4chee.url + study_of(dataset)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"0020000D": {"vr": "UI", "Value": ["1.2"]}}, 400),
        ({"00100020": {"vr": "LO"}}, 400),
        ({"00100020": {"vr": "LO", "Value": ["NO SUCH"]}}, 404),
    ]
    for changes, status in wrong:
        assert requests.put(url, json=sent | changes, timeout=30).status_code == status
    unknown = {**sent, "0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
    assert requests.put(f"{dcm4chee.url}/studies/1.2.3", json=unknown, timeout=30).status_code == 404


def test_patient_attributes_are_replaced(dcm4chee: StandIn) -> None:
    patient = new_uid()
    dataset = build_object(PatientID=patient)
    stow(dcm4chee.url, dataset)
    sent = {
        "00100020": {"vr": "LO", "Value": [patient]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Roe^Joan"}]},
        "00100030": {"vr": "DA", "Value": ["19600229"]},
        "00100040": {"vr": "CS", "Value": ["F"]},
    }
    assert requests.put(f"{dcm4chee.url}/patients/{patient}", json=sent, timeout=30).status_code == 204
    assert found(dcm4chee, query(dataset, "&PatientName=ROE"))
    (changed,) = retrieved(dcm4chee, study_of(dataset))
    assert changed.PatientName == "Roe^Joan"


# WADO


def test_what_is_not_merged_goes_out_with_its_own_bytes(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    contents = {content_of(one) for one in datasets}
    for path, count in ((study_of(datasets[0]), 3), (path_of(datasets[0]), 1)):
        answer = requests.get(dcm4chee.url + path, headers=AS_STORED, timeout=30)
        parts = list(parts_of(answer))
        assert len(parts) == count
        assert set(parts) <= contents
        assert "transfer-syntax=1.2.840.10008.1.2.1" in answer.headers["Content-Type"]


def test_absent_objects_are_not_found(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    for path in ("/studies/1.2.3", f"{study_of(dataset)}/series/1.2.3", "/studies/1.2.3/metadata"):
        answer = requests.get(dcm4chee.url + path, headers=AS_STORED | {"Accept": "*/*"}, timeout=30)
        assert (answer.status_code, answer.json()) == (404, {"errorMessage": "No matches found."})


def test_retrievals_are_conditional(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    first = requests.get(dcm4chee.url + study_of(dataset), headers=AS_STORED, timeout=30)
    again = requests.get(
        dcm4chee.url + study_of(dataset),
        headers=AS_STORED | {"If-None-Match": first.headers["ETag"]},
        timeout=30,
    )
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Last-Modified"].endswith("GMT")


def test_long_values_are_bulk_data_in_metadata(dcm4chee: StandIn) -> None:
    contours = "\\".join(f"{number}.5" for number in range(600))
    dataset = build_object()
    dataset.add_new(0x300600B0, "SQ", [])
    item = build_object().__class__()
    item.add_new(0x30060050, "DS", contours)
    dataset.add_new(0x30060039, "SQ", [item])
    stow(dcm4chee.url, dataset)
    (metadata,) = get(dcm4chee, f"{study_of(dataset)}/metadata").json()
    told = metadata["30060039"]["Value"][0]["30060050"]
    assert told == {
        "vr": "DS",
        "BulkDataURI": f"{dcm4chee.url}{path_of(dataset)}/bulkdata/30060039/1/30060050",
    }
    (bulk,) = parts_of(requests.get(told["BulkDataURI"], timeout=30))
    assert bulk.decode().strip() == contours
    pixels = metadata["7FE00010"]["BulkDataURI"]
    assert pixels == f"{dcm4chee.url}{path_of(dataset)}/pixeldata"
    assert list(parts_of(requests.get(pixels, timeout=30))) == [dataset.PixelData]


def test_zip_is_not_spoken(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    assert get(dcm4chee, study_of(dataset), Accept="application/zip").status_code == 406


# Rejection and deletion


def test_rejected_objects_are_out_of_sight_and_a_note_says_why(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    answer = reject(dcm4chee, path_of(datasets[0]))
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    assert (
        found(dcm4chee, query(datasets[0], f"&SOPInstanceUID={datasets[0].SOPInstanceUID}", "instances"))
        == []
    )
    assert get(dcm4chee, f"{path_of(datasets[0])}/metadata").status_code == 404
    (match,) = found(dcm4chee, query(datasets[0], "&includefield=77770010"))
    assert match["00080061"]["Value"] == ["CT", "KO"]
    assert (value(match, "00201206"), value(match, "00201208")) == ("2", "3")
    assert value(match, "77771024") == "PARTIAL"
    sent = retrieved(dcm4chee, study_of(datasets[0]))
    (note,) = [one for one in sent if one.Modality == "KO"]
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    (series,) = note.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    (reference,) = series.ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == datasets[0].SOPInstanceUID
    assert {one.SOPInstanceUID for one in sent if one.Modality == "CT"} == {
        one.SOPInstanceUID for one in datasets[1:]
    }


def test_after_quality_a_second_occurrence_is_silently_ignored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    assert stow(dcm4chee.url, dataset).status_code == 200
    (match,) = found(dcm4chee, query(dataset))
    assert match["00080061"]["Value"] == ["KO"]


@pytest.mark.parametrize("code", ["113037^DCM", "113038^DCM"])
def test_after_safety_and_worklist_a_second_occurrence_is_refused(dcm4chee: StandIn, code: str) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset), code)
    answer = stow(dcm4chee.url, dataset)
    assert (answer.status_code, failure_reasons(answer)) == (409, [0xA771])
    assert "Subsequent occurrence of rejected Object" in answer.headers["Warning"]


def test_after_retention_expired_an_object_is_restored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset), "113039^DCM")
    answer = get(dcm4chee, query(dataset))
    assert (answer.status_code, answer.json()) == (
        200,
        [],
    )  # counted, and nothing of it shown: its note neither
    assert stow(dcm4chee.url, dataset).status_code == 200
    assert len(found(dcm4chee, query(dataset))) == 1


def test_rejection_is_revoked(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    answer = reject(dcm4chee, study_of(dataset), "REVOKE_REJECTION^99DCM4CHEE")
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    (match,) = found(dcm4chee, query(dataset))
    assert "CT" in match["00080061"]["Value"]


def test_unknown_codes_and_empty_rejections_are_not_found(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    assert reject(dcm4chee, study_of(dataset), "113999^DCM").status_code == 404
    assert reject(dcm4chee, "/studies/1.2.3").status_code == 404
    assert reject(dcm4chee, study_of(dataset), "REVOKE_REJECTION^99DCM4CHEE").status_code == 404


def test_rejected_objects_are_seen_through_their_views(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    for title, seen in (("IOCM_QUALITY", 200), ("IOCM_PAT_SAFETY", 404), ("AS_RECEIVED", 200)):
        url = f"{dcm4chee.root}/aets/{title}/rs{path_of(dataset)}"
        assert requests.get(url, headers=AS_STORED, timeout=30).status_code == seen


def test_a_study_is_deleted_only_once_it_is_rejected(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    stow(dcm4chee.url, *datasets)
    url = dcm4chee.url + study_of(datasets[0])
    answer = requests.delete(url, timeout=30)
    assert answer.status_code == 403
    assert answer.json() == {"errorMessage": "Deletion of Study with Rejection State: NONE not permitted"}
    reject(dcm4chee, path_of(datasets[0]))
    assert "PARTIAL" in requests.delete(url, timeout=30).text
    reject(dcm4chee, study_of(datasets[0]))
    assert requests.delete(url, timeout=30).status_code == 204
    assert requests.delete(url, timeout=30).status_code == 404
    assert found(dcm4chee, query(datasets[0])) == []
    assert stow(dcm4chee.url, *datasets).status_code == 200  # nothing is remembered of it
    assert len(found(dcm4chee, query(datasets[0]))) == 1


def test_storage_is_verified(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    stow(dcm4chee.url, *datasets)
    url = f"{dcm4chee.url}{study_of(datasets[0])}/stgver"
    assert requests.post(url, timeout=30).status_code == 200
    stored = next(
        path
        for path in (dcm4chee.folder / "storage").rglob("*")
        if path.is_file() and path.read_bytes() == content_of(datasets[0])
    )
    stored.write_bytes(content_of(datasets[0])[:-1] + b"\xff")
    answer = requests.post(url, timeout=30)
    assert answer.status_code == 202
    (failed,) = answer.json()[0]["00081198"]["Value"]
    assert value(failed, "00081155") == datasets[0].SOPInstanceUID
    assert requests.post(f"{dcm4chee.url}/studies/1.2.3/stgver", timeout=30).status_code == 404


# C-STORE, third parties, what goes past the shim


def test_what_comes_by_c_store_is_there(dcm4chee: StandIn) -> None:
    dataset = build_object(InstitutionName="Klinik")
    assert c_store(dcm4chee, dataset) == 0
    (match,) = found(dcm4chee, query(dataset, "&includefield=77770010", level="series"))
    assert value(match, "77771037") == "MODALITY"
    assert found(dcm4chee, query(dataset, "&SendingApplicationEntityTitleOfSeries=MODALITY"))
    assert not found(dcm4chee, query(dataset, "&SendingApplicationEntityTitleOfSeries=OTHER"))
    (sent,) = retrieved(dcm4chee, study_of(dataset))
    assert sent.InstitutionName == "Klinik"


def test_headers_of_any_length_come_by_c_store(dcm4chee: StandIn) -> None:
    long, large = build_object(Modality="MR"), build_object(Rows=256, Columns=256, PixelData=bytes(131072))
    long.add_new(0x00091010, "OB", bytes(40000))
    for dataset in (long, large):
        assert c_store(dcm4chee, dataset) == 0
        (match,) = found(dcm4chee, query(dataset))
        assert match["00080061"]["Value"] == [dataset.Modality]


def test_c_store_from_the_same_sender_replaces_and_from_another_does_not(dcm4chee: StandIn) -> None:
    dataset = build_object(InstanceNumber="1")
    c_store(dcm4chee, dataset)
    dataset.InstanceNumber = "2"
    assert c_store(dcm4chee, dataset, "OTHER") == 0
    assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "1"
    assert c_store(dcm4chee, dataset) == 0
    assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "2"


def test_c_store_of_rejected_objects(dcm4chee: StandIn) -> None:
    for code, status in (("113001^DCM", 0), ("113037^DCM", 0xA771)):
        dataset = build_object()
        c_store(dcm4chee, dataset)
        reject(dcm4chee, study_of(dataset), code)
        assert c_store(dcm4chee, dataset) == status
        (match,) = found(dcm4chee, query(dataset))
        assert match["00080061"]["Value"] == ["KO"]
    dataset = build_object()
    c_store(dcm4chee, dataset)
    reject(dcm4chee, study_of(dataset), "113039^DCM")
    assert c_store(dcm4chee, dataset) == 0
    (match,) = found(dcm4chee, query(dataset))
    assert "CT" in match["00080061"]["Value"]


def test_dicomweb_client_works_with_it(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    client = DICOMwebClient(dcm4chee.url)
    client.store_instances(datasets=datasets)
    (study,) = client.search_for_studies(search_filters={"StudyInstanceUID": datasets[0].StudyInstanceUID})
    assert value(study, "00201208") == "3"
    assert client.search_for_studies(search_filters={"StudyInstanceUID": new_uid()}) == []
    series = client.retrieve_series(datasets[0].StudyInstanceUID, datasets[0].SeriesInstanceUID)
    assert {one.SOPInstanceUID for one in series} == {one.SOPInstanceUID for one in datasets}
    assert len(client.retrieve_study_metadata(datasets[0].StudyInstanceUID)) == 3


def test_pynetdicom_is_answered_an_echo(dcm4chee: StandIn) -> None:
    entity = AE(ae_title="ORTHANC")
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate(dcm4chee.dicom_host, dcm4chee.dicom_port, ae_title=dcm4chee.aet)
    assert association.send_c_echo().Status == 0
    association.release()


def test_what_is_planted_behind_it_is_noticed(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    uid = datasets[0].SOPInstanceUID
    looked_up = requests.post(f"{dcm4chee.orthanc_url}/tools/lookup", data=uid, timeout=30).json()
    (orthanc_id,) = [one["ID"] for one in looked_up if one["Type"] == "Instance"]
    requests.delete(f"{dcm4chee.orthanc_url}/instances/{orthanc_id}", timeout=30)
    (match,) = found(dcm4chee, query(datasets[0]))
    assert value(match, "00201208") == "2"
    damaged = build_object(
        **{
            keyword: datasets[1][keyword].value
            for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        },
        PixelData=bytes(128),
    )
    requests.post(f"{dcm4chee.orthanc_url}/instances", data=content_of(damaged), timeout=30)
    (sent,) = retrieved(dcm4chee, path_of(datasets[1]))
    assert sent.PixelData == bytes(128)


def test_a_rejection_note_of_someone_else_rejects(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    (note,) = [one for one in retrieved(dcm4chee, study_of(dataset)) if one.Modality == "KO"]
    reject(dcm4chee, study_of(dataset), "REVOKE_REJECTION^99DCM4CHEE")
    note.SOPInstanceUID = new_uid()
    note.file_meta.MediaStorageSOPInstanceUID = note.SOPInstanceUID
    assert stow(dcm4chee.url, note).status_code == 200
    (match,) = found(dcm4chee, query(dataset))
    assert match["00080061"]["Value"] == ["KO"]


# Options and restarts, each with a stand-in of its own


def test_state_survives_a_restart_and_what_came_meanwhile_is_found(tmp_path: Path) -> None:
    with running_standin(tmp_path) as dcm4chee:
        datasets = build_series(2)
        stow(dcm4chee.url, *datasets)
        second = build_object(StudyInstanceUID=datasets[0].StudyInstanceUID, StudyDescription="Other")
        stow(dcm4chee.url, second)
        reject(dcm4chee, path_of(datasets[0]))
        before = found(dcm4chee, query(datasets[0], "&includefield=all"))
        dcm4chee.kill()
        dcm4chee.start()
        assert found(dcm4chee, query(datasets[0], "&includefield=all")) == before
        sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(second))}
        assert sent[second.SOPInstanceUID].OriginalAttributesSequence
        assert datasets[0].SOPInstanceUID not in sent
        dcm4chee.shim.stop()
        late = build_object()
        c_store(dcm4chee, late)
        dcm4chee.shim.start()
        assert len(found(dcm4chee, query(late))) == 1


def test_more_than_the_cap_is_told_in_a_warning(tmp_path: Path) -> None:
    with running_standin(tmp_path, qido_max_number_of_results=2) as dcm4chee:
        stow(dcm4chee.url, *(build_object() for _ in range(5)))
        answer = get(dcm4chee, "/studies")
        assert len(answer.json()) == 2
        address = f"127.0.0.1:{dcm4chee.port}"
        told = f'299 {address} "There are 3 additional results that can be requested"'
        assert answer.headers["Warning"] == told
        assert "2 additional" in get(dcm4chee, "/studies?limit=3&offset=1").headers["Warning"]
        assert "Warning" not in get(dcm4chee, "/studies?limit=2").headers
        assert "Warning" not in get(dcm4chee, "/studies?offset=3").headers
        assert get(dcm4chee, "/studies?offset=5").status_code == 204


def test_clock_overwriting_and_patient_ids_are_options(tmp_path: Path) -> None:
    with running_standin(
        tmp_path, clock_skew_s=600, overwrite_policy="ALWAYS", accept_missing_patient_id="NO"
    ) as dcm4chee:
        dataset = build_object()
        stow(dcm4chee.url, dataset)
        (match,) = found(dcm4chee, query(dataset, "&includefield=77770010"))
        received = datetime.strptime(value(match, "77771020"), "%Y%m%d%H%M%S.%f%z")
        assert 590 < (received - datetime.now(UTC)).total_seconds() < 610
        dataset.InstanceNumber = "7"
        assert stow(dcm4chee.url, dataset).status_code == 200
        assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "7"
        answer = stow(dcm4chee.url, build_object(PatientID=""))
        assert (answer.status_code, failure_reasons(answer)) == (409, [0xA777])
        dcm4chee.configure(overwrite_policy="NEVER", clock_skew_s=0)
        dataset.InstanceNumber = "8"
        assert c_store(dcm4chee, dataset) == 0
        assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "7"


def test_a_full_disk_is_out_of_resources(tmp_path: Path) -> None:
    limits = {"MaximumStorageSize": 1, "MaximumStorageMode": "Reject"}
    with running_standin(tmp_path, orthanc=limits) as dcm4chee:
        large = build_object(Rows=1024, Columns=1024, PixelData=bytes(2 * 1024 * 1024))
        answer = stow(dcm4chee.url, build_object(), large)
        assert answer.status_code == 202
        assert failure_reasons(answer) == [0xA700]


def test_without_its_orthanc_it_is_stopped_and_retrievals_break_off(tmp_path: Path) -> None:
    with running_standin(tmp_path) as dcm4chee:
        dataset = build_object()
        stow(dcm4chee.url, dataset)
        dcm4chee.orthanc.kill()
        status = requests.get(f"{dcm4chee.root}/ctrl/status", timeout=10)
        assert status.json() == {"status": "STOPPED"}
        answer = requests.get(dcm4chee.url + study_of(dataset), headers=AS_STORED, timeout=10)
        assert answer.status_code == 500
        assert answer.headers["Content-Type"].startswith("text/plain")
        dcm4chee.orthanc.start()
        eventually(lambda: get(dcm4chee, query(dataset)).status_code == 200, "the archive answers again")
        assert CTImageStorage in {
            value(one, "00080016") for one in found(dcm4chee, query(dataset, level="instances"))
        }
