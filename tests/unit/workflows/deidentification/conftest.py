"""A study in a fake Orthanc, and the steps of its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.workflows import deidentification_workflows
from tests.unit.workflows.deidentification.steps import RecordingSteps
from tests.unit.workflows.deidentified import Rig, new_rig

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> RecordingSteps:
    steps = RecordingSteps()
    monkeypatch.setattr(deidentification_workflows, "run_step", steps)
    return steps


@pytest.fixture
def rig(services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps) -> Rig:
    return new_rig(services, orthanc, steps)
