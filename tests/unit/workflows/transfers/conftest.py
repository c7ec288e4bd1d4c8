"""A transfer of the ledger between two archives in memory, whose clock the test sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.store import TransferRequest
from orthanc_plugins.transfers import Limiter, ask_for_transfer
from orthanc_plugins.workflows import transfer_study
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.fakes import MemoryArchive

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord
    from tests.fakes import MemoryQueue

STUDY = StudyUid("1.2")
UIDS = [f"1.2.1.{number}" for number in range(5)]


class World:
    """Two archives, the ledger, and a clock that the test sets."""

    def __init__(self, services: Services, queue: MemoryQueue) -> None:
        self.left = MemoryArchive(ArchiveName.ORTHANC)
        self.right = MemoryArchive()
        self.archives: dict[ArchiveName, Any] = {
            ArchiveName.ORTHANC: self.left,
            ArchiveName.DCM4CHEE: self.right,
        }
        self.services = replace(services, archives=self.archives)
        self.transfers = services.store.transfers
        self.queue = queue
        self.now = datetime.now(UTC)
        self.seconds = 0.0
        for uid in UIDS:
            self.left.put(uid)

    def ask(self, transfer_id: str = "t", **options: Any) -> TransferRecord:
        request = TransferRequest(
            transfer_id,
            transfer_job_id(transfer_id),
            STUDY,
            options.pop("source", "orthanc"),
            options.pop("destination", "dcm4chee"),
            "request",
            "stow",
            **options,
        )
        return ask_for_transfer(self.transfers, self.queue, request)

    def run(self, transfer_id: str = "t", holder: str = "worker") -> dict[str, Any]:
        job_id = transfer_job_id(transfer_id)
        self.queue.start(job_id)
        limiter = Limiter(None, lambda: self.seconds, self._sleep)
        step = StudyTransfer(
            self.services, limiter, clock=lambda: self.seconds, sleep=self._sleep, now=lambda: self.now
        )
        return dict(step.run(job_id, holder, transfer_id))

    def record(self, transfer_id: str = "t") -> TransferRecord:
        found = self.transfers.transfer(transfer_id)
        assert found is not None
        return found

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


def go_on_for(world: World, time: timedelta) -> None:
    """Let the transfer be tried whenever it is due, for so long, and wait again each time."""
    until = world.now + time
    while True:
        assert world.run()["outcome"] == "waiting"
        due = world.record().not_before
        assert due is not None
        if due >= until:
            return
        world.now = due


@pytest.fixture
def world(services: Services, queue: MemoryQueue) -> World:
    return World(services, queue)


@pytest.fixture
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives are tried some times a day, so that days are soon over."""
    monkeypatch.setattr(transfer_study, "LONGEST_WAIT", timedelta(hours=8))
    monkeypatch.setattr(transfer_study, "COUNTED_AT_MOST", timedelta(hours=16))
