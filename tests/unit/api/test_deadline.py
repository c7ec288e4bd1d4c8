"""Archives that hang keep nobody waiting: searches, statistics and comparisons of patients."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app, deadline
from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.routers import comparisons
from orthanc_plugins.archives import Dcm4cheeArchive
from orthanc_plugins.errors import ArchiveLate
from tests.fakes.archive import MemoryArchive
from tests.fakes.black_holes import never_accepting, never_answering
from tests.unit.api.conftest import Client
from tests.unit.holdings import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.services import Services

PATIENCE_S = 5.0


@pytest.fixture
def left() -> MemoryArchive:
    archive = MemoryArchive(LEFT, attributes={"PatientName": "DOE^JANE"})
    archive.put("1.1.1", study="1.1")
    return archive


@pytest.fixture
def hanging() -> Iterator[MemoryArchive]:
    """An archive whose questions end only with the test."""
    archive, release = MemoryArchive(RIGHT), threading.Event()
    archive.put("1.1.1", study="1.1")

    def hang(_method: str) -> None:
        release.wait(20)

    archive.faults.hook = hang
    yield archive
    release.set()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "DEADLINE_S", 0.2)


@pytest.mark.parametrize("hole", [never_answering, never_accepting])
def test_a_black_hole_is_told_as_unavailable_and_the_other_archive_answered(
    services: Services, left: MemoryArchive, hole: Any
) -> None:
    with hole() as url, closing(Dcm4cheeArchive(f"{url}/rs", timeout_s=1.0)) as right:
        client = Client(create_app(replace(services, archives={LEFT: left, RIGHT: right})))
        began = time.monotonic()
        page = client.get("api/patients", params={"search": "doe"}).json()
        patient = client.get("api/comparisons/P1").json()
        counted = client.get("api/statistics").json()["archives"]
        assert time.monotonic() - began < PATIENCE_S
    assert [one["patient_id"] for one in page["patients"]] == ["P1"]
    assert page["patients"][0]["dcm4chee_present"] is None
    for told in (page["archives"]["dcm4chee"], patient["archives"]["dcm4chee"]):
        assert told["state"] == "unavailable"
        assert "DCM4CHEE did not answer within 0.2 s" in told["detail"]
    assert patient["orthanc"]["studies"] == 1
    assert "did not answer within" in counted["dcm4chee"]["detail"]


def test_an_archive_that_begins_to_hang_is_not_timed(
    services: Services, left: MemoryArchive, hanging: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "_TIMING_S", 0.2)
    hook, hanging.faults.hook = hanging.faults.hook, None
    asked: list[str] = []

    def hang_later(method: str) -> None:
        asked.append(method)
        if len(asked) > 1 and hook is not None:
            hook(method)

    hanging.faults.hook = hang_later
    client = Client(create_app(replace(services, archives={LEFT: left, RIGHT: hanging})))
    differences = client.get("api/comparisons/P1").json()["differences"]
    assert differences["performance_note"].startswith("Not timed: DCM4CHEE did not answer within")


def test_no_more_than_some_questions_are_left_hanging(hanging: MemoryArchive) -> None:
    asked = [Question(hanging, hanging.probe) for _ in range(deadline.MOST_PENDING + 5)]
    for question in asked:
        with pytest.raises(ArchiveLate, match="DCM4CHEE did not answer within"):
            question.answer()
    assert len(hanging.requests) == deadline.MOST_PENDING


def test_many_who_ask_at_once_are_all_answered_in_turn(
    left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "DEADLINE_S", PATIENCE_S)
    left.faults.hook = lambda _method: time.sleep(0.01)
    asked = [Question(left, left.probe) for _ in range(3 * deadline.MOST_PENDING)]
    assert {question.answer().version for question in asked} == {"1"}


def test_what_asking_raises_is_raised_where_it_is_waited_for_and_makes_room(left: MemoryArchive) -> None:
    def fault() -> None:
        raise LookupError

    for _ in range(deadline.MOST_PENDING + 1):
        with pytest.raises(LookupError):
            Question(left, fault).answer()
