"""Asking for a structure set to be processed."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.jobs import JobState, extract_structures_request
from tests.unit.api.conftest import REGIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.identifiers import JobId, OrthancId
    from tests.unit.api.conftest import Client, World

STUDY, SETS = "1.2.1", "1.2.1.2"


@pytest.fixture
def worker(world: World) -> Iterator[Callable[[Callable[[JobId], object]], None]]:
    """Do something with the next job that is queued, once, as a worker does beside the route."""
    started: list[threading.Timer] = []

    def work(what: Callable[[JobId], object]) -> None:
        submit = world.queue.submit

        def submit_and_work(request: Any) -> JobId:
            job_id = submit(request)
            if not started and world.queue.job(job_id).state is JobState.QUEUED:
                started.append(threading.Timer(0.05, what, [job_id]))
                started[-1].start()
            return job_id

        world.queue.submit = submit_and_work  # type: ignore[method-assign]

    yield work
    for timer in started:
        timer.join()


def process(client: Client, **request: Any) -> Any:
    return client.post("api/process", json={"study_instance_uid": STUDY, **request})


def job_of(world: World, instance: OrthancId) -> JobId:
    return extract_structures_request(instance, world.orthanc.file_md5(instance)).job_id


def test_results_that_are_there_are_answered_at_once(client: Client, world: World) -> None:
    job_id = world.ask(world.receive())
    world.publish(job_id)
    answer = process(client, series_instance_uid=SETS)
    assert answer.status_code == 200
    content = answer.json()
    assert (content["status"], content["job_id"]) == ("succeeded", job_id)
    assert [(roi["number"], roi["volume_cc"], roi["mask_path"]) for roi in content["rois"]] == [
        (1, 12.5, "masks/001.nii.gz"),
        (2, None, None),
    ]
    assert content["processing_time_s"] == 0.25
    assert content["rois"][0]["mask_url"] == (
        f"/pacs/api/rtstruct/{SETS}/regions/1/mask.nii.gz?sop_instance_uid=1.2.1.2.1"
    )
    assert client.get(content["rois"][0]["mask_url"]).status_code == 200
    assert client.get(content["results_url"]).status_code == 200
    assert client.get(content["job_url"]).status_code == 200


def test_what_was_left_out_of_a_region_that_is_done_is_told(client: Client, world: World) -> None:
    fault = {
        "code": "too_few_points",
        "message": "Region 1: 1 contour of fewer than three points, left out.",
        "severity": "warning",
        "region": 1,
        "region_name": "Lung",
        "contours": [4],
    }
    absent = {"code": "absent_images", "message": "2 of 60 images are not there.", "severity": "warning"}
    region = {**REGIONS[0], "state": "done", "volume_voxels_cc": 12.25, "problems": [fault]}
    world.publish(world.ask(world.receive()), [region, REGIONS[1]], problems=[absent])
    content = process(client).json()
    assert [roi["problems"] for roi in content["rois"]] == [[fault], []]
    assert [roi["volume_voxels_cc"] for roi in content["rois"]] == [12.25, None]
    assert [problem["code"] for problem in content["problems"]] == ["absent_images", "too_few_points"]
    assert content["problems"][0]["region"] is None


def test_results_that_come_in_time_are_answered(client: Client, world: World, worker: Any) -> None:
    instance = world.receive()

    def do(job_id: JobId) -> None:
        world.ask(instance)
        world.publish(job_id)

    worker(do)
    answer = process(client)
    assert answer.status_code == 200
    assert len(answer.json()["rois"]) == 2


@pytest.mark.parametrize("request_", [{"wait_s": 0.05}, {"wait_s": 0}, {"synchronous": False}])
def test_what_takes_longer_is_accepted_with_its_job(
    client: Client, world: World, request_: dict[str, Any]
) -> None:
    instance = world.receive()
    answer = process(client, **request_)
    assert answer.status_code == 202
    content = answer.json()
    assert (content["status"], content["rois"]) == ("queued", [])
    assert content["job_id"] == job_of(world, instance)
    assert client.get(content["job_url"]).json()["state"] == "queued"


def test_a_job_that_waits_for_images_is_accepted_without_waiting_with_it(
    client: Client, world: World, worker: Any
) -> None:
    world.receive()
    worker(world.queue.wait)
    answer = process(client, wait_s=600)
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"


def test_a_job_that_waits_tells_what_is_missing(client: Client, world: World) -> None:
    job_id = world.ask(world.receive())
    world.wait(job_id)
    content = process(client).json()
    assert content["waiting"] == client.get(content["job_url"]).json()["waiting"]
    assert (content["waiting"]["reason"], content["waiting"]["images_missing"]) == ("It is arriving.", 57)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("InvalidDicom", 422),
        ("GeometryError", 422),
        ("NotFound", 404),
        ("ArchiveRefused", 502),
        ("ArchiveUnavailable", 503),
        ("StoreError", 503),
        ("JobError", 500),
        ("Abandoned", 500),
    ],
)
def test_a_job_that_fails_is_answered_with_its_reason_and_the_status_of_its_kind(
    client: Client, world: World, worker: Any, name: str, status: int
) -> None:
    world.receive()
    worker(lambda job_id: world.queue.fail(job_id, name, "It did not work: do this."))
    answer = process(client)
    assert answer.status_code == status
    problem = answer.json()
    assert (problem["detail"], problem["error"]) == ("It did not work: do this.", name)
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_failed_for_a_neighbour_that_was_away_is_done_again_when_it_is_asked_for(
    client: Client, world: World
) -> None:
    job_id = world.ask(world.receive())
    world.queue.fail(job_id, "ArchiveUnavailable")
    answer = process(client, wait_s=0)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert world.queue.runs[job_id] == 2


def test_a_job_that_is_cancelled_meanwhile_is_a_conflict(client: Client, world: World, worker: Any) -> None:
    world.receive()
    worker(world.queue.cancel)
    answer = process(client)
    assert answer.status_code == 409
    assert "cancelled" in answer.json()["detail"]


def test_results_that_are_removed_meanwhile_are_not_an_empty_success(
    client: Client, world: World, worker: Any
) -> None:
    world.receive()
    worker(world.queue.succeed)
    answer = process(client)
    assert answer.status_code == 404
    assert "removed" in answer.json()["detail"]


def test_again_does_again_what_has_results(client: Client, world: World) -> None:
    job_id = world.ask(world.receive())
    world.publish(job_id)
    assert process(client, again=True, wait_s=0).status_code == 202
    assert world.queue.runs[job_id] == 2


def test_again_leaves_a_job_that_runs_alone(client: Client, world: World) -> None:
    job_id = world.ask(world.receive())
    assert process(client, again=True, wait_s=0).status_code == 202
    assert world.queue.runs[job_id] == 1


def test_of_several_structure_sets_in_a_series_none_is_chosen_but_the_one_that_is_named(
    client: Client, world: World
) -> None:
    older = world.receive("1.2.1.2.1", content=b"old")
    world.receive("1.2.1.2.0", content=b"new")
    for request in ({}, {"series_instance_uid": SETS}):
        conflict = process(client, **request)
        assert conflict.status_code == 409
        assert "sop_instance_uid" in conflict.json()["detail"]
        assert conflict.json()["structure_sets"] == [
            {"series_instance_uid": SETS, "sop_instance_uid": uid} for uid in ("1.2.1.2.1", "1.2.1.2.0")
        ]
    assert world.queue.runs == {}
    answer = process(client, sop_instance_uid="1.2.1.2.1", wait_s=0).json()
    assert answer["job_id"] == job_of(world, older)
    assert (answer["series_instance_uid"], answer["sop_instance_uid"]) == (SETS, "1.2.1.2.1")


def test_the_images_series_stands_for_the_only_structure_set(client: Client, world: World) -> None:
    instance = world.receive()
    world.orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1")
    answer = process(client, series_instance_uid="1.2.1.1", wait_s=0)
    assert answer.json()["job_id"] == job_of(world, instance)


def test_several_structure_sets_are_a_conflict_that_names_them(client: Client, world: World) -> None:
    world.receive("1.2.1.2.1", series=SETS)
    world.receive("1.2.1.3.1", series="1.2.1.3")
    answer = process(client)
    assert answer.status_code == 409
    assert SETS in answer.json()["detail"]
    assert "1.2.1.3" in answer.json()["detail"]
    assert process(client, series_instance_uid="1.2.1.3", wait_s=0).status_code == 202


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"study_instance_uid": "1.2.9"}, 404),
        ({"series_instance_uid": "1.2.9"}, 404),
        ({"sop_instance_uid": "1.2.9"}, 404),
        ({"study_instance_uid": "../1"}, 422),
        ({"study_instance_uid": ""}, 422),
        ({"wait_s": 601}, 422),
        ({"wait_s": "soon"}, 422),
    ],
)
def test_what_cannot_be_processed_is_refused(
    client: Client, world: World, request_: dict[str, Any], status: int
) -> None:
    world.receive()
    answer = process(client, **request_)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.queue.runs == {}


def test_a_study_without_a_structure_set_is_refused(client: Client, world: World) -> None:
    world.orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1")
    assert process(client).status_code == 422


def test_an_orthanc_that_does_not_answer_is_a_problem(client: Client, world: World) -> None:
    world.orthanc.failure = ArchiveUnavailable("Orthanc did not answer.", archive="orthanc")
    assert process(client).status_code == 503


def test_results_whose_files_are_gone_are_a_problem(client: Client, world: World) -> None:
    world.publish(world.ask(world.receive()))
    shutil.rmtree(world.services.exports)
    answer = process(client)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


# Contours


@pytest.mark.parametrize("by", ["orthanc", "dicom"])
def test_contours_are_answered_by_either_identifier(client: Client, world: World, by: str) -> None:
    instance = world.receive()
    world.publish(world.ask(instance))
    answer = client.get(f"api/extract-rt/{instance if by == 'orthanc' else '1.2.1.2.1'}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == b"content of contours.json"


def test_contours_that_are_not_there_yet_are_extracted(client: Client, world: World, worker: Any) -> None:
    instance = world.receive()

    def do(job_id: JobId) -> None:
        world.ask(instance)
        world.publish(job_id)

    worker(do)
    assert client.get(f"api/extract-rt/{instance}").content == b"content of contours.json"


def test_contours_that_wait_for_images_are_accepted(client: Client, world: World, worker: Any) -> None:
    instance = world.receive()
    worker(world.queue.wait)
    answer = client.get(f"api/extract-rt/{instance}")
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"


def test_contours_whose_job_was_cancelled_are_extracted_when_they_are_asked_for(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = world.receive()
    job_id = world.ask(instance)
    world.queue.cancel(job_id)
    run_again = world.queue.run_again

    def run_again_and_publish(wanted: JobId) -> None:
        run_again(wanted)
        world.publish(wanted)

    monkeypatch.setattr(world.queue, "run_again", run_again_and_publish)
    assert client.get(f"api/extract-rt/{instance}").content == b"content of contours.json"


def test_contours_that_were_not_exported_say_which_setting_to_change(client: Client, world: World) -> None:
    instance = world.receive()
    result = world.publish(world.ask(instance))
    (world.services.exports / result.folder / "contours.json").unlink()
    answer = client.get(f"api/extract-rt/{instance}")
    assert answer.status_code == 404
    assert "Structures.Formats" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("instance_id", "status"),
    [
        ("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14", 404),
        ("1.2.9", 404),
        ("abc", 400),
        ("...", 400),
        ("..%2fsystem", 404),
        ("1.2.1.1.1", 422),
        ("a%20b", 422),
        ("1" * 65, 422),
    ],
)
def test_what_is_no_structure_set_is_refused(
    client: Client, world: World, instance_id: str, status: int
) -> None:
    world.orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1")
    answer = client.get(f"api/extract-rt/{instance_id}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.queue.runs == {}


def test_a_study_may_be_named_by_its_orthanc_identifier(client: Client, world: World) -> None:
    instance = world.receive()
    study = world.orthanc.series(world.orthanc.instance(instance).series_orthanc_id).study_orthanc_id
    answer = client.post("api/process", json={"study_instance_uid": study, "synchronous": False})
    assert answer.status_code == 202
    assert answer.json()["job_id"] == job_of(world, instance)
    unknown = "0" * 8 + "-00000000" * 4
    assert client.post("api/process", json={"study_instance_uid": unknown}).status_code == 404


def test_a_cancelled_job_is_done_again_when_it_is_asked_for(client: Client, world: World) -> None:
    instance = world.receive()
    process(client, synchronous=False)
    job_id = job_of(world, instance)
    world.queue.cancel(job_id)
    answer = process(client, synchronous=False)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert world.queue.runs[job_id] == 2
