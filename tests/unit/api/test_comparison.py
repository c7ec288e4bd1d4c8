"""Comparisons by route: what is asked of the queue, what is answered, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import JobKind, compare_structures_request, messages

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import OrthancId
    from tests.unit.api.conftest import Client, World

SETS = "1.2.1.2"
A, B = "1.2.1.2.1", "1.2.1.2.2"
NOW = "wait_s=0"
TABLE = {"pairs": [{"region": 1, "other": 2}], "left_out": 0}


@pytest.fixture
def sets(world: World) -> tuple[OrthancId, OrthancId]:
    return world.receive(A), world.receive(B, content=b"another")


def job_of(world: World, sets: tuple[OrthancId, OrthancId], match: str = "name") -> JobId:
    first, second = ((one, world.orthanc.file_md5(one)) for one in sets)
    return compare_structures_request(first, second, match, None).job_id


def finish(world: World, job_id: JobId) -> None:
    """Do what the worker does."""
    path = world.services.exports / "comparisons" / "found.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pairs": []}), encoding="utf-8")
    world.queue.start(job_id)
    world.queue.succeed(job_id, outcome="done", file="comparisons/found.json")


def test_two_sets_are_compared_by_a_job_that_is_asked_for_once(
    client: Client, world: World, sets: tuple[OrthancId, OrthancId]
) -> None:
    for _ in range(2):
        answer = client.get(f"api/rtstruct/comparison?a={A}&b={B}&{NOW}")
        assert answer.status_code == 202
        assert answer.json()["job_id"] == job_of(world, sets)
    request = world.queue.requests[job_of(world, sets)]
    assert request.kind is JobKind.COMPARE_STRUCTURES
    assert request.arguments == (*sets, "name", "")
    assert world.queue.runs[request.job_id] == 1
    assert client.get(answer.json()["job_url"]).json()["study_uid"] == "1.2.1"


def test_what_was_found_is_answered_and_made_again_when_its_file_is_gone(
    client: Client, world: World, sets: tuple[OrthancId, OrthancId]
) -> None:
    asked = f"api/rtstruct/comparison?a={sets[0]}&b={B}&{NOW}"
    client.get(asked)
    finish(world, job_of(world, sets))
    answer = client.get(asked)
    assert (answer.status_code, answer.json()) == (200, {"pairs": []})
    (world.services.exports / "comparisons" / "found.json").unlink()
    assert client.get(asked).status_code == 202
    assert world.queue.runs[job_of(world, sets)] == 2


def test_another_way_to_match_another_file_or_another_engine_is_another_job(
    world: World, sets: tuple[OrthancId, OrthancId], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {job_of(world, sets), job_of(world, sets, "overlap"), job_of(world, (sets[1], sets[0]))}
    world.receive(B, content=b"drawn again")
    names.add(job_of(world, sets))
    monkeypatch.setattr(messages, "engine_digest", lambda: "another")
    assert len({*names, job_of(world, sets)}) == 5
    assert all(len(name) <= 200 for name in names)


def test_why_sets_cannot_be_compared_is_told_and_it_is_tried_again_for_whoever_asks(
    client: Client, world: World, sets: tuple[OrthancId, OrthancId], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = f"api/rtstruct/comparison?a={A}&b={B}&{NOW}"
    client.get(asked)
    job_id = job_of(world, sets)
    world.queue.start(job_id)
    world.queue.fail(job_id, "ComparisonError", "They have no region in common.")
    assert client.get(asked).status_code == 202

    def fail_at_once(job_id: JobId) -> None:
        world.queue.start(job_id)
        world.queue.fail(job_id, "ComparisonError", "They have no region in common.")

    fail_at_once(job_id)
    monkeypatch.setattr(world.queue, "run_again", fail_at_once)
    answer = client.get(asked)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "They have no region in common."


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        (f"a={A}&b=9.9.9", 404, "Orthanc does not hold this instance"),
        (f"a={A}", 422, "b"),
        (f"a={A}&b={B}&match=colour", 422, "match"),
        (f"a={A}&b={B}&region=1", 422, "both region and other"),
        (f"a={A}&b={B}&what=1", 422, "what"),
    ],
)
@pytest.mark.usefixtures("sets")
def test_what_cannot_be_asked_is_refused(client: Client, query: str, status: int, told: str) -> None:
    answer = client.get(f"api/rtstruct/comparison?{query}")
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_an_image_is_not_compared(client: Client, world: World) -> None:
    world.receive(A)
    world.orthanc.store("1.2.1", "1.2.1.1", "1.2.1.1.1")
    answer = client.get(f"api/rtstruct/comparison?a={A}&b=1.2.1.1.1")
    assert answer.status_code == 422


def test_the_pairs_of_one_set_are_those_of_its_results(client: Client, world: World) -> None:
    result = world.publish(world.ask(world.receive()))
    assert client.get(f"api/rtstruct/{SETS}/comparison").status_code == 404
    path = world.services.exports / result.folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "comparison": TABLE}), encoding="utf-8")
    assert client.get(f"api/rtstruct/{SETS}/comparison").json() == TABLE


def test_one_pair_of_a_set_is_compared_in_full_by_a_job(client: Client, world: World) -> None:
    instance = world.receive()
    world.publish(world.ask(instance))
    answer = client.get(f"api/rtstruct/{SETS}/comparison?region=1&other=2&sop_instance_uid={A}&{NOW}")
    assert answer.status_code == 202
    assert world.queue.requests[JobId(answer.json()["job_id"])].arguments == (
        instance,
        instance,
        "name",
        "1=2",
    )
    assert client.get(f"api/rtstruct/{SETS}/comparison?region=1&other=7").status_code == 404


def test_a_set_without_results_is_not_found(client: Client) -> None:
    answer = client.get("api/rtstruct/1.9.9/comparison")
    assert answer.status_code == 404
    assert "api/process" in answer.json()["detail"]
