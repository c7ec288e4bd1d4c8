"""Jobs as the routes show and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import (
    JobState,
    compare_study_request,
    forward_study_request,
    offer_study_request,
    remove_results_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.identifiers import JobId
    from tests.unit.api.conftest import Client, World


def ids(answer: Any) -> list[str]:
    return [job["job_id"] for job in answer.json()["jobs"]]


@pytest.fixture
def jobs(world: World) -> dict[str, JobId]:
    """One job in each state, and one of the other kind."""
    states = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
    made = {}
    for number, state in enumerate(states):
        study = "1.2.1" if number < 3 else "1.2.9"
        uid = f"{study}.2.{number}"
        instance = world.receive(uid, study=study, series=f"{study}.2", content=bytes([number]))
        made[state] = world.ask(instance, uid=uid, study=study, series=f"{study}.2")
    world.queue._queue(made["queued"], world.queue.job(made["queued"]).kind)
    world.wait(made["waiting"])
    world.publish(made["succeeded"])
    world.queue.fail(made["failed"], "InvalidDicom", "The file ends too soon: send it again.")
    world.queue.cancel(made["cancelled"])
    made["removal"] = world.queue.submit(remove_results_request(instance, "event"))
    return made


def test_jobs_are_listed_newest_first(client: Client, jobs: dict[str, JobId]) -> None:
    assert ids(client.get("api/jobs")) == list(reversed(jobs.values()))


@pytest.mark.parametrize("state", ["running", "waiting", "succeeded", "failed", "cancelled"])
def test_jobs_are_listed_by_state(client: Client, jobs: dict[str, JobId], state: str) -> None:
    answer = client.get("api/jobs", params={"state": state})
    assert ids(answer) == [jobs[state]]
    assert answer.json()["jobs"][0]["state"] == state


def test_jobs_are_listed_by_kind(client: Client, jobs: dict[str, JobId]) -> None:
    assert ids(client.get("api/jobs", params={"kind": "remove_results"})) == [jobs["removal"]]
    assert len(ids(client.get("api/jobs", params={"kind": "extract_structures"}))) == 6


def test_jobs_are_listed_by_study(client: Client, jobs: dict[str, JobId]) -> None:
    wanted = [jobs["waiting"], jobs["running"], jobs["queued"]]
    assert ids(client.get("api/jobs", params={"study": "1.2.1"})) == wanted
    assert ids(client.get("api/jobs", params={"study": "1.2.1", "state": "running"})) == [jobs["running"]]
    assert ids(client.get("api/jobs", params={"study": "1.2.1", "state": "waiting"})) == [jobs["waiting"]]
    assert ids(client.get("api/jobs", params={"study": "1.2.9", "state": "waiting"})) == []
    assert ids(client.get("api/jobs", params={"study": "9.9"})) == []


def test_the_jobs_of_a_study_are_those_of_every_kind(client: Client, world: World) -> None:
    instance = world.receive()
    extraction = world.ask(instance)
    [study] = world.orthanc.lookup("1.2.1", "Study")
    others = [
        world.queue.submit(request)
        for request in (
            forward_study_request(study, "a"),
            compare_study_request(StudyUid("1.2.1"), "content"),
            offer_study_request(study, "a"),
        )
    ]
    world.queue.submit(compare_study_request(StudyUid("1.2.11"), "content"))
    assert ids(client.get("api/jobs", params={"study": "1.2.1"})) == [*reversed(others), extraction]
    assert ids(client.get("api/jobs", params={"study": study, "kind": "offer_study"})) == [others[-1]]


def test_pages_follow_each_other(client: Client, jobs: dict[str, JobId]) -> None:
    pages = [client.get("api/jobs", params={"limit": 3, "offset": offset}) for offset in (0, 3, 6, 9)]
    assert [job_id for page in pages for job_id in ids(page)] == list(reversed(jobs.values()))
    assert [page.json()["offset"] for page in pages] == [0, 3, 6, 9]


@pytest.mark.parametrize(
    "query", ["state=gone", "kind=x", "limit=0", "limit=501", "offset=-1", "study=../1", "limit=a", "study="]
)
def test_a_wrong_filter_is_refused(client: Client, query: str) -> None:
    assert client.get(f"api/jobs?{query}").status_code == 422


def test_a_waiting_job_tells_what_it_waits_for(client: Client, jobs: dict[str, JobId]) -> None:
    (job,) = client.get("api/jobs", params={"state": "waiting"}).json()["jobs"]
    waiting = job["waiting"]
    assert waiting.pop("since").endswith("Z")
    assert waiting == {
        "reason": "It is arriving.",
        "image_series_uid": "1.2.1.1",
        "images_present": 3,
        "images_missing": 57,
    }


def test_a_failed_job_tells_why(client: Client, jobs: dict[str, JobId]) -> None:
    job = client.get(f"api/jobs/{jobs['failed']}").json()
    assert job["error"] == {"name": "InvalidDicom", "message": "The file ends too soon: send it again."}
    assert job["waiting"] is None


def test_a_job_is_shown_with_steps_phases_result_and_address(client: Client, jobs: dict[str, JobId]) -> None:
    answer = client.get(f"api/jobs/{jobs['succeeded']}")
    job = answer.json()
    assert [step["name"] for step in job["steps"]] == ["find_images"]
    assert [(phase["name"], phase["duration_s"]) for phase in job["phases"]] == [("receive", 0.25)]
    assert job["result"]["outcome"] == "done"
    assert (job["study_uid"], job["sop_instance_uid"]) == ("1.2.9", "1.2.9.2.3")
    assert job["duration_s"] >= 0
    assert job["href"] == f"/pacs/api/jobs/{job['job_id']}"
    assert client.get(job["href"]).json() == job


@pytest.mark.parametrize("job_id", ["unknown", "a" * 200])
def test_an_unknown_job_is_not_found(client: Client, job_id: str) -> None:
    for answer in (
        client.get(f"api/jobs/{job_id}"),
        client.post(f"api/jobs/{job_id}/cancel"),
        client.post(f"api/jobs/{job_id}/retry"),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("job_id", ["a" * 201, "a%20b", "a'b", "%00"])
def test_a_job_that_cannot_be_is_refused(client: Client, job_id: str) -> None:
    assert client.get(f"api/jobs/{job_id}").status_code == 422


# Cancelling


@pytest.mark.parametrize("state", ["queued", "running", "waiting"])
def test_a_job_that_has_not_ended_can_be_cancelled(
    client: Client, world: World, jobs: dict[str, JobId], state: str
) -> None:
    answer = client.post(f"api/jobs/{jobs[state]}/cancel")
    assert answer.status_code == 200
    assert answer.json()["state"] == "cancelled"
    assert answer.json()["waiting"] is None
    assert jobs[state] not in world.services.store.awaited()


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_cancelling_an_ended_job_is_a_conflict_and_leaves_it_as_it_is(
    client: Client, jobs: dict[str, JobId], state: str
) -> None:
    before = client.get(f"api/jobs/{jobs[state]}").json()
    answer = client.post(f"api/jobs/{jobs[state]}/cancel")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert state in answer.json()["detail"]
    assert client.get(f"api/jobs/{jobs[state]}").json() == before


def test_a_job_that_ends_before_it_can_be_cancelled_is_a_conflict(
    client: Client, world: World, jobs: dict[str, JobId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.queue, "cancel", world.queue.succeed)
    answer = client.post(f"api/jobs/{jobs['running']}/cancel")
    assert answer.status_code == 409
    assert "succeeded" in answer.json()["detail"]


def test_a_woken_job_that_is_cancelled_no_longer_counts_as_waiting(
    client: Client, world: World, jobs: dict[str, JobId]
) -> None:
    world.queue.run_again(jobs["waiting"])
    client.post(f"api/jobs/{jobs['waiting']}/cancel")
    assert world.services.store.awaited() == {}
    assert client.get("api/statistics").json()["jobs"]["waiting"] == 0


# Doing again


@pytest.mark.parametrize("state", ["waiting", "failed", "cancelled"])
def test_a_job_without_success_can_be_done_again(
    client: Client, world: World, jobs: dict[str, JobId], state: str
) -> None:
    answer = client.post(f"api/jobs/{jobs[state]}/retry")
    assert answer.status_code == 200
    assert answer.json()["state"] == "queued"
    assert world.queue.job(jobs[state]).state is JobState.QUEUED


def test_a_job_that_has_succeeded_is_a_conflict_that_says_how_to_process_again(
    client: Client, world: World, jobs: dict[str, JobId]
) -> None:
    answer = client.post(f"api/jobs/{jobs['succeeded']}/retry")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert '"again": true' in answer.json()["detail"]
    assert world.queue.job(jobs["succeeded"]).state is JobState.SUCCEEDED


def test_a_job_done_again_tells_of_its_new_run_and_where_the_results_of_the_earlier_are(
    client: Client, world: World, jobs: dict[str, JobId]
) -> None:
    first = client.get(f"api/jobs/{jobs['succeeded']}").json()
    world.queue.run_again(jobs["succeeded"])
    again = client.get(f"api/jobs/{jobs['succeeded']}").json()
    assert again["state"] == "queued"
    assert (again["started_at"], again["ended_at"], again["phases"], again["result"]) == (
        None,
        None,
        [],
        None,
    )
    assert again["requested_at"] > first["ended_at"]
    assert again["results_url"] == first["results_url"]
    assert client.get(again["results_url"]).status_code == 200


def test_a_job_without_results_has_no_address_of_any(client: Client, jobs: dict[str, JobId]) -> None:
    assert client.get(f"api/jobs/{jobs['failed']}").json()["results_url"] is None


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda world, job_id: world.queue.fail(job_id, "InvalidDicom"), "failed"),
        (lambda world, job_id: world.queue.cancel(job_id), "cancelled"),
        (lambda world, job_id: None, "running"),
    ],
)
def test_a_phase_that_was_not_done_to_its_end_is_as_its_job_is(
    client: Client, world: World, jobs: dict[str, JobId], end: Callable[[World, JobId], None], state: str
) -> None:
    job_id = jobs["running"]
    world.services.store.begin_phase(job_id, 0, "receive")
    world.services.store.end_phase(job_id, 0, 0.25)
    world.services.store.begin_phase(job_id, 1, "read_metadata")
    end(world, job_id)
    phases = client.get(f"api/jobs/{job_id}").json()["phases"]
    assert [(phase["name"], phase["state"], phase["duration_s"]) for phase in phases] == [
        ("receive", "done", 0.25),
        ("read_metadata", state, None),
    ]


def test_a_phase_that_a_workers_end_has_cut_off_is_interrupted(
    client: Client, world: World, jobs: dict[str, JobId]
) -> None:
    job_id = jobs["running"]
    world.services.store.begin_phase(job_id, 0, "receive")
    world.queue._change(job_id, state=JobState.QUEUED)
    assert client.get(f"api/jobs/{job_id}").json()["phases"][0]["state"] == "interrupted"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_job_that_is_about_to_be_done_is_a_conflict(
    client: Client, jobs: dict[str, JobId], state: str
) -> None:
    answer = client.post(f"api/jobs/{jobs[state]}/retry")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_database_that_does_not_answer_is_a_problem(client: Client, world: World) -> None:
    world.queue.unavailable = True
    answer = client.get("api/jobs")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
