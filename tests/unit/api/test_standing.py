"""A study that is asked for again is delivered anew where its destination does not hold it any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.api.standing import is_held
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import DeidentificationOrder, JobState
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import Custodian, Deidentification, XnatAccess, release_id_of
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.store import ReleaseState
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = "1.2.1"
NOWHERE = XnatAccess("http://127.0.0.1:9", "suite", "secret", timeout_s=0.2)


def project(**destination: Any) -> DeidentificationProject:
    return DeidentificationProject.model_validate({"name": "files", "destination": destination})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The study's folder at its destination, with its object."""
    place = tmp_path / "out/ANON00001/2.25.7"
    (place / "2.25.8").mkdir(parents=True)
    (place / "2.25.8/2.25.9.dcm").write_bytes(b"object")
    return place


@pytest.fixture
def joined(services: Services, orthanc: FakeOrthancRest, folder: Path) -> Services:
    custodian = Custodian(services.data / "custody", services.data / "audit")
    custodian.create("files")
    orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1")
    chosen = project(kind="folder", folder=str(folder.parents[1]))
    return replace(services, deidentification=Deidentification(custodian, {"files": chosen}, "files"))


def certified(services: Services, queue: MemoryQueue, folder: Path) -> tuple[Client, JobId]:
    """Return a client, and the job of a study that was certified."""
    client = Client(create_app(services))
    job_id = JobId(ask(client)["job_id"])
    study = orthanc_id(STUDY)
    content = contents_of(services.orthanc, study)
    chosen = services.deidentification.projects["files"]
    order = DeidentificationOrder(study, "files", chosen.profile, reversible=False, content=content)
    release_id = release_id_of(services.deidentification.custodian.pseudonyms("files"), order)
    services.store.releases.begin(release_id, "files", chosen.profile)
    services.store.releases.note(release_id, ReleaseState.CERTIFIED, instances=1, address=str(folder))
    queue.succeed(job_id, outcome="certified", instances=1)
    return client, job_id


def ask(client: Client, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(
        "api/anonymize", json={"study_id": STUDY, "wait_s": 0, **body}
    ).json()
    return answer


def test_what_stands_at_its_destination_is_not_done_again(
    joined: Services, queue: MemoryQueue, folder: Path
) -> None:
    client, job_id = certified(joined, queue, folder)
    assert ask(client)["status"] == "certified"
    assert queue.runs[job_id] == 1


def test_what_was_deleted_there_is_done_again(joined: Services, queue: MemoryQueue, folder: Path) -> None:
    client, job_id = certified(joined, queue, folder)
    (folder / "2.25.8/2.25.9.dcm").unlink()
    assert ask(client)["status"] == "queued"
    assert queue.runs[job_id] == 2


def test_again_is_again_whatever_stands_there(joined: Services, queue: MemoryQueue, folder: Path) -> None:
    client, job_id = certified(joined, queue, folder)
    assert ask(client, again=True)["status"] == "queued"
    assert queue.job(job_id).state is JobState.QUEUED


def test_where_nobody_answers_nothing_is_delivered_for_that(
    joined: Services, queue: MemoryQueue, folder: Path
) -> None:
    certified(joined, queue, folder)
    (release,) = joined.store.releases.page().entries
    labelled = replace(release, study_uid="2.25.7", labels={"project": "P", "session": "S"})
    assert is_held(project(), NOWHERE, labelled)
    assert is_held(project(), None, labelled)
    assert is_held(project(kind="dicomweb", url="http://127.0.0.1:9/rs", timeout_s=0.2), None, labelled)
