"""The routes of transfers and rules."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import JobKind, JobState, transfer_job_id
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding
from orthanc_plugins.store import (
    InstanceState,
    TransferredInstance,
    TransferRequest,
    TransferState,
    WaitsFor,
)
from orthanc_plugins.transfers import ask_for_transfer
from orthanc_plugins.workflows.try_rule import RuleTrial
from tests.fakes import MemoryArchive
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = "1.2.1"
SENDS_NOW = "`POST /pacs/api/studies/1.2.1/forward` sends the study at once."
A, B = SopInstanceUid("1.2.1.1.1"), SopInstanceUid("1.2.1.1.2")
RULES = (ForwardingRule(name="CT", modalities=("CT",), priority=3), ForwardingRule(name="Off", enabled=False))


@pytest.fixture
def joined(services: Services) -> Services:
    archives: Any = {
        ArchiveName.ORTHANC: MemoryArchive(ArchiveName.ORTHANC),
        ArchiveName.DCM4CHEE: MemoryArchive(),
    }
    return replace(services, archives=archives, forwarding=Forwarding(rules=RULES))


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))


def ask(
    services: Services,
    transfer_id: str = "t",
    *,
    cause: str = "rule:CT",
    study: str = STUDY,
    window: str | None = None,
) -> None:
    request = TransferRequest(
        transfer_id,
        transfer_job_id(transfer_id),
        StudyUid(study),
        "orthanc",
        "dcm4chee",
        cause,
        "stow",
        (A, B),
        window=window,
    )
    ask_for_transfer(services.store.transfers, services.queue, request)


def fail(services: Services) -> None:
    transfers = services.store.transfers
    transfers.begin("t")
    transfers.note(
        "t",
        [
            TransferredInstance(A, InstanceState.VERIFIED, 1),
            TransferredInstance(B, InstanceState.FAILED, 1, 0xA771, "It was rejected there."),
        ],
        bytes_sent=20,
    )
    transfers.end("t", TransferState.PARTLY, ("TransferError", "1 instance did not arrive."))


# Looking


def test_transfers_are_listed_newest_first_and_by_what_they_are(client: Client, joined: Services) -> None:
    ask(joined)
    ask(joined, "s", cause="sync", study="1.9")
    answer = client.get("api/transfers").json()
    assert [one["transfer_id"] for one in answer["transfers"]] == ["s", "t"]
    assert answer["total"] == 2
    assert client.get("api/transfers?cause=rule:").json()["total"] == 1
    assert client.get("api/transfers?state=verified").json()["transfers"] == []
    assert client.get(f"api/transfers?study={STUDY}&limit=1").json()["transfers"][0]["transfer_id"] == "t"


def test_a_failure_that_was_made_good_is_still_listed_and_no_longer_counted(
    client: Client, joined: Services
) -> None:
    ask(joined)
    fail(joined)

    def told() -> tuple[object, object, object]:
        (listed,) = client.get("api/transfers?state=partly").json()["transfers"]
        counted = client.get("api/sync/status").json()["transfers"]["partly"]
        return listed["settled"], client.get("api/transfers/t").json()["settled"], counted

    assert told() == (False, False, 1)
    ask(joined, "again", cause="request")
    joined.store.transfers.end("again", TransferState.VERIFIED)
    assert told() == (True, True, 0)


def test_a_transfer_is_shown_with_what_became_of_each_instance(client: Client, joined: Services) -> None:
    ask(joined)
    fail(joined)
    answer = client.get("api/transfers/t").json()
    assert (answer["state"], answer["wanted"], answer["verified"], answer["failed"]) == ("partly", 2, 1, 1)
    assert answer["error"] == {"name": "TransferError", "message": "1 instance did not arrive."}
    assert answer["bytes_sent"] == 20
    good, bad = answer["instances"]
    assert (good["state"], good["sends"], good["failure_reason"]) == ("verified", 1, None)
    assert (bad["failure_reason"], bad["detail"]) == ("A771", "It was rejected there.")
    assert client.get(answer["href"]).json() == answer
    assert client.get(answer["job_url"]).json()["kind"] == "transfer_study"
    only = client.get("api/transfers/t?instance_state=failed&limit=1").json()["instances"]
    assert [one["sop_instance_uid"] for one in only] == [B]


def test_what_a_transfer_waits_for_is_told(client: Client, joined: Services) -> None:
    ask(joined)
    until = datetime.now(UTC)
    joined.store.transfers.wait("t", WaitsFor.ARCHIVE, until, "DCM4CHEE did not answer.")
    answer = client.get("api/transfers/t").json()
    assert (answer["state"], answer["waits_for"]) == ("queued", "archive")
    assert answer["error"] == {"name": "Waiting", "message": "DCM4CHEE did not answer."}
    assert answer["waits_until"] is not None


@pytest.mark.parametrize("path", ["transfers/x", "transfers/x/retry", "transfers/x/cancel"])
def test_a_transfer_that_there_is_none_of_is_not_found(client: Client, path: str) -> None:
    method = "GET" if path == "transfers/x" else "POST"
    answer = client.request(method, f"api/{path}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "No transfer has this identifier.")


def test_a_list_of_something_else_is_refused(client: Client) -> None:
    for query in ("state=lost", "cause=weather", "study=a b", "limit=0", "colour=red"):
        assert client.get(f"api/transfers?{query}").status_code == 422, query


# Changing


def test_one_that_failed_is_done_again(client: Client, joined: Services, queue: MemoryQueue) -> None:
    ask(joined)
    queue.fail(transfer_job_id("t"), "TransferError")
    fail(joined)
    answer = client.post("api/transfers/t/retry")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert queue.job(transfer_job_id("t")).state is JobState.QUEUED
    again = client.post("api/transfers/t/retry")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "The transfer is under way: it goes on by itself.",
    )


def test_one_that_is_verified_is_not_done_again(client: Client, joined: Services) -> None:
    ask(joined)
    joined.store.transfers.end("t", TransferState.VERIFIED)
    answer = client.post("api/transfers/t/retry")
    assert answer.status_code == 409
    assert "verified" in answer.json()["detail"]


def test_one_under_way_is_cancelled_with_its_job(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    ask(joined)
    assert client.post("api/transfers/t/cancel").json()["state"] == "cancelled"
    assert queue.job(transfer_job_id("t")).state is JobState.CANCELLED
    answer = client.post("api/transfers/t/cancel")
    assert (answer.status_code, answer.json()["detail"]) == (409, "The transfer has ended: it is cancelled.")


@pytest.mark.parametrize(
    ("waits_for", "told"),
    [
        (WaitsFor.WINDOW, "it waits for its hours, 18:00-06:00, until 2026-11-30 18:00 UTC. " + SENDS_NOW),
        (
            WaitsFor.ARCHIVE,
            "it waits for an archive that does not answer or has no space, until 2026-11-30 18:00 UTC.",
        ),
    ],
)
def test_one_that_waits_is_not_retried_and_for_what_and_how_long_is_told(
    client: Client, joined: Services, waits_for: WaitsFor, told: str
) -> None:
    ask(joined, window="18:00-06:00")
    joined.store.transfers.wait("t", waits_for, datetime(2026, 11, 30, 18, tzinfo=UTC), "It waits.")
    answer = client.post("api/transfers/t/retry")
    detail = f"The transfer is under way: {told}"
    assert (answer.status_code, answer.json()["detail"]) == (409, detail)


def test_cancelling_the_job_of_a_transfer_cancels_the_transfer_and_retrying_it_asks_again(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    ask(joined)
    job_id = transfer_job_id("t")
    assert client.post(f"api/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert client.get("api/transfers/t").json()["state"] == "cancelled"
    assert client.post(f"api/jobs/{job_id}/retry").json()["state"] == "queued"
    assert client.get("api/transfers/t").json()["state"] == "queued"
    assert queue.runs[job_id] == 2


def test_jobs_that_wait_are_listed_with_those_of_transfers(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    ask(joined)
    job_id = transfer_job_id("t")
    queue.wait(job_id)
    joined.store.transfers.wait("t", WaitsFor.WINDOW, datetime.now(UTC), "It waits for its hours.")
    assert [one["job_id"] for one in client.get("api/jobs?state=waiting").json()["jobs"]] == [job_id]


# Sending now


@pytest.fixture
def stored(orthanc: FakeOrthancRest) -> str:
    orthanc.store(STUDY, f"{STUDY}.1", A)
    return orthanc_id(STUDY)


def test_a_study_is_sent_now_and_asked_for_once(client: Client, queue: MemoryQueue, stored: str) -> None:
    answer = client.post(f"api/studies/{stored}/forward", json={"synchronous": False, "transport": "c-store"})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["cause"], told["priority"], told["transport"], told["wanted"]) == (
        "request",
        100,
        "c-store",
        0,
    )
    again = client.post(f"api/studies/{STUDY}/forward", json={"synchronous": False})
    assert again.json()["transfer_id"] == told["transfer_id"]
    assert len(queue.jobs(kind=JobKind.TRANSFER_STUDY)) == 1


def test_a_study_that_is_verified_in_time_is_answered_so(
    client: Client, joined: Services, queue: MemoryQueue, stored: str
) -> None:
    def work() -> None:
        while not (jobs := queue.jobs()):
            pass
        record = joined.store.transfers.transfers()[0][0]
        joined.store.transfers.end(record.transfer_id, TransferState.VERIFIED)
        queue.succeed(jobs[0].job_id)

    worker = threading.Thread(target=work)
    worker.start()
    answer = client.post(f"api/studies/{stored}/forward", json={"wait_s": 30})
    worker.join(10)
    assert (answer.status_code, answer.json()["state"]) == (200, "verified")


def test_a_study_that_does_not_arrive_is_a_problem(client: Client, queue: MemoryQueue, stored: str) -> None:
    asked = client.post(f"api/studies/{stored}/forward", json={"synchronous": False}).json()
    queue.fail(JobId(asked["job_id"]), "TransferError", "2 instances did not arrive.")
    answer = client.post(f"api/studies/{stored}/forward")
    assert (answer.status_code, answer.json()["detail"]) == (502, "2 instances did not arrive.")


def test_a_study_that_orthanc_does_not_hold_is_not_found(client: Client) -> None:
    assert client.post("api/studies/1.2.99/forward").status_code == 404
    assert client.post(f"api/studies/{orthanc_id('9')}/forward").status_code == 404


def test_storage_commitment_that_cannot_be_asked_for_is_refused(client: Client, stored: str) -> None:
    answer = client.post(f"api/studies/{stored}/forward", json={"storage_commitment": True})
    assert answer.status_code == 409
    assert "Dcm4chee.CommitmentPort" in answer.json()["detail"]


def test_without_a_second_archive_there_is_nowhere_to_send_to(services: Services, stored: str) -> None:
    answer = Client(create_app(services)).post(f"api/studies/{stored}/forward")
    assert answer.status_code == 409
    assert "Dcm4chee.Url" in answer.json()["detail"]


# Rules


def test_the_rules_of_the_settings_are_shown(client: Client) -> None:
    answer = client.get("api/rules").json()
    assert [(one["Name"], one["Enabled"]) for one in answer["rules"]] == [("CT", True), ("Off", False)]
    assert (answer["match"], answer["destination_configured"]) == ("first", True)


def run_trials(services: Services, queue: MemoryQueue) -> None:
    """Do what the worker does with a trial."""
    for job in queue.jobs(kind=JobKind.TEST_RULES):
        (token,) = queue.requests[job.job_id].arguments
        queue.succeed(job.job_id, **RuleTrial(services).run(token))


def test_a_rule_is_tried_and_its_outcome_shown(
    client: Client, joined: Services, queue: MemoryQueue, stored: str
) -> None:
    rule = {"Name": "Any", "Window": "18:00-06:00", "Tags": {"PatientName": "DOE*"}}
    asked = client.post("api/rules/test", json={"rule": rule, "synchronous": False})
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    (job,) = queue.jobs(kind=JobKind.TEST_RULES)
    assert "DOE" not in str(queue.requests[job.job_id])
    run_trials(joined, queue)
    token = job.job_id.removeprefix("test-rules.")
    answer = client.get(f"api/rules/test/{token}")
    assert answer.status_code == 200
    (study,) = answer.json()["studies"]
    assert (study["study_uid"], study["matched"]) == (STUDY, False)
    assert study["reasons"] == ["PatientName does not match 'DOE*'."]
    assert (answer.json()["window"], study["goes_at"]) == ("18:00-06:00", None)
    assert answer.json()["load"]["studies"] == 0
    assert stored
    assert queue.jobs(kind=JobKind.TRANSFER_STUDY) == []


def test_a_rule_of_the_settings_is_tried_by_its_name(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    assert client.post("api/rules/test", json={"name": "Off", "synchronous": False}).status_code == 202
    run_trials(joined, queue)
    (job,) = queue.jobs(kind=JobKind.TEST_RULES)
    answer = client.get(f"api/rules/test/{job.job_id.removeprefix('test-rules.')}").json()
    assert (answer["rule"], answer["studies"]) == ("Off", [])


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "Give either a rule or the name of one."),
        ({"name": "CT", "rule": {"Name": "x"}}, 422, "Give either a rule or the name of one."),
        ({"name": "x"}, 404, "there are: CT, Off."),
        ({"rule": {"Name": "x", "Tags": {"PatientNam": "y"}}}, 422, "did you mean PatientName"),
        ({"rule": {"Name": "x", "Window": "at night"}}, 422, "it is written 18:00-06:00"),
        ({"name": "CT", "last": 0}, 422, "body.last"),
    ],
)
def test_a_rule_that_cannot_be_tried_is_refused_with_what_to_do(
    client: Client, body: dict[str, Any], status: int, told: str
) -> None:
    answer = client.post("api/rules/test", json=body)
    assert answer.status_code == status
    assert told in answer.text


def test_an_outcome_that_is_no_longer_kept_is_not_found(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    client.post("api/rules/test", json={"name": "CT", "synchronous": False})
    (job,) = queue.jobs(kind=JobKind.TEST_RULES)
    queue.succeed(job.job_id)
    answer = client.get(f"api/rules/test/{job.job_id.removeprefix('test-rules.')}")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "The outcome is no longer kept: try the rule again.",
    )
    assert joined.data.exists()
