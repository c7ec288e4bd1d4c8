"""The routes as a user of the REST API meets them, in the real Orthanc."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydicom.uid import UID

from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders import Case
    from tests.stack import Stack
    from tests.system.conftest import NewCase

    type Written = Callable[[Case], tuple[Path, Path]]


def test_process_answers_the_regions(stack: Stack, new_case: NewCase, written: Written) -> None:
    case = new_case()
    stack.receive(*written(case))
    study = case.reference.study_uid
    series = stack.job_in_state(study, "succeeded")["series_uid"]
    answer = stack.post(
        "/pacs/api/process", json={"study_instance_uid": study, "series_instance_uid": series}
    )
    assert answer.status_code == 200
    content = answer.json()
    assert content["status"] == "succeeded"
    assert {roi["name"] for roi in content["rois"]} == case.truth.keys()
    for roi in content["rois"]:
        assert roi["volume_cc"] == pytest.approx(case.truth[roi["name"]].contour_volume_ml, rel=0.01)
        assert roi["surface_cm2"] > 0
        folder = stack.deployment.data / "exports" / content["results_folder"]
        assert (folder / roi["mask_path"]).is_file()
        assert (folder / roi["stl_path"]).is_file()
        assert stack.get(roi["mask_url"]).ok
    assert content["processing_time_s"] > 0
    assert len(content["phases"]) == 8


def test_every_address_told_of_the_older_of_two_structure_sets_in_a_series_leads_to_it(
    stack: Stack, new_case: NewCase, written: Written, tmp_path: Path
) -> None:
    case = new_case()
    older = case.structure_set.SOPInstanceUID
    stack.receive(*written(case))
    job = stack.job_in_state(case.reference.study_uid, "succeeded")
    newer = case.copied_structure_set()
    newer.SOPInstanceUID = newer.file_meta.MediaStorageSOPInstanceUID = UID(f"{older}.1")
    newer.ROIContourSequence = newer.ROIContourSequence[:1]
    newer.save_as(tmp_path / "newer.dcm", enforce_file_format=True)
    stack.receive(tmp_path / "newer.dcm")
    series = job["series_uid"]
    eventually(lambda: stack.results(series)["sop_instance_uid"] == f"{older}.1" or None, "the newer is done")

    asked = {"study_instance_uid": case.reference.study_uid}
    assert stack.post("/pacs/api/process", json=asked).status_code == 409
    answer = stack.post("/pacs/api/process", json={**asked, "sop_instance_uid": older}).json()
    assert answer["sop_instance_uid"] == older
    results = stack.get(stack.job(job["job_id"])["results_url"]).json()
    assert results == stack.get(answer["results_url"]).json()
    assert results["sop_instance_uid"] == older
    folder = stack.deployment.data / "exports" / results["folder"]
    assert folder.name == older
    contents = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    urls = [roi[key] for roi in answer["rois"] for key in ("mask_url", "stl_url") if roi[key]]
    for address in {*urls, *results["files"].values()}:
        found = stack.get(address)
        assert found.ok
        if "regions.csv" in address:
            table = csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"), newline=""))
            assert [row["name"] for row in table] == [roi["name"] for roi in answer["rois"]]
            continue
        if "results.zip" not in address:
            assert found.content in contents
            continue
        with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
            assert {archive.read(name) for name in archive.namelist()} == contents
    [other] = results["other_structure_sets"]
    assert stack.get(other["href"]).json()["sop_instance_uid"] == f"{older}.1"


def test_a_study_may_be_named_by_its_orthanc_identifier(
    stack: Stack, new_case: NewCase, written: Written
) -> None:
    case = new_case()
    stack.receive(*written(case))
    job = stack.job_in_state(case.reference.study_uid, "succeeded")
    study = stack.post("/tools/lookup", data=case.reference.study_uid).json()[0]["ID"]
    assert (
        stack.post("/pacs/api/process", json={"study_instance_uid": study}).json()["job_id"] == job["job_id"]
    )
    assert [found["job_id"] for found in stack.jobs_of(study)] == [job["job_id"]]


def test_process_that_must_wait_for_images_answers_202(
    stack: Stack, new_case: NewCase, written: Written
) -> None:
    case = new_case()
    stack.receive(written(case)[1])
    answer = stack.post("/pacs/api/process", json={"study_instance_uid": case.reference.study_uid})
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"


@pytest.mark.parametrize(
    ("request_body", "status"),
    [
        ({"study_instance_uid": "1.2.3.4.5.6.7"}, 404),
        ({"study_instance_uid": "../etc"}, 422),
        ({}, 422),
        ({"study_instance_uid": "1.2", "sop_uid": "1.2"}, 422),
    ],
)
def test_process_tells_what_is_wrong_with_a_request(
    stack: Stack, request_body: dict[str, str], status: int
) -> None:
    answer = stack.post("/pacs/api/process", json=request_body)
    assert answer.status_code == status
    assert answer.headers["X-Media-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_a_body_without_its_media_type_is_refused_with_the_header_to_send(stack: Stack) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = stack.post("/pacs/api/process", data=b'{"study_instance_uid": "1.2"}', headers=form)
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/pacs", "/pacs/"])
def test_the_mount_itself_leads_to_the_dashboard(stack: Stack, path: str) -> None:
    answer = stack.get(path)
    assert answer.status_code == 200
    assert answer.url == f"{stack.url}/pacs/ui/"
    assert "text/html" in answer.headers["content-type"]


def test_results_are_listed(stack: Stack, new_case: NewCase, written: Written) -> None:
    case = new_case()
    stack.receive(*written(case))
    stack.job_in_state(case.reference.study_uid, "succeeded")
    answer = stack.get(f"/pacs/api/rtstruct?study={case.reference.study_uid}")
    [listed] = answer.json()["results"]
    assert listed["sop_instance_uid"] == case.structure_set.SOPInstanceUID
    assert stack.get(listed["href"]).json()["sop_instance_uid"] == case.structure_set.SOPInstanceUID
    assert stack.get("/pacs/api/rtstruct?studdy=1.2").status_code == 422


@pytest.mark.parametrize("by", ["orthanc identifier", "SOP instance UID"])
def test_extract_rt_answers_the_contours(stack: Stack, new_case: NewCase, written: Written, by: str) -> None:
    case = new_case()
    stack.receive(*written(case))
    uid = case.structure_set.SOPInstanceUID
    identifier = uid if by == "SOP instance UID" else stack.instance_id(uid)
    answer = stack.get(f"/pacs/api/extract-rt/{identifier}")
    assert answer.status_code == 200
    regions = answer.json()["regions"]
    assert {region["name"] for region in regions} == case.truth.keys()
    for region in regions:
        assert len(region["contours"]) == case.truth[region["name"]].contours
        assert all(len(point) == 3 for contour in region["contours"] for point in contour["points_lps_mm"])


def test_extract_rt_refuses_an_image(stack: Stack, new_case: NewCase, written: Written) -> None:
    case = new_case()
    stack.receive(*written(case))
    answer = stack.get(f"/pacs/api/extract-rt/{case.images[0].SOPInstanceUID}")
    assert answer.status_code == 422
    assert "not an RT Structure Set" in answer.json()["detail"]


def test_a_zip_is_uploaded_file_by_file_and_processed(
    stack: Stack, new_case: NewCase, written: Written
) -> None:
    case = new_case()
    images, structure_set = written(case)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [*sorted(images.iterdir()), structure_set]:
            archive.write(path, f"study/{path.name}")
        archive.writestr("study/README.txt", "not DICOM")
    answer = stack.put("/pacs/api/upload", files={"file": ("case.zip", packed.getvalue())})
    assert answer.status_code == 200
    report = answer.json()
    assert (report["stored"], report["already_stored"], report["rejected"]) == (len(case.images) + 1, 0, 1)
    rejected = next(file for file in report["files"] if file["outcome"] == "rejected")
    assert rejected["name"] == "study/README.txt"
    assert "not a DICOM file" in rejected["reason"]
    stack.job_in_state(case.reference.study_uid, "succeeded")


def test_a_single_file_is_uploaded_as_a_body(stack: Stack, new_case: NewCase, written: Written) -> None:
    _, structure_set = written(new_case())
    content = structure_set.read_bytes()
    first = stack.post("/pacs/api/upload", data=content, headers={"Content-Type": "application/dicom"}).json()
    assert (first["stored"], first["rejected"]) == (1, 0)
    again = stack.post("/pacs/api/upload", data=content, headers={"Content-Type": "application/dicom"}).json()
    assert (again["stored"], again["already_stored"]) == (0, 1)
    assert stack.get(f"/instances/{first['files'][0]['instance_id']}").ok


def test_health_names_every_part(stack: Stack) -> None:
    health = stack.get("/pacs/api/health").json()
    assert health["status"] == "healthy"
    assert health["uptime_s"] > 0
    assert health["services"].keys() == {"orthanc", "store", "jobs", "worker"}
    assert all(part["state"] == "healthy" for part in health["services"].values())


def test_statistics_count_what_orthanc_holds(stack: Stack, new_case: NewCase, written: Written) -> None:
    stack.receive(*written(new_case()))
    statistics = stack.get("/pacs/api/statistics").json()
    held = stack.get("/statistics").json()
    assert statistics["archives"]["orthanc"]["instances"] == held["CountInstances"]
    assert statistics["archives"]["orthanc"]["studies"] == held["CountStudies"]


def test_metrics_can_be_parsed_and_name_no_patient(stack: Stack) -> None:
    text = stack.get("/pacs/api/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["pacs_up"].samples
    assert {sample.value for sample in families["pacs_up"].samples} == {1.0}
    assert sum(sample.value for sample in families["pacs_jobs"].samples) > 0


def test_routes_answer_while_files_are_being_stored(
    stack: Stack, new_case: NewCase, written: Written
) -> None:
    images, _ = written(new_case())
    files = [path.read_bytes() for path in images.iterdir()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, content in enumerate(files):
            archive.writestr(str(number), content)
    began = time.monotonic()
    answers = [
        stack.post("/pacs/api/upload", data=packed.getvalue()),
        stack.post("/instances", data=files[0]),
        stack.get("/pacs/api/health"),
    ]
    assert all(answer.ok for answer in answers)
    assert time.monotonic() - began < 30
