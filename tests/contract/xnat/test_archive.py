"""The prearchive, the archive service's merge rules, and what is archived, over bare HTTP."""

from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import requests

from tests.contract.xnat.site import Site, build_study, message_of
from tests.standin_objects import build_object, new_uid
from tests.xnat_process import running_xnat

if TYPE_CHECKING:
    from pathlib import Path


def test_the_archive_service_answers_with_the_session_and_the_row_is_gone(site: Site) -> None:
    answer = site.archive(site.send_to_prearchive(build_study()))
    assert answer.text == f"/data/archive/projects/{site.project}/subjects/S1/experiments/E1\r\n"
    assert site.prearchived() == []


def test_it_may_give_another_subject_and_label(site: Site) -> None:
    uri = site.send_to_prearchive(build_study())
    destination = f"/archive/projects/{site.project}/subjects/S2/experiments/E2"
    assert site.archive(uri, dest=destination).text.strip() == f"/data{destination}"


def test_labels_lose_what_paths_do_not_like(site: Site) -> None:
    uri = site.send_to_prearchive(build_study(), subject="S.1 a")
    assert site.archive(uri).text.strip().endswith("/subjects/S_1_a/experiments/E1")


def test_a_subject_is_found_whatever_its_case(site: Site) -> None:
    site.put(f"/data/projects/{site.project}/subjects/s1")
    site.archived(build_study(), subject="S1")
    assert [row["label"] for row in site.rows(f"/data/projects/{site.project}/subjects")] == ["s1"]


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({}, 409, "Session already exists, retry with overwrite enabled"),
        ({"overwrite": "append"}, 409, "Session already exists with matching files."),
        ({"overwrite": "append", "overwrite_files": "true"}, 200, ""),
        ({"overwrite": "delete"}, 200, ""),
    ],
    ids=["none", "append", "append, overwriting files", "delete"],
)
def test_the_same_session_again(site: Site, parameters: dict[str, str], status: int, told: str) -> None:
    datasets = build_study()
    archived = site.archived(datasets)
    answer = site.archive(site.send_to_prearchive(datasets), **parameters)
    assert (answer.status_code, message_of(answer)) == (status, told)
    assert [row["status"] for row in site.prearchived()] == (["CONFLICT"] if status == 409 else [])
    assert len(site.downloaded(archived)) == 3


def test_other_files_of_a_session_are_appended(site: Site) -> None:
    datasets = build_study()
    archived = site.archived(datasets[:1])
    site.archive(site.send_to_prearchive(datasets[:2][1:]), overwrite="append")
    assert set(site.downloaded(archived)) == {str(one.SOPInstanceUID) for one in datasets[:2]}


def test_another_study_under_a_label_is_a_conflict(site: Site) -> None:
    site.archived(build_study())
    answer = site.archive(site.send_to_prearchive(build_study()), overwrite="append")
    assert answer.status_code == 409
    assert message_of(answer).startswith("Invalid modification of session UID")


def test_another_subject_or_modality_is_a_conflict_whatever_may_be_overwritten(site: Site) -> None:
    datasets = build_study()
    site.archived(datasets)
    answer = site.archive(site.send_to_prearchive(datasets, subject="S2"), overwrite="delete")
    assert (answer.status_code, "subject" in message_of(answer)) == (409, True)
    (row,) = site.prearchived()
    site.delete(f"/data{row['url']}")
    answer = site.archive(site.send_to_prearchive(datasets[2:]), overwrite="delete")
    assert (answer.status_code, "modality" in message_of(answer)) == (409, True)


def test_another_series_of_a_scan_number_is_a_scan_of_its_own(site: Site) -> None:
    study = new_uid()
    first, second = (
        build_object(StudyInstanceUID=study, SeriesInstanceUID=new_uid(), SeriesNumber="2") for _ in range(2)
    )
    archived = site.archived([first])
    site.archive(site.send_to_prearchive([second]), overwrite="append")
    assert [row["ID"] for row in site.rows(f"{archived}/scans")] == ["2", "2-CT1"]


def test_validation_tells_what_speaks_against_it(site: Site) -> None:
    datasets = build_study()
    uri = site.send_to_prearchive(datasets)
    path = "/data/services/validate-archive"
    (warning,) = site.post(path, data={"src": uri}).json()["ResultSet"]["Result"]
    assert (warning["code"], warning["type"]) == ("12", "WARNING")
    site.archive(uri)
    told = site.post(path, data={"src": site.send_to_prearchive(datasets)}).json()["ResultSet"]["Result"]
    assert [one["code"] for one in told] == ["1", "14"]


def test_session_and_scan_types_follow_the_objects(site: Site) -> None:
    uri = site.archived(build_study())
    item = site.get(uri, params={"format": "json"}).json()["items"][0]
    assert item["meta"]["xsi:type"] == "xnat:ctSessionData"
    scans = {scan["data_fields"]["ID"]: scan["meta"]["xsi:type"] for scan in item["children"][0]["items"]}
    assert scans == {"2": "xnat:ctScanData", "3": "xnat:rtImageScanData"}
    lone = site.archived(build_study()[2:], session="E2")
    item = site.get(lone, params={"format": "json"}).json()["items"][0]
    assert item["meta"]["xsi:type"] == "xnat:otherDicomSessionData"


def test_only_both_resources_together_hold_all_files(site: Site) -> None:
    uri = site.archived(build_study())
    assert len(site.rows(f"{uri}/scans/ALL/resources/DICOM/files")) == 2
    assert len(site.rows(f"{uri}/scans/ALL/files")) == 3
    counts = {row["label"]: row["file_count"] for row in site.rows(f"{uri}/scans/ALL/resources")}
    assert counts == {"DICOM": "2", "secondary": "1"}


def test_a_zip_has_the_layout_of_xnat(site: Site) -> None:
    uri = site.archived(build_study(SeriesDescription="Thorax 1.5"))
    content = site.get(f"{uri}/scans/ALL/files", params={"format": "zip"}).content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        folders = sorted({name.rpartition("/")[0] for name in packed.namelist()})
    assert folders == [
        "E1/scans/2-Thorax_1_5/resources/DICOM/files",
        "E1/scans/3-Thorax_1_5/resources/secondary/files",
    ]


def test_paths_of_old_and_new_name_the_same(site: Site) -> None:
    site.archived(build_study())
    tail = f"projects/{site.project}/subjects/S1/experiments/E1/scans?format=csv"
    lists = {site.get(f"{root}/{tail}").text for root in ("/data", "/data/archive", "/REST")}
    assert len(lists) == 1
    assert lists.pop().startswith("xnat_imagescandata_id,ID,type,")


@pytest.mark.parametrize("kind", ["json", "csv", "xml", "html"])
def test_lists_have_the_asked_for_columns_in_the_asked_for_format(site: Site, kind: str) -> None:
    site.put(f"/data/projects/{site.project}/subjects/S1")
    answer = site.get(
        f"/data/projects/{site.project}/subjects", params={"format": kind, "columns": "label,project"}
    )
    expected = {
        "json": f'"Result": [{{"label": "S1", "project": "{site.project}", "URI": "/data/subjects/XNAT_S',
        "csv": f'label,project,URI\n"S1","{site.project}","/data/subjects/XNAT_S',
        "xml": f"<row><cell>S1</cell><cell>{site.project}</cell><cell>/data/subjects/XNAT_S",
        "html": f"<tr><td>S1</td><td>{site.project}</td><td>/data/subjects/XNAT_S",
    }
    assert expected[kind] in answer.text


def test_single_objects_come_as_xml_too(site: Site) -> None:
    uri = site.archived(build_study())
    root = ET.fromstring(site.get(uri).text)
    assert root.find("{http://nrg.wustl.edu/xnat}label") is not None
    waiting = site.send_to_prearchive(build_study(), session="E2")
    document = ET.fromstring(site.get(waiting, params={"format": "xml"}).text)
    assert document.tag == "{http://nrg.wustl.edu/xnat}CTSession"


def test_a_derived_file_is_uploaded_listed_and_deleted(site: Site) -> None:
    uri = site.archived(build_study())
    files = f"{uri}/resources/MASKS/files"
    assert site.put(f"{uri}/resources/MASKS", params={"format": "NIFTI"}).status_code == 200
    assert site.put(f"{files}/gtv.nii.gz", data=b"mask", params={"inbody": "true"}).status_code == 200
    assert site.put(f"{files}/gtv.nii.gz", data=b"other", params={"inbody": "true"}).status_code == 409
    (row,) = site.rows(files)
    assert (row["Name"], row["Size"], row["file_format"]) == ("gtv.nii.gz", "4", "NIFTI")
    assert site.get(row["URI"]).content == b"mask"
    assert site.get(f"{uri}/resources/MASKS").text.count("<cat:entry") == 1
    assert site.delete(row["URI"]).status_code == 200
    assert site.rows(files) == []


def test_files_out_of_their_resource_are_refused(site: Site) -> None:
    uri = site.archived(build_study())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("../../out.txt", b"out")
    answer = site.put(
        f"{uri}/resources/R/files/a.zip",
        data=content.getvalue(),
        params={"extract": "true", "inbody": "true"},
    )
    assert answer.status_code in {400, 404}


def test_the_prearchive_is_moved_built_and_deleted(site: Site) -> None:
    other = f"{site.project}M"
    site.put(f"/data/projects/{other}")
    uri = site.send_to_prearchive(build_study())
    moved = site.post("/data/services/prearchive/move", data={"src": uri, "newProject": other})
    assert moved.text.startswith(f"/data/prearchive/projects/{other}/")
    assert site.prearchived() == []
    moved_uri = moved.text.strip()
    assert site.post(moved_uri, params={"action": "build"}).text.strip() == moved_uri
    built = site.post("/data/services/prearchive/rebuild", data={"src": moved_uri})
    assert built.text.strip() == moved_uri
    assert site.delete(moved_uri).status_code == 200
    assert site.get(moved_uri, params={"format": "json"}).status_code == 404


def test_logs_tell_why_a_row_is_in_conflict(site: Site) -> None:
    datasets = build_study()
    site.archived(datasets)
    uri = site.send_to_prearchive(datasets)
    site.archive(uri)
    told = site.get(f"{uri}/logs/last").text
    assert told == "Session already exists, retry with overwrite enabled"


def test_a_commit_of_an_automatic_project_leads_to_the_archive(site: Site) -> None:
    site.put(f"/data/projects/{site.project}/prearchive_code/4")
    uri = site.send_to_prearchive(build_study())
    answer = site.post(uri, params={"action": "commit"}, allow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["Location"].endswith("/experiments/E1")


def test_archiving_in_an_automatic_project_leads_to_the_archive_whatever_is_asked(site: Site) -> None:
    site.put(f"/data/projects/{site.project}/prearchive_code/4")
    src = site.send_to_prearchive(build_study())
    form = {"src": src, "auto-archive": "false", "overwrite": "append"}
    answer = site.post("/data/services/archive", data=form, allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/experiments/E1")


def test_archiving_what_is_not_there_or_twice_is_refused(site: Site) -> None:
    assert site.archive(f"/prearchive/projects/{site.project}/20260101_000000000/E1").status_code == 404
    assert site.archive("/somewhere").status_code == 400
    assert site.post("/data/services/archive").status_code == 400


def test_a_session_that_was_being_archived_when_the_site_went_down_is_ready_again(tmp_path: Path) -> None:
    with running_xnat(tmp_path) as process, Site(process) as site:
        site.no_site_script()
        uri = site.send_to_prearchive(build_study())
        process.fault("slow_archive", delay_s=30)
        with pytest.raises(requests.Timeout):
            site.http.post(f"{process.url}/data/services/archive", data={"src": uri}, timeout=0.5)
        process.kill()
        process.start()
        assert [row["status"] for row in site.prearchived()] == ["READY"]
        assert len(site.downloaded(site.archive(uri).text.strip())) == 3


def test_of_two_at_once_one_archives_and_the_other_is_told(site: Site) -> None:
    uri = site.send_to_prearchive(build_study())
    site.process.fault("slow_archive", delay_s=0.5)
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda _: site.archive(uri).status_code, range(2))
    assert sorted(answers) == [200, 403]


def test_an_archive_that_takes_too_long_answers_500_and_goes_on(tmp_path: Path) -> None:
    with running_xnat(tmp_path, archive_timeout_s=0.2) as process, Site(process) as site:
        site.no_site_script()
        uri = site.send_to_prearchive(build_study())
        process.fault("slow_archive", delay_s=1)
        answer = site.archive(uri)
        assert answer.status_code == 500
        assert "did not complete within the configured timeout interval" in message_of(answer)
        (row,) = site.prearchived()
        assert row["status"] == "ARCHIVING"
        assert site.archive(uri).status_code == 403
        path = f"/data/projects/{site.project}/experiments/E1"
        assert site.get(path).status_code == 404
        process.stop()
        process.start()
        assert site.get(path).status_code == 200
