"""Repairs as they are planned, read, and applied."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.store import RepairState
from tests.unit.api.conftest import Client
from tests.unit.api.repairs.worked import WorkedQueue, asked, planned

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JobRequest
    from orthanc_plugins.services import Services
    from tests.unit.workflows.repaired import World


def test_a_plan_is_answered_with_values_sizes_and_totals_and_nothing_is_changed(
    client: Client, world: World
) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    world.orthanc.lose(world.uids[1])
    repair = planned(client, world, default="prefer_orthanc")
    assert (repair["state"], repair["study_uid"], repair["open_decisions"]) == ("planned", world.study_uid, 0)
    copy, update = repair["actions"]
    assert (copy["kind"], copy["target"], copy["instances"][0]["sop_instance_uid"]) == (
        "copy",
        "orthanc",
        world.uids[1],
    )
    assert update["attributes"] == [
        {"tag": "00180050", "keyword": "SliceThickness", "orthanc": "2.50", "dcm4chee": "3"}
    ]
    assert (update["state"], update["reason"]) == ("planned", "Orthanc is preferred.")
    assert repair["totals"]["copy"]["size_bytes"] == copy["size_bytes"] > 0
    assert repair["policy"]["default"] == "prefer_orthanc"
    assert repair["href"] == f"/pacs/api/repairs/{repair['repair_id']}"
    assert client.get(repair["href"]).json() == repair
    assert "replace" not in world.dcm4chee.requests


@pytest.mark.parametrize("how", ["body", "header"])
def test_a_plan_can_be_read_as_text(client: Client, world: World, how: str) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    path = f"api/studies/{world.study_uid}/repair"
    if how == "body":
        answer = client.post(path, json={"format": "text", "policy": {"default": "prefer_dcm4chee"}})
    else:
        body = {"policy": {"default": "prefer_dcm4chee"}}
        answer = client.post(path, json=body, headers={"Accept": "text/plain, */*;q=0.1"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert '       SliceThickness 00180050: "2.50" -> "3"\n' in answer.text
    repair_id = answer.text.rstrip(".\n").rpartition(" ")[2]
    shown = client.get(f"api/repairs/{repair_id}?format=text")
    assert shown.text == answer.text
    assert shown.text.startswith(f"Repair of study {world.study_uid}\n")


def test_what_is_left_out_of_a_policy_is_as_the_settings_say(client: Client, world: World) -> None:
    services = dataclasses.replace(world.services, repair=RepairPolicy(missing="manual"))
    world.dcm4chee.lose(world.uids[0])
    answer = Client(create_app(services)).post(
        f"api/studies/{world.study_uid}/repair", json={"policy": {"default": "newest"}}
    )
    assert (answer.json()["policy"]["missing"], answer.json()["policy"]["default"]) == ("manual", "newest")
    assert answer.json()["actions"][0]["kind"] == "manual"
    plain = client.post(f"api/studies/{world.study_uid}/repair")
    assert plain.json()["policy"]["missing"] == "copy"


@pytest.mark.parametrize(
    "body",
    [
        {"policy": {"default": "guess"}},
        {"policy": {"attributes": {"PatientNme": "newest"}}},
        {"policy": {"attributes": {"SOPInstanceUID": "newest"}}},
        {"polcy": {}},
        {"dry_run": "perhaps"},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(client: Client, world: World, body: dict[str, Any]) -> None:
    assert client.post(f"api/studies/{world.study_uid}/repair", json=body).status_code == 422
    assert world.repairs.repairs().total == 0


def test_without_a_dry_run_it_is_done_at_once(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = asked(client, world, dry_run=False, policy={"default": "prefer_orthanc"}).json()
    assert (repair["state"], repair["done"]) == ("verified", 1)
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "2.50"


def test_a_plan_that_takes_longer_is_asked_for_again(
    client: Client, world: World, queue: WorkedQueue
) -> None:
    queue.paused = True
    answer = asked(client, world, wait_s=0)
    assert (answer.status_code, answer.json()["state"]) == (202, "planning")
    unasked = asked(client, world, synchronous=False)
    assert unasked.status_code == 202
    queue.work(queue.requests[JobId(answer.json()["job_id"])])
    assert client.get(answer.json()["href"]).json()["state"] == "planned"


def test_an_archive_that_does_not_answer_is_told(client: Client, world: World) -> None:
    world.dcm4chee.faults.down = True
    answer = asked(client, world)
    assert (answer.status_code, answer.json()["error"]) == (503, "ArchiveUnavailable")
    (record,) = world.repairs.repairs().entries
    shown = client.get(f"api/repairs/{record.repair_id}").json()
    assert (shown["state"], shown["actions"], shown["error"]["name"]) == ("failed", [], "ArchiveUnavailable")
    assert client.get(f"api/repairs/{record.repair_id}?format=text").status_code == 409
    applied = client.post(f"api/repairs/{record.repair_id}/apply")
    assert (applied.status_code, "cannot be applied" in applied.json()["detail"]) == (409, True)


def test_without_a_second_archive_there_is_nothing_to_repair(services: Services) -> None:
    answer = Client(create_app(services)).post("api/studies/1.2.3/repair")
    assert (answer.status_code, "Dcm4chee.Url" in answer.json()["detail"]) == (409, True)


def test_a_queue_that_cannot_be_used_leaves_no_repair_at_work(
    client: Client, world: World, queue: WorkedQueue
) -> None:
    queue.unavailable = True
    assert asked(client, world).status_code == 503
    assert [one.state for one in world.repairs.repairs().entries] == [RepairState.FAILED]


# Applying


def test_a_plan_is_applied_once_and_then_there_is_nothing_to_apply(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    applied = client.post(f"{repair['href']}/apply", json={"wait_s": 10}).json()
    assert (applied["state"], applied["done"], applied["actions"][0]["state"]) == ("verified", 1, "done")
    assert applied["applied_by"] == "request"
    again = client.post(f"{repair['href']}/apply")
    assert (again.status_code, "nothing to apply" in again.json()["detail"]) == (409, True)


def test_a_study_that_has_changed_since_is_a_conflict(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    world.alter(world.dcm4chee, world.uids[1], SliceThickness="4")
    answer = client.post(f"{repair['href']}/apply")
    assert answer.status_code == 409
    assert "Compare it again and plan a new repair" in answer.json()["detail"]
    shown = client.get(repair["href"]).json()
    assert (shown["state"], shown["done"]) == ("failed", 0)
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "3"


def test_what_could_not_be_done_says_what_to_do(client: Client, world: World) -> None:
    world.dcm4chee._overwrites = False
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    applied = client.post(f"{repair['href']}/apply").json()
    assert (applied["state"], applied["failed"]) == ("failed", 1)
    assert "keeps its first copy" in applied["actions"][0]["detail"]


def test_two_who_apply_at_the_same_moment_are_one(client: Client, world: World, queue: WorkedQueue) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    queue.paused = True
    statuses: list[int] = []

    def apply() -> None:
        statuses.append(client.post(f"{repair['href']}/apply", json={"synchronous": False}).status_code)

    threads = [threading.Thread(target=apply) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [202, 409, 409, 409]
    assert len(queue.jobs(kind=JobKind.REPAIR_STUDY)) == 1


def test_who_looks_while_a_job_is_asked_for_does_not_take_it_for_lost(
    client: Client, world: World, queue: WorkedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    queue.paused = True
    seen: list[str] = []
    submit = queue.submit

    def looked_at(request: JobRequest) -> JobId:
        seen.append(client.get(repair["href"]).json()["state"])
        seen.append(str(client.post(f"{repair['href']}/apply").status_code))
        return submit(request)

    monkeypatch.setattr(queue, "submit", looked_at)
    assert client.post(f"{repair['href']}/apply", json={"synchronous": False}).status_code == 202
    assert seen == ["applying", "409"]
    assert client.get(repair["href"]).json()["state"] == "applying"


@pytest.mark.parametrize("how", ["cancelled", "given up", "lost"])
def test_a_repair_whose_job_ended_without_it_is_told_and_can_be_applied_again(
    client: Client, world: World, queue: WorkedQueue, how: str
) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    queue.paused = True
    job_id = JobId(client.post(f"{repair['href']}/apply", json={"wait_s": 0}).json()["job_id"])
    assert client.get(repair["href"]).json()["state"] == "applying"
    assert client.post(f"{repair['href']}/apply").status_code == 409
    if how == "cancelled":
        queue.cancel(job_id)
    elif how == "given up":
        queue.fail(job_id, "Abandoned", "The worker ended again and again.")
    else:
        del queue._jobs[job_id]
    shown = client.get(repair["href"]).json()
    assert (shown["state"], shown["error"]["name"]) == ("failed", "Interrupted")
    queue.paused = False
    assert client.post(f"{repair['href']}/apply").json()["state"] == "verified"
