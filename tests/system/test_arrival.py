"""A structure set that arrives over DICOM becomes results, whatever comes first."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
import trimesh

from tests.stack import eventually, running_stack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stack import Stack
    from tests.system.conftest import NewCase, Study

PHASES = ["receive", "read_metadata", "read_contours", "measure", "rasterise", "compare", "export", "publish"]


def test_images_then_structure_set_give_results(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    assert [phase["name"] for phase in job["phases"]] == PHASES
    assert all(phase["duration_s"] is not None for phase in job["phases"])
    assert [step["name"] for step in job["steps"]] == ["find_images", "extract", "publish"]
    assert job["result"]["viewer_url"].endswith(f"/viewer?StudyInstanceUIDs={study.uid}")
    results = stack.results(job["series_uid"])
    regions = {region["name"]: region for region in results["results"]["regions"]}
    assert regions.keys() == study.case.truth.keys()
    for name, truth in study.case.truth.items():
        assert regions[name]["state"] == "done"
        assert regions[name]["volume_cc"] == pytest.approx(truth.contour_volume_ml, rel=0.01)
        assert regions[name]["contours"] == truth.contours


def test_every_file_of_the_results_can_be_downloaded(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    results = stack.results(job["series_uid"])
    region = results["results"]["regions"][1]
    files = {name: stack.get(address) for name, address in results["files"].items()}
    assert all(answer.status_code == 200 for answer in files.values())
    number = region["number"]
    mask = nib.Nifti1Image.from_bytes(gzip.decompress(files[f"{number}/mask.nii.gz"].content))
    voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    assert np.count_nonzero(mask.get_fdata()) * voxel_ml == pytest.approx(region["volume_voxels_cc"])
    surface = trimesh.load_mesh(io.BytesIO(files[f"{number}/mesh.stl"].content), file_type="stl")
    assert surface.is_watertight
    assert files[f"{number}/preview.png"].content.startswith(b"\x89PNG")
    assert files["overview.png"].content.startswith(b"\x89PNG")
    assert files["report.pdf"].content.startswith(b"%PDF")
    assert files["scene.html"].headers["Content-Type"].startswith("text/html")
    assert json.loads(files["contours.json"].content)["regions"][0]["contours"]
    with zipfile.ZipFile(io.BytesIO(files["results.zip"].content)) as archive:
        assert archive.testzip() is None
        [top] = {name.split("/")[0] for name in archive.namelist()}
        assert f'filename="{top}.zip"' in files["results.zip"].headers["Content-Disposition"]
        named = {"results.json", "masks/labels.nii.gz", region["mask_path"]}
        assert {f"{top}/{name}" for name in named} <= set(archive.namelist())


def test_files_are_on_disk_in_the_layout_that_is_documented(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    folder = (
        stack.deployment.data / "exports" / job["study_uid"] / job["series_uid"] / job["sop_instance_uid"]
    )
    assert str(folder.relative_to(stack.deployment.data / "exports")) == job["result"]["folder"]
    assert {entry.name for entry in folder.iterdir()} >= {"masks", "meshes", "previews", "results.json"}


def test_structure_set_first_waits_and_finishes_as_soon_as_all_images_are_there(
    tmp_path: Path, study: Study
) -> None:
    with running_stack(tmp_path / "data", StableAge=3600) as stack:
        stack.wait_until_healthy()
        stack.receive(study.structure_set)
        waiting = stack.job_in_state(study.uid, "waiting")["waiting"]
        assert waiting["image_series_uid"] == study.case.reference.series_uid
        assert (waiting["images_present"], waiting["images_missing"]) == (0, len(study.case.images))
        listed = stack.get("/pacs/api/jobs?state=waiting").json()["jobs"]
        assert [job["study_uid"] for job in listed] == [study.uid]
        stack.receive(study.images)
        job = stack.job_in_state(study.uid, "succeeded")
        assert job["waiting"] is None
        assert stack.results(job["series_uid"])["results"]["sources"]["images"] == len(study.case.images)


def test_missing_images_delay_until_the_series_is_stable_and_are_made_up_for_later(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    paths = case.write(tmp_path)
    first, later, structure_set = paths[:-5], paths[-5:-1], paths[-1]
    stack.receive(structure_set, *first)
    job = stack.job_in_state(case.reference.study_uid, "succeeded")
    assert stack.results(job["series_uid"])["results"]["sources"]["images"] == len(first)
    stack.receive(*later)

    def all_used() -> bool:
        stack.job_in_state(case.reference.study_uid, "succeeded", "queued", "running")
        return bool(stack.results(job["series_uid"])["results"]["sources"]["images"] == len(case.images))

    eventually(all_used, "the results are made again with all images")


def test_the_same_structure_set_twice_gives_one_job_and_one_result(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    first = stack.job_in_state(study.uid, "succeeded")
    stack.receive(study.structure_set)
    stack.receive(study.structure_set)
    second = stack.job_in_state(study.uid, "succeeded")
    assert second["job_id"] == first["job_id"]
    assert len(stack.jobs_of(study.uid)) == 1
    assert stack.results(first["series_uid"])["other_structure_sets"] == []


def test_a_changed_structure_set_of_the_same_uid_replaces_the_results(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    case.write(tmp_path / "first")
    changed = case.copied_structure_set()
    changed.StructureSetROISequence[0].ROIName = "Renamed"
    case.with_structure_set(changed).write(tmp_path / "second")
    stack.receive(tmp_path / "first" / "images", tmp_path / "first" / "rtstruct.dcm")
    first = stack.job_in_state(case.reference.study_uid, "succeeded")
    stack.receive(tmp_path / "second" / "rtstruct.dcm")

    def second_is_done() -> bool:
        jobs = stack.jobs_of(case.reference.study_uid)
        return len(jobs) == 2 and all(job["state"] == "succeeded" for job in jobs)

    eventually(second_is_done, "the changed structure set is a job of its own")
    names = [region["name"] for region in stack.results(first["series_uid"])["results"]["regions"]]
    assert names[0] == "Renamed"


def test_a_structure_set_without_references_finds_its_images_by_the_frame_of_reference(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    bare = case.copied_structure_set()
    del bare.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    for item in bare.ROIContourSequence:
        for contour in item.ContourSequence:
            del contour.ContourImageSequence
    case.with_structure_set(bare).write(tmp_path)
    stack.receive(tmp_path / "images", tmp_path / "rtstruct.dcm")
    job = stack.job_in_state(case.reference.study_uid, "succeeded")
    assert stack.results(job["series_uid"])["results"]["sources"]["images"] == len(case.images)
