"""Swagger UI without the internet, and an OpenAPI document that tells the truth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.unit.api.conftest import Client


def test_the_page_and_all_it_loads_come_from_the_suite(client: Client) -> None:
    page = client.get("docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href|data-openapi)="([^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        assert address.startswith("/pacs/")
        assert client.get(address.removeprefix("/pacs/")).status_code == 200


def test_the_page_may_load_nothing_from_elsewhere_and_run_no_inline_script(client: Client) -> None:
    page = client.get("docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"<script(?! src=)", page.text)


def test_the_document_describes_every_route(app: FastAPI, client: Client) -> None:
    document = client.get("openapi.json").json()
    assert document["servers"] == [{"url": "/pacs"}]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 16
    for operation in operations:
        assert operation["description"]
        assert operation["tags"]


def test_every_error_is_described_as_what_it_is(client: Client) -> None:
    document = client.get("openapi.json")
    assert "HTTPValidationError" not in document.text
    for path in document.json()["paths"].values():
        for operation in path.values():
            assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]


def test_summaries_are_short_and_no_sentences(client: Client) -> None:
    for path in client.get("openapi.json").json()["paths"].values():
        for operation in path.values():
            assert len(operation["summary"]) <= 30
            assert not operation["summary"].endswith(".")
            assert operation["summary"].capitalize() == operation["summary"]


def test_the_document_tells_where_the_addresses_in_answers_lead(client: Client) -> None:
    assert (
        "absolute paths on the host that was asked"
        in client.get("openapi.json").json()["info"]["description"]
    )


def test_the_document_promises_no_more_than_was_done(client: Client) -> None:
    document = client.get("openapi.json").text.lower()
    assert not [word for word in ("anonymous", "compliant", "gdpr", "hipaa") if word in document]


def test_routes_keep_to_what_orthanc_passes_on(client: Client) -> None:
    for path, operations in client.get("openapi.json").json()["paths"].items():
        assert set(operations) <= {"get", "post", "put", "delete"}, path
        for method, operation in operations.items():
            places = {parameter["in"] for parameter in operation.get("parameters", [])}
            assert method == "get" or "query" not in places, path
            assert method in {"post", "put"} or "requestBody" not in operation, path
