"""Two archives in memory that hold the same study, and the steps of a repair that end as durable ones do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.workflows import compared_copies, repair_jobs
from tests.fakes import MemoryArchive
from tests.unit.workflows.repaired import DeletingArchive, DurableSteps, World, new_world

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> DurableSteps:
    steps = DurableSteps()
    monkeypatch.setattr(repair_jobs, "run_step", steps)
    monkeypatch.setattr(repair_jobs, "WAITS_S", ())
    monkeypatch.setattr(compared_copies, "write_reports", lambda *_: None)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return steps


@pytest.fixture
def world(services: Services, tmp_path: Path, steps: DurableSteps) -> World:
    """Two archives that both let their copies be replaced, with the same three images in each."""
    orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
    dcm4chee = MemoryArchive(ArchiveName.DCM4CHEE, overwrites=True)
    made = new_world(services, tmp_path, steps, orthanc, dcm4chee)
    made.fill()
    return made
