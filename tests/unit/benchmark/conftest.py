"""Both archives in memory, and a run that measures them quickly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark import interface, site
from orthanc_plugins.benchmark.plan import Question, new_plan
from orthanc_plugins.benchmark.run import Run
from tests.unit.benchmark.doubles import ArchiveDouble, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.benchmark.targets import Target

SCALE = 0.005


@pytest.fixture(autouse=True)
def _little_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(site, "EDGE", 64)


@pytest.fixture
def orthanc() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.ORTHANC)) as double:
        yield double


@pytest.fixture
def dcm4chee() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.DCM4CHEE)) as double:
        yield double


@pytest.fixture
def targets(orthanc: ArchiveDouble, dcm4chee: ArchiveDouble) -> Mapping[ArchiveName, Target]:
    return {ArchiveName.ORTHANC: orthanc.target, ArchiveName.DCM4CHEE: dcm4chee.target}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make_run(
    targets: Mapping[ArchiveName, Target], tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """Make a run of one round over little data; the client alone is measured where that is asked for."""

    def make(
        *questions: Question,
        rounds: int = 1,
        check: Callable[[], None] = lambda: None,
        seed: int = 1,
        alone: bool = False,
    ) -> Run:
        if not alone:
            monkeypatch.setattr(Run, "_measure_client", lambda *_: None)
        plan = new_plan(scale=SCALE, rounds=rounds, seed=seed, questions=questions)
        return Run(plan, targets, tmp_path, said.append, check)

    return make
