"""The API through nginx: what Orthanc cannot do by itself, and what is said when Orthanc is gone."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from scripts.lib import health, sample
from tests.builders import Identity, ImageFrame, build_case
from tests.stack import PATIENCE_S, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stack import Stack
    from tests.system.conftest import NewCase

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("front"), front=True) as stack:
        stack.wait_until_healthy()
        yield stack


def ask(stack: Stack, method: str, path: str, **options: object) -> requests.Response:
    return requests.request(
        method,
        stack.front + path,
        timeout=PATIENCE_S,
        allow_redirects=False,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/jobs",
        "/pacs/api/jobs",
        "/pacs/docs",
        "/openapi.json",
        "/docs",
        "/orthanc/system",
        "/api/nothing",
    ],
)
def test_head_tells_what_get_would_without_the_body(front: Stack, path: str) -> None:
    head, get = ask(front, "HEAD", path), ask(front, "GET", path)
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == str(len(get.content))
    assert head.content == b""


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [("/", "/pacs/ui/"), ("/ui", "/pacs/ui"), ("/ui/studies?q=a%20b", "/pacs/ui/studies?q=a%20b")],
)
def test_the_front_and_its_short_address_lead_to_the_dashboard(
    front: Stack, path: str, leads_to: str
) -> None:
    answer = ask(front, "GET", path)
    assert (answer.status_code, answer.headers["location"]) == (302, leads_to)
    page = ask(front, "GET", leads_to)
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]


def test_a_search_finds_what_is_encoded_in_it(front: Stack, new_case: NewCase, tmp_path: Path) -> None:
    case = new_case(identity=Identity("Été^Anne Marie", "A/7 (b)"))
    case.images[0].save_as(tmp_path / "one.dcm", enforce_file_format=True)
    front.receive(tmp_path / "one.dcm")
    fields = "includefield=00081030%2C00080060%2C00080090%2C00100030"
    for asked in (
        "PatientName=*%C3%89t%C3%A9%5EAnne%20Marie*",
        "PatientName=*Anne%20Marie*",
        "PatientName=*anne%20marie*&PatientID=A%2F7%20(b)",
        "PatientID=A%2F7%20(b)",
    ):
        for port in (front.front, front.ohif):
            found = requests.get(f"{port}/dicom-web/studies?{asked}&{fields}", timeout=PATIENCE_S).json()
            assert [one["0020000D"]["Value"] for one in found] == [[case.reference.study_uid]], asked
            assert "00081030" in found[0]
    for asked in ("PatientName=*Anne%20Else*", "PatientID=A%2F8%20(b)"):
        assert ask(front, "GET", f"/dicom-web/studies?{asked}&{fields}").json() == []


@pytest.mark.parametrize("path", ["/api/upload", "/pacs/api/upload"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_upload_by_another_method_is_told_the_right_ones(front: Stack, method: str, path: str) -> None:
    answer = ask(front, method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize("path", ["/api/upload", "/pacs/api/upload", "/orthanc/pacs/api/upload"])
def test_a_posted_form_arrives(front: Stack, path: str) -> None:
    answer = ask(front, "POST", path, files={"file": ("a.txt", b"no DICOM")})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["files"][0]["name"] == "a.txt"


def test_addresses_in_answers_can_be_followed_whatever_was_asked_through(
    front: Stack, new_case: NewCase
) -> None:
    case = new_case()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, file in enumerate([*case.images, case.structure_set]):
            content = io.BytesIO()
            file.save_as(content)
            archive.writestr(f"{number}.dcm", content.getvalue())
    assert ask(front, "POST", "/api/upload", files={"file": ("case.zip", packed.getvalue())}).ok
    series = front.job_in_state(case.reference.study_uid, "succeeded")["series_uid"]
    asked = {
        f"{front.url}/pacs": front.url,
        f"{front.front}/pacs": front.front,
        front.front: front.front,
        f"{front.front}/orthanc/pacs": front.front,
    }
    for base, origin in asked.items():
        files = requests.get(f"{base}/api/rtstruct/{series}", timeout=PATIENCE_S).json()["files"]
        answer = requests.get(origin + files["results.json"], timeout=PATIENCE_S)
        assert answer.status_code == 200, base
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"].startswith('inline; filename="rtstruct_')
        assert answer.headers["content-disposition"].endswith('_results.json"')


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health", 200),
        ("/patients?limit=1&offset=0", 200),
        ("/sync/status", 200),
        ("/comparisons?equal=false", 200),
        ("/comparisons/P%201", 404),
        ("/patients?nothing=1", 422),
    ],
)
def test_short_addresses_answer_what_the_long_ones_do(front: Stack, path: str, status: int) -> None:
    short, long = ask(front, "GET", path), ask(front, "GET", f"/api{path}")
    assert (short.status_code, long.status_code) == (status, status)
    assert short.json().keys() == long.json().keys()


def test_what_a_client_says_of_a_prefix_is_not_believed(front: Stack) -> None:
    answer = ask(front, "GET", "/pacs/openapi.json", headers={"X-Forwarded-Prefix": "/elsewhere"})
    assert answer.json()["servers"] == [{"url": "/pacs"}]


def test_an_orthanc_that_is_gone_is_a_problem_that_says_what_to_do(front: Stack) -> None:
    front.stop()
    try:
        for path in ("/api/health", "/pacs/api/jobs", "/pacs/docs"):
            answer = ask(front, "GET", path)
            assert answer.status_code == 502
            assert answer.headers["content-type"] == PROBLEM
            problem = answer.json()
            assert (problem["title"], problem["status"]) == ("Bad Gateway", 502)
            assert "scripts/status" in problem["detail"]
            assert ask(front, "HEAD", path).content == b""
    finally:
        front.start()


def test_an_archive_that_is_away_does_not_keep_the_suite_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9/dcm4chee-arc/aets/DCM4CHEE/rs"
    monkeypatch.setattr(health, "supervised", lambda _: {"orthanc": "RUNNING"})
    with running_stack(tmp_path, front=True, PacsSuite={"Dcm4chee": {"Url": url}}) as stack:
        deployment = replace(stack.deployment, dcm4chee_url=url)
        suite, ohif, archive = health.wait(deployment, PATIENCE_S)
    assert suite.healthy, suite.text
    assert suite.text.startswith("degraded")
    assert ohif.healthy, ohif.text
    assert not archive.healthy
    assert archive.text.startswith(f"{url}: DCM4CHEE ")
    assert "DCM4CHEE_URL in .env" in archive.remedy


def test_a_suite_that_asks_for_users_starts_and_works_through_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "supervised", lambda _: {"orthanc": "RUNNING"})
    users: dict[str, Any] = {"AuthenticationEnabled": True, "RegisteredUsers": {"suite": "s:ecret"}}
    own = {"Orthanc": {"Username": "suite", "Password": "s:ecret"}}
    case = build_case(frame=ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0), regions=1)
    with running_stack(tmp_path, front=True, PacsSuite=own, **users) as stack:
        assert ask(stack, "GET", "/api/health").status_code == 401
        suite, ohif = health.wait(stack.deployment, PATIENCE_S)
        assert suite.healthy, suite.text
        assert ohif.healthy, ohif.text
        assert sample.process(case, stack.deployment) is not None
        assert sample.process(case, stack.deployment) is None
        (stranger, _) = health.examine(replace(stack.deployment, orthanc={}))
        assert (stranger.healthy, stranger.hinders) == (False, False)
        assert "HTTP 401" in stranger.text
