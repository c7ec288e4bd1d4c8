"""Bad input is told, region by region; nothing hangs, nothing is lost, the next job runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import DAMAGES, HOSTILE_NAMES, renamed
from tests.stack import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from tests.builders import Case
    from tests.stack import Stack
    from tests.system.conftest import NewCase


def process(stack: Stack, case: Case, spoilt: FileDataset, folder: Path) -> dict[str, Any]:
    """Send a case with a spoilt structure set and return its job once it has ended."""
    case.with_structure_set(spoilt).write(folder)
    stack.receive(folder / "images", folder / "rtstruct.dcm")
    return stack.job_in_state(case.reference.study_uid, "succeeded", "failed")


WHOLE_SET_FAILS = {"other_frame_of_reference"}
"""Damages after which nothing of the set can be used."""

HARMLESS = {"duplicate_names", "exclusive_type", "no_contour_image_sequence", "slightly_off_plane"}
"""What real files hold and what changes nothing, so that there is nothing to tell."""


@pytest.mark.parametrize("kind", sorted(DAMAGES))
def test_every_kind_of_damage_is_told_and_the_other_regions_are_done(
    stack: Stack, new_case: NewCase, tmp_path: Path, kind: str
) -> None:
    case = new_case()
    spoilt = case.copied_structure_set()
    DAMAGES[kind](spoilt)
    job = process(stack, case, spoilt, tmp_path)
    if kind in WHOLE_SET_FAILS:
        assert job["state"] == "failed"
        assert "frame of reference" in job["error"]["message"].lower()
        assert not (stack.deployment.data / "exports" / ".work" / job["job_id"]).exists()
        return
    assert job["state"] == "succeeded"
    results = stack.results(job["series_uid"])["results"]
    untouched = {truth.number: truth for truth in list(case.truth.values())[2:]}
    for number, known in untouched.items():
        region = next(region for region in results["regions"] if region["number"] == number)
        assert region["state"] == "done", region["problems"]
        assert region["volume_cc"] == pytest.approx(known.contour_volume_ml, rel=0.01)
    told = [problem["message"] for problem in results["problems"]]
    assert all(problem["message"] in told for region in results["regions"] for problem in region["problems"])
    other_states = {region["state"] for region in results["regions"]} - {"done"}
    assert bool(told or other_states) == (kind not in HARMLESS)


def test_hostile_names_stay_inside_the_folder_and_intact_in_the_results(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    named = case.copied_structure_set()
    renamed(named, HOSTILE_NAMES[:5])
    job = process(stack, case, named, tmp_path)
    regions = stack.results(job["series_uid"])["results"]["regions"]
    assert [region["name"] for region in regions] == [name.strip() for name in HOSTILE_NAMES[:5]]
    folder = stack.deployment.data / "exports" / job["result"]["folder"]
    paths = [region["mask_path"] for region in regions]
    assert len(set(paths)) == len(paths)
    assert all((folder / path).resolve().parent == folder.resolve() / "masks" for path in paths)


def test_a_structure_set_without_regions_fails_with_a_text_a_physicist_understands(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    empty = case.copied_structure_set()
    del empty.StructureSetROISequence
    del empty.ROIContourSequence
    job = process(stack, case, empty, tmp_path)
    assert job["state"] == "failed"
    assert job["error"]["name"] == "InvalidDicom"
    assert "holds no regions" in job["error"]["message"]
    assert "Export it again" in job["error"]["message"]
    answer = stack.post("/pacs/api/process", json={"study_instance_uid": case.reference.study_uid})
    assert answer.status_code == 422
    assert answer.json()["detail"] == job["error"]["message"]


def test_a_truncated_file_is_refused_or_fails_and_the_next_one_is_done(
    stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    case = new_case()
    case.write(tmp_path)
    whole = (tmp_path / "rtstruct.dcm").read_bytes()
    stack.receive(tmp_path / "images")
    report = stack.post("/pacs/api/upload", data=whole[: len(whole) // 2]).json()
    assert report["files"][0]["outcome"] in {"rejected", "stored"}
    if report["stored"]:
        job = stack.job_in_state(case.reference.study_uid, "failed")
        assert job["error"]["name"] == "InvalidDicom"
        assert "cut short" in job["error"]["message"]
    stack.receive(tmp_path / "rtstruct.dcm")
    stack.job_in_state(case.reference.study_uid, "succeeded", "failed")

    eventually(
        lambda: any(job["state"] == "succeeded" for job in stack.jobs_of(case.reference.study_uid)),
        "the whole file is done",
    )
