"""Synchronisation by its routes: how it stands, its history, what was deleted, and a round now."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.services import Synchronisation
from orthanc_plugins.sign_on import SignOn
from orthanc_plugins.store import ArchiveRun, SyncRun, Tombstone, TransferRequest, TransferState, WaitsFor
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client
from tests.unit.holdings import LEFT, NOW, RIGHT, hold, known

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue


@pytest.fixture
def joined(services: Services) -> Services:
    return dataclasses.replace(
        services,
        archives={name: MemoryArchive(name) for name in (LEFT, RIGHT)},
        synchronisation=Synchronisation(direction="both"),
    )


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))


def note_run(services: Services, run_id: str = "r1", state: str = "succeeded", **archive: Any) -> None:
    inventory = services.store.inventory
    run = SyncRun(run_id, "schedule", NOW)
    inventory.begin_run(run)
    inventory.note_archive_run(run_id, ArchiveRun("orthanc", "log", looked_at=3, **archive))
    if state != "running":
        ended = dataclasses.replace(run, ended_at=NOW + timedelta(seconds=2), state=state, differing=1)
        inventory.end_run(ended)


def ask_transfer(services: Services, study: str) -> str:
    transfer_id = f"sync.{study}"
    services.store.transfers.request(
        TransferRequest(
            transfer_id, JobId(transfer_id), StudyUid(study), "orthanc", "dcm4chee", "sync", "stow"
        )
    )
    return transfer_id


def when_asked(queue: MemoryQueue, end: Callable[[JobId], None]) -> threading.Thread:
    """Take the worker's part: end the first round that is asked for."""

    def work() -> None:
        while not (jobs := queue.jobs(kind=JobKind.SYNCHRONISE)):
            threading.Event().wait(0.01)
        end(jobs[0].job_id)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_the_status_tells_rounds_archives_and_agreement(client: Client, joined: Services) -> None:
    hold(joined.store, LEFT, "1.1", ("1", "2"))
    hold(joined.store, RIGHT, "1.1", ("1", "2"))
    hold(joined.store, LEFT, "1.2")
    known(joined.store, LEFT)
    note_run(joined)
    status = client.get("api/sync/status").json()
    assert (status["state"], status["direction"], status["interval_s"]) == ("idle", "both", 60.0)
    agreement = {"same": 1, "differing": 0, "by_content": 0, "only_orthanc": 1, "only_dcm4chee": 0}
    assert status["studies"] == agreement
    assert status["archives"]["orthanc"]["state"] == "current"
    assert status["archives"]["orthanc"]["instances"] == 3
    assert status["archives"]["dcm4chee"]["state"] == "incomplete"
    assert status["last_run"]["archives"]["orthanc"]["looked_at"] == 3
    assert status["next_run"].startswith("2026-11-01T12:01:00")


def test_the_next_round_is_told_after_a_nightly_one_too(client: Client, joined: Services) -> None:
    note_run(joined)
    joined.store.inventory.begin_run(SyncRun("n", "nightly", NOW + timedelta(hours=1), NOW, "succeeded"))
    assert client.get("api/sync/status").json()["next_run"].startswith("2026-11-01T13:01:00")


@pytest.mark.parametrize("then", ["refill", "bury"])
def test_a_mass_loss_is_told_until_a_person_decides(client: Client, joined: Services, then: str) -> None:
    inventory = joined.store.inventory
    for number in range(3):
        inventory.bury(
            Tombstone("dcm4chee", StudyUid(f"1.{number}"), True, frozenset(), "held", NOW, "archive")
        )
    (hold,) = client.get("api/sync/status").json()["holds"]
    assert (hold["archive"], hold["studies"]) == ("dcm4chee", 3)
    health = client.get("api/health").json()
    assert (health["warnings"], health["status"] == "healthy") == ([hold["text"]], False)
    decision = {"archive": "dcm4chee", "then": then}
    assert client.post("api/sync/holds", json=decision).json()["studies"] == 3
    assert client.get("api/sync/status").json()["holds"] == []
    assert client.post("api/sync/holds", json=decision).status_code == 404
    assert client.get("api/sync/tombstones").json()["total"] == (3 if then == "bury" else 0)


def test_what_an_archive_at_another_address_lacks_is_told_with_both_addresses(
    client: Client, joined: Services
) -> None:
    inventory = joined.store.inventory
    for address in ("http://one.test/rs", "http://two.test/rs"):
        inventory.ask_at("dcm4chee", address)
    inventory.bury(Tombstone("dcm4chee", StudyUid("1.1"), True, frozenset(), "held", NOW, "archive"))
    (hold,) = client.get("api/sync/status").json()["holds"]
    assert (hold["former_address"], hold["address"]) == ("http://one.test/rs", "http://two.test/rs")
    assert "from http://one.test/rs to http://two.test/rs, and 1 study" in hold["text"]
    assert client.get("api/health").json()["warnings"] == [hold["text"]]


def test_studies_are_counted_not_transfers(client: Client, joined: Services, queue: MemoryQueue) -> None:
    transfers: list[JsonValue] = []
    for study, destination in (("1.2", "dcm4chee"), ("1.2", "orthanc"), ("1.3", "dcm4chee")):
        transfer_id = f"sync.{study}.{destination}"
        source = "orthanc" if destination == "dcm4chee" else "dcm4chee"
        joined.store.transfers.request(
            TransferRequest(
                transfer_id, JobId(transfer_id), StudyUid(study), source, destination, "sync", "stow"
            )
        )
        if study == "1.2":
            joined.store.transfers.begin(transfer_id)
            joined.store.transfers.end(transfer_id, TransferState.VERIFIED)
        transfers.append(transfer_id)
    worker = when_asked(
        queue, lambda job_id: queue.succeed(job_id, run_id="r", transfers=transfers, errors=[])
    )
    told = client.post("api/sync", json={"wait_s": 1}).json()
    worker.join()
    assert (told["synced_studies"], told["pending_studies"]) == (1, 1)


def test_a_round_that_runs_is_told(client: Client, joined: Services) -> None:
    note_run(joined, state="running")
    status = client.get("api/sync/status").json()
    assert (status["state"], status["next_run"]) == ("running", None)


def test_without_a_second_archive_nothing_is_synchronised(services: Services) -> None:
    client = Client(create_app(services))
    assert client.get("api/sync/status").json()["state"] == "not_configured"
    answer = client.post("api/sync", json={})
    assert answer.status_code == 409
    assert "DCM4CHEE_URL" in answer.json()["detail"]


def test_a_round_is_a_success_once_its_transfers_are_verified(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    transfer = ask_transfer(joined, "1.2")
    ledger = joined.store.transfers

    def end(job_id: JobId) -> None:
        queue.succeed(job_id, run_id="r1", differing=1, transfers=[transfer], errors=[])
        ledger.begin(transfer)
        ledger.end(transfer, TransferState.VERIFIED)

    worker = when_asked(queue, end)
    answer = client.post("api/patients/sync", json={"wait_s": 20})
    worker.join()
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["synced_studies"], told["pending_studies"]) == ("success", 1, 0)
    assert (told["differing_studies"], told["run_id"], told["errors"]) == (1, "r1", [])
    assert told["duration_seconds"] > 0


def test_a_round_whose_transfers_go_on_is_no_success(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    transfer = ask_transfer(joined, "1.2")
    worker = when_asked(
        queue, lambda job_id: queue.succeed(job_id, run_id="r1", differing=1, transfers=[transfer], errors=[])
    )
    answer = client.post("api/sync", json={"wait_s": 1})
    worker.join()
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["pending_studies"]) == ("running", 1)


def test_what_went_wrong_in_a_round_is_told(client: Client, joined: Services, queue: MemoryQueue) -> None:
    transfer = ask_transfer(joined, "1.2")
    joined.store.transfers.begin(transfer)
    joined.store.transfers.end(transfer, TransferState.FAILED)
    errors: list[JsonValue] = ["dcm4chee does not answer."]
    worker = when_asked(
        queue, lambda job_id: queue.succeed(job_id, run_id="r", transfers=[transfer], errors=errors)
    )
    told = client.post("api/sync", json={"wait_s": 20}).json()
    worker.join()
    assert told["status"] == "partial"
    assert told["errors"] == [
        "dcm4chee does not answer.",
        "1 transfer did not end well: GET api/transfers tells which and why.",
    ]


def test_what_was_not_sent_in_vain_is_told_and_is_no_error(client: Client, queue: MemoryQueue) -> None:
    notes: list[JsonValue] = ["Not sent: 1 instance of 1 study."]
    worker = when_asked(
        queue, lambda job_id: queue.succeed(job_id, run_id="r", transfers=[], errors=[], notes=notes)
    )
    told = client.post("api/sync", json={"wait_s": 20}).json()
    worker.join()
    assert (told["status"], told["errors"], told["notes"]) == ("success", [], notes)


def test_the_status_tells_what_waits_for_its_hours(client: Client, joined: Services) -> None:
    ask_transfer(joined, "1.2")
    joined.store.transfers.wait(ask_transfer(joined, "1.3"), WaitsFor.WINDOW, NOW, "It waits.")
    joined.store.transfers.wait(ask_transfer(joined, "1.4"), WaitsFor.ARCHIVE, NOW, "It is away.")
    status = client.get("api/sync/status").json()
    assert (status["transfers"]["queued"], status["waiting_for_hours"]) == (3, 1)


def test_a_round_that_is_not_waited_for_answers_its_job(client: Client, queue: MemoryQueue) -> None:
    answer = client.post("api/sync", json={"full": True, "synchronous": False})
    assert answer.status_code == 202
    (job,) = queue.jobs(kind=JobKind.SYNCHRONISE)
    assert answer.json()["job_id"] == job.job_id
    assert queue.requests[job.job_id].arguments == ("full",)


def test_history_lists_rounds_newest_first(client: Client, joined: Services) -> None:
    note_run(joined, "r1", error="Orthanc did not answer.")
    joined.store.inventory.begin_run(SyncRun("r2", "nightly", NOW + timedelta(hours=1)))
    page = client.get("api/sync/history").json()
    assert [(run["run_id"], run["state"]) for run in page["runs"]] == [("r2", "running"), ("r1", "succeeded")]
    assert page["runs"][1]["archives"]["orthanc"]["error"] == "Orthanc did not answer."
    nightly = client.get("api/sync/history", params={"cause": "nightly"}).json()
    assert [run["run_id"] for run in nightly["runs"]] == ["r2"]


def test_every_change_is_listed_and_can_be_asked_by_study(client: Client, joined: Services) -> None:
    hold(joined.store, LEFT, "1.1", ("1", "2"))
    hold(joined.store, LEFT, "1.1", ("1", "2", "3"))
    hold(joined.store, RIGHT, "1.2")
    page = client.get("api/sync/events", params={"study": "1.1"}).json()
    told = [(one["kind"], one["instances_before"], one["instances_after"]) for one in page["events"]]
    assert told == [("changed", 2, 3), ("appeared", 0, 2)]
    assert client.get("api/sync/events").json()["total"] == 3
    transfer = f"transfer:sync.{'1' * 64}.dcm4chee.{'a' * 16}.{'b' * 12}"
    assert client.get("api/sync/events", params={"run_id": transfer}).json()["total"] == 0


@pytest.mark.parametrize(("headers", "by"), [({}, "request"), ({"Authorization": "Basic a"}, "ann")])
def test_a_tombstone_is_lifted_once_and_by_whom_is_noted(
    joined: Services, headers: dict[str, str], by: str
) -> None:
    sign_on = SignOn({"Basic a": "ann"}.get)
    client = Client(create_app(dataclasses.replace(joined, sign_on=sign_on)))
    joined.store.inventory.bury(
        Tombstone("dcm4chee", StudyUid("1.1"), True, frozenset(), "rejected", NOW, "archive")
    )
    listed = client.get("api/sync/tombstones").json()["tombstones"]
    assert [(one["study_uid"], one["whole"], one["kind"]) for one in listed] == [("1.1", True, "rejected")]
    lifting = {"archive": "dcm4chee", "study_uid": "1.1"}
    lifted = client.post("api/sync/tombstones/lift", json=lifting, headers=headers).json()["tombstones"]
    assert lifted[0]["lifted_by"] == by
    assert client.get("api/sync/tombstones").json()["tombstones"] == []
    assert client.post("api/sync/tombstones/lift", json=lifting).status_code == 404


class RefusingArchive(MemoryArchive):
    """An archive that does not take again what was rejected in it."""

    def kept_out(self, study_uids: list[str]) -> dict[str, list[str]]:
        return {uid: ["1"] for uid in study_uids}


def test_what_is_lifted_and_still_rejected_is_warned_of(joined: Services) -> None:
    archives = {**joined.archives, RIGHT: RefusingArchive(RIGHT)}
    client = Client(create_app(dataclasses.replace(joined, archives=archives)))
    joined.store.inventory.bury(
        Tombstone("dcm4chee", StudyUid("1.1"), True, frozenset(), "rejected", NOW, "archive")
    )
    lifting = {"archive": "dcm4chee", "study_uid": "1.1"}
    (told,) = client.post("api/sync/tombstones/lift", json=lifting).json()["warnings"]
    assert told.startswith("1 instance of the study would be sent in vain. DCM4CHEE does not")
    assert "reject/REVOKE_REJECTION^99DCM4CHEE" in told
    assert told in client.post("api/sync/tombstones/lift", json=lifting).json()["detail"]
