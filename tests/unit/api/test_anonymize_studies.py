"""Many studies asked for at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.projects import Custodian, Deidentification
from orthanc_plugins.rules import DeidentificationProject
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDIES = ("1.2.1", "1.2.2")
ABSENT = "1.2.99"


@pytest.fixture
def client(services: Services, orthanc: FakeOrthancRest) -> Client:
    custodian = Custodian(services.data / "custody", services.data / "audit")
    custodian.create("trial")
    for study in STUDIES:
        orthanc.store(study, f"{study}.1", f"{study}.1.1", study_tags={"PatientID": f"HOSP-{study}"})
    project = DeidentificationProject.model_validate({"name": "trial", "profile": "research_rt"})
    chosen = Deidentification(custodian, {"trial": project}, "trial")
    return Client(create_app(replace(services, deidentification=chosen)))


def test_each_study_gets_a_job_of_its_own_and_one_named_twice_gets_one(
    client: Client, queue: MemoryQueue
) -> None:
    answer = client.post(
        "api/anonymize/studies", json={"study_ids": [STUDIES[0], str(orthanc_id(STUDIES[1])), STUDIES[0]]}
    )
    assert answer.status_code == 202
    told = answer.json()
    assert (told["project"], told["not_taken"]) == ("trial", [])
    assert [one["study_id"] for one in told["studies"]] == [STUDIES[0], orthanc_id(STUDIES[1])]
    assert {one["job_id"] for one in told["studies"]} == set(queue.requests)
    assert {one.kind for one in queue.requests.values()} == {JobKind.DEIDENTIFY_STUDY}
    assert client.get(told["studies"][0]["job_url"]).status_code == 200
    assert "HOSP" not in answer.text


def test_a_study_that_is_not_there_does_not_keep_the_others_back(client: Client) -> None:
    told = client.post("api/anonymize/studies", json={"study_ids": [ABSENT, STUDIES[0]]}).json()
    assert [one["study_id"] for one in told["studies"]] == [STUDIES[0]]
    ((missed),) = told["not_taken"]
    assert missed["study_id"] == ABSENT
    assert "does not hold" in missed["detail"]


def test_where_none_is_there_that_is_a_problem(client: Client, queue: MemoryQueue) -> None:
    ids = [ABSENT, str(orthanc_id(ABSENT))]
    answer = client.post("api/anonymize/studies", json={"study_ids": ids})
    assert answer.status_code == 404
    assert "None of the studies was taken" in answer.json()["detail"]
    assert not queue.requests


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"study_ids": []}, 422),
        ({"study_ids": ["../1.2"]}, 422),
        ({"study_ids": ["1.2.1"] * 201}, 422),
        ({"study_ids": ["1.2.1"], "wait_s": 5}, 422),
        ({"study_ids": ["1.2.1"], "profile": "basic"}, 422),
        ({"study_ids": ["1.2.1"], "project": "none-such"}, 404),
    ],
)
def test_what_is_not_allowed_is_refused_and_no_job_is_asked_for(
    client: Client, queue: MemoryQueue, body: dict[str, Any], status: int
) -> None:
    assert client.post("api/anonymize/studies", json=body).status_code == status
    assert not queue.requests
