"""Every error is answered as problem details, with the status of its kind."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import errors
from orthanc_plugins.api.problems import STATUS_OF_ERROR
from orthanc_plugins.errors import ArchiveError, PacsSuiteError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.unit.api.conftest import Client

EVERY_ERROR = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, PacsSuiteError) and kind.__module__ == errors.__name__
]


def made(kind: type[PacsSuiteError]) -> PacsSuiteError:
    if issubclass(kind, ArchiveError):
        return kind("It did not work: do this.", archive="orthanc")
    return kind("It did not work: do this.")


def test_every_error_of_the_suite_has_a_status() -> None:
    assert set(EVERY_ERROR) == set(STATUS_OF_ERROR)


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_an_error_of_the_suite_is_answered_with_its_text(
    app: FastAPI, client: Client, kind: type[PacsSuiteError]
) -> None:
    @app.get("/api/failing")
    def failing() -> None:
        raise made(kind)

    answer = client.get("api/failing")
    assert answer.status_code == STATUS_OF_ERROR[kind]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["detail"]) == (STATUS_OF_ERROR[kind], "It did not work: do this.")
    assert problem["title"]


def test_an_error_nobody_foresaw_is_a_problem_without_its_text(app: FastAPI, client: Client) -> None:
    @app.get("/api/failing")
    def failing() -> None:
        raise ValueError("DOE^JOHN")

    answer = client.get("api/failing")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "DOE^JOHN" not in answer.text


@pytest.mark.parametrize("path", ["api/nothing", "api/", "api/jobs/", "static/web/absent.js", "api/jobs/a/b"])
def test_an_unknown_route_is_a_problem(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_method_a_route_does_not_know_is_a_problem_that_names_those_it_knows(client: Client) -> None:
    answer = client.request("DELETE", "api/jobs")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET"


def test_an_invalid_request_names_each_fault_without_quoting_it(client: Client) -> None:
    answer = client.post("api/process", json={"study_instance_uid": "DOE^JOHN", "wait_s": -1})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["where"] for fault in answer.json()["faults"]] == ["body.study_instance_uid", "body.wait_s"]
    assert "DOE^JOHN" not in answer.text


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (
            "jobs?limit=0",
            "The query parameter limit is not valid. Input should be greater than or equal to 1.",
        ),
        (
            "jobs?study=a",
            (
                "The query parameter study is not valid. It should be a DICOM UID (digits and dots, "
                "at most 64 characters) or an Orthanc identifier."
            ),
        ),
        (
            "rtstruct/DOE",
            (
                "The path parameter series_uid is not valid. It should be a DICOM UID (digits and dots, "
                "at most 64 characters)."
            ),
        ),
    ],
)
def test_the_detail_names_the_first_fault_and_what_it_should_be(
    client: Client, path: str, detail: str
) -> None:
    answer = client.get(f"api/{path}")
    assert answer.status_code == 422
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    "path",
    [
        "jobs",
        "rtstruct",
        "rtstruct/1.2.1.2",
        "rtstruct/1.2.1.2/results.zip",
        "rtstruct/1.2.1.2/results.json",
        "rtstruct/1.2.1.2/regions/1/mask.nii.gz",
    ],
)
def test_a_query_parameter_nobody_knows_is_refused_by_name(client: Client, path: str) -> None:
    answer = client.get(f"api/{path}?sop_instance_uuid=1.2.3")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("There is no query parameter sop_instance_uuid here")


def test_a_field_nobody_knows_is_refused_by_name(client: Client) -> None:
    answer = client.post("api/process", json={"study_instance_uid": "1.2", "sop_uid": "1.2.3"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("There is no field sop_uid here")


def test_a_body_that_is_no_json_is_a_problem_that_says_where(client: Client) -> None:
    body = b'{"study_instance_uid": DOE}'
    answer = client.post("api/process", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "The body is not valid JSON: Expecting value at character 24."
    assert "DOE" not in answer.text


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/json"}]
)
def test_a_body_that_is_not_said_to_be_json_is_refused_with_the_header_to_send(
    client: Client, headers: dict[str, str]
) -> None:
    answer = client.post("api/process", content=b'{"study_instance_uid": "1.2"}', headers=headers)
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"1.2"'])
def test_a_body_that_is_no_object_is_a_problem_that_says_so(client: Client, body: bytes) -> None:
    answer = client.post("api/process", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "should be a JSON object" in answer.json()["detail"]
