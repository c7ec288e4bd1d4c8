"""Health, status, statistics and metrics of the suite."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from sqlalchemy import update

from orthanc_plugins.api import create_app
from orthanc_plugins.api.routers import health
from orthanc_plugins.archives.base import ArchiveName, ArchiveState
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.projects import XnatAccess
from orthanc_plugins.store import create_store_engine, models
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.sessions import HttpOptions
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import Store
    from tests.unit.api.conftest import World

SILENCE = ArchiveUnavailable("Orthanc did not answer.", archive="orthanc")


@pytest.fixture
def worker(store: Store) -> None:
    store.heartbeat("one", os.getpid(), datetime.now(UTC))


@pytest.mark.usefixtures("worker")
def test_all_parts_well_is_healthy(client: Client) -> None:
    answer = client.get("api/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "healthy"
    assert set(health["services"]) == {"orthanc", "store", "jobs", "worker"}
    assert {part["state"] for part in health["services"].values()} == {"healthy"}
    assert health["services"]["orthanc"]["version"] == "1.12.7"
    assert health["uptime_s"] >= 0
    assert all(part["latency_ms"] >= 0 for part in health["services"].values())


def test_no_worker_is_degraded_and_says_where_to_look(client: Client) -> None:
    answer = client.get("api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert "No worker has ever started" in answer.json()["services"]["worker"]["detail"]


@pytest.mark.usefixtures("worker")
def test_a_silent_worker_is_degraded(client: Client, tmp_path: Path) -> None:
    engine = create_store_engine(f"sqlite:///{tmp_path / 'pacs.sqlite'}")
    with engine.begin() as connection:
        connection.execute(
            update(models.Worker).values(heartbeat_at=datetime.now(UTC) - timedelta(seconds=90))
        )
    engine.dispose()
    health = client.get("api/health").json()
    assert health["status"] == "degraded"
    assert "heard of for 90 s" in health["services"]["worker"]["detail"]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("part", ["orthanc", "jobs"])
def test_an_essential_part_that_does_not_answer_is_unhealthy(client: Client, world: World, part: str) -> None:
    world.orthanc.failure = SILENCE if part == "orthanc" else None
    world.queue.unavailable = part == "jobs"
    answer = client.get("api/health")
    assert answer.status_code == 503
    health = answer.json()
    assert health["status"] == "unhealthy"
    states = {name: found["state"] for name, found in health["services"].items()}
    assert states.pop(part) == "unhealthy"
    assert set(states.values()) == {"healthy"}
    assert health["services"][part]["detail"]


def test_a_store_that_is_gone_is_unhealthy(client: Client, store: Store, tmp_path: Path) -> None:
    store.close()
    (tmp_path / "pacs.sqlite").unlink()
    (tmp_path / "pacs.sqlite").mkdir()
    answer = client.get("api/health")
    assert answer.status_code == 503
    assert answer.json()["services"]["store"]["state"] == "unhealthy"


def test_status_probes_each_neighbour_at_its_configured_address(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def get(session: requests.Session, url: str, **_options: object) -> requests.Response:
        assert not session.trust_env  # a proxy of the environment is not meant
        asked.append(url)
        answer = requests.Response()
        answer.status_code = 200
        return answer

    monkeypatch.setattr(requests.Session, "get", get)
    status = client.get("api/status").json()
    assert asked == ["http://viewer.invalid"]
    assert status["addresses"] == {"orthanc": "http://orthanc.invalid:8042", "ohif": "http://viewer.invalid"}
    assert {part["state"] for part in status["services"].values()} == {"healthy"}


@pytest.mark.parametrize("failure", [requests.ConnectionError("DOE^JOHN"), requests.Timeout("DOE^JOHN")])
def test_a_viewer_that_does_not_answer_is_told_as_such(
    client: Client, monkeypatch: pytest.MonkeyPatch, failure: requests.RequestException
) -> None:
    def get(*_arguments: object, **_options: object) -> requests.Response:
        raise failure

    monkeypatch.setattr(requests.Session, "get", get)
    answer = client.get("api/status")
    assert answer.status_code == 200
    assert answer.json()["services"]["ohif"]["state"] == "unhealthy"
    assert "DOE^JOHN" not in answer.text


def test_statistics_count_waiting_jobs_as_waiting(client: Client, world: World) -> None:
    done, waiting, failed = (world.receive(f"1.2.1.2.{n}", content=bytes([n])) for n in range(3))
    world.publish(world.ask(done))
    world.wait(world.ask(waiting))
    world.queue.fail(world.ask(failed), "InvalidDicom")
    statistics = client.get("api/statistics").json()
    assert statistics["jobs"] == {
        "queued": 0,
        "running": 0,
        "waiting": 1,
        "succeeded": 1,
        "failed": 1,
        "cancelled": 0,
    }
    assert statistics["structure_sets_with_results"] == 1
    assert statistics["archives"]["orthanc"] == {
        "patients": 1,
        "studies": 1,
        "series": 1,
        "instances": 3,
        "bytes": 3,
        "detail": None,
    }


def test_statistics_of_an_orthanc_that_does_not_answer_are_a_problem(client: Client, world: World) -> None:
    world.orthanc.failure = SILENCE
    answer = client.get("api/statistics")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


def test_metrics_are_answered_whatever_is_down(client: Client, world: World) -> None:
    world.orthanc.failure = SILENCE
    world.queue.unavailable = True
    answer = client.get("api/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'pacs_up{part="orthanc"} 0.0' in answer.text
    assert 'pacs_up{part="store"} 1.0' in answer.text


def test_requests_are_counted_by_the_templates_of_their_routes(client: Client) -> None:
    client.get("api/jobs/secret-1.2.77")
    client.get("api/nothing/secret-1.2.77")
    text = client.get("api/metrics").text
    assert 'route="/api/jobs/{job_id}",status="404"' in text
    assert 'route="/api/metrics"' in client.get("api/metrics").text
    assert 'route="unknown",status="404"' in text
    assert "1.2.77" not in text


def joined(services: Services, archive: MemoryArchive) -> Client:
    return Client(create_app(replace(services, archives={ArchiveName.DCM4CHEE: archive})))


def test_what_plays_the_second_archive_is_named(services: Services) -> None:
    client = joined(services, MemoryArchive())
    part = client.get("api/health").json()["services"]["dcm4chee"]
    assert (part["state"], part["stand_in"]) == ("healthy", True)
    assert client.get("api/status").json()["addresses"]["dcm4chee"] == "http://dcm4chee.invalid"


def test_a_second_archive_that_is_away_degrades_the_suite(services: Services) -> None:
    archive = MemoryArchive()
    archive.faults.down = True
    services.store.heartbeat("one", 1, datetime.now(UTC))
    answer = joined(services, archive).get("api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["services"]["dcm4chee"]["detail"] == "dcm4chee does not answer."


def test_a_second_archive_that_hangs_is_not_waited_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PROBE_TIMEOUT_S", 0.05)
    archive, release = MemoryArchive(), threading.Event()

    def hang(_method: str) -> None:
        release.wait(20)

    archive.faults.hook = hang
    part = joined(services, archive).get("api/health").json()["services"]["dcm4chee"]
    release.set()
    assert "did not answer within" in part["detail"]


def test_both_archives_are_counted(services: Services) -> None:
    archive = MemoryArchive()
    archive.put("1.1", study="1")
    archive.put("1.2", study="1")
    client = joined(services, archive)
    counted = client.get("api/statistics").json()["archives"]["dcm4chee"]
    assert counted["bytes"] is None
    assert "does not tell how many bytes" in counted["detail"]
    assert (counted["studies"], counted["instances"]) == (1, 2)
    archive.faults.down = True
    counted = client.get("api/statistics").json()["archives"]["dcm4chee"]
    assert (counted["studies"], counted["detail"]) == (None, "dcm4chee does not answer.")


XNAT = XnatAccess("http://xnat.invalid", "suite", "s3cret")


def with_xnat(services: Services) -> Client:
    return Client(
        create_app(replace(services, deidentification=replace(services.deidentification, xnat=XNAT)))
    )


def test_what_plays_xnat_is_named_with_its_version_and_address(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def state(url: str, options: HttpOptions) -> ArchiveState:
        asked.append((url, options.timeout_s))
        return ArchiveState("1.9.3", 1.0, "XNAT stand-in")

    monkeypatch.setattr(health, "xnat_state", state)
    client = with_xnat(services)
    for path in ("api/health", "api/status"):
        part = client.get(path).json()["services"]["xnat"]
        assert (part["state"], part["stand_in"], part["version"]) == ("healthy", True, "1.9.3")
    assert client.get("api/status").json()["addresses"]["xnat"] == "http://xnat.invalid"
    assert set(asked) == {("http://xnat.invalid", 3.0)}


def test_an_xnat_that_is_away_degrades_the_suite_and_its_secret_is_not_told(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state(*_: object) -> ArchiveState:
        raise ArchiveUnavailable("XNAT did not answer for its version (ConnectionError).", archive="xnat")

    monkeypatch.setattr(health, "xnat_state", state)
    services.store.heartbeat("one", 1, datetime.now(UTC))
    answer = with_xnat(services).get("api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "did not answer" in answer.json()["services"]["xnat"]["detail"]
    assert "s3cret" not in answer.text


def test_where_there_is_no_xnat_none_is_probed(client: Client) -> None:
    assert "xnat" not in client.get("api/health").json()["services"]
    assert "xnat" not in client.get("api/status").json()["addresses"]
