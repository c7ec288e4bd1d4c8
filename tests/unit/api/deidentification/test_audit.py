"""The audit trail by its routes: shown, verified, and told where it is broken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from orthanc_plugins.workflows.watch_trail import TrailWatch
from tests.unit.api.deidentification.asked import ANN

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.unit.api.conftest import Client


def test_the_trail_is_shown_in_the_forms_that_others_read_and_reading_is_recorded(client: Client) -> None:
    for _ in range(2):
        client.get("api/audit/verify", headers={"Authorization": ANN})
    (newest, *_) = client.get("api/audit").json()["records"]
    assert newest["event"]["kind"] == "audit_log_used"
    assert newest["event"]["participants"][0]["user_id"] == "unknown"
    bundle = client.get("api/audit?format=fhir&limit=9")
    assert bundle.headers["content-type"] == "application/fhir+json"
    assert [one["resource"]["resourceType"] for one in bundle.json()["entry"]] == ["AuditEvent"] * 4
    messages = client.get("api/audit?format=xml&limit=2")
    assert [one.tag for one in ET.fromstring(messages.content)] == ["AuditMessage"] * 2
    syslog = client.get("api/audit?format=syslog&limit=2").content.splitlines()
    assert [line.startswith(b"<85>1 ") for line in syslog] == [True, True]
    assert client.get("api/audit?kind=export").json() == {"records": []}
    assert client.get("api/audit?since=2026-11-30T00:00:00").status_code == 422
    assert client.get("api/audit/verify").json() == {
        "whole": True,
        "records": 8,
        "broken": None,
        "torn_bytes": 0,
        "recorded": True,
    }


def test_records_are_found_by_who_took_part(client: Client) -> None:
    client.get("api/audit", headers={"Authorization": ANN})
    client.get("api/audit")
    records = client.get("api/audit?actor=ann").json()["records"]
    assert [one["event"]["participants"][0]["user_id"] for one in records] == ["ann"]
    assert client.get("api/audit?actor=bob").json() == {"records": []}


def test_older_records_are_leafed_to_by_their_number(client: Client) -> None:
    for _ in range(4):
        client.get("api/audit")
    pages = [client.get(f"api/audit?limit=2&before={before}").json()["records"] for before in (5, 3, 1)]
    assert [[one["sequence"] for one in page] for page in pages] == [[4, 3], [2, 1], []]


def test_a_trail_that_was_changed_is_told(client: Client, joined: Services) -> None:
    client.get("api/audit")
    client.get("api/audit")
    (segment,) = (joined.data / "audit").glob("*.jsonl")
    first, _, rest = segment.read_text().partition("\n")
    segment.write_text(first.replace("unknown", "nobodys") + "\n" + rest)
    verdict = client.get("api/audit/verify").json()
    assert (verdict["whole"], verdict["broken"]) == (False, {"sequence": 1, "fault": "altered"})
    assert verdict["recorded"]


@pytest.mark.parametrize(
    ("gone", "broken"),
    [
        ("audit/trail-000000000001.jsonl", {"sequence": 1, "fault": "truncated"}),
        ("custody/audit.head.json", {"sequence": 3, "fault": "head_missing"}),
        ("custody/suite.audit.key", {"sequence": 1, "fault": "key_missing"}),
    ],
)
def test_a_trail_of_which_something_is_gone_is_told_and_the_project_is_not_ready(
    client: Client, joined: Services, gone: str, broken: dict[str, Any]
) -> None:
    client.get("api/audit")
    client.get("api/audit")
    (joined.data / gone).unlink()
    answer = client.get("api/audit/verify")
    assert answer.status_code == 200
    assert (answer.json()["broken"], answer.json()["recorded"]) == (broken, False)
    assert client.get("api/audit").status_code == 500
    assert not client.get("api/anonymize/projects").json()[0]["ready"]


def test_a_trail_that_breaks_is_a_warning_of_the_health(client: Client, joined: Services) -> None:
    client.get("api/audit")
    client.get("api/audit")
    assert not any("record 1" in text for text in client.get("api/health").json()["warnings"])
    (segment,) = (joined.data / "audit").glob("*.jsonl")
    segment.write_text(segment.read_text().replace("unknown", "nobodys", 1))
    TrailWatch(joined.deidentification.custodian, lambda: datetime.now(UTC)).look()
    health = client.get("api/health").json()
    assert health["status"] == "degraded"
    assert any("The audit trail is broken at record 1: altered." in text for text in health["warnings"])
    segment.unlink()
    assert any(
        "does not end as it was written" in text for text in client.get("api/health").json()["warnings"]
    )
