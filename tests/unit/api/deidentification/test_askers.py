"""Everyone who asks for a release is noted with it and in the trail, whoever its job was begun for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.errors import AuditError
from orthanc_plugins.jobs import deidentify_study_request
from orthanc_plugins.pseudonyms import PatientKey
from tests.unit.api.deidentification.asked import ANN, BOB, STUDY, ask, certify, order

if TYPE_CHECKING:
    import pytest

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.unit.api.conftest import Client


def ask_as(client: Client, who: str | None, **body: Any) -> dict[str, Any]:
    headers = {} if who is None else {"Authorization": who}
    wanted = {"study_id": STUDY, "wait_s": 0, **body}
    told: dict[str, Any] = client.post("api/anonymize", json=wanted, headers=headers).json()
    return told


def askers(client: Client, release_id: str) -> list[tuple[str, bool]]:
    told = client.get(f"api/releases/{release_id}").json()
    assert told["askers"] == client.get("api/releases").json()["releases"][0]["askers"]
    return [(one["asker"], one["begins"]) for one in told["askers"]]


def recorded(services: Services) -> list[dict[str, Any]]:
    records = services.deidentification.custodian.trail().records(TrailQuery())
    return [dict(one.event) for one in reversed(records)]


def asked_as_well(services: Services) -> list[str]:
    """Return who is recorded to have asked as well, in their order."""
    events = [one for one in recorded(services) if one["reason"] == "asked_as_well"]
    return [who["user_id"] for one in events for who in one["participants"] if who["is_requestor"]]


def test_who_asks_second_gets_the_same_job_and_is_recorded_and_shown(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    first = ask_as(client, ANN)
    assert asked_as_well(joined) == []
    second = ask_as(client, BOB)
    assert second["job_id"] == first["job_id"]
    release_id = certify(joined, queue, first["job_id"])
    ask_as(client, None)
    assert asked_as_well(joined) == ["bob", "unknown"]
    assert askers(client, release_id) == [("ann", True), ("bob", False), ("unknown", False)]


def test_asking_on_and_on_is_noted_once(client: Client, joined: Services, queue: MemoryQueue) -> None:
    job_id = ask_as(client, ANN)["job_id"]
    for who in (ANN, BOB, ANN, BOB):
        ask_as(client, who)
    assert asked_as_well(joined) == ["bob"]
    assert askers(client, certify(joined, queue, job_id)) == [("ann", True), ("bob", False)]


def test_who_has_it_done_again_is_who_it_is_done_for(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    job_id = ask_as(client, ANN)["job_id"]
    release_id = certify(joined, queue, job_id)
    ask_as(client, BOB, again=True)
    assert queue.runs[job_id] == 2
    assert askers(client, release_id) == [("ann", True), ("bob", True)]
    assert asked_as_well(joined) == []


def test_who_asks_for_what_a_rule_has_asked_for_is_recorded(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    queue.submit(deidentify_study_request(order(joined)))
    ask_as(client, ANN)
    assert asked_as_well(joined) == ["ann"]


def test_the_record_names_study_and_patient_by_keyed_names(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    pseudonyms = joined.deidentification.custodian.pseudonyms("trial")
    job_id = ask_as(client, ANN)["job_id"]
    ask_as(client, BOB)
    certify(joined, queue, job_id)
    ask_as(client, None)
    events = [one["objects"] for one in recorded(joined)]
    assert [study["study_uid"] for study, _ in events] == [pseudonyms.uid(STUDY)] * 2
    before = pseudonyms.patient(PatientKey.of_study(STUDY))
    assert [patient["pseudonym"] for _, patient in events] == [before, "ANON00742"]


def test_where_it_cannot_be_recorded_nobody_is_answered(
    client: Client, joined: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AuditError("The disk is full.")

    ask_as(client, ANN)
    with monkeypatch.context() as broken:
        broken.setattr(AuditTrail, "append", full)
        answer = client.post("api/anonymize", json={"study_id": STUDY}, headers={"Authorization": BOB})
    assert answer.status_code == 500
    ask_as(client, BOB)
    assert asked_as_well(joined) == ["bob"]


def test_askers_of_a_project_are_forgotten_with_it(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    release_id = certify(joined, queue, ask(client).json()["job_id"])
    assert joined.store.releases.askers([release_id])
    joined.store.releases.forget_project("trial")
    assert joined.store.releases.askers([release_id]) == {}
