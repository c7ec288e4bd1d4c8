"""Previews by their routes: asked for, shown page by page to whoever asked, and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.jobs import JobKind
from orthanc_plugins.store import ShownFiles
from tests.unit.api.deidentification.asked import ANN, BOB, STUDY

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.unit.api.conftest import Client

ROWS = [
    {"keyword": "PatientName", "group": "identity", "fates": {"replaced": 2}},
    {"keyword": "StudyDate", "group": "dates", "fates": {"cleaned": 2}},
    {"keyword": "Rows", "group": "technical", "fates": {"kept": 2}},
]
OBJECTS = [
    {"number": 1, "state": "held", "pictures": ["before"]},
    {"number": 2, "state": "released", "pictures": []},
]


def get(client: Client, path: str, by: str = ANN) -> httpx.Response:
    return client.get(path, headers={"Authorization": by})


@pytest.fixture
def begun(client: Client) -> dict[str, Any]:
    answer = client.post(
        f"api/studies/{STUDY}/deidentification/preview", json={"sample": 2}, headers={"Authorization": ANN}
    )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


@pytest.fixture
def made(begun: dict[str, Any], joined: Services) -> str:
    """The address of a preview that is done."""
    files, name = ShownFiles(joined.data, "previews"), begun["preview_id"]
    files.keep_json(name, "attributes.json", ROWS)
    files.keep_json(name, "objects.json", OBJECTS)
    files.keep_json(name, "summary.json", {"outcome": "held", "patient_id": "ANON00742"})
    files.keep(name, "object-1-before.png", b"picture")
    return str(begun["preview_url"])


def test_a_preview_is_a_job_of_its_own_with_identifiers_alone(
    begun: dict[str, Any], client: Client, queue: MemoryQueue
) -> None:
    (request,) = queue.requests.values()
    assert request.kind is JobKind.PREVIEW_RELEASE
    assert request.arguments[-3:] == ("ann", begun["preview_id"], "2")
    assert not [one for one in request.arguments if "HOSP" in one]
    assert get(client, begun["preview_url"]).json()["done"] is False


def test_what_was_found_is_shown_page_by_page(client: Client, made: str) -> None:
    summary = get(client, made)
    assert (summary.json()["done"], summary.json()["patient_id"]) == (True, "ANON00742")
    assert summary.headers["cache-control"] == "no-store"
    page = get(client, f"{made}/attributes?limit=1&offset=1").json()
    assert (page["attributes"], page["total"]) == ([ROWS[1]], 3)
    assert get(client, f"{made}/attributes?group=identity").json()["attributes"] == [ROWS[0]]
    assert get(client, f"{made}/attributes?fate=kept").json()["attributes"] == [ROWS[2]]
    (held,) = get(client, f"{made}/objects?state=held").json()["objects"]
    picture = get(client, held["pictures"]["before"])
    assert (picture.content, picture.headers["content-type"]) == (b"picture", "image/png")
    assert get(client, f"{made}/objects/1/after.png").status_code == 404


def test_nobody_but_who_asked_is_shown_it(client: Client, made: str) -> None:
    for below in ("", "/attributes", "/objects", "/objects/1/before.png"):
        assert get(client, f"{made}{below}", BOB).status_code == 403
    answer = client.request("DELETE", made, headers={"Authorization": BOB})
    assert answer.status_code == 403


def test_it_is_removed_when_that_is_asked_for(client: Client, made: str, joined: Services) -> None:
    answer = client.request("DELETE", made, headers={"Authorization": ANN})
    assert answer.json() == {"removed": True}
    assert get(client, made).status_code == 404
    assert list((joined.data / "previews").iterdir()) == []


def test_of_what_is_not_there_or_not_allowed_there_is_no_preview(client: Client, queue: MemoryQueue) -> None:
    path = f"api/studies/{STUDY}/deidentification/preview"
    assert client.post(path, json={"profile": "strict"}).status_code == 422
    assert client.post(path, json={"project": "nobody"}).status_code == 404
    assert client.post("api/studies/1.2.9/deidentification/preview", json={}).status_code == 404
    assert not queue.requests
