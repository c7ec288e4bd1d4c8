"""Repairs that a person decides, leaves out, undoes, and looks up."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.sign_on import SignOn
from orthanc_plugins.store.retention import Tidying
from tests.unit.api.conftest import Client
from tests.unit.api.repairs.worked import UNKNOWN, planned

if TYPE_CHECKING:
    from tests.unit.workflows.repaired import World


def test_open_decisions_are_listed_with_both_values_and_done_as_decided(client: Client, world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, StudyDescription="Abdomen")
    repair = planned(client, world)
    listed = client.get("api/repairs/manual").json()
    (decision,) = listed["decisions"]
    assert (listed["total"], decision["repair_id"], len(decision["instances"])) == (1, repair["repair_id"], 3)
    assert decision["attributes"][0] == {
        "tag": "00081030",
        "keyword": "StudyDescription",
        "orthanc": "Thorax",
        "dcm4chee": "Abdomen",
    }
    assert decision["options"] == ["orthanc", "dcm4chee", "leave"]
    decided = client.post(decision["decide_url"], json={"keep": "dcm4chee"}).json()
    assert (decided["actions"][0]["state"], decided["actions"][0]["keep"]) == ("decided", "dcm4chee")
    assert client.get("api/repairs/manual").json()["total"] == 0
    text = client.get(f"{repair['href']}?format=text").text
    assert "       decided: dcm4chee\n" in text
    assert "Together: 1 decided.\n" in text
    applied = client.post(f"{repair['href']}/apply").json()
    assert (applied["state"], applied["done"]) == ("verified", 1)
    text = client.get(f"{repair['href']}?format=text").text
    assert "decided: dcm4chee\n       => verified\n" in text
    assert "Together: 1 verified.\n" in text
    assert world.read(world.orthanc, world.uids[2]).StudyDescription == "Abdomen"
    late = client.post(decision["decide_url"], json={"keep": "orthanc"})
    assert (late.status_code, "no longer" in late.json()["detail"]) == (409, True)


def test_a_decision_there_is_no_choice_of_is_refused(client: Client, world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    world.alter(world.dcm4chee, world.uids[1], SliceThickness="3")
    repair = planned(client, world, missing="manual", default="prefer_orthanc")
    choices = ((1, "leave", 409), (2, "dcm4chee", 409), (9, "leave", 404), (2, "both", 422))
    for ordinal, keep, status in choices:
        answer = client.post(f"{repair['href']}/actions/{ordinal}/decide", json={"keep": keep})
        assert answer.status_code == status, answer.text


def test_what_is_left_to_do_is_told_as_it_stands_now(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], StudyID="S2")
    world.orthanc.lose(world.uids[1])
    repair = planned(client, world)
    number = next(one["ordinal"] for one in repair["actions"] if one["kind"] == "manual")
    assert repair["notes"] == []
    applied = client.post(f"{repair['href']}/apply").json()
    assert (applied["state"], applied["error"]) == ("partly", None)
    command = f"pacs repair {repair['repair_id']}"
    (told,) = applied["notes"]
    assert told.startswith("Left undecided: 1 action; the copies still differ there.")
    assert f"(`{command} --decide ACTION DECISION`)" in told
    client.post(f"{repair['href']}/actions/{number}/decide", json={"keep": "dcm4chee"})
    text = client.get(f"{repair['href']}?format=text").text
    assert "Left undecided" not in text
    assert f"\nDecided and not done yet: 1 action. Apply it again (`{command} --apply`).\n" in text
    assert client.post(f"{repair['href']}/apply").json()["notes"] == []


def test_what_is_left_out_is_told_and_how_that_is_taken_back(client: Client, world: World) -> None:
    for uid in world.uids[:2]:
        world.dcm4chee.lose(uid)
    repair = planned(client, world, missing="manual")
    (action,) = repair["actions"]
    assert action["options"] == ["copy", "leave"]
    client.post(f"{repair['href']}/actions/1/decide", json={"keep": "leave"})
    applied = client.post(f"{repair['href']}/apply").json()
    assert applied["state"] == "verified"
    lift = f"`pacs sync --lift dcm4chee {world.study_uid}`"
    (told,) = applied["notes"]
    assert told.startswith("2 instances were left out of DCM4CHEE as decided")
    assert lift in told
    assert told in client.get(f"{repair['href']}?format=text").text
    undone = client.post(f"{repair['href']}/undo")
    assert undone.status_code == 409
    assert lift in undone.json()["detail"]


# Undoing


def test_a_repair_is_undone(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    before = world.dcm4chee.content(world.uids[0])
    repair = planned(client, world, default="prefer_orthanc")
    nothing = client.post(f"{repair['href']}/undo")
    assert (nothing.status_code, "nothing to undo" in nothing.json()["detail"]) == (409, True)
    client.post(f"{repair['href']}/apply")
    undone = client.post(f"{repair['href']}/undo").json()
    assert (undone["state"], undone["actions"][0]["state"]) == ("undone", "undone")
    assert "Together: 1 undone.\n" in client.get(f"{repair['href']}?format=text").text
    assert world.dcm4chee.content(world.uids[0]) == before
    for again in ("apply", "undo"):
        assert client.post(f"{repair['href']}/{again}").status_code == 409
    assert client.get("api/repairs/manual").json()["total"] == 0


def test_a_repair_whose_former_files_are_no_longer_kept_says_why_it_cannot_be_undone(
    client: Client, world: World
) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world, default="prefer_orthanc")
    client.post(f"{repair['href']}/apply")
    later = datetime.now(UTC) + timedelta(days=31)
    Tidying(world.services.store, world.services.data, world.services.retention, lambda: later).remove()
    answer = client.post(f"{repair['href']}/undo")
    assert answer.status_code == 409
    assert "kept for 30 days after its end (Retention.UndoDays)" in answer.json()["detail"]
    assert client.get(repair["href"]).json()["state"] == "verified"


# Listing


def test_repairs_are_listed_by_study_and_state(client: Client, world: World) -> None:
    first = planned(client, world)
    time.sleep(0.01)
    second = planned(client, world)
    client.post(f"{first['href']}/apply")
    listed = client.get("api/repairs").json()
    assert [one["repair_id"] for one in listed["repairs"]] == [second["repair_id"], first["repair_id"]]
    verified = client.get(f"api/repairs?state=verified&study={world.study_uid}").json()
    assert [one["repair_id"] for one in verified["repairs"]] == [first["repair_id"]]
    assert client.get("api/repairs?study=1.2.3").json()["total"] == 0
    assert client.get("api/repairs?limit=1&offset=1").json()["total"] == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/apply"),
        ("POST", "/undo"),
        ("POST", "/actions/1/decide"),
    ],
)
def test_a_repair_that_is_not_there_is_told(client: Client, method: str, path: str) -> None:
    answer = client.request(
        method, f"api/repairs/{UNKNOWN}{path}", json={"keep": "leave"} if "decide" in path else None
    )
    assert (answer.status_code, answer.json()["detail"]) == (404, "No repair has this identifier.")
    assert client.get("api/repairs/nonsense").status_code == 422


def test_plan_files_that_are_gone_are_told(client: Client, world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair = planned(client, world)
    shutil.rmtree(world.services.data / "repairs" / repair["repair_id"])
    answer = client.get(repair["href"])
    assert (answer.status_code, "removed" in answer.json()["detail"]) == (409, True)


def test_who_asks_decides_and_applies_is_noted(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, StudyDescription="Abdomen")
    services = replace(world.services, sign_on=SignOn({"Basic a": "ann", "Basic b": "bob"}.get))
    client = Client(create_app(services))
    ann, bob = {"Authorization": "Basic a"}, {"Authorization": "Basic b"}
    asked = client.post(f"api/studies/{world.study_uid}/repair", json={}, headers=ann).json()
    repair = asked["href"]
    client.post(f"{repair}/actions/1/decide", json={"keep": "dcm4chee"}, headers=bob)
    client.post(f"{repair}/apply", headers=ann)
    told = client.get(repair).json()
    assert (told["made_by"], told["actions"][0]["decided_by"], told["applied_by"]) == ("ann", "bob", "ann")
