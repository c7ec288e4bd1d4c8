"""Held objects by their routes: shown, decided of as the project allows, and the release going on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.errors import AuditError
from orthanc_plugins.jobs import deidentify_study_request
from orthanc_plugins.projects import Custodian, release_id_of
from orthanc_plugins.rules.holds import Decide, Hold
from orthanc_plugins.store import HeldRecord, ReleaseState, ShownFiles, held_picture
from tests.unit.api.conftest import Client
from tests.unit.api.deidentification.asked import ANN, order, user_of

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue

CT = "1.2.840.10008.5.1.4.1.1.2"
BOX = {"left": 1, "top": 2, "right": 3, "bottom": 4}
ALL = (Decide.MASK, Decide.PASS, Decide.LEAVE_OUT)


class Waiting:
    """A release of which an object waits, and whoever asks for it."""

    def __init__(self, services: Services, queue: MemoryQueue) -> None:
        project = services.deidentification.projects["trial"].model_copy(update={"decisions": ALL})
        chosen = replace(services.deidentification, projects={"trial": project})
        self.services = replace(services, deidentification=chosen)
        self.pseudonyms = self.custodian.pseudonyms("trial")
        self.queue = queue
        self.release_id = release_id_of(self.pseudonyms, order(services))
        self.sop = self.pseudonyms.uid("1.2.1.1.1")
        self.hold(Hold.LABEL, Hold.TEXT)
        services.store.releases.begin(self.release_id, "trial", "research_rt")
        self.note(ReleaseState.HELD)
        self.job_id = queue.submit(deidentify_study_request(order(services)))
        queue.fail(self.job_id, "HeldForReview", "Only a person can say.")
        for boxes in (False, True):
            name = held_picture(self.sop, 1, boxes=boxes)
            ShownFiles(services.data, "held").keep(self.release_id, name, b"boxes" if boxes else b"plain")
        self.client = Client(create_app(self.services))

    @property
    def custodian(self) -> Custodian:
        return self.services.deidentification.custodian

    def hold(self, *holds: Hold) -> None:
        one = HeldRecord(self.sop, "C" * 32, CT, tuple(holds), ((0, 0, 5, 5),), 1, 32, 64)
        self.services.store.held.hold(self.release_id, [one])

    def note(self, state: ReleaseState) -> None:
        study = self.pseudonyms.uid("1.2.1")
        known = {"pseudonym": "ANON00742", "study_uid": study}
        self.services.store.releases.note(self.release_id, state, **known)

    def allow(self, *decisions: Decide) -> None:
        project = self.services.deidentification.projects["trial"].model_copy(update={"decisions": decisions})
        chosen = replace(self.services.deidentification, projects={"trial": project})
        self.client = Client(create_app(replace(self.services, deidentification=chosen)))

    def get(self, below: str = "", **more: Any) -> httpx.Response:
        return self.client.get(f"api/releases/{self.release_id}/held{below}", **more)

    def decide(self, *, by: str | None = ANN, sop: str = "", **body: Any) -> httpx.Response:
        wanted = {"reason": "no_identity", **body}
        headers = {} if by is None else {"Authorization": by}
        path = f"api/releases/{self.release_id}/held/{sop or self.sop}/decision"
        return self.client.post(path, json=wanted, headers=headers)

    def resume(self) -> httpx.Response:
        path = f"api/releases/{self.release_id}/resume"
        return self.client.post(path, headers={"Authorization": ANN})

    def recorded(self) -> list[tuple[str, str, str]]:
        """Return what was recorded: action, reason and who asked, the oldest first."""
        events = [record.event for record in self.custodian.trail().records(TrailQuery())]
        return [
            (
                event["action"],
                event["reason"],
                next(one["user_id"] for one in event["participants"] if one["is_requestor"]),
            )
            for event in reversed(events)
        ]


@pytest.fixture
def waiting(joined: Services, queue: MemoryQueue) -> Waiting:
    return Waiting(joined, queue)


def test_what_is_held_is_listed_with_why_and_what_may_be_decided(waiting: Waiting) -> None:
    answer = waiting.get().json()
    assert (answer["total"], answer["undecided"]) == (1, 1)
    (one,) = answer["objects"]
    assert one["holds"][0] == {
        "hold": "label",
        "words": "it is the label of a slide, which may have a code in bars or squares",
    }
    assert (one["frames"], one["rows"], one["columns"]) == (1, 32, 64)
    assert one["boxes"] == [{"left": 0, "top": 0, "right": 5, "bottom": 5}]
    assert (one["may"], one["decision"]) == (["mask", "pass", "leave_out"], None)
    answer = waiting.client.get(f"api/releases/{waiting.release_id}")
    release = answer.json()
    assert answer.status_code == 200, answer.text
    assert (release["held"], release["held_url"]) == (1, f"/pacs/api/releases/{waiting.release_id}/held")


def test_a_frame_is_shown_and_that_it_was_is_recorded_once(waiting: Waiting) -> None:
    address = waiting.get().json()["objects"][0]["frames_url"]
    for _ in range(2):
        plain = waiting.client.get(f"{address}1.png", headers={"Authorization": ANN})
    marked = waiting.client.get(f"{address}1.png?boxes=true", headers={"Authorization": ANN})
    assert (plain.content, marked.content) == (b"plain", b"boxes")
    assert (plain.headers["content-type"], plain.headers["cache-control"]) == ("image/png", "no-store")
    assert waiting.client.get(f"{address}2.png").status_code == 404
    assert waiting.recorded() == [("R", "held_looked_at", "ann")]


def test_a_decision_is_recorded_by_name_and_told_and_may_be_changed(waiting: Waiting) -> None:
    answer = waiting.decide(decide="mask", boxes=[BOX], frames=[1], reason="identity_covered")
    assert answer.status_code == 200, answer.text
    told = answer.json()["decision"]
    assert (told["decide"], told["by"], told["boxes"], told["frames"]) == ("mask", "ann", [BOX], [1])
    assert waiting.get().json()["undecided"] == 0
    assert waiting.decide(decide="leave_out").json()["decision"]["decide"] == "leave_out"
    assert waiting.recorded() == [
        ("U", "decided_mask.identity_covered", "ann"),
        ("U", "decided_leave_out.no_identity", "ann"),
    ]
    event = next(iter(waiting.custodian.trail().records(TrailQuery()))).event
    assert event["objects"][0]["instances"] == [waiting.sop]


def test_a_decision_is_taken_back_until_the_study_leaves(waiting: Waiting) -> None:
    waiting.decide(decide="leave_out")
    path = f"api/releases/{waiting.release_id}/held/{waiting.sop}/decision"
    assert waiting.client.request("DELETE", path).json()["decision"] is None
    assert waiting.client.request("DELETE", path).status_code == 404
    waiting.decide(decide="leave_out")
    waiting.note(ReleaseState.DELIVERED)
    assert waiting.client.request("DELETE", path).status_code == 409
    assert waiting.recorded()[1] == ("U", "decision_revoked", "unknown")


def test_a_pass_that_the_project_does_not_allow_is_forbidden_with_what_to_do(waiting: Waiting) -> None:
    waiting.allow(Decide.MASK, Decide.LEAVE_OUT)
    answer = waiting.decide(decide="pass")
    assert answer.status_code == 403
    assert "put into the project's Decisions" in answer.json()["detail"]
    assert waiting.get().json()["objects"][0]["may"] == ["mask", "leave_out"]
    assert waiting.recorded() == []


def test_a_project_that_says_nothing_allows_no_pass(joined: Services) -> None:
    assert joined.deidentification.projects["files"].decisions == (Decide.MASK, Decide.LEAVE_OUT)


def test_a_pass_takes_a_name_where_nobody_has_to_sign_in(waiting: Waiting) -> None:
    assert waiting.decide(by=None, decide="pass").status_code == 403
    assert waiting.decide(by=None, decide="mask", boxes=[BOX]).json()["decision"]["by"] == "unknown"
    assert waiting.decide(decide="pass").json()["decision"]["by"] == "ann"


def test_behind_a_proxy_nobody_looks_or_decides_without_a_name(waiting: Waiting) -> None:
    sign_on = replace(waiting.services.sign_on, user_header="X-User", secret="s", orthanc_user_of=user_of)
    waiting.client = Client(create_app(replace(waiting.services, sign_on=sign_on)))
    assert waiting.get().status_code == 403
    assert waiting.get(f"/{waiting.sop}/frames/1.png").status_code == 403
    assert waiting.decide(by=None, decide="leave_out").status_code == 403
    known = {"X-User": "eve", "X-Proxy-Secret": "s"}
    assert waiting.get(f"/{waiting.sop}/frames/1.png", headers=known).status_code == 200
    assert waiting.recorded() == [("R", "held_looked_at", "eve")]


@pytest.mark.parametrize(
    ("holds", "decide"),
    [
        ((Hold.LABEL, Hold.IDENTITY), "pass"),
        ((Hold.FACE,), "mask"),
        ((Hold.VIDEO,), "pass"),
        ((Hold.UNREADABLE,), "mask"),
        ((Hold.TOO_MANY_FRAMES, Hold.LABEL), "pass"),
    ],
)
def test_what_a_look_cannot_settle_is_refused(waiting: Waiting, holds: tuple[Hold, ...], decide: str) -> None:
    waiting.hold(*holds)
    answer = waiting.decide(decide=decide, boxes=[BOX] if decide == "mask" else [])
    assert answer.status_code == 409
    assert "leave_out" in answer.json()["detail"]
    assert waiting.decide(decide="leave_out").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"decide": "mask"},
        {"decide": "pass", "boxes": [BOX]},
        {"decide": "leave_out", "frames": [1]},
        {"decide": "mask", "boxes": [{**BOX, "right": 1}]},
        {"decide": "mask", "boxes": [{**BOX, "right": 65}]},
        {"decide": "mask", "boxes": [{**BOX, "bottom": 33}]},
        {"decide": "mask", "boxes": [BOX], "frames": [2]},
        {"decide": "mask", "boxes": [BOX], "frames": [0]},
        {"decide": "leave_out", "reason": "Zoltanyi said so"},
        {"decide": "keep"},
    ],
)
def test_what_cannot_be_meant_is_not_understood(waiting: Waiting, body: dict[str, Any]) -> None:
    answer = waiting.decide(**body)
    assert answer.status_code == 422
    assert "Zoltanyi" not in answer.text
    assert waiting.recorded() == []


def test_what_cannot_be_recorded_is_not_decided(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise AuditError("The trail is broken.")

    monkeypatch.setattr(Custodian, "trail", broken)
    assert waiting.decide(decide="leave_out").status_code == 500
    assert waiting.get(f"/{waiting.sop}/frames/1.png").status_code == 500
    assert waiting.get().json()["undecided"] == 1


def test_a_release_goes_on_once_all_is_decided_for_whoever_says_so(waiting: Waiting) -> None:
    answer = waiting.resume()
    assert (answer.status_code, answer.json()["undecided"]) == (409, 1)
    waiting.decide(decide="leave_out")
    answer = waiting.resume()
    assert (answer.status_code, answer.json()["job_id"]) == (202, waiting.job_id)
    assert waiting.queue.runs[waiting.job_id] == 2
    (asker,) = waiting.services.store.releases.askers([waiting.release_id])[waiting.release_id]
    assert (asker.asker, asker.begins) == ("ann", True)


def test_what_waits_for_nobody_is_not_decided_and_goes_on_for_nobody(waiting: Waiting) -> None:
    waiting.note(ReleaseState.CERTIFIED)
    assert waiting.decide(decide="leave_out").status_code == 409
    assert waiting.resume().status_code == 409
    waiting.note(ReleaseState.HELD)
    assert waiting.decide(sop="2.25.7", decide="leave_out").status_code == 404
    assert waiting.client.get(f"api/releases/{'A' * 32}/held").status_code == 404


def test_several_objects_are_decided_at_once(waiting: Waiting) -> None:
    path = f"api/releases/{waiting.release_id}/held/decisions"
    body = {"objects": [waiting.sop], "decide": "pass", "reason": "not_recognisable"}
    answer = waiting.client.post(path, json=body, headers={"Authorization": ANN})
    assert [one["decision"]["decide"] for one in answer.json()] == ["pass"]
    body["objects"] = ["2.25.7"]
    assert waiting.client.post(path, json=body, headers={"Authorization": ANN}).status_code == 404


def test_whoever_asked_is_told_how_many_objects_wait_and_where(waiting: Waiting) -> None:
    answer = waiting.client.post("api/anonymize", json={"study_id": "1.2.1", "wait_s": 0})
    assert (answer.status_code, answer.json()["held"]) == (409, 1)
    assert answer.json()["detail"].endswith(
        f"1 object waits for a person's decision: GET {answer.json()['held_url']} shows them."
    )
