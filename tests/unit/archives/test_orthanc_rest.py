"""The requests of the client of Orthanc's REST API, and what it makes of the answers."""

from __future__ import annotations

import inspect
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from orthanc_plugins.archives import Order, OrthancRest, StoredFile, UploadOutcome
from orthanc_plugins.identifiers import OrthancId, StudyUid
from tests.fakes import FakeOrthancRest
from tests.unit.archives.conftest import INSTANCE, Parrot


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def test_the_fake_has_the_methods_and_signatures_of_the_client() -> None:
    real, fake = public_methods(OrthancRest), public_methods(FakeOrthancRest)
    assert len(real) >= 17
    assert {name: fake.get(name) for name in real} == real


def test_credentials_and_headers_go_with_each_request(parrot: Parrot) -> None:
    with_user = OrthancRest(parrot.url, credentials=("user", "pass"))
    with_token = OrthancRest(parrot.url, headers={"Authorization": "Bearer token"})
    with_user.system()
    with_token.system()
    sent = [headers["Authorization"] for _, _, headers, _ in parrot.asked]
    assert sent == ["Basic dXNlcjpwYXNz", "Bearer token"]


def test_proxies_of_the_environment_are_not_used(
    parrot: Parrot, client: OrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client.system()
    assert len(parrot.asked) == 1


def test_the_change_log_is_asked_for_in_pages(parrot: Parrot, client: OrthancRest) -> None:
    entry = {"Seq": 8, "ChangeType": "NewSeries", "ResourceType": "Series", "ID": INSTANCE, "Date": "x"}
    parrot.says({"Changes": [entry], "Last": 8, "Done": False})
    changes = client.changes(7, limit=1)
    assert parrot.asked[0][:2] == ("GET", "/changes?since=7&limit=1")
    assert (changes.last, changes.done, changes.entries[0].kind) == (8, False, "NewSeries")


def test_counts_are_numbers(parrot: Parrot, client: OrthancRest) -> None:
    counts = {"CountPatients": 1, "CountStudies": 2, "CountSeries": 3, "CountInstances": 4}
    parrot.says({**counts, "TotalDiskSize": "12345678901"})
    held = client.statistics()
    assert (held.patients, held.studies, held.series, held.instances) == (1, 2, 3, 4)
    assert held.stored_bytes == 12_345_678_901


def test_a_lookup_keeps_the_level_asked_for(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says([{"ID": "a", "Type": "Study"}, {"ID": "b", "Type": "Series"}, {"ID": "c", "Type": "Series"}])
    assert client.lookup("1.2.3", "Series") == ["b", "c"]
    assert parrot.asked[0][3] == b"1.2.3"


def test_an_upload_tells_whether_it_was_there_already(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says({"ID": "i", "ParentStudy": "s", "Status": "AlreadyStored"})
    assert client.upload(b"DICM") == UploadOutcome(OrthancId("i"), OrthancId("s"), already_stored=True)
    assert [asked[3] for asked in parrot.asked] == [b"DICM"]


@pytest.mark.parametrize(("held", "known"), [([], False), (["other"], False), (["other", "i"], True)])
def test_an_orthanc_that_overwrites_is_asked_before_whether_it_held_the_instance(
    parrot: Parrot, client: OrthancRest, held: list[str], known: bool
) -> None:
    parrot.says([{"ID": one, "Type": "Instance"} for one in held])
    parrot.then_says({"ID": "i", "ParentStudy": "s", "Status": "Success"})
    element = b"\x02\x00\x03\x00UI\x06\x001.2.3\0"
    content = bytes(128) + b"DICM" + element
    assert client.upload(content).already_stored is known
    assert [(path, body) for _, path, _, body in parrot.asked] == [
        ("/tools/lookup", b"1.2.3"),
        ("/instances", content),
    ]


def test_structure_sets_are_found_by_modality_a_page_at_a_time(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says(["a", "b"])
    assert client.find_structure_sets(100, 50) == ["a", "b"]
    query = json.loads(parrot.asked[0][3])
    assert query == {"Level": "Series", "Query": {"Modality": "RTSTRUCT"}, "Since": 100, "Limit": 50}


STUDY_ANSWER = {
    "ID": INSTANCE,
    "ParentPatient": "p",
    "MainDicomTags": {"StudyInstanceUID": "1.2", "StudyDate": "20260102"},
    "PatientMainDicomTags": {"PatientID": "P1"},
    "RequestedTags": {
        "ModalitiesInStudy": "MR\\CT",
        "NumberOfStudyRelatedSeries": "2",
        "NumberOfStudyRelatedInstances": "3",
    },
    "Metadata": {"LastUpdate": "20260102T101112"},
    "Labels": ["urgent"],
    "IsStable": False,
}


def test_studies_are_found_with_their_counts_a_page_at_a_time(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says([STUDY_ANSWER])
    (study,) = client.find_studies({"StudyDate": "20260101-"}, since=10, limit=5, order=Order.NEWEST_FIRST)
    assert (study.study_uid, study.modalities) == ("1.2", ("CT", "MR"))
    assert (study.series_count, study.instance_count, study.last_update) == (2, 3, "20260102T101112")
    assert study.tags == {"StudyInstanceUID": "1.2", "StudyDate": "20260102", "PatientID": "P1"}
    assert (study.labels, study.stable, study.patient_orthanc_id) == (("urgent",), False, "p")
    asked = json.loads(parrot.asked[0][3])
    assert (asked["Level"], asked["Query"], asked["Since"], asked["Limit"]) == (
        "Study",
        {"StudyDate": "20260101-"},
        10,
        5,
    )
    assert [order["Key"] for order in asked["OrderBy"]] == ["LastUpdate", "StudyInstanceUID"]


def test_a_study_of_an_older_orthanc_has_when_it_was_last_updated(
    parrot: Parrot, client: OrthancRest
) -> None:
    older = {key: value for key, value in STUDY_ANSWER.items() if key != "Metadata"} | {"LastUpdate": "2025"}
    parrot.says([older])
    (study,) = client.find_studies({}, order=Order.NONE)
    assert study.last_update == "2025"
    assert "OrderBy" not in json.loads(parrot.asked[0][3])


def test_all_studies_are_listed_a_page_at_a_time(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says([STUDY_ANSWER])
    (study,) = client.list_studies(500, 250)
    assert (study.study_uid, study.instance_count) == ("1.2", 3)
    tags = "ModalitiesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances"
    assert parrot.asked[0][1] == f"/studies?since=500&limit=250&expand&requestedTags={tags}"


def test_a_study_is_asked_for_without_encoded_semicolons(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says(STUDY_ANSWER)
    assert client.study(INSTANCE).study_uid == "1.2"
    tags = "ModalitiesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances"
    assert parrot.asked[0][1] == f"/studies/{INSTANCE}?requestedTags={tags}"


@pytest.mark.parametrize("older", [True, False])
def test_instances_of_several_studies_are_found_in_one_request(
    parrot: Parrot, client: OrthancRest, older: bool
) -> None:
    answer: dict[str, Any] = {
        "ID": INSTANCE,
        "MainDicomTags": {"SOPInstanceUID": "1.2.3.4"},
        "RequestedTags": {
            "SOPClassUID": "1.1",
            "Modality": "CT",
            "SeriesInstanceUID": "1.2.3",
            "StudyInstanceUID": "1.2",
        },
    }
    if older:
        answer["FileSize"] = 99
    else:
        answer["Metadata"] = {"TransferSyntax": "1.9", "RemoteAET": "CT1"}
        answer["Attachments"] = [
            {"ContentType": 3, "UncompressedSize": 5},
            {"ContentType": 1, "UncompressedSize": 99},
        ]
    parrot.says([answer])
    (one,) = client.find_instances([StudyUid("1.2"), StudyUid("1.3")])
    assert json.loads(parrot.asked[0][3])["Query"] == {"StudyInstanceUID": "1.2\\1.3"}
    assert (one.sop_instance_uid, one.series_uid, one.study_uid) == ("1.2.3.4", "1.2.3", "1.2")
    assert (one.sop_class_uid, one.modality, one.size_bytes) == ("1.1", "CT", 99)
    assert one.transfer_syntax_uid == (None if older else "1.9")
    assert one.metadata.get("RemoteAET") == (None if older else "CT1")


def test_what_became_of_a_file_is_told(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says({"ID": "i", "ParentStudy": "s", "Status": "Success"})
    assert client.put(b"DICM") == StoredFile("Success", OrthancId("i"), OrthancId("s"))
    parrot.says({"ID": "i", "Status": "FilteredOut"})
    assert client.put(b"DICM") == StoredFile("FilteredOut", OrthancId("i"), None)
    assert [path for _, path, _, _ in parrot.asked] == ["/instances"] * 2


def test_the_end_of_the_log_is_asked_for_beyond_it(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says({"Changes": [], "Last": 42, "Done": True})
    assert client.last_change() == 42
    assert parrot.asked[0][1] == f"/changes?since={2**62}&limit=1"


@pytest.mark.parametrize("expanded", [True, False])
def test_identifiers_of_instances_are_read_short_and_at_length(
    parrot: Parrot, client: OrthancRest, expanded: bool
) -> None:
    parrot.says([{"ID": "a"}, {"ID": "b"}] if expanded else ["a", "b"])
    assert client.instance_ids(INSTANCE) == ["a", "b"]


def test_studies_of_resources_of_any_level(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says([{"ID": "s", "MainDicomTags": {"StudyInstanceUID": "1.2"}}])
    assert client.studies_of([INSTANCE]) == {"s": "1.2"}
    assert json.loads(parrot.asked[0][3]) == {"Resources": [INSTANCE], "Level": "Study", "Metadata": False}


def test_matches_are_counted(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says({"Count": 7})
    assert client.count("Instance", {"StudyDate": "20260101"}) == 7


def test_the_clock_is_read_in_utc(parrot: Parrot, client: OrthancRest) -> None:
    parrot.body = b"20260102T101112"
    assert client.now() == datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC)


def test_labels_metadata_and_deletion_have_their_routes(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says(["a", "b"])
    assert client.labels("Study", INSTANCE) == ["a", "b"]
    parrot.says({"RemoteAET": "CT1"})
    assert client.metadata("Instance", INSTANCE) == {"RemoteAET": "CT1"}
    client.add_label("Patient", INSTANCE, "x")
    client.remove_label("Series", INSTANCE, "x")
    client.delete_resource("Study", INSTANCE)
    assert [(method, path) for method, path, _, _ in parrot.asked] == [
        ("GET", f"/studies/{INSTANCE}/labels"),
        ("GET", f"/instances/{INSTANCE}/metadata?expand="),
        ("PUT", f"/patients/{INSTANCE}/labels/x"),
        ("DELETE", f"/series/{INSTANCE}/labels/x"),
        ("DELETE", f"/studies/{INSTANCE}"),
    ]


def test_threads_share_the_client(parrot: Parrot, client: OrthancRest) -> None:
    parrot.says({"Version": "1"})
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(client.system())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"Version": "1"}] * 8
