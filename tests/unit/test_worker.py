"""What a worker does beside its jobs."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from dbos import DBOS
from sqlalchemy import update

from orthanc_plugins.errors import ArchiveUnavailable, StoreError
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings
from orthanc_plugins.store import TransferRequest, TransferState
from orthanc_plugins.store.transfers_tables import TransferRow
from orthanc_plugins.sync.content_pass import ContentPass
from orthanc_plugins.worker import watch
from orthanc_plugins.worker.duties import duties
from orthanc_plugins.worker.watch import SILENT_AFTER, Watch
from tests.fakes import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orthanc_plugins.store import Store


class RecordingReception:
    """Counts its calls; ``failures`` are raised one after the other, ``hold`` keeps the sweep from ending."""

    def __init__(self) -> None:
        self.sweeps: list[bool] = []
        self.looks = 0
        self.arriving = False
        self.failures: list[Exception] = []
        self.hold = threading.Event()
        self.hold.set()
        self.changed = threading.Condition()

    def sweep(self, *, thorough: bool) -> None:
        with self.changed:
            self.sweeps.append(thorough)
            self.changed.notify_all()
        self.hold.wait(10)
        if self.failures:
            raise self.failures.pop(0)

    def look_after_waiting(self) -> bool:
        with self.changed:
            self.looks += 1
            self.changed.notify_all()
        return self.arriving

    def until(self, reached: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(reached, 10)


@pytest.fixture(autouse=True)
def recovered(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Short intervals, and the names of the workers whose jobs were taken over."""
    names: list[list[str]] = []
    monkeypatch.setattr(watch, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(watch, "_WATCH_S", 0.01)
    monkeypatch.setattr(DBOS, "_recover_pending_workflows", names.append)
    return names


@contextmanager
def watching(store: Any, reception: RecordingReception, sweep_interval_s: float = 0.01) -> Iterator[Watch]:
    watched: Any = reception
    watch = Watch(store, watched, "one", sweep_interval_s)
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    before = set(threading.enumerate())
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        reception.hold.set()
        thread.join(10)  # first, so that it has started all of its own
        for started in set(threading.enumerate()) - before:
            started.join(10)


def silent_since(store: Store, name: str, age: timedelta) -> None:
    with store._sessions.begin() as session:
        from orthanc_plugins.store import models  # noqa: PLC0415 - a private table, for this alone

        then = datetime.now(UTC) - age
        session.add(models.Worker(name=name, process_id=1, started_at=then, heartbeat_at=then))


# The watch


def test_a_worker_that_watches_gives_signs_of_life(store: Store) -> None:
    reception = RecordingReception()
    with watching(store, reception):
        reception.until(lambda: reception.looks > 1 and "one" in store.workers())


def test_the_first_sweep_is_thorough_and_the_others_are_not(store: Store) -> None:
    reception = RecordingReception()
    with watching(store, reception):
        reception.until(lambda: len(reception.sweeps) >= 3)
    assert reception.sweeps[:3] == [True, False, False]


def test_a_first_sweep_that_fails_is_thorough_again(store: Store) -> None:
    reception = RecordingReception()
    reception.failures = [ArchiveUnavailable("Orthanc starts.", archive="orthanc")] * 2
    with watching(store, reception):
        reception.until(lambda: len(reception.sweeps) >= 4)
    assert reception.sweeps[:4] == [True, True, True, False]


def test_a_duty_that_fails_is_tried_again_sooner_than_its_interval(store: Store) -> None:
    reception = RecordingReception()
    reception.failures = [ArchiveUnavailable("Orthanc starts.", archive="orthanc")]
    with watching(store, reception, sweep_interval_s=600):
        reception.until(lambda: len(reception.sweeps) == 2)


def test_a_fault_is_logged_without_its_text_and_does_not_end_the_watch(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    reception = RecordingReception()
    reception.failures = [ValueError("DOE^JOHN")]
    with caplog.at_level(logging.WARNING, "orthanc_plugins.worker"), watching(store, reception):
        reception.until(lambda: len(reception.sweeps) >= 2)
    assert "ValueError at" in caplog.text
    assert "DOE^JOHN" not in caplog.text


def test_images_that_arrive_are_looked_at_more_often(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_WATCH_S", 600)
    reception = RecordingReception()
    reception.arriving = True
    with watching(store, reception):
        reception.until(lambda: reception.looks >= 3)


def test_a_long_sweep_does_not_keep_back_the_other_duties(store: Store) -> None:
    reception = RecordingReception()
    reception.hold.clear()
    with watching(store, reception):
        reception.until(lambda: len(reception.sweeps) == 1)
        looks = reception.looks
        reception.until(lambda: reception.looks > looks + 3)
        assert "one" in store.workers()


def test_the_jobs_of_a_silent_worker_are_taken_over_and_those_of_a_living_one_are_not(
    store: Store, recovered: list[list[str]]
) -> None:
    silent_since(store, "dead", SILENT_AFTER + timedelta(seconds=1))
    silent_since(store, "slow", SILENT_AFTER / 2)
    reception = RecordingReception()
    with watching(store, reception):
        reception.until(lambda: "dead" not in store.workers())
    assert recovered == [["dead"]]
    assert "slow" in store.workers()


def test_a_take_over_that_fails_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    silent_since(store, "dead", SILENT_AFTER * 2)
    attempts: list[list[str]] = []

    def recover(names: list[str]) -> None:
        attempts.append(names)
        if len(attempts) < 3:
            raise StoreError("The database was away for a moment.")

    monkeypatch.setattr(DBOS, "_recover_pending_workflows", recover)
    reception = RecordingReception()
    with watching(store, reception):
        reception.until(lambda: "dead" not in store.workers())
    assert attempts == [["dead"]] * 3


def test_a_worker_that_starts_gives_up_what_waits_for_hours_that_no_rule_has(
    store: Store, tmp_path: Path
) -> None:
    section = {"DataDirectory": str(tmp_path), "Dcm4chee": {"Url": "http://archive.invalid/rs"}}
    built = build_services(load_settings({"PacsSuite": section}, {}), None)
    services = replace(built, store=store, queue=MemoryQueue())
    (apply,) = (duty for duty in duties(services, 30.0) if duty.__name__ == "apply")
    waiting = TransferRequest(
        "t", JobId("t"), StudyUid("1.2"), "orthanc", "dcm4chee", "rule:gone", "stow", window="18:00-06:00"
    )
    store.transfers.request(waiting)
    apply()
    built.close()
    assert [one.state for one in store.transfers.transfers()[0]] == [TransferState.CANCELLED]


@pytest.mark.parametrize(("hours", "count"), [(None, 0), ("Sat 00:00-06:00", 1)])
def test_content_is_compared_by_itself_where_there_are_hours_for_it(
    hours: str | None, count: int, tmp_path: Path
) -> None:
    section = {
        "DataDirectory": str(tmp_path),
        "Dcm4chee": {"Url": "http://archive.invalid/rs"},
        "Synchronisation": {"ContentPass": hours},
    }
    services = build_services(load_settings({"PacsSuite": section}, {}), None)
    found = duties(services, 30.0)
    services.close()
    assert sum(isinstance(getattr(duty, "__self__", None), ContentPass) for duty in found) == count


def test_a_worker_asks_again_for_what_the_rules_that_are_switched_on_wanted(
    store: Store, tmp_path: Path
) -> None:
    section = {
        "DataDirectory": str(tmp_path),
        "Dcm4chee": {"Url": "http://archive.invalid/rs"},
        "Forwarding": {"Rules": [{"Name": "on"}, {"Name": "off", "Enabled": False}]},
    }
    built = build_services(load_settings({"PacsSuite": section}, {}), None)
    (retry,) = (duty for duty in duties(replace(built, store=store), 30.0) if duty.__name__ == "retry")
    ended_at = datetime.now(UTC) - timedelta(days=2)
    for name in ("on", "off"):
        transfer = TransferRequest(
            name, JobId(name), StudyUid("1.2"), "orthanc", "dcm4chee", f"rule:{name}", "stow"
        )
        store.transfers.request(transfer)
        store.transfers.end(name, TransferState.FAILED)
    with store.transfers._sessions.begin() as session:
        session.execute(update(TransferRow).values(ended_at=ended_at))
    retry()
    built.close()
    states = {one.transfer_id: one.state for one in store.transfers.transfers()[0]}
    assert states == {"on": TransferState.QUEUED, "off": TransferState.FAILED}
