"""A released study is verified again by its route, which waits for the look's own job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.jobs import DeidentificationOrder, JobKind
from tests.unit.api.deidentification.asked import ANN, STUDY, ask, certify

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.jobs import JobRequest
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.unit.api.conftest import Client


def verify(client: Client, **body: Any) -> httpx.Response:
    wanted = {"study_id": STUDY, "wait_s": 0, **body}
    return client.post("api/anonymize/verify", json=wanted, headers={"Authorization": ANN})


def looks(queue: MemoryQueue) -> list[JobRequest]:
    return [one for one in queue.requests.values() if one.kind is JobKind.VERIFY_RELEASE]


def test_each_time_it_is_asked_for_is_a_job_of_whoever_asks(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    release_id = certify(joined, queue, ask(client).json()["job_id"])
    first, second = verify(client), verify(client)
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert first.json()["job_id"] != second.json()["job_id"]
    assert first.json()["release_id"] == release_id
    orders = [DeidentificationOrder.of_arguments(one.arguments) for one in looks(queue)]
    assert [one.asker for one in orders] == ["ann", "ann"]


@pytest.mark.parametrize(("outcome", "found"), [("as_certified", None), ("otherwise", "A value differs.")])
def test_what_was_found_is_answered(
    client: Client, joined: Services, queue: MemoryQueue, outcome: str, found: str | None
) -> None:
    release_id = certify(joined, queue, ask(client).json()["job_id"])
    submit = queue.submit

    def done(request: JobRequest) -> Any:
        job_id = submit(request)
        joined.store.releases.note_look(release_id, found or "")
        queue.succeed(job_id, outcome=outcome, instances=1)
        return job_id

    queue.submit = done  # type: ignore[method-assign]
    answer = verify(client, wait_s=5)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["found"]) == (outcome, found)
    told = client.get(answer.json()["release_url"]).json()
    assert told["looked_at"] is not None
    assert told["look_found"] == (found or "")


def test_a_look_that_failed_is_a_problem(client: Client, joined: Services, queue: MemoryQueue) -> None:
    certify(joined, queue, ask(client).json()["job_id"])
    submit = queue.submit

    def fails(request: JobRequest) -> Any:
        job_id = submit(request)
        queue.fail(job_id, "ArchiveUnavailable", "The destination does not answer.")
        return job_id

    queue.submit = fails  # type: ignore[method-assign]
    answer = verify(client)
    assert (answer.status_code, answer.json()["error"]) == (503, "ArchiveUnavailable")


def test_what_was_not_certified_as_it_is_now_is_not_there(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    job_id = ask(client).json()["job_id"]
    assert verify(client).status_code == 404
    certify(joined, queue, job_id)
    assert verify(client, one_person=True).status_code == 404
    assert looks(queue) == []
