"""Releases by their routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.api.deidentification.asked import STUDY, ask, certify

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.unit.api.conftest import Client


def test_releases_are_listed_by_project_and_state(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    release_id = certify(joined, queue, ask(client).json()["job_id"])
    joined.store.releases.begin("B" * 32, "files", "basic")
    assert client.get("api/releases").json()["total"] == 2
    for query in ("project=trial", "state=certified", "patient=ANON00742"):
        listed = client.get(f"api/releases?{query}").json()["releases"]
        assert [one["release_id"] for one in listed] == [release_id]
    assert client.get(f"api/releases/{'C' * 32}").status_code == 404
    assert client.get(f"api/releases/{'B' * 32}/certificate.pdf").status_code == 404


def test_no_route_of_the_released_side_tells_an_original(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    certify(joined, queue, ask(client).json()["job_id"])
    told = [client.get(path).text for path in ("api/releases", "api/audit", "api/anonymize/projects")]
    jobs = client.get("api/jobs").text
    assert not any("HOSP" in text or STUDY in json.loads(text).__repr__() for text in told)
    assert "ANON00742" not in jobs
