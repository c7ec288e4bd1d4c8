"""Comparisons of both archives by their routes: a study, a patient, everything."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app, deadline
from orthanc_plugins.api.routers import study_comparison
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.jobs import (
    JobKind,
    compare_archives_request,
    compare_study_request,
    report_comparison_request,
)
from orthanc_plugins.store import ContentCheck, SideState
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts
from orthanc_plugins.sync.states import listed_state
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client
from tests.unit.holdings import LEFT, NOW, RIGHT, hold

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue

STUDY = StudyUid("1.1")
FOUND = Comparison(
    STUDY,
    "content",
    NOW,
    StudyCounts(1, 2),
    StudyCounts(1, 1),
    1,
    (Difference(DifferenceClass.MISSING_RIGHT, "instance", STUDY, detail="DCM4CHEE does not hold it."),),
)


@pytest.fixture
def left() -> MemoryArchive:
    archive = MemoryArchive(LEFT)
    archive.put("1.1.1", study="1.1")
    archive.put("1.1.2", study="1.1")
    archive.put("1.2.1", study="1.2")
    return archive


@pytest.fixture
def right() -> MemoryArchive:
    archive = MemoryArchive(RIGHT)
    archive.put("1.1.1", study="1.1")
    archive.put("1.3.1", study="1.3")
    return archive


@pytest.fixture
def joined(services: Services, left: MemoryArchive, right: MemoryArchive) -> Services:
    return dataclasses.replace(services, archives={LEFT: left, RIGHT: right})


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))


def compared(services: Services, depth: str = "content") -> None:
    """Take the worker's part: what was found stands in its folder and in the store."""
    folder = services.comparisons / STUDY
    folder.mkdir(parents=True)
    (folder / "comparison.json").write_text(json.dumps(FOUND.to_json()), encoding="utf-8")
    (folder / "report.html").write_text("<p>A report.</p>", encoding="utf-8")
    left, right = (listed_state(services.archives[name], STUDY) for name in (LEFT, RIGHT))
    check = ContentCheck(STUDY, NOW, left, right, depth, False, {"missing_right": 1}, "id")
    services.store.inventory.note_check(check)


def test_a_comparison_that_is_current_is_answered_at_once(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    compared(joined)
    answer = client.get("api/studies/1.1/comparison")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["equal"], told["classes"], told["current"]) == (False, {"missing_right": 1}, True)
    assert told["differences"][0]["detail"] == "DCM4CHEE does not hold it."
    assert told["sides"] == {"left": "Orthanc", "right": "DCM4CHEE"}
    assert told["reports"]["report.html"] == "/pacs/api/studies/1.1/comparison/report.html"
    assert not queue.jobs()
    report = client.get(told["reports"]["report.html"])
    assert report.text == "<p>A report.</p>"
    assert "default-src 'none'" in report.headers["Content-Security-Policy"]


def test_a_loss_is_not_hidden_by_a_comparison_and_an_inventory_of_before_it(
    client: Client, joined: Services, queue: MemoryQueue, right: MemoryArchive
) -> None:
    hold(joined.store, LEFT, STUDY)
    hold(joined.store, RIGHT, STUDY)
    compared(joined)
    right.lose("1.1.1")
    assert client.get("api/studies/1.1/comparison", params={"wait_s": 0}).status_code == 202
    assert len(queue.jobs(kind=JobKind.COMPARE_STUDY)) == 1


@pytest.mark.parametrize("query", [{"again": True}, {}])
def test_what_has_changed_or_is_asked_again_is_compared_anew(
    client: Client, joined: Services, queue: MemoryQueue, left: MemoryArchive, query: dict[str, Any]
) -> None:
    compared(joined)
    if not query:
        left.describe("1.1", StudyDescription="Another")
    answer = client.get("api/studies/1.1/comparison", params={**query, "wait_s": 0})
    assert answer.status_code == 202
    job_id = compare_study_request(STUDY, "content").job_id
    assert answer.json() == {"status": "queued", "job_id": job_id, "job_url": f"/pacs/api/jobs/{job_id}"}
    queue.succeed(job_id)
    client.get("api/studies/1.1/comparison", params={"again": True, "wait_s": 0})
    assert queue.runs[job_id] == 2


def test_what_an_archive_without_revisions_holds_is_compared_each_time(
    client: Client, joined: Services, right: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = right.studies
    monkeypatch.setattr(
        right, "studies", lambda query: (dataclasses.replace(one, revision="") for one in original(query))
    )
    compared(joined)
    assert client.get("api/studies/1.1/comparison", params={"wait_s": 0}).status_code == 202
    assert client.get("api/studies/1.1/comparison", params={"stored": True}).json()["current"] is True


def test_what_is_kept_is_answered_on_demand_with_whether_it_still_holds(
    client: Client, joined: Services, queue: MemoryQueue, right: MemoryArchive
) -> None:
    assert client.get("api/studies/1.1/comparison", params={"stored": True}).status_code == 404
    compared(joined)
    right.lose("1.1.1")
    assert client.get("api/studies/1.1/comparison", params={"stored": True}).json()["current"] is False
    right.faults.down = True
    told = client.get("api/studies/1.1/comparison", params={"stored": True}).json()
    assert (told["current"], told["compared_at"][:4]) == (None, "2026")
    assert client.get("api/studies/1.1/comparison", params={"wait_s": 0}).status_code == 503
    assert not queue.jobs()


def test_an_archive_that_lists_too_slowly_is_compared_anew(
    client: Client, joined: Services, right: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared(joined)
    monkeypatch.setattr(deadline, "DEADLINE_S", 0.05)
    release = threading.Event()

    def hang(_method: str) -> None:
        release.wait(10)

    right.faults.hook = hang
    answer = client.get("api/studies/1.1/comparison", params={"wait_s": 0})
    release.set()
    assert answer.status_code == 202


def test_a_comparison_of_instances_does_not_do_for_one_of_content(client: Client, joined: Services) -> None:
    compared(joined, depth="instance")
    assert client.get("api/studies/1.1/comparison", params={"wait_s": 0}).status_code == 202
    by_instance = client.get("api/studies/1.1/comparison", params={"depth": "instance", "wait_s": 0})
    assert by_instance.status_code == 200


def test_a_comparison_that_failed_says_why(client: Client, joined: Services, queue: MemoryQueue) -> None:
    request = compare_study_request(STUDY, "content")
    client.get("api/studies/1.1/comparison", params={"wait_s": 0})
    queue.fail(request.job_id, "ArchiveUnavailable", "dcm4chee does not answer.")
    shown = client.get(f"api/jobs/{request.job_id}").json()
    assert shown["error"]["message"] == "dcm4chee does not answer."


def test_reports_that_are_not_there_are_refused(client: Client) -> None:
    assert "differences.csv" in client.get("api/studies/1.1/comparison/secret.txt").json()["detail"]
    answer = client.get("api/studies/1.1/comparison/report.pdf")
    assert (answer.status_code, "ask for the comparison" in answer.json()["detail"]) == (404, True)


def test_a_report_that_is_older_than_the_comparison_is_made_anew(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    compared(joined)
    folder = joined.comparisons / STUDY
    os.utime(folder / "report.html", (1, 1))
    asked: list[str] = []

    def make(job_id: JobId) -> Any:
        asked.append(job_id)
        (folder / "report.html").write_text("<p>A new one.</p>", encoding="utf-8")
        queue.succeed(job_id)
        return original(job_id)

    original, queue.job = queue.job, make  # type: ignore[method-assign]
    assert client.get("api/studies/1.1/comparison/report.html").text == "<p>A new one.</p>"
    assert asked == [report_comparison_request(STUDY, NOW).job_id]


def test_a_report_that_takes_long_is_asked_for_again(
    client: Client, joined: Services, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_comparison, "_REPORT_WAIT_S", 0.0)
    compared(joined)
    answer = client.get("api/studies/1.1/comparison/report.pdf")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    queue.fail(report_comparison_request(STUDY, NOW).job_id, "JobError", "The suite met a fault.")
    assert client.get("api/studies/1.1/comparison/report.pdf").status_code == 503  # it is tried again


def test_without_a_second_archive_nothing_is_compared(services: Services) -> None:
    client = Client(create_app(services))
    assert client.get("api/studies/1.1/comparison").status_code == 409
    assert client.post("api/comparisons/generate", json={}).status_code == 409


def test_comparisons_are_listed(client: Client, joined: Services) -> None:
    compared(joined)
    listed = client.get("api/comparisons", params={"equal": False}).json()
    assert [(one["study_uid"], one["equal"]) for one in listed["comparisons"]] == [("1.1", False)]
    assert client.get("api/comparisons", params={"equal": True}).json()["comparisons"] == []


def test_everything_is_compared_as_a_job_with_reports(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    asked = client.post("api/comparisons/generate", json={"depth": "content", "again": True})
    assert (asked.status_code, asked.json()["reports"]) == (202, {})
    (job,) = queue.jobs(kind=JobKind.COMPARE_ARCHIVES)
    assert queue.requests[job.job_id].arguments == ("content", "again", "")
    studies = {"same": 3, "differing": 1, "only_orthanc": 1, "only_dcm4chee": 0}
    queue.succeed(job.job_id, studies=studies, compared=3, known=1, classes={"pixel": 1}, incomplete=0)
    folder = joined.comparisons / "archives" / job.job_id
    folder.mkdir(parents=True)
    (folder / "differences.csv").write_text("a,b\n", encoding="utf-8")
    shown = client.get(f"api/comparisons/generated/{job.job_id}").json()
    assert (shown["studies"], shown["classes"]) == (studies, {"pixel": 1})
    assert (shown["compared"], shown["known"]) == (3, 1)
    assert client.get(shown["reports"]["differences.csv"]).text == "a,b\n"


def test_only_comparisons_of_everything_are_shown_as_such(client: Client, queue: MemoryQueue) -> None:
    queue.submit(compare_study_request(STUDY, "content"))
    job_id = compare_study_request(STUDY, "content").job_id
    assert client.get(f"api/comparisons/generated/{job_id}").status_code == 404
    absent = compare_archives_request("content", again=False, token="none").job_id
    assert client.get(f"api/comparisons/generated/{JobId(absent)}").status_code == 404


def test_a_patient_is_compared_and_both_are_timed(client: Client) -> None:
    told = client.get("api/comparisons/P1").json()
    assert told["orthanc"]["studies"] == 2
    assert (told["dcm4chee"]["studies"], told["dcm4chee"]["instances"]) == (2, 2)
    assert told["orthanc"]["avg_response_time_ms"] >= 0
    differences = told["differences"]
    assert differences["missing_in_orthanc"] == ["1.3"]
    assert differences["missing_in_dcm4chee"] == ["1.2"]
    assert differences["differing"] == ["1.1"]
    assert "10 pairs" in differences["performance_note"]


def test_a_patients_study_that_is_known_to_differ_in_content_is_told(
    client: Client, joined: Services, right: MemoryArchive
) -> None:
    right.put("1.1.2", study="1.1")
    assert client.get("api/comparisons/P1").json()["differences"]["differing"] == []
    hold(joined.store, LEFT, STUDY)
    hold(joined.store, RIGHT, STUDY)
    inventory = joined.store.inventory
    pair = inventory.pairs([STUDY])[STUDY]
    states = SideState.of(pair.left), SideState.of(pair.right)
    inventory.note_check(ContentCheck(STUDY, NOW, *states, "content", False, {"pixel": 1}, "id"))
    assert client.get("api/comparisons/P1").json()["differences"]["differing"] == [STUDY]


def test_an_archive_that_is_down_is_not_compared_as_empty(client: Client, right: MemoryArchive) -> None:
    right.faults.down = True
    told = client.get("api/comparisons/P1").json()
    assert told["dcm4chee"] == dict.fromkeys(told["dcm4chee"])
    assert told["differences"]["missing_in_dcm4chee"] == []
    assert told["differences"]["performance_ratio"] is None
    assert told["archives"]["dcm4chee"]["state"] == "unavailable"


def test_a_patient_of_neither_archive_is_not_found(client: Client) -> None:
    assert client.get("api/comparisons/P%2F9").status_code == 404
