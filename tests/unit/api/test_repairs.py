"""Repairs by their routes: planned, read, decided, applied, undone; the worker's part is done at once."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import JobKind, JobRequest
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.store import RepairState
from orthanc_plugins.store.retention import Tidying
from orthanc_plugins.workflows import compared_copies, repair_jobs
from tests.fakes import MemoryArchive, MemoryQueue
from tests.unit.api.conftest import Client
from tests.unit.workflows.repaired import UNLIMITED, DurableSteps, World, new_world

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from orthanc_plugins.services import Services

UNKNOWN = "0" * 32


class WorkedQueue(MemoryQueue):
    """A queue whose jobs about repairs are done when they are asked for, unless it is ``paused``."""

    def __init__(self) -> None:
        super().__init__()
        self.services: Services | None = None
        self.engine: DurableSteps | None = None
        self.paused = False

    def submit(self, request: JobRequest) -> JobId:
        job_id = super().submit(request)
        if not self.paused:
            self.work(request)
        return job_id

    def work(self, request: JobRequest) -> None:
        assert self.services is not None
        assert self.engine is not None
        self.engine.forget()
        self.start(request.job_id)
        try:
            if request.kind is JobKind.PLAN_REPAIR:
                repair_jobs.plan_repair(self.services, *request.arguments)
            elif request.kind is JobKind.REPAIR_STUDY:
                repair_jobs.repair_study(self.services, UNLIMITED, request.job_id, *request.arguments)
            else:
                repair_jobs.undo_repair(self.services, UNLIMITED, request.job_id, *request.arguments)
        except PacsSuiteError as error:
            self.fail(request.job_id, type(error).__name__, str(error))
        else:
            self.succeed(request.job_id)


@pytest.fixture
def queue() -> WorkedQueue:
    return WorkedQueue()


@pytest.fixture
def world(services: Services, queue: WorkedQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    steps = DurableSteps()
    monkeypatch.setattr(repair_jobs, "run_step", steps)
    monkeypatch.setattr(repair_jobs, "WAITS_S", ())
    monkeypatch.setattr(compared_copies, "write_reports", lambda *_: None)
    archives = [MemoryArchive(name, overwrites=True) for name in ArchiveName]
    made = new_world(services, tmp_path, steps, *archives)
    queue.services, queue.engine = made.services, steps
    made.fill()
    return made


@pytest.fixture
def client(world: World) -> Client:
    return Client(create_app(world.services))


def asked(client: Client, world: World, **body: Any) -> httpx.Response:
    return client.post(f"api/studies/{world.study_uid}/repair", json=body)


def planned(client: Client, world: World, **policy: Any) -> dict[str, Any]:
    answer = asked(client, world, policy=policy)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


# Planning


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


# Deciding


def test_open_decisions_are_listed_with_both_values_and_done_as_decided(client: Client, world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, StudyDescription="Abdomen")
    repair = planned(client, world)
    listed = client.get("api/repairs/manual").json()
    (decision,) = listed["decisions"]
    assert (listed["total"], decision["repair_id"], len(decision["instances"])) == (1, repair["repair_id"], 3)
    assert decision["attributes"][0] == {
        "tag": "00081030",
        "keyword": "StudyDescription",
        "orthanc": "Thorax",
        "dcm4chee": "Abdomen",
    }
    assert decision["options"] == ["orthanc", "dcm4chee", "leave"]
    decided = client.post(decision["decide_url"], json={"keep": "dcm4chee"}).json()
    assert (decided["actions"][0]["state"], decided["actions"][0]["keep"]) == ("decided", "dcm4chee")
    assert client.get("api/repairs/manual").json()["total"] == 0
    text = client.get(f"{repair['href']}?format=text").text
    assert "       decided: dcm4chee\n" in text
    assert "Together: 1 decided.\n" in text
    applied = client.post(f"{repair['href']}/apply").json()
    assert (applied["state"], applied["done"]) == ("verified", 1)
    text = client.get(f"{repair['href']}?format=text").text
    assert "decided: dcm4chee\n       => verified\n" in text
    assert "Together: 1 verified.\n" in text
    assert world.read(world.orthanc, world.uids[2]).StudyDescription == "Abdomen"
    late = client.post(decision["decide_url"], json={"keep": "orthanc"})
    assert (late.status_code, "no longer" in late.json()["detail"]) == (409, True)


def test_a_decision_there_is_no_choice_of_is_refused(client: Client, world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    world.alter(world.dcm4chee, world.uids[1], SliceThickness="3")
    repair = planned(client, world, missing="manual", default="prefer_orthanc")
    choices = ((1, "leave", 409), (2, "dcm4chee", 409), (9, "leave", 404), (2, "both", 422))
    for ordinal, keep, status in choices:
        answer = client.post(f"{repair['href']}/actions/{ordinal}/decide", json={"keep": keep})
        assert answer.status_code == status, answer.text


def test_what_is_left_to_do_is_told_as_it_stands_now(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], StudyID="S2")
    world.orthanc.lose(world.uids[1])
    repair = planned(client, world)
    number = next(one["ordinal"] for one in repair["actions"] if one["kind"] == "manual")
    assert repair["notes"] == []
    applied = client.post(f"{repair['href']}/apply").json()
    assert (applied["state"], applied["error"]) == ("partly", None)
    command = f"pacs repair {repair['repair_id']}"
    (told,) = applied["notes"]
    assert told.startswith("Left undecided: 1 action; the copies still differ there.")
    assert f"(`{command} --decide ACTION DECISION`)" in told
    client.post(f"{repair['href']}/actions/{number}/decide", json={"keep": "dcm4chee"})
    text = client.get(f"{repair['href']}?format=text").text
    assert "Left undecided" not in text
    assert f"\nDecided and not done yet: 1 action. Apply it again (`{command} --apply`).\n" in text
    assert client.post(f"{repair['href']}/apply").json()["notes"] == []


def test_what_is_left_out_is_told_and_how_that_is_taken_back(client: Client, world: World) -> None:
    for uid in world.uids[:2]:
        world.dcm4chee.lose(uid)
    repair = planned(client, world, missing="manual")
    (action,) = repair["actions"]
    assert action["options"] == ["copy", "leave"]
    client.post(f"{repair['href']}/actions/1/decide", json={"keep": "leave"})
    applied = client.post(f"{repair['href']}/apply").json()
    assert applied["state"] == "verified"
    lift = f"`pacs sync --lift dcm4chee {world.study_uid}`"
    (told,) = applied["notes"]
    assert told.startswith("2 instances were left out of DCM4CHEE as decided")
    assert lift in told
    assert told in client.get(f"{repair['href']}?format=text").text
    undone = client.post(f"{repair['href']}/undo")
    assert undone.status_code == 409
    assert lift in undone.json()["detail"]


# Undoing


def test_a_repair_is_undone(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    before = world.dcm4chee.content(world.uids[0])
    repair = planned(client, world, default="prefer_orthanc")
    nothing = client.post(f"{repair['href']}/undo")
    assert (nothing.status_code, "nothing to undo" in nothing.json()["detail"]) == (409, True)
    client.post(f"{repair['href']}/apply")
    undone = client.post(f"{repair['href']}/undo").json()
    assert (undone["state"], undone["actions"][0]["state"]) == ("undone", "undone")
    assert "Together: 1 undone.\n" in client.get(f"{repair['href']}?format=text").text
    assert world.dcm4chee.content(world.uids[0]) == before
    for again in ("apply", "undo"):
        assert client.post(f"{repair['href']}/{again}").status_code == 409
    assert client.get("api/repairs/manual").json()["total"] == 0


def test_a_repair_whose_former_files_are_no_longer_kept_says_why_it_cannot_be_undone(
    client: Client, world: World
) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    client.post(f"{repair['href']}/apply")
    later = datetime.now(UTC) + timedelta(days=31)
    Tidying(world.services.store, world.services.data, world.services.retention, lambda: later).remove()
    answer = client.post(f"{repair['href']}/undo")
    assert answer.status_code == 409
    assert "kept for 30 days after its end (Retention.UndoDays)" in answer.json()["detail"]
    assert client.get(repair["href"]).json()["state"] == "verified"


# Listing


def test_repairs_are_listed_by_study_and_state(client: Client, world: World) -> None:
    first = planned(client, world)
    time.sleep(0.01)
    second = planned(client, world)
    client.post(f"{first['href']}/apply")
    listed = client.get("api/repairs").json()
    assert [one["repair_id"] for one in listed["repairs"]] == [second["repair_id"], first["repair_id"]]
    verified = client.get(f"api/repairs?state=verified&study={world.study_uid}").json()
    assert [one["repair_id"] for one in verified["repairs"]] == [first["repair_id"]]
    assert client.get("api/repairs?study=1.2.3").json()["total"] == 0
    assert client.get("api/repairs?limit=1&offset=1").json()["total"] == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/apply"),
        ("POST", "/undo"),
        ("POST", "/actions/1/decide"),
    ],
)
def test_a_repair_that_is_not_there_is_told(client: Client, method: str, path: str) -> None:
    answer = client.request(
        method, f"api/repairs/{UNKNOWN}{path}", json={"keep": "leave"} if "decide" in path else None
    )
    assert (answer.status_code, answer.json()["detail"]) == (404, "No repair has this identifier.")
    assert client.get("api/repairs/nonsense").status_code == 422


def test_plan_files_that_are_gone_are_told(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world)
    shutil.rmtree(world.services.data / "repairs" / repair["repair_id"])
    answer = client.get(repair["href"])
    assert (answer.status_code, "removed" in answer.json()["detail"]) == (409, True)
