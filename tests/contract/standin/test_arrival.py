"""C-STORE, clients of others, and what is done behind the shim's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from dicomweb_client import DICOMwebClient
from pynetdicom import AE

from dcm4chee.standin.dataset import read_received
from tests.contract.standin.asked import (
    c_store,
    found,
    path_of,
    query,
    reject,
    retrieved,
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


def test_what_it_stores_itself_is_told_as_orthanc_tells_it(dcm4chee: StandIn) -> None:
    dataset = build_object(PatientID="Ä 1")
    stow(dcm4chee.url, dataset)
    (match,) = found(dcm4chee, query(dataset, "&includefield=all", level="instances"))
    orthanc_id = "-".join(match["77771051"]["Value"])
    assert read_received(content_of(dataset)).orthanc_id == orthanc_id
    instances = requests.get(f"{dcm4chee.orthanc_url}/instances", timeout=30).json()
    assert orthanc_id in instances


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
