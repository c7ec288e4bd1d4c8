"""What a page is told at its start, and what has changed since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins import __version__
from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.sign_on import SignOn
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.unit.api.conftest import World


def test_a_page_is_told_who_asks_and_what_is_set_up(client: Client) -> None:
    answer = client.get("api/session")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "user": None,
        "may_look_up": False,
        "version": __version__,
        "languages": ["en", "fr"],
        "archives": ["orthanc"],
        "viewer_url": "http://viewer.invalid",
        "features": {
            "dcm4chee": False,
            "xnat": False,
            "projects": [],
            "default_project": None,
            "labels": True,
            "direction": "none",
        },
    }


def test_the_account_and_its_right_are_told(services: Services) -> None:
    chosen = replace(services.deidentification, look_up_users=frozenset({"ann"}))
    sign_on = SignOn({"Basic a": "ann", "Basic b": "bob"}.get)
    client = Client(create_app(replace(services, deidentification=chosen, sign_on=sign_on)))
    told = [
        client.get("api/session", headers={"Authorization": authorisation}).json()
        for authorisation in ("Basic a", "Basic b", "Basic c")
    ]
    assert [(one["user"], one["may_look_up"]) for one in told] == [
        ("ann", True),
        ("bob", False),
        (None, False),
    ]


def test_a_second_archive_is_told(services: Services) -> None:
    archives = {name: MemoryArchive(name) for name in (ArchiveName.ORTHANC, ArchiveName.DCM4CHEE)}
    told = Client(create_app(replace(services, archives=archives))).get("api/session").json()
    assert told["archives"] == ["orthanc", "dcm4chee"]
    assert told["features"]["dcm4chee"] is True


def test_a_job_changes_the_pulse_of_jobs_and_events_alone(client: Client, world: World) -> None:
    before = client.get("api/pulse").json()["topics"]
    assert client.get("api/pulse").json()["topics"] == before
    world.ask(world.receive())
    after = client.get("api/pulse").json()["topics"]
    assert set(after) == {
        "jobs",
        "transfers",
        "inventory",
        "comparisons",
        "results",
        "releases",
        "benchmarks",
        "events",
    }
    assert {topic for topic in after if after[topic] != before[topic]} == {"jobs", "events"}


def test_a_queue_that_does_not_answer_is_a_problem(client: Client, world: World) -> None:
    world.queue.unavailable = True
    assert client.get("api/pulse").status_code == 503
