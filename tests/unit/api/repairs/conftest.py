"""Two archives in memory whose copies of a study may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.workflows import compared_copies, repair_jobs
from tests.fakes import MemoryArchive
from tests.unit.api.conftest import Client
from tests.unit.api.repairs.worked import WorkedQueue
from tests.unit.workflows.repaired import DurableSteps, World, new_world

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services


@pytest.fixture
def queue() -> WorkedQueue:
    return WorkedQueue()


@pytest.fixture
def world(services: Services, queue: WorkedQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    steps = DurableSteps()
    monkeypatch.setattr(repair_jobs, "run_step", steps)
    monkeypatch.setattr(repair_jobs, "WAITS_S", ())
    monkeypatch.setattr(compared_copies, "write_reports", lambda *_: None)
    archives = [MemoryArchive(name, overwrites=True) for name in ArchiveName]
    made = new_world(services, tmp_path, steps, *archives)
    queue.services, queue.engine = made.services, steps
    made.fill()
    return made


@pytest.fixture
def client(world: World) -> Client:
    return Client(create_app(world.services))
