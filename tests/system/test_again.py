"""What is deleted, sent again, cancelled or asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import DAMAGES
from tests.stack import eventually
from tests.system.conftest import Study, worker_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders import Case
    from tests.stack import Stack
    from tests.system.conftest import NewCase


def delete_study(stack: Stack, study_uid: str) -> None:
    """Delete a study from Orthanc and wait until the suite has noted it."""
    (found,) = stack.post("/tools/lookup", data=study_uid).json()
    stack.delete(f"/studies/{found['ID']}").raise_for_status()
    eventually(lambda: stack.jobs_of(study_uid, "remove_results"), "the deletion is noted")


def cancelled(stack: Stack, study: Study) -> dict[str, Any]:
    """Have a study's job cancelled while it waits for images, and return it."""
    stack.receive(study.structure_set)
    job = stack.job_in_state(study.uid, "waiting")
    answer = stack.post(f"/pacs/api/jobs/{job['job_id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    return job


# Deletion


def test_deleting_the_structure_set_removes_its_results_and_sending_it_again_brings_them_back(
    stack: Stack, study: Study
) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    folder = stack.deployment.data / "exports" / job["result"]["folder"]
    assert folder.is_dir()
    stack.delete(f"/instances/{stack.instance_id(job['sop_instance_uid'])}").raise_for_status()
    eventually(lambda: not folder.exists(), "the files are gone")
    assert stack.get(f"/pacs/api/rtstruct/{job['series_uid']}").status_code == 404
    stack.receive(study.structure_set)
    eventually(lambda: stack.get(f"/pacs/api/rtstruct/{job['series_uid']}").ok, "the results are back")
    assert folder.is_dir()


def test_deleting_the_whole_study_leaves_no_results(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    study = stack.post("/tools/lookup", data=study.uid).json()[0]["ID"]
    stack.delete(f"/studies/{study}").raise_for_status()
    gone = stack.deployment.data / "exports" / job["study_uid"]
    eventually(lambda: not gone.exists(), "the study's folder is gone")


def test_a_removal_is_listed_with_its_study(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    stack.job_in_state(study.uid, "succeeded")
    delete_study(stack, study.uid)
    (removal,) = stack.jobs_of(study.uid, "remove_results")
    assert (removal["study_uid"], removal["kind"]) == (study.uid, "remove_results")


# Cancelled and failed jobs


def test_a_waiting_job_can_be_cancelled_and_tried_again(stack: Stack, study: Study) -> None:
    stack.receive(study.structure_set)
    job = stack.job_in_state(study.uid, "waiting")
    assert stack.post(f"/pacs/api/jobs/{job['job_id']}/cancel").status_code == 200
    stack.job_in_state(study.uid, "cancelled")
    stack.receive(study.images)
    assert stack.post(f"/pacs/api/jobs/{job['job_id']}/retry").status_code == 200
    stack.job_in_state(study.uid, "succeeded")


def test_a_cancelled_job_starts_anew_once_its_study_was_deleted_and_is_sent_again(
    stack: Stack, study: Study
) -> None:
    job = cancelled(stack, study)
    delete_study(stack, study.uid)
    assert stack.job(job["job_id"])["state"] == "cancelled"
    stack.receive(study.images, study.structure_set)
    eventually(
        lambda: stack.job(job["job_id"])["state"] in {"queued", "running", "waiting", "succeeded"},
        "it starts",
    )
    again = stack.job_in_state(study.uid, "succeeded")
    assert again["job_id"] == job["job_id"]


def test_a_cancelled_job_stays_so_however_often_its_structure_set_is_sent(stack: Stack, study: Study) -> None:
    job = cancelled(stack, study)
    for _ in range(3):
        stack.receive(study.images, study.structure_set)  # Orthanc overwrites: deletes and stores at once
    series = stack.post("/tools/lookup", data=study.case.reference.series_uid).json()[0]["ID"]
    eventually(lambda: stack.get(f"/series/{series}").json()["IsStable"], "the images are stable")
    assert stack.job(job["job_id"])["state"] == "cancelled"
    assert stack.jobs_of(study.uid, "remove_results") == []


@pytest.fixture
def spoilt(new_case: NewCase, written: Callable[[Case], tuple[Path, Path]]) -> Study:
    """A study whose structure set cannot be used."""
    case = new_case()
    structure_set = case.copied_structure_set()
    DAMAGES["other_frame_of_reference"](structure_set)
    damaged = case.with_structure_set(structure_set)
    return Study(damaged, *written(damaged))


def test_a_failed_job_is_tried_anew_once_its_study_was_deleted_and_is_sent_again(
    stack: Stack, spoilt: Study
) -> None:
    stack.receive(spoilt.images, spoilt.structure_set)
    first = stack.job_in_state(spoilt.uid, "failed")
    delete_study(stack, spoilt.uid)
    stack.receive(spoilt.images, spoilt.structure_set)

    def failed_anew() -> bool:
        job = stack.job(first["job_id"])
        return bool(job["state"] == "failed" and job["requested_at"] > first["ended_at"])

    eventually(failed_anew, "it has been tried anew")


def test_a_job_that_fails_shows_which_phase_failed_and_is_told_in_the_log(
    stack: Stack, spoilt: Study
) -> None:
    stack.receive(spoilt.images, spoilt.structure_set)
    job = stack.job_in_state(spoilt.uid, "failed")
    assert [phase["state"] for phase in job["phases"]][-1] == "failed"
    assert "running" not in {phase["state"] for phase in job["phases"]}
    (error,) = [line for line in worker_log(stack, job["job_id"]) if line["level"] == "ERROR"]
    assert job["error"]["message"] in error["message"]


def test_a_job_is_told_when_it_begins_and_how_it_ended(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    job = stack.job_in_state(study.uid, "succeeded")
    told = [line["message"] for line in worker_log(stack, job["job_id"])]
    assert told[0] == "Job extract_structures begins."
    assert told[-1].startswith("Job extract_structures ended after ")


# Asking again


def test_a_job_with_results_is_neither_cancelled_nor_retried_and_processed_again_when_asked(
    stack: Stack, study: Study
) -> None:
    stack.receive(study.images, study.structure_set)
    first = stack.job_in_state(study.uid, "succeeded")
    for change in ("cancel", "retry"):
        answer = stack.post(f"/pacs/api/jobs/{first['job_id']}/{change}")
        assert answer.status_code == 409
        assert answer.json()["status"] == 409
    answer = stack.post("/pacs/api/process", json={"study_instance_uid": study.uid, "again": True})
    assert answer.status_code == 200
    again = stack.job(first["job_id"])
    assert first["ended_at"] < again["requested_at"] <= again["started_at"] <= again["ended_at"]
    assert again["results_url"] == first["results_url"]


def test_what_waits_is_answered_with_what_is_missing(stack: Stack, study: Study) -> None:
    stack.receive(study.structure_set)
    stack.job_in_state(study.uid, "waiting")
    answer = stack.post("/pacs/api/process", json={"study_instance_uid": study.uid})
    assert answer.status_code == 202
    waiting = answer.json()["waiting"]
    assert waiting["images_missing"] == len(study.case.images)
    assert waiting["reason"]


def test_asking_again_for_what_is_there_leaves_no_line_in_the_log(stack: Stack, study: Study) -> None:
    stack.receive(study.images, study.structure_set)
    stack.job_in_state(study.uid, "succeeded")
    for _ in range(3):
        stack.post("/pacs/api/process", json={"study_instance_uid": study.uid})
    for log in stack.deployment.logs.glob("*.log"):
        assert "already exists" not in log.read_text(encoding="utf-8", errors="replace")
