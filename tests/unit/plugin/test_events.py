"""Orthanc's events: noted at once, handed on in order, none ends the others."""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.plugin.events import Events
from tests.fakes import ChangeType, FakeOrthanc, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

STRUCTURE_SET = {"SopClassUid": RT_STRUCTURE_SET_STORAGE}


class RecordingReception:
    """Notes what it was told; ``gate`` holds it up, ``failures`` are raised one after the other."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
        self.gate = threading.Event()
        self.gate.set()
        self.failures: list[Exception] = []

    def _note(self, what: str, resource: str) -> None:
        self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.told.put((what, resource, threading.current_thread().name))

    def structure_set_stored(self, instance: str) -> None:
        self._note("stored", instance)

    def instance_deleted(self, instance: str) -> None:
        self._note("deleted", instance)

    def series_appeared(self, series: str) -> None:
        self._note("appeared", series)

    def series_became_stable(self, series: str) -> None:
        self._note("stable", series)

    def study_became_stable(self, study: str) -> None:
        self._note("stable study", study)

    def next(self) -> tuple[str, str]:
        return self.told.get(timeout=10)[:2]


class Rig:
    """Events between a fake Orthanc and a reception that records."""

    def __init__(self) -> None:
        self.orthanc = FakeOrthanc()
        self.reception = RecordingReception()
        self.life: list[str] = []
        self.deleted: list[tuple[list[str], datetime]] = []
        self.forwarded: queue.SimpleQueue[str] = queue.SimpleQueue()
        reception: Any = self.reception
        forwarding: Any = SimpleNamespace(study_became_stable=self.forwarded.put)
        self.events = Events(
            self.orthanc,
            reception,
            [forwarding],
            lambda deleted, at: self.deleted.append((list(deleted), at)),
            started=lambda: self.life.append("started"),
            stopped=lambda: self.life.append("stopped"),
        )
        self.orthanc.RegisterOnStoredInstanceCallback(self.events.on_stored_instance)
        self.orthanc.RegisterOnChangeCallback(self.events.on_change)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.events.start()
    yield rig
    rig.reception.gate.set()
    rig.events.stop()


def test_a_stored_structure_set_is_told_and_other_instances_are_not(rig: Rig) -> None:
    rig.orthanc.store("image", {"SopClassUid": "1.2.840.10008.5.1.4.1.1.2"})
    rig.orthanc.store("unknown", {})
    rig.orthanc.store("set", STRUCTURE_SET)
    assert rig.reception.next() == ("stored", "set")
    assert rig.reception.told.empty()


@pytest.mark.parametrize(
    ("change", "level", "told"),
    [
        (ChangeType.NEW_SERIES, ResourceType.SERIES, "appeared"),
        (ChangeType.STABLE_SERIES, ResourceType.SERIES, "stable"),
        (ChangeType.STABLE_STUDY, ResourceType.STUDY, "stable study"),
        (ChangeType.DELETED, ResourceType.INSTANCE, "deleted"),
    ],
)
def test_a_change_that_matters_is_told(rig: Rig, change: ChangeType, level: ResourceType, told: str) -> None:
    rig.orthanc.change(change, level, "resource")
    assert rig.reception.next() == (told, "resource")


def test_a_study_that_is_complete_is_told_to_forwarding_too(rig: Rig) -> None:
    rig.orthanc.change(ChangeType.STABLE_STUDY, ResourceType.STUDY, "study")
    assert rig.reception.next() == ("stable study", "study")
    assert rig.forwarded.get(timeout=10) == "study"


def test_forwarding_is_told_also_when_reception_fails(rig: Rig) -> None:
    rig.reception.failures = [ArchiveUnavailable("Orthanc starts.", archive="orthanc")]
    rig.orthanc.change(ChangeType.STABLE_STUDY, ResourceType.STUDY, "study")
    assert rig.forwarded.get(timeout=10) == "study"


def test_other_changes_are_not_told(rig: Rig) -> None:
    rig.orthanc.change(ChangeType.DELETED, ResourceType.SERIES, "x")
    rig.orthanc.change(ChangeType.NEW_STUDY, ResourceType.STUDY, "x")
    rig.orthanc.change(ChangeType.STABLE_SERIES, ResourceType.SERIES, "last")
    assert rig.reception.next() == ("stable", "last")


def test_a_callback_returns_while_reception_is_busy(rig: Rig) -> None:
    rig.reception.gate.clear()
    for number in range(50):
        rig.orthanc.store(f"set {number}", STRUCTURE_SET)
        rig.orthanc.change(ChangeType.NEW_SERIES, ResourceType.SERIES, f"series {number}")
    assert rig.reception.told.empty()


def test_order_is_kept_on_one_thread_that_is_not_orthancs(rig: Rig) -> None:
    rig.reception.gate.clear()
    for number in range(20):
        rig.orthanc.store(f"set {number}", STRUCTURE_SET)
    rig.reception.gate.set()
    told = [rig.reception.told.get(timeout=10) for _ in range(20)]
    assert [resource for _, resource, _ in told] == [f"set {number}" for number in range(20)]
    assert {thread for _, _, thread in told} == {"pacs-events"}


@pytest.mark.parametrize(
    ("failure", "level"),
    [
        (NotFound("Gone.", archive="orthanc"), logging.DEBUG),
        (ArchiveUnavailable("Not now.", archive="orthanc"), logging.WARNING),
        (ValueError("DOE^JOHN"), logging.ERROR),
    ],
)
def test_a_failing_handler_is_logged_and_does_not_end_the_thread(
    rig: Rig, caplog: pytest.LogCaptureFixture, failure: Exception, level: int
) -> None:
    rig.reception.failures.append(failure)
    with caplog.at_level(logging.DEBUG, "orthanc_plugins.plugin.events"):
        rig.orthanc.store("lost", STRUCTURE_SET)
        rig.orthanc.store("next", STRUCTURE_SET)
        assert rig.reception.next() == ("stored", "next")
    (record,) = caplog.records
    assert record.levelno == level
    assert "DOE^JOHN" not in caplog.text


def test_what_was_noted_is_handed_on_before_the_end() -> None:
    rig = Rig()
    rig.orthanc.store("early", STRUCTURE_SET)
    rig.events.start()
    rig.events.stop()
    assert rig.reception.next() == ("stored", "early")


def test_stopping_what_never_started_is_harmless() -> None:
    Rig().events.stop()


def test_deletions_are_remembered_many_at_a_time(rig: Rig) -> None:
    rig.reception.gate.clear()
    before = datetime.now(UTC)
    rig.orthanc.change(ChangeType.DELETED, ResourceType.INSTANCE, "first")
    while not rig.deleted:
        threading.Event().wait(0.01)
    for number in range(50):  # while the thread is busy with the first
        rig.orthanc.change(ChangeType.DELETED, ResourceType.INSTANCE, f"instance {number}")
    rig.orthanc.change(ChangeType.DELETED, ResourceType.SERIES, "series")
    rig.orthanc.change(ChangeType.DELETED, ResourceType.STUDY, "study")
    rig.reception.gate.set()
    rig.events.stop()
    assert [told for told, _ in rig.deleted[1:]] == [
        [f"instance {number}" for number in range(50)] + ["study"]
    ]
    assert all(before <= at <= datetime.now(UTC) for _, at in rig.deleted)


def test_orthancs_start_and_stop_are_passed_on(rig: Rig) -> None:
    rig.orthanc.change(ChangeType.ORTHANC_STARTED)
    rig.orthanc.change(ChangeType.ORTHANC_STOPPED)
    assert rig.life == ["started", "stopped"]
