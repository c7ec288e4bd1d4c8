"""Patients and studies of both archives, asked live and by the inventory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import ContentCheck, SideState, Tombstone
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client
from tests.unit.holdings import LEFT, NOW, RIGHT, hold, known

if TYPE_CHECKING:
    from orthanc_plugins.services import Services


@pytest.fixture
def left() -> MemoryArchive:
    archive = MemoryArchive(LEFT)
    archive.put("1.1.1", study="1.1")
    archive.put("1.2.1", study="1.2")
    archive.describe("1.1", PatientName="DOE^JANE", PatientID="P1")
    archive.describe("1.2", PatientName="ROE^RICHARD", PatientID="P2")
    return archive


@pytest.fixture
def right() -> MemoryArchive:
    archive = MemoryArchive(RIGHT)
    archive.put("1.1.1", study="1.1")
    archive.put("1.3.1", study="1.3")
    archive.describe("1.1", PatientName="DOE^JANE", PatientID="P1")
    archive.describe("1.3", PatientName="DOELLE^D", PatientID="P3")
    return archive


@pytest.fixture
def joined(services: Services, left: MemoryArchive, right: MemoryArchive) -> Services:
    return replace(services, archives={LEFT: left, RIGHT: right})


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))


def patients(client: Client, **query: Any) -> Any:
    answer = client.get("api/patients", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_search_asks_both_archives_and_marks_where_each_patient_is(client: Client) -> None:
    page = patients(client, search="doe")
    found = [(one["patient_id"], one["orthanc_present"], one["dcm4chee_present"]) for one in page["patients"]]
    assert found == [("P1", True, True), ("P3", False, True)]
    assert [one["found_in"] for one in page["patients"]] == ["both", "only_dcm4chee"]
    assert (page["total"], page["source"]) == (2, "archives")
    assert page["archives"]["orthanc"]["state"] == "answered"


def test_a_patient_is_found_by_the_whole_identifier(client: Client) -> None:
    assert [one["patient_name"] for one in patients(client, search="P2")["patients"]] == ["ROE^RICHARD"]


def test_an_archive_that_is_down_is_shown_as_down_and_nothing_as_absent(
    client: Client, right: MemoryArchive
) -> None:
    right.faults.down = True
    page = patients(client, search="doe")
    assert page["archives"]["dcm4chee"]["state"] == "unavailable"
    assert "does not answer" in page["archives"]["dcm4chee"]["detail"]
    (found,) = page["patients"]
    assert (found["patient_id"], found["dcm4chee_present"], found["found_in"]) == ("P1", None, "unknown")


def test_without_a_second_archive_that_is_said(services: Services, left: MemoryArchive) -> None:
    page = patients(Client(create_app(replace(services, archives={LEFT: left}))), search="doe")
    assert page["archives"]["dcm4chee"]["state"] == "not_configured"
    assert "Dcm4chee.Url" in page["archives"]["dcm4chee"]["detail"]


def test_pages_of_a_search_follow_each_other(client: Client) -> None:
    first, second = (patients(client, search="oe", limit=1, offset=offset) for offset in (0, 1))
    assert (first["total"], second["total"]) == (3, 3)
    assert first["patients"][0]["patient_id"] != second["patients"][0]["patient_id"]


def test_without_a_search_the_inventory_is_listed(client: Client, joined: Services) -> None:
    hold(joined.store, LEFT, "1.1")
    hold(joined.store, RIGHT, "1.1")
    hold(joined.store, RIGHT, "1.3", patient="P3")
    known(joined.store, LEFT, RIGHT)
    page = patients(client)
    assert page["source"] == "inventory"
    assert [(one["patient_id"], one["found_in"]) for one in page["patients"]] == [
        ("P1", "both"),
        ("P3", "only_dcm4chee"),
    ]
    assert page["patients"][0]["last_sync"].startswith("2026-11-01T12:00:00")


def test_an_archive_that_was_never_listed_whole_makes_nothing_absent(
    client: Client, joined: Services
) -> None:
    hold(joined.store, LEFT, "1.1")
    known(joined.store, LEFT)
    page = patients(client)
    assert page["patients"][0]["dcm4chee_present"] is None
    assert page["archives"]["dcm4chee"]["state"] == "unavailable"


def test_studies_say_where_they_are_and_how_they_differ(client: Client, joined: Services) -> None:
    hold(joined.store, LEFT, "1.1", ("1", "2"))
    hold(joined.store, RIGHT, "1.1", ("1", "3"), attributes="b")
    hold(joined.store, LEFT, "1.2", date="20260301")
    hold(joined.store, RIGHT, "1.3", date="20260201")
    listed = client.get("api/studies").json()
    assert [(one["study_uid"], one["presence"], one["differences"]) for one in listed["studies"]] == [
        ("1.2", "only_orthanc", ["missing_in_dcm4chee"]),
        ("1.3", "only_dcm4chee", ["missing_in_orthanc"]),
        ("1.1", "differing", ["instances", "metadata"]),
    ]
    differing = client.get("api/studies", params={"presence": "differing"}).json()
    assert [one["study_uid"] for one in differing["studies"]] == ["1.1"]
    assert differing["studies"][0]["orthanc"]["instances"] == 2


def note_unequal(services: Services, study_uid: str) -> None:
    inventory, uid = services.store.inventory, StudyUid(study_uid)
    pair = inventory.pairs([uid])[uid]
    left, right = SideState.of(pair.left), SideState.of(pair.right)
    inventory.note_check(ContentCheck(uid, NOW, left, right, "content", False, {"metadata": 1}, "id"))


def test_what_is_known_to_differ_in_content_is_not_told_as_the_same(client: Client, joined: Services) -> None:
    for archive in (LEFT, RIGHT):
        hold(joined.store, archive, "1.1")
        hold(joined.store, archive, "1.2")
    note_unequal(joined, "1.1")
    differing = client.get("api/studies", params={"presence": "differing"}).json()
    assert [(one["study_uid"], one["presence"], one["differences"]) for one in differing["studies"]] == [
        ("1.1", "differing", ["content"])
    ]
    same = client.get("api/studies", params={"presence": "same"}).json()
    assert ([one["study_uid"] for one in same["studies"]], same["total"]) == (["1.2"], 1)
    assert client.get("api/studies/1.1").json()["presence"] == "differing"
    told = client.get("api/sync/status").json()["studies"]
    assert (told["same"], told["differing"], told["by_content"]) == (1, 1, 1)
    hold(joined.store, RIGHT, "1.1", ("1", "2"))
    hold(joined.store, LEFT, "1.1", ("1", "2"))
    assert client.get("api/studies/1.1").json()["presence"] == "same", "it was compared before it changed"


def test_a_study_shows_its_check_and_what_was_deleted(client: Client, joined: Services) -> None:
    inventory = joined.store.inventory
    hold(joined.store, LEFT, "1.1", ("1", "2"))
    pair = inventory.pairs([StudyUid("1.1")])[StudyUid("1.1")]
    check = ContentCheck(
        StudyUid("1.1"), NOW, SideState.of(pair.left), None, "content", False, {"missing_right": 1}, "id"
    )
    inventory.note_check(check)
    inventory.bury(Tombstone(RIGHT, StudyUid("1.1"), True, frozenset(), "rejected", NOW, "archive"))
    shown = client.get("api/studies/1.1").json()
    assert shown["check"]["current"] is True
    assert shown["check"]["classes"] == {"missing_right": 1}
    assert [(one["archive"], one["kind"]) for one in shown["tombstones"]] == [("dcm4chee", "rejected")]
    hold(joined.store, LEFT, "1.1", ("1", "2", "3"))
    assert client.get("api/studies/1.1").json()["check"]["current"] is False


def test_an_unknown_study_is_told_with_what_to_do(client: Client) -> None:
    answer = client.get("api/studies/1.2.3")
    assert answer.status_code == 404
    assert "POST api/sync" in answer.json()["detail"]
