"""Processes die in the middle; nothing is lost, and everything is done once."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, eventually, running_stack
from tests.system.conftest import Study, worker_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.builders import Case
    from tests.system.conftest import NewCase


@contextmanager
def healthy_stack(data: Path, **orthanc: Any) -> Iterator[Stack]:
    """Run a suite of the test's own; its logs are shown when the test fails."""
    with running_stack(data, **orthanc) as stack:
        stack.wait_until_healthy()
        yield stack
        print(stack.tail())  # noqa: T201 - shown when it fails


@contextmanager
def switched_off(stack: Stack) -> Iterator[None]:
    """Have Orthanc run without the suite meanwhile, and with it again afterwards."""
    stack.stop()
    stack.without_suite()
    stack.start()
    yield
    stack.stop()
    stack.with_suite()
    stack.start()
    stack.wait_until_healthy()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    with healthy_stack(tmp_path / "data", PacsSuite={"SweepIntervalS": 2}) as stack:
        yield stack


@pytest.fixture
def long_study(written: Callable[[Case], tuple[Path, Path]]) -> Study:
    """A study whose processing takes long enough to be cut off in the middle."""
    frame = ImageFrame(size=(60, 384, 384), spacing_mm=(1.0, 1.0), gap_mm=3.0)
    case = build_case(frame=frame, regions=10)
    return Study(case, *written(case))


def in_the_middle(stack: Stack, study_uid: str) -> dict[str, Any]:
    """Return the study's job while it makes masks."""

    def look() -> dict[str, Any] | None:
        jobs = stack.jobs_of(study_uid)
        if not jobs:
            return None
        assert jobs[0]["state"] in {"queued", "waiting", "running"}, "it was too fast to be cut off"
        job = stack.job(jobs[0]["job_id"])
        return job if any(phase["name"] == "rasterise" for phase in job["phases"]) else None

    return eventually(look, "the job makes masks")


def assert_done_once(stack: Stack, study: Study) -> None:
    job = stack.job_in_state(study.uid, "succeeded")
    assert len(stack.jobs_of(study.uid)) == 1
    assert [step["name"] for step in job["steps"]] == ["find_images", "extract", "publish"]
    assert all(step["error"] is None for step in job["steps"])
    regions = stack.results(job["series_uid"])["results"]["regions"]
    assert all(region["state"] == "done" for region in regions)
    leftovers = list((stack.deployment.data / "exports" / ".work").glob("*"))
    assert leftovers == []


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_its_job_done_once(
    own_stack: Stack, long_study: Study
) -> None:
    own_stack.receive(long_study.images, long_study.structure_set)
    in_the_middle(own_stack, long_study.uid)
    first = own_stack.worker_process()
    own_stack.kill_worker()
    assert_done_once(own_stack, long_study)
    assert own_stack.worker_process() != first


def test_orthanc_killed_in_the_middle_goes_on_after_its_restart(own_stack: Stack, long_study: Study) -> None:
    own_stack.receive(long_study.images, long_study.structure_set)
    in_the_middle(own_stack, long_study.uid)
    own_stack.kill_orthanc()
    own_stack.start()
    assert_done_once(own_stack, long_study)


def test_a_worker_waits_for_an_orthanc_that_is_away_and_goes_on(tmp_path: Path, long_study: Study) -> None:
    with (
        running_stack(tmp_path / "data", PacsSuite={"Workers": "external"}) as stack,
        stack.external_worker(),
    ):
        stack.wait_until_healthy()
        stack.receive(long_study.images, long_study.structure_set)
        in_the_middle(stack, long_study.uid)
        stack.kill_orthanc()
        stack.start()
        assert_done_once(stack, long_study)


def test_what_arrives_while_no_worker_runs_is_done_when_one_comes(tmp_path: Path, study: Study) -> None:
    with running_stack(tmp_path / "data", PacsSuite={"Workers": "external"}) as stack:
        stack.receive(study.images, study.structure_set)
        health = stack.get("/pacs/api/health")
        assert health.status_code == 503
        assert health.json()["services"]["worker"]["state"] == "unhealthy"
        with stack.external_worker():
            stack.wait_until_healthy()
            assert_done_once(stack, study)


def test_a_job_that_is_cancelled_in_the_middle_stops_quietly_and_can_be_done_again(
    own_stack: Stack, long_study: Study
) -> None:
    own_stack.receive(long_study.images, long_study.structure_set)
    job_id = in_the_middle(own_stack, long_study.uid)["job_id"]
    assert own_stack.post(f"/pacs/api/jobs/{job_id}/cancel").status_code == 200
    eventually(
        lambda: any("was cancelled" in line["message"] for line in worker_log(own_stack, job_id)),
        "it has stopped",
    )
    job = own_stack.job(job_id)
    assert (job["state"], job["results_url"], job["error"]) == ("cancelled", None, None)
    assert {phase["state"] for phase in job["phases"]} <= {"done", "cancelled"}
    assert not [line for line in worker_log(own_stack, job_id) if line["level"] == "ERROR"]
    assert own_stack.post(f"/pacs/api/jobs/{job_id}/retry").status_code == 200
    assert_done_once(own_stack, long_study)


def test_the_worker_ends_with_orthanc(own_stack: Stack) -> None:
    worker = own_stack.worker_process()
    own_stack.kill_orthanc()
    eventually(lambda: not _lives(worker), "the worker has ended")


def test_orthanc_stops_cleanly(own_stack: Stack) -> None:
    worker = own_stack.worker_process()
    assert own_stack.stop() == 0
    assert not _lives(worker)


def test_what_arrived_while_the_suite_was_switched_off_is_found(own_stack: Stack, study: Study) -> None:
    with switched_off(own_stack):
        own_stack.receive(study.images, study.structure_set)
    assert_done_once(own_stack, study)


def test_structure_sets_that_were_there_before_the_first_start_are_processed(
    own_stack: Stack, study: Study
) -> None:
    with switched_off(own_stack):
        shutil.rmtree(own_stack.deployment.data / "store")
        own_stack.receive(study.images, study.structure_set)
    assert_done_once(own_stack, study)


def test_a_restart_before_the_series_is_stable_does_not_leave_the_job_waiting(
    tmp_path: Path, study: Study
) -> None:
    with healthy_stack(tmp_path / "data", StableAge=3600) as stack:
        stack.receive(study.structure_set, *sorted(study.images.iterdir())[:10])
        stack.job_in_state(study.uid, "waiting")
        stack.stop()
        stack.start()
        job = stack.job_in_state(study.uid, "succeeded")
        assert stack.results(job["series_uid"])["results"]["sources"]["images"] == 10


def test_deleted_while_orthanc_was_not_listening_leaves_no_results(own_stack: Stack, study: Study) -> None:
    own_stack.receive(study.images, study.structure_set)
    job = own_stack.job_in_state(study.uid, "succeeded")
    folder = own_stack.deployment.data / "exports" / job["result"]["folder"]
    instance = own_stack.instance_id(job["sop_instance_uid"])
    with switched_off(own_stack):
        own_stack.delete(f"/instances/{instance}").raise_for_status()
    eventually(lambda: not folder.exists(), "the files are gone")


def test_thirty_structure_sets_at_once_are_all_done(
    own_stack: Stack, new_case: NewCase, tmp_path: Path
) -> None:
    cases = [new_case(regions=2) for _ in range(30)]
    for number, case in enumerate(cases):
        case.write(tmp_path / "cases" / str(number))
    threads = [
        threading.Thread(target=own_stack.receive, args=(tmp_path / "cases" / str(number),))
        for number in range(len(cases))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for case in cases:
        own_stack.job_in_state(case.reference.study_uid, "succeeded")


def _lives(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
