"""Who is behind a pseudonym: asked by the few who may, and by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.orthanc_users import OrthancUsers
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.custody.identities import Identity
from orthanc_plugins.errors import ArchiveRefused
from tests.unit.api.deidentification.asked import ANN, BOB

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.services import Services
    from tests.unit.api.conftest import Client

LOOK_UP = {
    "project": "trial",
    "pseudonym": "ANON00742",
    "role": "custodian",
    "actor": "ann",
    "reason": "patient_safety",
}


def look_up(client: Client, authorisation: str | None = ANN, **changes: str) -> httpx.Response:
    headers = {} if authorisation is None else {"Authorization": authorisation}
    return client.post("api/anonymize/look-up", json=LOOK_UP | changes, headers=headers)


def recorded(services: Services) -> list[tuple[str, str]]:
    records = services.deidentification.custodian.trail().records(TrailQuery())
    return [(record.event["kind"], record.event["reason"]) for record in records]


def test_who_may_ask_is_answered_after_it_was_recorded(client: Client, joined: Services) -> None:
    table = joined.deidentification.custodian.identities("trial", {"custodian"})
    table.remember("ANON00742", Identity("HOSP-778812", name="Doe^Jane"), {"1.2.1": "2.25.7"})
    answer = look_up(client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert [one["patient_id"] for one in answer.json()["identities"]] == ["HOSP-778812"]
    assert answer.json()["uids"] == {"1.2.1": "2.25.7"}
    assert recorded(joined) == [("patient_record", "patient_safety")]
    assert look_up(client, pseudonym="ANON00001").status_code == 404


@pytest.mark.parametrize(
    ("authorisation", "changes"),
    [
        (None, {}),
        (BOB, {"actor": "bob"}),
        (ANN, {"actor": "bob"}),
        (ANN, {"role": "physicist"}),
        ("Basic invalid", {}),
    ],
)
def test_nobody_else_is_answered_and_that_is_recorded_too(
    client: Client, joined: Services, authorisation: str | None, changes: dict[str, str]
) -> None:
    table = joined.deidentification.custodian.identities("trial", {"custodian"})
    table.remember("ANON00742", Identity("HOSP-778812"))
    answer = look_up(client, authorisation, **changes)
    assert answer.status_code == 403
    assert "HOSP" not in answer.text
    assert recorded(joined) == [("security_alert", "look_up_refused")]


def test_that_there_is_no_way_back_is_told_after_it_was_recorded_who_asked(
    client: Client, joined: Services
) -> None:
    joined.deidentification.custodian.destroy_identities("trial", "bob")
    assert look_up(client).status_code == 404
    assert recorded(joined) == [
        ("security_alert", "look_up_refused"),
        ("security_alert", "mapping_destroyed"),
    ]


def test_a_free_text_is_no_reason(client: Client, joined: Services) -> None:
    assert look_up(client, reason="Mrs Doe called").status_code == 422
    assert recorded(joined) == []


class FakeSystem:
    """An Orthanc with one user, or with none."""

    def __init__(self, headers: dict[str, str], *, asks: bool) -> None:
        self._refuses = asks and headers.get("Authorization") != ANN

    def system(self) -> dict[str, str]:
        if self._refuses:
            raise ArchiveRefused("Orthanc answered HTTP 401.", archive="orthanc", status=401)
        return {}


@pytest.mark.parametrize(
    ("header", "asks", "user"),
    [
        (ANN, True, "ann"),
        (BOB, True, None),
        (ANN, False, None),
        ("Bearer x", True, None),
        ("Basic ???", True, None),
    ],
)
def test_a_name_is_believed_only_where_orthanc_asks_for_it_and_takes_it(
    header: str, user: str | None, *, asks: bool
) -> None:
    def asked(headers: dict[str, str]) -> Any:
        return FakeSystem(headers, asks=asks)

    assert OrthancUsers(asked).user_of(header) == user
